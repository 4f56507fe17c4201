import Model

/// What one rule makes of its reading: step 2.
struct Opinion {
    let rule: Rule
    /// What it wants; nil when it has no say.
    var replicas: Int?
    /// Set when it has no say for lack of a reading that may speak: missing, or stale and not raising.
    var lacks: Reason?
    /// It raises on a stale reading, and its rule might say more if it knew.
    var isStale = false
    /// Arithmetic in words, or why it has no say.
    var because: String
    /// The clause of the sentence: `queue 180 / 25 per replica wants 8`.
    var clause: String
    /// How far the reading is past what the rule leaves alone, in thousandths, 0...1000.
    var severity: Int64 = 0
    /// Its condition holds, but not for long enough.
    var sustaining: Reason?

    init(_ rule: Rule, replicas: Int?, because: String, clause: String, severity: Int64 = 0, sustaining: Reason? = nil) {
        self.rule = rule
        self.replicas = replicas
        self.because = because
        self.clause = clause
        self.severity = severity
        self.sustaining = sustaining
    }

    /// A rule without a reading that may speak.
    init(_ rule: Rule, lacks reason: Reason, because: String) {
        self.init(rule, replicas: nil, because: because, clause: because)
        self.lacks = reason
    }

    /// Why its rule does not know enough to let others lower.
    var doubt: Reason? { self.lacks ?? (self.isStale ? .stale(metric: self.rule.metric) : nil) }

    var proposal: Decision.Proposal {
        Decision.Proposal(
            rule: self.rule.label, replicas: self.replicas, because: self.because,
            abstains: self.lacks ?? (self.replicas == nil ? .withinTolerance : nil))
    }
}

/// Asks every rule.
struct Panel {
    let policy: Policy
    let readings: Readings
    let size: Size
    let memory: Memory
    let now: WallTime

    func opinions() -> [Opinion] { self.policy.rules.map(self.opinion) }

    /// A stale reading may raise; whatever else it would say does not count.
    private func opinion(of rule: Rule) -> Opinion {
        guard let reading = self.readings[rule.metric] else {
            return Opinion(
                rule, lacks: .missing(metric: rule.metric), because: "the policy defines no metric “\(rule.metric)”")
        }
        guard reading.quality != .missing, let value = reading.value else {
            return Opinion(rule, lacks: .missing(metric: rule.metric), because: Words.lack(reading))
        }
        var opinion =
            switch rule.body {
            case .track(let track): self.track(rule, track, value)
            case .step(let step): self.step(rule, step, value)
            case .capacity(let capacity): self.capacity(rule, capacity, value)
            }
        guard reading.quality == .stale else { return opinion }
        guard let replicas = opinion.replicas, replicas > self.size.asked else {
            let words = "\(opinion.because) from a stale reading, which may not lower or keep"
            var abstention = Opinion(rule, lacks: .stale(metric: rule.metric), because: words)
            abstention.clause = Words.lack(reading)
            return abstention
        }
        opinion.isStale = true
        opinion.because += " from a stale reading, which may raise"
        return opinion
    }
}

// MARK: - track

extension Panel {
    private func track(_ rule: Rule, _ track: Rule.Track, _ value: Quantity) -> Opinion {
        let tolerance = HPA.Tolerance(track.tolerance)
        let result: HPA.Result?
        let subject: String
        let arithmetic: String
        let counted = self.size.ready > 0 ? "\(self.size.ready) ready" : "\(self.size.asked)"
        switch track.target {
        case .averageUtilization(let target):
            subject = "\(track.metric) \(value) % of a target of \(target) %"
            guard self.size.asked > 0 else {
                let words = "no replica runs, so there is no utilization to track"
                return Opinion(rule, replicas: nil, because: words, clause: words)
            }
            arithmetic = "ceil(\(value) / \(target) × \(counted))"
            result = HPA.utilization(
                value, target: target, current: self.size.asked, existing: self.size.existing, ready: self.size.ready,
                tolerance: tolerance)
        case .value(let target):
            subject = "\(track.metric) \(value) of a target of \(target)"
            arithmetic = self.size.asked > 0 ? "ceil(\(value) / \(target) × \(counted))" : "ceil(\(value) / \(target))"
            result = HPA.value(
                value, target: target, current: self.size.asked, ready: self.size.ready, tolerance: tolerance)
        case .averageValue(let target):
            subject = "\(track.metric) \(value) / \(target) per replica"
            arithmetic = "ceil(\(value) / \(target))"
            result = HPA.averageValue(value, target: target, existing: self.size.existing, tolerance: tolerance)
        }
        guard let result else {
            let words = "the target of \(track.metric) is not above 0"
            return Opinion(rule, replicas: self.size.asked, because: words, clause: words)
        }
        let ratio = result.ratio.map { "\($0.quantity)" } ?? "unbounded"
        let because = result.keeps ? "ratio \(ratio), tolerance \(track.tolerance)" : arithmetic
        let isKept = result.replicas == self.size.asked && result.keeps
        let severity = result.ratio?.distanceFromOne ?? 1000
        return Opinion(
            rule, replicas: result.replicas, because: because,
            clause: isKept ? "\(subject) needs no change" : "\(subject) wants \(result.replicas)", severity: severity)
    }
}

// MARK: - step

