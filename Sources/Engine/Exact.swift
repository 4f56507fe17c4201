import Model

/// Exact integer arithmetic in 128 bits that saturates instead of trapping: whatever a source or manifest says, an
/// evaluation ends with a decision.
enum Exact {
    /// As Kubernetes saturates replica counts.
    static let maximumReplicas = Int(Int32.max)

    /// A count of replicas, brought into 0...``maximumReplicas``.
    static func replicas(_ count: Int128) -> Int { Int(min(max(count, 0), Int128(Self.maximumReplicas))) }
    static func replicas(_ count: Int) -> Int { Self.replicas(Int128(count)) }

    static func multiply(_ left: Int128, _ right: Int128) -> Int128 {
        let (product, overflow) = left.multipliedReportingOverflow(by: right)
        return overflow ? ((left < 0) == (right < 0) ? .max : .min) : product
    }
    static func add(_ left: Int128, _ right: Int128) -> Int128 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? (right < 0 ? .min : .max) : sum
    }
    /// The quotient rounded up; `divisor` > 0.
    static func ceilDivide(_ dividend: Int128, by divisor: Int128) -> Int128 {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        return remainder > 0 ? quotient + 1 : quotient
    }
    /// The quotient rounded to the nearest integer, halves away from zero; `divisor` > 0.
    static func roundDivide(_ dividend: Int128, by divisor: Int128) -> Int128 {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        guard remainder.magnitude * 2 >= divisor.magnitude else { return quotient }
        return dividend < 0 ? quotient - 1 : quotient + 1
    }
    static func quantity(milli: Int128) -> Quantity { Quantity(milli: Int64(clamping: milli)) }
}

/// `part / whole`, unrounded; `whole` is above 0.
struct Ratio {
    let part: Int128
    let whole: Int128

    init?(_ part: Int128, of whole: Int128) {
        guard whole > 0 else { return nil }
        self.part = part
        self.whole = whole
    }

    /// Whether 1 − down ≤ ratio ≤ 1 + up, both ends inclusive.
    func isWithin(_ tolerance: HPA.Tolerance) -> Bool {
        let scaled = Exact.multiply(self.part, 1000)
        return Exact.multiply(self.whole, 1000 - Int128(tolerance.down.milli)) <= scaled
            && scaled <= Exact.multiply(self.whole, 1000 + Int128(tolerance.up.milli))
    }
    var isAboveOne: Bool { self.part > self.whole }
    /// ⌈ratio × count⌉ as replicas.
    func replicas(times count: Int) -> Int {
        Exact.replicas(Exact.ceilDivide(Exact.multiply(self.part, Int128(count)), by: self.whole))
    }
    /// The nearest thousandth.
    var quantity: Quantity { Exact.quantity(milli: Exact.roundDivide(Exact.multiply(self.part, 1000), by: self.whole)) }
    /// In percent to one decimal, as people read it.
    var percent: Quantity {
        Exact.quantity(milli: Exact.multiply(Exact.roundDivide(Exact.multiply(self.part, 1000), by: self.whole), 100))
    }
    /// How far it is from 1, in thousandths, at most 1000.
    var distanceFromOne: Int64 {
        let away = (Int128(self.quantity.milli) - 1000).magnitude
        return Int64(min(away, 1000))
    }
}
