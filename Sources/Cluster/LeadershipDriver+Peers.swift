import Election
import Logging
import Membership
import Model
import Postgres
import Supervision

/// What peers are asked and told, and what they ask and tell.
extension LeadershipDriver {
    /// Between two questions to the last leader, at first and in the end.
    static let fenceRetry = Duration.milliseconds(20)
    static let longestFenceRetry = Duration.milliseconds(200)
    /// Between two questions to the last leader's supervisor, which may be about to wait for it …
    static let supervisorRetry = Duration.milliseconds(10)
    /// … and how many there are at most: one that has not waited for it within seconds won't soon.
    static let supervisorQuestions = 300

    private func post(_ body: PeerMessage.Body, to node: String, request: UInt64 = 0) {
        self.configuration.peers?.post(body, node, request)
    }

    private var others: [String] { self.configuration.peers?.others() ?? [] }

    // MARK: - Effects

    func askFence(_ predecessor: Grant.Predecessor, _ token: FencingToken) {
        if predecessor.node == self.configuration.node { return self.start { $0.vouchForDirectory(predecessor, token) } }
        self.start { await $0.keepAsking(predecessor, token) }
        self.start { await $0.keepAskingSupervisor(predecessor, token) }
    }

    /// The last leader ran on this node: the lock of the directory tells of its end, as it would tell others.
    private func vouchForDirectory(_ predecessor: Grant.Predecessor, _ token: FencingToken) {
        guard predecessor.incarnation == self.lastIncarnation else { return }
        self.handle(.fenceAnswered(by: predecessor.node, incarnation: predecessor.incarnation, token: token, .dead))
    }

    private func keepAskingSupervisor(_ predecessor: Grant.Predecessor, _ token: FencingToken) async {
        for _ in 0..<Self.supervisorQuestions where self.isWaiting(for: predecessor, token) {
            let request = self.questions.ask(predecessor.node, token, at: BootClock.now())
            self.configuration.peers?.askSupervisor(.fence(token: token, leader: predecessor.incarnation), predecessor.node, request)
            await self.thread.sleep(until: BootClock.now() + Self.supervisorRetry, slot: .supervisor)
        }
    }

    /// Until the gate is open: the connection to that node may just have broken, and be made anew for this.
    private func keepAsking(_ predecessor: Grant.Predecessor, _ token: FencingToken) async {
        var pause = Self.fenceRetry
        while self.isWaiting(for: predecessor, token) {
            let request = self.questions.ask(predecessor.node, token, at: BootClock.now())
            self.post(.fence(token: token, leader: predecessor.incarnation), to: predecessor.node, request: request)
            await self.thread.sleep(until: BootClock.now() + pause, slot: .fence)
            pause = min(pause * 2, Self.longestFenceRetry)
        }
    }

    private func isWaiting(for predecessor: Grant.Predecessor, _ token: FencingToken) -> Bool {
        guard !self.isFinished, let tenure = self.machine.tenure, !tenure.gateOpen else { return false }
        return tenure.grant.token == token && tenure.grant.predecessor == predecessor
    }

    /// Counts only when it was asked for after the grant: before it, the last leader's process may not have been there yet.
    func nobodyListens(at node: String, dialledAt: Instant) {
        guard self.configuration.trustsRefusal, let tenure = self.machine.tenure, dialledAt >= tenure.grantedAt,
            let predecessor = tenure.grant.predecessor, predecessor.node == node
        else { return }
        let grant = tenure.grant
        self.handle(.fenceAnswered(by: node, incarnation: predecessor.incarnation, token: grant.token, .nobodyListens))
    }

    /// Whoever waits for the lock can get ready meanwhile. Nobody answers.
    func announceHandOver() {
        for node in self.others { self.post(.handingOver, to: node) }
    }

    /// That node is not to be reached, or says that it gives the lock up. Who gets ready is who is next: what the others did meanwhile would only keep the
    /// database from passing the lock on.
    func parted(from node: String) async {
        // Who is not next by its last look may be so since: the queue turns whenever somebody's slice is over.
        if !self.isNext(after: node), self.isWaiting(for: node), let watch = self.watch { _ = await self.look(watch) }
        if self.isNext(after: node) { self.events.yield(.mayBeElected) }
    }

    /// This node waits for the lock that the other one has.
    private func isWaiting(for node: String) -> Bool {
        if case .campaigning = self.machine.state { self.seen?.node == node } else { false }
    }

    /// … and is the first of those who wait, as of the last look.
    private func isNext(after node: String) -> Bool {
        guard self.isWaiting(for: node), let next = self.nextWaiter, let lock = self.lock else { return false }
        return next == lock.connection.assumeIsolated { $0.backendPID }
    }

    /// Everybody is asked; only those whom a message can reach are waited for. After the term nobody is.
    func askHoldOff(_ duration: Duration, except successor: String) {
        let tenure = self.machine.tenure
        for node in self.others where node != successor {
            let request = tenure.map { self.questions.ask(node, $0.grant.token, at: BootClock.now()) } ?? 0
            self.post(.holdOff(milliseconds: duration.milliseconds), to: node, request: request)
        }
        guard let session = tenure?.session else { return }
        let asked = (self.configuration.peers?.reachable() ?? []).filter { $0 != successor }
        self.start { $0.handle(.holdOffAsked(session: session, of: asked)) }
    }