extension Panel {
    private func step(_ rule: Rule, _ step: Rule.Step, _ value: Quantity) -> Opinion {
        if let above = step.above, let add = step.add, value > above {
            let wanted = Exact.replicas(Int128(self.size.asked) + self.amount(add))
            return self.step(rule, step, value, .above, above, wanted)
        }
        if let below = step.below, let remove = step.remove, value < below {
            let wanted = Exact.replicas(Int128(self.size.asked) - self.amount(remove))
            return self.step(rule, step, value, .below, below, wanted)
        }
        let subject = "\(step.metric) \(value)"
        switch (step.add == nil ? nil : step.above, step.remove == nil ? nil : step.below) {
        case (let above?, let below?):
            let words = "\(subject) is between \(below) and \(above)"
            return Opinion(rule, replicas: self.size.asked, because: words, clause: words)
        case (let above?, nil): return self.noSay(rule, "\(subject) is not above \(above), and the rule only raises")
        case (nil, let below?): return self.noSay(rule, "\(subject) is not below \(below), and the rule only lowers")
        case (nil, nil): return self.noSay(rule, "the rule has no threshold")
        }
    }

    /// A rule of one direction whose threshold is not passed must not hold back the other direction.
    private func noSay(_ rule: Rule, _ words: String) -> Opinion {
        Opinion(rule, replicas: nil, because: words, clause: words)
    }

    /// The threshold is passed; whether for long enough is left to see.
    private func step(
        _ rule: Rule, _ step: Rule.Step, _ value: Quantity, _ side: Memory.Condition.Side, _ threshold: Quantity,
        _ wanted: Int
    ) -> Opinion {
        let sign = side == .above ? ">" : "<"
        let subject = "\(step.metric) \(value) \(sign) \(threshold)"
        let severity = Ratio(Int128(value.milli), of: Int128(threshold.milli))?.distanceFromOne ?? 1000
        let change = "\(side == .above ? "+" : "−") \(abs(wanted - self.size.asked))"
        let arithmetic = "\(value) \(sign) \(threshold): \(self.size.asked) \(change)"
        guard step.sustained > .zero else {
            return Opinion(
                rule, replicas: wanted, because: arithmetic, clause: "\(subject) wants \(wanted)", severity: severity)
        }
        // Without a beginning the condition was broken at this very evaluation (the reading is missing or stale): it
        // starts anew.
        let until = (self.memory.since(step.metric, side, threshold) ?? self.now) + step.sustained
        guard self.now >= until else {
            let end = Words.clock(until, today: self.now)
            return Opinion(
                rule, replicas: self.size.asked, because: "\(value) \(sign) \(threshold) has to last until \(end)",
                clause: "\(subject) has to last until \(end)", severity: severity,
                sustaining: .sustaining(metric: step.metric, until: until))
        }
        return Opinion(
            rule, replicas: wanted, because: "\(arithmetic) after \(step.sustained.text)",
            clause: "\(subject) for \(step.sustained.text) wants \(wanted)", severity: severity)
    }

    /// A number of replicas, or a percentage of the present ones rounded up to at least one.
    private func amount(_ amount: Rule.Step.Amount) -> Int128 {
        switch amount {
        case .replicas(let count): max(0, Int128(count))
        case .percent(let percent):
            max(1, Exact.ceilDivide(Exact.multiply(Int128(self.size.asked), max(0, Int128(percent))), by: 100))
        }
    }
}

// MARK: - capacity

extension Panel {
    private func capacity(_ rule: Rule, _ capacity: Rule.Capacity, _ value: Quantity) -> Opinion {
        let asked = self.size.asked
        let step = max(0, Int128(capacity.step))
        let total = Exact.multiply(Int128(capacity.perReplica.milli), Int128(asked))
        let present = Exact.quantity(milli: total)
        guard capacity.perReplica > .zero else {
            let words = "the capacity of a replica for \(capacity.metric) is not above 0"
            return Opinion(rule, replicas: asked, because: words, clause: words)
        }
        guard let share = Ratio(Int128(value.milli), of: total) else {
            let wanted = value > .zero ? Exact.replicas(step) : 0
            let words = "\(capacity.metric) \(value) and no replica"
            return Opinion(
                rule, replicas: wanted, because: words, clause: "\(words) wants \(wanted)",
                severity: value > .zero ? 1000 : 0)
        }
        // Thousandths of a millionth on both sides, so that nothing is rounded.
        let load = Exact.multiply(Int128(value.milli), 1000)
        let up = Exact.multiply(Int128(capacity.upAt.milli), total)
        let down = Exact.multiply(Int128(capacity.downAt.milli), total)
        let subject = "\(capacity.metric) \(value) of \(present)"
        let upAt = Ratio(Int128(capacity.upAt.milli), of: 1000)?.percent ?? .zero
        let downAt = Ratio(Int128(capacity.downAt.milli), of: 1000)?.percent ?? .zero
        if load >= up {
            let wanted = Exact.replicas(Int128(asked) + step)
            return Opinion(
                rule, replicas: wanted, because: "\(value) ≥ \(capacity.upAt) × \(present): \(asked) + \(step)",
                clause: "\(subject) (\(share.percent) % ≥ \(upAt) %) wants \(wanted)",
                severity: Ratio(load, of: up)?.distanceFromOne ?? 1000)
        }
        if load <= down {
            let wanted = max(1, Exact.replicas(Int128(asked) - step))
            return Opinion(
                rule, replicas: wanted,
                because: "\(value) ≤ \(capacity.downAt) × \(present): \(asked) − \(asked - wanted)",
                clause: "\(subject) (\(share.percent) % ≤ \(downAt) %) wants \(wanted)",
                severity: Ratio(load, of: down)?.distanceFromOne ?? 1000)
        }
        let words = "\(subject) (\(share.percent) %) is between \(downAt) % and \(upAt) %"
        return Opinion(rule, replicas: asked, because: words, clause: words)
    }
}
