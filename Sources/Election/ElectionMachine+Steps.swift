import Model

extension ElectionMachine {
    /// A connection attempt that takes longer is given up; the shell's own limit is shorter.
    static let connectLimit = Duration.seconds(15)
    /// The start-up checks are a dozen round trips.
    static let checkLimit = Duration.seconds(10)
    /// The answer to a slice comes this long after its end at the latest; a stalled disk may delay the epoch's commit.
    static let campaignGrace = Duration.seconds(5)
    /// A leader that nobody answers for so long gives its session up. The lock would not move while the server is merely
    /// slow, but something in between may pretend to be the server.
    static let longestSuspension = Duration.seconds(30)
    /// A resigning leader waits so long for what is in flight.
    static let drainLimit = Duration.seconds(2)
    /// The database has so long to record a resignation; then the session is closed, which frees the lock as well.
    static let handOverLimit = Duration.seconds(2)
    /// After resigning, others go first.
    static let holdOff = Duration.milliseconds(500)
    /// Between attempts: 10 to 50 ms apart, so that nodes don't knock in step …
    static let shortestBackoff = Duration.milliseconds(10)
    static let longestBackoff = Duration.milliseconds(50)
    /// … doubling after this many failures in a row, up to 16 times as long: at most 0.8 s after a database is back.
    static let quickAttempts = 4
    static let greatestBackoffShift = 4

    // MARK: What the clock alone decides

    mutating func expire(at now: Instant, _ effects: inout [ElectionEffect]) {
        if let tenure = self.tenure, self.resignationDue(tenure) <= now {
            if tenure.minoritySince.map({ $0 + Self.patienceWithMinority <= now }) ?? false {
                self.beginResigning(.minority, at: now, &effects)
            } else if self.stallDue(tenure) <= now {
                self.beginResigning(.stalled, at: now, &effects)
            } else {
                self.beginResigning(.unfit, to: self.fitter, at: now, &effects)
            }
        }
        switch self.state {
        case .leading(var tenure) where tenure.patienceUntil <= now:
            tenure.halt()
            self.state = .suspended(tenure, since: now)
            effects.append(.suspend)
        case .suspended(_, let since) where since + Self.longestSuspension <= now:
            self.lose(.silent, at: now, &effects)
        case .resigning(_, .draining(let until)) where until <= now:
            self.handOver(at: now, &effects)
        case .resigning(let tenure, .handingOver(let until)) where until <= now:
            self.endSession(tenure.session, &effects)
            self.rest(self.backoff(), at: now, &effects)
        case .connecting(let session, let until) where until <= now,
            .checking(let session, let until) where until <= now,
            .campaigning(let session, let until, _) where until <= now:
            self.endSession(session, &effects)
            self.rest(self.backoff(), at: now, &effects)
        case .backingOff(let until) where until <= now:
            self.connect(at: now, &effects)
        case .held(let session, let until) where until <= now:
            self.campaign(session, at: now, &effects)
        default: break
        }
    }

    /// What a leader has to do by now: open the gate, write that down, beat.
    mutating func advance(at now: Instant, _ effects: inout [ElectionEffect]) {
        self.answerPromises(at: now, &effects)
        self.answerHoldOffs(&effects)
        switch self.state {
        case .leading(var tenure):
            if !tenure.gateOpen, tenure.gateOpensAt <= now {
                tenure.gateOpen = true
                tenure.settlement = .due
                effects.append(.openGate(tenure.gate.evidence))
            }
            if tenure.settlement == .due {
                tenure.settlement = .asked
                effects.append(.settle(session: tenure.session))
            }
            self.beat(&tenure, at: now, &effects)
            self.askMajority(&tenure, at: now, &effects)
            self.state = .leading(tenure)
        case .suspended(var tenure, let since):
            self.beat(&tenure, at: now, &effects)
            self.askMajority(&tenure, at: now, &effects)
            self.state = .suspended(tenure, since: since)
        case .resigning(var tenure, .draining(let until)):
            // Otherwise the server would end the session as idle, in the middle of the drain.
            self.beat(&tenure, at: now, &effects)
            if let succession = tenure.succession, succession.nextAsk <= now {
                tenure.succession?.ask(at: now)
                effects.append(.askHoldOff(Succession.holdOff, except: succession.successor))
            }
            self.state = .resigning(tenure, .draining(until: until))
        default: break
        }
    }

    private func beat(_ tenure: inout Tenure, at now: Instant, _ effects: inout [ElectionEffect]) {
        guard tenure.nextBeatAt <= now else { return }
        effects.append(.sendBeat(session: tenure.session, number: tenure.sendBeat(at: now)))
    }

    // MARK: Becoming the leader

