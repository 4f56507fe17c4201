import Control
import Engine
import Model
import SeededRandom
import Testing

@Suite("Guards that restart")
struct RestartTests {
    private static func guarded(_ when: String = "queue > 100", for sustained: Duration = .zero, atMost: Policy.Guard.Limit? = nil) throws -> Policy.Guard {
        var guarded = Policy.Guard(when: try Expression(parsing: when), sustained: sustained, effect: .restart)
        if let atMost { guarded.atMost = atMost }
        return guarded
    }

    /// Its rules leave 4 replicas as they are for a queue of 81 to 100.
    private static func fleet(
        _ guards: [Policy.Guard]? = nil, enabled: Bool = true, pauses: [Pause] = [], overrides: [Override] = [], _ change: (inout Policy) -> Void = { _ in }
    ) throws -> Fleet {
        var policy = queuePolicy()
        policy.guards = try guards ?? [Self.guarded("queue > 90")]
        change(&policy)
        return Fleet(
            manifests: [Manifest.service(service("transcode")), .policy(policy)].map { ($0, 7, "ab12") }, enabled: enabled, pauses: pauses,
            overrides: overrides)
    }

    private func round(_ leader: Leader, _ observation: Observation = seen(4), queue: Int = 95, at now: WallTime = start) throws -> LeaderState.Pending {
        leader.answer(leader.ask(at: now), [transcode: observation], [transcode: queue], at: now)
        return try #require(leader.decide(at: now).first)
    }

    // MARK: Ordering

    @Test("a condition that holds orders one restart of what runs, by a decision that says why and changes no number")
    func order() throws {
        let leader = leader(try Self.fleet())
        let pending = try self.round(leader)
        let decision = pending.evaluation.decision
        #expect(decision.kind == .held && decision.from == 4 && decision.to == 4 && decision.acted)
        #expect(decision.reasons.contains(.restart(when: "queue > 90")))
        #expect(decision.steps.contains { $0.name == .restart && $0.input == 4 && $0.output == 4 && $0.reason == .restart(when: "queue > 90") })
        #expect(decision.sentence.hasSuffix("; restarted, since “queue > 90” (queue 95)"), "\(decision.sentence)")
        #expect(pending.isRecorded && pending.notices.isEmpty)
        let plan = try #require(pending.plan)
        #expect(plan.kind == .restart && plan.from == 4 && plan.to == 4 && plan.precondition == "v4")
        #expect(plan.needReady == Quantity(milli: 900) && plan.deadline == seconds(220))
    }

    @Test("it is ordered as often as its policy allows, and no oftener, whoever leads")
    func atMost() throws {
        let leader = leader(try Self.fleet([Self.guarded("queue > 90", for: .seconds(30), atMost: .init(count: 1, per: .seconds(60)))]))
        var ordered: [Int] = []
        for second in stride(from: 0, through: 180, by: 15) {
            let pending = try self.round(leader, at: seconds(second))
            if pending.plan?.kind == .restart { ordered.append(second) }
            // Each one has ended before the next evaluation.
            guard let action = leader.commit([pending], at: seconds(second)).first else { continue }
            _ = leader.work(mayAct: true, at: seconds(second))
            #expect(leader.attempted(action, outcome: .done(seen(4)), startedAt: seconds(second), at: seconds(second))?.state == .done)
        }
        #expect(ordered == [30, 90, 150])
    }

    @Test("a restart counts as no change: no cooldown begins, nothing enters a rate, and an earlier failed change is still taken back")
    func noScaleEvent() throws {
        let leader = leader(
            try Self.fleet {
                $0.cooldown = .init(up: .seconds(600), down: .seconds(600))
                $0.verify.rollback = true
            })
        let pending = try self.round(leader)
        #expect(pending.plan?.kind == .restart)
        #expect(pending.evaluation.memory.lastUp == nil && pending.evaluation.memory.lastDown == nil)
        #expect(pending.evaluation.memory.ups.isEmpty && pending.evaluation.memory.downs.isEmpty)
        let action = try #require(leader.commit([pending], at: start).first)
        _ = leader.work(mayAct: true, at: start)
        let failed = try #require(leader.attempted(action, outcome: .refused(refusal), startedAt: start, at: start))
        #expect(failed.state == .failed)
        // Neither is it taken back, nor does it keep the policy from what it wants.
        let next = try self.round(leader, queue: 200, at: seconds(15))
        #expect(next.plan?.kind == .scale && next.plan?.to == 8 && next.rollback == nil)
    }

