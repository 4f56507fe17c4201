import Election
import Model

/// What must hold after every step.
///
/// 1. Tokens of one database rise with every term, and no token is granted twice, failovers included.
/// 2. No decision of an epoch is committed after a later epoch's term.
/// 3. A token belongs to one process.
/// 4. No right to act, and no act, of a token after the first of a higher one. Outside strict mode: unless the higher one's
///    database was promoted while the lower one's lived on; that window is counted, and holds for 6 as well.
/// 5. An act lies within the lease, counted from the sending of an answered beat; after the commit of its decision; not after
///    the end of its term; not below a promise that the process has given.
/// 6. A target that was touched with a token takes no conditional write of a lower one.
/// 7. In strict mode no node vouches for a token below one that it, or an earlier process of it, has promised.
/// 8. Acknowledged decisions are still there at the end, except those after the fork of a lost timeline.
/// 9. Whoever confirms that it is not in the lock's queue is not in it, with the session that it uses.
/// 10. A leader whose work has stood still for longer than its patience gives the lock up; the time without a lease does not count.
/// 11. A leader resigns as stalled only if its work stands still, and has done so for as long as that.
extension Simulation {
    /// A leader finds with a beat or a timer that its patience is over.
    static let patienceSlack = Duration.seconds(1)
    /// A round of the work was as far back when it came to stand still, a clock runs at its own rate, and the term ends after a drain of 2 s.
    static let blameSlack = Duration.seconds(4)

    mutating func violated(_ words: String) {
        self.note("VIOLATED: \(words)")
        self.ledger.violations.append("\(words), at \(self.now) µs")
    }

    /// Whether a lower token may act beside a higher one: the documented window.
    private func isWindow(_ lower: FencingToken, _ higher: FencingToken) -> Bool {
        guard !self.strict, lower.timelineOfToken < higher.timelineOfToken else { return false }
        return self.servers.contains { $0.timeline == lower.timelineOfToken && $0.outlived }
    }

    mutating func checkLeaders() {
        var left = self.leading
        while left != 0 {
            let node = left.trailingZeroBitCount
            left &= left - 1
            self.checkWork(node)
            guard self.nodes[node].pausedUntil <= self.now, let lease = self.nodes[node].machine.lease,
                lease.mayAct(at: self.clock(node), sendBudget: .zero)
            else { continue }
            if lease.token < self.ledger.highestActing {
                if self.isWindow(lease.token, self.ledger.highestActing) {
                    self.count(.olderTokenWindow)
                } else {
                    self.violated("\(self.nodes[node].name) may act with \(lease.token.words) after \(self.ledger.highestActing.words) could")
                }
            }
            self.ledger.highestActing = max(self.ledger.highestActing, lease.token)
        }
    }

    private mutating func checkWork(_ node: Int) {
        guard self.nodes[node].pausedUntil + Self.patienceSlack.microseconds <= self.now, let work = self.nodes[node].work else { return }
        // What ended a lease for want of a majority is known no better than to a lease.
        let still = self.clock(node) - work.gotOnAt
        guard still > work.patience + work.lease + Self.patienceSlack else { return }
        self.violated("\(self.nodes[node].name) keeps the lock with \(work.token.words), and its work has stood still for \(still.text)")
    }

    mutating func checkBlame(_ node: Int) {
        guard let work = self.nodes[node].work else { return }
        let stalled = Duration.microseconds(max(0, min(self.now, self.nodes[node].stalledUntil) - self.nodes[node].stalledFrom))
        let still = min(stalled, self.clock(node) - work.gotOnAt)
        guard still < work.patience - Self.blameSlack else { return }
        self.violated("\(self.nodes[node].name) resigned with \(work.token.words) as stalled, and its work had stood still for \(still.text)")
    }

    mutating func checkGrant(_ server: Int, _ token: FencingToken, node: Int, run: Int, after before: Database.Durable) {
        if before.row.node != nil, token <= FencingToken(timeline: before.row.timeline, epoch: before.lastTerm) {
            self.violated("\(token.words) was granted after epoch \(before.lastTerm.value) of timeline \(before.row.timeline)")
        }
        let owner = Record.Owner(node: node, run: run)
        if let other = self.ledger.owners.updateValue(owner, forKey: token) {
            self.violated("\(token.words) was granted twice: to \(self.nodes[other.node].name) and to \(self.nodes[node].name)")
        }
    }

    mutating func checkAbsence(_ node: Int) {
        guard let number = self.nodes[node].machine.session, let session = self.nodes[node].sessions[number] else { return }
        if self.servers.contains(where: { $0.queue.contains(session) }) {
            self.violated("\(self.nodes[node].name) confirmed that it is out of the lock's queue and waits in it")
        }
    }

    mutating func checkDecision(_ server: Int, _ epoch: Epoch) {
        let last = self.servers[server].durable.lastTerm
        if epoch != last { self.violated("a decision of epoch \(epoch.value) was committed in epoch \(last.value)") }
    }

    mutating func checkEffect(_ node: Int, _ work: SimulatedNode.Work, idem: Int) {
        self.count(.effect)
        self.ledger.effects += 1
        self.ledger.newestEffectAt = self.now
        let who = "\(self.nodes[node].name) acted with \(work.token.words)"
        if work.lost { self.violated("\(who) after its term was lost") }
        let now = self.clock(node)
        if let sentAt = work.answeredBeat {
            if now >= sentAt + work.lease { self.violated("\(who) outside its lease, \((now - sentAt).text) after its newest answered beat") }
        } else {
            self.violated("\(who) before any beat was answered")
        }
        if self.nodes[node].promisedAloud > work.token { self.violated("\(who) after promising \(self.nodes[node].promisedAloud.words)") }
        if self.ledger.committed[idem] != work.token { self.violated("\(who) without a committed decision of that token") }
        if self.ledger.owners[work.token] != Record.Owner(node: node, run: self.nodes[node].run) {
            self.violated("\(who), which is another process's")
        }
        if work.token < self.ledger.highestEffect, !self.isWindow(work.token, self.ledger.highestEffect) {
            self.violated("\(who) after an act of \(self.ledger.highestEffect.words)")
        }
        self.ledger.highestEffect = max(self.ledger.highestEffect, work.token)
    }

    mutating func checkVouching(_ node: Int, _ token: FencingToken) {
        let promised = self.nodes[node].everPromised
        if token < promised { self.violated("\(self.nodes[node].name) vouched for \(token.words) after promising \(promised.words)") }
    }

    mutating func checkWrite(_ target: Int, _ token: FencingToken) {
        guard token < self.targets[target].touched, !self.isWindow(token, self.targets[target].touched) else { return }
        self.violated("target \(target) took a write of \(token.words) after \(self.targets[target].touched.words) had touched it")
    }

    /// At the end: what was acknowledged is there.
    mutating func checkAcknowledged() {
        for (server, position, idem) in self.ledger.acknowledged {
            // Up to the fork a decision went over to the successor of its database, and so on.
            var at = server
            while let fork = self.ledger.forks[at], position < fork { at += 1 }
            if self.ledger.forks[at] != nil { continue }
            let decisions = self.servers[at].decisions
            if position >= decisions.count || decisions[position].idem != idem {
                self.violated("the acknowledged decision \(idem) of database \(server) is gone")
                return
            }
        }
    }
}

extension FencingToken {
    var timelineOfToken: Int32 { Int32(truncatingIfNeeded: self.value >> Self.epochBits) }
    var words: String { "token \(self.timelineOfToken)/\(self.value & ((Int64(1) << Self.epochBits) - 1))" }
}
