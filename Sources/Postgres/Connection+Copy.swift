internal import CLibPQ

/// One value of a binary COPY.
public enum CopyValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case int4(Int32)
    case int8(Int64)
    case double(Double)
    case text(String)
    case bytea([UInt8])
    /// Microseconds since 1970-01-01T00:00:00Z, into `timestamptz`.
    case timestamptz(microseconds: Int64)
    case uuid((UInt64, UInt64))
    case jsonb(String)

    /// The same bytes on the wire, NULL apart: so a NaN equals itself, as it has to for `Hashable`.
    public static func == (left: CopyValue, right: CopyValue) -> Bool { left.encoded == right.encoded && left.isNull == right.isNull }
    /// Of the bytes on the wire, as equality is.
    public func hash(into hasher: inout Hasher) { hasher.combine(self.encoded) }
    private var isNull: Bool { if case .null = self { true } else { false } }
    private var encoded: [UInt8] {
        var out: [UInt8] = []
        self.append(to: &out)
        return out
    }
}

extension CopyValue {
    /// Between 1970-01-01 and 2000-01-01, from which the server counts.
    private static let epochShift: Int64 = 946_684_800_000_000

    /// Its length and its bytes in network order.
    func append(to out: inout [UInt8]) {
        func field(_ bytes: some Collection<UInt8>) {
            out.appendBigEndian(Int32(clamping: bytes.count))
            out.append(contentsOf: bytes)
        }
        switch self {
        case .null: out.appendBigEndian(Int32(-1))
        case .bool(let value): field(CollectionOfOne(value ? 1 : 0))
        case .int4(let value): out.appendBigEndian(Int32(4)); out.appendBigEndian(value)
        case .int8(let value): out.appendBigEndian(Int32(8)); out.appendBigEndian(value)
        case .double(let value): out.appendBigEndian(Int32(8)); out.appendBigEndian(value.bitPattern)
        case .text(let value): field(value.utf8)
        case .bytea(let value): field(value)
        case .timestamptz(let microseconds):
            out.appendBigEndian(Int32(8))
            out.appendBigEndian(microseconds.subtractingReportingOverflow(Self.epochShift).partialValue)
        case .uuid(let (high, low)):
            out.appendBigEndian(Int32(16))
            out.appendBigEndian(high)
            out.appendBigEndian(low)
        case .jsonb(let text):
            out.appendBigEndian(Int32(clamping: text.utf8.count + 1))
            out.append(1)  // the version of jsonb's binary form
            out.append(contentsOf: text.utf8)
        }
    }
}

extension [UInt8] {
    mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { self.append(contentsOf: $0) }
    }
}

extension Connection {
    /// What is handed to libpq at a time: large enough to keep the line busy, small enough to keep memory flat.
    private static let copyChunkBytes = 64 << 10

    /// Binary COPY into `table` (written as SQL, qualified and quoted by the caller where needed). Returns the number of rows.
    public func copyIn(table: String, columns: [String], rows: [[CopyValue]], deadline: Duration? = nil) async throws(PostgresError) -> Int {
        try await self.copyIn(table: table, columns: columns, rows: rows, owner: nil, deadline: deadline)
    }

    func copyIn(table: String, columns: [String], rows: [[CopyValue]], owner: UInt64?, deadline: Duration?) async throws(PostgresError) -> Int {
        if let wrong = rows.first(where: { $0.count != columns.count }) {
            throw PostgresError(.misuse, "a row has \(wrong.count) values for \(columns.count) columns", endpoint: self.endpoint)
        }
        if owner != nil { try await self.finishStarted() }
        if owner != nil, case .pending = self.transactionState {
            // BEGIN travels with the first statement; COPY can't be in a pipeline.
            _ = try await self.inTransaction(owner ?? 0, [Statement("SELECT")], commit: false, deadline: deadline)
        }
        let names = columns.map { "\"" + $0.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" }
        let sql = "COPY \(table) (\(names.joined(separator: ", "))) FROM STDIN (FORMAT binary)"
        return try await self.operation(deadline: deadline, owner: owner) { () async throws(PostgresError) in
            try await self.copy(sql, rows: rows)
        }
    }

    private func copy(_ sql: String, rows: [[CopyValue]]) async throws(PostgresError) -> Int {
        try self.send { PQsendQuery($0, sql) }
        try await self.flush()
        guard let ready = try await self.nextResult() else { throw self.closedError }
        let status = PQresultStatus(ready)
        guard status == PGRES_COPY_IN else {
            let error = PostgresError(result: ready, statement: sql, endpoint: self.endpoint)
            PQclear(ready)
            _ = try await self.results(statement: sql)
            throw self.classified(error)
        }
        PQclear(ready)
        var buffer = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00]
        buffer.appendBigEndian(Int32(0))  // flags
        buffer.appendBigEndian(Int32(0))  // extension
        for row in rows {
            buffer.appendBigEndian(Int16(clamping: row.count))
            for value in row { value.append(to: &buffer) }
            if buffer.count >= Self.copyChunkBytes {
                try await self.put(buffer)
                buffer.removeAll(keepingCapacity: true)
            }
        }
        buffer.appendBigEndian(Int16(-1))
        try await self.put(buffer)
        try self.send { PQputCopyEnd($0, nil) }
        return try await self.results(statement: sql).first?.affected ?? 0
    }

    private func put(_ bytes: [UInt8]) async throws(PostgresError) {
        try self.send { raw in
            bytes.withUnsafeBytes { PQputCopyData(raw, $0.baseAddress?.assumingMemoryBound(to: CChar.self), CInt(clamping: $0.count)) }
        }
        try await self.flush()
    }
}

extension Connection {
    /// Messages that one listener may be behind; older ones are dropped, since a message only says "look again".
    public static let maximumPendingNotifications = 256

    /// Listens on a channel. The stream ends when the session does.
    public func listen(_ channel: String) async throws(PostgresError) -> AsyncStream<Notification> {
        let quoted = "\"" + channel.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
        _ = try await self.query("LISTEN \(quoted)")
        let (stream, continuation) = AsyncStream.makeStream(
            of: Notification.self, bufferingPolicy: .bufferingNewest(Self.maximumPendingNotifications))
        self.addListener(channel, continuation)
        return stream
    }
}
