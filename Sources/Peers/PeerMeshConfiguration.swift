public import Membership
import NIOCore
import NIOPosix
import TLS

/// What a mesh is told once.
public struct PeerMeshConfiguration: Sendable {
    /// How many strangers may connect; see ``PeerLimits``.
    public struct Admission: Sendable, Hashable {
        /// Connections at a time that have not shown who they are.
        public var unauthenticated = PeerLimits.unauthenticated
        /// New connections a second from one address, in the long run.
        public var perSecond = PeerLimits.connectionsPerSecond
        /// How many of them may come at once.
        public var burst = PeerLimits.connectionBurst

        /// ``PeerLimits``.
        public init() {}
    }

    /// The cluster's name, which stands in the certificates of all its nodes.
    public var cluster: String
    /// This node's name, which stands in its own certificate.
    public var node: String
    /// The address on which it listens.
    public var host: String
    /// 0: any free one; ``PeerMesh/port`` and ``PeerNotice/listening(host:port:)`` tell which.
    public var port: Int
    /// Muster's version, for peers to show.
    public var version: String
    /// A UUID of this process, as the leader row has it.
    public var bootID: String
    /// Of jitter, helpers and request numbers; differs from process to process.
    public var seed: UInt64
    /// When peers are asked, suspected, dialled again.
    public var timing = MembershipTiming.standard
    /// How much may come in before it has shown who it is.
    public var admission = Admission()
    /// Messages that one link may bring in a second; more ends it.
    public var messagesPerSecond = PeerLimits.messagesPerSecond
    /// An open link over which nothing came for so long is ended.
    public var idle = PeerLimits.idle
    /// How often the identity's files are looked at.
    public var identityPoll = IdentityStore.pollInterval
    /// What turns names into addresses; nil: the system.
    var resolver: (@Sendable (any EventLoop) -> any Resolver & Sendable)?

    public init(cluster: String, node: String, host: String, port: Int, version: String, bootID: String, seed: UInt64) {
        self.cluster = cluster
        self.node = node
        self.host = host
        self.port = port
        self.version = version
        self.bootID = bootID
        self.seed = seed
    }
}

/// Why a mesh can't run, and what to do.
public enum PeerMeshError: Error, Sendable, Hashable, CustomStringConvertible {
    case cannotListen(host: String, port: Int, why: String)
    /// The socket that accepts connections is gone.
    case listenerLost(host: String, port: Int)
    /// A mesh runs once.
    case alreadyRan

    public var description: String {
        switch self {
        case .cannotListen(let host, let port, let why):
            "other nodes can't reach this one: it can't listen on \(host):\(port): \(why); stop whatever uses that port, or set peers.listen to another one"
        case .listenerLost(let host, let port):
            "the socket on \(host):\(port), where other nodes connect, was closed by the system; restart this node and look at its limit of open files"
        case .alreadyRan: "a mesh of peers runs once; make a new one"
        }
    }
}
