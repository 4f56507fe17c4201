public import Model

/// What a leader knows of its own term: its beats, its lease, its gate.
public struct Tenure: Sendable, Hashable {
    struct Beat: Sendable, Hashable {
        var number: Int
        var sentAt: Instant
    }
    /// Writing down that the gate has opened.
    enum Settlement: Sendable, Hashable { case notYet, due, asked, failed, recorded }

    /// The session that holds the lock.
    public let session: Int
    /// What the database answered when it began.
    public let grant: Grant
    /// When that answer arrived, on this node's boot clock.
    public let grantedAt: Instant
    /// The timers of this term; they don't change during it.
    public let timing: Timing
    /// When this node may act, and by what evidence.
    public internal(set) var gate: Gate
    /// That moment has come.
    public internal(set) var gateOpen = false
    /// When the newest answered beat was sent; nil before the first answer.
    public private(set) var answeredBeatAt: Instant?
    /// How long the newest answered beat took.
    public private(set) var roundTrip: Duration?
    /// When this node first saw the last beat of an earlier leader; nil when it did not see the last one.
    public let predecessorSeenAt: Instant?

    /// Why it resigns, once it does, and who shall lead next, if somebody was named.
    var parting = LossReason.resigned
    var succession: Succession?
    /// In strict mode only.
    var quorum: Quorum?

    /// How long the leader's work may stand still; nil: nobody watches it.
    var workPatience: Duration?
    /// When it got on last, as far as is known, at first when the term began.
    private var workedAt: Instant
    /// When the lease ended that is waited for now; nil while there is one.
    private var haltedAt: Instant?

    var settlement = Settlement.notYet
    /// The leader row says that the gate has opened.
    public var isSettled: Bool { self.settlement == .recorded }
    private var inFlight: Beat?
    private var due: Instant
    private var beats = 0

    init(session: Int, grant: Grant, grantedAt: Instant, timing: Timing, sight: BeatSight, incarnation: String, quorum: Quorum?) {
        self.session = session
        self.grant = grant
        self.grantedAt = grantedAt
        self.workedAt = grantedAt
        self.timing = timing
        // In strict mode no lost term needs to be waited for: its lease ends with the word of a majority, whose promise this one awaits.
        self.gate = Gate(
            grant: grant, grantedAt: grantedAt, ownLease: timing.lease, lostLease: quorum == nil ? timing.longestLease : .zero, sight: sight,
            incarnation: incarnation)
        self.predecessorSeenAt = sight.firstSeen(of: grant.beat, timeline: grant.timeline)
        self.due = grantedAt
        self.quorum = quorum
    }

    /// When the right to act ends; nil before the first answered beat, and in strict mode before a majority has vouched.
    public var leaseUntil: Instant? {
        guard let answered = self.answeredBeatAt else { return nil }
        guard let quorum = self.quorum else { return answered + self.timing.lease }
        return quorum.vouchedAt.map { min($0, answered) + self.timing.lease }
    }
    /// What the lease waits for is the word of a majority: the database has answered more recently.
    public var lacksMajority: Bool {
        guard let quorum = self.quorum, let answered = self.answeredBeatAt else { return false }
        return quorum.vouchedAt.map { $0 < answered } ?? true
    }
    /// When the gate opens by what is known now; the far future while something is missing.
    var gateOpensAt: Instant {
        guard self.answeredBeatAt != nil else { return Instant(nanoseconds: .max) }
        return max(self.gate.opensAt, self.quorum?.promisedAt ?? self.gate.opensAt)
    }
    /// Since when no majority vouches, or from when on none will unless something comes; nil outside strict mode.
    var minoritySince: Instant? { self.quorum.map { ($0.vouchedAt ?? self.grantedAt) + self.timing.lease } }
    /// When an unanswered leader counts as suspended.
    var patienceUntil: Instant { self.leaseUntil ?? self.grantedAt + self.timing.lease }

    func lease(halted: Bool, promised: FencingToken) -> Lease {
        Lease(
            epoch: self.grant.epoch, until: self.leaseUntil, gateOpen: self.gateOpen, halted: halted, token: self.grant.token,
            promised: promised)
    }

    /// Its work got on then.
    mutating func worked(at instant: Instant) { self.workedAt = max(self.workedAt, instant) }
    /// When its work will have stood still for too long; the far future where nobody watches it.
    var stallsAt: Instant { self.workPatience.map { self.workedAt + $0 } ?? Instant(nanoseconds: .max) }

    /// The lease has ended; a process that was stopped meanwhile finds that out late.
    mutating func halt() { self.haltedAt = self.patienceUntil }
    /// There is a lease again. Without one no work gets on: that time does not count.
    mutating func resume(at now: Instant) {
        if let haltedAt { self.workedAt = min(now, self.workedAt + (now - haltedAt)) }
        self.haltedAt = nil
    }

    /// When the next beat is due; the far future while one is in flight (there is never more than one).
    var nextBeatAt: Instant { self.inFlight == nil ? self.due : Instant(nanoseconds: .max) }

    var wakeAt: Instant {
        var wake = min(self.patienceUntil, self.nextBeatAt)
        if !self.gateOpen { wake = min(wake, self.gateOpensAt) }
        return min(wake, self.quorumWake)
    }

    /// When the majority has to be asked again; the far future outside strict mode.
    var quorumWake: Instant {
        guard let quorum = self.quorum else { return Instant(nanoseconds: .max) }
        return quorum.hasPromises ? quorum.nextPing : min(quorum.nextPing, quorum.nextAsk)
    }

    /// Takes note that a beat is sent now.
    mutating func sendBeat(at now: Instant) -> Int {
        self.beats += 1
        self.inFlight = Beat(number: self.beats, sentAt: now)
        return self.beats
    }

    /// The beat in flight was answered; false when it is not the one.
    @discardableResult
    mutating func beatAnswered(_ number: Int, at now: Instant) -> Bool {
        guard let beat = self.inFlight, beat.number == number else { return false }
        self.inFlight = nil
        self.roundTrip = now - beat.sentAt
        self.answered(sentAt: beat.sentAt)
        return true
    }

    /// A statement that bumps the beat counter in passing was sent then, and has been answered.
    mutating func beatConfirmed(sentAt: Instant, at now: Instant) {
        guard sentAt <= now, sentAt >= self.grantedAt else { return }
        self.answered(sentAt: sentAt)
    }

    private mutating func answered(sentAt: Instant) {
        if self.settlement == .failed { self.settlement = .due }
        self.answeredBeatAt = max(sentAt, self.answeredBeatAt ?? sentAt)
        self.due = max(self.due, sentAt + self.timing.beat)
    }

    mutating func beatFailed(_ number: Int, at now: Instant) {
        guard let beat = self.inFlight, beat.number == number else { return }
        self.inFlight = nil
        self.due = now + self.timing.beat
    }
}
