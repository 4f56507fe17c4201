import Model

extension ExecDriver {
    public func canRestart(_ target: Target) -> Bool {
        if case .exec(_, _, let restart?) = target.target { !restart.isEmpty } else { false }
    }

    public func restart(_ order: RestartOrder, deadline: Duration, mayStart: @escaping @Sendable () -> Bool) async -> Outcome {
        if let objection = order.objection { return .refused(objection) }
        guard case .exec(_, _, let command) = order.target.target else { return .refused(Self.wrongKind(order.target)) }
        guard let command else { return .refused(.cannotRestart(order.target)) }
        let job = Job(
            name: "restart", command: command, target: order.target, wanted: order.expected, expected: order.expected, version: order.version,
            action: order.action, epoch: order.epoch, isDoneAsWanted: false)
        return await self.carryOut(job, before: .now + deadline, mayStart: mayStart)
    }
}
