import Glibc

/// Measures Muster against what it is built on, one JSON object per line on standard output.
///
/// `muster-bench NAME… [--trials N] [--case NAME] [--with-peers]`: runs the named benchmarks, or all. Build it with `-c release`.
/// A benchmark is a function in this target's registry; it starts what it needs itself.
@main
enum MusterBench {
    /// Every benchmark by name.
    static let registry: [String: @Sendable (BenchOptions) async throws -> Void] = [
        "bulk": BulkBench.run,
        "engine": EngineBench.run,
        "failover": FailoverBench.run,
        "idle": IdleBench.run,
        "postgres": PostgresBench.run,
        "round": RoundBench.run,
        "soak": SoakBench.run,
    ]

    static func main() async {
        do {
            let (names, options) = try BenchOptions.parse(CommandLine.arguments.dropFirst(), known: Array(Self.registry.keys))
            for name in names { try await Self.registry[name]?(options) }
        } catch {
            writeError("muster-bench: \(error)")
            exit(1)
        }
    }
}
