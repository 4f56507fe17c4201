public import NIOCore

/// Fired once, as a user event, when the handshake is done. On the dialling side the peer may still refuse us: it is certain only when the peer's first
/// message arrives.
public struct TLSEstablished: Sendable, Hashable {
    /// As its certificate proves it.
    public var peer: PeerIdentity
    public init(peer: PeerIdentity) { self.peer = peer }
}

/// Runs a ``TLSSession`` in a channel's pipeline.
///
/// States: waiting for the channel → handshaking → established → lingering (after a failure: the alert is out, the peer's last bytes are swallowed) →
/// closed. Every failure is fired once, as a ``TLSError``, and closes the channel. Invariants: no plaintext goes up before ``TLSEstablished``; nothing is
/// encrypted while the channel takes no more, so that what waits is bounded by ``backlogLimit``; whatever OpenSSL left for the wire is flushed before
/// the channel closes.
///
/// It does not limit connections or watch for silence after the handshake: its owner does.
public final class TLSHandler: ChannelDuplexHandler {
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = ByteBuffer
    public typealias OutboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    /// From the connection's start to the end of the handshake. A handshake takes 4 ms; what takes 3 s is a peer that is gone, or means ill.
    public static let handshakeBudget = TimeAmount.seconds(3)
    /// Plaintext bytes that may wait for the handshake or for a peer that does not read: over 60 of the largest messages.
    public static let backlogLimit = 1024 * 1024
    /// After an alert, the connection stays for this long, or until the peer closes it: closing while the peer's bytes are still unread would make the
    /// kernel send a reset, which takes the alert away from the peer.
    public static let lingerTime = TimeAmount.milliseconds(500)
    /// What a peer may send in that time; it is thrown away.
    public static let lingerBytes = 256 * 1024

    private enum Phase { case waiting, handshaking, established, lingering, closed }

    private let session: TLSSession
    private let budget: TimeAmount
    private var phase = Phase.waiting
    private var backlog = MarkedCircularBuffer<(ByteBuffer, EventLoopPromise<Void>?)>(initialCapacity: 4)
    private var backlogBytes = 0
    private var deadline: Scheduled<Void>?
    private var swallowed = 0
    private var closePromise: EventLoopPromise<Void>?

    public init(_ session: TLSSession, handshakeBudget: TimeAmount = TLSHandler.handshakeBudget) {
        self.session = session
        self.budget = handshakeBudget
    }

    // MARK: Inbound

