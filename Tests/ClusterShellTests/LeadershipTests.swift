import Cluster
import Election
import Foundation
import Model
import Postgres
import PostgresTesting
import Testing

@Suite(.timeLimit(.minutes(3))) struct LeadershipTests {
    @Test("exactly one of three nodes leads, and the others know who")
    func oneLeads() async throws {
        let cluster = try await ElectionCluster.make()
        let first = cluster.start("a")
        let (term, next) = try await first.elected()
        #expect(term.epoch == Epoch(1) && term.node == "a" && term.cluster == "test" && term.shard == "main")
        #expect(term.predecessor == nil)
        #expect(term.token == (Int64(term.timeline) << 40) + 1)
        let followers = [cluster.start("b"), cluster.start("c")]
        _ = try await first.gateOpened(from: next)
        for follower in followers { try await follower.waiting(for: "a") }
        try await first.mayAct(term)
        #expect(!first.leadership.mayAct(term, sendBudget: .milliseconds(1500)))
        for follower in followers {
            #expect(!follower.leadership.mayAct(term, sendBudget: .zero))
            let status = follower.leadership.status
            #expect(status.role == .waiting)
            #expect(status.leader?.node == "a" && status.leader?.epoch == Epoch(1) && status.leader?.holdsLock == true)
            #expect(status.leader?.address == "a.example:7000")
            #expect(status.holder?.node == "a")
            #expect(!follower.log.events.contains { if case .elected = $0 { true } else { false } })
        }
        let status = first.leadership.status
        #expect(status.role == .leader && status.term == term && status.gateOpen)
        #expect(try #require(status.leaseRemaining) > .zero)
        #expect(status.degraded == [])
        #expect(try await cluster.execute("SELECT node, epoch, settled FROM muster.leader") == "a|1|t")
        for node in followers + [first] { try await node.stop() }
    }

    @Test("when the leader's session is ended another node leads; the old one hears it before the new one may act")
    func terminatedSession() async throws {
        let cluster = try await ElectionCluster.make()
        let old = cluster.start("a")
        let (oldTerm, afterElection) = try await old.elected()
        _ = try await old.gateOpened(from: afterElection)
        let new = cluster.start("b")
        try await new.waiting(for: "a")
        try await cluster.terminateLeader()
        let (newTerm, next) = try await new.elected()
        #expect(newTerm.epoch > oldTerm.epoch)
        #expect(newTerm.predecessor == .init(node: "a", epoch: oldTerm.epoch, resigned: false))
        // The lease of the old leader may still run: nothing was said or seen that ends it.
        #expect(!new.leadership.mayAct(newTerm, sendBudget: .zero))
        _ = try await new.gateOpened(from: next)
        try await new.mayAct(newTerm)
        #expect(!old.leadership.mayAct(oldTerm, sendBudget: .zero))
        let (reason, _) = try await old.lost()
        guard case .sessionClosed(let words) = reason else {
            Issue.record("lost by \(reason)")
            return
        }
        #expect(words.contains("terminating connection"))
        try await old.waiting(from: afterElection, for: "b")
        #expect(try await cluster.execute("SELECT string_agg(epoch || node, ',' ORDER BY epoch) FROM muster.term") == "1a,2b")
        try await old.stop()
        try await new.stop()
    }

    @Test("two nodes that race from an empty table agree")
    func race() async throws {
        let cluster = try await ElectionCluster.make()
        try await cluster.execute("DELETE FROM muster.leader")
        let nodes = [cluster.start("a"), cluster.start("b")]
        try await cluster.until("SELECT count(*) FROM muster.leader WHERE settled AND node IS NOT NULL", is: "1")
        let leader = try await cluster.execute("SELECT node FROM muster.leader")
        let follower = nodes[leader == "a" ? 1 : 0]
        try await follower.waiting(for: leader)
        #expect(try await cluster.execute("SELECT count(*) FROM muster.term") == "1")
        #expect(nodes.filter { $0.leadership.status.role == .leader }.count == 1)
        for node in nodes { try await node.stop() }
    }

    @Test("resigning hands over at once")
    func resign() async throws {
        let cluster = try await ElectionCluster.make()
        let old = cluster.start("a")
        let (oldTerm, next) = try await old.elected()
        _ = try await old.gateOpened(from: next)
        try await cluster.until("SELECT settled FROM muster.leader", is: "t")
        let new = cluster.start("b")
        try await new.waiting(for: "a")
        await new.leadership.resign()
        #expect(new.leadership.status.role == .waiting, "resigning means nothing to a follower")
        await old.leadership.resign()
        #expect(!old.leadership.mayAct(oldTerm, sendBudget: .zero))
        let (newTerm, afterElection) = try await new.elected()
        #expect(newTerm.predecessor == .init(node: "a", epoch: oldTerm.epoch, resigned: true))
        _ = try await new.gateOpened(from: afterElection)
        let tail = old.log.events.suffix(2)
        #expect(Array(tail.prefix(2)) == [.resigning(oldTerm), .lost(oldTerm, .resigned)])
        #expect(try await cluster.execute("SELECT previous_resigned FROM muster.term WHERE epoch = 2") == "t")
        try await old.waiting(from: next, for: "b")
        try await old.stop()
        try await new.stop()
    }

    @Test("a leader that commits more often than it beats is known by what it says of its work, and hands over when it says no more")
    func work() async throws {
        let cluster = try await ElectionCluster.make()
        // Longer than a busy machine lets a turn of the loop wait.
        let patience = Duration.seconds(4)
        let node = TestNode(cluster.configuration("a", workPatience: patience))
        let (term, next) = try await node.gateOpened()
        let begun = BootClock.now()
        var worked = begun
        while worked - begun < patience * 2 {
            try await node.leadership.transaction(term) { _, _ in }
            worked = BootClock.now()
            node.leadership.worked()
        }
        let (reason, _) = try await node.lost(from: next)
        #expect(reason == .stalled)
        #expect(BootClock.now() - worked >= patience)
        #expect(try await cluster.execute("SELECT resigned FROM muster.leader") == "t")
        try await node.stop()
    }

    @Test("a node that is shut down resigns first")
    func shutdownResigns() async throws {
        let cluster = try await ElectionCluster.make()
        let byCancellation = cluster.start("a")
        _ = try await byCancellation.gateOpened()
        try await byCancellation.stop()
        #expect(try await cluster.execute("SELECT node, resigned FROM muster.leader") == "a|t")
        #expect(byCancellation.leadership.status.role == .stopped)
        let byCall = cluster.start("b")
        _ = try await byCall.gateOpened()
        await byCall.leadership.shutdown()
        try await byCall.result()
        #expect(try await cluster.execute("SELECT node, resigned FROM muster.leader") == "b|t")
        // Nobody is left behind, and calls after the end still answer.
        try await cluster.until("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'muster-%' AND datname = current_database()", is: "0")
        await byCall.leadership.resign()
        await byCall.leadership.shutdown()
    }

    @Test("a follower that is shut down leaves the leader alone")
    func followerShutdown() async throws {
        let cluster = try await ElectionCluster.make()
        let leader = cluster.start("a")
        let (term, _) = try await leader.gateOpened()
        let follower = cluster.start("b")
        try await follower.waiting(for: "a")
        try await follower.stop()
        try await leader.mayAct(term)
        try await leader.stop()
    }

    @Test("waiting outlasts the timeouts and isolation that the role was given")
    func roleSettings() async throws {
        let cluster = try await ElectionCluster.make()
        let role = "impatient_\(cluster.database)"
        try await cluster.execute(
            """
            CREATE ROLE \(role) LOGIN SUPERUSER; ALTER ROLE \(role) SET statement_timeout = 250;
            ALTER ROLE \(role) SET lock_timeout = 100; ALTER ROLE \(role) SET idle_session_timeout = 400;
            ALTER ROLE \(role) SET default_transaction_isolation = 'serializable';
            ALTER ROLE \(role) SET default_transaction_read_only = on
            """)
        let leader = cluster.start("a")
        let (_, next) = try await leader.gateOpened()
        let timing = Timing(
            beat: .milliseconds(100), lease: .milliseconds(1500), idle: .milliseconds(2500), evict: .milliseconds(3500),
            slice: .milliseconds(500))
        let follower = cluster.start("b", conninfo: cluster.conninfo(user: role), timing: timing)
        try await follower.waiting(for: "a")
        // Three slices later it is the same session that waits.
        let session = "FROM pg_stat_activity WHERE application_name = 'muster-lock-b' AND datname = current_database()"
        let pid = try await cluster.execute("SELECT pid \(session)")
        var begun = try await cluster.execute("SELECT query_start \(session)")
        for _ in 1...3 {
            try await cluster.until("SELECT query_start <> '\(begun)' \(session)", is: "t")
            begun = try await cluster.execute("SELECT query_start \(session)")
        }
        #expect(try await cluster.execute("SELECT pid \(session)") == pid)
        #expect(follower.leadership.status.lastProblem == nil)
        await leader.leadership.resign()
        _ = try await follower.elected()
        _ = try await leader.lost(from: next)
        try await follower.stop()
        try await leader.stop()
    }

    @Test("after a restart of the database somebody leads again, in a later epoch")
    func databaseRestart() async throws {
        let server = try await TestServer.start(settings: ElectionCluster.durable)
        let cluster = try await ElectionCluster.make(on: server)
        let nodes = [cluster.start("a"), cluster.start("b")]
        try await cluster.until("SELECT count(*) FROM muster.leader WHERE settled AND node IS NOT NULL", is: "1")
        let epoch = try #require(Int64(try await cluster.execute("SELECT epoch FROM muster.leader")))
        try await server.restart(.immediate)
        try await cluster.until("SELECT epoch > \(epoch) AND settled FROM muster.leader", is: "t")
        let leaders = nodes.filter { $0.leadership.status.role == .leader }
        #expect(leaders.count == 1)
        for node in nodes { try await node.stop() }
    }

    @Test("a frozen database suspends the leader; it acts again only in the same term or a later one")
    func frozenDatabase() async throws {
        let server = try await TestServer.start(settings: ElectionCluster.durable)
        let cluster = try await ElectionCluster.make(on: server)
        let node = cluster.start("a")
        let (term, next) = try await node.gateOpened()
        try await server.pause()
        let (suspended, afterwards) = try await node.log.first(from: next) { event -> Term? in
            if case .suspended(let term) = event { term } else { nil }
        }
        #expect(suspended == term)
        #expect(!node.leadership.mayAct(term, sendBudget: .zero))
        #expect(node.leadership.status.role == .suspended)
        try await server.resume()
        let (later, _) = try await node.log.first(from: afterwards) { event -> Term? in
            switch event {
            case .resumed(let term), .gateOpened(let term): term
            default: nil
            }
        }
        #expect(later.epoch >= term.epoch)
        try await node.mayAct(later)
        try await node.stop()
    }

    @Test("a session that breaks while a stranger holds the lock is reported with who that is")
    func stranger() async throws {
        let cluster = try await ElectionCluster.make()
        let reactor = Reactor(name: "test-stranger")
        var configuration = ConnectionConfiguration(cluster.conninfo())
        configuration.applicationName = "a-strange-program"
        let stranger = try await Connection.connect(configuration, on: reactor)
        _ = try await stranger.query("SELECT pg_advisory_lock(lock_key) FROM muster.cluster")
        let node = cluster.start("a")
        let (holder, _) = try await node.log.first(from: 0) { event -> LockHolder? in
            if case .waiting(let holder?) = event { holder } else { nil }
        }
        #expect(holder.node == nil && holder.applicationName == "a-strange-program" && holder.role == "postgres")
        await stranger.close()
        reactor.stop()
        _ = try await node.gateOpened()
        try await node.stop()
    }
}
