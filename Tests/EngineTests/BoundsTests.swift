import Model
import Testing

@testable import Engine

/// Bounds that time and others move, and people who have to agree.
@Suite("Schedules, floors, freezes and approval")
struct BoundsTests {
    private static let end = Fixture.start + .seconds(3600)

    private static func evaluate(_ queue: Quantity, _ change: (inout EvaluationInput) -> Void) -> Decision {
        let fixture = Fixture([.averageValue("queue", 25)], min: 1, max: 20)
        var input = fixture.input(["queue": .value(Sample(value: queue, at: fixture.now))])
        change(&input)
        return Engine.evaluate(input).decision
    }

    @Test("a schedule's bounds take the place of the policy's, and the decision names them where they bind")
    func schedule() {
        let floor = Self.evaluate(25) { $0.schedule.min = .init(replicas: 6, until: Self.end) }
        #expect(floor.to == 6)
        #expect(floor.reasons.contains(.scheduleFloor(until: Self.end)))
        #expect(floor.step(.schedule)?.text == "a schedule asks for 6 to 20 until 13:00:00 UTC")
        let ceiling = Self.evaluate(500) { $0.schedule.max = .init(replicas: 10, until: Self.end) }
        #expect(ceiling.to == 10)
        #expect(ceiling.reasons.contains(.scheduleCeiling(until: Self.end)))
        let both = Self.evaluate(500) {
            $0.schedule.min = .init(replicas: 12, until: Self.end)
            $0.schedule.max = .init(replicas: 10, until: Self.end)
        }
        #expect(both.to == 12)
        let idle = Self.evaluate(200) { $0.schedule.min = .init(replicas: 2, until: Self.end) }
        #expect(idle.to == 8)
        #expect(idle.reasons == [.rule("queue")])
    }

    @Test("a floor raises the minimum, never past the maximum, and says who asked for it")
    func floors() {
        let inbound = Self.evaluate(25) { $0.floors.inbound = .init(replicas: 9, by: "campaign", until: Self.end) }
        #expect(inbound.to == 9)
        #expect(inbound.reasons.contains(.inboundFloor(by: "campaign", until: Self.end)))
        let failover = Self.evaluate(25) { $0.floors.failover = .init(replicas: 90, region: "eu-north") }
        #expect(failover.to == 20)
        #expect(failover.reasons.contains(.failoverFloor(region: "eu-north", until: nil)))
        let over = Self.evaluate(25) { $0.floors.inbound = .init(replicas: 9, by: "campaign", until: Fixture.start) }
        #expect(over.to == 1)
    }

    @Test("in a freeze only an emergency that raises acts")
    func freeze() {
        let frozen = Self.evaluate(200) { $0.schedule.freeze = .init(reason: "weekend", until: Self.end) }
        #expect(!frozen.acted)
        #expect(frozen.to == 8)
        #expect(frozen.reasons == [.rule("queue"), .frozen(reason: "weekend", until: Self.end)])
        #expect(frozen.sentence.hasSuffix("→ 8, not done: frozen until 13:00:00 UTC: weekend"))
        let emergency = Self.evaluate(200) {
            $0.schedule.freeze = .init(reason: "weekend", until: Self.end)
            $0.policy.emergency = Policy.Emergency(when: .above("queue", 100), replicas: .max)
        }
        #expect(emergency.acted && emergency.to == 20)
        let person = Self.evaluate(100) {
            $0.schedule.freeze = .init(reason: "weekend", until: Self.end)
            $0.override = Override(
                workload: Fixture.id, replicas: 9, owner: "anna", reason: "sale", since: Fixture.start, until: Self.end)
        }
        #expect(!person.acted)
    }

    static let approvals: [(approved: Int?, queue: Quantity, acted: Bool)] = [
        (nil, 150, true), (nil, 175, false), (7, 175, true), (9, 175, true), (6, 175, false), (nil, 25, false), (1, 25, true), (2, 25, false),
    ]
    @Test("a change by more than the policy says waits for a second person, who covers less of the same", arguments: Self.approvals)
    func approval(approved: Int?, queue: Quantity, acted: Bool) {
        let decision = Self.evaluate(queue) {
            $0.policy.approval = Policy.Approval(above: 2)
            $0.approved = approved
        }
        #expect(decision.acted == acted)
        #expect(decision.reasons.contains(.awaitingApproval) == !acted)
    }