    public func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { self.start(context) } }

    public func handlerRemoved(context: ChannelHandlerContext) { self.stop(.closed) }

    public func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        self.start(context)
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let ciphertext = self.unwrapInboundIn(data)
        switch self.phase {
        case .closed: return
        case .lingering:
            self.swallowed += ciphertext.readableBytes
            if self.swallowed > Self.lingerBytes { self.endLinger(context) }
        case .waiting, .handshaking, .established:
            self.session.receive(ciphertext)
            self.pump(context)
        }
    }

    public func channelInactive(context: ChannelHandlerContext) {
        let wasOpen = self.phase == .handshaking || self.phase == .established
        if wasOpen {
            do { try self.session.receiveEnd() } catch { context.fireErrorCaught(error) }
        }
        self.stop(.closed)
        context.fireChannelInactive()
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.encrypt(context)
        context.fireChannelWritabilityChanged()
    }

    private func start(_ context: ChannelHandlerContext) {
        guard self.phase == .waiting else { return }
        self.phase = .handshaking
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.deadline = context.eventLoop.scheduleTask(in: self.budget) {
            let (handler, context) = bound.value
            if handler.phase == .handshaking { handler.fail(TLSError.handshakeTimeout, context) }
        }
        self.pump(context)
    }

    /// Steps the session until it wants more input. What is fired may write, close or remove reentrantly: each step leaves the session whole before,
    /// and the phase is looked at after.
    private func pump(_ context: ChannelHandlerContext) {
        var delivered = false
        defer { if delivered { context.fireChannelReadComplete() } }
        while self.phase == .handshaking || self.phase == .established {
            do throws(TLSError) {
                switch try self.session.step(context.channel.allocator) {
                case .established(let peer):
                    self.phase = .established
                    self.deadline?.cancel()
                    self.deadline = nil
                    self.emit(context)
                    context.fireUserInboundEventTriggered(TLSEstablished(peer: peer))
                    self.encrypt(context)
                case .plaintext(let buffer):
                    delivered = true
                    context.fireChannelRead(self.wrapInboundOut(buffer))
                case .needsInput:
                    self.emit(context)
                    return
                case .closedByPeer:
                    self.emit(context)
                    self.stop(.closed)
                    context.close(promise: nil)
                }
            } catch {
                self.fail(error, context)
            }
        }
    }

    // MARK: Outbound

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard self.phase != .closed, self.phase != .lingering else {
            promise?.fail(TLSError.closed)
            return
        }
        let buffer = self.unwrapOutboundIn(data)
        guard self.backlogBytes + buffer.readableBytes <= Self.backlogLimit else {
            // Leaving out one message would tear a stream: the connection goes.
            let error = TLSError.backlogExceeded(limit: Self.backlogLimit)
            promise?.fail(error)
            self.fail(error, context)
            return
        }
        self.backlogBytes += buffer.readableBytes
        self.backlog.append((buffer, promise))
    }

    public func flush(context: ChannelHandlerContext) {
        self.backlog.mark()
        self.encrypt(context)
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all else {
            // Half of a TLS connection can't be closed without the other half taking it for an attack.
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        switch self.phase {
        case .lingering:
            // Owners close on an error: the alert needs its moment all the same.
            if let first = self.closePromise { first.futureResult.cascade(to: promise) } else { self.closePromise = promise }
        case .established where context.channel.isActive:
            self.encrypt(context)
            self.session.close()
            self.emit(context)
            fallthrough
        case .waiting, .handshaking, .established, .closed:
            self.stop(.closed)
            context.close(promise: promise)
        }
    }

    /// Encrypts what was flushed, as far as the channel takes it.
    private func encrypt(_ context: ChannelHandlerContext) {
        var wrote = false
        while self.phase == .established, context.channel.isWritable, self.backlog.hasMark, let (buffer, promise) = self.backlog.popFirst() {
            self.backlogBytes -= buffer.readableBytes
            do throws(TLSError) { try self.session.send(buffer) } catch {
                promise?.fail(error)
                self.fail(error, context)
                return
            }
            if let ciphertext = self.session.takeCiphertext(context.channel.allocator) {
                wrote = true
                context.write(self.wrapOutboundOut(ciphertext), promise: promise)
            } else {
                promise?.succeed()
            }
        }
        if wrote { context.flush() }
    }

    private func emit(_ context: ChannelHandlerContext) {
        if let ciphertext = self.session.takeCiphertext(context.channel.allocator) {
            context.writeAndFlush(self.wrapOutboundOut(ciphertext), promise: nil)
        }
    }

    // MARK: The end

    private func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
        guard self.phase != .closed, self.phase != .lingering else { return }
        let alert = self.session.takeCiphertext(context.channel.allocator)
        self.session.close()
        self.stop(alert == nil ? .closed : .lingering, error)
        guard let alert else {
            context.fireErrorCaught(error)
            context.close(promise: nil)
            return
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.deadline = context.eventLoop.scheduleTask(in: Self.lingerTime) {
            let (handler, context) = bound.value
            handler.endLinger(context)
        }
        context.writeAndFlush(self.wrapOutboundOut(alert), promise: nil)
        context.close(mode: .output, promise: nil)
        context.fireErrorCaught(error)
    }

    private func endLinger(_ context: ChannelHandlerContext) {
        guard self.phase == .lingering else { return }
        let promise = self.closePromise
        self.closePromise = nil
        self.stop(.closed)
        context.close(promise: promise)
    }

    /// Lets go of timers and of what waits to be sent.
    private func stop(_ phase: Phase, _ error: any Error = TLSError.closed) {
        self.phase = phase
        self.deadline?.cancel()
        self.deadline = nil
        self.backlogBytes = 0
        while let (_, promise) = self.backlog.popFirst() { promise?.fail(error) }
        self.closePromise?.succeed()
        self.closePromise = nil
    }
}
