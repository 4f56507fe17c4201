import Cluster
import Election
import Eventually
import Foundation
import Glibc
import Logging
import Membership
import Model
import Postgres
import PostgresTesting
import Supervision
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(3))) struct ElectionPeerTests {
    /// Leases so long that a gate which opens within a test was not opened by the clock.
    private static let patient = Timing(
        beat: .seconds(1), lease: .seconds(50), idle: .seconds(55), evict: .seconds(60), slice: .seconds(2))

    private struct Nodes {
        let cluster: ElectionCluster
        let peers: TestPeers

        func start(
            _ name: String, timing: Timing = patient, directory: String? = nil, trustsRefusal: Bool = false, strict: StrictMode? = nil
        ) -> TestNode {
            let node = TestNode(
                self.cluster.configuration(
                    name, timing: timing, directory: directory, peers: self.peers.channel(of: name), trustsRefusal: trustsRefusal, strict: strict))
            self.peers.connect(name, node.leadership)
            return node
        }
    }

    private static func nodes(_ names: String...) async throws -> Nodes {
        Nodes(cluster: try await ElectionCluster.make(), peers: TestPeers(names))
    }

    @Test("a leader that lost its session promises, and its successor acts without waiting for the lease to pass")
    func promise() async throws {
        let nodes = try await Self.nodes("a", "b")
        let old = nodes.start("a")
        _ = try await old.gateOpened()
        let new = nodes.start("b")
        try await new.waiting(for: "a")
        try await nodes.cluster.terminateLeader()
        let (term, next) = try await new.elected()
        _ = try await new.gateOpened(from: next)
        #expect(BootClock.now() - term.grantedAt < Self.patient.lease)
        try await new.mayAct(term)
        let promises = nodes.peers.messages.compactMap { message -> FencingToken? in
            if case .promise(_, let token, _, .never) = message.body, message.from == "a" { token } else { nil }
        }
        #expect(promises.contains { $0.value == term.token })
        try await new.stop()
        try await old.stop()
    }

    @Test("who is next for the lock hears that the leader hands over, or is out of reach, before it is elected; who is not, or leads itself, does not")
    func mayBeElected() async throws {
        let nodes = try await Self.nodes("a", "b")
        let old = nodes.start("a")
        let (own, _) = try await old.gateOpened()
        let new = nodes.start("b")
        try await new.waiting(for: "a")
        try await nodes.cluster.until(ElectionCluster.waitingForLocks, is: "1")
        func hears(_ node: TestNode, from position: Int) async throws -> Int {
            try await node.log.first(from: position) { if case .mayBeElected = $0 { true } else { nil } }.next
        }
        // Neither is its leader.
        new.leadership.parted(from: "c")
        old.leadership.parted(from: "a")
        new.leadership.parted(from: "a")
        let position = try await hears(new, from: 0)
        await old.leadership.resign()
        let (_, next) = try await new.elected(from: position)
        #expect(try await hears(new, from: position) < next)
        #expect(nodes.peers.messages.contains { $0.from == "a" && $0.to == "b" && $0.body == .handingOver })
        let signs = { (node: TestNode) in node.log.events.filter { if case .mayBeElected = $0 { true } else { false } }.count }
        #expect(signs(new) == 2 && signs(old) == 0)
        #expect(own.noted == nil, "nothing was to be noted")
        try await new.stop()
        try await old.stop()
    }

    @Test("a term carries what its database had to say when it was granted")
    func noted() async throws {
        let nodes = try await Self.nodes("a")
        var configuration = nodes.cluster.configuration("a", timing: Self.patient)
        configuration.noted = "current_setting('muster.cluster') || '/' || current_setting('muster.shard') || ' ' || (SELECT count(*) FROM muster.term)"
        let node = TestNode(configuration)
        let (term, _) = try await node.elected()
        // The term's own row is not there yet for the statement that writes it.
        #expect(term.noted == "test/main 0")
        try await node.stop()
    }

    @Test("where it is trusted, a refused connection is the end of the last leader's process")
    func refusedConnection() async throws {
        let nodes = try await Self.nodes("a", "b")
        let old = nodes.start("a")
        _ = try await old.gateOpened()
        let new = nodes.start("b", trustsRefusal: true)
        try await new.waiting(for: "a")
        nodes.peers.cut("a")
        try await nodes.cluster.terminateLeader()
        let (term, next) = try await new.elected()
        _ = try await new.gateOpened(from: next)
        #expect(BootClock.now() - term.grantedAt < Self.patient.lease)
        try await new.stop()
        try await old.stop()
    }

    @Test("a token that the leader row does not know is not promised, and stops nobody")
    func madToken() async throws {
        let nodes = try await Self.nodes("a", "b")
        let leader = nodes.start("a")
        let (term, _) = try await leader.gateOpened()
        // Before the message: the refusal has to have somebody to go to.
        let other = nodes.start("b")
        try await other.waiting(for: "a")
        nodes.peers.channel(of: "b").post(.fence(token: FencingToken(timeline: 7, epoch: Epoch(99)), leader: ""), "a", 4711)
        try await eventually("the request is refused") {
            nodes.peers.messages.contains { if case .promise(4711, _, _, .refused) = $0.body { true } else { false } }
        }
        try await leader.mayAct(term)
        try await other.stop()
        try await leader.stop()
    }

    @Test("a process answers for the end of the one that had its directory before")
    func deadPredecessor() async throws {
        let nodes = try await Self.nodes("a", "b")
        let directory = nodes.cluster.directory()
        let first = nodes.start("a", directory: directory)
        let (term, _) = try await first.elected()
        let twice = nodes.start("a", directory: directory)
        let refusal = try await twice.refusal()
        #expect("\(refusal)".contains("another process uses it"))
        try await first.stop()
        let second = nodes.start("a", directory: directory)
        _ = try await second.elected()
        let other = nodes.start("b")
        try await other.waiting(for: "a")
        nodes.peers.channel(of: "b").post(.fence(token: FencingToken(value: term.token), leader: term.incarnation), "a", 4712)
        try await eventually("the process before is vouched for as dead") {
            nodes.peers.messages.contains { message in
                if case .promise(4712, _, let incarnation, .dead) = message.body { incarnation == term.incarnation } else { false }
            }
        }
        try await other.stop()
        try await second.stop()
    }

    @Test("a node that leads again after its last process died acts at once: its directory tells")
    func ownPredecessor() async throws {
        let nodes = try await Self.nodes("a", "b")
        let directory = nodes.cluster.directory()
        let first = nodes.start("a", directory: directory)
        let (old, _) = try await first.gateOpened()
        // It goes without a word, as far as the leader row knows.
        try await first.stop()
        _ = try await nodes.cluster.execute("UPDATE muster.leader SET resigned = false, settled = true")
        let second = nodes.start("a", directory: directory)
        let (term, next) = try await second.elected()
        #expect(term.predecessor == .init(node: "a", epoch: old.epoch, resigned: false))
        _ = try await second.gateOpened(from: next)
        #expect(BootClock.now() - term.grantedAt < Self.patient.lease)
        try await second.stop()
    }

    @Test("the dead process of another node is dead by its supervisor's word, also when it is asked too early at first")
    func supervisor() async throws {
        let nodes = try await Self.nodes("a", "b")
        let old = nodes.start("a")
        let (first, _) = try await old.gateOpened()
        let questions = Mutex(0)
        var channel = nodes.peers.channel(of: "b")
        let post = channel.post
        let other = Mutex<Leadership?>(nil)
        channel.post = { body, to, request in
            // Nothing comes of questions to the node itself.
            if case .fence = body {} else { post(body, to, request) }
        }
        channel.askSupervisor = { body, node, request in
            guard case .fence(let token, let leader) = body, node == "a", leader == first.incarnation else { return }
            let number = questions.withLock { count in
                count += 1
                return count
            }
            guard number > 3 else { return }
            other.withLock { $0 }?.received(
                PeerMessage(
                    from: "a", to: "b", bootID: "s", incarnation: 0, sequence: 1, requestID: request, sentMono: 0, wall: WallTime(microseconds: 0),
                    body: .promise(requestID: request, token: token, incarnation: leader, verdict: .dead)))
        }
        let new = TestNode(nodes.cluster.configuration("b", timing: Self.patient, peers: channel))
        other.withLock { $0 = new.leadership }
        try await new.waiting(for: "a")
        try await nodes.cluster.terminateLeader()
        let (term, next) = try await new.elected()
        _ = try await new.gateOpened(from: next)
        #expect(BootClock.now() - term.grantedAt < Self.patient.lease)
        #expect(questions.withLock { $0 } >= 4)
        try await new.stop()
        try await old.stop()
    }

    @Test("the election beats to its supervisor until it is over, and says so")
    func pulse() async throws {
        let cluster = try await ElectionCluster.make()
        // Named, and so without the moment between pipe(2) and FD_CLOEXEC, in which a server that another test starts gets an end and keeps it.
        let fifo = FileManager.default.temporaryDirectory.appending(path: "muster-pulse-\(UUID().uuidString)").path(percentEncoded: false)
        try #require(mkfifo(fifo, 0o600) == 0)
        defer { unlink(fifo) }
        let reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        var configuration = cluster.configuration("a")
        configuration.pulse = Pulse(descriptor: open(fifo, O_WRONLY | O_CLOEXEC))
        let heard = Mutex<[UInt8]>([])
        @Sendable func read() -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = Glibc.read(reader, &bytes, bytes.count)
            return heard.withLock {
                $0 += bytes.prefix(max(0, count))
                return $0
            }
        }
        let node = TestNode(configuration)
        _ = try await node.gateOpened()
        try await eventually("the pulse is told of eleven beats") { read().count { $0 == Sign.beat.rawValue } > 10 }
        #expect(configuration.pulse?.isHeard == true)
        try await node.stop()
        let all = read()
        #expect(all.last == Sign.over.rawValue && all.count { $0 == Sign.over.rawValue } == 1)
        close(reader)
        #expect(configuration.pulse?.isHeard == false)
    }

    @Test("leadership goes to the node that was named, also when another one has waited for longer")
    func handOver() async throws {
        let nodes = try await Self.nodes("a", "b", "c")
        let leader = nodes.start("a")
        _ = try await leader.gateOpened()
        let longest = nodes.start("b")
        try await longest.waiting(for: "a")
        let named = nodes.start("c")
        try await named.waiting(for: "a")
        await leader.leadership.resign(to: "c")
        let (term, _) = try await named.gateOpened()
        #expect(term.predecessor == .init(node: "a", epoch: Epoch(1), resigned: true))
        try await longest.waiting(for: "c")
        for node in [longest, named, leader] { try await node.stop() }
    }

    @Test("who is asked to hold off leaves the queue, also when its campaign has just been called for and is not at the server yet")
    func holdOffAtTheStart() async throws {
        let nodes = try await Self.nodes("a", "b")
        let leader = nodes.start("a")
        _ = try await leader.gateOpened()
        // A slice so long that a wait which was not withdrawn does not end within the test.
        var timing = Self.patient
        timing.slice = .seconds(60)
        let waiting = nodes.start("b", timing: timing)
        try await waiting.waiting(for: "a")
        let channel = nodes.peers.channel(of: "a")
        let isConfirmed = { (request: UInt64) in nodes.peers.messages.contains { $0.from == "b" && $0.body == .heldOff(requestID: request) } }
        let holdOff = Duration.milliseconds(200)
        var request: UInt64 = 0
        for round in 1...40 {
            var end = BootClock.now()
            // Who is out of the queue later than it was asked to stay away says nothing, and is asked again.
            for _ in 1...60 {
                request += 1
                let (asked, until) = (request, BootClock.now() + holdOff)
                end = until
                channel.post(.holdOff(milliseconds: holdOff.milliseconds), "b", asked)
                try await eventually("request \(asked) is over", every: .milliseconds(1)) { isConfirmed(asked) || BootClock.now() >= until }
                if isConfirmed(asked) { break }
            }
            try #require(isConfirmed(request), "it is still in the queue in round \(round)")
            // The next campaign begins, and in each round the next request comes a little later than in the last one.
            let due = end + .microseconds(200 + 20 * round)
            try await eventually("its time has passed", every: .microseconds(50)) { BootClock.now() >= due }
        }
        for node in [waiting, leader] { try await node.stop() }
    }

    @Test("a lock session that has fallen silent is ended by those who wait")
    func evicted() async throws {
        let nodes = try await Self.nodes("a", "b")
        // A session of the election's kind without anybody behind it, on a server that would leave it alone.
        let reactor = Reactor(name: "silent")
        defer { reactor.stop() }
        var configuration = ConnectionConfiguration(nodes.cluster.conninfo())
        configuration.applicationName = "muster-lock-x"
        let silent = try await Connection.connect(configuration, on: reactor)
        _ = try await silent.query("SELECT pg_advisory_lock(lock_key) FROM muster.leader")
        let node = nodes.start("a", timing: ElectionCluster.timing)
        let reason = await silent.untilClosed()
        #expect(reason?.sqlState == "57P01")
        _ = try await node.elected()
        try await node.stop()
    }

    @Test("in strict mode a leader acts with a majority, and not without one")
    func strict() async throws {
        let nodes = try await Self.nodes("a", "b", "c")
        let mode = StrictMode(members: 3)
        let leader = nodes.start("a", timing: ElectionCluster.timing, strict: mode)
        let (term, next) = try await leader.elected()
        #expect(!leader.leadership.mayAct(term, sendBudget: .zero))
        let follower = nodes.start("b", timing: ElectionCluster.timing, strict: mode)
        _ = try await leader.gateOpened(from: next)
        try await leader.mayAct(term)
        nodes.peers.cut("b")
        let (reason, _) = try await leader.lost(from: next)
        #expect(reason == .minority)
        try await follower.stop()
        try await leader.stop()
    }

    @Test("a message that comes before the start is no reason for a promise below the one on the disk")
    func messageBeforeStart() async throws {
        let nodes = try await Self.nodes("a", "b")
        let directory = nodes.cluster.directory()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let file = URL(filePath: "\(directory)/election-main.promise")
        try Data("7\n".utf8).write(to: file)
        func leadership(_ name: String, directory: String?) -> Leadership {
            let configuration = nodes.cluster.configuration(
                name, directory: directory, peers: nodes.peers.channel(of: name), strict: StrictMode(members: 3))
            return Leadership(configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }
        let node = leadership("a", directory: directory)
        nodes.peers.connect("a", node)
        nodes.peers.connect("b", leadership("b", directory: nil))
        func ask() { nodes.peers.channel(of: "b").post(.fence(token: FencingToken(value: 5), leader: ""), "a", 1) }
        func promises() -> [FencingToken] {
            nodes.peers.messages.compactMap { if case .promise(_, let token, _, .never) = $0.body { token } else { nil } }
        }
        ask()
        let running = Task { try await node.run() }
        try await eventually("a promise is given") {
            ask()
            return !promises().isEmpty
        }
        #expect(promises().allSatisfy { $0.value == 7 })
        #expect(try String(contentsOf: file, encoding: .utf8) == "7\n")
        await node.shutdown()
        try await running.value
    }
}
