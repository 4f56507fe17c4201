import Model

/// A suspicion and how long it has to last until the peer counts as failed: the more that hold it independently, the shorter.
struct Suspicion: Sendable {
    /// As many confirmations as can shorten it.
    static let mostConfirmations = 2

    let start: Instant
    /// The peer's when it began. A higher one refutes it.
    let incarnation: UInt64
    private var confirmers: [String] = []
    /// A fresh dial was refused: the peer's own machine says that no process listens there, which is a witness as good as a node.
    var dialRefused: Bool
    /// When it was first seen to have run out. Failure follows a moment later, so that what waits to be read is read first.
    var runOutAt: Instant?

    init(start: Instant, incarnation: UInt64, dialRefused: Bool) {
        self.start = start
        self.incarnation = incarnation
        self.dialRefused = dialRefused
    }

    mutating func confirm(by node: String) {
        guard self.confirmers.count < Self.mostConfirmations, !self.confirmers.contains(node) else { return }
        self.confirmers.append(node)
    }

    /// Confirmations that count in a cluster of `members`: there are `members - 2` others to ask, and with two nodes only the refused dial.
    static func expected(members: Int) -> Int { max(1, min(Self.mostConfirmations, members - 2)) }

    func deadline(members: Int, timing: MembershipTiming) -> Instant {
        let expected = Self.expected(members: members)
        let given = min(expected, self.confirmers.count + (self.dialRefused ? 1 : 0))
        let span = timing.longestSuspicion - timing.shortestSuspicion
        // log(given + 1) / log(expected + 1): the first confirmation says most.
        let share =
            switch (given, expected) {
            case (0, _): 0.0
            case (1, 2): 0.63
            default: 1.0
            }
        return self.start + (timing.longestSuspicion - span * share)
    }
}
