import Model
import Testing

@testable import Engine

/// Bounds of the algorithm that no worked example lies on.
@Suite("HPA: bounds") struct HPAEdgeTests {
    @Test("the limit without behaviour is twice the size, and 4 below that", arguments: [(0, 4), (1, 4), (2, 4), (3, 6), (.max, .max)] as [(Int32, Int32)])
    func scaleUpLimit(current: Int32, most: Int32) {
        #expect(HPA.ScaleUpLimit().most(from: current) == most)
    }

    @Test("an average value at size 0 is within no tolerance, also when it is 0", arguments: Policy.Arithmetic.allCases)
    func nothingOfNothing(arithmetic: Policy.Arithmetic) throws {
        for (value, replicas): (Int64, Int32) in [(0, 0), (1, 1), (10, 1), (11, 2), (-1, 0)] {
            let result = try HPA.averageValue(value, target: 10, statusReplicas: 0, tolerances: .standard, arithmetic: arithmetic)
            #expect(result == HPA.ValueResult(replicas: replicas, keeps: false))
        }
    }

    @Test("a tolerance is met to the billionth")
    func billionth() throws {
        func keeps(_ value: Int64) throws -> Bool {
            try HPA.value(value, target: 1_000_000_000, current: 3, readyPods: 3, tolerances: .standard, arithmetic: .exact).keeps
        }
        #expect(try keeps(1_100_000_000))
        #expect(try !keeps(1_100_000_001))
        #expect(try keeps(900_000_000))
        #expect(try !keeps(899_999_999))
    }

    private static let periods = HPA.ReadinessPeriods()
    /// Of a running pod, in milliseconds: whether it is ready, since its start, since that changed, the sample's age and window, and what it counts as.
    static let pods: [(isReady: Bool, start: Int64, changed: Int64, age: Int64, window: Int64, group: HPA.PodGroup)] = [
        // In its first five minutes the sample's window has to lie behind the last change.
        (true, 299_999, 60_000, 30_000, 30_000, .ready), (true, 299_999, 60_000, 30_000, 30_001, .unready), (true, 299_999, 60_000, 30_001, 30_000, .unready),
        (false, 299_999, 60_000, 0, 0, .unready), (true, 300_000, 0, 0, 60_000, .ready),
        // Later only one that was never ready is not believed: not since within half a minute after the start.
        (false, 300_000, 270_000, 0, 0, .ready), (false, 300_000, 270_001, 0, 0, .unready), (false, 300_000, 300_000, 0, 0, .unready),
        (true, 300_000, 300_000, 0, 0, .ready), (false, 900_000, 1000, 0, 0, .ready),
    ]
    @Test("a pod's CPU is believed by the controller's own periods", arguments: Self.pods)
    func readiness(isReady: Bool, start: Int64, changed: Int64, age: Int64, window: Int64, group: HPA.PodGroup) {
        let pod = HPA.Pod(phase: .running, isReady: isReady, startAge: start, readyTransitionAge: changed)
        let sample = HPA.PodSample(usage: 1, age: age, window: window)
        #expect(HPA.group(pod, sample: sample, isCPU: true, periods: Self.periods) == group)
        #expect(HPA.group(pod, sample: sample, isCPU: false, periods: Self.periods) == .ready)
        #expect(HPA.group(pod, sample: nil, isCPU: true, periods: Self.periods) == .missing)
    }

    @Test("the controller's own window is five minutes, its end included, and a size out of the bounds needs no metric")
    func reconciled() {
        let metric = HPA.MetricSpec(source: .external, target: HPA.MetricSpec.Target(type: .averageValue, averageValue: 10), answer: .series([10]))
        func replicas(of recommended: Int64, size: Int32 = 6, _ change: (inout HPA.Reconciliation) -> Void = { _ in }) -> Int32 {
            var input = HPA.Reconciliation(
                bounds: HPA.Bounds(min: 1, max: 9), specReplicas: size, statusReplicas: size, metrics: [metric], pods: [], requests: [],
                recommendations: [HPA.LogEntry(replicas: 5, age: recommended)], arithmetic: .exact)
            change(&input)
            return HPA.reconcile(input).replicas
        }
        #expect(replicas(of: 300_000) == 5)
        #expect(replicas(of: 300_001) == 1)
        // With behavior an entry exactly a window old no longer counts.
        #expect(replicas(of: 299_999) { $0.behavior = HPA.Behavior() } == 5)
        #expect(replicas(of: 300_000) { $0.behavior = HPA.Behavior() } == 1)
        #expect(replicas(of: 300_001, size: 10) { $0.metrics[0].answer = .failed } == 9)
        #expect(replicas(of: 300_001, size: 9) { $0.metrics[0].answer = .failed } == 9)
        #expect(replicas(of: 300_001, size: 2) { ($0.bounds.min, $0.metrics[0].answer) = (3, .failed) } == 3)
        #expect(replicas(of: 300_001, size: 3) { ($0.bounds.min, $0.metrics[0].answer) = (3, .failed) } == 3)
        #expect(replicas(of: 300_001, size: 0) { $0.bounds.min = 3 } == 0)
    }

    @Test("a write that conflicts is tried five times")
    func conflicts() {
        let metric = HPA.MetricSpec(source: .external, target: HPA.MetricSpec.Target(type: .averageValue, averageValue: 10), answer: .series([80]))
        for (count, size): (Int, Int32) in [(0, 8), (4, 8), (5, 4), (6, 4)] {
            let outcome = HPA.reconcile(
                HPA.Reconciliation(
                    bounds: HPA.Bounds(min: 1, max: 9), specReplicas: 4, statusReplicas: 4, metrics: [metric], pods: [], requests: [],
                    write: .conflicts(count), arithmetic: .exact))
            #expect(outcome.replicas == size)
            #expect(outcome.scaleUpdated == (size == 8))
            #expect(outcome.errorReturned == (size == 4))
        }
    }

