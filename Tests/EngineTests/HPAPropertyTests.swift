import Model
import SeededRandom
import Testing

@testable import Engine

/// Seeds name themselves: a failing one is the argument of its test.
@Suite("HPA: properties") struct HPAPropertyTests {
    private static let ends: [Int64] = [.min, .min + 1, -1, 0, 1, 2, .max - 1, .max]
    private static let ends32: [Int32] = [.min, -1, 0, 1, 2, .max]

    private static func wide(_ random: inout Seeded) -> Int64 { random.chance(40) ? random.pick(Self.ends) : random.int64(.min ... .max) }
    private static func wide32(_ random: inout Seeded) -> Int32 {
        random.chance(40) ? random.pick(Self.ends32) : Int32.random(in: .min ... .max, using: &random)
    }
    private static func log(_ random: inout Seeded) -> [HPA.LogEntry] {
        (0..<random.int(0...5)).map { _ in HPA.LogEntry(replicas: Self.wide32(&random), age: Self.wide(&random)) }
    }
    private static func rules(_ random: inout Seeded) -> HPA.ScalingRules {
        HPA.ScalingRules(
            stabilizationWindow: Self.wide(&random), selectPolicy: random.pick([.max, .min, .disabled]),
            policies: (0..<random.int(0...3)).map { _ in
                HPA.RatePolicy(unit: random.pick([.pods, .percent]), value: Self.wide32(&random), period: Self.wide(&random))
            })
    }
    private static func pod(_ random: inout Seeded) -> HPA.Pod {
        HPA.Pod(
            phase: random.pick(HPA.Pod.Phase.allCases), isDeleted: random.chance(5), isReady: random.pick([true, false, nil]),
            startAge: random.chance(20) ? nil : Self.wide(&random), readyTransitionAge: Self.wide(&random))
    }

    @Test("no number traps, and every result is a number of replicas", arguments: 0..<40)
    func total(seed: Int) throws {
        var random = Seeded(seed: UInt64(seed))
        for _ in 0..<200 {
            let arithmetic = random.pick(Policy.Arithmetic.allCases), current = Self.wide32(&random)
            let tolerances = HPA.Tolerances(down: Self.wide(&random), up: Self.wide(&random)), target = Self.wide(&random)
            var tally = HPA.PodTally(targetUtilization: Self.wide32(&random))
            for _ in 0..<random.int(0...4) {
                let sample = random.chance(80) ? HPA.PodSample(usage: Self.wide(&random), age: Self.wide(&random), window: Self.wide(&random)) : nil
                let periods = HPA.ReadinessPeriods(cpuInitialization: Self.wide(&random), initialReadinessDelay: Self.wide(&random))
                let group = HPA.group(Self.pod(&random), sample: sample, isCPU: random.chance(50), periods: periods)
                tally.add(group, usage: sample?.usage ?? 0, request: Self.wide(&random))
            }
            var results: [Int32] = []
            if let result = try? HPA.utilization(
                tally, target: Self.wide32(&random), current: max(0, current), tolerances: tolerances, arithmetic: arithmetic)
            {
                results.append(result.replicas)
            }
            if let result = try? HPA.averageUsage(tally, target: target, current: max(0, current), tolerances: tolerances, arithmetic: arithmetic) {
                results.append(result.replicas)
            }
            if let result = try? HPA.value(
                Self.wide(&random), target: target, current: max(0, current), readyPods: Self.wide(&random), tolerances: tolerances,
                arithmetic: arithmetic)
            {
                results.append(result.replicas)
            }
            if let result = try? HPA.averageValue(
                Self.wide(&random), target: target, statusReplicas: max(0, current), tolerances: tolerances, arithmetic: arithmetic)
            {
                results.append(result.replicas)
            }
            #expect(results.allSatisfy { $0 >= 0 }, "seed \(seed): \(results)")
            _ = HPA.usagePerPod(Self.wide(&random), statusReplicas: current, arithmetic: arithmetic)
            let bounds = HPA.Bounds(min: Self.wide32(&random), max: Self.wide32(&random))
            _ = HPA.limit(
                Self.wide32(&random), current: current, bounds: bounds, scaleUp: Self.rules(&random), scaleDown: Self.rules(&random),
                ups: Self.log(&random), downs: Self.log(&random), arithmetic: arithmetic)
            let limit = HPA.ScaleUpLimit(factor: Self.wide32(&random), minimum: Self.wide32(&random))
            _ = HPA.clamp(Self.wide32(&random), current: current, bounds: bounds, scaleUpLimit: limit)
            let (up, down) = (Self.wide(&random), Self.wide(&random))
            _ = HPA.stabilize(Self.wide32(&random), current: current, upWindow: up, downWindow: down, log: Self.log(&random))
        }
    }

