import Election
import Model

/// The databases' side: statements, the lock, commits.
extension Simulation {
    /// Healing ends a hang before its time, so what waits looks this often.
    static let hangCheck: Int64 = 100_000
    /// After so long a waiter looks for a deadlock, once.
    static let deadlockTimeout: Int64 = 1_000_000

    mutating func stepDatabase(_ event: Event) {
        switch event {
        case .opened(let node, let run, let number): self.open(node, run, number)
        case .arrive(let session, let statement): self.arrive(session, statement)
        case .execute(let session, let statement): self.execute(session, statement)
        case .commit(let session, let statement): self.commit(session, statement)
        case .commitGrant(let session): self.commitGrant(session)
        case .sliceEnd(let session, let since): self.endWait(session, since: since)
        case .cancel(let session): self.endWait(session, since: nil)
        case .idleCheck(let session): self.idleCheck(session)
        case .finished(let session): self.finished(session)
        case .noticed(let session): self.noticed(session)
        case .evict(let server, let holder): self.evict(server, holder)
        case .serverUp(let server): self.servers[server].up = true
        case .retire(let server): self.retire(server)
        case .fault: self.injectFault()
        default: break
        }
    }

    private mutating func arrive(_ id: Int, _ statement: Statement) {
        guard self.sessions[id].fate == .open else { return }
        self.sessions[id].statements += 1
        let duration = self.oneIn(60) ? self.pick(5000...120_000) : self.pick(20...800)
        let start = max(self.sessions[id].busyUntil, self.now)
        self.sessions[id].busyUntil = start + duration
        self.scheduleAt(start + duration, .execute(session: id, statement))
    }

    /// The statement's end: the session is idle, or reads what has come meanwhile.
    private mutating func answered(_ id: Int) {
        guard self.sessions[id].fate != .ended else { return }
        self.sessions[id].statements -= 1
        self.sessions[id].idleSince = self.now + self.servers[self.sessions[id].server].wallOffset
        if self.sessions[id].isDoomed {
            self.terminate(id)
        } else if self.sessions[id].fate == .gone {
            self.end(id)
        } else {
            self.armIdleTimeout(id)
        }
    }

    /// Whether the leader's row names this session and epoch: what every write of a leader asserts.
    private func isCurrent(_ id: Int, _ epoch: Epoch) -> Bool {
        let row = self.servers[self.sessions[id].server].durable.row
        return row.session == id && row.epoch == epoch
    }

    /// How long the commit of that server waits; nil when there is no room for it.
    private mutating func commitDelay(_ server: Int) -> Int64? {
        if self.servers[server].fullUntil > self.now {
            self.count(.diskFullError)
            return nil
        }
        let stall = self.servers[server].stalledUntil - self.now
        if stall > 0 { self.count(.commitStalled) }
        return stall > 0 ? min(stall, Self.hangCheck) : 0
    }

    /// How long to wait before looking again whether a frozen database moves; nil when it does.
    private func freeze(_ server: Int) -> Int64? {
        let left = self.servers[server].frozenUntil - self.now
        return left > 0 ? min(left, Self.hangCheck) : nil
    }

    private mutating func execute(_ id: Int, _ statement: Statement) {
        guard id >= 0 else { return self.executeUnfenced(-1 - id, statement) }
        let session = self.sessions[id]
        guard session.fate != .ended else { return }
        let server = session.server
        // A backend does one thing at a time.
        if let pause = self.freeze(server) ?? (session.committing ? Self.hangCheck : nil) {
            return self.schedule(pause, .execute(session: id, statement))
        }
        switch statement {
        case .checks(let pooled):
            let number = session.number
            self.reply(
                id,
                pooled
                    ? .refused(session: number, .pooler(announced: 1, answering: 2))
                    : .checksPassed(session: number, epoch: self.servers[server].durable.row.epoch))
        case .campaign(let known, let timing):
            self.sessions[id].idle = timing.idle.microseconds
            // A slice that ended after the grant left the lock held; the campaign begins by giving it up.
            self.sessions[id].wish = Session.Wish(
                known: known, timing: timing, since: self.now, wallSince: self.now + self.servers[server].wallOffset, wallCheck: .min)
            self.servers[server].queue.append(id)
            self.armWait(id)
            return self.grantNext(server)
        case .beat(let number, let epoch):
            let current = self.isCurrent(id, epoch)
            if current { self.servers[server].beat += 1 }
            self.deliver(
                id, .beatAnswer(node: session.node, run: session.run, session: session.number, number: number, current: current))
        case .settle, .resign, .decide: return self.commit(id, statement)
        }
        self.answered(id)
    }

