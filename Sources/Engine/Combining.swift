import Model

/// Steps 2 and 3: the rules' opinions, and the one number made of them.
extension Ladder {
    mutating func propose() {
        self.opinions = self.panel(self.readings).opinions()
        let proposed = self.opinions.compactMap(\.replicas)
        let all = self.opinions.count == 1 ? "1 rule proposes" : "\(self.opinions.count) rules propose"
        self.step(.proposals, to: proposed.max() ?? self.current, text: "\(proposed.count) of \(all)")
    }

    private func panel(_ readings: Readings) -> Panel {
        Panel(policy: self.policy, readings: readings, size: self.size, memory: self.memory, now: self.now)
    }

    mutating func combine() {
        if !self.opinions.isEmpty, self.opinions.allSatisfy({ $0.lacks != nil }) {
            self.noteLacks()
            self.followMissingLadder()
            self.wanted = self.number
            return
        }
        let vote = self.vote()
        self.driving = vote.driving
        // A missing or stale reading might have spoken for staying or for more, so it must not be what makes room for
        // less.
        let isHeldUp = vote.replicas < self.current && self.opinions.contains { $0.doubt != nil }
        let result = isHeldUp ? self.current : vote.replicas
        self.step(
            .combine, to: result,
            text: isHeldUp ? "\(vote.text); not below \(self.current) without every reading fresh" : vote.text)
        self.wanted = result
        self.noteRules(vote, changes: result != self.current)
        self.noteLacks()
        if isHeldUp { self.clauses.append("nothing lowers while a reading is missing or stale") }
    }

    private mutating func noteRules(_ vote: Vote, changes: Bool) {
        for index in self.driving where changes { self.because(.rule(self.opinions[index].rule.metric)) }
        for opinion in self.opinions { if let sustaining = opinion.sustaining { self.because(sustaining) } }
        if !changes, !self.opinions.contains(where: { $0.doubt != nil || $0.sustaining != nil }) {
            self.because(.withinTolerance)
        }
        if let index = self.driving.first {
            self.clauses.append(self.opinions[index].clause)
        } else if vote.isSplit {
            self.clauses.append("no majority among the rules (\(vote.text))")
        } else if let speaking = self.opinions.first(where: { $0.lacks == nil }) {
            self.clauses.append(speaking.clause)
        }
    }

    private mutating func noteLacks() {
        for opinion in self.opinions {
            guard let reason = opinion.doubt else { continue }
            let words = self.readings[opinion.rule.metric].map(Words.lack) ?? opinion.because
            if !self.clauses.contains(words) { self.clauses.append(words) }
            self.because(reason)
        }
    }
}

// MARK: - Votes

extension Ladder {
    struct Vote {
        let replicas: Int
        /// Indices of the opinions that made it.
        let driving: [Int]
        let text: String
        /// Rules want a change, but not enough of them.
        var isSplit = false
    }

    func vote() -> Vote {
        switch self.policy.combine {
        case .max: self.largest()
        case .weighted: self.weighted()
        }
    }

    private func largest() -> Vote {
        var best: Int?
        var count = 0
        for (index, opinion) in self.opinions.enumerated() {
            guard let replicas = opinion.replicas else { continue }
            count += 1
            guard let present = best, let leading = self.opinions[present].replicas else { best = index; continue }
            if replicas > leading { best = index }
        }
        guard let best, let replicas = self.opinions[best].replicas else {
            return Vote(replicas: self.current, driving: [], text: "no rule proposes")
        }
        return Vote(replicas: replicas, driving: [best], text: "max of \(count)")
    }

    /// Each rule with a reading votes up, down or keep with its weight; half of the weight that had readings moves. The
    /// step up is the largest among those that agree, the step down the smallest.
    private func weighted() -> Vote {
        var up: Int128 = 0
        var down: Int128 = 0
        var total: Int128 = 0
        for opinion in self.opinions where opinion.lacks == nil {
            let weight = max(0, Int128(opinion.rule.weight.milli))
            total += weight
            guard let replicas = opinion.replicas else { continue }
            if replicas > self.current { up += weight }
            if replicas < self.current { down += weight }
        }
        let (raising, lowering, all) = (
            Exact.quantity(milli: up), Exact.quantity(milli: down), Exact.quantity(milli: total)
        )
        let text = "up \(raising), down \(lowering) of weight \(all)"
        let balance = up - down
        guard total > 0, balance.magnitude * 2 >= total.magnitude else {
            return Vote(replicas: self.current, driving: [], text: text, isSplit: up > 0 || down > 0)
        }
        let agreeing = self.opinions.indices.filter { index in
            guard let replicas = self.opinions[index].replicas, self.opinions[index].lacks == nil else { return false }
            return balance > 0 ? replicas > self.current : replicas < self.current
        }
        let replicas = agreeing.compactMap { self.opinions[$0].replicas }.max() ?? self.current
        let leading = agreeing.filter { self.opinions[$0].replicas == replicas }
        return Vote(replicas: replicas, driving: leading + agreeing.filter { !leading.contains($0) }, text: text)
    }
}

// MARK: - Without any reading

extension Ladder {
    /// `onMissing`: its steps one after the other as time passes since the last usable reading. Behind the last one it
    /// holds, without end.
    mutating func followMissingLadder() {
        let since = self.memory.lastUsable(by: self.policy) ?? self.now
        var begins = since
        for rung in self.policy.onMissing {
            switch rung {
            case .hold(let length):
                let ends = begins + length
                if self.now < ends { return self.holdBlind("hold until \(Words.clock(ends, today: self.now))") }
                begins = ends
            case .lastGood(let length):
                let ends = begins + length
                if self.now < ends { return self.goOnWithLastGood(until: ends) }
                begins = ends
            // A second source that does not answer leaves the floor to the next step; one that does makes the reading fresh.
            case .secondary: continue
            case .replicas(let count):
                let floor = max(self.current, Exact.replicas(count))
                self.step(
                    .missing, to: floor, text: "at least \(count) without readings", reason: self.opinions.first?.lacks)
                if floor > self.current { self.clauses.append("at least \(count) without readings") }
                return
            }
        }
        self.holdBlind(self.policy.onMissing.isEmpty ? "hold" : "hold: every step of onMissing is used up")
    }

    private mutating func holdBlind(_ text: String) {
        self.step(.missing, to: self.current, text: text, reason: self.opinions.first?.lacks)
    }

    private mutating func goOnWithLastGood(until ends: WallTime) {
        let opinions = self.panel(self.readings.withLastGood(self.memory)).opinions()
        let end = Words.clock(ends, today: self.now)
        let raising = opinions.contains { $0.replicas ?? self.current > self.current }
        guard raising else { return self.holdBlind("the last good values until \(end) do not raise: hold") }
        let lack = self.opinions.first?.lacks
        self.opinions = opinions
        let vote = self.vote()
        self.driving = vote.driving
        let raised = max(vote.replicas, self.current)
        self.step(.missing, to: raised, text: "the last good values until \(end): \(vote.text)", reason: lack)
        guard raised > self.current, let index = vote.driving.first else { return }
        self.because(.rule(opinions[index].rule.metric))
        self.clauses.append("the last good value: \(opinions[index].clause)")
    }
}
