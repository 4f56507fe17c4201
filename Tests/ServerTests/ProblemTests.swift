import HTTPTypes
import HummingbirdTesting
import Logging
import Model
import Postgres
import Store
import Testing

@testable import Server

@Suite("Problems")
struct ProblemTests {
    /// What may go wrong with a body, and what is answered.
    private static let badBodies: [(text: String, status: Int, code: String, pointer: String)] = [
        ("{", 400, "bad-request", ""), ("[]", 400, "bad-request", ""), ("{\"enabled\":true,\"enabled\":true}", 400, "bad-request", ""),
        ("{\"enabeld\":true,\"reason\":\"abc\"}", 400, "unknown-field", "/enabeld"), ("{\"reason\":\"abc\"}", 400, "bad-request", "/enabled"),
        ("{\"enabled\":\"yes\",\"reason\":\"abc\"}", 400, "bad-request", "/enabled"), ("{\"enabled\":true}", 400, "bad-request", "/reason"),
        ("{\"enabled\":true,\"reason\":\"a\"}", 400, "bad-request", "/reason"), ("{\"enabled\":true,\"reason\":7}", 400, "bad-request", "/reason"),
        ("{\"enabled\":true,\"reason\":\"a\\u0000bc\"}", 400, "bad-request", "/reason"),
        ("{\"enabled\":null,\"reason\":\"abc\"}", 400, "bad-request", "/enabled"),
        (String(repeating: "[", count: 40) + String(repeating: "]", count: 40), 400, "bad-request", ""),
    ]

    @Test("a bad body is refused with what is wrong and where")
    func body() async throws {
        try await World.run { world, client in
            for (text, status, code, pointer) in Self.badBodies {
                let reply = try await client.ask(.put, "/v1/switch", as: world.token(.operator), rawBody: text)
                #expect(reply.status == status, "\(reply.text)")
                #expect(reply.code == code, "\(text)")
                #expect(try reply.json["errors"]?.arrayValue?.first?["pointer"] == .string(pointer))
                #expect(try reply.json["next"]?.stringValue?.isEmpty == false)
                #expect(try await world.store.switchState().enabled == false)
            }
        }
    }

    @Test("a misspelt field and parameter name the one that was meant")
    func near() async throws {
        try await World.run { world, client in
            let field = try await client.ask(.put, "/v1/switch", as: world.token(.operator), body: ["enabeld": true, "reason": "abc"]).json
            #expect(field["errors"]?.arrayValue?.first?["near"] == "enabled")
            let parameter = try await client.ask(.get, "/v1/decisions?wokload=a/b", as: world.token(.viewer))
            #expect(parameter.code == "unknown-parameter")
            #expect(try parameter.json["near"] == "workload")
        }
    }

    private static let badParameters = [
        "/v1/decisions?limit=0", "/v1/decisions?limit=1001", "/v1/decisions?limit=x", "/v1/decisions?limit=5&limit=6", "/v1/decisions?kind=sideways",
        "/v1/decisions?since=yesterday", "/v1/decisions?workload=transcode", "/v1/decisions?workload=", "/v1/decisions?cursor=zz",
        "/v1/decisions?policy=%ff", "/v1/decisions?policy=%00", "/v1/audit/events?seqFrom=-1", "/v1/audit/events?order=up", "/v1/status?x=1",
        "/v1/workloads?state=asleep",
    ]

    @Test("a parameter that is not what it should be is refused")
    func parameters() async throws {
        try await World.run { world, client in
            for path in Self.badParameters {
                let reply = try await client.ask(.get, path, as: world.token(.admin))
                #expect(reply.status == 400, "\(path) \(reply.text)")
                #expect(reply.code != nil)
            }
        }
    }

