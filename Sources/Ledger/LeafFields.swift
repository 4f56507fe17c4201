/// What the verifier needs of a leaf, read straight from its bytes.
struct LeafFields {
    private(set) var reader: CanonicalReader
    private var texts = [CanonicalReader.Text](repeating: .none, count: LeafSchema.Slot.allCases.count)
    private var present: UInt32 = 0
    private(set) var seq: Int64 = 0
    private(set) var nseq: Int64 = 0
    private(set) var epoch: Int64 = 0
    /// nil when this version does not know the type.
    private(set) var type: EventType?
    private(set) var id: UInt128 = 0
    private(set) var reverts: [Int64] = []
    /// The first thing in the leaf that this version does not know.
    private(set) var unknown: String?

    /// - Throws: ``LeafFault`` when the bytes are not canonical or lack what every leaf has.
    init(_ leaf: [UInt8]) throws(LeafFault) {
        self.reader = CanonicalReader(leaf)
        // The reader moves on while values are put down here, so it can't be borrowed from `self` meanwhile.
        var reader = self.reader
        try self.object(LeafSchema.v1, &reader, depth: 0)
        try reader.end()
    }

    /// The value of `schema` when the leaf is canonical JSON of another schema than ours; nil otherwise.
    static func foreignSchema(of leaf: [UInt8]) -> String? {
        var reader = CanonicalReader(leaf)
        var schema: String?
        do throws(LeafFault) {
            try reader.members(depth: 0) { (reader, key) throws(LeafFault) in
                let isSchema = reader.equals(key, "schema") && reader.next == UInt8(ascii: "\"")
                if isSchema {
                    let text = try reader.string()
                    schema = String(decoding: reader.unescaped(text), as: UTF8.self)
                } else {
                    try reader.value(depth: 1)
                }
            }
            try reader.end()
        } catch {
            return nil
        }
        return schema == LeafFormat.schema ? nil : schema
    }

    /// The bytes of a text field as they stand in the leaf, escapes included.
    func raw(_ slot: LeafSchema.Slot) -> ArraySlice<UInt8> {
        self.reader.bytes[self.texts[slot.rawValue].range]
    }

    func has(_ slot: LeafSchema.Slot) -> Bool { self.present & (1 << UInt32(slot.rawValue)) != 0 }

    func equals(_ slot: LeafSchema.Slot, _ column: String) -> Bool {
        self.has(slot) && self.reader.equals(self.texts[slot.rawValue], column)
    }

    // MARK: Reading by the schema

    private mutating func object(
        _ fields: [LeafSchema.Field], _ reader: inout CanonicalReader, depth: Int
    ) throws(LeafFault) {
        var index = 0
        try reader.members(depth: depth) { (reader, key) throws(LeafFault) in
            let name = Word(reader.bytes[key.range])
            while index < fields.count, fields[index].name < name {
                if fields[index].required { throw Self.missing(fields[index], reader) }
                index += 1
            }
            if index < fields.count, !key.escaped, fields[index].name == name {
                try self.field(fields[index], &reader, depth: depth + 1)
                index += 1
            } else {
                self.note("the field “\(name)”")
                try reader.value(depth: depth + 1)
            }
        }
        while index < fields.count {
            if fields[index].required { throw Self.missing(fields[index], reader) }
            index += 1
        }
    }

    private static func missing(_ field: LeafSchema.Field, _ reader: CanonicalReader) -> LeafFault {
        reader.fault("lacks the field “\(field.name)”")
    }

    private mutating func note(_ unknown: String) {
        if self.unknown == nil { self.unknown = unknown }
    }

    private mutating func field(
        _ field: LeafSchema.Field, _ reader: inout CanonicalReader, depth: Int
    ) throws(LeafFault) {
        switch field.shape {
        case .object(let fields): try self.object(fields, &reader, depth: depth)
        case .document: try reader.value(depth: depth)
        case .yes: try reader.literal("true")
        case .integer(let range):
            let value = try reader.integer()
            guard range.contains(value) else { throw Self.wrong(field, reader) }
            self.keep(value, in: field.slot)
        case .seqs:
            try reader.elements(depth: depth) { (reader) throws(LeafFault) in self.reverts.append(try reader.integer()) }
        case .text: self.keep(try reader.string(), in: field.slot)
        case .time, .uuid, .digits:
            let text = try reader.string()
            guard self.isWellFormed(text, field, reader) else { throw Self.wrong(field, reader) }
            self.keep(text, in: field.slot)
        case .choice(let words):
            let text = try reader.string()
            self.keep(text, in: field.slot)
            let word = Word(reader.bytes[text.range])
            guard let index = words.firstIndex(of: word) else {
                self.note("“\(word)” as “\(field.name)”")
                return
            }
            if field.slot == .type { self.type = EventType.allCases[index] }
        }
    }

    private static func wrong(_ field: LeafSchema.Field, _ reader: CanonicalReader) -> LeafFault {
        reader.fault("has an impossible value in the field “\(field.name)”")
    }

    private mutating func isWellFormed(_ text: CanonicalReader.Text, _ field: LeafSchema.Field, _ reader: CanonicalReader) -> Bool {
        let bytes = reader.bytes[text.range]
        switch field.shape {
        case .time: return LeafTime.isWellFormed(bytes)
        case .uuid:
            guard let id = UUIDText.value(of: bytes) else { return false }
            self.id = id
        default:
            guard let epoch = LeafTime.digits(bytes) else { return false }
            self.epoch = epoch
        }
        return true
    }

    private mutating func keep(_ value: Int64, in slot: LeafSchema.Slot?) {
        switch slot {
        case .seq: self.seq = value
        case .nseq: self.nseq = value
        default: break
        }
    }

    private mutating func keep(_ text: CanonicalReader.Text, in slot: LeafSchema.Slot?) {
        guard let slot else { return }
        self.texts[slot.rawValue] = text
        self.present |= 1 << UInt32(slot.rawValue)
    }
}

/// The two kinds of numbers that leaves write as text.
enum LeafTime {
    /// `2026-05-28T03:12:04.120000Z`: one way to write each microsecond. Leaves hold no leap second.
    static func isWellFormed(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count == 27 else { return false }
        let start = bytes.startIndex
        func separator(_ byte: Unicode.Scalar, at offset: Int) -> Bool { bytes[start + offset] == UInt8(ascii: byte) }
        func number(_ range: Range<Int>) -> Int {
            var value = 0
            for offset in range {
                let byte = bytes[start + offset]
                // A single stray byte makes the number larger than all limits below.
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return Int.max }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard separator("-", at: 4), separator("-", at: 7), separator("T", at: 10), separator(":", at: 13), separator(":", at: 16),
            separator(".", at: 19), separator("Z", at: 26)
        else { return false }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        guard year <= 9999, (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year) else { return false }
        return number(11..<13) < 24 && number(14..<16) < 60 && number(17..<19) < 60 && number(20..<26) < 1_000_000
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// A non-negative integer without leading zeros.
    static func digits(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard let first = bytes.first, bytes.count == 1 || first != UInt8(ascii: "0") else { return nil }
        var value: Int64 = 0
        for byte in bytes {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = shifted.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            guard !overflow, !sumOverflow else { return nil }
            value = sum
        }
        return value
    }
}
