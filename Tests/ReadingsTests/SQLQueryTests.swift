import Model
import Readings
import SeededRandom
import Testing

@Suite("SQL statements of sources")
struct SQLQueryTests {
    @Test(
        "names are bound where the server would see them, and only there",
        arguments: [
            ("select count(*) from jobs", "select count(*) from jobs", []),
            ("select 1 where a = :service", "select 1 where a = $1", [.service]),
            (
                "select 1 where r = :region and s=:service and r2 = :region",
                "select 1 where r = $1 and s=$2 and r2 = $1", [.region, .service]
            ),
            (
                "select ':service', 'it''s :service' where x = :service",
                "select ':service', 'it''s :service' where x = $1", [.service]
            ),
            (
                #"select E'\':service', e'a\\' where x = :service"#, #"select E'\':service', e'a\\' where x = $1"#,
                [.service]
            ),
            (#"select 'back\' where x = :service"#, #"select 'back\' where x = $1"#, [.service]),
            (#"select ":service", "a"":region" from t"#, #"select ":service", "a"":region" from t"#, []),
            ("select '1'::service, x::region from t", "select '1'::service, x::region from t", []),
            ("select f(a := 1, b :=2), :region", "select f(a := 1, b :=2), $1", [.region]),
            ("select 1 -- :service\n, :region", "select 1 -- :service\n, $1", [.region]),
            (
                "select 1 /* :service /* :region */ :service */, :region",
                "select 1 /* :service /* :region */ :service */, $1", [.region]
            ),
            (
                "select $$ :service $$, $a1$ :region $$ $a1$, :service",
                "select $$ :service $$, $a1$ :region $$ $a1$, $1", [.service]
            ),
            ("select a$b$c, :service", "select a$b$c, $1", [.service]),
            (
                "select x[1:2], x[lower:upper], x[:n], array[:service] from t",
                "select x[1:2], x[lower:upper], x[:n], array[$1] from t", [.service]
            ),
            ("select x:service", "select x $1", [.service]),
            ("select :service::text || 'ü'", "select $1::text || 'ü'", [.service]),
            ("(select 1) ; -- that is all\n", "(select 1)  -- that is all\n", []),
            (
                "-- first\n/* then */ WITH a AS (values (1)) table a",
                "-- first\n/* then */ WITH a AS (values (1)) table a", []
            ),
            ("select 1e5, 0x1F, 1_000", "select 1e5, 0x1F, 1_000", []),
            ("select 'name'':region' || :region", "select 'name'':region' || $1", [.region]),
        ] as [(String, String, [SQLQuery.Parameter])])
    func binding(text: String, sql: String, parameters: [SQLQuery.Parameter]) throws {
        let query = try SQLQuery(parsing: text)
        #expect(query.sql == sql)
        #expect(query.parameters == parameters)
        #expect(query.text == text)
    }

    @Test(
        "what is no single statement that reads is refused with its line",
        arguments: [
            ("", 1, "empty"), ("  -- nothing\n", 1, "empty"),
            ("select 1; select 2", 1, "second statement"), ("select 1;\n\ndrop table jobs", 3, "second statement"),
            ("delete from jobs", 1, "only reads"), ("begin read write", 1, "only reads"),
            ("set role postgres", 1, "only reads"),
            ("\n'select'", 2, "only reads"),
            ("select\n1 where s = :sevice", 2, ":service and :region"), ("select $1", 1, ":service or :region"),
            ("select 'abc", 1, "does not end"), ("select 1 /* /* */", 1, "does not end"),
            ("select\n$tag$ abc $tag", 2, "does not end"),
            ("select \"abc", 1, "does not end"), ("select 1\u{0}", 1, "NUL"),
        ])
    func refused(text: String, line: Int, words: String) {
        #expect {
            try SQLQuery(parsing: text)
        } throws: { error in
            (error as? SQLQueryError)?.line == line && "\(error)".contains(words)
        }
    }

    @Test("a statement longer than the limit is refused")
    func length() {
        #expect(throws: SQLQueryError.self) {
            try SQLQuery(parsing: "select '\(String(repeating: "x", count: SQLQuery.maximumLength))'")
        }
    }

    @Test("whatever is cut out of statements, reading them ends and changes nothing but the names")
    func randomPieces() throws {
        let pieces = [
            "select ", "'", "\"", "$$", "$a$", "--", "\n", "/*", "*/", ":service", ":region", "::", ":", "[", "]", "\\",
            "E'", "x", "1", " ", ";", "(", "ü",
        ]
        for seed in UInt64(1)...400 {
            var generator = Seeded(seed: seed)
            let text = "select " + (0..<12).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }.joined()
            guard let query = try? SQLQuery(parsing: text) else { continue }
            var back = query.sql
            for (index, parameter) in query.parameters.enumerated() {
                back = back.replacing("$\(index + 1)", with: ":\(parameter.rawValue)")
            }
            let (given, found) = (text.filter { $0 != " " && $0 != ";" }, back.filter { $0 != " " && $0 != ";" })
            // Behind the only `;` that is taken away there is nothing, so without blanks and `;` the texts are the
            // same.
            #expect(given == found, "seed \(seed): \(text)")
        }
    }
}
