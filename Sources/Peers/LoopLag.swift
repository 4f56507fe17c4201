/// How late this node's event loop runs: the worst of the last ticks.
struct LoopLag: Sendable {
    private var recent: [Int64] = []
    /// Of what ran since the last tick.
    private var current: Int64 = 0

    /// Something ran that late, in milliseconds.
    mutating func note(_ milliseconds: Int64) { self.current = max(self.current, milliseconds) }

    /// A tick ran that late; the worst of the last ``PeerLimits/lagTicks``.
    mutating func tick(_ milliseconds: Int64) -> Int64 {
        self.note(max(0, milliseconds))
        if self.recent.count >= PeerLimits.lagTicks { self.recent.removeFirst() }
        self.recent.append(self.current)
        self.current = 0
        return self.recent.max() ?? 0
    }
}
