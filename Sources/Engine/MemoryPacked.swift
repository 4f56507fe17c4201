public import Model

// The packed form: a tenth of the JSON. Times are differences to the one before, of the block they lie in.

extension Memory {
    /// - Parameter base: a time near all others, such as that of the evaluation.
    public func write(to writer: inout PackedWriter, after base: WallTime) {
        writer.write(count: self.series.count)
        for series in self.series {
            writer.write(
                series.metric, series.samples.count, lastGood: series.lastGood, askedSince: series.askedSince, believed: series.believed,
                doubtedFor: series.doubtedFor, after: base
            ) { series.samples[$0] }
        }
        writer.write(count: self.conditions.count)
        for condition in self.conditions { writer.write(condition, after: base) }
        writer.write(times: self.lastUp, self.lastDown, self.missingSince, self.pendingAt, after: base)
        writer.write(self.record)
        if self.pendingAt != nil { writer.write(self.pending) }
        for entries in [self.recommendations, self.ups, self.downs] { writer.write(entries.count, after: base) { entries[$0] } }
        writer.write(count: self.guards.count)
        for guarded in self.guards { writer.write(guarded, after: base) }
    }
}

extension Cells {
    /// What ``Memory`` of them writes, without making one.
    func write(to writer: inout PackedWriter, _ program: Program, at now: WallTime, after base: WallTime) {
        writer.write(count: program.metrics.count)
        for index in 0..<program.metrics.count {
            let place = program.metrics[index].cells
            let doubts = place.doubt >= 0
            writer.write(
                program.distinctMetrics[index].name, Int(self[place.count]), lastGood: self.sample(place.lastGood), askedSince: self.askedSince(place),
                believed: doubts ? self.sample(place.doubt) : nil, doubtedFor: doubts ? Int(self[place.doubt + 2]) : 0, after: base
            ) { Sample(value: Quantity(milli: self[place.samples + 2 * $0]), at: WallTime(microseconds: self[place.samples + 2 * $0 + 1])) }
        }
        writer.write(count: program.cells.conditions.count { $0.metric >= 0 && self[$0.cell] != Self.never })
        for condition in program.cells.conditions {
            if let held = self.condition(condition, program) { writer.write(held, after: base) }
        }
        let pendingAt = self.time(CellLayout.Header.pendingAt)
        writer.write(
            times: self.time(CellLayout.Header.lastUp), self.time(CellLayout.Header.lastDown), self.time(CellLayout.Header.missingSince), pendingAt, after: base
        )
        writer.write(self[CellLayout.Header.record])
        if pendingAt != nil { writer.write(self[CellLayout.Header.pending]) }
        func write(_ log: CountLog, _ place: CellLayout.Log) {
            writer.write(self.entries(log), after: base) { self.dated(place.cell + $0, at: now.milliseconds) }
        }
        write(.recommendations, program.cells.recommendations)
        write(.ups, program.cells.ups)
        write(.downs, program.cells.downs)
        let guards = self.guards(program)
        writer.write(count: guards.count)
        for guarded in guards { writer.write(guarded, after: base) }
    }
}

extension PackedWriter {
    @inline(__always)
    fileprivate mutating func write(
        _ metric: String, _ count: Int, lastGood: Sample?, askedSince: WallTime?, believed: Sample?, doubtedFor: Int, after base: WallTime,
        sample: (Int) -> Sample
    ) {
        self.write(metric)
        self.write(count: count)
        var last = Sample(value: .zero, at: base)
        for index in 0..<count { self.write(sample(index), after: &last) }
        self.write(UInt64((lastGood == nil ? 0 : 1) | (believed == nil ? 0 : 2) | (askedSince == nil ? 0 : 4)))
        // Most often the newest sample itself.
        if let lastGood { self.write(lastGood, after: &last) }
        if let believed {
            self.write(believed, after: &last)
            self.write(count: doubtedFor)
        }
        if let askedSince { self.write(askedSince, after: base) }
    }

    @inline(__always)
    private mutating func write(_ sample: Sample, after last: inout Sample) {
        self.write(sample.value.milli &- last.value.milli)
        self.write(sample.at, after: last.at)
        last = sample
    }

    fileprivate mutating func write(_ condition: Memory.Condition, after base: WallTime) {
        self.write(condition.metric)
        self.write(UInt64(condition.side == .above ? 0 : 1))
        self.write(condition.threshold.milli)
        self.write(condition.since, after: base)
    }

