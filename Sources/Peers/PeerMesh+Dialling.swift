import Logging
import Membership
import Model
import NIOCore
import NIOPosix
import TLS

/// Connections that this node begins.
extension PeerMesh {
    func dial(_ peer: String, _ address: String, _ origin: Connection.Origin) {
        guard !self.isStopping else { return }
        self.tally.dials += 1
        guard let (host, port) = Self.hostAndPort(address) else {
            let text = "the address “\(address)” of node “\(peer)” is no host:port; correct it in the membership"
            return self.dialFailed(peer, origin, PeerEnding(.unreachable, text))
        }
        let bootstrap = ClientBootstrap(group: self.loop).connectTimeout(PeerLimits.connect).channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_sndbuf), value: PeerLimits.socketBuffer).resolver(self.configuration.resolver?(self.loop))
        // A number needs no resolver, which would be another thread.
        let connected =
            if let direct = try? SocketAddress(ipAddress: host, port: port) { bootstrap.connect(to: direct) } else {
                bootstrap.connect(host: host, port: port)
            }
        connected.whenComplete { result in self.assumeIsolated { $0.connected(result, peer, origin) } }
    }

    /// The handlers come now: of a name with several addresses only one connection is left. The other side waits for our first byte.
    private func connected(_ result: Result<any Channel, any Error>, _ peer: String, _ origin: Connection.Origin) {
        switch result {
        case .failure(let error): self.dialFailed(peer, origin, PeerEnding(error))
        case .success(let channel):
            guard !self.isStopping, channel.isActive else {
                channel.close(promise: nil)
                return self.dialFailed(peer, origin, .ended)
            }
            do { try self.begin(origin, channel, try self.identity.clientHandler(expecting: peer)) } catch {
                channel.close(promise: nil)
                self.dialFailed(peer, origin, PeerEnding(.own, "\(error)"))
            }
        }
    }

    func dialFailed(_ peer: String, _ origin: Connection.Origin, _ ending: PeerEnding) {
        // That nobody is there is told with the peer's state; a reason of its own is worth a line.
        if let fault = ending.fault {
            if fault == .unreachable {
                self.tally.faults[fault, default: 0] += 1
                self.logger.debug("a dial led to no link", metadata: ["peer": "\(peer)", "why": "\(ending.text)"])
            } else {
                self.count(fault, ending.text, from: peer)
            }
        }
        if case .dialled = origin { self.handle(.dialFailed(peer: peer, ending.end)) } else { self.publish() }
    }

    /// `host:port`, where an IPv6 address stands in brackets.
    static func hostAndPort(_ address: String) -> (host: String, port: Int)? {
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]), port > 0 else { return nil }
        var host = address[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() } else if host.contains(":") { return nil }
        return host.isEmpty ? nil : (String(host), Int(port))
    }

    // MARK: Fresh links for a fresh certificate

    /// Dials peers whose newest link was made with a certificate that this node no longer uses. The machine takes the fresh link into use and lets the old
    /// one go when nothing is under way over it, so that no probe is lost.
    ///
    /// Nodes of a cluster change their certificates together. One link serves both ends, so the lower name dials and the higher waits; and a link that
    /// is new is left to settle, since of two that are opened together the machine drops one.
    func relink(at now: Instant) {
        self.relinks = self.relinks.filter { now - $0.value < PeerLimits.relinkPause }
        let leaf = self.identity.facts.fingerprint
        var newest: [String: Connection] = [:]
        for connection in self.connections.values {
            guard let peer = connection.peer?.node, (newest[peer]?.number ?? 0) < connection.number else { continue }
            newest[peer] = connection
        }
        let isLate = self.leafChangedAt.map { now - $0 >= PeerLimits.relinkTurn } ?? true
        let stale = newest.filter { peer, link in
            link.leaf != leaf && self.relinks[peer] == nil && now - link.openedAt >= PeerLimits.relinkSettling && (isLate || self.configuration.node < peer)
        }
        guard !stale.isEmpty else { return }
        for peer in self.view.peers where stale[peer.name] != nil {
            self.relinks[peer.name] = now
            self.dial(peer.name, peer.address, .relinked(peer.name))
        }
    }
}
