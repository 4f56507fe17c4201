/// A change that did not arrive is taken back: what that does beside the change back.
public struct Rollback: Sendable, Hashable {
    /// The action that is taken back, and the decision that it carried out.
    public var action: Int64
    /// The decision that it carried out.
    public var decision: Int64
    /// The size that it was to reach.
    public var to: Int
    /// The way that stays closed for ``hold``.
    public var direction: Pause.Direction

    public init(action: Int64, decision: Int64, to: Int, direction: Pause.Direction) {
        self.action = action
        self.decision = decision
        self.to = to
        self.direction = direction
    }

    /// So long nothing goes that way again, and nothing else of the workload is taken back: time for a person to look, and the policy does not repeat at
    /// once what has just failed.
    public static var hold: Duration { .seconds(1800) }
}
