import Model

/// Whether a policy can move, how soon, and whether what it waits for can happen.
extension PolicyCheck {
    /// Directions in which nothing can ever move, by rules or by behaviour.
    static func directions(_ policy: Policy) -> [ManifestFinding] {
        guard !policy.rules.isEmpty, policy.minReplicas < policy.maxReplicas else { return [] }
        func can(_ direction: (Rule.Step) -> Rule.Step.Amount?) -> Bool {
            policy.rules.contains { rule in
                if case .step(let step) = rule.body { direction(step) != nil } else { true }
            }
        }
        var found: [ManifestFinding] = []
        let (adds, removes) = (can { $0.add }, can { $0.remove })
        if !adds { found.append(Self.finding(policy, "/rules", .neverMoves, "no rule can ever add replicas", .warning)) }
        if !removes { found.append(Self.finding(policy, "/rules", .neverMoves, "no rule can ever remove replicas", .warning)) }
        let behavior = policy.inForce.behavior
        let (up, down) = (behavior?.scaleUp.select != .disabled, behavior?.scaleDown.select != .disabled)
        if (adds && up) || (removes && down) {
            // A share of one replica is one; only a share of none is none.
            if adds, up, policy.minReplicas == 0 { found += Self.stuck(policy, FastestPath(policy, up: true).outcome(from: 0, to: 1)) }
        } else if adds || removes {
            found.append(
                Self.finding(
                    policy, "/behavior", .neverMoves, "it can never move: behavior disables each direction in which a rule would move it", .warning))
        }
        return found
    }

    private static func stuck(_ policy: Policy, _ outcome: FastestPath.Outcome) -> [ManifestFinding] {
        guard case .stuck(let size) = outcome else { return [] }
        return [
            Self.finding(
                policy, "/behavior/scaleUp/policies", .neverMoves,
                "it can never get above \(size) replicas: of the policies that count there is always one that allows no more, since any percent of \(size) "
                    + "is none; add { type: Pods } with selectPolicy: Max, or raise minReplicas", .warning)
        ]
    }

    static func windows(_ policy: Policy) -> [ManifestFinding] {
        policy.metrics.enumerated().flatMap { Self.windows($1, at: "/metrics/\($0)", policy) } + Self.stabilization(policy) + Self.plausible(policy)
            + Self.changes(policy)
    }

    /// `change(metric, 5m)` further back than values are kept.
    private static func changes(_ policy: Policy) -> [ManifestFinding] {
        let kept = policy.evaluateEvery * Metric.Window.maximumSamples
        let conditions =
            (policy.emergency.map { [("/emergency/when", $0.when)] } ?? []) + policy.guards.enumerated().map { ("/guards/\($0)/when", $1.when) }
        return conditions.flatMap { pointer, condition in
            condition.lookback.filter { $0.value > kept }.sorted { $0.key < $1.key }.map { name, time in
                Self.finding(
                    policy, pointer, .contradictoryWindows,
                    "change(\(name), \(time.text)) looks further back than is kept: the newest \(Metric.Window.maximumSamples) values, which "
                        + "evaluateEvery \(policy.evaluateEvery.text) fills in \(kept.text), so that it is never known; shorten it or evaluate less often",
                    .warning)
            }
        }
    }

    private static func windows(_ metric: Metric, at pointer: String, _ policy: Policy) -> [ManifestFinding] {
        let every = policy.evaluateEvery
        var found: [ManifestFinding] = []
        if metric.maxAge < every {
            found.append(
                Self.finding(
                    policy, "\(pointer)/maxAge", .contradictoryWindows,
                    "maxAge \(metric.maxAge.text) is shorter than evaluateEvery \(every.text): a reading that is not renewed "
                        + "in every evaluation is stale at once", .warning))
        }
        guard let window = metric.window else { return found }
        let place = "\(pointer)/window/last"
        if window.aggregate == .rate, window.last < every * 2 {
            found.append(
                Self.finding(
                    policy, place, .contradictoryWindows,
                    "a rate needs two samples, and a window of \(window.last.text) with evaluateEvery \(every.text) may hold "
                        + "only one; make it at least \((every * 2).text)", .warning))
        } else if window.aggregate != .last, window.last < every {
            found.append(
                Self.finding(
                    policy, place, .contradictoryWindows,
                    "a window of \(window.last.text) is shorter than evaluateEvery \(every.text) and never holds more than one sample, so that "
                        + "\(window.aggregate.rawValue) is the sample itself; make it longer", .warning))
        }
        let kept = every * Metric.Window.maximumSamples
        if window.last > kept {
            found.append(
                Self.finding(
                    policy, place, .contradictoryWindows,
                    "the window of \(window.last.text) is longer than what is kept: the newest \(Metric.Window.maximumSamples) samples, which "
                        + "evaluateEvery \(every.text) fills in \(kept.text); shorten the window or evaluate less often", .warning))
        }
        return found
    }

