import NIOCore
import NIOEmbedded
import NIOSSL
import TLS

/// One end of a link in memory.
protocol LinkEnd: AnyObject {
    func feed(_ bytes: ByteBuffer)
    func take() -> ByteBuffer?
}

/// Our session as an end of a link.
final class OurEnd: LinkEnd {
    let session: TLSSession
    private(set) var peer: PeerIdentity?
    private(set) var error: TLSError?
    private(set) var received = ByteBuffer()
    private(set) var isClosedByPeer = false
    /// What it put on the wire last.
    private(set) var lastFlight: ByteBuffer?

    init(_ session: TLSSession) {
        self.session = session
        self.run()
    }

    convenience init(
        _ context: TLSContext, _ role: TLSSession.Role, _ expectation: PeerExpectation, denied: Set<String> = []
    ) throws {
        self.init(try TLSSession(context, role: role, expecting: expectation) { serial, _ in denied.contains(serial) })
    }

    func feed(_ bytes: ByteBuffer) {
        self.session.receive(bytes)
        self.run()
    }
    func take() -> ByteBuffer? {
        let bytes = self.session.takeCiphertext(ByteBufferAllocator())
        self.lastFlight = bytes ?? self.lastFlight
        return bytes
    }

    private func run() {
        if self.error != nil || self.isClosedByPeer { return }
        do {
            while true {
                switch try self.session.step(ByteBufferAllocator()) {
                case .needsInput: return
                case .established(let peer): self.peer = peer
                case .plaintext(var buffer): self.received.writeBuffer(&buffer)
                case .closedByPeer:
                    self.isClosedByPeer = true
                    return
                }
            }
        } catch { self.error = error }
    }
}

/// NIOSSL as an end of a link.
final class BoringEnd: LinkEnd {
    private let channel: EmbeddedChannel
    private(set) var error: (any Error)?

    init(_ configuration: TLSConfiguration, _ role: TLSSession.Role) throws {
        let context = try NIOSSLContext(configuration: configuration)
        self.channel = EmbeddedChannel()
        switch role {
        case .client: try self.channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
        case .server: try self.channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        }
        self.channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    func feed(_ bytes: ByteBuffer) {
        do { try self.channel.writeInbound(bytes) } catch { self.error = self.error ?? error }
    }
    func take() -> ByteBuffer? { try? self.channel.readOutbound(as: ByteBuffer.self) }
    func write(_ text: String) { self.channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }
    func read() -> ByteBuffer? { try? self.channel.readInbound(as: ByteBuffer.self) }

    /// Whether what it failed with is this alert.
    func wasTold(_ alert: TLSAlert) -> Bool { self.error.map { "\($0)".contains("ALERT_\(alert.name.uppercased())") } ?? false }
}

/// Carries bytes between two ends until neither has any. Each flight is carried whole.
func exchange(_ one: some LinkEnd, _ other: some LinkEnd) {
    var isQuiet = false
    while !isQuiet {
        isQuiet = true
        if let bytes = one.take() {
            isQuiet = false
            other.feed(bytes)
        }
        if let bytes = other.take() {
            isQuiet = false
            one.feed(bytes)
        }
    }
}
