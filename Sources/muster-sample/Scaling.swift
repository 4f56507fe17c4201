import Glibc
import Model

/// One order to have so many workers.
struct ScalingOrder: Sendable, Hashable {
    var replicas: Int
    /// From the environment that Muster's exec driver sets; all nil when a person asks.
    var previous: Int?
    var key: String?
    var epoch: Int64?

    /// Far above what the sample's policy asks for; a slip of the finger should not fill the machine with processes.
    static let maximumReplicas = 50

    init(replicas: Int, environment: [String: String] = [:]) throws(SampleError) {
        func number<N: FixedWidthInteger>(_ name: String, _ type: N.Type) throws(SampleError) -> N? {
            guard let text = environment[name], !text.isEmpty else { return nil }
            guard let value = N(text), value >= 0 else {
                throw SampleError("\(name) is “\(text.prefix(40))”, which is not a whole number; nothing was changed", exit: .usage)
            }
            return value
        }
        guard (0...Self.maximumReplicas).contains(replicas) else {
            throw SampleError("\(replicas) workers are not between 0 and \(Self.maximumReplicas); nothing was changed", exit: .usage)
        }
        self.replicas = replicas
        self.previous = try number("PREVIOUS", Int.self)
        self.epoch = try number("EPOCH", Int64.self)
        self.key = environment["IDEMPOTENCY_KEY"].flatMap { $0.isEmpty ? nil : $0 }
        if let key, !Fence.isValid(key: key) {
            throw SampleError("IDEMPOTENCY_KEY is not 1 to \(Fence.longestKey) printable characters without spaces and quotes", exit: .usage)
        }
    }
}

/// Starts and stops workers until there are as many as ordered.
struct Scaling: Sendable {
    var directory: WorkerDirectory
    /// The command of a worker, without `--directory` and `--number`.
    var worker: [String]

    /// Between one change and the next; a change takes at most the two limits below.
    static let lockWait: Duration = .seconds(8)
    /// From the start of a process to its first connection.
    static let startLimit: Duration = .seconds(5)
    /// A worker finishes its job, which takes less than a second, and exits.
    static let stopLimit: Duration = .seconds(5)
    /// How often a process is looked at while we wait for it. The kernel has no event for a process that is not our child.
    private static let pollInterval: Duration = .milliseconds(10)

    struct Counted: Sendable, Hashable {
        var replicas: Int
        var ready: Int
        var json: String { "{\"ready\": \(self.ready), \"replicas\": \(self.replicas)}" }
    }

    /// How many workers there are. Never in the middle of a change.
    static func count(_ directory: WorkerDirectory) async throws -> Counted {
        try directory.create()
        return try await DirectoryLock.hold(directory.lock, .shared, waiting: Self.lockWait) {
            let workers = try directory.alive()
            return Counted(replicas: workers.count, ready: workers.count(where: \.isReady))
        }
    }

    /// Carries the order out.
    /// - Throws: `SampleError`; its exit says whether anything was changed.
    func carryOut(_ order: ScalingOrder) async throws -> Counted {
        try self.directory.create()
        return try await DirectoryLock.hold(self.directory.lock, .exclusive, waiting: Self.lockWait) {
            try self.directory.tidy()
            return try await self.carryOut(order, from: try self.directory.alive())
        }
    }

    private func carryOut(_ order: ScalingOrder, from before: [WorkerDirectory.Worker]) async throws -> Counted {
        var fence = Files.exists(self.directory.fence) ? try Fence(text: Files.read(self.directory.fence)) : Fence()
        let known = fence
        let verdict = fence.judge(epoch: order.epoch, key: order.key, previous: order.previous, present: before.count)
        // Before anything is done: a leader of a lower epoch must be refused from now on, whatever becomes of this order.
        if fence != known { try Files.replace(self.directory.fence, with: fence.text) }
        switch verdict {
        case .refused(let why): throw SampleError(why, exit: .conflict)
        case .repeated(let replicas): return Counted(replicas: replicas, ready: min(replicas, before.count(where: \.isReady)))
        case .proceed: break
        }

        var failure: SampleError?
        do {
            if order.replicas > before.count {
                try await self.start(order.replicas - before.count)
            } else {
                try await self.stop(before.suffix(before.count - order.replicas))
            }
        } catch let error as SampleError {
            failure = error
        }
        let after = try self.directory.alive()
        if after.count != before.count {
            try Files.append(Self.effect(order, from: before.count, to: after.count), to: self.directory.effects)
        }
        if let failure { throw failure }
        guard after.count == order.replicas else {
            throw SampleError("\(after.count) workers run, not \(order.replicas): a worker ended by itself meanwhile; see its log in \(self.directory.workers)")
        }
        if let key = order.key {
            fence.remember(key: key, replicas: after.count)
            try Files.replace(self.directory.fence, with: fence.text)
        }
        return Counted(replicas: after.count, ready: after.count(where: \.isReady))
    }

    private static func effect(_ order: ScalingOrder, from: Int, to: Int) -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let time = WallTime(microseconds: Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000)
        let key = order.key.map { "\"\($0)\"" } ?? "null"
        let epoch = order.epoch.map { String($0) } ?? "null"
        return "{\"epoch\":\(epoch),\"from\":\(from),\"key\":\(key),\"time\":\"\(time)\",\"to\":\(to)}"
    }

    // MARK: Starting

    private func start(_ count: Int) async throws {
        let first = try self.directory.nextNumber()
        var started: [(number: Int, pid: pid_t)] = []
        for number in first..<first + count {
            let pid = try Detached.start(
                self.worker + ["--directory", self.directory.path, "--number", String(number)], log: self.directory.log(number))
            started.append((number, pid))
        }
        let end = ContinuousClock.now + Self.startLimit
        // Known is a must, ready is not: a worker that waits for its database is a replica that is not ready, and verification sees that.
        for (number, pid) in started {
            while ProcessIdentity.running(pid) != nil, !Files.exists(self.directory.readyFile(number)), ContinuousClock.now < end {
                try await Task.sleep(for: Self.pollInterval)
            }
            guard ProcessIdentity.running(pid) != nil else {
                let log = (try? Files.read(self.directory.log(number))) ?? ""
                throw SampleError("worker \(WorkerDirectory.name(number)) ended at once. The end of \(self.directory.log(number)): \(log.suffix(500))")
            }
            guard Files.exists(self.directory.pidFile(number)) else {
                kill(pid, SIGKILL)
                throw SampleError("worker \(WorkerDirectory.name(number)) did not come up within \(Self.startLimit) and was ended; is the machine overloaded?")
            }
        }
    }

    // MARK: Stopping

    /// The newest ones, which have done the least.
    private func stop(_ workers: ArraySlice<WorkerDirectory.Worker>) async throws {
        for worker in workers { kill(worker.process.pid, SIGTERM) }
        try await Self.wait(for: workers, atMost: Self.stopLimit)
        // What it was doing becomes pending again after a while.
        for worker in workers where worker.process.isRunning { kill(worker.process.pid, SIGKILL) }
        try await Self.wait(for: workers, atMost: Self.stopLimit)
        if let left = workers.first(where: { $0.process.isRunning }) {
            throw SampleError("worker \(WorkerDirectory.name(left.number)), pid \(left.process.pid), can't be ended; see what it hangs in")
        }
        try self.directory.tidy()
    }

    private static func wait(for workers: ArraySlice<WorkerDirectory.Worker>, atMost limit: Duration) async throws {
        let end = ContinuousClock.now + limit
        for worker in workers {
            while worker.process.isRunning, ContinuousClock.now < end { try await Task.sleep(for: Self.pollInterval) }
        }
    }
}
