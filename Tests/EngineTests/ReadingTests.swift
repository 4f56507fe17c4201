import Model
import Testing

@testable import Engine

@Suite("Readings")
struct ReadingTests {
    static func samples(_ values: [Quantity], every seconds: Int = 10) -> [Sample] {
        values.enumerated().map { Sample(value: $1, at: Fixture.start + .seconds(seconds * $0)) }
    }

    static let aggregates: [(Metric.Aggregate, [Quantity], Quantity?)] = [
        (.avg, [1, 2, 4], 2.333), (.avg, [1, 2], 1.5), (.avg, [0.001, 0.002], 0.002), (.avg, [-0.001, -0.002], -0.002),
        (.min, [3, 1, 2], 1), (.max, [3, 1, 2], 3),
        (.sum, [3, 1, 2], 6), (.last, [3, 1, 2], 2), (.p50, [4, 1, 3, 2], 2),
        (.p90, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 9),
        (.p95, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10), (.p99, [7], 7), (.rate, [100, 150, 300], 10),
        (.rate, [100, 150, 20, 50], 3),
        (.rate, [100, 20], nil), (.rate, [5], nil), (.rate, [7, 7], 0),
        (.sum, [Quantity(milli: .max), Quantity(milli: .max)], Quantity(milli: .max)),
        (.avg, [Quantity(milli: .max), Quantity(milli: .max)], Quantity(milli: .max)),
        (.rate, [Quantity(milli: .min), Quantity(milli: .max)], Quantity(milli: 1_844_674_407_370_955_162)),
    ]

