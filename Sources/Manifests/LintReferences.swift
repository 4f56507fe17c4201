import Model

/// What manifests name in each other must exist.
enum LintReferences {
    static func findings(_ manifest: Manifest, _ set: ManifestSet) -> [ManifestFinding] {
        switch manifest {
        case .region(let region):
            (region.failover?.to ?? []).enumerated().compactMap { index, other in
                Self.missing(.region, other, by: manifest, at: "/failover/to/\(index)", set)
            }
        case .connection: []
        case .service(let service):
            service.workloads.keys.sorted().compactMap { region in
                Self.missing(.region, region, by: manifest, at: Pointer.appending(region, to: "/workloads"), set)
            }
        case .policy(let policy):
            Self.selector(policy.selector, of: manifest, set)
                + policy.metrics.enumerated().flatMap { index, metric in
                    [("source", metric.source), ("secondary", metric.secondary), ("health", metric.health)].compactMap { field, source in
                        guard case .sql(let connection, _)? = source else { return nil }
                        return Self.missing(.connection, connection, by: manifest, at: "/metrics/\(index)/\(field)/connection", set)
                    }
                }
        case .budget(let budget): Self.selector(budget.selector, of: manifest, set)
        }
    }

    private static func selector(_ selector: Selector, of manifest: Manifest, _ set: ManifestSet) -> [ManifestFinding] {
        let missing =
            selector.services.compactMap { Self.missing(.service, $0, by: manifest, at: "/selector/services", set) }
            + selector.regions.compactMap { Self.missing(.region, $0, by: manifest, at: "/selector/regions", set) }
        // A name that is missing, or a service that could not be read, explains why nothing is selected.
        guard missing.isEmpty, !set.broken.contains(where: { $0.kind == .service }), set.selected(by: selector).isEmpty else { return missing }
        return [
            ManifestFinding(
                pointer: "/selector", document: manifest.reference, code: .selectsNothing, severity: .warning,
                message: "the selector selects no workload: no service that it names has a workload in a region that it names")
        ]
    }

    private static func missing(
        _ kind: Manifest.Kind, _ name: String, by manifest: Manifest, at pointer: String, _ set: ManifestSet
    ) -> ManifestFinding? {
        guard name != "*", !set.defines(kind, name) else { return nil }
        let near = nearest(name, in: set.names(of: kind))
        return ManifestFinding(
            pointer: pointer, document: manifest.reference, code: .unknownReference,
            message: "there is no \(kind.rawValue) “\(name)”" + (near == nil ? "; apply one, or correct the name" : ""), near: near)
    }
}

/// One workload obeys one policy.
enum LintOverlaps {
    /// Pairs of policies that are reported: more would not help anybody, and looking for them takes a step for each workload.
    private static let maximumPairs = 100

    private struct Pair: Hashable {
        var first: Int
        var second: Int
    }

    /// `isLocated`: whether a manifest is part of the input; the finding goes there.
    static func findings(_ set: ManifestSet, isLocated: (Manifest.Reference) -> Bool) -> [ManifestFinding] {
        var owner: [WorkloadID: Int] = [:]
        var overlaps: [Pair: [WorkloadID]] = [:]
        for (index, policy) in set.policies.enumerated() {
            for workload in set.selected(by: policy.selector) {
                if let first = owner[workload] {
                    overlaps[Pair(first: first, second: index), default: []].append(workload)
                } else {
                    owner[workload] = index
                }
            }
            if overlaps.count >= Self.maximumPairs { break }
        }
        return overlaps.sorted { ($0.key.second, $0.key.first) < ($1.key.second, $1.key.first) }.map { pair, workloads in
            let references = [pair.first, pair.second].map { Manifest.Reference(kind: .policy, name: set.policies[$0].name) }
            let place = isLocated(references[1]) || !isLocated(references[0]) ? 1 : 0
            let more = workloads.count > 1 ? " and \(workloads.count - 1) more" : ""
            return ManifestFinding(
                pointer: "/selector", document: references[place], code: .overlappingPolicies,
                message: "the policies “\(references[0].name)” and “\(references[1].name)” both select \(workloads[0])\(more); "
                    + "narrow one of the selectors, since a workload obeys one policy")
        }
    }
}

/// The least that policies ask for must fit under the ceilings.
enum LintCeilings {
    static func findings(_ set: ManifestSet) -> [ManifestFinding] {
        var least: [WorkloadID: Int] = [:]
        for policy in set.policies where policy.mode != .off {
            for workload in set.selected(by: policy.selector) { least[workload] = max(least[workload] ?? 0, policy.minReplicas) }
        }
        var found = Self.unreachable(set)
        for region in set.regions.values.sorted(by: { $0.name < $1.name }) {
            guard let most = region.maxReplicas else { continue }
            let sum = least.reduce(0) { $1.key.region == region.name ? $0 + $1.value : $0 }
            if sum > most {
                found.append(Self.finding(.init(kind: .region, name: region.name), "/maxReplicas", "\(sum) replicas", "\(most)"))
            }
        }
        for budget in set.budgets {
            let selected = set.selected(by: budget.selector)
            let sum = selected.reduce(0) { $0 + (least[$1] ?? 0) }
            if let most = budget.maxReplicas, sum > most {
                found.append(Self.finding(.init(kind: .budget, name: budget.name), "/maxReplicas", "\(sum) replicas", "\(most)"))
            }
            let cost = selected.reduce(Int64(0)) { total, workload in
                let each = set.regions[workload.region]?.costPerReplicaHour?.milli ?? 0
                return total.addingSaturating(each.multipliedSaturating(by: Int64(least[workload] ?? 0)))
            }
            if let most = budget.maxCostPerHour, cost > most.milli {
                let sum = Quantity(milli: cost).description
                found.append(Self.finding(.init(kind: .budget, name: budget.name), "/maxCostPerHour", "\(sum) an hour", most.description))
            }
        }
        return found
    }

    /// Policies whose maximum no ceiling lets any of their workloads reach.
    private static func unreachable(_ set: ManifestSet) -> [ManifestFinding] {
        set.policies.compactMap { policy in
            guard policy.mode != .off else { return nil }
            let ceilings = set.selected(by: policy.selector).map { workload in
                set.budgets.reduce(set.regions[workload.region]?.maxReplicas) { lowest, budget in
                    guard let most = budget.maxReplicas, budget.selector.selects(workload) else { return lowest }
                    return min(lowest ?? most, most)
                }
            }
            // A workload without a ceiling can reach it.
            let highest = ceilings.map { $0 ?? Int.max }.max()
            guard let highest, highest < policy.maxReplicas else { return nil }
            return ManifestFinding(
                pointer: "/maxReplicas", document: .init(kind: .policy, name: policy.name), code: .unreachable, severity: .warning,
                message: "maxReplicas \(policy.maxReplicas) can't be reached: the ceilings of regions and budgets give a workload \(highest) at most; "
                    + "lower it, or raise them")
        }
    }

    private static func finding(_ document: Manifest.Reference, _ pointer: String, _ sum: String, _ most: String) -> ManifestFinding {
        ManifestFinding(
            pointer: pointer, document: document, code: .overcommitted, severity: .warning,
            message: "overcommitted: the minimums of the policies add up to \(sum), more than the ceiling of \(most); raise it or lower minimums")
    }
}
