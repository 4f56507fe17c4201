import Model
import Testing

@testable import Engine

/// Readings that are not to be believed, and what stands in for those that are missing.
@Suite("Doubt")
struct DoubtTests {
    static func fixture() -> Fixture {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.plausible = Policy.Plausible(maxDrop: 60, per: .seconds(60))
        return fixture
    }

    @Test("a fall that is too steep lowers nothing until it has held for three evaluations")
    func steepFall() {
        var fixture = Self.fixture()
        fixture.evaluate(["queue": 100])
        for _ in 0..<3 {
            fixture.pass(15)
            let decision = fixture.evaluate(["queue": 0])
            #expect(decision.kind == .held)
            #expect(decision.reasons == [.doubted(metric: "queue")])
            #expect(decision.readings[0].quality == .doubted)
            #expect(decision.sentence.hasPrefix("queue is doubted (0, a fall too steep to be believed yet)"))
        }
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 0]).to == 1)
    }

    /// Per cent of 100 that is left after so many seconds, and whether it is believed.
    static let falls: [(left: Quantity, after: Int, believed: Bool)] = [
        (40, 15, true), (39.999, 15, false), (40, 60, true), (39.999, 60, false), (39.999, 61, true), (16, 120, true), (15.999, 120, false),
        (100, 15, true), (500, 15, true), (0, 100_000, false),
    ]
    @Test("what may be left compounds with time", arguments: Self.falls)
    func compounding(left: Quantity, after: Int, believed: Bool) {
        var fixture = Self.fixture()
        fixture.evaluate(["queue": 100])
        fixture.pass(after)
        #expect((fixture.evaluate(["queue": left]).readings[0].quality == .fresh) == believed)
    }

    @Test("a microsecond more is a period begun")
    func periodBegun() {
        for (microseconds, believed) in [(0, false), (1, true)] {
            var fixture = Self.fixture()
            fixture.evaluate(["queue": 100])
            fixture.now = Fixture.start + .seconds(60) + .microseconds(microseconds)
            #expect((fixture.evaluate(["queue": 39.999]).readings[0].quality == .fresh) == believed)
        }
    }

    @Test("what was doubted and is believed again has to hold anew the next time, and leaves the samples alone")
    func doubtedAgain() {
        var fixture = Self.fixture()
        fixture.evaluate(["queue": 100])
        for value in [0, 0, 100, 0, 0, 0] as [Quantity] {
            fixture.pass(15)
            #expect((fixture.evaluate(["queue": value]).readings[0].quality == .fresh) == (value == 100))
            #expect(fixture.memory.series(of: "queue")?.samples.map(\.value) == [value])
            if value == 100 { #expect(fixture.memory.series(of: "queue")?.doubtedFor == 0) }
        }
    }

    @Test("where nothing was doubted before, nothing was believed either")
    func newlyDoubted() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.evaluate(["queue": 100])
        fixture.policy.plausible = Policy.Plausible(maxDrop: 60, per: .seconds(60))
        fixture.pass(15)
        fixture.evaluate([String: ReadingAnswer]())
        #expect(fixture.memory.series(of: "queue")?.lastGood?.value == 100)
        #expect(fixture.memory.series(of: "queue")?.believed == nil)
    }

    @Test("falls compound over ten periods and no more")
    func tenPeriods() {
        // Nine tenths ten times over, cut to thousandths each time.
        for (left, after, believed) in [(34.866, 100_000, true), (34.865, 100_000, false), (34.866, 600, true), (34.866, 540, false), (38.741, 540, true)]
            as [(Quantity, Int, Bool)]
        {
            var fixture = Self.fixture()
            fixture.policy.plausible = Policy.Plausible(maxDrop: 10, per: .seconds(60))
            fixture.evaluate(["queue": 100])
            fixture.pass(after)
            #expect((fixture.evaluate(["queue": left]).readings[0].quality == .fresh) == believed)
        }
    }

    @Test("nothing falls from 0, and what stays does not fall")
    func noFall() {
        func quality(_ before: Quantity, _ after: Quantity, pass seconds: Int = 15, correlated: Bool = false) -> Quality {
            var fixture = Self.fixture()
            fixture.evaluate(["queue": before])
            fixture.pass(seconds)
            var input = fixture.input(["queue": .value(Sample(value: after, at: fixture.now))])
            if correlated { input.doubts.correlatedDrops = ["queue"] }
            return Engine.evaluate(input).decision.readings[0].quality
        }
        #expect(quality(0, -1) == .fresh)
        #expect(quality(0, -1, correlated: true) == .fresh)
        #expect(quality(0.001, -1) == .doubted)
        #expect(quality(90, 90, correlated: true) == .fresh)
        #expect(quality(90, 89.999, correlated: true) == .doubted)
        #expect(quality(100, 39.999, pass: 0) == .doubted)
        #expect(quality(100, 40, pass: 0) == .fresh)
        #expect(quality(100, 39.999, pass: -3600) == .doubted)
    }

    /// The steepest fall in percent, its time, and what is left of 100 after 15 s.
    static let steepestFalls: [(maxDrop: Quantity, per: Duration, left: Quantity, believed: Bool)] = [
        (0, .seconds(60), 100, true), (0, .seconds(60), 99.999, false), (-5, .seconds(60), 99.999, false), (100, .seconds(60), 0, true),
        (100, .seconds(60), -0.001, false), (200, .seconds(60), 0, true), (200, .seconds(60), -0.05, false), (0.1, .seconds(60), 99.9, true),
        (0.1, .seconds(60), 99.899, false), (50, .zero, 0.097, true), (50, .zero, 0.096, false),
    ]
    @Test("no fall is steeper than all, and none is less than none", arguments: Self.steepestFalls)
    func steepest(maxDrop: Quantity, per: Duration, left: Quantity, believed: Bool) {
        var fixture = Self.fixture()
        fixture.policy.plausible = Policy.Plausible(maxDrop: maxDrop, per: per)
        fixture.evaluate(["queue": 100])
        fixture.pass(15)
        #expect((fixture.evaluate(["queue": left]).readings[0].quality == .fresh) == believed)
    }

    @Test("nothing is believed of a metric that was never read")
    func neverRead() {
        var fixture = Self.fixture()
        fixture.evaluate([:] as [String: ReadingAnswer])
        #expect(fixture.memory.series[0].believed == nil && fixture.memory.series[0].lastGood == nil)
        #expect(fixture.memory.series[0].doubtedFor == 0)
    }

    @Test("a doubted reading may raise")
    func raises() {
        var fixture = Self.fixture()
        fixture.evaluate(["queue": 10_000])
        fixture.desired = 4
        fixture.pass(15)
        let decision = fixture.evaluate(["queue": 200])
        #expect(decision.readings[0].quality == .doubted)
        #expect(decision.to == 8)
    }

    @Test("many falls at once at one source are doubted however small, a person's word ends the doubt, and a sick source's does not")
    func correlated() {
        func evaluate(_ change: (inout EvaluationInput) -> Void) -> [Quality] {
            var fixture = Self.fixture()
            fixture.evaluate(["queue": 100])
            var qualities: [Quality] = []
            for _ in 0..<5 {
                fixture.pass(15)
                var input = fixture.input(["queue": .value(Sample(value: 90, at: fixture.now))])
                change(&input)
                let evaluation = Engine.evaluate(input)
                fixture.memory = evaluation.memory
                qualities.append(evaluation.decision.readings[0].quality)
            }
            return qualities
        }
        #expect(evaluate { _ in } == [.fresh, .fresh, .fresh, .fresh, .fresh])
        #expect(evaluate { $0.doubts.correlatedDrops = ["queue"] } == [.doubted, .doubted, .doubted, .fresh, .fresh])
        #expect(
            evaluate {
                $0.doubts.correlatedDrops = ["queue"]
                $0.doubts.accepted = ["queue"]
            } == [.fresh, .fresh, .fresh, .fresh, .fresh])
        #expect(
            evaluate {
                $0.doubts.correlatedDrops = ["queue"]
                $0.doubts.unhealthy = ["queue"]
            } == [.doubted, .doubted, .doubted, .doubted, .doubted])
    }

    @Test("doubt survives a takeover")
    func takeover() throws {
        var fixture = Self.fixture()
        fixture.evaluate(["queue": 100])
        for _ in 0..<3 {
            fixture.pass(15)
            #expect(fixture.evaluate(["queue": 0]).kind == .held)
            fixture.memory = try Memory(json: JSON(parsing: fixture.memory.json.canonical()))
        }
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 0]).acted)
    }

    private static func twoMetrics(_ ladder: [Policy.MissingStep]) -> Fixture {
        var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 25)])
        fixture.policy.metrics[1].onMissing = ladder
        return fixture
    }

    @Test("a metric's own steps without it: hold, then its last good value, then a number")
    func ownLadder() {
        var fixture = Self.twoMetrics([.hold(.seconds(30)), .lastGood(.seconds(30)), .replicas(7)])
        #expect(fixture.evaluate(["queue": 100, "mail": 150]).to == 6)
        fixture.desired = 4
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 100]).to == 4)
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 100]).to == 6)
        fixture.desired = 4
        fixture.pass(30)
        #expect(fixture.evaluate(["queue": 100]).to == 7)
        fixture.desired = 9
        #expect(fixture.evaluate(["queue": 100]).to == 9)
    }

    @Test("a metric that never answered is missing since it was first asked for, whatever else is fresh")
    func neverAnswered() {
        var fixture = Self.twoMetrics([.hold(.seconds(30)), .lastGood(.seconds(30)), .replicas(7)])
        func size(after seconds: Int) -> Int? {
            fixture.desired = 4
            fixture.now = Fixture.start + .seconds(seconds)
            return fixture.evaluate(["queue": 100]).to
        }
        // There is no last good value to go on with.
        #expect([0, 29, 30, 59].map(size) == [4, 4, 4, 4])
        #expect(fixture.memory.missingSince == nil && fixture.memory.series(of: "mail")?.askedSince == Fixture.start)
        #expect([60, 61, 3600].map(size) == [7, 7, 7])
        #expect(fixture.memory.series.map(\.askedSince) == [nil, Fixture.start])
    }

    @Test("a metric that never answered stays missing since it was first asked for, though all are missing for a while")
    func neverAnsweredAlone() {
        var fixture = Self.twoMetrics([.hold(.seconds(30)), .replicas(7)])
        fixture.evaluate(["queue": 100])
        fixture.pass(20)
        #expect(fixture.evaluate([String: ReadingAnswer]()).to == 4)
        fixture.pass(10)
        #expect(fixture.evaluate(["queue": 100]).to == 7)
    }

    @Test("the least number that there is stays a last good value like any other")
    func leastValue() {
        var fixture = Self.twoMetrics([.lastGood(.seconds(60))])
        fixture.evaluate(["queue": 100, "mail": Quantity(milli: .min)])
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 100]).to == 4)
        #expect(fixture.memory.series(of: "mail")?.lastGood == Sample(value: Quantity(milli: .min), at: Fixture.start))
        #expect(fixture.memory.series(of: "mail")?.askedSince == nil)
    }

    @Test("once it has answered it counts from its last fresh reading, a stale one is none")
    func answeredOnce() {
        var fixture = Self.twoMetrics([.hold(.seconds(30)), .replicas(7)])
        fixture.evaluate(["queue": .value(Sample(value: 100, at: fixture.now)), "mail": fixture.stale(1)])
        #expect(fixture.memory.series(of: "mail")?.askedSince == Fixture.start)
        fixture.pass(29)
        fixture.evaluate(["queue": 100, "mail": 1])
        #expect(fixture.memory.series(of: "mail")?.askedSince == nil)
        fixture.pass(29)
        #expect(fixture.evaluate(["queue": 100]).to == 4)
        fixture.pass(1)
        #expect(fixture.evaluate(["queue": 100]).to == 7)
    }

    @Test("a metric that a policy names anew is missing since the first evaluation under that version")
    func namedAnew() {
        var fixture = Self.twoMetrics([.hold(.seconds(30)), .replicas(7)])
        let (metrics, rules) = (fixture.policy.metrics, fixture.policy.rules)
        func name(_ count: Int) { (fixture.policy.metrics, fixture.policy.rules) = (Array(metrics.prefix(count)), Array(rules.prefix(count))) }
        name(1)
        fixture.evaluate(["queue": 100])
        name(2)
        fixture.pass(600)
        #expect(fixture.evaluate(["queue": 100]).to == 4)
        fixture.pass(29)
        #expect(fixture.evaluate(["queue": 100]).to == 4)
        fixture.pass(1)
        #expect(fixture.evaluate(["queue": 100]).to == 7)
        // What no version names is forgotten.
        name(1)
        fixture.evaluate(["queue": 100])
        name(2)
        fixture.desired = 4
        #expect(fixture.evaluate(["queue": 100]).to == 4)
    }

    @Test("a takeover at any point of a metric's silence changes no decision")
    func neverAnsweredTakeovers() throws {
        func decisions(takeover: Int?) throws -> [Decision] {
            var fixture = Self.twoMetrics([.hold(.seconds(30)), .secondary, .replicas(7)])
            return try (0..<8).map { round in
                if round == takeover {
                    var writer = PackedWriter()
                    fixture.memory.write(to: &writer, after: fixture.now)
                    var reader = PackedReader(writer.bytes)
                    let packed = try Memory(from: &reader, after: fixture.now)
                    #expect(reader.isAtEnd && packed == fixture.memory)
                    fixture.memory = try Memory(json: JSON(parsing: packed.json.canonical()))
                }
                defer { fixture.pass(10) }
                return fixture.evaluate(["queue": 100])
            }
        }
        let undisturbed = try decisions(takeover: nil)
        #expect(undisturbed.map(\.to) == [4, 4, 4, 7, 7, 7, 7, 7])
        for round in 0..<8 { #expect(try decisions(takeover: round) == undisturbed, "takeover before evaluation \(round)") }
    }

    @Test("a second source counts as long as it answers, and the next step comes when it does not")
    func secondary() {
        func evaluate(_ second: ReadingAnswer?, policyLadder: Bool) -> Decision {
            var fixture = Self.twoMetrics([.secondary, .replicas(7)])
            if policyLadder {
                fixture.policy.metrics[1].onMissing = nil
                fixture.policy.onMissing = [.secondary, .replicas(7)]
            }
            fixture.policy.metrics[1].secondary = .sql(connection: "other", statement: "select 1")
            var input = fixture.input(policyLadder ? [:] : ["queue": .value(Sample(value: 25, at: fixture.now))])
            if let second { input.secondaries = ["mail": second] }
            return Engine.evaluate(input).decision
        }
        let fresh = ReadingAnswer.value(Sample(value: 150, at: Fixture.start))
        #expect(evaluate(fresh, policyLadder: false).to == 6)
        #expect(evaluate(.value(Sample(value: 25, at: Fixture.start)), policyLadder: false).to == 1)
        #expect(evaluate(nil, policyLadder: false).to == 7)
        #expect(evaluate(.value(Sample(value: 150, at: Fixture.start - .seconds(121))), policyLadder: false).to == 7)
        #expect(evaluate(fresh, policyLadder: true).to == 6)
        // The other metric is still missing, so nothing is lowered.
        #expect(evaluate(.value(Sample(value: 25, at: Fixture.start)), policyLadder: true).to == 4)
        #expect(evaluate(nil, policyLadder: true).to == 7)
    }
}

