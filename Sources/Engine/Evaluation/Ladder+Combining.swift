import Model

/// Step 3: one number of all proposals.
extension Ladder {
    func combine() {
        if !self.program.rules.isEmpty, self.allLack {
            self.noteLacks()
            guard self.followMissingLadder() else {
                self.wanted = self.number
                return
            }
        }
        let vote = self.vote()
        self.driving = vote.driving
        // A reading that is missing or in doubt might have spoken for staying or for more, so it must not be what makes room for less.
        let isHeldUp = vote.replicas < self.current && self.isAnyDoubted
        let result = isHeldUp ? self.current : vote.replicas
        self.step(
            .combine, to: result, [], nil,
            isHeldUp ? "\(self.words(vote)); not below \(self.current) without every reading fresh" : self.words(vote))
        self.wanted = result
        self.isRecommendation = !isHeldUp
        self.noteRules(vote, changes: result != self.current)
        self.noteLacks()
        if isHeldUp { self.log.clause("nothing lowers while a reading is missing, stale or doubted") }
    }

    private var count: Int { self.program.rules.count }
    private var allLack: Bool { (0..<self.count).allSatisfy { self.scratch.opinions[$0].lacks != nil } }
    private var isAnyDoubted: Bool { (0..<self.count).contains { self.scratch.opinions[$0].doubt != nil } }

    private func noteRules(_ vote: Vote, changes: Bool) {
        if changes {
            for index in 0..<self.count where vote.isDriving(self.scratch.opinions[index], at: index, self.current) == .leading { self.noteRule(index) }
            for index in 0..<self.count where vote.isDriving(self.scratch.opinions[index], at: index, self.current) == .agreeing { self.noteRule(index) }
        }
        var isQuiet = true
        for index in 0..<self.count {
            let opinion = self.scratch.opinions[index]
            if opinion.sustainedUntil != .min {
                self.because(
                    .sustaining,
                    .sustaining(metric: self.program.rules[index].rule.metric, until: WallTime(microseconds: opinion.sustainedUntil)))
                isQuiet = false
            }
            if opinion.doubt != nil { isQuiet = false }
        }
        if !changes, isQuiet { self.because(.withinTolerance, .withinTolerance) }
        if vote.driving >= 0 {
            self.log.clause(ofOpinion: vote.driving, prefix: "")
        } else if vote.isSplit {
            self.log.clause("no majority among the rules (\(self.words(vote)))")
        } else if let speaking = (0..<self.count).first(where: { self.scratch.opinions[$0].lacks == nil }) {
            self.log.clause(ofOpinion: speaking, prefix: "")
        }
    }

    private func noteRule(_ index: Int) { self.because(.rule, .rule(self.program.rules[index].rule.metric)) }

    private func noteLacks() {
        for index in 0..<self.count {
            guard let quality = self.scratch.opinions[index].doubt else { continue }
            self.log.clause(self.lack(index))
            self.because(.lacking, Self.reason(quality, self.program.rules[index].rule.metric))
        }
    }

    private func lack(_ index: Int) -> String {
        let plan = self.program.rules[index]
        return plan.metric >= 0 ? Words.lack(self.told(plan.metric)) : "the policy defines no metric “\(plan.rule.metric)”"
    }

    static func reason(_ quality: Quality, _ metric: String) -> Reason {
        switch quality {
        case .stale: .stale(metric: metric)
        case .doubted: .doubted(metric: metric)
        case .missing, .fresh: .missing(metric: metric)
        }
    }
}

// MARK: - Votes

extension Ladder {
    struct Vote {
        var replicas: Int
        /// The first rule that made it; −1: none.
        var driving = -1
        /// Rules want a change, but not enough of them.
        var isSplit = false
        /// All that agree made it, not the first alone.
        var isJoint = false
        /// For words: proposals, or weights in thousandths.
        var count = 0
        var up: Int128 = 0
        var down: Int128 = 0
        var total: Int128 = 0

        enum Part { case none, leading, agreeing }
        func isDriving(_ opinion: Opinion, at index: Int, _ current: Int) -> Part {
            guard self.isJoint else { return index == self.driving ? .leading : .none }
            guard opinion.lacks == nil, opinion.replicas >= 0, (opinion.replicas - current).signum() == (self.replicas - current).signum() else {
                return .none
            }
            return opinion.replicas == self.replicas ? .leading : .agreeing
        }
    }

    private func words(_ vote: Vote) -> String {
        switch self.policy.combine {
        case .max: vote.count == 0 ? "no rule proposes" : "max of \(vote.count)"
        case .weighted:
            "up \(Exact.quantity(milli: vote.up)), down \(Exact.quantity(milli: vote.down)) of weight \(Exact.quantity(milli: vote.total))"
        }
    }

    func vote() -> Vote {
        switch self.policy.combine {
        case .max: self.largest()
        case .weighted: self.weighted()
        }
    }

    private func largest() -> Vote {
        var best = -1, most = -1, count = 0
        for index in 0..<self.count where self.scratch.opinions[index].replicas >= 0 {
            count += 1
            if self.scratch.opinions[index].replicas > most {
                best = index
                most = self.scratch.opinions[index].replicas
            }
        }
        return best < 0 ? Vote(replicas: self.current) : Vote(replicas: most, driving: best, count: count)
    }

