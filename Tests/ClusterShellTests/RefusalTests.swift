import Cluster
import Election
import Foundation
import Model
import Postgres
import PostgresTesting
import Testing

@Suite(.timeLimit(.minutes(3))) struct RefusalTests {
    @Test("a hot standby is refused")
    func standby() async throws {
        let server = try await TestServer.start(settings: ElectionCluster.durable)
        let cluster = try await ElectionCluster.make(on: server)
        let standby = try await server.makeStandby(settings: ElectionCluster.durable)
        let node = cluster.start("a", conninfo: standby.conninfo(database: cluster.database))
        let refused = try await node.refusal()
        #expect(refused.refusal == .standby)
        #expect(refused.description.contains("Point postgres.dsn at the primary"))
        #expect(refused.description.contains("\(standby.port)"))
        #expect(node.leadership.status.role == .refused)
        #expect(node.log.events == [])
    }

    @Test("a server with fsync=off is refused")
    func fsyncOff() async throws {
        let cluster = try await ElectionCluster.make(on: try await TestServer.shared)
        let refused = try await cluster.start("a").refusal()
        #expect(refused.refusal == .fsyncOff)
        #expect(refused.description.contains("fsync=on"))
    }

    @Test("a pooler in between is refused, in every mode", arguments: ["transaction", "session"])
    func pooler(mode: String) async throws {
        let cluster = try await ElectionCluster.make()
        let pooler = try await Pooler.start(before: cluster.server, mode: mode)
        let refused = try await cluster.start("a", conninfo: pooler.conninfo(database: cluster.database)).refusal()
        guard case .pooler(let announced, let answering) = refused.refusal else {
            Issue.record("refused by \(refused)")
            return
        }
        #expect(announced != answering)
        #expect(refused.description.contains("session mode of a pooler does not help"))
        withExtendedLifetime(pooler) {}
    }

    @Test("the database of another cluster is refused")
    func otherCluster() async throws {
        let cluster = try await ElectionCluster.make(name: "theirs")
        let node = TestNode(cluster.configuration("a", cluster: "ours"))
        #expect(try await node.refusal().refusal == .otherCluster(found: "theirs", expected: "ours"))
    }

    @Test("a database without a cluster is refused with the command to run")
    func notRegistered() async throws {
        let cluster = try await ElectionCluster.make(registered: false)
        let refused = try await cluster.start("a").refusal()
        guard case .notRegistered = refused.refusal else {
            Issue.record("refused by \(refused)")
            return
        }
        #expect(refused.description.contains("muster cluster init"))
        try await cluster.execute("DROP SCHEMA muster CASCADE")
        guard case .notRegistered = try await cluster.start("a").refusal().refusal else {
            Issue.record("a database without the schema was not refused")
            return
        }
    }

    @Test("a copy of the database on another server is refused")
    func otherServer() async throws {
        let cluster = try await ElectionCluster.make()
        try await cluster.execute("UPDATE muster.leader SET system_id = 4711")
        let refusal = try await cluster.start("a").refusal().refusal
        guard case .otherServer(_, expected: 4711) = refusal else {
            Issue.record("refused by \(refusal)")
            return
        }
    }

    @Test("a damaged lock key is refused")
    func otherKey() async throws {
        let cluster = try await ElectionCluster.make()
        try await cluster.execute("UPDATE muster.leader SET lock_key = 1")
        let expected = LockKey.of(cluster: "test", shard: "main")
        #expect(try await cluster.start("a").refusal().refusal == .otherLockKey(found: 1, expected: expected))
    }

    @Test("a wrong password and a missing database are refused with what to correct")
    func login() async throws {
        let cluster = try await ElectionCluster.make()
        var configuration = cluster.configuration("a", conninfo: cluster.conninfo(user: TestServer.passwordRole))
        configuration.connection.password = "wrong"
        let refused = try await TestNode(configuration).refusal()
        guard case .login = refused.refusal else {
            Issue.record("refused by \(refused)")
            return
        }
        #expect(refused.description.contains("password"))
        let missing = cluster.server.conninfo(database: "no_such_database")
        guard case .login = try await cluster.start("a", conninfo: missing).refusal().refusal else {
            Issue.record("a missing database was not refused")
            return
        }
    }

    @Test("a role without rights is refused")
    func rights() async throws {
        let cluster = try await ElectionCluster.make()
        let role = "powerless_\(cluster.database)"
        try await cluster.execute("CREATE ROLE \(role) LOGIN")
        let refusal = try await cluster.start("a", conninfo: cluster.conninfo(user: role)).refusal().refusal
        guard case .notPermitted = refusal else {
            Issue.record("refused by \(refusal)")
            return
        }
    }

    @Test("a plain role with rights on the schema can lead, without superuser")
    func plainRole() async throws {
        let cluster = try await ElectionCluster.make()
        let role = "plain_\(cluster.database)"
        try await cluster.execute(
            """
            CREATE ROLE \(role) LOGIN; GRANT USAGE ON SCHEMA muster TO \(role);
            GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA muster TO \(role);
            GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA muster TO \(role)
            """)
        let node = cluster.start("a", conninfo: cluster.conninfo(user: role))
        let (term, _) = try await node.gateOpened()
        try await node.mayAct(term)
        #expect(node.leadership.status.degraded == [])
        try await node.stop()
    }

    @Test("timers that don't fit together are refused before anything is connected")
    func timing() async throws {
        let cluster = try await ElectionCluster.make()
        let timing = Timing(
            beat: .milliseconds(100), lease: .milliseconds(1200), idle: .milliseconds(1000), evict: .milliseconds(1500))
        guard case .timing = try await cluster.start("a", timing: timing).refusal().refusal else {
            Issue.record("not refused for its timers")
            return
        }
    }

    @Test("a data directory that can't be used is refused with its path")
    func dataDirectory() async throws {
        let cluster = try await ElectionCluster.make()
        let refused = try await cluster.start("a", directory: "/proc/muster/data").refusal()
        guard case .dataDirectory = refused.refusal else {
            Issue.record("refused by \(refused)")
            return
        }
        #expect(refused.description.contains("/proc/muster/data"))
    }

    @Test("registering twice changes nothing; another name is refused with words")
    func registration() async throws {
        let cluster = try await ElectionCluster.make(name: "one")
        try await cluster.register("one")
        #expect(try await cluster.execute("SELECT count(*) FROM muster.leader") == "1")
        let error = await #expect(throws: ClusterRegistrationError.self) { try await cluster.register("two") }
        #expect(try #require(error).description.contains("belongs to the cluster “one”"))
        await #expect(throws: ClusterRegistrationError.self) { try await cluster.register("Not a name") }
        #expect(
            try await cluster.execute("SELECT name, lock_key FROM muster.cluster")
                == "one|\(LockKey.of(cluster: "one", shard: "main"))")
    }

    @Test("the lock key is the start of a SHA-256, signed, and differs by shard")
    func lockKey() async throws {
        let cluster = try await ElectionCluster.make()
        for (name, shard, text) in [("prod", "main", "muster/1\\000prod"), ("prod", "eu", "muster/1\\000prod\\000eu")] {
            // The server's own SHA-256 and its own reading of eight bytes as a bigint.
            let expected = try await cluster.execute(
                "SELECT ('x' || encode(substr(sha256('\(text)'::bytea), 1, 8), 'hex'))::bit(64)::bigint")
            #expect(String(LockKey.of(cluster: name, shard: shard)) == expected)
        }
    }
}

