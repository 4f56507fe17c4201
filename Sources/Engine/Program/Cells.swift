import Model

/// Where the facts of one workload lie, in cells of 8 bytes: a header, then what its policy needs and nothing else. A
/// workload with one metric, a five-minute stabilization window at 15 s and HPA's rate limits takes 40 of them.
struct CellLayout: Sendable {
    /// The fixed places.
    enum Header {
        /// Cluster time in microseconds; ``Cells/never`` when there was none. So are all times of the header.
        static let lastUp = 0
        static let lastDown = 1
        static let missingSince = 2
        /// How many recommendations, changes up and changes down follow, 16 bits each.
        static let counts = 3
        /// How the last changes turned out.
        static let record = 4
        /// The change whose outcome is still to be seen.
        static let pendingAt = 5
        static let pending = 6
        static let size = 7
    }
    /// One since-when for all rules that share a condition.
    struct Condition: Sendable, Hashable {
        let metric: Int
        let side: Memory.Condition.Side
        let threshold: Quantity
        let cell: Int
    }

    private(set) var count = Header.size
    private(set) var conditions: [Condition] = []
    private(set) var recommendations = Log()
    private(set) var ups = Log()
    private(set) var downs = Log()

    /// Entries of a count and a time.
    struct Log: Sendable {
        var cell = 0
        var capacity = 0
        /// Older ones are of no use, in milliseconds.
        var length: Int64 = 0
    }

    mutating func cells(_ count: Int) -> Int {
        defer { self.count += count }
        return self.count
    }
    mutating func cell() -> Int { self.cells(1) }

    mutating func condition(_ metric: Int, _ side: Memory.Condition.Side, _ threshold: Quantity) -> Int {
        if let known = self.conditions.first(where: { $0.metric == metric && $0.side == side && $0.threshold == threshold }) { return known.cell }
        let condition = Condition(metric: metric, side: side, threshold: threshold, cell: self.cell())
        self.conditions.append(condition)
        return condition.cell
    }

    /// - Parameters:
    ///   - retention: how long samples are kept, in microseconds; 0: the newest only.
    ///   - every: between two evaluations.
    mutating func metric(retention: Int64, every: Int64, doubts: Bool) -> MetricCells {
        let capacity =
            retention == 0 ? 1 : Int(min(retention / max(every, 1), Int64(Memory.maximumSamples)) + Self.spare).clamped(to: 1...Memory.maximumSamples)
        return MetricCells(
            count: self.cell(), lastGood: self.cells(2), doubt: doubts ? self.cells(3) : -1, samples: self.cells(2 * capacity), capacity: capacity,
            retention: retention)
    }

    /// An evaluation now and then comes early: after a change of the configuration, or of a leader.
    private static let spare: Int64 = 2
    /// The most entries of a log. A window that would need more sees older ones merged, always towards holding.
    static let mostEntries = 1024

    mutating func logs(_ limits: Program.Limits, every: Int64) {
        func capacity(_ length: Int64) -> Int { Int(length / max(every, 1) + Self.spare).clamped(to: 1...Self.mostEntries) }
        switch limits {
        case .none: break
        case .legacy:
            let length = Behavior.defaultDownWindow.milliseconds
            self.recommendations = Log(cell: self.cells(capacity(length)), capacity: capacity(length), length: length)
        case .behavior(let up, let down):
            let window = max(up.window, down.window)
            self.recommendations = Log(cell: self.cells(capacity(window)), capacity: capacity(window), length: window)
            // Changes of both directions count in both directions' periods.
            let period = max(up.longestPeriod, down.longestPeriod)
            self.ups = Log(cell: self.cells(capacity(period)), capacity: capacity(period), length: period)
            self.downs = Log(cell: self.cells(capacity(period)), capacity: capacity(period), length: period)
        }
    }
}

struct MetricCells: Sendable {
    /// How many samples there are.
    let count: Int
    /// Value and time. As long as there is no time, the place of the value holds since when the metric has been asked for.
    let lastGood: Int
    /// The last believed value, its time, and for how many evaluations another one has held; −1: nothing is doubted.
    let doubt: Int
    /// Pairs of value and time, ascending by time.
    let samples: Int
    let capacity: Int
    let retention: Int64
}

/// One workload's facts, in place.
///
/// The pointer is into the one block that holds a whole fleet's facts: an evaluation touches only its own workload's
/// cells, so that many may run at once. The layout says how many there are; no other place is ever formed.
struct Cells {
    let base: UnsafeMutablePointer<Int64>

    /// In the place of a time that never was.
    static let never = Int64.min

    @inline(__always)
    subscript(index: Int) -> Int64 {
        get { self.base[index] }
        nonmutating set { self.base[index] = newValue }
    }

    /// Becomes what others of the same program are.
    func copy(_ other: Cells, _ program: Program) { self.base.update(from: other.base, count: program.cells.count) }

    /// A workload of which nothing is remembered.
    func clear(_ program: Program) {
        for index in 0..<program.cells.count { self.base[index] = 0 }
        for index in [CellLayout.Header.lastUp, CellLayout.Header.lastDown, CellLayout.Header.missingSince, CellLayout.Header.pendingAt] {
            self.base[index] = Self.never
        }
        for condition in program.cells.conditions { self.base[condition.cell] = Self.never }
        for metric in program.metrics {
            self.base[metric.cells.lastGood] = Self.never
            self.base[metric.cells.lastGood + 1] = Self.never
            if metric.cells.doubt >= 0 { self.base[metric.cells.doubt + 1] = Self.never }
        }
        for guarded in program.guards {
            self.base[guarded.since] = Self.never
            for index in 0..<guarded.count { self.base[guarded.fired + index] = Self.never }
        }
    }
}

