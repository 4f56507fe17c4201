import Model

/// What comes from peers, and what goes to them.
extension MembershipMachine {
    mutating func received(_ message: PeerMessage, link: Int) {
        guard let index = self.peers.indices.first(where: { index in self.peers[index].links.contains { $0.number == link } }) else {
            return self.refuse(message.from, nil, .unknownLink)
        }
        guard !self.leaving else { return }
        guard self.namesFit(message, index, link), self.isFresh(message, index, link) else { return }
        guard self.peers[index].state != .left else { return self.refuse(message.from, index, .hasLeft) }
        guard message.incarnation >= self.peers[index].incarnation else { return self.refuse(message.from, index, .incarnationWentBack) }
        let answered = self.takeAnswered(message.body, index)
        if message.body.isAck, answered == nil { return self.refuse(message.from, index, .unasked) }

        self.prove(link, of: index)
        self.peers[index].incarnation = message.incarnation
        self.peers[index].lastHeard = self.now
        if let facts = message.body.facts { self.learn(facts, from: index) }
        if let answered, case .ack(_, let receivedMono, _) = message.body {
            self.answered(answered, by: index, message, receivedMono: receivedMono)
        } else if self.peers[index].path == .none {
            self.peers[index].path = .direct
        }
        self.clearSuspicion(index, why: "it was heard")
        self.act(on: message, from: index, link: link)
    }

    /// Both names are those of the link.
    private mutating func namesFit(_ message: PeerMessage, _ index: Int, _ link: Int) -> Bool {
        if message.from == self.node {
            self.ownNameHeard += 1
            self.effects.append(.alarm(.identityClone(node: self.node)))
        } else if message.from == self.peers[index].name, message.to == self.node {
            return true
        }
        self.refuse(self.peers[index].name, index, .misaddressed)
        self.effects.append(.hangUp(link: link, .misaddressed))
        self.linkClosed(link, .rejected("names in a message were not those of the link"))
        return false
    }

    /// Not seen before, and of the process that is the latest of its name.
    private mutating func isFresh(_ message: PeerMessage, _ index: Int, _ link: Int) -> Bool {
        switch self.peers[index].replay.judge(bootID: message.bootID, sequence: message.sequence) {
        case .fresh: return true
        case .newBoot:
            self.welcomeProcess(message, index)
            return true
        case .replayed:
            self.refuse(message.from, index, .replayed)
        case .earlierBootAlive:
            self.peers[index].cloneMessages += 1
            self.refuse(message.from, index, .earlierProcess)
            if self.peers[index].cloneMessages % UInt64(MembershipLimits.cloneMessages) == 0 {
                self.effects.append(.alarm(.identityClone(node: message.from)))
            }
        }
        return false
    }

    /// Nothing that was known of the earlier process holds for this one.
    private mutating func welcomeProcess(_ message: PeerMessage, _ index: Int) {
        let first = self.peers[index].facts == nil && self.peers[index].lastHeard == nil
        self.peers[index].incarnation = message.incarnation
        self.peers[index].facts = nil
        self.peers[index].canReachTargets = nil
        self.peers[index].round = nil
        self.peers[index].unansweredSince = nil
        self.peers[index].clock = ClockFilter()
        if !first { self.effects.append(.restarted(peer: message.from, bootID: message.bootID)) }
        if self.peers[index].state == .left { self.change(index, to: .unknown, why: "a new process of it came") }
    }

    mutating func refuse(_ peer: String, _ index: Int?, _ reason: MessageRefusal) {
        self.refusals[reason, default: 0] += 1
        if let index { self.peers[index].messagesRefused += 1 }
        self.effects.append(.refused(peer: peer, reason))
    }

    // MARK: Answers

    /// The ping that an ack answers; it can be answered once.
    private mutating func takeAnswered(_ body: PeerMessage.Body, _ index: Int) -> PeerRecord.Request? {
        guard case .ack(let id, _, _) = body, let position = self.peers[index].requests.firstIndex(where: { $0.id == id }) else { return nil }
        return self.peers[index].requests.remove(at: position)
    }

    private mutating func answered(_ request: PeerRecord.Request, by index: Int, _ message: PeerMessage, receivedMono: Int64) {
        let (stay, overflow) = message.sentMono.subtractingReportingOverflow(receivedMono)
        let elapsed = (self.now - request.sentAt).nanoseconds
        // A peer can't have held the ping for longer than it took.
        if !overflow, stay >= 0, stay <= elapsed {
            // t1 is t2 less the stay, so that (t1 − t0) + (t2 − t3) needs one stamp of the peer.
            let offset = ((message.wall.microseconds - stay / 1000 - request.sentWall.microseconds) + (message.wall.microseconds - self.wall.microseconds)) / 2
            self.peers[index].clock.add(roundTrip: elapsed - stay, offset: offset)
        }
        self.peers[index].unansweredSince = nil
        self.peers[index].linkLost = false
        self.peers[index].round = nil
        self.peers[index].path = .direct
        switch request.purpose {
        case .probe: if !request.missed { self.recover() }
        case .relay(let asker, let askersRequest, _): self.answerAsker(asker, askersRequest, target: index, reached: true)
        }
    }

    /// Tells who asked for it whether the target answered.
    mutating func answerAsker(_ asker: String, _ request: UInt64, target: Int, reached: Bool) {
        guard let askerIndex = self.index(of: asker) else { return }
        self.send(.indirectAck(requestID: request, target: self.peers[target].name, reached: reached), to: askerIndex)
    }

