import Model

/// The whole of the Kubernetes HorizontalPodAutoscaler algorithm (autoscaling/v2, the controller of 1.37), as functions
/// over values. Nothing here reads a clock: times are ages before now, in milliseconds.
///
/// From the outside in:
/// - ``HPA/reconcile(_:)``: one evaluation as the controller makes it, with its conditions;
/// - ``HPA/MetricCombination``: several metrics, of which some may fail;
/// - ``HPA/PodTally`` with ``HPA/utilization(_:target:current:tolerances:arithmetic:)`` and
///   ``HPA/averageUsage(_:target:current:tolerances:arithmetic:)``; ``HPA/value(_:target:current:readyPods:tolerances:arithmetic:)``
///   and ``HPA/averageValue(_:target:statusReplicas:tolerances:arithmetic:)``: one metric each;
/// - ``HPA/stabilize(_:current:upWindow:downWindow:log:)``, then ``HPA/limit(_:current:bounds:scaleUp:scaleDown:ups:downs:arithmetic:)``
///   with `behavior`; ``HPA/stabilize(_:window:log:)``, then ``HPA/clamp(_:current:bounds:scaleUpLimit:)`` without.
///
/// What an evaluation of a fleet calls allocates nothing: pods are tallied one by one, and logs are any sequence.
///
/// Where the controller's own arithmetic wraps around or is undefined (a sum beyond 64 bits, a count beyond 32), this
/// saturates; replica counts end at `Int32.max`. A target that is not above 0 can't be computed with; Kubernetes refuses
/// such a manifest. A sample of a pod that is not listed does not count.
extension HPA {
    /// How fractions are computed. `exact`: in integers, rounded once, at the end. `hpa`: in IEEE doubles, in the
    /// controller's order of operations, artefacts included.
    typealias Arithmetic = Policy.Arithmetic

    /// How far a ratio may be from 1 without a change, in billionths, which is as fine as a Kubernetes quantity is.
    struct Tolerances: Hashable, Sendable {
        static let one: Int64 = 1_000_000_000
        /// The controller's default, 0.1 both ways.
        static let standard = Tolerances(down: 100_000_000, up: 100_000_000)

        var down: Int64
        var up: Int64

        init(down: Int64, up: Int64) {
            self.down = down
            self.up = up
        }
        init(_ tolerance: Tolerance) { self.init(milli: tolerance.down.milli, tolerance.up.milli) }
        init(milli down: Int64, _ up: Int64) {
            self.init(down: HPA.multiply(down, 1_000_000), up: HPA.multiply(up, 1_000_000))
        }
    }

    /// `part / (target × replicas)`, and which arithmetic it is compared and multiplied in.
    struct UsageRatio {
        private let part: Int64
        /// Above 0.
        private let whole: Int128
        private let real: Double
        private let arithmetic: Arithmetic

        /// nil when `target` or `replicas` is not above 0.
        @inline(__always)
        init?(_ part: Int64, of target: Int64, times replicas: Int32 = 1, _ arithmetic: Arithmetic) {
            guard target > 0, replicas > 0 else { return nil }
            self.part = part
            self.whole = Int128(target) * Int128(replicas)
            self.real = if case .hpa = arithmetic { Double(part) / (Double(target) * Double(replicas)) } else { 0 }
            self.arithmetic = arithmetic
        }

        /// Whether 1 − down ≤ ratio ≤ 1 + up, both ends inclusive.
        @inline(__always)
        func isWithin(_ tolerances: Tolerances) -> Bool {
            let one = Tolerances.one
            switch self.arithmetic {
            case .hpa:
                let down = Double(tolerances.down) / Double(one), up = Double(tolerances.up) / Double(one)
                return 1.0 - down <= self.real && self.real <= 1.0 + up
            case .exact:
                let scaled = Int128(self.part) * Int128(one)
                return Exact.multiply(self.whole, Int128(one) - Int128(tolerances.down)) <= scaled
                    && scaled <= Exact.multiply(self.whole, Int128(one) + Int128(tolerances.up))
            }
        }

        var isAboveOne: Bool { if case .hpa = self.arithmetic { self.real > 1.0 } else { Int128(self.part) > self.whole } }
        var isBelowOne: Bool { if case .hpa = self.arithmetic { self.real < 1.0 } else { Int128(self.part) < self.whole } }

        /// ⌈ratio × count⌉.
        @inline(__always)
        func replicas(times count: Int64) -> Int32 {
            switch self.arithmetic {
            case .hpa: return HPA.replicas((self.real * Double(count)).rounded(.up))
            case .exact:
                return HPA.replicas(Exact.ceilDivide(Exact.multiply(Int128(self.part), Int128(count)), by: self.whole))
            }
        }

        /// The nearest double, for display.
        var approximate: Double { if case .hpa = self.arithmetic { self.real } else { Double(self.part) / Double(self.whole) } }
    }
}

// MARK: - Counts that saturate

extension HPA {
    /// Brought into 0...Int32.max.
    @inline(__always)
    static func replicas(_ count: Double) -> Int32 {
        count >= Double(Int32.max) ? .max : count > 0 ? Int32(count) : 0
    }
    @inline(__always)
    static func replicas(_ count: Int128) -> Int32 { Int32(clamping: max(count, 0)) }

    @inline(__always)
    static func add(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? (right < 0 ? .min : .max) : sum
    }
    @inline(__always)
    static func subtract(_ left: Int64, _ right: Int64) -> Int64 {
        let (difference, overflow) = left.subtractingReportingOverflow(right)
        return overflow ? (right < 0 ? .max : .min) : difference
    }
    @inline(__always)
    static func multiply(_ left: Int64, _ right: Int64) -> Int64 {
        let (product, overflow) = left.multipliedReportingOverflow(by: right)
        return overflow ? ((left < 0) == (right < 0) ? .max : .min) : product
    }
}
