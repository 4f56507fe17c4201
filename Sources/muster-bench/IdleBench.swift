import Foundation
import PostgresTesting

/// What a node costs while nothing happens: three nodes without workloads, one of them leading.
///
/// Processor time is read from the kernel's own account of each process over a quiet spell; memory is what is resident at its end.
enum IdleBench {
    /// After the start, before anything is measured: the audit check has caught up and caches are warm.
    static let settleSeconds = 10
    static let measureSeconds = 30

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    static func run(_ options: BenchOptions) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("muster-idle-\(getpid())").path
        defer { try? Self.cluster("down", ["--directory", directory, "--purge"]) }
        let programs = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
        try Self.cluster("up", ["--directory", directory, "--no-sample", "--bin", programs, "--nodes", "3"])
        try await Task.sleep(for: .seconds(Self.settleSeconds))
        var memory: [Double] = []
        var share: [Double] = []
        for _ in 0..<(options.trials ?? 3) {
            let nodes = try Self.processes(directory)
            let before = try nodes.map(Self.processorSeconds)
            let began = ContinuousClock.now
            try await Task.sleep(for: .seconds(Self.measureSeconds))
            let (seconds, attoseconds) = (ContinuousClock.now - began).components
            let elapsed = Double(seconds) + Double(attoseconds) * 1e-18
            for (node, start) in zip(nodes, before) { share.append((try Self.processorSeconds(node) - start) / elapsed * 100) }
            memory += try nodes.map(Self.residentMegabytes)
        }
        let note = "3 nodes, no workload, \(Self.measureSeconds) s a trial; the worst node of all trials"
        Measurement(bench: "idle", case: "node", who: "muster", metric: "resident", unit: "MB", value: memory.max() ?? .nan, note: note).report()
        Measurement(bench: "idle", case: "node", who: "muster", metric: "processor", unit: "percent_of_a_core", value: share.max() ?? .nan, note: note).report()
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

    private static func residentMegabytes(_ pid: Int32) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        for line in text.split(separator: "\n") where line.hasPrefix("VmRSS:") {
            if let kilobytes = Double(line.split(whereSeparator: \.isWhitespace)[1]) { return kilobytes / 1024 }
        }
        throw Failure(description: "/proc/\(pid)/status has no VmRSS")
    }
}
