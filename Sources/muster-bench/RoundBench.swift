import Control
import Coordinator
import Engine
import Manifests
import Model
import Postgres
import PostgresTesting
import Store

/// What a leader's round of a whole fleet takes once its readings are there: evaluating, the ceilings, and the commit on a real Postgres that forgets
/// nothing; and how long a new leader of that fleet needs from the first question to the database to its first decisions.
///
/// The fleet: services in fifty regions, a policy with a five-minute window and rate limits, a ceiling for each region. In each round one in a hundred
/// wants a change, and gets it.
enum RoundBench {
    private static let sizes = [1_000, 10_000, 100_000]
    private static let defaultTrials = 5
    private static let regions = 50
    private static let every = Duration.seconds(15)

    static func run(_ options: BenchOptions) async throws {
        let server = try await TestServer.start(settings: [
            "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "256MB", "max_wal_size": "4GB",
        ])
        let reactor = Reactor(name: "bench")
        for size in Self.sizes where options.wants("round-\(size)") || options.wants("takeover-\(size)") {
            let fleet = try await BenchLeader(server, reactor, services: max(1, size / Self.regions), regions: min(size, Self.regions))
            try await Self.measure(fleet, size, trials: options.trials ?? Self.defaultTrials)
            await fleet.close()
        }
        reactor.stop()
    }

    private static func measure(_ leader: BenchLeader, _ size: Int, trials: Int) async throws {
        // The first writes every page, and everything for the first time.
        for _ in 0..<2 { _ = try await leader.round(every: Self.every) }
        var rounds: [BenchLeader.Parts] = []
        for _ in 0..<trials { rounds.append(try await leader.round(every: Self.every)) }
        let note = "\(size) workloads, \(rounds.last?.changes ?? 0) changes, \(rounds.last?.bytes ?? 0) bytes of memory, fsync on"
        func report(_ name: String, _ metric: String, _ samples: [Duration]) {
            Measurement(bench: "round", case: name, who: "muster", metric: metric, unit: "ms", samples: samples.map { $0 / .milliseconds(1) }, note: note)
                .report()
        }
        report("round-\(size)", "decide", rounds.map(\.decide))
        report("round-\(size)", "commit", rounds.map(\.commit))
        report("round-\(size)", "whole", rounds.map { $0.decide + $0.commit })
        var takeovers: [BenchLeader.Takeover] = []
        for _ in 0..<trials { takeovers.append(try await leader.takeOver(every: Self.every)) }
        report("takeover-\(size)", "read", takeovers.map(\.read))
        report("takeover-\(size)", "load", takeovers.map(\.load))
        report("takeover-\(size)", "first-decisions", takeovers.map { $0.read + $0.load + $0.decide })
    }
}

/// A leader of a large fleet in a database of its own, without sources and platforms: its readings are numbers in memory.
private final class BenchLeader {
    struct Parts {
        var decide: Duration
        var commit: Duration
        var changes: Int
        var bytes: Int
    }
    struct Takeover {
        /// The database's part and the network's.
        var read: Duration
        /// Making a state of it.
        var load: Duration
        var decide: Duration
    }

    private let session: Postgres.Connection
    private let pool: Pool
    private let store: Store
    private let epoch: Int64
    private let fleet: Fleet
    private var state: LeaderState
    private var now: WallTime
    private var replicas: [WorkloadID: Int] = [:]
    private var turn = 0

    private static let lockKey: Int64 = 7_000_000_002
    /// In percent: the policy leaves the first alone, and answers the second with a fifth more.
    private static let usual = Quantity(70), high = Quantity(84)

    init(_ server: TestServer, _ reactor: Reactor, services: Int, regions: Int) async throws {
        let configuration = ConnectionConfiguration(try await server.makeDatabase(), applicationName: "muster-bench")
        self.session = try await Postgres.Connection.connect(configuration, on: reactor)
        try await Schema.migrator.migrate(self.session)
        _ = try await self.session.query("INSERT INTO muster.cluster (name, lock_key) VALUES ('bench', $1)", [.int(Self.lockKey)])
        // As a campaign leaves it.
        _ = try await self.session.query(
            """
            INSERT INTO muster.leader (cluster, shard, lock_key, epoch, timeline, system_id, node, incarnation, backend_pid, settled)
            VALUES ('bench', 'main', $1, 1, 1, 1, 'a', gen_random_uuid(), pg_backend_pid(), true)
            """, [.int(Self.lockKey)])
        self.epoch = 1
        self.pool = Pool(configuration, on: reactor, size: 2)
        self.store = Store(pool: self.pool, cluster: "bench", shard: "main", node: "a", bootID: "00000000-0000-7000-8000-00000000000a")
        _ = try await self.store.bootstrap(version: "bench")
        for document in Self.documents(services: services, regions: regions) {
            let parsed = ManifestParser.parse([SourceFile(name: "fleet.yaml", text: document)])
            _ = try await self.store.write(as: .node("a")) { try await $0.apply(parsed.manifests) }
        }
        let left = try await self.store.inheritance(maximumOpen: 1_000_000)
        self.now = left.head.now
        self.fleet = try await Self.fleet(self.store)
        self.state = try LeaderState(left, remembered: left.remembered(), fleet: self.fleet, at: self.now)
        for member in self.state.fleet.members { self.replicas[member.id] = 10 }
    }

