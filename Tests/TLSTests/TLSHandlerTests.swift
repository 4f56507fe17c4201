import NIOCore
import NIOEmbedded
import TLS
import Testing

/// Notes what a handler lets through.
private final class Witness: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    var established: [PeerIdentity] = []
    var errors: [TLSError] = []
    var received = ByteBuffer()
    /// What to do on an error, as owners do: nothing, or close.
    var closesOnError = false

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSEstablished { self.established.append(event.peer) }
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        self.received.writeBuffer(&buffer)
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError { self.errors.append(error) }
        if self.closesOnError { context.close(promise: nil) }
    }
}

/// Stands where the socket is: closes its output alone when asked to, which a channel without a network can't.
private final class OutputEnd: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    var isClosed = false

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        self.isClosed = true
        promise?.succeed()
    }
}

@Suite("TLS handler")
struct TLSHandlerTests {
    /// A handler of ours on a channel without a network.
    private struct Host {
        let channel = EmbeddedChannel()
        let witness = Witness()
        let output = OutputEnd()

        init(_ session: TLSSession) throws {
            try self.channel.pipeline.syncOperations.addHandlers([self.output, TLSHandler(session), self.witness])
            self.channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        }
        var loop: EmbeddedEventLoop { self.channel.embeddedEventLoop }
        func take() -> ByteBuffer? { try? self.channel.readOutbound(as: ByteBuffer.self) }
        func feed(_ buffer: ByteBuffer) { self.channel.pipeline.fireChannelRead(buffer) }
    }

    private let pki: TestPKI
    private let a: TLSContext
    private let b: TLSContext

    init() throws {
        self.pki = try TestPKI()
        self.a = try self.pki.node("a")
        self.b = try self.pki.node("b")
    }

    private func server(isMember: Bool = true) throws -> Host {
        try Host(TLSSession(self.a, role: .server, expecting: .member { _ in isMember }) { _, _ in false })
    }
    private func client() throws -> Host { try Host(TLSSession(self.b, role: .client, expecting: .node("a")) { _, _ in false }) }

