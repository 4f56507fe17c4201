import Eventually
import Foundation
import Glibc
import Testing

extension WholeClusters {
    /// Three nodes in strict mode, on hosts of their own where that is possible: what changes something needs the word of a majority.
    @Suite(.serialized, .faultyCluster(strict: true))
    struct Strict {
        @Test("strict mode takes what any mode takes", arguments: [RealFault.kill, .freeze, .resign, .terminateBackend, .crashPostgres])
        func faults(fault: RealFault) async throws {
            let faulty = try FaultyCluster.current
            try await faulty.survive(fault)
            try await faulty.expectSound()
        }

        @Test("a leader whose followers are all silent is suspended, starts nothing, and resigns; when they are back, somebody acts again")
        func silentFollowers() async throws {
            let faulty = try FaultyCluster.current
            try await self.expectSuspended(faulty, of: try await self.busyLeader(faulty)) { followers in
                for node in followers { faulty.cluster.signal(node, SIGSTOP) }
            } heal: { followers in
                for node in followers { faulty.cluster.signal(node, SIGCONT) }
            }
        }

        @Test(
            "a leader that is cut off from the other nodes, and not from its database, is suspended and resigns; one of the majority leads and acts",
            .enabled(if: HostNetwork.missing == nil, Comment(rawValue: HostNetwork.missing ?? "")))
        func minority() async throws {
            let faulty = try FaultyCluster.current
            let leader = try await self.busyLeader(faulty)
            try await self.expectSuspended(faulty, of: leader) { _ in
                try await faulty.hosts.cutPeers(of: leader.node)
            } heal: { _ in
                // It stays away long enough after it resigned for the others to be first.
                let next = try await eventually("one of the majority leads", seen: { faulty.cluster.logTails() }) { () -> TestCluster.Leader? in
                    guard let next = try await faulty.cluster.leader(), next.node != leader.node else { return nil }
                    return next
                }
                try await eventually("epoch \(next.epoch) changes something", seen: { faulty.cluster.logTails() }) {
                    try !faulty.effects(from: next.epoch).isEmpty
                }
                try await faulty.hosts.healPeers(of: leader.node)
            }
        }

