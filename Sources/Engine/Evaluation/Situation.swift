import Model

/// What one evaluation may know beside its program and the workload's facts. Plain numbers only; the words that belong to them are ``Scene``'s.
struct Situation {
    enum Sight { case seen, gone, unseen }

    /// Cluster time in microseconds.
    var now: Int64
    var sight: Sight
    /// What the platform is asked to run: HPA's `spec.replicas`. Decisions start from it.
    var asked = 0
    /// What exists: HPA's `status.replicas`.
    var existing = 0
    /// What serves.
    var ready = 0
    /// The cluster's switch.
    var isEnabled = true
    /// From request to serving, in microseconds.
    var startup: Int64 = 0
    /// An action of this workload has not ended.
    var isInFlight = false
    /// A pause covers changes up, or down.
    var isPausedUp = false
    var isPausedDown = false
    /// A person's number; −1: none.
    var override = -1
    /// At least so many, because somebody outside asked for it, or because another region's load comes here.
    var inboundFloor = 0
    var failoverFloor = 0
    /// The region can't be trusted to show what runs there.
    var isRegionDown = false
    /// A second person agreed to this number; −1: none did.
    var approved = -1
    var schedule = ScheduleState()

    /// A workload that was seen, within 0...2³¹−1.
    init(now: Int64, asked: Int, existing: Int, ready: Int) {
        self.now = now
        self.sight = .seen
        self.asked = asked
        self.existing = existing
        self.ready = ready
    }

    /// Sizes are brought within 0...2³¹−1.
    init(now: WallTime, observation: Observation) {
        self.now = now.microseconds
        switch observation {
        case .seen(let desired, let current, let ready, _):
            self.sight = .seen
            self.asked = Exact.replicas(desired)
            self.existing = Exact.replicas(current)
            self.ready = Exact.replicas(ready)
        case .gone: self.sight = .gone
        case .unseen: self.sight = .unseen
        }
    }

    var time: WallTime { WallTime(microseconds: self.now) }
    var milliseconds: Int64 { self.now / 1000 }
}

/// What the schedules of a policy say at one moment. The same for all its workloads.
struct ScheduleState {
    /// −1: the policy's own.
    var minReplicas = -1
    var maxReplicas = -1
    var minUntil = Int64.max
    var maxUntil = Int64.max
    var isFrozen = false
    var freezeUntil = Int64.max
}

/// A source's answer about one metric.
struct Answer {
    /// In thousandths; only where nothing is missing.
    var value: Int64 = 0
    /// In microseconds.
    var at: Int64 = 0
    var missing: MissingReason? = .absent
    /// Too many of the source's readings fell at once.
    var isCorrelatedDrop = false
    /// Its own health query does not vouch for the source.
    var isUnhealthy = false
    /// A person said that the value is right.
    var isAccepted = false
    /// What the second source says; nil: nothing.
    var secondary: (value: Int64, at: Int64)?

    init() {}
    init(_ answer: ReadingAnswer?) {
        switch answer {
        case .value(let sample)?:
            self.missing = nil
            self.value = sample.value.milli
            self.at = sample.at.microseconds
        case .missing(let reason, _)?: self.missing = reason
        case nil: self.missing = .absent
        }
    }
}

/// What the engine made of one metric's samples.
struct MetricReading {
    var value: Int64 = 0
    /// Since the newest sample; −1: there never was one.
    var age: Int64 = -1
    var quality = Quality.missing
    /// Why it is missing.
    var missing: MissingReason? = .absent
    /// In force without a reading: the metric's own number.
    var floor = -1
    /// From the second source, or the last good value.
    var isReplacement = false
    var hasValue: Bool { self.quality != .missing }
}

/// What one rule makes of its reading.
struct Opinion {
    /// What it wants; −1: it has no say.
    var replicas = -1
    /// It has no say for want of a reading that may speak.
    var lacks: Quality?
    /// It raises on a reading that may not lower, and might say more if it knew.
    var raisesOn: Quality?
    /// Of the reading to what the rule leaves alone; nil: there is none, or nothing to compare with.
    var ratio: Ratio?
    /// Beyond any ratio: a load on nothing.
    var isUnbounded = false
    /// Its condition holds, but not for long enough: until then.
    var sustainedUntil = Int64.min

