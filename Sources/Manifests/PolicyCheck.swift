import Model

/// What one policy says about itself: contradictions (errors) and what is probably not meant (warnings). Pointers are those of the document.
enum PolicyCheck {
    static func findings(_ policy: Policy) -> [ManifestFinding] {
        Self.limits(policy) + Self.metrics(policy) + Self.ladders(policy) + Self.guards(policy) + Self.directions(policy) + Self.windows(policy)
            + Self.schedules(policy) + Self.opposites(policy) + Self.sources(policy)
            + policy.rules.enumerated().flatMap { Self.thresholds($1, at: "/rules/\($0)", policy) }
    }

    static func finding(
        _ policy: Policy, _ pointer: String, _ code: ManifestFinding.Code, _ message: String, near: String? = nil,
        _ severity: ManifestFinding.Severity = .error
    ) -> ManifestFinding {
        ManifestFinding(
            pointer: pointer, document: .init(kind: .policy, name: policy.name), code: code, severity: severity, message: message, near: near)
    }

    private static func limits(_ policy: Policy) -> [ManifestFinding] {
        var found: [ManifestFinding] = []
        let (least, most) = (policy.minReplicas, policy.maxReplicas)
        if least > most {
            found.append(
                Self.finding(
                    policy, "/minReplicas", .outOfRange, "minReplicas \(least) is above maxReplicas \(most); lower it or raise maxReplicas"))
        }
        if least == most {
            found.append(
                Self.finding(policy, "/maxReplicas", .neverMoves, "minReplicas and maxReplicas are both \(most): it can never move", .warning))
        }
        if case .count(let count)? = policy.emergency?.replicas, count > most {
            found.append(
                Self.finding(
                    policy, "/emergency/replicas", .outOfRange,
                    "an emergency's \(count) replicas are above maxReplicas \(most), which nothing exceeds; write max, or a smaller number"))
        } else if case .count(let count)? = policy.emergency?.replicas, count <= least {
            found.append(
                Self.finding(
                    policy, "/emergency/replicas", .contradiction,
                    "an emergency's \(count) replicas are not above minReplicas \(least): it never does anything", .warning))
        }
        return found
    }

    private static func metrics(_ policy: Policy) -> [ManifestFinding] {
        var found: [ManifestFinding] = []
        let names = policy.metrics.map(\.name)
        let defined = Set(names)
        var seen: Set<String> = []
        for (index, name) in names.enumerated() where !seen.insert(name).inserted {
            found.append(Self.finding(policy, "/metrics/\(index)/name", .duplicateName, "the policy has two metrics named “\(name)”; rename one"))
        }
        for (index, rule) in policy.rules.enumerated() where !defined.contains(rule.metric) {
            let near = nearest(rule.metric, in: names)
            found.append(
                Self.finding(
                    policy, "/rules/\(index)/\(rule.body.name)/metric", .unknownMetric, Self.unknown(rule.metric, names, near), near: near))
        }
        let conditions =
            (policy.emergency.map { [("/emergency/when", $0.when)] } ?? []) + policy.guards.enumerated().map { ("/guards/\($0)/when", $1.when) }
        for (pointer, condition) in conditions {
            for name in condition.metrics.sorted() where !defined.contains(name) {
                // `queue-depth` without its quotes reads as a subtraction.
                let hyphenated = names.first { $0.hasPrefix(name + "-") }.map { "`\($0)`" }
                let near = hyphenated ?? nearest(name, in: names)
                let why = hyphenated == nil ? "" : " (a name with “-” stands in backticks)"
                found.append(Self.finding(policy, pointer, .unknownMetric, Self.unknown(name, names, near) + why, near: near))
            }
        }
        let spoken = conditions.reduce(into: Set<String>()) { $0.formUnion($1.1.metrics) }
        let used = spoken.union(policy.rules.map(\.metric))
        for (index, name) in names.enumerated() where !used.contains(name) {
            found.append(
                Self.finding(
                    policy, "/metrics/\(index)", .unusedMetric, "no rule, no emergency and no guard names the metric “\(name)”; remove it, or write its rule"))
        }
        return found
    }

