public import Model

/// One node's knowledge of the health of its peers, as a value: events in, effects out, time as an argument.
///
/// Three to nine nodes in a full mesh, one link a pair. Each node judges each other by itself (SWIM without gossip):
/// ```
/// unknown → alive ⇄ degraded      a ping in 500 ms; no ack in time or the link gone ⇒ two others are asked to ping, and a fresh dial
///            ⇅ ↘                   nobody reaches it ⇒
///            ⇅  suspect → failed   1500 ms, down to 500 ms with independent confirmations
///           left                   it said so
/// ```
/// Two that hear each other ask in turns. A ping over the link in use shows that its sender lives and that its words arrive, so the next ping is due
/// from who heard it, one turn (450 or 475 ms, less the round trip) later, and one ping and ack in that time serve both. What a node asks itself
/// shows one thing more, that its own words arrive; it asks it once in two intervals at least. So a cut of one direction is found
/// - by who hears no more: it asks within an interval of the last ping, and gets no ack: after 0.7 s;
/// - by who goes on hearing: its own next question comes within two intervals of its last, and gets no ack: after 1.2 s.
///
/// Both then ask as often as without turns, and others are asked to ping: `viaOthers`, or with nobody to ask `inboundOnly` for who hears. A peer that
/// knows no turns asks every 500 ms, and is asked after each.
///
/// Turns that are due soon (`company`) are taken with a ping that is due, so that the nodes fall into step: what a node asks and answers comes a few
/// times a second together, since a wake-up of an idle processor costs more than a ping.
///
/// Invariants.
/// 1. A peer fails only after a suspicion of at least `shortestSuspicion`, in which neither it nor a helper was heard.
/// 2. Evidence comes before judgement: an event is applied before what the clock says is due.
/// 3. Time in which this node was away is held against nobody: after an absence pending probes are void, suspicions begin anew, and this
///    node's local health worsens, which makes it wait longer (Lifeguard).
/// 4. A message acts once: process and number rise (`ReplayGuard`), and answers answer something asked.
/// 5. A node that hears itself suspected raises its incarnation and tells all; suspicions of earlier incarnations confirm nothing.
/// 6. Each peer is asked within `probeInterval` of the last ping that went either way over the link in use, and by this node within
///    `MembershipLimits.unaskedIntervals` of its own last: turns delay no suspicion.
///
/// Health never elects: leadership is the database's. It knows no sockets and no certificates, and believes the shell's word for who is at the
/// other end of a link.
public struct MembershipMachine: Sendable {
    /// This node's name in the membership table.
    public let node: String
    /// The UUID of this process; what it says is told by it from the words of an earlier one.
    public let bootID: String
    /// The timers, which don't change while the machine lives.
    public let timing: MembershipTiming

    /// When to send `timer` at the latest, if nothing else happens before; nil: never.
    public internal(set) var wakeAt: Instant?
    /// This node's own, as SWIM has it: raised to refute a suspicion.
    public internal(set) var incarnation: UInt64
    /// Lifeguard's local health multiplier, 0 (well)...8: timeouts are `1 + localHealth` times as long.
    public internal(set) var localHealth = 0

    /// Sorted by name.
    var peers: [PeerRecord] = []
    var facts: NodeFacts
    var generator: SplitMix64
    var sequence: UInt64 = 0
    var leaving = false
    var isolated = false
    /// Nobody is judged before this.
    var settledAt: Instant
    /// Suspicions or the incarnation changed: all are to hear of it.
    var announcePending = false
    var announcedAt: Instant
    var ownNameHeard: UInt64 = 0
    var absences: UInt64 = 0
    var refusals: [MessageRefusal: UInt64] = [:]

    // Of the event at hand.
    var now: Instant
    var wall = WallTime(microseconds: 0)
    var effects: [MembershipEffect] = []

    /// - Parameters:
    ///   - bootID: a UUID made when the process started.
    ///   - incarnation: where to begin: wall time in microseconds will do. One that lies below that of an earlier process is raised as soon as a
    ///     suspicion of it is heard.
    ///   - seed: of helpers, jitter and request numbers; differs from process to process.
    public init(
        node: String, bootID: String, incarnation: UInt64, facts: NodeFacts, seed: UInt64, at now: Instant,
        timing: MembershipTiming = .standard
    ) {
        self.node = node
        self.bootID = bootID
        self.incarnation = min(incarnation, UInt64(Int64.max / 2))
        self.facts = facts
        self.timing = timing
        self.generator = SplitMix64(seed: seed)
        self.settledAt = now
        self.announcedAt = now
        self.now = now
    }

