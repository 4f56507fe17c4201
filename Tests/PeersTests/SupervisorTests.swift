import Eventually
import Foundation
import Logging
import Membership
import Model
import Peers
import Synchronization
import TLS
import Testing

@Suite("A supervisor's answers", .timeLimit(.minutes(2))) struct SupervisorAnswerTests {
    private static let token = FencingToken(timeline: 1, epoch: Epoch(7))

    /// A supervisor of node a, whose processes named in `dead` are.
    private final class Supervisor: Sendable {
        let folder: IdentityFolder
        let identity: IdentityStore
        let responder: FenceResponder
        let port: Int
        let dead: DeadProcesses

        /// - Parameter members: nil: it has not heard who they are.
        init(_ authority: CertificateAuthority, members: Set<String>? = ["a", "b", "c"]) async throws {
            let dead = DeadProcesses()
            self.dead = dead
            self.folder = try IdentityFolder("a", authority)
            let identity = try IdentityStore(files: self.folder.files, cluster: "prod", node: "a")
            self.identity = identity
            var logger = Logger(label: "supervisor")
            logger.logLevel = .critical
            self.responder = FenceResponder(node: "a", process: UUID().uuidString, identity: identity, isDead: { dead.contains($0) }, logger: logger)
            if let members { self.responder.admit(members) }
            self.port = try await self.responder.start(host: "127.0.0.1", port: 0)
        }
    }

    private final class DeadProcesses: Sendable {
        private let names = Mutex<Set<String>>([])
        func contains(_ name: String) -> Bool { self.names.withLock { $0.contains(name) } }
        func insert(_ name: String) { self.names.withLock { _ = $0.insert(name) } }
    }

    /// Another node, that asks.
    private final class Asker: Sendable {
        let folder: IdentityFolder
        let caller: FenceCaller
        private let heard: Heard

        private final class Heard: Sendable {
            let messages = Mutex<[PeerMessage]>([])
        }

        init(_ name: String, _ authority: CertificateAuthority) throws {
            let heard = Heard()
            self.heard = heard
            self.folder = try IdentityFolder(name, authority)
            var logger = Logger(label: "asker")
            logger.logLevel = .critical
            self.caller = FenceCaller(
                node: name, process: UUID().uuidString, identity: try IdentityStore(files: self.folder.files, cluster: "prod", node: name), logger: logger
            ) { message in heard.messages.withLock { $0.append(message) } }
        }

        var answers: [PeerMessage.Body] { self.heard.messages.withLock { $0.map(\.body) } }

        /// Asks until it is answered.
        func hears(about process: String, from supervisor: Supervisor) async throws {
            try await eventually("\(process) is dead") {
                self.ask(about: process, supervisor, request: 1)
                return !self.answers.isEmpty
            }
        }

        func ask(about process: String, _ supervisor: Supervisor, request: UInt64) {
            self.caller.ask(.fence(token: SupervisorAnswerTests.token, leader: process), of: "a", at: "127.0.0.1:\(supervisor.port)", request: request)
        }
    }

    private static func authority(_ cluster: String = "prod") throws -> CertificateAuthority {
        let made = try CertificateAuthority.create(cluster: cluster)
        return try CertificateAuthority(certificate: made.certificate, key: made.key)
    }

    private static func stranger(_ name: String, _ authority: CertificateAuthority, to supervisor: Supervisor) async throws -> Stranger {
        let folder = try IdentityFolder(name, authority)
        let identity = try IdentityStore(files: folder.files, cluster: "prod", node: name)
        return try await Stranger.connect(to: supervisor.port) { [try identity.clientHandler(expecting: "a")] }
    }

    private static func message(from: String, to: String = "a", _ body: PeerMessage.Body) -> PeerMessage {
        PeerMessage(
            from: from, to: to, bootID: "x", incarnation: 0, sequence: 1, requestID: 1, sentMono: 1, wall: WallTime(microseconds: 1), body: body)
    }

    @Test("a process that was waited for is dead; one that runs is not, until it was: the question is asked again over one connection")
    func answers() async throws {
        let authority = try Self.authority()
        let supervisor = try await Supervisor(authority)
        let asker = try Asker("b", authority)
        supervisor.dead.insert("one")
        var request: UInt64 = 0
        try await eventually("one is dead") {
            request += 1
            asker.ask(about: "one", supervisor, request: request)
            return !asker.answers.isEmpty
        }
        for body in asker.answers {
            guard case .promise(let answered, Self.token, "one", .dead) = body else { throw Unexpected(body: body) }
            #expect((1...request).contains(answered))
        }
        let before = asker.answers.count
        // The answer to the later question comes after that to the earlier one.
        asker.ask(about: "two", supervisor, request: 1000)
        asker.ask(about: "one", supervisor, request: 1001)
        try await eventually("the last question is answered") {
            asker.answers.contains { if case .promise(1001, _, _, _) = $0 { true } else { false } }
        }
        #expect(!asker.answers.dropFirst(before).contains { if case .promise(_, _, "two", _) = $0 { true } else { false } })
        supervisor.dead.insert("two")
        asker.ask(about: "two", supervisor, request: 1002)
        try await eventually("two is dead") { asker.answers.contains { if case .promise(1002, _, "two", .dead) = $0 { true } else { false } } }
        await supervisor.responder.stop()
    }

    struct Unexpected: Error { var body: PeerMessage.Body }

    /// Why a connection of `node` comes to nothing.
    enum Outsider: String, CaseIterable {
        case nobodyIsKnown, isNoMember, nodeIsDenied, certificateIsDenied
    }

    @Test("who is no member, or denied, gets no answer, and nobody gets one before the members are known; others get theirs", arguments: Outsider.allCases)
    func outsiders(_ outsider: Outsider) async throws {
        let authority = try Self.authority()
        let members: Set<String>? = outsider == .nobodyIsKnown ? nil : outsider == .isNoMember ? ["a", "c"] : ["a", "b", "c"]
        let supervisor = try await Supervisor(authority, members: members)
        supervisor.dead.insert("one")
        let folder = try IdentityFolder("b", authority)
        let identity = try IdentityStore(files: folder.files, cluster: "prod", node: "b")
        switch outsider {
        case .nodeIsDenied: try supervisor.identity.replaceDenied([], nodes: ["b"])
        case .certificateIsDenied: try supervisor.identity.replaceDenied([identity.facts.serial])
        case .nobodyIsKnown, .isNoMember: break
        }
        let stranger = try await Stranger.connect(to: supervisor.port) { [try identity.clientHandler(expecting: "a")] }
        try await stranger.end()
        // A client's own half of the handshake may end before it is refused: what counts is that nothing is said to it.
        #expect(stranger.received == 0)
        #expect(stranger.failures.contains { $0.contains("refused us") }, "\(stranger.failures)")
        let fault: PeerFault = outsider == .nobodyIsKnown || outsider == .isNoMember ? .notAMember : .denied
        try await eventually("it is counted") { supervisor.responder.refusals == [fault: 1] }

        if members == nil { supervisor.responder.admit(["a", "c"]) }
        let asker = try Asker("c", authority)
        try await asker.hears(about: "one", from: supervisor)
        await supervisor.responder.stop()
    }

    @Test("an open connection ends at its next question when its node is denied or is a member no more", arguments: [true, false])
    func expelled(isDenied: Bool) async throws {
        let authority = try Self.authority()
        let supervisor = try await Supervisor(authority)
        supervisor.dead.insert("one")
        let stranger = try await Self.stranger("b", authority, to: supervisor)
        try await eventually("the handshake is done") { stranger.isEstablished }
        let question = Self.message(from: "b", .fence(token: Self.token, leader: "one"))
        stranger.write(question)
        try await eventually("it is answered") { stranger.received > 0 }
        let before = stranger.received
        if isDenied { try supervisor.identity.replaceDenied([], nodes: ["b"]) } else { supervisor.responder.admit(["a", "c"]) }
        stranger.write(question)
        try await stranger.end()
        #expect(stranger.received == before)
        await supervisor.responder.stop()
    }

    @Test("a certificate of another authority, of another cluster and of the node itself is refused")
    func foreign() async throws {
        let authority = try Self.authority()
        let supervisor = try await Supervisor(authority)
        for stranger in [try await Self.stranger("b", try Self.authority(), to: supervisor), try await Self.stranger("a", authority, to: supervisor)] {
            try await stranger.end()
            #expect(!stranger.isOpen)
        }
        let plain = try await Stranger.connect(to: supervisor.port)
        plain.write("GET / HTTP/1.1\r\n\r\n")
        try await plain.end()
        // Each, also where one log line a minute stands for several.
        try await Self.stranger("a", authority, to: supervisor).end()
        try await eventually("they are counted") { supervisor.responder.refusals.values.reduce(0, +) == 4 }
        // Who has another authority refuses this one's certificate first.
        #expect(supervisor.responder.refusals == [.refusedByPeer: 1, .ownName: 2, .notTLS: 1])
        // Nobody else was harmed.
        let asker = try Asker("b", authority)
        supervisor.dead.insert("one")
        try await asker.hears(about: "one", from: supervisor)
        await supervisor.responder.stop()
    }

    @Test(
        "what is no question for a supervisor ends the connection",
        arguments: [
            message(from: "b", .ping(TestNode.goodFacts)), message(from: "b", .fence(token: token, leader: "")), message(from: "b", .leaving),
            message(from: "c", .fence(token: token, leader: "one")), message(from: "b", to: "c", .fence(token: token, leader: "one")),
            message(from: "b", .vouch(token: token, leaseMilliseconds: 5)),
        ])
    func noQuestion(message: PeerMessage) async throws {
        let authority = try Self.authority()
        let supervisor = try await Supervisor(authority)
        supervisor.dead.insert("one")
        let stranger = try await Self.stranger("b", authority, to: supervisor)
        try await eventually("the handshake is done") { stranger.isEstablished }
        stranger.write(message)
        try await stranger.end()
        await supervisor.responder.stop()
    }

    @Test("garbage, a frame too large, and questions without end end the connection", arguments: [0, 1, 2])
    func badInput(kind: Int) async throws {
        let authority = try Self.authority()
        let supervisor = try await Supervisor(authority)
        let stranger = try await Self.stranger("b", authority, to: supervisor)
        try await eventually("the handshake is done") { stranger.isEstablished }
        switch kind {
        case 0: stranger.write(FrameDecoder.frame(Array("{\"kind\": 7}".utf8)))
        case 1: stranger.write([0x7F, 0xFF, 0xFF, 0xFF])
        default:
            let question = FrameDecoder.frame(Self.message(from: "b", .fence(token: Self.token, leader: "one")).encoded())
            for _ in 0...FenceResponder.maximumQuestions { stranger.write(question) }
        }
        try await stranger.end()
        await supervisor.responder.stop()
    }

    @Test("a look from the node's own host tells its supervisor from a free address, from another node's, from plain noise and from an address it can't have")
    func probe() async throws {
        let authority = try Self.authority()
        let supervisor = try await Supervisor(authority)
        #expect(
            await SupervisorProbe.look(host: "127.0.0.1", port: supervisor.port, identity: supervisor.identity)
                == .answers(serial: supervisor.identity.facts.serial))
        let folder = try IdentityFolder("b", authority)
        let other = try IdentityStore(files: folder.files, cluster: "prod", node: "b")
        guard case .taken(let why) = await SupervisorProbe.look(host: "127.0.0.1", port: supervisor.port, identity: other) else {
            Issue.record("another node's supervisor passes for this one's")
            return
        }
        #expect(why.contains("“a”") && why.contains("“b”"), "\(why)")
        await supervisor.responder.stop()
        #expect(await SupervisorProbe.look(host: "127.0.0.1", port: supervisor.port, identity: supervisor.identity) == .free)
        guard case .unusable = await SupervisorProbe.look(host: "192.0.2.1", port: supervisor.port, identity: supervisor.identity) else {
            Issue.record("an address of another host passes for one of this")
            return
        }
    }

    @Test("more strangers than are let in do not keep a node from asking later")
    func crowd() async throws {
        let authority = try Self.authority()
        let supervisor = try await Supervisor(authority)
        var strangers: [Stranger] = []
        for _ in 0..<FenceResponder.maximumConnections + 20 { strangers.append(try await Stranger.connect(to: supervisor.port)) }
        for stranger in strangers { await stranger.close() }
        let asker = try Asker("b", authority)
        supervisor.dead.insert("one")
        try await asker.hears(about: "one", from: supervisor)
        await supervisor.responder.stop()
    }
}
