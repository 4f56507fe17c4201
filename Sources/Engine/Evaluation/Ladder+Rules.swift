import Model

/// Step 2: each rule proposes, or has no say.
extension Ladder {
    func propose() {
        let (most, proposing) = self.ask()
        self.step(
            .proposals, to: most ?? self.current, [], nil,
            "\(proposing) of \(self.program.rules.count == 1 ? "1 rule proposes" : "\(self.program.rules.count) rules propose")")
    }

    /// Asks every rule.
    /// - Returns: the largest proposal, and how many there are.
    @discardableResult
    func ask() -> (most: Int?, proposing: Int) {
        var most: Int?, proposing = 0
        for index in 0..<self.program.rules.count {
            let opinion = self.opinion(self.program.rules[index])
            self.scratch.opinions[index] = opinion
            guard opinion.replicas >= 0 else { continue }
            proposing += 1
            most = max(most ?? 0, opinion.replicas)
        }
        return (most, proposing)
    }

    private func opinion(_ plan: Program.RulePlan) -> Opinion {
        guard plan.metric >= 0 else {
            self.log.opinion("the policy defines no metric “\(plan.rule.metric)”")
            return Opinion(lacks: .missing)
        }
        let reading = self.scratch.readings[plan.metric]
        guard reading.hasValue else { return self.opinion(plan, without: reading) }
        let value = Quantity(milli: reading.value)
        switch plan.rule.body {
        case .track(let track): return self.track(track, plan, value)
        case .step(let step): return self.threshold(step, plan, value)
        case .capacity(let capacity): return self.capacity(capacity, plan, value)
        }
    }

    /// The metric's own number may stand in.
    private func opinion(_ plan: Program.RulePlan, without reading: MetricReading) -> Opinion {
        guard reading.floor > self.current else {
            self.log.opinion(Words.lack(self.told(plan.metric)))
            return Opinion(lacks: .missing)
        }
        self.log.opinion(
            because: "at least \(reading.floor) without a reading",
            clause: "\(Words.lack(self.told(plan.metric))), and at least \(reading.floor) are wanted then")
        return Opinion(replicas: reading.floor, raisesOn: .missing)
    }

    /// Says an opinion. What rests on a reading that may only raise, and would not raise, is none.
    @inline(__always)
    private func said(
        _ opinion: Opinion, _ plan: Program.RulePlan, because: @autoclosure () -> String, clause: @autoclosure () -> String
    ) -> Opinion {
        let quality = self.scratch.readings[plan.metric].quality
        guard quality != .fresh else {
            self.log.opinion(because: because(), clause: clause())
            return opinion
        }
        guard opinion.replicas > self.current else {
            self.log.opinion(
                because: "\(because()) from a \(quality.rawValue) reading, which may not lower or keep", clause: Words.lack(self.told(plan.metric)))
            return Opinion(lacks: quality)
        }
        var opinion = opinion
        opinion.raisesOn = quality
        self.log.opinion(because: "\(because()) from a \(quality.rawValue) reading, which may raise", clause: clause())
        return opinion
    }

    @inline(__always)
    private func said(_ opinion: Opinion, _ plan: Program.RulePlan, _ words: @autoclosure () -> String) -> Opinion {
        self.said(opinion, plan, because: words(), clause: words())
    }
}

// MARK: - track

extension Ladder {
    private func track(_ track: Rule.Track, _ plan: Program.RulePlan, _ value: Quantity) -> Opinion {
        let size = self.situation
        if case .averageUtilization = track.target, size.asked == 0 {
            return self.said(Opinion(), plan, "no replica runs, so there is no utilization to track")
        }
        guard let result = self.result(track, plan, value) else {
            return self.said(Opinion(replicas: size.asked), plan, "the target of \(track.metric) is not above 0")
        }
        let opinion = Opinion(replicas: result.replicas, ratio: result.ratio, isUnbounded: result.ratio == nil)
        let isKept = result.replicas == size.asked && result.keeps
        return self.said(
            opinion, plan,
            because: result.keeps
                ? "ratio \(result.ratio.map { "\($0.quantity)" } ?? "unbounded"), tolerance \(self.words(plan.tolerance))" : self.arithmetic(track, value),
            clause: "\(self.subject(track, value)) \(isKept ? "needs no change" : "wants \(result.replicas)")")
    }

