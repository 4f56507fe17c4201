import Model

/// One evaluation of one workload: a pure function of policy, readings, observation, holds, memory and time.
///
/// ## The order
/// 1. Readings: samples join the windows in memory; each metric is fresh, stale or missing.
/// 2. Proposals: each rule wants a number, or has no say.
/// 3. Combine: one number. Without any reading that may speak: the policy's `onMissing`.
/// 4. Emergency: may raise, past the cooldowns.
/// 5. Cooldowns.
/// 6. Clamp to `minReplicas...maxReplicas`.
/// 7. Override; then an action in flight, pauses, the switch and the policy's mode decide whether it acts.
///
/// ## Invariants
/// - Total: it ends with a decision for every input, and never traps; arithmetic is exact and saturates.
/// - Deterministic: the same input gives the same bytes of decision and memory, on every node.
/// - A workload that was not observed holds.
/// - A missing or stale reading never lowers, whatever the rules and however they are combined: if any rule lacks its
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

    public static func evaluate(_ input: EvaluationInput) -> Evaluation {
        var memory = input.memory
        let readings = Readings.take(input, into: &memory)
        memory.follow(input.policy, readings, at: input.now)
        guard let size = Size(input.observation) else {
            return Evaluation(decision: Self.unobserved(input, readings), memory: memory)
        }
        var ladder = Ladder(input: input, size: size, readings: readings, memory: memory)
        let decision = ladder.climb()
        if decision.acted { memory.changed(up: decision.kind == .up, at: input.now) }
        return Evaluation(decision: decision, memory: memory)
    }

    private static func unobserved(_ input: EvaluationInput, _ readings: Readings) -> Decision {
        let words =
            switch input.observation {
            case .unseen(let error): Words.quoted(error.message)
            case .gone: "the platform no longer has it"
            case .seen: "it was seen"
            }
        return Decision(
            workload: input.workload.id, policy: input.policyReference, at: input.now, kind: .held, from: nil, to: nil,
            wanted: nil,
            acted: false, readings: readings.all, proposals: [], steps: [], reasons: [.unobserved(words)],
            confidence: .zero, urgency: .low,
            sentence: "\(input.workload.id) could not be observed (\(words)): held")
    }
}