    func close() async {
        await self.session.close()
        await self.pool.close()
    }

    /// Manifests in batches that one write takes.
    private static func documents(services: Int, regions: Int) -> [String] {
        let names = (0..<regions).map { "r\(100 + $0)" }
        var all = names.map { "kind: Region\nname: \($0)\nmaxReplicas: 10000000\n" }
        all.append("kind: Connection\nname: bench\npostgres: \"host=db dbname=load\"\n")
        all.append(
            """
            kind: Policy
            name: cpu
            selector: { services: ["*"] }
            mode: live
            minReplicas: 1
            maxReplicas: 1000
            metrics:
              - { name: cpu, source: { connection: bench, sql: "select service, region, cpu from load" } }
            rules:
              - track: { metric: cpu, averageUtilization: 70 }
            behavior: {}

            """)
        all += (0..<services).map { service in
            "kind: Service\nname: s\(10_000 + service)\nworkloads:\n" + names.map { "  \($0): { driver: manual }\n" }.joined()
        }
        let batch = 100
        return stride(from: 0, to: all.count, by: batch).map { all[$0..<min($0 + batch, all.count)].joined(separator: "---\n") }
    }

    /// As every standby has it ready.
    private static func fleet(_ store: Store) async throws -> Fleet {
        let configuration = try await store.configuration()
        return Fleet(stored: configuration.manifests, enabled: true, pauses: configuration.pauses, overrides: configuration.overrides)
    }

    /// Everything was asked and is answered.
    private func answer(_ state: inout LeaderState) {
        let questions = state.ask(at: self.now)
        var answers: [WorkloadID: [String: ReadingAnswer]] = [:]
        answers.reserveCapacity(questions.targets.count)
        for (index, target) in questions.targets.enumerated() {
            let replicas = self.replicas[target.id] ?? 10
            state.observed(target.id, .seen(desired: replicas, current: replicas, ready: replicas, version: nil), round: questions.round)
            let moves = (index + self.turn) % 100 == 0
            let value = moves ? Self.high : (index + self.turn) % 3 == 0 ? Quantity(68) : Self.usual
            answers[target.id] = ["cpu": .value(Sample(value: value, at: self.now))]
        }
        state.answered(round: questions.round, answers)
        for connection in questions.readings.keys { state.ended(round: questions.round, connection: connection) }
    }

    func round(every: Duration) async throws -> Parts {
        self.turn += 1
        self.now = self.now + every
        self.answer(&self.state)
        let clock = ContinuousClock()
        let began = clock.now
        var parts = Parts(decide: .zero, commit: .zero, changes: 0, bytes: 0)
        while self.state.isReady(at: self.now + LeaderState.gatherWindow) {
            let before = clock.now
            let round = self.state.decide(at: self.now)
            let decided = clock.now
            let commit = RoundCommit(round, of: self.state)
            let committed = try await self.session.transaction { transaction in
                let fence = Statement("SELECT muster.assert_leader('main', $1)", [.int(self.epoch)])
                let answers = try await transaction.pipeline([fence] + commit.opening(self.store))
                return try await self.store.write(on: transaction, opened: Array(answers.dropFirst()), as: .node("a")) { try await commit.commit(to: $0) }
            }
            self.state.committed(round, actions: committed.compactMap(\.action), at: self.now)
            parts.bytes += await commit.bytes
            parts.decide += decided - before
            parts.changes += round.changes
            for action in committed.compactMap(\.action) { self.replicas[action.workload] = action.to }
        }
        parts.commit = clock.now - began - parts.decide
        // What was ordered has been done; not part of the measurement.
        try await self.settle()
        return parts
    }

    private func settle() async throws {
        var updates: [ActionRecord] = []
        for work in self.state.work(mayAct: true, at: self.now) {
            let size = work.action.to
            let done = Observation.seen(desired: size, current: size, ready: size, version: nil)
            if let after = self.state.attempted(work.action, outcome: .done(done), startedAt: self.now, at: self.now) { updates.append(after) }
        }
        let (ended, now) = (updates, self.now)
        try await self.session.transaction { transaction in
            let answers = try await transaction.pipeline(self.store.writeOpening)
            try await self.store.write(on: transaction, opened: answers, as: .node("a")) { $0.update(ended, at: now) }
        }
    }

    /// Another leader begins from what is stored, up to its first decisions; they are not committed.
    func takeOver(every: Duration) async throws -> Takeover {
        self.now = self.now + every
        let clock = ContinuousClock()
        let began = clock.now
        let left = try await self.store.inheritance(maximumOpen: 1_000_000)
        let read = clock.now
        var state = try LeaderState(left, remembered: left.remembered(), fleet: self.fleet.inForce(at: self.now), at: self.now)
        let loaded = clock.now
        self.answer(&state)
        let answered = clock.now
        let round = state.decide(at: self.now)
        precondition(round.count > 0 && state.pageCount == left.memory.count, "the takeover found another fleet")
        return Takeover(read: read - began, load: loaded - read, decide: clock.now - answered)
    }
}
