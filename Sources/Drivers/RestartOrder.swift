public import Model

/// An order to start what runs of a workload anew. Its count stays. Unlike an order to scale it must never be given again unless the outcome says that
/// nothing happened.
public struct RestartOrder: Sendable, Hashable {
    /// What is restarted.
    public var target: Target
    /// The desired count that the decision saw. Another count found directly before the restart is a conflict.
    public var expected: Int
    /// The platform's token of the state that the decision saw, if it gives one.
    public var version: String?
    /// The idempotency key: the same order has the same key however often it is given.
    public var action: String
    /// The term of the leader that orders.
    public var epoch: Epoch
    /// The decision's sentence.
    public var reason: String

    public init(target: Target, expected: Int, version: String? = nil, action: String, epoch: Epoch, reason: String) {
        self.target = target
        self.expected = expected
        self.version = version
        self.action = action
        self.epoch = epoch
        self.reason = reason
    }

    /// Why the order must not be carried out whatever the platform says; nil when it may.
    var objection: DriverError? {
        (1...ScaleOrder.maximumReplicas).contains(self.expected)
            ? nil
            : DriverError(
                code: "order.invalid",
                message: "\(self.target.workload): an order to restart \(self.expected) replicas makes no sense; nothing was started")
    }
}

extension DriverError {
    static func cannotRestart(_ target: Target) -> DriverError {
        DriverError(
            code: "driver.no-restart",
            message: "\(target.workload) can't be restarted; \(DriverTarget.restartAdvice), or take restart out of its policy's guards")
    }
}
