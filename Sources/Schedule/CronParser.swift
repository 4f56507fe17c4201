/// Text that is not a cron expression: what is wrong, where, and what is allowed.
public struct CronError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and what is allowed there.
    public var message: String
    /// nil when the text as a whole is wrong.
    public var field: CronField?
    /// Byte offset in the text; everything before it is ASCII, so it counts characters too.
    public var offset: Int

    /// - Parameter offset: in bytes, of the first character that is wrong.
    public init(_ message: String, field: CronField? = nil, offset: Int) {
        self.message = message
        self.field = field
        self.offset = offset
    }
    /// The field, what is wrong, and the character's number from 1 on.
    public var description: String {
        let place = self.field.map { "the \($0.rawValue) field: " } ?? ""
        return "\(place)\(self.message) (at character \(self.offset + 1))"
    }
}

/// The syntax: five fields between spaces or tabs. A field is a list (`1,15,30`) of numbers, ranges (`8-18`), and ranges with a step (`8-18/2`; `5/15` is
/// 5 to the end by 15), or a wildcard that stands alone: `*`, `*/n`, and in the two day fields `?`, which says the same as `*`. Months and weekdays have
/// three-letter names in any case. A range may run over the end: `FRI-MON`, `22-6`. `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`,
/// `@midnight` and `@hourly` are short for what they say.
extension CronExpression {
    /// Longest text, in bytes: every value of every field listed by number is shorter.
    public static var maximumLength: Int { 512 }

    /// - Throws: ``CronError`` with the place of the first mistake.
    public init(parsing text: String) throws(CronError) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maximumLength else {
            throw CronError("the expression is longer than \(Self.maximumLength) bytes", offset: Self.maximumLength)
        }
        var fields: [Range<Int>] = []
        var index = 0
        while index < bytes.count {
            let start = index
            while index < bytes.count, !Self.isSpace(bytes[index]) { index += 1 }
            if index > start { fields.append(start..<index) }
            while index < bytes.count, Self.isSpace(bytes[index]) { index += 1 }
        }
        guard let first = fields.first else { throw CronError("the expression is empty; write five fields such as 0 8 * * MON-FRI", offset: 0) }
        if bytes[first.lowerBound] == UInt8(ascii: "@") {
            self = try Self.abbreviation(bytes, fields)
        } else {
            self = try Self.fiveFields(bytes, fields)
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func abbreviation(_ bytes: [UInt8], _ fields: [Range<Int>]) throws(CronError) -> CronExpression {
        if fields.count > 1 { throw CronError("nothing may follow an abbreviation such as @daily", offset: fields[1].lowerBound) }
        let word = String(decoding: bytes[fields[0]], as: UTF8.self).lowercased()
        switch word {
        case "@yearly", "@annually": return try CronExpression(parsing: "0 0 1 1 *")
        case "@monthly": return try CronExpression(parsing: "0 0 1 * *")
        case "@weekly": return try CronExpression(parsing: "0 0 * * 0")
        case "@daily", "@midnight": return try CronExpression(parsing: "0 0 * * *")
        case "@hourly": return try CronExpression(parsing: "0 * * * *")
        default:
            throw CronError(
                "there is no abbreviation “\(word)”; known are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly",
                offset: fields[0].lowerBound)
        }
    }

    private static func fiveFields(_ bytes: [UInt8], _ fields: [Range<Int>]) throws(CronError) -> CronExpression {
        if bytes[fields[0]].contains(UInt8(ascii: "=")) {
            throw CronError("the time zone is not part of the expression; write it in timeZone", offset: fields[0].lowerBound)
        }
        guard fields.count == 5 else {
            let order = "five are minute, hour, day of month, month and day of week"
            let hint = fields.count == 6 ? "; a field for seconds or years is not supported" : ""
            let offset = fields.count > 5 ? fields[5].lowerBound : bytes.count
            throw CronError("there \(fields.count == 1 ? "is 1 field" : "are \(fields.count) fields"); \(order)\(hint)", offset: offset)
        }
        var masks: [UInt64] = []
        var wildcards: Wildcards = []
        for (field, range) in zip(CronField.allCases, fields) {
            var parser = CronFieldParser(field: field, bytes: bytes, index: range.lowerBound, end: range.upperBound)
            let values = try parser.values()
            masks.append(values.mask)
            // In the day fields “every second day” is a restriction; in minute and hour it is a rhythm like “every minute”.
            switch field {
            case .minute where values.isWildcard: wildcards.insert(.minute)
            case .hour where values.isWildcard: wildcards.insert(.hour)
            case .dayOfMonth where values.isWildcard && values.step == 1: wildcards.insert(.dayOfMonth)
            case .dayOfWeek where values.isWildcard && values.step == 1: wildcards.insert(.dayOfWeek)
            default: break
            }
        }
        return CronExpression(
            minutes: masks[0], hours: UInt32(truncatingIfNeeded: masks[1]), daysOfMonth: UInt32(truncatingIfNeeded: masks[2]),
            months: UInt16(truncatingIfNeeded: masks[3]), daysOfWeek: UInt8(truncatingIfNeeded: masks[4]), wildcards: wildcards)
    }
}

/// Reads one field.
private struct CronFieldParser {
    let field: CronField
    let bytes: [UInt8]
    var index: Int
    let end: Int

