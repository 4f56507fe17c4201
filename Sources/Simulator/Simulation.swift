import Election
import Model

/// A cluster in one value: election machines, databases, the network between them and what leaders act on; one thread, one
/// seed, virtual time.
///
/// Model. Time is global, in microseconds; each node reads it through a clock of its own offset and rate. Everything that
/// takes time is an event in one queue. The nodes' shell here does what the real one does, and a little mischief besides
/// (late timers, answers twice). Postgres is modelled by its sessions, the lock's queue, the leader's row and commits; TCP
/// by order and delay: what a cut swallows comes after it or breaks the connection.
///
/// Invariants checked: see `Simulation+Invariants.swift`. It models neither TLS nor membership, and no more of SQL than the
/// statements of the election and a leader's decision.
struct Simulation {
    enum Event {
        case wake(node: Int, at: Int64)
        case toNode(node: Int, run: Int, ElectionEvent)
        case beatAnswer(node: Int, run: Int, session: Int, number: Int, current: Bool)
        case opened(node: Int, run: Int, number: Int)
        case arrive(session: Int, Statement)
        case execute(session: Int, Statement)
        case commit(session: Int, Statement)
        case commitGrant(session: Int)
        case decided(node: Int, run: Int, session: Int, term: Int, sentAt: Instant, idem: Int, committed: Bool)
        case sliceEnd(session: Int, since: Int64)
        case idleCheck(session: Int)
        case cancel(session: Int)
        case finished(session: Int)
        case noticed(session: Int)
        case evict(server: Int, Holder)
        case look(node: Int, run: Int)
        case looked(node: Int, run: Int, watchRun: Int, beat: Int64, epoch: Epoch, timeline: Int32, Holder?, sentAt: Int64)
        case peer(to: Int, from: Int, PeerMessage)
        case gossip(node: Int, run: Int)
        case work(node: Int, run: Int, term: Int)
        case proceed(node: Int, run: Int, term: Int, idem: Int, committed: Bool)
        case call(target: Int, node: Int, run: Int, term: Int, FencingToken, TargetCall)
        case drained(node: Int, run: Int, term: Int)
        case asked(node: Int, run: Int, session: Int, [String])
        case crash(node: Int, restartAfter: Int64)
        case restart(node: Int, withDisk: Bool)
        case fit(node: Int, run: Int)
        case serverUp(server: Int)
        case retire(server: Int)
        case fault
    }

    /// Clocks differ by up to 0.8 %, which is within the 1 % that the protocol allows for.
    static let greatestRateError: Int64 = 4
    /// A request is on the wire this long after the check, at the most.
    static let sendBudget = Duration.milliseconds(5)
    /// A run whose terms last takes so many times as long, with faults that come so many times as rarely and with as much less mischief.
    static let lastingTime: Int64 = 6
    static let lastingGap: Int64 = 40
    /// After this long without an answer TCP gives a connection up.
    static let tcpTimeout: Int64 = 2_000_000

    let scenario: Scenario
    let bug: PlantedBug?
    let strict: Bool
    /// What this cluster has besides the protocol.
    let idleTimeouts: Bool
    let keepalives: Bool
    let supervised: Bool
    /// How much rarer faults are than at their densest: dense ones keep leaders from settling, rare ones let them.
    let faultGap: Int64
    /// Databases keep failing over here while the old primary lives, with few other faults between: what strict mode is for.
    let torn: Bool
    /// Terms last for minutes here, unless a leader's work stands still.
    let lasting: Bool
    /// What goes wrong here, by weight.
    let menu: [Fault]
    /// Nodes tell each other the newest token, besides what they have to say anyway.
    let gossips: Bool
    var trace: ((String) -> Void)?

    var random: SeededGenerator
    var now: Int64 = 0
    var queue = EventQueue<Event>()
    var nodes: [SimulatedNode] = []
    var servers: [Database]
    /// The newest primary.
    var primary = 0
    var sessions: [Session] = []
    var targets: [Target]
    /// `from * nodes + to` → until when nothing gets through.
    var peerCutUntil: [Int64]
    var questions: [Int: Question] = [:]
    var nextQuestion = 0
    /// Whom the last leader named for its successor.
    var named: String?
    var nextTerm = 0
    var nextDecision = 0
    var faultsOn: Bool
    /// Nodes whose machine leads, as bits.
    var leading: UInt32 = 0

    var ledger = Record()
    var steps = 0
    var faults = 0

