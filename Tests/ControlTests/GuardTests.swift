import Control
import Engine
import Model
import Testing

@Suite("Guards")
struct GuardTests {
    private func fleet(_ guards: [Policy.Guard], mode: Policy.Mode = .live, enabled: Bool = true) -> Fleet {
        var policy = queuePolicy(mode: mode)
        policy.guards = guards
        return Fleet(
            manifests: [Manifest.service(service("transcode")), .policy(policy)].map { ($0, 7, "ab12") }, enabled: enabled, pauses: [pause(.both)],
            overrides: [])
    }

    private func notify(_ when: String, _ severity: Policy.Guard.Severity = .critical, for sustained: Duration = .zero) throws -> Policy.Guard {
        Policy.Guard(when: try Expression(parsing: when), sustained: sustained, effect: .notify(severity))
    }

    @Test("a condition that has held long enough tells once, in one sentence, and again when its period is over")
    func telling() throws {
        let leader = leader(self.fleet([try self.notify("queue < 1", .info), try self.notify("queue > 100", for: .seconds(30))]))
        var told: [Int: [GuardNotice]] = [:]
        for second in stride(from: 0, through: 660, by: 15) {
            let pending = leader.round([transcode: seen(4)], [transcode: 120], at: seconds(second))
            if let notices = pending.first?.notices, !notices.isEmpty { told[second] = notices }
            leader.commit(pending, at: seconds(second))
        }
        #expect(told.keys.sorted() == [30, 630])
        #expect(
            told[30] == [
                GuardNotice(
                    place: 1, severity: .critical, when: "queue > 100", sustained: .seconds(30),
                    sentence: "transcode/eu-west: “queue > 100” (queue 120) for 30s")
            ])
    }

    @Test("what was not committed was not told: it is told with the next evaluation")
    func failedCommit() throws {
        let leader = leader(self.fleet([try self.notify("queue > 100")]))
        #expect(leader.round([transcode: seen(4)], [transcode: 120], at: start).first?.notices.count == 1)
        let again = leader.round([transcode: seen(4)], [transcode: 120], at: seconds(15))
        #expect(again.first?.notices.count == 1)
        leader.commit(again, at: seconds(15))
        #expect(leader.round([transcode: seen(4)], [transcode: 120], at: seconds(30)).first?.notices.isEmpty == true)
    }

    @Test("pauses, the switch and modes keep nobody from being told; a policy that is off is silent", arguments: Policy.Mode.allCases)
    func held(mode: Policy.Mode) throws {
        let leader = leader(self.fleet([try self.notify("queue > 100")], mode: mode, enabled: false))
        let pending = leader.round([transcode: seen(4)], [transcode: 120], at: start)
        #expect(pending.first?.notices.count == (mode == .off ? 0 : 1))
    }
}

