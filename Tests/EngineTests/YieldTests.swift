import Model
import Testing

@testable import Engine

/// How far a workload may be lowered to make room for others.
@Suite("Yield")
struct YieldTests {
    private static let now = Fixture.start
    private static let later = Fixture.start + .seconds(3600)

    /// Ten replicas of at least two, and nothing that keeps them.
    private static func yield(_ change: (inout EvaluationInput) -> Void = { _ in }) -> Yield? {
        var input = Fixture([.averageValue("queue", 25)], min: 2, max: 20, replicas: 10).input([:])
        change(&input)
        return Engine.yield(input)
    }
    private static func remembering(ups: [Memory.Entry] = [], downs: [Memory.Entry] = []) -> Memory {
        var memory = Memory()
        memory.ups = ups
        memory.downs = downs
        return memory
    }
    private static func pause(_ direction: Pause.Direction) -> Pause { Fixture([]).pause(direction) }

    @Test("without anything in its way it yields down to its minimum, and nothing once it is there")
    func minimum() {
        #expect(Self.yield() == Yield(gently: 2, atOnce: 2))
        for (size, left) in [(3, 2), (2, nil), (1, nil), (0, nil)] as [(Int, Int?)] {
            #expect(Self.yield { $0.observation = .seen(desired: size, current: size, ready: size, version: nil) }?.atOnce == left)
        }
    }

    @Test("what keeps its own decisions from lowering it keeps others from doing so")
    func kept() {
        #expect(Self.yield { $0.observation = .gone } == nil)
        for mode in Policy.Mode.allCases { #expect((Self.yield { $0.policy.mode = mode } == nil) == (mode != .live)) }
        #expect(Self.yield { $0.enabled = false } == nil)
        #expect(Self.yield { $0.pauses = [Self.pause(.down)] } == nil)
        #expect(Self.yield { $0.pauses = [Self.pause(.both)] } == nil)
        #expect(Self.yield { $0.pauses = [Self.pause(.up)] } != nil)
        #expect(Self.yield { $0.inFlight = "a-1" } == nil)
        for replicas in [0, 1, 9] { #expect(Self.yield { $0.override = Fixture([]).override(to: replicas) } == nil) }
        #expect(Self.yield { $0.isRegionDown = true } == nil)
        #expect(Self.yield { $0.schedule.freeze = .init(reason: "sale", until: Self.later) } == nil)
        #expect(Self.yield { $0.policy.behavior = Behavior(scaleDown: ScalingRules(select: .disabled)) } == nil)
        #expect(Self.yield { $0.policy.behavior = Behavior(scaleUp: ScalingRules(select: .disabled)) } != nil)
    }

    @Test("the least is the minimum or the schedule's, raised by floors in force as far as the maximum allows")
    func lowest() {
        func lowest(_ change: (inout EvaluationInput.Schedule, inout EvaluationInput.Floors) -> Void) -> Int {
            var schedule = EvaluationInput.Schedule(), floors = EvaluationInput.Floors()
            change(&schedule, &floors)
            return Engine.lowest(Fixture([], min: 2, max: 20).policy, schedule: schedule, floors: floors, at: Self.now)
        }
        #expect(lowest { _, _ in } == 2)
        #expect(lowest { schedule, _ in schedule.min = .init(replicas: 6, until: Self.later) } == 6)
        #expect(lowest { schedule, _ in schedule.min = .init(replicas: 1, until: Self.later) } == 1)
        #expect(lowest { schedule, _ in schedule.min = .init(replicas: 30, until: Self.later) } == 30)
        #expect(lowest { _, floors in floors.failover = .init(replicas: 7, region: "eu-north") } == 7)
        #expect(lowest { _, floors in floors.failover = .init(replicas: 1, region: "eu-north") } == 2)
        #expect(lowest { _, floors in floors.failover = .init(replicas: 90, region: "eu-north") } == 20)
        #expect(lowest { _, floors in floors.inbound = .init(replicas: 8, by: "sale", until: Self.now + .microseconds(1)) } == 8)
        #expect(lowest { _, floors in floors.inbound = .init(replicas: 8, by: "sale", until: Self.now) } == 2)
        for (inbound, failover) in [(8, 5), (5, 8)] {
            #expect(
                lowest { _, floors in
                    floors.inbound = .init(replicas: inbound, by: "sale", until: Self.later)
                    floors.failover = .init(replicas: failover, region: "eu-north")
                } == 8)
        }
        #expect(
            lowest { schedule, floors in
                schedule.max = .init(replicas: 5, until: Self.later)
                floors.failover = .init(replicas: 7, region: "eu-north")
            } == 5)
        // With a minimum of none there is no floor either.
        let none = Engine.lowest(Fixture([], min: 0).policy, schedule: .init(), floors: .init(), at: Self.now)
        #expect(none == 0)
    }

