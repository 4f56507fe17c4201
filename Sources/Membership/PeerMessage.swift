public import Model

/// One message between two nodes: who says it to whom, which one it is, and what it says.
///
/// Its bytes are one JSON object (``encoded()``, ``init(decoding:)``), one a frame (``FrameDecoder``). A newer node may add fields, which are
/// ignored, and kinds, which arrive as ``Body/unknown(kind:)``.
public struct PeerMessage: Sendable, Hashable {
    /// The version that this code writes. A message of a higher one is read as far as it is understood.
    public static let version: Int64 = 1
    /// Longest message in bytes: far above the greatest honest one (64 suspects with long names), small enough to buffer for every link.
    public static let maximumBytes = 16 * 1024
    /// Most entries in a list of suspects, as many as there may be members.
    public static let maximumSuspects = 64
    /// Longest name of a node, process or kind in bytes: 64 of them with their incarnations fit a message.
    public static let maximumName = 128
    /// Longest version or reason in bytes.
    public static let maximumText = 255
    /// Longest hold-off or lease that may be asked for, in milliseconds.
    public static let maximumWait: Int64 = 60_000

    /// The sender's name. It has to be that of the link's other end.
    public var from: String
    /// The receiver's name.
    public var to: String
    /// A UUID of the sender's process.
    public var bootID: String
    /// SWIM's: the sender raises it to refute a suspicion. At most `Int64.max`.
    public var incarnation: UInt64
    /// Rises with every message of one process, to whomever it goes. At least 1, at most `Int64.max`.
    public var sequence: UInt64
    /// Names this message for its answer. At most `Int64.max`.
    public var requestID: UInt64
    /// Nanoseconds on the sender's boot clock when this was sent.
    public var sentMono: Int64
    /// The sender's wall clock then.
    public var wall: WallTime
    /// What it says.
    public var body: Body

    /// What a message says or asks for.
    public enum Body: Sendable, Hashable {
        case ping(NodeFacts)
        /// Answers `ping`. `receivedMono`: when the ping came, on the answering node's boot clock.
        case ack(requestID: UInt64, receivedMono: Int64, facts: NodeFacts)
        /// Ask the receiver to ping `target`.
        case pingRequest(target: String)
        /// Answers `pingRequest`: whether the target answered within the helper's timeout.
        case indirectAck(requestID: UInt64, target: String, reached: Bool)
        /// The sender was granted `token` and asks for the promise never to act below it. `leader` names the process that held an earlier term.
        case fence(token: FencingToken, leader: String)
        /// Answers `fence`, for the process with that `incarnation` (the UUID that the leader row holds). `token` is what it promised: higher
        /// than the one asked for if it knows a higher.
        case promise(requestID: UInt64, token: FencingToken, incarnation: String, verdict: Verdict)
        /// Another node is to lead next: don't ask for the lock for so long. With a request number the sender waits for `heldOff`.
        case holdOff(milliseconds: Int64)
        /// Answers `holdOff`: the sender is not in the lock's queue, and stays away from it for as long as it was asked to.
        case heldOff(requestID: UInt64)
        /// The sender leads and is about to give the lock up: whoever waits for it may lead in a moment.
        case handingOver
        /// What of a leader's work the sender can reach.
        case fitness(FitnessReport)
        /// Strict mode: vouch for the leader of `token` for that long.
        case vouch(token: FencingToken, leaseMilliseconds: Int64)
        /// Answers `vouch`: the highest token that the sender has promised. Above the one asked for it means no.
        case vouched(requestID: UInt64, token: FencingToken, promised: FencingToken)
        /// The sender stops in order. Nothing follows.
        case leaving
        /// A kind that this version does not know.
        case unknown(kind: String)
    }

    /// What a node can reach of that which a leader needs, and what it can't, by the names that nodes of one cluster agree on.
    public struct FitnessReport: Sendable, Hashable {
        /// Most names in either list.
        public static let most = 32

        /// A leader says how it stands and asks the others to try the same. Otherwise it is the answer to that.
        public var asks: Bool
        /// Names of what it reaches.
        public var reached: [String]
        /// Names of what it does not reach.
        public var missed: [String]
        /// For how long the sender has missed something; 0 when it does not.
        public var forMilliseconds: Int64

        public init(asks: Bool, reached: [String], missed: [String], forMilliseconds: Int64 = 0) {
            self.asks = asks
            self.reached = reached
            self.missed = missed
            self.forMilliseconds = forMilliseconds
        }
    }

    /// What is promised of a process that a fence names.
    public enum Verdict: Sendable, Hashable {
        /// The process will never act below the promise's token.
        case never
        /// The process has ended; who answers is its successor or supervisor.
        case dead
        case refused(String)
    }

    public init(
        from: String, to: String, bootID: String, incarnation: UInt64, sequence: UInt64, requestID: UInt64, sentMono: Int64, wall: WallTime,
        body: Body
    ) {
        self.from = from
        self.to = to
        self.bootID = bootID
        self.incarnation = incarnation
        self.sequence = sequence
        self.requestID = requestID
        self.sentMono = sentMono
        self.wall = wall
        self.body = body
    }
}

extension PeerMessage.Body {
    /// The name of the kind, as it is written.
    public var kind: String {
        switch self {
        case .ping: "ping"
        case .ack: "ack"
        case .pingRequest: "pingRequest"
        case .indirectAck: "indirectAck"
        case .fence: "fence"
        case .promise: "promise"
        case .holdOff: "holdOff"
        case .heldOff: "heldOff"
        case .handingOver: "handingOver"
        case .fitness: "fitness"
        case .vouch: "vouch"
        case .vouched: "vouched"
        case .leaving: "leaving"
        case .unknown(let kind): kind
        }
    }

    /// The facts in it, if it is of a kind that carries them.
    public var facts: NodeFacts? {
        switch self {
        case .ping(let facts), .ack(_, _, let facts): facts
        default: nil
        }
    }
}

/// A message that is none. Names the field, and never repeats what came in it.
public struct PeerMessageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// An RFC 6901 pointer to the field; "" for the whole message.
    public var field: String
    /// What is wrong with it, as what follows its name: `is empty`.
    public var problem: String

    public init(field: String, problem: String) {
        self.field = field
        self.problem = problem
    }

    public var description: String {
        self.field.isEmpty ? "a peer's message \(self.problem)" : "a peer's message: \(self.field) \(self.problem)"
    }
}
