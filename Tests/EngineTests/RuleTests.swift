import Model
import Testing

@testable import Engine

@Suite("Rules")
struct RuleTests {
    /// Object and External cases of the Kubernetes controller: value, target, current, ready, tolerance down and up in
    /// thousandths, replicas.
    static let valueCases: [(Int64, Int64, Int, Int, Int64, Int64, Int)] = [
        (20_000, 15_000, 3, 3, 100, 100, 4), (.max, 1, 3, 3, 100, 100, 2_147_483_647),
        (50_000, 10_000, 3, 1, 100, 100, 5),
        (20_666, 20_000, 3, 3, 100, 100, 3), (20_666, 20_000, 3, 3, 100, 10, 4), (8600, 4400, 3, 1, 100, 100, 2),
        (8600, 14_334, 5, 5, 100, 100, 3), (8900, 8800, 3, 3, 100, 10, 4), (11_001, 10_000, 20, 20, 100, 100, 23),
        (11_000, 10_000, 20, 20, 100, 100, 20), (9000, 10_000, 20, 20, 100, 100, 20),
        (8999, 10_000, 20, 20, 100, 100, 18),
        (25_000, 10_000, 0, 0, 100, 100, 3), (10_500, 10_000, 0, 0, 100, 100, 2), (0, 10_000, 0, 0, 100, 100, 0),
        (20_000, 10_000, 4, 0, 100, 100, 8),
    ]

    @Test("a value target follows the HPA's arithmetic", arguments: Self.valueCases)
    func value(value: Int64, target: Int64, current: Int, ready: Int, down: Int64, up: Int64, replicas: Int) {
        let tolerance = HPA.Tolerance(down: Quantity(milli: down), up: Quantity(milli: up))
        let result = HPA.value(
            Quantity(milli: value), target: Quantity(milli: target), current: current, ready: ready,
            tolerance: tolerance)
        #expect(result?.replicas == replicas)
    }

    /// Value, target, existing, tolerance up, replicas.
    static let averageCases: [(Int64, Int64, Int, Int64, Int)] = [
        (.max, .max, 1, 100, 1), (20_000, 5000, 3, 100, 4), (20_000, 5000, 0, 100, 4), (0, 5000, 0, 100, 0),
        (8600, 2867, 5, 100, 3),
        (8600, 2900, 3, 100, 3), (8600, 2800, 3, 10, 4), (180_000, 25_000, 4, 100, 8), (110_000, 25_000, 4, 100, 4),
        (110_001, 25_000, 4, 100, 5),
        (90_000, 25_000, 4, 100, 4), (89_999, 25_000, 4, 100, 4), (75_000, 25_000, 4, 100, 3),
        (-5000, 25_000, 4, 100, 0), (1_100_000, 10_000, 100, 50, 110),
    ]

    @Test("an average-value target follows the HPA's arithmetic", arguments: Self.averageCases)
    func averageValue(value: Int64, target: Int64, existing: Int, up: Int64, replicas: Int) {
        let tolerance = HPA.Tolerance(down: 0.1, up: Quantity(milli: up))
        let result = HPA.averageValue(
            Quantity(milli: value), target: Quantity(milli: target), existing: existing, tolerance: tolerance)
        #expect(result?.replicas == replicas)
    }

    /// Mean in milli-percent, target 70 %, current, existing, ready, replicas.
    static let utilizationCases: [(Int64, Int, Int, Int, Int)] = [
        (84_000, 4, 4, 4, 5), (77_000, 4, 4, 4, 4), (77_001, 4, 4, 4, 5), (63_000, 4, 4, 4, 4), (62_999, 4, 4, 4, 4),
        (35_000, 4, 4, 4, 2), (0, 4, 4, 4, 0),
        // Unready replicas count as idle upwards: 2 of 4 at twice the target are just enough; at 3 times they are not.
        (140_000, 4, 4, 2, 4), (210_000, 4, 4, 2, 6), (100_000, 4, 4, 2, 4),
        // And not at all downwards.
        (35_000, 4, 4, 2, 1),
        // None ready: the present size stands in.
        (140_000, 4, 4, 0, 8), (140_000, 4, 0, 0, 8),
        // A mean above the target never lowers, even while more are asked for than exist.
        (140_000, 6, 2, 2, 6),
    ]

    @Test("a utilization target follows the HPA's arithmetic", arguments: Self.utilizationCases)
    func utilization(mean: Int64, current: Int, existing: Int, ready: Int, replicas: Int) {
        let result = HPA.utilization(
            Quantity(milli: mean), target: 70, current: current, existing: existing, ready: ready,
            tolerance: HPA.Tolerance(0.1))
        #expect(result?.replicas == replicas)
    }

