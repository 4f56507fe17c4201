import Model

/// What a story says of readings.
extension Ladder {
    func told(_ index: Int) -> Reading {
        let metric = self.program.distinctMetrics[index]
        let reading = self.scratch.readings[index]
        var told = Reading(
            metric: metric.name, unit: metric.unit, quality: reading.quality, maxAge: metric.maxAge,
            window: metric.window.map { "\($0.last.text) \($0.aggregate.rawValue)" },
            source: reading.isReplacement && reading.quality == .fresh ? metric.secondary?.kind ?? metric.source.kind : metric.source.kind)
        if reading.age >= 0 { told.age = .microseconds(reading.age) }
        if reading.hasValue { told.value = Quantity(milli: reading.value) }
        if reading.quality == .missing || reading.isReplacement, let why = reading.missing {
            told.missing = why
            told.evidence = self.evidence(index, why)
        }
        if reading.quality == .doubted { told.evidence = self.doubtful(index) }
        return told
    }

    /// Why a fall is doubted, or is so still.
    private func doubtful(_ index: Int) -> String? {
        let answer = self.scratch.answers[index], metric = self.program.metrics[index]
        let isProven = self.cells[metric.cells.doubt + 2] > Int64(Policy.Plausible.evaluationsToBelieve)
        let why = [
            answer.isCorrelatedDrop ? "too many readings of its source fell at once" : nil,
            isProven && answer.isUnhealthy ? "its source's health query does not vouch for it" : nil,
        ].compactMap { $0 }
        return why.isEmpty ? nil : why.joined(separator: "; ")
    }

    private func evidence(_ index: Int, _ why: MissingReason) -> String? {
        let answer = self.scratch.answers[index]
        switch why {
        case .clock where answer.missing == nil:
            return "the sample is dated \(WallTime(microseconds: answer.at)), ahead of \(self.situation.time)"
        case .partial where answer.missing == nil:
            return "a rate needs two samples within \(self.program.distinctMetrics[index].window?.last.text ?? "the window") since the last reset"
        default:
            let evidence = self.scene?.evidence[index] ?? ""
            return evidence.isEmpty ? nil : evidence
        }
    }

    /// All readings, with target and ratio where exactly one `track` or `capacity` rule names the metric.
    func toldReadings() -> [Reading] {
        self.program.metrics.indices.map { index in
            var told = self.told(index)
            guard let (target, isPerReplica) = self.onlyTarget(of: told.metric) else { return told }
            told.target = target
            guard let value = told.value else { return told }
            let whole = isPerReplica ? Exact.multiply(Int128(target.milli), Int128(self.situation.existing)) : Int128(target.milli)
            told.ratio = Ratio(Int128(value.milli), of: whole)?.quantity
            return told
        }
    }

    private func onlyTarget(of metric: String) -> (Quantity, isPerReplica: Bool)? {
        var found: (Quantity, isPerReplica: Bool)?
        for rule in self.policy.rules where rule.metric == metric {
            let target: (Quantity, isPerReplica: Bool)
            switch rule.body {
            case .track(let track):
                switch track.target {
                case .averageUtilization(let value), .value(let value): target = (value, false)
                case .averageValue(let value): target = (value, true)
                }
            case .capacity(let capacity): target = (capacity.perReplica, true)
            case .step: continue
            }
            guard found == nil else { return nil }
            found = target
        }
        return found
    }
}

extension Ladder<Story> {
    func proposals() -> [Decision.Proposal] {
        self.program.rules.indices.map { index in
            let opinion = self.scratch.opinions[index]
            let rule = self.program.rules[index].rule
            let abstains = opinion.lacks.map { Self.reason($0, rule.metric) } ?? (opinion.replicas < 0 ? .withinTolerance : nil)
            return Decision.Proposal(
                rule: rule.label, replicas: opinion.replicas < 0 ? nil : opinion.replicas, because: self.log.opinions[index].because, abstains: abstains)
        }
    }