    @Test("a whole evaluation traps for nothing, and never goes below what a failed metric leaves open", arguments: 0..<40)
    func reconciles(seed: Int) {
        var random = Seeded(seed: UInt64(seed))
        for _ in 0..<100 {
            let pods = (0..<random.int(0...3)).map { _ in Self.pod(&random) }
            let metrics = (0..<random.int(0...3)).map { _ -> HPA.MetricSpec in
                let target = HPA.MetricSpec.Target(
                    type: random.pick(HPA.MetricSpec.TargetType.allCases), utilization: random.chance(60) ? Self.wide32(&random) : nil,
                    averageValue: random.chance(60) ? Self.wide(&random) : nil, value: random.chance(60) ? Self.wide(&random) : nil)
                let samples = (0..<random.int(0...4)).map { _ in
                    random.chance(70) ? HPA.PodSample(usage: Self.wide(&random), age: Self.wide(&random), window: Self.wide(&random)) : nil
                }
                return HPA.MetricSpec(
                    source: random.pick(HPA.MetricSpec.Source.allCases), resource: random.pick(["cpu", "memory", nil]),
                    container: random.pick(["a", nil]), target: target,
                    answer: random.pick([.failed, .value(Self.wide(&random)), .series([Self.wide(&random), 1]), .pods(samples, others: random.int(0...1))]))
            }
            var input = HPA.Reconciliation(
                bounds: HPA.Bounds(min: random.pick([0, 1, 3]), max: random.pick([3, 50, .max])), specReplicas: random.pick([0, 1, 3, 60, .max]),
                statusReplicas: random.pick([0, 3, .max]), metrics: metrics, pods: pods,
                requests: pods.map { _ in
                    HPA.PodRequests(containers: [HPA.PodRequests.Container(name: "a", request: random.chance(80) ? Self.wide(&random) : nil)])
                }, arithmetic: random.pick(Policy.Arithmetic.allCases))
            if random.chance(50) { input.behavior = HPA.Behavior(scaleUp: Self.rules(&random), scaleDown: Self.rules(&random)) }
            input.recommendations = random.chance(50) ? nil : Self.log(&random)
            input.features.scaleToZero = random.chance(50)
            if random.chance(50) { input.conditions = [HPA.Condition(type: "ScaledToZero", status: "True", reason: "ScaledToZero")] }
            let outcome = HPA.reconcile(input)
            #expect(outcome.replicas == input.specReplicas || outcome.scaleUpdated, "seed \(seed)")
            #expect(outcome.replicas >= 0 || input.behavior != nil, "seed \(seed)")
            if outcome.errorReturned, input.specReplicas <= input.bounds.max, input.behavior == nil, input.recommendations == nil {
                #expect(outcome.replicas >= input.specReplicas, "seed \(seed): a failed metric lowered")
            }
        }
    }

    @Test("integers and doubles agree wherever the product is no whole number", arguments: 0..<40)
    func agree(seed: Int) throws {
        var random = Seeded(seed: UInt64(seed))
        for _ in 0..<300 {
            let value = random.int64(0...5_000_000), target = random.int64(1...1_000_000), current = Int32(random.int(0...500))
            func replicas(_ arithmetic: Policy.Arithmetic) throws -> Int32 {
                try HPA.value(value, target: target, current: current, readyPods: Int64(current), tolerances: .standard, arithmetic: arithmetic).replicas
            }
            let exact = try replicas(.exact), doubles = try replicas(.hpa)
            let onTheEdge = [900, 1000, 1100].contains { value * 1000 == target * $0 }
            if onTheEdge || value * Int64(current) % target == 0 {
                #expect(abs(exact - doubles) <= 1 || onTheEdge, "seed \(seed): \(value) / \(target) × \(current)")
            } else {
                #expect(exact == doubles, "seed \(seed): \(value) / \(target) × \(current)")
            }
        }
    }

    @Test("percentages in doubles differ by one at most, and only where the exact number is whole", arguments: 0..<20)
    func percentages(seed: Int) {
        var random = Seeded(seed: UInt64(seed))
        let none: [HPA.LogEntry] = []
        for _ in 0..<300 {
            let current = Int32(random.int(0...2000)), percent = Int32(random.int(0...300))
            let policies = [HPA.RatePolicy(unit: .percent, value: percent, period: 1)]
            for direction in HPA.Direction.allCases {
                let limits = [Policy.Arithmetic.exact, .hpa].map {
                    HPA.scaleLimit(direction, current: current, select: .max, policies: policies, ups: none, downs: none, arithmetic: $0)
                }
                let isWhole = Int(current) * Int(percent) % 100 == 0
                #expect(abs(limits[0] - limits[1]) <= (isWhole ? 1 : 0), "seed \(seed): \(percent) % of \(current) \(direction)")
            }
        }
    }

    @Test("more load never wants fewer", arguments: 0..<20, Policy.Arithmetic.allCases)
    func monotonic(seed: Int, arithmetic: Policy.Arithmetic) throws {
        var random = Seeded(seed: UInt64(seed))
        for _ in 0..<50 {
            let target = random.int64(1...10_000), current = Int32(random.int(1...50))
            let values = (0..<20).map { _ in random.int64(0...40_000) }.sorted()
            let byValue = try values.map {
                try HPA.value($0, target: target, current: current, readyPods: Int64(current), tolerances: .standard, arithmetic: arithmetic).replicas
            }
            #expect(byValue == byValue.sorted(), "seed \(seed)")
            let byAverage = try values.map {
                try HPA.averageValue($0, target: target, statusReplicas: current, tolerances: .standard, arithmetic: arithmetic).replicas
            }
            #expect(byAverage == byAverage.sorted(), "seed \(seed)")
            let byUtilization = try values.map { value in
                var tally = HPA.PodTally(targetUtilization: 50)
                for _ in 0..<current { tally.add(.ready, usage: value, request: 10_000) }
                return try HPA.utilization(tally, target: 50, current: current, tolerances: .standard, arithmetic: arithmetic).replicas
            }
            #expect(byUtilization == byUtilization.sorted(), "seed \(seed)")
        }
    }