    @Test("too large, of the wrong type, compressed, or a body where none belongs")
    func media() async throws {
        try await World.run { world, client in
            let token = world.token(.admin)
            let large = "{\"reason\":\"\(String(repeating: "x", count: Limits.body))\"}"
            let tooLarge = try await client.ask(.put, "/v1/switch", as: token, rawBody: large)
            #expect(tooLarge.status == 413 && tooLarge.code == "too-large")
            let wrong = try await client.ask(
                .put, "/v1/switch", as: token, rawBody: "enabled=true", headers: ["Content-Type": "application/x-www-form-urlencoded"])
            #expect(wrong.status == 415 && wrong.code == "unsupported-media-type")
            let packed = try await client.ask(.put, "/v1/switch", as: token, rawBody: "{}", headers: ["Content-Encoding": "gzip"])
            #expect(packed.status == 415)
            let charset = try await client.ask(
                .put, "/v1/switch", as: token, body: ["enabled": false, "reason": "abc"], headers: ["Content-Type": "Application/JSON; charset=utf-8"])
            #expect(charset.status == 200)
            let needless = try await client.ask(.delete, "/v1/pauses/1", as: token, rawBody: "{}")
            #expect(needless.status == 400 && needless.code == "bad-request")
            let headers = try await client.ask(.get, "/v1/me", as: token, headers: ["X-Long": String(repeating: "x", count: Limits.headers)])
            #expect(headers.status == 431 && headers.code == "headers-too-large")
            let address = try await client.ask(.get, "/v1/me?\(String(repeating: "x", count: Limits.uri))", as: token)
            #expect(address.status == 414 && address.code == "uri-too-long")
        }
    }

    @Test("a read that must show a write waits for it, and says so when it does not come")
    func behind() async throws {
        try await World.run { world, client in
            let written = try await client.ask(.put, "/v1/switch", as: world.token(.operator), body: ["enabled": true, "reason": "go"])
            #expect(written.status == 400, "a reason has three characters at least")
            let done = try await client.ask(.put, "/v1/switch", as: world.token(.operator), body: ["enabled": true, "reason": "go on"])
            let seq = try #require(try done.json["seq"]?.intValue)
            #expect(done.header("Muster-Seq") == String(seq))
            #expect(try await client.ask(.get, "/v1/switch?minSeq=\(seq)", as: world.token(.viewer)).json["enabled"] == true)
            let late = try await client.ask(.get, "/v1/switch?minSeq=\(seq + 1)", as: world.token(.viewer))
            #expect(late.status == 503)
            #expect(late.code == "behind")
            #expect(late.header("Retry-After") == "1")
        }
    }

    @Test("a database that is away is 503 with advice, without SQL, and the node stays up")
    func databaseAway() async throws {
        let reactor = Reactor(name: "away")
        let pool = Pool(ConnectionConfiguration("host=127.0.0.1 port=1 dbname=secret_name user=u"), on: reactor, size: 1)
        let store = Store(pool: pool, cluster: "testing", shard: "main", node: "a", bootID: "0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e6f")
        let log = CapturedLog()
        let api = API(
            store: store, node: StandIn(), configuration: World.configuration, logger: .init(label: "x", factory: { _ in log.handler }), clock: MovedClock())
        let token = try #require(TokenText(environment: "x", idBytes: .init(repeating: 1, count: 8), secret: .init(repeating: 2, count: 32)))
        try await APIServer.application(api).test(.router) { client in
            let reply = try await client.ask(.get, "/v1/status", as: token.text)
            #expect(reply.status == 503)
            #expect(reply.code == "database-unavailable")
            #expect(reply.header("Retry-After") == "1")
            #expect(try reply.json["next"]?.stringValue?.contains("start Postgres") == true)
            #expect(!reply.text.contains("SELECT") && !reply.text.contains("secret_name"))
            #expect(try await client.ask(.get, "/healthz").status == 200)
        }
        await pool.close()
        reactor.stop()
        #expect(log.text.contains("database-unavailable"))
    }

    @Test(
        "errors of the database are told apart by whose fault they are",
        arguments: [
            (PostgresError(.server, "disk full", sqlState: "53100"), "database-unavailable"),
            (PostgresError(.server, "read only", sqlState: "25006"), "database-unavailable"),
            (PostgresError(.server, "syntax", sqlState: "42601", statement: "SELECT secret"), "internal"),
            (PostgresError(.closed, "gone"), "database-unavailable"),
            (PostgresError(.poolExhausted, "busy"), "overloaded"), (PostgresError(.decoding, "x"), "internal"),
            (PostgresError(.timeout, "slow"), "database-unavailable"),
        ])
    func database(error: PostgresError, code: String) {
        let problem = ErrorMapping.problem(error)
        #expect(problem.code.rawValue == code)
        #expect(!problem.json(requestID: "x").text.contains("SELECT"))
    }

    @Test("a commit whose outcome is not known says to repeat with the same key")
    func unknownOutcome() {
        var error = PostgresError(.closed, "gone")
        error.transactionOutcomeUnknown = true
        #expect(ErrorMapping.problem(error).next.contains("same Idempotency-Key"))
    }
}
