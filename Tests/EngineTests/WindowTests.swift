import Model
import Testing

@testable import Engine

/// What is kept of a metric's samples, and what is made of them.
@Suite("Windows of samples")
struct WindowTests {
    /// A metric of its own rule, told by its reading.
    private static func fixture(_ aggregate: Metric.Aggregate, last: Duration, every: Duration = .seconds(15), lookback: Duration? = nil) -> Fixture {
        var fixture = Fixture(
            [.value("queue", 1_000_000)], metrics: [Fixture.metric("queue", window: .init(last: last, aggregate: aggregate), maxAge: .seconds(3600))])
        fixture.policy.evaluateEvery = every
        if let lookback {
            fixture.policy.emergency = .init(when: .comparison(.greater, .change(metric: "queue", over: lookback), .number(1_000_000)), replicas: .max)
        }
        return fixture
    }
    private static func samples(_ fixture: Fixture) -> [Int] { fixture.memory.series(of: "queue")?.samples.map { Int($0.value.milli / 1000) } ?? [] }

    @Test("of more samples than there is room for the oldest goes, and one that is older still does not come in")
    func full() {
        var fixture = Self.fixture(.sum, last: .seconds(60))
        // Room for 6: the window's four, and two to spare.
        for value in 1...8 {
            fixture.evaluate(["queue": Quantity(value)])
            fixture.pass(5)
        }
        #expect(Self.samples(fixture) == [3, 4, 5, 6, 7, 8])
        let before = fixture.memory.series(of: "queue")
        let decision = fixture.evaluate(["queue": .value(Sample(value: 99, at: Fixture.start))])
        #expect(decision.readings[0].value == 33)
        #expect(fixture.memory.series(of: "queue")?.samples == before?.samples)
        #expect(fixture.memory.series(of: "queue")?.lastGood?.value == 33)
    }

    static let orders = [[0, 10, 20, 5], [0, 10, 20, 30, 5], [10, 20, 30, 0], [0, 10, 20, 30, 15, 5], [20, 10, 0]]
    @Test("samples that come late are put where they belong", arguments: Self.orders)
    func late(times: [Int]) {
        var fixture = Self.fixture(.sum, last: .seconds(120))
        fixture.pass(30)
        for time in times { fixture.evaluate(["queue": .value(Sample(value: Quantity(time), at: Fixture.start + .seconds(time)))]) }
        #expect(Self.samples(fixture) == times.sorted())
        #expect(fixture.memory.series(of: "queue")?.samples.map(\.at) == times.sorted().map { Fixture.start + .seconds($0) })
    }

    @Test("samples beyond the window go, the newest stays, however old", arguments: 1...5)
    func newest(count: Int) {
        var fixture = Self.fixture(.sum, last: .seconds(60))
        for value in 1...count {
            fixture.evaluate(["queue": Quantity(value)])
            fixture.pass(10)
        }
        fixture.pass(990)
        let decision = fixture.evaluate([String: ReadingAnswer]())
        #expect(Self.samples(fixture) == [count])
        #expect(decision.readings[0].age == .seconds(1000))
    }

    @Test("a sample is kept to the very end of the window", arguments: [(60, [1, 2]), (61, [2])])
    func end(seconds: Int, kept: [Int]) {
        var fixture = Self.fixture(.sum, last: .seconds(60))
        fixture.evaluate(["queue": 1])
        fixture.pass(30)
        fixture.evaluate(["queue": 2])
        fixture.pass(seconds - 30)
        fixture.evaluate([String: ReadingAnswer]())
        #expect(Self.samples(fixture) == kept)
    }

    struct Told: CustomStringConvertible, Sendable {
        let aggregate: Metric.Aggregate
        let value: Quantity
        var description: String { self.aggregate.rawValue }
    }