    @Test("pods of which nothing is known damp a change and never turn it around", arguments: 0..<20, Policy.Arithmetic.allCases)
    func damping(seed: Int, arithmetic: Policy.Arithmetic) throws {
        var random = Seeded(seed: UInt64(seed))
        for _ in 0..<100 {
            let target = Int32(random.int(1...200)), ready = random.int(1...6), missing = random.int(1...4)
            var known = HPA.PodTally(targetUtilization: target), all = known
            for _ in 0..<ready {
                let usage = random.int64(0...3000)
                known.add(.ready, usage: usage, request: 1000)
                all.add(.ready, usage: usage, request: 1000)
            }
            for _ in 0..<missing { all.add(random.chance(70) ? .missing : .unready, usage: 0, request: 1000) }
            let current = Int32(ready + missing)
            let result = try HPA.utilization(all, target: target, current: current, tolerances: .standard, arithmetic: arithmetic)
            guard let utilization = result.utilization, all.missingPods > 0 else { continue }
            #expect(utilization <= target || result.replicas >= current, "seed \(seed): \(utilization) % of \(target) %, \(current) to \(result.replicas)")
            #expect(utilization >= target || result.replicas <= current, "seed \(seed): \(utilization) % of \(target) %, \(current) to \(result.replicas)")
        }
    }

    @Test("limits stay between what there is and what is wanted, whatever the order of events", arguments: 0..<40)
    func limits(seed: Int) {
        var random = Seeded(seed: UInt64(seed))
        for _ in 0..<200 {
            let current = Int32(random.int(0...100)), desired = Int32(random.int(0...200))
            let bounds = HPA.Bounds(min: Int32(random.int(0...Int(current))), max: Int32(random.int(Int(current)...300)))
            func events() -> [HPA.LogEntry] {
                (0..<random.int(0...5)).map { _ in HPA.LogEntry(replicas: Int32(random.int(1...30)), age: random.int64(0...200)) }
            }
            func rules() -> HPA.ScalingRules {
                HPA.ScalingRules(
                    selectPolicy: random.pick([.max, .min, .disabled]),
                    policies: (0..<random.int(1...3)).map { _ in
                        HPA.RatePolicy(unit: random.pick([.pods, .percent]), value: Int32(random.int(1...100)), period: random.int64(1...200))
                    })
            }
            let (ups, downs, up, down) = (events(), events(), rules(), rules())
            let arithmetic = random.pick(Policy.Arithmetic.allCases)
            func limited(_ ups: [HPA.LogEntry], _ downs: [HPA.LogEntry]) -> HPA.Limited {
                HPA.limit(desired, current: current, bounds: bounds, scaleUp: up, scaleDown: down, ups: ups, downs: downs, arithmetic: arithmetic)
            }
            let result = limited(ups, downs)
            #expect((min(current, desired)...max(current, desired)).contains(result.replicas), "seed \(seed)")
            #expect((result.reason == .desiredWithinRange) == (result.replicas == desired), "seed \(seed)")
            #expect(limited(ups.reversed(), downs.reversed()) == result, "seed \(seed)")
        }
    }

    @Test("stabilization keeps within its windows, and without windows changes nothing", arguments: 0..<40)
    func stabilization(seed: Int) {
        var random = Seeded(seed: UInt64(seed))
        for _ in 0..<200 {
            let log = (0..<random.int(0...6)).map { _ in HPA.LogEntry(replicas: Int32(random.int(0...20)), age: random.int64(0...400)) }
            let current = Int32(random.int(0...20)), desired = Int32(random.int(0...20))
            #expect(HPA.stabilize(desired, current: current, upWindow: 0, downWindow: 0, log: log).replicas == desired, "seed \(seed)")
            let result = HPA.stabilize(desired, current: current, upWindow: 100, downWindow: 300, log: log)
            let lowest = log.filter { $0.age < 100 }.map(\.replicas).reduce(desired, min)
            let highest = log.filter { $0.age < 300 }.map(\.replicas).reduce(desired, max)
            #expect(result.replicas == min(max(current, lowest), highest), "seed \(seed)")
            #expect((result.reason == nil) == (result.replicas == desired), "seed \(seed)")
            #expect(HPA.stabilize(desired, window: 300, log: log).replicas >= desired, "seed \(seed)")
            // In whatever order the log is, as a ring's is.
            #expect(HPA.stabilize(desired, current: current, upWindow: 100, downWindow: 300, log: log.reversed()).replicas == result.replicas)
        }
    }
}
