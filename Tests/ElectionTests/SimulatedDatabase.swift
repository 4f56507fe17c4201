import Model

@testable import Election

/// The database's side of the simulation, and the faults.
extension Simulation {
    mutating func open(_ index: Int, _ run: Int, _ number: Int, _ what: Happening) {
        guard self.nodes[index].run == run, !self.nodes[index].down else { return }
        guard self.serverUp, self.nodes[index].cutUntil <= self.now else {
            // Refused, or unanswered for some time.
            self.schedule(self.serverUp ? 1_000_000 : 1000, .toNode(node: index, run: run, .sessionClosed(session: number, reason: "refused")))
            return
        }
        let session = self.nextSession
        self.nextSession += 1
        self.sessions[session] = Session(
            node: index, run: run, number: number, idle: self.nodes[index].timing.idle, lastActivity: self.now)
        self.sessionOf[[index, run, number]] = session
        self.schedule(0, .toNode(node: index, run: run, .sessionConnected(session: number)))
        self.watchForIdling(session)
    }

    mutating func receive(_ number: Int, _ statement: Statement) {
        guard var session = self.sessions[number] else { return }
        session.statements += 1
        let duration = self.chance(40) ? self.random(5000...150_000) : self.random(20...1500)
        session.busyUntil = max(session.busyUntil, self.now, self.stallUntil) + duration
        self.sessions[number] = session
        self.schedule(session.busyUntil - self.now, .execute(session: number, statement))
    }

    mutating func answered(_ number: Int) {
        self.sessions[number]?.statements -= 1
        self.sessions[number]?.lastActivity = self.now
        self.watchForIdling(number)
    }

    mutating func reply(_ number: Int, _ event: (Int) -> ElectionEvent) {
        guard let session = self.sessions[number] else { return }
        let delay = self.chance(30) ? self.random(1000...80_000) : self.random(100...2000)
        self.schedule(delay, .toNode(node: session.node, run: session.run, event(session.number)))
    }

    private mutating func watchForIdling(_ number: Int) {
        guard let session = self.sessions[number] else { return }
        self.schedule(session.idle.microseconds * 1000 / self.serverRate + 1, .idleCheck(session: number))
    }

    mutating func idleCheck(_ number: Int) {
        guard let session = self.sessions[number], session.statements == 0 else { return }
        let silent = (self.now - session.lastActivity) * self.serverRate / 1000
        if silent >= session.idle.microseconds {
            self.count("idle eviction")
            self.terminate(number)
        }
    }

    mutating func execute(_ number: Int, _ statement: Statement) {
        guard let session = self.sessions[number] else { return }
        if self.stallUntil > self.now {
            self.schedule(self.stallUntil - self.now + self.random(0...500), .execute(session: number, statement))
            return
        }
        let current = self.row.session == number && self.holder == number
        switch statement {
        case .checks:
            let epoch = self.row.epoch
            self.reply(number) { .checksPassed(session: $0, epoch: epoch) }
        case .campaign(let known, let timing):
            self.sessions[number]?.idle = timing.idle
            self.sessions[number]?.waiting = (known, timing, self.now)
            self.schedule(timing.slice.microseconds, .sliceEnd(session: number, since: self.now))
            self.grantNext()
            return
        case .beat(let beat, let epoch):
            let valid = current && self.row.epoch == epoch
            if valid { self.beat += 1 }
            self.reply(number) { .beatAnswered(session: $0, number: beat, current: valid) }
        case .settle(let epoch, let lease):
            if current, self.row.epoch == epoch {
                self.row.settled = true
                self.row.lease = lease
                self.reply(number) { .settled(session: $0) }
            } else {
                self.reply(number) { .settleFailed(session: $0) }
            }
        case .resign(let epoch):
            if current, self.row.epoch == epoch { self.row.resigned = true }
            let released = self.holder == number
            if released { self.holder = nil }
            self.reply(number) { .resignAnswered(session: $0, released: released) }
        }
        self.answered(number)
        if case .resign = statement { self.grantNext() }
        _ = session
    }

