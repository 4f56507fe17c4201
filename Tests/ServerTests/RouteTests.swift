import HTTPTypes
import HummingbirdTesting
import Model
import Store
import Testing

@testable import Server

@Suite("Routes")
struct RouteTests {
    /// A body that passes the check of its fields, so that the answer says what the role check thinks.
    private func body(_ route: Route) -> JSON? {
        if case .json = route.body { [:] } else { nil }
    }

    @Test("every route × role: those who may pass the door, all others get 403 with what is needed")
    func roles() async throws {
        try await World.run { world, client in
            for route in Route.table where route.access != .open {
                // An id that does not exist: whoever passes the door meets 4xx behind it, and nothing changes.
                let path = "/" + route.path.split(separator: "/").map { $0.hasPrefix("{") ? "0" : String($0) }.joined(separator: "/")
                for role in TokenRecord.Role.allCases {
                    let reply = try await client.ask(route.method, path, as: world.token(role), body: self.body(route), key: "k-\(role)-\(route.operationID)")
                    if route.access.roles.contains(role) {
                        #expect(reply.status != 403 && reply.status != 401, "\(role.rawValue) \(route.operationID): \(reply.text)")
                    } else {
                        #expect(reply.status == 403, "\(role.rawValue) \(route.operationID)")
                        #expect(try reply.json["has"] == .string(role.rawValue))
                        #expect(try reply.json["needs"]?.arrayValue?.isEmpty == false)
                    }
                }
                let nobody = try await client.ask(route.method, path, body: self.body(route), key: "k")
                #expect(nobody.status == 401, "\(route.operationID)")
                world.clock.move(by: .seconds(600))
            }
        }
    }

