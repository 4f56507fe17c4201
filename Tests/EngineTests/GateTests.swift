import Model
import Testing

@testable import Engine

@Suite("Gates")
struct GateTests {
    private func fixture(_ change: (inout Fixture) -> Void = { _ in }) -> Fixture {
        var fixture = Fixture([.averageValue("queue", 25)])
        change(&fixture)
        return fixture
    }

    static let modes: [(Policy.Mode, Reason?)] = [
        (.live, nil), (.dryRun, .dryRun), (.recommend, .recommendOnly), (.off, .off),
    ]

    @Test("only a live policy acts; the others say what they would have done", arguments: Self.modes)
    func mode(mode: Policy.Mode, reason: Reason?) {
        var fixture = self.fixture { $0.policy.mode = mode }
        let decision = fixture.evaluate(["queue": 180])
        #expect(decision.kind == .up)
        #expect(decision.from == 4)
        #expect(decision.to == 8)
        #expect(decision.acted == (reason == nil))
        if let reason {
            #expect(decision.reasons == [.rule("queue"), reason])
            #expect(
                decision.sentence
                    == "queue 180 / 25 per replica wants 8 → 8, not done: the policy's mode is \(mode.rawValue)")
            #expect(decision.steps.last == Decision.Step(.decision, input: 4, output: 4))
        }
    }

    @Test("the switch stops everything")
    func disabled() {
        var fixture = self.fixture { $0.enabled = false }
        let decision = fixture.evaluate(["queue": 180])
        #expect(!decision.acted)
        #expect(decision.reasons == [.rule("queue"), .disabled])
    }

    @Test("every gate that stands in the way is named")
    func allGates() {
        var fixture = self.fixture {
            $0.enabled = false
            $0.policy.mode = .dryRun
            $0.pauses = [$0.pause(.both)]
        }
        let decision = fixture.evaluate(["queue": 180])
        #expect(
            decision.reasons == [
                .rule("queue"), .paused(owner: "anna", until: fixture.now + .seconds(1800)), .disabled, .dryRun,
            ])
        #expect(
            decision.sentence.hasSuffix(
                "→ 8, not done: paused by anna until 12:30:00 UTC, the cluster's switch is off, the policy's mode is dryRun"
            ))
    }

    /// Direction, whether up acts, whether down acts.
    static let directions: [(Pause.Direction, Bool, Bool)] = [
        (.up, false, true), (.down, true, false), (.both, false, false),
    ]

    @Test("a pause holds its direction only", arguments: Self.directions)
    func direction(direction: Pause.Direction, up: Bool, down: Bool) {
        var fixture = self.fixture { $0.pauses = [$0.pause(direction)] }
        let raising = fixture.evaluate(["queue": 180])
        #expect(raising.acted == up)
        #expect(raising.kind == .up)
        fixture.desired = 4
        let lowering = fixture.evaluate(["queue": 50])
        #expect(lowering.acted == down)
        #expect(lowering.kind == .down)
    }

    static let scopes: [(String, Bool)] = [
        ("all", true), ("region:eu-west", true), ("region:us-east", false), ("service:transcode", true),
        ("service:other", false),
        ("transcode/eu-west", true), ("transcode/us-east", false), ("policy:transcode", true), ("policy:other", false),
    ]

    @Test("a pause holds its scope only", arguments: Self.scopes)
    func scope(text: String, holds: Bool) throws {
        let scope = try #require(Pause.Scope(text))
        var fixture = self.fixture { $0.pauses = [$0.pause(.both, scope: scope)] }
        #expect(fixture.evaluate(["queue": 180]).acted == !holds)
    }

    @Test("a pause begins and ends at its times, and counts at once when the clocks differ a little")
    func pauseTimes() {
        var fixture = self.fixture { $0.pauses = [$0.pause(.both, minutes: 1)] }
        #expect(fixture.memory == Memory())
        fixture.pass(-30)
        #expect(!fixture.evaluate(["queue": 180]).acted)
        fixture.pass(-1)
        #expect(fixture.evaluate(["queue": 180]).acted)
        fixture.desired = 4
        fixture.pass(90)
        #expect(!fixture.evaluate(["queue": 180]).acted)
        fixture.pass(1)
        #expect(fixture.evaluate(["queue": 180]).acted)
    }

    @Test("of several pauses the one that ends last is named, in whatever order they come")
    func severalPauses() {
        var fixture = self.fixture()
        let short = fixture.pause(.both, minutes: 10)
        let long = fixture.pause(.up, owner: "bert", minutes: 60 * 24)
        for pauses in [[short, long], [long, short]] {
            fixture.pauses = pauses
            let decision = fixture.evaluate(["queue": 180])
            #expect(decision.reasons.last == .paused(owner: "bert", until: fixture.now + .seconds(86_400)))
            #expect(decision.sentence.hasSuffix("paused by bert until 2026-05-29 12:00:00 UTC"))
        }
    }

    @Test("what must wait for any pause waits for the one that ends last, of those in force here")
    func anyPause() {
        let fixture = self.fixture()
        var up = fixture.pause(.up, minutes: 10), down = fixture.pause(.down, owner: "bert", minutes: 20), other = fixture.pause(.both, minutes: 60)
        (up.id, down.id, other.id) = (3, 2, 1)
        other.scope = .region("us-east")
        func covering(_ pauses: [Pause], _ direction: Pause.Direction) -> Int64? {
            pauses.covering(Fixture.id, policy: "transcode", direction, at: fixture.now)?.id
        }
        for pauses in [[up, down, other], [other, down, up]] {
            #expect([.both, .up, .down].map { covering(pauses, $0) } == [2, 3, 2])
        }
        #expect(covering([other], .both) == nil)
        // Of two that end at once the later one.
        down.until = up.until
        #expect(covering([up, down], .both) == 3 && covering([down, up], .both) == 3)
        #expect(down.words(at: fixture.now) == "paused by bert until 12:10:00 UTC")
        down.rolledBack = 41
        #expect(down.words(at: fixture.now) == "a-41 was taken back: held until 12:10:00 UTC")
    }

    @Test("a pause is no reason when nothing would change")
    func nothingToPause() {
        var fixture = self.fixture {
            $0.pauses = [$0.pause(.both)]
            $0.enabled = false
            $0.inFlight = "a-1"
        }
        let decision = fixture.evaluate(["queue": 100])
        #expect(decision.reasons == [.withinTolerance])
        #expect(decision.sentence == "queue 100 / 25 per replica needs no change: held at 4")
        #expect(!decision.acted)
    }

    @Test("an action in flight holds, even in an emergency")
    func inFlight() {
        var fixture = self.fixture {
            $0.inFlight = "a-5521"
            $0.policy.emergency = Policy.Emergency(when: .above("queue", 100), replicas: .max)
        }
        let decision = fixture.evaluate(["queue": 180])
        #expect(decision.kind == .held)
        #expect(decision.to == 4)
        #expect(!decision.acted)
        #expect(decision.reasons == [.rule("queue"), .emergency, .inFlight(action: "a-5521")])
        #expect(decision.sentence.hasSuffix("; action a-5521 has not ended → 4"))
    }

    @Test("an override stands in for the rules, past cooldowns and emergencies, within min and max")
    func override() {
        var fixture = self.fixture {
            $0.policy.cooldown = Policy.Cooldown(up: .seconds(600), down: .seconds(600))
            $0.policy.emergency = Policy.Emergency(when: .above("queue", 100), replicas: .max)
            $0.policy.minReplicas = 2
            $0.memory = Memory(lastUp: $0.now, lastDown: $0.now)
            $0.override = $0.override(to: 6)
        }
        let until = fixture.now + .seconds(3600)
        let decision = fixture.evaluate(["queue": 180])
        #expect(decision.to == 6)
        #expect(decision.acted)
        #expect(decision.wanted == 8)
        #expect(decision.reasons.contains(.override(owner: "anna", until: until)))
        #expect(decision.sentence.hasSuffix("override by anna until 13:00:00 UTC wants 6 → 6"))
        fixture.override = fixture.override(to: 100)
        let most = fixture.evaluate(["queue": 180])
        #expect(most.to == 20)
        #expect(most.reasons.contains(.atMax))
        #expect(most.sentence.hasSuffix("wants 100, within 2 to 20 → 20"))
        fixture.override = fixture.override(to: -7)
        #expect(fixture.evaluate(["queue": 180]).to == 2)
        fixture.pass(3600)
        #expect(!fixture.evaluate(["queue": 180]).reasons.contains { if case .override = $0 { true } else { false } })
    }

    @Test("an override acts without readings, and holds back what the rules want")
    func overrideHolds() {
        var fixture = self.fixture { $0.override = $0.override(to: 4) }
        let held = fixture.evaluate(["queue": 180])
        #expect(held.kind == .held)
        #expect(held.reasons == [.rule("queue"), .override(owner: "anna", until: fixture.now + .seconds(3600))])
        fixture.override = fixture.override(to: 7)
        #expect(fixture.evaluate([:] as [String: ReadingAnswer]).to == 7)
    }

    @Test("another workload's override is ignored, and gates hold an override too")
    func overrideGates() {
        var fixture = self.fixture {
            $0.override = $0.override(to: 9, workload: WorkloadID(service: "other", region: "eu-west"))
        }
        #expect(fixture.evaluate(["queue": 100]).kind == .held)
        fixture.override = fixture.override(to: 9)
        fixture.enabled = false
        let decision = fixture.evaluate(["queue": 100])
        #expect(decision.to == 9)
        #expect(!decision.acted)
    }

    @Test("a workload that was not observed holds, and its readings still enter memory")
    func unobserved() {
        let error = DriverError(code: "exec.timeout", message: "the observe command\ntimed out after 3s")
        for (observation, words) in [
            (Observation.unseen(error), "the observe command timed out after 3s"),
            (.gone, "the platform no longer has it"),
        ] {
            var fixture = self.fixture {
                $0.observation = observation
                $0.override = $0.override(to: 9)
                $0.policy.emergency = Policy.Emergency(when: .above("queue", 100), replicas: .max)
            }
            let decision = fixture.evaluate(["queue": 180])
            #expect(decision.kind == .held)
            #expect(decision.from == nil)
            #expect(decision.to == nil)
            #expect(decision.wanted == nil)
            #expect(!decision.acted)
            #expect(decision.reasons == [.unobserved(words)])
            #expect(decision.sentence == "transcode/eu-west could not be observed (\(words)): held")
            #expect(decision.readings[0].value == 180)
            #expect(fixture.memory.series[0].samples.count == 1)
            #expect(fixture.memory.series[0].lastGood?.value == 180)
        }
    }

    @Test("a person's or driver's long or broken words stay one bounded line")
    func foreignWords() {
        var fixture = self.fixture {
            $0.observation = .unseen(DriverError(code: "x", message: String(repeating: "no\r\n\u{1B}", count: 5000)))
        }
        let decision = fixture.evaluate(["queue": 180])
        #expect(decision.sentence.count < 300)
        #expect(!decision.sentence.contains { $0.isNewline || $0.unicodeScalars.contains { $0.value < 0x20 } })
    }

    @Test("an override to 0 is one, and a bound is named only where it cuts")
    func overrideToNone() {
        var fixture = self.fixture {
            $0.policy.minReplicas = 0
            $0.override = $0.override(to: 0)
        }
        let until = fixture.now + .seconds(3600)
        #expect(fixture.evaluate(["queue": 100]).to == 0)
        fixture.desired = 4
        for replicas in [0, 1, 20] {
            fixture.override = fixture.override(to: replicas)
            let decision = fixture.evaluate(["queue": 100])
            #expect(decision.to == replicas)
            #expect(!decision.reasons.contains(.atMin) && !decision.reasons.contains(.atMax))
            #expect(decision.reasons.contains(.override(owner: "anna", until: until)))
        }
        fixture.policy.minReplicas = 2
        fixture.override = fixture.override(to: 1)
        #expect(fixture.evaluate(["queue": 100]).reasons.contains(.atMin))
    }

    @Test(
        "an override begins and ends at its times, and counts at once when the clocks differ a little",
        arguments: [
            (-31, false), (-30, true), (0, true), (3599, true), (3600, false),
        ])
    func overrideTimes(after seconds: Int, counts: Bool) {
        var fixture = self.fixture { $0.override = $0.override(to: 9) }
        fixture.pass(seconds)
        #expect(fixture.evaluate(["queue": 100]).to == (counts ? 9 : 4))
    }

    @Test("who agreed to none agreed to all that lowers")
    func approvedNone() {
        for (approved, acted) in [(0, true), (1, false), (2, false)] {
            let fixture = self.fixture {
                $0.policy.minReplicas = 0
                $0.policy.approval = Policy.Approval(above: 2)
            }
            var input = fixture.input(["queue": .value(Sample(value: 0, at: fixture.now))])
            input.approved = approved
            #expect(Engine.evaluate(input).decision.acted == acted)
        }
    }

    @Test("an emergency that does not raise is no exception to a freeze, one to 0 is none")
    func emergencyThatLowers() {
        let fixture = self.fixture { $0.policy.emergency = Policy.Emergency(when: .above("queue", 1), replicas: .count(0)) }
        var input = fixture.input(["queue": .value(Sample(value: 25, at: fixture.now))])
        input.schedule.freeze = .init(reason: "sale", until: fixture.now + .seconds(60))
        input.override = fixture.override(to: 2)
        let decision = Engine.evaluate(input).decision
        #expect(decision.to == 2)
        #expect(!decision.acted)
    }

    @Test("while an emergency's condition holds, a freeze stops no rule from raising, whatever number the emergency asks for")
    func emergencyFromNone() {
        for (size, queue, acted): (Int, Quantity, Bool) in [(0, 50, true), (1, 50, true), (2, 50, false), (0, 1, false)] {
            var fixture = Fixture([.averageValue("queue", 25)], min: 0, replicas: size)
            fixture.policy.emergency = Policy.Emergency(when: .above("queue", 1), replicas: .count(0))
            var input = fixture.input(["queue": .value(Sample(value: queue, at: fixture.now))])
            input.schedule.freeze = .init(reason: "sale", until: fixture.now + .seconds(60))
            #expect(Engine.evaluate(input).decision.acted == acted)
        }
    }
}
