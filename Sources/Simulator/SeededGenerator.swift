/// SplitMix64: one number makes the whole run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Multiply and shift: the bias is far below what a simulation could notice, and it costs no division.
    mutating func below(_ bound: Int64) -> Int64 { Int64(UInt64(bound).multipliedFullWidth(by: self.next()).high) }
}
