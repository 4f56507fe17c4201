import Model

/// A statement that asks for numbers about workloads, parsed once.
///
/// `:service` and `:region` in it are bound as parameters, never pasted: a statement that names one is run once for
/// each value of it. Its columns `service` and `region`, where it has them, say for which workload a row is;
/// `sampled_at` (timestamptz) says when it was measured; `value`, or the only other column, is the number.
public struct SQLQuery: Sendable, Hashable {
    /// What a statement can ask for.
    public enum Parameter: String, Sendable, Hashable, CaseIterable {
        case service, region

        func value(for workload: WorkloadID) -> String {
            switch self {
            case .service: workload.service
            case .region: workload.region
            }
        }
    }

    /// As it was written.
    public let text: String
    /// With `$1`, `$2` in place of the names.
    public let sql: String
    /// What `$1`, `$2` stand for.
    public let parameters: [Parameter]

    /// Longest statement, in bytes; longer ones are programs, not questions.
    public static let maximumLength = 64 * 1024

    /// - Throws: ``SQLQueryError`` that says where and what to write instead.
    public init(parsing text: String) throws(SQLQueryError) {
        var lexer = SQLLexer(text)
        try lexer.run()
        self.text = text
        self.sql = String(decoding: lexer.output, as: UTF8.self)
        self.parameters = lexer.parameters
    }
}

/// Why a text is no statement for a source.
public struct SQLQueryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// 1-based.
    public var line: Int
    /// What is wrong there, and what to write instead.
    public var message: String

    /// The line and what is wrong there; the policy's own place is put in front by whoever reports it.
    public var description: String { "line \(self.line): \(self.message)" }
}

/// Finds the names to bind in a statement, and only where the server would see them: not in strings, quoted
/// identifiers, dollar quotes or comments, and not in `::` or `:=`. Everything else is left as it is for the server to
/// judge.
struct SQLLexer {
    private let bytes: [UInt8]
    private var position = 0
    private(set) var output: [UInt8] = []
    private(set) var parameters: [SQLQuery.Parameter] = []
    /// The first word was seen.
    private var started = false
    /// A `;` was seen: nothing may follow.
    private var ended = false
    /// Inside `[…]`, where a colon may separate the bounds of a slice.
    private var brackets = 0

    /// What can begin a statement that reads; `begin`, `set` and the like would change the session for the next
    /// statement.
    private static let readingWords: Set<String> = ["select", "with", "values", "table"]

    init(_ text: String) {
        self.bytes = Array(text.utf8)
        self.output.reserveCapacity(self.bytes.count + 16)
    }

    mutating func run() throws(SQLQueryError) {
        guard self.bytes.count <= SQLQuery.maximumLength else {
            throw self.error(
                "the statement has more than \(SQLQuery.maximumLength) bytes: put it into a view and select from that",
                at: 0)
        }
        while self.position < self.bytes.count { try self.step() }
        guard self.started else { throw self.error("the statement is empty", at: 0) }
    }

    private func byte(_ offset: Int = 0) -> UInt8? {
        let index = self.position + offset
        return index < self.bytes.count ? self.bytes[index] : nil
    }

