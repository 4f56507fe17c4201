import Model

/// Step 1: what the sources answered, with what is remembered, becomes one reading a metric.
///
/// A source that gives no number now makes the reading *missing*, however recent the last number is: whether to go on
/// with that is `onMissing`'s to say. A number whose own time is older than the metric's `maxAge` is *stale*. One that fell
/// faster than `plausible` allows is *doubted*. Stale and doubted readings may raise, never lower.
extension Ladder {
    func read() {
        for index in 0..<self.program.metrics.count {
            let metric = self.program.metrics[index]
            var reading = self.reading(of: metric, self.scratch.answers[index])
            if reading.quality == .fresh, metric.plausible != nil { self.doubt(&reading, metric, self.scratch.answers[index]) }
            if reading.quality == .fresh {
                self.cells[metric.cells.lastGood] = reading.value
                self.cells[metric.cells.lastGood + 1] = self.now
            } else if self.cells[metric.cells.lastGood + 1] == Cells.never, self.cells[metric.cells.lastGood] == Cells.never {
                self.cells[metric.cells.lastGood] = self.now
            }
            self.scratch.readings[index] = reading
        }
        self.follow()
        for index in 0..<self.program.metrics.count where self.scratch.readings[index].quality == .missing {
            if let ladder = self.program.metrics[index].ladder { self.replace(index, by: ladder) }
        }
    }

    @inline(__always)
    private func reading(of metric: Program.Metric, _ answer: Answer) -> MetricReading {
        var reading = MetricReading()
        reading.missing = answer.missing
        let place = metric.cells
        self.dropFuture(place)
        if answer.missing == nil {
            if answer.at > self.now.addingSaturating(Engine.clockAllowance.microseconds) {
                reading.missing = .clock
            } else {
                self.insert(answer.value, at: answer.at, place)
            }
        }
        self.prune(place)
        let count = Int(self.cells[place.count])
        guard count > 0 else { return reading }
        reading.age = max(self.now.subtractingSaturating(self.sampleTime(place, count - 1)), 0)
        guard reading.missing == nil else { return reading }
        guard let value = self.aggregate(metric, count) else {
            reading.missing = .partial
            return reading
        }
        reading.value = value
        reading.quality = reading.age <= metric.maxAge ? .fresh : .stale
        return reading
    }

    /// A fall that is too steep is doubted until it has held for long enough and the source vouches for itself, or a person does.
    private func doubt(_ reading: inout MetricReading, _ metric: Program.Metric, _ answer: Answer) {
        guard let plausible = metric.plausible else { return }
        let cell = metric.cells.doubt
        let (believed, at, held) = (self.cells[cell], self.cells[cell + 1], self.cells[cell + 2])
        let isTooSteep =
            at != Cells.never && believed > 0 && reading.value < believed
            && (answer.isCorrelatedDrop || self.isSteeper(reading.value, than: plausible, from: believed, at))
        let isProven = held >= Int64(Policy.Plausible.evaluationsToBelieve) && !answer.isUnhealthy
        if isTooSteep, !answer.isAccepted, !isProven {
            self.cells[cell + 2] = held + 1
            reading.quality = .doubted
            return
        }
        self.cells[cell] = reading.value
        self.cells[cell + 1] = self.now
        self.cells[cell + 2] = 0
    }

    /// Falls compound: after two periods, the share may apply twice. Beyond this many periods nothing more is asked.
    private static var mostPeriods: Int64 { 10 }

    private func isSteeper(_ value: Int64, than plausible: Program.Plausible, from believed: Int64, _ at: Int64) -> Bool {
        let elapsed = max(self.now.subtractingSaturating(at), 0)
        let periods = min(max(1, (elapsed.addingSaturating(plausible.period - 1)) / plausible.period), Self.mostPeriods)
        var least = Int128(believed)
        for _ in 0..<periods { least = least * Int128(plausible.leastShare) / 1000 }
        return Int128(value) < least
    }

    /// A metric's own steps without a reading, as time passes since it was last fresh or, when it never was, since it was first asked for.
    private func replace(_ index: Int, by ladder: UnsafeBufferPointer<Program.Rung>) {
        let metric = self.program.metrics[index]
        let good = self.cells[metric.cells.lastGood + 1]
        let since = good != Cells.never ? good : self.cells[metric.cells.lastGood]
        let elapsed = max(self.now.subtractingSaturating(since), 0)
        for rung in ladder where elapsed < rung.until {
            switch rung.step {
            case .hold: return
            case .lastGood:
                if good != Cells.never { self.replaceWithLastGood(index) }
                return
            case .secondary: if self.replaceWithSecondary(index) { return }
            case .replicas(let count):
                self.scratch.readings[index].floor = count
                return
            }
        }
    }

