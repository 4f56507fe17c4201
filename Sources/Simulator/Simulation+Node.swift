import Election
import Model

/// The shell around each machine: performs its effects and tells it what happened.
extension Simulation {
    static let drainedAtOnce: ClosedRange<Int64> = 0...20_000
    static let drainedLate: ClosedRange<Int64> = 100_000...3_000_000
    /// Between the rounds of a leader's work.
    static let roundGap: ClosedRange<Int64> = 40_000...200_000
    /// A round comes within so long once nothing holds the work up.
    static let longestRound: Int64 = 300_000

    func clock(_ node: Int) -> Instant { self.nodes[node].clock(self.now) }

    /// How much simulated time until that node's clock shows `instant`.
    private func delay(_ node: Int, until instant: Instant) -> Int64 {
        let left = instant.nanoseconds - self.clock(node).nanoseconds
        return left <= 0 ? 0 : min(left, 1_000_000_000_000_000) / self.nodes[node].rate + 1
    }

    mutating func begin(_ node: Int) {
        let run = self.nodes[node].run
        self.schedule(self.pick(0...20_000), .look(node: node, run: run))
        if self.gossips { self.schedule(self.pick(0...200_000), .gossip(node: node, run: run)) }
        self.feed(node, .start)
    }

    mutating func feed(_ node: Int, _ event: ElectionEvent) {
        guard !self.nodes[node].down else { return }
        if self.trace != nil, !event.isRoutine { self.note("\(self.nodes[node].name) ← \(event)") }
        let effects = self.nodes[node].machine.handle(event, at: self.clock(node), workedAt: self.nodes[node].workedAt)
        for effect in effects {
            if self.trace != nil, !effect.isRoutine { self.note("\(self.nodes[node].name) → \(effect)") }
            self.perform(effect, by: node)
        }
        if case .sliceElapsed = event, case .held = self.nodes[node].machine.state { self.count(.held) }
        let bit = UInt32(1) << UInt32(node)
        if case .leading = self.nodes[node].machine.state { self.leading |= bit } else { self.leading &= ~bit }
        guard !self.nodes[node].down, let wakeAt = self.nodes[node].machine.wakeAt, wakeAt.nanoseconds < .max else { return }
        let lateness = self.oneIn(20) ? self.pick(0...30_000) : self.pick(0...300)
        let at = self.now + self.delay(node, until: wakeAt) + lateness
        if at < self.nodes[node].wake {
            self.nodes[node].wake = at
            self.schedule(at - self.now, .wake(node: node, at: at))
        }
    }

