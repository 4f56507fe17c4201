import Election
import Logging
import Model
import Postgres
import Supervision

/// Performs the effects of an `ElectionMachine` on real sessions, and tells it what came of them.
///
/// It is isolated to the reactor's thread, like the sessions themselves, and its tasks prefer the election's own thread: a beat is
/// sent and its answer handled without the runtime's shared pool. Every task it starts is its own, in `tasks`, and has ended when
/// `outcome` returns.
actor LeadershipDriver {
    let configuration: Leadership.Configuration
    let incarnation: String
    /// The process that used this node's directory before this one, whose end is certain since the directory is this one's.
    var lastIncarnation: String?
    let reactor: Reactor
    let board: LeaseBoard
    let events: AsyncStream<LeadershipEvent>.Continuation
    let epochFile: EpochFile
    let thread = ElectionThread()
    let checks: StartupChecks
    let logger: Logger
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.reactor.asUnownedSerialExecutor() }

    var machine: ElectionMachine
    /// This node's term, from its grant until it is announced as lost.
    var term: Term?
    /// When the newest grant was written, by the database's clock.
    var since = WallTime(microseconds: 0)
    /// What was to be noted then.
    var noted: String?
    /// The lock session, S; its number is the machine's.
    var lock: (number: Int, connection: Postgres.Connection)?
    /// The session whose campaign is at the server, and the one that was to leave the queue before its campaign got there.
    var campaigning: Int?
    var withdrawnBeforeCampaign: Int?
    /// The session whose campaign is withdrawn as soon as the server has it.
    var withdrawing: Int?
    var facts: SessionFacts?
    var refusedSettings: Set<String> = []
    /// The watch session, W.
    var watch: Postgres.Connection?
    var watchWaiters: [CheckedContinuation<Result<Postgres.Connection, any Error>, Never>] = []
    var seen: LeadershipStatus.Seen?
    /// The server process of the session that gets the lock next, as of the last look; nil: nobody's, or it can't be seen.
    var nextWaiter: Int32?
    /// The leader row's, with the timeline of the server that showed it.
    var rowToken = FencingToken.zero
    /// What was asked of peers and may still be answered.
    var questions = PeerQuestions()
    /// In strict mode the leader that each node last asked to vouch for.
    var vouchedFor: [String: FencingToken] = [:]
    /// In strict mode the newest promise did not reach the disk: nothing is answered that relies on it.
    var promiseIsLost = false
    let promiseFile: DurableNumber
    var lastHolder: LockHolder?
    /// What `.waiting` said last; nil when it has to be said again.
    var announcedHolder: LockHolder??
    var turns = TurnQueue()
    /// The coordinator said that nothing of its term is in flight any more.
    var drained = false
    /// The session that gave the lock back, which stays open for a moment more, and what ends it then.
    var parted: Postgres.Connection?
    var parting: Task<Void, Never>?

    private var tasks: [Int: Task<Void, Never>] = [:]
    private var nextTask = 0
    private var handoverWaiters: [CheckedContinuation<Void, Never>] = []
    private var finish: CheckedContinuation<Void, Never>?
    private var started = false
    private var finished = false
    private var refusal: Refusal?

    init(
        configuration: Leadership.Configuration, reactor: Reactor, board: LeaseBoard, events: AsyncStream<LeadershipEvent>.Continuation,
        epochFile: EpochFile, promiseFile: DurableNumber, seed: UInt64, logger: Logger
    ) {
        self.configuration = configuration
        self.incarnation = configuration.incarnation
        self.promiseFile = promiseFile
        self.reactor = reactor
        self.board = board
        self.events = events
        self.epochFile = epochFile
        self.checks = StartupChecks(cluster: configuration.cluster, shard: configuration.shard)
        self.logger = logger
        self.machine = ElectionMachine(
            timing: configuration.timing, knownEpoch: Epoch(0), seed: seed, incarnation: configuration.incarnation, strict: configuration.strict,
            workPatience: configuration.workPatience)
    }

    var isFinished: Bool { self.finished }
    /// Whether messages of peers are for this node: not before it knows what an earlier run of it promised, or an older promise would be given, and kept on
    /// the disk, over a newer one. What comes before is lost, as on a network; whoever asked asks again.
    var takesPart: Bool { self.started && !self.finished }

    // MARK: - From start to end

    /// Returns when the machine has stopped, with the refusal that stopped it.
    func outcome(_ kept: Leadership.Kept) async -> Result<Void, Refusal> {
        self.machine.raiseKnownEpoch(to: kept.epoch)
        self.machine.raisePromised(to: kept.promised)
        self.lastIncarnation = kept.lastIncarnation
        self.started = true
        self.handle(.start)
        if !self.finished {
            self.start { await $0.keepTime() }
            self.start { await $0.keepWatch() }
            self.start { await $0.keepBeating() }
            await withCheckedContinuation { continuation in
                if self.finished { continuation.resume() } else { self.finish = continuation }
            }
        }
        self.configuration.pulse?.say(.over)
        await self.parting?.value
        self.thread.stop()
        self.end(self.watch)
        for task in self.tasks.values { await task.value }
        await self.epochFile.flush()
        self.events.finish()
        return self.refusal.map { .failure($0) } ?? .success(())
    }

    func shutdown() { self.handle(.shutdownRequested) }

    /// Gives up, if this node leads; returns when the lock is free or the session is gone.
    func resign(to successor: String?) async {
        self.handle(successor.map { .handOverRequested(to: $0) } ?? .resignRequested)
        await withCheckedContinuation { continuation in
            if case .resigning = self.machine.state { self.handoverWaiters.append(continuation) } else { continuation.resume() }
        }
    }

    func drained(_ term: Term) {
        guard self.term?.isSame(as: term) == true else { return }
        self.drained = true
        self.drainIfQuiet()
    }

    func drainIfQuiet() {
        guard case .resigning(_, .draining) = self.machine.state, self.drained, !self.turns.taken else { return }
        self.handle(.drained)
    }

    /// Starts a task that this actor owns, and that needs no thread of the shared pool.
    func start(_ body: @escaping @Sendable (isolated LeadershipDriver) async -> Void) {
        self.nextTask += 1
        let number = self.nextTask
        self.tasks[number] = Task(executorPreference: self.thread) {
            await body(self)
            await self.forget(number)
        }
    }

    private func forget(_ task: Int) { self.tasks[task] = nil }

    /// A node that has handed over ends nothing for so long. The end of a session costs the server 1 to 5 ms of a processor, and a node has half a dozen: on
    /// the database's machine they would take turns with what the successor asks for its first acts.
    static let quietAfterHandOver = Duration.milliseconds(250)

    /// The lock is back: its session may end when the successor has begun.
    func part(from connection: Postgres.Connection) {
        self.end(self.parted)
        self.parted = connection
        self.parting = Task(executorPreference: self.thread) {
            await self.thread.sleep(until: BootClock.now() + Self.quietAfterHandOver, slot: .parting)
            await self.end(connection)
        }
    }

    /// Closes at once, not some time later: the session lives on this actor's own thread.
    func end(_ connection: Postgres.Connection?) {
        connection?.assumeIsolated { $0.close() }
    }

    private func keepTime() async {
        while !self.finished {
            await self.thread.sleep(until: self.machine.wakeAt ?? Instant(nanoseconds: .max), slot: .machine)
            if !self.finished { self.handle(.timer) }
        }
    }

    /// From this actor, by way of the election's thread: what hinders either from deciding hinders this.
    private func keepBeating() async {
        guard let pulse = self.configuration.pulse else { return }
        while !self.finished {
            pulse.say(.beat)
            await self.thread.sleep(until: BootClock.now() + Sign.interval, slot: .pulse)
        }
    }

    // MARK: - Events and effects

    func handle(_ event: ElectionEvent) {
        let effects = self.machine.handle(event, at: BootClock.now(), workedAt: self.board.workedAt)
        // Before the effects: what revokes the right to act counts first.
        self.post()
        for effect in effects { self.perform(effect) }
        self.giveUpIfPromiseIsLost()
        if let wakeAt = self.machine.wakeAt { self.thread.move(.machine, to: wakeAt) }
        if case .resigning = self.machine.state {} else { self.resumeHandoverWaiters() }
    }

    private func resumeHandoverWaiters() {
        let waiters = self.handoverWaiters
        self.handoverWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    private func post() {
        let machine = self.machine
        self.board.update { posting in
            posting.lease = machine.lease
            if machine.lease == nil { posting.term = nil }
            posting.beatSentAt = machine.tenure?.answeredBeatAt
            posting.status.role = machine.role
            posting.status.lastBeatRoundTrip = machine.tenure?.roundTrip
            posting.status.knownEpoch = machine.knownEpoch
            posting.status.timing = machine.tenure?.timing ?? machine.timing
        }
    }

    private func perform(_ effect: ElectionEffect) {
        switch effect {
        case .connect(let session): self.start { await $0.connect(session) }
        case .runChecks(let session): self.start { await $0.runChecks(session) }
        case .campaign(let session, let known, let timing):
            self.start { await $0.campaign(session, known: known, timing: timing) }
        case .startLeading(let grant, let timing): self.startLeading(grant, timing: timing)
        case .sendBeat(let session, let number): self.start { await $0.sendBeat(session, number: number) }
        case .settle(let session): self.start { await $0.settle(session) }
        case .resign(let session):
            self.announceHandOver()
            self.start { await $0.giveUp(session) }
        case .openGate(let evidence): self.announce("may act from now on: \(evidence)") { .gateOpened($0) }
        case .suspend:
            let lacksMajority = self.machine.tenure?.lacksMajority ?? false
            let why = lacksMajority ? "no majority of the nodes has vouched for this leader for a lease" : "the database has not answered for a lease"
            self.announce("suspended: \(why)", .warning) { .suspended($0) }
        case .resume:
            self.announce("resumed: the database \(self.configuration.strict == nil ? "answers" : "and a majority of the nodes answer") again") { .resumed($0) }
        case .drain:
            self.drained = false
            self.announce("resigning") { .resigning($0) }
        case .stopLeading(let reason): self.stopLeading(reason)
        case .closeSession(let session): self.closeSession(session)
        case .recordEpoch(let epoch): self.record(epoch)
        case .withdraw(let session): self.withdraw(session)
        case .evict(let holder): self.start { await $0.evict(holder) }
        case .askFence(let predecessor, let token): self.askFence(predecessor, token)
        case .askHoldOff(let duration, let successor): self.askHoldOff(duration, except: successor)
        case .confirmHoldOff(let node, let request): self.confirmHoldOff(node, request)
        case .recordPromise(let token): self.record(promise: token)
        case .promise(let node, let request, let promised): self.promise(node, request, promised)
        case .askPromises(let token): self.askPromises(token)
        case .askAcknowledgements(let token, let lease): self.askAcknowledgements(token, lease)
        case .acknowledge(let node, let request, let promised): self.acknowledge(node, request, promised)
        case .refuse(let refusal):
            self.refusal = refusal
            self.complete()
        case .stop: self.complete()
        }
    }

    private func complete() {
        self.finished = true
        self.resumeHandoverWaiters()
        for waiter in self.watchWaiters { waiter.resume(returning: .failure(CancellationError())) }
        self.watchWaiters = []
        self.finish?.resume()
        self.finish = nil
    }

    func note(problem: String?) {
        self.board.update { $0.status.lastProblem = problem }
    }

    private func record(_ epoch: Epoch) {
        let board = self.board
        let logger = self.logger
        self.epochFile.record(epoch) { problem in
            logger.warning("the newest epoch was not kept on this node's disk", metadata: ["problem": "\(problem)"])
            board.update { $0.status.lastProblem = problem }
        }
    }
}

extension ElectionMachine {
    var role: LeadershipStatus.Role {
        switch self.state {
        case .idle: .starting
        case .connecting, .checking: .connecting
        case .campaigning, .held: .waiting
        case .leading: .leader
        case .suspended: .suspended
        case .resigning: .resigning
        case .backingOff: .backingOff
        case .refused: .refused
        case .stopped: .stopped
        }
    }
}
