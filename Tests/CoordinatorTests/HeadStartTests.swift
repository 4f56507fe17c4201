import Cluster
import Control
import Drivers
import Foundation
import Logging
import Manifests
import Model
import Postgres
import PostgresTesting
import Readings
import Store
import Testing

@testable import Coordinator

@Suite("Head start", .timeLimit(.minutes(2)))
struct HeadStartTests {
    /// A database with one workload that a program observes, and what a leader of it left.
    private final class Fixture {
        let reactor = Reactor(name: "coordinator tests")
        let folder: String
        /// Where this is a pipe, the program waits until somebody has read that it was started.
        let asked: String
        let configuration: ConnectionConfiguration
        let session: Postgres.Connection
        let pool: Pool
        let store: Store
        let coordinator: Coordinator
        private(set) var epoch: Int64 = 0

        init() async throws {
            self.folder = FileManager.default.temporaryDirectory.appending(path: "muster-head-start-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
            let program = "\(self.folder)/observe"
            self.asked = "\(self.folder)/asked"
            try "#!/bin/sh\n[ ! -p '\(self.asked)' ] || echo >'\(self.asked)'\necho 3\n".write(toFile: program, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
            self.configuration = ConnectionConfiguration(try await TestServer.shared.makeDatabase(), connectTimeout: TestServer.patience)
            self.session = try await Postgres.Connection.connect(self.configuration, on: self.reactor)
            try await Schema.migrator.migrate(self.session)
            _ = try await self.session.query("INSERT INTO muster.cluster (name, lock_key) VALUES ('prod', 1)")
            _ = try await self.session.query(
                "INSERT INTO muster.leader (cluster, shard, lock_key, epoch, timeline, system_id) VALUES ('prod', 'main', 1, 0, 1, 1)")
            self.pool = Pool(self.configuration, on: self.reactor, size: 2)
            self.store = Store(pool: self.pool, cluster: "prod", shard: "main", node: "b", bootID: UUID().uuidString.lowercased())
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let leadership = Leadership(
                configuration: .init(
                    cluster: "prod", node: "b", incarnation: UUID().uuidString.lowercased(), address: "b.example:7000", connection: self.configuration,
                    dataDirectory: self.folder), logger: logger)
            self.coordinator = Coordinator(
                store: self.store, leadership: leadership, readings: ReadingsService(reactor: self.reactor, logger: logger),
                drivers: Drivers(
                    exec: ExecDriver(.init(directory: self.folder), logger: logger),
                    manual: ManualDriver(ledger: ManualRecords(store: self.store), logger: logger)), zone: { _ in nil }, logger: logger)
            _ = try await self.store.bootstrap(version: "1.0.0")
            try await self.apply()
            self.epoch = try await self.elect()
            try await self.remember()
        }

        private func apply() async throws {
            let text = """
                kind: Region
                name: here
                ---
                kind: Connection
                name: load
                postgres: "host=127.0.0.1 dbname=none"
                ---
                kind: Service
                name: web
                workloads:
                  here: { driver: exec, observe: [observe], scale: [observe] }
                ---
                kind: Policy
                name: web
                selector: { services: [web], regions: [here] }
                mode: recommend
                minReplicas: 1
                maxReplicas: 8
                metrics:
                  - name: load
                    source: { connection: load, sql: "select 50 as load" }
                rules:
                  - track: { metric: load, averageValue: 10 }
                """
            let files = ManifestParser.parse([SourceFile(name: "test.yaml", text: text)])
            try #require(files.findings.filter { $0.severity == .error }.isEmpty, "\(files.findings)")
            let principal = Principal(kind: .token, id: "test", authentication: .token)
            _ = try await self.store.write(as: principal) { try await $0.apply(files.manifests, expected: [:]) }
        }

        private func elect() async throws -> Int64 {
            let rows = try await self.session.query(
                """
                WITH n AS (
                    UPDATE muster.leader SET epoch = epoch + 1, node = 'a', incarnation = gen_random_uuid(), backend_pid = pg_backend_pid(),
                        resigned = false, settled = true, since = clock_timestamp() RETURNING *
                ), t AS (
                    INSERT INTO muster.term (cluster, shard, epoch, timeline, node, incarnation, how)
                    SELECT cluster, shard, epoch, timeline, node, incarnation, 'campaign' FROM n
                )
                SELECT epoch FROM n
                """)
            return try #require(try rows.first?["epoch"].int())
        }

        /// A commit of the leader: a round in silence.
        func remember() async throws {
            let (store, epoch) = (self.store, self.epoch)
            try await self.session.transaction { transaction in
                _ = try await transaction.query("SELECT muster.assert_leader('main', $1)", [.int(epoch)])
                let answers = try await transaction.pipeline(store.writeOpening)
                try await store.write(on: transaction, opened: answers, as: .node("a")) { $0.remember([], of: 0) }
            }
        }

        /// The term that this node is granted now.
        func term() async throws -> Term {
            Term(
                cluster: "prod", shard: "main", node: "b", incarnation: UUID().uuidString.lowercased(), epoch: Epoch(self.epoch + 1), timeline: 1,
                since: WallTime(microseconds: 0), grantedAt: Instant(nanoseconds: 0), noted: try await self.store.inheritanceVersion())
        }

        /// Until it is rolled back, nobody can see what a leader left.
        func blockReading() async throws -> Postgres.Connection {
            let session = try await Postgres.Connection.connect(self.configuration, on: self.reactor)
            _ = try await session.simple("BEGIN; LOCK TABLE muster.memory_version IN ACCESS EXCLUSIVE MODE")
            return session
        }

        /// Returns once the program has been started.
        func waitUntilAsked() async {
            let path = self.asked
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    let pipe = open(path, O_RDONLY | O_CLOEXEC)
                    var byte: UInt8 = 0
                    _ = read(pipe, &byte, 1)
                    close(pipe)
                    continuation.resume()
                }
            }
        }

