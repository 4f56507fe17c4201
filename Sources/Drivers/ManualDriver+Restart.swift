import Logging
import Model

extension ManualDriver {
    public func canRestart(_ target: Target) -> Bool { target.target == .manual }

    public func restart(_ order: RestartOrder, deadline: Duration, mayStart: @escaping @Sendable () -> Bool) async -> Outcome {
        if let objection = order.objection { return .refused(objection) }
        let workload = order.target.workload
        let end = ContinuousClock.now + deadline
        let state: ManualState?
        do { state = try await self.ledger.states(of: [workload], deadline: deadline)[workload] } catch {
            return .retryable(self.unreachable(error, "the last request for \(workload) could not be read; nothing was recorded"), after: nil)
        }
        let before = Self.observation(of: workload, state)
        guard case .seen(let desired, _, _, _) = before else {
            if case .unseen(let error) = before { return .refused(error) }
            return .conflict(before, output: nil)
        }
        guard desired == order.expected else { return .conflict(before, output: nil) }
        let left = end - ContinuousClock.now
        guard left > .zero else {
            let late = DriverError(code: "manual.timeout", message: "\(workload): reading the last request took all the time; nothing was recorded")
            return .retryable(late, after: nil)
        }
        guard mayStart() else { return .withheld }
        let words =
            "please restart the \(order.expected) replicas of \(workload), then say how many run: POST " + Self.route(workload)
        let request = ManualRequest(
            workload: workload, replicas: order.expected, expected: order.expected, action: order.action, epoch: order.epoch, reason: order.reason)
        do {
            guard try await self.ledger.recordRestart(request, deadline: left) else {
                return .conflict(before, output: "a later leader asked for something else")
            }
            self.logger.notice("somebody should restart a workload", metadata: ["workload": "\(workload)", "request": "\(words)"])
            return .accepted(output: words)
        } catch {
            return .unknown(self.unreachable(error, "it is not known whether the request to restart \(workload) was recorded"))
        }
    }
}
