import HTTPTypes
import Membership
import Model
import Store
import Synchronization
import Testing

@Suite("Nodes as their peers know them")
struct PeerTests {
    /// What `a` knows of `b`: first heard over a link, then silent for long.
    private static func silentPeer() -> (view: MembershipView, now: Instant) {
        let facts = NodeFacts(
            role: .follower, epochSeen: Epoch(7), version: "1.0.0", postgres: .init(reachable: true, roundTripMicroseconds: 240),
            certificateNotAfter: 1_800_000_000, started: WallTime(microseconds: 0))
        var now = Instant(nanoseconds: 1_000_000_000)
        var machine = MembershipMachine(node: "a", bootID: "boot-a", incarnation: 1, facts: facts, seed: 1, at: now)
        _ = machine.handle(.members([Member(name: "a", address: "a:1"), Member(name: "b", address: "b:1")]), at: now, wall: WallTime(microseconds: 0))
        _ = machine.handle(.linkOpened(peer: "b", link: 1, dialled: true), at: now, wall: WallTime(microseconds: 0))
        let ping = PeerMessage(
            from: "b", to: "a", bootID: "boot-b", incarnation: 1, sequence: 1, requestID: 1, sentMono: 0, wall: WallTime(microseconds: 0),
            body: .ping(facts))
        _ = machine.handle(.received(ping, link: 1), at: now, wall: WallTime(microseconds: 0))
        _ = machine.handle(.linkClosed(link: 1, .reset), at: now, wall: WallTime(microseconds: 0))
        while machine.state(of: "b") != .failed, let wakeAt = machine.wakeAt {
            now = wakeAt
            _ = machine.handle(.timer, at: now, wall: WallTime(microseconds: 0))
        }
        return (machine.view, now + .seconds(2))
    }

    private func heartbeat(_ world: World, _ name: String, bootID: String) async throws {
        try await world.store.heartbeat(
            NodeRecord(
                name: name, incarnation: bootID, region: "eu", address: "https://\(name):7443", version: "1.0.0", schema: 1,
                startedAt: WallTime(microseconds: 0), seenAt: WallTime(microseconds: 0), state: .fields(["role": "follower"])))
    }

    @Test("what a node's own probes say is shown, and wins over the database's older word")
    func shown() async throws {
        try await World.run { world, client in
            try await self.heartbeat(world, "a", bootID: "0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e6f")
            try await self.heartbeat(world, "b", bootID: "0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e70")
            let before = try await client.ask(.get, "/v1/nodes/b", as: world.token(.viewer)).json
            #expect(before["state"] == "alive" && before["peer"] == nil)

            var peers = Self.silentPeer()
            peers.view.peers[0].bootID = "0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e70"
            world.node.state.withLock { $0.peers = peers }
            let node = try await client.ask(.get, "/v1/nodes/b", as: world.token(.viewer)).json
            #expect(node["state"] == "failed")
            let peer = try #require(node["peer"])
            #expect(peer["state"] == "failed" && peer["forMs"] == 2000 && peer["linked"] == false)
            #expect(peer["why"]?.stringValue?.contains("the link was reset") == true)
            #expect(peer["postgres"]?["rttUs"] == 240 && peer["epochSeen"] == 7)
            #expect(peer["certificateEnds"] == "2027-01-15T08:00:00.000Z")
            let list = try await client.ask(.get, "/v1/nodes", as: world.token(.viewer)).json["items"]?.arrayValue ?? []
            #expect(list.map { $0["state"] } == ["alive", "failed"])
        }
    }

    @Test("a new process of that name is not judged by what is known of the one before")
    func restarted() async throws {
        try await World.run { world, client in
            try await self.heartbeat(world, "b", bootID: "0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e70")
            var peers = Self.silentPeer()
            peers.view.peers[0].bootID = "0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e71"
            world.node.state.withLock { $0.peers = peers }
            let node = try await client.ask(.get, "/v1/nodes/b", as: world.token(.viewer)).json
            #expect(node["state"] == "alive" && node["peer"] == nil)
        }
    }
}
