public import Model

/// Which evaluations become decisions in the log. All of them are kept as a workload's last evaluation; the log holds what an auditor would ask about.
public enum Recording {
    /// Whether `decision` says something that the last recorded one did not.
    ///
    /// A change that is carried out always does. One that is held back, and a workload that is held although its rules want otherwise or its readings
    /// are doubtful, is recorded once, until it says something else.
    public static func isNew(_ decision: Decision, after last: Decision?) -> Bool {
        if decision.acted { return true }
        guard Self.isNotable(decision) else {
            // Back to normal after something notable that was held: that is worth a line too.
            return last.map { !$0.acted && Self.isNotable($0) } ?? false
        }
        guard let last, !last.acted else { return true }
        return Self.essence(decision) != Self.essence(last)
    }

    private static func isNotable(_ decision: Decision) -> Bool {
        if decision.kind != .held { return true }
        return decision.reasons.contains(where: \.isNotable)
    }

    /// What makes two decisions the same to a reader: not times, ages or exact readings.
    private struct Essence: Hashable {
        var policy: Decision.PolicyReference
        var kind: Decision.Kind
        var from: Int?
        var to: Int?
        var codes: Set<String>
    }

    private static func essence(_ decision: Decision) -> Essence {
        Essence(policy: decision.policy, kind: decision.kind, from: decision.from, to: decision.to, codes: Set(decision.reasons.map(\.code)))
    }
}
