import Model
import Synchronization
import TLS

/// Who was certified by our authority and is no member as far as this node knows: a node that has just joined stands in the table of members before its
/// peers have read it.
///
/// Invariants: the table is asked for at most once a ``PeerLimits/introductionPause``, however many knock; who was not in it is not asked for again within
/// ``PeerLimits/turnedAway``; at most ``PeerLimits/turnedAwayNames`` such names are kept. Pure: the time is an argument.
struct Introductions: Sendable {
    private var turnedAway: [String: Instant] = [:]
    private var askedAt: Instant?
    /// Somebody came after the table was last asked for.
    private var owed: String?

    func isTurnedAway(_ name: String, at now: Instant) -> Bool { self.turnedAway[name].map { now - $0 < PeerLimits.turnedAway } ?? false }

    mutating func turnAway(_ name: String, at now: Instant) {
        self.turnedAway = self.turnedAway.filter { now - $0.value < PeerLimits.turnedAway }
        if self.turnedAway.count < PeerLimits.turnedAwayNames { self.turnedAway[name] = now }
    }

    /// It is a member now.
    mutating func welcome(_ names: Set<String>) { self.turnedAway = self.turnedAway.filter { !names.contains($0.key) } }

    mutating func knock(_ name: String) { self.owed = name }

    /// For whom the table is to be read now; nil: for nobody, or not yet.
    mutating func due(at now: Instant) -> String? {
        guard let name = self.owed, self.askedAt.map({ now - $0 >= PeerLimits.introductionPause }) ?? true else { return nil }
        self.owed = nil
        self.askedAt = now
        return name
    }
}

/// Nodes at the door.
extension PeerMesh {
    /// Whether the handshake with a node of that name may end well: it is a member, or may be one soon. Runs inside the handshake.
    func mayKnock(_ name: String) -> Bool {
        self.published.withLock { $0.members.contains(name) } || !self.introductions.isTurnedAway(name, at: BootClock.now())
    }

    /// The node has shown who it is; it counts as a stranger until it is known as a member.
    func keepWaiting(_ number: Int, _ peer: PeerIdentity) {
        let now = BootClock.now()
        self.connections[number]?.phase = .waiting(peer, since: now)
        self.introductions.knock(peer.node)
        self.askForMembers(at: now)
    }

    private func askForMembers(at now: Instant) {
        if let name = self.introductions.due(at: now) { self.deliver(.stranger(node: name)) }
    }

    /// What it says waits with it.
    func keep(_ frames: [ArraySlice<UInt8>], of number: Int) {
        self.connections[number]?.early += frames
        guard let count = self.connections[number]?.early.count, count > PeerLimits.earlyMessages else { return }
        self.giveUp(number, PeerEnding(.tooManyMessages, "more than \(PeerLimits.earlyMessages) messages of a node that is not known as a member yet"))
    }

    /// The membership was read: who stands in it comes in.
    func letInMembers() {
        let members = self.published.withLock { $0.members }
        self.introductions.welcome(members)
        let seconds = BootClock.wall().microseconds / 1_000_000
        for connection in self.connections.values.sorted(by: { $0.number < $1.number }) {
            guard case .waiting(let peer, _) = connection.phase, members.contains(peer.node) else { continue }
            if let objection = self.identity.objection(to: peer, now: seconds) {
                self.giveUp(connection.number, PeerEnding(PeerFault(objection), objection.description))
                continue
            }
            self.connections[connection.number]?.early = []
            self.letIn(connection.number, peer)
            self.received(connection.number, connection.early, isPartial: false)
        }
    }

    /// Who waited for so long is no member.
    func turnAway(at now: Instant) {
        for connection in self.connections.values {
            guard case .waiting(let peer, let since) = connection.phase, now - since >= PeerLimits.introduction else { continue }
            self.introductions.turnAway(peer.node, at: now)
            self.giveUp(connection.number, PeerEnding(.notAMember, PeerRefusal.notAMember(peer.node).description))
        }
        self.askForMembers(at: now)
    }
}
