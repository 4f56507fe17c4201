import Engine
import Model

/// What the guards of a policy do, once the engine says that they take effect.
extension LeaderState {
    /// The same with what its guards tell people. Telling changes nothing, so that it does not matter what holds a workload back; only a policy that is off
    /// is silent.
    func watched(_ item: Pending, by policy: Policy) -> Pending {
        guard !item.evaluation.guards.isEmpty, policy.mode != .off else { return item }
        var item = item
        item.notices = item.evaluation.guards.compactMap { place in
            guard policy.guards.indices.contains(place), case .notify(let severity) = policy.guards[place].effect else { return nil }
            let guarded = policy.guards[place]
            return GuardNotice(
                place: place, severity: severity, when: guarded.when.text, sustained: guarded.sustained,
                sentence: Self.sentence(guarded, of: item.workload, readings: item.evaluation.decision.readings))
        }
        return item
    }

    /// `checkout/eu-west: “error_rate > 5” (error_rate 7.2) for 2m`
    static func sentence(_ guarded: Policy.Guard, of workload: WorkloadID, readings: [Reading]) -> String { "\(workload): \(guarded.words(readings))" }
}