    private func error(_ message: String, at position: Int) -> SQLQueryError {
        SQLQueryError(line: 1 + self.bytes[..<position].count { $0 == UInt8(ascii: "\n") }, message: message)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func startsWord(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_") || byte >= 0x80
    }
    private static func continuesWord(_ byte: UInt8) -> Bool {
        Self.startsWord(byte) || Self.isDigit(byte) || byte == UInt8(ascii: "$")
    }

    private mutating func copy(to end: Int) {
        self.output.append(contentsOf: self.bytes[self.position..<end])
        self.position = end
    }

    private mutating func step() throws(SQLQueryError) {
        let start = self.position
        let current = self.bytes[start]
        if Self.isSpace(current) { return self.copy(to: start + 1) }
        switch (current, self.byte(1)) {
        case (UInt8(ascii: "-"), UInt8(ascii: "-")):
            return self.copy(to: self.bytes[start...].firstIndex(of: 0x0A) ?? self.bytes.count)
        case (UInt8(ascii: "/"), UInt8(ascii: "*")): return try self.comment()
        case (0, _): throw self.error("the statement holds a NUL character", at: start)
        default: break
        }
        if self.ended {
            throw self.error("there is a second statement after “;”: a source runs one statement", at: start)
        }
        if Self.startsWord(current) { return try self.word() }
        if !self.started, current != UInt8(ascii: "(") { throw self.mustRead(at: start) }
        switch current {
        case UInt8(ascii: "'"): try self.quoted(by: current, escapes: false, "string")
        case UInt8(ascii: "\""): try self.quoted(by: current, escapes: false, "quoted name")
        case UInt8(ascii: "$"): try self.dollar()
        case UInt8(ascii: ":"): try self.colon()
        case UInt8(ascii: ";"):
            self.ended = true
            self.position += 1
        default:
            if current == UInt8(ascii: "[") { self.brackets += 1 }
            if current == UInt8(ascii: "]") { self.brackets -= 1 }
            self.copy(to: Self.isDigit(current) ? self.end(of: Self.continuesWord) : start + 1)
        }
    }

    private func end(of belongs: (UInt8) -> Bool) -> Int {
        self.bytes[self.position...].firstIndex { !belongs($0) } ?? self.bytes.count
    }

    private func mustRead(at position: Int) -> SQLQueryError {
        self.error("a source only reads: begin the statement with SELECT, WITH, VALUES or TABLE", at: position)
    }

    private mutating func word() throws(SQLQueryError) {
        let start = self.position
        let end = self.end(of: Self.continuesWord)
        let word = String(decoding: self.bytes[start..<end], as: UTF8.self).lowercased()
        if !self.started {
            guard Self.readingWords.contains(word) else { throw self.mustRead(at: start) }
            self.started = true
        }
        self.copy(to: end)
        // E'…' is the one kind of string in which a backslash escapes a quote.
        if word == "e", self.byte() == UInt8(ascii: "'") {
            try self.quoted(by: UInt8(ascii: "'"), escapes: true, "string")
        }
    }

    private mutating func quoted(by quote: UInt8, escapes: Bool, _ name: String) throws(SQLQueryError) {
        var index = self.position + 1
        while index < self.bytes.count {
            if escapes, self.bytes[index] == UInt8(ascii: "\\") {
                index += 2
            } else if self.bytes[index] == quote {
                guard index + 1 < self.bytes.count, self.bytes[index + 1] == quote else {
                    return self.copy(to: index + 1)
                }
                index += 2
            } else {
                index += 1
            }
        }
        throw self.error("a \(name) that begins here does not end", at: self.position)
    }

    private mutating func comment() throws(SQLQueryError) {
        var depth = 0
        var index = self.position
        while index + 1 < self.bytes.count {
            switch (self.bytes[index], self.bytes[index + 1]) {
            case (UInt8(ascii: "/"), UInt8(ascii: "*")):
                depth += 1
                index += 2
            case (UInt8(ascii: "*"), UInt8(ascii: "/")):
                depth -= 1
                index += 2
                if depth == 0 { return self.copy(to: index) }
            default: index += 1
            }
        }
        throw self.error("a comment that begins here does not end", at: self.position)
    }

    private mutating func dollar() throws(SQLQueryError) {
        let start = self.position
        if let next = self.byte(1), Self.isDigit(next) {
            throw self.error(
                "“$\(Character(Unicode.Scalar(next)))” has nothing to stand for here: write :service or :region",
                at: start)
        }
        let afterTag =
            self.bytes[(start + 1)...].firstIndex { !Self.startsWord($0) && !Self.isDigit($0) } ?? self.bytes.count
        guard afterTag < self.bytes.count, self.bytes[afterTag] == UInt8(ascii: "$") else {
            return self.copy(to: start + 1)
        }
        let tag = self.bytes[start...afterTag]
        var index = afterTag + 1
        while index + tag.count <= self.bytes.count {
            if self.bytes[index] == UInt8(ascii: "$"), self.bytes[index..<index + tag.count].elementsEqual(tag) {
                return self.copy(to: index + tag.count)
            }
            index += 1
        }
        throw self.error("a string in dollar quotes that begins here does not end", at: start)
    }

    private mutating func colon() throws(SQLQueryError) {
        let start = self.position
        guard let next = self.byte(1) else { return self.copy(to: start + 1) }
        if next == UInt8(ascii: ":") || next == UInt8(ascii: "=") { return self.copy(to: start + 2) }
        guard Self.startsWord(next) else { return self.copy(to: start + 1) }
        self.position += 1
        let end = self.end(of: Self.continuesWord)
        let name = String(decoding: self.bytes[self.position..<end], as: UTF8.self)
        guard let parameter = SQLQuery.Parameter(rawValue: name) else {
            guard self.brackets > 0 else {
                throw self.error(
                    "“:\(name)” is nothing that can be asked for; there are :service and :region", at: start)
            }
            self.position = start
            return self.copy(to: end)
        }
        if !self.parameters.contains(parameter) { self.parameters.append(parameter) }
        let number = (self.parameters.firstIndex(of: parameter) ?? 0) + 1
        // A `$` right behind a word would belong to the word.
        if let last = self.output.last, Self.continuesWord(last) { self.output.append(0x20) }
        self.output.append(contentsOf: "$\(number)".utf8)
        self.position = end
    }
}