    private func result(_ track: Rule.Track, _ plan: Program.RulePlan, _ value: Quantity) -> HPA.Result? {
        let size = self.situation
        let arithmetic = self.program.arithmetic
        switch track.target {
        case .averageUtilization(let target):
            return arithmetic == .hpa
                ? self.utilizationAsController(value, target: target, plan.tolerance)
                : HPA.utilization(value, target: target, current: size.asked, existing: size.existing, ready: size.ready, tolerance: plan.tolerance)
        case .value(let target):
            return HPA.value(value, target: target, current: size.asked, ready: size.ready, tolerance: plan.tolerance, arithmetic: arithmetic)
        case .averageValue(let target):
            return HPA.averageValue(value, target: target, existing: size.existing, tolerance: plan.tolerance, arithmetic: arithmetic)
        }
    }

    /// A mean is taken for that of the ready replicas; the others count as idle where it asks for more.
    private func utilizationAsController(_ mean: Quantity, target: Quantity, _ tolerance: HPA.Tolerance) -> HPA.Result? {
        let size = self.situation
        let ratio = Ratio(Int128(mean.milli), of: Int128(target.milli))
        // Nothing to take a mean of.
        guard size.ready > 0 else { return ratio.map { HPA.Result(replicas: size.asked, ratio: $0, keeps: true) } }
        var tally = HPA.PodTally()
        tally.add(ready: size.ready, usage: mean.milli, unready: max(size.existing, size.asked, size.ready) - size.ready)
        guard
            let result = try? HPA.averageUsage(
                tally, target: target.milli, current: Int32(size.asked), tolerances: HPA.Tolerances(tolerance), arithmetic: .hpa)
        else { return nil }
        return HPA.Result(replicas: Int(result.replicas), ratio: ratio, keeps: result.keeps)
    }

    private func words(_ tolerance: HPA.Tolerance) -> String {
        tolerance.down == tolerance.up ? "\(tolerance.up)" : "\(tolerance.down) down, \(tolerance.up) up"
    }

    private func subject(_ track: Rule.Track, _ value: Quantity) -> String {
        switch track.target {
        case .averageUtilization(let target): "\(track.metric) \(value) % of a target of \(target) %"
        case .value(let target): "\(track.metric) \(value) of a target of \(target)"
        case .averageValue(let target): "\(track.metric) \(value) / \(target) per replica"
        }
    }

    private func arithmetic(_ track: Rule.Track, _ value: Quantity) -> String {
        let counted = self.situation.ready > 0 ? "\(self.situation.ready) ready" : "\(self.situation.asked)"
        return switch track.target {
        case .averageUtilization(let target): "ceil(\(value) / \(target) × \(counted))"
        case .value(let target): self.situation.asked > 0 ? "ceil(\(value) / \(target) × \(counted))" : "ceil(\(value) / \(target))"
        case .averageValue(let target): "ceil(\(value) / \(target))"
        }
    }
}

// MARK: - step

extension Ladder {
    private func threshold(_ step: Rule.Step, _ plan: Program.RulePlan, _ value: Quantity) -> Opinion {
        if let above = step.above, let add = step.add, value > above {
            let wanted = Exact.replicas(Int128(self.current) + self.amount(add))
            return self.passed(step, plan, value, above, since: plan.sinceAbove, wanted, isAbove: true)
        }
        if let below = step.below, let remove = step.remove, value < below {
            let wanted = Exact.replicas(Int128(self.current) - self.amount(remove))
            return self.passed(step, plan, value, below, since: plan.sinceBelow, wanted, isAbove: false)
        }
        // A rule of one direction whose threshold is not passed must not hold back the other direction.
        switch (step.add == nil ? nil : step.above, step.remove == nil ? nil : step.below) {
        case (let above?, let below?):
            return self.said(Opinion(replicas: self.current), plan, "\(step.metric) \(value) is between \(below) and \(above)")
        case (let above?, nil): return self.said(Opinion(), plan, "\(step.metric) \(value) is not above \(above), and the rule only raises")
        case (nil, let below?): return self.said(Opinion(), plan, "\(step.metric) \(value) is not below \(below), and the rule only lowers")
        case (nil, nil): return self.said(Opinion(), plan, "the rule has no threshold")
        }
    }