    /// Windows of `behavior` that never hold a second recommendation.
    private static func stabilization(_ policy: Policy) -> [ManifestFinding] {
        guard let behavior = policy.behavior else { return [] }
        return [("scaleUp", behavior.scaleUp), ("scaleDown", behavior.scaleDown)].compactMap { name, rules in
            guard let window = rules.stabilizationWindow, window > .zero, window <= policy.evaluateEvery else { return nil }
            return Self.finding(
                policy, "/behavior/\(name)/stabilizationWindowSeconds", .contradictoryWindows,
                "the window of \(window.text) is not longer than evaluateEvery \(policy.evaluateEvery.text), so that no earlier recommendation is in it "
                    + "and it stabilizes nothing; make it longer, or 0", .warning)
        }
    }

    private static func plausible(_ policy: Policy) -> [ManifestFinding] {
        guard let plausible = policy.plausible, plausible.per < policy.evaluateEvery else { return [] }
        return [
            Self.finding(
                policy, "/plausible/per", .contradictoryWindows,
                "per \(plausible.per.text) is shorter than evaluateEvery \(policy.evaluateEvery.text): no two readings are that close, "
                    + "so that no fall is ever seen; make it longer", .warning)
        ]
    }

    /// Steps of different rules for one metric that undo each other, as one rule with both would.
    static func opposites(_ policy: Policy) -> [ManifestFinding] {
        let steps = policy.rules.enumerated().compactMap { index, rule -> (Int, Rule.Step)? in
            if case .step(let step) = rule.body { (index, step) } else { nil }
        }
        let raising = steps.filter { $1.above != nil && $1.below == nil }
        let lowering = Dictionary(grouping: steps.filter { $1.below != nil && $1.above == nil }) { $0.1.metric }
        return raising.flatMap { _, up in
            (lowering[up.metric] ?? []).flatMap { index, down -> [ManifestFinding] in
                var both = up
                (both.below, both.remove) = (down.below, down.remove)
                let pointer = "/rules/\(index)/step"
                guard let below = both.below, let above = both.above, below > above else { return Self.step(both, at: pointer, policy) }
                return [
                    Self.finding(
                        policy, pointer + "/below", .flapping,
                        "it may flap: below \(below) is over another rule's above \(above) for \(up.metric), so that between them one adds and the other "
                            + "removes; lower “below” or raise “above”", .warning)
                ]
            }
        }
    }

    /// How long the way between the bounds takes at least, where it takes more than one evaluation.
    static func notes(_ policy: Policy) -> [ManifestFinding] {
        let (least, most) = (policy.minReplicas, policy.maxReplicas)
        guard least < most, !policy.rules.isEmpty else { return [] }
        let ways = [(true, least, most), (false, most, least)].compactMap { up, from, to -> String? in
            switch FastestPath(policy, up: up).outcome(from: from, to: to) {
            case .reached(let time, let changes) where time > .zero:
                "from \(from) to \(to) replicas takes at least \(time.text) (\(changes) change\(changes == 1 ? "" : "s"))"
            case .long(let time): "from \(from) to \(to) replicas takes more than \(time.text)"
            case .reached, .stuck: nil
            }
        }
        guard !ways.isEmpty else { return [] }
        return [Self.finding(policy, "/maxReplicas", .fastestPath, ways.joined(separator: ", and "), .note)]
    }
}
