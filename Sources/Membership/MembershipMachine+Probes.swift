import Model

/// Probing, suspicion and failure: what the clock brings about.
extension MembershipMachine {
    /// Carries out what is due.
    mutating func advance() {
        guard !self.leaving else { return }
        // What is soon this node's turn goes with what is due, and the answers come together too.
        let asks = self.peers.indices.contains { self.peers[$0].nextProbeAt <= self.now }
        let turnsUntil = asks ? self.now + self.timing.company : self.now
        for index in self.peers.indices {
            self.advanceRequests(index)
            self.advanceProbe(index, turnsUntil: turnsUntil)
            self.advanceRound(index)
            self.advanceSuspicion(index)
            self.advanceLinks(index)
        }
        self.announce()
        self.noteIsolation()
    }

    /// Whether pings to the peer have been without an answer for longer than they may.
    func isOverdue(_ index: Int) -> Bool {
        guard let overdueAt = self.overdueAt(index) else { return false }
        return overdueAt <= self.now
    }

    /// When the silence becomes a miss; nil: nothing is unanswered.
    private func overdueAt(_ index: Int) -> Instant? {
        guard let since = self.peers[index].unansweredSince else { return nil }
        let due = self.peers[index].linkLost ? since : since + self.timeout(of: index)
        // The first link to a node may take its time.
        return self.peers[index].state == .unknown ? max(due, self.peers[index].since + self.timing.startGrace) : due
    }

    // MARK: Pings

    private mutating func advanceProbe(_ index: Int, turnsUntil: Instant) {
        guard self.peers[index].nextProbeAt <= (self.peers[index].hasTurn ? turnsUntil : self.now) else { return }
        self.peers[index].nextProbeAt = self.now + self.timing.probeInterval
        if let link = self.peers[index].sendingLink {
            self.ping(index, over: link)
        } else {
            // Nothing can be asked, which is as good as no answer.
            self.peers[index].unansweredSince = self.peers[index].unansweredSince ?? self.now
        }
    }

    mutating func ping(_ index: Int, over link: Int) {
        self.peers[index].nextProbeAt = self.now + self.timing.probeInterval
        self.peers[index].askedAt = self.now
        self.peers[index].hasTurn = false
        // While the link in use answers, a ping over a new one is not held against the peer.
        if self.peers[index].current == nil || self.peers[index].current == link {
            self.peers[index].unansweredSince = self.peers[index].unansweredSince ?? self.now
        }
        self.peers[index].probesSent += 1
        self.request(index, over: link, purpose: .probe)
    }

    /// The peer asked over this link: the next question is this node's, a turn later.
    mutating func takeTurn(_ index: Int, over link: Int) {
        // Nothing heard answers what was asked, a node with doubts about itself wants every ack, and another link says nothing of the one in use.
        guard link == self.peers[index].current, self.localHealth == 0, !self.isOverdue(index) else { return }
        let latest = self.peers[index].askedAt + self.timing.probeInterval * MembershipLimits.unaskedIntervals
        self.peers[index].nextProbeAt = min(self.now + self.turn(of: index), latest)
        self.peers[index].hasTurn = true
    }

    /// How long after a peer's ping this node asks: less than an interval by the round trip and by what a wake-up may be late. The node that dials
    /// leads twice, or two that once asked at the same moment would do so for ever.
    private func turn(of index: Int) -> Duration {
        let travel = min(self.peers[index].clock.roundTrip ?? .zero, self.timing.probeInterval / MembershipLimits.turnTravel)
        return self.timing.probeInterval - travel - self.timing.turnLead * (self.dialsFirst(index) ? 2 : 1)
    }

    /// Sends a ping and keeps it for its answer.
    mutating func request(_ index: Int, over link: Int, purpose: PeerRecord.Request.Purpose) {
        let id = self.freshRequestID()
        if self.peers[index].requests.count >= MembershipLimits.outstanding {
            // Pings of this node's own make room; those for others are answered in time anyway.
            let oldest = self.peers[index].requests.firstIndex { if case .probe = $0.purpose { true } else { false } } ?? 0
            self.peers[index].requests.remove(at: oldest)
        }
        self.peers[index].requests.append(.init(id: id, sentAt: self.now, sentWall: self.wall, purpose: purpose))
        self.send(.ping(self.currentFacts()), to: index, over: link, requestID: id)
    }