    /// A leader's write. It holds the session until it is durable.
    private mutating func commit(_ id: Int, _ statement: Statement) {
        guard self.sessions[id].fate != .ended else { return }
        let server = self.sessions[id].server
        let number = self.sessions[id].number
        let delay = self.commitDelay(server)
        self.sessions[id].committing = delay.map { $0 > 0 } ?? false
        if let delay, delay > 0 { return self.schedule(delay, .commit(session: id, statement)) }
        switch statement {
        case .settle(let epoch, let lease):
            let done = delay != nil && self.isCurrent(id, epoch)
            if done {
                self.servers[server].durable.row.settled = true
                self.servers[server].durable.row.lease = lease
                self.servers[server].committed()
            } else {
                self.count(.settleFailed)
            }
            self.reply(id, done ? .settled(session: number) : .settleFailed(session: number))
        case .resign(let epoch):
            if delay != nil, self.isCurrent(id, epoch) {
                self.servers[server].durable.row.resigned = true
                self.servers[server].committed()
            }
            if self.buggify(30) {
                self.count(.commitAnswerLost)
                self.end(id)
                return
            }
            let released = self.servers[server].holder == id
            if released { self.servers[server].holder = nil }
            self.reply(id, .resignAnswered(session: number, released: released))
            self.answered(id)
            return self.grantNext(server)
        case .decide(let idem, let epoch, let term, let sentAt):
            guard self.isCurrent(id, epoch), !self.servers[server].durable.row.resigned else {
                self.count(.decisionFenced)
                self.reply(id, .fenced(session: number))
                break
            }
            if delay != nil { self.decide(server, idem, epoch) }
            if self.buggify(150) {
                self.count(.commitAnswerLost)
                return self.terminate(id)
            }
            if delay != nil {
                self.servers[server].decisions[self.servers[server].decisions.count - 1].acknowledged = true
                self.ledger.newestAcknowledgedAt = self.now
                self.ledger.acknowledged.append((server, self.servers[server].decisions.count - 1, idem))
            }
            let session = self.sessions[id]
            self.deliver(
                id,
                .decided(
                    node: session.node, run: session.run, session: number, term: term, sentAt: sentAt, idem: idem, committed: delay != nil))
        default: break
        }
        self.answered(id)
    }

    private mutating func executeUnfenced(_ node: Int, _ statement: Statement) {
        guard case .decide(let idem, let epoch, _, _) = statement, self.servers[self.primary].up else { return }
        self.decide(self.nodes[node].server, idem, epoch)
    }

    private mutating func decide(_ server: Int, _ idem: Int, _ epoch: Epoch) {
        self.count(.decision)
        // The transaction bumps the beat's counter.
        self.servers[server].beat += 1
        self.checkDecision(server, epoch)
        self.servers[server].decisions.append(.init(idem: idem, epoch: epoch))
        self.servers[server].committed()
        self.ledger.committed[idem] = FencingToken(timeline: self.servers[server].durable.row.timeline, epoch: epoch)
    }

    // MARK: The lock

    /// The lock goes to who has waited longest, gone or not.
    mutating func grantNext(_ server: Int) {
        guard self.servers[server].holder == nil, let id = self.servers[server].queue.first else { return }
        self.servers[server].queue.removeFirst()
        self.servers[server].holder = id
        if self.sessions[id].fate == .gone { self.count(.ghostGranted) }
        self.schedule(self.pick(50...600), .commitGrant(session: id))
    }

    private mutating func commitGrant(_ id: Int) {
        guard self.sessions[id].fate != .ended, let wish = self.sessions[id].wish else { return }
        let server = self.sessions[id].server
        if let pause = self.freeze(server) { return self.schedule(pause, .commitGrant(session: id)) }
        guard let delay = self.commitDelay(server) else {
            // The message ends here; with it the client gives the session up.
            self.sessions[id].wish = nil
            self.sessions[id].committing = false
            self.reply(id, .sessionClosed(session: self.sessions[id].number, reason: "no space left on device"))
            return self.end(id)
        }
        self.sessions[id].committing = delay > 0
        if delay > 0 { return self.schedule(delay, .commitGrant(session: id)) }
        self.sessions[id].wish = nil
        let session = self.sessions[id]
        let grant = self.writeTerm(id, wish)
        if self.buggify(60) {
            self.count(.commitAnswerLost)
            self.terminate(id)
            return
        }
        self.reply(id, .granted(session: session.number, grant))
        self.answered(id)
    }

