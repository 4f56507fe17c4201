import CEngineBench
import Dispatch
import Engine
import Model

/// How fast the engine evaluates a fleet, and what it takes up, beside the HorizontalPodAutoscaler's bare formula in C.
///
/// `track`: one metric, HPA's behaviour (a five-minute window, rate limits), evaluated every 15 s. `hpa-mix`: three metrics, a value, an average value
/// and a utilization. Two cores work on a half of the fleet each, at the same time. Readings wander a few percent each round, so that most rounds change nothing and some change something; readings are numbers in
/// memory, nothing is asked.
enum EngineBench {
    private static let sizes = [1_000, 10_000, 100_000, 1_000_000]
    private static let defaultTrials = 5
    /// Of each trial: as many rounds as make this many evaluations, at least two.
    private static let evaluationsPerTrial = 2_000_000
    /// Rounds after which windows are full.
    private static let warmUp = 24

    static func run(_ options: BenchOptions) async throws {
        for (name, policy, metrics) in [("track", Self.track, 1), ("hpa-mix", Self.mix, 3)] {
            for size in Self.sizes where options.wants("\(name)-\(size)") {
                let load = Load(policy: policy, metrics: metrics, workloads: size)
                _ = load.rate(Self.warmUp, cores: 1)
                Self.measure(load, "\(name)-\(size)", trials: options.trials ?? Self.defaultTrials)
            }
        }
    }

    private static func measure(_ load: Load, _ name: String, trials: Int) {
        let rounds = max(2, Self.evaluationsPerTrial / load.count)
        var one: [Double] = []
        var two: [Double] = []
        var formula: [Double] = []
        let before = engine_bench_allocations()
        let changesBefore = load.changes
        for _ in 0..<trials { one.append(load.rate(rounds, cores: 1)) }
        let changes = load.changes - changesBefore
        let allocations = Double(engine_bench_allocations() - before) / Double(trials * rounds * load.count)
        for _ in 0..<trials {
            two.append(load.rate(rounds, cores: 2))
            formula.append(load.formulaRate(rounds))
        }
        let note = "\(load.count) workloads, \(load.metrics) metric\(load.metrics == 1 ? "" : "s") each"
        func report(_ who: String, _ metric: String, _ unit: String, _ value: Double) {
            Measurement(bench: "engine", case: name, who: who, metric: metric, unit: unit, value: value, note: note).report()
        }
        report("muster", "evaluations-per-second-per-core", "1/s", median(one))
        report("muster", "evaluations-per-second-two-cores", "1/s", median(two))
        report("ratio", "two-cores-to-one", "", median(two) / median(one))
        report("c-formula", "evaluations-per-second-per-core", "1/s", median(formula))
        report("ratio", "formula-to-muster", "", median(formula) / median(one))
        report("muster", "bytes-per-workload", "bytes", Double(load.fleet.bytes) / Double(load.count))
        report("muster", "allocations-per-evaluation", "", allocations)
        report("muster", "changes-per-evaluation", "", Double(changes) / Double(trials * rounds * load.count))
    }

    private static func source(_ name: String) -> Metric { Metric(name: name, source: .sql(connection: "bench", statement: "select 1")) }

    private static let track = Policy(
        name: "track", selector: Selector(), mode: .live, minReplicas: 1, maxReplicas: 100, metrics: [Self.source("cpu")],
        rules: [Rule(.track(.init(metric: "cpu", target: .averageUtilization(Quantity(70)))))], behavior: Behavior())

    private static let mix = Policy(
        name: "mix", selector: Selector(), mode: .live, minReplicas: 1, maxReplicas: 100,
        metrics: [Self.source("cpu"), Self.source("queue"), Self.source("latency")],
        rules: [
            Rule(.track(.init(metric: "cpu", target: .averageUtilization(Quantity(70))))),
            Rule(.track(.init(metric: "queue", target: .averageValue(Quantity(25))))),
            Rule(.track(.init(metric: "latency", target: .value(Quantity(200))))),
        ], behavior: Behavior())
}

