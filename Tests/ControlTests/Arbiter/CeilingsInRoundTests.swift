@testable import Control
import Engine
import Model
import Testing

@Suite("Ceilings in a leader's round")
struct CeilingsInRoundTests {
    private static func state(_ ceiling: Int, cooldown: Policy.Cooldown = .init()) -> Leader {
        leader(
            fleet([
                .service(service("transcode")), .service(service("search", priority: 5)), .policy(queuePolicy(cooldown: cooldown)),
                .region(Region(name: "eu-west", maxReplicas: ceiling)),
            ]))
    }

    @Test("what is cut says so: step, reason, sentence, plan; what is not stays as it was")
    func cut() throws {
        let state = Self.state(13)
        let pending = state.round([:], [transcode: 200, AskingTests.search: 200], at: start)
        #expect(pending.map { $0.plan?.to } == [8, 5])
        let decision = pending[1].evaluation.decision
        #expect(decision.acted && decision.kind == .up && decision.to == 5 && decision.wanted == 8)
        #expect(decision.reasons.contains(.budgetDenied(by: "region:eu-west")))
        #expect(decision.steps.suffix(2).map(\.name) == [.ceilings, .decision])
        #expect(decision.steps.suffix(2).map(\.output) == [5, 5])
        #expect(decision.reasons.last == .outranked(by: "search/eu-west"))
        #expect(decision.sentence.hasSuffix("; region:eu-west has 13: 4 asked, 1 left after search/eu-west (priority 5) → 5"))
        #expect(!pending[0].evaluation.decision.steps.contains { $0.name == .ceilings })
    }

    @Test("what gets nothing is held, recorded once, and has nothing to cool down from")
    func denied() throws {
        let state = Self.state(12, cooldown: .init(up: .seconds(600)))
        let pending = state.round([:], [transcode: 200, AskingTests.search: 200], at: start)
        let denied = pending[1]
        #expect(denied.plan == nil && denied.isRecorded && denied.evaluation.memory.lastUp == nil)
        #expect(denied.evaluation.decision.kind == .held && !denied.evaluation.decision.acted)
        state.commit(pending, at: start)
        let sizes = [AskingTests.search: seen(8)]
        let again = state.round(sizes, [transcode: 200, AskingTests.search: 200], at: seconds(15))
        #expect(again[1].evaluation.decision.kind == .held && !again[1].isRecorded)
        state.commit(again, at: seconds(15))
        _ = state.adopt(fleet([.service(service("transcode")), .service(service("search", priority: 5)), .policy(queuePolicy())]), at: seconds(16))
        let free = state.round(sizes, [transcode: 200, AskingTests.search: 200], at: seconds(16))
        #expect(free[1].plan?.to == 8)
    }

    @Test("a workload that is not evaluated takes up what its last evaluation left, what it is promised, and while it was never seen its maximum")
    func occupied() throws {
        // Only transcode is due and wants 8; search is asked about, and answers nothing.
        func granted(_ prepare: (Leader) -> Void, open: [ActionRecord] = [], size: Int? = nil) -> Int? {
            let state = Leader(
                LeaderState(
                    fleet: Self.state(26).state.fleet, remembered: [Remembered(workload: AskingTests.search, evaluatedAt: start, size: size, memory: Memory())],
                    open: open, at: start))
            prepare(state)
            let pending = state.round([:], [transcode: 200], at: start)
            return pending.last?.plan?.to
        }
        #expect(granted { _ in } == 6, "20 are kept for search")
        #expect(granted({ _ in }, size: 19) == 7)
        #expect(granted({ _ in }, size: 4) == 8)
        #expect(granted({ _ in }, size: 21) == 5)
        for look in [seen(4), .gone, .unseen(refusal)] {
            #expect(granted({ $0.observed(AskingTests.search, look) }, size: 19) == 7, "a new leader would not know of \(look)")
        }
        #expect(granted({ _ in }, open: [action(.verifying, workload: AskingTests.search, to: 19)], size: 4) == 7)
    }

    @Test("what does not grow is not touched, however far past its ceiling the region is")
    func shrinking() {
        let state = Self.state(3)
        let pending = state.round([:], [transcode: 25, AskingTests.search: 100], at: start)
        #expect(pending.map { $0.plan?.to } == [nil, 1])
    }

    @Test("a budget of money counts each region's price")
    func money() {
        let state = leader(
            fleet([
                .service(service("transcode")), .policy(queuePolicy()), .region(Region(name: "eu-west", costPerReplicaHour: Quantity(milli: 120))),
                .budget(Budget(name: "fleet", selector: Selector(), maxCostPerHour: Quantity(milli: 700))),
            ]))
        let item = state.round([:], [transcode: 200], at: start).first
        #expect(item?.plan?.to == 5 && item?.evaluation.decision.reasons.last == .budgetDenied(by: "budget:fleet"))
    }

