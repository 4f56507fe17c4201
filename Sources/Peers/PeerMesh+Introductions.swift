import Model
import Synchronization
import TLS

/// Who was certified by our authority and is no member as far as this node knows: a node that has just joined stands in the table of members before its
/// peers have read it.
///
/// States of a name: unknown → at the door → turned away, and unknown again after ``PeerLimits/turnedAway`` or when it is a member. It stands at the door
/// for ``PeerLimits/introduction`` from its first knock, over however many connections: who dials replaces one that does not answer.
///
/// Invariants: the table is asked for at most once a ``PeerLimits/introductionPause``, however many knock; at most ``PeerLimits/introductions`` names are
/// kept. Pure: the time is an argument.
struct Introductions: Sendable {
    private enum Standing: Sendable {
        case atTheDoor(since: Instant)
        case turnedAway(at: Instant)
    }
    private var standings: [String: Standing] = [:]
    private var askedAt: Instant?
    /// Somebody came after the table was last asked for.
    private var owed: String?

    /// Whether it may wait at the door.
    func mayWait(_ name: String) -> Bool {
        switch self.standings[name] {
        case .atTheDoor: true
        case .turnedAway: false
        case nil: self.standings.count < PeerLimits.introductions
        }
    }

    /// It is a member now.
    mutating func welcome(_ names: Set<String>) { self.standings = self.standings.filter { !names.contains($0.key) } }

    mutating func knock(_ name: String, at now: Instant) {
        if self.standings[name] == nil { self.standings[name] = .atTheDoor(since: now) }
        self.owed = name
    }

    /// Those whose time at the door is over. Forgets who was turned away long ago.
    mutating func expire(at now: Instant) -> Set<String> {
        var over: Set<String> = []
        for (name, standing) in self.standings {
            switch standing {
            case .atTheDoor(let since) where now - since >= PeerLimits.introduction:
                over.insert(name)
                self.standings[name] = .turnedAway(at: now)
            case .turnedAway(let at) where now - at >= PeerLimits.turnedAway: self.standings[name] = nil
            case .atTheDoor, .turnedAway: break
            }
        }
        // Nobody is asked for them any more, only for those who still wait.
        if let owed = self.owed, over.contains(owed) { self.owed = self.waiting.min() }
        return over
    }

    private var waiting: [String] { self.standings.compactMap { if case .atTheDoor = $0.value { $0.key } else { nil } } }

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
        self.published.withLock { $0.members.contains(name) } || self.introductions.mayWait(name)
    }

    /// The node has shown who it is; it counts as a stranger until it is known as a member.
    func keepWaiting(_ number: Int, _ peer: PeerIdentity) {
        let now = BootClock.now()
        self.connections[number]?.phase = .waiting(peer)
        self.introductions.knock(peer.node, at: now)
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
            guard case .waiting(let peer) = connection.phase, members.contains(peer.node) else { continue }
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
        for name in self.introductions.expire(at: now) {
            let ending = PeerEnding(.notAMember, PeerRefusal.notAMember(name).description)
            let waiting = self.connections.values.filter { if case .waiting(let peer) = $0.phase { peer.node == name } else { false } }
            for connection in waiting { self.giveUp(connection.number, ending) }
            // It may just be dialling anew.
            if waiting.isEmpty { self.count(.notAMember, ending.text, from: name) }
        }
        self.askForMembers(at: now)
    }
}
