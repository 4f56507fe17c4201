import Model

/// What peers ask and answer: promises, word of other leaders, hold-off, and in strict mode the majority.
extension ElectionMachine {
    /// A peer can't keep this node from campaigning for longer than this with one message.
    static let longestHoldOff = Duration.seconds(2)
    /// The silence of a session that has left the lock's queue is no sign of trouble for so long: a leader's whole drain with the hold-off after it
    /// takes 3 s, and what follows is a campaign.
    public static let idleWhileHeld = Duration.seconds(4)
    /// A leader that can't do its work resigns after this long, if others can.
    static let patienceWhenUnfit = Duration.seconds(3)
    /// A leader without a majority in strict mode resigns after this long.
    static let patienceWithMinority = Duration.seconds(3)
    /// How long a leader's work may stand still where nothing else is asked for, longer than a round of a million workloads takes: its beats alone must not
    /// keep the lock from a node that would work.
    public static let usualWorkPatience = Duration.seconds(30)
    /// So many times as long where the leader before resigned, too: if no node's work gets on, terms must not follow one another.
    public static let workPatienceFactorAfterResignation = 4
    /// After resigning for want of a majority the node stays away for longer than after other resignations: if it alone can
    /// reach the database, terms without acts would follow one another.
    static let minorityHoldOff = Duration.seconds(5)

    /// The longest that this node vouches for a leader: no leader's stretched lease is longer, if all nodes share their timers.
    var longestVouching: Duration { Timing.withDrift(self.configured.longestLease) }

    /// When the tenure ends by resignation, as things stand.
    func resignationDue(_ tenure: Tenure) -> Instant {
        switch self.state {
        case .leading, .suspended: break
        default: return Instant(nanoseconds: .max)
        }
        var due = Instant(nanoseconds: .max)
        if let since = self.unfitSince { due = since + Self.patienceWhenUnfit }
        if let since = tenure.minoritySince { due = min(due, since + Self.patienceWithMinority) }
        return min(due, self.stallDue(tenure))
    }

    /// When its work has not got on for too long. Without a lease none can: one that ends before that suspends the leader first.
    func stallDue(_ tenure: Tenure) -> Instant {
        guard case .leading = self.state, tenure.stallsAt < tenure.patienceUntil else { return Instant(nanoseconds: .max) }
        return tenure.stallsAt
    }

    // MARK: Word of other leaders

    /// A token in force, or promised to, somewhere: a leader below it has lost.
    mutating func hear(_ token: FencingToken, at now: Instant, _ effects: inout [ElectionEffect]) {
        self.knownToken = max(self.knownToken, token)
        self.learn(token.epoch, &effects)
        if let tenure = self.tenure, token > tenure.grant.token { self.lose(.fenced(by: token), at: now, &effects) }
    }

    mutating func watchHolder(_ holder: Holder?, _ roundTrip: Duration?, at now: Instant, _ effects: inout [ElectionEffect]) {
        guard self.tenure == nil else {
            // A leader knows better than its watch whether it lives.
            self.holderWatch.forget()
            return
        }
        if let holder, self.holderWatch.note(holder, roundTrip: roundTrip, timing: self.timing, at: now) {
            effects.append(.evict(holder))
        } else if holder == nil {
            self.holderWatch.forget()
        }
    }

    mutating func holdOff(_ duration: Duration, _ request: HoldOffRequest?, at now: Instant, _ effects: inout [ElectionEffect]) {
        self.heldUntil = max(self.heldUntil, now + min(max(.zero, duration), Self.longestHoldOff))
        switch self.state {
        case .campaigning(let session, _, _):
            if let request { self.note(request) }
            guard self.withdrawn != session else { return }
            self.withdrawn = session
            effects.append(.withdraw(session: session))
        case .held(let session, _):
            self.state = .held(session: session, until: self.heldUntil)
            self.confirm(request, at: now, &effects)
        case .idle, .connecting, .checking, .backingOff, .refused, .stopped: self.confirm(request, at: now, &effects)
        case .leading, .suspended, .resigning: break
        }
    }

    /// It does not wait for the lock, and will not before the end of what was asked for.
    private func confirm(_ request: HoldOffRequest?, at now: Instant, _ effects: inout [ElectionEffect]) {
        if let request, self.heldUntil > now { effects.append(.confirmHoldOff(to: request.from, request: request.request)) }
    }

    private mutating func note(_ request: HoldOffRequest) {
        self.holdOffRequests.removeAll { $0.from == request.from }
        if self.holdOffRequests.count < HoldOffRequest.most { self.holdOffRequests.append(request) }
    }

