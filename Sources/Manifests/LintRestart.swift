import Model

/// A guard can restart only what has a way to be restarted.
enum LintRestart {
    static func findings(_ set: ManifestSet) -> [ManifestFinding] {
        set.policies.flatMap { policy -> [ManifestFinding] in
            let guards = policy.guards.indices.filter { policy.guards[$0].effect == .restart }
            if guards.isEmpty { return [] }
            let firm = set.selected(by: policy.selector).filter { set.services[$0.service]?.workloads[$0.region]?.canRestart == false }
            guard let first = firm.first else { return [] }
            let more = firm.count > 1 ? " and \(firm.count - 1) more" : ""
            return guards.map { index in
                ManifestFinding(
                    pointer: "/guards/\(index)/restart", document: .init(kind: .policy, name: policy.name), code: .cannotRestart,
                    message: "\(first)\(more) can't be restarted: \(DriverTarget.restartAdvice) in its service, or take this guard out")
            }
        }
    }
}
