public import Model

/// What the leaders before left for the next one.
public struct Inheritance: Sendable {
    public var head: Head
    public var manifests: [StoredManifest]
    /// The cluster's switch.
    public var control: Switch
    public var pauses: [Pause]
    public var overrides: [Override]
    public var workloads: [WorkloadRecord]
    /// Actions without an outcome.
    public var open: [ActionRecord]
    /// The last recorded decisions of the workloads, by number.
    public var lastDecisions: [Int64: DecisionRecord]
    /// Why some of them are missing: a newer version wrote them.
    public var unreadable: [StoreError]
}
