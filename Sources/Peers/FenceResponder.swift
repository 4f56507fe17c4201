import Glibc
public import Logging
import Membership
import Model
import NIOCore
import NIOPosix
import Synchronization
public import TLS

/// What a node's supervisor says to the others: which of its processes are dead.
///
/// Model. It listens with the node's certificate and judges who calls as a node does: nobody but the members it was told of last (``admit(_:)``), and none
/// whose certificate or name its identity's deny-list holds. A connection asks FENCE, as often as it likes within its bounds, and gets an answer to each:
/// *dead* for a process that was waited for, a refusal for any other. Whatever else a connection says ends it. It knows no database, and lets nobody wait at
/// the door: a member that it has not heard of is refused, which costs the asker time and nothing else.
///
/// Everything happens on one event loop with a thread of its own; `isDead` is called there and must not block.
public final class FenceResponder: Sendable {
    /// Connections at a time, strangers included: every node of a large cluster, several times.
    public static let maximumConnections = 64
    /// A connection that asks nothing for so long is closed.
    static let idle = TimeAmount.seconds(5)
    /// Questions that one connection may ask: one every ten milliseconds for ten seconds.
    public static let maximumQuestions = 1000

    let node: String
    let process: String
    let identity: IdentityStore
    let isDead: @Sendable (_ incarnation: String) -> Bool
    let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let state: Mutex<State>

    private struct State {
        var admission: Admission
        var gate = LogGate()
        var refusals: [PeerFault: UInt64] = [:]
        var connections = 0
        /// Who may ask.
        var members: Set<String> = []
        var sequence: UInt64 = 0
        var listener: (any Channel)?
    }

    /// The address is taken, or none of this machine's.
    public struct CannotListen: Error, Sendable, Hashable, CustomStringConvertible {
        /// Where it was to listen, as it was configured.
        public var host: String
        public var port: Int
        /// What the system said.
        public var why: String
        public var description: String {
            "the supervisor can't listen on \(self.host):\(self.port): \(self.why); stop whatever uses that port, or set supervisor.listen to another one"
        }
    }

    /// - Parameter process: a UUID of the supervisor.
    public init(
        node: String, process: String, identity: IdentityStore, isDead: @escaping @Sendable (_ incarnation: String) -> Bool, logger: Logger,
        admission: PeerMeshConfiguration.Admission = .init()
    ) {
        self.node = node
        self.process = process
        self.identity = identity
        self.isDead = isDead
        self.logger = logger
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.state = Mutex(State(admission: Admission(admission)))
    }

    /// Lets these nodes ask from now on, and no others; connections that exist are judged anew at their next question.
    ///
    /// - Parameter members: names; who is on the identity's deny-list is refused all the same. Until the first call nobody is let in.
    public func admit(_ members: Set<String>) { self.state.withLock { $0.members = members } }

    /// How many connections were refused or given up since it began, by reason; reasons that never occurred are left out.
    public var refusals: [PeerFault: UInt64] { self.state.withLock { $0.refusals } }

    /// Why a connection of that node would not be made today; nil when it would.
    func objection(to peer: PeerIdentity) -> PeerRefusal? {
        if let objection = self.identity.objection(to: peer, now: BootClock.wall().microseconds / 1_000_000) { return objection }
        return self.isMember(peer.node) ? nil : .notAMember(peer.node)
    }

    private func isMember(_ node: String) -> Bool { self.state.withLock { $0.members.contains(node) } }

