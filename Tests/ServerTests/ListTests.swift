import HTTPTypes
import HummingbirdTesting
import Model
import Store
import Testing

@testable import Server

@Suite("Lists")
struct ListTests {
    /// Follows `next` to the end and returns what was on the pages.
    private func pages(_ client: any TestClientProtocol, _ world: World, _ path: String, limit: Int) async throws -> [[JSON]] {
        var pages: [[JSON]] = []
        var cursor: String?
        repeat {
            let separator = path.contains("?") ? "&" : "?"
            let reply = try await client.ask(
                .get, "\(path)\(separator)limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? ""), as: world.token(.admin))
            #expect(reply.status == 200, "\(reply.text)")
            pages.append(try reply.json["items"]?.arrayValue ?? [])
            cursor = try reply.json["next"]?.stringValue
            #expect(pages.count < 100)
        } while cursor != nil && pages.count < 100
        return pages
    }

    @Test("pages hold every item once, in order, and the last one says that it is", arguments: [1, 2, 3, 5, 7, 8])
    func decisions(limit: Int) async throws {
        try await World.run { world, client in
            try await Seed.all(world, decisions: 7)
            let pages = try await self.pages(client, world, "/v1/decisions", limit: limit)
            let ids = pages.joined().compactMap { $0["id"]?.stringValue }
            #expect(ids == (try await world.store.decisions(DecisionFilter()).map { DecisionRecord.name($0.id) }))
            #expect(pages.dropLast().allSatisfy { $0.count == limit })
            #expect(pages.last?.isEmpty == false)
        }
    }

    @Test("the log is listed in both directions, within bounds, from page to page", arguments: [1, 3, 100])
    func events(limit: Int) async throws {
        try await World.run { world, client in
            try await Seed.all(world)
            let size = try await world.store.treeHead().size
            let rising = try await self.pages(client, world, "/v1/audit/events?order=asc", limit: limit).joined().compactMap { $0["seq"]?.intValue }
            #expect(rising == Array(0..<size))
            let falling = try await self.pages(client, world, "/v1/audit/events", limit: limit).joined().compactMap { $0["seq"]?.intValue }
            #expect(falling == Array((0..<size).reversed()))
            let part = try await self.pages(client, world, "/v1/audit/events?seqFrom=2&seqTo=5&order=asc", limit: limit).joined().compactMap {
                $0["seq"]?.intValue
            }
            #expect(part == [2, 3, 4, 5])
            let policies = try await self.pages(client, world, "/v1/audit/events?type=policy.created", limit: limit).joined()
            #expect(policies.map { $0["subjectId"] } == ["transcode"])
        }
    }

    @Test("a list in memory pages by name, and its filter takes several values")
    func workloads() async throws {
        try await World.run { world, client in
            try await Seed.all(world)
            let names = try await self.pages(client, world, "/v1/workloads", limit: 1).joined().compactMap { $0["id"]?.stringValue }
            #expect(names == ["legacy/eu-west", "transcode/eu-west", "transcode/us-east"])
            func ids(_ query: String) async throws -> [String] {
                try await self.pages(client, world, "/v1/workloads?\(query)", limit: 100).joined().compactMap { $0["id"]?.stringValue }
            }
            #expect(try await ids("region=us-east") == ["transcode/us-east"])
            #expect(try await ids("region=us-east&region=eu-west&service=transcode") == ["transcode/eu-west", "transcode/us-east"])
            #expect(try await ids("owner=team-media&mode=live&state=moving") == ["transcode/eu-west"])
            #expect(try await ids("q=east") == ["transcode/us-east"])
            #expect(try await ids("policy=nothing") == [])
        }
    }

    @Test("decisions are found by workload, kind and time")
    func filters() async throws {
        try await World.run { world, client in
            try await Seed.all(world)
            func count(_ query: String) async throws -> Int { try await self.pages(client, world, "/v1/decisions?\(query)", limit: 100).joined().count }
            #expect(try await count("workload=transcode/eu-west") == 3)
            #expect(try await count("workload=transcode%2Fus-east") == 0)
            #expect(try await count("kind=up&policy=transcode&region=eu-west&service=transcode") == 3)
            #expect(try await count("kind=down") == 0)
            let now = try await world.store.head().now
            #expect(try await count("since=\((now - .seconds(90)).description)") == 1)
            #expect(try await count("until=\((now - .seconds(90)).description)") == 2)
        }
    }

    @Test("a cursor of another list or filter is refused")
    func foreignCursor() async throws {
        try await World.run { world, client in
            try await Seed.all(world)
            let cursor = try #require(try await client.ask(.get, "/v1/decisions?limit=1", as: world.token(.viewer)).json["next"]?.stringValue)
            for path in ["/v1/actions?cursor=\(cursor)", "/v1/decisions?kind=up&cursor=\(cursor)", "/v1/workloads?cursor=\(cursor)"] {
                let reply = try await client.ask(.get, path, as: world.token(.viewer))
                #expect(reply.status == 400 && reply.code == "bad-cursor", "\(path)")
            }
        }
    }

    private static let absentPaths = [
        "/v1/nodes/x", "/v1/regions/x", "/v1/services/x", "/v1/workloads/x/y", "/v1/policies/x", "/v1/policies/x/versions", "/v1/decisions/d-0",
        "/v1/decisions/88", "/v1/decisions/d-01", "/v1/actions/a-0", "/v1/pauses/x", "/v1/audit/events/999", "/v1/audit/events/-1", "/v1/tokens/x",
        "/v1/workloads/x/y/decision",
    ]

    @Test("what does not exist is 404 with where to look")
    func absent() async throws {
        try await World.run { world, client in
            for path in Self.absentPaths {
                let reply = try await client.ask(.get, path, as: world.token(.admin))
                #expect(reply.status == 404 && reply.code == "not-found", "\(path) \(reply.text)")
            }
        }
    }
}
