import Eventually
import Glibc
import Model
import Testing

extension WholeClusters.Leaders {
    @Test("“leader resign” at a follower hands over to another node")
    func resign() async throws {
        let cluster = try TestCluster.current
        let leader = try await cluster.leader(after: 0)
        let follower = try await cluster.follower()
        let said = try await cluster.succeed(["leader", "resign", "--reason", "the host goes down for repair"], at: follower)
        #expect(said.contains("the leader hands over"))
        let next = try await cluster.leader(after: leader.epoch)
        #expect(next.node != leader.node)
        #expect(try await cluster.sql("select previous_resigned from muster.term where epoch = \(next.epoch)") == [["t"]])
        let open = try await cluster.number("select count(*) from muster.request where done_at is null")
        #expect(open == 0)
        #expect(cluster.pid(leader.node) != nil, "a node that resigns goes on as a follower")
        try await eventually("status names the new leader") {
            let status = try await cluster.json(["status"], at: follower)
            return status["leader"]?["node"]?.stringValue == next.node && status["leader"]?["previous"]?.stringValue == leader.node
        }
        let event = try #require(try await cluster.items(["audit", "list", "--type", "leader.elected", "--limit", "1"]).first)
        #expect(event["epoch"]?.intValue == Int64(next.epoch))
        let resigned = try #require(try await cluster.items(["audit", "list", "--type", "leader.resigned", "--limit", "1"]).first)
        #expect(resigned.text.contains("the host goes down for repair"), "\(resigned)")
        try await cluster.expectSoundRecords()
    }

    @Test("“leader resign --to NODE” makes that node the next leader, whichever node is asked; one that can't lead is refused")
    func successor() async throws {
        let cluster = try TestCluster.current
        var leader = try await cluster.leader(after: 0)
        // Each turn the one that did not lead before, so that a node that is merely the first does not pass for the named one.
        for _ in 0..<4 {
            let others = cluster.names.filter { $0 != leader.node }
            let named = try #require(others.randomElement())
            let asked = try #require(cluster.names.randomElement())
            for node in cluster.names { try await self.sees(node, others: cluster.names, cluster) }
            let said = try await cluster.succeed(["leader", "resign", "--to", named, "--reason", "the host goes down for repair"], at: asked)
            #expect(said.contains("hands over to \(named)"))
            let next = try await cluster.leader(after: leader.epoch)
            #expect(next.node == named, "\(asked) was asked\n\(cluster.logTails())")
            let resigned = try #require(try await cluster.items(["audit", "list", "--type", "leader.resigned", "--limit", "1"]).first)
            #expect(resigned.text.contains("\"to\":\"\(named)\""), "\(resigned)")
            leader = next
        }
        let itself = try await cluster.muster(["leader", "resign", "--to", leader.node, "--reason", "the host goes down for repair"])
        #expect(itself.status == 1 && itself.errors.contains("leads already"), "\(itself)")
        let unknown = try await cluster.muster(["leader", "resign", "--to", "nobody", "--reason", "the host goes down for repair"])
        #expect(unknown.status == 2 && unknown.errors.contains("names no node"), "\(unknown)")
        let stayed = try await cluster.leader()
        #expect(stayed == leader)
        try await cluster.expectSoundRecords()
    }

    /// Waits until the node sees all others alive, and they it.
    private func sees(_ node: String, others: [String], _ cluster: TestCluster) async throws {
        try await eventually("\(node) sees all nodes alive", seen: { cluster.logTails() }) {
            let nodes = try await cluster.items(["get", "nodes"], at: node)
            return nodes.count { $0["name"]?.stringValue == node || $0["peer"]?["state"]?.stringValue == "alive" } == others.count
        }
    }

    @Test("a leader that gets SIGTERM hands over and exits with 0; so does every other node, and the last one leaves a resigned leader")
    func orderlyEnd() async throws {
        let cluster = try TestCluster.current
        try await cluster.adoptAll()
        let leader = try await cluster.leader(after: 0)
        cluster.signal(leader.node, SIGTERM)
        let status = await (try cluster.child(leader.node)).ended
        #expect(status == 0, "\(cluster.log(leader.node).suffix(2000))")
        let next = try await cluster.leader(after: leader.epoch)
        #expect(next.node != leader.node)
        #expect(try await cluster.sql("select previous_resigned from muster.term where epoch = \(next.epoch)") == [["t"]])
        let nodes = try await cluster.items(["get", "nodes"], at: next.node)
        #expect(nodes.first { $0["name"]?.stringValue == leader.node }?["state"]?.stringValue == "left", "\(nodes)")

        // The leader last, once the server knows that the other one has gone: nobody is left to take over.
        for node in cluster.names.filter({ $0 != leader.node && $0 != next.node }) + [next.node] {
            let child = try cluster.child(node)
            try await cluster.stop(node)
            let status = await child.ended
            #expect(status == 0, "\(node): \(cluster.log(node).suffix(2000))")
        }
        let terms = try await cluster.sql("select epoch, node, at, previous_resigned from muster.term order by epoch desc limit 4")
        #expect(try await cluster.sql("select resigned from muster.leader") == [["t"]], "\(terms)\n\(cluster.logTails())")
        #expect(try await cluster.number("select count(*) from muster.node where left_at is null") == 0)

        for node in cluster.names { try cluster.start(node) }
        for node in cluster.names { try await cluster.ready(node) }
        _ = try await cluster.leader(after: next.epoch)
        try await cluster.expectSoundRecords()
    }

    @Test("a leader that is frozen is replaced, and changes nothing any more when it thaws")
    func frozen() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        let services = ["frozen-a", "frozen-b"]
        for (index, service) in services.enumerated() { try await platform.add(service, quiet: 10, busy: 60, period: 1 + index) }
        let leader = try await cluster.leader(after: 0)
        try await eventually("epoch \(leader.epoch) changes something", seen: { cluster.logTails() }) { try !platform.effects(services).isEmpty }

        cluster.signal(leader.node, SIGSTOP)
        let next = try await cluster.leader(after: leader.epoch)
        #expect(next.node != leader.node)
        try await eventually("epoch \(next.epoch) changes something", seen: { cluster.logTails() }) {
            try platform.effects(services).contains { $0.epoch >= next.epoch }
        }
        cluster.signal(leader.node, SIGCONT)
        try await eventually("the thawed node follows", seen: { cluster.log(leader.node) }) {
            cluster.log(leader.node).contains("no longer leading epoch=\(leader.epoch)")
        }
        let before = try platform.effects(services).count
        try await eventually("the new leader goes on", seen: { cluster.logTails() }) { try platform.effects(services).count > before + 3 }
        try await cluster.ready(leader.node)
        for service in services { try await platform.load(service, quiet: 20) }
        for service in services { try await platform.reaches(service, 2) }
        try await cluster.settled(services)
        try await platform.expectSoundEffects(services)
        try await cluster.expectSoundRecords()
    }
}
