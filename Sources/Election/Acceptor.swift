import Model

/// An effect on the world needs a majority that vouches for the leader: for databases that fail over by themselves while the
/// old primary may live on. Every node of the cluster must be in it, with a data directory that survives its restarts.
public struct StrictMode: Sendable, Hashable {
    /// Nodes of the cluster, this one included.
    public var members: Int

    public init(members: Int) { self.members = members }

    /// How many others make a majority with this node.
    var othersNeeded: Int { self.members / 2 }

    static let fewestMembers = 3

    /// Why this can't work, in words; nil when it can.
    public var objection: String? {
        guard self.members < Self.fewestMembers else { return nil }
        return "strict mode needs at least \(Self.fewestMembers) nodes, not \(self.members): with two, each could stop the other"
    }
}

/// What this node has promised to, and vouched for: the acceptor's half of fencing.
///
/// Invariants. What is promised never falls. In strict mode a promise is given only when no lease can run any more that this
/// node has vouched for with a lower token, and nothing lower is vouched for from the moment the promise is asked for.
struct Acceptor: Sendable, Hashable {
    struct Pending: Sendable, Hashable {
        var to: String
        var request: Int
        var token: FencingToken
        var due: Instant
    }
    /// Promises that wait for a lease to end: one for each peer, and some to spare. A further one is not answered.
    static let mostPending = 64

    private(set) var promised: FencingToken
    private(set) var pending: [Pending] = []
    /// The highest token vouched for, when that lease ends, and when the last lease of a lower token does.
    private var vouched = FencingToken.zero
    private var vouchedUntil = Instant(nanoseconds: .min)
    private var lowerUntil = Instant(nanoseconds: .min)

    init(promised: FencingToken) { self.promised = promised }

    /// An earlier run of this node may have vouched for anything until then.
    mutating func assumeVouched(until: Instant) { self.lowerUntil = max(self.lowerUntil, until) }

    /// Raises the promise; true when it was lower.
    mutating func raise(to token: FencingToken) -> Bool {
        guard token > self.promised else { return false }
        self.promised = token
        return true
    }

    /// From when on a promise of that token holds: every lease below it that this node vouched for has ended.
    func holdsFrom(_ token: FencingToken) -> Instant {
        self.vouched < token ? max(self.lowerUntil, self.vouchedUntil) : self.lowerUntil
    }

    /// Vouches for the leader of that token, unless a higher one has been promised. To vouch is to promise as well.
    mutating func vouch(for token: FencingToken, until: Instant) {
        guard token >= self.promised else { return }
        if token > self.vouched {
            self.lowerUntil = max(self.lowerUntil, self.vouchedUntil)
            self.vouched = token
        }
        self.vouchedUntil = max(self.vouchedUntil, until)
    }

    /// The answer is to be given at `due`. A peer that asks again replaces its earlier question.
    mutating func postpone(_ answer: Pending) {
        self.pending.removeAll { $0.to == answer.to && $0.token <= answer.token }
        if self.pending.count < Self.mostPending { self.pending.append(answer) }
    }

    var nextDue: Instant { self.pending.map(\.due).min() ?? Instant(nanoseconds: .max) }

    mutating func takeDue(at now: Instant) -> [Pending] {
        guard self.nextDue <= now else { return [] }
        let due = self.pending.filter { $0.due <= now }
        self.pending.removeAll { $0.due <= now }
        return due
    }
}
