import Model
import Testing

@testable import Engine

/// The rules at their edges; `docs/reference/hpa-cases.json` has the worked examples.
@Suite("HPA: rules") struct HPATests {
    private static func value(_ value: Int64, target: Int64, _ tolerances: HPA.Tolerances, _ arithmetic: Policy.Arithmetic) throws -> Int32 {
        try HPA.value(value, target: target, current: 100, readyPods: 100, tolerances: tolerances, arithmetic: arithmetic).replicas
    }

    @Test("both ends of the tolerance keep, and each direction has its own", arguments: Policy.Arithmetic.allCases)
    func tolerance(arithmetic: Policy.Arithmetic) throws {
        let own = HPA.Tolerances(milli: 340, 10)
        for (value, tolerances, replicas): (Int64, HPA.Tolerances, Int32) in [
            (900_000, .standard, 100), (899_999, .standard, 90), (1_100_000, .standard, 100), (1_100_001, .standard, 111),
            (660_000, own, 100), (659_999, own, 66), (1_010_000, own, 100), (1_010_001, own, 102), (1_000_000, HPA.Tolerances(down: 0, up: 0), 100),
            (1_000_001, HPA.Tolerances(down: 0, up: 0), 101), (999_999, HPA.Tolerances(down: 0, up: 0), 100),
            (0, HPA.Tolerances(milli: 1000, 0), 100), (0, HPA.Tolerances(milli: 999, 0), 0),
        ] {
            #expect(try Self.value(value, target: 1_000_000, tolerances, arithmetic) == replicas, "\(value)")
        }
    }

    /// Current, percent; then up in integers and in doubles, and down.
    static let percents: [(Int32, Int32, up: [Int32], down: [Int32])] = [
        (100, 10, [110, 111], [90, 90]), (10, 90, [19, 19], [1, 0]), (5, 50, [8, 8], [2, 2]), (1, 1, [2, 2], [0, 0]), (0, 100, [0, 0], [0, 0]),
        (7, 0, [7, 7], [7, 7]), (10, 150, [25, 25], [-5, -5]), (.max, .max, [.max, .max], [.min, .min]), (50, 14, [57, 58], [43, 43]),
    ]

    @Test("a percentage rounds up, and doubles are off where they are in the controller", arguments: Self.percents)
    func percent(current: Int32, percent: Int32, up: [Int32], down: [Int32]) {
        let none: [HPA.LogEntry] = [], policies = [HPA.RatePolicy(unit: .percent, value: percent, period: 60_000)]
        for (index, arithmetic) in [Policy.Arithmetic.exact, .hpa].enumerated() {
            func limit(_ direction: HPA.Direction) -> Int32 {
                HPA.scaleLimit(direction, current: current, select: .max, policies: policies, ups: none, downs: none, arithmetic: arithmetic)
            }
            #expect(limit(.up) == up[index])
            #expect(limit(.down) == down[index])
        }
    }

