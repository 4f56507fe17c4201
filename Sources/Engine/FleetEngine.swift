public import Model

/// A fleet's workloads, evaluated in place: their facts lie side by side in one block, and an evaluation of one that nobody will read allocates
/// nothing.
///
/// It decides exactly as ``Engine`` does, since both are the same ladder; ``explain(_:_:)`` tells the story of an evaluation that was just made.
///
/// Not `Sendable` as a whole: ``evaluate(_:_:)`` on several threads at once is allowed for different workloads only, which ``Shard`` keeps apart.
public struct FleetEngine: ~Copyable {
    private let programs: [Program]
    /// By workload: its program.
    private let programOf: [Int32]
    /// By workload: where its cells begin.
    private let offsets: [Int]
    private let block: UnsafeMutablePointer<Int64>
    private let cellCount: Int

    /// - Parameters:
    ///   - policies: one for each kind of workload.
    ///   - workloads: by workload, the index of its policy.
    public init(policies: [Policy], workloads: [Int]) {
        let programs = policies.map { Program($0) }
        var offsets: [Int] = [], count = 0
        offsets.reserveCapacity(workloads.count)
        for policy in workloads {
            offsets.append(count)
            count += programs[policy].cells.count
        }
        self.programs = programs
        self.programOf = workloads.map { Int32($0) }
        self.offsets = offsets
        self.cellCount = count
        self.block = .allocate(capacity: max(count, 1))
        for (index, offset) in offsets.enumerated() { Cells(base: self.block + offset).clear(programs[workloads[index]]) }
    }

    deinit { self.block.deallocate() }

    public var count: Int { self.offsets.count }
    /// What the facts of all workloads take up, in bytes.
    public var bytes: Int { self.cellCount * MemoryLayout<Int64>.stride + self.offsets.count * (MemoryLayout<Int>.stride + MemoryLayout<Int32>.stride) }

    /// A part of the fleet with the room that its evaluations use.
    public struct Shard: ~Copyable {
        private let scratch = Scratch()

        public init() {}

        /// Evaluates a run of workloads at one moment.
        ///
        /// - Parameters:
        ///   - sizes: by workload, what runs.
        ///   - values: by workload, each metric's value in thousandths, as of `now`.
        ///   - decided: is told each outcome.
        public borrowing func evaluate(
            _ fleet: borrowing FleetEngine, _ range: Range<Int>, at now: WallTime, sizes: UnsafePointer<Int32>, values: UnsafePointer<Int64>,
            metricsPerWorkload: Int, _ decided: (Int, Conclusion) -> Void
        ) {
            for program in fleet.programs { self.scratch.makeRoom(for: program) }
            for index in range {
                let program = fleet.programs[Int(fleet.programOf[index])]
                for metric in 0..<program.metrics.count {
                    self.scratch.answers[metric].value = values[index * metricsPerWorkload + metric]
                    self.scratch.answers[metric].at = now.microseconds
                    self.scratch.answers[metric].missing = nil
                }
                let size = Int(sizes[index])
                let situation = Situation(now: now.microseconds, asked: size, existing: size, ready: size)
                let ladder = Ladder(program, situation, Cells(base: fleet.block + fleet.offsets[index]), self.scratch, scene: nil, log: Silence())
                let outcome = ladder.climb()
                if outcome.acted { ladder.remember(outcome) }
                decided(index, outcome)
            }
        }
    }
}