    private mutating func writeTerm(_ id: Int, _ wish: Session.Wish) -> Grant {
        let session = self.sessions[id]
        let server = session.server
        let before = self.servers[server].durable
        let epoch = Epoch(max(before.row.epoch.value, wish.known.value, before.lastTerm.value) + 1)
        let timeline = self.visibleTimeline(server)
        let lostLease = timeline > 1 && before.row.timeline != timeline ? wish.timing.longestLease : .zero
        self.servers[server].durable.row = Database.Row(
            epoch: epoch, timeline: timeline, node: session.node, run: session.run, session: id, resigned: false,
            settled: self.bug == .settledAtOnce, lease: max(before.row.lease, wish.timing.lease, lostLease))
        self.servers[server].durable.lastTerm = epoch
        self.servers[server].committed()
        self.note("server \(server): lock and epoch \(epoch.value) to \(self.nodes[session.node].name), session \(id)")
        self.checkGrant(server, FencingToken(timeline: timeline, epoch: epoch), node: session.node, run: session.run, after: before)
        var predecessor: Grant.Predecessor?
        if let node = before.row.node {
            predecessor = .init(
                node: self.nodes[node].name, epoch: before.row.epoch, resigned: before.row.resigned, settled: before.row.settled,
                address: self.nodes[node].name, incarnation: SimulatedNode.incarnation(node, before.row.run), timeline: before.row.timeline)
        }
        return Grant(
            epoch: epoch, timeline: timeline, beat: self.servers[server].beat, earlierLease: before.row.lease, predecessor: predecessor)
    }

    private func visibleTimeline(_ server: Int) -> Int32 {
        self.bug == .epochNotRaisedAboveKnown ? 1 : self.servers[server].timeline
    }

    /// A session has one timer, for what is next of all that it waits for, and wall clocks are compared when that goes off: one that jumped ahead lets
    /// the slice end with the next look after the waiter, and one that was set back lets both come as much later.
    private mutating func armWait(_ id: Int) {
        guard var wish = self.sessions[id].wish else { return }
        let wall = self.now + self.servers[self.sessions[id].server].wallOffset
        if wish.wallCheck <= wall {
            let isFirst = wish.wallCheck == .min
            wish.wallCheck = self.keepalives ? wall + Self.connectionCheck : isFirst ? wall + Self.deadlockTimeout : .max
            self.sessions[id].wish = wish
        }
        let next = min(wish.wallSince + wish.timing.slice.microseconds, wish.wallCheck)
        self.schedule(max(1, next - wall), .sliceEnd(session: id, since: wish.since))
    }

    /// The wait's slice is over, or it was cancelled.
    private mutating func endWait(_ id: Int, since: Int64?) {
        guard self.sessions[id].fate != .ended, let wish = self.sessions[id].wish, since == nil || wish.since == since else { return }
        let server = self.sessions[id].server
        // Once granted, only the commit is waited for.
        guard self.servers[server].holder != id else { return }
        if since != nil, wish.wallSince + wish.timing.slice.microseconds > self.now + self.servers[server].wallOffset { return self.armWait(id) }
        self.sessions[id].wish = nil
        self.servers[server].queue.removeAll { $0 == id }
        if since == nil { self.sessions[id].idle = ElectionMachine.idleWhileHeld.microseconds }
        self.count(.sliceElapsed)
        self.reply(id, .sliceElapsed(session: self.sessions[id].number))
        self.answered(id)
    }

    // MARK: The watch session

    mutating func look(_ index: Int) {
        let node = self.nodes[index]
        let period = node.machine.tenure == nil ? node.machine.timing.beat.microseconds : 1_000_000
        self.schedule(period, .look(node: index, run: node.run))
        if let server = node.watchServer, self.servers[server].up, !self.servers[server].retired,
            max(node.upCutUntil, node.downCutUntil) <= self.now, self.servers[server].frozenUntil <= self.now
        {
            let row = self.servers[server].durable.row
            self.schedule(
                self.latency() + self.latency(),
                .looked(
                    node: index, run: node.run, watchRun: node.watchRun, beat: self.servers[server].beat, epoch: row.epoch,
                    timeline: self.visibleTimeline(server), self.seenHolder(server), sentAt: self.now))
            return
        }
        if node.watchServer != nil, node.watchServer.map({ self.servers[$0].frozenUntil <= self.now }) ?? true {
            self.nodes[index].watchServer = nil
            self.nodes[index].watchRun += 1
            self.feed(index, .watchLost)
        } else if node.watchServer == nil, max(node.upCutUntil, node.downCutUntil) <= self.now {
            self.nodes[index].watchServer = self.chooseServer(index)
        }
    }

    private func seenHolder(_ server: Int) -> Holder? {
        guard let id = self.servers[server].holder else { return nil }
        let session = self.sessions[id]
        return Holder(
            pid: Int32(truncatingIfNeeded: id), backendStart: Int64(id), stateChange: session.idleSince,
            waitEvent: session.statements == 0 ? "ClientRead" : nil)
    }

    private mutating func evict(_ server: Int, _ holder: Holder) {
        guard self.servers[server].up, self.seenHolder(server) == holder else { return }
        self.count(.peerEviction)
        self.note("server \(server): a peer ends the silent session \(holder.pid)")
        self.terminate(Int(holder.pid))
    }
}