    private mutating func perform(_ effect: ElectionEffect, by node: Int) {
        let run = self.nodes[node].run
        switch effect {
        case .connect(let number): self.schedule(self.latency() * 3, .opened(node: node, run: run, number: number))
        case .runChecks(let session): self.send(node, session, .checks(pooled: self.nodes[node].poolerUntil > self.now))
        case .campaign(let session, let known, let timing):
            self.send(node, session, .campaign(known: self.bug == .epochNotRaisedAboveKnown ? Epoch(0) : known, timing: timing))
        case .startLeading(let grant, let timing): self.startLeading(node, grant, timing)
        case .sendBeat(let session, let number):
            let now = self.clock(node)
            self.nodes[node].beatSentAt[number] = now
            if self.bug == .beatsForWork { self.nodes[node].workedAt = now }
            if let epoch = self.nodes[node].machine.tenure?.grant.epoch { self.send(node, session, .beat(number: number, epoch: epoch)) }
        case .settle(let session):
            if let tenure = self.nodes[node].machine.tenure { self.send(node, session, .settle(tenure.grant.epoch, tenure.timing.lease)) }
        case .resign(let session):
            if case .resigning(let tenure, _) = self.nodes[node].machine.state { self.send(node, session, .resign(tenure.grant.epoch)) }
        case .openGate(let evidence): self.openGate(node, evidence)
        case .suspend: self.suspend(node)
        case .resume: self.resume(node)
        case .drain:
            self.nodes[node].work?.draining = true
            let pause = self.oneIn(6) ? self.pick(Self.drainedLate) : self.pick(Self.drainedAtOnce)
            if let term = self.nodes[node].work?.number { self.schedule(pause, .drained(node: node, run: run, term: term)) }
        case .stopLeading(let reason): self.stopLeading(node, reason)
        case .closeSession(let number): self.close(node, number)
        case .recordEpoch(let epoch): self.nodes[node].keptEpoch = epoch
        case .recordPromise(let token):
            if self.bug != .promisesForgotten { self.nodes[node].keptPromise = max(self.nodes[node].keptPromise, token) }
        case .refuse:
            self.count(.poolerRefused)
            self.exit(node)
        case .stop: self.exit(node)
        case .withdraw(let session):
            self.count(.withdrawn)
            if let id = self.nodes[node].sessions[session] { self.schedule(self.latency(), .cancel(session: id)) }
        case .evict(let holder):
            if let server = self.nodes[node].watchServer, self.nodes[node].upCutUntil <= self.now, self.bug != .silentHolderKept {
                self.schedule(self.latency(), .evict(server: server, holder))
            }
        case .askFence, .askHoldOff, .confirmHoldOff, .promise, .askPromises, .askAcknowledgements, .acknowledge: self.performAmongPeers(effect, by: node)
        }
    }

    private mutating func exit(_ node: Int) {
        self.crash(node, restartAfter: self.pick(200_000...2_000_000), withDisk: true)
    }

    // MARK: The term

    private mutating func startLeading(_ node: Int, _ grant: Grant, _ timing: Timing) {
        self.count(.elected)
        if let named = self.named.take() { self.count(self.nodes[node].name == named ? .successorLed : .otherLed) }
        self.ledger.leaders += 1
        if timing.lease > self.nodes[node].timing.lease { self.count(.timersStretched) }
        self.nextTerm += 1
        let session = self.nodes[node].machine.session ?? 0
        let patience =
            ElectionMachine.usualWorkPatience * (grant.predecessor?.resigned == true ? ElectionMachine.workPatienceFactorAfterResignation : 1)
        let work = SimulatedNode.Work(
            number: self.nextTerm, token: grant.token, epoch: grant.epoch, session: session, lease: timing.lease, gotOnAt: self.clock(node),
            patience: patience, versions: Array(repeating: nil, count: self.targets.count), touched: Array(repeating: false, count: self.targets.count))
        self.nodes[node].work = work
        self.nodes[node].beatSentAt = [:]
        let run = self.nodes[node].run
        self.schedule(self.pick(0...3000), .work(node: node, run: run, term: self.nextTerm))
    }

    private mutating func suspend(_ node: Int) {
        self.count(.suspended)
        guard let work = self.nodes[node].work else { return }
        // A process that was paused finds out later than it was so.
        let now = self.clock(node)
        self.nodes[node].work?.haltedAt = min(now, (work.answeredBeat ?? work.gotOnAt) + work.lease)
    }

    /// Without a lease no work gets on: that time does not count.
    private mutating func resume(_ node: Int) {
        self.count(.resumed)
        guard let work = self.nodes[node].work, let haltedAt = work.haltedAt else { return }
        let now = self.clock(node)
        self.nodes[node].work?.gotOnAt = min(now, work.gotOnAt + (now - haltedAt))
        self.nodes[node].work?.haltedAt = nil
    }

    private mutating func openGate(_ node: Int, _ evidence: Gate.Evidence) {
        self.nodes[node].work?.gateOpen = true
        let now = self.clock(node)
        self.nodes[node].work?.absoluteFrom = now + .seconds(2)
        switch evidence {
        case .first: self.count(.gateFirst)
        case .resigned: self.count(.gateResigned)
        case .silence: self.count(.gateSilence)
        case .waited: self.count(.gateWaited)
        case .promised: self.count(.gatePromised)
        case .dead, .nobodyListens: self.count(.gateDead)
        case .sameProcess: self.count(.gateSameProcess)
        }
    }

