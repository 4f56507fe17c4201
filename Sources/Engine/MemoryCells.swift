import Model

/// Between what is written down and what an evaluation works on.
///
/// Only what the policy still names goes in, and comes out: a fact of a metric that no policy speaks of any more is dropped.
extension Program {
    /// Runs `body` on the cells of one workload.
    func withCells<R>(_ memory: Memory, at now: WallTime, _ body: (Cells) -> R) -> R {
        withUnsafeTemporaryAllocation(of: Int64.self, capacity: self.cells.count) { buffer in
            // Of at least a header's cells, so there is an address.
            guard let base = buffer.baseAddress else { preconditionFailure("a workload has at least its header's cells") }
            let cells = Cells(base: base)
            cells.clear(self)
            self.fill(cells, from: memory, at: now)
            return body(cells)
        }
    }

    func fill(_ cells: Cells, from memory: Memory, at now: WallTime) {
        cells[CellLayout.Header.lastUp] = memory.lastUp?.microseconds ?? Cells.never
        cells[CellLayout.Header.lastDown] = memory.lastDown?.microseconds ?? Cells.never
        cells[CellLayout.Header.missingSince] = memory.missingSince?.microseconds ?? Cells.never
        cells[CellLayout.Header.record] = memory.record
        cells[CellLayout.Header.pendingAt] = memory.pendingAt?.microseconds ?? Cells.never
        cells[CellLayout.Header.pending] = memory.pending
        for (metric, place) in zip(self.distinctMetrics, self.metrics.map(\.cells)) {
            guard let series = memory.series(of: metric.name) else { continue }
            if let good = series.lastGood { (cells[place.lastGood], cells[place.lastGood + 1]) = (good.value.milli, good.at.microseconds) }
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
    /// What is remembered in `cells` at `now`.
    init(_ cells: Cells, _ program: Program, at now: WallTime) {
        func time(_ cell: Int) -> WallTime? { cells[cell] == Cells.never ? nil : WallTime(microseconds: cells[cell]) }
        self.init(
            series: zip(program.distinctMetrics, program.metrics.map(\.cells)).map { metric, place in
                let samples = (0..<Int(cells[place.count])).map { index in
                    Sample(
                        value: Quantity(milli: cells[place.samples + 2 * index]), at: WallTime(microseconds: cells[place.samples + 2 * index + 1]))
                }
                var series = Series(
                    metric: metric.name, samples: samples,
                    lastGood: time(place.lastGood + 1).map { Sample(value: Quantity(milli: cells[place.lastGood]), at: $0) })
                if place.doubt >= 0 {
                    series.believed = time(place.doubt + 1).map { Sample(value: Quantity(milli: cells[place.doubt]), at: $0) }
                    series.doubtedFor = Int(cells[place.doubt + 2])
                }
                return series
            },
            conditions: program.cells.conditions.compactMap { condition in
                guard condition.metric >= 0, let since = time(condition.cell) else { return nil }
                return Condition(
                    metric: program.distinctMetrics[condition.metric].name, side: condition.side, threshold: condition.threshold, since: since)
            }, lastUp: time(CellLayout.Header.lastUp), lastDown: time(CellLayout.Header.lastDown), missingSince: time(CellLayout.Header.missingSince))
        self.record = cells[CellLayout.Header.record]
        self.pendingAt = time(CellLayout.Header.pendingAt)
        if self.pendingAt != nil { self.pending = cells[CellLayout.Header.pending] }
        for (plan, policy) in zip(program.guards, program.policy.guards) {
            let fired = (plan.fired..<plan.fired + plan.count).compactMap(time).sorted()
            let since = time(plan.since)
            if since != nil || !fired.isEmpty { self.guards.append(Guarded(guarding: policy.identity, since: since, fired: fired)) }
        }
        func entries(_ log: CountLog, _ place: CellLayout.Log) -> [Entry] {
            cells.dated(log, place, at: now.microseconds / 1000).map {
                Entry(replicas: Int($0.replicas), at: WallTime(microseconds: $0.at.multipliedSaturating(by: 1000)))
            }
        }
        self.recommendations = entries(.recommendations, program.cells.recommendations)
        self.ups = entries(.ups, program.cells.ups)
        self.downs = entries(.downs, program.cells.downs)
    }
}

extension Policy.Guard {
    /// What makes it the same guard from one version of a policy to the next.
    fileprivate var identity: String {
        let effect =
            switch self.effect {
            case .notify(let severity): "notify \(severity.rawValue)"
            case .restart: "restart"
            }
        return "\(self.when.text) for \(self.sustained.text): \(effect)"
    }
}
