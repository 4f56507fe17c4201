import HTTPTypes
import HummingbirdTesting
import Manifests
import Model
import Store
import Testing

@testable import Server

@Suite("Manifests over HTTP")
struct ManifestTests {
    private func files(_ text: String) -> JSON { ["files": [["name": "media.yaml", "text": .string(text)]]] }

    private func apply(_ client: any TestClientProtocol, _ world: World, _ text: String, key: String, expected: JSON? = nil) async throws -> Reply {
        var body = self.files(text).objectValue ?? [:]
        body["expected"] = expected
        return try await client.ask(.post, "/v1/manifests/apply", as: world.token(.admin), body: .object(body), key: key)
    }

    @Test("apply puts all in force, twice changes nothing, and what is exported applies to nothing new")
    func apply() async throws {
        let document = try OpenAPI()
        try await World.run { world, client in
            let first = try await self.apply(client, world, Seed.yaml, key: "1")
            #expect(first.status == 200, "\(first.text)")
            let schema = try #require(try document.answerSchema("applyManifests", status: 200))
            #expect(try document.faults(try first.json, schema) == [])
            let applied = try first.json["applied"]?.arrayValue ?? []
            #expect(applied.count == 7)
            #expect(applied.allSatisfy { $0["changed"] == true && $0["version"] == 1 })
            let seq = try await world.store.head().seq
            let second = try await self.apply(client, world, Seed.yaml, key: "2").json
            #expect(second["applied"]?.arrayValue?.allSatisfy { $0["changed"] == false } == true)
            #expect(try await world.store.head().seq == seq)
            let exported = try await client.ask(.get, "/v1/manifests/export", as: world.token(.viewer))
            #expect(exported.header("Content-Type")?.hasPrefix("application/yaml") == true)
            let diff = try await client.ask(.post, "/v1/manifests/diff", as: world.token(.viewer), body: self.files(exported.text)).json
            #expect(diff["equal"] == true)
            let policies = try await client.ask(.get, "/v1/manifests/export?kind=Policy", as: world.token(.viewer)).text
            #expect(policies.contains("kind: Policy") && !policies.contains("kind: Region"))
        }
    }

    @Test("diff names each change, versions keep them, and a stale expectation applies nothing")
    func versions() async throws {
        let document = try OpenAPI()
        try await World.run { world, client in
            _ = try await self.apply(client, world, Seed.yaml, key: "1")
            let changed = Seed.yaml.replacing("maxReplicas: 6", with: "maxReplicas: 8")
            let diff = try await client.ask(.post, "/v1/manifests/diff", as: world.token(.viewer), body: self.files(changed)).json
            #expect(try document.faults(diff, try #require(try document.answerSchema("diffManifests", status: 200))) == [])
            let policy = try #require(diff["documents"]?.arrayValue?.first { $0["kind"] == "Policy" })
            #expect(policy["changes"] == [["op": "replace", "path": "/maxReplicas", "from": 6, "to": 8]])
            #expect(try await self.apply(client, world, changed, key: "2", expected: ["Policy/transcode": 1]).status == 200)
            let stale = try await self.apply(client, world, Seed.yaml, key: "3", expected: ["Policy/transcode": 1])
            #expect(stale.status == 412 && stale.code == "version-conflict")
            #expect(try stale.json["current"]?["version"] == 2)
            let none = try await self.apply(client, world, Seed.yaml, key: "4", expected: ["Policy/transcode": 0])
            #expect(none.status == 412)
            let list = try await client.ask(.get, "/v1/policies/transcode/versions", as: world.token(.viewer)).json["items"]?.arrayValue ?? []
            #expect(list.map { $0["version"] } == [2, 1])
            #expect(list.map { $0["active"] } == [true, false])
            #expect(list[0]["diff"] == policy["changes"])
            let old = try await client.ask(.get, "/v1/policies/transcode/versions/1", as: world.token(.viewer))
            #expect(old.header("ETag")?.hasPrefix("\"1-") == true)
            #expect(try old.json["manifest"]?["maxReplicas"] == 6)
            for version in ["3", "0", "x", "99999999999999999999"] {
                #expect(try await client.ask(.get, "/v1/policies/transcode/versions/\(version)", as: world.token(.viewer)).status == 404)
            }
        }
    }

    @Test("what is wrong is said with file, line and the name that was meant, and nothing is applied")
    func invalid() async throws {
        try await World.run { world, client in
            let wrong = Seed.yaml.replacing("averageValue: 25", with: "averageValu: 25")
            let reply = try await self.apply(client, world, wrong, key: "1")
            #expect(reply.status == 422 && reply.code == "invalid-manifest")
            let fault = try #require(try reply.json["errors"]?.arrayValue?.first { $0["code"] == "unknown-field" })
            #expect(fault["file"] == "media.yaml")
            #expect(fault["line"]?.intValue != nil)
            #expect(fault["near"] == "averageValue")
            #expect(try await world.store.manifests() == [])
            let lint = try await client.ask(.post, "/v1/manifests/lint", as: world.token(.viewer), body: self.files(wrong))
            #expect(lint.status == 200)
            #expect(try lint.json["ok"] == false)
            let clean = try await client.ask(.post, "/v1/manifests/lint", as: world.token(.viewer), body: self.files(Seed.yaml)).json
            #expect(clean["ok"] == true)
        }
    }

    @Test(
        "a body that is not files is refused",
        arguments: [
            ["files": []] as JSON, ["files": "x"], ["files": [["name": "x"]]], ["files": [["name": "x", "text": 7]]],
            ["files": [["name": "x", "text": "", "mode": 1]]], [:],
        ])
    func notFiles(body: JSON) async throws {
        try await World.run { world, client in
            let reply = try await client.ask(.post, "/v1/manifests/apply", as: world.token(.admin), body: body, key: "k")
            #expect(reply.status == 400, "\(reply.text)")
        }
    }

    @Test("an expectation that can’t be one is refused", arguments: [["Policy": 1] as JSON, ["Polcy/x": 1], ["Policy/x": "1"], ["Policy/x": -1]])
    func expectations(expected: JSON) async throws {
        try await World.run { world, client in
            let reply = try await self.apply(client, world, Seed.yaml, key: "k", expected: expected)
            #expect(reply.status == 400)
        }
    }
}
