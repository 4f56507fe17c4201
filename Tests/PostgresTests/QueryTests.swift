import Postgres
import PostgresTesting
import Testing

@Suite("Queries")
struct QueryTests {
    static let texts = [
        "", "plain", "it's", "\"quoted\"", "back\\slash", "{braces,comma}", "NULL", "line\nbreak\ttab", "Füße 🧵 漢字", "$1 -- ; /*",
    ]

    @Test("a text comes back as it was sent", arguments: Self.texts)
    func text(_ text: String) async throws {
        try await withConnection { connection in
            let row = try #require(try await connection.query("SELECT $1::text AS v", [.text(text)]).first)
            #expect(try row["v"].string() == text)
        }
    }

    @Test("every kind of value comes back as it was sent")
    func kinds() async throws {
        try await withConnection { connection in
            let sql = "SELECT $1::bool, $2::int8, $3::float8, $4::bytea, $5::timestamptz, $6::text"
            let bytes = (0...255).map { UInt8($0) }
            let microseconds: Int64 = 1_780_000_000_123_456
            let row = try #require(
                try await connection.query(
                    sql, [true, .int(.min), .double(0.1), .bytes(bytes), .timestamp(microseconds: microseconds), nil]
                ).first)
            #expect(try row[0].bool())
            #expect(try row[1].int() == .min)
            #expect(try row[2].double() == 0.1)
            #expect(try row[3].bytes() == bytes)
            #expect(try row[4].timestampMicroseconds() == microseconds)
            #expect(row[5].isNull)
            #expect(row[5].text == nil)
        }
    }

    @Test("numbers at their ends", arguments: [Int64.min, -1, 0, 1, Int64.max])
    func integers(_ number: Int64) async throws {
        try await withConnection { connection in
            let row = try #require(try await connection.query("SELECT $1::int8 AS v", [.int(number)]).first)
            #expect(try row["v"].int() == number)
        }
    }

    @Test("floating point at its ends", arguments: [0.0, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .infinity, -.infinity, 1.0 / 3])
    func doubles(_ number: Double) async throws {
        try await withConnection { connection in
            let row = try #require(try await connection.query("SELECT $1::float8 AS v, 'NaN'::float8 AS nan", [.double(number)]).first)
            #expect(try row["v"].double().bitPattern == number.bitPattern)
            #expect(try row["nan"].double().isNaN)
        }
    }

    @Test("times from year 1 to 9999, whatever the session's time zone", arguments: ["UTC", "Asia/Kolkata", "America/St_Johns"])
    func times(_ zone: String) async throws {
        try await withConnection { connection in
            let times: [Int64] = [
                -62_135_596_800_000_000, -1, 0, 1, 951_827_696_789_012, 1_709_210_096_000_000, 4_102_444_800_000_000, 253_402_214_400_000_000,
            ]
            _ = try await connection.query("SELECT set_config('TimeZone', $1, false)", [.text(zone)])
            for time in times {
                let row = try #require(
                    try await connection.query(
                        "SELECT $1::timestamptz AS v, (extract(epoch FROM $1::timestamptz) * 1000000)::int8 AS n", [.timestamp(microseconds: time)]
                    ).first)
                #expect(try row["n"].int() == time)
                // St. John's mean time before 1935 has seconds in its offset, and the zone turns the first day of year 1 into 1 BC.
                if zone == "UTC" || time >= -1 { #expect(try row["v"].timestampMicroseconds() == time) }
            }
        }
    }

    @Test("arrays keep order, NULLs, quotes and emptiness")
    func arrays() async throws {
        try await withConnection { connection in
            let texts: [String?] = Self.texts + [nil, "NULL", "null"]
            let rows = try await connection.query(
                "SELECT v, ordinality FROM unnest($1::text[]) WITH ORDINALITY AS t (v, ordinality) ORDER BY 2", [.textArray(texts)])
            let received = rows.map { $0["v"].text }
            #expect(received == texts)
            let sum = try await connection.query("SELECT sum(v)::int8 AS s FROM unnest($1::int8[]) AS v", [.intArray([1, -2, .max])])
            #expect(try sum.first?["s"].int() == .max - 1)
            let bytes = try await connection.query(
                "SELECT v FROM unnest($1::bytea[]) AS v", [.bytesArray([[], [0], [0xFF, 0x22, 0x5C]])])
            let blocks = try bytes.map { try $0["v"].bytes() }
            #expect(blocks == [[], [0], [0xFF, 0x22, 0x5C]])
            let empty = try await connection.query(
                "SELECT cardinality($1::text[]) + cardinality($2::int8[]) + cardinality($3::bytea[]) AS n",
                [.textArray([]), .intArray([]), .bytesArray([])])
            #expect(try empty.first?["n"].int() == 0)
        }
    }

    @Test("no bytes are not NULL")
    func emptyBytes() async throws {
        try await withConnection { connection in
            let row = try #require(try await connection.query("SELECT $1::bytea AS v", [.bytes([])]).first)
            #expect(!row["v"].isNull)
            #expect(try row["v"].bytes() == [])
        }
    }

    @Test("an answer tells its columns, their types, and how many rows were touched")
    func shape() async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int8, b text)")
            #expect(try await connection.query("INSERT INTO t SELECT i, 'x' FROM generate_series(1, 7) AS i").affected == 7)
            let set = try await connection.query("SELECT a, b FROM t ORDER BY a LIMIT 3")
            #expect(set.columns == ["a", "b"])
            #expect(set.typeOIDs == [20, 25])
            #expect(set.count == 3)
            let values = try set.map { try $0["a"].int() }
            #expect(values == [1, 2, 3])
            #expect(set[0].has("b") && !set[0].has("c"))
        }
    }

    @Test("a wrong type or column is a decoding error that names the column")
    func decoding() async throws {
        try await withConnection { connection in
            let row = try #require(try await connection.query("SELECT 'abc' AS word, NULL::int8 AS nothing").first)
            let wrong = try await expectError(.decoding) { _ = try row["word"].int() }
            #expect(wrong.message.contains("word") && wrong.message.contains("abc"))
            let null = try await expectError(.decoding) { _ = try row["nothing"].int() }
            #expect(null.message.contains("NULL"))
            let missing = try await expectError(.decoding) { _ = try row["missing"].string() }
            #expect(missing.message.contains("missing"))
        }
    }

    @Test("an error carries SQLSTATE, detail, hint and the statement, and leaves the session usable")
    func serverError() async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)")
            let error = try await postgresError { _ = try await connection.query("INSERT INTO t VALUES ($1)", [1]) }
            #expect(error.code == .server)
            #expect(error.sqlState == "23505")
            #expect(error.detail?.contains("(a)=(1)") == true)
            #expect(error.statement == "INSERT INTO t VALUES ($1)")
            #expect(error.endpoint?.hasPrefix("127.0.0.1:") == true)
            #expect(!error.isRetryable)
            #expect(try await connection.query("SELECT 1 AS one").first?["one"].int() == 1)
        }
    }

    @Test("several statements in one message give several answers")
    func simple() async throws {
        try await withConnection { connection in
            let sets = try await connection.simple("SELECT 1 AS a; SELECT 2 AS b; ; CREATE TABLE t ()")
            #expect(try sets.first?.first?["a"].int() == 1)
            let columns = sets.map(\.columns).filter { !$0.isEmpty }
            #expect(columns == [["a"], ["b"]])
            let error = try await postgresError { _ = try await connection.simple("CREATE TABLE u (); SELECT 1/0") }
            #expect(error.sqlState == "22012")
            #expect(try await connection.query("SELECT to_regclass('u') IS NULL AS gone").first?["gone"].bool() == true)
        }
    }

    @Test("an answer above the limit is refused, and the session stays usable")
    func tooLarge() async throws {
        var configuration = try await makeDatabase()
        configuration.maximumResultBytes = 100_000
        let connection = try await Connection.connect(configuration, on: reactor)
        #expect(try await connection.query("SELECT repeat('x', 100000) AS v").first?["v"].string().utf8.count == 100_000)
        let error = try await postgresError { _ = try await connection.query("SELECT repeat('x', 100001)") }
        #expect(error.code == .tooLarge)
        #expect(try await connection.query("SELECT 1 AS one").first?["one"].int() == 1)
        await connection.close()
    }

    @Test("what a statement takes and gives is told without running it")
    func describe() async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int8, b text)")
            let described = try await connection.describe("DELETE FROM t WHERE a = $1 RETURNING b, a")
            #expect(described.parameterOIDs == [20])
            #expect(described.columns.map(\.name) == ["b", "a"])
            #expect(described.columns.map(\.oid) == [25, 20])
            try await expectError(.server, sqlState: "42703") { _ = try await connection.describe("SELECT nope") }
            #expect(try await connection.query("SELECT 1 AS one").first?["one"].int() == 1)
        }
    }
}
