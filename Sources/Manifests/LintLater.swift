import Model

/// What the language says and this version's leader does not carry out. Applying it in silence would promise what does not happen; `muster evaluate`
/// shows it all the same.
enum LintLater {
    static func findings(_ manifest: Manifest) -> [ManifestFinding] {
        switch manifest {
        case .policy(let policy): self.findings(policy)
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
        return found
    }

    private static func finding(_ reference: Manifest.Reference, _ pointer: String, _ what: String) -> ManifestFinding {
        ManifestFinding(
            pointer: pointer, document: reference, code: .notAvailable,
            message: "\(what) is not available in this version of Muster; remove it (nothing was applied)")
    }
}
