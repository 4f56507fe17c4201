import CEngineBench
import Dispatch
import Engine
import Model

/// How fast the engine evaluates a fleet, and what it takes up, beside the HorizontalPodAutoscaler's bare formula in C.
///
/// `track`: one metric, HPA's behaviour (a five-minute window, rate limits), evaluated every 15 s. `hpa-mix`: three metrics, a value, an average value
/// and a utilization. Readings wander a few percent each round, so that most rounds change nothing and some change something; readings are numbers in
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
                for _ in 0..<Self.warmUp { load.round(cores: 1) }
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
        for _ in 0..<trials { one.append(load.rate(rounds) { load.round(cores: 1) }) }
        let allocations = Double(engine_bench_allocations() - before) / Double(trials * rounds * load.count)
        for _ in 0..<trials {
            two.append(load.rate(rounds) { load.round(cores: 2) })
            formula.append(load.rate(rounds) { load.formula() })
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
        report("muster", "changes-per-evaluation", "", Double(load.changes) / Double(load.evaluations))
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
    /// One for each core.
    private let workers: [Worker]
    private(set) var changes = 0
    private(set) var evaluations = 0
    private let sizes: UnsafeMutablePointer<Int32>
    private let values: UnsafeMutablePointer<Int64>
    private let out: UnsafeMutablePointer<Int32>
    private var now = WallTime(microseconds: 1_779_937_924_120_000)
    private var random: UInt64 = 42

    init(policy: Policy, metrics: Int, workloads: Int) {
        self.fleet = FleetEngine(policies: [policy], workloads: Array(repeating: 0, count: workloads))
        self.workers = (0..<2).map { [fleet] _ in Worker(fleet) }
        self.metrics = metrics
        self.count = workloads
        self.sizes = .allocate(capacity: workloads)
        self.values = .allocate(capacity: workloads * metrics)
        self.out = .allocate(capacity: workloads)
        self.out.initialize(repeating: 0, count: workloads)
        for index in 0..<workloads {
            self.sizes[index] = Int32(1 + self.draw(50))
            for metric in 0..<metrics { self.values[index * metrics + metric] = Int64(self.draw(140_000)) }
        }
    }

    deinit {
        self.sizes.deallocate()
        self.values.deallocate()
        self.out.deallocate()
    }

    private func draw(_ bound: UInt64) -> UInt64 {
        self.random = self.random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (self.random >> 33) % bound
    }

    /// Evaluations per second of `rounds` rounds; the wandering between them is not counted.
    func rate(_ rounds: Int, _ body: () -> Void) -> Double {
        var busy = Duration.zero
        for _ in 0..<rounds {
            self.wander()
            busy += ContinuousClock().measure(body)
        }
        let (seconds, attoseconds) = busy.components
        return Double(rounds * self.count) / (Double(seconds) + Double(attoseconds) / 1e18)
    }

    private func wander() {
        self.now = self.now + .seconds(15)
        for index in 0..<self.count * self.metrics { self.values[index] = max(0, self.values[index] + Int64(self.draw(4000)) - 2000) }
    }

    func round(cores: Int) {
        let readings = FleetEngine.Readings(sizes: UnsafePointer(self.sizes), values: UnsafePointer(self.values), metrics: self.metrics)
        let (workers, now, count) = (self.workers, self.now, self.count)
        // The parts are disjoint, also in what they write.
        nonisolated(unsafe) let (shared, sizes) = (readings, self.sizes)
        if cores == 1 {
            self.changes += workers[0].evaluate(0..<count, shared, sizes, now)
        } else {
            DispatchQueue.concurrentPerform(iterations: cores) { core in
                _ = workers[core].evaluate(count * core / cores..<count * (core + 1) / cores, shared, sizes, now)
            }
        }
        if cores == 1 { self.evaluations += count }
    }

    func formula() {
        engine_bench_hpa(self.sizes, self.values, Int64(self.count), Int64(self.metrics), 70_000, 1, 100, self.out)
    }
}

/// What one core evaluates with.
///
/// `@unchecked Sendable`: one core at a time uses it.
private final class Worker: @unchecked Sendable {
    private let shard: FleetEngine.Shard

    init(_ fleet: FleetEngine) { self.shard = FleetEngine.Shard(of: fleet) }

    /// - Returns: how many sizes were changed.
    func evaluate(_ range: Range<Int>, _ readings: FleetEngine.Readings, _ sizes: UnsafeMutablePointer<Int32>, _ now: WallTime) -> Int {
        var changes = 0
        self.shard.evaluate(range, readings, at: now) { index, conclusion in
            guard conclusion.acted else { return }
            sizes[index] = Int32(conclusion.to)
            changes += 1
        }
        return changes
    }
}
