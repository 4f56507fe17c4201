public import Logging
public import Membership
import Model
import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization
public import TLS

/// The other nodes of the cluster: links to them, and what is known of them.
///
/// Model. ``MembershipMachine`` decides; this is its hands and ears. Everything happens on one event loop, on a thread of its own, so that a busy process
/// does not make its node look ill; the actor is isolated to that loop. An event (a link, a message, a timer, new members) goes to the machine, its effects
/// are performed in order, and what is known is published for other threads. A connection is greeting, open or over; a link is an open connection and has
/// its number.
///
/// Invariants
/// 1. No event is handled inside another: what an effect brings about waits its turn.
/// 2. The machine hears of a link once, and of its end once, unless the machine ended it.
/// 3. Before TLS has shown who is there, a connection costs a bounded amount (``Admission``, the handshake's budget). After, a link is bounded in
///    frame size, messages a second, bytes unsent, and silence. What breaks a bound ends that link, is counted, and touches no other.
/// 4. Nothing here blocks the loop: names are resolved and files are read elsewhere; callers of the nonisolated functions never wait for the loop.
/// 5. A link lives with the certificates that it was made with. When this node's changes, each link is replaced by a fresh one before the old one goes.
///
/// It knows nothing of leadership, and stores nothing.
public actor PeerMesh: ServiceLifecycle.Service {
    /// What it was made with; it does not change.
    public nonisolated let configuration: PeerMeshConfiguration
    nonisolated let identity: IdentityStore
    nonisolated let deliver: @Sendable (PeerNotice) -> Void
    nonisolated let logger: Logger
    nonisolated let group: MultiThreadedEventLoopGroup
    nonisolated let loop: any EventLoop
    private nonisolated let serialExecutor: any SerialExecutor
    nonisolated let published: Mutex<Published>
    nonisolated let mailbox = Mutex(Mailbox())
    nonisolated let hasRun = Atomic(false)

    // On the loop from here on.
    /// When the machine wants to be woken.
    var wakeAt: Instant?
    /// As its owner has it; lag and certificate are filled in.
    var facts: NodeFacts
    var toldFacts: NodeFacts?
    var events: [MembershipEvent] = []
    var isHandling = false
    var timer: (task: Scheduled<Void>, at: Instant)?

    var connections: [Int: Connection] = [:]
    var lastNumber = 0
    /// Peers to which a fresh link is under way, or was tried lately.
    var relinks: [String: Instant] = [:]
    /// When this node's certificate was last replaced; nil: it is that of the start.
    var leafChangedAt: Instant?
    var introductions = Introductions()
    var listener: (any Channel)?
    var isStopping = false
    var stopped: EventLoopPromise<Void>?
    let trouble: AsyncStream<PeerMeshError>
    let reportTrouble: AsyncStream<PeerMeshError>.Continuation

    var admission: Admission
    var tally = PeerCounters()
    var gate = LogGate()
    var lag = LoopLag()
    var tickTask: RepeatedTask?
    var tickDue = NIODeadline.now()
    var ownNameAlarmAt: Instant?
    /// Why the identity's files could not be used at the last look, and whether that was told.
    var identityTrouble: (why: String, isTold: Bool)?

    public nonisolated var unownedExecutor: UnownedSerialExecutor { self.serialExecutor.asUnownedSerialExecutor() }

    /// What other threads see.
    struct Published: Sendable {
        /// Only the loop changes it, where it stands: a copy is made for whoever looks, and not for each message of a peer.
        var machine: MembershipMachine
        var counters = PeerCounters()
        var members: Set<String> = []
        var port: Int?
    }

    /// - Parameter deliver: called on the mesh's event loop, in order; it must not block.
    public init(
        configuration: PeerMeshConfiguration, identity: IdentityStore, deliver: @escaping @Sendable (PeerNotice) -> Void, logger: Logger
    ) {
        self.configuration = configuration
        self.identity = identity
        self.deliver = deliver
        self.logger = logger
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.loop = self.group.next()
        self.serialExecutor = self.loop.executor
        let wall = BootClock.wall()
        self.facts = NodeFacts(
            role: .starting, version: configuration.version, postgres: .init(reachable: false), certificateNotAfter: identity.facts.notAfter, started: wall)
        let machine = MembershipMachine(
            node: configuration.node, bootID: configuration.bootID, incarnation: UInt64(max(0, wall.microseconds)), facts: self.facts,
            seed: configuration.seed, at: BootClock.now(), timing: configuration.timing)
        self.published = Mutex(Published(machine: machine))
        self.admission = Admission(configuration.admission)
        (self.trouble, self.reportTrouble) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    deinit {
        // A mesh that ran has ended its thread by itself.
        if !self.hasRun.load(ordering: .relaxed) { self.group.shutdownGracefully { _ in } }
    }

    // MARK: For any thread

    /// Sends `body` to the node of that name, or delivers ``PeerNotice/unsent(to:body:requestID:)``. `requestID` names it for its answer.
    ///
    /// - Returns: false when too much waits already, or the mesh has ended: it is dropped, and counted.
    @discardableResult
    public nonisolated func post(_ body: PeerMessage.Body, to: String, requestID: UInt64) -> Bool {
        self.deposit { $0.add(.init(to: to, body: body, requestID: requestID)) }
    }

    /// The membership as it is now, with or without this node.
    public nonisolated func update(members: [Member]) { self.deposit { $0.replace(members: members) } }

    /// What this node says of itself. Loop lag, certificate, local health and suspects are filled in.
    public nonisolated func update(facts: NodeFacts) { self.deposit { $0.replace(facts: facts) } }

    /// What this node knows of the cluster, as of the last event.
    public nonisolated var view: MembershipView { self.published.withLock { $0.machine }.view }
    /// Whether this node sees fewer than a majority of the members alive, itself counted.
    public nonisolated var isIsolated: Bool { self.view.isolated }
    /// What happened since the process started, as of the last event or tick.
    public nonisolated var counters: PeerCounters { self.published.withLock { $0.counters } }
    /// Where connections are accepted; nil before that.
    public nonisolated var port: Int? { self.published.withLock { $0.port } }

    private nonisolated func deposit<Result: Sendable>(_ change: (inout Mailbox) -> Result) -> Result {
        self.mailbox.withLock { mailbox in
            let result = change(&mailbox)
            // Inside the lock: once the mailbox is closed, nobody touches the loop, which may be gone then.
            if mailbox.wakes() { self.loop.execute { self.assumeIsolated { $0.readMailbox() } } }
            return result
        }
    }
}
