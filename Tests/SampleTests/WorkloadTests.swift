import Eventually
import Glibc
import Postgres
import PostgresTesting
import Testing

@testable import muster_sample

/// A region with real worker processes on a real database, in a folder of its own.
final class Workload: Sendable {
    let directory: WorkerDirectory
    let database: String
    let session: Connection
    private let reactor = Reactor(name: "sample tests")

    init() async throws {
        var template = Array("/tmp/muster-sample-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        self.directory = WorkerDirectory(path: String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
        self.database = try await TestServer.shared.makeDatabase()
        self.session = try await Connection.connect(ConnectionConfiguration(self.database, connectTimeout: TestServer.patience), on: self.reactor)
        _ = try await self.session.pipeline(JobTable.schema(regions: ["west", "east"], reader: nil))
    }

    /// Built beside the test's own program.
    static func program() throws -> String {
        let own = try Detached.ownExecutable()
        let path = own.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/muster-sample"
        try #require(Files.exists(path), "\(path) is missing: swift build --product muster-sample")
        return path
    }

    func scaling(jobMilliseconds: Int = 20) throws -> Scaling {
        Scaling(
            directory: self.directory,
            worker: [
                try Self.program(), "worker", "--region", "west", "--job-time", String(jobMilliseconds), "--database", self.database,
            ])
    }

    func number(_ sql: String) async throws -> Int64 {
        let rows = try await self.session.query(sql)
        return try #require(rows.first)[0].int()
    }

    deinit {
        // Whatever a failed test left running.
        for worker in (try? self.directory.alive()) ?? [] { kill(worker.process.pid, SIGKILL) }
        for folder in [self.directory.workers, self.directory.path] {
            for name in (try? Files.names(in: folder)) ?? [] { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
    }
}

/// The processes of one machine with two cores: one test at a time.
@Suite("Workers", .serialized) struct WorkloadTests {
    @Test("scaling up starts workers that do each job once, scaling down stops the newest and loses none")
    func upAndDown() async throws {
        let workload = try await Workload()
        let scaling = try workload.scaling()
        _ = try await workload.session.query("insert into jobs (region) select 'west' from generate_series(1, 60)")

        #expect(try await scaling.carryOut(ScalingOrder(replicas: 3)) == Scaling.Counted(replicas: 3, ready: 3))
        let three = try workload.directory.alive()
        #expect(try await Scaling.count(workload.directory) == Scaling.Counted(replicas: 3, ready: 3))
        #expect(try await scaling.carryOut(ScalingOrder(replicas: 1)).replicas == 1)
        #expect(try workload.directory.alive() == [three[0]])

        try await eventually("all jobs are done") { try await workload.number("select count(*) from jobs where state <> 'done'") == 0 }
        #expect(try await workload.number("select count(*) from jobs where worker is null") == 0)
        #expect(try await scaling.carryOut(ScalingOrder(replicas: 0)) == Scaling.Counted(replicas: 0, ready: 0))
        #expect(try await workload.number("select count(*) from jobs where state = 'running'") == 0)
    }

    @Test("a worker that is stopped finishes its job first")
    func finishes() async throws {
        let workload = try await Workload()
        let scaling = try workload.scaling(jobMilliseconds: 1000)
        _ = try await workload.session.query("insert into jobs (region) select 'west' from generate_series(1, 5)")
        _ = try await scaling.carryOut(ScalingOrder(replicas: 1))
        try await eventually("the worker has a job") { try await workload.number("select count(*) from jobs where state = 'running'") == 1 }
        _ = try await scaling.carryOut(ScalingOrder(replicas: 0))
        #expect(try await workload.number("select count(*) from jobs where state = 'running'") == 0)
        #expect(try await workload.number("select count(*) from jobs where state = 'done'") >= 1)
    }

    @Test("a killed worker is no replica, and its job is done by another one")
    func killed() async throws {
        let workload = try await Workload()
        let scaling = try workload.scaling(jobMilliseconds: 3000)
        _ = try await workload.session.query("insert into jobs (region) values ('west')")
        _ = try await scaling.carryOut(ScalingOrder(replicas: 1))
        try await eventually("the worker has the job") { try await workload.number("select count(*) from jobs where state = 'running'") == 1 }
        kill(try #require(workload.directory.alive().first).process.pid, SIGKILL)
        try await eventually("nobody is counted") { try await Scaling.count(workload.directory).replicas == 0 }

        _ = try await workload.session.query("update jobs set started_at = started_at - interval '1 hour'")
        _ = try await workload.session.query(JobTable.requeueAbandoned())
        #expect(try await workload.number("select count(*) from jobs where state = 'pending'") == 1)
        let quick = try workload.scaling()
        _ = try await quick.carryOut(ScalingOrder(replicas: 1))
        try await eventually("the job is done") { try await workload.number("select count(*) from jobs where state = 'done'") == 1 }
        _ = try await quick.carryOut(ScalingOrder(replicas: 0))
    }

    @Test("an order takes effect once, leaves one line for its effect, and a leader that was succeeded is refused")
    func once() async throws {
        let workload = try await Workload()
        let scaling = try workload.scaling()
        func order(_ replicas: Int, previous: Int, key: String, epoch: Int) throws -> ScalingOrder {
            try ScalingOrder(
                replicas: replicas, environment: ["PREVIOUS": "\(previous)", "IDEMPOTENCY_KEY": key, "EPOCH": "\(epoch)"])
        }
        _ = try await scaling.carryOut(order(2, previous: 0, key: "a-1", epoch: 3))
        #expect(try await scaling.carryOut(order(2, previous: 0, key: "a-1", epoch: 3)).replicas == 2)
        _ = try await scaling.carryOut(order(1, previous: 2, key: "a-2", epoch: 4))

        var error = await #expect(throws: SampleError.self) { try await scaling.carryOut(order(5, previous: 1, key: "a-3", epoch: 3)) }
        #expect(error?.exit == .conflict)
        error = await #expect(throws: SampleError.self) { try await scaling.carryOut(order(5, previous: 4, key: "a-4", epoch: 4)) }
        #expect(error?.exit == .conflict)
        #expect(try await Scaling.count(workload.directory).replicas == 1)
        _ = try await scaling.carryOut(ScalingOrder(replicas: 0))

        let lines = try Files.read(workload.directory.effects).split(separator: "\n").map(String.init)
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("{\"epoch\":3,\"from\":0,\"key\":\"a-1\",\"time\":\"") && lines[0].hasSuffix("\"to\":2}"))
        #expect(lines[1].hasPrefix("{\"epoch\":4,\"from\":2,\"key\":\"a-2\",\"time\":\"") && lines[1].hasSuffix("\"to\":1}"))
        #expect(lines[2].hasPrefix("{\"epoch\":null,\"from\":1,\"key\":null,\"time\":\"") && lines[2].hasSuffix("\"to\":0}"))
    }

    @Test("orders at the same time are carried out one after another, and all but the first are refused")
    func concurrent() async throws {
        let workload = try await Workload()
        let scaling = try workload.scaling()
        let outcomes = await withTaskGroup(of: SampleError.Exit?.self) { group in
            for number in 1...4 {
                group.addTask {
                    do {
                        _ = try await scaling.carryOut(
                            ScalingOrder(replicas: 2, environment: ["PREVIOUS": "0", "IDEMPOTENCY_KEY": "k-\(number)", "EPOCH": "1"]))
                        return nil
                    } catch { return (error as? SampleError)?.exit ?? .failed }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count(where: { $0 == nil }) == 1)
        #expect(outcomes.count(where: { $0 == .conflict }) == 3)
        #expect(try Files.read(workload.directory.effects).split(separator: "\n").count == 1)
        _ = try await scaling.carryOut(ScalingOrder(replicas: 0))
    }

    @Test("a worker that can't start is said with its own words, and what is left is logged as it is")
    func cannotStart() async throws {
        let workload = try await Workload()
        var scaling = try workload.scaling()
        scaling.worker = [try Workload.program(), "worker", "--region", "west", "--database", "x", "--password-file", "/nowhere/secret"]
        let error = await #expect(throws: SampleError.self) { try await scaling.carryOut(ScalingOrder(replicas: 1)) }
        #expect(error?.exit == .failed)
        #expect(error?.message.contains("/nowhere/secret") == true)
        #expect(try await Scaling.count(workload.directory).replicas == 0)
        #expect(!Files.exists(workload.directory.effects))
    }

    @Test("a worker without its database is a replica that is not ready, and becomes ready by itself")
    func notReady() async throws {
        let workload = try await Workload()
        let server = try await TestServer.start()
        let home = try await server.makeDatabase()
        // Without its table the worker would be ready only from its connection to its first look, and be seen by luck.
        let session = try await Connection.connect(ConnectionConfiguration(home), on: Reactor(name: "table for a worker"))
        _ = try await session.pipeline(JobTable.schema(regions: ["west", "east"], reader: nil))
        await session.close()
        try await server.stop()
        var scaling = try workload.scaling()
        scaling.worker = [try Workload.program(), "worker", "--region", "west", "--database", home]
        #expect(try await scaling.carryOut(ScalingOrder(replicas: 1)) == Scaling.Counted(replicas: 1, ready: 0))
        try await server.start()
        try await eventually("the worker is ready") { try await Scaling.count(workload.directory).ready == 1 }
        _ = try await scaling.carryOut(ScalingOrder(replicas: 0))
    }

    @Test("the feeder adds jobs for each region while it runs, and none above the limit")
    func feeder() async throws {
        let workload = try await Workload()
        let loads = try ["west:50:50:0", "east:50:50:0"].map { try #require(RegionLoad($0, seed: 1)) }
        let feeder = Feeder(loads: loads, database: ConnectionConfiguration(workload.database))
        let wakes = Wakes()
        let reactor = Reactor(name: "feeder test")
        async let life: Void = feeder.run(wakes, on: reactor)
        try await eventually("both regions have jobs") {
            try await workload.number("select count(distinct region) from jobs") == 2
        }
        wakes.stop()
        await life

        _ = try await workload.session.query("delete from jobs")
        let fill = JobTable.pendingLimit - 3
        _ = try await workload.session.query(JobTable.add(fill, region: "west"))
        _ = try await workload.session.query(JobTable.add(100, region: "west"))
        #expect(try await workload.number("select count(*) from jobs") == Int64(JobTable.pendingLimit))
    }

    @Test("old done jobs are deleted in batches, young and unfinished ones stay")
    func deletes() async throws {
        let workload = try await Workload()
        _ = try await workload.session.query(
            """
            insert into jobs (region, state, done_at)
            select 'west', 'done', now() - interval '1 hour' from generate_series(1, \(JobTable.deleteBatch + 5))
            """)
        _ = try await workload.session.query("insert into jobs (region, state, done_at) values ('west', 'done', now())")
        _ = try await workload.session.query("insert into jobs (region, created_at) values ('west', now() - interval '1 hour')")
        #expect(try await workload.session.query(JobTable.deleteDone()).affected == JobTable.deleteBatch)
        #expect(try await workload.session.query(JobTable.deleteDone()).affected == 5)
        #expect(try await workload.number("select count(*) from jobs") == 2)
    }
}
