import Crypto
import Model
import Store
import Testing

@Suite("Tokens, idempotency and requests")
struct AccessTests {
    @Test("a token proves itself by its secret alone, until it is revoked or runs out")
    func tokens() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            let (token, secret) = try await store.write(as: operatorPrincipal) { write in
                try await write.createToken(name: "ci", role: .viewer, expires: write.at + .seconds(3600))
            }
            let text = try #require(TokenText(secret))
            let right = Array(SHA256.hash(data: text.secret)), wrong = Array(SHA256.hash(data: [1, 2, 3] as [UInt8]))
            #expect(text.id == token.id)
            #expect(try await store.authenticate(tokenID: token.id, secretSHA256: right) == token)
            #expect(try await store.authenticate(tokenID: token.id, secretSHA256: wrong) == nil)
            #expect(try await store.authenticate(tokenID: token.id, secretSHA256: []) == nil)
            #expect(try await store.authenticate(tokenID: "nobody", secretSHA256: right) == nil)
            #expect(try await store.tokens().count == 2)
            #expect(try await cluster.sql("SELECT count(*) FROM muster.token t WHERE t::text LIKE '%\(secret)%'") == "0")
            #expect(try await cluster.events("token.created").allSatisfy { !String(decoding: $0.leaf, as: UTF8.self).contains(secret.suffix(40)) })

