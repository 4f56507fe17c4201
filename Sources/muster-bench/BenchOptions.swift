/// What the command line asks for.
struct BenchOptions: Sendable {
    /// How often each measurement is repeated; nil: what the benchmark thinks right.
    var trials: Int?
    /// Also measure other systems for comparison, where a benchmark knows some.
    var withPeers = false
    /// Only the cases whose name begins with this.
    var only: String?

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
            case "--case":
                guard let value = rest.popFirst() else { throw UsageError(description: "--case wants the beginning of a case's name") }
                options.only = value
            case "--with-peers": options.withPeers = true
            case _ where known.contains(argument): names.append(argument)
            default:
                throw UsageError(
                    description: "unknown argument '\(argument)'; benchmarks: \(known.sorted().joined(separator: ", ")); "
                        + "options: --trials N, --case NAME, --with-peers")
            }
        }
        return (names.isEmpty ? known.sorted() : names, options)
    }

    func wants(_ name: String) -> Bool { self.only.map { name.hasPrefix($0) } ?? true }
}
