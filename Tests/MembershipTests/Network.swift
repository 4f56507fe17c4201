import Model
import SeededRandom

@testable import Membership

/// A cluster of machines on a simulated network: virtual time in microseconds, one seed, one thread.
///
/// A link is a TCP connection: bytes arrive in order, and loss shows as delay (a retransmission 200–400 ms later, the next one after twice that).
/// What is sent into a cut waits there and comes out some time after it has healed. A stopped process handles nothing; its kernel still accepts.
struct Network {
    struct Faults {
        /// One way.
        var delay: ClosedRange<Int64> = 100...1000
        /// Of each segment.
        var lossPercent = 0
        /// A wake-up comes late by this.
        var lateness: ClosedRange<Int64> = 0...1500
    }

    struct Node {
        var name: String
        var machine: MembershipMachine
        var run = 0
        var down = false
        var stoppedUntil: Int64 = 0
        var inbox: [MembershipEvent] = []
        var wakeAt = Int64.max
        /// Of its wall clock.
        var clockOffset: Int64 = 0
    }

    struct Link {
        var ends: [Int]
        var runs: [Int]
        var open = [true, true]
        /// When the last message to that end arrives: TCP keeps the order.
        var lastArrival: [Int64] = [0, 0]
        var parked: [[MembershipEvent]] = [[], []]
    }

    struct Change {
        var at: Int64
        var observer: Int
        var peer: String
        var from: PeerState
        var to: PeerState
        var why: String
    }

    enum Happening {
        case deliver(node: Int, run: Int, MembershipEvent)
        case arrive(link: Int, side: Int, MembershipEvent)
        case wake(node: Int, at: Int64)
        case resume(node: Int)
        case handshake(from: Int, to: Int, runs: [Int], since: Int64)
    }

    private(set) var now: Int64 = 0
    var nodes: [Node] = []
    var faults = Faults()
    private(set) var changes: [Change] = []
    private(set) var alarms: [MembershipAlarm] = []
    private(set) var delivered: [PeerMessage] = []
    private(set) var messages = 0
    private(set) var links: [Int: Link] = [:]
    /// Pairs [from, to] that let nothing through.
    private var cuts: Set<[Int]> = []
    private var nextLink = 1
    private var queue = Schedule<Happening>()
    var generator: Seeded
    private var members: [Member] = []
    /// Every frame that was delivered, for replaying: kept only when asked for.
    var recordsFrames = false
    private(set) var frames: [(link: Int, to: Int, message: PeerMessage)] = []

    init(nodes count: Int, seed: UInt64, faults: Faults = Faults()) {
        self.generator = Seeded(seed: seed)
        self.faults = faults
        self.members = (0..<count).map { Member(name: Self.name($0), address: "10.0.0.\($0):7700") }
        for index in 0..<count {
            self.nodes.append(Node(name: Self.name(index), machine: self.machine(index, run: 0)))
        }
        for index in 0..<count { self.feed(index, .members(self.members)) }
    }

    static func name(_ index: Int) -> String { "node-\(index)" }
    func index(_ name: String) -> Int { self.members.firstIndex { $0.name == name } ?? 0 }

    private mutating func machine(_ index: Int, run: Int) -> MembershipMachine {
        MembershipMachine(
            node: Self.name(index), bootID: "\(Self.name(index)) run \(run)", incarnation: UInt64(self.now) + 1, facts: .well,
            seed: self.generator.next(), at: self.instant(index))
    }

