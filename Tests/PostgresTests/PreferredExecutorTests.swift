import Dispatch
import Postgres
import Testing

/// A task that prefers an executor is put back in the reactor's queue at every `await`, also at one of the connection's own methods: others come
/// between what a method looked at and what it then waits for.
@Suite(.timeLimit(.minutes(1))) struct PreferredExecutorTests {
    /// Enough for each of the others to come in between many times over.
    private static let queries = 200

    @Test("no answer is missed by a task that prefers an executor, while others keep the connection's thread busy")
    func answers() async throws {
        try await Self.besideBusyThread { connection in
            for number in 0..<Self.queries {
                let set = try await connection.query("SELECT $1::int8", [.int(Int64(number))])
                #expect(try set.first?[0].int() == Int64(number))
            }
        }
    }

    @Test("no turn on the session is missed either, nor its end")
    func turns() async throws {
        try await Self.besideBusyThread { connection in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask { for _ in 0..<Self.queries / 4 { _ = try await connection.query("SELECT 1") } }
                }
                try await group.waitForAll()
            }
            let end = Task { await connection.untilClosed() }
            await connection.close()
            #expect(await end.value?.code == .closed)
        }
    }

    /// Runs `body` in a task with a preferred executor, while jobs of half a millisecond follow one another on the connection's thread.
    private static func besideBusyThread(_ body: @escaping @Sendable (Connection) async throws -> Void) async throws {
        let reactor = Reactor(name: "busy")
        defer { reactor.stop() }
        let connection = try await Connection.connect(try await makeDatabase(), on: reactor)
        let neighbours = (0..<2).map { _ in
            Task { while !Task.isCancelled { await connection.withIsolation { _ in spin() } } }
        }
        let outcome = await Task(executorPreference: QueueExecutor()) { try await body(connection) }.result
        for neighbour in neighbours {
            neighbour.cancel()
            await neighbour.value
        }
        await connection.close()
        try outcome.get()
    }

    /// Takes the thread for a moment, in which an answer arrives.
    private static func spin() {
        let end = ContinuousClock.now + .microseconds(500)
        while ContinuousClock.now < end {}
    }
}

private final class QueueExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "preferred")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
