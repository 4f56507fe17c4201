import Model
import Testing

@testable import Engine

/// Which conclusions somebody would ask about, and which say something new.
@Suite("Conclusions")
struct ConclusionTests {
    private static func conclude(_ fixture: Fixture, _ values: [String: Quantity], _ change: (inout EvaluationInput) -> Void = { _ in }) -> Conclusion {
        var input = fixture.input(values.mapValues { .value(Sample(value: $0, at: fixture.now)) })
        change(&input)
        return Fixture.conclude(input)
    }

    @Test("each kind of reason is one of its own")
    func kinds() {
        let kinds: [ReasonSet] = [
            .rule, .withinTolerance, .cooldown, .atMin, .atMax, .emergency, .lacking, .sustaining, .unobserved, .inFlight, .paused, .override, .mode,
            .disabled, .stabilized, .rateLimited, .schedule, .inboundFloor, .failoverFloor, .regionDown, .frozen, .awaitingApproval, .off,
        ]
        for (index, kind) in kinds.enumerated() { #expect(kind.rawValue == 1 << UInt32(index)) }
        #expect(Set(kinds.map(\.rawValue)).count == kinds.count)
        let notable = kinds.filter(\.isNotable)
        #expect(
            notable == [
                .emergency, .lacking, .unobserved, .paused, .override, .disabled, .inboundFloor, .failoverFloor, .regionDown, .frozen, .awaitingApproval, .off,
            ])
    }

    @Test("a workload that was seen and keeps its size in the ordinary course is quiet, and nothing else is")
    func quiet() {
        let fixture = Fixture([.averageValue("queue", 25)], min: 0)
        let plain = Self.conclude(fixture, ["queue": 100])
        #expect(plain.isQuiet && plain.signature == 0)
        #expect(plain.from == 4 && plain.to == 4 && plain.wanted == 4 && plain.driving == 0 && !plain.isEmergency)
        #expect(plain.missing == 0 && plain.stale == 0 && plain.doubted == 0)
        let none = Self.conclude(fixture, ["queue": 0]) { $0.observation = .seen(desired: 0, current: 0, ready: 0, version: nil) }
        #expect(none.isQuiet)
        #expect(!Self.conclude(fixture, ["queue": 200]).isQuiet)
        #expect(!Self.conclude(fixture, [:]).isQuiet)
        #expect(!Self.conclude(fixture, ["queue": 200]) { $0.inFlight = "a-1" }.isQuiet)
        #expect(!Self.conclude(fixture, ["queue": 100]) { $0.policy.guards = [Policy.Guard(when: .above("queue", 5), effect: .restart)] }.isQuiet)
        let gone = Self.conclude(fixture, ["queue": 100]) { $0.observation = .gone }
        #expect(!gone.isQuiet)
        #expect(gone.from == -1 && gone.to == -1 && gone.wanted == -1 && gone.driving == -1 && !gone.acted && !gone.isEmergency)
        #expect(gone.kind == .held && gone.reasons == .unobserved)
        let emergency = Self.conclude(fixture, ["queue": 100]) { $0.policy.emergency = Policy.Emergency(when: .above("queue", 5), replicas: .count(0)) }
        #expect(emergency.isEmergency)
        #expect(!emergency.isQuiet)
    }

    @Test("what differs in anything but times and readings tells something new")
    func tells() {
        let one = Self.conclude(Fixture([.averageValue("queue", 25)]), ["queue": 200])
        #expect(one.tellsTheSame(as: one))
        let changes: [(inout Conclusion) -> Void] = [
            { $0.kind = .down }, { $0.from = 5 }, { $0.to = 9 }, { $0.acted.toggle() }, { $0.isEmergency.toggle() }, { $0.reasons.insert(.cooldown) },
            { $0.missing = 1 }, { $0.stale = 1 }, { $0.doubted = 1 }, { $0.guards = 1 }, { $0.driving = 1 }, { $0.signature += 1 },
        ]
        for change in changes {
            var other = one
            change(&other)
            #expect(!one.tellsTheSame(as: other) && !other.tellsTheSame(as: one))
        }
        var judged = one
        judged.judged = .worse
        judged.wanted = 99
        #expect(one.tellsTheSame(as: judged))
    }

    @Test("which metrics are missing, stale or doubted is one bit each")
    func qualities() {
        var fixture = Fixture([.averageValue("a", 25), .averageValue("b", 25), .averageValue("c", 25)])
        fixture.policy.plausible = Policy.Plausible(maxDrop: 60, per: .seconds(60))
        fixture.evaluate(["a": 100, "b": 100, "c": 100])
        fixture.pass(180)
        let answers: [String: ReadingAnswer] = ["b": fixture.stale(100), "c": .value(Sample(value: 1, at: fixture.now))]
        var facts = Facts(fixture.memory)
        let conclusion = Engine.conclude(fixture.input(answers), on: &facts, in: Scratch())
        #expect(conclusion.missing == 0b001 && conclusion.stale == 0b010 && conclusion.doubted == 0b100)
        let many = (0..<66).map { Fixture.metric("m\($0)") }
        let unread = Fixture([.averageValue("m0", 25)], metrics: many)
        #expect(Self.conclude(unread, [:]).missing == .max)
    }

