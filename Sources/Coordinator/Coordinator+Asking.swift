internal import Control
internal import Drivers
internal import Model
internal import Readings

extension Coordinator {
    /// Asks, in `group`, and tells `tell` the answers.
    /// - Parameter now: when the questions were made.
    func ask(
        _ questions: LeaderState.Questions, at now: WallTime, in group: inout DiscardingTaskGroup, _ tell: @escaping @Sendable (TermLoop.News) -> Void
    ) {
        for member in questions.targets {
            group.addTask {
                let target = Target(workload: member.id, target: member.target)
                let observation = await self.drivers.observe([target], deadline: TermLoop.askDeadline).first
                let unanswered = DriverError(code: "driver.unanswered", message: "the driver gave no answer")
                if let observation { self.fitness?.saw(member.target, observation) }
                tell(.observed(member.id, observation ?? .unseen(unanswered), round: questions.round))
            }
        }
        for (connection, metrics) in questions.readings {
            group.addTask {
                let requests = metrics.map { MetricRequest(workload: $0.workload, metric: $0.name, source: $0.source) }
                let all = await self.readings.read(requests, asOf: now, deadline: TermLoop.askDeadline) { answers in
                    tell(.answered(answers, round: questions.round))
                }
                self.fitness?.read(connection, all)
                tell(.ended(connection: connection, round: questions.round))
            }
        }
    }
}
