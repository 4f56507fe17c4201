internal import CLibPQ

/// The rows of one statement, contiguous: one buffer of bytes and where each field ends.
public struct ResultSet: Sendable, RandomAccessCollection {
    /// Names as the server gives them, in the order of the statement; several may be the same.
    public let columns: [String]
    /// The type of each column, by its OID in `pg_type`.
    public let typeOIDs: [UInt32]
    /// Rows inserted, updated, deleted, selected or copied, as the server counts them.
    public let affected: Int
    /// Rows that came; a statement that returns none has 0, whatever it ``affected``.
    public let rowCount: Int
    fileprivate let bytes: [UInt8]
    /// For each field, row by row: where it starts, and its length; -1 for NULL.
    fileprivate let starts: [Int]
    fileprivate let lengths: [Int32]

    /// The first row's position, 0.
    public var startIndex: Int { 0 }
    /// Behind the last row.
    public var endIndex: Int { self.rowCount }
    /// A row, which keeps the whole result alive.
    ///
    /// - Precondition: `position` is that of a row.
    public subscript(position: Int) -> Row {
        precondition(position >= 0 && position < self.rowCount, "row \(position) of \(self.rowCount)")
        return Row(set: self, row: position)
    }

    /// Copies out of libpq's result, which the caller frees.
    init(copying raw: OpaquePointer, maximumBytes: Int) throws(PostgresError) {
        let columnCount = Int(PQnfields(raw))
        let rowCount = Int(PQntuples(raw))
        self.columns = (0..<columnCount).map { index in PQfname(raw, CInt(index)).map { String(cString: $0) } ?? "" }
        self.typeOIDs = (0..<columnCount).map { PQftype(raw, CInt($0)) }
        self.affected = PQcmdTuples(raw).map { Int(String(cString: $0)) ?? 0 } ?? 0
        self.rowCount = rowCount
        var total = 0
        var starts: [Int] = []
        var lengths: [Int32] = []
        starts.reserveCapacity(rowCount * columnCount)
        lengths.reserveCapacity(rowCount * columnCount)
        for row in 0..<CInt(rowCount) {
            for column in 0..<CInt(columnCount) {
                let length = PQgetisnull(raw, row, column) == 1 ? -1 : PQgetlength(raw, row, column)
                starts.append(total)
                lengths.append(length)
                total += length < 0 ? 0 : Int(length)
            }
        }
        guard total <= maximumBytes else {
            throw PostgresError(.tooLarge, "the answer has \(total) bytes, the limit is \(maximumBytes)")
        }
        let (layout, sizes) = (starts, lengths)
        self.bytes = [UInt8](unsafeUninitializedCapacity: total) { buffer, count in
            for index in layout.indices where sizes[index] > 0 {
                guard let value = PQgetvalue(raw, CInt(index / columnCount), CInt(index % columnCount)) else { continue }
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[layout[index]..<layout[index] + Int(sizes[index])])
                    .copyMemory(from: UnsafeRawBufferPointer(start: value, count: Int(sizes[index])))
            }
            count = total
        }
        self.starts = starts
        self.lengths = lengths
    }
}

/// One row of a ``ResultSet``.
public struct Row: Sendable {
    fileprivate let set: ResultSet
    fileprivate let row: Int

    /// As of the result: ``ResultSet/columns``.
    public var columns: [String] { self.set.columns }

    /// The value in a column, counted from 0.
    ///
    /// - Precondition: there is such a column.
    public subscript(_ column: Int) -> Field {
        precondition(column >= 0 && column < self.set.columns.count, "column \(column) of \(self.set.columns.count)")
        let index = self.row * self.set.columns.count + column
        let length = Int(self.set.lengths[index])
        let start = self.set.starts[index]
        return Field(
            column: self.set.columns[column], typeOID: self.set.typeOIDs[column],
            raw: length < 0 ? nil : self.set.bytes[start..<start + length])
    }

    /// A column that the statement does not have reads as a field whose every conversion throws.
    public subscript(_ name: String) -> Field {
        guard let column = self.set.columns.firstIndex(of: name) else { return Field(column: name, typeOID: 0, raw: nil, exists: false) }
        return self[column]
    }

    /// Whether the statement has a column of that name.
    public func has(_ name: String) -> Bool { self.set.columns.contains(name) }
}

/// One value of a row, in the server's text form.
public struct Field: Sendable {
    /// The column's name, for messages.
    public let column: String
    /// The column's type, by its OID in `pg_type`; 0 when there is no such column.
    public let typeOID: UInt32
    let raw: ArraySlice<UInt8>?
    var exists = true

