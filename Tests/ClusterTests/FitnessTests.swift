import Eventually
import Glibc
import Model
import Testing

extension WholeClusters.Leaders {
    @Test("a leader that can't reach a platform stays while nobody can, and hands over to the first node that does")
    func unfit() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        var options = Platform.Options()
        options.observe = "observe-from-here"
        try await platform.add("near", options)

        // A leader whose predecessor did not resign: after a resignation the next one stays for a minute.
        try await cluster.adoptAll()
        let killed = try await cluster.leader(after: 0)
        cluster.signal(killed.node, SIGKILL)
        let leader = try await cluster.leader(after: killed.epoch)
        try await eventually("\(killed.node) is dead") { cluster.pid(killed.node) == nil }
        try cluster.start(killed.node)
        let others = cluster.names.filter { $0 != leader.node }
        for node in others { try await cluster.ready(node) }
        try await eventually("all see each other", seen: { cluster.logTails() }) {
            let nodes = try await cluster.items(["get", "nodes"], at: leader.node)
            return nodes.count { $0["peer"]?["state"]?.stringValue == "alive" } == others.count
        }
        // Some of them led before.
        let (idle, rounds) = (others.map { platform.tries($0) }, platform.tries(leader.node))
        try await eventually("the leader looks", seen: { cluster.logTails() }) { platform.tries(leader.node) >= rounds + 3 }
        #expect(others.map { platform.tries($0) } == idle, "while the leader reaches it, nobody else tries")

        for node in cluster.names { try platform.block(true, from: node) }
        try await eventually("the others try it once a second", seen: { cluster.logTails() }) {
            zip(others, idle).allSatisfy { platform.tries($0) >= $1 + 5 }
        }
        let stayed = try await cluster.leader()
        #expect(stayed == leader, "\(cluster.logTails())")
        #expect(cluster.log(leader.node).contains("this leader can’t reach what its work needs"))
        #expect(cluster.log(leader.node).contains("no route to the registry from \(leader.node)") || cluster.log(leader.node).contains("observe-from-here"))

        let chosen = try #require(others.last)
        try platform.block(false, from: chosen)
        let next = try await cluster.leader(after: leader.epoch)
        #expect(next.node == chosen, "\(cluster.logTails())")
        let resigned = try #require(try await cluster.items(["audit", "list", "--type", "leader.resigned", "--limit", "1"]).first)
        #expect(resigned["epoch"]?.intValue == Int64(leader.epoch), "\(resigned)")
        for words in ["has not reached program:observe-from-here", "\"to\":\"\(chosen)\"", "exited with 1"] {
            #expect(resigned.text.contains(words), "\(words): \(resigned.text)")
        }
        try await eventually("\(leader.node) says why", seen: { cluster.log(leader.node) }) {
            let log = cluster.log(leader.node)
            return log.contains("resigning") && log.contains("and \(chosen) does") && log.contains("this node can't reach its targets, others can")
        }

        // The new leader does what the old one could not.
        try await platform.load("near", quiet: 40)
        try await platform.reaches("near", 4)
        for node in cluster.names where node != chosen { try platform.block(false, from: node) }
        let last = try await cluster.leader()
        #expect(last == next)
        try await cluster.expectSoundRecords()
    }
}
