import HTTPTypes
import HummingbirdTesting
import Model
import Postgres
import Store
import Testing

@testable import Server

@Suite("Changes")
struct WriteTests {
    private let pause: JSON = ["scope": "all", "direction": "down", "for": "2h", "reason": "ISP maintenance"]

    @Test("fifty equal requests at once have one effect and one answer")
    func once() async throws {
        try await World.run { world, client in
            let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                for _ in 0..<50 {
                    group.addTask { try await client.ask(.post, "/v1/pauses", as: world.token(.operator), body: self.pause, key: "one") }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(replies.map(\.status) == Array(repeating: 201, count: 50))
            #expect(Set(replies.map(\.text)).count == 1)
            #expect(Set(replies.map { $0.header("Location") }) == ["/v1/pauses/1"])
            #expect(replies.filter { $0.header("Idempotency-Replayed") == "true" }.count == 49)
            #expect(try await world.store.pauses().count == 1)
            #expect(try await world.store.events(EventFilter(type: "pause.created")).count == 1)
        }
    }

    @Test("a key is bound to its body, its route and its token")
    func keys() async throws {
        try await World.run { world, client in
            let token = world.token(.operator)
            #expect(try await client.ask(.post, "/v1/pauses", as: token, body: self.pause, key: "k").status == 201)
            var other = self.pause.objectValue ?? [:]
            other["reason"] = "another one"
            let reused = try await client.ask(.post, "/v1/pauses", as: token, body: .object(other), key: "k")
            #expect(reused.status == 422 && reused.code == "idempotency-key-reused")
            let otherRoute = try await client.ask(.post, "/v1/workloads/legacy/eu-west/observed", as: token, body: ["replicas": 3], key: "k")
            #expect(otherRoute.status == 404, "the workload is looked for first")
            let otherToken = try await client.ask(.post, "/v1/pauses", as: world.token(.admin), body: self.pause, key: "k")
            #expect(otherToken.status == 201)
            #expect(otherToken.header("Idempotency-Replayed") == nil)
            #expect(try await world.store.pauses().count == 2)
        }
    }

    @Test("a change without a key, or with one that can’t be a key, does nothing")
    func keyless() async throws {
        try await World.run { world, client in
            for key in [nil, "", "with space", String(repeating: "k", count: 256), "ümlaut"] as [String?] {
                let reply = try await client.ask(.post, "/v1/pauses", as: world.token(.operator), body: self.pause, key: key)
                #expect(reply.status == 400)
                #expect(reply.code == "idempotency-key-required")
            }
            #expect(try await world.store.pauses() == [])
        }
    }

    @Test("a failed change leaves no answer behind its key: correct it and send it again")
    func failedKey() async throws {
        try await World.run { world, client in
            let token = world.token(.operator)
            let failed = try await client.ask(.post, "/v1/pauses", as: token, body: ["scope": "region:mars", "for": "1h", "reason": "a test"], key: "k")
            #expect(failed.status == 404)
            let corrected = try await client.ask(.post, "/v1/pauses", as: token, body: self.pause, key: "k")
            #expect(corrected.status == 201)
        }
    }

    @Test("a pause begins, is seen, ends once, and is in the log")
    func pauses() async throws {
        try await World.run { world, client in
            let made = try await client.ask(.post, "/v1/pauses", as: world.token(.operator), body: self.pause, key: "k")
            let path = try #require(made.header("Location"))
            #expect(try await client.ask(.get, path, as: world.token(.viewer)).json["owner"] == "the-operator")
            #expect(try await client.ask(.delete, path, as: world.token(.operator)).status == 200)
            let again = try await client.ask(.delete, path, as: world.token(.operator))
            #expect(again.status == 409 && again.code == "already-ended")
            #expect(try await client.ask(.get, path, as: world.token(.viewer)).status == 404)
            #expect(try await client.ask(.delete, "/v1/pauses/77", as: world.token(.operator)).status == 404)
            let types = try await world.store.events(EventFilter(actor: "the-operator", ascending: true)).map(\.type)
            #expect(types == ["pause.created", "pause.ended"])
        }
    }

    private static let badEnds: [(end: String, status: Int, code: String)] = [
        (#"{"for":"31d"}"#, 422, "out-of-limits"), (#"{"for":"0s"}"#, 400, "bad-request"), (#"{"for":"soon"}"#, 400, "bad-request"),
        ("{}", 400, "bad-request"),
        (#"{"until":"2001-01-01T00:00:00Z"}"#, 422, "out-of-limits"), (#"{"until":"tomorrow"}"#, 400, "bad-request"),
        (#"{"for":"1h","until":"2001-01-01T00:00:00Z"}"#, 400, "bad-request"),
    ]

    @Test("the end of a hold must be ahead, and not too far")
    func ends() async throws {
        try await World.run { world, client in
            for (end, status, code) in Self.badEnds {
                var body = try JSON(parsing: end).objectValue ?? [:]
                body["scope"] = "all"
                body["reason"] = "a test"
                let reply = try await client.ask(.post, "/v1/pauses", as: world.token(.operator), body: .object(body), key: "k")
                #expect(reply.status == status && reply.code == code, "\(end) \(reply.text)")
            }
        }
    }

    @Test("an override stays within its policy, replaces the one before, and ends")
    func overrides() async throws {
        try await World.run { world, client in
            try await Seed.apply(world)
            let path = "/v1/workloads/transcode/eu-west/override"
            let token = world.token(.operator)
            for replicas in [1, 7] {
                let reply = try await client.ask(.put, path, as: token, body: ["replicas": .int(Int64(replicas)), "for": "1h", "reason": "a test"])
                #expect(reply.status == 422 && reply.code == "out-of-limits")
                #expect(try reply.json["limit"]?["policy"] == "transcode")
            }
            #expect(try await client.ask(.put, path, as: token, body: ["replicas": 5, "for": "1h", "reason": "a test"]).status == 200)
            #expect(try await client.ask(.put, path, as: token, body: ["replicas": 6, "for": "1h", "reason": "a test"]).status == 200)
            #expect(try await world.store.overrides().map(\.replicas) == [6])
            #expect(try await client.ask(.delete, path, as: token).json["replicas"] == 6)
            #expect(try await client.ask(.delete, path, as: token).status == 404)
            #expect(
                try await client.ask(.put, "/v1/workloads/no/where/override", as: token, body: ["replicas": 5, "for": "1h", "reason": "a test"]).status == 404)
        }
    }

    @Test("only a manual workload is told what runs")
    func observed() async throws {
        try await World.run { world, client in
            try await Seed.apply(world)
            let token = world.token(.operator)
            #expect(try await client.ask(.post, "/v1/workloads/legacy/eu-west/observed", as: token, body: ["replicas": 3], key: "1").status == 200)
            let driven = try await client.ask(.post, "/v1/workloads/transcode/eu-west/observed", as: token, body: ["replicas": 3], key: "2")
            #expect(driven.status == 409 && driven.code == "conflict")
            let id = WorkloadID(service: "legacy", region: "eu-west")
            let told = try await world.store.manual([id])[id]
            #expect(told?.observed == 3 && told?.observedBy == "the-operator")
        }
    }

    @Test("a new token works, its secret is shown once, and no list or repeated answer has it")
    func tokens() async throws {
        try await World.run { world, client in
            let body: JSON = ["name": "ci", "role": "viewer", "for": "30d"]
            let made = try await client.ask(.post, "/v1/tokens", as: world.token(.admin), body: body, key: "k")
            #expect(made.status == 201)
            let secret = try #require(try made.json["token"]?.stringValue)
            #expect(try await client.ask(.get, "/v1/me", as: secret).json["name"] == "ci")
            let again = try await client.ask(.post, "/v1/tokens", as: world.token(.admin), body: body, key: "k")
            #expect(again.status == 201 && again.header("Idempotency-Replayed") == "true")
            #expect(try again.json["token"] == nil)
            #expect(try again.json["id"] == made.json["id"])
            let list = try await client.ask(.get, "/v1/tokens", as: world.token(.admin))
            #expect(!list.text.contains(secret))
            let taken = try await client.ask(.post, "/v1/tokens", as: world.token(.admin), body: body, key: "other")
            #expect(taken.status == 409 && taken.code == "conflict")
            #expect(
                try await client.ask(.post, "/v1/tokens", as: world.token(.admin), body: ["name": "x", "role": "viewer", "for": "91d"], key: "y").status == 422)
            #expect(try await client.ask(.post, "/v1/tokens", as: world.token(.admin), body: ["name": "x", "role": "king"], key: "z").status == 400)
            let stored = try await world.store.pool.query(
                "SELECT answer FROM muster.idempotency UNION ALL SELECT convert_from(leaf, 'UTF8') FROM muster.audit_event")
            for row in stored { #expect(try !row[0].string().contains(secret)) }
        }
    }

    @Test("the leader hands over at once, another node asks for it, and a repeated request asks no one twice")
    func resign() async throws {
        try await World.run { world, client in
            let body: JSON = ["reason": "kernel update"]
            let token = world.token(.operator)
            let nobody = try await client.ask(.post, "/v1/leader/resign", as: token, body: body, key: "0")
            #expect(nobody.status == 503 && nobody.code == "no-leader")
            #expect(nobody.header("Retry-After") == "1")
            try await world.whileLed {
                let asked = try await client.ask(.post, "/v1/leader/resign", as: token, body: body, key: "1")
                #expect(asked.status == 202)
                #expect(try asked.json["state"] == "requested")
                #expect(try await world.store.openRequests().map(\.reason) == ["kernel update"])
                #expect(world.node.resigned == [])

                world.node.set { $0.role = .leader }
                let done = try await client.ask(.post, "/v1/leader/resign", as: token, body: body, key: "2")
                #expect(try done.json["state"] == "resigning")
                #expect(world.node.resigned == ["the-operator: kernel update"])
                world.node.set { $0.role = .leader }
                let again = try await client.ask(.post, "/v1/leader/resign", as: token, body: body, key: "2")
                #expect(again.header("Idempotency-Replayed") == "true")
                #expect(world.node.resigned.count == 1)
                #expect(try await world.store.openRequests().count == 1)
            }
        }
    }

    @Test("the next leader may be named: it has to be known, alive, not the leader, and to speak with the others")
    func successor() async throws {
        try await World.run { world, client in
            let token = world.token(.operator)
            func heartbeat(_ name: String, _ state: JSON) async throws {
                try await world.store.heartbeat(
                    NodeRecord(
                        name: name, incarnation: "0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e6f", region: "eu", address: "https://\(name):7443", version: "1.0.0",
                        schema: 1, startedAt: WallTime(microseconds: 0), seenAt: WallTime(microseconds: 0), state: state))
            }
            for name in ["a", "b", "dead"] { try await heartbeat(name, ["peers": .string("\(name):7444")]) }
            try await heartbeat("mute", ["role": "follower"])
            _ = try await world.store.pool.query("UPDATE muster.node SET seen_at = seen_at - interval '1 minute' WHERE name = 'dead'")
            func ask(_ name: String, _ key: String) async throws -> Reply {
                try await client.ask(.post, "/v1/leader/resign", as: token, body: ["reason": "kernel update", "to": .string(name)], key: key)
            }
            try await world.whileLed {
                let unknown = try await ask("bb", "1")
                #expect(unknown.status == 400 && unknown.text.contains("names no node"), "\(unknown.text)")
                for (name, words) in [("a", "leads already"), ("dead", "is failed"), ("mute", "does not speak with the others")] {
                    let reply = try await ask(name, "2-\(name)")
                    #expect(reply.status == 409 && reply.code == "conflict" && reply.text.contains(words), "\(name): \(reply.text)")
                }
                #expect(try await world.store.openRequests().isEmpty)
                let asked = try await ask("b", "3")
                #expect(asked.status == 202)
                #expect(try asked.json["to"] == "b")
                #expect(try await world.store.openRequests().map(\.successor) == ["b"])

                world.node.set { $0.role = .leader }
                let done = try await ask("b", "4")
                #expect(try done.json["state"] == "resigning")
                #expect(world.node.resigned == ["the-operator: kernel update → b"])
                // Repeated after b took over, it is still the answer to what was done.
                _ = try await world.store.pool.query("UPDATE muster.leader SET node = 'b'")
                let again = try await ask("b", "4")
                #expect(again.status == 202 && again.header("Idempotency-Replayed") == "true", "\(again.text)")
            }
        }
    }

    @Test("an administrator denies certificates and nodes; what is no serial number, or on the list already, is refused")
    func denials() async throws {
        try await World.run { world, client in
            let (admin, viewer) = (world.token(.admin), world.token(.viewer))
            func deny(_ body: JSON, _ key: String, as token: String) async throws -> Reply {
                try await client.ask(.post, "/v1/denials", as: token, body: body, key: key)
            }
            #expect(try await deny(["serial": "0A:1B", "reason": "stolen"], "1", as: world.token(.operator)).status == 403)
            let serial = try await deny(["serial": "0A:1B", "reason": "stolen"], "2", as: admin)
            #expect(serial.status == 201, "\(serial.text)")
            let made = try serial.json
            #expect(made["serial"] == "a1b" && made["node"] == nil && made["by"] == "first-admin")
            #expect(serial.header("Location") == "/v1/denials/\(made["id"]?.intValue ?? 0)")
            #expect(try await deny(["node": "b", "reason": "stolen"], "3", as: admin).status == 201)
            #expect(try await deny(["serial": "a1b", "reason": "stolen"], "4", as: admin).code == "conflict")
            let wrong: [JSON] = [
                ["serial": "b's", "reason": "stolen"], ["reason": "stolen"], ["serial": "1", "node": "b", "reason": "stolen"],
                ["node": "not a name", "reason": "stolen"], ["serial": .string(String(repeating: "a", count: 41)), "reason": "stolen"], ["serial": "1"],
            ]
            for (index, body) in wrong.enumerated() { #expect(try await deny(body, "w\(index)", as: admin).status == 400, "\(body)") }
            let list = try await client.ask(.get, "/v1/denials", as: viewer).json["items"]?.arrayValue ?? []
            #expect(list.map { $0["serial"] ?? $0["node"] } == ["a1b", "b"])
            let id = try #require(made["id"]?.intValue)
            #expect(try await client.ask(.get, "/v1/denials/\(id)", as: viewer).json["reason"] == "stolen")
            #expect(try await client.ask(.delete, "/v1/denials/\(id)", as: viewer).status == 403)
            #expect(try await client.ask(.delete, "/v1/denials/\(id)", as: admin).status == 200)
            for path in ["/v1/denials/\(id)", "/v1/denials/x"] {
                #expect(try await client.ask(.delete, path, as: admin).status == 404)
                #expect(try await client.ask(.get, path, as: admin).status == 404)
            }
        }
    }
}
