import Model

/// A number as people and programs write it: digits, a point, an exponent. Nothing else that YAML might take for a number is one:
/// no `0x10`, `1_000`, `.inf`.
struct DecimalText {
    private let text: String
    /// Decimals that matter, after the exponent has moved the point.
    private let decimals: Int

    init?(_ text: String) {
        var rest = Substring(text)
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        let parts = rest.split(omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        guard parts.count <= 2, let mantissa = parts.first else { return nil }
        let sides = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        guard sides.count <= 2, mantissa.contains(where: { $0 != "." }), sides.allSatisfy({ $0.allSatisfy(Self.isDigit) }) else { return nil }
        var exponent = 0
        if parts.count == 2 {
            let digits = parts[1].first == "-" || parts[1].first == "+" ? parts[1].dropFirst() : parts[1]
            // Beyond three digits nothing fits in a quantity.
            guard (1...3).contains(digits.count), digits.allSatisfy(Self.isDigit), let value = Int(parts[1]) else { return nil }
            exponent = value
        }
        let fraction = sides.count == 2 ? String(sides[1]) : ""
        self.text = text
        self.decimals = Self.lastSignificant(whole: String(sides[0]), fraction: fraction) - exponent
    }

    /// The number, unless a thousandth is too coarse for it.
    var quantity: Quantity? { self.decimals <= 3 ? Quantity(text: self.text) : nil }

    /// The number, when it is whole and fits.
    var whole: Int? {
        guard self.decimals <= 0, let quantity = Quantity(text: self.text), quantity.milli % 1000 == 0 else { return nil }
        return Int(quantity.milli / 1000)
    }

    private static func isDigit(_ character: Character) -> Bool { character.isASCII && character.isNumber }

    /// How many places after the point the last digit that is not 0 stands; negative before the point.
    private static func lastSignificant(whole: String, fraction: String) -> Int {
        let zeros = fraction.reversed().prefix { $0 == "0" }.count
        if zeros < fraction.count { return fraction.count - zeros }
        let wholeZeros = whole.reversed().prefix { $0 == "0" }.count
        return wholeZeros == whole.count ? Int.min / 2 : -wholeZeros
    }
}
