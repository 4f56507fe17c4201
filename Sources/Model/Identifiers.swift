/// One service in one region: the unit that is scaled. Written `service/region`.
public struct WorkloadID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// A service's name.
    public var service: String
    /// A region's name.
    public var region: String

    public init(service: String, region: String) {
        self.service = service
        self.region = region
    }

    /// Reads `service/region`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(service: String(parts[0]), region: String(parts[1]))
    }

    public var description: String { "\(self.service)/\(self.region)" }

    public static func < (left: WorkloadID, right: WorkloadID) -> Bool {
        left.service == right.service ? left.region < right.region : left.service < right.service
    }
}

/// The fencing token of a term: rises with every leader of a shard, never repeats.
public struct Epoch: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// As a number.
    public var value: Int64
    public init(_ value: Int64) { self.value = value }
    public static func < (left: Epoch, right: Epoch) -> Bool { left.value < right.value }
    public var description: String { String(self.value) }
}

/// What a manifest may be named: it appears in paths, environment variables and `service/region`.
public enum ManifestName {
    /// Longest name: it must fit a DNS label, which is what most platforms ask of it.
    public static let maximumLength = 63

    /// Why `name` can't be a name, in words; nil when it can: lower-case letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
    public static func objection(to name: String) -> String? {
        if name.isEmpty { return "a name is empty" }
        if name.utf8.count > Self.maximumLength { return "the name “\(name)” is longer than \(Self.maximumLength) characters" }
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        let bytes = Array(name.utf8)
        let inner = bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") }
        guard inner, isAlphanumeric(bytes[0]), isAlphanumeric(bytes[bytes.count - 1]) else {
            return "the name “\(name)” may hold lower-case letters, digits, “-”, “_” and “.” only, with a letter or digit at both ends"
        }
        return nil
    }
}
