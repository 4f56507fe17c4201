import Model

/// One evaluation of one workload: a pure function of policy, readings, observation, holds, memory and time.
///
/// ## The order
/// 1. Readings: samples join the windows in memory; each metric is fresh, stale, doubted or missing.
/// 2. Proposals: each rule wants a number, or has no say.
/// 3. Combine: one number. Without any reading that may speak: the policy's `onMissing`.
/// 4. Schedules move the bounds, floors raise the lower one.
/// 5. Emergency: may raise, past everything that slows changes down.
/// 6. Stabilization, then rate limits, then cooldowns.
/// 7. Clamp to the bounds.
/// 8. Override; then an action in flight, a region that can't be seen, pauses, the switch, freezes, approval and the policy's mode decide whether it acts.
///
/// ## How it is built
/// ``Program`` is a policy made ready; ``Facts`` are what is remembered of one workload, in place; ``Ladder`` climbs from what runs to what is decided.
/// The ladder is one piece of code for the many evaluations that nobody reads (with ``Silence``: no word, no allocation) and for those that become a
/// ``Decision`` (with ``Story``). ``FleetEngine`` evaluates a fleet in place; ``Engine`` is one workload with everything as values.
///
/// ## Invariants
/// - Total: it ends with a decision for every input, and never traps; arithmetic is exact and saturates.
/// - Deterministic: the same input gives the same bytes of decision and memory, on every node.
/// - A workload that was not observed holds.
/// - A missing, stale or doubted reading never lowers, whatever the rules and however they are combined: if any rule lacks its
///   reading, the rules' result is not below the present size. (Bringing a size outside min...max back inside is
///   policy, not a reading, and happens regardless.)
/// - What acts lies within min...max.
/// - A change up waits for the cooldown since the last change up; a change down waits for its cooldown since the last
///   change in *either* direction, so that what was just raised is not lowered at once. A clock that goes back makes no
///   age negative and ends no cooldown early.
/// - `memory` alone carries the past: evaluating on after encoding and decoding it gives the same decisions.
///
/// ## What it does not do
/// Look beyond one workload (ceilings and failover are the arbiter's), read a clock, or act.
public enum Engine {
    /// How far a sample or a person's hold may be dated ahead of cluster time before its clock is considered wrong. A
    /// hold that was given on another node a moment ago must count at once.
    public static let clockAllowance: Duration = .seconds(30)

    /// The decision with everything that explains it, and what is to be remembered.
    public static func evaluate(_ input: EvaluationInput) -> Evaluation { Self.evaluate(input, in: Scratch()) }

    static func evaluate(_ input: EvaluationInput, in scratch: Scratch) -> Evaluation {
        let program = input.program
        var facts = Facts(input.memory)
        let (outcome, decision) = Self.climb(input, &facts, scratch, Scene(input), Story()) { ladder, outcome in
            outcome.from < 0 ? Self.unobserved(input, ladder) : ladder.decision(outcome)
        }
        return Evaluation(decision: decision, memory: facts.memory, guards: program.guards.indices.filter { outcome.guards & 1 << UInt64($0) != 0 })
    }

    /// The same conclusion without the words, for the many that nobody will read.
    /// - Parameters:
    ///   - facts: what is remembered, instead of the input's memory, which is not looked at.
    ///   - scratch: used for one evaluation after another.
    public static func conclude(_ input: EvaluationInput, on facts: inout Facts, in scratch: Scratch) -> Conclusion {
        Self.climb(input, &facts, scratch, nil, Silence()) { _, _ in }.0
    }

    /// - Parameter tell: what is made of the climb before the change is remembered.
    private static func climb<Log: EvaluationLog, Told>(
        _ input: EvaluationInput, _ facts: inout Facts, _ scratch: Scratch, _ scene: Scene?, _ log: Log, _ tell: (Ladder<Log>, Conclusion) -> Told
    ) -> (Conclusion, Told) {
        let program = input.program
        scratch.makeRoom(for: program)
        scratch.take(input, program)
        let situation = Situation(input)
        return facts.withCells(of: program, at: input.now) { cells in
            let ladder = Ladder(program, situation, cells, scratch, scene: scene, log: log)
            let conclusion = ladder.climb()
            let told = tell(ladder, conclusion)
            if conclusion.acted { ladder.remember(conclusion) }
            return (conclusion, told)
        }
    }

