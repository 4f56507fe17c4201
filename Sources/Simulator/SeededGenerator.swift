import Model

/// One number makes the whole run.
struct SeededGenerator: RandomNumberGenerator {
    private var generator: SplitMix64

    init(seed: UInt64) { self.generator = SplitMix64(seed: seed) }

    mutating func next() -> UInt64 { self.generator.next() }

    /// Multiply and shift: the bias is far below what a simulation could notice, and it costs no division.
    mutating func below(_ bound: Int64) -> Int64 { Int64(UInt64(bound).multipliedFullWidth(by: self.next()).high) }
}
