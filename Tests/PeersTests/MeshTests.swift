import Eventually
import Logging
import Membership
import Model
import NIOCore
import NIOPosix
import ServiceLifecycle
import TLS
import Testing

@testable import Peers

@Suite("Mesh", .timeLimit(.minutes(2)))
struct MeshTests {
    @Test("three nodes see each other alive, over one link a pair, and know what each says of itself")
    func alive() async throws {
        try await withCluster { cluster in
            try await eventually("one link a pair is left") { cluster.nodes.allSatisfy { $0.mesh.counters.links == 2 } }
            for node in cluster.nodes {
                let view = node.mesh.view
                #expect(view.alive == 3)
                #expect(!node.mesh.isIsolated)
                for peer in view.peers {
                    #expect(peer.path == .direct)
                    #expect(peer.facts?.version == "1.2.3")
                    let other = try cluster[peer.name]
                    #expect(peer.facts?.certificateNotAfter == other.identity.facts.notAfter)
                    #expect(peer.bootID == other.mesh.configuration.bootID)
                }
                let counters = node.mesh.counters
                #expect(counters.handshakesAccepted + counters.handshakesDialled >= 2)
                #expect(counters.faults.isEmpty, "\(counters.faults)")
            }
            try await eventually("bytes are counted") {
                cluster.nodes.allSatisfy { $0.mesh.counters.bytesReceived > 1000 && $0.mesh.counters.bytesSent > 1000 }
            }
        }
    }

    @Test("a node that stops in order has left; when it comes back it is another process, and alive")
    func left() async throws {
        try await withCluster { cluster in
            let (a, b, c) = (try cluster["a"], try cluster["b"], try cluster["c"])
            let address = c.address
            try await c.stop()
            try await eventually("c has left") { a.sees("c", .left) && b.sees("c", .left) }
            #expect(!a.notices.states(of: "c").contains(.suspect))
            #expect(!b.notices.states(of: "c").contains(.suspect))
            #expect(!a.mesh.isIsolated)

            let port = try #require(PeerMesh.hostAndPort(address)?.port)
            let again = try TestNode("c", c.folder, port: port)
            again.mesh.update(members: cluster.nodes.map { $0.name == "c" ? Member(name: "c", address: address) : $0.member })
            try await eventually("c is back") { a.sees("c", .alive) && b.sees("c", .alive) && again.sees("a", .alive) && again.sees("b", .alive) }
            let bootID = again.mesh.configuration.bootID
            #expect(a.notices.contains { $0 == .restarted(peer: "c", bootID: bootID) })
            try await again.stop()
        }
    }

    @Test("a node whose process ends without a word is failed at all others; one that is left alone knows that it is")
    func failed() async throws {
        try await withCluster { cluster in
            let (a, b, c) = (try cluster["a"], try cluster["b"], try cluster["c"])
            await c.mesh.die()
            try await eventually("c is failed") { a.sees("c", .failed) && b.sees("c", .failed) }
            #expect(a.notices.states(of: "c").suffix(2) == [.suspect, .failed])
            #expect(a.sees("b", .alive))
            #expect(!a.mesh.isIsolated)
            await b.mesh.die()
            try await eventually("a is alone") { a.sees("b", .failed) }
            #expect(a.mesh.isIsolated)
            #expect(a.notices.contains { $0 == .isolated(true) })
        }
    }

    @Test("a fence goes to a peer and its promise comes back, in order and with the request’s number")
    func fence() async throws {
        try await withCluster(["a", "b"]) { cluster in
            let (a, b) = (try cluster["a"], try cluster["b"])
            let token = FencingToken(timeline: 3, epoch: Epoch(7))
            for request in 1...20 as ClosedRange<UInt64> { a.mesh.post(.fence(token: token, leader: "old"), to: "b", requestID: request) }
            try await eventually("the fences came") { b.notices.messages.count == 20 }
            let fences = b.notices.messages
            #expect(fences.map(\.requestID) == Array(1...20))
            #expect(fences.allSatisfy { $0.from == "a" && $0.body == .fence(token: token, leader: "old") })
            let promise = PeerMessage.Body.promise(requestID: 20, token: token, incarnation: "old", verdict: .never)
            b.mesh.post(promise, to: "a", requestID: 20)
            try await eventually("the promise came") { a.notices.messages.map(\.body) == [promise] }
        }
    }