        func end() async {
            await self.pool.close()
            await self.session.close()
            self.reactor.stop()
            // Nobody looks there any more; what can't be removed goes with the machine's temporary files.
            try? FileManager.default.removeItem(atPath: self.folder)
        }
    }

    private static func withFixture(_ body: (Fixture) async throws -> Void) async throws {
        let fixture = try await Fixture()
        do { try await body(fixture) } catch {
            await fixture.end()
            throw error
        }
        await fixture.end()
    }

    private static func sight(in mailbox: Mailbox<TermLoop.News>) async -> Observation? {
        while !Task.isCancelled {
            for item in await mailbox.take(within: nil) { if case .observed(_, let observation, _) = item { return observation } }
        }
        return nil
    }

    @Test("what was asked before the term is answered to the term, when nothing was committed in between")
    func used() async throws {
        try await Self.withFixture { fixture in
            let start = HeadStart(fixture.coordinator, kept: nil)
            let mailbox = Mailbox<TermLoop.News>()
            let beginning = try #require(await start.beginning(of: try await fixture.term(), answersTo: mailbox))
            #expect(beginning.state.fleet.members.map(\.id) == [WorkloadID(service: "web", region: "here")])
            #expect(await Self.sight(in: mailbox) == .seen(desired: 3, current: 3, ready: 3, version: nil))
            start.cancel()
        }
    }

    @Test("what was read before a commit is not what the term begins with, and its answers go nowhere")
    func outdated() async throws {
        try await Self.withFixture { fixture in
            let start = HeadStart(fixture.coordinator, kept: nil)
            // It has read, whatever comes next.
            _ = try #require(await start.beginning(of: try await fixture.term(), answersTo: Mailbox()))
            try await fixture.remember()
            let late = HeadStart(fixture.coordinator, kept: nil)
            let mailbox = Mailbox<TermLoop.News>()
            let before = try await fixture.term()
            #expect(await late.beginning(of: before, answersTo: mailbox) != nil)
            try await fixture.remember()
            #expect(await late.beginning(of: try await fixture.term(), answersTo: Mailbox()) == nil)
            // A database that could not say what it had.
            var unnoted = before
            unnoted.noted = nil
            #expect(await late.beginning(of: unnoted, answersTo: Mailbox()) == nil)
            start.cancel()
            late.cancel()
        }
    }

    @Test("what a node has kept is used as it is while it is what there is, and read anew when it is not")
    func kept() async throws {
        try await Self.withFixture { fixture in
            let kept = try await Beginning.load(fixture.coordinator)
            let same = HeadStart(fixture.coordinator, kept: kept)
            let used = try #require(await same.beginning(of: try await fixture.term(), answersTo: Mailbox()))
            #expect(used.clock.isSame(as: kept.clock))
            try await fixture.remember()
            let other = HeadStart(fixture.coordinator, kept: kept)
            let mailbox = Mailbox<TermLoop.News>()
            let read = try #require(await other.beginning(of: try await fixture.term(), answersTo: mailbox))
            #expect(!read.clock.isSame(as: kept.clock) && read.version != kept.version)
            #expect(await Self.sight(in: mailbox) == .seen(desired: 3, current: 3, ready: 3, version: nil))
            same.cancel()
            other.cancel()
        }
    }

    @Test("what a node has kept is asked about before the database has said that it is what there is")
    func asksAtOnce() async throws {
        try await Self.withFixture { fixture in
            let kept = try await Beginning.load(fixture.coordinator)
            // Nothing of it can be read before this ends.
            let blocker = try await fixture.blockReading()
            try #require(mkfifo(fixture.asked, 0o600) == 0)
            let start = HeadStart(fixture.coordinator, kept: kept)
            await fixture.waitUntilAsked()
            _ = try await blocker.simple("ROLLBACK")
            await blocker.close()
            let mailbox = Mailbox<TermLoop.News>()
            #expect(await start.beginning(of: try await fixture.term(), answersTo: mailbox)?.clock.isSame(as: kept.clock) == true)
            #expect(await Self.sight(in: mailbox) == .seen(desired: 3, current: 3, ready: 3, version: nil))
            start.cancel()
        }
    }

    @Test("the rehearsal of a term makes a commit with a change, and leaves nothing of it: no number, no row, no event, no lock")
    func rehearsal() async throws {
        try await Self.withFixture { fixture in
            let standing = """
                SELECT concat_ws(' ', (SELECT last_value::text || is_called FROM muster.decision_id), (SELECT last_value::text || is_called FROM muster.action_id),
                    (SELECT count(*) FROM muster.decision), (SELECT count(*) FROM muster.action), (SELECT count(*) FROM muster.workload),
                    (SELECT size FROM muster.audit_tree), (SELECT count(*) FROM muster.audit_event)) AS standing
                """
            let before = try await fixture.session.query(standing).first?["standing"].text
            // Another node writes meanwhile.
            _ = try await fixture.session.simple("BEGIN; SELECT 1 FROM muster.audit_tree FOR UPDATE")
            let fleet = try await Beginning.load(fixture.coordinator).state.fleet
            let committed = try #require(try await Rehearsal.run(of: fleet, fixture.coordinator))
            _ = try await fixture.session.simple("ROLLBACK")
            #expect(committed.map(\.workload) == fleet.members.map(\.id))
            #expect(committed.first?.action != nil)
            #expect(try await fixture.session.query(standing).first?["standing"].text == before)
        }
    }
}

extension TermClock {
    /// Begun at the same moment: no two are.
    fileprivate func isSame(as other: TermClock) -> Bool { self.start == other.start }
}