    /// The threshold is passed; whether for long enough is left to see.
    private func passed(
        _ step: Rule.Step, _ plan: Program.RulePlan, _ value: Quantity, _ threshold: Quantity, since cell: Int, _ wanted: Int, isAbove: Bool
    ) -> Opinion {
        let sign = isAbove ? ">" : "<"
        let ratio = Ratio(Int128(value.milli), of: Int128(threshold.milli))
        var opinion = Opinion(replicas: wanted, ratio: ratio, isUnbounded: ratio == nil)
        guard cell >= 0 else {
            return self.said(
                opinion, plan, because: self.arithmetic(value, sign, threshold, wanted, isAbove),
                clause: "\(step.metric) \(value) \(sign) \(threshold) wants \(wanted)")
        }
        // Without a beginning the condition was broken at this very evaluation (the reading may not carry it): it starts anew.
        let since = self.cells[cell]
        let until = (since == Cells.never ? self.now : since).addingSaturating(step.sustained.microseconds)
        guard self.now >= until else {
            opinion.replicas = self.current
            opinion.sustainedUntil = until
            return self.said(
                opinion, plan, because: "\(value) \(sign) \(threshold) has to last until \(self.clock(until))",
                clause: "\(step.metric) \(value) \(sign) \(threshold) has to last until \(self.clock(until))")
        }
        return self.said(
            opinion, plan, because: "\(self.arithmetic(value, sign, threshold, wanted, isAbove)) after \(step.sustained.text)",
            clause: "\(step.metric) \(value) \(sign) \(threshold) for \(step.sustained.text) wants \(wanted)")
    }

    private func arithmetic(_ value: Quantity, _ sign: String, _ threshold: Quantity, _ wanted: Int, _ isAbove: Bool) -> String {
        "\(value) \(sign) \(threshold): \(self.current) \(isAbove ? "+" : "−") \(abs(wanted - self.current))"
    }

    /// A number of replicas, or a percentage of the present ones rounded up to at least one.
    private func amount(_ amount: Rule.Step.Amount) -> Int128 {
        switch amount {
        case .replicas(let count): max(0, Int128(count))
        case .percent(let percent): max(1, Exact.ceilDivide(Exact.multiply(Int128(self.current), max(0, Int128(percent))), by: 100))
        }
    }
}

// MARK: - capacity

extension Ladder {
    private func capacity(_ capacity: Rule.Capacity, _ plan: Program.RulePlan, _ value: Quantity) -> Opinion {
        let step = max(0, Int128(capacity.step))
        let total = Exact.multiply(Int128(capacity.perReplica.milli), Int128(self.current))
        guard capacity.perReplica > .zero else {
            return self.said(Opinion(replicas: self.current), plan, "the capacity of a replica for \(capacity.metric) is not above 0")
        }
        guard self.current > 0 else {
            let wanted = value > .zero ? Exact.replicas(step) : 0
            return self.said(
                Opinion(replicas: wanted, isUnbounded: value > .zero), plan, because: "\(capacity.metric) \(value) and no replica",
                clause: "\(capacity.metric) \(value) and no replica wants \(wanted)")
        }
        // Thousandths of a millionth on both sides, so that nothing is rounded.
        let load = Exact.multiply(Int128(value.milli), 1000)
        let up = Exact.multiply(Int128(capacity.upAt.milli), total)
        let down = Exact.multiply(Int128(capacity.downAt.milli), total)
        if load >= up {
            let wanted = Exact.replicas(Int128(self.current) + step)
            return self.said(
                Opinion(replicas: wanted, ratio: Ratio(load, of: up), isUnbounded: up <= 0), plan,
                because: "\(value) ≥ \(capacity.upAt) × \(Exact.quantity(milli: total)): \(self.current) + \(step)",
                clause: "\(self.subject(capacity, value, total)) ≥ \(self.percent(capacity.upAt)) %) wants \(wanted)")
        }
        if load <= down {
            let wanted = max(1, Exact.replicas(Int128(self.current) - step))
            return self.said(
                Opinion(replicas: wanted, ratio: Ratio(load, of: down), isUnbounded: down <= 0), plan,
                because: "\(value) ≤ \(capacity.downAt) × \(Exact.quantity(milli: total)): \(self.current) − \(self.current - wanted)",
                clause: "\(self.subject(capacity, value, total)) ≤ \(self.percent(capacity.downAt)) %) wants \(wanted)")
        }
        return self.said(
            Opinion(replicas: self.current), plan,
            "\(self.subject(capacity, value, total))) is between \(self.percent(capacity.downAt)) % and \(self.percent(capacity.upAt)) %")
    }

    /// `mailboxes 850 of 1000 (85 %`, left open.
    private func subject(_ capacity: Rule.Capacity, _ value: Quantity, _ total: Int128) -> String {
        let share = Ratio(Int128(value.milli), of: total)?.percent ?? .zero
        return "\(capacity.metric) \(value) of \(Exact.quantity(milli: total)) (\(share) %"
    }
    private func percent(_ share: Quantity) -> Quantity { Ratio(Int128(share.milli), of: 1000)?.percent ?? .zero }
}
