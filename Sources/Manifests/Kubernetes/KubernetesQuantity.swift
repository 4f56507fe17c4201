import Model

/// Kubernetes' way to write numbers: `500m`, `1Gi`, `2k`, `1e3`, `0.5`.
enum KubernetesQuantity {
    enum Result: Equatable {
        case value(Quantity)
        /// A number that thousandths are too coarse for.
        case tooFine
        case malformed
    }

    /// Powers of ten, in thousandths of the unit, and binary units.
    private static let decimal: [String: Int] = ["n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18]
    private static let binary: [String: Int] = ["Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60]

    static func read(_ text: String) -> Result {
        // Letters at the end are the unit; the `e` of an exponent has digits behind it.
        let suffix = String(text.reversed().prefix { $0.isASCII && $0.isLetter }.reversed())
        guard let number = DecimalText(String(text.dropLast(suffix.count))), text.utf8.count <= 64 else { return .malformed }
        if let power = Self.binary[suffix] {
            guard let base = number.quantity else { return .tooFine }
            return .value(Quantity(milli: Self.saturating(Int128(base.milli) << Int128(power))))
        }
        guard let power = Self.decimal[suffix] else { return .malformed }
        guard power < 0 else {
            guard let base = number.quantity else { return .tooFine }
            var value = Int128(base.milli)
            for _ in 0..<power { value *= 10 }
            return .value(Quantity(milli: Self.saturating(value)))
        }
        guard let base = number.quantity else { return .tooFine }
        var value = base.milli
        for _ in 0..<(-power) {
            guard value % 10 == 0 else { return .tooFine }
            value /= 10
        }
        return .value(Quantity(milli: value))
    }

    private static func saturating(_ value: Int128) -> Int64 { Int64(clamping: value) }

    /// As Kubernetes reads it back exactly.
    static func text(_ value: Quantity) -> String { value.milli % 1000 == 0 ? value.description : "\(value.milli)m" }
}

extension Place {
    /// A quantity of Kubernetes, above 0.
    func kubernetesQuantity() -> Quantity? {
        guard let text = self.text("a quantity such as 500m, 25 or 1Gi") else { return nil }
        switch KubernetesQuantity.read(text) {
        case .value(let value) where value > .zero && value <= Bounds.load: return value
        case .value(let value): self.fail(.outOfRange, "“\(self.name)” is \(value); it must be more than 0 and at most \(Bounds.load)")
        case .tooFine: self.fail(.outOfRange, "“\(self.name)” is \(text.shortened), finer than a thousandth; round it to three decimals")
        case .malformed: self.fail(.wrongType, "“\(self.name)” is “\(text.shortened)”, not a quantity; write one such as 500m, 25 or 1Gi")
        }
        return nil
    }
}
