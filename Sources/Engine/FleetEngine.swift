public import Model

/// A fleet's workloads, evaluated in place: their facts lie side by side in one block, and an evaluation allocates nothing.
///
/// It decides exactly as ``Engine`` does, since both are the same ladder.
///
/// `@unchecked Sendable`: the block is the only thing that changes, and each ``Shard`` changes the cells of its own workloads. Two evaluations of one
/// workload at once are a mistake of the caller.
public final class FleetEngine: @unchecked Sendable {
    fileprivate let programs: [Program]
    /// By workload: its program, and where its cells begin. Not arrays: counting references to one from several cores at once is what they would wait for.
    fileprivate let places: UnsafeMutablePointer<Place>
    fileprivate struct Place {
        var program: Int32
        var offset: Int
    }
    /// How many workloads there are.
    public let count: Int
    fileprivate let block: UnsafeMutablePointer<Int64>
    private let cellCount: Int

    /// - Parameters:
    ///   - policies: one for each kind of workload.
    ///   - workloads: by workload, the index of its policy.
    public init(policies: [Policy], workloads: [Int]) {
        let programs = policies.map { Program($0) }
        self.programs = programs
        self.count = workloads.count
        self.places = .allocate(capacity: max(workloads.count, 1))
        var cells = 0
        for (index, policy) in workloads.enumerated() {
            (self.places + index).initialize(to: Place(program: Int32(policy), offset: cells))
            cells += programs[policy].cells.count
        }
        self.cellCount = cells
        self.block = .allocate(capacity: max(cells, 1))
        for (index, policy) in workloads.enumerated() { Cells(base: self.block + self.places[index].offset).clear(programs[policy]) }
    }

    deinit {
        self.places.deallocate()
        self.block.deallocate()
    }

    /// What the facts of all workloads take up, in bytes, with the tables that find them.
    public var bytes: Int {
        self.cellCount * MemoryLayout<Int64>.stride + self.count * MemoryLayout<Place>.stride
    }

    /// What is remembered of one workload, as it is written down.
    public func memory(of workload: Int, at now: WallTime) -> Memory {
        Memory(Cells(base: self.block + self.places[workload].offset), self.programs[Int(self.places[workload].program)], at: now)
    }

    /// Sizes and readings of a fleet at one moment, by workload.
    public struct Readings {
        /// What runs.
        public var sizes: UnsafePointer<Int32>
        /// Each metric's value in thousandths, `metrics` of them for each workload.
        public var values: UnsafePointer<Int64>
        /// Values of each workload; no policy has more metrics.
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
        /// Its own, as the scratch is.
        private let programs: [Program]
        private let scratch = Scratch()

        /// Room of its own for one thread that evaluates workloads of `fleet`.
        public init(of fleet: FleetEngine) {
            self.fleet = fleet
            self.programs = fleet.programs.map { Program($0.policy, reference: $0.reference) }
            for program in self.programs { self.scratch.makeRoom(for: program) }
        }

        /// Evaluates a run of workloads, all of which were seen and have fresh readings.
        /// - Parameters:
        ///   - now: within a week of their last evaluation. Of the times of changes and recommendations 32 bits are kept, and nothing is laid out anew.
        ///   - concluded: is told each conclusion. A change is remembered as made.
        public borrowing func evaluate(_ range: Range<Int>, _ readings: Readings, at now: WallTime, _ concluded: (Int, Conclusion) -> Void) {
            let (places, block) = (self.fleet.places, self.fleet.block)
            guard var kind = range.first.map({ places[$0].program }) else { return }
            // One for a run of workloads of one kind: making it counts references, which is a good part of an evaluation.
            var ladder = self.ladder(kind)
            for index in range {
                if places[index].program != kind {
                    kind = places[index].program
                    ladder = self.ladder(kind)
                }
                for metric in ladder.program.metrics.indices {
                    self.scratch.answers[metric].value = readings.values[index * readings.metrics + metric]
                    self.scratch.answers[metric].at = now.microseconds
                    self.scratch.answers[metric].missing = nil
                }
                let size = Int(readings.sizes[index])
                ladder.situation = Situation(now: now.microseconds, asked: size, existing: size, ready: size)
                ladder.cells = Cells(base: block + places[index].offset)
                let conclusion = ladder.climb()
                if conclusion.acted { ladder.remember(conclusion) }
                concluded(index, conclusion)
            }
        }

        /// Of no workload yet.
        private borrowing func ladder(_ kind: Int32) -> Ladder<Silence> {
            Ladder(
                self.programs[Int(kind)], Situation(now: 0, asked: 0, existing: 0, ready: 0), Cells(base: self.fleet.block), self.scratch, scene: nil,
                log: Silence())
        }
    }
}