    /// Each rule with a reading votes up, down or keep with its weight; half of the weight that had readings moves. The step up is the largest among
    /// those that agree, the step down the smallest: both are the largest number.
    private func weighted() -> Vote {
        var vote = Vote(replicas: self.current)
        for index in 0..<self.count where self.scratch.opinions[index].lacks == nil {
            let weight = self.program.rules[index].weight
            vote.total += weight
            let replicas = self.scratch.opinions[index].replicas
            guard replicas >= 0 else { continue }
            if replicas > self.current { vote.up += weight }
            if replicas < self.current { vote.down += weight }
        }
        let balance = vote.up - vote.down
        guard vote.total > 0, balance.magnitude * 2 >= vote.total.magnitude else {
            vote.isSplit = vote.up > 0 || vote.down > 0
            return vote
        }
        var moved = Vote(replicas: -1, isJoint: true)
        (moved.up, moved.down, moved.total) = (vote.up, vote.down, vote.total)
        for index in 0..<self.count where self.scratch.opinions[index].lacks == nil {
            let replicas = self.scratch.opinions[index].replicas
            guard balance > 0 ? replicas > self.current : replicas < self.current, replicas > moved.replicas else { continue }
            (moved.replicas, moved.driving) = (replicas, index)
        }
        return moved
    }
}

// MARK: - Without any reading

extension Ladder {
    /// `onMissing`: its steps one after the other as time passes since the last usable reading. Behind the last one it holds, without end.
    /// - Returns: whether a second source made readings, so that the rules are to be heard after all.
    private func followMissingLadder() -> Bool {
        self.signQualities()
        let since = self.lastUsable
        let elapsed = max(self.now.subtractingSaturating(since), 0)
        for rung in self.program.ladder where elapsed < rung.until {
            switch rung.step {
            case .hold:
                self.holdBlind("hold until \(self.clock(since.addingSaturating(rung.until)))")
                return false
            case .lastGood:
                self.goOnWithLastGood(until: since.addingSaturating(rung.until))
                return false
            case .secondary:
                if self.askSecondSources() { return true }
            case .replicas(let count):
                let floor = max(self.current, count)
                self.step(.missing, to: floor, .lacking, self.lackOfFirst, "at least \(count) without readings")
                if floor > self.current { self.log.clause("at least \(count) without readings") }
                return false
            }
        }
        self.holdBlind(self.program.ladder.isEmpty ? "hold" : "hold: every step of onMissing is used up")
        return false
    }

    private func signQualities() {
        for index in 0..<self.program.metrics.count {
            self.scratch.climb.pointee.lacks = self.scratch.climb.pointee.lacks &* 5 &+ self.scratch.readings[index].quality.bits &+ 1
        }
    }

    private var lackOfFirst: Reason? {
        guard self.count > 0, let quality = self.scratch.opinions[0].lacks else { return nil }
        return Self.reason(quality, self.program.rules[0].rule.metric)
    }

    private func holdBlind(_ text: @autoclosure () -> String) { self.step(.missing, to: self.current, .lacking, self.lackOfFirst, text()) }

    private func askSecondSources() -> Bool {
        var isAny = false
        for index in 0..<self.program.metrics.count where self.scratch.readings[index].quality != .fresh && self.replaceWithSecondary(index) { isAny = true }
        guard isAny else { return false }
        let lack = self.lackOfFirst
        self.log.forgetOpinions()
        self.ask()
        self.step(.missing, to: self.current, .lacking, lack, "the second source answers")
        return !self.allLack
    }

    private func goOnWithLastGood(until ends: Int64) {
        let lack = self.lackOfFirst
        let isRaising = self.wouldRaiseOnLastGood()
        guard isRaising else {
            self.step(.missing, to: self.current, .lacking, lack, "the last good values until \(self.clock(ends)) do not raise: hold")
            return
        }
        let vote = self.vote()
        self.driving = vote.driving
        let raised = max(vote.replicas, self.current)
        self.step(.missing, to: raised, .lacking, lack, "the last good values until \(self.clock(ends)): \(self.words(vote))")
        guard raised > self.current, vote.driving >= 0 else { return }
        self.noteRule(vote.driving)
        self.log.clause(ofOpinion: vote.driving, prefix: "the last good value: ")
    }

    /// Puts the last good values in the place of readings, if they raise.
    private func wouldRaiseOnLastGood() -> Bool {
        let silent = Ladder<Silence>(self.program, self.situation, self.cells, self.scratch, scene: nil, log: Silence())
        for index in 0..<self.program.metrics.count {
            // Kept aside, should they not raise: what is told is then that they are missing.
            self.scratch.kept[index] = self.scratch.readings[index]
            self.replaceWithLastGood(index)
        }
        if let most = silent.ask().most, most > self.current {
            self.log.forgetOpinions()
            self.ask()
            return true
        }
        for index in 0..<self.program.metrics.count { self.scratch.readings[index] = self.scratch.kept[index] }
        silent.ask()
        return false
    }
}