    @Test("a window becomes one number", arguments: Self.aggregates)
    func aggregate(aggregate: Metric.Aggregate, values: [Quantity], expected: Quantity?) {
        var fixture = Self.windowed(aggregate, last: .seconds(1000))
        for (index, sample) in Self.samples(values).enumerated() {
            let answer: [String: ReadingAnswer] = ["queue": .value(sample)]
            fixture.now = sample.at
            let reading = fixture.evaluate(answer).readings[0]
            if index == values.count - 1 { #expect(reading.value == expected) }
        }
    }

    static func windowed(_ aggregate: Metric.Aggregate, last: Duration = .seconds(60)) -> Fixture {
        Fixture(
            [.averageValue("queue", 25)],
            metrics: [Fixture.metric("queue", window: Metric.Window(last: last, aggregate: aggregate))])
    }

    @Test("a window holds the samples of its length, both ends included")
    func window() {
        var fixture = Self.windowed(.sum)
        var sums: [Quantity?] = []
        for _ in 0..<7 {
            sums.append(fixture.evaluate(["queue": 1]).readings[0].value)
            fixture.pass(15)
        }
        #expect(sums == [1, 2, 3, 4, 5, 5, 5])
        #expect(fixture.evaluate(["queue": 1]).readings[0].window == "1m sum")
    }

    @Test("a sample that is delivered twice counts once")
    func idempotent() {
        var fixture = Self.windowed(.sum)
        let sample = ReadingAnswer.value(Sample(value: 10, at: fixture.now))
        fixture.evaluate(["queue": sample])
        fixture.pass(15)
        let memory = fixture.memory
        #expect(fixture.evaluate(["queue": sample]).readings[0].value == 10)
        #expect(
            fixture.memory.series
                == memory.series.map {
                    Memory.Series(metric: $0.metric, samples: $0.samples, lastGood: Sample(value: 10, at: fixture.now))
                })
        #expect(
            fixture.evaluate(["queue": .value(Sample(value: 12, at: fixture.now - .seconds(15)))]).readings[0].value
                == 12)
    }

    @Test("samples that arrive out of order are put in order")
    func outOfOrder() {
        var fixture = Self.windowed(.last)
        fixture.evaluate(["queue": 7])
        let late = fixture.evaluate(["queue": .value(Sample(value: 3, at: fixture.now - .seconds(20)))])
        #expect(late.readings[0].value == 7)
        #expect(fixture.memory.series[0].samples.map(\.value) == [3, 7])
    }

    /// Age in seconds, quality, with `maxAge` 120 s.
    static let ages: [(Int, Quality)] = [
        (0, .fresh), (120, .fresh), (121, .stale), (100_000, .stale), (-30, .fresh), (-31, .missing),
        (-100_000, .missing),
    ]

    @Test("age decides whether a reading is fresh, stale or, from the future, missing", arguments: Self.ages)
    func quality(age: Int, quality: Quality) {
        var fixture = Fixture([.averageValue("queue", 25)])
        let reading = fixture.evaluate(["queue": .value(Sample(value: 100, at: fixture.now - .seconds(age)))]).readings[
            0]
        #expect(reading.quality == quality)
        #expect(reading.missing == (quality == .missing ? .clock : nil))
        #expect(reading.age.map { $0 >= .zero } ?? (quality == .missing))
        #expect((reading.value == nil) == (quality == .missing))
    }

    @Test("a source that does not answer is missing at once, however recent its last answer; the evidence is kept")
    func missing() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.evaluate(["queue": 100])
        fixture.pass(15)
        let reading = fixture.evaluate(["queue": .missing(.nonFinite, evidence: "NaN")]).readings[0]
        #expect(reading.quality == .missing)
        #expect(reading.value == nil)
        #expect(reading.missing == .nonFinite)
        #expect(reading.evidence == "NaN")
        #expect(reading.age == .seconds(15))
        #expect(fixture.evaluate([:] as [String: ReadingAnswer]).readings[0].missing == .absent)
    }

    @Test("a rate without two samples is missing, not 0")
    func rate() {
        var fixture = Self.windowed(.rate)
        #expect(fixture.evaluate(["queue": 100]).readings[0].missing == .partial)
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 400]).readings[0].value == 20)
        fixture.pass(15)
        #expect(fixture.evaluate(["queue": 5]).readings[0].quality == .missing)
    }

    @Test("samples that a clock which went back left in the future are dropped, and never look fresh")
    func clockWentBack() {
        var fixture = Self.windowed(.avg)
        fixture.evaluate(["queue": 100])
        fixture.pass(-3600)
        let decision = fixture.evaluate([:] as [String: ReadingAnswer])
        #expect(decision.readings[0].quality == .missing)
        #expect(decision.readings[0].age == nil)
        #expect(fixture.memory.series[0].samples.isEmpty)
    }

    @Test("memory keeps no more samples than its limit, and none beyond the window")
    func bounds() {
        var fixture = Self.windowed(.sum, last: .seconds(100_000))
        for _ in 0..<1000 {
            fixture.evaluate(["queue": 1])
            fixture.pass(1)
        }
        #expect(fixture.memory.series[0].samples.count == Memory.maximumSamples)
        #expect(fixture.memory.json.canonical().count <= Memory.maximumBytes(for: fixture.policy))
        fixture.policy.metrics = [Fixture.metric("queue")]
        fixture.evaluate(["queue": 1])
        #expect(fixture.memory.series[0].samples.count == 1)
        fixture.policy.metrics = [Fixture.metric("cpu")]
        fixture.evaluate(["cpu": 1])
        #expect(fixture.memory.series.map(\.metric) == ["cpu"])
    }

    @Test(
        "a second source counts up to its metric's age, and half a minute ahead", arguments: [(-31, false), (-30, true), (0, true), (120, true), (121, false)])
    func secondary(age: Int, counts: Bool) {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.onMissing = [.secondary]
        fixture.policy.metrics[0].secondary = .sql(connection: "other", statement: "select 1")
        var input = fixture.input([:])
        input.secondaries = ["queue": .value(Sample(value: 200, at: fixture.now - .seconds(age)))]
        let decision = Engine.evaluate(input).decision
        #expect(decision.to == (counts ? 8 : 4))
        #expect(decision.readings[0].age == (counts ? .seconds(max(age, 0)) : nil))
        #expect(decision.readings[0].quality == (counts ? .fresh : .missing))
    }

    @Test("of a full window the oldest sample goes, and one older than all of them is not kept")
    func fullWindow() {
        // One evaluation in 15 s, a window of a minute: room for six.
        var fixture = Self.windowed(.sum)
        func sum(_ value: Quantity, after seconds: Int) -> Quantity? {
            fixture.evaluate(["queue": .value(Sample(value: value, at: Fixture.start + .seconds(seconds)))]).readings[0].value
        }
        fixture.now = Fixture.start + .seconds(60)
        #expect([10, 20, 30, 40, 50, 60].map { sum(Quantity($0), after: $0) } == [10, 30, 60, 100, 150, 210])
        #expect(fixture.memory.series[0].samples.map(\.value) == [10, 20, 30, 40, 50, 60])
        #expect(sum(5, after: 5) == 210)
        #expect(sum(25, after: 25) == 225)
        #expect(fixture.memory.series[0].samples.map(\.value) == [20, 25, 30, 40, 50, 60])
        #expect(sum(21, after: 21) == 226)
        #expect(fixture.memory.series[0].samples.map(\.value) == [21, 25, 30, 40, 50, 60])
        #expect(sum(1, after: 60) == 167)
        #expect(fixture.memory.series[0].samples.map(\.value) == [21, 25, 30, 40, 50, 1])
        fixture.pass(1)
        #expect(sum(2, after: 61) == 148)
        #expect(fixture.memory.series[0].samples.map(\.value) == [25, 30, 40, 50, 1, 2])
    }

    @Test("a sample from as far ahead as clocks may differ stays, one from further ahead does not")
    func aheadInMemory() {
        for (pass, left) in [(0, 1), (-1, 0)] {
            var fixture = Self.windowed(.last)
            fixture.evaluate(["queue": .value(Sample(value: 100, at: fixture.now + .seconds(30)))])
            fixture.pass(pass)
            fixture.evaluate([:] as [String: ReadingAnswer])
            #expect(fixture.memory.series[0].samples.count == left)
        }
    }
}
