import Election
import Model

/// What goes wrong, and its end.
extension Simulation {
    static let betweenFaults: ClosedRange<Int64> = 30_000...500_000
    static let inBurst: ClosedRange<Int64> = 500...40_000

    mutating func injectFault() {
        guard self.faultsOn else { return }
        // Two in a row meet the successor before it has settled.
        self.schedule(self.oneIn(5) ? self.pick(Self.inBurst) : self.pick(Self.betweenFaults) * self.faultGap, .fault)
        let index = Int(self.random.below(Int64(self.nodes.count)))
        let leader = self.servers[self.primary].holder.map { self.sessions[$0].node } ?? index
        self.faults += 1
        // Half of the faults meet the leader.
        let victim = self.oneIn(2) ? leader : index
        if self.torn, self.menu.contains(.splitBrain), self.servers.dropLast().allSatisfy({ $0.retired }) { return self.splitBrain(leader) }
        if self.lasting, self.menu.contains(.stallWork), self.oneIn(3) { return self.stallWork(leader) }
        if self.torn, !self.oneIn(4) {
            self.faults -= 1
            return
        }
        let fault = self.menu[Int(self.random.below(Int64(self.menu.count)))]
        self.inject(fault, victim: victim, leader: leader)
    }

    private mutating func inject(_ fault: Fault, victim: Int, leader: Int) {
        switch fault {
        case .terminate:
            guard let holder = self.servers[self.primary].holder else { return }
            self.count(.terminated)
            self.note("fault: the holder's session is terminated")
            self.terminate(holder)
        case .cutLine: self.cutLine(victim)
        case .pause: self.pause(victim)
        case .hang: self.hang()
        case .stallWork: self.stallWork(victim)
        case .restartDatabase: self.restartDatabase(backendKilled: self.oneIn(2))
        case .failOver: self.failOver()
        case .splitBrain: self.splitBrain(leader)
        case .crash:
            if victim == leader { self.count(.crashedLeader) }
            // The disk of strict mode has to survive: its promises are on it.
            let withDisk = self.strict || !self.oneIn(4)
            self.crash(victim, restartAfter: self.pick(50_000...2_500_000), withDisk: withDisk)
        case .resign: self.feedUnlessPaused(leader, .resignRequested)
        case .handOver:
            let successor = self.nodes[Int(self.random.below(Int64(self.nodes.count)))].name
            let before = self.nodes[leader].machine.state
            self.feedUnlessPaused(leader, .handOverRequested(to: successor))
            if case .leading = before, case .resigning = self.nodes[leader].machine.state, successor != self.nodes[leader].name { self.named = successor }
        case .shutdown: self.feedUnlessPaused(victim, .shutdownRequested)
        case .cutPeers: self.cutPeers(victim)
        case .swizzle: self.swizzle()
        case .loseTargets: self.loseTargets(victim)
        case .fillDisk:
            self.servers[self.primary].fullUntil = self.now + self.pick(50_000...2_000_000)
            self.note("fault: the database's disk is full")
        case .jumpClock:
            let jump = self.pick(-3_000_000...3_000_000)
            if jump < 0 { self.count(.serverClockBack) }
            self.servers[self.primary].wallOffset += jump
            self.note("fault: the database's clock jumps by \(jump / 1000) ms")
        case .pooler:
            self.nodes[victim].poolerUntil = self.now + self.pick(500_000...2_000_000)
            self.note("fault: a pooler stands before \(self.nodes[victim].name)")
        case .holdOff: self.feedUnlessPaused(victim, .holdOff(.milliseconds(self.pick(0...3000)), from: self.nodes[0].name))
        case .strayAnswer:
            // An answer of a session that is long gone, or of none.
            self.feedUnlessPaused(victim, .beatAnswered(session: 1, number: Int(self.pick(1...40)), current: self.oneIn(2)))
        }
    }

    private mutating func hang() {
        // Now and then for longer than a leader waits for an answer.
        let until = self.now + self.pick(self.oneIn(20) ? 20_000_000...60_000_000 : 50_000...3_000_000)
        if self.oneIn(2) {
            self.servers[self.primary].frozenUntil = max(until, self.servers[self.primary].frozenUntil)
        } else {
            self.servers[self.primary].stalledUntil = max(until, self.servers[self.primary].stalledUntil)
        }
        self.note("fault: the database hangs until \(until / 1000) ms")
    }

