import Eventually
import Membership
import Model
import NIOCore
import NIOSSL
import Peers
import TLS
import Testing

@Suite("Bad input", .timeLimit(.minutes(2)))
struct BadInputTests {
    /// Does something to node `a` of a cluster in which `x` is a member without a process; the others must not notice.
    private func against(
        admission: PeerMeshConfiguration.Admission = .init(), _ body: (TestNode, IdentityFolder) async throws -> Void
    ) async throws {
        try await withCluster(admission: admission, besides: [Member(name: "x", address: "127.0.0.1:1")]) { cluster in
            let x = try IdentityFolder("x", cluster.authority)
            try await body(try cluster["a"], x)
            try await eventually("the nodes see each other alive") { cluster.isWhole() }
            for node in cluster.nodes {
                for other in cluster.nodes where other.name != node.name {
                    #expect(!node.notices.states(of: other.name).contains(.failed), "\(node.name) on \(other.name)")
                }
            }
        }
    }

    private func message(_ folder: IdentityFolder, to node: TestNode, sequence: UInt64, _ body: PeerMessage.Body = .holdOff(milliseconds: 1)) -> PeerMessage {
        PeerMessage(
            from: folder.name, to: node.name, bootID: "boot of x", incarnation: 1, sequence: sequence, requestID: sequence, sentMono: 1,
            wall: WallTime(microseconds: 1), body: body)
    }

    private static let noise: [UInt8] = (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }

    @Test(
        "what is no TLS is refused and counted",
        arguments: ["GET /v1/nodes HTTP/1.1\r\nHost: a\r\n\r\n", "SSH-2.0-x\r\n", String(repeating: "\u{16}", count: 600)])
    func noTLS(text: String) async throws {
        try await self.against { a, _ in
            let stranger = try await Stranger.connect(to: try #require(a.mesh.port))
            stranger.write(text)
            try await stranger.end()
            try await eventually("it is counted") { a.mesh.counters[.notTLS] == 1 && a.mesh.counters.strangers == 0 }
        }
    }

    @Test("noise, and a handshake that breaks off, are refused and counted")
    func noise() async throws {
        try await self.against { a, _ in
            let port = try #require(a.mesh.port)
            let noisy = try await Stranger.connect(to: port)
            noisy.write(Self.noise)
            try await noisy.end()
            try await eventually("noise is counted") { a.mesh.counters[.notTLS] == 1 }
            let half = try await Stranger.connect(to: port)
            // A record of 300 bytes of which five follow.
            half.write([22, 3, 1, 1, 44, 1, 0, 1, 40, 3])
            await half.close()
            try await eventually("half a record is counted") { a.mesh.counters[.handshakeCut] == 1 && a.mesh.counters.strangers == 0 }
        }
    }

    @Test("TLS 1.2 is refused and counted")
    func oldTLS() async throws {
        try await self.against { a, x in
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            configuration.maximumTLSVersion = .tlsv12
            configuration.certificateVerification = .none
            configuration.applicationProtocols = [TLSContext.applicationProtocol]
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(x.files.certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: x.files.key, format: .pem))
            let context = try NIOSSLContext(configuration: configuration)
            let stranger = try await Stranger.connect(to: try #require(a.mesh.port)) { [try NIOSSLClientHandler(context: context, serverHostname: nil)] }
            try await stranger.end()
            try await eventually("it is counted") { a.mesh.counters[.oldTLS] == 1 }
        }
    }

    @Test("a hundred connections that say nothing are refused or run out of time; nodes stay, and a new one gets in afterwards")
    func silent() async throws {
        try await self.against { a, x in
            let port = try #require(a.mesh.port)
            var strangers: [Stranger] = []
            for _ in 0..<100 { strangers.append(try await Stranger.connect(to: port)) }
            try await eventually("most are refused at once") { a.mesh.counters[.tooManyFromAddress] + a.mesh.counters[.tooManyUnauthenticated] >= 50 }
            for stranger in strangers { try await stranger.end() }
            try await eventually("the rest ran out of time") { a.mesh.counters[.handshakeTimeout] > 0 && a.mesh.counters.strangers == 0 }
            let late = try await Stranger.member(x, to: a)
            await late.close()
        }
    }

    @Test("no more strangers at a time than are allowed, whatever their rate")
    func strangers() async throws {
        var admission = PeerMeshConfiguration.Admission()
        admission.burst = 1000
        admission.unauthenticated = 10
        try await self.against(admission: admission) { a, _ in
            let port = try #require(a.mesh.port)
            var strangers: [Stranger] = []
            for _ in 0..<100 { strangers.append(try await Stranger.connect(to: port)) }
            try await eventually("ninety are refused") { a.mesh.counters[.tooManyUnauthenticated] >= 90 }
            #expect(a.mesh.counters.strangers <= 10)
            for stranger in strangers { try await stranger.end() }
            try await eventually("none is left") { a.mesh.counters.strangers == 0 }
        }
    }

    @Test(
        "a frame that is too large, of no bytes, or no message ends that link",
        arguments: [
            ([0, 0, 64, 1], PeerFault.badFrame), ([255, 255, 255, 255], .badFrame), ([0, 0, 0, 0], .badFrame), ([0, 0, 0, 2, 123, 125], .badMessage),
            ([0, 0, 0, 4, 1, 2, 3, 4], .badMessage),
        ] as [([UInt8], PeerFault)])
    func frames(bytes: [UInt8], fault: PeerFault) async throws {
        try await self.against { a, x in
            let stranger = try await Stranger.member(x, to: a)
            stranger.write(self.message(x, to: a, sequence: 1))
            try await eventually("the good message before it counts") { a.notices.messages.count == 1 }
            stranger.write(bytes)
            try await stranger.end()
            try await eventually("it is counted") { a.mesh.counters[fault] == 1 }
        }
    }

    @Test("half a frame has no effect, whether the link ends there or stays")
    func half() async throws {
        try await self.against { a, x in
            let ends = try await Stranger.member(x, to: a)
            ends.write(FrameDecoder.frame(self.message(x, to: a, sequence: 1).encoded()).prefix(40))
            await ends.close()
            try await eventually("it is counted") { a.mesh.counters[.unfinishedFrame] == 1 }
            let stays = try await Stranger.member(x, to: a)
            stays.write(FrameDecoder.frame(self.message(x, to: a, sequence: 1).encoded()).prefix(40))
            try await stays.end()
            #expect(a.notices.messages.isEmpty)
        }
    }

    @Test("a frame sent twice counts once, over the same link and over another")
    func replay() async throws {
        try await self.against { a, x in
            let first = try await Stranger.member(x, to: a)
            let message = self.message(x, to: a, sequence: 7)
            first.write(message)
            first.write(message)
            try await eventually("the second is refused") { a.mesh.view.refusals[.replayed] == 1 }
            let second = try await Stranger.member(x, to: a)
            second.write(message)
            try await eventually("the third is refused") { a.mesh.view.refusals[.replayed] == 2 }
            #expect(a.notices.messages.count == 1)
            await first.close()
            await second.close()
        }
    }

    @Test("a message under another node’s name ends the link and has no effect")
    func misaddressed() async throws {
        try await self.against { a, x in
            let stranger = try await Stranger.member(x, to: a)
            var message = self.message(x, to: a, sequence: 1)
            message.from = "b"
            stranger.write(message)
            try await stranger.end()
            try await eventually("it is counted") { a.mesh.view.refusals[.misaddressed] == 1 && a.mesh.counters.hangUps[.misaddressed] == 1 }
            #expect(a.notices.messages.isEmpty)
        }
    }

    @Test("a member that talks without end is cut off")
    func flood() async throws {
        try await self.against { a, x in
            let stranger = try await Stranger.member(x, to: a)
            for sequence in 1...4_000 as ClosedRange<UInt64> { stranger.write(self.message(x, to: a, sequence: sequence)) }
            try await stranger.end()
            try await eventually("it is counted") { a.mesh.counters[.tooManyMessages] == 1 }
        }
    }

    @Test("a member that takes nothing is cut off before much waits for it")
    func takesNothing() async throws {
        try await self.against { a, x in
            let stranger = try await Stranger.member(x, to: a)
            stranger.write(self.message(x, to: a, sequence: 1))
            try await eventually("it is known") { a.sees("x", .alive) }
            try await stranger.stopReading()
            let long = PeerMessage.Body.promise(
                requestID: 1, token: FencingToken(value: 1), incarnation: "x", verdict: .refused(String(repeating: "-", count: PeerMessage.maximumText)))
            try await eventually("it is counted") {
                for request in 0..<900 as Range<UInt64> { a.mesh.post(long, to: "x", requestID: request) }
                return a.mesh.counters[.takesNothing] == 1
            }
            await stranger.close()
        }
    }

    @Test("a node that is no member is refused by all, and none of them is heard by it")
    func stranger() async throws {
        try await withCluster { cluster in
            let d = try TestNode("d", IdentityFolder("d", cluster.authority))
            try await eventually("d listens") { d.mesh.port != nil }
            d.mesh.update(members: cluster.nodes.map(\.member) + [d.member])
            try await eventually("all refuse it") { cluster.nodes.allSatisfy { $0.mesh.counters[.notAMember] > 0 } }
            try await eventually("d is told") { d.mesh.counters[.refusedByPeer] >= 3 }
            #expect(d.mesh.view.peers.allSatisfy { !$0.state.isUp })
            #expect(cluster.isWhole())
            #expect(cluster.nodes.allSatisfy { $0.peer("d") == nil })
            try await d.stop()
        }
    }

    @Test("another cluster’s node is refused")
    func otherAuthority() async throws {
        try await self.against { a, _ in
            let made = try CertificateAuthority.create(cluster: "prod")
            let folder = try IdentityFolder("x", CertificateAuthority(certificate: made.certificate, key: made.key))
            let identity = try IdentityStore(files: folder.files, cluster: "prod", node: "x")
            let stranger = try await Stranger.connect(to: try #require(a.mesh.port)) { [try identity.clientHandler(expecting: "a")] }
            try await stranger.end()
            try await eventually("it is counted") { a.mesh.counters[.untrusted] + a.mesh.counters[.refusedByPeer] > 0 }
        }
    }

    @Test("another node behind a member’s address is refused, and stays a peer under its own name")
    func wrongName() async throws {
        try await withCluster { cluster in
            let (a, c) = (try cluster["a"], try cluster["c"])
            a.mesh.update(members: [a.member, c.member, Member(name: "d", address: c.address)])
            try await eventually("it is refused") { a.mesh.counters[.otherNode] > 0 }
            #expect(a.sees("c", .alive))
            #expect(a.peer("d")?.state.isUp == false)
            try await eventually("c was told") { c.mesh.counters[.refusedByPeer] > 0 }
        }
    }

    @Test("a second process with the same name is noticed by the others, who stay alive to each other")
    func clone() async throws {
        try await withCluster { cluster in
            let (a, c) = (try cluster["a"], try cluster["c"])
            let second = try TestNode("b", IdentityFolder("b", cluster.authority))
            try await eventually("the second listens") { second.mesh.port != nil }
            second.mesh.update(members: cluster.nodes.map(\.member))
            try await eventually("both notice") { a.notices.hasCloneAlarm("b") && c.notices.hasCloneAlarm("b") }
            #expect(a.sees("c", .alive) && c.sees("a", .alive))
            #expect(!a.notices.states(of: "c").contains(.failed))
            try await second.stop()
        }
    }

    @Test("a node that meets its own name refuses it and raises an alarm")
    func ownName() async throws {
        try await self.against { a, _ in
            let identity = a.identity
            // Nobody expects a node to dial itself, so the stranger expects it.
            let stranger = try await Stranger.connect(to: try #require(a.mesh.port)) { [try identity.clientHandler(expecting: "a")] }
            try await stranger.end()
            try await eventually("it is counted") { a.mesh.counters[.ownName] == 1 && a.notices.hasCloneAlarm("a") }
        }
    }
}
