import Drivers
import Model
import Testing

/// What every driver is tested against. A subject wraps one driver and the platform behind it.
protocol DriverSubject: Sendable {
    var driver: any ScalingDriver { get }
    /// A target that exists and has `initialReplicas`.
    var target: Target { get }
    /// Another target of the same platform, as often as asked.
    func target(number: Int) async throws -> Target
    /// Whether orders of an older term are recognised as such.
    var fencesTerms: Bool { get }
    /// Lets the platform do what was asked of it, until it is there.
    func settle() async throws
    /// Changes the world behind the driver's back.
    func change(to replicas: Int) async throws
    /// What the platform is asked to run.
    func world() async throws -> Int
    /// How many changes the platform was asked for.
    func changes() async throws -> Int
    /// Makes the platform unreachable, until `repair`.
    func breakObserving() async throws
    /// Makes the next order's answer get lost after it was applied; false when this platform cannot.
    func loseNextAnswer() async throws -> Bool
    func repair() async throws
    /// How often the platform was asked to restart what runs.
    func restarts() async throws -> Int
    /// A text that stands among the driver's secrets; nil when it has none.
    var canary: String? { get }
    func tearDown() async
}

enum DriverConformance {
    static let initialReplicas = 3
    static let deadline: Duration = .seconds(20)

    /// Runs the whole suite, each item on a subject of its own.
    static func run<Subject: DriverSubject>(_ makeSubject: @Sendable () async throws -> Subject) async throws {
        let items: [(String, @Sendable (Subject) async throws -> Void)] = [
            ("1 observe after scale sees the number", Self.observeAfterScale),
            ("2 the same order twice is one change", Self.sameOrderTwice),
            ("3 and 13 another count than expected is a conflict and changes nothing", Self.staleExpectation),
            ("4 a lost answer is unknown, observing settles it", Self.lostAnswer),
            ("7 what cannot be seen is unseen, and no order is done", Self.unseenNeverZero),
            ("8 to zero and back", Self.zeroAndBack),
            ("9 beyond what is allowed is refused before anything starts", Self.beyondAllowed),
            ("12 an older term after a newer one", Self.olderTerm),
            ("13b an order that may not be carried out any more changes nothing", Self.withheld),
            ("14 many targets in one call, answers in their order", Self.manyTargets),
            ("16 a restart leaves the count as it is, and touches nothing else", Self.restart),
            ("16b a restart of another count than expected is a conflict and starts nothing", Self.restartOfAnotherCount),
            ("16c a restart whose answer is lost is unknown, and has happened once", Self.restartLost),
            ("16d a restart of what can't be seen starts nothing", Self.restartUnseen),
            ("16e a restart that may not be carried out any more starts nothing", Self.restartWithheld),
            ("16f a restart of nothing makes no sense", Self.restartOfNothing),
            ("16g a restart of an older term after a newer one", Self.restartOlderTerm),
            ("17 no secret in errors or outputs", Self.noSecret),
        ]
        for (name, item) in items {
            let subject = try await makeSubject()
            do { try await item(subject) } catch { Issue.record(error, "\(name)") }
            await subject.tearDown()
        }
    }

    private static func order(
        _ subject: some DriverSubject, _ replicas: Int, from expected: Int, action: String, epoch: Int64 = 5
    ) -> ScaleOrder {
        ScaleOrder(
            target: subject.target, replicas: replicas, expected: expected, action: action, epoch: Epoch(epoch),
            reason: "a test")
    }

    private static func observe(_ subject: some DriverSubject) async -> Observation {
        await subject.driver.observe([subject.target], deadline: Self.deadline).first ?? .gone
    }

    private static func scale(_ subject: some DriverSubject, _ order: ScaleOrder) async -> Outcome {
        await subject.driver.scale(order, deadline: Self.deadline)
    }

    private static func isApplied(_ outcome: Outcome) -> Bool {
        switch outcome {
        case .done, .accepted: true
        default: false
        }
    }

    private static func observeAfterScale(_ subject: some DriverSubject) async throws {
        #expect(await Self.observe(subject) == .seen(desired: 3, current: 3, ready: 3, version: nil))
        let outcome = await Self.scale(subject, Self.order(subject, 5, from: 3, action: "one"))
        #expect(Self.isApplied(outcome), "\(outcome)")
        try await subject.settle()
        #expect(await Self.observe(subject) == .seen(desired: 5, current: 5, ready: 5, version: nil))
    }

