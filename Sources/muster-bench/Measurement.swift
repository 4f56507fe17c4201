import Glibc

/// One line of the report.
///
/// It has one of three bodies: a single `value`; the quantiles of several trials; or the reason why nothing was measured.
struct Measurement {
    enum Body {
        case value(Double)
        /// Of all trials; printed as `n`, `p50`, `p99` and `max`.
        case samples([Double])
        case skipped(String)
    }

    var bench: String
    var `case`: String
    /// `muster`, a peer's name, or `ratio`.
    var who: String
    var metric: String
    var unit: String
    var body: Body
    var note: String?

    init(bench: String, case name: String, who: String, metric: String, unit: String, value: Double, note: String? = nil) {
        self.init(bench: bench, case: name, who: who, metric: metric, unit: unit, body: .value(value), note: note)
    }

    init(bench: String, case name: String, who: String, metric: String, unit: String, samples: [Double], note: String? = nil) {
        self.init(bench: bench, case: name, who: who, metric: metric, unit: unit, body: .samples(samples), note: note)
    }

    /// Says by name what was not measured, and why.
    init(bench: String, case name: String, who: String, skipped reason: String) {
        self.init(bench: bench, case: name, who: who, metric: "", unit: "", body: .skipped(reason), note: nil)
    }

    private init(bench: String, case name: String, who: String, metric: String, unit: String, body: Body, note: String?) {
        self.bench = bench
        self.case = name
        self.who = who
        self.metric = metric
        self.unit = unit
        self.body = body
        self.note = note
    }

    var json: String {
        var fields = [("bench", Self.quoted(self.bench)), ("case", Self.quoted(self.case)), ("who", Self.quoted(self.who))]
        let named = [("metric", Self.quoted(self.metric)), ("unit", Self.quoted(self.unit))]
        switch self.body {
        case .value(let value): fields += named + [("value", Self.number(value))]
        case .samples(let values):
            fields += named + [("n", String(values.count))]
            fields += [
                ("p50", Self.number(quantile(0.5, of: values))), ("p99", Self.number(quantile(0.99, of: values))),
                ("max", Self.number(values.max() ?? .nan)),
            ]
        case .skipped(let reason): fields.append(("skipped", Self.quoted(reason)))
        }
        if let note { fields.append(("note", Self.quoted(note))) }
        return "{" + fields.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    func report() {
        print(self.json)
        fflush(nil)
    }

    private static func number(_ value: Double) -> String { value.isFinite ? String(Double(Int64(value * 1000)) / 1000) : "null" }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case _ where scalar.value < 0x20: out += " "
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

/// The middle value; of an even number the mean of the two in the middle. NaN when there is none.
func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// The smallest value that at least the share `rank` of all does not exceed (nearest rank): with fewer than a hundred values the 0.99 quantile is
/// the greatest. NaN when there is none.
func quantile(_ rank: Double, of values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let position = Int((rank * Double(sorted.count)).rounded(.up)) - 1
    return sorted[min(max(position, 0), sorted.count - 1)]
}

func writeError(_ text: String) {
    let line = text + "\n"
    _ = write(STDERR_FILENO, line, line.utf8.count)
}