    /// Of the values 1, 2, 4, 8, 16, 32, 64 at 15 s the last three are within 30 s.
    static let last30: [Told] = [
        Told(aggregate: .last, value: 64), Told(aggregate: .min, value: 16), Told(aggregate: .max, value: 64), Told(aggregate: .sum, value: 112),
        Told(aggregate: .p50, value: 32),
    ]
    @Test("an aggregate is of its window, also where more is kept for looking back", arguments: Self.last30)
    func lookingBack(told: Told) {
        var fixture = Self.fixture(told.aggregate, last: .seconds(30), lookback: .seconds(120))
        var decision: Decision?
        for exponent in 0...6 {
            if exponent > 0 { fixture.pass(15) }
            decision = fixture.evaluate(["queue": Quantity(1 << exponent)])
        }
        #expect(decision?.readings[0].value == told.value)
        #expect(Self.samples(fixture) == [1, 2, 4, 8, 16, 32, 64])
        // All of them are too old: the newest speaks alone.
        fixture.pass(60)
        let old = fixture.evaluate(["queue": .value(Sample(value: 64, at: fixture.now - .seconds(60)))])
        #expect(old.readings[0].value == 64)
    }

    /// Nearest rank: the smallest value that so many of a hundred do not exceed.
    static let ranks: [(Metric.Aggregate, of: Int, rank: Int)] = [
        (.p50, 1, 1), (.p99, 1, 1), (.p50, 2, 1), (.p50, 3, 2), (.p90, 10, 9), (.p90, 11, 10), (.p95, 20, 19), (.p95, 21, 20), (.p99, 50, 50), (.p99, 100, 99),
        (.p99, 101, 100), (.p90, 100, 90), (.p95, 100, 95), (.p50, 100, 50),
    ]
    @Test("percentiles are samples", arguments: Self.ranks)
    func percentiles(aggregate: Metric.Aggregate, count: Int, rank: Int) {
        var fixture = Self.fixture(aggregate, last: .seconds(200), every: .seconds(1))
        var decision: Decision?
        for value in 1...count {
            if value > 1 { fixture.pass(1) }
            decision = fixture.evaluate(["queue": Quantity(value)])
        }
        #expect(decision?.readings[0].value == Quantity(rank))
    }

    @Test("a rate needs two samples, be they a microsecond apart")
    func rate() {
        var fixture = Self.fixture(.rate, last: .seconds(60))
        #expect(fixture.evaluate(["queue": 5]).readings[0].missing == .partial)
        fixture.now = fixture.now + .microseconds(1)
        #expect(fixture.evaluate(["queue": Quantity(milli: 5001)]).readings[0].value == 1000)
    }

    /// Samples that double every 15 s; by how many percent the last is more than so long ago.
    static let changes: [(count: Int, over: Int, percent: Int?)] = [
        (4, 15, 100), (4, 30, 300), (4, 45, 700), (4, 60, nil), (5, 15, 100), (5, 30, 300), (5, 45, 700), (5, 60, 1500), (5, 20, 300), (5, 50, 1500),
    ]
    @Test("a change is from the newest sample that is old enough", arguments: Self.changes)
    func change(count: Int, over: Int, percent: Int?) {
        for (limit, isEmergency) in [((percent ?? 0) - 1, percent != nil), (percent ?? 0, false)] {
            var fixture = Fixture([.value("queue", 1_000_000)])
            fixture.policy.emergency = .init(
                when: .comparison(.greater, .change(metric: "queue", over: .seconds(over)), .number(Quantity(limit))), replicas: .count(9))
            var decision: Decision?
            for index in 0..<count {
                if index > 0 { fixture.pass(15) }
                fixture.desired = 4
                decision = fixture.evaluate(["queue": Quantity(1 << index)])
            }
            #expect(decision?.reasons.contains(.emergency) == isEmergency)
        }
    }

    @Test("where the last sample is itself old enough, nothing has changed since", arguments: [(29, true), (30, false), (40, false)])
    func unchanged(seconds: Int, isEmergency: Bool) {
        var fixture = Fixture([.value("queue", 1_000_000)])
        fixture.policy.emergency = .init(when: .comparison(.greater, .change(metric: "queue", over: .seconds(30)), .number(50)), replicas: .count(9))
        fixture.evaluate(["queue": 1])
        fixture.pass(15)
        let last = ReadingAnswer.value(Sample(value: 100, at: fixture.now))
        fixture.evaluate(["queue": last])
        fixture.pass(seconds)
        #expect(fixture.evaluate(["queue": last]).reasons.contains(.emergency) == isEmergency)
    }
}
