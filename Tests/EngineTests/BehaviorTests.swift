import Model
import Testing

@testable import Engine

@Suite("Behaviour")
struct BehaviorTests {
    /// Four replicas, 25 a replica, nothing that slows changes down but the behaviour given.
    static func fixture(_ behavior: Behavior?, _ arithmetic: Policy.Arithmetic = .exact, replicas: Int = 4, max: Int = 100) -> Fixture {
        var fixture = Fixture([.averageValue("queue", 25)], max: max, replicas: replicas)
        fixture.policy.behavior = behavior
        fixture.policy.arithmetic = arithmetic
        return fixture
    }
    static let free = ScalingRules(stabilizationWindow: .zero, policies: [RatePolicy(.percent(1000), period: .seconds(1))])

    @Test("nothing goes below the highest recommendation of the window, and the decision says until when")
    func stabilizesDown() {
        var fixture = Self.fixture(Behavior(scaleUp: Self.free))
        #expect(fixture.evaluate(["queue": 200]).to == 8)
        fixture.pass(15)
        let held = fixture.evaluate(["queue": 100])
        #expect(held.to == 8)
        #expect(held.wanted == 4)
        #expect(held.reasons == [.rule("queue"), .stabilized(until: Fixture.start + .seconds(300))])
        #expect(
            held.sentence
                == "queue 100 / 25 per replica wants 4; not below 8, the highest recommendation of the last 5m, until 12:05:00 UTC → 8")
        fixture.pass(284)
        #expect(fixture.evaluate(["queue": 100]).to == 8)
        fixture.pass(1)
        #expect(fixture.evaluate(["queue": 100]).to == 4)
    }

    @Test("a fresh workload's present size is its first recommendation; a known one's is not")
    func firstRecommendation() {
        var fixture = Self.fixture(Behavior())
        #expect(fixture.evaluate(["queue": 25]).to == 4)
        fixture.pass(299)
        #expect(fixture.evaluate(["queue": 25]).to == 4)
        fixture.pass(1)
        #expect(fixture.evaluate(["queue": 25]).to == 1)
    }

    @Test("between two windows that disagree the present size stays")
    func bothWindows() {
        var fixture = Self.fixture(
            Behavior(scaleUp: ScalingRules(stabilizationWindow: .seconds(60)), scaleDown: ScalingRules(stabilizationWindow: .seconds(60))))
        #expect(fixture.evaluate(["queue": 200]).to == 4)
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 25]).to == 4)
        fixture.pass(46)
        #expect(fixture.evaluate(["queue": 200]).to == 4)
    }

    @Test("what one period may add is counted over both directions' changes")
    func rateLimit() {
        var fixture = Self.fixture(Behavior(scaleUp: ScalingRules(policies: [RatePolicy(.replicas(4), period: .seconds(60))])))
        let first = fixture.evaluate(["queue": 1000])
        #expect(first.to == 8)
        #expect(first.reasons == [.rule("queue"), .rateLimited(until: Fixture.start + .seconds(60))])
        #expect(first.sentence == "queue 1000 / 25 per replica wants 40; limited to +4 per 1m → 8")
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 1000]).to == 8)
        fixture.pass(45)
        #expect(fixture.evaluate(["queue": 1000]).to == 12)
    }

    static let selects: [(ScalingRules.Select, Int)] = [(.max, 14), (.min, 12), (.disabled, 10)]
    @Test("of several policies the one that is selected counts", arguments: Self.selects)
    func selection(select: ScalingRules.Select, to: Int) {
        let policies = [RatePolicy(.replicas(4), period: .seconds(60)), RatePolicy(.percent(20), period: .seconds(60))]
        var fixture = Self.fixture(Behavior(scaleUp: ScalingRules(select: select, policies: policies)), replicas: 10)
        let decision = fixture.evaluate(["queue": 2500])
        #expect(decision.to == to)
        #expect(decision.reasons.contains(.directionDisabled) == (select == .disabled))
    }

    @Test("ten percent more than a hundred is 110, and 111 where the controller's arithmetic is asked for")
    func arithmetic() {
        let behavior = Behavior(scaleUp: ScalingRules(policies: [RatePolicy(.percent(10), period: .seconds(60))]))
        var exact = Self.fixture(behavior, replicas: 100, max: 1000)
        #expect(exact.evaluate(["queue": 25_000]).to == 110)
        var doubles = Self.fixture(behavior, .hpa, replicas: 100, max: 1000)
        #expect(doubles.evaluate(["queue": 25_000]).to == 111)
    }

    @Test("the controller's arithmetic follows it where Muster's is more careful: without a ready replica a value wants none")
    func asController() {
        var fixture = Fixture([.value("latency", 100)], min: 0)
        fixture.ready = 0
        #expect(fixture.evaluate(["latency": 200]).to == 8)
        fixture.desired = 4
        fixture.policy.arithmetic = .hpa
        fixture.policy.behavior = Behavior(scaleUp: Self.free, scaleDown: Self.free)
        #expect(fixture.evaluate(["latency": 200]).to == 0)
        var unready = Fixture([.utilization("cpu", 50)], replicas: 4)
        unready.policy.arithmetic = .hpa
        unready.policy.behavior = Behavior(scaleUp: Self.free, scaleDown: Self.free)
        unready.ready = 2
        #expect(unready.evaluate(["cpu": 90]).kind == .held)
        unready.ready = 0
        #expect(unready.evaluate(["cpu": 10]).kind == .held)
        unready.ready = 4
        #expect(unready.evaluate(["cpu": 90]).to == 8)
    }

    @Test("without behaviour the controller's older limits hold where its arithmetic is asked for, and none elsewhere")
    func legacy() {
        var plain = Self.fixture(nil)
        #expect(plain.evaluate(["queue": 1000]).to == 40)
        var legacy = Self.fixture(nil, .hpa)
        let decision = legacy.evaluate(["queue": 1000])
        #expect(decision.to == 8)
        #expect(decision.reasons.contains(.scaleUpLimit))
        legacy.pass(300)
        // Forty was recommended, exactly a window ago; twice the size is reached.
        let held = legacy.evaluate(["queue": 25])
        #expect(held.to == 16)
        #expect(held.reasons.contains(.stabilized(until: legacy.now)))
        legacy.pass(1)
        #expect(legacy.evaluate(["queue": 25]).to == 1)
    }

    @Test("tolerances differ by direction")
    func tolerances() {
        let behavior = Behavior(scaleUp: ScalingRules(tolerance: 0.5), scaleDown: ScalingRules(stabilizationWindow: .zero, tolerance: 0))
        var fixture = Self.fixture(behavior, replicas: 10)
        #expect(fixture.evaluate(["queue": 370]).to == 10)
        #expect(fixture.evaluate(["queue": 225]).to == 9)
        fixture.desired = 10
        #expect(fixture.evaluate(["queue": 400]).to == 16)
    }

    @Test("a recommendation made without every reading is not remembered")
    func heldUpIsNoRecommendation() {
        var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 25)], max: 100)
        fixture.policy.behavior = Behavior(scaleUp: Self.free)
        fixture.evaluate(["queue": 100, "mail": 100])
        let remembered = fixture.memory.recommendations
        fixture.pass(15)
        fixture.evaluate(["queue": 25])
        #expect(fixture.memory.recommendations == remembered)
    }

    @Test("an emergency goes past window and rate")
    func emergency() {
        var fixture = Self.fixture(Behavior(scaleUp: ScalingRules(stabilizationWindow: .seconds(600), select: .disabled)))
        fixture.policy.emergency = Policy.Emergency(when: .above("queue", 500), replicas: .count(30))
        #expect(fixture.evaluate(["queue": 400]).to == 4)
        #expect(fixture.evaluate(["queue": 501]).to == 30)
    }

    @Test("a preset fills in what the policy does not say")
    func preset() {
        var fixture = Self.fixture(nil)
        fixture.policy.preset = .conservative
        fixture.policy.cooldown = Policy.Cooldown(up: .zero)
        fixture.policy.behavior = Behavior(scaleUp: ScalingRules(stabilizationWindow: .zero))
        #expect(fixture.evaluate(["queue": 1000]).to == 6)
        #expect(fixture.policy.inForce.cooldown == (.zero, .seconds(600)))
    }

    @Test("changes that were cut take up of a rate only what was left of them")
    func amended() {
        var fixture = Self.fixture(Behavior(scaleUp: ScalingRules(policies: [RatePolicy(.replicas(4), period: .seconds(60))])))
        let before = fixture.memory
        fixture.evaluate(["queue": 1000])
        fixture.memory.amend(to: 5, from: 4, before: before, under: fixture.policy, at: fixture.now)
        #expect(fixture.memory.ups.map(\.replicas) == [1])
        fixture.desired = 5
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 1000]).to == 8)
        fixture.memory.amend(to: 5, from: 5, before: fixture.memory, under: fixture.policy, at: fixture.now)
    }

    @Test("a limit that is just met is not named")
    func justMet() {
        var legacy = Self.fixture(nil, .hpa)
        #expect(legacy.evaluate(["queue": 200]).reasons == [.rule("queue")])
        var up = Self.fixture(Behavior(scaleUp: ScalingRules(policies: [RatePolicy(.replicas(4), period: .seconds(60))])))
        #expect(up.evaluate(["queue": 200]).reasons == [.rule("queue")])
        var down = Self.fixture(Behavior(scaleDown: ScalingRules(stabilizationWindow: .zero, policies: [RatePolicy(.replicas(1), period: .seconds(60))])))
        #expect(down.evaluate(["queue": 75]).reasons == [.rule("queue")])
    }

    @Test("more is allowed when the first change that counts no longer does, of several periods the first")
    func moreIsAllowed() {
        func until(_ policies: [RatePolicy], select: ScalingRules.Select = .max, _ change: (inout Fixture) -> Void = { _ in }) -> String? {
            var fixture = Self.fixture(Behavior(scaleUp: ScalingRules(select: select, policies: policies)))
            fixture.memory.recommendations = [Memory.Entry(replicas: 99, at: fixture.now)]
            change(&fixture)
            return fixture.evaluate(["queue": 2500]).step(.rateLimit)?.text
        }
        func ago(_ seconds: Int) -> Memory.Entry { Memory.Entry(replicas: 1, at: Fixture.start - .seconds(seconds)) }
        let minute = [RatePolicy(.replicas(4), period: .seconds(60))]
        #expect(until(minute) == "+4 per 1m: 8, more from 12:01:00 UTC")
        #expect(until(minute) { $0.memory.ups = [ago(60)] } == "+4 per 1m: 8, more from 12:01:00 UTC")
        #expect(until(minute) { $0.memory.ups = [ago(59), ago(20)] } == "+4 per 1m: 6, more from 12:00:01 UTC")
        #expect(until(minute) { $0.memory.ups = [ago(0)] } == "+4 per 1m: 7, more from 12:01:00 UTC")
        #expect(until(minute) { ($0.memory.ups, $0.memory.downs) = ([ago(20)], [ago(50)]) } == "+4 per 1m: 8, more from 12:00:10 UTC")
        #expect(until(minute) { ($0.memory.ups, $0.memory.downs) = ([ago(50)], [ago(60)]) } == "+4 per 1m: 7, more from 12:00:10 UTC")
        // No lint lets it pass: nothing is allowed, now or later.
        #expect(until([]) == "nothing: 4, more from 12:00:00 UTC")
        let two = [RatePolicy(.replicas(4), period: .seconds(60)), RatePolicy(.percent(50), period: .seconds(90))]
        #expect(until(two) == "the larger of +4 per 1m and +50% per 1m30s: 8, more from 12:01:00 UTC")
        #expect(until(two, select: .min) == "the smaller of +4 per 1m and +50% per 1m30s: 6, more from 12:01:00 UTC")
        #expect(until(two) { $0.memory.ups = [ago(80)] } == "the larger of +4 per 1m and +50% per 1m30s: 8, more from 12:00:10 UTC")
    }

    @Test("what was recommended as high or higher keeps the number, the newest of it the longest")
    func until() {
        func decide(_ recommended: [(Int, Int)], queue: Quantity, up: Duration = .zero, down: Duration = .zero) -> Decision {
            var fixture = Self.fixture(
                Behavior(
                    scaleUp: ScalingRules(stabilizationWindow: up, policies: [RatePolicy(.percent(1000), period: .seconds(1))]),
                    scaleDown: ScalingRules(stabilizationWindow: down)), replicas: 6)
            fixture.memory.recommendations = recommended.map { Memory.Entry(replicas: $0, at: Fixture.start - .seconds($1)) }
            return fixture.evaluate(["queue": queue])
        }
        let minute = Duration.seconds(60)
        #expect(decide([(5, 50), (3, 10)], queue: 50, down: minute).reasons == [.rule("queue"), .stabilized(until: Fixture.start + .seconds(10))])
        #expect(decide([(5, 50), (5, 30), (3, 10)], queue: 50, down: minute).reasons.last == .stabilized(until: Fixture.start + .seconds(30)))
        #expect(decide([(9, 20), (3, 10)], queue: 50, down: minute).reasons.last == .stabilized(until: Fixture.start + .seconds(40)))
        #expect(decide([(9, 60), (3, 10)], queue: 50, down: minute).to == 3)
        let up = decide([(7, 50), (9, 10)], queue: 250, up: minute)
        #expect(up.to == 7)
        #expect(up.reasons == [.rule("queue"), .stabilized(until: Fixture.start + .seconds(10))])
        #expect(up.sentence.contains("not above 7, the lowest recommendation of the last 1m, until 12:00:10 UTC"))
        #expect(decide([(7, 50), (7, 40), (9, 10)], queue: 250, up: minute).reasons.last == .stabilized(until: Fixture.start + .seconds(20)))
        #expect(decide([(2, 50), (7, 40)], queue: 250, up: minute).reasons.last == .stabilized(until: Fixture.start + .seconds(10)))
    }
}