    /// What a second person agreed to, what needs none, and how far it may go.
    static let approvals: [(approved: Int?, above: Int, left: Int?)] = [
        (nil, 3, 7), (nil, 0, nil), (nil, -1, nil), (nil, 8, 2), (nil, 9, 2), (nil, 99, 2), (5, 3, 5), (8, 3, 7), (1, 3, 2), (0, 3, 2), (12, 0, nil),
    ]
    @Test("what a second person has to agree to holds even for an emergency elsewhere", arguments: Self.approvals)
    func approval(approved: Int?, above: Int, left: Int?) {
        let yield = Self.yield {
            $0.policy.approval = Policy.Approval(above: above)
            $0.approved = approved
        }
        #expect(yield?.atOnce == left)
        #expect(yield?.gently == left)
    }

    @Test("its own rates hold for others too, but not for their emergencies")
    func rates() {
        let rules = ScalingRules(policies: [RatePolicy(.replicas(3), period: .seconds(60))])
        func yield(_ memory: Memory) -> Yield? {
            Self.yield {
                $0.policy.behavior = Behavior(scaleDown: rules)
                $0.memory = memory
            }
        }
        func entry(_ replicas: Int, _ ago: Int) -> Memory.Entry { Memory.Entry(replicas: replicas, at: Self.now - .seconds(ago)) }
        #expect(yield(Memory()) == Yield(gently: 7, atOnce: 2))
        #expect(yield(Self.remembering(downs: [entry(2, 59)])) == Yield(gently: 9, atOnce: 2))
        #expect(yield(Self.remembering(downs: [entry(2, 60)])) == Yield(gently: 7, atOnce: 2))
        #expect(yield(Self.remembering(downs: [entry(5, 1)])) == Yield(gently: 10, atOnce: 2))
        #expect(yield(Self.remembering(ups: [entry(2, 59)])) == Yield(gently: 5, atOnce: 2))
        #expect(yield(Self.remembering(ups: [entry(9, 59)])) == Yield(gently: 2, atOnce: 2))
        // What was this very moment counts in any period.
        let short = Self.yield {
            $0.policy.behavior = Behavior(scaleDown: ScalingRules(policies: [RatePolicy(.replicas(3), period: .milliseconds(1))]))
            $0.memory = Self.remembering(downs: [entry(2, 0)])
        }
        #expect(short == Yield(gently: 9, atOnce: 2))
        // Dated ahead, since the clock went back: it is as if it were now.
        #expect(yield(Self.remembering(downs: [entry(2, -90)])) == Yield(gently: 9, atOnce: 2))
    }

    @Test("its cooldown since the last change in either direction holds for others too, but not for their emergencies")
    func cooldown() {
        func yield(up: Int?, down: Int?) -> Yield? {
            Self.yield {
                $0.policy.cooldown = Policy.Cooldown(up: .zero, down: .seconds(600))
                $0.memory = Memory(lastUp: up.map { Self.now - .seconds($0) }, lastDown: down.map { Self.now - .seconds($0) })
            }
        }
        #expect(yield(up: nil, down: nil) == Yield(gently: 2, atOnce: 2))
        #expect(yield(up: 599, down: nil) == Yield(gently: 10, atOnce: 2))
        #expect(yield(up: 600, down: nil) == Yield(gently: 2, atOnce: 2))
        #expect(yield(up: 900, down: 1) == Yield(gently: 10, atOnce: 2))
        #expect(yield(up: 1, down: 900) == Yield(gently: 10, atOnce: 2))
        // Dated ahead, since the clock went back; without a cooldown that keeps nothing.
        #expect(yield(up: -60, down: nil) == Yield(gently: 10, atOnce: 2))
        #expect(
            Self.yield {
                $0.policy.cooldown = Policy.Cooldown(up: .zero, down: .zero)
                $0.memory = Memory(lastUp: Self.now + .seconds(60))
            } == Yield(gently: 2, atOnce: 2))
    }
}
