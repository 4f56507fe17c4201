import Model

/// SplitMix64: randomness as seeded state, so that a run can be repeated.
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Evenly from half of `step` up to `step`: nodes drift apart, and none waits much less than the others.
    mutating func upperHalf(of step: Duration) -> Duration {
        let half = step.nanoseconds / 2
        return .nanoseconds(half + Int64(self.next() % UInt64(max(1, half))))
    }
}