    private static func unknown(_ name: String, _ known: [String], _ near: String?) -> String {
        "the policy has no metric “\(name)”" + (near == nil && !known.isEmpty ? "; it has \(Place.listing(known))" : "")
    }

    // MARK: - Thresholds

    private static func thresholds(_ rule: Rule, at pointer: String, _ policy: Policy) -> [ManifestFinding] {
        switch rule.body {
        case .track: []
        case .step(let step): Self.step(step, at: pointer + "/step", policy)
        case .capacity(let capacity): Self.capacity(capacity, at: pointer + "/capacity", policy)
        }
    }

    static func step(_ step: Rule.Step, at pointer: String, _ policy: Policy) -> [ManifestFinding] {
        guard let above = step.above, let below = step.below, let add = step.add, let remove = step.remove else { return [] }
        guard below <= above else {
            return [
                Self.finding(
                    policy, pointer + "/below", .contradiction,
                    "below \(below) is over above \(above): between them it would add and remove at once; lower “below” or raise “above”")
            ]
        }
        let least = max(policy.minReplicas, 1)
        // The worst case is the smallest fleet, where one step is the largest share.
        let grown = min(policy.maxReplicas, least + add.replicas(of: least))
        if grown > least, Self.product(above, least) < Self.product(below, grown) {
            return [Self.flapping(policy, pointer, from: least, to: grown, "falls below \(below)")]
        }
        let full = least + (remove.isPercent ? 1 : remove.replicas(of: least))
        let shrunk = max(least, full - remove.replicas(of: full))
        if full <= policy.maxReplicas, shrunk < full, Self.product(below, full) > Self.product(above, shrunk) {
            return [Self.flapping(policy, pointer, from: full, to: shrunk, "rises above \(above)")]
        }
        return []
    }

    private static func capacity(_ capacity: Rule.Capacity, at pointer: String, _ policy: Policy) -> [ManifestFinding] {
        guard capacity.downAt < capacity.upAt else {
            return [
                Self.finding(
                    policy, pointer + "/downAt", .contradiction,
                    "downAt \(capacity.downAt) is not below upAt \(capacity.upAt): it would want to add and remove at once; lower it")
            ]
        }
        let least = max(policy.minReplicas, 1)
        let (grown, overflow) = least.addingReportingOverflow(capacity.step)
        guard !overflow, grown <= policy.maxReplicas, Self.product(capacity.upAt, least) <= Self.product(capacity.downAt, grown) else { return [] }
        return [
            Self.finding(
                policy, pointer, .flapping,
                "it flaps between \(least) and \(grown) replicas: the load that adds (upAt \(capacity.upAt)) is low enough to remove again "
                    + "(downAt \(capacity.downAt)); lower downAt below \(Self.share(capacity.upAt, least, grown)), or raise minReplicas", .warning)
        ]
    }

    private static func flapping(_ policy: Policy, _ pointer: String, from: Int, to: Int, _ what: String) -> ManifestFinding {
        Self.finding(
            policy, pointer, .flapping,
            "it may flap: if the reading shares out over the replicas, the step from \(from) to \(to) makes it so that it \(what) and the opposite "
                + "step follows; move “above” and “below” apart", .warning)
    }

    private static func product(_ quantity: Quantity, _ count: Int) -> Int64 { quantity.milli.multipliedSaturating(by: Int64(count)) }

    private static func share(_ quantity: Quantity, _ part: Int, _ whole: Int) -> Quantity {
        Quantity(milli: Self.product(quantity, part) / Int64(max(whole, 1)))
    }
}

extension Rule.Body {
    /// The field that holds it.
    var name: String {
        switch self {
        case .track: "track"
        case .step: "step"
        case .capacity: "capacity"
        }
    }
}
