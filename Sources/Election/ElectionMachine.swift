public import Model

/// One node's side of the election of one shard's leader, as a value: events in, effects out, time as an argument.
///
/// States (a session is one connection that waits for or holds the lock):
/// ```
/// idle → connecting → checking → campaigning → leading ⇄ suspended
///            ↑            │           │           │  ↘       │
///            └── backingOff ←─────────┴───────────┴─ resigning (draining → handing over)
/// campaigning ⇄ held (asked to let another node lead next)
/// any → refused (for good) · any → stopped (after shutdown)
/// ```
/// Invariants.
/// 1. The lease ends a Tself after the *sending* of the newest answered beat; nothing else extends it.
/// 2. Only a beat in flight on the current session can extend it: answers of older sessions are ignored.
/// 3. The gate opens once no earlier leader's lease can be running (`Gate`).
/// 4. `stopLeading` precedes every effect that lets another node have the lock: `resign`, `closeSession`, `connect`.
/// 5. The known epoch never falls, and each grant lies above it.
/// 6. The promised token never falls; a leader below it has lost before the promise is given (`Acceptor`).
/// 7. In strict mode a leader acts only while a majority vouches for it, after a majority's promise (`Quorum`).
///
/// It knows no SQL and no sockets, and does not choose a leader: the lock and the epoch do.
public struct ElectionMachine: Sendable {
    /// Where the election of this node stands; `session` numbers its connections, `until` is when it gives up waiting.
    public enum State: Sendable, Hashable {
        case idle
        case connecting(session: Int, until: Instant)
        case checking(session: Int, until: Instant)
        /// With the timers that the campaign asked for and recorded: those of the term, if it is granted.
        case campaigning(session: Int, until: Instant, timing: Timing)
        /// Asked to hold off: connected, but not waiting for the lock.
        case held(session: Int, until: Instant)
        case leading(Tenure)
        /// No answer within the lease. The lock can't move while the session lives, so the term goes on without acts.
        case suspended(Tenure, since: Instant)
        case resigning(Tenure, Handover)
        case backingOff(until: Instant)
        case refused(Refusal)
        case stopped
    }

    /// The two steps of giving up.
    public enum Handover: Sendable, Hashable {
        /// Waits for what is in flight to end.
        case draining(until: Instant)
        /// Waits for the database to say that the lock is free.
        case handingOver(until: Instant)
    }

    /// It changes in ``handle(_:at:)`` alone.
    public internal(set) var state = State.idle
    /// The highest epoch heard of.
    public internal(set) var knownEpoch: Epoch
    /// The timers as configured.
    public let configured: Timing

    /// The highest token heard of.
    public internal(set) var knownToken = FencingToken.zero
    /// Nil: strict mode is off.
    public let strict: StrictMode?

    var acceptor: Acceptor
    var holderWatch = HolderWatch()
    /// This process; empty when it has no name.
    let incarnation: String
    var heldUntil = Instant(nanoseconds: .min)
    var unfitSince: Instant?
    /// A leader resigns when its work has not got on for so long; nil: nobody watches it.
    let workPatience: Duration?
    /// The node that can do a leader's work instead, while this one can't.
    var fitter: String?
    /// The session whose wait has been cancelled, and who is told when that has come to its end.
    var withdrawn: Int?
    var holdOffRequests: [HoldOffRequest] = []
    var sight = BeatSight()
    var changes = ChangeRate()
    var sessions = 0
    /// Attempts in a row that did not get as far as waiting for the lock.
    var failures = 0
    /// The checks have passed once.
    var accepted = false
    var stopping = false
    var jitter: SplitMix64

    /// - Parameters:
    ///   - timing: must have no objection.
    ///   - knownEpoch: the highest epoch this node recorded, 0 for none.
    ///   - seed: of the jitter between attempts; differs from node to node.
    ///   - incarnation: names this process among all that ever ran; without one it never trusts itself as a predecessor.
    ///   - promised: the highest token that an earlier run of this node promised.
    ///   - strict: must have no objection.
    ///   - workPatience: a leader resigns when its work has not got on for so long; nil: nobody watches it.
    public init(
        timing: Timing, knownEpoch: Epoch, seed: UInt64, incarnation: String = "", promised: FencingToken = .zero, strict: StrictMode? = nil,
        workPatience: Duration? = nil
    ) {
        self.workPatience = workPatience
        self.incarnation = incarnation
        self.strict = strict
        self.acceptor = Acceptor(promised: promised)
        self.configured = timing
        self.knownEpoch = knownEpoch
        self.jitter = SplitMix64(seed: seed)
    }

