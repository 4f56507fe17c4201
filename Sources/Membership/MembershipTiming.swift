/// The timers of peer health. Nodes of one cluster should share them; nodes that don't still understand each other.
public struct MembershipTiming: Sendable, Hashable {
    /// Longest time between two pings of a pair, and the time between two of this node's own while the peer asks nothing.
    public var probeInterval = Duration.milliseconds(500)
    /// How much earlier than `probeInterval` after a peer's ping this node asks in its turn, so that its ping is there before the peer's own falls
    /// due. A thread that wakes up in time does so within a few milliseconds; what is later costs a ping more and nothing else.
    public var turnLead = Duration.milliseconds(25)
    /// A turn that is due within so long is taken together with another ping. The nodes of a cluster fall into step by it, so that a node asks and
    /// answers about twice a second in all, and not for each peer by itself.
    public var company = Duration.milliseconds(60)
    /// Shortest wait for an ack; a slow link makes it four smoothed round trips, a node with doubts about itself up to nine times that.
    public var leastTimeout = Duration.milliseconds(200)
    /// How long a node that pings on another's behalf waits before it says that nothing came.
    public var relayTimeout = Duration.milliseconds(150)
    /// From suspicion to failure when nobody else confirms it.
    public var longestSuspicion = Duration.milliseconds(1500)
    /// The same when as many confirm it as can be expected.
    public var shortestSuspicion = Duration.milliseconds(500)
    /// A peer that was never heard is not suspected before this: nodes of a cluster start seconds apart.
    public var startGrace = Duration.seconds(5)
    /// First and longest pause between dials; each is drawn from the upper half of its step.
    public var firstRedial = Duration.milliseconds(100)
    /// The pauses double up to this.
    public var longestRedial = Duration.seconds(2)
    /// The node with the higher name dials too when there has been no good link for this long: one direction may be filtered.
    public var reverseDialAfter = Duration.milliseconds(250)
    /// A dial of which nothing was heard for so long is given up; longer than the shell's own limit for a handshake (3 s).
    public var dialLimit = Duration.seconds(5)
    /// A link over which nothing acceptable came for so long since its handshake is hung up.
    public var proofLimit = Duration.seconds(5)
    /// A link that was replaced stays open for so long, for the answers that are on their way over it.
    public var linger = Duration.seconds(1)

    /// The timers as they are said here.
    public init() {}
    /// What a cluster uses that sets nothing else.
    public static let standard = MembershipTiming()
}

/// What is bounded, and why.
public enum MembershipLimits {
    /// Most members: each pair has a link, and 64 nodes are seven times what the design is for.
    public static let members = 64
    /// Requests to one peer that wait for an answer: own pings of the last ten seconds and those on others' behalf.
    public static let outstanding = 64
    /// Links to one peer: the one in use, the one before it, and two that have yet to prove themselves.
    public static let links = 4
    /// Most of Lifeguard's local health multiplier.
    public static let localHealth = 8
    /// Peers that are asked to ping on this node's behalf, each time.
    public static let helpers = 2
    /// How long the answer to a ping is still recognised.
    static let requestLife = Duration.seconds(10)
    /// A node's own pings to one peer are at most so many intervals apart, however often the peer asks: what it hears shows nothing of the way
    /// there. Two are enough to ask in turns.
    static let unaskedIntervals: Int64 = 2
    /// Most of an interval by which a long way brings a turn forward, as a divisor: beyond a fifth (100 ms) pings cross, and are sent as often as
    /// without turns.
    static let turnTravel: Int64 = 5
    /// A timer this late says that this node was away or starved. An overloaded two-core machine wakes a thread within ~50 ms.
    static let lateness = Duration.milliseconds(100)
    /// After an absence this node judges nobody for as long as it was away, but at most for this.
    static let longestSettling = Duration.seconds(1)
    /// Between the end of a suspicion and failure: time to read what has already arrived.
    static let lastLook = Duration.milliseconds(10)
    /// Suspicions are told at once, but not more often than this.
    static let announcePause = Duration.milliseconds(50)
    /// What a peer said of itself and of others counts for so long.
    static let factsLife = Duration.seconds(2)
    /// Loop lag above which a node counts as degraded, in milliseconds.
    public static let loopLag: Int64 = 250
    /// A clock offset above this is worth a warning.
    public static let clockWarning = Duration.milliseconds(250)
    /// Above this a clock is critical: what is written in wall time, schedules and audit records, is wrong by seconds.
    public static let clockCritical = Duration.seconds(1)
    /// Messages of an earlier process of a name, each newer than the last, that make an identity clone of it. One or two may be the last
    /// words of a process that has just been replaced.
    static let cloneMessages = 3
}
