public import Model

/// The unit that is scaled: one service in one region.
public struct Workload: Sendable, Hashable {
    /// Its name.
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
