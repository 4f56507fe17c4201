import Model
import Testing

@testable import Engine

/// Whole evaluations of the controller, where sizes and counts lie on their bounds.
@Suite("HPA: whole evaluations") struct HPAReconcileTests {
    private static let disabled = HPA.Condition(type: "ScalingActive", status: "False", reason: "ScalingDisabled")
    private static let atZero = HPA.Condition(type: "ScaledToZero", status: "True", reason: "ScaledToZero")

    private static func external(_ series: [Int64], average: Int64? = 10, value: Int64? = nil) -> HPA.MetricSpec {
        HPA.MetricSpec(
            source: .external, target: .init(type: average == nil ? .value : .averageValue, averageValue: average, value: value), answer: .series(series))
    }
    private static func object(_ value: Int64) -> HPA.MetricSpec {
        HPA.MetricSpec(source: .object, target: .init(type: .value, value: 10), answer: .value(value))
    }
    private static func pods(_ usages: [Int64?], source: HPA.MetricSpec.Source = .pods, resource: String? = nil) -> HPA.MetricSpec {
        HPA.MetricSpec(
            source: source, resource: resource, target: .init(type: .averageValue, averageValue: 10),
            answer: .pods(usages.map { $0.map { HPA.PodSample(usage: $0, age: 0, window: 0) } }, others: 0))
    }
    private static let ready = HPA.Pod(phase: .running, isReady: true, startAge: 900_000, readyTransitionAge: 900_000)

    private static func run(_ size: Int32, _ metric: HPA.MetricSpec, min: Int32 = 1, max: Int32 = 9, _ change: (inout HPA.Reconciliation) -> Void = { _ in })
        -> HPA.Outcome
    {
        var input = HPA.Reconciliation(
            bounds: HPA.Bounds(min: min, max: max), specReplicas: size, statusReplicas: size, metrics: [metric], pods: [], requests: [],
            downscaleStabilization: 0, recommendations: [], arithmetic: .exact)
        change(&input)
        return HPA.reconcile(input)
    }

    @Test("a size at a bound is written only where the metrics ask for another", arguments: [1, 9] as [Int32])
    func atBounds(size: Int32) {
        let outcome = Self.run(size, Self.external([Int64(size) * 10]))
        #expect(outcome.replicas == size && !outcome.scaleUpdated)
    }