    /// The highest token this node has promised.
    public var promised: FencingToken { self.acceptor.promised }

    /// Takes note of a promise that this node recorded before the machine was made.
    public mutating func raisePromised(to token: FencingToken) { _ = self.acceptor.raise(to: token) }

    /// Takes note of an epoch that this node recorded before the machine was made.
    public mutating func raiseKnownEpoch(to epoch: Epoch) { self.knownEpoch = max(self.knownEpoch, epoch) }

    /// The timers in force for the next term.
    public var timing: Timing { self.configured.stretched(by: self.changes.factor) }

    /// Carries out what is due by now, then the event. Effects are to be performed in order.
    /// - Parameter workedAt: when this node's work as a leader got on last, in whichever term; nil: it never has. Said with every event, so that a leader
    ///   which has no beat to send for all its transactions is not taken for one whose work stands still.
    public mutating func handle(_ event: ElectionEvent, at now: Instant, workedAt: Instant? = nil) -> [ElectionEffect] {
        var effects: [ElectionEffect] = []
        if let workedAt, let session = self.tenure?.session { self.updateTenure(of: session) { $0.worked(at: workedAt) } }
        // First what the clock alone decides: an event that comes late must find the lease ended.
        self.expire(at: now, &effects)
        self.apply(event, at: now, &effects)
        self.advance(at: now, &effects)
        return effects
    }

    private mutating func apply(_ event: ElectionEvent, at now: Instant, _ effects: inout [ElectionEffect]) {
        switch event {
        case .start:
            guard case .idle = self.state else { break }
            if self.strict != nil { self.acceptor.assumeVouched(until: now + self.longestVouching) }
            self.connect(at: now, &effects)
        case .timer: break
        case .watched(let beat, let epoch, let timeline, let holder, let roundTrip):
            self.sight.note(beat, timeline: timeline, at: now)
            self.changes.note(epoch, at: now)
            self.learn(epoch, &effects)
            if let tenure = self.tenure, epoch > tenure.grant.epoch { self.lose(.superseded, at: now, &effects) }
            self.hear(FencingToken(timeline: timeline, epoch: epoch), at: now, &effects)
            self.watchHolder(holder, roundTrip, at: now, &effects)
        case .watchLost:
            self.sight.forget()
            self.holderWatch.forget()
        case .resignRequested: self.beginResigning(.resigned, at: now, &effects)
        case .handOverRequested(let successor): self.beginResigning(.resigned, to: successor, at: now, &effects)
        case .fenceAsked(let token, let from, let request): self.fenceAsked(token, from, request, at: now, &effects)
        case .fenceAnswered(let node, let incarnation, let token, let answer):
            self.fenceAnswered(node, incarnation, token, answer, at: now, &effects)
        case .heard(let token): self.hear(token, at: now, &effects)
        case .holdOff(let duration, let from, let request):
            self.holdOff(duration, request.map { HoldOffRequest(from: from, request: $0) }, at: now, &effects)
        case .holdOffAsked(let session, let nodes):
            if case .resigning(let tenure, .draining) = self.state, tenure.session == session { self.succeed(at: now, &effects) { $0.asked(nodes) } }
        case .heldOff(let node, let token):
            if case .resigning(let tenure, .draining) = self.state, tenure.grant.token == token {
                self.succeed(at: now, &effects) { $0.confirmed(by: node) }
            }
        case .unfit(let since, let other):
            self.unfitSince = min(since, self.unfitSince ?? since)
            self.fitter = other
        case .fit: self.unfitSince = nil
        case .leaderPinged(let from, let token, let lease, let request):
            self.leaderPinged(from, token, lease, request, at: now, &effects)
        case .acknowledged(let node, let token, let promised, let sentAt):
            self.acknowledged(node, token, promised, sentAt, at: now, &effects)
        case .drained: self.drained(at: now, &effects)
        case .shutdownRequested: self.beginStopping(at: now, &effects)
        case .sessionConnected(let session): self.connected(session, at: now, &effects)
        case .sessionClosed(let session, let reason): self.closed(session, reason, at: now, &effects)
        case .checksPassed(let session, let epoch): self.checked(session, epoch, at: now, &effects)
        case .refused(let session, let refusal): self.turnedAway(session, refusal, at: now, &effects)
        case .sliceElapsed(let session): self.sliceElapsed(session, at: now, &effects)
        case .granted(let session, let grant): self.granted(session, grant, at: now, &effects)
        case .beatAnswered(let session, let number, let current):
            self.beatAnswered(session, number, current, at: now, &effects)
        case .beatConfirmed(let session, let sentAt):
            self.updateTenure(of: session) { $0.beatConfirmed(sentAt: sentAt, at: now) }
            self.resumeIfAnswered(at: now, &effects)
        case .beatFailed(let session, let number):
            self.updateTenure(of: session) { $0.beatFailed(number, at: now) }
        case .settled(let session): self.updateTenure(of: session) { $0.settlement = .recorded }
        case .settleFailed(let session):
            // Again with the next answered beat: an attempt a round trip would be too many on a full disk.
            self.updateTenure(of: session) { $0.settlement = .failed }
        case .fenced(let session):
            if self.session == session { self.lose(.superseded, at: now, &effects) }
        case .resignAnswered(let session, let released):
            if case .resigning(let tenure, .handingOver) = self.state, tenure.session == session {
                self.endSession(session, &effects)
                // A successor may be staying away for the sake of an earlier one: who resigned in its favour comes back no sooner than the others.
                let usual = tenure.succession == nil ? Self.holdOff : Succession.holdOff
                let pause = tenure.parting == .minority ? Self.minorityHoldOff : usual
                self.rest(released ? pause : self.backoff(), at: now, &effects)
            }
        }
    }

