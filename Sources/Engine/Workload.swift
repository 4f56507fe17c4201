public import Model

/// The unit that is scaled: one service in one region.
public struct Workload: Sendable, Hashable {
    public var id: WorkloadID
    /// Higher keeps or gets capacity first when a ceiling binds.
    public var priority: Int
    /// From request to serving.
    public var startup: Duration

    public init(id: WorkloadID, priority: Int = 0, startup: Duration = .zero) {
        self.id = id
        self.priority = priority
        self.startup = startup
    }
}

/// The sizes of an observed workload, each within 0...2³¹−1.
struct Size {
    /// What the platform is asked to run: HPA's `spec.replicas`. Decisions start from it.
    let asked: Int
    /// What exists: HPA's `status.replicas`.
    let existing: Int
    /// What serves.
    let ready: Int

    /// nil when the workload was not seen.
    init?(_ observation: Observation) {
        guard case .seen(let desired, let current, let ready, _) = observation else { return nil }
        self.asked = Exact.replicas(desired)
        self.existing = Exact.replicas(current)
        self.ready = Exact.replicas(ready)
    }
}
