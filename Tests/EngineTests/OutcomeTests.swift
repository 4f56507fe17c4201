import Model
import Testing

@testable import Engine

@Suite("Outcomes of changes")
struct OutcomeTests {
    /// One change up at 200 of 100, then a reading 15 s later.
    private static func record(after value: Quantity?, pass seconds: Int = 15) -> TrackRecord {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.evaluate(["queue": 200])
        fixture.pass(seconds)
        if let value { fixture.evaluate(["queue": value]) } else { fixture.evaluate([:] as [String: ReadingAnswer]) }
        return TrackRecord(fixture.memory.record)
    }

    @Test("a change is judged by whether its reading moved towards the target")
    func judged() {
        // Eight run after the change: 200 is right on target, 600 is three times as much.
        #expect(Self.record(after: 200).count(up: true) == 1)
        #expect(Self.record(after: 200).bits & 1 == 1)
        #expect(Self.record(after: 600).count(up: true) == 1)
        #expect(Self.record(after: 600).bits & 1 == 0)
        #expect(Self.record(after: 200, pass: 14).count(up: true) == 0)
        #expect(Self.record(after: nil).count(up: true) == 0)
    }

    static let outcomes: [(Int64, Int64, ChangeOutcome)] = [
        (1000, 989, .improved), (1000, 990, .unchanged), (1000, 1010, .unchanged), (1000, 1011, .worse), (0, 0, .unchanged), (0, 500, .worse),
    ]
    @Test("less than a hundredth is no movement", arguments: Self.outcomes)
    func movement(before: Int64, after: Int64, outcome: ChangeOutcome) {
        #expect(ChangeOutcome(before: before, after: after) == outcome)
    }

    @Test("the share of good outcomes counts from three on, of the last twenty, each direction by itself")
    func shares() {
        var record = TrackRecord(0)
        record.add(.improved, up: true)
        record.add(.worse, up: true)
        #expect(record.share(up: true) == 500)
        record.add(.improved, up: true)
        #expect(record.share(up: true) == 666)
        #expect(record.share(up: false) == 500)
        for _ in 0..<20 { record.add(.unchanged, up: false) }
        #expect(record.share(up: false) == 0)
        for _ in 0..<40 { record.add(.improved, up: false) }
        #expect(record.share(up: false) == 1000)
        #expect(record.count(up: false) == 20)
        #expect(record.share(up: true) == 666)
    }

    @Test("a good record makes the next change surer")
    func confidence() {
        var fixture = Fixture([.averageValue("queue", 25)], max: 1000)
        var queue = Quantity(200)
        var confidences: [Quantity] = []
        for _ in 0..<5 {
            confidences.append(fixture.evaluate(["queue": queue]).confidence)
            fixture.pass(15)
            fixture.evaluate(["queue": queue])
            fixture.pass(15)
            queue = Quantity(milli: queue.milli * 2)
        }
        // 0.5 agreement, 0.3 severity, and 0.1 until there are three; then 0.2.
        #expect(confidences == [0.9, 0.9, 0.9, 1, 1])
    }

    @Test("what was cut to nothing is not judged")
    func amended() {
        var fixture = Fixture([.averageValue("queue", 25)])
        let before = fixture.memory
        fixture.evaluate(["queue": 200])
        fixture.memory.amend(to: 4, from: 4, before: before, under: fixture.policy, at: fixture.now)
        fixture.desired = 4
        fixture.pass(15)
        fixture.evaluate(["queue": 100])
        #expect(fixture.memory.record == 0)
    }

    @Test("a change is judged a start-up, a window and an evaluation later, and not before")
    func due() {
        func isJudged(after: Duration, startup: Duration, window: Metric.Window?) -> Bool {
            var fixture = Fixture([.averageValue("queue", 25)], metrics: [Fixture.metric("queue", window: window)])
            fixture.evaluate(["queue": 200])
            fixture.now = fixture.now + after
            var input = fixture.input(["queue": .value(Sample(value: 200, at: fixture.now))])
            input.workload.startup = startup
            let memory = Engine.evaluate(input).memory
            #expect((memory.pendingAt == nil) == (memory.record != 0))
            return memory.record != 0
        }
        let window = Metric.Window(last: .seconds(60), aggregate: .last)
        for (startup, window, due): (Duration, Metric.Window?, Duration) in [
            (.zero, nil, .seconds(15)), (.seconds(20), nil, .seconds(35)), (.zero, window, .seconds(75)), (.seconds(20), window, .seconds(95)),
            (.seconds(-20), nil, .seconds(15)),
        ] {
            #expect(isJudged(after: due, startup: startup, window: window))
            #expect(!isJudged(after: due - .microseconds(1), startup: startup, window: window))
        }
    }