    /// Which session the state hangs on; nil for none.
    public var session: Int? {
        switch self.state {
        case .connecting(let session, _), .checking(let session, _), .campaigning(let session, _, _), .held(let session, _): session
        case .leading(let tenure), .suspended(let tenure, _), .resigning(let tenure, _): tenure.session
        case .idle, .backingOff, .refused, .stopped: nil
        }
    }

    /// This node's tenure, if it leads.
    public var tenure: Tenure? {
        switch self.state {
        case .leading(let tenure), .suspended(let tenure, _), .resigning(let tenure, .draining): tenure
        default: nil
        }
    }

    /// The right to act as of the last event; nil when this node doesn't lead. It ends by the clock without further events.
    public var lease: Lease? {
        switch self.state {
        case .leading(let tenure): tenure.lease(halted: false, promised: self.promised)
        case .suspended(let tenure, _), .resigning(let tenure, .draining): tenure.lease(halted: true, promised: self.promised)
        default: nil
        }
    }

    /// When to send `timer` at the latest, if nothing else happens before; nil: never.
    public var wakeAt: Instant? {
        switch self.state {
        case .idle, .refused, .stopped: nil
        default: min(self.stateWake, self.acceptor.nextDue)
        }
    }

    private var stateWake: Instant {
        switch self.state {
        case .idle, .refused, .stopped: Instant(nanoseconds: .max)
        case .connecting(_, let until), .checking(_, let until), .campaigning(_, let until, _), .backingOff(let until), .held(_, let until):
            until
        case .leading(let tenure): min(tenure.wakeAt, self.resignationDue(tenure))
        case .suspended(let tenure, let since):
            min(since + Self.longestSuspension, tenure.nextBeatAt, tenure.quorumWake, self.resignationDue(tenure))
        case .resigning(let tenure, .draining(let until)): min(until, tenure.nextBeatAt, tenure.succession?.nextAsk ?? until)
        case .resigning(_, .handingOver(let until)): until
        }
    }
}
