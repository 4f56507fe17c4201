internal import COpenSSL
internal import COpenSSLShims
public import NIOCore

/// One TLS connection without any input or output of its own: ciphertext in, ciphertext out, plaintext both ways.
///
/// States: `handshaking` → `established` → `closed`; a failure goes straight to `closed` and is thrown once. Invariants: `established` is reached only
/// with a peer that ``PeerJudge`` accepted; the peer is told nothing more after a failure than the alert that OpenSSL queued for it; after each `step`,
/// `send` and `close`, also after a failed one, ``takeCiphertext(_:)`` may have something for the wire. It belongs to one event loop. It has no clock.
public final class TLSSession {
    /// Who began the connection.
    public enum Role: Sendable { case client, server }
    /// How far it is; it never goes back.
    public enum State: Sendable { case handshaking, established, closed }
    /// What one step of it led to.
    public enum Step: Sendable, Hashable {
        /// Nothing more to do before more ciphertext arrives.
        case needsInput
        /// The handshake is done, and this is the peer. On the dialling side the peer may still refuse us.
        case established(PeerIdentity)
        case plaintext(ByteBuffer)
        /// The peer said that it is done, in order.
        case closedByPeer
    }

    /// A TLS record holds no more.
    private static let largestRecord = 16 * 1024

    /// A failure makes it `closed` before it is thrown.
    public private(set) var state = State.handshaking
    /// Who is at the other end; nil before the handshake is done.
    public private(set) var peer: PeerIdentity?

    private let ssl: OpaquePointer
    // Both owned by `ssl`.
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private let context: TLSContext
    private let judge: PeerJudge

