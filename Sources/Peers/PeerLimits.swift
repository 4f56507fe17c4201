import NIOCore

/// What is bounded, and why.
public enum PeerLimits {
    /// How long a node that is certified, and not yet known as a member, may wait at the door: the table of members is read meanwhile, which takes a round
    /// trip to the database.
    static let introduction = Duration.seconds(1)
    /// Shortest time between two such readings, whoever knocks.
    static let introductionPause = Duration.milliseconds(250)
    /// For so long a node that was not in the table either is refused without another reading. It is forgotten as soon as it stands there, which is looked
    /// for once a second anyway.
    static let turnedAway = Duration.seconds(60)
    /// Names of nodes at the door or turned away; an authority has certified each. Further ones are refused.
    static let introductions = 64
    /// Messages that a node may send before it is let in: more than it sends in that time.
    static let earlyMessages = 64
    /// Connections that came in and have not shown who they are: seven times what a full cluster of nine brings when all start at once.
    public static let unauthenticated = 64
    /// New connections a second from one address, and how many may come at once: a node dials each peer once, and again after a cut; many nodes
    /// behind one address start together.
    public static let connectionsPerSecond = 5
    /// New connections of one address that may come at once.
    public static let connectionBurst = 20
    /// Addresses whose connections are counted. One that has been quiet for four seconds needs no entry, so this is 250 new addresses a second.
    static let addresses = 1024

    /// From the start of a dial to the end of its TCP handshake: one lost SYN is sent again after a second. With TLS's own budget of three
    /// seconds it stays below the machine's limit for a dial (5 s).
    static let connect = TimeAmount.milliseconds(1500)
    /// An open link over which not a byte came. A peer asks at least once a second, so a link this old is one that the machine has forgotten.
    public static let idle = Duration.seconds(30)
    /// A frame that has begun has to be complete by then: it is at most 16 KiB.
    static let frame = Duration.seconds(5)
    /// Bytes written to one link that its peer has not taken: sixteen of the largest messages, or minutes of pings.
    static let unsentBytes = 256 * 1024
    /// What the kernel may hold of a link on its way out, in bytes; without a bound it would take megabytes before ``unsentBytes`` begins to count.
    static let socketBuffer: SocketOptionValue = 128 * 1024
    /// Messages that one link may bring in a second. Nine nodes in full trouble stay below a hundred; more would starve the others.
    public static let messagesPerSecond = 2000
    /// Messages that wait to be taken in from other threads: a fence, a vouch and a hold-off to each of 64 members, several times.
    static let mailbox = 1024
    /// How long a node that stops waits for its last words to be written.
    static let farewell = TimeAmount.seconds(1)

    /// How often this node looks at itself: loop lag, links that are to be closed, what is to be published.
    static let tick = TimeAmount.milliseconds(250)
    /// Ticks over which the worst loop lag is told: one second, so that each peer hears of it in a ping.
    static let lagTicks = 4
    /// Shortest wait for the machine's timer: what is due in less is due.
    static let shortestTimer = Duration.milliseconds(1)
    /// Between two tries to replace a link that was made with this node's former certificate.
    static let relinkPause = Duration.seconds(5)
    /// A link is not replaced before this age: twice the second in which the machine takes two links for opened together.
    static let relinkSettling = Duration.seconds(2)
    /// How long the node with the higher name waits for the other to dial.
    static let relinkTurn = Duration.seconds(3)
    /// Between two log lines of one reason.
    static let logPause = Duration.seconds(60)
}
