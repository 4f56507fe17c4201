import Glibc

/// What the command line asks for.
struct BenchOptions: Sendable {
    /// How often each measurement is repeated; the median counts.
    var trials = 3
    /// Also measure other systems for comparison, where a benchmark knows some.
    var withPeers = false

    struct UsageError: Error, CustomStringConvertible {
        var description: String
    }

    static func parse(
        _ arguments: some Sequence<String>, known: [String]
    ) throws -> (names: [String], options: BenchOptions) {
        var options = BenchOptions()
        var names: [String] = []
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--trials":
                guard let value = rest.popFirst().flatMap({ Int($0) }), (1...1000).contains(value) else {
                    throw UsageError(description: "--trials wants a number from 1 to 1000")
                }
                options.trials = value
            case "--with-peers": options.withPeers = true
            case _ where known.contains(argument): names.append(argument)
            default:
                throw UsageError(
                    description: "unknown argument '\(argument)'; benchmarks: \(known.sorted().joined(separator: ", ")); "
                        + "options: --trials N, --with-peers")
            }
        }
        return (names.isEmpty ? known.sorted() : names, options)
    }
}

/// One line of the report.
struct Measurement {
    var bench: String
    var `case`: String
    /// `muster`, a peer's name, or `ratio`.
    var who: String
    var metric: String
    var unit: String
    var value: Double
    var note: String?

    var json: String {
        var fields = [
            ("bench", Self.quoted(self.bench)), ("case", Self.quoted(self.case)), ("who", Self.quoted(self.who)),
            ("metric", Self.quoted(self.metric)), ("unit", Self.quoted(self.unit)),
            ("value", self.value.isFinite ? String(Double(Int64(self.value * 1000)) / 1000) : "null"),
        ]
        if let note { fields.append(("note", Self.quoted(note))) }
        return "{" + fields.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    func report() {
        print(self.json)
        fflush(nil)
    }

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

func writeError(_ text: String) {
    let line = text + "\n"
    _ = write(STDERR_FILENO, line, line.utf8.count)
}
