/// Where the workers of one region are known.
///
///     workers/000007.pid     the worker's process, written by itself when it starts and removed when it ends
///     workers/000007.ready   it has a connection to the database and takes jobs
///     workers/000007.log     what it said
///     lock                   held while the number of workers changes, shared while they are counted
///     fence                  the highest epoch and the last idempotency keys
///     effects.log            one JSON object a line for each change of the number of workers
struct WorkerDirectory: Sendable {
    let path: String

    var workers: String { "\(self.path)/workers" }
    var lock: String { "\(self.path)/lock" }
    var fence: String { "\(self.path)/fence" }
    var effects: String { "\(self.path)/effects.log" }
    func pidFile(_ number: Int) -> String { "\(self.workers)/\(Self.name(number)).pid" }
    func readyFile(_ number: Int) -> String { "\(self.workers)/\(Self.name(number)).ready" }
    func log(_ number: Int) -> String { "\(self.workers)/\(Self.name(number)).log" }

    /// Logs of ended workers that are kept, newest first.
    static let keptLogs = 20

    struct Worker: Sendable, Hashable {
        var number: Int
        var process: ProcessIdentity
        var isReady: Bool
    }

    func create() throws(SampleError) {
        try Files.makeDirectory(self.path)
        try Files.makeDirectory(self.workers)
    }

    /// The workers that live, oldest first.
    func alive() throws(SampleError) -> [Worker] {
        var workers: [Worker] = []
        for number in try self.numbers(suffix: ".pid") {
            // The worker may end while we look: then its file is gone, and so is it.
            guard let line = try? Files.read(self.pidFile(number)), let process = ProcessIdentity(line: line), process.isRunning else { continue }
            workers.append(Worker(number: number, process: process, isReady: Files.exists(self.readyFile(number))))
        }
        return workers
    }

    /// The number of the next worker: higher than any that left a trace.
    func nextNumber() throws(SampleError) -> Int {
        let pids = try self.numbers(suffix: ".pid").last ?? 0
        let logs = try self.numbers(suffix: ".log").last ?? 0
        return max(pids, logs) + 1
    }

    /// Removes what dead workers left, save the newest logs. Only under the exclusive lock.
    func tidy() throws(SampleError) {
        let alive = Set(try self.alive().map(\.number))
        for number in try self.numbers(suffix: ".pid") where !alive.contains(number) {
            Files.remove(self.pidFile(number))
        }
        for number in try self.numbers(suffix: ".ready") where !alive.contains(number) {
            Files.remove(self.readyFile(number))
        }
        for number in try self.numbers(suffix: ".log").filter({ !alive.contains($0) }).dropLast(Self.keptLogs) {
            Files.remove(self.log(number))
        }
    }

    private func numbers(suffix: String) throws(SampleError) -> [Int] {
        try Files.names(in: self.workers).compactMap { $0.hasSuffix(suffix) ? Int($0.dropLast(suffix.count)) : nil }.sorted()
    }

    /// Six digits, so that names sort by age.
    static func name(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }
}
