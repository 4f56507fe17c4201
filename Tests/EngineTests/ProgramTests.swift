import Model
import Testing

@testable import Engine

/// A policy made ready.
@Suite("Programs")
struct ProgramTests {
    private static func program(_ version: Int, min: Int = 1) -> Program {
        Program(Fixture([.averageValue("queue", 25)], min: min).policy, reference: .init(name: "transcode", version: version, sha256: "ab"))
    }

    @Test("programs are the same by their policy and its version")
    func equality() {
        let one = Self.program(1)
        #expect(one == one)
        #expect(one == Self.program(1))
        #expect(one != Self.program(2))
        #expect(one != Self.program(1, min: 2))
        #expect(one != Self.program(2, min: 2))
        #expect(Set([one, Self.program(1), Self.program(2), Self.program(1, min: 2)]).count == 3)
        let unnamed = Program(Fixture([]).policy)
        #expect(unnamed.reference == Decision.PolicyReference(name: "transcode", version: 0, sha256: ""))
    }

    @Test("of metrics of one name the first counts")
    func duplicates() {
        let metrics = [Fixture.metric("queue", maxAge: .seconds(1)), Fixture.metric("mail"), Fixture.metric("queue", maxAge: .seconds(9))]
        let program = Program(Fixture([.averageValue("mail", 25)], metrics: metrics).policy)
        #expect(program.distinctMetrics.map(\.name) == ["queue", "mail"])
        #expect(program.metrics.map(\.maxAge) == [1_000_000, 120_000_000])
        #expect(program.rules.map(\.metric) == [1])
    }

    @Test("samples are kept as long as a window or a look back asks for, whichever is longer")
    func retention() throws {
        func retention(_ window: Int?, _ conditions: [String]) throws -> Int64? {
            let metric = Fixture.metric("queue", window: window.map { Metric.Window(last: .seconds($0), aggregate: .avg) })
            var policy = Fixture([.averageValue("queue", 25)], metrics: [metric]).policy
            policy.guards = try conditions.dropFirst().map { Policy.Guard(when: try Expression(parsing: $0), effect: .restart) }
            policy.emergency = try conditions.first.map { Policy.Emergency(when: try Expression(parsing: $0), replicas: .max) }
            return Program(policy).metrics.first?.cells.retention
        }
        #expect(try retention(nil, []) == 0)
        #expect(try retention(60, []) == 60_000_000)
        // As old as is asked for, and then as old as a reading may be.
        #expect(try retention(nil, ["change(queue, 1m) > 5"]) == 180_000_000)
        #expect(try retention(179, ["change(queue, 1m) > 5"]) == 180_000_000)
        #expect(try retention(181, ["change(queue, 1m) > 5"]) == 181_000_000)
        #expect(try retention(nil, ["change(queue, 1m) > 5", "change(queue, 2m) > 5", "change(queue, 10s) > 5"]) == 240_000_000)
        #expect(try retention(nil, ["change(mail, 1m) > 5"]) == 0)
    }

    @Test("steps without a reading follow one another, each from the end of the one before")
    func rungs() {
        var policy = Fixture([]).policy
        policy.onMissing = [.hold(.seconds(60)), .lastGood(.seconds(30)), .secondary, .replicas(-3)]
        let program = Program(policy)
        #expect(program.ladder.map(\.until) == [60_000_000, 90_000_000, .max, .max])
        if case .replicas(let count)? = program.ladder.last?.step { #expect(count == 0) } else { Issue.record("the last step is a number") }
    }

    @Test("the longest period of either direction says how long changes are kept")
    func periods() {
        var policy = Fixture([.averageValue("queue", 25)]).policy
        policy.behavior = Behavior(
            scaleUp: ScalingRules(
                stabilizationWindow: .seconds(7), policies: [RatePolicy(.replicas(4), period: .seconds(60)), RatePolicy(.percent(9), period: .seconds(90))]),
            scaleDown: ScalingRules(stabilizationWindow: .seconds(5), policies: [RatePolicy(.replicas(4), period: .seconds(20))]))
        let cells = Program(policy).cells
        #expect(cells.recommendations.length == 7000 && cells.ups.length == 90_000 && cells.downs.length == 90_000)
        policy.behavior?.scaleUp.policies = [RatePolicy(.replicas(4), period: .zero)]
        policy.behavior?.scaleDown.policies = [RatePolicy(.replicas(4), period: .zero)]
        #expect(Program(policy).cells.ups.length == 0)
    }

    /// Of queue 10 and mail 3.
    static let conditions: [(text: String, holds: Bool)] = [
        ("queue < 10", false), ("queue < 10.001", true), ("queue <= 10", true), ("10 - max(1, mail) > 6", true), ("10 - max(1, mail) > 7", false),
        ("1 + min(mail, queue) + avg(1, 3) == 6", true), ("queue / (0.001 * 0.001 * 0.001) == 10000000000", true),
        ("queue / (0.001 * 0.001 * (0 - 0.001)) == 0 - 10000000000", true), ("other > 0", false), ("not (other > 0)", false),
    ]
    @Test("conditions hold for what they say, and not for what the policy does not define", arguments: Self.conditions)
    func holds(text: String, holds: Bool) throws {
        var fixture = Fixture([.averageValue("queue", 2.5), .averageValue("mail", 1)])
        fixture.policy.emergency = .init(when: try Expression(parsing: text), replicas: .count(9))
        #expect((fixture.evaluate(["queue": 10, "mail": 3]).to == 9) == holds)
    }

    @Test("conditions of different metrics, sides and thresholds begin each on its own")
    func begins() {
        func step(_ metric: String, _ above: Quantity) -> Rule {
            .step(metric, above: above, add: .replicas(1), below: 5, remove: .replicas(1), sustained: .seconds(600))
        }
        var fixture = Fixture([step("queue", 5), step("mail", 5), step("mail", 6)])
        for values in [["queue": 6, "mail": 5], ["queue": 6, "mail": 6], ["queue": 4, "mail": 7], ["queue": 4, "mail": 7]] as [[String: Quantity]] {
            fixture.evaluate(values.mapValues { .value(Sample(value: $0, at: fixture.now)) })
            fixture.pass(15)
        }
        #expect(
            fixture.memory.conditions == [
                .init(metric: "queue", side: .below, threshold: 5, since: Fixture.start + .seconds(30)),
                .init(metric: "mail", side: .above, threshold: 5, since: Fixture.start + .seconds(15)),
                .init(metric: "mail", side: .above, threshold: 6, since: Fixture.start + .seconds(30)),
            ])
    }
}