    init(_ scenario: Scenario, trace: ((String) -> Void)? = nil) {
        var random = SeededGenerator(seed: scenario.seed)
        var count = scenario.nodes ?? [1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 7, 9][Int(random.below(12))]
        let wantsStrict = random.below(3) == 0
        let strict = scenario.strict ?? scenario.planted.flatMap { $0.needsStrictMode ? true : nil } ?? (wantsStrict && count >= 3)
        if strict { count = max(count, 3) }
        count = min(max(count, 1), Scenario.mostNodes)
        self.scenario = scenario
        self.bug = scenario.planted
        self.strict = strict
        self.idleTimeouts = random.below(10) != 0 && scenario.planted != .silentHolderKept
        self.keepalives = random.below(10) != 0 && scenario.planted != .silentHolderKept
        self.supervised = random.below(3) == 0
        let gap: Int64 = [1, 2, 4, 8][Int(random.below(4))]
        self.trace = trace
        self.servers = [Database(timeline: 1)]
        self.targets = (0..<4).map { Target(comparesVersions: $0 < 3) }
        self.peerCutUntil = Array(repeating: 0, count: count * count)
        let menu = Fault.menu(only: scenario.only)
        self.menu = menu
        self.faultsOn = !scenario.calm && !menu.isEmpty
        let torn = random.below(8) == 0 || (scenario.planted?.needsStrictMode ?? false)
        self.torn = torn
        self.gossips = random.below(3) != 0 && !torn
        // By a generator of its own: what else a seed means is the same with it and without.
        var other = SeededGenerator(seed: ~scenario.seed)
        let lasting = other.below(16) == 0 && !torn
        self.lasting = scenario.lasting ?? (scenario.planted?.needsLastingTerms ?? false || lasting)
        self.faultGap = self.lasting ? Self.lastingGap : gap
        self.random = random
        for index in 0..<count { self.addNode(index, of: count) }
        for index in 0..<count { self.begin(index) }
        if self.faultsOn { self.schedule(self.pick(200_000...800_000), .fault) }
    }

    private mutating func addNode(_ index: Int, of count: Int) {
        // Mostly equal timers, sometimes not: safety must not hang on it. In strict mode they have to be equal.
        let timing: Timing = !self.strict && self.oneIn(8) ? .fast : .standard
        let machine = self.makeMachine(index, run: 0, timing: timing, epoch: Epoch(0), promised: .zero, of: count)
        let error = Self.greatestRateError
        self.nodes.append(
            SimulatedNode(
                index: index, machine: machine, timing: timing, offset: self.pick(0...1_000_000_000), rate: 1000 + self.pick(-error...error)))
    }

    mutating func makeMachine(
        _ index: Int, run: Int, timing: Timing, epoch: Epoch, promised: FencingToken, of count: Int
    ) -> ElectionMachine {
        ElectionMachine(
            timing: timing, knownEpoch: epoch, seed: self.random.next(), incarnation: SimulatedNode.incarnation(index, run),
            promised: promised, strict: self.strict ? StrictMode(members: count) : nil, workPatience: ElectionMachine.usualWorkPatience)
    }

    /// How long faults are injected.
    var faultyTime: Int64 { self.scenario.faultyTime * (self.lasting ? Self.lastingTime : 1) }

    // MARK: Chance and time

    mutating func pick(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + self.random.below(range.upperBound - range.lowerBound + 1)
    }
    mutating func oneIn(_ count: Int64) -> Bool { self.random.below(count) == 0 }
    /// Mischief of the shell's: only while faults are injected.
    mutating func buggify(_ count: Int64) -> Bool {
        guard self.faultsOn, self.oneIn(self.lasting ? count * Self.lastingGap : count) else { return false }
        self.count(.buggify)
        return true
    }
    mutating func latency() -> Int64 { self.oneIn(40) ? self.pick(1000...60_000) : self.pick(80...1500) }

    mutating func schedule(_ delay: Int64, _ event: Event) { self.queue.insert(event, at: self.now + max(0, delay)) }
    mutating func scheduleAt(_ time: Int64, _ event: Event) { self.queue.insert(event, at: max(self.now, time)) }

    mutating func count(_ what: Sometimes) { self.ledger.sometimes[what.rawValue] += 1 }

    func note(_ words: @autoclosure () -> String) {
        guard let trace else { return }
        trace("\(self.now / 1000).\(String(self.now % 1000 + 1000).dropFirst()) ms  \(words())")
    }

    // MARK: Running

