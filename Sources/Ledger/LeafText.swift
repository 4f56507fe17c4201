import Model

/// Brings values into what a leaf may hold: bounded strings, exact numbers, attachments of a bounded size.
///
/// It notes in ``truncated`` whether anything was left out.
struct LeafText {
    private(set) var truncated = false

    /// An identifier; too long a one keeps its start and ends in its hash, so that two different ones stay different.
    mutating func identifier(_ text: String) -> String {
        let clean = Self.withoutNUL(text)
        guard Self.encodedCount(clean) > LeafFormat.maximumIdentifierBytes else { return clean }
        self.truncated = true
        let hash = "…sha256:" + TreeHash.sha256(Array(clean.utf8)).hex
        return Self.prefix(of: clean, encodedBytes: LeafFormat.maximumIdentifierBytes - hash.utf8.count) + hash
    }

    /// Free text; too long a one keeps its start.
    mutating func text(_ text: String) -> String {
        let clean = Self.withoutNUL(text)
        guard Self.encodedCount(clean) > LeafFormat.maximumTextBytes else { return clean }
        self.truncated = true
        return Self.prefix(of: clean, encodedBytes: LeafFormat.maximumTextBytes - "…".utf8.count) + "…"
    }

    mutating func reverts(_ seqs: [Int64]) -> [Int64] {
        guard seqs.count > LeafFormat.maximumReverts else { return seqs }
        self.truncated = true
        return Array(seqs.prefix(LeafFormat.maximumReverts))
    }

    /// A document of the caller's with exact numbers, or a reference to it when it is too large or too deep.
    mutating func attachment(_ value: JSON) -> (value: JSON, bytes: Int) {
        let exact = Self.exact(value)
        let bytes = exact.canonical()
        guard bytes.count > LeafFormat.maximumAttachmentBytes || Self.depth(exact) > LeafFormat.maximumAttachmentDepth else {
            return (exact, bytes.count)
        }
        self.truncated = true
        let reference = Self.reference(bytes)
        return (reference, reference.canonical().count)
    }

    /// Stands for bytes that the leaf leaves out.
    static func reference(_ bytes: [UInt8]) -> JSON {
        ["sha256": .string(TreeHash.sha256(bytes).hex), "bytes": .int(Int64(bytes.count))]
    }

    /// An integer of the schema's own, brought into the range that every reader reads exactly.
    static func integer(_ value: Int64) -> JSON {
        .int(min(max(value, -LeafFormat.maximumInteger), LeafFormat.maximumInteger))
    }

    /// `value` without numbers that readers could read differently: those become decimal strings.
    static func exact(_ value: JSON) -> JSON {
        switch value {
        case .null, .bool, .string: value
        case .int(let number): number.magnitude <= UInt64(LeafFormat.maximumInteger) ? value : .string(String(number))
        case .double(let number) where number.isFinite: .string(JSON.double(number).text)
        case .double(let number): .string(number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")
        case .array(let values): .array(values.map(Self.exact))
        case .object(let fields): .object(fields.mapValues(Self.exact))
        }
    }

    static func depth(_ value: JSON) -> Int {
        switch value {
        case .array(let values): 1 + (values.map(Self.depth).max() ?? 0)
        case .object(let fields): 1 + (fields.values.map(Self.depth).max() ?? 0)
        default: 0
        }
    }

    /// Columns beside the leaf hold the same text, and text columns can't hold NUL.
    private static func withoutNUL(_ text: String) -> String {
        guard text.utf8.contains(0) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 }))
    }

    /// The length of `text` in canonical JSON, quotes not counted.
    private static func encodedCount(_ text: String) -> Int {
        text.utf8.reduce(0) { $0 + Self.encodedCount(of: $1) }
    }

    private static func encodedCount(of byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0x08, 0x09, 0x0A, 0x0C, 0x0D: 2
        case 0..<0x20: 6
        default: 1
        }
    }

    /// The longest start of `text`, in whole Unicode scalars, that takes at most `encodedBytes` in canonical JSON.
    private static func prefix(of text: String, encodedBytes: Int) -> String {
        var left = encodedBytes
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let size = scalar.utf8.reduce(0) { $0 + Self.encodedCount(of: $1) }
            guard size <= left else { break }
            left -= size
            scalars.append(scalar)
        }
        return String(scalars)
    }
}
