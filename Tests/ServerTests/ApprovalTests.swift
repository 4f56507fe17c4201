import HTTPTypes
import HummingbirdTesting
import Model
import Store
import Testing

@testable import Server

@Suite("Approvals")
struct ApprovalTests {
    @Test("what waits is listed, shown on the first screen, approved once, and is in the log")
    func approving() async throws {
        try await World.run { world, client in
            try await Seed.all(world)
            let number = try await Seed.awaiting(world)
            let listed = try await client.ask(.get, "/v1/approvals", as: world.token(.viewer)).json["items"]?.arrayValue ?? []
            #expect(listed.map { $0["id"] } == [.string("d-\(number)")] && listed.first?["state"] == "waiting" && listed.first?["said"] == .null)
            #expect(listed.first?["by"] == "policy transcode" && listed.first?["from"] == 4 && listed.first?["to"] == 6)
            let status = try await client.ask(.get, "/v1/status", as: world.token(.viewer)).json
            #expect(status["approvals"] == 1)
            let item = status["attention"]?.arrayValue?.first { $0["id"] == .string("approval:d-\(number)") }
            #expect(item?["do"]?.arrayValue?.first?["command"] == .string("muster approve d-\(number)"))

            let path = "/v1/approvals/d-\(number)"
            let said = try await client.ask(.post, "\(path)/approve", as: world.token(.operator), body: ["reason": "it is known"], key: "1")
            #expect(said.status == 200, "\(said.text)")
            #expect(try said.json["state"] == "approved" && said.json["said"]?["by"] == "the-operator" && said.json["said"]?["reason"] == "it is known")
            let again = try await client.ask(.post, "\(path)/approve", as: world.token(.operator), body: ["reason": "it is known"], key: "1")
            #expect(again.header("Idempotency-Replayed") == "true")
            #expect(try await client.ask(.get, path, as: world.token(.viewer)).json["state"] == "approved")
            #expect(try await client.ask(.get, "/v1/status", as: world.token(.viewer)).json["approvals"] == 0)
            let rejected = try await client.ask(.post, "\(path)/reject", as: world.token(.admin), body: [:], key: "2")
            #expect(try rejected.status == 200 && rejected.json["state"] == "rejected")
            #expect(try await world.store.approvals().map(\.verdict) == [.rejected])
            let types = try await world.store.events(EventFilter(subject: "legacy/eu-west", ascending: true)).map(\.type)
            #expect(types.suffix(2) == ["decision.approved", "decision.rejected"])
        }
    }

    @Test("what was overtaken, waits no more, is one's own or never was can't be approved")
    func refused() async throws {
        try await World.run { world, client in
            try await Seed.all(world)
            let first = try await Seed.awaiting(world)
            let second = try await Seed.awaiting(world, to: 7)
            let overtaken = try await client.ask(.post, "/v1/approvals/d-\(first)/approve", as: world.token(.operator), body: [:], key: "1")
            #expect(try overtaken.status == 409 && overtaken.code == "conflict" && overtaken.json["next"]?.stringValue?.contains("d-\(second)") == true)
            let acted = try #require(try await world.store.decisions(DecisionFilter(workload: Seed.eu, limit: 1)).first)
            let over = try await client.ask(.post, "/v1/approvals/d-\(acted.id)/approve", as: world.token(.operator), body: [:], key: "2")
            #expect(over.status == 409 && over.code == "already-ended")
            for id in ["d-99999", "77", "d-x"] {
                #expect(try await client.ask(.post, "/v1/approvals/\(id)/approve", as: world.token(.operator), body: [:], key: "3").status == 404)
                #expect(try await client.ask(.get, "/v1/approvals/\(id)", as: world.token(.viewer)).status == 404)
            }
            let own = try await Seed.awaiting(world, to: 8, byOverrideOf: "the-operator")
            let selfish = try await client.ask(.post, "/v1/approvals/d-\(own)/approve", as: world.token(.operator), body: [:], key: "4")
            #expect(try selfish.status == 403 && selfish.code == "self-approval" && selfish.json["by"] == "the-operator")
            #expect(try await client.ask(.post, "/v1/approvals/d-\(own)/approve", as: world.token(.admin), body: [:], key: "5").status == 200)
        }
    }
}
