/// Pauses between attempts: doubling from 10 ms to 5 s, each drawn from the upper half of its step so that nodes drift apart.
struct Backoff: Sendable {
    static let first = Duration.milliseconds(10)
    static let longest = Duration.seconds(5)

    private var step = Backoff.first
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> Duration {
        let pause = self.step / 2 + self.step / 2 * self.fraction()
        self.step = min(self.step * 2, Self.longest)
        return pause
    }

    mutating func reset() { self.step = Self.first }

    /// SplitMix64's next number, as a fraction in 0..<1.
    private mutating func fraction() -> Double {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53
    }
}
