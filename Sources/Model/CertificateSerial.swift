/// Serial numbers as text: lower-case hex without colons and leading zeros, so that what people copy from a tool matches what a certificate says.
public enum CertificateSerial {
    /// The text of a serial number.
    public static func text(_ bytes: some Sequence<UInt8>) -> String {
        let digits = bytes.flatMap { byte in [byte >> 4, byte & 0xF] }.drop { $0 == 0 }
        if digits.isEmpty { return "0" }
        return String(decoding: digits.map { $0 < 10 ? $0 + UInt8(ascii: "0") : $0 - 10 + UInt8(ascii: "a") }, as: UTF8.self)
    }

    /// The serial number that `text` means; nil when it is none. `0A:1B`, `0a1b` and `A1B` mean the same.
    public static func normalized(_ text: String) -> String? {
        var digits: [UInt8] = []
        for byte in text.utf8 where byte != UInt8(ascii: ":") {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): digits.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digits.append(byte | 0x20)
            default: return nil
            }
        }
        if digits.isEmpty { return nil }
        let significant = digits.drop { $0 == UInt8(ascii: "0") }
        return significant.isEmpty ? "0" : String(decoding: significant, as: UTF8.self)
    }
}
