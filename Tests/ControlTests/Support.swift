import Engine
import Model

@testable import Control

let start = WallTime(rfc3339: "2026-05-28T12:00:00Z") ?? WallTime(microseconds: 0)
let transcode = WorkloadID(service: "transcode", region: "eu-west")
let refusal = DriverError(code: "exec.refused", message: "no such deployment", evidence: "exit 77")

func seconds(_ count: Int) -> WallTime { start + .seconds(count) }
func milliseconds(_ count: Int) -> WallTime { start + .milliseconds(count) }

func seen(_ desired: Int, current: Int? = nil, ready: Int? = nil) -> Observation {
    .seen(desired: desired, current: current ?? desired, ready: ready ?? current ?? desired, version: "v\(desired)")
}

/// 25 of the metric `queue` a replica.
func queuePolicy(
    _ name: String = "queue", services: [String] = ["*"], mode: Policy.Mode = .live, min: Int = 1, max: Int = 20, every: Duration = .seconds(15),
    connection: String = "jobs", statement: String = "select 1", cooldown: Policy.Cooldown = .init(), sustained: Duration? = nil,
    regionDownAfter: Duration = Policy.defaultRegionDownAfter
) -> Policy {
    let metric = Metric(name: "queue", source: .sql(connection: connection, statement: statement))
    let rule =
        sustained.map {
            Rule(.step(.init(metric: "queue", above: Quantity(100), add: .replicas(2), below: Quantity(20), remove: .replicas(1), sustained: $0)))
        } ?? Rule(.track(.init(metric: "queue", target: .averageValue(Quantity(25)))))
    return Policy(
        name: name, selector: Selector(services: services), mode: mode, minReplicas: min, maxReplicas: max, evaluateEvery: every, metrics: [metric],
        rules: [rule], cooldown: cooldown, verify: .init(ready: Quantity(milli: 900), within: .seconds(180)), regionDownAfter: regionDownAfter)
}

func service(_ name: String, priority: Int = 0, startup: Duration = .seconds(40), regions: [String] = ["eu-west"]) -> Service {
    Service(
        name: name, priority: priority, startup: startup,
        workloads: Dictionary(uniqueKeysWithValues: regions.map { ($0, .exec(observe: ["see-\($0)", name], scale: ["set-\($0)", name])) }))
}

func fleet(
    _ manifests: [Manifest], enabled: Bool = true, pauses: [Pause] = [], overrides: [Override] = [], version: Int = 7
) -> Fleet {
    Fleet(manifests: manifests.map { ($0, version, "ab12") }, enabled: enabled, pauses: pauses, overrides: overrides)
}

func leader(_ fleet: Fleet, open: [ActionRecord] = [], at now: WallTime = start) -> Leader {
    Leader(LeaderState(fleet: fleet, remembered: [], open: open, at: now))
}

func action(
    _ state: ActionRecord.State = .committed, id: Int64 = 1, workload: WorkloadID = transcode, from: Int = 4, to: Int = 8, attempt: Int = 0,
    needReady: Quantity = Quantity(milli: 900), deadline: WallTime = seconds(220), history: [ActionRecord.Step]? = nil
) -> ActionRecord {
    ActionRecord(
        id: id, idem: "0197-\(id)", decision: id, epoch: 3, workload: workload, from: from, to: to, precondition: nil, state: state, attempt: attempt,
        needReady: needReady, deadline: deadline, createdAt: start, history: history ?? [.init(state: state, at: start)])
}

func pause(_ direction: Pause.Direction, scope: Pause.Scope = .all, until: WallTime = seconds(3600)) -> Pause {
    Pause(id: 1, scope: scope, direction: direction, owner: "anna", reason: "sale", since: start, until: until)
}

func queue(_ value: Int, at time: WallTime) -> [String: ReadingAnswer] { ["queue": .value(Sample(value: Quantity(value), at: time))] }