    func confirmHoldOff(_ node: String, _ request: Int) { self.post(.heldOff(requestID: UInt64(clamping: request)), to: node) }

    func askPromises(_ token: FencingToken) {
        for node in self.others {
            self.post(.fence(token: token, leader: ""), to: node, request: self.questions.ask(node, token, at: BootClock.now()))
        }
    }

    func askAcknowledgements(_ token: FencingToken, _ lease: Duration) {
        for node in self.others {
            let request = self.questions.ask(node, token, at: BootClock.now())
            self.post(.vouch(token: token, leaseMilliseconds: lease.milliseconds), to: node, request: request)
        }
    }

    /// On this thread, beats or not: nothing that relies on the promise may be said before it is on the disk.
    func record(promise token: FencingToken) {
        // A disk that takes its time is no frozen process.
        self.configuration.pulse?.say(.busy)
        defer { self.configuration.pulse?.say(.beat) }
        do throws(Refusal) {
            try self.promiseFile.write(token.value)
        } catch {
            self.promiseIsLost = true
            self.note(problem: error.words)
            self.logger.error("a promise to another leader could not be kept on this node's disk", metadata: ["problem": "\(error.words)"])
        }
    }

    /// This node's own vote counts for nothing when it may be forgotten: it leads no longer, and tries again with the next session.
    func giveUpIfPromiseIsLost() {
        guard self.promiseIsLost else { return }
        self.promiseIsLost = false
        guard self.machine.tenure != nil, let session = self.machine.session else { return }
        self.handle(.sessionClosed(session: session, reason: "the promise of this term could not be kept on this node's disk"))
    }

    func promise(_ node: String, _ request: Int, _ promised: FencingToken) {
        guard !self.promiseIsLost else { return }
        self.post(
            .promise(requestID: UInt64(clamping: request), token: promised, incarnation: self.incarnation, verdict: .never), to: node,
            request: UInt64(clamping: request))
    }

    func acknowledge(_ node: String, _ request: Int, _ promised: FencingToken) {
        guard !self.promiseIsLost, let token = self.vouchedFor[node] else { return }
        self.post(.vouched(requestID: UInt64(clamping: request), token: token, promised: promised), to: node)
    }

    // MARK: - Events

    /// An authenticated member's message.
    func received(_ message: PeerMessage) async {
        guard self.takesPart else { return }
        let now = BootClock.now()
        switch message.body {
        case .fence(let token, let leader):
            await self.fenceAsked(token, leader, message)
        case .promise(let request, let token, let incarnation, let verdict):
            guard let question = self.questions.answered(request, by: message.from) else { return }
            switch verdict {
            case .never:
                self.handle(.fenceAnswered(by: message.from, incarnation: incarnation, token: question.token, .promised(token)))
            case .dead: self.handle(.fenceAnswered(by: message.from, incarnation: incarnation, token: question.token, .dead))
            case .refused(let why):
                self.logger.notice("a node did not promise to respect this leader", metadata: ["peer": "\(message.from)", "why": "\(why)"])
            }
        case .holdOff(let milliseconds):
            self.handle(
                .holdOff(
                    .milliseconds(milliseconds), from: message.from, request: message.requestID == 0 ? nil : Int(clamping: message.requestID)))
        case .heldOff(let request):
            guard let question = self.questions.answered(request, by: message.from) else { return }
            self.handle(.heldOff(by: message.from, token: question.token))
        case .vouch(let token, let lease):
            guard await self.isPlausible(token) else { return }
            self.vouchedFor[message.from] = token
            self.handle(
                .leaderPinged(from: message.from, token: token, lease: .milliseconds(lease), request: Int(clamping: message.requestID)))
        case .vouched(let request, let token, let promised):
            guard let question = self.questions.answered(request, by: message.from), question.token == token, question.sentAt <= now else { return }
            self.handle(.acknowledged(by: message.from, token: token, promised: promised, sentAt: question.sentAt))
        case .handingOver: await self.parted(from: message.from)
        case .ping, .ack, .pingRequest, .indirectAck, .fitness, .leaving, .unknown: break
        }
    }

    private func fenceAsked(_ token: FencingToken, _ leader: String, _ message: PeerMessage) async {
        func answer(_ verdict: PeerMessage.Verdict) {
            self.post(.promise(requestID: message.requestID, token: token, incarnation: leader, verdict: verdict), to: message.from)
        }
        if !leader.isEmpty, leader == self.lastIncarnation { return answer(.dead) }
        guard leader.isEmpty || leader == self.incarnation else {
            return answer(.refused("that process is neither this one nor the one before it"))
        }
        guard await self.isPlausible(token) else { return answer(.refused("the leader row knows no such leader")) }
        self.handle(.fenceAsked(token: token, from: message.from, request: Int(clamping: message.requestID)))
    }

    /// Whether the leader row allows for that token. A node that went mad must not stop every leader of the future with a number: while the
    /// database answers, its word counts. When it doesn't, a promise takes nothing that the lease has not taken.
    private func isPlausible(_ token: FencingToken) async -> Bool {
        if token <= self.rowToken { return true }
        guard let watch = self.watch, self.facts != nil, await self.look(watch) else { return true }
        return token <= self.rowToken
    }
}