    /// `queue 180 / 25 per replica wants 8; cooldown after the last change up ends 12:00:30 UTC → 4`
    func sentence() -> String {
        let story = self.log.clauses.isEmpty ? "no rule has a say" : self.log.clauses.joined(separator: "; ")
        if !self.log.obstacles.isEmpty { return "\(story) → \(self.number), not done: \(self.log.obstacles.joined(separator: ", "))" }
        let isPlainHold = self.number == self.current && self.log.steps.allSatisfy { $0.name == .proposals || $0.output == self.current }
        return isPlainHold ? "\(story): held at \(self.number)" : "\(story) → \(self.number)"
    }

    /// 0.5 · agreement + 0.3 · severity + 0.2 · track record.
    ///
    /// Agreement: the share of the weight with readings that speaks for the direction taken or, where a limit held it
    /// back, wanted. Severity: how far the leading rule's reading is past what the rule leaves alone. Track record:
    /// the share of the last changes in this direction that turned out well; 0.5 with too few to tell.
    func confidence() -> Quantity {
        let direction = self.number == self.current ? (self.wanted - self.current).signum() : (self.number - self.current).signum()
        var agreeing: Int128 = 0
        var total: Int128 = 0
        for index in self.program.rules.indices where self.scratch.opinions[index].lacks == nil {
            let weight = self.program.rules[index].weight
            total += weight
            let replicas = self.scratch.opinions[index].replicas
            if ((replicas < 0 ? self.current : replicas) - self.current).signum() == direction { agreeing += weight }
        }
        let agreement = total > 0 ? Exact.roundDivide(agreeing * 1000, by: total) : 0
        let severity = Int128(self.driving >= 0 ? self.scratch.opinions[self.driving].severity : 0)
        let record = Int128(TrackRecord(self.cells[CellLayout.Header.record]).share(up: direction > 0))
        return Exact.quantity(milli: Exact.roundDivide(5 * agreement + 3 * severity + 2 * record, by: 10))
    }

    /// Critical in an emergency, high from 0.8 on or when the maximum denies more, medium from 0.5 on. A decision that
    /// wants no change is low.
    func urgency(_ confidence: Quantity) -> Decision.Urgency {
        if self.emergencyFloor >= 0 { return .critical }
        if self.reasons.contains(.atMax), self.wanted > self.number { return .high }
        if self.number == self.current, self.wanted == self.current { return .low }
        if confidence.milli >= 800 { return .high }
        return confidence.milli >= 500 ? .medium : .low
    }
}

/// How the last changes of a workload turned out, in one cell: 20 bits and a count for each direction.
struct TrackRecord {
    /// Judged changes that are remembered in each direction.
    static let length: Int64 = 20
    /// Fewer say nothing.
    static let least: Int64 = 3

    private(set) var bits: Int64
    init(_ bits: Int64) { self.bits = bits }

    private static func shift(up: Bool) -> Int64 { up ? 0 : 32 }

    func count(up: Bool) -> Int64 { self.bits >> (Self.shift(up: up) + Self.length) & 0x1F }

    /// Of the remembered changes in this direction, how many of a thousand turned out well; 500 with too few to tell.
    func share(up: Bool) -> Int64 {
        let count = self.count(up: up)
        guard count >= Self.least else { return 500 }
        let good = (self.bits >> Self.shift(up: up) & (1 << Self.length - 1)).nonzeroBitCount
        return Int64(good) * 1000 / count
    }

    mutating func add(_ outcome: ChangeOutcome, up: Bool) {
        let shift = Self.shift(up: up)
        let mask: Int64 = 1 << Self.length - 1
        let history = ((self.bits >> shift) << 1 | (outcome == .improved ? 1 : 0)) & mask
        let count = min(self.count(up: up) + 1, Self.length)
        self.bits = self.bits & ~((mask | 0x1F << Self.length) << shift) | (history | count << Self.length) << shift
    }
}
