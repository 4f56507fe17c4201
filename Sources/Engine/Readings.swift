import Model

/// Step 1: what the sources answered, with what memory holds, becomes one reading a metric.
///
/// A source that gives no number now makes the reading *missing*, however recent the last number is: whether to go on
/// with that is the policy's `onMissing` to say. A number whose own time is older than the metric's `maxAge` is
/// *stale*.
struct Readings {
    /// In the order of the policy's metrics.
    var all: [Reading] = []

    /// nil when the policy has no such metric.
    subscript(metric: String) -> Reading? { self.all.first { $0.metric == metric } }

    /// Takes the answers into `memory` and makes readings of what it then holds.
    static func take(_ input: EvaluationInput, into memory: inout Memory) -> Readings {
        var readings = Readings()
        var kept: [Memory.Series] = []
        kept.reserveCapacity(input.policy.metrics.count)
        readings.all.reserveCapacity(input.policy.metrics.count)
        for metric in input.policy.metrics where readings[metric.name] == nil {
            var series = memory.series(of: metric.name) ?? Memory.Series(metric: metric.name)
            let answer = input.answers[metric.name] ?? .missing(.absent, evidence: "")
            readings.all.append(Self.reading(of: metric, answer: answer, series: &series, at: input.now))
            kept.append(series)
        }
        memory.series = kept
        return readings
    }

    /// The last good values in place of missing and stale ones; they count as stale, so that they may raise and never
    /// lower.
    func withLastGood(_ memory: Memory) -> Readings {
        var readings = self
        for index in readings.all.indices where readings.all[index].quality != .fresh {
            guard let good = memory.series(of: readings.all[index].metric)?.lastGood else { continue }
            readings.all[index].value = good.value
            readings.all[index].quality = .stale
        }
        return readings
    }

    private static func reading(of metric: Metric, answer: ReadingAnswer, series: inout Memory.Series, at now: WallTime)
        -> Reading
    {
        var reading = Reading(
            metric: metric.name, unit: metric.unit, quality: .missing, maxAge: metric.maxAge,
            window: metric.window.map { "\($0.last.text) \($0.aggregate.rawValue)" }, source: metric.source.kind)
        switch answer {
        case .missing(let reason, let evidence):
            reading.missing = reason
            reading.evidence = evidence.isEmpty ? nil : evidence
        case .value(let sample) where sample.at > now + Engine.clockAllowance:
            reading.missing = .clock
            reading.evidence = "the sample is dated \(sample.at), ahead of \(now)"
        case .value(let sample):
            series.insert(sample)
        }
        series.prune(window: metric.window?.last, now: now)
        guard let newest = series.samples.last else { return reading }
        let age = max(now - newest.at, .zero)
        reading.age = age
        guard reading.missing == nil else { return reading }
        guard let value = Self.aggregate(series.samples, metric.window?.aggregate ?? .last) else {
            reading.missing = .partial
            reading.evidence =
                "a rate needs two samples within \(metric.window?.last.text ?? "the window") since the last reset"
            return reading
        }
        reading.value = value
        reading.quality = age <= metric.maxAge ? .fresh : .stale
        if reading.quality == .fresh { series.lastGood = Sample(value: value, at: now) }
        return reading
    }
}

// MARK: - Windows

extension Readings {
    /// One number from the samples of a window, ascending by time; nil only for a rate that has too few. Means, sums
    /// and rates are computed in 128 bits and rounded once, to the nearest thousandth; percentiles are samples (nearest
    /// rank).
    static func aggregate(_ samples: [Sample], _ aggregate: Metric.Aggregate) -> Quantity? {
        guard let newest = samples.last else { return nil }
        switch aggregate {
        case .last: return newest.value
        case .min: return samples.reduce(newest.value) { min($0, $1.value) }
        case .max: return samples.reduce(newest.value) { max($0, $1.value) }
        case .sum: return Exact.quantity(milli: Self.sum(samples))
        case .avg: return Exact.quantity(milli: Exact.roundDivide(Self.sum(samples), by: Int128(samples.count)))
        case .p50: return Self.percentile(50, samples)
        case .p90: return Self.percentile(90, samples)
        case .p95: return Self.percentile(95, samples)
        case .p99: return Self.percentile(99, samples)
        case .rate: return Self.rate(samples)
        }
    }

    private static func sum(_ samples: [Sample]) -> Int128 { samples.reduce(0) { $0 + Int128($1.value.milli) } }

    private static func percentile(_ percent: Int, _ samples: [Sample]) -> Quantity {
        let ordered = samples.map(\.value).sorted()
        let rank = (ordered.count * percent + 99) / 100
        return ordered[max(rank, 1) - 1]
    }

    /// Change per second since the window's first sample, or since the last one that was lower than the one before it:
    /// a counter that restarted.
    private static func rate(_ samples: [Sample]) -> Quantity? {
        var first = samples.startIndex
        for index in samples.indices.dropFirst() where samples[index].value < samples[index - 1].value { first = index }
        let last = samples.endIndex - 1
        guard first < last else { return nil }
        let change = Int128(samples[last].value.milli) - Int128(samples[first].value.milli)
        let microseconds = Int128(samples[last].at.microseconds) - Int128(samples[first].at.microseconds)
        guard microseconds > 0 else { return nil }
        return Exact.quantity(milli: Exact.roundDivide(change * 1_000_000, by: microseconds))
    }
}