    /// It counts as stale, so that it may raise and never lower.
    func replaceWithLastGood(_ index: Int) {
        let cell = self.program.metrics[index].cells.lastGood
        guard self.scratch.readings[index].quality != .fresh, self.cells[cell + 1] != Cells.never else { return }
        self.scratch.readings[index].value = self.cells[cell]
        self.scratch.readings[index].quality = .stale
        self.scratch.readings[index].isReplacement = true
    }

    /// - Returns: whether the second source has a fresh number.
    func replaceWithSecondary(_ index: Int) -> Bool {
        guard let second = self.scratch.answers[index].secondary else { return false }
        let age = self.now.subtractingSaturating(second.at)
        guard age <= self.program.metrics[index].maxAge, age >= -Engine.clockAllowance.microseconds else { return false }
        self.scratch.readings[index].value = second.value
        self.scratch.readings[index].age = max(age, 0)
        self.scratch.readings[index].quality = .fresh
        self.scratch.readings[index].isReplacement = true
        return true
    }

    /// What the readings say about conditions that have to last, and since when there has been no reading at all.
    private func follow() {
        for condition in self.program.cells.conditions {
            let reading = condition.metric >= 0 ? self.scratch.readings[condition.metric] : MetricReading()
            let holds =
                switch condition.side {
                case .above: reading.hasValue && reading.value > condition.threshold.milli
                // What may not lower can't carry a condition to lower on.
                case .below: reading.quality == .fresh && reading.value < condition.threshold.milli
                }
            if !holds {
                self.cells[condition.cell] = Cells.never
            } else if self.cells[condition.cell] == Cells.never {
                self.cells[condition.cell] = self.now
            }
        }
        var isAnyFresh = false
        for rule in self.program.rules where rule.metric >= 0 && self.scratch.readings[rule.metric].quality == .fresh { isAnyFresh = true }
        if isAnyFresh {
            self.cells[CellLayout.Header.missingSince] = Cells.never
        } else if self.cells[CellLayout.Header.missingSince] == Cells.never {
            self.cells[CellLayout.Header.missingSince] = self.now
        }
    }

    /// When any metric that a rule names was last fresh, or since when none has been.
    var lastUsable: Int64 {
        var latest = Cells.never
        for rule in self.program.rules where rule.metric >= 0 {
            latest = max(latest, self.cells[self.program.metrics[rule.metric].cells.lastGood + 1])
        }
        if latest != Cells.never { return latest }
        let missing = self.cells[CellLayout.Header.missingSince]
        return missing != Cells.never ? missing : self.now
    }
}

// MARK: - Samples

extension Ladder {
    @inline(__always)
    private func sampleTime(_ place: MetricCells, _ index: Int) -> Int64 { self.cells[place.samples + 2 * index + 1] }
    @inline(__always)
    private func sampleValue(_ place: MetricCells, _ index: Int) -> Int64 { self.cells[place.samples + 2 * index] }

    @inline(__always)
    private func move(_ place: MetricCells, from: Int, to: Int) {
        self.cells[place.samples + 2 * to] = self.cells[place.samples + 2 * from]
        self.cells[place.samples + 2 * to + 1] = self.cells[place.samples + 2 * from + 1]
    }

    /// One of the same time is replaced, so that a sample that is delivered twice counts once. Where there is no room the oldest goes.
    private func insert(_ value: Int64, at time: Int64, _ place: MetricCells) {
        var count = Int(self.cells[place.count])
        var index = count
        while index > 0, self.sampleTime(place, index - 1) >= time { index -= 1 }
        if index == count || self.sampleTime(place, index) != time {
            if count == place.capacity {
                // Older than all that there is room for.
                guard index > 0 else { return }
                for moved in 1..<max(index, 1) { self.move(place, from: moved, to: moved - 1) }
                index -= 1
            } else {
                for moved in stride(from: count, to: index, by: -1) { self.move(place, from: moved - 1, to: moved) }
                count += 1
            }
        }
        self.cells[place.samples + 2 * index] = value
        self.cells[place.samples + 2 * index + 1] = time
        self.cells[place.count] = Int64(count)
    }

