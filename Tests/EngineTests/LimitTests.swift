import Model
import Testing

@testable import Engine

@Suite("Cooldown and clamp")
struct LimitTests {
    @Test("a change up waits for the cooldown since the last change up")
    func up() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.cooldown = Policy.Cooldown(up: .seconds(120), down: .seconds(600))
        #expect(fixture.evaluate(["queue": 150]).to == 6)
        fixture.pass(119)
        let waiting = fixture.evaluate(["queue": 200])
        #expect(waiting.kind == .held)
        #expect(waiting.wanted == 8)
        #expect(waiting.reasons == [.rule("queue"), .cooldown(until: Fixture.start + .seconds(120))])
        #expect(
            waiting.sentence
                == "queue 200 / 25 per replica wants 8; cooldown after the last change up ends 12:02:00 UTC → 6")
        fixture.pass(1)
        #expect(fixture.evaluate(["queue": 200]).to == 8)
    }

    @Test("a change down waits for the cooldown since the last change in either direction")
    func down() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.cooldown = Policy.Cooldown(up: .zero, down: .seconds(600))
        fixture.evaluate(["queue": 200])
        fixture.pass(599)
        #expect(fixture.evaluate(["queue": 100]).kind == .held)
        fixture.pass(1)
        #expect(fixture.evaluate(["queue": 100]).to == 4)
        fixture.pass(599)
        let waiting = fixture.evaluate(["queue": 50])
        #expect(
            waiting.sentence
                == "queue 50 / 25 per replica wants 2; cooldown after the last change ends 12:20:00 UTC → 4")
        #expect(fixture.evaluate(["queue": 200]).to == 8)
    }

    @Test("a change that did not act starts no cooldown")
    func suppressed() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.cooldown = Policy.Cooldown(up: .seconds(600), down: .seconds(600))
        fixture.policy.mode = .recommend
        fixture.evaluate(["queue": 200])
        #expect(fixture.memory.lastUp == nil)
        fixture.policy.mode = .live
        #expect(fixture.evaluate(["queue": 200]).acted)
        #expect(fixture.memory.lastUp == fixture.now)
    }

    @Test("a clock that went back ends no cooldown early")
    func clockWentBack() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.cooldown = Policy.Cooldown(up: .seconds(120), down: .seconds(120))
        fixture.evaluate(["queue": 200])
        fixture.pass(-3600)
        #expect(fixture.evaluate(["queue": 25]).kind == .held)
        #expect(fixture.evaluate(["queue": 400]).kind == .held)
        fixture.pass(3600 + 119)
        #expect(fixture.evaluate(["queue": 25]).kind == .held)
        fixture.pass(1)
        #expect(fixture.evaluate(["queue": 25]).to == 1)
    }

    @Test("a change under a clock that went back does not bring the next one closer")
    func changeUnderOldClock() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.cooldown = Policy.Cooldown(down: .seconds(60))
        fixture.evaluate(["queue": 200])
        let first = fixture.now
        fixture.pass(-3600)
        #expect(fixture.evaluate(["queue": 300]).to == 12)
        #expect(fixture.memory.lastUp == first)
    }

    /// min, max, before, value at 25 a replica, after, reason.
    static let clamps: [(Int, Int, Int, Quantity, Int, Reason)] = [
        (2, 6, 4, 500, 6, .atMax), (2, 6, 4, 10, 2, .atMin), (2, 6, 6, 500, 6, .atMax), (2, 6, 2, 10, 2, .atMin),
        (2, 6, 9, 225, 6, .atMax),
        (2, 6, 1, 25, 2, .atMin), (2, 6, 0, 0, 2, .atMin), (5, 5, 3, 75, 5, .atMin), (5, 5, 8, 200, 5, .atMax),
        (0, 6, 1, 0, 0, .rule("queue")),
    ]

    @Test("the result lies within min and max, also when the size does not", arguments: Self.clamps)
    func clamp(min: Int, max: Int, before: Int, value: Quantity, after: Int, reason: Reason) {
        var fixture = Fixture([.averageValue("queue", 25)], min: min, max: max, replicas: before)
        let decision = fixture.evaluate(["queue": value])
        #expect(decision.to == after)
        #expect(decision.reasons.contains(reason))
    }

    @Test("a size outside min and max comes back inside without readings and past cooldowns")
    func withoutReadings() {
        var fixture = Fixture([.averageValue("queue", 25)], min: 2, max: 6, replicas: 9)
        fixture.policy.cooldown = Policy.Cooldown(up: .seconds(600), down: .seconds(600))
        fixture.memory = Memory(lastUp: fixture.now, lastDown: fixture.now)
        let lowered = fixture.evaluate([:] as [String: ReadingAnswer])
        #expect(lowered.to == 6)
        #expect(lowered.reasons == [.missing(metric: "queue"), .atMax])
        #expect(lowered.sentence == "queue is missing (no row); the maximum is 6 → 6")
        fixture.desired = 1
        #expect(fixture.evaluate([:] as [String: ReadingAnswer]).to == 2)
        fixture.observation = .gone
        fixture.desired = 1
        #expect(fixture.evaluate([:] as [String: ReadingAnswer]).kind == .held)
    }

    @Test("at the maximum the maximum is the reason, not a cooldown")
    func atMaximum() {
        var fixture = Fixture([.averageValue("queue", 25)], max: 4)
        fixture.policy.cooldown = Policy.Cooldown(up: .seconds(600))
        fixture.memory = Memory(lastUp: fixture.now)
        let decision = fixture.evaluate(["queue": 500])
        #expect(decision.reasons == [.rule("queue"), .atMax])
        #expect(decision.urgency == .high)
        #expect(decision.kind == .held)
        #expect(decision.sentence == "queue 500 / 25 per replica wants 20; the maximum is 4 → 4")
    }

    @Test("a cooldown of nothing keeps nothing, whatever the clock did")
    func noCooldown() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.memory = Memory(lastUp: fixture.now + .seconds(60), lastDown: fixture.now + .seconds(60))
        #expect(fixture.evaluate(["queue": 200]).to == 8)
        #expect(fixture.evaluate(["queue": 100]).to == 4)
    }

    @Test("a cooldown is named only where it keeps something")
    func cooldownNamed() {
        var fixture = Fixture([.averageValue("queue", 25)], min: 4, max: 20)
        fixture.policy.cooldown = Policy.Cooldown(up: .seconds(60), down: .seconds(60))
        fixture.memory = Memory(lastUp: fixture.now, lastDown: fixture.now)
        #expect(fixture.evaluate(["queue": 100]).reasons == [.withinTolerance])
        #expect(fixture.evaluate(["queue": 25]).reasons == [.rule("queue"), .atMin])
        fixture.policy.emergency = Policy.Emergency(when: .above("queue", 100), replicas: .count(8))
        // The emergency's own number is not held back, what is wanted beyond it is.
        #expect(fixture.evaluate(["queue": 125]).reasons == [.rule("queue"), .emergency])
        fixture.desired = 4
        fixture.memory = Memory(lastUp: fixture.now)
        let beyond = fixture.evaluate(["queue": 300])
        #expect(beyond.to == 8)
        #expect(beyond.reasons == [.rule("queue"), .emergency, .cooldown(until: fixture.now + .seconds(60))])
    }
}