    private mutating func advanceRequests(_ index: Int) {
        guard let oldest = self.peers[index].requests.first else { return }
        // In the order of sending; nothing is due before the shortest wait of the oldest.
        guard self.now - oldest.sentAt >= min(self.timing.relayTimeout, self.timing.leastTimeout) else { return }
        let timeout = self.timeout(of: index)
        var kept: [PeerRecord.Request] = []
        for var request in self.peers[index].requests {
            switch request.purpose {
            case .relay(let asker, let askersRequest, let until):
                if until <= self.now {
                    self.answerAsker(asker, askersRequest, target: index, reached: false)
                    continue
                }
            case .probe:
                if !request.missed, self.now - request.sentAt >= timeout {
                    request.missed = true
                    self.peers[index].probesFailed += 1
                }
                if self.now - request.sentAt >= MembershipLimits.requestLife { continue }
            }
            kept.append(request)
        }
        self.peers[index].requests = kept
    }

    // MARK: Indirect probes

    private func roundAt(_ index: Int) -> Instant? {
        guard self.peers[index].round == nil, self.peers[index].state != .failed, self.peers[index].state != .left else { return nil }
        guard let overdueAt = self.overdueAt(index) else { return nil }
        return max(overdueAt, self.peers[index].nextRoundAt, self.settledAt)
    }

    private mutating func advanceRound(_ index: Int) {
        if let round = self.peers[index].round, round.deadline <= self.now { self.endRound(index, round) }
        if let at = self.roundAt(index), at <= self.now { self.beginRound(index) }
    }

    private mutating func beginRound(_ index: Int) {
        let name = self.peers[index].name
        // Two ticks a second at most, link lost or not.
        self.peers[index].nextRoundAt = self.now + self.timing.probeInterval
        var candidates = self.peers.indices.filter { $0 != index && self.peers[$0].current != nil && self.peers[$0].state.isUp && !self.isOverdue($0) }
        var waiting: [(helper: String, request: UInt64)] = []
        var wait = Duration.zero
        while waiting.count < MembershipLimits.helpers, !candidates.isEmpty {
            let helper = candidates.remove(at: Int(self.generator.next() % UInt64(candidates.count)))
            let id = self.freshRequestID()
            waiting.append((self.peers[helper].name, id))
            self.send(.pingRequest(target: name), to: helper, requestID: id)
            wait = max(wait, self.timeout(of: helper))
        }
        self.peers[index].indirectProbes += UInt64(waiting.count)
        let round = PeerRecord.Round(start: self.now, deadline: self.now + wait + self.timing.relayTimeout, waiting: waiting)
        if waiting.isEmpty {
            self.endRound(index, round)
        } else {
            self.peers[index].round = round
        }
    }

    /// Nobody reached the peer, as far as is known.
    mutating func endRound(_ index: Int, _ round: PeerRecord.Round) {
        self.peers[index].round = nil
        // Helpers that did not even say no: this node may be the one that is slow. With none to ask it blames itself for one, too,
        // unless the other side closed the link, which is no question of patience.
        if self.memberCount > 2 {
            self.worsen(by: round.waiting.count)
        } else if self.peers[index].state.isUp, !self.peers[index].linkLost {
            self.worsen(by: 1)
        }
        if self.hears(index) {
            self.peers[index].path = .inboundOnly
        } else if self.peers[index].state != .suspect {
            let why =
                self.peers[index].linkLost
                ? self.peers[index].lastLinkEnd?.text ?? "there is no link to it" : "it does not answer, and no other node reaches it"
            self.suspect(index, why: why)
        }
    }

    /// Whether something came from the peer although it answers nothing: then the way to it is broken, not the peer.
    private func hears(_ index: Int) -> Bool {
        guard let heard = self.peers[index].lastHeard, let unanswered = self.peers[index].unansweredSince, heard > unanswered else { return false }
        return self.now - heard <= self.timing.probeInterval + self.timeout(of: index)
    }

    // MARK: Suspicion

    private mutating func suspect(_ index: Int, why: String) {
        let refused = self.peers[index].lastLinkEnd == .refused
        var suspicion = Suspicion(start: self.now, incarnation: self.peers[index].incarnation, dialRefused: refused)
        let name = self.peers[index].name
        for other in self.peers where other.name != name && other.speaks(at: self.now) && other.suspects(name, incarnation: suspicion.incarnation) {
            suspicion.confirm(by: other.name)
        }
        self.peers[index].suspicion = suspicion
        self.change(index, to: .suspect, why: why)
        self.announcePending = true
    }

