public import Model

// The model of this module
// ========================
// A driver observes and changes one kind of platform. It decides nothing: an order names the wanted count, the count
// that the decision saw (`expected`), a key that makes repeating it harmless (`action`) and the leader's epoch. The
// driver compares `expected` with what it sees directly before it writes and then says what became of the order:
//
//   done       the platform shows the wanted number
//   accepted   the platform took the order; whether it arrives is for verification to see
//   conflict   not applied: the world moved since the decision
//   refused    certainly not applied, and will not be while nothing changes
//   retryable  certainly not applied, may work later
//   unknown    may or may not have been applied; only observing tells, and of a restart not even that
//
// Invariants: what cannot be seen is `unseen`, never 0. A write without a clear answer is `unknown`, never `retryable`.
// Answers keep the order and count of the questions. No driver repeats a write by itself: whoever orders does, so that
// every attempt is recorded.
//
// Not here: limits, cooldowns and policies (the engine), verification and time-outs of whole actions (the coordinator).

/// The drivers of a node, one for each kind of target.
public struct Drivers: Sendable {
    private let exec: any ScalingDriver
    private let manual: any ScalingDriver

    /// One driver for each kind of target.
    public init(exec: any ScalingDriver, manual: any ScalingDriver) {
        self.exec = exec
        self.manual = manual
    }

    /// The driver for a target's kind.
    public func driver(for target: DriverTarget) -> any ScalingDriver {
        switch target {
        case .exec: self.exec
        case .manual: self.manual
        }
    }

    /// Observes all targets, the kinds side by side, so that a slow kind delays no other.
    /// - Returns: one observation for each target, in the order of `targets`.
    public func observe(_ targets: [Target], deadline: Duration) async -> [Observation] {
        let kinds = Dictionary(grouping: targets.indices, by: { targets[$0].target.kind })
        return await withTaskGroup(of: [(Int, Observation)].self) { group in
            for indices in kinds.values {
                let driver = self.driver(for: targets[indices[0]].target)
                let share = indices.map { targets[$0] }
                group.addTask {
                    let observations = await driver.observe(share, deadline: deadline)
                    return Array(zip(indices, observations))
                }
            }
            let unanswered = DriverError(
                code: "driver.unanswered",
                message:
                    "the driver gave no answer about this workload; this is a defect of the driver, please report it")
            var all = [Observation](repeating: .unseen(unanswered), count: targets.count)
            for await part in group {
                for (index, observation) in part { all[index] = observation }
            }
            return all
        }
    }

    /// Carries out one order.
    public func scale(_ order: ScaleOrder, deadline: Duration, mayStart: @escaping @Sendable () -> Bool) async -> Outcome {
        await self.driver(for: order.target.target).scale(order, deadline: deadline, mayStart: mayStart)
    }

    /// Carries out one order to restart.
    public func restart(_ order: RestartOrder, deadline: Duration, mayStart: @escaping @Sendable () -> Bool) async -> Outcome {
        let driver = self.driver(for: order.target.target)
        guard driver.canRestart(order.target) else { return .refused(.cannotRestart(order.target)) }
        return await driver.restart(order, deadline: deadline, mayStart: mayStart)
    }

    /// What an operator should know about a target before it matters.
    public func check(_ target: Target) async -> [DriverFinding] {
        await self.driver(for: target.target).check(target)
    }
}