    @Test("guards that take effect together are one restart")
    func together() throws {
        let leader = leader(try Self.fleet([Self.guarded("queue > 90"), Self.guarded("queue > 91")]))
        let pending = try self.round(leader)
        #expect(pending.plan?.kind == .restart)
        #expect(pending.evaluation.decision.reasons.suffix(2) == [.restart(when: "queue > 90"), .restart(when: "queue > 91")])
    }

    // MARK: Holding back

    static let holds: [(hold: RestartHold, fleet: Fleet, observation: Observation, queue: Int)] = {
        let override = Override(workload: transcode, replicas: 4, owner: "anna", reason: "sale", since: start, until: seconds(3600))
        func fleet(
            enabled: Bool = true, pauses: [Pause] = [], overrides: [Override] = [], _ change: (inout Policy) -> Void = { _ in }
        ) -> Fleet { (try? Self.fleet(enabled: enabled, pauses: pauses, overrides: overrides, change)) ?? ControlTests.fleet([]) }
        return [
            (.mode, fleet { $0.mode = .dryRun }, seen(4), 95), (.mode, fleet { $0.mode = .recommend }, seen(4), 95),
            (.disabled, fleet(enabled: false), seen(4), 95), (.paused, fleet(pauses: [pause(.both)]), seen(4), 95),
            (.paused, fleet(pauses: [pause(.up, scope: .workload(transcode))]), seen(4), 95), (.paused, fleet(pauses: [pause(.down)]), seen(4), 95),
            (.overridden, fleet(overrides: [override]), seen(4), 95), (.unobserved, fleet(), .unseen(refusal), 95), (.unobserved, fleet(), .gone, 95),
            (.noneRunning, fleet { $0.minReplicas = 0 }, seen(0, current: 0), 95), (.noneRunning, fleet(), seen(4, current: 0), 95),
            (.scaling, fleet(), seen(4), 200), (.scaling, fleet { $0.approval = .init(above: 1) }, seen(4), 200),
        ]
    }()

    @Test("what speaks against it holds it back, says so once, and leaves the guard its turn", arguments: holds)
    func held(hold: RestartHold, fleet: Fleet, observation: Observation, queue: Int) throws {
        let leader = leader(fleet)
        let pending = try self.round(leader, observation, queue: queue)
        #expect(pending.plan?.kind != .restart)
        let decision = pending.evaluation.decision
        #expect(decision.reasons.contains(.restartHeld(hold, when: "queue > 90")), "\(decision.reasons)")
        #expect(pending.isRecorded)
        #expect(pending.notices.count == 1 && pending.notices.first?.held == hold && pending.notices.first?.severity == .warning)
        #expect(pending.notices.first?.sentence.hasPrefix("transcode/eu-west: “queue > 90” (queue \(queue)); not restarted: ") == true)
        #expect(pending.evaluation.memory.guards.allSatisfy { $0.fired.isEmpty && $0.since == start })
        guard pending.plan == nil else { return }
        leader.commit([pending], at: start)
        let again = try self.round(leader, observation, queue: queue, at: seconds(15))
        #expect(again.notices.isEmpty && again.plan == nil && !again.isRecorded)
        leader.commit([again], at: seconds(15))
        // Nothing speaks against it any more.
        _ = leader.adopt(try Self.fleet(), at: seconds(30))
        let free = try self.round(leader, at: seconds(30))
        #expect(free.plan?.kind == .restart)
    }

    @Test("a freeze lets only emergencies act, and a restart is none")
    func frozen() throws {
        let leader = leader(try Self.fleet { $0.freeze = [.init(cron: "0 0 * * *", duration: .seconds(86_400), reason: "release")] })
        let pending = try self.round(leader)
        #expect(pending.plan == nil && pending.notices.first?.held == .frozen, "\(pending.evaluation.decision.sentence)")
    }

