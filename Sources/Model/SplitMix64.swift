/// SplitMix64 (Steele, Lea and Flood 2014): randomness as seeded state, so that a run can be repeated. Not for secrets.
public struct SplitMix64: RandomNumberGenerator, Sendable, Hashable {
    private var state: UInt64

    /// - Parameter seed: the same one gives the same numbers on every machine, in every version.
    public init(seed: UInt64) { self.state = seed }

    /// 64 bits, each as likely to be 1 as 0.
    public mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