/// A fleet and its wandering readings.
private final class Load {
    let fleet: FleetEngine
    let metrics: Int
    let count: Int
    private let workers: [Worker]
    private let sizes: UnsafeMutablePointer<Int32>
    private let values: UnsafeMutablePointer<Int64>
    private let out: UnsafeMutablePointer<Int32>
    private var now = WallTime(microseconds: 1_779_937_924_120_000)

    fileprivate static let every = Duration.seconds(15)

    init(policy: Policy, metrics: Int, workloads: Int) {
        self.fleet = FleetEngine(policies: [policy], workloads: Array(repeating: 0, count: workloads))
        self.workers = (0..<2).map { [fleet] number in Worker(fleet, seed: UInt64(42 + number)) }
        self.metrics = metrics
        self.count = workloads
        self.sizes = .allocate(capacity: workloads)
        self.values = .allocate(capacity: workloads * metrics)
        self.out = .allocate(capacity: workloads)
        self.out.initialize(repeating: 0, count: workloads)
        var draw = Draw(seed: 41)
        for index in 0..<workloads {
            self.sizes[index] = Int32(1 + draw.next(below: 50))
            for metric in 0..<metrics { self.values[index * metrics + metric] = Int64(draw.next(below: 140_000)) }
        }
    }

    deinit {
        self.sizes.deallocate()
        self.values.deallocate()
        self.out.deallocate()
    }

    var changes: Int { self.workers.reduce(0) { $0 + $1.changes } }

    /// Evaluations per second of so many rounds, on that many cores at once.
    func rate(_ rounds: Int, cores: Int) -> Double {
        let (workers, now, count) = (self.workers, self.now, self.count)
        // The parts are disjoint, also in what they write.
        let metrics = self.metrics
        nonisolated(unsafe) let (sizes, values) = (self.sizes, self.values)
        DispatchQueue.concurrentPerform(iterations: cores) { core in
            workers[core].evaluate(count * core / cores..<count * (core + 1) / cores, sizes, values, metrics, rounds: rounds, from: now)
        }
        self.now = now + Self.every * rounds
        return workers.prefix(cores).reduce(0) { $0 + $1.rate }
    }

    func formulaRate(_ rounds: Int) -> Double {
        var busy = Duration.zero
        for _ in 0..<rounds {
            busy += ContinuousClock().measure {
                engine_bench_hpa(self.sizes, self.values, Int64(self.count), Int64(self.metrics), 70_000, 1, 100, self.out)
            }
        }
        return Double(rounds * self.count) / (busy / .seconds(1))
    }
}

/// Numbers that are the same in each run: Knuth's linear congruence.
private struct Draw {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next(below bound: UInt64) -> UInt64 {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (self.state >> 33) % bound
    }
}

/// What one core evaluates with.
///
/// `@unchecked Sendable`: one core at a time uses it.
private final class Worker: @unchecked Sendable {
    private let shard: FleetEngine.Shard
    private var draw: Draw
    private(set) var changes = 0
    /// Evaluations per second, the last time.
    private(set) var rate = 0.0

    init(_ fleet: FleetEngine, seed: UInt64) {
        self.shard = FleetEngine.Shard(of: fleet)
        self.draw = Draw(seed: seed)
    }

    /// Evaluates a part of a fleet round after round. What lies between, new readings, is not counted.
    func evaluate(
        _ range: Range<Int>, _ sizes: UnsafeMutablePointer<Int32>, _ values: UnsafeMutablePointer<Int64>, _ metrics: Int, rounds: Int, from start: WallTime
    ) {
        let readings = FleetEngine.Readings(sizes: UnsafePointer(sizes), values: UnsafePointer(values), metrics: metrics)
        var (draw, changes, busy) = (self.draw, self.changes, Duration.zero)
        for round in 1...rounds {
            for index in range.lowerBound * metrics..<range.upperBound * metrics {
                values[index] = max(0, values[index] + Int64(draw.next(below: 4000)) - 2000)
            }
            busy += ContinuousClock().measure {
                self.shard.evaluate(range, readings, at: start + Load.every * round) { index, conclusion in
                    guard conclusion.acted else { return }
                    sizes[index] = Int32(conclusion.to)
                    changes += 1
                }
            }
        }
        (self.draw, self.changes) = (draw, changes)
        self.rate = Double(rounds * range.count) / (busy / .seconds(1))
    }
}