    @Test("a policy that is off is silent, and its guards lose no turn")
    func off() throws {
        let leader = leader(try Self.fleet { $0.mode = .off })
        let pending = try self.round(leader)
        #expect(pending.plan == nil && pending.notices.isEmpty)
        #expect(pending.evaluation.memory.guards.allSatisfy { $0.fired.isEmpty })
    }

    @Test("an open action is not disturbed: the restart waits until it has ended")
    func inFlight() throws {
        let leader = Leader(LeaderState(fleet: try Self.fleet(), remembered: [], open: [action(.verifying, from: 2, to: 4)], at: start))
        let pending = try self.round(leader, seen(4, ready: 1))
        #expect(pending.plan == nil && pending.notices.first?.held == .inFlight, "\(pending.evaluation.decision.sentence)")
        leader.commit([pending], at: start)
        let work = leader.work(mayAct: true, at: start)
        #expect(leader.looked(try #require(work.first).action, seen(4), at: seconds(1))?.state == .done)
        #expect(try self.round(leader, at: seconds(15)).plan?.kind == .restart)
    }

    @Test("a reading that is missing or stale restarts nothing", arguments: [nil, 600] as [Int?])
    func unsound(age: Int?) throws {
        let now = seconds(1000)
        let leader = leader(try Self.fleet(), at: now)
        _ = leader.ask(at: now)
        leader.observed(transcode, seen(4))
        leader.answered(transcode, age.map { ControlTests.queue(95, at: seconds(1000 - $0)) } ?? [:])
        leader.answered(transcode, nil)
        let pending = try #require(leader.decide(at: now).first)
        #expect(pending.plan == nil && pending.evaluation.guards.isEmpty)
    }

    // MARK: Carrying out

    private func ordered(_ leader: Leader) throws -> ActionRecord {
        let action = try #require(leader.commit([try self.round(leader)], first: 5, at: start).first)
        #expect(action.kind == .restart)
        return action
    }

    @Test("it is attempted once, and not again while it is on its way")
    func once() throws {
        let leader = leader(try Self.fleet())
        let action = try self.ordered(leader)
        let work = leader.work(mayAct: true, at: start)
        #expect(work.map(\.step) == [.attempt] && work.first?.action == action)
        #expect(leader.work(mayAct: true, at: seconds(1)).isEmpty)
        let after = try #require(leader.attempted(action, outcome: .accepted, startedAt: start, at: seconds(1)))
        #expect(after.state == .verifying)
        for second in 2...5 {
            let work = leader.work(mayAct: true, at: seconds(second))
            #expect(work.map(\.step) == [.observe])
            let looked = leader.looked(after, seen(4, ready: second < 5 ? 1 : 4), at: seconds(second))
            #expect(looked?.state == (second < 5 ? nil : .done))
        }
        #expect(leader.work(mayAct: true, at: seconds(10)).isEmpty)
    }

    @Test("a person who pauses before it is sent withdraws it")
    func withdrawn() throws {
        let leader = leader(try Self.fleet())
        let action = try self.ordered(leader)
        _ = leader.adopt(try Self.fleet(pauses: [pause(.up)]), at: start)
        let work = leader.work(mayAct: true, at: start)
        #expect(work.map(\.step) == [.observe])
        let after = try #require(leader.looked(action, seen(4), at: start))
        #expect(after.state == .superseded && after.history.last?.text == "withdrawn before it was applied: paused by anna until 13:00:00 UTC")
    }

