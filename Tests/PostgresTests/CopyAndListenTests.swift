import Postgres
import PostgresTesting
import Testing

@Suite("COPY and LISTEN")
struct CopyAndListenTests {
    @Test("every kind of value is copied as it was given")
    func kinds() async throws {
        try await withConnection { connection in
            _ = try await connection.simple(
                "CREATE TABLE t (\"b o\" bool, i int4, l int8, d float8, s text, y bytea, w timestamptz, u uuid, j jsonb, n text)")
            let copied = try await connection.copyIn(
                table: "t", columns: ["b o", "i", "l", "d", "s", "y", "w", "u", "j", "n"],
                rows: [
                    [
                        .bool(true), .int4(.min), .int8(.max), .double(-0.1), .text("it's \\ \"x\"\n🧵"), .bytea([0, 255, 10]),
                        .timestamptz(microseconds: 1_780_000_000_123_456), .uuid((0x0190_0000_0000_7000, 0x8000_0000_0000_0001)),
                        .jsonb("{\"a\": [1, null]}"), .null,
                    ]
                ])
            #expect(copied == 1)
            let row = try #require(try await connection.query("SELECT * FROM t").first)
            #expect(try row[0].bool())
            #expect(try row["i"].int() == Int64(Int32.min))
            #expect(try row["l"].int() == .max)
            #expect(try row["d"].double() == -0.1)
            #expect(try row["s"].string() == "it's \\ \"x\"\n🧵")
            #expect(try row["y"].bytes() == [0, 255, 10])
            #expect(try row["w"].timestampMicroseconds() == 1_780_000_000_123_456)
            #expect(try row["u"].string() == "01900000-0000-7000-8000-000000000001")
            #expect(try row["j"].string() == "{\"a\": [1, null]}")
            #expect(row["n"].isNull)
        }
    }

    @Test("ten thousand rows arrive, in a transaction or out of it; none when there are none")
    func many() async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int8, b text)")
            let rows: [[CopyValue]] = (0..<10_000).map { [.int8($0), .text(String(repeating: "x", count: Int($0 % 300)))] }
            #expect(try await connection.copyIn(table: "t", columns: ["a", "b"], rows: rows, deadline: .seconds(60)) == 10_000)
            #expect(try await connection.copyIn(table: "t", columns: ["a", "b"], rows: []) == 0)
            try await connection.transaction { transaction in
                _ = try await transaction.copyIn(table: "t", columns: ["a", "b"], rows: rows)
            }
            let sums = try #require(try await connection.query("SELECT count(*) AS n, sum(a)::int8 AS a, sum(length(b))::int8 AS b FROM t").first)
            #expect(try sums["n"].int() == 20_000)
            #expect(try sums["a"].int() == 2 * 49_995_000)
            let lengths = (0..<10_000).map { $0 % 300 }.reduce(0, +)
            #expect(try sums["b"].int() == Int64(2 * lengths))
        }
    }

    @Test("a copy that is refused leaves nothing, and the session usable")
    func refused() async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int8 PRIMARY KEY)")
            try await expectError(.server, sqlState: "42P01") { _ = try await connection.copyIn(table: "nope", columns: ["a"], rows: [[.int8(1)]]) }
            let rows: [[CopyValue]] = (0..<50_000).map { [.int8($0 / 2)] }
            try await expectError(.server, sqlState: "23505") { _ = try await connection.copyIn(table: "t", columns: ["a"], rows: rows) }
            try await expectError(.misuse) { _ = try await connection.copyIn(table: "t", columns: ["a"], rows: [[.int8(1), .null]]) }
            #expect(try await connection.query("SELECT count(*) AS n FROM t").first?["n"].int() == 0)
        }
    }

    @Test("COPY as a query is misuse, not a hang")
    func copyAsQuery() async throws {
        let connection = try await Connection.connect(try await makeDatabase(), on: reactor)
        _ = try await connection.simple("CREATE TABLE t (a int8)")
        try await expectError(.misuse) { _ = try await connection.query("COPY t FROM STDIN") }
        #expect(await connection.isClosed)
    }

    @Test("a notification reaches a listener that is idle, with payload and sender")
    func notify() async throws {
        let configuration = try await makeDatabase()
        let listener = try await Connection.connect(configuration, on: reactor)
        let sender = try await Connection.connect(configuration, on: reactor)
        let stream = try await listener.listen("Some Channel")
        let other = try await listener.listen("other")
        for number in 0..<10 { _ = try await sender.query("SELECT pg_notify('Some Channel', $1)", [.text("n\(number)")]) }
        _ = try await sender.query("NOTIFY other, 'last'")
        var received: [Notification] = []
        for await notification in stream {
            received.append(notification)
            if received.count == 10 { break }
        }
        let process = await sender.backendPID
        let expected = (0..<10).map { Notification(channel: "Some Channel", payload: "n\($0)", pid: process) }
        #expect(received == expected)
        var iterator = other.makeAsyncIterator()
        #expect(await iterator.next()?.payload == "last")
        await listener.close()
        #expect(await iterator.next() == nil)
        await sender.close()
    }

    @Test("a slow listener loses old messages, not new ones, and costs bounded memory")
    func bounded() async throws {
        try await withConnection { connection in
            let stream = try await connection.listen("c")
            let total = Connection.maximumPendingNotifications + 100
            _ = try await connection.query("SELECT pg_notify('c', i::text) FROM generate_series(1, $1::int8) AS i", [.int(Int64(total))])
            _ = try await connection.query("SELECT 1")
            await connection.close()
            var payloads: [String] = []
            for await notification in stream { payloads.append(notification.payload) }
            let newest = (101...total).map { String($0) }
            #expect(payloads == newest)
        }
    }
}