    private static let full = [transcode: 100, AskingTests.search: 200]

    @Test("a lower priority makes room, says for whom, and does not take it back before the higher one has it")
    func outranked() throws {
        let state = Self.state(8)
        let pending = state.round([:], Self.full, at: start)
        let (search, lower) = (pending[0].evaluation.decision, pending[1].evaluation.decision)
        #expect(search.kind == .held && search.steps.contains { $0.text == "region:eu-west has 8: 4 asked, 0 left" }, "\(search.steps)")
        #expect(lower.kind == .down && lower.acted && lower.to == 1 && pending[1].plan?.to == 1 && pending[1].isRecorded)
        #expect(lower.reasons.contains(.outranked(by: "search/eu-west")))
        #expect(lower.sentence.hasSuffix("; makes room under region:eu-west for search/eu-west (priority 5) → 1"))
        #expect(pending[1].evaluation.memory.lastDown == start)
        state.commit(pending, at: start)
        // Asked for one, three are still there: nothing is free, and nothing is taken back.
        let leaving = [transcode: seen(1, current: 4)]
        state.observed(transcode, leaving[transcode] ?? seen(1))
        for work in state.work(mayAct: true, at: seconds(1)) {
            _ = state.attempted(work.action, outcome: .accepted, startedAt: seconds(1), at: seconds(1))
        }
        let between = state.round(leaving, Self.full, at: seconds(15))
        #expect(between.map { $0.plan?.to } == [nil, nil])
        state.commit(between, at: seconds(15))
        let after = state.round([transcode: seen(1)], Self.full, at: seconds(30))
        #expect(after.map { $0.plan?.to } == [7, nil])
        #expect(after[1].evaluation.decision.reasons.contains(.outranked(by: "search/eu-west")))
    }

    @Test("what is freed is kept for the claim that it was freed for, whoever is evaluated first")
    func claim() {
        let state = Self.state(8)
        state.commit(state.round([:], Self.full, at: start), at: start)
        for work in state.work(mayAct: true, at: seconds(1)) {
            _ = state.attempted(work.action, outcome: .done(seen(1)), startedAt: seconds(1), at: seconds(1))
        }
        let questions = state.ask(at: seconds(15))
        state.observed(transcode, seen(1))
        state.state.answered(round: questions.round, [transcode: queue(100, at: seconds(15))])
        let alone = state.decide(at: seconds(16))
        #expect(alone.map(\.workload) == [transcode] && alone[0].plan == nil)
        #expect(alone[0].evaluation.decision.reasons.contains(.budgetDenied(by: "region:eu-west")))
    }

    @Test("nobody is lowered in a pause, a freeze of its own, within its cooldown, or without readings")
    func protected() {
        func lowered(_ queues: [WorkloadID: Int] = Self.full, _ change: (inout Fleet) -> Void) -> Int? {
            var fleet = Self.state(8).state.fleet
            change(&fleet)
            let pending = leader(fleet).round([:], queues, at: start)
            return pending.first { $0.workload == transcode }?.plan?.to
        }
        #expect(lowered { _ in } == 1)
        #expect(lowered { $0.pauses = [pause(.down)] } == nil)
        #expect(lowered { $0.enabled = false } == nil)
        #expect(lowered([AskingTests.search: 200]) { _ in } == nil)
        #expect(lowered { $0.members[1].policy.minReplicas = 3 } == 3)
        #expect(lowered { $0.members[1].policy.mode = .recommend } == nil)
        #expect(lowered { $0.members[1].policy.approval = .init(above: 1) } == 3)
        #expect(lowered { $0.members[1].policy.behavior = Behavior(scaleDown: ScalingRules(policies: [RatePolicy(.replicas(2), period: .seconds(60))])) } == 2)
        #expect(lowered { $0.members[1].policy.behavior = Behavior(scaleDown: ScalingRules(select: .disabled)) } == nil)
    }

    @Test("minimums that exceed a ceiling are said aloud, and nobody goes below its own")
    func overcommitted() {
        let state = Self.state(7)
        var fleet = state.state.fleet
        for index in fleet.members.indices { fleet.members[index].policy.minReplicas = 4 }
        _ = state.adopt(fleet, at: start)
        let pending = state.round([:], Self.full, at: start)
        #expect(pending.map { $0.plan?.to } == [nil, nil])
        let said = state.state.overcommitments
        #expect(said.map(\.excess) == [1] && said.first?.ceiling.name == "region:eu-west")
        #expect(
            said.first?.description
                == "region:eu-west is overcommitted: the minimums add up to 8, 1 more than its 7; raise it or lower minimums")
        #expect(said.first?.json.text == #"{"ceiling":"region:eu-west","excess":1,"least":8,"limit":7,"unit":"replicas"}"#)
    }
}