    @Test("a new leader never sends a restart that its predecessor may have sent", arguments: [seen(4), seen(4, ready: 0), seen(7), .unseen(refusal), .gone])
    func takeover(observation: Observation) throws {
        let ordered = try self.ordered(leader(try Self.fleet()))
        let successor = Leader(LeaderState(fleet: try Self.fleet(), remembered: [], open: [ordered], at: seconds(2)))
        let work = successor.work(mayAct: true, at: seconds(2))
        #expect(work.map(\.step) == [.observe])
        let after = try #require(successor.looked(ordered, observation, at: seconds(2)))
        #expect(after.state == .failed && after.attempt == 0)
        #expect(after.history.last?.text?.contains("never repeated in doubt") == true)
        for second in 3...6 { #expect(successor.work(mayAct: true, at: seconds(second)).isEmpty) }
    }

    @Test("an outcome that could not be written is in doubt")
    func notWritten() throws {
        let leader = leader(try Self.fleet())
        let action = try self.ordered(leader)
        _ = leader.work(mayAct: true, at: start)
        _ = leader.attempted(action, outcome: .retryable(refusal, after: nil), startedAt: start, at: start)
        leader.notWritten(action, at: start)
        let work = leader.work(mayAct: true, at: seconds(2))
        #expect(work.map(\.step) == [.observe])
        #expect(leader.looked(action, seen(4), at: seconds(2))?.state == .failed)
    }

    @Test("a change of size does not wait for a restart to arrive: it takes its place")
    func superseded() throws {
        let leader = leader(try Self.fleet())
        let action = try self.ordered(leader)
        _ = leader.work(mayAct: true, at: start)
        _ = leader.attempted(action, outcome: .accepted, startedAt: start, at: start)
        let next = try self.round(leader, seen(4, ready: 1), queue: 200, at: seconds(15))
        #expect(next.plan?.kind == .scale && next.plan?.to == 8 && next.superseded?.id == action.id)
        // Also one that leads back to the number of the restart.
        let back = try self.round(leader, seen(8), queue: 100, at: seconds(30))
        #expect(back.plan?.to == 4)
    }
}

@Suite("The life of a restart")
struct RestartMachineTests {
    typealias State = ActionRecord.State

    private func restart(_ state: State = .committed, attempt: Int = 0) -> ActionRecord {
        var action = action(state, from: 4, to: 4, attempt: attempt)
        action.kind = .restart
        return action
    }

    @Test(
        "an attempt's outcome decides the next state, and an unknown one ends it",
        arguments: [
            (AttemptOutcome.done(seen(4)), State.done), (.done(seen(4, ready: 3)), .verifying), (.done(seen(5)), .superseded), (.done(.gone), .failed),
            (.done(.unseen(refusal)), .accepted), (.accepted, .verifying), (.conflict(seen(4)), .superseded), (.conflict(seen(6)), .superseded),
            (.conflict(.gone), .superseded), (.conflict(.unseen(refusal)), .superseded), (.refused(refusal), .failed),
            (.retryable(refusal, after: nil), .committed), (.unknown(refusal), .failed),
        ])
    func outcome(_ outcome: AttemptOutcome, expected: State) {
        let after = ActionMachine.afterAttempt(self.restart(), outcome: outcome, startedAt: seconds(1), at: seconds(2))
        #expect(after.state == expected && after.attempt == 1 && after.history.last?.state == expected)
        #expect(after.history.contains { $0.state == .sent && $0.at == seconds(1) })
    }

    @Test("an unknown outcome says what happened, that it is not repeated, and what to do; the evidence stays")
    func unknown() throws {
        let after = ActionMachine.afterAttempt(self.restart(), outcome: .unknown(refusal), startedAt: start, at: start)
        #expect(after.history.map(\.state) == [.committed, .sent, .unknown, .failed])
        let last = try #require(after.history.last)
        #expect(
            last.text
                == "no such deployment; it is not known whether it was restarted, and a restart is never repeated in doubt: look at the workload, "
                + "and restart it by hand where it needs it")
        #expect(last.evidence == "exit 77")
        #expect(ActionMachine.directive(for: after, adopted: false, at: start) == .ended)
    }

    @Test("what was certainly not applied is tried again, five times at most")
    func givenUp() {
        var tried = self.restart()
        for attempt in 1...ActionMachine.maximumAttempts {
            #expect(tried.state == .committed)
            tried = ActionMachine.afterAttempt(tried, outcome: .retryable(refusal, after: nil), startedAt: seconds(attempt), at: seconds(attempt))
        }
        #expect(tried.state == .failed && tried.history.last?.text == "given up after 5 attempts: no such deployment")
    }

