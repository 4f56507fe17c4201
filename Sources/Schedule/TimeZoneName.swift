/// What a time zone may be called: the name is a path below a zoneinfo directory, and comes from whoever writes manifests.
public enum TimeZoneName {
    /// Longest name, in bytes; the tz database's longest has about half of it.
    public static let maximumLength = 64

    /// Why `name` can't be a time zone's name, in words; nil when it can. Whether there is such a zone only a directory can tell.
    public static func objection(to name: String) -> String? {
        if name.isEmpty { return "a time zone's name is empty; write one such as Europe/Berlin or UTC" }
        if name.utf8.count > Self.maximumLength { return "the time zone's name is longer than \(Self.maximumLength) bytes" }
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in part.first.map(Self.isLetter) == true && part.allSatisfy(Self.isInner) }
        guard isPlain else { return "“\(name)” can't be a time zone; write a name such as Europe/Berlin or UTC" }
        if parts.count > 1, ["posix", "right"].contains(where: { parts[0].elementsEqual($0.utf8) }) {
            return "“\(name)” is a variant of a time zone; write its plain name, as in Europe/Berlin"
        }
        if ["localtime", "posixrules"].contains(name) { return "“\(name)” means another zone on each machine; write a name such as Europe/Berlin" }
        return nil
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }
    private static func isInner(_ byte: UInt8) -> Bool {
        Self.isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "+-_".utf8.contains(byte)
    }
}