    /// Listens from now on, until `stop()`.
    ///
    /// - Returns: the port, which is of interest when `port` is 0.
    /// - Throws: ``CannotListen``.
    public func start(host: String, port: Int) async throws -> Int {
        let bootstrap = ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: CInt(Self.maximumConnections))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_sndbuf), value: PeerLimits.socketBuffer)
            .childChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try self.accept(channel) } }
        let listener: any Channel
        do { listener = try await bootstrap.bind(host: host, port: port).get() } catch {
            throw CannotListen(host: host, port: port, why: PeerEnding(error).text)
        }
        self.state.withLock { $0.listener = listener }
        return listener.localAddress?.port ?? port
    }

    /// Ends the listener and all connections.
    public func stop() async {
        let listener = self.state.withLock { $0.listener.take() }
        try? await listener?.close().get()
        try? await self.group.shutdownGracefully()
    }

    private func accept(_ channel: any Channel) throws {
        let label = channel.remoteAddress?.description ?? "an unknown address"
        let fault = self.state.withLock { state -> PeerFault? in
            guard state.connections < Self.maximumConnections else { return .tooManyUnauthenticated }
            if let fault = state.admission.arrive(from: PeerMesh.origin(channel.remoteAddress), at: BootClock.now()) { return fault }
            state.connections += 1
            return nil
        }
        if let fault {
            self.refused(fault, "too many connections", from: label)
            throw PeerEnding(fault, "too many connections")
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { $0.connections -= 1 }
        }
        do {
            let tls = try self.identity.serverHandler { self.isMember($0) }
            try channel.pipeline.syncOperations.addHandlers([tls, IdleStateHandler(readTimeout: Self.idle), AnswerHandler(self, label)])
        } catch {
            self.noLongerStranger()
            throw error
        }
    }

    func noLongerStranger() { self.state.withLock { $0.admission.left() } }

    /// Counts it, and says it in one log line a reason and minute.
    func refused(_ fault: PeerFault, _ text: String, from label: String) {
        let suppressed = self.state.withLock { state in
            state.refusals[fault, default: 0] += 1
            return state.gate.pass(fault, at: BootClock.now())
        }
        guard let suppressed else { return }
        var metadata: Logger.Metadata = ["peer": "\(label)", "reason": "\(fault.rawValue)", "why": "\(text)"]
        if suppressed > 0 { metadata["more since the last such line"] = "\(suppressed)" }
        self.logger.notice("a connection to the supervisor was refused or given up", metadata: metadata)
    }

    /// The answer to a node's message; nil: it is no question for a supervisor.
    func answer(to message: PeerMessage, from peer: String) -> PeerMessage? {
        guard message.from == peer, message.to == self.node, case .fence(let token, let leader) = message.body, !leader.isEmpty else { return nil }
        let verdict: PeerMessage.Verdict = self.isDead(leader) ? .dead : .refused("that process runs, or never ran under this supervisor")
        let sequence = self.state.withLock { state in
            state.sequence += 1
            return state.sequence
        }
        return PeerMessage(
            from: self.node, to: peer, bootID: self.process, incarnation: 0, sequence: sequence, requestID: message.requestID,
            sentMono: BootClock.now().nanoseconds, wall: BootClock.wall(),
            body: .promise(requestID: message.requestID, token: token, incarnation: leader, verdict: verdict))
    }
}

/// One connection to a supervisor.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let responder: FenceResponder
    private let label: String
    private var peer: PeerIdentity?
    private var decoder = FrameDecoder()
    private var questions = 0
    private var isOver = false

    init(_ responder: FenceResponder, _ label: String) {
        self.responder = responder
        self.label = label
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as TLSEstablished:
            self.peer = event.peer
            self.responder.noLongerStranger()
        case is IdleStateHandler.IdleStateEvent: self.end(context, nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver, let peer else { return }
        // All was well when the connection was made; the members, the deny-list and the authorities may have changed.
        if let objection = self.responder.objection(to: peer) {
            return self.end(context, PeerEnding(PeerFault(objection), objection.description))
        }
        let frames: [ArraySlice<UInt8>]
        do { frames = try self.decoder.append(self.unwrapInboundIn(data).readableBytesView) } catch {
            return self.end(context, PeerEnding(.badFrame, error.description))
        }
        for frame in frames {
            self.questions += 1
            guard self.questions <= FenceResponder.maximumQuestions else { return self.end(context, PeerEnding(.tooManyMessages, "it asks too often")) }
            do throws(PeerMessageError) {
                guard let answer = self.responder.answer(to: try PeerMessage(decoding: frame), from: peer.node) else {
                    return self.end(context, PeerEnding(.badMessage, "not a question for a supervisor"))
                }
                context.write(self.wrapOutboundOut(ByteBuffer(bytes: FrameDecoder.frame(answer.encoded()))), promise: nil)
            } catch {
                return self.end(context, PeerEnding(.badMessage, error.description))
            }
        }
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.end(context, PeerEnding(error)) }

    func channelInactive(context: ChannelHandlerContext) {
        self.isOver = true
        if self.peer == nil { self.responder.noLongerStranger() }
        context.fireChannelInactive()
    }

    private func end(_ context: ChannelHandlerContext, _ ending: PeerEnding?) {
        guard !self.isOver else { return }
        self.isOver = true
        if let ending, let fault = ending.fault { self.responder.refused(fault, ending.text, from: self.peer?.node ?? self.label) }
        context.close(promise: nil)
    }
}