@Suite(.timeLimit(.minutes(3))) struct EpochFileTests {
    private func file(_ directory: String) -> URL { URL(filePath: directory).appending(path: "election-main.epoch") }

    @Test("epochs go on rising from what the node remembers, when the database has forgotten them")
    func forgottenRow() async throws {
        let cluster = try await ElectionCluster.make()
        let directory = cluster.directory()
        let first = cluster.start("a", directory: directory)
        let (term, _) = try await first.gateOpened()
        try await first.stop()
        #expect(try String(contentsOf: self.file(directory), encoding: .utf8) == "\(term.epoch)\n")

        try await cluster.execute(
            "DELETE FROM muster.term; UPDATE muster.leader SET epoch = 0, node = NULL, resigned = false, settled = true, lease_ms = 0")
        try Data("41\n".utf8).write(to: self.file(directory))
        let again = cluster.start("a", directory: directory)
        let (later, next) = try await again.elected()
        #expect(later.epoch == Epoch(42))
        // A row that was reset is no first term: somebody may still act.
        #expect(!again.leadership.mayAct(later, sendBudget: .zero))
        _ = try await again.gateOpened(from: next)
        #expect(again.leadership.status.knownEpoch == Epoch(42))
        try await again.stop()
        #expect(try String(contentsOf: self.file(directory), encoding: .utf8) == "42\n")
    }

    @Test("a follower remembers the leader's epoch")
    func follower() async throws {
        let cluster = try await ElectionCluster.make()
        try await cluster.execute("UPDATE muster.leader SET epoch = 16")
        let leader = cluster.start("a")
        _ = try await leader.gateOpened()
        let directory = cluster.directory()
        let follower = cluster.start("b", directory: directory)
        try await follower.waiting(for: "a")
        try await follower.stop()
        #expect(try String(contentsOf: self.file(directory), encoding: .utf8) == "17\n")
        try await leader.stop()
    }

    @Test("the epoch rises above every recorded term when only the row was reset")
    func resetRow() async throws {
        let cluster = try await ElectionCluster.make()
        let first = cluster.start("a")
        _ = try await first.gateOpened()
        try await first.stop()
        try await cluster.execute("UPDATE muster.leader SET epoch = 0")
        let second = cluster.start("b")
        #expect(try await second.elected().term.epoch == Epoch(2))
        try await second.stop()
    }

    @Test("a file that holds no epoch is refused, not overwritten", arguments: ["", "x\n", "12", "-3\n"])
    func damagedFile(content: String) async throws {
        let cluster = try await ElectionCluster.make()
        let directory = cluster.directory()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(content.utf8).write(to: self.file(directory))
        guard case .dataDirectory(_, let problem) = try await cluster.start("a", directory: directory).refusal().refusal else {
            Issue.record("not refused")
            return
        }
        #expect(problem.contains("does not hold an epoch"))
        #expect(try String(contentsOf: self.file(directory), encoding: .utf8) == content)
    }
}
