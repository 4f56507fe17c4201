import NIOCore
import NIOPosix
import NIOSSL
import TLS
import Testing

/// Tells how a link over a socket went: who is there, what came, how it ended.
final class LinkReport: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Event: Sendable {
        case established(PeerIdentity)
        case received(String)
        case failed(any Error)
        case ended
    }
    struct Whole {
        var peers: [String] = []
        var text = ""
        var errors: [any Error] = []
    }
    let events: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation
    private let echoes: Bool

    init(echoes: Bool = false) {
        (self.events, self.continuation) = AsyncStream.makeStream()
        self.echoes = echoes
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSEstablished { self.continuation.yield(.established(event.peer)) }
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.continuation.yield(.received(String(buffer: buffer)))
        if self.echoes { context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil) }
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.continuation.yield(.failed(error))
        context.close(promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) {
        self.continuation.yield(.ended)
        self.continuation.finish()
    }

    /// All that happens until the link ends.
    func all() async -> Whole {
        var result = Whole()
        for await event in self.events {
            switch event {
            case .established(let peer): result.peers.append(peer.node)
            case .received(let text): result.text += text
            case .failed(let error): result.errors.append(error)
            case .ended: return result
            }
        }
        return result
    }
    /// All that is received until it is `text`.
    func wait(for text: String) async -> Bool {
        var received = ""
        for await event in self.events {
            if case .received(let part) = event { received += part }
            if received.contains(text) { return true }
        }
        return false
    }
}

@Suite("TLS over sockets")
struct TLSSocketTests {
    private let pki: TestPKI
    private let group = MultiThreadedEventLoopGroup.singleton
    private let folders: [IdentityFolder]

    init() throws {
        let pki = try TestPKI()
        self.pki = pki
        self.folders = try ["a", "b"].map { name in
            let folder = try IdentityFolder()
            try folder.write(try pki.issue(.node(name)))
            try folder.write(try pki.pem, to: "ca.pem")
            return folder
        }
    }

    private func store(_ name: String) throws -> IdentityStore {
        try IdentityStore(files: self.folders[name == "a" ? 0 : 1].files, cluster: "prod", node: name)
    }