    /// The lock goes to who has waited longest, gone or not.
    mutating func grantNext() {
        guard self.holder == nil else { return }
        let waiting = self.sessions.filter { $0.value.waiting != nil }
        guard let (number, session) = waiting.min(by: { ($0.value.waiting?.since ?? 0, $0.key) < ($1.value.waiting?.since ?? 0, $1.key) }),
            let wish = session.waiting
        else { return }
        self.sessions[number]?.waiting = nil
        self.holder = number
        let before = self.row
        let epoch = Epoch(max(before.epoch.value, wish.known.value, self.terms.last?.value ?? 0) + 1)
        if let last = self.terms.last, epoch <= last { self.violations.append("epoch \(epoch) after \(last)") }
        self.terms.append(epoch)
        self.row = LeaderRow(
            epoch: epoch, node: session.node, session: number, resigned: false, settled: false,
            lease: max(before.lease, wish.timing.lease))
        let grant = Grant(
            epoch: epoch, timeline: 1, beat: self.beat, earlierLease: before.lease,
            predecessor: before.node.map { .init(node: "\($0)", epoch: before.epoch, resigned: before.resigned, settled: before.settled) })
        self.answered(number)
        self.reply(number) { .granted(session: $0, grant) }
    }

    /// The server's side of a session ends; its node isn't told.
    mutating func endSession(_ number: Int) {
        guard self.sessions.removeValue(forKey: number) != nil else { return }
        if self.holder == number {
            self.holder = nil
            self.grantNext()
        }
    }

    /// The server ends a session and says so, if the line is whole.
    mutating func terminate(_ number: Int) {
        guard let session = self.sessions[number] else { return }
        self.reply(number) { .sessionClosed(session: $0, reason: "terminated") }
        if self.nodes[session.node].cutUntil > self.now {
            // Nobody hears it: the node's own TCP timers find out.
            self.schedule(
                max(0, self.nodes[session.node].cutUntil - self.now) + 100_000,
                .toNode(node: session.node, run: session.run, .sessionClosed(session: session.number, reason: "timed out")))
        }
        self.endSession(number)
    }

    mutating func look(_ index: Int, _ run: Int) {
        guard self.nodes[index].run == run, !self.nodes[index].down else { return }
        let node = self.nodes[index]
        self.schedule(node.timing.beat.microseconds, .watch(node: index, run: run))
        if node.cutUntil > self.now || !self.serverUp {
            self.nodes[index].watchSession += 1
            if node.frozenUntil <= self.now { self.feed(index, .watchLost) }
            return
        }
        self.schedule(
            self.random(200...4000),
            .watchAnswer(node: index, run: run, watchSession: node.watchSession, beat: self.beat, epoch: self.row.epoch))
    }

    mutating func injectFault() {
        self.schedule(self.random(100_000...2_500_000), .fault)
        let index = Int.random(in: 0..<self.nodes.count, using: &self.generator)
        let leader = self.holder.flatMap { self.sessions[$0]?.node } ?? index
        // Half of the faults meet the leader.
        let victim = self.chance(2) ? leader : index
        switch Int.random(in: 0..<9, using: &self.generator) {
        case 0:
            if let holder { self.terminate(holder) }
        case 1:
            let until = self.now + self.random(50_000...5_000_000)
            self.nodes[victim].cutUntil = until
            // A session that was open when the line was cut is dead after it, once somebody tries it.
            for (key, session) in self.sessionOf where key[0] == victim {
                self.schedule(
                    until - self.now + self.random(1000...400_000),
                    .toNode(node: victim, run: key[1], .sessionClosed(session: key[2], reason: "reset")))
                self.schedule(self.random(500_000...8_000_000), .idleCheck(session: session))
            }
        case 2: self.nodes[victim].frozenUntil = self.now + self.random(50_000...4_000_000)
        case 3: self.stallUntil = self.now + self.random(50_000...3_000_000)
        case 4:
            self.count("server restart")
            for number in self.sessions.keys.sorted() { self.terminate(number) }
            self.serverUp = false
            self.schedule(self.random(50_000...1_500_000), .serverUp)
        case 5: self.feed(leader, .resignRequested)
        case 6: self.crash(victim)
        case 7: self.feed(victim, .shutdownRequested)
        default:
            // Two in a row: the successor dies before it settles.
            if let holder { self.terminate(holder) }
            self.schedule(self.random(1000...60_000), .fault)
        }
    }

    /// No more faults, everything heals.
    mutating func heal() {
        self.faults = false
        for index in self.nodes.indices {
            self.nodes[index].cutUntil = 0
            self.nodes[index].frozenUntil = 0
        }
        self.stallUntil = 0
        self.serverUp = true
    }
}
