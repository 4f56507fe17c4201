import Model

/// What a decision says of itself beside its steps: sentence, confidence, urgency, targets and ratios.
extension Ladder {
    /// `queue 180 / 25 per replica wants 8; cooldown after the last change up ends 12:00:30 UTC → 4`
    func sentence() -> String {
        let story = self.clauses.isEmpty ? "no rule has a say" : self.clauses.joined(separator: "; ")
        if !self.obstacles.isEmpty {
            return "\(story) → \(self.number), not done: \(self.obstacles.joined(separator: ", "))"
        }
        let isPlainHold =
            self.number == self.current && self.steps.allSatisfy { $0.name == .proposals || $0.output == self.current }
        return isPlainHold ? "\(story): held at \(self.number)" : "\(story) → \(self.number)"
    }

    /// 0.5 · agreement + 0.3 · severity + 0.2 · track record.
    ///
    /// Agreement: the share of the weight with readings that speaks for the direction taken or, where a limit held it
    /// back, wanted. Severity: how far the leading rule's reading is past what the rule leaves alone. Track record:
    /// 0.5, until outcomes are counted.
    func confidence(to: Int) -> Quantity {
        let unknownTrackRecord: Int128 = 500
        let direction = to == self.current ? (self.wanted - self.current).signum() : (to - self.current).signum()
        var agreeing: Int128 = 0
        var total: Int128 = 0
        for opinion in self.opinions where opinion.lacks == nil {
            let weight = max(0, Int128(opinion.rule.weight.milli))
            total += weight
            if ((opinion.replicas ?? self.current) - self.current).signum() == direction { agreeing += weight }
        }
        let agreement = total > 0 ? Exact.roundDivide(agreeing * 1000, by: total) : 0
        let severity = Int128(self.driving.first.map { self.opinions[$0].severity } ?? 0)
        return Exact.quantity(milli: Exact.roundDivide(5 * agreement + 3 * severity + 2 * unknownTrackRecord, by: 10))
    }

    /// Critical in an emergency, high from 0.8 on or when the maximum denies more, medium from 0.5 on. A decision that
    /// wants no change is low.
    func urgency(_ confidence: Quantity, to: Int) -> Decision.Urgency {
        if self.emergencyFloor != nil { return .critical }
        if self.reasons.contains(.atMax), self.wanted > to { return .high }
        if to == self.current, self.wanted == self.current { return .low }
        if confidence.milli >= 800 { return .high }
        return confidence.milli >= 500 ? .medium : .low
    }

    /// Target and ratio where exactly one `track` or `capacity` rule names the metric.
    func explainedReadings() -> [Reading] {
        var all = self.readings.all
        for index in all.indices {
            var found: (target: Quantity, perReplica: Bool)?
            var count = 0
            for rule in self.policy.rules where rule.metric == all[index].metric {
                switch rule.body {
                case .track(let track):
                    switch track.target {
                    case .averageUtilization(let target), .value(let target): found = (target, false)
                    case .averageValue(let target): found = (target, true)
                    }
                    count += 1
                case .capacity(let capacity):
                    found = (capacity.perReplica, true)
                    count += 1
                case .step: break
                }
            }
            guard count == 1, let found else { continue }
            all[index].target = found.target
            guard let value = all[index].value else { continue }
            let whole =
                found.perReplica
                ? Exact.multiply(Int128(found.target.milli), Int128(self.size.existing)) : Int128(found.target.milli)
            all[index].ratio = Ratio(Int128(value.milli), of: whole)?.quantity
        }
        return all
    }
}
