import Glibc

/// How many jobs a second arrive in one region: a day of two minutes, quiet at its start, busiest in its middle, with bursts.
///
/// A pure function of its fields and the time: two feeders with the same curve make the same load.
struct LoadCurve: Sendable, Hashable {
    /// Jobs a second at the quietest and at the busiest time of the day, bursts apart.
    var trough: Double
    var peak: Double
    /// Seconds after time 0 at which the region's first day begins.
    var shift: Double
    /// Decides when bursts come.
    var seed: UInt64

    /// Short enough to watch a whole day, long enough that a workload can follow it step by step; in seconds.
    static let day = 120.0
    /// The day falls into slots, and each slot has a burst or not; in seconds.
    static let burstSlot = 15.0
    static let burstLength = 5.0
    /// What a burst multiplies the rate by.
    static let burstFactor = 1.5
    /// One slot in this many has a burst.
    static let slotsPerBurst: UInt64 = 4

    /// Jobs a second.
    /// - Parameter time: seconds since time 0; not negative.
    func rate(at time: Double) -> Double {
        let phase = (time - self.shift) / Self.day * 2 * Double.pi
        let height = (1 - cos(phase)) / 2
        let rate = self.trough + (self.peak - self.trough) * height
        return self.isBurst(at: time) ? rate * Self.burstFactor : rate
    }

    /// Whether a burst is on.
    func isBurst(at time: Double) -> Bool {
        guard time >= 0 else { return false }
        let slot = (time / Self.burstSlot).rounded(.down)
        let word = Self.mix(self.seed &+ UInt64(slot) &* 0x9E37_79B9_7F4A_7C15)
        guard word % Self.slotsPerBurst == 0 else { return false }
        let share = Double(word >> 32) / Double(UInt32.max)
        let start = slot * Self.burstSlot + share * (Self.burstSlot - Self.burstLength)
        return time >= start && time < start + Self.burstLength
    }

    /// The finalizer of SplitMix64: neighbouring slots get unrelated words.
    private static func mix(_ value: UInt64) -> UInt64 {
        var word = value
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// Turns a rate into whole jobs: what is left of a job after one step counts in the next.
struct Arrivals: Sendable, Hashable {
    let curve: LoadCurve
    private var time: Double
    private var rest = 0.0

    /// A feeder that was stopped for long does not make up for it: the load of at most this many seconds comes at once.
    static let longestStep = 2.0

    init(curve: LoadCurve, from time: Double = 0) {
        self.curve = curve
        self.time = time
    }

    /// How many jobs arrived since the last call; 0 when the time has not moved on.
    mutating func jobs(until now: Double) -> Int {
        let step = min(now - self.time, Self.longestStep)
        guard step > 0 else { return 0 }
        self.time = now
        let amount = self.rest + self.curve.rate(at: now) * step
        let whole = amount.rounded(.down)
        self.rest = amount - whole
        return Int(whole)
    }
}