    @Test("a change whose rule is gone, or whose rule has no metric any more, is never judged")
    func ruleGone() {
        for isMetric in [false, true] {
            var fixture = Fixture([.averageValue("mail", 10), .averageValue("queue", 25)])
            fixture.evaluate(["queue": 200, "mail": 40])
            #expect(fixture.memory.pendingAt == fixture.now)
            fixture.pass(15)
            if isMetric { fixture.policy.metrics.removeLast() } else { fixture.policy.rules.removeLast() }
            fixture.evaluate(["queue": 200, "mail": 80])
            #expect(fixture.memory.pendingAt == nil)
            #expect(fixture.memory.record == 0)
        }
    }

    @Test("a change whose reading is missing when it is due is judged as soon as there is one; one that no rule made is not")
    func lateOrNever() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.evaluate(["queue": 200])
        fixture.pass(15)
        fixture.evaluate([:] as [String: ReadingAnswer])
        #expect(fixture.memory.pendingAt != nil)
        fixture.pass(15)
        fixture.evaluate(["queue": 200])
        #expect(TrackRecord(fixture.memory.record).count(up: true) == 1)
        fixture.override = fixture.override(to: 0)
        fixture.desired = 4
        fixture.evaluate([:] as [String: ReadingAnswer])
        #expect(fixture.memory.pendingAt == nil)
    }

    @Test("what is to be judged survives in one number")
    func pending() {
        for rule in [0, 1, 513, 65_535] {
            for distance: Int64 in [0, 1, 70_000, PendingOutcome.mostDistance] {
                for isUp in [false, true] {
                    let pending = PendingOutcome(rule: rule, isUp: isUp, distance: distance)
                    #expect(PendingOutcome(pending.bits) == pending)
                    #expect(pending.rule == rule && pending.isUp == isUp && pending.distance == distance)
                }
            }
        }
        #expect(PendingOutcome(rule: 0, isUp: true, distance: -1).distance == 0)
        #expect(PendingOutcome(rule: 0, isUp: true, distance: .max).distance == 1_000_000)
    }

    @Test("distance is how far from the target, in thousandths of it; beyond any it is the greatest that is told apart")
    func distance() {
        #expect(Opinion(ratio: Ratio(1500, of: 1000)).distance == 500)
        #expect(Opinion(ratio: Ratio(400, of: 1000)).distance == 600)
        #expect(Opinion(ratio: Ratio(1000, of: 1000)).distance == 0)
        #expect(Opinion(ratio: Ratio(1_001_000, of: 1000)).distance == 1_000_000)
        #expect(Opinion(ratio: Ratio(1_002_000, of: 1000)).distance == 1_000_000)
        #expect(Opinion().distance == 0)
        #expect(Opinion(isUnbounded: true).distance == 1_000_000)
        #expect(Opinion(ratio: Ratio(1500, of: 1000)).severity == 500)
        #expect(Opinion(ratio: Ratio(400, of: 1000)).severity == 600)
        #expect(Opinion(ratio: Ratio(9000, of: 1000)).severity == 1000)
        #expect(Opinion().severity == 0)
        #expect(Opinion(isUnbounded: true).severity == 1000)
    }

    @Test("a record of twenty is full, each direction's bits are its own")
    func fullRecord() {
        var record = TrackRecord(0)
        for index in 0..<21 { record.add(index == 0 ? .improved : .worse, up: true) }
        #expect(record.count(up: true) == 20)
        #expect(record.share(up: true) == 0)
        #expect(record.count(up: false) == 0)
        for _ in 0..<20 { record.add(.improved, up: true) }
        for _ in 0..<20 { record.add(.improved, up: false) }
        #expect(record.share(up: true) == 1000 && record.share(up: false) == 1000)
        record.add(.worse, up: true)
        record.add(.worse, up: true)
        record.add(.worse, up: true)
        #expect(record.share(up: true) == 850 && record.share(up: false) == 1000)
        record.add(.worse, up: false)
        #expect(record.share(up: true) == 850 && record.share(up: false) == 950)
    }
}
