public import Model

/// Everything one evaluation may know. Nothing else enters it: the same input gives the same bytes on every node.
public struct EvaluationInput: Sendable {
    public var workload: Workload
    public var policy: Policy
    public var policyReference: Decision.PolicyReference
    public var observation: Observation
    /// By the metric's name. An absent name is a source that did not answer: missing, never 0.
    public var answers: [String: ReadingAnswer]
    /// Cluster time.
    public var now: WallTime
    /// The cluster's switch.
    public var enabled: Bool
    /// In any order; those of other scopes and times are ignored.
    public var pauses: [Pause]
    /// Ignored when it is another workload's or has ended.
    public var override: Override?
    /// The identifier of an action of this workload that has not ended.
    public var inFlight: String?
    public var memory: Memory

    public init(
        workload: Workload, policy: Policy, policyReference: Decision.PolicyReference, observation: Observation,
        answers: [String: ReadingAnswer], now: WallTime, enabled: Bool = true, pauses: [Pause] = [],
        override: Override? = nil,
        inFlight: String? = nil, memory: Memory = Memory()
    ) {
        self.workload = workload
        self.policy = policy
        self.policyReference = policyReference
        self.observation = observation
        self.answers = answers
        self.now = now
        self.enabled = enabled
        self.pauses = pauses
        self.override = override
        self.inFlight = inFlight
        self.memory = memory
    }
}

/// What one evaluation yields.
public struct Evaluation: Sendable, Hashable {
    public var decision: Decision
    /// To be stored in the transaction that stores the decision, and given to the next evaluation.
    public var memory: Memory

    public init(decision: Decision, memory: Memory) {
        self.decision = decision
        self.memory = memory
    }
}

extension Evaluation: JSONEncodable {
    public var json: JSON { ["decision": self.decision.json, "memory": self.memory.json] }
}