    @Test("the mark of a size that was scaled to 0 goes where the cluster does not know it, and stays where it does")
    func mark() {
        let zero = HPA.Condition(type: "ScaledToZero", status: "False", reason: "NotScaledToZero")
        #expect(Self.run(0, Self.external([80])) { $0.conditions = [Self.atZero] }.conditions.contains("ScaledToZero") == false)
        #expect(
            Self.run(0, Self.external([80])) {
                $0.conditions = [zero]
                $0.features.scaleToZero = true
            }.conditions.contains("ScaledToZero"))
        // A size that was never 0 gets no mark.
        #expect(!Self.run(4, Self.external([80])) { $0.features.scaleToZero = true }.conditions.contains("ScaledToZero"))
    }

    struct Leaving: CustomStringConvertible, Sendable {
        let name: String
        let metric: HPA.MetricSpec
        var min: Int32 = 0
        var behavior: HPA.Behavior?
        /// nil: it stays at 0 because scaling is disabled.
        let replicas: Int32?
        var description: String { self.name }
    }
    private static let leaving: [Leaving] = [
        Leaving(name: "an external metric leads out", metric: Self.external([80]), replicas: 4),
        Leaving(name: "an object metric leads out", metric: Self.object(30), replicas: 3),
        Leaving(name: "a metric of pods does not", metric: Self.pods([]), replicas: nil),
        Leaving(name: "more than the minimum", metric: Self.external([30]), min: 1, replicas: 3),
        Leaving(name: "a minimum leads out whatever the metric", metric: Self.pods([]), min: 1, replicas: 0),
        Leaving(name: "the minimum where less is wanted", metric: Self.external([0]), min: 2, replicas: 2),
        Leaving(name: "the minimum where less is wanted, with behavior", metric: Self.external([0]), min: 2, behavior: HPA.Behavior(), replicas: 2),
    ]
    @Test("a size that was scaled to 0 is left again by what can be measured there", arguments: 0..<Self.leaving.count)
    func leaves(index: Int) {
        let row = Self.leaving[index]
        let outcome = Self.run(0, row.metric, min: row.min) {
            $0.conditions = [Self.atZero]
            $0.features.scaleToZero = true
            $0.behavior = row.behavior
        }
        #expect(outcome.replicas == row.replicas ?? 0, "\(row)")
        #expect(outcome.conditions.list.contains(Self.disabled) == (row.replicas == nil), "\(row)")
    }

    /// Size, value for a target of 10, and whether it counts.
    static let withoutPods: [(Int32, Int64, Bool)] = [(0, 30, true), (3, 30, false), (1, 30, false), (3, 10, true)]
    @Test("a value target needs a pod, but not at size 0, and not where the size is kept", arguments: Self.withoutPods)
    func valueNeedsPods(size: Int32, value: Int64, isActive: Bool) {
        let outcome = Self.run(size, Self.object(value), min: 0) {
            $0.conditions = [Self.atZero]
            $0.features.scaleToZero = true
        }
        #expect(outcome.conditions.isTrue("ScalingActive") == isActive)
        #expect(outcome.errorReturned == !isActive)
    }

    @Test("a value target counts pods that run and are ready")
    func counted() {
        let others: [HPA.Pod] = [
            HPA.Pod(phase: .running, isReady: false), HPA.Pod(phase: .running), HPA.Pod(phase: .pending, isReady: true), HPA.Pod(phase: .failed, isReady: true),
        ]
        for other in others {
            let outcome = Self.run(2, Self.object(30)) { $0.pods = [Self.ready, other] }
            #expect(outcome.replicas == 3)
        }
        #expect(Self.run(2, Self.object(20)) { $0.pods = [Self.ready, Self.ready] }.replicas == 4)
    }

    static let started: [(HPA.MetricSpec.Source, resource: String?, replicas: Int32)] = [
        (.resource, "cpu", 3), (.containerResource, "cpu", 3), (.resource, "memory", 6), (.containerResource, "memory", 6), (.pods, nil, 6), (.pods, "cpu", 6),
    ]
    @Test("a pod that has just started is believed, except for its CPU", arguments: Self.started)
    func justStarted(source: HPA.MetricSpec.Source, resource: String?, replicas: Int32) {
        let young = HPA.Pod(phase: .running, isReady: false, startAge: 60_000, readyTransitionAge: 60_000)
        // 16 on each of two, and as much as nothing on the third; or 24 on each of three, and at most twice the size.
        let outcome = Self.run(3, Self.pods([16, 16, 40], source: source, resource: resource)) { $0.pods = [Self.ready, Self.ready, young] }
        #expect(outcome.replicas == replicas)
    }

    @Test("pods behind the last sample have none, and pods behind the last request request nothing that is known")
    func fewer() {
        let two = [Self.ready, Self.ready]
        // 30 on one pod, the other counts as idle: 15 a pod, a half more.
        #expect(Self.run(2, Self.pods([30])) { $0.pods = two }.replicas == 3)
        #expect(Self.run(2, Self.pods([30, 30])) { $0.pods = two }.replicas == 4)
        let metric = HPA.MetricSpec(
            source: .resource, resource: "memory", target: .init(type: .utilization, utilization: 50),
            answer: .pods([30, 30].map { HPA.PodSample(usage: $0, age: 0, window: 0) }, others: 0))
        let requests = HPA.PodRequests(containers: [.init(name: "app", request: 30)])
        #expect(Self.run(2, metric) { ($0.pods, $0.requests) = (two, [requests]) }.replicas == 4)
        #expect(Self.run(2, metric) { ($0.pods, $0.requests) = (two, [requests, requests]) }.replicas == 4)
    }

    @Test("busy pods of which nothing is known keep a size up, each with its target")
    func missing() throws {
        var tally = HPA.PodTally()
        tally.add(.ready, usage: 10)
        for _ in 0..<3 { tally.add(.missing, usage: 0) }
        // 10 and three times 100 over 4 pods are 77: 4 × 0.77.
        let result = try HPA.averageUsage(tally, target: 100, current: 5, tolerances: .standard, arithmetic: .exact)
        #expect(result.replicas == 4)
        let none = HPA.PodTally()
        #expect(throws: HPA.MetricFailure.noSamples) { try HPA.averageUsage(none, target: 100, current: 5, tolerances: .standard, arithmetic: .exact) }
    }

    @Test("only a resource's metric of that name is CPU")
    func cpu() {
        for (source, resource, isCPU): (HPA.MetricSpec.Source, String?, Bool) in [
            (.resource, "cpu", true), (.containerResource, "cpu", true), (.resource, "memory", false), (.containerResource, "memory", false),
            (.pods, "cpu", false), (.external, nil, false),
        ] {
            #expect(Self.pods([], source: source, resource: resource).isCPU == isCPU)
        }
    }

    @Test("what is not said of a cluster or a pod is what the controller takes it for")
    func defaults() throws {
        #expect(HPA.Reconciliation.Features() == .init(scaleToZero: false, configurableTolerance: true, podLevelResources: false))
        // A readiness that changed just now: no window lies behind it.
        let pod = HPA.Pod(phase: .running, isReady: true, startAge: 1000)
        #expect(HPA.group(pod, sample: .init(usage: 1, age: 0, window: 1), isCPU: true, periods: .init()) == .unready)
        let requests = HPA.PodRequests(initContainers: [.init(name: "proxy", request: 7)])
        #expect(try HPA.request(of: requests, container: nil, podLevel: false) == 7)
    }

    // MARK: - Limits, logs and numbers

    private static let rules = HPA.ScalingRules.defaulted(nil, .up)
    /// Desired, present, what the rate allows, and what becomes of it.
    static let limits: [(desired: Int32, allowed: Int32, isUp: Bool, limited: HPA.Limited)] = [
        (8, 8, true, .init(replicas: 8, reason: .desiredWithinRange)), (9, 8, true, .init(replicas: 8, reason: .scaleUpLimit)),
        (9, 9, true, .init(replicas: 9, reason: .desiredWithinRange)), (10, 9, true, .init(replicas: 9, reason: .tooManyReplicas)),
        (10, 12, true, .init(replicas: 9, reason: .tooManyReplicas)), (4, 4, false, .init(replicas: 4, reason: .desiredWithinRange)),
        (3, 4, false, .init(replicas: 4, reason: .scaleDownLimit)), (2, 2, false, .init(replicas: 2, reason: .desiredWithinRange)),
        (1, 2, false, .init(replicas: 2, reason: .tooFewReplicas)), (1, 0, false, .init(replicas: 2, reason: .tooFewReplicas)),
    ]
    @Test("what a limit allows exactly is within range", arguments: Self.limits)
    func limit(desired: Int32, allowed: Int32, isUp: Bool, limited: HPA.Limited) {
        let bounds = HPA.Bounds(min: 2, max: 9)
        #expect((isUp ? HPA.limitUp(desired, to: allowed, bounds) : HPA.limitDown(desired, to: allowed, bounds)) == limited)
    }

    @Test("no change is limited by nothing, not even by bounds", arguments: [1, 10] as [Int32])
    func unchanged(size: Int32) {
        let none: [HPA.LogEntry] = []
        let limited = HPA.limit(
            size, current: size, bounds: .init(min: 2, max: 9), scaleUp: Self.rules, scaleDown: .defaulted(nil, .down), ups: none, downs: none,
            arithmetic: .exact)
        #expect(limited == HPA.Limited(replicas: size, reason: .desiredWithinRange))
    }

    /// Ages of the one entry, whose slot is free once both windows (10 up, 20 down) need it no more.
    @Test("an entry's slot is free behind both windows", arguments: [(5, false), (10, false), (15, false), (20, false), (21, true)] as [(Int64, Bool)])
    func freeSlot(age: Int64, isFree: Bool) {
        for (up, down): (Int64, Int64) in [(10, 20), (20, 10)] {
            let result = HPA.stabilize(4, current: 4, upWindow: up, downWindow: down, log: [HPA.LogEntry(replicas: 4, age: age)])
            #expect(result == HPA.Stabilized(replicas: 4, reason: nil, freeSlot: isFree ? 0 : nil))
        }
    }

    @Test("stabilization gives its reason only where it changes something")
    func reasons() {
        let log = [HPA.LogEntry(replicas: 6, age: 5)]
        #expect(HPA.stabilize(8, current: 4, upWindow: 10, downWindow: 0, log: log).reason == .scaleUpStabilized)
        #expect(HPA.stabilize(2, current: 8, upWindow: 0, downWindow: 10, log: log).reason == .scaleDownStabilized)
        #expect(HPA.stabilize(6, current: 4, upWindow: 10, downWindow: 10, log: log).reason == nil)
    }

    @Test("products beyond 64 bits end at the end of their sign")
    func products() {
        #expect(HPA.multiply(.max, 2) == .max && HPA.multiply(.min, 2) == .min && HPA.multiply(.max, -2) == .min && HPA.multiply(.min, -2) == .max)
        #expect(HPA.Tolerances(milli: 100, 250) == HPA.Tolerances(down: 100_000_000, up: 250_000_000))
    }

    @Test("a value at size 0 is within no tolerance")
    func valueOfNone() throws {
        #expect(
            try HPA.value(10, target: 10, current: 0, readyPods: 0, tolerances: .standard, arithmetic: .exact) == HPA.ValueResult(replicas: 1, keeps: false))
    }

    @Test("one ready replica speaks for itself; the others count as idle")
    func oneReady() {
        #expect(HPA.utilization(200, target: 100, current: 4, existing: 4, ready: 1, tolerance: .init(0.1))?.replicas == 4)
        #expect(HPA.utilization(50, target: 100, current: 4, existing: 4, ready: 1, tolerance: .init(0.1))?.replicas == 1)
    }

    /// Parts of a whole of 1000, with a tenth less and a fifth more tolerated.
    @Test("a ratio is within a tolerance to its ends", arguments: [(899, false), (900, true), (1000, true), (1200, true), (1201, false)])
    func within(part: Int, isWithin: Bool) throws {
        let ratio = try #require(Ratio(Int128(part), of: 1000))
        #expect(ratio.isWithin(.init(down: 0.1, up: 0.2)) == isWithin)
        #expect(Ratio(7, of: 1)?.quantity == 7)
    }
}
