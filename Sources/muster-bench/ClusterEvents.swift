import Postgres

/// What happens in a benchmark's cluster, each with its moment on the boot clock: the leader row's commits, which the database announces, and effects outside.
///
/// Nothing is polled while a fault is measured: on two cores a session that asks twice a millisecond takes a quarter of one from those that are measured.
struct ClusterEvents: Sendable {
    enum Event: Sendable {
        /// The leader row was committed.
        case leader(epoch: Int64, settled: Bool, at: Int64)
        case effect(EffectLog.Effect)
        /// The alarm that was set rings.
        case alarm(Int)
    }

    private let stream: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation
    private static let channel = "bench_leader"

    /// Calls of all trials between two looks are fewer by far.
    private static let mostHeld = 10_000

    init() { (self.stream, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.mostHeld)) }

    func tell(_ event: Event) { self.continuation.yield(event) }

    /// Makes the database announce the commits of the leader row, on a session that is used for nothing else. Ends with the session.
    func follow(_ session: Connection) async throws {
        _ = try await session.simple(
            """
            CREATE FUNCTION public.bench_leader() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_notify('\(Self.channel)', NEW.epoch || ' ' || NEW.settled); RETURN NULL; END $$;
            CREATE TRIGGER bench_leader AFTER UPDATE ON muster.leader FOR EACH ROW EXECUTE FUNCTION public.bench_leader()
            """)
        let commits = try await session.listen(Self.channel)
        let continuation = self.continuation
        // Ends with the stream, which ends with the session.
        Task {
            for await commit in commits {
                let now = bootNanoseconds()
                let words = commit.payload.split(separator: " ")
                guard words.count == 2, let epoch = Int64(words[0]) else { continue }
                continuation.yield(.leader(epoch: epoch, settled: words[1] == "true", at: now))
            }
        }
    }

    /// Calls `body` with each event until it returns something, or for so long. One caller at a time.
    func first<R: Sendable>(within limit: Duration, _ body: (Event) throws -> R?) async rethrows -> R? {
        let number = Int.random(in: 0...Int.max)
        let continuation = self.continuation
        let alarm = Task {
            try await Task.sleep(for: limit)
            continuation.yield(.alarm(number))
        }
        defer { alarm.cancel() }
        for await event in self.stream {
            if case .alarm(number) = event { return nil }
            if let result = try body(event) { return result }
        }
        return nil
    }
}