    /// How far the reading is from its target, in thousandths of it; 0 where the rule leaves it alone.
    var distance: Int64 {
        if self.isUnbounded { return PendingOutcome.mostDistance }
        guard let ratio = self.ratio else { return 0 }
        return min(Int64(clamping: (Int128(ratio.quantity.milli) - 1000).magnitude), PendingOutcome.mostDistance)
    }

    /// How far the reading is past what the rule leaves alone, in thousandths, 0...1000.
    var severity: Int64 { self.isUnbounded ? 1000 : self.ratio?.distanceFromOne ?? 0 }

    /// Why its rule does not know enough to let others lower.
    var doubt: Quality? { self.lacks ?? self.raisesOn }
}

/// Room that evaluations use one after another, so that none allocates.
public final class Scratch {
    let climb: UnsafeMutablePointer<Climb>
    private(set) var answers: UnsafeMutablePointer<Answer>
    private(set) var readings: UnsafeMutablePointer<MetricReading>
    /// Those of before, while others are tried in their place.
    private(set) var kept: UnsafeMutablePointer<MetricReading>
    private(set) var opinions: UnsafeMutablePointer<Opinion>
    private(set) var stack: UnsafeMutablePointer<Postfix.Value>
    private(set) var sorted: UnsafeMutablePointer<Int64>
    private(set) var room = Room()
    /// The last one that room was made for: most follow one of their own kind.
    private var program: Program?

    struct Room {
        var metrics = 0
        var rules = 0
        var depth = 0
        var samples = 0

        init() {}
        init(_ program: Program) {
            self.metrics = program.metrics.count
            self.rules = program.rules.count
            self.depth = (program.guards.map(\.condition) + [program.emergency].compactMap { $0 }).reduce(1) { max($0, $1.depth) }
            self.samples = program.metrics.reduce(1) { max($0, $1.cells.capacity) }
        }
        func covers(_ other: Room) -> Bool {
            self.metrics >= other.metrics && self.rules >= other.rules && self.depth >= other.depth && self.samples >= other.samples
        }
    }

    /// Without room: it is made when it is first used for a program.
    public init() {
        self.climb = Arena.allocate(Climb.self, 1)
        self.climb.initialize(to: Climb())
        self.answers = Arena.allocate(Answer.self, 0)
        self.readings = Arena.allocate(MetricReading.self, 0)
        self.kept = Arena.allocate(MetricReading.self, 0)
        self.opinions = Arena.allocate(Opinion.self, 0)
        self.stack = Arena.allocate(Postfix.Value.self, 0)
        self.sorted = Arena.allocate(Int64.self, 0)
    }

    /// What is inside is lost when more room is needed.
    func makeRoom(for program: Program) {
        if program === self.program { return }
        self.program = program
        let wanted = Room(program)
        guard !self.room.covers(wanted) else { return }
        self.free()
        self.room.metrics = max(self.room.metrics, wanted.metrics)
        self.room.rules = max(self.room.rules, wanted.rules)
        self.room.depth = max(self.room.depth, wanted.depth)
        self.room.samples = max(self.room.samples, wanted.samples)
        self.answers = Arena.allocate(Answer.self, self.room.metrics)
        self.answers.initialize(repeating: Answer(), count: self.room.metrics)
        self.readings = Arena.allocate(MetricReading.self, self.room.metrics)
        self.readings.initialize(repeating: MetricReading(), count: self.room.metrics)
        self.kept = Arena.allocate(MetricReading.self, self.room.metrics)
        self.kept.initialize(repeating: MetricReading(), count: self.room.metrics)
        self.opinions = Arena.allocate(Opinion.self, self.room.rules)
        self.opinions.initialize(repeating: Opinion(), count: self.room.rules)
        self.stack = Arena.allocate(Postfix.Value.self, self.room.depth)
        self.stack.initialize(repeating: .unknown, count: self.room.depth)
        self.sorted = Arena.allocate(Int64.self, self.room.samples)
        self.sorted.initialize(repeating: 0, count: self.room.samples)
    }

    /// Everything in it is trivial.
    private func free() {
        self.answers.deallocate()
        self.readings.deallocate()
        self.kept.deallocate()
        self.opinions.deallocate()
        self.stack.deallocate()
        self.sorted.deallocate()
    }

    deinit {
        self.free()
        self.climb.deallocate()
    }
}