    struct Values {
        var mask: UInt64
        var isWildcard = false
        var step = 1
    }

    private var next: UInt8? { self.index < self.end ? self.bytes[self.index] : nil }
    /// How many values the field has; a range that runs over the end goes on with the first.
    private var count: Int { self.field.range.count }

    private func error(_ message: String, at offset: Int) -> CronError { CronError(message, field: self.field, offset: offset) }

    mutating func values() throws(CronError) -> Values {
        let start = self.index
        if self.next == UInt8(ascii: "*") || self.next == UInt8(ascii: "?") { return try self.wildcard(start) }
        var mask: UInt64 = 0
        repeat { mask |= try self.element() } while self.take(",")
        guard self.index == self.end else { throw self.unexpected() }
        return Values(mask: mask)
    }

    private mutating func take(_ symbol: Unicode.Scalar) -> Bool {
        guard self.next == UInt8(ascii: symbol) else { return false }
        self.index += 1
        return true
    }

    private mutating func wildcard(_ start: Int) throws(CronError) -> Values {
        if self.next == UInt8(ascii: "?"), self.field != .dayOfMonth, self.field != .dayOfWeek {
            throw self.error("“?” stands only in the two day fields; write “*”", at: start)
        }
        self.index += 1
        let step = self.take("/") ? try self.step() : 1
        guard self.index == self.end else {
            if self.next == UInt8(ascii: ",") || self.next == UInt8(ascii: "-") {
                throw self.error("a wildcard stands alone in its field; list values and ranges instead", at: self.index)
            }
            throw self.unexpected()
        }
        return Values(mask: self.mask(from: self.field.range.lowerBound, through: self.field.range.upperBound, step: step), isWildcard: true, step: step)
    }

    /// One number, range or range with a step.
    private mutating func element() throws(CronError) -> UInt64 {
        var first = try self.value()
        var last = first
        let isRange = self.take("-")
        if isRange { last = try self.value() }
        var step = 1
        if self.take("/") {
            step = try self.step()
            if !isRange { last = self.field.range.upperBound }
        }
        if self.field == .dayOfWeek {
            // 7 is the Sunday behind Saturday; alone or in front of a range it is the Sunday before Monday.
            if first == 7 { (first, last) = (0, last == 7 ? 0 : last) }
        }
        if last < first { last += self.count }
        return self.mask(from: first, through: last, step: step)
    }

    private func mask(from first: Int, through last: Int, step: Int) -> UInt64 {
        var mask: UInt64 = 0
        for value in stride(from: first, through: last, by: step) {
            mask |= 1 << UInt64((value - self.field.range.lowerBound) % self.count + self.field.range.lowerBound)
        }
        return mask
    }

    private mutating func value() throws(CronError) -> Int {
        let start = self.index
        let allowed = "; allowed are \(self.field.allowed)"
        if let number = try self.number() {
            let highest = self.field == .dayOfWeek ? 7 : self.field.range.upperBound
            guard (self.field.range.lowerBound...highest).contains(number) else { throw self.error("\(number) is out of range\(allowed)", at: start) }
            try self.refuseExtensions()
            return number
        }
        while let byte = self.next, Self.isLetter(byte) { self.index += 1 }
        guard self.index > start else { throw self.unexpected() }
        let word = String(decoding: self.bytes[start..<self.index], as: UTF8.self)
        guard let position = self.field.names.firstIndex(of: word.uppercased()) else {
            if ["L", "W", "LW", "R", "H"].contains(word.uppercased()) { throw self.unsupported(word, at: start) }
            throw self.error("“\(word)” is not known here\(allowed)", at: start)
        }
        try self.refuseExtensions()
        return self.field.range.lowerBound + position
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    /// nil when there is no digit.
    private mutating func number() throws(CronError) -> Int? {
        let start = self.index
        var value = 0
        while let byte = self.next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            guard self.index - start < 4 else { throw self.error("a number of that size is out of range; allowed are \(self.field.allowed)", at: start) }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            self.index += 1
        }
        return self.index > start ? value : nil
    }

    private mutating func step() throws(CronError) -> Int {
        let start = self.index
        let allowed = "a step is 1 to \(self.count - 1) here"
        guard let number = try self.number() else { throw self.error("a number is missing behind “/”; \(allowed)", at: start) }
        guard (1..<self.count).contains(number) else { throw self.error("a step of \(number) makes no sense; \(allowed)", at: start) }
        return number
    }

    private func refuseExtensions() throws(CronError) {
        guard let byte = self.next else { return }
        if byte == UInt8(ascii: "#") || Self.isLetter(byte) {
            throw self.unsupported(String(decoding: [byte], as: UTF8.self), at: self.index)
        }
    }

    private func unsupported(_ word: String, at offset: Int) -> CronError {
        self.error("“\(word)” is an extension of other schedulers that is not supported; allowed are \(self.field.allowed)", at: offset)
    }

    private func unexpected() -> CronError {
        guard self.index < self.end else { return self.error("a value is missing; allowed are \(self.field.allowed)", at: self.index) }
        let found = String(decoding: self.bytes[self.index..<self.end], as: UTF8.self).first.map(String.init) ?? ""
        return self.error("unexpected “\(found)”; allowed are \(self.field.allowed), lists (1,2), ranges (1-2) and steps (*/2)", at: self.index)
    }
}
