import Model

/// Between what is written down and what an evaluation works on.
///
/// Only what the policy still names goes in, and comes out: a fact of a metric that no policy speaks of any more is dropped.
extension Program {
    func fill(_ cells: Cells, from memory: Memory, at now: WallTime) {
        cells[CellLayout.Header.lastUp] = memory.lastUp?.microseconds ?? Cells.never
        cells[CellLayout.Header.lastDown] = memory.lastDown?.microseconds ?? Cells.never
        cells[CellLayout.Header.missingSince] = memory.missingSince?.microseconds ?? Cells.never
        cells[CellLayout.Header.record] = memory.record
        cells[CellLayout.Header.pendingAt] = memory.pendingAt?.microseconds ?? Cells.never
        cells[CellLayout.Header.pending] = memory.pending
        for (metric, place) in zip(self.distinctMetrics, self.metrics.map(\.cells)) {
            guard let series = memory.series(of: metric.name) else { continue }
            if let good = series.lastGood {
                (cells[place.lastGood], cells[place.lastGood + 1]) = (good.value.milli, good.at.microseconds)
            } else if let asked = series.askedSince {
                cells[place.lastGood] = asked.microseconds
            }
            if place.doubt >= 0, let believed = series.believed {
                (cells[place.doubt], cells[place.doubt + 1], cells[place.doubt + 2]) = (
                    believed.value.milli, believed.at.microseconds, Int64(series.doubtedFor)
                )
            }
            for (index, sample) in series.samples.suffix(place.capacity).enumerated() {
                (cells[place.samples + 2 * index], cells[place.samples + 2 * index + 1]) = (sample.value.milli, sample.at.microseconds)
                cells[place.count] = Int64(index + 1)
            }
        }
        for condition in self.cells.conditions where condition.metric >= 0 {
            let since = memory.since(self.distinctMetrics[condition.metric].name, condition.side, condition.threshold)
            cells[condition.cell] = since?.microseconds ?? Cells.never
        }
        for (plan, text) in zip(self.guards, self.policy.guards.map(\.identity)) {
            guard let known = memory.guards.first(where: { $0.guarding == text }) else { continue }
            cells[plan.since] = known.since?.microseconds ?? Cells.never
            for (index, time) in known.fired.suffix(plan.count).enumerated() { cells[plan.fired + index] = time.microseconds }
        }
        let milliseconds = now.microseconds / 1000
        func fill(_ log: CountLog, _ place: CellLayout.Log, _ entries: [Memory.Entry]) {
            cells.fill(log, place, from: entries.map { (Int32(clamping: $0.replicas), $0.at.microseconds / 1000) }, at: milliseconds)
        }
        fill(.recommendations, self.cells.recommendations, memory.recommendations)
        fill(.ups, self.cells.ups, memory.ups)
        fill(.downs, self.cells.downs, memory.downs)
    }
}

extension Memory {
    /// What is remembered in `cells`, as of their last evaluation at `now`.
    init(_ cells: Cells, _ program: Program, at now: WallTime) {
        self.init(
            series: zip(program.distinctMetrics, program.metrics.map(\.cells)).map { metric, place in
                let samples = (0..<Int(cells[place.count])).map { index in
                    Sample(
                        value: Quantity(milli: cells[place.samples + 2 * index]), at: WallTime(microseconds: cells[place.samples + 2 * index + 1]))
                }
                var series = Series(
                    metric: metric.name, samples: samples, lastGood: cells.sample(place.lastGood), askedSince: cells.askedSince(place))
                if place.doubt >= 0 {
                    series.believed = cells.sample(place.doubt)
                    series.doubtedFor = Int(cells[place.doubt + 2])
                }
                return series
            }, conditions: program.cells.conditions.compactMap { cells.condition($0, program) }, lastUp: cells.time(CellLayout.Header.lastUp),
            lastDown: cells.time(CellLayout.Header.lastDown), missingSince: cells.time(CellLayout.Header.missingSince))
        self.record = cells[CellLayout.Header.record]
        self.pendingAt = cells.time(CellLayout.Header.pendingAt)
        if self.pendingAt != nil { self.pending = cells[CellLayout.Header.pending] }
        self.guards = cells.guards(program)
        func entries(_ log: CountLog, _ place: CellLayout.Log) -> [Entry] {
            (0..<cells.entries(log)).map { cells.dated(place.cell + $0, at: now.milliseconds) }
        }
        self.recommendations = entries(.recommendations, program.cells.recommendations)
        self.ups = entries(.ups, program.cells.ups)
        self.downs = entries(.downs, program.cells.downs)
    }
}

extension Cells {
    /// nil: there was none.
    func time(_ cell: Int) -> WallTime? { self[cell] == Self.never ? nil : WallTime(microseconds: self[cell]) }

    /// A value with its time behind it.
    func sample(_ cell: Int) -> Sample? { self.time(cell + 1).map { Sample(value: Quantity(milli: self[cell]), at: $0) } }

    /// nil: the metric has been fresh, or was never asked for.
    func askedSince(_ place: MetricCells) -> WallTime? { self[place.lastGood + 1] == Self.never ? self.time(place.lastGood) : nil }

    /// nil: it does not hold.
    func condition(_ condition: CellLayout.Condition, _ program: Program) -> Memory.Condition? {
        guard condition.metric >= 0, let since = self.time(condition.cell) else { return nil }
        return Memory.Condition(
            metric: program.distinctMetrics[condition.metric].name, side: condition.side, threshold: condition.threshold, since: since)
    }

    /// Those that have a past.
    func guards(_ program: Program) -> [Memory.Guarded] {
        zip(program.guards, program.policy.guards).compactMap { plan, policy in
            let fired = (plan.fired..<plan.fired + plan.count).compactMap(self.time).sorted()
            let since = self.time(plan.since)
            return since == nil && fired.isEmpty ? nil : Memory.Guarded(guarding: policy.identity, since: since, fired: fired)
        }
    }
}

extension WallTime {
    var milliseconds: Int64 { self.microseconds / 1000 }
}

extension Policy.Guard {
    /// What makes it the same guard from one version of a policy to the next.
    var identity: String {
        let effect =
            switch self.effect {
            case .notify(let severity): "notify \(severity.rawValue)"
            case .restart: "restart"
            }
        return "\(self.when.text) for \(self.sustained.text): \(effect)"
    }
}
