import Glibc
import Synchronization
import Logging
import Membership
import Model
import NIOCore
import NIOPosix
import TLS

/// Connections from their beginning to their end.
extension PeerMesh {
    // MARK: Beginnings

    /// A connection that came in.
    ///
    /// - Throws: ``PeerEnding`` when it may not even try; its channel is closed by who accepted it.
    func accept(_ channel: any Channel) throws {
        self.tally.accepted += 1
        let label = channel.remoteAddress?.description ?? "an unknown address"
        guard !self.isStopping else { throw PeerEnding(.idle, "this node stops") }
        if let fault = self.admission.arrive(from: Self.origin(channel.remoteAddress), at: BootClock.now()) {
            self.count(fault, "too many connections that have not shown who they are", from: label)
            self.publish()
            throw PeerEnding(fault, "too many connections")
        }
        do {
            let tls = try self.identity.serverHandler { name in self.assumeIsolated { $0.mayKnock(name) } }
            try self.begin(.accepted, channel, tls)
        } catch {
            self.admission.left()
            self.count(.own, "\(error)", from: label)
            throw error
        }
        self.noteStrangers()
    }

    /// An address without its port; of IPv6 the half that names a network, since one machine has all of the other.
    static func origin(_ address: SocketAddress?) -> String {
        guard let text = address?.ipAddress else { return "?" }
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, text, &bytes) == 1 else { return text }
        // An IPv4 address in the clothes of IPv6 keeps all its bytes.
        let isMapped = bytes[0..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isMapped ? text : bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ".")
    }

    func begin(_ origin: Connection.Origin, _ channel: any Channel, _ tls: TLSHandler) throws {
        let now = BootClock.now()
        self.lastNumber += 1
        let wire = WireHandler()
        let isStranger = if case .accepted = origin { true } else { false }
        // Before the handlers: a channel that is active starts its handshake when they are added.
        self.connections[self.lastNumber] = Connection(
            number: self.lastNumber, origin: origin, channel: channel, wire: wire, leaf: self.identity.facts.fingerprint, isStranger: isStranger,
            heardAt: now, openedAt: now, secondAt: now)
        do { try channel.pipeline.syncOperations.addHandlers([wire, tls, LinkHandler(self, self.lastNumber)]) } catch {
            self.connections[self.lastNumber] = nil
            throw error
        }
    }

    func established(_ number: Int, _ peer: PeerIdentity) {
        guard let connection = self.connections[number], case .greeting = connection.phase else { return }
        let isKnown = connection.dialledPeer != nil || self.published.withLock { $0.members.contains(peer.node) }
        guard isKnown else { return self.keepWaiting(number, peer) }
        self.letIn(number, peer)
    }

    func letIn(_ number: Int, _ peer: PeerIdentity) {
        guard let connection = self.connections[number] else { return }
        self.connections[number]?.phase = .open(peer)
        let now = BootClock.now()
        self.connections[number]?.heardAt = now
        self.connections[number]?.openedAt = now
        self.noLongerStranger(number)
        switch connection.origin {
        case .accepted: self.tally.handshakesAccepted += 1
        case .dialled, .relinked: self.tally.handshakesDialled += 1
        }
        self.tally.links += 1
        self.handle(.linkOpened(peer: peer.node, link: number, dialled: connection.dialledPeer != nil))
    }

    // MARK: Messages

    func received(_ number: Int, _ frames: [ArraySlice<UInt8>], isPartial: Bool) {
        if case .waiting = self.connections[number]?.phase { return self.keep(frames, of: number) }
        guard self.connections[number]?.peer != nil else { return }
        let inSecond = self.connections[number]?.hear(frames: frames.count, isPartial: isPartial, at: BootClock.now()) ?? 0
        guard inSecond <= self.configuration.messagesPerSecond else {
            return self.giveUp(number, PeerEnding(.tooManyMessages, "more than \(self.configuration.messagesPerSecond) messages in a second"))
        }
        for frame in frames {
            // An effect of the message before may have ended the link.
            guard self.connections[number]?.isOver == false else { return }
            do throws(PeerMessageError) {
                let message = try PeerMessage(decoding: frame)
                self.tally.messagesReceived += 1
                self.handle(.received(message, link: number))
            } catch {
                return self.giveUp(number, PeerEnding(.badMessage, error.description))
            }
        }
    }

    func send(_ message: PeerMessage, over number: Int) {
        guard let connection = self.connections[number], connection.peer != nil else { return }
        let bytes = FrameDecoder.frame(message.encoded())
        guard connection.unsentBytes + bytes.count <= PeerLimits.unsentBytes else {
            return self.giveUp(
                number, PeerEnding(.takesNothing, "the peer takes nothing: more than \(PeerLimits.unsentBytes) bytes wait to be sent"))
        }
        self.tally.messagesSent += 1
        self.connections[number]?.unsentBytes += bytes.count
        let promise = self.loop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in self.assumeIsolated { $0.written(number, bytes.count) } }
        connection.channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: promise)
    }

    private func written(_ number: Int, _ count: Int) {
        if self.connections[number]?.wrote(count) == true { self.connections[number]?.channel.close(promise: nil) }
    }

    // MARK: Ends

    /// The machine ends the link: what was sent before is written out, within ``PeerLimits/farewell``.
    func hangUp(_ number: Int, _ why: HangUp) {
        self.tally.hangUps[why, default: 0] += 1
        guard let connection = self.connections[number], !connection.isOver else { return }
        self.finish(number)
        self.logger.debug("a link was hung up", metadata: ["peer": "\(connection.peer?.node ?? connection.label)", "why": "\(why)"])
        guard connection.unsentBytes > 0 else { return connection.channel.close(promise: nil) }
        self.connections[number]?.closesWhenWritten = true
        self.loop.scheduleTask(in: PeerLimits.farewell) { self.assumeIsolated { $0.connections[number]?.wire.cut() } }
    }

    /// Something ends the connection that the machine did not ask for. Told once; what comes after is part of the same end.
    func giveUp(_ number: Int, _ ending: PeerEnding) {
        guard let connection = self.connections[number], !connection.isOver else { return }
        let peer = connection.peer
        self.finish(number)
        connection.channel.close(promise: nil)
        if ending.fault == .ownName { self.noteOwnName() }
        if let dialled = connection.dialledPeer, peer == nil { return self.dialFailed(dialled, connection.origin, ending) }
        if let fault = ending.fault { self.count(fault, ending.text, from: peer?.node ?? connection.label) }
        if peer != nil { self.handle(.linkClosed(link: number, ending.end)) } else { self.publish() }
    }

    /// The channel is closed.
    func gone(_ number: Int, isPartial: Bool) {
        let ending: PeerEnding
        if isPartial {
            ending = PeerEnding(.unfinishedFrame, "the link ended in the middle of a frame")
        } else if let connection = self.connections[number], case .greeting = connection.phase {
            ending = PeerEnding(fault: .handshakeCut, end: .ended, text: "the connection ended before its handshake")
        } else {
            ending = .ended
        }
        self.giveUp(number, ending)
        if let counts = self.connections[number]?.wire.takeCounts() { self.add(counts) }
        self.connections[number] = nil
        self.noteStopped()
    }

    func add(_ counts: (received: Int, sent: Int)) {
        self.tally.bytesReceived += UInt64(counts.received)
        self.tally.bytesSent += UInt64(counts.sent)
    }

    private func finish(_ number: Int) {
        guard let connection = self.connections[number] else { return }
        if connection.peer != nil { self.tally.links -= 1 }
        self.noLongerStranger(number)
        self.connections[number]?.phase = .over
    }

    private func noLongerStranger(_ number: Int) {
        guard self.connections[number]?.isStranger == true else { return }
        self.connections[number]?.isStranger = false
        self.admission.left()
        self.noteStrangers()
    }

    private func noteStrangers() {
        self.tally.strangers = self.admission.strangers
        self.publish()
    }

    /// Somebody showed this node's own name. It is no proof of its key yet, so it is told once a minute.
    private func noteOwnName() {
        let now = BootClock.now()
        if let last = self.ownNameAlarmAt, now - last < PeerLimits.logPause { return }
        self.ownNameAlarmAt = now
        self.raise(.identityClone(node: self.configuration.node))
    }
}