    private mutating func advanceSuspicion(_ index: Int) {
        guard let suspicion = self.peers[index].suspicion,
            suspicion.deadline(members: self.memberCount, timing: self.timing) <= self.now
        else { return }
        guard let runOutAt = suspicion.runOutAt else {
            self.peers[index].suspicion?.runOutAt = self.now
            return
        }
        guard runOutAt + MembershipLimits.lastLook <= self.now else { return }
        self.peers[index].suspicion = nil
        self.change(index, to: .failed, why: "it stayed silent: \(self.peers[index].why)")
        self.peers[index].path = .none
        self.peers[index].round = nil
        self.peers[index].unansweredSince = nil
        self.peers[index].requests = []
        // A link that comes back to life after a long silence does so in minutes; a fresh one at once.
        self.hangUpAll(index, .peerFailed)
        self.announcePending = true
    }

    /// The peer's process is heard or reached.
    mutating func clearSuspicion(_ index: Int, why: String) {
        if self.peers[index].suspicion != nil || self.peers[index].state == .failed { self.announcePending = true }
        self.peers[index].suspicion = nil
        // What it said of itself long ago says nothing of now: others that reach it say only that it lives.
        let facts = self.peers[index].speaks(at: self.now) ? self.peers[index].facts : nil
        let state: PeerState = facts.map(Self.isDegraded) ?? false ? .degraded : .alive
        self.change(index, to: state, why: state == .degraded ? Self.degradedReason(facts) : why)
    }

    private static func isDegraded(_ facts: NodeFacts) -> Bool {
        !facts.postgres.reachable || facts.loopLagMilliseconds > MembershipLimits.loopLag
    }

    private static func degradedReason(_ facts: NodeFacts?) -> String {
        guard let facts else { return "" }
        return facts.postgres.reachable
            ? "its event loop is \(facts.loopLagMilliseconds) ms late" : "it does not reach Postgres"
    }

    mutating func change(_ index: Int, to state: PeerState, why: String) {
        let from = self.peers[index].state
        guard from != state else { return }
        self.peers[index].state = state
        self.peers[index].since = self.now
        self.peers[index].why = why
        self.effects.append(.changed(peer: self.peers[index].name, from: from, to: state, why: why))
    }

    // MARK: Telling the others

    /// Pings all at once when there is something that they should hear soon.
    private mutating func announce() {
        guard self.announcePending, self.announcedAt + MembershipLimits.announcePause <= self.now else { return }
        self.announcePending = false
        self.announcedAt = self.now
        for index in self.peers.indices {
            if let link = self.peers[index].current { self.ping(index, over: link) }
        }
    }

    /// Including this node.
    var aliveCount: Int {
        // By index, here and in other places that each message passes: an element in a variable is a copy of the whole record.
        var count = 1
        for index in self.peers.indices where self.peers[index].state.isUp { count += 1 }
        return count
    }

    private mutating func noteIsolation() {
        // A node that has just begun to look is not cut off.
        for index in self.peers.indices where self.peers[index].state == .unknown && self.now < self.peers[index].since + self.timing.startGrace { return }
        let isolated = self.aliveCount < self.memberCount / 2 + 1
        guard isolated != self.isolated else { return }
        self.isolated = isolated
        self.effects.append(.isolated(isolated))
    }

    // MARK: The next thing due

    func nextWake() -> Instant? {
        guard !self.leaving, !self.peers.isEmpty else { return nil }
        var earliest = Instant(nanoseconds: .max)
        for index in self.peers.indices {
            earliest = min(earliest, self.peers[index].nextProbeAt)
            for request in self.peers[index].requests {
                if case .relay(_, _, let until) = request.purpose { earliest = min(earliest, until) }
            }
            if let round = self.peers[index].round { earliest = min(earliest, round.deadline) }
            if let at = self.roundAt(index) { earliest = min(earliest, at) }
            if let suspicion = self.peers[index].suspicion {
                let last = suspicion.runOutAt.map { $0 + MembershipLimits.lastLook }
                earliest = min(earliest, last ?? suspicion.deadline(members: self.memberCount, timing: self.timing))
            }
            for link in self.peers[index].links {
                if let at = link.retireAt { earliest = min(earliest, at) }
                if !link.proven { earliest = min(earliest, link.openedAt + self.timing.proofLimit) }
            }
            if case .inProgress(let until) = self.peers[index].dial { earliest = min(earliest, until) }
            if let at = self.dialAt(index) { earliest = min(earliest, at) }
        }
        if self.announcePending { earliest = min(earliest, self.announcedAt + MembershipLimits.announcePause) }
        return earliest
    }
}
