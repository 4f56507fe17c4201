import Model

/// Links: who dials, when, and which of several is used.
extension MembershipMachine {
    /// Between two nodes the one with the lower name dials.
    func dialsFirst(_ index: Int) -> Bool { self.node < self.peers[index].name }

    mutating func linkOpened(peer name: String, link number: Int, dialled: Bool) {
        if name == self.node {
            self.ownNameHeard += 1
            self.effects.append(.hangUp(link: number, .identityClone))
            self.effects.append(.alarm(.identityClone(node: name)))
            return
        }
        guard !self.leaving, let index = self.index(of: name) else {
            self.effects.append(.hangUp(link: number, self.leaving ? .leaving : .notAMember))
            return
        }
        if dialled { self.peers[index].dial = .none }
        if self.peers[index].links.count >= MembershipLimits.links {
            let surplus = self.peers[index].links.firstIndex { $0.number != self.peers[index].current } ?? 0
            let old = self.peers[index].links.remove(at: surplus)
            self.effects.append(.hangUp(link: old.number, .tooManyLinks))
        }
        self.peers[index].links.append(.init(number: number, dialled: dialled, openedAt: self.now))
        // The handshake alone proves nothing to the side that dialled: the answer to this does.
        self.ping(index, over: number)
    }

    /// The first message came over the link.
    mutating func prove(_ number: Int, of index: Int) {
        guard let position = self.peers[index].links.firstIndex(where: { $0.number == number }), !self.peers[index].links[position].proven
        else { return }
        self.peers[index].links[position].proven = true
        if let current = self.peers[index].current, let rival = self.peers[index].links.first(where: { $0.number == current }) {
            // Both sides dialled at the same time: without a rule each would keep the one that the other drops.
            let together = self.peers[index].links[position].openedAt - rival.openedAt <= self.timing.linger
            let keepsRival = together && rival.dialled != self.peers[index].links[position].dialled && rival.dialled == self.dialsFirst(index)
            self.retire(keepsRival ? number : current, of: index)
            if keepsRival { return }
        }
        self.peers[index].current = number
        self.peers[index].linkLost = false
        self.peers[index].lastLinkEnd = nil
        self.peers[index].dialFailures = 0
    }

    private mutating func retire(_ number: Int, of index: Int) {
        guard let position = self.peers[index].links.firstIndex(where: { $0.number == number }) else { return }
        self.peers[index].links[position].retireAt = self.now + self.timing.linger
    }

    mutating func linkClosed(_ number: Int, _ end: LinkEnd) {
        guard let index = self.peers.firstIndex(where: { $0.links.contains { $0.number == number } }) else { return }
        self.peers[index].links.removeAll { $0.number == number }
        let wasCurrent = self.peers[index].current == number
        guard wasCurrent || self.peers[index].links.isEmpty else { return }
        self.peers[index].current = self.peers[index].links.last { $0.proven }?.number
        if let spare = self.peers[index].current {
            // What was asked over the other link won't be answered.
            self.peers[index].unansweredSince = nil
            if let position = self.peers[index].links.firstIndex(where: { $0.number == spare }) {
                self.peers[index].links[position].retireAt = nil
            }
            self.ping(index, over: spare)
            return
        }
        self.peers[index].lastLinkEnd = end
        guard wasCurrent else {
            // It never carried anything: a handshake that the other side did not accept.
            self.scheduleRedial(index)
            return
        }
        self.peers[index].linkLost = true
        self.peers[index].linkWantedSince = self.now
        self.peers[index].unansweredSince = self.peers[index].unansweredSince ?? self.now
        self.peers[index].nextRoundAt = self.now
        if self.peers[index].dial == .none { self.peers[index].dial = .notBefore(self.now) }
        self.effects.append(.linkLost(peer: self.peers[index].name))
        self.failRelays(to: index)
    }

    mutating func dialFailed(peer name: String, _ end: LinkEnd) {
        guard let index = self.index(of: name), case .inProgress = self.peers[index].dial else { return }
        if self.peers[index].links.isEmpty { self.peers[index].lastLinkEnd = end }
        if end == .refused { self.effects.append(.nobodyListens(peer: name, dialledAt: self.peers[index].dialledAt)) }
        self.peers[index].suspicion?.dialRefused = end == .refused
        self.scheduleRedial(index)
    }

    private mutating func scheduleRedial(_ index: Int) {
        let shift = min(self.peers[index].dialFailures, 10)
        self.peers[index].dialFailures += 1
        let step = min(self.timing.firstRedial * (1 << shift), self.timing.longestRedial)
        // Evenly from its upper half: nodes drift apart, and none waits much less than the others.
        let half = step.nanoseconds / 2
        self.peers[index].dial = .notBefore(self.now + .nanoseconds(half + Int64(self.generator.next() % UInt64(max(1, half)))))
    }

    /// Whether a fresh link to the peer would help: there is none, or the one there is does not answer.
    private func wantsLink(_ index: Int) -> Bool {
        self.peers[index].current == nil || self.isOverdue(index)
    }

    /// When to dial; nil: not at all.
    func dialAt(_ index: Int) -> Instant? {
        guard self.wantsLink(index), let wanted = self.peers[index].linkWantedSince else { return nil }
        if self.peers[index].dialIsUrgent {
            if case .inProgress = self.peers[index].dial { return nil }
            return self.now
        }
        // A link that is about to prove itself is given the time of an ack.
        if let newest = self.peers[index].links.last, newest.number != self.peers[index].current, newest.retireAt == nil,
            self.now < newest.openedAt + self.timeout(of: index)
        {
            return newest.openedAt + self.timeout(of: index)
        }
        let turn = self.dialsFirst(index) ? wanted : wanted + self.timing.reverseDialAfter
        switch self.peers[index].dial {
        case .inProgress: return nil
        case .none: return turn
        case .notBefore(let instant): return max(turn, instant)
        }
    }

    mutating func advanceLinks(_ index: Int) {
        for link in self.peers[index].links where link.retireAt.map({ $0 <= self.now }) ?? false {
            self.peers[index].links.removeAll { $0.number == link.number }
            self.effects.append(.hangUp(link: link.number, .replaced))
        }
        for link in self.peers[index].links where !link.proven && link.openedAt + self.timing.proofLimit <= self.now {
            self.effects.append(.hangUp(link: link.number, .silent))
            self.linkClosed(link.number, .timedOut)
        }
        if case .inProgress(let until) = self.peers[index].dial, until <= self.now { self.scheduleRedial(index) }
        if self.wantsLink(index) {
            self.peers[index].linkWantedSince = self.peers[index].linkWantedSince ?? self.now
        } else {
            self.peers[index].linkWantedSince = nil
        }
        if let at = self.dialAt(index), at <= self.now {
            self.peers[index].dial = .inProgress(until: self.now + self.timing.dialLimit)
            self.peers[index].dialIsUrgent = false
            self.peers[index].dialledAt = self.now
            self.effects.append(.dial(peer: self.peers[index].name, address: self.peers[index].address))
        }
    }

    mutating func hangUpAll(_ index: Int, _ why: HangUp) {
        for link in self.peers[index].links { self.effects.append(.hangUp(link: link.number, why)) }
        self.peers[index].links = []
        self.peers[index].current = nil
        self.peers[index].linkLost = true
    }
}