@Suite("Guards of one evaluation alone")
struct GuardOutcomeTests {
    /// `queue` at 120 under a policy that wants 5, which run.
    private func outcomes(
        _ change: (inout Policy) -> Void = { _ in }, _ alter: (inout EvaluationInput) -> Void = { _ in }
    ) throws -> (outcomes: [GuardOutcome], evaluation: Evaluation) {
        var policy = queuePolicy()
        policy.metrics[0].unit = "jobs"
        policy.guards = [
            Policy.Guard(when: try Expression(parsing: "queue < 1"), effect: .restart),
            Policy.Guard(when: try Expression(parsing: "queue > 110"), effect: .notify(.critical)),
            Policy.Guard(when: try Expression(parsing: "queue > 100"), sustained: .seconds(30), effect: .restart),
        ]
        change(&policy)
        let since = Memory.Guarded(guarding: "queue > 100 for 30s: restart", since: start, fired: [])
        var memory = try Memory(json: JSON(parsing: #"{"version":1,"series":[],"conditions":[],"guards":[\#(since.json.text)]}"#))
        var input = EvaluationInput(
            workload: Workload(id: transcode), program: Program(policy), observation: seen(5), answers: queue(120, at: seconds(30)), now: seconds(30),
            memory: memory)
        alter(&input)
        memory = input.memory
        var evaluation = Engine.evaluate(input)
        let outcomes = evaluation.guardOutcomes(input)
        return (outcomes, evaluation)
    }

    @Test("those whose turn it is are told in the policy's order, each with its readings, and have taken their turn")
    func effects() throws {
        let (outcomes, evaluation) = try self.outcomes()
        #expect(outcomes.map(\.place) == [1, 2])
        #expect(outcomes.map(\.sentence) == ["“queue > 110” (queue 120 jobs)", "“queue > 100” (queue 120 jobs) for 30s"])
        #expect(outcomes.allSatisfy { $0.obstacle == nil })
        #expect(evaluation.memory.guards.map(\.fired) == [[seconds(30)], [seconds(30)]])
        #expect(
            outcomes.map(\.json) == [
                ["guard": 1, "when": "queue > 110", "effect": "notify", "severity": "critical", "sentence": "“queue > 110” (queue 120 jobs)"],
                ["guard": 2, "when": "queue > 100", "for": "30s", "effect": "restart", "sentence": "“queue > 100” (queue 120 jobs) for 30s"],
            ])
        #expect(try self.outcomes({ $0.guards = [] }).outcomes.isEmpty)
    }

    private static let override = Override(workload: transcode, replicas: 5, owner: "anna", reason: "sale", since: start, until: seconds(3600))
    private static let others = Override(
        workload: WorkloadID(service: "mail", region: "eu-west"), replicas: 5, owner: "anna", reason: "sale", since: start, until: seconds(3600))

    static let holds: [(RestartHold?, String, @Sendable (inout Policy, inout EvaluationInput) -> Void)] = [
        (.mode, "the policy's mode is dryRun", { policy, _ in policy.mode = .dryRun }),
        (.disabled, "the cluster's switch is off", { $1.enabled = false }),
        (.paused, "paused by anna until 13:00:00 UTC", { $1.pauses = [pause(.up)] }), (nil, "", { $1.pauses = [pause(.up, until: seconds(30))] }),
        (.overridden, "the override by anna is in force until \(seconds(3600))", { $1.override = Self.override }), (nil, "", { $1.override = Self.others }),
        (.frozen, "frozen until \(seconds(60)): weekend", { $1.schedule.freeze = .init(reason: "weekend", until: seconds(60)) }),
        (nil, "", { $1.schedule.freeze = .init(reason: "weekend", until: seconds(30)) }),
        (.regionDown, "the region eu-west is down", { $1.isRegionDown = true }), (.unobserved, "it can't be seen", { $1.observation = .gone }),
        (.noneRunning, "nothing of it runs", { $1.observation = seen(5, current: 0) }), (.inFlight, "a-7 has not ended", { $1.inFlight = "a-7" }),
        (.scaling, "its change from 4 to 5 comes first", { $1.observation = seen(4) }),
    ]

    @Test("what speaks against a restart is said, and leaves the guard its turn; telling goes on", arguments: holds)
    func held(hold: RestartHold?, words: String, change: @Sendable (inout Policy, inout EvaluationInput) -> Void) throws {
        let (outcomes, evaluation) = try self.outcomes({ _ in }) { input in
            var policy = input.policy
            change(&policy, &input)
            input.policy = policy
        }
        #expect(outcomes.map(\.place) == [1, 2])
        #expect(outcomes[0].obstacle == nil)
        #expect(outcomes[1].obstacle?.hold == hold && outcomes[1].obstacle?.words ?? "" == words)
        #expect(outcomes[1].json["held"]?.stringValue == hold?.rawValue && outcomes[1].json["why"]?.stringValue ?? "" == words)
        #expect(evaluation.memory.guards.map(\.since) == [seconds(30), start])
        #expect(evaluation.memory.guards.map(\.fired) == [[seconds(30)], hold == nil ? [seconds(30)] : []])
    }

    @Test("a policy that is off tells nobody")
    func off() throws {
        let (outcomes, _) = try self.outcomes { $0.mode = .off }
        #expect(outcomes.map(\.obstacle?.words) == ["the policy's mode is off", "the policy's mode is off"])
    }
}