    private static func sameOrderTwice(_ subject: some DriverSubject) async throws {
        let order = Self.order(subject, 5, from: 3, action: "one")
        for _ in 1...2 { #expect(Self.isApplied(await Self.scale(subject, order))) }
        #expect(try await subject.world() == 5)
        #expect(try await subject.changes() == 1)
        try await subject.settle()
        guard case .done = await Self.scale(subject, order) else {
            Issue.record("what is there already is done")
            return
        }
        #expect(try await subject.changes() == 1)
    }

    private static func staleExpectation(_ subject: some DriverSubject) async throws {
        try await subject.change(to: 4)
        let outcome = await Self.scale(subject, Self.order(subject, 6, from: 3, action: "one"))
        guard case .conflict(.seen(4, _, _, _), _) = outcome else {
            Issue.record("expected a conflict that shows 4, got \(outcome)")
            return
        }
        #expect(try await subject.world() == 4)
        #expect(try await subject.changes() == 0)
    }

    private static func lostAnswer(_ subject: some DriverSubject) async throws {
        guard try await subject.loseNextAnswer() else { return }
        let order = Self.order(subject, 5, from: 3, action: "one")
        let outcome = await Self.scale(subject, order)
        guard case .unknown = outcome else {
            Issue.record("expected unknown, got \(outcome)")
            return
        }
        try await subject.repair()
        try await subject.settle()
        guard case .done = await Self.scale(subject, order) else {
            Issue.record("observing should have settled it as done")
            return
        }
        #expect(try await subject.changes() == 1)
    }

    private static func unseenNeverZero(_ subject: some DriverSubject) async throws {
        try await subject.breakObserving()
        guard case .unseen(let error) = await Self.observe(subject) else {
            Issue.record("expected unseen")
            return
        }
        #expect(!error.message.isEmpty && !error.code.isEmpty)
        let outcome = await Self.scale(subject, Self.order(subject, 5, from: 3, action: "one"))
        #expect(!Self.isApplied(outcome), "\(outcome)")
        try await subject.repair()
        #expect(try await subject.world() == 3)
        #expect(await Self.observe(subject) == .seen(desired: 3, current: 3, ready: 3, version: nil))
    }

    private static func zeroAndBack(_ subject: some DriverSubject) async throws {
        #expect(Self.isApplied(await Self.scale(subject, Self.order(subject, 0, from: 3, action: "down"))))
        try await subject.settle()
        #expect(await Self.observe(subject) == .seen(desired: 0, current: 0, ready: 0, version: nil))
        #expect(Self.isApplied(await Self.scale(subject, Self.order(subject, 2, from: 0, action: "up"))))
        try await subject.settle()
        #expect(await Self.observe(subject) == .seen(desired: 2, current: 2, ready: 2, version: nil))
    }

    private static func beyondAllowed(_ subject: some DriverSubject) async throws {
        var order = Self.order(subject, 9, from: 3, action: "one")
        order.allowed = 1...8
        var negative = Self.order(subject, -1, from: 3, action: "two")
        negative.allowed = -5...8
        for order in [order, negative] {
            guard case .refused = await Self.scale(subject, order) else {
                Issue.record("expected refused")
                return
            }
        }
        #expect(try await subject.changes() == 0)
    }

    private static func olderTerm(_ subject: some DriverSubject) async throws {
        #expect(Self.isApplied(await Self.scale(subject, Self.order(subject, 5, from: 3, action: "new", epoch: 9))))
        // Without a fence the expected count is what keeps an old leader's order out.
        let expected = subject.fencesTerms ? 5 : 3
        let outcome = await Self.scale(subject, Self.order(subject, 4, from: expected, action: "old", epoch: 8))
        guard case .conflict = outcome else {
            Issue.record("expected a conflict, got \(outcome)")
            return
        }
        #expect(try await subject.world() == 5)
    }

    private static func withheld(_ subject: some DriverSubject) async throws {
        let order = Self.order(subject, 5, from: 3, action: "one")
        let outcome = await subject.driver.scale(order, deadline: Self.deadline) { false }
        #expect(outcome == .withheld)
        let (world, changes) = (try await subject.world(), try await subject.changes())
        #expect(world == 3 && changes == 0)
        // The same order is carried out when it may be.
        #expect(Self.isApplied(await Self.scale(subject, order)))
    }

    private static func manyTargets(_ subject: some DriverSubject) async throws {
        var targets: [Target] = []
        for number in 0..<40 { targets.append(try await subject.target(number: number)) }
        let observations = await subject.driver.observe(targets, deadline: Self.deadline)
        #expect(observations == (0..<40).map { .seen(desired: $0, current: $0, ready: $0, version: nil) })
    }

    private static func noSecret(_ subject: some DriverSubject) async throws {
        guard let canary = subject.canary else { return }
        try await subject.breakObserving()
        let observation = await Self.observe(subject)
        let outcome = await Self.scale(subject, Self.order(subject, 5, from: 3, action: "one"))
        #expect(!everything(in: observation).contains(canary))
        #expect(!everything(in: outcome).contains(canary))
        #expect(everything(in: observation).contains("[secret]"), "the program did say it")
    }
}

/// A value with all its fields: what an error does not say in its description counts too.
func everything(in value: some Sendable) -> String {
    var text = ""
    dump(value, to: &text)
    return text
}

extension ScalingDriver {
    func restart(_ order: RestartOrder, deadline: Duration) async -> Outcome { await self.restart(order, deadline: deadline) { true } }
    /// An order of a leader that goes on leading.
    func scale(_ order: ScaleOrder, deadline: Duration) async -> Outcome { await self.scale(order, deadline: deadline) { true } }
}

extension Drivers {
    func scale(_ order: ScaleOrder, deadline: Duration) async -> Outcome { await self.scale(order, deadline: deadline) { true } }
}