    /// The link to the target is gone: who waits for its answer need not wait on.
    mutating func failRelays(to index: Int) {
        for request in self.peers[index].requests {
            if case .relay(let asker, let askersRequest, _) = request.purpose {
                self.answerAsker(asker, askersRequest, target: index, reached: false)
            }
        }
        self.peers[index].requests.removeAll { if case .relay = $0.purpose { true } else { false } }
    }

    private mutating func indirectAnswer(_ request: UInt64, target name: String, reached: Bool, helper: String) {
        guard let index = self.index(of: name), var round = self.peers[index].round,
            let position = round.waiting.firstIndex(where: { $0.request == request && $0.helper == helper })
        else { return self.refuse(helper, self.index(of: helper), .unasked) }
        round.waiting.remove(at: position)
        if reached {
            self.peers[index].round = nil
            // The first time, the fault may be this node's; a lasting cut between two is nobody's slowness.
            if self.peers[index].path == .direct, !self.peers[index].linkLost { self.worsen(by: 1) }
            self.peers[index].path = .viaOthers
            self.clearSuspicion(index, why: "\(helper) reached it")
        } else if round.waiting.isEmpty {
            self.endRound(index, round)
        } else {
            self.peers[index].round = round
        }
    }

    // MARK: Facts

    private mutating func learn(_ facts: NodeFacts, from index: Int) {
        self.peers[index].facts = facts
        let speaker = self.peers[index].name
        for suspect in facts.suspects {
            if suspect.node == self.node {
                self.refute(suspect.incarnation)
            } else if let other = self.index(of: suspect.node), other != index, let suspicion = self.peers[other].suspicion,
                suspect.incarnation >= suspicion.incarnation
            {
                self.peers[other].suspicion?.confirm(by: speaker)
            }
        }
    }

    /// This node is suspected, wrongly, since it can say so.
    private mutating func refute(_ suspected: UInt64) {
        guard suspected >= self.incarnation, suspected < UInt64(Int64.max) else { return }
        self.incarnation = suspected + 1
        self.worsen(by: 1)
        self.announcePending = true
    }

    // MARK: What the message asks for

    private mutating func act(on message: PeerMessage, from index: Int, link: Int) {
        switch message.body {
        case .ping:
            self.send(
                .ack(requestID: message.requestID, receivedMono: self.now.nanoseconds, facts: self.currentFacts()), to: index, over: link)
            self.takeTurn(index, over: link)
        case .ack: break
        case .pingRequest(let target): self.pingFor(self.peers[index].name, message.requestID, target: target)
        case .indirectAck(let request, let target, let reached):
            self.indirectAnswer(request, target: target, reached: reached, helper: message.from)
        case .leaving:
            self.change(index, to: .left, why: "it said that it stops")
            self.peers[index].path = .none
            self.peers[index].suspicion = nil
            self.peers[index].round = nil
            self.peers[index].unansweredSince = nil
            self.peers[index].requests = []
            self.hangUpAll(index, .peerLeft)
            self.peers[index].dial = .notBefore(self.now + self.timing.longestRedial)
        case .fitness(let report):
            self.peers[index].canReachTargets = report.missed.isEmpty
            self.effects.append(.deliver(message))
        case .fence, .promise, .holdOff, .heldOff, .handingOver, .vouch, .vouched: self.effects.append(.deliver(message))
        case .unknown: self.refuse(message.from, index, .unknownKind)
        }
    }

    private mutating func pingFor(_ asker: String, _ askersRequest: UInt64, target name: String) {
        guard let target = self.index(of: name), name != asker else {
            if let asker = self.index(of: asker) {
                self.send(.indirectAck(requestID: askersRequest, target: name, reached: false), to: asker)
            }
            return
        }
        guard let link = self.peers[target].current, self.peers[target].requests.count < MembershipLimits.outstanding else {
            return self.answerAsker(asker, askersRequest, target: target, reached: false)
        }
        self.request(
            target, over: link, purpose: .relay(asker: asker, askersRequest: askersRequest, until: self.now + self.timing.relayTimeout))
    }

    // MARK: Sending

    mutating func post(_ body: PeerMessage.Body, to name: String, requestID: UInt64) {
        guard !self.leaving, let index = self.index(of: name), self.peers[index].sendingLink != nil else {
            self.effects.append(.unsent(to: name, body, requestID: requestID))
            // Whoever asks this waits with all effects of a new leader for the answer, or for the news that there is nobody to answer.
            if case .fence = body, let index = self.index(of: name) { self.peers[index].dialIsUrgent = true }
            return
        }
        self.send(body, to: index, requestID: requestID)
    }

    /// Over the link given, or the one in use; without any, it is dropped.
    mutating func send(_ body: PeerMessage.Body, to index: Int, over link: Int? = nil, requestID: UInt64 = 0) {
        guard let link = link ?? self.peers[index].sendingLink else { return }
        self.sequence += 1
        self.effects.append(
            .send(
                link: link,
                PeerMessage(
                    from: self.node, to: self.peers[index].name, bootID: self.bootID, incarnation: self.incarnation, sequence: self.sequence,
                    requestID: requestID, sentMono: self.now.nanoseconds, wall: self.wall, body: body)))
    }

    mutating func freshRequestID() -> UInt64 { self.generator.next() >> 1 }

    /// This node's facts with what the machine knows.
    func currentFacts() -> NodeFacts {
        var facts = self.facts
        facts.localHealth = self.localHealth
        facts.suspects = []
        for index in self.peers.indices where self.peers[index].state == .suspect || self.peers[index].state == .failed {
            let incarnation = self.peers[index].suspicion?.incarnation ?? self.peers[index].incarnation
            facts.suspects.append(.init(node: self.peers[index].name, incarnation: incarnation))
        }
        return facts
    }
}

extension PeerMessage.Body {
    fileprivate var isAck: Bool { if case .ack = self { true } else { false } }
}
