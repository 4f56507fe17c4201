import Eventually
import Glibc
import Model
import Testing

extension WholeClusters {
    /// Three nodes, whose leader is killed, frozen, asked to go.
    @Suite(.serialized, .cluster(nodes: 3))
    struct Leaders {
        @Test("a leader that is killed while it scales, ten times: another one leads each time, the workloads go on, and nothing is done twice")
        func tenKills() async throws {
            let cluster = try TestCluster.current
            let platform = Platform(cluster: cluster)
            let services = ["kills-a", "kills-b", "kills-c"]
            for (index, service) in services.enumerated() { try await platform.add(service, quiet: 10, busy: 60, period: 1 + index) }

            for round in 1...10 {
                let what = "the leader of round \(round) has a change under way"
                let leader = try await eventually(what, every: .milliseconds(20), seen: { cluster.logTails() }) { () -> TestCluster.Leader? in
                    guard let leader = try await cluster.leader() else { return nil }
                    let open = try await cluster.number(
                        """
                        select count(*) from muster.action
                        where epoch = \(leader.epoch) and state in ('committed', 'sent', 'accepted', 'verifying', 'unknown')
                        """)
                    return open > 0 ? leader : nil
                }
                cluster.signal(leader.node, SIGKILL)
                let next = try await cluster.leader(after: leader.epoch)
                #expect(next.node != leader.node)
                try await eventually("epoch \(next.epoch) changes something", seen: { cluster.logTails() }) {
                    try platform.effects(services).contains { $0.epoch >= next.epoch }
                }
                try cluster.start(leader.node)
                try await cluster.ready(leader.node)
            }

            for service in services { try await platform.load(service, quiet: 20) }
            for service in services { try await platform.reaches(service, 2) }
            try await cluster.settled(services)
            #expect(try await cluster.number("select count(*) from muster.term") >= 11)
            #expect(Set(try platform.effects(services).map(\.epoch)).count >= 10)
            try await platform.expectSoundEffects(services)
            try await cluster.expectSoundRecords()
        }
    }
}
