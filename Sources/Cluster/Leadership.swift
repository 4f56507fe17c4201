import Election
public import Logging
public import Membership
public import Model
public import Postgres
public import ServiceLifecycle
import Synchronization

/// One node's part in the election of one shard's leader.
///
/// Model. Two sessions with the database, on a thread of their own: S waits for the shard's advisory lock and, once it has
/// it, carries the beats and *every* write of the leader; W watches the holder and the beat counter. All rules are in
/// `ElectionMachine`; `LeadershipDriver` performs its effects and tells it what happened; this type is the way in for others.
///
/// Invariants. Whoever writes in a term writes on the session that holds the lock, behind the fence statement. `mayAct` is
/// false from the moment the lease, the gate or the session is in doubt, also when this process's thread pool is starved or
/// was frozen: it compares a clock with a deadline. `.lost` is published before the node reconnects.
///
/// It does not decide anything about workloads, nor cancel a coordinator's tasks: it says when.
public final class Leadership: ServiceLifecycle.Service {
    /// In order; one consumer. Ends when `run()` returns. A consumer that doesn't read loses the oldest beyond
    /// `maximumBufferedEvents`: `mayAct` and `transaction` don't depend on it.
    public let events: AsyncStream<LeadershipEvent>

    /// Far more than a term has.
    public static let maximumBufferedEvents = 256

    private let configuration: Configuration
    private let driver: LeadershipDriver
    private let board: LeaseBoard
    private let reactor: Reactor
    private let epochFile: EpochFile
    private let promiseFile: DurableNumber
    private let messages = Atomic<Int>(0)

    /// Messages of peers under way to the election: nine nodes send a handful a second each. Further ones are lost, as on a network.
    static let maximumMessages = 256

    /// What an earlier run of this node left in its directory.
    struct Kept {
        var epoch: Epoch
        var promised: FencingToken
        var lastIncarnation: String?
    }

    public init(configuration: Configuration, logger: Logger) {
        var generator = SystemRandomNumberGenerator()
        var logger = logger
        logger[metadataKey: "node"] = "\(configuration.node)"
        let (events, continuation) = AsyncStream.makeStream(
            of: LeadershipEvent.self, bufferingPolicy: .bufferingNewest(Self.maximumBufferedEvents))
        self.configuration = configuration
        self.events = events
        self.reactor = Reactor(name: "muster-election")
        self.board = LeaseBoard(
            status: LeadershipStatus(role: .starting, knownEpoch: Epoch(0), timing: configuration.timing))
        self.epochFile = EpochFile(directory: configuration.dataDirectory, shard: configuration.shard)
        self.promiseFile = DurableNumber(
            directory: configuration.dataDirectory, name: "election-\(configuration.shard).promise", meaning: "a fencing token")
        self.driver = LeadershipDriver(
            configuration: configuration, reactor: self.reactor, board: self.board, events: continuation, epochFile: self.epochFile,
            promiseFile: self.promiseFile, seed: generator.next(), logger: logger)
    }

    deinit {
        // Not before: whoever calls after the end must still get an answer from the driver, which lives on these threads.
        self.reactor.stop()
        self.driver.thread.stop()
    }

    /// Takes part in the election until the task is cancelled, a graceful shutdown begins, or `shutdown()` is called; then
    /// resigns (if it leads) and returns. To be called once.
    ///
    /// Trouble with the database is waited out, however long.
    /// - Throws: `ElectionRefused` when this node or this database can't take part, with words and advice.
    public func run() async throws {
        do throws(Refusal) {
            if let objection = self.configuration.timing.objection { throw .timing(objection: objection) }
            for name in [self.configuration.cluster, self.configuration.shard] {
                if let objection = ManifestName.objection(to: name) { throw .name(objection: objection) }
            }
            if let objection = self.configuration.strict?.objection { throw .strict(objection: objection) }
            // Held until the election is over: another process would count as this one.
            let lock = try DirectoryLock.take(
                directory: self.configuration.dataDirectory, shard: self.configuration.shard, incarnation: self.configuration.incarnation)
            let kept = Kept(
                epoch: try self.epochFile.open(), promised: FencingToken(value: self.configuration.strict == nil ? 0 : try self.promiseFile.open()),
                lastIncarnation: lock.lastIncarnation)
            try await self.participate(kept)
            _ = consume lock
        } catch {
            throw ElectionRefused(refusal: error, endpoint: self.configuration.connection.redacted)
        }
    }

