import Model

/// What the language says and this version's leader does not carry out. Applying it in silence would promise what does not happen; `muster evaluate`
/// shows it all the same.
enum LintLater {
    static func findings(_ manifest: Manifest) -> [ManifestFinding] {
        switch manifest {
        case .policy(let policy): self.findings(policy)
        case .region(let region) where region.failover != nil:
            [self.finding(manifest.reference, "/failover", "the failover of a region")]
        case .region, .connection, .service, .budget: []
        }
    }

    private static func findings(_ policy: Policy) -> [ManifestFinding] {
        let reference = Manifest.Reference(kind: .policy, name: policy.name)
        var found: [ManifestFinding] = []
        func note(_ isUsed: Bool, _ pointer: String, _ what: String) {
            if isUsed { found.append(self.finding(reference, pointer, what)) }
        }
        for (index, guarded) in policy.guards.enumerated() where guarded.effect == .restart {
            note(true, "/guards/\(index)/restart", "restarting a workload as the effect of a guard")
        }
        note(policy.plausible?.fleetDrop != nil, "/plausible/fleetDrop", "doubt about many readings that fall at once")
        note(policy.onMissing.contains(.secondary), "/onMissing", "asking a second source")
        for (index, metric) in policy.metrics.enumerated() {
            note(metric.secondary != nil, "/metrics/\(index)/secondary", "asking a second source")
            note(metric.health != nil, "/metrics/\(index)/health", "asking a source for its health")
        }
        return found
    }

    private static func finding(_ reference: Manifest.Reference, _ pointer: String, _ what: String) -> ManifestFinding {
        ManifestFinding(
            pointer: pointer, document: reference, code: .notAvailable,
            message: "\(what) is not available in this version of Muster; remove it (nothing was applied)")
    }
}
