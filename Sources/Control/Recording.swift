public import Model

/// What a workload's last recorded decision said, as far as it matters for whether the next one says something new.
public struct Recorded: Sendable, Hashable {
    /// The version of the policy that it was decided under.
    public var policy: Decision.PolicyReference
    /// Which way it went.
    public var kind: Decision.Kind
    /// Replicas before; nil: it was not seen.
    public var from: Int?
    /// Replicas that it asked for.
    public var to: Int?
    /// Whether it was carried out.
    public var acted: Bool
    /// An auditor would ask about it even if nothing changed.
    public var isNotable: Bool
    /// Each reason's, once, sorted.
    public var codes: [String]

    init(policy: Decision.PolicyReference, kind: Decision.Kind, from: Int?, to: Int?, acted: Bool, isNotable: Bool, codes: [String]) {
        self.policy = policy
        self.kind = kind
        self.from = from
        self.to = to
        self.acted = acted
        self.isNotable = isNotable
        self.codes = codes
    }

    /// What a decision says, once it is recorded.
    public init(_ decision: Decision) {
        self.init(
            policy: decision.policy, kind: decision.kind, from: decision.from, to: decision.to, acted: decision.acted,
            isNotable: decision.kind != .held || decision.reasons.contains(where: \.isNotable), codes: Set(decision.reasons.map(\.code)).sorted())
    }
}

/// Which evaluations become decisions in the log. All of them are kept as a workload's last evaluation; the log holds what an auditor would ask about.
public enum Recording {
    /// Whether `decision` says something that the last recorded one did not: not times, ages or exact readings.
    ///
    /// A change that is carried out always does. One that is held back, and a workload that is held although its rules want otherwise or its readings
    /// are doubtful, is recorded once, until it says something else.
    public static func isNew(_ decision: Decision, after last: Recorded?) -> Bool {
        if decision.acted { return true }
        let this = Recorded(decision)
        guard this.isNotable else {
            // Back to normal after something notable that was held: that is worth a line too.
            return Self.isEndOfNotable(last)
        }
        return this != last
    }

    /// An evaluation that says nothing notable is worth a line all the same.
    static func isEndOfNotable(_ last: Recorded?) -> Bool { last.map { !$0.acted && $0.isNotable } ?? false }
}
