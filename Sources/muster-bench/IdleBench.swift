import Foundation
import PostgresTesting

/// What a node costs while nothing happens: three nodes, or nine, without workloads, one of them leading.
///
/// Processor time is read from the kernel's own account over a quiet spell: of each process, and of the thread of its links to the other nodes, which
/// at rest does nothing but ask them how they are, and answer. Memory is what is resident at the end.
enum IdleBench {
    /// After the start, before anything is measured: the audit check has caught up and caches are warm.
    static let settleSeconds = 15
    static let measureSeconds = 40
    /// As ``PeerMesh`` names it.
    static let peersThread = "muster-peers"

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Of one node, over one spell.
    struct Spell {
        var elapsed: Double
        /// Of the process, in seconds.
        var processor: Double
        /// Of the thread of its links, in seconds.
        var probing: Double
        var residentMegabytes: Double
    }

    static func run(_ options: BenchOptions) async throws {
        for (name, nodes) in [("node", 3), ("nine", 9)] where options.wants(name) {
            try await Self.measure(name, nodes: nodes, trials: options.trials ?? 3)
        }
    }

    private static func measure(_ name: String, nodes count: Int, trials: Int) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("muster-idle-\(getpid())").path
        defer { try? Self.cluster("down", ["--directory", directory, "--purge"]) }
        let programs = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
        try Self.cluster("up", ["--directory", directory, "--no-sample", "--bin", programs, "--nodes", String(count)])
        try await Task.sleep(for: .seconds(Self.settleSeconds))
        var spells: [Spell] = []
        for _ in 0..<trials { spells += try await Self.spell(directory) }
        let each = "\(count) nodes, no workload, \(Self.measureSeconds) s a trial"
        let worst = "\(each); the worst node of all trials"
        let share = spells.map { $0.processor / $0.elapsed * 100 }.max() ?? .nan
        let memory = spells.map(\.residentMegabytes).max() ?? .nan
        Measurement(bench: "idle", case: name, who: "muster", metric: "resident", unit: "MB", value: memory, note: worst).report()
        Measurement(bench: "idle", case: name, who: "muster", metric: "processor", unit: "percent_of_a_core", value: share, note: worst).report()
        let probing = spells.map { $0.probing / $0.elapsed * 100 }
        let note = "\(each); each node in each trial: the thread of its links to the others"
        Measurement(bench: "idle", case: name, who: "muster", metric: "probing", unit: "percent_of_a_core", samples: probing, note: note).report()
        let times = spells.map { $0.probing * 1000 }
        Measurement(bench: "idle", case: name, who: "muster", metric: "probing_time", unit: "ms", samples: times, note: note).report()
    }

    private static func spell(_ directory: String) async throws -> [Spell] {
        let nodes = try Self.processes(directory)
        let before = try nodes.map { (processor: try Self.processorSeconds($0), probing: try Self.probingSeconds($0)) }
        let began = ContinuousClock.now
        try await Task.sleep(for: .seconds(Self.measureSeconds))
        let (seconds, attoseconds) = (ContinuousClock.now - began).components
        let elapsed = Double(seconds) + Double(attoseconds) * 1e-18
        return try zip(nodes, before).map { node, before in
            Spell(
                elapsed: elapsed, processor: try Self.processorSeconds(node) - before.processor, probing: try Self.probingSeconds(node) - before.probing,
                residentMegabytes: try Self.residentMegabytes(node))
        }
    }

    /// Runs a script of the repository. What it leaves running must not hold this program up: it inherits none of its descriptors.
    private static func cluster(_ command: String, _ arguments: [String]) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("muster-idle-\(getpid()).log").path
        _ = try Command(arguments: ["\(root)/cluster/\(command)"] + arguments, outputPath: output, workingDirectory: root).run()
    }

    private static func processes(_ directory: String) throws -> [Int32] {
        try FileManager.default.contentsOfDirectory(atPath: "\(directory)/nodes").sorted().map { name in
            let text = try String(contentsOfFile: "\(directory)/nodes/\(name)/pid", encoding: .utf8)
            guard let pid = Int32(text.split(whereSeparator: \.isWhitespace).first ?? "") else { throw Failure(description: "node \(name) has no process") }
            return pid
        }
    }

    /// User and system time so far, in seconds.
    private static func processorSeconds(_ pid: Int32) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        // The name in parentheses may hold spaces; what follows it is numbers only.
        guard let end = text.lastIndex(of: ")") else { throw Failure(description: "/proc/\(pid)/stat can't be read") }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
            throw Failure(description: "/proc/\(pid)/stat is not what it should be")
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Time that the thread of the links was on a processor, in seconds: the scheduler counts it in nanoseconds, while a process's account has hundredths
    /// of a second.
    private static func probingSeconds(_ pid: Int32) throws -> Double {
        for thread in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task") {
            let folder = "/proc/\(pid)/task/\(thread)"
            guard try String(contentsOfFile: "\(folder)/comm", encoding: .utf8) == "\(Self.peersThread)\n" else { continue }
            let text = try String(contentsOfFile: "\(folder)/schedstat", encoding: .utf8)
            guard let nanoseconds = text.split(separator: " ").first.flatMap({ Double($0) }) else {
                throw Failure(description: "\(folder)/schedstat is not what it should be")
            }
            return nanoseconds * 1e-9
        }
        throw Failure(description: "process \(pid) has no thread “\(Self.peersThread)”: does it listen for other nodes?")
    }

    private static func residentMegabytes(_ pid: Int32) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        for line in text.split(separator: "\n") where line.hasPrefix("VmRSS:") {
            if let kilobytes = Double(line.split(whereSeparator: \.isWhitespace)[1]) { return kilobytes / 1024 }
        }
        throw Failure(description: "/proc/\(pid)/status has no VmRSS")
    }
}