// MARK: - Logs of counts

/// Which of the three logs.
enum CountLog: Int { case recommendations, ups, downs }

extension Cells {
    @inline(__always)
    func entries(_ log: CountLog) -> Int { Int(self.base[CellLayout.Header.counts] >> (Int64(log.rawValue) * 16) & 0xFFFF) }

    @inline(__always)
    private func setEntries(_ log: CountLog, _ count: Int) {
        let shift = Int64(log.rawValue) * 16
        self.base[CellLayout.Header.counts] = self.base[CellLayout.Header.counts] & ~(0xFFFF << shift) | Int64(count) << shift
    }

    /// A count and the milliseconds of its time, the lower 32 bits: entries are dropped long before these repeat.
    @inline(__always)
    private static func packed(_ count: Int32, _ milliseconds: Int64) -> Int64 { Int64(count) << 32 | milliseconds & 0xFFFF_FFFF }

    /// The entries of a log with their ages at `now`, as the algorithm reads them.
    struct Entries: Sequence, IteratorProtocol {
        let base: UnsafeMutablePointer<Int64>
        let now: Int64
        var next_ = 0
        let count: Int

        @inline(__always)
        mutating func next() -> HPA.LogEntry? {
            guard self.next_ < self.count else { return nil }
            defer { self.next_ += 1 }
            return Cells.entry(self.base[self.next_], at: self.now)
        }
    }

    /// A clock that went back makes no age negative.
    @inline(__always)
    fileprivate static func entry(_ cell: Int64, at now: Int64) -> HPA.LogEntry {
        let age = Int32(truncatingIfNeeded: now &- cell)
        return HPA.LogEntry(replicas: Int32(truncatingIfNeeded: cell >> 32), age: Int64(max(age, 0)))
    }

    /// - Parameter now: in milliseconds.
    @inline(__always)
    func log(_ log: CountLog, _ place: CellLayout.Log, at now: Int64) -> Entries {
        Entries(base: self.base + place.cell, now: now, count: self.entries(log))
    }

    /// Drops what is too old to count.
    ///
    /// What is dated ahead, since the clock went back, counts as of now from then on, which is later than it was: never less is held.
    func prune(_ log: CountLog, _ place: CellLayout.Log, at now: Int64) {
        let count = self.entries(log)
        var kept = 0
        for index in 0..<count {
            let cell = self.base[place.cell + index]
            let entry = Self.entry(cell, at: now)
            guard entry.age <= place.length else { continue }
            let isAhead = Int32(truncatingIfNeeded: now &- cell) < 0
            self.base[place.cell + kept] = isAhead ? Self.packed(entry.replicas, now) : cell
            kept += 1
        }
        if kept != count { self.setEntries(log, kept) }
    }

    /// Takes note of a recommendation. One that repeats the last only makes that one newer: of equal numbers the newest decides how long they count.
    func recommend(_ replicas: Int32, _ place: CellLayout.Log, at now: Int64) {
        let count = self.entries(.recommendations)
        if count > 0, Self.entry(self.base[place.cell + count - 1], at: now).replicas == replicas {
            self.base[place.cell + count - 1] = Self.packed(replicas, now)
            return
        }
        self.append(.recommendations, replicas, place, at: now) { max($0, $1) }
    }

    /// Takes note of a change by so many.
    func change(_ log: CountLog, by replicas: Int32, _ place: CellLayout.Log, at now: Int64) {
        self.prune(log, place, at: now)
        self.append(log, replicas, place, at: now) { Int32(clamping: Int64($0) + Int64($1)) }
    }

    /// Where there is no room, the two oldest entries become one, which counts for as long as the newer of them.
    private func append(_ log: CountLog, _ replicas: Int32, _ place: CellLayout.Log, at now: Int64, merging: (Int32, Int32) -> Int32) {
        guard place.capacity > 0 else { return }
        var count = self.entries(log)
        if count == place.capacity {
            if count > 1 {
                let first = self.base[place.cell], second = self.base[place.cell + 1]
                let merged = merging(Int32(truncatingIfNeeded: first >> 32), Int32(truncatingIfNeeded: second >> 32))
                self.base[place.cell + 1] = Self.packed(merged, second)
            }
            for index in 1..<count { self.base[place.cell + index - 1] = self.base[place.cell + index] }
            count -= 1
        }
        self.base[place.cell + count] = Self.packed(replicas, now)
        self.setEntries(log, count + 1)
    }

    /// One entry of a log with its time, to the millisecond.
    /// - Parameter now: in milliseconds, of the last evaluation.
    @inline(__always)
    func dated(_ cell: Int, at now: Int64) -> Memory.Entry {
        let entry = Self.entry(self.base[cell], at: now)
        return Memory.Entry(replicas: Int(entry.replicas), at: WallTime(microseconds: (now - entry.age).multipliedSaturating(by: 1000)))
    }

    func fill(_ log: CountLog, _ place: CellLayout.Log, from entries: [(replicas: Int32, at: Int64)], at now: Int64) {
        self.setEntries(log, 0)
        for entry in entries.suffix(place.capacity) where now - entry.at <= place.length {
            let count = self.entries(log)
            self.base[place.cell + count] = Self.packed(entry.replicas, min(entry.at, now))
            self.setEntries(log, count + 1)
        }
    }
}

extension Comparable {
    func clamped(to range: ClosedRange<Self>) -> Self { min(max(self, range.lowerBound), range.upperBound) }
}