    @inline(__always)
    fileprivate mutating func write(_ count: Int, after base: WallTime, entry: (Int) -> Memory.Entry) {
        self.write(count: count)
        var last = base
        for index in 0..<count {
            let entry = entry(index)
            self.write(entry.replicas)
            self.write(entry.at, after: last)
            last = entry.at
        }
    }

    fileprivate mutating func write(_ guarded: Memory.Guarded, after base: WallTime) {
        self.write(guarded.guarding)
        self.write(times: guarded.since, after: base)
        self.write(count: guarded.fired.count)
        for time in guarded.fired { self.write(time, after: base) }
    }

    /// Which of them there are, then these.
    @inline(__always)
    fileprivate mutating func write(
        times first: WallTime?, _ second: WallTime? = nil, _ third: WallTime? = nil, _ fourth: WallTime? = nil, after base: WallTime
    ) {
        self.write(UInt64((first == nil ? 0 : 1) | (second == nil ? 0 : 2) | (third == nil ? 0 : 4) | (fourth == nil ? 0 : 8)))
        if let first { self.write(first, after: base) }
        if let second { self.write(second, after: base) }
        if let third { self.write(third, after: base) }
        if let fourth { self.write(fourth, after: base) }
    }
}

// MARK: - Reading

extension Memory {
    /// Reads what ``write(to:after:)`` wrote after the same base.
    /// - Throws: where the bytes end, or make no memory.
    public init(from reader: inout PackedReader, after base: WallTime) throws(PackedError) {
        var series: [Series] = []
        for _ in 0..<(try reader.count()) { series.append(try Series(from: &reader, after: base)) }
        var conditions: [Condition] = []
        for _ in 0..<(try reader.count()) {
            conditions.append(
                Condition(
                    metric: try reader.text(), side: try reader.number() == 0 ? .above : .below, threshold: Quantity(milli: try reader.int64()),
                    since: try reader.time(after: base)))
        }
        let times = try reader.times(4, after: base)
        self.init(series: series, conditions: conditions, lastUp: times[0], lastDown: times[1], missingSince: times[2])
        self.pendingAt = times[3]
        self.record = try reader.int64()
        if self.pendingAt != nil { self.pending = try reader.int64() }
        self.recommendations = try Self.entries(from: &reader, after: base)
        self.ups = try Self.entries(from: &reader, after: base)
        self.downs = try Self.entries(from: &reader, after: base)
        for _ in 0..<(try reader.count()) {
            let guarding = try reader.text()
            let since = try reader.times(1, after: base)[0]
            var fired: [WallTime] = []
            for _ in 0..<(try reader.count()) { fired.append(try reader.time(after: base)) }
            self.guards.append(Guarded(guarding: guarding, since: since, fired: fired))
        }
    }

    private static func entries(from reader: inout PackedReader, after base: WallTime) throws(PackedError) -> [Entry] {
        var entries: [Entry] = []
        var last = base
        let count = try reader.count()
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let replicas = try reader.int()
            last = try reader.time(after: last)
            entries.append(Entry(replicas: replicas, at: last))
        }
        return entries
    }
}

extension Memory.Series {
    fileprivate init(from reader: inout PackedReader, after base: WallTime) throws(PackedError) {
        let metric = try reader.text()
        var last = Sample(value: .zero, at: base)
        func read(_ reader: inout PackedReader) throws(PackedError) -> Sample {
            let value = last.value.milli &+ (try reader.int64())
            last = Sample(value: Quantity(milli: value), at: try reader.time(after: last.at))
            return last
        }
        var samples: [Sample] = []
        let count = try reader.count()
        samples.reserveCapacity(count)
        for _ in 0..<count { samples.append(try read(&reader)) }
        let flags = try reader.number()
        self.init(metric: metric, samples: samples, lastGood: flags & 1 == 0 ? nil : try read(&reader))
        if flags & 2 != 0 {
            self.believed = try read(&reader)
            self.doubtedFor = Int(truncatingIfNeeded: try reader.number())
        }
        if flags & 4 != 0 { self.askedSince = try reader.time(after: base) }
    }
}

extension PackedReader {
    fileprivate mutating func times(_ count: Int, after base: WallTime) throws(PackedError) -> [WallTime?] {
        let present = try self.number()
        var times: [WallTime?] = []
        for index in 0..<count { times.append(present & 1 << UInt64(index) == 0 ? nil : try self.time(after: base)) }
        return times
    }
}
