import Model

/// The climb from what runs to what is decided. `number` is the replicas at the present rung; each rung may change it,
/// and records why.
struct Ladder {
    let input: EvaluationInput
    let size: Size
    let readings: Readings
    let memory: Memory

    var opinions: [Opinion] = []
    var number: Int
    /// What the rules want before limits.
    var wanted: Int
    /// At least this many, past cooldowns, while the emergency's condition holds.
    var emergencyFloor: Int?
    /// The rules whose proposals became the combined number.
    var driving: [Int] = []
    var steps: [Decision.Step] = []
    var reasons: [Reason] = []
    /// The sentence's parts before its result.
    var clauses: [String] = []
    /// Why the change is not carried out, in words; empty when it is.
    var obstacles: [String] = []

    var policy: Policy { self.input.policy }
    var now: WallTime { self.input.now }
    var current: Int { self.size.asked }

    init(input: EvaluationInput, size: Size, readings: Readings, memory: Memory) {
        self.input = input
        self.size = size
        self.readings = readings
        self.memory = memory
        self.number = size.asked
        self.wanted = size.asked
    }

    /// In the order of the policy paper's steps: forecast and schedule belong between combining and the emergency,
    /// stabilization and rate limits between the emergency and the cooldowns, ceilings behind the gates.
    mutating func climb() -> Decision {
        self.propose()
        self.combine()
        self.applyEmergency()
        self.applyCooldown()
        self.clamp()
        self.applyOverride()
        self.passGates()
        return self.decide()
    }

    /// Goes to `output` and records the rung.
    mutating func step(_ name: Decision.Step.Name, to output: Int, text: String? = nil, reason: Reason? = nil) {
        self.steps.append(Decision.Step(name, input: self.number, output: output, text: text, reason: reason))
        self.number = output
        if let reason { self.because(reason) }
    }

    /// Each reason once, in the order of the ladder.
    mutating func because(_ reason: Reason) {
        if !self.reasons.contains(reason) { self.reasons.append(reason) }
    }

    func clamped(_ number: Int) -> Int {
        let highest = Exact.replicas(self.policy.maxReplicas)
        return min(max(number, Exact.replicas(self.policy.minReplicas)), highest)
    }

    private mutating func decide() -> Decision {
        let acted = self.number != self.current && self.obstacles.isEmpty
        let to = self.number
        let runs = acted ? to : self.current
        self.steps.append(Decision.Step(.decision, input: self.current, output: runs))
        if self.reasons.isEmpty { self.reasons = [.withinTolerance] }
        let confidence = self.confidence(to: to)
        return Decision(
            workload: self.input.workload.id, policy: self.input.policyReference, at: self.now,
            kind: to > self.current ? .up : to < self.current ? .down : .held, from: self.current, to: to,
            wanted: self.wanted, acted: acted,
            readings: self.explainedReadings(), proposals: self.opinions.map(\.proposal), steps: self.steps,
            reasons: self.reasons,
            confidence: confidence, urgency: self.urgency(confidence, to: to), sentence: self.sentence())
    }
}