    /// state, adopted, what is seen, at second; the state after.
    static let looks: [ActionMachineTests.Look] =
        [false, true].flatMap { adopted -> [ActionMachineTests.Look] in
            let everything = [seen(4), seen(4, ready: 0), seen(5), .gone, .unseen(refusal)]
            // Who can't know whether it was sent never sends it again, whatever there is to see.
            let doubtful = [State.sent, .unknown] + (adopted ? [.committed] : [])
            return doubtful.flatMap { state in
                everything.map { ActionMachineTests.Look(state: state, adopted: adopted, observation: $0, expected: .failed) }
            }
                + [State.accepted, .verifying].flatMap { state in
                    [
                        ActionMachineTests.Look(state: state, adopted: adopted, observation: seen(4), expected: .done),
                        .init(state: state, adopted: adopted, observation: seen(4, ready: 3), expected: .verifying),
                        .init(state: state, adopted: adopted, observation: seen(4, ready: 3), at: 220, expected: .failed),
                        .init(state: state, adopted: adopted, observation: seen(5), expected: .superseded),
                        .init(state: state, adopted: adopted, observation: .gone, expected: .failed),
                        .init(state: state, adopted: adopted, observation: .unseen(refusal), expected: state),
                        .init(state: state, adopted: adopted, observation: .unseen(refusal), at: 220, expected: .failed),
                    ]
                }
        } + [
            // Its own leader looks because something speaks against it, or because it is late.
            .init(state: .committed, observation: seen(4), expected: .committed), .init(state: .committed, observation: seen(4), at: 220, expected: .failed),
            .init(state: .committed, observation: seen(5), expected: .superseded), .init(state: .committed, observation: .gone, expected: .failed),
            .init(state: .committed, observation: .unseen(refusal), expected: .committed),
            .init(state: .committed, observation: .unseen(refusal), at: 220, expected: .failed),
        ]

    @Test("a look decides the next state, and never that it is sent once more", arguments: Self.looks)
    func look(_ look: ActionMachineTests.Look) {
        let before = self.restart(look.state, attempt: 1)
        let after = ActionMachine.afterObservation(before, look.observation, adopted: look.adopted, at: seconds(look.at))
        #expect(after.state == look.expected && after.attempt == before.attempt)
        if before.state != .committed { #expect(after.state != .committed) }
    }

    @Test("every restart ends, and is sent once only unless it certainly was not applied", arguments: 0..<200 as Range<UInt64>)
    func atMostOnce(seed: UInt64) {
        var random = Seeded(seed: seed)
        var current = self.restart(random.pick([.committed, .committed, .committed, .sent, .accepted, .verifying, .unknown]))
        var adopted = random.chance(30) || current.state != .committed
        var mayHaveHappened = adopted
        var now = start
        var steps = 0
        while current.state.isOpen, steps < 2000 {
            steps += 1
            now = now + .milliseconds(random.int(100...1500))
            // The leader is replaced.
            if random.chance(5) { adopted = true }
            switch ActionMachine.directive(for: current, adopted: adopted, at: now) {
            case .attempt:
                #expect(!mayHaveHappened && now < current.deadline, "seed \(seed)")
                let outcome = random.pick(
                    [
                        .accepted, .retryable(refusal, after: nil), .unknown(refusal), .done(seen(4, ready: 2)), .conflict(seen(4)), .withheld,
                    ] as [AttemptOutcome])
                switch outcome {
                case .accepted, .unknown, .done: mayHaveHappened = true
                case .retryable, .conflict, .withheld, .refused: break
                }
                // The leader dies before it has written what came of it.
                if random.chance(20) {
                    mayHaveHappened = mayHaveHappened || outcome != .withheld
                    adopted = true
                } else {
                    current = ActionMachine.afterAttempt(current, outcome: outcome, startedAt: now, at: now)
                }
            case .observe:
                let observation = random.pick([seen(4), seen(4, ready: 1), .unseen(refusal)])
                let after = ActionMachine.afterObservation(current, observation, adopted: adopted, at: now)
                if after != current { adopted = false }
                current = after
            case .wait(let until):
                #expect(until > now, "seed \(seed)")
                now = until
            case .ended: break
            }
        }
        #expect(!current.state.isOpen, "seed \(seed): still \(current.state) after \(steps) steps")
    }
}