    private func participate(_ kept: Kept) async throws(Refusal) {
        let driver = self.driver
        let outcome = await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await driver.outcome(kept)
            } onGracefulShutdown: {
                // Ends as soon as it has crossed to the driver's thread.
                Task { await driver.shutdown() }
            }
        } onCancel: {
            // As above.
            Task { await driver.shutdown() }
        }
        try outcome.get()
    }

    /// One transaction on the lock session, fenced: its first statement asserts the term, and counts as a beat.
    ///
    /// Transactions run one after the other, beats between them. Keep each well under the lease: the leader is suspended while
    /// one runs longer, and the server ends a session whose transaction does nothing for `Timing.idle`.
    /// - Parameters:
    ///   - opening: statements that are needed whatever happens next: they travel with the fence, and `body` gets their answers.
    ///   - deadline: for getting hold of the session; statements take deadlines of their own.
    ///   - body: must not use the transaction from two tasks at once.
    /// - Throws: `LeadershipError.notLeader` when the term is over (nothing was written), `.outcomeUnknown` when the session
    ///   broke during the commit, otherwise what `body` or the database threw (rolled back).
    public func transaction<R>(
        _ term: Term, opening: [Statement] = [], deadline: Duration? = nil, _ body: (Transaction, [ResultSet]) async throws -> R
    ) async throws -> R {
        let (session, connection) = try await self.driver.takeTurn(term)
        do {
            let driver = self.driver
            let result = try await connection.transaction(deadline: deadline) { transaction in
                let sentAt = BootClock.now()
                let fence = [
                    Statement(ElectionSQL.assertLeader, [.text(term.shard), .int(term.epoch.value)]), Statement(ElectionSQL.bumpBeat),
                ]
                let answers = try await transaction.pipeline(fence + opening)
                await driver.confirmed(session, sentAt: sentAt)
                return try await body(transaction, Array(answers.dropFirst(fence.count)))
            }
            await self.driver.endTurn()
            return result
        } catch {
            let explained = await self.driver.explain(error, term, session: session)
            await self.driver.endTurn()
            throw explained
        }
    }

    /// The check immediately before each act on the world: the term is still this node's, its gate is open, it is neither
    /// suspended nor resigning, and the lease lasts longer than `sendBudget`, the time until the request has been sent.
    public func mayAct(_ term: Term, sendBudget: Duration) -> Bool { self.board.mayAct(term, sendBudget: sendBudget) }

    /// Hands over, if this node leads: `.resigning`, `.lost`, then the lock is given up and not asked for again for half a
    /// second. Returns when another node can have it. Does nothing on a node that does not lead.
    /// - Parameter successor: the node that shall lead next: the others are asked to let it. Nil: whoever is first.
    public func resign(to successor: String? = nil) async { await self.driver.resign(to: successor) }

    /// Everything of this term that was in flight has ended: a resignation need not wait any longer. Its transactions are
    /// waited for by themselves.
    public func drained(_ term: Term) async { await self.driver.drained(term) }

    /// Asks `run()` to resign, if this node leads, and to return. Idempotent.
    public func shutdown() async { await self.driver.shutdown() }

    /// The work of the leader on this node got on. Cheap; to be said several times within `Configuration.workPatience`.
    public func worked() {
        let now = BootClock.now()
        self.board.update { $0.workedAt = now }
    }

    /// This leader has not been able to do a leader's work since then, and `other` can: it resigns in favour of that node once that has lasted for three
    /// seconds. Does nothing on a node that does not lead.
    public func unfit(since: Instant, other: String) { self.enqueue { $0.handle(.unfit(since: since, other: other)) } }

    /// A message of an authenticated member, for the election.
    public func received(_ message: PeerMessage) { self.enqueue { await $0.received(message) } }

    /// The machine of that node refused a connection that was asked for then, on the boot clock: nobody listens where its process did.
    public func nobodyListens(at node: String, dialledAt: Instant) { self.enqueue { $0.nobodyListens(at: node, dialledAt: dialledAt) } }

    /// Nothing connects this node with that one any more, or it does not answer.
    public func parted(from node: String) { self.enqueue { await $0.parted(from: node) } }

    private func enqueue(_ body: @escaping @Sendable (isolated LeadershipDriver) async -> Void) {
        guard self.messages.wrappingAdd(1, ordering: .relaxed).newValue <= Self.maximumMessages else {
            self.messages.wrappingSubtract(1, ordering: .relaxed)
            return
        }
        let driver = self.driver
        // Its own end: it only crosses to the driver's thread, without the shared pool.
        Task(executorPreference: driver.thread) {
            await body(driver)
            self.messages.wrappingSubtract(1, ordering: .relaxed)
        }
    }

    /// One look at where things stand; cheap, and never waits for the database.
    public var status: LeadershipStatus { self.board.status }
}
