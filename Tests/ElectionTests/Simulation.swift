import Model

@testable import Election

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { self.state = seed }
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Several machines against a model of the database, in one thread, from one seed.
///
/// Time is global, in microseconds; each node and the server read it through a clock of their own rate. The model has what
/// the protocol leans on: sessions that die by termination, by idling or with the server; a lock queue in order, with
/// slices and ghosts; statements one after the other in a session; a beat counter; the leader row. The network delays, cuts
/// (nobody learns of it), and nodes freeze.
struct Simulation {
    /// Clocks differ by up to 0.8 %, which is within the 1 % that the protocol allows for.
    static let rateSpread = 4  // thousandths, either way

    struct Node {
        var machine: ElectionMachine
        var timing: Timing
        var offset: Int64
        var rate: Int64  // thousandths
        var frozenUntil: Int64 = 0
        var cutUntil: Int64 = 0
        var disk = Epoch(0)
        var down = false
        /// Counts restarts: messages for an earlier run are dropped.
        var run = 0
        /// When each beat was sent, on the node's clock.
        var beatSentAt: [Int: Instant] = [:]
        var wake: Int64 = .max
        var watchSession = 0
    }

    enum Statement { case checks, campaign(known: Epoch, timing: Timing), beat(number: Int, epoch: Epoch), settle(Epoch, Duration), resign(Epoch) }

    struct Session {
        var node: Int
        var run: Int
        var number: Int
        var idle: Duration
        var busyUntil: Int64 = 0
        var statements = 0
        var lastActivity: Int64
        var waiting: (known: Epoch, timing: Timing, since: Int64)?
    }

    struct LeaderRow {
        var epoch = Epoch(0)
        var node: Int?
        var session: Int?
        var resigned = false
        var settled = true
        var lease = Duration.zero
    }

    enum Happening {
        case wake(node: Int, at: Int64)
        case toServer(node: Int, run: Int, session: Int, Statement)
        case execute(session: Int, Statement)
        case toNode(node: Int, run: Int, ElectionEvent)
        case opened(node: Int, run: Int, number: Int)
        case watch(node: Int, run: Int)
        case watchAnswer(node: Int, run: Int, watchSession: Int, beat: Int64, epoch: Epoch)
        case idleCheck(session: Int)
        case sliceEnd(session: Int, since: Int64)
        case fault
        case drained(node: Int, run: Int)
        case serverUp
        case restart(node: Int)
    }

    var generator: SeededGenerator
    var now: Int64 = 0
    var nodes: [Node] = []
    var sessions: [Int: Session] = [:]
    var nextSession = 1
    /// Session of each node's run and machine session number.
    var sessionOf: [[Int]: Int] = [:]
    var holder: Int?
    var row = LeaderRow()
    var terms: [Epoch] = []
    var beat: Int64 = 1
    var serverUp = true
    var stallUntil: Int64 = 0
    var serverRate: Int64 = 1000
    var faults = true

    private var queue: [(at: Int64, order: Int, what: Happening)] = []
    private var order = 0

    // What was seen, for the invariants and for "did this ever happen".
    var violations: [String] = []
    var lastActingEpoch = Epoch(0)
    var counts: [String: Int] = [:]
    var acts = 0

    init(seed: UInt64, nodeCount: Int = 3) {
        self.generator = SeededGenerator(seed: seed)
        self.serverRate = 1000 + Int64.random(in: -4...4, using: &self.generator)
        for index in 0..<nodeCount {
            // Mostly equal timers, sometimes not: safety must not hang on it.
            let timing: Timing = Int.random(in: 0..<6, using: &self.generator) == 0 ? .fast : .standard
            self.nodes.append(
                Node(
                    machine: ElectionMachine(timing: timing, knownEpoch: Epoch(0), seed: self.generator.next()), timing: timing,
                    offset: Int64.random(in: 0...1_000_000_000, using: &self.generator),
                    rate: 1000 + Int64.random(in: -Int64(Self.rateSpread)...Int64(Self.rateSpread), using: &self.generator)))
            self.schedule(self.random(0...20_000), .watch(node: index, run: 0))
        }
        for index in 0..<nodeCount { self.feed(index, .start) }
        self.schedule(self.random(500_000...1_500_000), .fault)
    }