    private static func unobserved(_ input: EvaluationInput, _ ladder: Ladder<Story>) -> Decision {
        let words =
            switch input.observation {
            case .unseen(let error): Words.quoted(error.message)
            case .gone: "the platform no longer has it"
            case .seen: "it was seen"
            }
        return Decision(
            workload: input.workload.id, policy: input.program.reference, at: input.now, kind: .held, from: nil, to: nil,
            wanted: nil,
            acted: false, readings: ladder.toldReadings(), proposals: [], steps: [], reasons: [.unobserved(words)],
            confidence: .zero, urgency: .low,
            sentence: "\(input.workload.id) could not be observed (\(words)): held")
    }
}

extension Ladder {
    /// A change was decided. A clock that went back does not bring the next change closer.
    func remember(_ outcome: Conclusion) {
        let isUp = outcome.to > outcome.from
        self.awaitOutcome(up: isUp)
        let header = isUp ? CellLayout.Header.lastUp : CellLayout.Header.lastDown
        self.cells[header] = max(self.cells[header], self.now)
        let place = isUp ? self.program.cells.ups : self.program.cells.downs
        self.cells.change(
            isUp ? .ups : .downs, by: Int32(clamping: abs(outcome.to - outcome.from)), place, at: self.situation.milliseconds)
    }
}

extension Ladder<Story> {
    func decision(_ outcome: Conclusion) -> Decision {
        let confidence = self.confidence()
        return Decision(
            workload: self.scene?.workload ?? WorkloadID(service: "", region: ""),
            policy: self.program.reference, at: self.situation.time,
            kind: outcome.kind, from: outcome.from, to: outcome.to, wanted: outcome.wanted, acted: outcome.acted, readings: self.toldReadings(),
            proposals: self.proposals(), steps: self.log.steps, reasons: self.log.reasons, confidence: confidence, urgency: self.urgency(confidence),
            sentence: self.sentence())
    }
}

extension Situation {
    init(_ input: EvaluationInput) {
        self.init(now: input.now, observation: input.observation)
        self.isEnabled = input.enabled
        self.startup = max(0, input.workload.startup.microseconds)
        self.isInFlight = input.inFlight != nil
        let id = input.workload.id, policy = input.policy.name
        self.isPausedUp = input.pauses.covering(id, policy: policy, .up, at: input.now) != nil
        self.isPausedDown = input.pauses.covering(id, policy: policy, .down, at: input.now) != nil
        if let override = input.override, override.isInForce(for: id, at: input.now) { self.override = Exact.replicas(override.replicas) }
        if let floor = input.floors.inbound, input.now < floor.until { self.inboundFloor = Exact.replicas(floor.replicas) }
        if let floor = input.floors.failover { self.failoverFloor = Exact.replicas(floor.replicas) }
        self.isRegionDown = input.isRegionDown
        if let approved = input.approved { self.approved = Exact.replicas(approved) }
        self.schedule = ScheduleState(input.schedule)
    }
}

extension ScheduleState {
    init(_ schedule: EvaluationInput.Schedule) {
        if let bound = schedule.min { (self.minReplicas, self.minUntil) = (Exact.replicas(bound.replicas), bound.until.microseconds) }
        if let bound = schedule.max { (self.maxReplicas, self.maxUntil) = (Exact.replicas(bound.replicas), bound.until.microseconds) }
        if let freeze = schedule.freeze { (self.isFrozen, self.freezeUntil) = (true, freeze.until.microseconds) }
    }
}

extension Scratch {
    /// The answers of one workload, by index.
    func take(_ input: EvaluationInput, _ program: Program) {
        for (index, metric) in program.distinctMetrics.enumerated() {
            var answer = Answer(input.answers[metric.name])
            if case .value(let sample)? = input.secondaries[metric.name] { answer.secondary = (sample.value.milli, sample.at.microseconds) }
            answer.isCorrelatedDrop = input.doubts.correlatedDrops.contains(metric.name)
            answer.isUnhealthy = input.doubts.unhealthy.contains(metric.name)
            answer.isAccepted = input.doubts.accepted.contains(metric.name)
            self.answers[index] = answer
        }
    }
}