/// A leader's state by reference: `#expect` takes no mutating calls.
final class Leader {
    var state: LeaderState
    /// In which each workload was asked about last.
    private var rounds: [WorkloadID: Int] = [:]
    init(_ state: LeaderState) { self.state = state }
    func copy() -> Leader { Leader(self.state) }

    func adopt(_ fleet: Fleet, at now: WallTime) -> [WorkloadID] { self.state.adopt(fleet, at: now) }
    func ask(at now: WallTime) -> LeaderState.Questions {
        let questions = self.state.ask(at: now)
        for target in questions.targets { self.rounds[target.id] = questions.round }
        return questions
    }
    func observed(_ workload: WorkloadID, _ observation: Observation) { self.state.observed(workload, observation, round: self.rounds[workload]) }
    /// One workload's last questions are answered, as far as they are.
    func answered(_ workload: WorkloadID, _ answers: [String: ReadingAnswer]?, connection: String = "jobs") {
        guard let round = self.rounds[workload] else { return }
        if let answers { self.state.answered(round: round, [workload: answers]) } else { self.state.ended(round: round, connection: connection) }
    }
    func isReady(at now: WallTime) -> Bool { self.state.isReady(at: now) }
    func decide(at now: WallTime) -> [LeaderState.Pending] { self.state.decide(at: now).pending }
    func nextWake(after now: WallTime) -> WallTime? { self.state.nextWake(after: now) }
    func work(mayAct: Bool, at now: WallTime) -> [LeaderState.Work] { self.state.work(mayAct: mayAct, at: now) }
    func released(at now: WallTime) { self.state.released(at: now) }
    func attempted(_ action: ActionRecord, outcome: AttemptOutcome, startedAt: WallTime, at now: WallTime) -> ActionRecord? {
        self.state.attempted(action, outcome: outcome, startedAt: startedAt, at: now)
    }
    func looked(_ action: ActionRecord, _ observation: Observation, at now: WallTime) -> ActionRecord? {
        self.state.looked(action, observation, at: now)
    }
    func notWritten(_ action: ActionRecord, at now: WallTime) { self.state.notWritten(action, at: now) }

    /// Everything that was asked is answered at once.
    func answer(_ questions: LeaderState.Questions, _ sizes: [WorkloadID: Observation], _ queues: [WorkloadID: Int], at now: WallTime) {
        for target in questions.targets { self.observed(target.id, sizes[target.id] ?? seen(4)) }
        for (connection, metrics) in questions.readings {
            let workloads = Array(Set(metrics.map(\.workload)))
            let answers = Dictionary(uniqueKeysWithValues: workloads.compactMap { id in queues[id].map { (id, queue($0, at: now)) } })
            self.state.answered(round: questions.round, answers)
            self.state.ended(round: questions.round, connection: connection)
        }
    }

    /// Asks, answers and decides in one moment.
    func round(_ sizes: [WorkloadID: Observation], _ queues: [WorkloadID: Int], at now: WallTime) -> [LeaderState.Pending] {
        self.answer(self.ask(at: now), sizes, queues, at: now)
        return self.decide(at: now)
    }

    /// Commits as the store would, numbering actions from `first`.
    @discardableResult
    func commit(_ pending: [LeaderState.Pending], first: Int64 = 1, at now: WallTime) -> [ActionRecord] {
        var next = first
        var actions: [ActionRecord] = []
        for item in pending {
            guard item.isRecorded, let plan = item.plan else { continue }
            actions.append(
                ActionRecord(
                    id: next, idem: "0197-\(next)", decision: next, epoch: 3, workload: item.workload, kind: plan.kind, from: plan.from, to: plan.to,
                    precondition: plan.precondition, state: .committed, attempt: 0, needReady: plan.needReady, deadline: plan.deadline, createdAt: now,
                    history: [.init(state: .committed, at: now)]))
            next += 1
        }
        var round = LeaderState.Round(at: now)
        round.pending = pending
        self.state.committed(round, actions: actions, at: now)
        return actions
    }
}