    private mutating func feedUnlessPaused(_ node: Int, _ event: ElectionEvent) {
        guard self.nodes[node].pausedUntil <= self.now else { return }
        self.feed(node, event)
    }

    private mutating func pause(_ node: Int) {
        if self.leading & (UInt32(1) << UInt32(node)) != 0 { self.count(.pausedLeader) }
        // What waits for a paused process waits for the end that was said: a long pause ends with the faults.
        let isLong = self.lasting && self.oneIn(4)
        let until = isLong ? min(self.now + self.pick(20_000_000...60_000_000), self.faultyTime) : self.now + self.pick(50_000...4_000_000)
        self.nodes[node].pausedUntil = max(self.nodes[node].pausedUntil, until)
        self.note("fault: \(self.nodes[node].name) is paused until \(until / 1000) ms")
    }

    /// The node beats on, but neither decides nor acts, whatever terms come.
    private mutating func stallWork(_ node: Int) {
        if self.leading & (UInt32(1) << UInt32(node)) != 0 { self.count(.stalledLeader) }
        let longest = self.lasting || self.oneIn(8) ? self.pick(0...3) : 0
        let until: Int64 =
            switch longest {
            case 0: self.now + self.pick(1_000_000...5_000_000)
            case 1: self.now + self.pick(5_000_000...40_000_000)
            case 2: self.now + self.pick(40_000_000...240_000_000)
            default: .max
            }
        // One that has just ended, with no round of the work after it, goes on.
        if self.nodes[node].stalledUntil < self.now - Self.longestRound { self.nodes[node].stalledFrom = self.now }
        self.nodes[node].stalledUntil = max(self.nodes[node].stalledUntil, until)
        let end = self.nodes[node].stalledUntil
        self.note("fault: the work of \(self.nodes[node].name) stands still \(end == .max ? "for ever" : "until \(end / 1000) ms")")
    }

    private mutating func cutLine(_ node: Int) {
        let until = self.now + self.pick(50_000...6_000_000)
        let direction = self.random.below(4)
        self.cut(node, until: until, up: direction != 0, down: direction != 1)
        if direction < 2 { self.count(.oneWayCut) }
        self.note("fault: \(self.nodes[node].name) is cut off from the databases until \(until / 1000) ms, direction \(direction)")
    }

    private mutating func cutPeers(_ node: Int) {
        self.count(.peersCut)
        let until = self.now + self.pick(100_000...8_000_000)
        for other in self.nodes.indices where other != node {
            if !self.oneIn(5) { self.peerCutUntil[node * self.nodes.count + other] = until }
            if !self.oneIn(5) { self.peerCutUntil[other * self.nodes.count + node] = until }
        }
        self.note("fault: \(self.nodes[node].name) is cut off from its peers until \(until / 1000) ms")
    }

    /// Links between peers are cut one by one and heal in another order.
    private mutating func swizzle() {
        self.count(.swizzled)
        for link in self.peerCutUntil.indices where self.oneIn(2) {
            self.peerCutUntil[link] = max(self.peerCutUntil[link], self.now + self.pick(10_000...5_000_000))
        }
    }

    private mutating func loseTargets(_ node: Int) {
        let pause = self.pick(500_000...6_000_000)
        self.nodes[node].targetsCutUntil = self.now + pause
        self.feedUnlessPaused(node, .unfit(since: self.clock(node)))
        self.schedule(pause, .fit(node: node, run: self.nodes[node].run))
    }

    // MARK: The database

    /// Every session ends; a crash keeps what was committed.
    private mutating func restartDatabase(backendKilled: Bool) {
        let server = self.primary
        guard self.servers[server].up else { return }
        self.count(backendKilled ? .backendKilled : .crashRestart)
        self.note("fault: database \(server) restarts")
        self.stop(server)
        if self.bug == .asynchronousCommit {
            let lost = self.servers[server].durable(before: Int(self.pick(0...5)))
            self.servers[server].goBack(to: lost)
        }
        self.schedule(self.pick(50_000...1_500_000), .serverUp(server: server))
    }

    private mutating func stop(_ server: Int) {
        self.servers[server].up = false
        // What waits for a commit or for the lock is gone before a lock could be handed on.
        self.servers[server].queue = []
        for id in self.sessions.indices where self.sessions[id].server == server && self.sessions[id].fate != .ended { self.terminate(id, withServer: true) }
        self.servers[server].holder = nil
    }