    @Test("what can’t be sent is told")
    func unsent() async throws {
        try await withCluster(["a", "b"]) { cluster in
            let a = try cluster["a"]
            a.mesh.post(.holdOff(milliseconds: 5), to: "nobody", requestID: 9)
            try await eventually("it is told") { a.notices.contains { $0 == .unsent(to: "nobody", body: .holdOff(milliseconds: 5), requestID: 9) } }
            try await eventually("it is counted") { a.mesh.counters.unsent == 1 }
        }
    }

    @Test("facts reach the others, and a node without its database is degraded")
    func facts() async throws {
        try await withCluster(["a", "b"]) { cluster in
            let (a, b) = (try cluster["a"], try cluster["b"])
            var facts = TestNode.goodFacts
            facts.role = .leader
            facts.epochSeen = Epoch(42)
            b.mesh.update(facts: facts)
            try await eventually("a knows the epoch") { a.peer("b")?.facts?.epochSeen == Epoch(42) && a.peer("b")?.facts?.role == .leader }
            facts.postgres.reachable = false
            b.mesh.update(facts: facts)
            try await eventually("b is degraded") { a.sees("b", .degraded) }
        }
    }

    @Test("posts that find no room are refused to who posts them, and counted; so are posts to a mesh that has ended")
    func dropped() async throws {
        let made = try CertificateAuthority.create(cluster: "prod")
        let folder = try IdentityFolder("a", CertificateAuthority(certificate: made.certificate, key: made.key))
        let identity = try IdentityStore(files: folder.files, cluster: "prod", node: "a")
        let notices = NoticeLog()
        let mesh = PeerMesh(
            configuration: .init(cluster: "prod", node: "a", host: "127.0.0.1", port: 0, version: "1", bootID: "x", seed: 1), identity: identity,
            deliver: { notices.add($0) }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var taken = 0
        for request in 0..<UInt64(PeerLimits.mailbox) + 5 where mesh.post(.holdOff(milliseconds: 1), to: "b", requestID: request) { taken += 1 }
        #expect(taken == PeerLimits.mailbox)
        let task = Task { try await mesh.run() }
        try await eventually("they are told") { mesh.counters.unsent == UInt64(PeerLimits.mailbox) && mesh.counters.dropped == 5 }
        task.cancel()
        try await task.value
        #expect(!mesh.post(.holdOff(milliseconds: 1), to: "b", requestID: 0))
        await #expect(throws: PeerMeshError.alreadyRan) { try await mesh.run() }
    }

    @Test("an address that is taken is named, with what to do")
    func taken() async throws {
        try await withCluster(["a"]) { cluster in
            let a = try cluster["a"]
            let port = try #require(a.mesh.port)
            let second = try TestNode("b", IdentityFolder("b", cluster.authority), port: port)
            let error = await #expect(throws: PeerMeshError.self) { try await second.stop() }
            let text = "\(try #require(error))"
            #expect(text.contains("127.0.0.1:\(port)"))
            #expect(text.contains("set peers.listen to another one"))
        }
    }

    @Test("as a service it leaves the cluster on graceful shutdown")
    func service() async throws {
        try await withCluster(["a"]) { cluster in
            let a = try cluster["a"]
            let folder = try IdentityFolder("b", cluster.authority)
            let identity = try IdentityStore(files: folder.files, cluster: "prod", node: "b")
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let mesh = PeerMesh(
                configuration: .init(cluster: "prod", node: "b", host: "127.0.0.1", port: 0, version: "1", bootID: "x", seed: 1), identity: identity,
                deliver: { _ in }, logger: quiet)
            let group = ServiceGroup(configuration: .init(services: [.init(service: mesh)], logger: quiet))
            let task = Task { try await group.run() }
            try await eventually("b listens") { mesh.port != nil }
            let members = [a.member, Member(name: "b", address: "127.0.0.1:\(mesh.port ?? 0)")]
            mesh.update(members: members)
            a.mesh.update(members: members)
            try await eventually("a knows b") { a.peer("b")?.state.isUp == true }
            await group.triggerGracefulShutdown()
            try await task.value
            try await eventually("b has left") { a.sees("b", .left) }
        }
    }

    @Test("removing a node from the membership ends its link; it is a member again when it is added")
    func membership() async throws {
        try await withCluster { cluster in
            let (a, b, c) = (try cluster["a"], try cluster["b"], try cluster["c"])
            for node in [a, b] { node.mesh.update(members: [a.member, b.member]) }
            try await eventually("c is refused") { a.mesh.counters[.notAMember] + b.mesh.counters[.notAMember] > 0 && a.peer("c") == nil && b.peer("c") == nil }
            #expect(a.sees("b", .alive) && b.sees("a", .alive))
            try await eventually("c is told") { c.mesh.counters[.refusedByPeer] > 0 }
            try await cluster.introduce()
            try await eventually("c is back") { cluster.isWhole() }
        }
    }
}

@Suite("Parts of a mesh")
struct PartsTests {
    @Test("an address is a host and a port")
    func addresses() {
        let good = [("10.0.0.1:7101", "10.0.0.1", 7101), ("[::1]:80", "::1", 80), ("db-1.example:1", "db-1.example", 1)]
        for (text, host, port) in good {
            let parsed = PeerMesh.hostAndPort(text)
            #expect(parsed?.host == host && parsed?.port == port, "\(text)")
        }
        for text in ["", "host", "host:", ":80", "host:0", "host:65536", "::1:80", "host:x", "[]:80"] { #expect(PeerMesh.hostAndPort(text) == nil, "\(text)") }
    }

    @Test("one address may bring a burst and then its rate; others are not touched by it")
    func rate() {
        var admission = Admission(.init())
        let start = Instant(nanoseconds: 1)
        func arrive(_ address: String, _ seconds: Double) -> PeerFault? {
            let verdict = admission.arrive(from: address, at: start + .milliseconds(Int64(seconds * 1000)))
            if verdict == nil { admission.left() }
            return verdict
        }
        for _ in 0..<PeerLimits.connectionBurst { #expect(arrive("x", 0) == nil) }
        #expect(arrive("x", 0) == .tooManyFromAddress)
        #expect(arrive("y", 0) == nil)
        #expect(arrive("x", 0.1) == .tooManyFromAddress)
        for _ in 0..<PeerLimits.connectionsPerSecond { #expect(arrive("x", 1) == nil) }
        #expect(arrive("x", 1) == .tooManyFromAddress)
        for _ in 0..<PeerLimits.connectionBurst { #expect(arrive("x", 1000) == nil) }
        #expect(arrive("x", 1000) == .tooManyFromAddress)
    }

    @Test("so many strangers at a time, from wherever; addresses that are remembered are bounded, and forgotten")
    func strangers() {
        var admission = Admission(.init())
        let start = Instant(nanoseconds: 1)
        for index in 0..<PeerLimits.unauthenticated { #expect(admission.arrive(from: "\(index)", at: start) == nil) }
        #expect(admission.arrive(from: "z", at: start) == .tooManyUnauthenticated)
        admission.left()
        #expect(admission.arrive(from: "z", at: start) == nil)
        for index in 0..<2000 { _ = admission.arrive(from: "n\(index)", at: start) }
        #expect(admission.arrive(from: "new", at: start) == .tooManyFromAddress)
        admission.left()
        #expect(admission.arrive(from: "new", at: start + .seconds(10)) == nil)
    }

    @Test("IPv6 neighbours are one origin, IPv4 in the clothes of IPv6 is itself")
    func origins() throws {
        func origin(_ text: String) throws -> String { PeerMesh.origin(try SocketAddress(ipAddress: text, port: 1)) }
        #expect(try origin("2001:db8:1:2::1") == origin("2001:db8:1:2:ffff::9"))
        #expect(try origin("2001:db8:1:2::1") != origin("2001:db8:1:3::1"))
        #expect(try origin("::ffff:10.0.0.1") != origin("::ffff:10.0.0.2"))
        #expect(try origin("10.0.0.1") == "10.0.0.1")
    }

    @Test("loop lag is the worst of the last second, timers included")
    func lag() {
        var lag = LoopLag()
        #expect(lag.tick(3) == 3)
        lag.note(90)
        #expect(lag.tick(0) == 90)
        for _ in 0..<PeerLimits.lagTicks - 1 { #expect(lag.tick(1) == 90) }
        #expect(lag.tick(1) == 1)
        #expect(lag.tick(-5) == 1)
    }

    @Test("one line a reason and minute, which tells how many it stands for")
    func gate() {
        var gate = LogGate()
        let start = Instant(nanoseconds: 0)
        #expect(gate.pass(.badFrame, at: start) == 0)
        #expect(gate.pass(.badFrame, at: start + .seconds(1)) == nil)
        #expect(gate.pass(.badFrame, at: start + .seconds(59)) == nil)
        #expect(gate.pass(.idle, at: start + .seconds(59)) == 0)
        #expect(gate.pass(.badFrame, at: start + .seconds(60)) == 2)
        #expect(gate.pass(.badFrame, at: start + .seconds(61)) == nil)
    }

    @Test("errors become what the machine understands: only a refusal by the other machine is one")
    func endings() {
        #expect(PeerEnding(IOError(errnoCode: 111, reason: "connect")).end == .refused)
        #expect(PeerEnding(IOError(errnoCode: 110, reason: "connect")).end == .timedOut)
        #expect(PeerEnding(IOError(errnoCode: 104, reason: "read")).end == .reset)
        #expect(PeerEnding(ChannelError.connectTimeout(.seconds(1))).end == .timedOut)
        let noRoute = if case .rejected = PeerEnding(IOError(errnoCode: 113, reason: "connect")).end { true } else { false }
        #expect(noRoute, "no route is no refusal")
        #expect(PeerEnding(TLSError.handshakeTimeout).end == .timedOut)
        #expect(PeerEnding(TLSError.truncated(inHandshake: false)).end == .ended)
        #expect(PeerEnding(TLSError.protocolFailure(reason: "", alert: TLSAlert(rawValue: 70))).fault == .oldTLS)
        #expect(PeerEnding(TLSError.peerRefused(.notAMember("x"), alert: nil)).fault == .notAMember)
    }

    @Test("a mailbox wakes the mesh once, keeps posts in order and only the newest members")
    func mailbox() {
        var mailbox = Mailbox()
        _ = mailbox.add(.init(to: "b", body: .leaving, requestID: 1))
        let wakes1 = mailbox.wakes()
        #expect(!wakes1, "the mesh has not started")
        mailbox.open()
        let wakes2 = mailbox.wakes()
        #expect(wakes2)
        _ = mailbox.add(.init(to: "b", body: .leaving, requestID: 2))
        mailbox.replace(members: [Member(name: "x", address: "")])
        mailbox.replace(members: [])
        let wakes3 = mailbox.wakes()
        #expect(!wakes3)
        let content = mailbox.take()
        #expect(content.posts.map(\.requestID) == [1, 2])
        #expect(content.members == [])
        #expect(mailbox.take().posts.isEmpty)
        mailbox.close()
        let isTaken = mailbox.add(.init(to: "b", body: .leaving, requestID: 3))
        #expect(!isTaken)
        let wakes4 = mailbox.wakes()
        #expect(!wakes4)
    }
}