    @Test("a target that is not above 0 keeps the size", arguments: [Quantity.zero, -5])
    func targetNotAboveZero(target: Quantity) {
        for rule in [
            Rule.utilization("m", target), .averageValue("m", target), .value("m", target), .capacity("m", target),
        ] {
            var fixture = Fixture([rule])
            let decision = fixture.evaluate(["m": 100])
            #expect(decision.kind == .held)
            #expect(decision.proposals[0].because.contains("not above 0"))
        }
    }

    @Test("utilization has no say about a workload of 0 replicas, a total has")
    func fromZero() {
        var idle = Fixture([.utilization("cpu", 70)], min: 0, replicas: 0)
        let held = idle.evaluate(["cpu": 90])
        #expect(held.kind == .held)
        #expect(held.proposals[0].replicas == nil)
        var queue = Fixture([.averageValue("queue", 25)], min: 0, replicas: 0)
        #expect(queue.evaluate(["queue": 0]).kind == .held)
        #expect(queue.evaluate(["queue": 60]).to == 3)
    }

    /// Value, replicas before, replicas wanted, for above 25 add 50 %, below 5 remove 2.
    static let stepCases: [(Quantity, Int, Int)] = [
        (25, 4, 4), (25.001, 4, 6), (26, 5, 8), (26, 1, 2), (26, 0, 1), (5, 4, 4), (4.999, 4, 2), (0, 1, 0), (0, 2, 0),
        (10, 4, 4),
    ]

    @Test("a step adds and removes beyond its thresholds only, percentages rounded up", arguments: Self.stepCases)
    func step(value: Quantity, before: Int, wanted: Int) {
        var fixture = Fixture(
            [.step("queue", above: 25, add: .percent(50), below: 5, remove: .replicas(2))], min: 0, replicas: before)
        #expect(fixture.evaluate(["queue": value]).wanted == wanted)
    }

    @Test("a percentage step down is rounded up to one and ends at 0")
    func percentDown() {
        var fixture = Fixture([.step("queue", below: 5, remove: .percent(10))], min: 0, replicas: 4)
        #expect(fixture.evaluate(["queue": 0]).to == 3)
        fixture = Fixture([.step("queue", below: 5, remove: .percent(300))], min: 0, replicas: 4)
        #expect(fixture.evaluate(["queue": 0]).to == 0)
    }