    @Test("nothing is lowered in a region that can't be seen")
    func regionDown() {
        let down = Self.evaluate(25) { $0.isRegionDown = true }
        #expect(down.kind == .held)
        #expect(down.reasons.contains(.regionDown("eu-west")))
        #expect(Self.evaluate(200) { $0.isRegionDown = true }.acted)
    }

    @Test("a schedule's bound of 0 or 1 is one, and one like the policy's own is not named")
    func scheduleOfLittle() {
        for most in [0, 1] {
            let decision = Self.evaluate(500) {
                $0.policy.minReplicas = 0
                $0.schedule.max = .init(replicas: most, until: Self.end)
            }
            #expect(decision.to == most)
            #expect(decision.reasons.contains(.scheduleCeiling(until: Self.end)))
            #expect(decision.step(.schedule)?.text == "a schedule asks for 0 to \(most) until 13:00:00 UTC")
            let least = Self.evaluate(0) {
                $0.policy.minReplicas = 2
                $0.schedule.min = .init(replicas: most, until: Self.end)
            }
            #expect(least.to == most)
            #expect(least.reasons.contains(.atMin) == (most == 1))
        }
        let same = Self.evaluate(500) { $0.schedule.max = .init(replicas: 20, until: Self.end) }
        #expect(same.to == 20)
        #expect(same.reasons == [.rule("queue")])
        #expect(Self.evaluate(600) { $0.schedule.max = .init(replicas: 20, until: Self.end) }.reasons.contains(.atMax))
        #expect(Self.evaluate(0) { $0.schedule.min = .init(replicas: 1, until: Self.end) }.reasons.contains(.atMin))
        let raised = Self.evaluate(600) {
            $0.schedule.min = .init(replicas: 12, until: Self.end)
            $0.schedule.max = .init(replicas: 10, until: Self.end)
        }
        #expect(raised.reasons == [.rule("queue"), .atMax])
        #expect(raised.step(.schedule)?.text == "a schedule asks for 12 to 12 until 13:00:00 UTC")
        let both = Self.evaluate(100) {
            $0.schedule.min = .init(replicas: 2, until: Self.end - .seconds(60))
            $0.schedule.max = .init(replicas: 10, until: Self.end)
        }
        #expect(both.step(.schedule)?.text == "a schedule asks for 2 to 10 until 12:59:00 UTC")
    }

    @Test("a floor that raises nothing is not told, and of two the larger one is, or who asked")
    func floorsTold() {
        #expect(Self.evaluate(25) { $0.floors.failover = .init(replicas: 1, region: "eu-north") }.step(.floors) == nil)
        let raised = Self.evaluate(25) { $0.floors.failover = .init(replicas: 2, region: "eu-north") }
        #expect(raised.step(.floors)?.text == "at least 2: the load of eu-north comes here")
        for (inbound, failover, asked) in [(9, 8, true), (9, 9, true), (8, 9, false)] {
            let decision = Self.evaluate(25) {
                $0.floors.inbound = .init(replicas: inbound, by: "campaign", until: Self.end)
                $0.floors.failover = .init(replicas: failover, region: "eu-north", until: Self.end)
            }
            #expect(decision.to == 9)
            #expect(decision.step(.floors)?.text?.contains("asked for by campaign") == asked)
            let reason: Reason = asked ? .inboundFloor(by: "campaign", until: Self.end) : .failoverFloor(region: "eu-north", until: Self.end)
            #expect(decision.reasons.contains(reason))
        }
        let scheduled = Self.evaluate(25) {
            $0.schedule.min = .init(replicas: 6, until: Self.end)
            $0.floors.failover = .init(replicas: 6, region: "eu-north")
        }
        #expect(scheduled.reasons.contains(.scheduleFloor(until: Self.end)))
        let capped = Self.evaluate(25) {
            $0.schedule.max = .init(replicas: 5, until: Self.end)
            $0.floors.failover = .init(replicas: 9, region: "eu-north")
        }
        #expect(capped.to == 5)
        #expect(capped.step(.floors)?.text == "at least 5: the load of eu-north comes here")
    }
}