            try await cluster.sql("UPDATE muster.token SET expires_at = now() - interval '1 s' WHERE id = '\(token.id)'")
            #expect(try await store.authenticate(tokenID: token.id, secretSHA256: right) == nil)
            try await cluster.sql("UPDATE muster.token SET expires_at = now() + interval '1 h' WHERE id = '\(token.id)'")
            let answer9 = try await store.write(as: operatorPrincipal) { try await $0.revokeToken(id: token.id) }?.revokedAt
            #expect(answer9 != nil)
            #expect(try await store.authenticate(tokenID: token.id, secretSHA256: right) == nil)
            let refusal10 = await thrown(StoreConflict.self) { _ = try await store.write(as: operatorPrincipal) { try await $0.revokeToken(id: token.id) } }
            #expect(refusal10 != nil)
            let answer11 = try await store.write(as: operatorPrincipal) { try await $0.revokeToken(id: "nobody") }
            #expect(answer11 == nil)
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("an answer is remembered with its write, for its token, route and body, for a day")
    func idempotency() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            let body: [UInt8] = Array(SHA256.hash(data: [7] as [UInt8]))
            func remembered(token: String = "t1", key: String = "k", route: String = "/v1/pauses", body: [UInt8]) async throws -> Write.Remembered? {
                try await store.write(as: operatorPrincipal) {
                    try await $0.rememberedAnswer(token: token, key: key, route: route, bodySHA256: body)
                }
            }
            #expect(try await remembered(body: body) == nil)
            try await store.write(as: operatorPrincipal) { write in
                write.remember(token: "t1", key: "k", route: "/v1/pauses", bodySHA256: body, status: 201, answer: ["id": 7])
            }
            #expect(try await remembered(body: body) == .answer(status: 201, ["id": 7]))
            #expect(try await remembered(token: "t2", body: body) == nil)
            #expect(try await remembered(route: "/v1/overrides", body: body) == .reused)
            #expect(try await remembered(body: [1]) == .reused)
            // A write that fails remembers nothing.
            _ = try? await store.write(as: operatorPrincipal) { write in
                write.remember(token: "t1", key: "k2", route: "/v1/pauses", bodySHA256: body, status: 201, answer: [:])
                throw WriteTests.Abandoned()
            }
            #expect(try await remembered(key: "k2", body: body) == nil)
            try await cluster.sql("UPDATE muster.idempotency SET at = at - interval '25 h'")
            #expect(try await remembered(body: [1]) == nil, "after a day the key is free again")
            try await store.write(as: operatorPrincipal) { write in
                write.remember(token: "t1", key: "other", route: "/v1/pauses", bodySHA256: body, status: 201, answer: [:])
            }
            #expect(try await cluster.sql("SELECT string_agg(key, ',') FROM muster.idempotency") == "other", "old ones are dropped in passing")
        }
    }

    @Test("a request to resign waits for the leader and is carried out once")
    func requests() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            let id = try await store.write(as: operatorPrincipal) { try await $0.requestResign(reason: "upgrade") }
            let request = try #require(try await store.openRequests().first)
            #expect(request.id == id && request.actor == "operator-1" && request.reason == "upgrade" && request.kind == .resign)
            let first = try await store.write(as: .node("a")) { try await $0.resign(request, node: "a", epoch: 7) }
            let again = try await store.write(as: .node("a")) { try await $0.resign(request, node: "a", epoch: 7) }
            #expect(first && !again)
            #expect(try await store.openRequests().isEmpty)
            #expect(try await cluster.sql("SELECT outcome FROM muster.request") == "resigning epoch 7")
            let events = try await store.events(EventFilter(type: "leader.resigned", limit: 10))
            #expect(events.count == 1 && events.first?.subjectID == "a")
        }
    }

    @Test("a request that names the next leader is handed to the election with that name; whoever is named has nothing to do")
    func successor() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            _ = try await store.write(as: operatorPrincipal) { try await $0.requestResign(reason: "upgrade", to: "b") }
            _ = try await store.write(as: operatorPrincipal) { try await $0.requestResign(reason: "upgrade", to: "a") }
            let requests = try await store.openRequests()
            #expect(requests.map(\.successor) == ["b", "a"])
            let results = try await store.write(as: .node("a")) { write in
                [try await write.resign(requests[0], node: "a", epoch: 7), try await write.resign(requests[1], node: "a", epoch: 7)]
            }
            #expect(results == [true, false])
            #expect(try await store.openRequests().isEmpty)
            let outcomes = try await cluster.sql("SELECT string_agg(outcome, '; ' ORDER BY id) FROM muster.request")
            #expect(outcomes == "resigning epoch 7; a leads already, in epoch 7")
            let events = try await store.events(EventFilter(type: "leader.resigned", limit: 10))
            #expect(events.count == 1)
            #expect(String(decoding: events[0].leaf, as: UTF8.self).contains("\"to\":\"b\""))
        }
    }

    @Test("the deny-list holds each certificate and node once, up to its limit; every change is in the audit log")
    func denials() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            let serial = try await store.write(as: operatorPrincipal) { try await $0.deny(.serial("a1b"), reason: "stolen", limit: 2) }
            let node = try await store.write(as: operatorPrincipal) { try await $0.deny(.node("b"), reason: "stolen", limit: 2) }
            #expect(try await store.denials() == [serial, node].compactMap(\.self))
            #expect(serial?.actor == "operator-1" && serial?.reason == "stolen")
            let full = try await store.write(as: operatorPrincipal) { try await $0.deny(.node("c"), reason: "stolen", limit: 2) }
            #expect(full == nil)
            await #expect(throws: StoreConflict.self) {
                try await store.write(as: operatorPrincipal) { _ = try await $0.deny(.node("b"), reason: "again", limit: 3) }
            }
            let id = try #require(serial?.id)
            let allowed = try await store.write(as: operatorPrincipal) { try await $0.allow(id) }
            #expect(allowed == serial)
            let twice = try await store.write(as: operatorPrincipal) { try await $0.allow(id) }
            #expect(twice == nil)
            #expect(try await store.denials().map(\.what) == [.node("b")])
            #expect(try await cluster.events("certificate.denied").map(\.subjectID) == ["a1b", "b"])
            #expect(try await cluster.events("certificate.allowed").map(\.subjectID) == ["a1b"])
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("refused attempts are one event that counts them")
    func denied() async throws {
        try await withCluster { cluster in
            try await cluster.store.write(as: operatorPrincipal) { $0.recordDenied(code: "unauthenticated", route: "/v1/status", attempts: 12, ip: "10.0.0.7") }
            let event = try #require(try await cluster.events("auth.denied").first)
            let leaf = String(decoding: event.leaf, as: UTF8.self)
            #expect(event.subjectID == "/v1/status" && leaf.contains("\"attempts\":12") && leaf.contains("10.0.0.7"))
        }
    }

    @Test("what a person is asked is replaced by the same or a later term, never by an earlier one")
    func manual() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            func request(_ replicas: Int, epoch: Int64, action: String = "a") -> ManualRecord.Request {
                .init(replicas: replicas, expected: 4, action: action, epoch: epoch, reason: "queue")
            }
            #expect(try await store.manual([transcode]).isEmpty)
            #expect(try await store.askManually(transcode, request(8, epoch: 3)) == nil)
            #expect(try await store.askManually(transcode, request(9, epoch: 3, action: "b")) == nil)
            #expect(try await store.askManually(transcode, request(5, epoch: 2, action: "c")) == request(9, epoch: 3, action: "b"))
            #expect(try await store.askManually(transcode, request(6, epoch: 4, action: "d")) == nil)
            try await store.write(as: operatorPrincipal) { $0.recordObserved(workload: transcode, replicas: 6) }
            let record = try #require(try await store.manual([transcode, WorkloadID(service: "x", region: "y")])[transcode])
            #expect(record.request == request(6, epoch: 4, action: "d") && record.observed == 6 && record.observedBy == "operator-1")
            #expect(try await cluster.events("workload.observed").count == 1)
        }
    }

    @Test("a person may say what runs before anybody asked")
    func observedFirst() async throws {
        try await withCluster { cluster in
            try await cluster.store.write(as: operatorPrincipal) { $0.recordObserved(workload: transcode, replicas: 4) }
            #expect(try await cluster.store.manual([transcode])[transcode]?.request == nil)
            let request = ManualRecord.Request(replicas: 8, expected: 4, action: "a", epoch: 1, reason: "queue")
            #expect(try await cluster.store.askManually(transcode, request) == nil)
            #expect(try await cluster.store.manual([transcode])[transcode]?.observed == 4)
        }
    }
}