    /// A standby is promoted that may have missed the newest commits; the old primary dies, or lives on for a while.
    /// - Parameter missed: how many commits it has missed; nil leaves it to chance.
    mutating func failOver(oldLives: Bool? = nil, missed: Int? = nil) {
        let old = self.primary
        // The one before must be gone: two promotions at once would give one timeline twice.
        guard self.servers.count < 60, self.servers.dropLast().allSatisfy({ $0.retired }) else { return }
        self.count(.failover)
        let lives = (oldLives ?? self.oneIn(2)) && self.servers[old].up
        let lost = missed ?? (self.oneIn(2) ? 0 : Int(self.pick(1...12)))
        let state = self.servers[old].durable(before: lost)
        var promoted = Database(timeline: self.servers[old].timeline + 1)
        promoted.decisions = Array(self.servers[old].decisions.prefix(state.decisions))
        promoted.durable = state
        // The counter of beats is logged ahead, so that it never falls, and jumps instead.
        promoted.beat = self.servers[old].beat + self.pick(0...32)
        if lost > 0 { self.count(.failoverLostSuffix) }
        if state.decisions < self.servers[old].decisions.count { self.count(.failoverLostDecision) }
        self.ledger.forks[old] = state.decisions
        self.servers[old].outlived = lives
        self.servers.append(promoted)
        self.primary = self.servers.count - 1
        self.note("fault: database \(self.primary) is promoted without the newest \(lost) commits, the old one \(lives ? "lives on" : "dies")")
        if lives {
            self.count(.failoverOldAlive)
            self.schedule(self.pick(self.torn ? 2_000_000...10_000_000 : 200_000...10_000_000), .retire(server: old))
        } else {
            self.retire(old)
            self.servers[self.primary].up = false
            self.schedule(self.pick(50_000...1_500_000), .serverUp(server: self.primary))
        }
    }

    /// The worst that strict mode is for: the leader keeps the old primary, the others move to the new one, some of them
    /// don't hear from the leader, and some start again in the midst of it.
    private mutating func splitBrain(_ leader: Int) {
        let old = self.primary
        self.failOver(oldLives: true)
        guard self.primary != old, self.servers[old].outlived else { return }
        self.count(.splitBrain)
        for from in self.nodes.indices {
            for to in self.nodes.indices where from != to && self.oneIn(2) {
                // The others find each other again before they find the leader.
                let longest: Int64 = from == leader || to == leader ? 8_000_000 : 2_500_000
                self.peerCutUntil[from * self.nodes.count + to] = self.now + self.pick(10_000...longest)
            }
        }
        for id in self.sessions.indices.reversed() where self.sessions[id].server == old && self.sessions[id].node != leader {
            self.terminate(id)
            self.nodes[self.sessions[id].node].watchServer = self.primary
        }
        for node in self.nodes.indices where node != leader && self.oneIn(2) {
            self.schedule(self.pick(10_000...4_000_000), .crash(node: node, restartAfter: self.pick(1000...100_000)))
        }
    }

    mutating func retire(_ server: Int) {
        guard !self.servers[server].retired else { return }
        self.stop(server)
        self.servers[server].retired = true
    }

    // MARK: Healing

    /// No more faults, and everything that was broken works again.
    mutating func heal() {
        self.note("everything heals")
        self.faultsOn = false
        for node in self.nodes.indices {
            self.nodes[node].upCutUntil = 0
            self.nodes[node].downCutUntil = 0
            self.nodes[node].poolerUntil = 0
            self.nodes[node].targetsCutUntil = 0
            self.nodes[node].stalledUntil = min(self.nodes[node].stalledUntil, self.now)
            if self.nodes[node].pausedUntil > self.now {
                self.nodes[node].pausedUntil = 0
                let bit = UInt32(1) << UInt32(node)
                if self.leading & bit != 0 || self.nodes[node].wake != .max { self.feed(node, .timer) }
            }
        }
        for link in self.peerCutUntil.indices { self.peerCutUntil[link] = 0 }
        for server in self.servers.indices {
            self.servers[server].frozenUntil = 0
            self.servers[server].stalledUntil = 0
            self.servers[server].fullUntil = 0
            if server != self.primary { self.retire(server) }
        }
        self.servers[self.primary].up = true
    }
}