    /// Runs until then, or until an invariant is broken.
    mutating func run(until end: Int64) {
        while let next = self.queue.nextAt, next <= end, self.ledger.violations.isEmpty {
            guard let (time, event) = self.queue.pop() else { break }
            self.now = time
            self.steps += 1
            self.step(event)
            self.checkLeaders()
        }
        self.now = max(self.now, end)
    }

    /// A paused process handles nothing; what arrives waits for it.
    private mutating func isPaused(_ node: Int, _ event: Event) -> Bool {
        let thaw = self.nodes[node].pausedUntil
        guard thaw > self.now else { return false }
        if case .wake = event {
            self.nodes[node].wake = thaw
            self.scheduleAt(thaw, .wake(node: node, at: thaw))
        } else {
            self.scheduleAt(thaw, event)
        }
        return true
    }

    private mutating func lives(_ node: Int, _ run: Int) -> Bool { self.nodes[node].run == run && !self.nodes[node].down }

    private mutating func step(_ event: Event) {
        switch event {
        case .wake(let node, let at):
            guard self.nodes[node].wake == at, !self.nodes[node].down, !self.isPaused(node, event) else { return }
            self.nodes[node].wake = .max
            self.feed(node, .timer)
        case .toNode(let node, let run, let happened):
            guard self.lives(node, run), !self.isPaused(node, event) else { return }
            self.feed(node, happened)
        case .beatAnswer(let node, let run, let session, let number, let current):
            guard self.lives(node, run), !self.isPaused(node, event) else { return }
            self.beatAnswered(node, session, number, current)
        case .decided(let node, let run, let session, let term, let sentAt, let idem, let committed):
            guard self.lives(node, run), !self.isPaused(node, event) else { return }
            self.decided(node, session, term, sentAt, idem, committed)
        case .looked(let node, let run, let watchRun, let beat, let epoch, let timeline, let holder, let sentAt):
            guard self.lives(node, run), self.nodes[node].watchRun == watchRun, !self.isPaused(node, event) else { return }
            self.feed(node, .watched(beat: beat, epoch: epoch, timeline: timeline, holder: holder, roundTrip: .microseconds(self.now - sentAt)))
        case .look(let node, let run):
            guard self.lives(node, run), !self.isPaused(node, event) else { return }
            self.look(node)
        case .peer(let node, let from, let message):
            if self.nodes[node].down || !self.isPaused(node, event) { self.receive(message, at: node, from: from) }
        case .gossip(let node, let run):
            guard self.lives(node, run), !self.isPaused(node, event) else { return }
            self.gossip(node)
        case .work(let node, let run, let term):
            guard self.lives(node, run), !self.isPaused(node, event) else { return }
            self.work(node, term)
        case .proceed(let node, let run, let term, let idem, let committed):
            guard self.lives(node, run), !self.isPaused(node, event) else { return }
            self.proceed(node, term, idem, committed)
        case .call(let target, let node, let run, let term, let token, let call):
            self.handle(call, target, node, run, term, token, event)
        case .drained(let node, let run, let term):
            guard self.lives(node, run), self.nodes[node].work?.number == term, !self.isPaused(node, event) else { return }
            // The work says so itself.
            if let wait = self.stall(of: node) { return self.schedule(wait, event) }
            self.feed(node, .drained)
        case .asked(let node, let run, let session, let asked):
            guard self.lives(node, run), !self.isPaused(node, event) else { return }
            self.feed(node, .holdOffAsked(session: session, of: asked))
        case .fit(let node, let run):
            if self.lives(node, run), !self.isPaused(node, event) { self.feed(node, .fit) }
        case .crash(let node, let pause):
            if self.faultsOn { self.crash(node, restartAfter: pause, withDisk: true) }
        case .restart(let node, let withDisk): self.restart(node, withDisk: withDisk)
        default: self.stepDatabase(event)
        }
    }

    /// For `step`: answers of targets wait for a paused process as everything does, and for work that stands still.
    mutating func reaches(_ node: Int, _ run: Int, _ event: Event) -> Bool {
        guard self.lives(node, run), !self.isPaused(node, event) else { return false }
        guard let wait = self.stall(of: node) else { return true }
        self.schedule(wait, event)
        return false
    }

    /// How long to wait before looking again whether that node's work gets on; nil when it does.
    func stall(of node: Int) -> Int64? {
        let left = self.nodes[node].stalledUntil - self.now
        return left > 0 ? min(left, Self.hangCheck) : nil
    }
}