    @Test("a target that is not above 0 is an error, not a number", arguments: Policy.Arithmetic.allCases)
    func targets(arithmetic: Policy.Arithmetic) {
        var tally = HPA.PodTally()
        tally.add(.ready, usage: 5, request: 10)
        for target: Int32 in [0, -1, .min] {
            #expect(throws: HPA.MetricFailure.targetNotPositive) {
                try HPA.utilization(tally, target: target, current: 1, tolerances: .standard, arithmetic: arithmetic)
            }
            #expect(throws: HPA.MetricFailure.targetNotPositive) {
                try HPA.averageUsage(tally, target: Int64(target), current: 1, tolerances: .standard, arithmetic: arithmetic)
            }
            #expect(throws: HPA.MetricFailure.targetNotPositive) {
                try HPA.averageValue(5, target: Int64(target), statusReplicas: 0, tolerances: .standard, arithmetic: arithmetic)
            }
        }
        #expect(throws: HPA.MetricFailure.noSamples) {
            try HPA.utilization(HPA.PodTally(), target: 50, current: 1, tolerances: .standard, arithmetic: arithmetic)
        }
        var idle = HPA.PodTally()
        idle.add(.ready, usage: 5, request: 0)
        #expect(throws: HPA.MetricFailure.noMatchingPods) {
            try HPA.utilization(idle, target: 50, current: 1, tolerances: .standard, arithmetic: arithmetic)
        }
    }

    @Test("numbers at the ends of their ranges saturate", arguments: Policy.Arithmetic.allCases)
    func saturation(arithmetic: Policy.Arithmetic) throws {
        #expect(try Self.value(.max, target: 1, .standard, arithmetic) == .max)
        #expect(try Self.value(.min, target: 1, .standard, arithmetic) == 0)
        #expect(try Self.value(.max, target: .max, .standard, arithmetic) == 100)
        #expect(try Self.value(1, target: .max, .standard, arithmetic) == 1)
        #expect(HPA.usagePerPod(.max, statusReplicas: 3, arithmetic: arithmetic) == .max)
        #expect(HPA.usagePerPod(.min, statusReplicas: 1, arithmetic: arithmetic) == .min)
        #expect(HPA.total([.max, .max, .min] as [Int64]) == Int64.max - 1)
        #expect(HPA.total([.max, 1] as [Int64]) == .max)
        #expect(HPA.total([Int64]()) == nil)
        var tally = HPA.PodTally(targetUtilization: .max)
        for _ in 0..<3 { tally.add(.ready, usage: .max, request: 1) }
        let result = try HPA.utilization(tally, target: 1, current: 1, tolerances: .standard, arithmetic: arithmetic)
        #expect(result.replicas == .max)
        #expect(result.utilization == .max)
        #expect(result.average == .max)
    }

    @Test("what goes beyond an end stays at that end")
    func ends() {
        #expect(HPA.add(.max, 1) == .max && HPA.add(.min, -1) == .min)
        #expect(HPA.subtract(.min, 1) == .min && HPA.subtract(.max, -1) == .max)
        for (left, right, product): (Int64, Int64, Int64) in [(.max, 2, .max), (.min, -1, .max), (.max, -2, .min), (.min, 2, .min)] {
            #expect(HPA.multiply(left, right) == product)
        }
        #expect(Exact.add(.max, 1) == .max && Exact.add(.min, -1) == .min)
        for (left, right, product): (Int128, Int128, Int128) in [(.max, 2, .max), (.min, -1, .max), (.max, -2, .min), (.min, 2, .min)] {
            #expect(Exact.multiply(left, right) == product)
        }
    }

    @Test("several metrics: the largest, and never less than there is when one failed")
    func combination() {
        typealias Combination = HPA.MetricCombination<String>
        func verdict(_ metrics: [Int32?], current: Int32) -> String {
            var combination = Combination()
            for (index, metric) in metrics.enumerated() {
                if let metric { combination.add(metric) } else { combination.add(failure: "failure \(index)") }
            }
            return switch combination.verdict(current: current) {
            case .act(let replicas, let failed)?: "\(replicas)\(failed ? ", failed" : "")"
            case .hold(let reason)?: "hold, \(reason)"
            case nil: "nothing"
            }
        }
        for (metrics, current, wanted): ([Int32?], Int32, String) in [
            ([], 3, "nothing"), ([2], 3, "2"), ([2, 5, 4], 3, "5"), ([0], 3, "0"), ([nil], 3, "hold, failure 0"), ([nil, nil], 0, "hold, failure 0"),
            ([4, nil], 3, "4, failed"), ([3, nil], 3, "3, failed"), ([2, nil], 3, "hold, failure 1"), ([nil, 2, nil], 3, "hold, failure 0"),
            ([nil, 0], 0, "0, failed"),
        ] {
            #expect(verdict(metrics, current: current) == wanted)
        }
    }

    @Test("the slot that is free is the last one that no window needs")
    func slots() {
        let log = [(1, 400), (2, 301), (3, 300), (4, 10)].map { HPA.LogEntry(replicas: $0, age: $1) }
        #expect(HPA.stabilize(5, current: 5, upWindow: 0, downWindow: 300, log: log).freeSlot == 1)
        #expect(HPA.stabilize(5, current: 5, upWindow: 350, downWindow: 300, log: log).freeSlot == 0)
        #expect(HPA.stabilize(5, current: 5, upWindow: 500, downWindow: 300, log: log).freeSlot == nil)
        #expect(HPA.stabilize(5, window: 300, log: log).freeSlot == 1)
        #expect(HPA.stabilize(5, window: 9, log: log).freeSlot == 3)
        var kept = log
        HPA.record(9, at: 1, in: &kept)
        HPA.record(8, at: nil, in: &kept)
        HPA.record(7, at: 99, in: &kept)
        #expect(kept.map(\.replicas) == [1, 9, 3, 4, 8, 7])
        #expect(kept[1].age == 0)
    }

    @Test("an outdated mark stays when the periods become longer")
    func outdated() {
        var log = [HPA.ScaleEvent(change: 1, age: 61), HPA.ScaleEvent(change: 2, age: 62), HPA.ScaleEvent(change: 3, age: 60)]
        HPA.record(change: 9, in: &log, longestPeriod: 60)
        #expect(log.map(\.change) == [1, 9, 3])
        #expect(log.map(\.isOutdated) == [true, false, false])
        HPA.record(change: 8, in: &log, longestPeriod: 600)
        #expect(log.map(\.change) == [8, 9, 3])
    }

    @Test("manifests’ terms become the algorithm’s")
    func conversion() {
        let rules = HPA.ScalingRules(
            Model.ScalingRules(
                stabilizationWindow: .seconds(90), select: .min,
                policies: [Model.RatePolicy(.replicas(3), period: .seconds(15)), Model.RatePolicy(.percent(.max), period: .milliseconds(1500))],
                tolerance: Quantity(milli: 50)))
        #expect(rules.stabilizationWindow == 90_000)
        #expect(rules.selectPolicy == .min)
        #expect(rules.tolerance == 50_000_000)
        #expect(rules.policies == [HPA.RatePolicy(unit: .pods, value: 3, period: 15_000), HPA.RatePolicy(unit: .percent, value: .max, period: 1500)])
        #expect(rules.longestPeriod == 15_000)
        #expect(HPA.ScalingRules(Model.ScalingRules()) == HPA.ScalingRules())
    }

    @Test("without metrics it is CPU at 80 %, which needs samples")
    func noMetrics() {
        let input = HPA.Reconciliation(
            bounds: HPA.Bounds(min: 1, max: 9), specReplicas: 2, statusReplicas: 2, metrics: [], pods: [], requests: [], arithmetic: .hpa)
        let outcome = HPA.reconcile(input)
        #expect(outcome.replicas == 2)
        #expect(outcome.errorReturned)
        #expect(outcome.conditions.list.last == HPA.Condition(type: "ScalingActive", status: "False", reason: "FailedGetResourceMetric"))
        #expect(outcome.recommendations == [HPA.LogEntry(replicas: 2, age: 0)])
    }

    @Test("what a whole evaluation remembers: the raw recommendation, and the change only with behavior")
    func remembers() {
        let metric = HPA.MetricSpec(source: .external, target: HPA.MetricSpec.Target(type: .averageValue, averageValue: 10), answer: .series([90]))
        var input = HPA.Reconciliation(
            bounds: HPA.Bounds(min: 1, max: 20), specReplicas: 4, statusReplicas: 4, metrics: [metric], pods: [], requests: [],
            recommendations: [HPA.LogEntry(replicas: 3, age: 400_000)], arithmetic: .exact)
        var outcome = HPA.reconcile(input)
        #expect(outcome.replicas == 8)
        #expect(outcome.recommendations == [HPA.LogEntry(replicas: 9, age: 0)])
        #expect(outcome.ups == [])
        input.behavior = HPA.Behavior()
        outcome = HPA.reconcile(input)
        #expect(outcome.replicas == 8)
        #expect(outcome.ups == [HPA.ScaleEvent(change: 4, age: 0)])
        #expect(outcome.downs == [])
        input.metrics[0].answer = .series([10])
        outcome = HPA.reconcile(input)
        #expect(outcome.replicas == 1)
        #expect(outcome.downs == [HPA.ScaleEvent(change: 3, age: 0)])
        #expect(outcome.recommendations == [HPA.LogEntry(replicas: 1, age: 0)])
    }
}