    mutating func random(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &self.generator) }
    mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &self.generator) == 0 }

    mutating func schedule(_ delay: Int64, _ what: Happening) {
        self.order += 1
        let entry = (at: self.now + max(0, delay), order: self.order, what: what)
        // Few entries: a sorted array is simple and fast enough.
        let index = self.queue.partitioningIndex { ($0.at, $0.order) > (entry.at, entry.order) }
        self.queue.insert(entry, at: index)
    }

    func clock(_ node: Int) -> Instant {
        let node = self.nodes[node]
        return Instant(nanoseconds: (node.offset + self.now * node.rate / 1000) * 1000)
    }

    private func globalDelay(_ node: Int, until instant: Instant) -> Int64 {
        let local = (instant - self.clock(node)).microseconds
        return local <= 0 ? 0 : min(local, 1_000_000_000) * 1000 / self.nodes[node].rate + 1
    }

    /// Runs for so much simulated time, checking the invariants after every step.
    mutating func run(microseconds: Int64) {
        let end = self.now + microseconds
        while let next = self.queue.first, next.at <= end, self.violations.isEmpty {
            self.queue.removeFirst()
            self.now = next.at
            self.step(next.what)
            self.check()
        }
        self.now = max(self.now, end)
    }

    // MARK: Invariants

    mutating func check() {
        var acting: [Int] = []
        for index in self.nodes.indices {
            let node = self.nodes[index]
            guard !node.down, node.frozenUntil <= self.now, let lease = node.machine.lease else { continue }
            let now = self.clock(index)
            if let until = lease.until, let sent = node.machine.tenure?.answeredBeatAt {
                let term = node.machine.tenure?.timing.lease ?? .zero
                if until > sent + term || sent > now || !node.beatSentAt.values.contains(sent) {
                    self.violations.append("\(index): lease until \(until), sent \(sent)")
                }
            }
            if lease.mayAct(at: now, sendBudget: .zero) {
                acting.append(index)
                if lease.epoch < self.lastActingEpoch {
                    self.violations.append("node \(index) may act in epoch \(lease.epoch) after \(self.lastActingEpoch)")
                }
                self.lastActingEpoch = max(self.lastActingEpoch, lease.epoch)
                self.acts += 1
            }
        }
        if acting.count > 1 { self.violations.append("nodes \(acting) may act at once, at \(self.now) µs") }
    }

    // MARK: Nodes

    mutating func feed(_ index: Int, _ event: ElectionEvent) {
        guard !self.nodes[index].down else { return }
        let now = self.clock(index)
        let effects = self.nodes[index].machine.handle(event, at: now)
        for effect in effects { self.perform(effect, by: index, at: now) }
        if let wakeAt = self.nodes[index].machine.wakeAt {
            // Timers may be late.
            let at = self.now + self.globalDelay(index, until: wakeAt) + (self.chance(20) ? self.random(0...30_000) : self.random(0...500))
            if at < self.nodes[index].wake {
                self.nodes[index].wake = at
                self.schedule(at - self.now, .wake(node: index, at: at))
            }
        }
    }

    private mutating func perform(_ effect: ElectionEffect, by index: Int, at now: Instant) {
        let run = self.nodes[index].run
        func send(_ session: Int, _ statement: Statement) {
            self.schedule(self.latency(), .toServer(node: index, run: run, session: session, statement))
        }
        switch effect {
        case .connect(let number): self.schedule(self.latency() * 3, .opened(node: index, run: run, number: number))
        case .runChecks(let session): send(session, .checks)
        case .campaign(let session, let known, let timing): send(session, .campaign(known: known, timing: timing))
        case .sendBeat(let session, let number):
            self.nodes[index].beatSentAt[number] = now
            if let epoch = self.nodes[index].machine.tenure?.grant.epoch { send(session, .beat(number: number, epoch: epoch)) }
        case .settle(let session):
            if let tenure = self.nodes[index].machine.tenure { send(session, .settle(tenure.grant.epoch, tenure.timing.lease)) }
        case .resign(let session):
            if case .resigning(let tenure, _) = self.nodes[index].machine.state { send(session, .resign(tenure.grant.epoch)) }
        case .closeSession(let number):
            // The server learns of it unless the line is cut.
            if let session = self.sessionOf.removeValue(forKey: [index, run, number]), self.nodes[index].cutUntil <= self.now {
                self.endSession(session)
            }
        case .recordEpoch(let epoch): self.nodes[index].disk = max(self.nodes[index].disk, epoch)
        case .drain: self.schedule(self.random(0...(self.chance(4) ? 3_000_000 : 50_000)), .drained(node: index, run: run))
        case .startLeading(let grant, _):
            self.count("elected")
            if let last = self.terms.last, last != grant.epoch { self.count("grant of an earlier session") }
        case .openGate(let evidence):
            switch evidence {
            case .first: self.count("first")
            case .resigned: self.count("resigned")
            case .silence: self.count("silence")
            case .waited: self.count("waited")
            }
        case .suspend: self.count("suspend")
        case .resume: self.count("resume")
        case .stopLeading(let reason):
            switch reason {
            case .resigned: self.count("lost by resigning")
            case .sessionClosed: self.count("lost by session")
            case .superseded: self.count("lost by superseding")
            case .silent: self.count("lost by silence")
            }
        case .refuse(let refusal): self.violations.append("refused: \(refusal)")
        case .stop:
            self.nodes[index].down = true
            self.schedule(self.random(100_000...1_000_000), .restart(node: index))
        }
    }

    mutating func count(_ what: String) { self.counts[what, default: 0] += 1 }

    private mutating func latency() -> Int64 { self.chance(30) ? self.random(1000...80_000) : self.random(100...2000) }

    private mutating func tell(_ index: Int, run: Int, _ event: ElectionEvent) {
        self.schedule(self.latency(), .toNode(node: index, run: run, event))
    }

    // MARK: Steps

    private mutating func step(_ what: Happening) {
        switch what {
        case .wake(let index, let at):
            guard self.nodes[index].wake == at else { return }
            if self.delayedByFreeze(index, what) { return }
            self.nodes[index].wake = .max
            self.feed(index, .timer)
        case .toNode(let index, let run, let event):
            guard self.nodes[index].run == run, self.nodes[index].cutUntil <= self.now else { return }
            if self.delayedByFreeze(index, what) { return }
            self.feed(index, event)
        case .opened(let index, let run, let number): self.open(index, run, number, what)
        case .toServer(let index, let run, let number, let statement):
            guard self.nodes[index].cutUntil <= self.now, let session = self.sessionOf[[index, run, number]] else { return }
            self.receive(session, statement)
        case .execute(let session, let statement): self.execute(session, statement)
        case .sliceEnd(let session, let since):
            guard let waiting = self.sessions[session]?.waiting, waiting.since == since else { return }
            self.sessions[session]?.waiting = nil
            self.answered(session)
            self.reply(session) { .sliceElapsed(session: $0) }
        case .idleCheck(let session): self.idleCheck(session)
        case .watch(let index, let run): self.look(index, run)
        case .watchAnswer(let index, let run, let watchSession, let beat, let epoch):
            let node = self.nodes[index]
            guard node.run == run, node.watchSession == watchSession, node.cutUntil <= self.now else { return }
            if self.delayedByFreeze(index, what) { return }
            self.feed(index, .watched(beat: beat, epoch: epoch, timeline: 1))
        case .drained(let index, let run):
            if self.nodes[index].run == run { self.feed(index, .drained) }
        case .serverUp: self.serverUp = true
        case .restart(let index): self.restart(index)
        case .fault:
            if self.faults { self.injectFault() }
        }
    }

    /// A frozen node handles nothing; what arrives waits for it.
    private mutating func delayedByFreeze(_ index: Int, _ what: Happening) -> Bool {
        let thaw = self.nodes[index].frozenUntil
        guard thaw > self.now else { return false }
        if case .wake = what {
            self.nodes[index].wake = thaw
            self.schedule(thaw - self.now, .wake(node: index, at: thaw))
        } else {
            self.schedule(thaw - self.now + self.random(0...1000), what)
        }
        return true
    }

    private mutating func restart(_ index: Int) {
        var node = self.nodes[index]
        node.run += 1
        node.down = false
        node.wake = .max
        node.beatSentAt = [:]
        node.machine = ElectionMachine(timing: node.timing, knownEpoch: node.disk, seed: self.generator.next())
        self.nodes[index] = node
        self.schedule(self.random(0...20_000), .watch(node: index, run: node.run))
        self.feed(index, .start)
    }

    mutating func crash(_ index: Int) {
        guard !self.nodes[index].down else { return }
        let run = self.nodes[index].run
        self.nodes[index].down = true
        if self.nodes[index].cutUntil <= self.now {
            for (key, session) in self.sessionOf where key[0] == index && key[1] == run { self.endSession(session) }
        }
        self.sessionOf = self.sessionOf.filter { $0.key[0] != index }
        self.schedule(self.random(100_000...2_000_000), .restart(node: index))
    }
}

extension Array {
    /// First index whose element satisfies a condition that holds from there on.
    func partitioningIndex(where belongs: (Element) -> Bool) -> Int {
        var low = 0
        var high = self.count
        while low < high {
            let middle = (low + high) / 2
            if belongs(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
