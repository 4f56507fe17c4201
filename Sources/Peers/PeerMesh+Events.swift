import TLS
import Synchronization
import Logging
import Membership
import Model
import NIOCore

/// Events to the machine, effects to the world.
extension PeerMesh {
    /// Takes what other threads left.
    func readMailbox() {
        let content = self.mailbox.withLock { $0.take() }
        guard !self.isStopping else {
            for post in content.posts { self.tellUnsent(post.to, post.body, post.requestID) }
            return self.publish()
        }
        if content.dropped > 0 {
            self.tally.dropped += content.dropped
            self.logger.warning(
                "messages to other nodes were dropped: more waited than are held", metadata: ["dropped": "\(content.dropped)", "held": "\(PeerLimits.mailbox)"])
        }
        if let members = content.members {
            let names = Set(members.map(\.name))
            // Before the machine dials: the other side may answer at once.
            self.published.withLock { $0.members = names }
            self.handle(.members(members))
            self.letInMembers()
        }
        if let facts = content.facts {
            self.facts = facts
            self.tellFacts()
        }
        for post in content.posts { self.handle(.post(to: post.to, post.body, requestID: post.requestID)) }
        self.publish()
    }

    /// This node's facts to the machine, when they are not what it was told last.
    func tellFacts() {
        var facts = self.facts
        facts.loopLagMilliseconds = self.tally.loopLagMilliseconds
        facts.certificateNotAfter = self.identity.facts.notAfter
        guard facts != self.toldFacts else { return }
        self.toldFacts = facts
        self.handle(.facts(facts))
    }

    /// Gives the event to the machine and performs what it asks for; an event that comes up meanwhile follows.
    func handle(_ event: MembershipEvent) {
        self.events.append(event)
        guard !self.isHandling else { return }
        self.isHandling = true
        var next = 0
        while next < self.events.count {
            let event = self.events[next]
            next += 1
            let (effects, wakeAt) = self.published.withLock {
                ($0.machine.handle(event, at: BootClock.now(), wall: BootClock.wall()), $0.machine.wakeAt)
            }
            self.wakeAt = wakeAt
            for effect in effects { self.perform(effect) }
        }
        self.events.removeAll(keepingCapacity: true)
        self.isHandling = false
        self.publish()
        self.schedule()
    }

    func publish() {
        self.published.withLock { $0.counters = self.tally }
    }

    private func perform(_ effect: MembershipEffect) {
        switch effect {
        case .dial(let peer, let address): self.dial(peer, address, .dialled(peer))
        case .hangUp(let link, let why): self.hangUp(link, why)
        case .send(let link, let message): self.send(message, over: link)
        case .changed(let peer, let from, let to, let why): self.tellChange(peer, from, to, why)
        case .restarted(let peer, let bootID):
            self.logger.notice("a node is another process than before", metadata: ["peer": "\(peer)", "process": "\(bootID)"])
            self.deliver(.restarted(peer: peer, bootID: bootID))
        case .deliver(let message): self.deliver(.message(message))
        case .nobodyListens(let peer, let dialledAt): self.deliver(.nobodyListens(peer: peer, dialledAt: dialledAt))
        case .linkLost(let peer): self.deliver(.linkLost(peer: peer))
        case .unsent(let to, let body, let requestID): self.tellUnsent(to, body, requestID)
        case .refused(let peer, let reason):
            self.logger.debug("a message had no effect", metadata: ["peer": "\(peer)", "reason": "\(reason)"])
        case .isolated(let isolated): self.tellIsolation(isolated)
        case .alarm(.identityClone(let node)): self.raise(.identityClone(node: node))
        case .alarm(.tooManyMembers(let count)): self.raise(.tooManyMembers(count: count))
        }
    }

    // MARK: Telling

    private func tellChange(_ peer: String, _ from: PeerState, _ to: PeerState, _ why: String) {
        let level: Logger.Level =
            switch to {
            case .failed, .degraded: .warning
            case .unknown, .alive, .suspect, .left: .notice
            }
        self.logger.log(level: level, "a node is \(to.rawValue)", metadata: ["peer": "\(peer)", "before": "\(from.rawValue)", "why": "\(why)"])
        self.deliver(.changed(peer: peer, from: from, to: to, why: why))
    }

    private func tellIsolation(_ isolated: Bool) {
        if isolated {
            self.logger.warning("this node reaches fewer than half of the others: look at its network and at theirs")
        } else {
            self.logger.notice("this node reaches a majority of the cluster")
        }
        self.deliver(.isolated(isolated))
    }

    private func tellUnsent(_ to: String, _ body: PeerMessage.Body, _ requestID: UInt64) {
        self.tally.unsent += 1
        self.deliver(.unsent(to: to, body: body, requestID: requestID))
    }

    func raise(_ alarm: PeerAlarm) {
        // A clone talks twice a second for as long as it lives; the owner hears of each, the log once a minute.
        if case .identityClone = alarm {
            if let times = self.gate.pass(.ownName, at: BootClock.now()) {
                self.logger.error("\(alarm)", metadata: times > 0 ? ["times since then": "\(times)"] : [:])
            }
        } else {
            self.logger.error("\(alarm)")
        }
        self.deliver(.alarm(alarm))
    }

    /// Counts it, and logs one line a reason and minute.
    func count(_ fault: PeerFault, _ text: String, from label: String) {
        self.tally.faults[fault, default: 0] += 1
        guard let suppressed = self.gate.pass(fault, at: BootClock.now()) else { return }
        var metadata: Logger.Metadata = ["peer": "\(label)", "reason": "\(fault.rawValue)", "why": "\(text)"]
        if suppressed > 0 { metadata["more since the last such line"] = "\(suppressed)" }
        self.logger.notice("a connection between nodes was refused or given up", metadata: metadata)
    }

    // MARK: The machine's timer

    /// One timer for all that is due. One that is set too early stays: when it fires there is nothing to do but to set it again, which costs less than
    /// setting it anew with each message.
    private func schedule() {
        guard !self.isStopping, let wakeAt = self.wakeAt else {
            self.timer?.task.cancel()
            self.timer = nil
            return
        }
        if let timer, timer.at <= wakeAt { return }
        self.timer?.task.cancel()
        let wait = max(PeerLimits.shortestTimer, wakeAt - BootClock.now())
        let task = self.loop.scheduleTask(in: .nanoseconds(wait.nanoseconds)) { self.assumeIsolated { $0.timerFired() } }
        self.timer = (task, wakeAt)
    }

    private func timerFired() {
        guard let timer else { return }
        self.timer = nil
        let now = BootClock.now()
        self.lag.note((now - timer.at).milliseconds)
        guard let wakeAt = self.wakeAt, wakeAt <= now else { return self.schedule() }
        self.handle(.timer)
    }
}