    private mutating func stopLeading(_ node: Int, _ reason: LossReason) {
        if self.nodes[node].work?.gateOpen == false { self.count(.leaderWithoutGateLost) }
        switch reason {
        case .resigned: self.count(.lostByResigning)
        case .sessionClosed: self.count(.lostBySession)
        case .superseded: self.count(.lostSuperseded)
        case .silent: self.count(.lostSilent)
        case .fenced: self.count(.lostFenced)
        case .unfit: self.count(.lostUnfit)
        case .minority: self.count(.lostMinority)
        case .stalled:
            self.count(.lostStalled)
            self.checkBlame(node)
        }
        self.nodes[node].work?.lost = true
        if self.bug != .ignoresStopLeading { self.nodes[node].work = nil }
    }

    mutating func beatAnswered(_ node: Int, _ session: Int, _ number: Int, _ current: Bool) {
        if current, let sentAt = self.nodes[node].beatSentAt.removeValue(forKey: number) {
            self.confirm(node, session, sentAt: sentAt)
            if self.bug == .leaseFromAnswer { self.feed(node, .beatConfirmed(session: session, sentAt: self.clock(node))) }
        }
        self.feed(node, .beatAnswered(session: session, number: number, current: current))
        // The same answer twice must change nothing.
        if self.buggify(200) { self.feed(node, .beatAnswered(session: session, number: number, current: current)) }
    }

    /// For the checks alone: what the leader's lease hangs on.
    private mutating func confirm(_ node: Int, _ session: Int, sentAt: Instant) {
        guard let work = self.nodes[node].work, work.session == session, !work.lost else { return }
        self.nodes[node].work?.answeredBeat = max(sentAt, work.answeredBeat ?? sentAt)
    }

    // MARK: Work

    /// One round of a leader: decide something, and look after the targets.
    mutating func work(_ node: Int, _ term: Int) {
        guard let work = self.nodes[node].work, work.number == term else { return }
        let run = self.nodes[node].run
        if let wait = self.stall(of: node) { return self.schedule(wait, .work(node: node, run: run, term: term)) }
        self.schedule(self.pick(Self.roundGap), .work(node: node, run: run, term: term))
        guard !work.draining else { return }
        // What waits for its commit does not get on.
        if !work.deciding {
            let now = self.clock(node)
            if self.bug != .workUntold { self.nodes[node].workedAt = now }
            self.nodes[node].work?.gotOnAt = now
        }
        if self.bug == .ignoresStopLeading, work.lost { self.act(node, idem: self.nextDecision) }
        if self.bug == .actsBeforeCommit { self.act(node, idem: self.nextDecision + 1) }
        if !work.deciding {
            self.nextDecision += 1
            self.nodes[node].work?.deciding = true
            let statement = Statement.decide(idem: self.nextDecision, work.epoch, term: term, sentAt: self.clock(node))
            if self.bug == .unfencedWrites {
                // A session of its own: nothing but the server's word stands in its way.
                self.schedule(self.latency() + (self.oneIn(4) ? self.pick(0...3_000_000) : 0), .execute(session: -1 - node, statement))
                self.nodes[node].work?.deciding = false
            } else {
                self.send(node, work.session, statement)
            }
        }
        guard work.gateOpen, self.mayAct(node, work) else { return }
        for target in self.targets.indices where self.targets[target].comparesVersions && !work.touched[target] {
            self.call(target, node, .read)
        }
    }

    mutating func decided(_ node: Int, _ session: Int, _ term: Int, _ sentAt: Instant, _ idem: Int, _ committed: Bool) {
        guard let work = self.nodes[node].work, work.number == term else { return }
        // That the session lives is the driver's to say, whether or not the work hears of it.
        if committed {
            self.confirm(node, session, sentAt: sentAt)
            self.feed(node, .beatConfirmed(session: session, sentAt: sentAt))
        }
        self.proceed(node, term, idem, committed)
    }