@Suite("Guards")
struct GuardEffectTests {
    @Test("a guard takes effect when its condition has lasted, and no more often than it may")
    func effects() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.guards = [
            Policy.Guard(when: .above("queue", 50), effect: .notify(.warning), atMost: .init(count: 2, per: .seconds(60))),
            Policy.Guard(when: .above("queue", 50), sustained: .seconds(30), effect: .restart),
        ]
        func guards(_ queue: Quantity) -> [Int] {
            let evaluation = Engine.evaluate(fixture.input(["queue": .value(Sample(value: queue, at: fixture.now))]))
            fixture.memory = evaluation.memory
            fixture.pass(15)
            return evaluation.guards
        }
        #expect(guards(50) == [])
        #expect(guards(51) == [0])
        #expect(guards(51) == [0])
        #expect(guards(51) == [1])
        #expect(guards(10) == [])
        #expect(guards(51) == [0])
        #expect(guards(51) == [0])
        #expect(guards(51) == [])
    }

    @Test("a guard that is held back counts as if it had not taken effect, and no other guard does")
    func heldBack() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.guards = [
            Policy.Guard(when: .above("queue", 50), effect: .notify(.warning), atMost: .init(count: 3, per: .seconds(60))),
            Policy.Guard(when: .above("queue", 50), sustained: .seconds(15), effect: .restart, atMost: .init(count: 2, per: .seconds(600))),
            Policy.Guard(when: .above("queue", 40), effect: .restart),
        ]
        let restart = fixture.policy.guards[1], start = Fixture.start
        /// What is remembered after the restart was held back, if it is to be.
        func evaluate(heldBack: Bool) -> [Int] {
            let evaluation = Engine.evaluate(fixture.input(["queue": .value(Sample(value: 51, at: fixture.now))]))
            let before = fixture.memory
            fixture.memory = evaluation.memory
            if heldBack { fixture.memory.holdBack(restart, before: before) }
            #expect(fixture.memory.guards.map(\.guarding) == fixture.policy.guards.map(\.identity))
            #expect(fixture.memory.guards.map(\.since) == [start, start, start])
            fixture.pass(15)
            return evaluation.guards
        }
        let times = (0...4).map { start + .seconds(15 * $0) }
        #expect(evaluate(heldBack: false) == [0, 2])
        #expect(evaluate(heldBack: true) == [0, 1])
        #expect(fixture.memory.guards.map(\.fired) == [[times[0], times[1]], [], [times[0]]])
        #expect(evaluate(heldBack: false) == [0, 1])
        #expect(evaluate(heldBack: true) == [1])
        #expect(fixture.memory.guards.map(\.fired) == [[times[0], times[1], times[2]], [times[2]], [times[0]]])
        #expect(evaluate(heldBack: false) == [0, 1])
        #expect(fixture.memory.guards[1].fired == [times[2], times[4]])
        let memory = fixture.memory
        fixture.memory.holdBack(Policy.Guard(when: .above("queue", 60), effect: .restart), before: Memory())
        #expect(fixture.memory == memory)
    }

    @Test("an earlier value serves as long as a reading of it would have been fresh", arguments: [(179, true), (180, true), (181, false)])
    func earlier(after seconds: Int, isKnown: Bool) throws {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.emergency = Policy.Emergency(when: try Expression(parsing: "change(queue, 1m) > 50"), replicas: .max)
        fixture.evaluate(["queue": 100])
        fixture.pass(seconds)
        #expect(fixture.evaluate(["queue": 151]).to == (isKnown ? 20 : 7))
    }

    @Test("a condition may look back, as far as the samples reach")
    func change() throws {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.emergency = Policy.Emergency(when: try Expression(parsing: "change(queue, 1m) > 50"), replicas: .max)
        #expect(fixture.evaluate(["queue": 100]).kind == .held)
        fixture.pass(59)
        #expect(fixture.evaluate(["queue": 104]).kind == .held)
        fixture.pass(1)
        #expect(fixture.evaluate(["queue": 151]).to == 20)
    }
}