    mutating func connect(at now: Instant, _ effects: inout [ElectionEffect]) {
        self.sessions += 1
        self.state = .connecting(session: self.sessions, until: now + Self.connectLimit)
        effects.append(.connect(session: self.sessions))
    }

    mutating func connected(_ session: Int, at now: Instant, _ effects: inout [ElectionEffect]) {
        guard case .connecting(session, _) = self.state else {
            // Given up in the meantime: it must not stay open.
            effects.append(.closeSession(session: session))
            return
        }
        self.state = .checking(session: session, until: now + Self.checkLimit)
        effects.append(.runChecks(session: session))
    }

    mutating func checked(_ session: Int, _ epoch: Epoch, at now: Instant, _ effects: inout [ElectionEffect]) {
        guard case .checking(session, _) = self.state else { return }
        self.accepted = true
        self.learn(epoch, &effects)
        self.campaign(session, at: now, &effects)
    }

    mutating func sliceElapsed(_ session: Int, at now: Instant, _ effects: inout [ElectionEffect]) {
        guard case .campaigning(session, _, _) = self.state else { return }
        self.failures = 0
        self.campaign(session, at: now, &effects)
    }

    private mutating func campaign(_ session: Int, at now: Instant, _ effects: inout [ElectionEffect]) {
        self.withdrawn = nil
        guard self.heldUntil <= now else {
            self.state = .held(session: session, until: self.heldUntil)
            return
        }
        // What they were to be told is not so any more.
        self.holdOffRequests = []
        self.changes.settle(at: now)
        let timing = self.timing
        self.state = .campaigning(session: session, until: now + timing.slice + Self.campaignGrace, timing: timing)
        effects.append(.campaign(session: session, known: self.knownEpoch, timing: timing))
    }

    mutating func granted(_ session: Int, _ grant: Grant, at now: Instant, _ effects: inout [ElectionEffect]) {
        // The timing is the campaign's own: the row records its lease, which the timers may have outgrown since.
        guard case .campaigning(session, _, let timing) = self.state else { return }
        guard grant.epoch >= self.knownEpoch, grant.token >= self.knownToken, grant.token >= self.promised else {
            // A higher epoch was heard of while the answer was under way: somebody else leads already. An equal one is this
            // node's own, which the watch session may read before the grant arrives.
            self.endSession(session, &effects)
            self.rest(self.backoff(), at: now, &effects)
            return
        }
        self.failures = 0
        // What was said of an earlier term of this node was said of that one.
        self.unfitSince = nil
        self.changes.note(grant.epoch, at: now)
        self.learn(grant.epoch, &effects)
        self.knownToken = max(self.knownToken, grant.token)
        let holdsFrom = self.acceptor.holdsFrom(grant.token)
        self.raisePromise(to: grant.token, &effects)
        let quorum = self.strict.map { Quorum(mode: $0, ownPromiseAt: holdsFrom, at: now) }
        var tenure = Tenure(
            session: session, grant: grant, grantedAt: now, timing: timing, sight: self.sight, incarnation: self.incarnation, quorum: quorum)
        tenure.workPatience = self.workPatience.map { grant.predecessor?.resigned == true ? $0 * Self.workPatienceFactorAfterResignation : $0 }
        self.state = .leading(tenure)
        effects.append(.startLeading(grant, timing: timing))
        // Worth asking only if its word would count, and if it did not say so already.
        if let predecessor = grant.trustedPredecessor, !predecessor.resigned, tenure.gate.opensAt > now, !predecessor.address.isEmpty,
            !predecessor.incarnation.isEmpty
        {
            effects.append(.askFence(predecessor, token: grant.token))
        }
    }

    mutating func turnedAway(_ session: Int, _ refusal: Refusal, at now: Instant, _ effects: inout [ElectionEffect]) {
        switch self.state {
        case .connecting(session, _), .checking(session, _), .campaigning(session, _, _): break
        default: return
        }
        self.endSession(session, &effects)
        if self.accepted, refusal.mayPass || self.stopping {
            self.rest(self.backoff(), at: now, &effects)
        } else {
            self.state = .refused(refusal)
            effects.append(.refuse(refusal))
        }
    }

    // MARK: Leading

    mutating func beatAnswered(
        _ session: Int, _ number: Int, _ current: Bool, at now: Instant, _ effects: inout [ElectionEffect]
    ) {
        guard self.tenure?.session == session else { return }
        guard current else {
            self.lose(.superseded, at: now, &effects)
            return
        }
        self.updateTenure(of: session) { $0.beatAnswered(number, at: now) }
        self.resumeIfAnswered(at: now, &effects)
    }

    mutating func resumeIfAnswered(at now: Instant, _ effects: inout [ElectionEffect]) {
        if case .suspended(var tenure, _) = self.state, let until = tenure.leaseUntil, until > now {
            tenure.resume(at: now)
            self.state = .leading(tenure)
            effects.append(.resume)
        }
    }

