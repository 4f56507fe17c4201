import Eventually
import Foundation
import Model
import Testing

extension WholeClusters.Leaders {
    /// What `node` knows of `other`.
    private func peer(_ other: String, at node: String, _ cluster: TestCluster) async throws -> JSON? {
        try await cluster.items(["get", "nodes"], at: node).first { $0["name"]?.stringValue == other }?["peer"]
    }

    private func all(_ nodes: [String], see other: String, as state: String, _ cluster: TestCluster) async throws {
        for node in nodes {
            try await eventually("\(node) sees \(other) as \(state)", seen: { cluster.logTails() }) {
                try await self.peer(other, at: node, cluster)?["state"]?.stringValue == state
            }
        }
    }

    @Test("nodes that start together are known to one another without a refusal")
    func joined() async throws {
        let cluster = try TestCluster.current
        for node in cluster.names { try await self.all(cluster.names.filter { $0 != node }, see: node, as: "alive", cluster) }
        for node in cluster.names { #expect(!cluster.log(node).contains("notAMember"), "\(node): \(cluster.log(node))") }
    }

    @Test("a denied certificate loses its links on every node, also on one that starts later, until the node has another or it is allowed")
    func denied() async throws {
        let cluster = try TestCluster.current
        let leader = try await cluster.leader(after: 0)
        let stolen = try await cluster.follower()
        let others = cluster.names.filter { $0 != stolen }
        let third = try #require(others.first { $0 != leader.node })
        try await self.all(others, see: stolen, as: "alive", cluster)
        let serial = try #require(try await cluster.json(["get", "nodes", stolen])["certificate"]?["serial"]?.stringValue)

        try await cluster.succeed(["ca", "deny", "--serial", serial.uppercased(), "--reason", "its key was copied"])
        try await self.all(others, see: stolen, as: "failed", cluster)
        #expect(cluster.log(leader.node).contains("is on the deny-list"), "\(cluster.log(leader.node))")
        try await cluster.stop(third)
        try cluster.start(third)
        try await cluster.ready(third)
        try await self.all([third], see: leader.node, as: "alive", cluster)
        try await eventually("\(third) refuses it from its start on", seen: { cluster.log(third) }) {
            let line = "serial \(serial) is on the deny-list"
            return cluster.log(third).contains(line) && cluster.log(stolen).contains("refused us")
        }
        #expect(try await self.peer(stolen, at: third, cluster)?["linked"] == false)

        // A new certificate of the same name is another one.
        let renewed = try await Ran.program(Programs.muster, ["ca", "renew", "--ca", "\(cluster.directory)/ca", "--in", cluster.folder(stolen)])
        #expect(renewed.status == 0, "\(renewed)")
        try await self.all(others, see: stolen, as: "alive", cluster)
        let listed = try await cluster.succeed(["ca", "denied"])
        #expect(listed.contains(serial) && listed.contains("its key was copied"), "\(listed)")
        try await cluster.succeed(["ca", "allow", "--serial", serial])

        try await cluster.succeed(["ca", "deny", "--node", stolen, "--reason", "the machine was broken into"])
        try await self.all(others, see: stolen, as: "failed", cluster)
        try await cluster.succeed(["ca", "allow", "--node", stolen])
        try await self.all(others, see: stolen, as: "alive", cluster)
        #expect(try await cluster.items(["ca", "denied"]).isEmpty)
        for (type, count) in [("certificate.denied", 2), ("certificate.allowed", 2)] {
            #expect(try await cluster.items(["audit", "list", "--type", type]).count == count)
        }
        let twice = try await cluster.muster(["ca", "allow", "--node", stolen])
        #expect(twice.status == 1 && twice.errors.contains("has no node"), "\(twice)")
        let now = try await cluster.leader()
        #expect(now == leader, "links between nodes elect nobody")
        try await cluster.expectSoundRecords()
    }
}
