import Engine
public import Model

/// A workload under a policy, evaluated again and again: memory, size and time are carried on.
struct Fixture {
    static let start = WallTime(rfc3339: "2026-05-28T12:00:00Z") ?? WallTime(microseconds: 0)
    static let id = WorkloadID(service: "transcode", region: "eu-west")
    static let reference = Decision.PolicyReference(name: "transcode", version: 7, sha256: "ab12")

    var policy: Policy
    var now = Self.start
    var desired = 4
    var existing: Int?
    var ready: Int?
    var observation: Observation?
    var memory = Memory()
    var enabled = true
    var pauses: [Pause] = []
    var override: Override?
    var inFlight: String?

    init(_ rules: [Rule], metrics: [Metric]? = nil, min: Int = 1, max: Int = 20, replicas: Int = 4) {
        var names: [String] = []
        for rule in rules where !names.contains(rule.metric) { names.append(rule.metric) }
        self.policy = Policy(
            name: "transcode", selector: Selector(), mode: .live, minReplicas: min, maxReplicas: max,
            metrics: metrics ?? names.map { Self.metric($0) }, rules: rules)
        self.desired = replicas
    }

    static func metric(_ name: String, window: Metric.Window? = nil, maxAge: Duration = .seconds(120)) -> Metric {
        Metric(name: name, source: .sql(connection: "jobs", statement: "select 1"), window: window, maxAge: maxAge)
    }

    func input(_ answers: [String: ReadingAnswer]) -> EvaluationInput {
        EvaluationInput(
            workload: Workload(id: Self.id), program: Program(self.policy, reference: Self.reference),
            observation: self.observation
                ?? .seen(
                    desired: self.desired, current: self.existing ?? self.desired,
                    ready: self.ready ?? self.existing ?? self.desired, version: nil),
            answers: answers, now: self.now, enabled: self.enabled, pauses: self.pauses, override: self.override,
            inFlight: self.inFlight,
            memory: self.memory)
    }

    /// Evaluates, keeps the memory, and carries out what acts.
    @discardableResult
    mutating func evaluate(_ answers: [String: ReadingAnswer]) -> Decision {
        let evaluation = Engine.evaluate(self.input(answers))
        self.memory = evaluation.memory
        if evaluation.decision.acted, let to = evaluation.decision.to { self.desired = to }
        return evaluation.decision
    }

    /// Fresh values, sampled now.
    @discardableResult
    mutating func evaluate(_ values: KeyValuePairs<String, Quantity>) -> Decision {
        var answers: [String: ReadingAnswer] = [:]
        for (name, value) in values { answers[name] = .value(Sample(value: value, at: self.now)) }
        return self.evaluate(answers)
    }

    /// As those are evaluated of which nobody will read.
    static func conclude(_ input: EvaluationInput) -> Conclusion {
        var facts = Facts(input.memory)
        return Engine.conclude(input, on: &facts, in: Scratch())
    }

    func stale(_ value: Quantity) -> ReadingAnswer { .value(Sample(value: value, at: self.now - .seconds(180))) }

    mutating func pass(_ seconds: Int) { self.now = self.now + .seconds(seconds) }

    func pause(_ direction: Pause.Direction, scope: Pause.Scope = .all, owner: String = "anna", minutes: Int = 30)
        -> Pause
    {
        Pause(
            id: 1, scope: scope, direction: direction, owner: owner, reason: "sale", since: self.now,
            until: self.now + .seconds(60 * minutes))
    }
    func override(to replicas: Int, workload: WorkloadID = Fixture.id) -> Override {
        Override(
            workload: workload, replicas: replicas, owner: "anna", reason: "sale", since: self.now,
            until: self.now + .seconds(3600))
    }
}

extension Quantity: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    public init(integerLiteral value: Int) { self.init(value) }
    public init(floatLiteral value: Double) { self = Quantity(value) ?? .zero }
}

extension Rule {
    static func utilization(_ metric: String, _ target: Quantity, weight: Quantity = 1) -> Rule {
        Rule(.track(Track(metric: metric, target: .averageUtilization(target))), weight: weight)
    }
    static func averageValue(_ metric: String, _ target: Quantity, weight: Quantity = 1) -> Rule {
        Rule(.track(Track(metric: metric, target: .averageValue(target))), weight: weight)
    }
    static func value(_ metric: String, _ target: Quantity) -> Rule {
        Rule(.track(Track(metric: metric, target: .value(target))))
    }
    static func step(
        _ metric: String, above: Quantity? = nil, add: Step.Amount? = nil, below: Quantity? = nil,
        remove: Step.Amount? = nil,
        sustained: Duration = .zero, weight: Quantity = 1
    ) -> Rule {
        Rule(
            .step(Step(metric: metric, above: above, add: add, below: below, remove: remove, sustained: sustained)),
            weight: weight)
    }
    static func capacity(_ metric: String, _ perReplica: Quantity, step: Int = 1) -> Rule {
        Rule(.capacity(Capacity(metric: metric, perReplica: perReplica, step: step)))
    }
}

extension Expression {
    static func above(_ metric: String, _ threshold: Quantity) -> Expression {
        .comparison(.greater, .metric(metric), .number(threshold))
    }
}

extension Decision {
    func step(_ name: Step.Name) -> Step? { self.steps.first { $0.name == name } }
}
