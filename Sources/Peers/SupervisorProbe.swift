import Model
import NIOCore
import NIOPosix
public import TLS

/// Looks who listens where a node's supervisor should, from the node's own host.
///
/// It asks nothing: the handshake shows whose certificate is there. The supervisor refuses its own node's name after that, and says so in its log.
public enum SupervisorProbe {
    /// What was found at the address.
    public enum Finding: Sendable, Hashable {
        /// Nobody listens, and a supervisor could.
        case free
        /// The node's supervisor, by a certificate that the others would accept too.
        case answers(serial: String)
        /// Somebody listens who does not show such a certificate.
        case taken(why: String)
        /// Nobody can listen there.
        case unusable(why: String)
    }

    /// - Parameters:
    ///   - host: as in `supervisor.listen`; where that means all addresses, this host itself is called.
    ///   - identity: the node's own.
    public static func look(host: String, port: Int, identity: IdentityStore) async -> Finding {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let finding = await Self.call(host: host, port: port, identity, on: group)
        let result: Finding
        if let finding { result = finding } else { result = await Self.listen(host: host, port: port, on: group) }
        try? await group.shutdownGracefully()
        return result
    }

    /// Nil: nobody listens there.
    private static func call(host: String, port: Int, _ identity: IdentityStore, on group: MultiThreadedEventLoopGroup) async -> Finding? {
        let shown = group.next().makePromise(of: PeerIdentity.self)
        let bootstrap = ClientBootstrap(group: group).connectTimeout(PeerLimits.connect)
        let channel: any Channel
        let here = ["", "0.0.0.0"].contains(host) ? "127.0.0.1" : host == "::" ? "::1" : host
        do { channel = try await bootstrap.connect(host: here, port: port).get() } catch {
            shown.fail(error)
            return nil
        }
        defer { channel.close(promise: nil) }
        do {
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandlers([try identity.clientHandler(expecting: identity.node), ShownHandler(shown)])
            }.get()
        } catch {
            let ending = PeerEnding(error)
            shown.fail(ending)
            return .taken(why: ending.text)
        }
        do { return .answers(serial: try await shown.futureResult.get().serial) } catch { return .taken(why: PeerEnding(error).text) }
    }

    private static func listen(host: String, port: Int, on group: MultiThreadedEventLoopGroup) async -> Finding {
        do {
            let bootstrap = ServerBootstrap(group: group).serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            try await bootstrap.bind(host: host, port: port).get().close()
            return .free
        } catch { return .unusable(why: PeerEnding(error).text) }
    }
}

/// Hands on whose certificate was shown, or why none was.
private final class ShownHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let shown: EventLoopPromise<PeerIdentity>
    private var isOver = false

    init(_ shown: EventLoopPromise<PeerIdentity>) { self.shown = shown }

    private func end(_ result: Result<PeerIdentity, any Error>) {
        guard !self.isOver else { return }
        self.isOver = true
        self.shown.completeWith(result)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSEstablished { self.end(.success(event.peer)) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.end(.failure(error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { self.end(.failure(PeerEnding.ended)) }
}
