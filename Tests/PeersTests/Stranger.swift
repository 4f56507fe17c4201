import Eventually
import Membership
import Model
import NIOCore
import NIOPosix
import Peers
import Synchronization
import TLS
import Testing

/// A connection that says what a node never would.
final class Stranger: Sendable {
    private let channel: any Channel
    private let log: Log

    /// What came of it.
    final class Log: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private struct State {
            var isEstablished = false
            var received = 0
            var failures: [String] = []
        }
        private let state = Mutex(State())
        var isEstablished: Bool { self.state.withLock { $0.isEstablished } }
        var received: Int { self.state.withLock { $0.received } }
        var failures: [String] { self.state.withLock { $0.failures } }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if event is TLSEstablished { self.state.withLock { $0.isEstablished = true } }
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let count = self.unwrapInboundIn(data).readableBytes
            self.state.withLock { $0.received += count }
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.state.withLock { $0.failures.append("\(error)") }
            context.close(promise: nil)
        }
    }

    private init(_ channel: any Channel, _ log: Log) {
        self.channel = channel
        self.log = log
    }

    static func connect(to port: Int, reads: Bool = true, _ handlers: @escaping @Sendable () throws -> [any ChannelHandler] = { [] }) async throws -> Stranger {
        let log = Log()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // So little that a stranger who stops reading is noticed soon.
            .channelOption(.socketOption(.so_rcvbuf), value: 16 * 1024)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandlers(try handlers() + [log]) }
            }.connect(host: "127.0.0.1", port: port).get()
        return Stranger(channel, log)
    }

    /// With a node's certificate, past the handshake.
    static func member(_ folder: IdentityFolder, to node: TestNode) async throws -> Stranger {
        let (identity, name) = (try IdentityStore(files: folder.files, cluster: "prod", node: folder.name), node.name)
        let stranger = try await Self.connect(to: try #require(node.mesh.port)) { [try identity.clientHandler(expecting: name)] }
        try await eventually("the handshake is done") { stranger.log.isEstablished }
        return stranger
    }

    func write(_ bytes: some Sequence<UInt8> & Sendable) { self.channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }
    func write(_ text: String) { self.write(Array(text.utf8)) }
    func write(_ message: PeerMessage) { self.write(FrameDecoder.frame(message.encoded())) }
    /// Takes nothing from now on.
    func stopReading() async throws { try await self.channel.setOption(.autoRead, value: false).get() }

    var isEstablished: Bool { self.log.isEstablished }
    /// Bytes.
    var received: Int { self.log.received }
    /// What went wrong with it, in words.
    var failures: [String] { self.log.failures }
    var isOpen: Bool { self.channel.isActive }
    /// The other side ends it.
    func end() async throws { try await self.channel.closeFuture.get() }
    func close() async { try? await self.channel.close().get() }
}
