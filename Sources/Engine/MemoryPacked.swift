public import Model

/// The packed form: a tenth of the JSON. Times are differences to the one before, of the block they lie in.
extension Memory {
    /// - Parameter base: a time near all others, such as that of the evaluation.
    public func write(to writer: inout PackedWriter, after base: WallTime) {
        writer.write(count: self.series.count)
        for series in self.series { series.write(to: &writer, after: base) }
        writer.write(count: self.conditions.count)
        for condition in self.conditions {
            writer.write(condition.metric)
            writer.write(UInt64(condition.side == .above ? 0 : 1))
            writer.write(condition.threshold.milli)
            writer.write(condition.since, after: base)
        }
        writer.write(times: [self.lastUp, self.lastDown, self.missingSince, self.pendingAt], after: base)
        writer.write(self.record)
        if self.pendingAt != nil { writer.write(self.pending) }
        for entries in [self.recommendations, self.ups, self.downs] {
            writer.write(count: entries.count)
            var last = base
            for entry in entries {
                writer.write(entry.replicas)
                writer.write(entry.at, after: last)
                last = entry.at
            }
        }
        writer.write(count: self.guards.count)
        for guarded in self.guards {
            writer.write(guarded.guarding)
            writer.write(times: [guarded.since], after: base)
            writer.write(count: guarded.fired.count)
            for time in guarded.fired { writer.write(time, after: base) }
        }
    }

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
    fileprivate func write(to writer: inout PackedWriter, after base: WallTime) {
        writer.write(self.metric)
        writer.write(count: self.samples.count)
        var last = Sample(value: .zero, at: base)
        func write(_ sample: Sample) {
            writer.write(sample.value.milli &- last.value.milli)
            writer.write(sample.at, after: last.at)
            last = sample
        }
        for sample in self.samples { write(sample) }
        writer.write(UInt64((self.lastGood == nil ? 0 : 1) | (self.believed == nil ? 0 : 2)))
        // Most often the newest sample itself.
        if let good = self.lastGood { write(good) }
        if let believed = self.believed {
            write(believed)
            writer.write(count: self.doubtedFor)
        }
    }

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
    }
}

extension PackedWriter {
    /// Which of them there are, then these.
    fileprivate mutating func write(times: [WallTime?], after base: WallTime) {
        var present: UInt64 = 0
        for (index, time) in times.enumerated() where time != nil { present |= 1 << UInt64(index) }
        self.write(present)
        for case let time? in times { self.write(time, after: base) }
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
