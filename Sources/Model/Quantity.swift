/// A reading or threshold in thousandths: exact where decimal fractions are written, and comparable without rounding.
///
/// The range is ±9.2 × 10¹⁵; values beyond saturate at its ends, so that arithmetic never traps.
public struct Quantity: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Thousandths.
    public var milli: Int64

    /// From thousandths.
    public init(milli: Int64) { self.milli = milli }
    /// A whole number; saturates beyond the range.
    public init(_ whole: Int) { self.milli = Int64(whole).multipliedSaturating(by: 1000) }

    /// Rounds to the nearest thousandth, halves away from zero; nil for a value that is not finite.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        let scaled = (value * 1000).rounded(.toNearestOrAwayFromZero)
        self.milli = scaled >= 0x1p63 ? .max : scaled < -0x1p63 ? .min : Int64(scaled)
    }

    /// Reads a decimal number such as `180`, `-0.25` or `1e3`, exactly to the thousandth (halves away from zero); nil for anything else
    /// and for numbers beyond a double.
    public init?(text: String) {
        guard let value = Double(text), value.isFinite, text.allSatisfy({ $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }) else {
            return nil
        }
        self.init(milli: Self.milli(decimal: text))
    }

    /// Thousandths of a well-formed decimal. A double carries 15 digits only, and what is stored must come back as it was.
    private static func milli(decimal text: String) -> Int64 {
        /// More digits than this can't change a number of thousandths that fits; they would only overflow.
        let significantDigits: Int128 = 1_000_000_000_000_000_000_000_000_000_000
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        let written = parts.count > 1 ? Int(parts[1]) : 0
        var power = min(max(written ?? (parts[1].hasPrefix("-") ? -1000 : 1000), -1000), 1000) + 3
        var digits: Int128 = 0
        var inFraction = false
        for byte in parts[0].utf8 {
            switch byte {
            case UInt8(ascii: "."): inFraction = true
            case UInt8(ascii: "0")...UInt8(ascii: "9") where digits < significantDigits:
                digits = digits * 10 + Int128(byte - UInt8(ascii: "0"))
                if inFraction { power -= 1 }
            case UInt8(ascii: "0")...UInt8(ascii: "9"): if !inFraction { power += 1 }
            default: break
            }
        }
        while power > 0, digits != 0, digits <= Int128(Int64.max) {
            digits *= 10
            power -= 1
        }
        if power < 0 {
            var divisor: Int128 = 1
            while power < 0, divisor <= digits * 2 {
                divisor *= 10
                power += 1
            }
            digits = power < 0 ? 0 : (digits + divisor / 2) / divisor
        }
        return Int64(clamping: parts[0].hasPrefix("-") ? -digits : digits)
    }

    public static func < (left: Quantity, right: Quantity) -> Bool { left.milli < right.milli }
    /// Nothing of it.
    public static let zero = Quantity(milli: 0)

    /// As a double, which may round beyond 2⁵³ thousandths.
    public var double: Double { Double(self.milli) / 1000 }

    /// A plain decimal without trailing zeros: `180`, `1.8`, `-0.05`.
    public var description: String {
        let magnitude = self.milli.magnitude
        let sign = self.milli < 0 ? "-" : ""
        let fraction = magnitude % 1000
        if fraction == 0 { return "\(sign)\(magnitude / 1000)" }
        var digits = String(fraction + 1000).dropFirst()
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(sign)\(magnitude / 1000).\(digits)"
    }
}

extension Quantity: JSONEncodable, JSONDecodable {
    /// A decimal string: an explained number must not change on its way through a double.
    public var json: JSON { .string(self.description) }
    public init(json: JSON) throws(JSONError) {
        if let text = json.stringValue, let value = Quantity(text: text) { self = value; return }
        if let whole = json.intValue { self.init(milli: whole.multipliedSaturating(by: 1000)); return }
        if let number = json.doubleValue, let value = Quantity(number) { self = value; return }
        throw JSONError(message: "is not a decimal number")
    }
}

extension Int64 {
    /// The product, or the nearest representable number when it does not fit.
    public func multipliedSaturating(by other: Int64) -> Int64 {
        let (product, overflow) = self.multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
    /// The sum, or the nearest representable number when it does not fit.
    public func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = self.addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
    /// The difference, or the nearest representable number when it does not fit.
    @inlinable
    public func subtractingSaturating(_ other: Int64) -> Int64 {
        let (difference, overflow) = self.subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
