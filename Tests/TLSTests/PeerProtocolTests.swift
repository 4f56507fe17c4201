import NIOCore
import NIOSSL
import TLS
import Testing

/// Peers that are no nodes.
@Suite("Strangers at the peer port")
struct PeerProtocolTests {
    private let pki: TestPKI
    private let node: TLSContext

    init() throws {
        self.pki = try TestPKI()
        self.node = try self.pki.node("a")
    }

    private func server() throws -> OurEnd { try OurEnd(self.node, .server, .member { _ in true }) }

    private func expectProtocolFailure(_ end: OurEnd, alert: String?, words: String) {
        guard case .protocolFailure(let reason, let told)? = end.error else {
            Issue.record("no protocol failure: \(String(describing: end.error))")
            return
        }
        #expect(told?.name == alert)
        #expect(reason.contains(words), "\(reason)")
        #expect(end.peer == nil)
        #expect(end.session.state == .closed)
    }

    @Test("plain HTTP is refused and called by its name")
    func http() throws {
        let server = try self.server()
        server.feed(ByteBuffer(string: "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"))
        self.expectProtocolFailure(server, alert: nil, words: "http request")
    }

    @Test("noise is refused", arguments: [[0xDE, 0xAD, 0xBE, 0xEF, 0, 0, 0, 0, 1], Array(repeating: 0xFF, count: 64), Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)])
    func noise(bytes: [UInt8]) throws {
        let server = try self.server()
        server.feed(ByteBuffer(bytes: bytes))
        guard case .protocolFailure? = server.error else {
            Issue.record("accepted: \(String(describing: server.error))")
            return
        }
        #expect(server.peer == nil)
    }

    @Test("a server that answers with noise is refused by a dialling node")
    func noisyServer() throws {
        let client = try OurEnd(self.node, .client, .node("b"))
        client.feed(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n"))
        guard case .protocolFailure? = client.error else {
            Issue.record("accepted: \(String(describing: client.error))")
            return
        }
    }

    @Test("a client of TLS 1.2 is told that the version is too old")
    func oldVersion() throws {
        var configuration = try self.pki.boring(try self.pki.issue(.node("b")))
        configuration.maximumTLSVersion = .tlsv12
        let server = try self.server()
        let client = try BoringEnd(configuration, .client)
        exchange(client, server)
        self.expectProtocolFailure(server, alert: "protocol_version", words: "unsupported protocol")
        #expect(client.wasTold(TLSAlert(rawValue: 70)), "\(String(describing: client.error))")
    }

    @Test("a server of TLS 1.2 is refused by a dialling node")
    func oldServer() throws {
        var configuration = try self.pki.boring(try self.pki.issue(.node("b")))
        configuration.maximumTLSVersion = .tlsv12
        let client = try OurEnd(self.node, .client, .node("b"))
        exchange(client, try BoringEnd(configuration, .server))
        #expect(client.peer == nil)
        #expect(client.error == .refusedByPeer(TLSAlert(rawValue: 70)), "\(String(describing: client.error))")
    }

    @Test("a client with another protocol, or with none, is told so", arguments: [[], ["h2", "http/1.1"], ["muster-peer/2"], ["muster-peer/1x"]])
    func otherProtocol(protocols: [String]) throws {
        let server = try self.server()
        let client = try BoringEnd(self.pki.boring(try self.pki.issue(.node("b")), protocols: protocols), .client)
        exchange(client, server)
        self.expectProtocolFailure(server, alert: "no_application_protocol", words: "application protocol")
        #expect(client.wasTold(TLSAlert(rawValue: 120)), "\(String(describing: client.error))")
    }

    @Test("our protocol is found among others")
    func protocolAmongOthers() throws {
        let server = try self.server()
        let protocols = ["h2", TLSContext.applicationProtocol, "http/1.1"]
        exchange(try BoringEnd(self.pki.boring(try self.pki.issue(.node("b")), protocols: protocols), .client), server)
        #expect(server.peer?.node == "b")
    }

    @Test("a server that chooses no protocol is refused, though its certificate is a node's")
    func serverWithoutProtocol() throws {
        let client = try OurEnd(self.node, .client, .node("b"))
        let server = try BoringEnd(self.pki.boring(try self.pki.issue(.node("b")), protocols: []), .server)
        exchange(client, server)
        #expect(client.error == .peerRefused(.otherProtocol, alert: TLSAlert(rawValue: 40)))
        #expect(client.lastFlight == ByteBuffer(bytes: [21, 3, 3, 0, 2, 2, 40]), "the alert goes out, in the clear as yet")
        #expect(server.error != nil)
    }

    @Test("a connection that ends inside the handshake is truncated, and so is one that ends without the closing message")
    func truncated() throws {
        let early = try self.server()
        #expect(throws: TLSError.truncated(inHandshake: true)) { try early.session.receiveEnd() }

        let (client, server) = (try OurEnd(self.pki.node("b"), .client, .node("a")), try self.server())
        exchange(client, server)
        #expect(throws: TLSError.truncated(inHandshake: false)) { try server.session.receiveEnd() }
    }

    @Test("an orderly end is one on both sides")
    func orderly() throws {
        let (client, server) = (try OurEnd(self.pki.node("b"), .client, .node("a")), try self.server())
        exchange(client, server)
        client.session.close()
        exchange(client, server)
        #expect(server.isClosedByPeer)
        #expect(server.error == nil)
        try server.session.receiveEnd()
        try client.session.receiveEnd()
        #expect(throws: TLSError.closed) { try client.session.send(ByteBuffer(string: "late")) }
    }

    @Test("a changed byte of a record ends the session, with an alert and without the rest", arguments: [5, 11, 20])
    func forged(at index: Int) throws {
        let (client, server) = (try OurEnd(self.pki.node("b"), .client, .node("a")), try self.server())
        exchange(client, server)
        try client.session.send(ByteBuffer(string: "a message"))
        var record = try #require(client.take())
        let byte = try #require(record.getInteger(at: index, as: UInt8.self))
        record.setInteger(byte ^ 1, at: index)
        server.feed(record)
        #expect(server.received.readableBytes == 0)
        self.expectFailureAfterHandshake(server, alert: "bad_record_mac")
    }

    private func expectFailureAfterHandshake(_ end: OurEnd, alert: String) {
        guard case .protocolFailure(_, let told)? = end.error else {
            Issue.record("no failure: \(String(describing: end.error))")
            return
        }
        #expect(told?.name == alert)
        #expect(end.session.state == .closed)
    }

    @Test("a record that was sent once can't be delivered twice")
    func replayed() throws {
        let (client, server) = (try OurEnd(self.pki.node("b"), .client, .node("a")), try self.server())
        exchange(client, server)
        try client.session.send(ByteBuffer(string: "scale down"))
        let record = try #require(client.take())
        server.feed(record)
        server.feed(record)
        #expect(String(buffer: server.received) == "scale down")
        self.expectFailureAfterHandshake(server, alert: "bad_record_mac")
    }

    @Test("messages of every size arrive whole, in both directions and cut anywhere", arguments: [1, 2, 16_383, 16_384, 16_385, 100_000])
    func sizes(size: Int) throws {
        let (client, server) = (try OurEnd(self.pki.node("b"), .client, .node("a")), try self.server())
        exchange(client, server)
        let message = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        for (from, to) in [(client, server), (server, client)] {
            try from.session.send(message)
            try from.session.send(ByteBuffer())
            var ciphertext = try #require(from.take())
            let cut = max(1, ciphertext.readableBytes / 7)
            while ciphertext.readableBytes > 0 { to.feed(ciphertext.readSlice(length: min(cut, ciphertext.readableBytes))!) }
            #expect(to.received == message)
        }
    }

    @Test("an error of one session does not show in another of the same thread")
    func errorQueue() throws {
        let (client, server) = (try OurEnd(self.pki.node("b"), .client, .node("a")), try self.server())
        let stranger = try self.server()
        stranger.feed(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        #expect(stranger.error != nil)
        exchange(client, server)
        #expect(client.error == nil)
        #expect(server.error == nil)
        #expect(server.peer?.node == "b")
    }
}
