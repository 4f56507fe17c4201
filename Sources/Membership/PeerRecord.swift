import Model

/// All that the machine keeps of one peer.
struct PeerRecord: Sendable {
    struct Link: Sendable {
        let number: Int
        let dialled: Bool
        let openedAt: Instant
        /// A message came over it: only then has the other side accepted this node's certificate too.
        var proven = false
        /// Replaced; hung up then.
        var retireAt: Instant?
    }

    /// A ping that waits for its ack.
    struct Request: Sendable {
        enum Purpose: Sendable {
            case probe
            /// On behalf of a peer, to be told by `until`.
            case relay(asker: String, askersRequest: UInt64, until: Instant)
        }
        let id: UInt64
        let sentAt: Instant
        let sentWall: WallTime
        let purpose: Purpose
        var missed = false
    }

    /// Others were asked to ping the peer.
    struct Round: Sendable {
        let start: Instant
        let deadline: Instant
        var waiting: [(helper: String, request: UInt64)]
    }

    enum Dial: Sendable, Equatable {
        case none
        case notBefore(Instant)
        case inProgress(until: Instant)
    }

    let name: String
    var address: String
    var state = PeerState.unknown
    var since: Instant
    var why = "not heard of yet"
    var path = PeerPath.none
    var incarnation: UInt64 = 0
    var replay = ReplayGuard()
    var facts: NodeFacts?
    var lastHeard: Instant?
    var canReachTargets: Bool?

    var links: [Link] = []
    /// The number of the link in use.
    var current: Int?
    var lastLinkEnd: LinkEnd?
    var dial = Dial.none
    /// Dial without regard to turns and pauses.
    var dialIsUrgent = false
    /// When the last dial began.
    var dialledAt = Instant(nanoseconds: .min)
    var dialFailures = 0
    /// Since when there has been no link that answers.
    var linkWantedSince: Instant?

    var nextProbeAt: Instant
    /// When this node last asked it.
    var askedAt: Instant
    /// It asked since: the next question is this node's.
    var hasTurn = false
    var requests: [Request] = []
    /// When the earliest ping was sent of those to which nothing has been answered since.
    var unansweredSince: Instant?
    /// The link is gone: there is nothing to wait for before others are asked.
    var linkLost = false
    var round: Round?
    var nextRoundAt: Instant
    var suspicion: Suspicion?
    var clock = ClockFilter()

    var probesSent: UInt64 = 0
    var probesFailed: UInt64 = 0
    var indirectProbes: UInt64 = 0
    var messagesRefused: UInt64 = 0
    var cloneMessages: UInt64 = 0

    init(name: String, address: String, at now: Instant, firstProbe: Instant) {
        self.name = name
        self.address = address
        self.since = now
        self.linkWantedSince = now
        self.nextProbeAt = firstProbe
        self.askedAt = now
        self.nextRoundAt = now
    }

    /// The link over which to send: the one in use, or else the newest.
    var sendingLink: Int? { self.current ?? self.links.last?.number }

    /// Whether what it says, of itself and of others, is recent enough to count.
    func speaks(at now: Instant) -> Bool {
        guard self.state != .left, self.facts != nil, let lastHeard else { return false }
        return now - lastHeard <= MembershipLimits.factsLife
    }

    /// Whether it says that `node` is suspect, in the incarnation known here or a later one.
    func suspects(_ node: String, incarnation: UInt64) -> Bool {
        self.facts?.suspects.contains { $0.node == node && $0.incarnation >= incarnation } ?? false
    }
}