    mutating func updateTenure(of session: Int, _ change: (inout Tenure) -> Void) {
        guard var tenure = self.tenure, tenure.session == session else { return }
        change(&tenure)
        switch self.state {
        case .leading: self.state = .leading(tenure)
        case .suspended(_, let since): self.state = .suspended(tenure, since: since)
        case .resigning(_, let handover): self.state = .resigning(tenure, handover)
        default: break
        }
    }

    // MARK: Ending

    mutating func closed(_ session: Int, _ reason: String, at now: Instant, _ effects: inout [ElectionEffect]) {
        guard self.session == session else { return }
        self.lose(.sessionClosed(reason), at: now, &effects)
    }

    /// The session is gone or worthless: ends the term, if there is one, before anything else.
    mutating func lose(_ reason: LossReason, at now: Instant, _ effects: inout [ElectionEffect]) {
        guard let session = self.session else { return }
        if self.tenure != nil { effects.append(.stopLeading(reason)) }
        self.endSession(session, &effects)
        self.rest(self.backoff(), at: now, &effects)
    }

    mutating func beginResigning(
        _ reason: LossReason, to successor: String? = nil, at now: Instant, _ effects: inout [ElectionEffect]
    ) {
        switch self.state {
        case .leading(var tenure), .suspended(var tenure, _):
            tenure.parting = reason
            // While the work comes to an end, the others are asked to leave the queue.
            tenure.succession = successor.map { Succession(to: $0, at: now) }
            self.state = .resigning(tenure, .draining(until: now + Self.drainLimit))
            if let successor { effects.append(.askHoldOff(Succession.holdOff, except: successor)) }
            effects.append(.drain)
        default: break
        }
    }

    /// Nothing is in flight any more.
    mutating func drained(at now: Instant, _ effects: inout [ElectionEffect]) {
        guard case .resigning(var tenure, .draining(let until)) = self.state else { return }
        guard let succession = tenure.succession else { return self.handOver(at: now, &effects) }
        tenure.succession?.drained()
        self.state = .resigning(tenure, .draining(until: min(until, succession.latest)))
        self.succeed(at: now, &effects) { _ in }
    }

    /// Something was learnt of the way to the successor, which may be open now.
    mutating func succeed(at now: Instant, _ effects: inout [ElectionEffect], _ learn: (inout Succession) -> Void) {
        guard case .resigning(var tenure, .draining(let until)) = self.state, var succession = tenure.succession else { return }
        learn(&succession)
        tenure.succession = succession
        self.state = .resigning(tenure, .draining(until: until))
        if succession.isReady(at: now) { self.handOver(at: now, &effects) }
    }

    mutating func handOver(at now: Instant, _ effects: inout [ElectionEffect]) {
        guard case .resigning(let tenure, .draining) = self.state else { return }
        self.state = .resigning(tenure, .handingOver(until: now + Self.handOverLimit))
        effects.append(.stopLeading(tenure.parting))
        // Once more, so that they stay away for as long as the successor may need from now on.
        if let succession = tenure.succession { effects.append(.askHoldOff(Succession.holdOff, except: succession.successor)) }
        effects.append(.resign(session: tenure.session))
    }

    mutating func beginStopping(at now: Instant, _ effects: inout [ElectionEffect]) {
        self.stopping = true
        switch self.state {
        case .leading, .suspended: self.beginResigning(.resigned, at: now, &effects)
        case .resigning, .refused, .stopped: break
        case .idle, .connecting, .checking, .campaigning, .held, .backingOff:
            if let session = self.session { self.endSession(session, &effects) }
            self.rest(.zero, at: now, &effects)
        }
    }

    func endSession(_ session: Int, _ effects: inout [ElectionEffect]) {
        effects.append(.closeSession(session: session))
    }

    /// Waits before the next attempt; when stopping, there is none.
    mutating func rest(_ pause: Duration, at now: Instant, _ effects: inout [ElectionEffect]) {
        if self.stopping {
            self.state = .stopped
            effects.append(.stop)
        } else {
            self.state = .backingOff(until: now + pause)
        }
    }

    mutating func learn(_ epoch: Epoch, _ effects: inout [ElectionEffect]) {
        guard epoch > self.knownEpoch else { return }
        self.knownEpoch = epoch
        effects.append(.recordEpoch(epoch))
    }

    /// Jittered, longer after many failures in a row.
    mutating func backoff() -> Duration {
        self.failures += 1
        let spread = UInt64(Self.longestBackoff.milliseconds - Self.shortestBackoff.milliseconds + 1)
        let pause = Self.shortestBackoff + .milliseconds(Int64(self.jitter.next() % spread))
        let shift = min(max(0, self.failures - Self.quickAttempts), Self.greatestBackoffShift)
        return pause * (1 << shift)
    }
}