    /// - Parameter isDenied: whether a serial number (as ``CertificateSerial`` writes it) or the name of a node, once it is known, is on the deny-list; it
    ///   runs inside the handshake and never waits.
    /// - Throws: ``TLSError/library(_:)`` when OpenSSL has no memory.
    public init(
        _ context: TLSContext, role: Role, expecting expectation: PeerExpectation, isDenied: @escaping @Sendable (String, String?) -> Bool
    ) throws(TLSError) {
        OpenSSLQueue.clear()
        guard let ssl = SSL_new(context.raw) else { throw .library(OpenSSLQueue.drainText()) }
        guard let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw .library("no memory for buffers")
        }
        SSL_set_bio(ssl, incoming, outgoing)
        self.ssl = ssl
        self.incoming = incoming
        self.outgoing = outgoing
        self.context = context
        self.judge = PeerJudge(context: context, expectation: expectation, isDenied: isDenied)
        self.judge.attach(to: ssl)
        switch role {
        case .client: SSL_set_connect_state(ssl)
        case .server: SSL_set_accept_state(ssl)
        }
    }

    deinit {
        PeerJudge.detach(from: self.ssl)
        SSL_free(self.ssl)
    }

    /// The fatal alert that the peer was sent.
    public var alertSent: TLSAlert? { self.judge.alertSent }
    /// The fatal alert that the peer sent.
    public var alertReceived: TLSAlert? { self.judge.alertReceived }

    /// Takes over what the wire brought. After the end of the session it is dropped.
    public func receive(_ ciphertext: ByteBuffer) {
        if self.state == .closed { return }
        var rest = ciphertext
        while rest.readableBytes > 0, let part = rest.readSlice(length: min(rest.readableBytes, Int(Int32.max))) {
            _ = part.withUnsafeReadableBytes { BIO_write(self.incoming, $0.baseAddress, Int32($0.count)) }
        }
    }

    /// The wire has ended.
    ///
    /// - Throws: ``TLSError/truncated(inHandshake:)`` when the peer did not say before that it is done.
    public func receiveEnd() throws(TLSError) {
        let state = self.state
        self.state = .closed
        if state != .closed { throw .truncated(inHandshake: state == .handshaking) }
    }

    /// What is to go out, if anything.
    public func takeCiphertext(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        let pending = min(cossl_bio_pending(self.outgoing), Int(Int32.max))
        if pending == 0 { return nil }
        var buffer = allocator.buffer(capacity: pending)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: pending) { max(0, Int(BIO_read(self.outgoing, $0.baseAddress, Int32(pending)))) }
        return buffer
    }

    /// Advances by one step. Call it until it says `needsInput` or `closedByPeer`.
    ///
    /// - Throws: ``TLSError``; the session is closed then.
    public func step(_ allocator: ByteBufferAllocator) throws(TLSError) -> Step {
        OpenSSLQueue.clear()
        switch self.state {
        case .handshaking:
            let code = SSL_do_handshake(self.ssl)
            if code != 1 { return try self.interpret(code) }
            return .established(try self.finishHandshake())
        case .established:
            // Each message is followed by a look for another, which would take room for one.
            if cossl_bio_pending(self.incoming) == 0, SSL_pending(self.ssl) == 0, SSL_get_shutdown(self.ssl) == 0 { return .needsInput }
            var buffer = allocator.buffer(capacity: Self.largestRecord)
            var code: Int32 = 0
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.largestRecord) {
                code = SSL_read(self.ssl, $0.baseAddress, Int32(Self.largestRecord))
                return Int(max(code, 0))
            }
            return code > 0 ? .plaintext(buffer) : try self.interpret(code)
        case .closed:
            return .closedByPeer
        }
    }

    /// Encrypts. What is written to a session that is not `established` is refused.
    public func send(_ plaintext: ByteBuffer) throws(TLSError) {
        guard self.state == .established else { throw .closed }
        var rest = plaintext
        // Writing nothing is undefined in OpenSSL.
        while rest.readableBytes > 0, let part = rest.readSlice(length: min(rest.readableBytes, Self.largestRecord)) {
            OpenSSLQueue.clear()
            let code = part.withUnsafeReadableBytes { SSL_write(self.ssl, $0.baseAddress, Int32($0.count)) }
            // A buffer in memory takes everything: anything but success is a failure.
            if code <= 0 {
                self.state = .closed
                throw .library(OpenSSLQueue.drainText())
            }
        }
    }

    /// Queues the closing message. After a failure there is none: OpenSSL forbids it.
    public func close() {
        if self.state == .established {
            OpenSSLQueue.clear()
            SSL_shutdown(self.ssl)
            _ = OpenSSLQueue.drain()
        }
        self.state = .closed
    }

    /// OpenSSL says yes; so must everything that the identity of the peer rests on.
    private func finishHandshake() throws(TLSError) -> PeerIdentity {
        guard let peer = self.judge.accepted, SSL_get_verify_result(self.ssl) == Int(X509_V_OK), SSL_get0_peer_certificate(self.ssl) != nil,
            SSL_session_reused(self.ssl) == 0
        else {
            self.state = .closed
            throw .peerRefused(self.judge.refusal ?? .noCertificate, alert: self.alertSent)
        }
        guard PeerJudge.agreedOnProtocol(self.ssl) else {
            self.state = .closed
            throw .peerRefused(.otherProtocol, alert: self.alertSent)
        }
        self.state = .established
        self.peer = peer
        return peer
    }

    private func interpret(_ code: Int32) throws(TLSError) -> Step {
        switch SSL_get_error(self.ssl, code) {
        case SSL_ERROR_WANT_READ: return .needsInput
        case SSL_ERROR_ZERO_RETURN:
            self.close()
            return .closedByPeer
        default:
            self.state = .closed
            let entries = OpenSSLQueue.drain()
            if let alert = self.alertReceived { throw .refusedByPeer(alert) }
            if let refusal = self.judge.refusal { throw .peerRefused(refusal, alert: self.alertSent) }
            if entries.contains(where: { $0.isOfTLS && $0.reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE }) {
                throw .peerRefused(.noCertificate, alert: self.alertSent)
            }
            if entries.contains(where: { $0.isOfTLS && $0.reason == SSL_R_CALLBACK_FAILED }) {
                throw .protocolFailure(reason: "it offers no application protocol; \(TLSContext.applicationProtocol) is needed", alert: self.alertSent)
            }
            guard !entries.isEmpty else { throw .library("no reason given") }
            throw .protocolFailure(reason: entries.map(\.text).joined(separator: "; "), alert: self.alertSent)
        }
    }
}