    /// What the work does with its decision.
    mutating func proceed(_ node: Int, _ term: Int, _ idem: Int, _ committed: Bool) {
        guard let work = self.nodes[node].work, work.number == term else { return }
        if let wait = self.stall(of: node) {
            return self.schedule(wait, .proceed(node: node, run: self.nodes[node].run, term: term, idem: idem, committed: committed))
        }
        self.nodes[node].work?.deciding = false
        if committed { self.act(node, idem: idem) }
    }

    /// The check right before each act, as the shell makes it.
    func mayAct(_ node: Int, _ work: SimulatedNode.Work) -> Bool {
        let now = self.clock(node)
        switch self.bug {
        case .ignoresStopLeading where work.lost: return work.gateOpen
        case .leaseIgnored:
            guard let lease = self.nodes[node].machine.lease else { return false }
            return lease.gateOpen
        case .gateIgnored:
            guard let lease = self.nodes[node].machine.lease, !lease.halted, let until = lease.until else { return false }
            return now + Self.sendBudget < until
        default:
            guard let lease = self.nodes[node].machine.lease, lease.token == work.token else { return false }
            return lease.mayAct(at: now, sendBudget: Self.sendBudget)
        }
    }

    private mutating func act(_ node: Int, idem: Int) {
        guard let work = self.nodes[node].work else { return }
        guard self.mayAct(node, work) else {
            self.count(.effectHeldBack)
            return
        }
        self.checkEffect(node, work, idem: idem)
        let target = Int(self.random.below(Int64(self.targets.count)))
        if !self.targets[target].comparesVersions {
            if let from = work.absoluteFrom, from <= self.clock(node) { self.call(target, node, .write(version: 0)) }
        } else if let version = work.versions[target], work.touched[target] || self.bug == .noPrecondition {
            self.call(target, node, .write(version: version))
        }
    }

    // MARK: Process

    mutating func crash(_ node: Int, restartAfter: Int64, withDisk: Bool) {
        guard !self.nodes[node].down else { return }
        self.note("\(self.nodes[node].name) ends\(withDisk ? "" : " and loses its disk")")
        self.nodes[node].down = true
        self.nodes[node].work = nil
        self.leading &= ~(UInt32(1) << UInt32(node))
        for (_, session) in self.nodes[node].sessions.sorted(by: { $0.key < $1.key }) { self.sayGoodbye(session) }
        self.nodes[node].sessions = [:]
        self.schedule(restartAfter, .restart(node: node, withDisk: withDisk))
    }

    mutating func restart(_ index: Int, withDisk: Bool) {
        var node = self.nodes[index]
        if !withDisk {
            self.count(.restartWithoutDisk)
            node.keptEpoch = Epoch(0)
        }
        node.run += 1
        node.down = false
        node.wake = .max
        node.pausedUntil = 0
        node.watchRun += 1
        node.watchServer = nil
        node.beatSentAt = [:]
        node.workedAt = nil
        node.promisedAloud = .zero
        node.machine = self.makeMachine(
            index, run: node.run, timing: node.timing, epoch: node.keptEpoch, promised: node.keptPromise, of: self.nodes.count)
        self.nodes[index] = node
        self.note("\(node.name) starts again, run \(node.run)")
        self.begin(index)
    }
}

extension ElectionEvent {
    var isRoutine: Bool {
        switch self {
        case .timer, .watched, .beatAnswered, .beatConfirmed, .heard, .leaderPinged, .acknowledged: true
        default: false
        }
    }
}

extension ElectionEffect {
    var isRoutine: Bool {
        switch self {
        case .sendBeat, .askAcknowledgements, .acknowledge: true
        default: false
        }
    }
}
