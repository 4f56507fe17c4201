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
}
