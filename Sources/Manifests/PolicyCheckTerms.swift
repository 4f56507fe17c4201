import Model

/// Ladders, guards and schedules.
extension PolicyCheck {
    /// The policy's ladder, and those of its metrics.
    static func ladders(_ policy: Policy) -> [ManifestFinding] {
        var found = Self.ladder(policy.onMissing, at: "/onMissing", policy)
        for (index, metric) in policy.metrics.enumerated() {
            if let own = metric.onMissing { found += Self.ladder(own, at: "/metrics/\(index)/onMissing", policy) }
            let steps = metric.onMissing ?? policy.onMissing
            if metric.secondary != nil, !steps.contains(.secondary) {
                found.append(
                    Self.finding(
                        policy, "/metrics/\(index)/secondary", .unreachableStep,
                        "it is never asked: onMissing of the metric or the policy has no step “secondary”; add it", .warning))
            }
            if metric.secondary == nil, let step = metric.onMissing?.firstIndex(of: .secondary) {
                found.append(
                    Self.finding(
                        policy, "/metrics/\(index)/onMissing/\(step)", .contradiction,
                        "the metric has no “secondary” source to ask; write it, or remove the step"))
            }
        }
        if let step = policy.onMissing.firstIndex(of: .secondary), policy.metrics.allSatisfy({ $0.secondary == nil }) {
            found.append(
                Self.finding(
                    policy, "/onMissing/\(step)", .contradiction, "no metric has a “secondary” source to ask; write it, or remove the step"))
        }
        return found
    }

    /// What a guard has done is remembered by what it is, without how often it may: two that differ in nothing else would be taken for one.
    static func guards(_ policy: Policy) -> [ManifestFinding] {
        policy.guards.enumerated().compactMap { index, guarded in
            let same = policy.guards[..<index].firstIndex {
                $0.when.text == guarded.when.text && $0.sustained == guarded.sustained && $0.effect == guarded.effect
            }
            return same.map {
                Self.finding(
                    policy, "/guards/\(index)", .contradiction, "guard \(index) does what guard \($0) does, on the same condition; remove one of the two")
            }
        }
    }

    private static func ladder(_ steps: [Policy.MissingStep], at pointer: String, _ policy: Policy) -> [ManifestFinding] {
        var found: [ManifestFinding] = []
        for (index, step) in steps.enumerated() {
            guard case .replicas(let count) = step else { continue }
            if count > policy.maxReplicas {
                found.append(
                    Self.finding(
                        policy, "\(pointer)/\(index)", .outOfRange,
                        "the step's \(count) replicas are above maxReplicas \(policy.maxReplicas), which nothing exceeds"))
            }
            if index + 1 < steps.count {
                found.append(
                    Self.finding(
                        policy, "\(pointer)/\(index + 1)", .unreachableStep,
                        "the step before it has no end, so it is never reached; put “replicas” last", .warning))
                break
            }
        }
        return found
    }

    /// Sources that can be written and not be read yet: their metrics are missing, which holds and never lowers.
    static func sources(_ policy: Policy) -> [ManifestFinding] {
        let unread = policy.metrics.enumerated().filter { _, metric in
            if case .kubernetes = metric.source { true } else { false }
        }
        guard let first = unread.first else { return [] }
        let names = unread.map(\.element.name)
        let count = names.count == 1 ? "the metric \(names[0]) is" : "the metrics \(names.joined(separator: ", ")) are"
        return [
            Self.finding(
                policy, "/metrics/\(first.offset)/source", .notAvailable,
                "\(count) read from Kubernetes, which this version of Muster can't do: until it can, the readings are missing and nothing is lowered",
                .warning)
        ]
    }

    /// Bounds that an entry leaves with what it does not say: those of the policy.
    static func schedules(_ policy: Policy) -> [ManifestFinding] {
        policy.schedule.enumerated().compactMap { index, entry in
            let (least, most) = (entry.minReplicas ?? policy.minReplicas, entry.maxReplicas ?? policy.maxReplicas)
            guard least > most else { return nil }
            let field = entry.minReplicas == nil ? "maxReplicas" : "minReplicas"
            let words = field == "minReplicas" ? "minReplicas \(least) is above" : "maxReplicas \(most) is below"
            let other = field == "minReplicas" ? "maxReplicas \(most)" : "minReplicas \(least)"
            let owner = entry.minReplicas != nil && entry.maxReplicas != nil ? "its own" : "the policy's"
            return Self.finding(
                policy, "/schedule/\(index)/\(field)", .outOfRange, "while the entry lasts, \(words) \(owner) \(other); change one of them")
        }
    }
}
