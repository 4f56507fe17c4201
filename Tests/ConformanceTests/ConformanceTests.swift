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

    @Test("the simulator’s database does as the trace says", arguments: Trace.all + [Trace.crash])
    func model(trace: Trace) {
        var runner = ModelRunner()
        for (index, step) in trace.steps.enumerated() {
            let seen = runner.play(step)
            guard self.agrees(seen, step, index, trace) else { return }
        }
    }

    @Test("Postgres does as the trace says", arguments: Trace.all)
    func postgres(trace: Trace) async throws { try await self.play(trace, on: try await Self.server.value) }

    @Test("Postgres does as the trace says when it crashes")
    func crash() async throws { try await self.play(Trace.crash, on: try await TestServer.start(settings: Self.durable)) }

    private func play(_ trace: Trace, on server: TestServer) async throws {
        let runner = try await PostgresRunner(on: server, database: "trace_\(Self.databases.add(1, ordering: .relaxed).newValue)")
        for (index, step) in trace.steps.enumerated() {
            let seen = try await runner.play(step)
            guard self.agrees(seen, step, index, trace) else { break }
        }
        await runner.stop()
    }

    /// What follows the first difference says nothing.
    private func agrees(_ seen: (answer: String?, state: String), _ step: Step, _ index: Int, _ trace: Trace) -> Bool {
        let what = "\(trace.name): step \(index + 1), \(step.session) \(step.action)"
        #expect(step.answer == nil || seen.answer == step.answer, "\(what): the answer")
        #expect(step.state == nil || seen.state == step.state, "\(what): what the server shows")
        return (step.answer == nil || seen.answer == step.answer) && (step.state == nil || seen.state == step.state)
    }
}
