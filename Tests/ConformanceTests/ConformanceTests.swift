import PostgresTesting
import Synchronization
import Testing

/// The simulator says something about Muster only as far as its database behaves as a real one does. Each trace is played on both.
@Suite("Conformance", .timeLimit(.minutes(3))) struct ConformanceTests {
    /// fsync=on: as the election wants it.
    private static let durable = ["fsync": "on", "synchronous_commit": "on"]
    // Outlives every test by design, as TestServer.shared does.
    private static let server = Task { try await TestServer.start(settings: Self.durable) }
    private static let databases = Atomic<Int>(0)

    @Test("the simulator’s database does as the trace says", arguments: Trace.all)
    func model(trace: Trace) {
        var runner = ModelRunner()
        for (index, step) in trace.steps.enumerated() {
            let seen = runner.play(step)
            guard self.agrees(seen, step, index, trace) else { return }
        }
    }

    @Test("Postgres does as the trace says", arguments: Trace.all(.nothing))
    func postgres(trace: Trace) async throws { try await self.play(trace, on: try await Self.server.value) }

    @Test("Postgres does as the trace says when it crashes", arguments: Trace.all(.server))
    func crash(trace: Trace) async throws { try await self.play(trace, on: try await TestServer.start(settings: Self.durable)) }

    @Test(
        "Postgres does as the trace says when its clock jumps or its disk stalls",
        .enabled(if: ServerShim.compiler != nil, "needs a C compiler, for the clock that is moved and the disk that stalls"), arguments: Trace.all(.shim))
    func shim(trace: Trace) async throws {
        let shim = try ServerShim()
        defer { shim.remove() }
        var launch = Launch()
        launch.environment = shim.environment
        try await self.play(trace, on: try await TestServer.start(settings: Self.durable, launch: launch), .init(shim: shim))
    }

    @Test(
        "Postgres does as the trace says when its disk is full", .enabled(if: SmallDisk.isPossible, "needs root, for a small disk"), arguments: Trace.all(.disk)
    )
    func disk(trace: Trace) async throws {
        let server = try await TestServer.start(settings: Self.durable)
        let disk = try SmallDisk(megabytes: 32, ownedBy: server.installation)
        defer { disk.unmount() }
        try await server.execute("CREATE TABLESPACE small LOCATION '\(disk.path)'")
        try await self.play(trace, on: server, .init(tablespace: "small"))
        try await server.stop(.immediate)
    }

    @Test("Postgres does as the trace says behind a pooler", .enabled(if: Pooler.program != nil, "needs pgbouncer"), arguments: Trace.all(.pooler))
    func pooler(trace: Trace) async throws {
        let server = try await Self.server.value
        try await self.play(trace, on: server, .init(pooler: try await Pooler.start(before: server, mode: "transaction")))
    }

    @Test("Postgres does as the trace says when it fails over", arguments: Trace.all(.standby))
    func standby(trace: Trace) async throws {
        let server = try await TestServer.start(settings: Self.durable)
        try await self.play(trace, on: server, .init(standby: try await server.makeStandby(settings: Self.durable)))
    }

    @Test(
        "Postgres does as the trace says when the line to it is cut",
        .enabled(if: ServerHost.missing == nil, Comment(rawValue: ServerHost.missing ?? "")), arguments: Trace.all(.host))
    func host(trace: Trace) async throws {
        let host = try ServerHost()
        try await self.play(trace, on: try await TestServer.start(settings: Self.durable, launch: host.launch), .init(host: host))
    }

    private func play(_ trace: Trace, on server: TestServer, _ surroundings: PostgresRunner.Surroundings = .init()) async throws {
        let database = "trace_\(Self.databases.add(1, ordering: .relaxed).newValue)"
        let runner = try await PostgresRunner(on: server, database: database, surroundings)
        for (index, step) in trace.steps.enumerated() {
            let seen = try await runner.play(step)
            guard self.agrees(seen, step, index, trace) else { break }
        }
        await runner.stop()
    }

    /// What follows the first difference says nothing.
    private func agrees(_ seen: (answer: String?, state: String), _ step: Step, _ index: Int, _ trace: Trace) -> Bool {
        let what = "\(trace.name): step \(index + 1), \(step.session) \(step.action)"
        #expect(step.answer == nil || seen.answer == step.answer, "\(what): the answer is \(seen.answer ?? "none")")
        #expect(step.state == nil || seen.state == step.state, "\(what): the server shows \(seen.state)")
        return (step.answer == nil || seen.answer == step.answer) && (step.state == nil || seen.state == step.state)
    }
}
