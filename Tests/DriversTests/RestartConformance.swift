import Drivers
import Model
import Testing

/// What every driver's restarts are tested against.
extension DriverConformance {
    private static func order(_ subject: some DriverSubject, of expected: Int = initialReplicas, action: String = "one", epoch: Int64 = 5) -> RestartOrder {
        RestartOrder(target: subject.target, expected: expected, action: action, epoch: Epoch(epoch), reason: "a test")
    }

    private static func restart(_ subject: some DriverSubject, _ order: RestartOrder) async -> Outcome {
        await subject.driver.restart(order, deadline: Self.deadline)
    }

    private static func observe(_ subject: some DriverSubject) async -> Observation {
        await subject.driver.observe([subject.target], deadline: Self.deadline).first ?? .gone
    }

    private static func untouched(_ subject: some DriverSubject) async throws {
        let (world, changes, restarts) = (try await subject.world(), try await subject.changes(), try await subject.restarts())
        #expect(world == Self.initialReplicas && changes == 0 && restarts == 0)
    }

    static func restart(_ subject: some DriverSubject) async throws {
        #expect(subject.driver.canRestart(subject.target))
        let other = try await subject.target(number: 7)
        let outcome = await Self.restart(subject, Self.order(subject))
        switch outcome {
        case .done, .accepted: break
        default: Issue.record("expected done or accepted, got \(outcome)")
        }
        let (world, changes, restarts) = (try await subject.world(), try await subject.changes(), try await subject.restarts())
        #expect(world == 3 && changes == 0 && restarts == 1)
        try await subject.settle()
        #expect(await Self.observe(subject) == .seen(desired: 3, current: 3, ready: 3, version: nil))
        #expect(await subject.driver.observe([other], deadline: Self.deadline) == [.seen(desired: 7, current: 7, ready: 7, version: nil)])
        // Scaling goes on from there.
        let order = ScaleOrder(target: subject.target, replicas: 5, expected: 3, action: "two", epoch: Epoch(5), reason: "a test")
        _ = await subject.driver.scale(order, deadline: Self.deadline)
        #expect(try await subject.world() == 5)
    }

    static func restartOfAnotherCount(_ subject: some DriverSubject) async throws {
        try await subject.change(to: 4)
        guard case .conflict(.seen(4, _, _, _), _) = await Self.restart(subject, Self.order(subject)) else {
            Issue.record("expected a conflict that shows 4")
            return
        }
        #expect(try await subject.restarts() == 0)
    }

    static func restartLost(_ subject: some DriverSubject) async throws {
        guard try await subject.loseNextAnswer() else { return }
        guard case .unknown = await Self.restart(subject, Self.order(subject)) else {
            Issue.record("expected unknown")
            return
        }
        #expect(try await subject.restarts() == 1)
    }

    static func restartUnseen(_ subject: some DriverSubject) async throws {
        try await subject.breakObserving()
        guard case .retryable = await Self.restart(subject, Self.order(subject)) else {
            Issue.record("expected retryable")
            return
        }
        try await subject.repair()
        try await Self.untouched(subject)
    }

    static func restartWithheld(_ subject: some DriverSubject) async throws {
        #expect(await subject.driver.restart(Self.order(subject), deadline: Self.deadline) { false } == .withheld)
        try await Self.untouched(subject)
    }

    static func restartOfNothing(_ subject: some DriverSubject) async throws {
        for count in [0, -1] {
            guard case .refused = await Self.restart(subject, Self.order(subject, of: count)) else {
                Issue.record("expected refused")
                return
            }
        }
        try await Self.untouched(subject)
    }

    static func restartOlderTerm(_ subject: some DriverSubject) async throws {
        // Without a fence nothing but the leader itself keeps an old one's restart out: its deadline, and that it asks directly before.
        guard subject.fencesTerms else { return }
        _ = await Self.restart(subject, Self.order(subject, action: "new", epoch: 9))
        guard case .conflict = await Self.restart(subject, Self.order(subject, action: "old", epoch: 8)) else {
            Issue.record("expected a conflict")
            return
        }
        #expect(try await subject.restarts() == 1)
    }
}
