public import Model

/// A fleet's workloads, evaluated in place: their facts lie side by side in one block, and an evaluation allocates nothing.
///
/// It decides exactly as ``Engine`` does, since both are the same ladder.
///
/// `@unchecked Sendable`: the block is the only thing that changes, and each ``Shard`` changes the cells of its own workloads. Two evaluations of one
/// workload at once are a mistake of the caller.
public final class FleetEngine: @unchecked Sendable {
    fileprivate let programs: [Program]
    /// By workload: its program.
    fileprivate let programOf: [Int32]
    /// By workload: where its cells begin.
    fileprivate let offsets: [Int]
    fileprivate let block: UnsafeMutablePointer<Int64>
    private let cellCount: Int

    /// - Parameters:
    ///   - policies: one for each kind of workload.
    ///   - workloads: by workload, the index of its policy.
    public init(policies: [Policy], workloads: [Int]) {
        let programs = policies.map { Program($0) }
        var offsets: [Int] = []
        var count = 0
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

    /// What the facts of all workloads take up, in bytes, with the tables that find them.
    public var bytes: Int {
        self.cellCount * MemoryLayout<Int64>.stride + self.offsets.count * (MemoryLayout<Int>.stride + MemoryLayout<Int32>.stride)
    }

    /// What is remembered of one workload, as it is written down.
    public func memory(of workload: Int, at now: WallTime) -> Memory {
        Memory(Cells(base: self.block + self.offsets[workload]), self.programs[Int(self.programOf[workload])], at: now)
    }

    /// Sizes and readings of a fleet at one moment, by workload.
    public struct Readings {
        /// What runs.
        public var sizes: UnsafePointer<Int32>
        /// Each metric's value in thousandths, `metrics` of them for each workload.
        public var values: UnsafePointer<Int64>
        public var metrics: Int

        public init(sizes: UnsafePointer<Int32>, values: UnsafePointer<Int64>, metrics: Int) {
            self.sizes = sizes
            self.values = values
            self.metrics = metrics
        }
    }

    /// Evaluates workloads of a fleet one after another, in room of its own. One for each thread.
    public struct Shard: ~Copyable {
        private let fleet: FleetEngine
        private let scratch = Scratch()

        public init(of fleet: FleetEngine) {
            self.fleet = fleet
            for program in fleet.programs { self.scratch.makeRoom(for: program) }
        }

        /// Evaluates a run of workloads, all of which were seen and have fresh readings.
        /// - Parameter concluded: is told each conclusion. A change is remembered as made.
        public borrowing func evaluate(_ range: Range<Int>, _ readings: Readings, at now: WallTime, _ concluded: (Int, Conclusion) -> Void) {
            for index in range {
                let program = self.fleet.programs[Int(self.fleet.programOf[index])]
                for metric in 0..<program.metrics.count {
                    self.scratch.answers[metric].value = readings.values[index * readings.metrics + metric]
                    self.scratch.answers[metric].at = now.microseconds
                    self.scratch.answers[metric].missing = nil
                }
                let size = Int(readings.sizes[index])
                let situation = Situation(now: now.microseconds, asked: size, existing: size, ready: size)
                let cells = Cells(base: self.fleet.block + self.fleet.offsets[index])
                let ladder = Ladder(program, situation, cells, self.scratch, scene: nil, log: Silence())
                let conclusion = ladder.climb()
                if conclusion.acted { ladder.remember(conclusion) }
                concluded(index, conclusion)
            }
        }
    }
}
