import Eventually
import Foundation
import Testing

extension WholeClusters {
    /// Two primaries at once: a standby is promoted while the old primary, and its leader, live.
    @Suite(.serialized, .cluster(nodes: 3))
    struct Promotion {
        @Test("a standby is promoted while the old primary lives: tokens only rise, and once the old leader has heard of it only the new one acts")
        func oldPrimaryAlive() async throws {
            let cluster = try TestCluster.current
            let platform = Platform(cluster: cluster)
            let contested = ["promoted-a", "promoted-b"]
            // Of two leaders that evaluate in the same instant, the same one may be first every time. Here that is the new one.
            let won = "promoted-c"
            let services = contested + [won]
            let standby = try await Standby(of: cluster)
            // Nodes prefer the promoted server, and reach the other while it only reads.
            let primary = try cluster.port("postgres")
            try await cluster.stopNodes()
            for node in cluster.names {
                let listed = text(cluster.configuration(node)).replacingOccurrences(
                    of: "host=127.0.0.1 port=\(primary) ", with: "host=127.0.0.1,127.0.0.1 port=\(standby.port),\(primary) target_session_attrs=read-write ")
                try #require(listed.contains("target_session_attrs"))
                try write(listed, to: cluster.configuration(node))
            }
            try cluster.startNodes()
            for node in cluster.names { try await cluster.ready(node) }
            for (index, service) in contested.enumerated() { try await platform.add(service, quiet: 10, busy: 60, period: 1 + index) }
            try await platform.add(won, quiet: 10, busy: 60, period: 1, Platform.Options(observe: "observe-slowly-from-here"))
            try await eventually("something changes", seen: { cluster.logTails() }) { try platform.effects(services).count >= 2 }
            let old = try await cluster.leader(after: 0)
            try platform.slow(from: old.node)
            try await standby.catchUp()

            try await standby.promote()
            // All but the leader's own sessions fail over; it and the old primary go on.
            let others = cluster.names.filter { $0 != old.node }
            try await cluster.sql(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^muster-(.*-)?(\(others.joined(separator: "|")))$'")
            let next = try await eventually("another node leads on the promoted server", seen: { cluster.logTails() }) { () -> TestCluster.Leader? in
                let rows = try await standby.sql("select node, epoch from muster.leader where epoch > \(old.epoch) and timeline = 2")
                guard let row = rows.first, let epoch = Int(row[1]) else { return nil }
                return TestCluster.Leader(node: row[0], epoch: epoch)
            }
            #expect(next.node != old.node)
            try await eventually("epoch \(next.epoch) changes something", seen: { cluster.logTails() }) {
                try platform.effects([won]).contains { $0.epoch >= next.epoch }
            }
            // Without the strict mode both may act until the old leader hears of the other: here from the new server, when its session ends.
            let said = cluster.log(old.node).count
            let ended = try await cluster.sql(
                """
                select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^muster-(.*-)?\(old.node)$'
                """)
            if !ended.isEmpty, !cluster.log(old.node).contains("no longer leading epoch=\(old.epoch)") {
                try await cluster.says("no longer leading epoch=\(old.epoch)", old.node, after: said)
            }
            // A program that the old leader had started may still end.
            try await cluster.settledPlatform(services)
            let before = try platform.effects(services).count
            try await eventually("the new leader goes on", seen: { cluster.logTails() }) { try platform.effects(services).count > before + 3 }
            let late = try platform.effects(services).dropFirst(before)
            #expect(late.allSatisfy { $0.epoch > old.epoch }, "the leader on the old primary still changed something: \(Array(late))")

            try await cluster.expectTokens(standby, old: old)
            // What was decided before is all there: nothing was lost, so nothing may be done again. But an order that was under way at the promotion has no
            // outcome on the new server: when the old leader, which acts on, has meanwhile taken its effect back, it looks as if it had never had any.
            let effects = try platform.effects(services)
            for (place, effect) in effects.enumerated() {
                guard let again = effects[(place + 1)...].firstIndex(where: { $0.key == effect.key }) else { continue }
                let between = effects[(place + 1)..<again].filter { $0.service == effect.service }
                #expect(between.last?.to == effect.from && between.allSatisfy { $0.epoch <= old.epoch }, "an order took effect twice: \(effects)")
            }
            try await cluster.expectVerified()
            try await cluster.stopNodes()
            try await standby.stop()
        }
    }
}

extension TestCluster {
    /// The platform's lock is free: no change that was asked for is under way.
    func settledPlatform(_ services: [String]) async throws {
        for service in services {
            let ran = try await Ran.program("/usr/bin/flock", ["-w", "20", "\(self.directory)/exec.d/state/\(service)/lock", "/bin/true"])
            try #require(ran.status == 0, "\(ran)")
        }
    }

    /// Tokens of both servers together.
    func expectTokens(_ standby: Standby, old: TestCluster.Leader) async throws {
        let terms = "select timeline, epoch, node, incarnation from muster.term order by xmin::text::bigint"
        let (first, second) = (try await self.sql(terms), try await standby.sql(terms))
        #expect(Array(second.prefix(first.count { Int($0[1]) ?? 0 <= old.epoch })) == first.filter { Int($0[1]) ?? 0 <= old.epoch }, "a term was lost")
        for server in [first, second] {
            let tokens = server.compactMap { row in Int(row[0]).flatMap { timeline in Int(row[1]).map { timeline << 40 | $0 } } }
            #expect(tokens == Array(Set(tokens)).sorted(), "a token appears twice, or one is lower than the one before")
        }
        let owners = Dictionary(grouping: first + second) { "\($0[0])/\($0[1])" }.mapValues { Set($0.map { $0[3] }) }
        #expect(owners.values.allSatisfy { $0.count == 1 }, "two processes had one token: \(owners)")
    }
}