    @Test("conclusions that rest on other wishes, bounds or conditions differ, and those that rest on the same do not")
    func signatures() {
        var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 10), .step("cpu", above: 50, add: .replicas(1), sustained: .seconds(30))])
        fixture.policy.mode = .recommend
        let end = Fixture.start + .seconds(60)
        let readings: [[String: Quantity]] = [
            ["queue": 200, "mail": 50, "cpu": 0], ["queue": 200, "mail": 60, "cpu": 0], ["queue": 200, "mail": 60, "cpu": 60], ["queue": 200, "mail": 60],
            ["queue": 200, "cpu": 0],
        ]
        var conclusions = readings.map { Self.conclude(fixture, $0) }
        let bounds: [(inout EvaluationInput) -> Void] = [
            { $0.schedule.min = .init(replicas: 2, until: end) }, { $0.schedule.min = .init(replicas: 3, until: end) },
            { $0.schedule.max = .init(replicas: 19, until: end) }, { $0.floors.failover = .init(replicas: 2, region: "eu-north") },
            { $0.floors.inbound = .init(replicas: 2, by: "sale", until: end) },
        ]
        conclusions += bounds.map { Self.conclude(fixture, readings[0], $0) }
        for (index, conclusion) in conclusions.enumerated() {
            #expect(conclusion.to == 8 && !conclusion.isQuiet)
            for other in conclusions[..<index] { #expect(conclusion.signature != other.signature) }
        }
        // Another moment, and readings that come to the same.
        var later = fixture
        later.pass(15)
        #expect(Self.conclude(later, ["queue": 199, "mail": 49, "cpu": 3]).tellsTheSame(as: conclusions[0]))
    }

    /// Rules of which the third drives: the others differ, one at a time.
    @Test("conclusions differ by what any rule wants, also from none on, and by which rule's condition has yet to last", arguments: [0, 4])
    func wishes(size: Int) {
        let fixture = Fixture(
            [
                .averageValue("queue", 25), .averageValue("mail", 10), .averageValue("jobs", 1),
                .step("cpu", above: 50, add: .replicas(1), below: 10, remove: .replicas(1), sustained: .seconds(30)),
                .step("disk", above: 50, add: .replicas(1), below: 10, remove: .replicas(1), sustained: .seconds(30)),
            ], min: 0, replicas: size)
        let first: [String: Quantity] = ["queue": 200, "mail": 60, "jobs": 9, "cpu": 30, "disk": 30]
        let changes: [[String: Quantity]] = [["queue": 150], ["mail": 50], ["cpu": 60], ["disk": 60], ["cpu": 60, "disk": 60]]
        let conclusions = [Self.conclude(fixture, first)] + changes.map { Self.conclude(fixture, first.merging($0) { $1 }) }
        for (index, conclusion) in conclusions.enumerated() {
            #expect(conclusion.to == 9 && conclusion.driving == 2 && !conclusion.isQuiet)
            for other in conclusions[..<index] { #expect(!conclusion.tellsTheSame(as: other)) }
        }
    }

    /// What the first source of each of two metrics gave before a second one took its place. No rule names the other metric.
    @Test("conclusions differ by what was lacking before a second source answered")
    func lacking() {
        var conclusions: [Conclusion] = []
        for queue in [Quality.stale, .doubted, .missing] {
            for other in [Quality.fresh, .stale, .doubted, .missing] {
                var fixture = Fixture([.averageValue("queue", 25)], metrics: [Fixture.metric("queue"), Fixture.metric("other")])
                fixture.policy.onMissing = [.secondary]
                fixture.policy.plausible = Policy.Plausible(maxDrop: 10, per: .seconds(60))
                fixture.evaluate(["queue": 100, "other": 100])
                fixture.pass(180)
                func answer(_ quality: Quality) -> ReadingAnswer? {
                    switch quality {
                    case .fresh: .value(Sample(value: 100, at: fixture.now))
                    case .stale: .value(Sample(value: 100, at: Fixture.start + .seconds(1)))
                    case .doubted: .value(Sample(value: 1, at: fixture.now))
                    case .missing: nil
                    }
                }
                var input = fixture.input([:])
                input.answers["queue"] = answer(queue)
                input.answers["other"] = answer(other)
                for name in ["queue", "other"] { input.secondaries[name] = .value(Sample(value: 200, at: fixture.now)) }
                let conclusion = Fixture.conclude(input)
                #expect(conclusion.to == 8)
                conclusions.append(conclusion)
            }
        }
        for (index, conclusion) in conclusions.enumerated() {
            for other in conclusions[..<index] { #expect(!conclusion.tellsTheSame(as: other)) }
        }
    }
}