    @Test("a step with `for` waits until its condition has lasted that long without a break")
    func sustained() {
        var fixture = Fixture([
            .step("queue", above: 25, add: .replicas(1), below: 5, remove: .replicas(1), sustained: .seconds(30))
        ])
        let begin = fixture.now
        let first = fixture.evaluate(["queue": 30])
        #expect(first.kind == .held)
        #expect(first.reasons == [.sustaining(metric: "queue", until: begin + .seconds(30))])
        #expect(first.sentence == "queue 30 > 25 has to last until 12:00:30 UTC: held at 4")
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 40]).kind == .held)
        fixture.pass(15)
        let third = fixture.evaluate(["queue": 26])
        #expect(third.to == 5)
        #expect(third.sentence == "queue 26 > 25 for 30s wants 5 → 5")
        fixture.pass(15)
        fixture.evaluate(["queue": 25])
        fixture.pass(15)
        #expect(
            fixture.evaluate(["queue": 30]).reasons == [.sustaining(metric: "queue", until: fixture.now + .seconds(30))]
        )
        fixture.pass(15)
        fixture.evaluate(["queue": .missing(.timeout, evidence: "")])
        fixture.pass(15)
        #expect(
            fixture.evaluate(["queue": 30]).reasons == [.sustaining(metric: "queue", until: fixture.now + .seconds(30))]
        )
    }

    @Test("a stale reading carries a condition to raise on, not one to lower")
    func sustainedStale() {
        var fixture = Fixture([
            .step("queue", above: 25, add: .replicas(1), below: 5, remove: .replicas(1), sustained: .seconds(30))
        ])
        fixture.evaluate(["queue": 30])
        fixture.pass(30)
        #expect(fixture.evaluate(["queue": 30]).to == 5)
        fixture = Fixture(fixture.policy.rules, metrics: [Fixture.metric("queue", maxAge: .seconds(10))])
        let high = ReadingAnswer.value(Sample(value: 30, at: fixture.now))
        fixture.evaluate(["queue": high])
        fixture.pass(30)
        #expect(fixture.evaluate(["queue": high]).to == 5)
        fixture = Fixture(fixture.policy.rules, metrics: [Fixture.metric("queue", maxAge: .seconds(10))])
        let stuck = ReadingAnswer.value(Sample(value: 1, at: fixture.now))
        fixture.evaluate(["queue": stuck])
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": stuck]).reasons == [.stale(metric: "queue")])
        fixture.pass(15)
        #expect(
            fixture.evaluate(["queue": 1]).reasons == [.sustaining(metric: "queue", until: fixture.now + .seconds(30))])
    }

    @Test("a condition goes on lasting while the workload can't be seen")
    func sustainedUnobserved() {
        var fixture = Fixture([.step("queue", above: 25, add: .replicas(1), sustained: .seconds(30))])
        fixture.evaluate(["queue": 30])
        fixture.pass(15)
        fixture.observation = .gone
        fixture.evaluate(["queue": 30])
        fixture.pass(15)
        fixture.observation = nil
        #expect(fixture.evaluate(["queue": 30]).to == 5)
    }

    @Test("a step in one direction does not hold back the other")
    func oneSided() {
        var fixture = Fixture([.step("queue", above: 25, add: .replicas(1)), .averageValue("jobs", 25)])
        let decision = fixture.evaluate(["queue": 10, "jobs": 50])
        #expect(decision.to == 2)
        #expect(decision.proposals[0].replicas == nil)
        #expect(decision.proposals[0].abstains == .withinTolerance)
    }

    /// Mailboxes, workers before, workers after: 1000 a worker, up at 80 %, down at 30 %.
    static let timeline: [(Quantity, Int, Int)] = [
        (48, 1, 1), (500, 1, 1), (850, 1, 2), (1800, 2, 3), (3200, 3, 4), (3200, 4, 5), (1200, 4, 3),
    ]

    @Test("the worked capacity timeline comes out exactly", arguments: Self.timeline)
    func capacity(mailboxes: Quantity, before: Int, after: Int) {
        var fixture = Fixture([.capacity("mailboxes", 1000)], max: 100, replicas: before)
        let decision = fixture.evaluate(["mailboxes": mailboxes])
        #expect(decision.to == after)
        #expect(decision.acted == (before != after))
    }

    @Test("the worked timeline comes out in one run, one evaluation a step after the cooldowns")
    func timelineInOneRun() {
        var fixture = Fixture([.capacity("mailboxes", 1000)], max: 100, replicas: 1)
        fixture.policy.cooldown = Policy.Cooldown(up: .seconds(120), down: .seconds(600))
        var sizes: [Int] = []
        for (mailboxes, _, _) in Self.timeline.dropLast() {
            sizes.append(fixture.evaluate(["mailboxes": mailboxes]).to ?? -1)
            fixture.pass(600)
        }
        #expect(sizes == [1, 1, 2, 3, 4, 5])
        sizes = []
        for mailboxes in [1500, 1200] as [Quantity] {
            sizes.append(fixture.evaluate(["mailboxes": mailboxes]).to ?? -1)
            fixture.pass(600)
        }
        #expect(sizes == [4, 3])
    }

    @Test("capacity never goes below one replica by itself and starts from none on load only")
    func capacityEnds() {
        var fixture = Fixture([.capacity("mailboxes", 1000, step: 5)], min: 0, replicas: 3)
        #expect(fixture.evaluate(["mailboxes": 0]).to == 1)
        fixture.pass(60)
        #expect(fixture.evaluate(["mailboxes": 0]).kind == .held)
        fixture = Fixture([.capacity("mailboxes", 1000)], min: 0, replicas: 0)
        #expect(fixture.evaluate(["mailboxes": 0]).kind == .held)
        #expect(fixture.evaluate(["mailboxes": 1]).to == 1)
    }

    @Test("a rule whose metric the policy does not define is missing its reading")
    func undefinedMetric() {
        var fixture = Fixture([.averageValue("queue", 25)], metrics: [])
        let decision = fixture.evaluate(["queue": 500])
        #expect(decision.kind == .held)
        #expect(decision.reasons == [.missing(metric: "queue")])
        #expect(decision.sentence == "the policy defines no metric “queue”: held at 4")
    }

    @Test("a reading at a threshold does not begin what has to last beyond it")
    func sustainedAtThreshold() {
        for (at, beyond) in [(25, 25.001), (5, 4.999)] as [(Quantity, Quantity)] {
            var fixture = Fixture([.step("queue", above: 25, add: .replicas(1), below: 5, remove: .replicas(1), sustained: .seconds(30))])
            fixture.evaluate(["queue": at])
            fixture.pass(30)
            #expect(fixture.evaluate(["queue": beyond]).reasons == [.sustaining(metric: "queue", until: fixture.now + .seconds(30))])
            fixture.pass(29)
            #expect(fixture.evaluate(["queue": beyond]).kind == .held)
            fixture.pass(1)
            #expect(fixture.evaluate(["queue": beyond]).kind != .held)
        }
    }

    @Test("capacity is exact at its shares, and a step is no less than none")
    func capacityShares() {
        func to(_ value: Quantity, step: Int = 1, _ replicas: Int = 4) -> Int? {
            var fixture = Fixture([.capacity("mail", 1000, step: step)], min: 0, replicas: replicas)
            return fixture.evaluate(["mail": value]).to
        }
        #expect(to(3200) == 5)
        #expect(to(3199.999) == 4)
        #expect(to(1200) == 3)
        #expect(to(1200.001) == 4)
        #expect(to(3200, step: -3) == 4)
        #expect(to(3200, step: 0) == 4)
        #expect(to(1200, step: -3) == 4)
        #expect(to(0.001, step: 3, 0) == 3)
        #expect(to(0, step: 3, 0) == 0)
        #expect(to(-1, step: 3, 0) == 0)
        #expect(to(0, step: 9, 1) == 1)
        #expect(to(800, 1) == 2)
    }

    @Test("amounts below none are none, a percentage is at least one")
    func amounts() {
        func to(_ amount: Rule.Step.Amount, _ replicas: Int) -> Int? {
            var fixture = Fixture([.step("queue", above: 25, add: amount)], max: 1000, replicas: replicas)
            return fixture.evaluate(["queue": 30]).to
        }
        #expect(to(.replicas(0), 4) == 4)
        #expect(to(.replicas(-2), 4) == 4)
        #expect(to(.replicas(3), 4) == 7)
        #expect(to(.percent(0), 4) == 5)
        #expect(to(.percent(-50), 4) == 5)
        #expect(to(.percent(1), 100) == 101)
        #expect(to(.percent(1), 101) == 103)
        #expect(to(.percent(25), 4) == 5)
    }

    @Test("a reading that may only raise and would keep has no say")
    func keepsOnly() {
        var stale = Fixture([.averageValue("queue", 25)])
        let decision = stale.evaluate(["queue": stale.stale(100)])
        #expect(decision.proposals[0].replicas == nil)
        #expect(decision.proposals[0].because == "ratio 1, tolerance 0.1 from a stale reading, which may not lower or keep")
        var missing = Fixture([.averageValue("mail", 25), .averageValue("queue", 25)])
        missing.policy.metrics[1].onMissing = [.replicas(4)]
        let held = missing.evaluate(["mail": 100])
        #expect(held.proposals[1].replicas == nil)
        #expect(held.proposals[1].because == "queue is missing (no row)")
        missing.desired = 3
        #expect(missing.evaluate(["mail": 75]).to == 4)
    }

    @Test("as the controller has it, the replicas that are not ready count as idle upwards and not at all downwards")
    func asController() {
        func to(_ cpu: Quantity, ready: Int, existing: Int = 4, asked: Int = 4) -> Int? {
            var fixture = Fixture([.utilization("cpu", 50)], min: 0, max: 100, replicas: asked)
            fixture.policy.arithmetic = .hpa
            fixture.policy.behavior = Behavior(scaleDown: ScalingRules(stabilizationWindow: .zero))
            fixture.memory.recommendations = [Memory.Entry(replicas: 0, at: fixture.now)]
            (fixture.existing, fixture.ready) = (existing, ready)
            return fixture.evaluate(["cpu": cpu]).to
        }
        #expect(to(10, ready: 1) == 1)
        #expect(to(90, ready: 1) == 4)
        #expect(to(90, ready: 4) == 8)
        #expect(to(150, ready: 2) == 6)
        #expect(to(150, ready: 2, existing: 2, asked: 2) == 6)
        #expect(to(150, ready: 2, existing: 9) == 4)
        #expect(to(150, ready: 9, existing: 2) == 8)
        #expect(to(0, ready: 0) == 4)
    }

    @Test("a utilization that comes to the present size all the same is kept only within its tolerance")
    func utilizationKeeps() {
        func keeps(_ mean: Int64, current: Int, existing: Int, ready: Int) -> Bool? {
            HPA.utilization(
                Quantity(milli: mean), target: 70, current: current, existing: existing, ready: ready, tolerance: HPA.Tolerance(0.1))?.keeps
        }
        #expect(keeps(77_000, current: 4, existing: 4, ready: 4) == true)
        #expect(keeps(77_001, current: 4, existing: 4, ready: 4) == false)
        #expect(keeps(140_000, current: 4, existing: 4, ready: 2) == true)
        #expect(keeps(210_000, current: 4, existing: 4, ready: 2) == false)
        #expect(keeps(35_000, current: 2, existing: 4, ready: 4) == false)
    }
}