    /// Whether it is NULL. A column that does not exist reads so, too: conversions tell the two apart.
    public var isNull: Bool { self.raw == nil }
    /// The server's text form, whatever the type; nil for NULL.
    public var text: String? { self.raw.map { String(decoding: $0, as: UTF8.self) } }

    private func fail(_ expected: String) -> PostgresError {
        let found = !self.exists ? "does not exist" : self.text.map { "is “\($0.prefix(40))”" } ?? "is NULL"
        return PostgresError(.decoding, "column “\(self.column)” \(found), expected \(expected)")
    }

    /// Any type's text form.
    ///
    /// - Throws: `decoding` for NULL and for a column that does not exist.
    public func string() throws(PostgresError) -> String {
        guard let text else { throw self.fail("text") }
        return text
    }

    /// A whole number of any of the server's integer types.
    ///
    /// - Throws: `decoding` for NULL, for other text, and beyond 64 bits.
    public func int() throws(PostgresError) -> Int64 {
        guard let bytes = self.raw, !bytes.isEmpty else { throw self.fail("an integer") }
        var value: Int64 = 0
        var rest = bytes
        let negative = rest.first == UInt8(ascii: "-")
        if negative { rest.removeFirst() }
        guard !rest.isEmpty else { throw self.fail("an integer") }
        for byte in rest {
            guard byte >= 0x30, byte <= 0x39 else { throw self.fail("an integer") }
            // Downwards, so that the smallest number needs no special case.
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.subtractingReportingOverflow(Int64(byte - 0x30))
            guard !overflow, !carry else { throw self.fail("an integer of 64 bits") }
            value = sum
        }
        if negative { return value }
        guard value != .min else { throw self.fail("an integer of 64 bits") }
        return -value
    }

    /// A `boolean`.
    ///
    /// - Throws: `decoding` for NULL and for anything but the server's `t` and `f`.
    public func bool() throws(PostgresError) -> Bool {
        switch self.text {
        case "t": return true
        case "f": return false
        default: throw self.fail("true or false")
        }
    }

    /// Includes `NaN` and the infinities.
    public func double() throws(PostgresError) -> Double {
        guard let text, let value = Double(text) else { throw self.fail("a number") }
        return value
    }

    /// A `bytea` in the server's hexadecimal form.
    public func bytes() throws(PostgresError) -> [UInt8] {
        guard let bytes = self.raw, bytes.count >= 2, bytes.count % 2 == 0, bytes.starts(with: "\\x".utf8) else { throw self.fail("bytea") }
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count - 2) / 2)
        var index = bytes.startIndex + 2
        while index < bytes.endIndex {
            guard let high = Self.nibble(bytes[index]), let low = Self.nibble(bytes[index + 1]) else { throw self.fail("bytea") }
            out.append(high << 4 | low)
            index += 2
        }
        return out
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// A `timestamptz` (sessions run in UTC with ISO dates) as microseconds since 1970-01-01T00:00:00Z.
    public func timestampMicroseconds() throws(PostgresError) -> Int64 {
        guard let bytes = self.raw, let value = Self.timestamp(Array(bytes)) else { throw self.fail("a timestamp with time zone") }
        return value
    }

    /// `2026-05-28 03:12:04.12+00`, also with an offset such as `+05:30`.
    private static func timestamp(_ text: [UInt8]) -> Int64? {
        var index = 0
        func digits(_ count: Int) -> Int64? {
            guard index + count <= text.count else { return nil }
            var value: Int64 = 0
            for byte in text[index..<index + count] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            index += count
            return value
        }
        func skip(_ byte: UInt8) -> Bool {
            guard index < text.count, text[index] == byte else { return false }
            index += 1
            return true
        }
        guard let year = digits(4), skip(0x2D), let month = digits(2), skip(0x2D), let day = digits(2), skip(0x20), let hour = digits(2), skip(0x3A),
            let minute = digits(2), skip(0x3A), let second = digits(2)
        else { return nil }
        var fraction: Int64 = 0
        if skip(0x2E) {
            var scale: Int64 = 100_000
            while scale > 0, let digit = digits(1) {
                fraction += digit * scale
                scale /= 10
            }
        }
        var offset: Int64 = 0
        let west = index < text.count && text[index] == 0x2D
        guard skip(0x2B) || skip(0x2D), let offsetHours = digits(2) else { return nil }
        offset = offsetHours * 3600
        if skip(0x3A) { guard let minutes = digits(2) else { return nil }; offset += minutes * 60 }
        if skip(0x3A) { guard let seconds = digits(2) else { return nil }; offset += seconds }
        guard index == text.count else { return nil }
        let days = CivilDate.daysSinceEpoch(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second + (west ? offset : -offset)
        return seconds * 1_000_000 + fraction
    }
}
