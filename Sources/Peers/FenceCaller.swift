public import Logging
public import Membership
import Model
import NIOCore
import NIOPosix
import Synchronization
public import TLS

/// Asks supervisors of other nodes whether a process is dead.
///
/// Model. One connection a supervisor, made for the first question and kept while questions come; a question that finds it being made waits in its place, and
/// only the newest does. Only the answer *dead* is handed on: a supervisor promises nothing for a process that lives. Questions come again until they are
/// answered, so nothing is tried twice here, and a supervisor that can't be reached is left alone for ``pause``.
///
/// `deliver` is called on an event loop and must not block.
public final class FenceCaller: Sendable {
    /// A connection over which nothing came for so long is closed.
    static let idle = TimeAmount.seconds(2)
    /// Between two tries to reach one supervisor.
    static let pause = Duration.milliseconds(50)
    /// Supervisors that are called at a time: as many as there may be members.
    static let maximumCalls = 64

    let node: String
    let process: String
    let identity: IdentityStore
    let deliver: @Sendable (PeerMessage) -> Void
    let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let state = Mutex(State())

    private enum Call {
        case dialling(next: PeerMessage)
        case open(any Channel)
        case failed(until: Instant)
    }
    private struct State {
        var calls: [String: Call] = [:]
        var sequence: UInt64 = 0
    }

    /// - Parameter process: a UUID of this process.
    public init(node: String, process: String, identity: IdentityStore, logger: Logger, deliver: @escaping @Sendable (PeerMessage) -> Void) {
        self.node = node
        self.process = process
        self.identity = identity
        self.deliver = deliver
        self.logger = logger
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    }

    deinit { self.group.shutdownGracefully { _ in } }

    /// Asks the supervisor of `node` at `address`, or not, without waiting; `request` names the question for its answer.
    public func ask(_ body: PeerMessage.Body, of node: String, at address: String, request: UInt64) {
        let now = BootClock.now()
        enum Next { case dial, send(any Channel, PeerMessage), nothing }
        let next = self.state.withLock { state -> Next in
            state.sequence += 1
            let message = PeerMessage(
                from: self.node, to: node, bootID: self.process, incarnation: 0, sequence: state.sequence, requestID: request,
                sentMono: now.nanoseconds, wall: BootClock.wall(), body: body)
            switch state.calls[node] {
            case .open(let channel): return .send(channel, message)
            case .dialling:
                state.calls[node] = .dialling(next: message)
                return .nothing
            case .failed(let until) where now < until: return .nothing
            case .failed, nil:
                if state.calls.count >= Self.maximumCalls {
                    state.calls = state.calls.filter { if case .failed = $0.value { false } else { true } }
                    guard state.calls.count < Self.maximumCalls else { return .nothing }
                }
                state.calls[node] = .dialling(next: message)
                return .dial
            }
        }
        switch next {
        case .dial: self.dial(node, address)
        case .send(let channel, let message): Self.send(message, over: channel)
        case .nothing: break
        }
    }

    private func dial(_ node: String, _ address: String) {
        guard let (host, port) = PeerMesh.hostAndPort(address) else {
            return self.ended(node, PeerEnding(.unreachable, "the address “\(address)” is no host:port; correct supervisor.advertise there"))
        }
        let bootstrap = ClientBootstrap(group: self.group).connectTimeout(PeerLimits.connect).channelOption(.tcpOption(.tcp_nodelay), value: 1)
        let connected =
            if let direct = try? SocketAddress(ipAddress: host, port: port) { bootstrap.connect(to: direct) } else {
                bootstrap.connect(host: host, port: port)
            }
        connected.whenComplete { result in
            switch result {
            case .failure(let error): self.ended(node, PeerEnding(error))
            case .success(let channel):
                guard channel.isActive else { return self.ended(node, .ended) }
                do {
                    try channel.pipeline.syncOperations.addHandlers([
                        try self.identity.clientHandler(expecting: node), IdleStateHandler(readTimeout: Self.idle), QuestionHandler(self, node),
                    ])
                } catch {
                    channel.close(promise: nil)
                    self.ended(node, PeerEnding(.own, "\(error)"))
                }
            }
        }
    }

    fileprivate func established(_ node: String, _ channel: any Channel) {
        let first = self.state.withLock { state -> PeerMessage? in
            guard case .dialling(let next) = state.calls[node] else { return nil }
            state.calls[node] = .open(channel)
            return next
        }
        if let first { Self.send(first, over: channel) }
    }

    fileprivate func ended(_ node: String, _ ending: PeerEnding) {
        let wasOpen = self.state.withLock { state -> Bool in
            defer { state.calls[node] = .failed(until: BootClock.now() + Self.pause) }
            if case .open = state.calls[node] { return true } else { return false }
        }
        if !wasOpen || ending.fault != nil { self.logger.debug("a supervisor was not reached", metadata: ["peer": "\(node)", "why": "\(ending.text)"]) }
    }

    fileprivate func received(_ message: PeerMessage, from node: String) {
        guard message.from == node, message.to == self.node, case .promise(_, _, _, .dead) = message.body else { return }
        self.deliver(message)
    }

    private static func send(_ message: PeerMessage, over channel: any Channel) {
        channel.writeAndFlush(ByteBuffer(bytes: FrameDecoder.frame(message.encoded())), promise: nil)
    }
}

/// One connection to another node's supervisor.
private final class QuestionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let caller: FenceCaller
    private let node: String
    private var decoder = FrameDecoder()
    private var ending: PeerEnding?
    private var isOver = false

    init(_ caller: FenceCaller, _ node: String) {
        self.caller = caller
        self.node = node
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is TLSEstablished: self.caller.established(self.node, context.channel)
        case is IdleStateHandler.IdleStateEvent: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver else { return }
        do {
            for frame in try self.decoder.append(self.unwrapInboundIn(data).readableBytesView) {
                self.caller.received(try PeerMessage(decoding: frame), from: self.node)
            }
        } catch {
            self.ending = PeerEnding(.badMessage, "\(error)")
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.ending = self.ending ?? PeerEnding(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !self.isOver { self.caller.ended(self.node, self.ending ?? .ended) }
        self.isOver = true
        context.fireChannelInactive()
    }
}