    /// Once the wait for the lock has ended without it. Of a session that broke the server may not know yet: nothing is said then.
    mutating func answerHoldOffs(_ effects: inout [ElectionEffect]) {
        if case .campaigning = self.state { return }
        let requests = self.holdOffRequests
        self.holdOffRequests = []
        guard case .held = self.state else { return }
        for request in requests { effects.append(.confirmHoldOff(to: request.from, request: request.request)) }
    }

    // MARK: Promises

    mutating func fenceAsked(_ token: FencingToken, _ from: String, _ request: Int, at now: Instant, _ effects: inout [ElectionEffect]) {
        // First what it means for a term of this node: no act of a lower token may start after the answer.
        self.hear(token, at: now, &effects)
        self.raisePromise(to: token, &effects)
        let due = self.strict == nil ? now : self.acceptor.holdsFrom(token)
        if due > now, token >= self.promised {
            self.acceptor.postpone(.init(to: from, request: request, token: token, due: due))
        } else {
            effects.append(.promise(to: from, request: request, promised: self.promised))
        }
    }

    /// Outside strict mode a promise binds the process; in it, the node.
    mutating func raisePromise(to token: FencingToken, _ effects: inout [ElectionEffect]) {
        if self.acceptor.raise(to: token), self.strict != nil { effects.append(.recordPromise(token)) }
    }

    mutating func answerPromises(at now: Instant, _ effects: inout [ElectionEffect]) {
        for answer in self.acceptor.takeDue(at: now) {
            effects.append(.promise(to: answer.to, request: answer.request, promised: self.promised))
        }
    }

    mutating func fenceAnswered(
        _ node: String, _ incarnation: String, _ token: FencingToken, _ answer: FenceAnswer, at now: Instant, _ effects: inout [ElectionEffect]
    ) {
        if case .promised(let promised) = answer { self.hear(promised, at: now, &effects) }
        guard let tenure = self.tenure, tenure.grant.token == token else { return }
        self.updateTenure(of: tenure.session) { tenure in
            if case .promised(let promised) = answer, promised == token { tenure.quorum?.promised(node) }
            guard let predecessor = tenure.grant.trustedPredecessor, predecessor.node == node, predecessor.incarnation == incarnation,
                !incarnation.isEmpty
            else { return }
            switch answer {
            case .promised: tenure.gate.admit(.promised(by: node), opensAt: now)
            case .dead: tenure.gate.admit(.dead(node), opensAt: now)
            case .nobodyListens: tenure.gate.admit(.nobodyListens(node), opensAt: now)
            }
        }
    }

    // MARK: The majority in strict mode

    mutating func leaderPinged(
        _ from: String, _ token: FencingToken, _ lease: Duration, _ request: Int, at now: Instant, _ effects: inout [ElectionEffect]
    ) {
        self.hear(token, at: now, &effects)
        // Vouching for longer than a restart of this node waits would void the promises given after it.
        let until = now + Timing.withDrift(lease)
        guard self.strict != nil, until <= now + self.longestVouching else { return }
        self.raisePromise(to: token, &effects)
        self.acceptor.vouch(for: token, until: until)
        effects.append(.acknowledge(to: from, request: request, promised: self.promised))
    }

    mutating func acknowledged(
        _ node: String, _ token: FencingToken, _ promised: FencingToken, _ sentAt: Instant, at now: Instant, _ effects: inout [ElectionEffect]
    ) {
        self.hear(promised, at: now, &effects)
        guard let tenure = self.tenure, tenure.grant.token == token, promised <= token, sentAt <= now, sentAt >= tenure.grantedAt else { return }
        self.updateTenure(of: tenure.session) { $0.quorum?.vouched(node, sentAt: sentAt) }
        self.resumeIfAnswered(at: now, &effects)
    }

    func askMajority(_ tenure: inout Tenure, at now: Instant, _ effects: inout [ElectionEffect]) {
        guard var quorum = tenure.quorum else { return }
        if !quorum.hasPromises, quorum.nextAsk <= now {
            // Promises come late where this term's predecessor was vouched for: for a lease they need not be asked for again.
            quorum.nextAsk = now + tenure.timing.lease
            effects.append(.askPromises(token: tenure.grant.token))
        }
        if quorum.nextPing <= now {
            quorum.nextPing = now + tenure.timing.beat
            effects.append(.askAcknowledgements(token: tenure.grant.token, lease: tenure.timing.lease))
        }
        tenure.quorum = quorum
    }
}
