import Control
import Engine
import Model
import SeededRandom
import Testing

@Suite("Taking back what did not arrive")
struct RollbackTests {
    /// A cooldown down keeps the policy itself from going back.
    private static func policy(_ change: (inout Policy) -> Void = { _ in }) -> Policy {
        var policy = queuePolicy(cooldown: .init(down: .seconds(7200)))
        policy.verify = .init(ready: Quantity(milli: 900), within: .seconds(60), rollback: true)
        change(&policy)
        return policy
    }

    private static func fleet(
        _ policy: Policy = Self.policy(), enabled: Bool = true, pauses: [Pause] = [], overrides: [Override] = []
    ) -> Fleet {
        Fleet(
            manifests: [Manifest.service(service("transcode", startup: .zero)), .policy(policy)].map { ($0, 7, "ab12") }, enabled: enabled, pauses: pauses,
            overrides: overrides)
    }

    private func action(_ state: ActionRecord.State = .failed, from: Int = 4, to: Int = 8, id: Int64 = 12) -> ActionRecord {
        ControlTests.action(state, id: id, from: from, to: to, deadline: seconds(60))
    }

    /// A leader who came just after the change had failed.
    private func successor(_ fleet: Fleet = Self.fleet(), failed: ActionRecord? = nil, rolledBack: [WorkloadID: WallTime] = [:]) -> Leader {
        Leader(
            LeaderState(
                fleet: fleet, remembered: [Remembered(workload: transcode, evaluatedAt: start, memory: Memory(lastUp: start))], open: [],
                failed: [failed ?? self.action()], rolledBack: rolledBack, at: seconds(61)))
    }

    private func round(
        _ leader: Leader, _ observation: Observation = seen(8, ready: 5), queue: Int? = 100, at now: WallTime = seconds(61)
    ) throws -> LeaderState.Pending {
        let questions = leader.ask(at: now)
        leader.answer(questions, [transcode: observation], queue.map { [transcode: $0] } ?? [:], at: now)
        return try #require(leader.decide(at: now).first)
    }

    @Test("a change up that is not ready at its deadline is taken back at once, once, and the way up is held")
    func life() throws {
        let leader = leader(Self.fleet())
        let up = try #require(leader.commit(leader.round([:], [transcode: 200], at: start), first: 12, at: start).first)
        _ = leader.work(mayAct: true, at: start)
        let sent = try #require(leader.attempted(up, outcome: .accepted, startedAt: start, at: start))
        let failed = try #require(leader.looked(sent, seen(8, ready: 5), at: seconds(60)))
        #expect(failed.state == .failed)
        let back = try self.round(leader, at: seconds(60))
        #expect(back.plan?.from == 8 && back.plan?.to == 4 && back.isRecorded)
        let decision = back.evaluation.decision
        #expect(decision.acted && decision.kind == .down && decision.to == 4)
        #expect(decision.reasons.last == .rolledBack(action: "a-12", until: seconds(60) + Rollback.hold))
        #expect(decision.sentence.hasSuffix("a-12 to 8 did not become ready in time and is taken back → 4"), "\(decision.sentence)")
        #expect(decision.steps.contains { $0.name == .rollback && $0.input == 8 && $0.output == 4 })
        #expect(back.rollback == Rollback(action: 12, decision: 12, to: 8, direction: .up))
        #expect(back.evaluation.memory.lastDown == seconds(60))

        let action = try #require(leader.commit([back], first: 13, at: seconds(60)).first)
        let hold = Pause(
            id: 3, scope: .workload(transcode), direction: .up, owner: "queue@7", reason: "", since: seconds(60), until: seconds(1860), rolledBack: 12)
        leader.state.held([hold])
        #expect(leader.state.fleet.pauses == [hold])
        // What is read next may be from before the hold, which then ends by itself soon; what is read after that is right.
        _ = leader.adopt(Self.fleet(), at: seconds(61))
        #expect(leader.state.fleet.pauses.map(\.id) == [3] && leader.state.fleet.pauses.map(\.until) == [seconds(62)])
        _ = leader.adopt(Self.fleet(pauses: [hold]), at: seconds(61))
        #expect(leader.state.fleet.pauses == [hold])
        _ = leader.work(mayAct: true, at: seconds(61))
        #expect(leader.attempted(action, outcome: .done(seen(4)), startedAt: seconds(61), at: seconds(61))?.state == .done)
        let held = try self.round(leader, seen(4), queue: 200, at: seconds(75))
        #expect(held.plan == nil && held.evaluation.decision.to == 8)
        #expect(held.evaluation.decision.reasons.contains(.rolledBack(action: "a-12", until: seconds(1860))))
        #expect(held.evaluation.decision.sentence.contains("a-12 was taken back: held until"), "\(held.evaluation.decision.sentence)")
        leader.commit([held], at: seconds(75))
        _ = leader.adopt(Self.fleet(), at: seconds(80))
        #expect(try self.round(leader, seen(4), queue: 200, at: seconds(80)).plan?.to == 8, "a person has ended the hold")
    }

    @Test("a new leader takes back what its predecessor saw failing")
    func takeover() throws {
        let back = try self.round(self.successor())
        #expect(back.plan?.to == 4 && back.rollback?.action == 12)
    }