    private func carry(_ one: Host, _ other: Host) {
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            while let bytes = one.take() {
                isQuiet = false
                other.feed(bytes)
            }
            while let bytes = other.take() {
                isQuiet = false
                one.feed(bytes)
            }
        }
    }

    @Test("two handlers greet, tell their owners once who is there, and carry messages")
    func established() throws {
        let (client, server) = (try self.client(), try self.server())
        client.channel.writeAndFlush(ByteBuffer(string: "before the handshake is done"), promise: nil)
        self.carry(client, server)
        #expect(client.witness.established.map(\.node) == ["a"])
        #expect(server.witness.established.map(\.node) == ["b"])
        #expect(String(buffer: server.witness.received) == "before the handshake is done")
        server.channel.writeAndFlush(ByteBuffer(string: "answer"), promise: nil)
        self.carry(client, server)
        #expect(String(buffer: client.witness.received) == "answer")
        #expect(client.witness.errors.isEmpty)
        #expect(server.witness.errors.isEmpty)
    }

    @Test("half a record and then silence ends with the handshake's budget, not before")
    func budget() throws {
        let (client, server) = (try self.client(), try self.server())
        var hello = try #require(client.take())
        let half = hello.readSlice(length: hello.readableBytes / 2)
        server.feed(try #require(half))
        server.loop.advanceTime(by: TLSHandler.handshakeBudget - .nanoseconds(1))
        #expect(server.witness.errors.isEmpty)
        #expect(server.channel.isActive)
        server.loop.advanceTime(by: .nanoseconds(1))
        #expect(server.witness.errors == [.handshakeTimeout])
        #expect(!server.channel.isActive)
    }

    @Test("a peer that says nothing at all costs no more than the budget, on either side")
    func silence() throws {
        for host in [try self.client(), try self.server()] {
            host.loop.advanceTime(by: TLSHandler.handshakeBudget)
            #expect(host.witness.errors == [.handshakeTimeout])
            #expect(!host.channel.isActive)
        }
    }

    @Test("the budget ends with the handshake: an idle link stays")
    func idle() throws {
        let (client, server) = (try self.client(), try self.server())
        self.carry(client, server)
        for host in [client, server] {
            host.loop.advanceTime(by: .hours(1))
            #expect(host.channel.isActive)
            #expect(host.witness.errors.isEmpty)
        }
    }

    @Test("a refused peer gets the alert before the channel closes, also when the owner closes at once", arguments: [false, true])
    func alert(closesOnError: Bool) throws {
        let (client, server) = (try self.client(), try self.server(isMember: false))
        server.witness.closesOnError = closesOnError
        self.carry(client, server)
        #expect(server.witness.errors == [.peerRefused(.notAMember("b"), alert: TLSAlert(rawValue: 42))])
        #expect(client.witness.errors == [.refusedByPeer(TLSAlert(rawValue: 42))])
        #expect(server.witness.established.isEmpty)
        // Closing it whole would have the kernel answer the peer's unread bytes with a reset, and the alert would be lost.
        #expect(server.output.isClosed)
        server.feed(ByteBuffer(repeating: 7, count: 1000))
        server.loop.advanceTime(by: TLSHandler.lingerTime - .nanoseconds(1))
        #expect(server.channel.isActive)
        server.loop.advanceTime(by: .nanoseconds(1))
        #expect(!server.channel.isActive)
        #expect(server.witness.errors.count == 1)
        #expect(server.witness.received.readableBytes == 0)
    }

    @Test("a refused peer that goes on talking is not listened to for long")
    func talkative() throws {
        let (client, server) = (try self.client(), try self.server(isMember: false))
        self.carry(client, server)
        let chunk = ByteBuffer(repeating: 7, count: TLSHandler.lingerBytes / 4)
        for _ in 0..<4 { server.feed(chunk) }
        #expect(server.channel.isActive)
        server.feed(ByteBuffer(repeating: 7, count: 1))
        #expect(!server.channel.isActive)
    }

    @Test("what waits for a peer that reads nothing is bounded, and the link goes when the bound is reached")
    func backlog() throws {
        let (client, server) = (try self.client(), try self.server())
        self.carry(client, server)
        server.channel.isWritable = false
        let message = ByteBuffer(repeating: 7, count: 64 * 1024)
        let fitting = TLSHandler.backlogLimit / message.readableBytes
        for _ in 0..<fitting { server.channel.writeAndFlush(message, promise: nil) }
        #expect(server.witness.errors.isEmpty)
        #expect(server.take() == nil, "nothing is encrypted while the channel takes no more")
        let promise = server.channel.eventLoop.makePromise(of: Void.self)
        server.channel.writeAndFlush(ByteBuffer(repeating: 7, count: 1), promise: promise)
        #expect(throws: TLSError.backlogExceeded(limit: TLSHandler.backlogLimit)) { try promise.futureResult.wait() }
        #expect(server.witness.errors == [.backlogExceeded(limit: TLSHandler.backlogLimit)])
        #expect(!server.channel.isActive)
    }

    @Test("what waited goes out when the channel takes more")
    func writable() throws {
        let (client, server) = (try self.client(), try self.server())
        self.carry(client, server)
        server.channel.isWritable = false
        server.channel.writeAndFlush(ByteBuffer(string: "waited"), promise: nil)
        self.carry(client, server)
        #expect(client.witness.received.readableBytes == 0)
        server.channel.isWritable = true
        server.channel.pipeline.fireChannelWritabilityChanged()
        self.carry(client, server)
        #expect(String(buffer: client.witness.received) == "waited")
    }

    @Test("an orderly close is no error on either side; a cut is one")
    func end() throws {
        var (client, server) = (try self.client(), try self.server())
        self.carry(client, server)
        client.channel.close(promise: nil)
        self.carry(client, server)
        #expect(server.witness.errors.isEmpty)
        #expect(!server.channel.isActive)

        (client, server) = (try self.client(), try self.server())
        self.carry(client, server)
        server.channel.pipeline.fireChannelInactive()
        #expect(server.witness.errors == [.truncated(inHandshake: false)])
    }

    @Test("what was written and not sent fails with the connection, it isn't forgotten")
    func pending() throws {
        let client = try self.client()
        let promise = client.channel.eventLoop.makePromise(of: Void.self)
        client.channel.writeAndFlush(ByteBuffer(string: "never"), promise: promise)
        client.channel.close(promise: nil)
        #expect(throws: TLSError.closed) { try promise.futureResult.wait() }
    }
}