    // MARK: - Pods of which not everything is known

    /// Pods of 1 thousandth requested each: their usage where they are ready.
    private static func utilization(_ ready: [Int64], missing: Int = 0, unready: Int = 0, target: Int32, current: Int32, _ arithmetic: Policy.Arithmetic)
        throws -> HPA.PodMetricResult
    {
        var tally = HPA.PodTally()
        for usage in ready { tally.add(.ready, usage: usage, request: 1) }
        for _ in 0..<missing { tally.add(.missing, usage: 0, request: 1) }
        for _ in 0..<unready { tally.add(.unready, usage: 0, request: 1) }
        return try HPA.utilization(tally, target: target, current: current, tolerances: HPA.Tolerances(down: 0, up: 0), arithmetic: arithmetic)
    }
    private static func average(_ ready: [Int64], missing: Int = 0, unready: Int = 0, current: Int32, _ arithmetic: Policy.Arithmetic) throws
        -> HPA.PodMetricResult
    {
        var tally = HPA.PodTally()
        for usage in ready { tally.add(.ready, usage: usage) }
        for _ in 0..<missing { tally.add(.missing, usage: 0) }
        for _ in 0..<unready { tally.add(.unready, usage: 0) }
        return try HPA.averageUsage(tally, target: 100, current: current, tolerances: .standard, arithmetic: arithmetic)
    }

    @Test("a change that what is not known makes as large as the present size is one all the same", arguments: Policy.Arithmetic.allCases)
    func damped(arithmetic: Policy.Arithmetic) throws {
        // 180 of three and 100 assumed of the fourth: seven tenths of four.
        let lowered = try Self.average([60, 60, 60], missing: 1, current: 3, arithmetic)
        #expect(lowered.replicas == 3 && !lowered.keeps)
        #expect(try Self.average([60, 60, 60], missing: 1, current: 2, arithmetic).keeps)
        #expect(try Self.average([60, 60, 60], missing: 1, current: 4, arithmetic).replicas == 3)
        // 400 of three, one of them idle.
        let raised = try Self.average([200, 200], unready: 1, current: 4, arithmetic)
        #expect(raised.replicas == 4 && !raised.keeps)
        #expect(try Self.average([200, 200], unready: 1, current: 5, arithmetic).keeps)
        #expect(try Self.average([200, 200], unready: 1, current: 3, arithmetic).replicas == 4)
        // Where all is known, fewer pods than are asked for may come to fewer.
        #expect(try Self.average([200, 200, 200], current: 10, arithmetic).replicas == 6)
        // What is not known does not turn a change around.
        #expect(try Self.average([150, 150], unready: 2, current: 4, arithmetic).keeps)
        #expect(try Self.average([150, 150], unready: 2, current: 2, arithmetic).keeps)
    }

    @Test("pods without a sample count as busy up to their request where the others ask for less", arguments: Policy.Arithmetic.allCases)
    func missing(arithmetic: Policy.Arithmetic) throws {
        // No share of anything is asked for exactly at the target, whatever is missing.
        let kept = try Self.utilization([1], missing: 1, target: 100, current: 2, arithmetic)
        #expect(kept.replicas == 2 && kept.keeps && kept.utilization == 100 && kept.average == 1)
        var tally = HPA.PodTally()
        tally.add(.ready, usage: 50, request: 100)
        tally.add(.missing, usage: 0, request: 100)
        let atTarget = try HPA.utilization(tally, target: 50, current: 2, tolerances: .standard, arithmetic: arithmetic)
        #expect(atTarget.replicas == 2 && atTarget.keeps)
        // 0 of one and 100 of the other: half.
        var idle = HPA.PodTally()
        idle.add(.ready, usage: 0, request: 100)
        idle.add(.missing, usage: 0, request: 100)
        #expect(try HPA.utilization(idle, target: 51, current: 4, tolerances: HPA.Tolerances(down: 0, up: 0), arithmetic: arithmetic).replicas == 2)
        #expect(try HPA.utilization(idle, target: 50, current: 4, tolerances: HPA.Tolerances(down: 0, up: 0), arithmetic: arithmetic).keeps)
        // Nearly all of the request, not all of it and a little more.
        var nearly = HPA.PodTally()
        nearly.add(.ready, usage: 0, request: 1)
        nearly.add(.missing, usage: 0, request: 1000)
        #expect(try HPA.utilization(nearly, target: 100, current: 3, tolerances: HPA.Tolerances(down: 0, up: 0), arithmetic: arithmetic).replicas == 2)
        #expect(throws: HPA.MetricFailure.noMatchingPods) {
            var none = HPA.PodTally()
            none.add(.ready, usage: 5)
            _ = try HPA.utilization(none, target: 50, current: 1, tolerances: .standard, arithmetic: arithmetic)
        }
        // A pod's own requests, one thousandth each, to the last one.
        #expect(try Self.utilization([4], unready: 1, target: 100, current: 2, arithmetic).replicas == 4)
        #expect(try Self.utilization([4], missing: 1, target: 100, current: 2, arithmetic).replicas == 4)
        #expect(try Self.utilization([4], missing: 1, unready: 2, target: 100, current: 4, arithmetic).keeps)
        #expect(try Self.utilization([4], missing: 1, unready: 1, target: 100, current: 2, arithmetic).replicas == 4)
    }
}