    mutating func random(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &self.generator) }

    /// Each boot clock starts elsewhere.
    private func instant(_ index: Int) -> Instant { Instant(nanoseconds: (self.now + Int64(index + 1) * 1_000_000_000) * 1000) }
    private func wall(_ index: Int) -> WallTime {
        WallTime(microseconds: 1_780_000_000_000_000 + self.now + (self.nodes.indices.contains(index) ? self.nodes[index].clockOffset : 0))
    }

    // MARK: Running

    mutating func run(microseconds: Int64) { self.run(until: self.now + microseconds) { _ in false } }
    mutating func run(milliseconds: Int64) { self.run(microseconds: milliseconds * 1000) }

    /// Until `end`, or until the condition holds after some peer's state changed.
    mutating func run(until end: Int64, or condition: (borrowing Network) -> Bool) {
        while let at = self.queue.nextAt, at <= end {
            self.now = at
            guard let happening = self.queue.pop() else { break }
            let seen = self.changes.count
            self.perform(happening)
            if self.changes.count > seen, condition(self) { return }
        }
        self.now = end
    }

    private mutating func perform(_ happening: Happening) {
        switch happening {
        case .deliver(let node, let run, let event):
            if self.nodes[node].run == run, !self.nodes[node].down { self.feed(node, event) }
        case .arrive(let number, let side, let event): self.arrive(number, side, event)
        case .wake(let node, let at):
            if self.nodes[node].wakeAt == at, !self.nodes[node].down { self.feed(node, .timer) }
        case .resume(let node): self.resume(node)
        case .handshake(let from, let to, let runs, let since): self.handshake(from, to, runs, since)
        }
    }

    private mutating func resume(_ node: Int) {
        guard !self.nodes[node].down, self.nodes[node].stoppedUntil <= self.now else { return }
        let inbox = self.nodes[node].inbox
        self.nodes[node].inbox = []
        // An event loop that wakes up looks at its timers first: the harder case.
        self.feed(node, .timer)
        for event in inbox { self.feed(node, event) }
    }

    mutating func feed(_ node: Int, _ event: MembershipEvent) {
        guard self.nodes[node].stoppedUntil <= self.now else {
            if event != .timer { self.nodes[node].inbox.append(event) }
            return
        }
        self.nodes[node].wakeAt = .max
        let effects = self.nodes[node].machine.handle(event, at: self.instant(node), wall: self.wall(node))
        for effect in effects { self.perform(effect, by: node) }
        guard let wake = self.nodes[node].machine.wakeAt else { return }
        let inMicroseconds = wake.nanoseconds == .max ? Int64.max / 2 : (wake.nanoseconds + 999) / 1000 - Int64(node + 1) * 1_000_000_000
        let at = max(self.now, inMicroseconds) + self.random(self.faults.lateness)
        self.nodes[node].wakeAt = at
        self.queue.push(.wake(node: node, at: at), at: at)
    }

    // MARK: Effects

    private mutating func perform(_ effect: MembershipEffect, by node: Int) {
        switch effect {
        case .dial(let peer, _):
            let to = self.index(peer)
            self.queue.push(
                .handshake(from: node, to: to, runs: [self.nodes[node].run, self.nodes[to].run], since: self.now), at: self.now + self.travel() * 3)
        case .hangUp(let number, _): self.close(number, by: node, .ended)
        case .send(let number, let message):
            self.messages += 1
            self.transmit(number, from: node, .received(message, link: number))
        case .changed(let peer, let from, let to, let why):
            self.changes.append(.init(at: self.now, observer: node, peer: peer, from: from, to: to, why: why))
        case .alarm(let alarm): self.alarms.append(alarm)
        case .deliver(let message): self.delivered.append(message)
        case .restarted, .unsent, .refused, .isolated, .nobodyListens, .linkLost: break
        }
    }

    /// One way, with what loss adds.
    private mutating func travel() -> Int64 {
        var time = self.random(self.faults.delay)
        var retransmission = self.random(200_000...400_000)
        while self.faults.lossPercent > 0, self.random(1...100) <= Int64(self.faults.lossPercent) {
            time += retransmission
            retransmission *= 2
        }
        return time
    }

    private mutating func transmit(_ number: Int, from node: Int, _ event: MembershipEvent) {
        guard let link = self.links[number], let side = link.ends.firstIndex(of: node), link.open[side] else { return }
        let other = 1 - side
        if self.cuts.contains([node, link.ends[other]]) || !link.parked[other].isEmpty {
            self.links[number]?.parked[other].append(event)
            return
        }
        let at = max(self.now + self.travel(), link.lastArrival[other])
        self.links[number]?.lastArrival[other] = at
        self.queue.push(.arrive(link: number, side: other, event), at: at)
    }

    private mutating func arrive(_ number: Int, _ side: Int, _ event: MembershipEvent) {
        guard let link = self.links[number], link.open[side] else { return }
        let node = link.ends[side]
        guard !self.nodes[node].down, self.nodes[node].run == link.runs[side] else { return }
        if case .linkClosed = event {
            self.links[number]?.open[side] = false
            if !link.open[1 - side] { self.links[number] = nil }
        }
        if self.recordsFrames, case .received(let message, let over) = event { self.frames.append((over, node, message)) }
        self.feed(node, event)
    }

    private mutating func close(_ number: Int, by node: Int, _ end: LinkEnd) {
        guard let side = self.links[number]?.ends.firstIndex(of: node) else { return }
        self.transmit(number, from: node, .linkClosed(link: number, end))
        self.links[number]?.open[side] = false
        if let link = self.links[number], !link.open[1 - side] { self.links[number] = nil }
    }

    private static let handshakeLimit: Int64 = 3_000_000

    private mutating func handshake(_ from: Int, _ to: Int, _ runs: [Int], _ since: Int64) {
        guard !self.nodes[from].down, self.nodes[from].run == runs[0] else { return }
        let name = self.nodes[to].name
        let cut = self.cuts.contains([from, to]) || self.cuts.contains([to, from])
        let stopped = self.nodes[to].stoppedUntil > self.now
        if cut || stopped {
            if self.now - since >= Self.handshakeLimit { return self.feed(from, .dialFailed(peer: name, .timedOut)) }
            // It goes through when the other side comes back in time.
            return self.queue.push(.handshake(from: from, to: to, runs: runs, since: since), at: self.now + 20_000)
        }
        guard !self.nodes[to].down else { return self.feed(from, .dialFailed(peer: name, .refused)) }
        let number = self.nextLink
        self.nextLink += 1
        self.links[number] = Link(ends: [from, to], runs: [self.nodes[from].run, self.nodes[to].run])
        self.queue.push(.arrive(link: number, side: 1, .linkOpened(peer: self.nodes[from].name, link: number, dialled: false)), at: self.now)
        let at = self.now + self.travel()
        self.links[number]?.lastArrival[0] = at
        self.queue.push(.arrive(link: number, side: 0, .linkOpened(peer: name, link: number, dialled: true)), at: at)
    }

    // MARK: Faults

    /// The process dies; its kernel closes its connections.
    mutating func crash(_ node: Int) {
        for number in self.links.keys.sorted() where self.links[number]?.ends.contains(node) == true { self.close(number, by: node, .reset) }
        self.nodes[node].down = true
        self.nodes[node].inbox = []
    }

    mutating func restart(_ node: Int) {
        self.nodes[node].run += 1
        self.nodes[node].down = false
        self.nodes[node].stoppedUntil = 0
        self.nodes[node].machine = self.machine(node, run: self.nodes[node].run)
        self.feed(node, .members(self.members))
    }

    mutating func stop(_ node: Int, milliseconds: Int64) {
        guard !self.nodes[node].down else { return }
        self.nodes[node].stoppedUntil = max(self.nodes[node].stoppedUntil, self.now + milliseconds * 1000)
        self.queue.push(.resume(node: node), at: self.nodes[node].stoppedUntil)
    }

    /// Nothing gets from one to the other.
    mutating func cut(from: Int, to: Int) { self.cuts.insert([from, to]) }
    mutating func cutBothWays(_ one: Int, _ other: Int) {
        self.cut(from: one, to: other)
        self.cut(from: other, to: one)
    }
    mutating func isolate(_ node: Int) { for other in self.nodes.indices where other != node { self.cutBothWays(node, other) } }

    /// All cuts end. What waited in them comes out, sooner or later.
    mutating func heal() {
        self.cuts = []
        for number in self.links.keys.sorted() {
            for side in 0...1 {
                let parked = self.links[number]?.parked[side] ?? []
                self.links[number]?.parked[side] = []
                guard !parked.isEmpty else { continue }
                let at = max(self.now + self.random(100_000...2_000_000), self.links[number]?.lastArrival[side] ?? 0)
                for event in parked { self.queue.push(.arrive(link: number, side: side, event), at: at) }
                self.links[number]?.lastArrival[side] = at
            }
        }
    }

    // MARK: Questions

    func state(of peer: Int, at observer: Int) -> PeerState? { self.nodes[observer].machine.state(of: Self.name(peer)) }
    func view(of peer: Int, at observer: Int) -> PeerView? { self.nodes[observer].machine.view.peers.first { $0.name == Self.name(peer) } }

    /// Whether all others hold the node for what is said.
    func allSee(_ node: Int, as state: PeerState) -> Bool {
        self.nodes.indices.allSatisfy { $0 == node || self.nodes[$0].down || self.state(of: node, at: $0) == state }
    }
    var allWell: Bool { self.nodes.indices.allSatisfy { self.nodes[$0].down || self.allSee($0, as: .alive) } }
}

/// What happens when: a binary heap, first in first out among equals.
struct Schedule<Element> {
    private var heap: [(at: Int64, order: Int, element: Element)] = []
    private var order = 0

    var nextAt: Int64? { self.heap.first?.at }

    mutating func push(_ element: Element, at: Int64) {
        self.order += 1
        self.heap.append((at, self.order, element))
        var child = self.heap.count - 1
        while child > 0, self.precedes(child, (child - 1) / 2) {
            self.heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Element? {
        guard let first = self.heap.first else { return nil }
        self.heap.swapAt(0, self.heap.count - 1)
        self.heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count && self.precedes(child, least) { least = child }
            if least == parent { return first.element }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (self.heap[left].at, self.heap[left].order) < (self.heap[right].at, self.heap[right].order)
    }
}