    /// Drops what lies too far ahead to be dated: a clock went back.
    @inline(__always)
    private func dropFuture(_ place: MetricCells) {
        var count = Int(self.cells[place.count])
        let horizon = self.now.addingSaturating(Engine.clockAllowance.microseconds)
        while count > 0, self.sampleTime(place, count - 1) > horizon { count -= 1 }
        self.cells[place.count] = Int64(count)
    }

    /// Drops what no later evaluation needs, the newest sample excepted.
    @inline(__always)
    private func prune(_ place: MetricCells) {
        let count = Int(self.cells[place.count])
        guard count > 1 else { return }
        let oldest = self.now.subtractingSaturating(place.retention)
        var dropped = 0
        while dropped < count - 1, self.sampleTime(place, dropped) < oldest { dropped += 1 }
        guard dropped > 0 else { return }
        for index in dropped..<count { self.move(place, from: index, to: index - dropped) }
        self.cells[place.count] = Int64(count - dropped)
    }

    /// The value that a metric had so long ago: the newest sample at least that old, no more than its `maxAge` older.
    func past(_ metric: Int, _ over: Int64) -> Int64? {
        guard metric >= 0, self.scratch.readings[metric].quality == .fresh else { return nil }
        let place = self.program.metrics[metric].cells
        let then = self.now.subtractingSaturating(over)
        for index in stride(from: Int(self.cells[place.count]) - 1, through: 0, by: -1) where self.sampleTime(place, index) <= then {
            let isRecentEnough = then - self.sampleTime(place, index) <= self.program.metrics[metric].maxAge
            return isRecentEnough ? self.sampleValue(place, index) : nil
        }
        return nil
    }

    /// One number from the samples of the window; nil only for a rate that has too few. Means, sums and rates are computed in 128 bits and rounded
    /// once, to the nearest thousandth; percentiles are samples (nearest rank).
    @inline(__always)
    private func aggregate(_ metric: Program.Metric, _ count: Int) -> Int64? {
        let place = metric.cells
        guard let window = metric.window else { return self.sampleValue(place, count - 1) }
        var first = 0
        let oldest = self.now.subtractingSaturating(window.length)
        while first < count - 1, self.sampleTime(place, first) < oldest { first += 1 }
        return self.aggregate(window.aggregate, place, first..<count)
    }

    private func aggregate(_ aggregate: Metric.Aggregate, _ place: MetricCells, _ range: Range<Int>) -> Int64? {
        switch aggregate {
        case .last: return self.sampleValue(place, range.upperBound - 1)
        case .min: return range.reduce(.max) { min($0, self.sampleValue(place, $1)) }
        case .max: return range.reduce(.min) { max($0, self.sampleValue(place, $1)) }
        case .sum: return Int64(clamping: self.sum(place, range))
        case .avg: return Int64(clamping: Exact.roundDivide(self.sum(place, range), by: Int128(range.count)))
        case .p50: return self.percentile(50, place, range)
        case .p90: return self.percentile(90, place, range)
        case .p95: return self.percentile(95, place, range)
        case .p99: return self.percentile(99, place, range)
        case .rate: return self.rate(place, range)
        }
    }

    private func sum(_ place: MetricCells, _ range: Range<Int>) -> Int128 { range.reduce(0) { $0 + Int128(self.sampleValue(place, $1)) } }

    private func percentile(_ percent: Int, _ place: MetricCells, _ range: Range<Int>) -> Int64 {
        var ordered = UnsafeMutableBufferPointer(start: self.scratch.sorted, count: range.count)
        for (slot, index) in range.enumerated() { ordered[slot] = self.sampleValue(place, index) }
        ordered.sort()
        let rank = (range.count * percent + 99) / 100
        return ordered[rank - 1]
    }

    /// Change per second since the window's first sample, or since the last one that was lower than the one before it: a counter that restarted.
    private func rate(_ place: MetricCells, _ range: Range<Int>) -> Int64? {
        var first = range.lowerBound
        for index in range.dropFirst() where self.sampleValue(place, index) < self.sampleValue(place, index - 1) { first = index }
        let last = range.upperBound - 1
        let change = Int128(self.sampleValue(place, last)) - Int128(self.sampleValue(place, first))
        let microseconds = Int128(self.sampleTime(place, last)) - Int128(self.sampleTime(place, first))
        // One sample is no change.
        guard microseconds > 0 else { return nil }
        return Int64(clamping: Exact.roundDivide(change * 1_000_000, by: microseconds))
    }
}
