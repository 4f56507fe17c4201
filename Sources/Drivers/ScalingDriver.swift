public import Model

/// Observes and changes one kind of platform. It owns no rule; every write is absolute and carries its preconditions.
public protocol ScalingDriver: Sendable {
    /// What runs. Never throws and never invents a number.
    /// - Parameter deadline: how long the whole call may take; a workload that was not seen by then is `unseen`.
    /// - Returns: one observation for each target, in the order of `targets`.
    func observe(_ targets: [Target], deadline: Duration) async -> [Observation]

    /// Carries out one order.
    /// - Parameter deadline: how long the order may take. When it is over, whatever was started for the order is
    ///   stopped first, so that it cannot overlap the next order for the workload; that takes at most
    ///   ``ExecDriver/stopLimit`` more.
    /// - Parameter mayStart: asked directly before the platform may be changed, when everything else is done: what was
    ///   allowed when the order was given may be over when the platform has been looked at. Once it says no, nothing is
    ///   changed and the outcome is `withheld`.
    func scale(_ order: ScaleOrder, deadline: Duration, mayStart: @escaping @Sendable () -> Bool) async -> Outcome

    /// Whether a target can be restarted as it is configured. Where not, an order is refused.
    func canRestart(_ target: Target) -> Bool

    /// Starts what runs anew, once, and leaves its count as it is. `done` and `accepted` say that it was started; whether it is ready again is for
    /// verification to see.
    /// - Parameters: as for ``scale(_:deadline:mayStart:)``.
    func restart(_ order: RestartOrder, deadline: Duration, mayStart: @escaping @Sendable () -> Bool) async -> Outcome

    /// What an operator should know about a target before it matters: missing programs, permissions, limits. Empty:
    /// nothing to say.
    func check(_ target: Target) async -> [DriverFinding]
}

/// A workload and how it is reached.
public struct Target: Sendable, Hashable {
    /// What it is.
    public var workload: WorkloadID
    /// How it is reached.
    public var target: DriverTarget

    public init(workload: WorkloadID, target: DriverTarget) {
        self.workload = workload
        self.target = target
    }
}

/// An order to run a number of replicas.
public struct ScaleOrder: Sendable {
    /// What is scaled.
    public var target: Target
    /// The wanted count.
    public var replicas: Int
    /// The desired count that the decision saw. Another count found before the write is a conflict.
    public var expected: Int
    /// The platform's token of the state that the decision saw, if it gives one.
    public var version: String?
    /// The idempotency key: the same order has the same key however often it is given.
    public var action: String
    /// The term of the leader that orders.
    public var epoch: Epoch
    /// The decision's sentence.
    public var reason: String
    /// The last guard against a defect elsewhere: an order outside is refused before anything is started.
    public var allowed: ClosedRange<Int>
    /// What the target was seen as, and until when that is as good as a look directly before the write; nil: only such a look will do.
    public var seen: (observation: Observation, until: ContinuousClock.Instant)?

    public init(
        target: Target, replicas: Int, expected: Int, version: String? = nil, action: String, epoch: Epoch,
        reason: String,
        allowed: ClosedRange<Int> = 0...ScaleOrder.maximumReplicas, seen: (observation: Observation, until: ContinuousClock.Instant)? = nil
    ) {
        self.seen = seen
        self.target = target
        self.replicas = replicas
        self.expected = expected
        self.version = version
        self.action = action
        self.epoch = epoch
        self.reason = reason
        self.allowed = allowed
    }

    /// No workload that this is made for has more replicas; a larger number is an error of whoever reports or orders
    /// it.
    public static let maximumReplicas = 1_000_000

    /// Why the order must not be carried out whatever the platform says; nil when it may.
    var objection: DriverError? {
        let name = self.target.workload
        if self.expected < 0 || !(0...Self.maximumReplicas).contains(self.replicas) {
            return DriverError(
                code: "order.invalid",
                message:
                    "\(name): an order from \(self.expected) to \(self.replicas) makes no sense; nothing was started"
            )
        }
        if !self.allowed.contains(self.replicas) {
            return DriverError(
                code: "order.outside-limits",
                message: "\(name): \(self.replicas) replicas are outside \(self.allowed.lowerBound) to "
                    + "\(self.allowed.upperBound), which its policy and region allow; nothing was started")
        }
        return nil
    }
}

/// What became of an order.
public enum Outcome: Sendable, Hashable {
    /// The platform shows the wanted number.
    case done(Observation, output: String?)
    /// The platform took the order; verification sees whether it arrives.
    case accepted(output: String?)
    /// Not applied because the world moved since the decision. The observation is the new world, or why it could not be
    /// seen.
    case conflict(Observation, output: String?)
    /// Certainly not applied: whoever ordered it may not change anything any more, or not now.
    case withheld
    /// Certainly not applied, and will not be while nothing changes.
    case refused(DriverError)
    /// Certainly not applied, may work later. `after`: not before this time has passed, when the platform said so.
    case retryable(DriverError, after: Duration?)
    /// It may or may not have been applied: only observing tells.
    case unknown(DriverError)

    /// A stable word for records and metrics.
    public var name: String {
        switch self {
        case .done: "done"
        case .accepted: "accepted"
        case .conflict: "conflict"
        case .withheld: "withheld"
        case .refused: "refused"
        case .retryable: "retryable"
        case .unknown: "unknown"
        }
    }

    /// What the program or platform said, bounded and scrubbed.
    public var output: String? {
        switch self {
        case .done(_, let output), .accepted(let output), .conflict(_, let output): output
        case .withheld: nil
        case .refused(let error), .retryable(let error, _), .unknown(let error): error.evidence
        }
    }

    /// What went wrong, when something did.
    public var error: DriverError? {
        switch self {
        case .done, .accepted, .conflict, .withheld: nil
        case .refused(let error), .retryable(let error, _), .unknown(let error): error
        }
    }
}

/// What a check of a target found.
public struct DriverFinding: Sendable, Hashable {
    /// How bad it is.
    public enum Severity: String, Sendable, Hashable, CaseIterable {
        /// It will not work.
        case error
        /// It works, and should not stay like this.
        case warning
    }
    /// How bad it is.
    public var severity: Severity
    /// Dotted, stable.
    public var code: String
    /// What is wrong, where, and what to do.
    public var message: String

    public init(_ severity: Severity, code: String, message: String) {
        self.severity = severity
        self.code = code
        self.message = message
    }
}