    @Test("a change down that leaves too many running is taken back")
    func down() throws {
        let leader = self.successor(failed: self.action(from: 8, to: 4))
        let back = try self.round(leader, seen(4, current: 7))
        #expect(back.plan?.to == 8 && back.rollback?.direction == .down)
    }

    @Test("rates of the policy limit the way down, its cooldown does not")
    func rates() throws {
        let policy = Self.policy { $0.behavior = Behavior(scaleDown: .init(stabilizationWindow: .zero, policies: [.init(.replicas(1), period: .seconds(60))])) }
        let leader = self.successor(Self.fleet(policy))
        #expect(try self.round(leader).plan?.to == 7)
    }

    static let obstacles: [(name: String, fleet: Fleet, observation: Observation, queue: Int?, words: String?)] = {
        let down = Pause(id: 1, scope: .all, direction: .down, owner: "anna", reason: "sale", since: start, until: seconds(3600))
        let override = Override(workload: transcode, replicas: 8, owner: "anna", reason: "sale", since: start, until: seconds(3600))
        return [
            ("the load needs more than before", fleet(), seen(8, ready: 5), 120, "which is more than the 4 before"),
            ("the reading is missing", fleet(), seen(8, ready: 5), nil, "not every reading is fresh"),
            ("paused", fleet(pauses: [down]), seen(8, ready: 5), 100, "paused by anna"),
            ("overridden", fleet(overrides: [override]), seen(8, ready: 5), 100, "override by anna"),
            ("the switch is off", fleet(enabled: false), seen(8, ready: 5), 100, "switch is off"),
            ("the mode is not live", fleet(policy { $0.mode = .dryRun }), seen(8, ready: 5), 100, "mode is dryRun"),
            ("the minimum is higher now", fleet(policy { $0.minReplicas = 8 }), seen(8, ready: 5), 100, "its limits allow no change down"),
            ("it has arrived after all", fleet(), seen(8, ready: 8), 100, nil), ("somebody else has changed it", fleet(), seen(9, ready: 5), 100, nil),
            ("it can't be seen", fleet(), .unseen(refusal), 100, nil),
            ("the policy does not want it", fleet(policy { $0.verify.rollback = false }), seen(8, ready: 5), 100, nil),
        ]
    }()

    @Test("it stays where something speaks against taking it back, which the explanation says", arguments: obstacles)
    func stays(name: String, fleet: Fleet, observation: Observation, queue: Int?, words: String?) throws {
        let pending = try self.round(self.successor(fleet), observation, queue: queue)
        #expect(pending.plan == nil && pending.rollback == nil, "\(name)")
        let told = pending.evaluation.decision.steps.compactMap { $0.name == .rollback ? $0.text : nil }
        #expect(told.count == (words == nil ? 0 : 1) && told.allSatisfy { $0.contains(words ?? "") }, "\(name): \(told)")
    }

    @Test("what spoke against it may end, within a time")
    func later() throws {
        let leader = self.successor()
        leader.commit([try self.round(leader, queue: 120)], at: seconds(61))
        #expect(try self.round(leader, at: seconds(76)).plan?.to == 4)
        let late = self.successor()
        let after = seconds(60) + LeaderState.rollbackWindow
        #expect(try self.round(late, at: after).plan == nil)
    }

    @Test("nothing is taken back twice within half an hour, nor is what took something back")
    func onceOnly() throws {
        let recent = try self.round(self.successor(rolledBack: [transcode: seconds(-1700)]))
        #expect(recent.plan == nil && recent.evaluation.decision.steps.contains { $0.text?.contains("another change was taken back") == true })
        #expect(try self.round(self.successor(rolledBack: [transcode: seconds(-1740)])).plan?.to == 4)
        let leader = self.successor()
        let back = try #require(leader.commit([try self.round(leader)], first: 13, at: seconds(61)).first)
        _ = leader.work(mayAct: true, at: seconds(61))
        #expect(leader.attempted(back, outcome: .refused(refusal), startedAt: seconds(61), at: seconds(61))?.state == .failed)
        #expect(try self.round(leader, seen(4, current: 8, ready: 5), at: seconds(76)).plan == nil)
    }

    @Test("a newer change takes the failed one's place")
    func newer() throws {
        let leader = self.successor()
        let more = try self.round(leader, queue: 300)
        #expect(more.plan?.to == 12 && more.rollback == nil)
        let action = try #require(leader.commit([more], first: 13, at: seconds(61)).first)
        _ = leader.work(mayAct: true, at: seconds(61))
        _ = leader.attempted(action, outcome: .refused(refusal), startedAt: seconds(61), at: seconds(61))
        #expect(try self.round(leader, at: seconds(76)).plan == nil, "the newest failed without having been applied")
    }

    @Test("ten thousand healthy changes: none is ever taken back")
    func healthy() throws {
        var generator = Seeded(seed: 20_261_121)
        for _ in 0..<10_000 {
            let (from, to) = (generator.int(1...20), generator.int(1...20))
            let failed = self.action(from: from, to: to)
            let isUp = to > from
            let observation = isUp ? seen(to, ready: (to * 9 + 9) / 10) : seen(to, current: generator.int(0...to), ready: generator.int(0...to))
            let pending = try self.round(self.successor(failed: failed), observation, queue: generator.int(0...500))
            #expect(pending.rollback == nil, "\(from) → \(to), \(observation)")
        }
    }
}