    /// Takes the event in, then does what is due by now. Effects are to be performed in order.
    ///
    /// - Parameter wall: this node's wall clock at the same moment; it only serves to compare clocks.
    public mutating func handle(_ event: MembershipEvent, at now: Instant, wall: WallTime) -> [MembershipEffect] {
        self.now = max(self.now, now)
        self.wall = wall
        self.noticeAbsence()
        self.apply(event)
        self.advance()
        self.wakeAt = self.nextWake()
        defer { self.effects = [] }
        return self.effects
    }

    private mutating func apply(_ event: MembershipEvent) {
        switch event {
        case .members(let members): self.update(members: members)
        case .linkOpened(let peer, let link, let dialled): self.linkOpened(peer: peer, link: link, dialled: dialled)
        case .linkClosed(let link, let end): self.linkClosed(link, end)
        case .dialFailed(let peer, let end): self.dialFailed(peer: peer, end)
        case .received(let message, let link): self.received(message, link: link)
        case .facts(let facts): self.facts = facts
        case .post(let peer, let body, let request): self.post(body, to: peer, requestID: request)
        case .leave: self.leave()
        case .timer: break
        }
    }

    /// A wake-up that comes far too late: this process was stopped, starved, or its machine was.
    private mutating func noticeAbsence() {
        guard let wakeAt, self.now - wakeAt > MembershipLimits.lateness else { return }
        let absence = self.now - wakeAt
        self.absences += 1
        // One for being late, one more for each whole second.
        self.worsen(by: 1 + Int(min(Int64(MembershipLimits.localHealth), absence.milliseconds / 1000)))
        self.settledAt = self.now + min(absence, MembershipLimits.longestSettling)
        for index in self.peers.indices {
            self.peers[index].unansweredSince = nil
            self.peers[index].round = nil
            self.peers[index].requests.removeAll { if case .relay = $0.purpose { true } else { false } }
            self.peers[index].nextProbeAt = self.now
            if case .inProgress = self.peers[index].dial { self.peers[index].dial = .inProgress(until: self.now + self.timing.dialLimit) }
            if self.peers[index].suspicion != nil {
                self.peers[index].suspicion = Suspicion(start: self.settledAt, incarnation: self.peers[index].incarnation, dialRefused: false)
            }
        }
    }

    mutating func worsen(by amount: Int) { self.localHealth = min(MembershipLimits.localHealth, self.localHealth + amount) }
    mutating func recover() { self.localHealth = max(0, self.localHealth - 1) }

    /// This node and its peers.
    var memberCount: Int { self.peers.count + 1 }

    func index(of name: String) -> Int? {
        // At most 64, and names differ early.
        self.peers.indices.first { self.peers[$0].name == name }
    }

    /// How long to wait for an ack of the peer.
    func timeout(of index: Int) -> Duration {
        // In whole nanoseconds: it is asked for several times a message and peer, and a duration's 128 bits would be most of that.
        let smoothed = self.peers[index].clock.smoothed ?? 0
        return .nanoseconds(max(self.timing.leastTimeout.nanoseconds, smoothed * 4) * Int64(1 + self.localHealth))
    }

    // MARK: Members

    private mutating func update(members: [Member]) {
        var others: [Member] = []
        for member in members.sorted(by: { $0.name < $1.name }) where member.name != self.node && others.last?.name != member.name {
            others.append(member)
        }
        if others.count >= MembershipLimits.members {
            self.effects.append(.alarm(.tooManyMembers(count: others.count + 1)))
            others.removeLast(others.count - (MembershipLimits.members - 1))
        }
        var updated: [PeerRecord] = []
        for member in others {
            if let known = self.index(of: member.name) {
                self.peers[known].address = member.address
                updated.append(self.peers[known])
            } else {
                // Spread over the interval: nodes that start at the same moment don't ask at the same moment.
                let phase = Duration.nanoseconds(Int64(self.generator.next() % UInt64(max(1, self.timing.probeInterval.nanoseconds))))
                updated.append(PeerRecord(name: member.name, address: member.address, at: self.now, firstProbe: self.now + phase))
            }
        }
        for peer in self.peers where !updated.contains(where: { $0.name == peer.name }) {
            for link in peer.links { self.effects.append(.hangUp(link: link.number, .notAMember)) }
        }
        self.peers = updated
    }

    private mutating func leave() {
        guard !self.leaving else { return }
        for index in self.peers.indices {
            if self.peers[index].sendingLink != nil { self.send(.leaving, to: index) }
            for link in self.peers[index].links { self.effects.append(.hangUp(link: link.number, .leaving)) }
            self.peers[index].links = []
            self.peers[index].current = nil
        }
        self.leaving = true
    }
}