    /// Serves with what `setup` puts into the pipeline; ends with `body`.
    private func serve<Result>(
        _ setup: @escaping @Sendable (any Channel) throws -> Void, _ body: (SocketAddress) async throws -> Result
    ) async throws -> Result {
        let server = try await ServerBootstrap(group: self.group).serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try setup(channel) } }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(server.localAddress)
        do {
            let result = try await body(address)
            try await server.close().get()
            return result
        } catch {
            try? await server.close().get()
            throw error
        }
    }

    private func connect(_ address: SocketAddress, _ setup: @escaping @Sendable (any Channel) throws -> Void) async throws -> any Channel {
        try await ClientBootstrap(group: self.group)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try setup(channel) } }
            .connect(to: address).get()
    }

    @Test("two nodes greet over a socket, talk and part in order")
    func greet() async throws {
        let (a, b) = (try self.store("a"), try self.store("b"))
        let (atServer, atClient) = (LinkReport(echoes: true), LinkReport())
        try await self.serve({ channel in
            try channel.pipeline.syncOperations.addHandler(a.serverHandler { $0 == "b" })
            try channel.pipeline.syncOperations.addHandler(atServer)
        }) { address in
            let channel = try await self.connect(address) { channel in
                try channel.pipeline.syncOperations.addHandler(b.clientHandler(expecting: "a"))
                try channel.pipeline.syncOperations.addHandler(atClient)
            }
            try await channel.writeAndFlush(ByteBuffer(string: "ping")).get()
            #expect(await atClient.wait(for: "ping"))
            try await channel.close().get()
            let report = await atServer.all()
            #expect(report.peers == ["b"])
            #expect(report.text == "ping")
            #expect(report.errors.isEmpty, "\(report.errors)")
        }
    }

    @Test("a refused node gets the alert over a real socket, though it sends at once and more than is read")
    func refused() async throws {
        let (a, b) = (try self.store("a"), try self.store("b"))
        let (atServer, atClient) = (LinkReport(), LinkReport())
        try await self.serve({ channel in
            try channel.pipeline.syncOperations.addHandler(a.serverHandler { _ in false })
            try channel.pipeline.syncOperations.addHandler(atServer)
        }) { address in
            let channel = try await self.connect(address) { channel in
                try channel.pipeline.syncOperations.addHandler(b.clientHandler(expecting: "a"))
                try channel.pipeline.syncOperations.addHandler(atClient)
            }
            channel.writeAndFlush(ByteBuffer(repeating: 7, count: 40_000), promise: nil)
            let (server, client) = (await atServer.all(), await atClient.all())
            #expect(server.peers.isEmpty)
            #expect(server.errors.first as? TLSError == .peerRefused(.notAMember("b"), alert: TLSAlert(rawValue: 42)))
            #expect(client.errors.first as? TLSError == .refusedByPeer(TLSAlert(rawValue: 42)))
        }
    }

    @Test("a connection that is cut is an error to the other side, not an end")
    func cut() async throws {
        let a = try self.store("a")
        let atServer = LinkReport()
        let context = try self.pki.node("b")
        try await self.serve({ channel in
            try channel.pipeline.syncOperations.addHandler(a.serverHandler { _ in true })
            try channel.pipeline.syncOperations.addHandler(atServer)
        }) { address in
            // Greets by hand, then closes the socket under the session.
            let channel = try await self.connect(address) { try $0.pipeline.syncOperations.addHandler(RawGreeting(context)) }
            try await channel.closeFuture.get()
            let report = await atServer.all()
            #expect(report.peers == ["b"])
            #expect(report.errors.first as? TLSError == .truncated(inHandshake: false))
        }
    }

    @Test("NIOSSL as a client talks to our server, and as a server to our client")
    func boring() async throws {
        let a = try self.store("a")
        let identity = try self.pki.issue(.node("b"))
        var configuration = try self.pki.boring(identity)
        configuration.certificateVerification = .noHostnameVerification
        let context = try NIOSSLContext(configuration: configuration)
        var report = LinkReport()
        let one = report
        try await self.serve({ channel in
            try channel.pipeline.syncOperations.addHandler(a.serverHandler { $0 == "b" })
            try channel.pipeline.syncOperations.addHandler(LinkReport(echoes: true))
        }) { address in
            let channel = try await self.connect(address) { channel in
                try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
                try channel.pipeline.syncOperations.addHandler(one)
            }
            try await channel.writeAndFlush(ByteBuffer(string: "from BoringSSL")).get()
            #expect(await one.wait(for: "from BoringSSL"))
            try await channel.close().get()
        }
        report = LinkReport()
        let other = report
        try await self.serve({ channel in
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
            try channel.pipeline.syncOperations.addHandler(LinkReport(echoes: true))
        }) { address in
            let channel = try await self.connect(address) { channel in
                try channel.pipeline.syncOperations.addHandler(a.clientHandler(expecting: "b"))
                try channel.pipeline.syncOperations.addHandler(other)
            }
            try await channel.writeAndFlush(ByteBuffer(string: "to BoringSSL")).get()
            #expect(await other.wait(for: "to BoringSSL"))
            try await channel.close().get()
        }
    }

    @Test("a hundred connections that say nothing end, and a node gets through meanwhile")
    func hundred() async throws {
        let (a, b) = (try self.store("a"), try self.store("b"))
        let atClient = LinkReport()
        try await self.serve({ channel in
            // A short budget keeps the test short; the moment of its end is tested with a clock that is moved.
            try channel.pipeline.syncOperations.addHandler(a.serverHandler(accepting: { _ in true }, handshakeBudget: .milliseconds(300)))
            try channel.pipeline.syncOperations.addHandler(LinkReport(echoes: true))
        }) { address in
            var silent: [any Channel] = []
            for _ in 0..<100 { silent.append(try await self.connect(address) { _ in }) }
            let channel = try await self.connect(address) { channel in
                try channel.pipeline.syncOperations.addHandler(b.clientHandler(expecting: "a"))
                try channel.pipeline.syncOperations.addHandler(atClient)
            }
            try await channel.writeAndFlush(ByteBuffer(string: "ping")).get()
            #expect(await atClient.wait(for: "ping"))
            for connection in silent { try await connection.closeFuture.get() }
            try await channel.close().get()
        }
    }
}

/// Greets as node `b` with a session of its own and closes the socket as soon as the other side has all it needs, without the closing message.
private final class RawGreeting: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let session: TLSSession

    init(_ context: TLSContext) throws {
        self.session = try TLSSession(context, role: .client, expecting: .node("a")) { _, _ in false }
    }
    func channelActive(context: ChannelHandlerContext) { self.run(context) }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.session.receive(self.unwrapInboundIn(data))
        self.run(context)
    }
    private func run(_ context: ChannelHandlerContext) {
        while let step = try? self.session.step(context.channel.allocator), step != .needsInput, step != .closedByPeer {}
        if let bytes = self.session.takeCiphertext(context.channel.allocator) { context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil) }
        if self.session.state == .established { context.close(promise: nil) }
    }
}
