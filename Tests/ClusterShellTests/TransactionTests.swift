import Cluster
import Election
import Model
import Postgres
import PostgresTesting
import Testing

@Suite(.timeLimit(.minutes(3))) struct LeaderTransactionTests {
    struct Refused: Error {}

    /// A leader that may act, and a fenced table.
    private func leader(_ cluster: ElectionCluster, timing: Timing = ElectionCluster.timing) async throws -> (node: TestNode, term: Term, next: Int) {
        try await cluster.execute(
            """
            CREATE TABLE fact (id bigint GENERATED ALWAYS AS IDENTITY, shard text, writer_epoch bigint, words text);
            CREATE TRIGGER fence BEFORE INSERT OR UPDATE ON fact FOR EACH ROW EXECUTE FUNCTION muster.fence()
            """)
        let node = cluster.start("a", timing: timing)
        let (term, next) = try await node.gateOpened()
        return (node, term, next)
    }

    private static func insert(_ epoch: Epoch, _ words: String) -> Statement {
        Statement("INSERT INTO fact (shard, writer_epoch, words) VALUES ('main', $1, $2)", [.int(epoch.value), .text(words)])
    }

    @Test("a leader's transaction commits, and one whose body fails leaves nothing")
    func commitAndRollback() async throws {
        let cluster = try await ElectionCluster.make()
        let (node, term, _) = try await self.leader(cluster)
        let answer = try await node.leadership.transaction(term) { transaction, _ in
            _ = try await transaction.query(Self.insert(term.epoch, "kept"))
            return try await transaction.query("SELECT count(*) FROM fact").first?[0].int()
        }
        #expect(answer == 1)
        await #expect(throws: Refused.self) {
            try await node.leadership.transaction(term) { transaction, _ in
                _ = try await transaction.query(Self.insert(term.epoch, "dropped"))
                throw Refused()
            }
        }
        await #expect(throws: PostgresError.self) {
            try await node.leadership.transaction(term) { transaction, _ in
                _ = try await transaction.query("SELECT 1/0")
            }
        }
        #expect(try await cluster.execute("SELECT string_agg(words, ',') FROM fact") == "kept")
        try await node.mayAct(term)
        #expect(!node.log.events.contains { if case .lost = $0 { true } else { false } })
        try await node.stop()
    }

    @Test("transactions asked for at once run one after the other")
    func oneAtATime() async throws {
        let cluster = try await ElectionCluster.make()
        let (node, term, _) = try await self.leader(cluster)
        let leadership = node.leadership
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask {
                    try await leadership.transaction(term) { transaction, _ in
                        _ = try await transaction.query(Self.insert(term.epoch, "n\(number)"))
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await cluster.execute("SELECT count(DISTINCT words) FROM fact") == "50")
        try await node.stop()
    }

    @Test("more transactions than can wait are refused, not queued")
    func overload() async throws {
        let cluster = try await ElectionCluster.make()
        let (node, term, _) = try await self.leader(cluster)
        let leadership = node.leadership
        let (refusals, refused) = AsyncStream.makeStream(of: Int.self)
        let waiting = try await leadership.transaction(term) { _, _ in
            // While this one has the turn, 64 may wait.
            let tasks = (0..<70).map { number in
                Task {
                    do {
                        try await leadership.transaction(term) { transaction, _ in
                            _ = try await transaction.query(Self.insert(term.epoch, "n\(number)"))
                        }
                    } catch LeadershipError.overloaded(let waiting) {
                        refused.yield(waiting)
                    }
                }
            }
            var count = 0
            for await waiting in refusals {
                #expect(waiting == 64)
                count += 1
                if count == 6 { break }
            }
            return tasks
        }
        for task in waiting { try await task.value }
        #expect(try await cluster.execute("SELECT count(*) FROM fact") == "64")
        try await node.stop()
    }

    @Test("a term that is over writes nothing, through its own session or another one")
    func staleTerm() async throws {
        let cluster = try await ElectionCluster.make()
        let (old, oldTerm, next) = try await self.leader(cluster)
        let new = cluster.start("b")
        try await new.waiting(for: "a")
        try await cluster.terminateLeader()
        let (newTerm, _) = try await new.elected()
        _ = try await old.lost(from: next)
        await #expect(throws: LeadershipError.notLeader(oldTerm)) {
            try await old.leadership.transaction(oldTerm) { _, _ in Issue.record("the body of a stale transaction ran") }
        }
        // Code that bypasses all this meets the fence in the table.
        for epoch in [oldTerm.epoch, newTerm.epoch] {
            let error = await #expect(throws: (any Error).self) {
                try await cluster.execute("INSERT INTO fact (shard, writer_epoch, words) VALUES ('main', \(epoch), 'stale')")
            }
            #expect("\(try #require(error))".contains("fenced"))
        }
        #expect(try await cluster.execute("SELECT count(*) FROM fact") == "0")
        try await old.stop()
        try await new.stop()
    }

    @Test("a leader whose row was taken is stopped by the fence, and writes nothing")
    func supersededRow() async throws {
        let cluster = try await ElectionCluster.make()
        let (node, term, next) = try await self.leader(cluster)
        try await cluster.execute("UPDATE muster.leader SET epoch = epoch + 5")
        await #expect(throws: LeadershipError.notLeader(term)) {
            try await node.leadership.transaction(term) { transaction, _ in
                _ = try await transaction.query(Self.insert(term.epoch, "stale"))
            }
        }
        let (reason, afterLoss) = try await node.lost(from: next)
        #expect(reason == .superseded)
        #expect(!node.leadership.mayAct(term, sendBudget: .zero))
        let (later, _) = try await node.elected(from: afterLoss)
        #expect(later.epoch == Epoch(7))
        #expect(try await cluster.execute("SELECT count(*) FROM fact") == "0")
        try await node.stop()
    }

    @Test("a session that breaks in the middle of a transaction ends the term and leaves nothing")
    func brokenTransaction() async throws {
        let cluster = try await ElectionCluster.make()
        let (node, term, next) = try await self.leader(cluster)
        await #expect(throws: LeadershipError.notLeader(term)) {
            try await node.leadership.transaction(term) { transaction, _ in
                _ = try await transaction.query(Self.insert(term.epoch, "half"))
                try await cluster.terminateLeader()
                _ = try await transaction.query(Self.insert(term.epoch, "other half"))
            }
        }
        _ = try await node.lost(from: next)
        #expect(try await cluster.execute("SELECT count(*) FROM fact") == "0")
        try await node.stop()
    }

    @Test("a statement longer than the lease suspends the leader, which resumes in the same term")
    func longStatement() async throws {
        let cluster = try await ElectionCluster.make()
        let (node, term, next) = try await self.leader(cluster)
        try await node.leadership.transaction(term) { transaction, _ in
            _ = try await transaction.query(Self.insert(term.epoch, "slow"))
            // The lease is a second and a half, and the server's patience with a statement four of it.
            _ = try await transaction.query("SELECT pg_sleep(2)")
            #expect(!node.leadership.mayAct(term, sendBudget: .zero))
        }
        let (_, suspended) = try await node.log.first(from: next) { $0 == .suspended(term) ? true : nil }
        _ = try await node.log.first(from: suspended) { $0 == .resumed(term) ? true : nil }
        try await node.mayAct(term)
        #expect(try await cluster.execute("SELECT words FROM fact") == "slow")
        try await node.stop()
    }

    @Test("a resignation waits for the transaction that is under way")
    func resignDuringTransaction() async throws {
        let cluster = try await ElectionCluster.make()
        let (node, term, next) = try await self.leader(cluster)
        async let resignation: Void = {
            _ = try await node.leadership.transaction(term) { transaction, _ in
                _ = try await transaction.query(Self.insert(term.epoch, "last"))
                let leadership = node.leadership
                let resigning = Task { await leadership.resign() }
                _ = try await node.log.first(from: next) { $0 == .resigning(term) ? true : nil }
                #expect(!leadership.mayAct(term, sendBudget: .zero))
                _ = try await transaction.query(Self.insert(term.epoch, "really last"))
                return resigning
            }.value
        }()
        try await resignation
        #expect(try await cluster.execute("SELECT count(*) FROM fact") == "2")
        let (reason, _) = try await node.lost(from: next)
        #expect(reason == .resigned)
        try await node.stop()
    }
}
