public import Model

/// What stands between being elected and acting: an earlier leader may still act, since its lease runs on its own clock.
///
/// Any one piece of evidence opens it; the earliest counts. No server's clock and nobody's unauthenticated word takes part.
public struct Gate: Sendable, Hashable {
    /// Why no earlier leader can act any more from the gate's opening on.
    public enum Evidence: Sendable, Hashable {
        /// There never was a leader.
        case first
        /// The predecessor wrote that it gave up, and that no earlier lease was running when it led.
        case resigned
        /// No beat was counted after the one that this node's watch first saw then.
        case silence(since: Instant)
        /// A whole lease has passed since the lock was granted.
        case waited(since: Instant)
        /// The predecessor's process promised not to act any more.
        case promised(by: String)
        /// The predecessor's process has ended: its supervisor has waited for it.
        case dead(String)
        /// Nobody listens where the predecessor's process did.
        case nobodyListens(String)
        /// The predecessor is this very process, which stopped before it asked for the lock again.
        case sameProcess
    }

    /// On this node's boot clock.
    public private(set) var opensAt: Instant
    /// What allows the earliest opening.
    public private(set) var evidence: Evidence

    /// The gate of a term granted at `grantedAt`: what its row and the beats seen say.
    /// - Parameters:
    ///   - ownLease: this node's own lease, the least to wait when the row knows no longer one.
    ///   - lostLease: the longest lease that a leader may hold whose term a failover of the database has lost.
    ///   - incarnation: this process; empty when it has none.
    init(grant: Grant, grantedAt: Instant, ownLease: Duration, lostLease: Duration, sight: BeatSight, incarnation: String) {
        let longest = Timing.withDrift(max(grant.earlierLease, ownLease, grant.mayFollowLostTerms ? lostLease : .zero))
        self.opensAt = grantedAt + longest
        self.evidence = .waited(since: grantedAt)
        if grant.isFirst { self.admit(.first, opensAt: grantedAt) }
        if let predecessor = grant.trustedPredecessor {
            if predecessor.resigned {
                self.admit(.resigned, opensAt: grantedAt)
            } else if !incarnation.isEmpty, predecessor.incarnation == incarnation {
                self.admit(.sameProcess, opensAt: grantedAt)
            }
        }
        if let since = sight.firstSeen(of: grant.beat, timeline: grant.timeline) {
            // The counter is everybody's: this covers every earlier term.
            self.admit(.silence(since: since), opensAt: since + longest)
        }
    }

    /// Takes further evidence into account: the gate opens at the earliest moment that any of it allows.
    mutating func admit(_ evidence: Evidence, opensAt: Instant) {
        guard opensAt < self.opensAt else { return }
        self.opensAt = opensAt
        self.evidence = evidence
    }
}

extension Gate.Evidence: CustomStringConvertible {
    public var description: String {
        switch self {
        case .first: "nobody led before"
        case .resigned: "the last leader resigned"
        case .silence: "the last leader has been silent for a whole lease"
        case .waited: "a whole lease has passed since the election"
        case .promised(let node): "the last leader, \(node), promised not to act any more"
        case .dead(let node): "the last leader, \(node), has ended by the word of its own node"
        case .nobodyListens(let node): "nobody listens any more where the last leader, \(node), did"
        case .sameProcess: "the last leader was this process"
        }
    }
}

/// What the watch session last saw of the beat counter.
///
/// The moment of first sight is later than the moment the beat was sent, so a lease that hangs on that beat ends no later
/// than a lease after the sight.
struct BeatSight: Sendable, Hashable {
    private var value: Int64?
    private var timeline: Int32 = 0
    private var since = Instant(nanoseconds: 0)

    mutating func note(_ value: Int64, timeline: Int32, at now: Instant) {
        guard value != self.value || timeline != self.timeline else { return }
        self.value = value
        self.timeline = timeline
        self.since = now
    }

    /// Another session may look at another server: nothing seen before compares with it.
    mutating func forget() { self.value = nil }

    func firstSeen(of value: Int64, timeline: Int32) -> Instant? {
        value == self.value && timeline == self.timeline ? self.since : nil
    }
}