        /// Last: the cluster has two databases afterwards.
        @Test("a standby is promoted while the old primary lives and the old leader stays with it: what the two leaders do never overlaps")
        func promotion() async throws {
            let faulty = try FaultyCluster.current
            let cluster = faulty.cluster
            let standby = try await Standby(of: cluster)
            try await faulty.prefer(standby)
            let old = try await self.busyLeader(faulty)
            let oldProcess = try #require(cluster.pid(old.node))
            try await standby.catchUp()

            let said = cluster.log(old.node).count
            try await standby.promote()
            let isCut = faulty.network != nil
            // Where it can be, the old leader hears nothing of what comes next.
            if isCut { try await faulty.hosts.cutPeers(of: old.node) }
            try await cluster.sql(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where application_name ~ '^muster-(.*-)?(\(cluster.names.filter { $0 != old.node }.joined(separator: "|")))$'
                """)
            let next = try await eventually("another node leads on the promoted server", seen: { cluster.logTails() }) { () -> TestCluster.Leader? in
                let rows = try await standby.sql("select node, epoch from muster.leader where epoch > \(old.epoch) and timeline = 2")
                guard let row = rows.first, let epoch = Int(row[1]) else { return nil }
                return TestCluster.Leader(node: row[0], epoch: epoch)
            }
            #expect(next.node != old.node)
            if isCut {
                // Before anything is waited for: without a majority the old leader gives up some seconds after it was cut off, as it should. On a
                // machine so slow that it has by now, its reason tells that it was still there: a leader that loses its database says that instead.
                let sessions = try await cluster.number("select count(*) from pg_stat_activity where application_name ~ '-\(old.node)$'")
                let lackedMajority = cluster.log(old.node).dropFirst(said).contains("resigned: no majority of the nodes vouches for this leader")
                #expect(sessions > 0 || lackedMajority, "the old leader left its database before another one led\n\(cluster.log(old.node))")
            }
            let newProcess = try #require(cluster.pid(next.node))
            let acts = { try faulty.platform.beginnings(faulty.services).count { $0.process == newProcess && $0.epoch >= next.epoch } }
            try await eventually("epoch \(next.epoch) changes something, again and again", seen: { cluster.logTails() }) { try acts() > 4 }
            if isCut {
                try await faulty.hosts.healPeers(of: old.node)
                try await eventually("it hears of the new leader", seen: { cluster.log(old.node) }) {
                    cluster.log(old.node).contains("no longer leading epoch=\(old.epoch)")
                }
                let before = try acts()
                try await eventually("the new leader goes on", seen: { cluster.logTails() }) { try acts() > before + 2 }
            }
            let all = try faulty.platform.beginnings(faulty.services)
            let first = try #require(all.firstIndex { $0.process == newProcess && $0.epoch >= next.epoch })
            let late = all[first...].filter { $0.process == oldProcess }
            #expect(late.isEmpty, "the leader on the old primary started something after the new one: \(late)")
            #expect(Set(try faulty.effects().map(\.key)).count == (try faulty.effects().count), "an order took effect twice")
            try await cluster.expectTokens(standby, old: old)
            try await cluster.stopNodes()
            try await standby.stop()
        }

        // MARK: Parts

        /// A leader that changes something all the time.
        private func busyLeader(_ faulty: FaultyCluster) async throws -> TestCluster.Leader {
            try await faulty.keepBusy()
            return try await eventually("a leader changes something", seen: { faulty.cluster.logTails() }) { () -> TestCluster.Leader? in
                guard let leader = try await faulty.cluster.leader(), try !faulty.effects(from: leader.epoch).isEmpty else { return nil }
                return leader
            }
        }

        private func expectSuspended(
            _ faulty: FaultyCluster, of leader: TestCluster.Leader, by harm: ([String]) async throws -> Void, heal: ([String]) async throws -> Void
        ) async throws {
            let cluster = faulty.cluster
            let followers = cluster.names.filter { $0 != leader.node }
            let process = try #require(cluster.pid(leader.node))
            let said = cluster.log(leader.node).count
            try await harm(followers)
            try await cluster.says("suspended: no majority of the nodes has vouched for this leader", leader.node, after: said)
            // What it had started before may still be under way.
            try await cluster.settledPlatform(faulty.services)
            let begun = try faulty.platform.beginnings().count { $0.process == process }
            try await cluster.says("no majority of the nodes vouches for this leader", leader.node, after: said)
            try await cluster.says("no longer leading epoch=\(leader.epoch)", leader.node, after: said)
            #expect(try faulty.platform.beginnings().count { $0.process == process } == begun, "a leader without a majority started something")
            try await heal(followers)
            for node in cluster.names { try await cluster.ready(node) }
            let effects = try faulty.effects().count
            try await eventually("somebody acts again", seen: { cluster.logTails() }) { try faulty.effects().count > effects + 2 }
            try await faulty.expectSound()
        }
    }
}

extension FaultyCluster {
    /// Nodes prefer that server from now on, and reach the other while it only reads.
    fileprivate func prefer(_ standby: Standby) async throws {
        let primary = try self.cluster.port("postgres")
        let host = self.network?.server ?? "127.0.0.1"
        try await self.cluster.stopNodes()
        for node in self.cluster.names {
            let listed = text(self.cluster.configuration(node)).replacingOccurrences(
                of: "host=\(host) port=\(primary) ", with: "host=\(host),\(host) port=\(standby.port),\(primary) target_session_attrs=read-write ")
            try #require(listed.contains("target_session_attrs"))
            try write(listed, to: self.cluster.configuration(node))
        }
        try self.cluster.startNodes()
        for node in self.cluster.names { try await self.cluster.ready(node) }
    }
}
