/// What keeps a guard from restarting a workload although its condition holds: a closed list. In doubt nothing is restarted.
public enum RestartHold: String, Sendable, Hashable, CaseIterable {
    /// The policy's mode is not live.
    case mode
    /// The cluster's switch is off.
    case disabled
    case paused
    case overridden
    /// A change freeze.
    case frozen
    case regionDown = "region-down"
    /// The driver could not see the workload, or it is gone.
    case unobserved
    case noneRunning = "none-running"
    /// A reading that the condition names is not fresh.
    case doubted
    /// An earlier change or restart has not ended yet.
    case inFlight = "in-flight"
    /// The same evaluation changes its size: that comes first.
    case scaling
}
