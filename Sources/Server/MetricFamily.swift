/// One metric with all its series, in the terms of the Prometheus text exposition format 0.0.4.
public struct MetricFamily: Sendable, Hashable {
    /// What a scraper may do with the numbers: a counter only rises while the process lives.
    public enum Kind: String, Sendable, Hashable { case counter, gauge, histogram }

    /// One line.
    public struct Sample: Sendable, Hashable {
        /// Appended to the family's name: `_bucket`, `_sum`, `_count`, or nothing.
        public var suffix: String
        /// What tells this series from the family's others; in the order in which they are written.
        public var labels: [Label]
        /// In the base unit that the family's name ends with: seconds, bytes, or a plain number.
        public var value: Double
        /// One series' value now.
        public init(suffix: String = "", labels: [Label] = [], _ value: Double) {
            self.suffix = suffix
            self.labels = labels
            self.value = value
        }
    }

    /// A name and value that tell one series of a family from another.
    public struct Label: Sendable, Hashable {
        /// The label's name; what the format does not allow in it becomes `_`.
        public var name: String
        /// Any text: it is escaped when written.
        public var value: String
        /// A label; its values should be few, since each is a series for ever.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// With the prefix `muster_` and the unit at its end, `_total` for counters.
    public var name: String
    /// One sentence for people, in the `# HELP` line.
    public var help: String
    /// What a scraper may do with the numbers.
    public var kind: Kind
    /// The series as they are now; none is a family without numbers.
    public var samples: [Sample]

    /// A family with any number of series; for one alone there are ``gauge(_:help:_:labels:)`` and ``counter(_:help:_:labels:)``.
    public init(name: String, help: String, kind: Kind, samples: [Sample]) {
        self.name = name
        self.help = help
        self.kind = kind
        self.samples = samples
    }

    /// A gauge with one series.
    public static func gauge(_ name: String, help: String, _ value: Double, labels: [Label] = []) -> MetricFamily {
        MetricFamily(name: name, help: help, kind: .gauge, samples: [Sample(labels: labels, value)])
    }

    /// A counter with one series.
    public static func counter(_ name: String, help: String, _ value: Double, labels: [Label] = []) -> MetricFamily {
        MetricFamily(name: name, help: help, kind: .counter, samples: [Sample(labels: labels, value)])
    }
}

/// Writes the Prometheus text exposition format.
public enum Exposition {
    /// The `Content-Type` of what ``text(_:)`` gives.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// - Returns: families in the order given; names and labels that the format does not allow are made to fit, never left out.
    public static func text(_ families: [MetricFamily]) -> String {
        var out = ""
        for family in families {
            let name = Self.name(family.name)
            out += "# HELP \(name) \(Self.escape(family.help, quotes: false))\n# TYPE \(name) \(family.kind.rawValue)\n"
            for sample in family.samples {
                out += name + sample.suffix
                if !sample.labels.isEmpty {
                    let labels = sample.labels.map { "\(Self.labelName($0.name))=\"\(Self.escape($0.value, quotes: true))\"" }
                    out += "{\(labels.joined(separator: ","))}"
                }
                out += " \(Self.number(sample.value))\n"
            }
        }
        return out
    }

    private static func name(_ text: String) -> String { Self.fit(text, extra: ":") }
    private static func labelName(_ text: String) -> String { Self.fit(text, extra: "") }

    private static func fit(_ text: String, extra: String) -> String {
        var out = ""
        for character in text {
            let isDigit = character.isASCII && character.isNumber
            let isAllowed = character.isASCII && character.isLetter || character == "_" || extra.contains(character) || isDigit
            if out.isEmpty, isDigit { out += "_" }
            out.append(isAllowed ? character : "_")
        }
        return out.isEmpty ? "_" : out
    }

    private static func escape(_ text: String, quotes: Bool) -> String {
        var out = ""
        for character in text {
            switch character {
            case "\\": out += "\\\\"
            case "\n", "\r\n": out += "\\n"
            case "\"" where quotes: out += "\\\""
            default: out.append(character)
            }
        }
        return out
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), abs(value) < 0x1p53 { return String(whole) }
        return value.description
    }
}