    @Test("an auditor changes nothing, and nobody but auditor and admin reads the log")
    func auditor() {
        for route in Route.table {
            if route.audit != nil { #expect(!route.access.roles.contains(.auditor), "\(route.operationID)") }
            if route.path.hasPrefix("/v1/audit/events") { #expect(route.access.roles == [.auditor, .admin]) }
        }
    }

    @Test("unknown id, wrong secret, revoked, expired, and no token at all look the same")
    func unauthenticated() async throws {
        try await World.run { world, client in
            let good = try #require(TokenText(world.token(.viewer)))
            let wrongSecret = try #require(TokenText(environment: "testing", idBytes: .init(repeating: 1, count: 8), secret: good.secret))
            let unknown = try #require(
                TokenText(environment: "testing", idBytes: .init(repeating: 7, count: 8), secret: .init(repeating: 7, count: 32)))
            let revoked = try await world.store.write(as: .node("a")) { try await $0.createToken(name: "gone", role: .viewer, expires: $0.at + .seconds(60)) }
            _ = try await world.store.write(as: .node("a")) { try await $0.revokeToken(id: revoked.token.id) }
            var details: Set<String> = []
            for token in [wrongSecret.text, unknown.text, revoked.secret, "rubbish", world.token(.viewer) + "x"] {
                let reply = try await client.ask(.get, "/v1/status", as: token)
                #expect(reply.status == 401)
                #expect(reply.header("WWW-Authenticate")?.hasPrefix("Bearer") == true)
                details.insert(try reply.json["detail"]?.stringValue ?? "")
                world.clock.move(by: .seconds(600))
            }
            #expect(details == ["The token is not valid."])
            for headers in [["Authorization": "Basic \(world.token(.viewer))"], ["Authorization": world.token(.viewer)], [:]] {
                #expect(try await client.ask(.get, "/v1/status", headers: headers).status == 401)
                world.clock.move(by: .seconds(600))
            }
            // Never from the query.
            #expect(try await client.ask(.get, "/v1/status?token=\(world.token(.viewer))").status == 401)
        }
    }

    @Test("a revoked token is dead after a second everywhere, and at once where it was revoked")
    func revoke() async throws {
        try await World.run { world, client in
            let id = try #require(TokenText(world.token(.viewer))).id
            #expect(try await client.ask(.get, "/v1/me", as: world.token(.viewer)).status == 200)
            _ = try await world.store.write(as: .node("a")) { try await $0.revokeToken(id: id) }
            #expect(try await client.ask(.get, "/v1/me", as: world.token(.viewer)).status == 200)
            world.clock.move(by: Authenticator.believed)
            #expect(try await client.ask(.get, "/v1/me", as: world.token(.viewer)).status == 401)

            let other = try #require(TokenText(world.token(.auditor))).id
            #expect(try await client.ask(.get, "/v1/me", as: world.token(.auditor)).status == 200)
            #expect(try await client.ask(.delete, "/v1/tokens/\(other)", as: world.token(.admin)).status == 200)
            #expect(try await client.ask(.get, "/v1/me", as: world.token(.auditor)).status == 401)
        }
    }

    @Test("many wrong tokens from one address meet 429, and wait it out")
    func backoff() async throws {
        try await World.run { world, client in
            for _ in 0..<6 { #expect(try await client.ask(.get, "/v1/me", as: "rubbish").status == 401) }
            let reply = try await client.ask(.get, "/v1/me", as: "rubbish")
            #expect(reply.status == 429)
            #expect(reply.header("Retry-After") == "1")
            world.clock.move(by: .seconds(2))
            #expect(try await client.ask(.get, "/v1/me", as: world.token(.viewer)).status == 200)
        }
    }

    @Test("refused attempts are in the audit log, counted and not flooding it")
    func denials() async throws {
        try await World.run { world, client in
            for _ in 0..<20 { #expect(try await client.ask(.get, "/v1/tokens", as: world.token(.viewer)).status == 403) }
            world.clock.move(by: DenialLog.interval)
            #expect(try await client.ask(.get, "/v1/tokens", as: world.token(.viewer)).status == 403)
            let events = try await world.store.events(EventFilter(type: "auth.denied", ascending: true))
            #expect(events.map(\.actorID) == ["the-viewer", "the-viewer"])
            let attempts = try events.map { try JSON(parsing: $0.leaf)["after"]?["attempts"]?.intValue }
            #expect(attempts == [1, 20])
        }
    }

    @Test("a token that asks too often is told to wait, and only that token")
    func rate() async throws {
        try await World.run { world, client in
            for _ in 0..<Int(TokenBucket.burst) {
                let reply = try await client.ask(.get, "/metrics", as: world.token(.viewer))
                #expect(reply.status == 200)
            }
            let reply = try await client.ask(.get, "/metrics", as: world.token(.viewer))
            #expect(reply.status == 429)
            #expect(reply.code == "rate-limited")
            #expect(reply.header("Retry-After") == "1")
            #expect(reply.header("RateLimit")?.contains("r=0") == true)
            #expect(try await client.ask(.get, "/metrics", as: world.token(.auditor)).status == 200)
            world.clock.move(by: .seconds(1))
            let later = try await client.ask(.get, "/metrics", as: world.token(.viewer))
            #expect(later.status == 200)
            #expect(later.header("RateLimit-Policy") == "\"token\";q=200;w=2")
        }
    }

    @Test("every other method of every path is 405 with Allow")
    func methods() async throws {
        try await World.run { world, client in
            let paths = Dictionary(grouping: Route.table, by: \.path)
            for (path, routes) in paths {
                let concrete = "/" + path.split(separator: "/").map { $0.hasPrefix("{") ? "x" : String($0) }.joined(separator: "/")
                for method in [HTTPRequest.Method.get, .put, .post, .delete, .patch, .options, .trace] where !routes.contains(where: { $0.method == method }) {
                    let reply = try await client.ask(method, concrete)
                    #expect(reply.status == 405, "\(method) \(path)")
                    #expect(reply.code == "method-not-allowed")
                    let allowed = Set((reply.header("Allow") ?? "").split(separator: ", ").map(String.init))
                    #expect(allowed.isSuperset(of: routes.map(\.method.rawValue)), "\(method) \(path)")
                }
            }
        }
    }

    @Test("HEAD answers as GET does, without the body")
    func head() async throws {
        try await World.run { world, client in
            let get = try await client.ask(.get, "/v1/me", as: world.token(.viewer))
            let head = try await client.ask(.head, "/v1/me", as: world.token(.viewer))
            #expect(head.status == 200)
            #expect(head.text.isEmpty)
            #expect(head.header("Content-Length") == get.header("Content-Length"))
        }
    }

    @Test("an unknown path is a problem that says where to look")
    func unknownPath() async throws {
        try await World.run { _, client in
            let reply = try await client.ask(.get, "/v1/recommendation")
            #expect(reply.status == 404)
            #expect(reply.code == "not-found")
            #expect(try reply.json["next"]?.stringValue?.contains("openapi") == true)
        }
    }

    @Test("every answer says who answered, of what version, and how new it is")
    func headers() async throws {
        try await World.run { world, client in
            let reply = try await client.ask(.get, "/v1/status", as: world.token(.viewer))
            #expect(reply.header("Muster-Node") == "a")
            #expect(reply.header("Muster-Version") == "1.0.0-test")
            #expect(reply.header("Muster-Epoch") == "0")
            let seq = try await world.store.head().seq
            #expect(reply.header("Muster-Seq") == String(seq))
            #expect(reply.header("Request-Id")?.count == 32)
            #expect(reply.header("Cache-Control") == "no-store")
            #expect(reply.header("X-Content-Type-Options") == "nosniff")
            let problem = try await client.ask(.get, "/v1/nodes/nobody", as: world.token(.viewer))
            #expect(try problem.json["requestId"]?.stringValue == problem.header("Request-Id"))
            #expect(problem.header("Muster-Seq") == String(seq))
        }
    }

    @Test("probes are open and empty, and say no while the node can’t serve")
    func probes() async throws {
        try await World.run { world, client in
            for path in ["/healthz", "/readyz"] {
                let reply = try await client.ask(.get, path)
                #expect(reply.status == 200)
                #expect(reply.text.isEmpty)
            }
            world.node.set { $0.databaseReachable = false }
            #expect(try await client.ask(.get, "/readyz").status == 503)
            #expect(try await client.ask(.get, "/healthz").status == 200)
            world.node.set {
                $0.databaseReachable = true; $0.role = .refused("fsync is off")
            }
            #expect(try await client.ask(.get, "/readyz").status == 503)
        }
    }

    @Test("metrics need a token, unless they are configured to be public")
    func metrics() async throws {
        try await World.run { world, client in
            #expect(try await client.ask(.get, "/metrics").status == 401)
            let reply = try await client.ask(.get, "/metrics", as: world.token(.viewer))
            #expect(reply.header("Content-Type") == Exposition.contentType)
            #expect(reply.text.contains("muster_leader 0\n"))
            #expect(reply.text.contains("muster_http_requests_total{operation=\"getMetrics\",status=\"401\"} 1\n"))
        }
        var configuration = World.configuration
        configuration.metricsArePublic = true
        try await World.run(configuration: configuration) { _, client in
            let reply = try await client.ask(.get, "/metrics")
            #expect(reply.status == 200)
        }
    }

    @Test("every problem code has a page")
    func pages() async throws {
        try await World.run { _, client in
            for code in Problem.Code.allCases {
                let reply = try await client.ask(.get, "/problems/\(code.rawValue)")
                #expect(reply.status == 200)
                #expect(reply.text.contains(code.title))
            }
            #expect(try await client.ask(.get, "/problems/nonsense").status == 404)
        }
    }

    @Test("me says what the token may do")
    func me() async throws {
        try await World.run { world, client in
            let viewer = try await client.ask(.get, "/v1/me", as: world.token(.viewer)).json
            #expect(viewer["role"] == "viewer")
            #expect(viewer["can"]?.arrayValue?.contains("getStatus") == true)
            #expect(viewer["can"]?.arrayValue?.contains("setSwitch") == false)
            let admin = try await client.ask(.get, "/v1/me", as: world.token(.admin)).json
            #expect(admin["can"]?.arrayValue?.contains("createToken") == true)
        }
    }
}
