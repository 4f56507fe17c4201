import Model

/// Steps 5 to 9: what moves the bounds, the emergency, and what slows a change down.
extension Ladder {
    /// A schedule's bounds take the place of the policy's own; floors raise the lower one, never past the upper.
    func moveBounds() {
        let schedule = self.situation.schedule
        if schedule.maxReplicas >= 0 { self.highest = schedule.maxReplicas }
        if schedule.minReplicas >= 0 { self.lowest = schedule.minReplicas }
        if schedule.minReplicas >= 0 || schedule.maxReplicas >= 0 {
            let until = min(schedule.minReplicas >= 0 ? schedule.minUntil : .max, schedule.maxReplicas >= 0 ? schedule.maxUntil : .max)
            self.step(
                .schedule, to: self.number, [], nil, "a schedule asks for \(self.lowest) to \(max(self.highest, self.lowest)) until \(self.clock(until))")
        }
        let floor = max(self.situation.inboundFloor, self.situation.failoverFloor)
        if floor > self.lowest {
            self.lowest = min(floor, max(self.highest, self.lowest))
            self.step(.floors, to: self.number, [], nil, "at least \(self.lowest): \(self.wordsOfFloor)")
        }
        self.highest = max(self.highest, self.lowest)
    }

    private var wordsOfFloor: String {
        let floors = self.scene?.floors
        if self.situation.inboundFloor >= self.situation.failoverFloor { return "asked for by \(Words.quoted(floors?.inbound?.by ?? "somebody"))" }
        let region = floors?.failover?.region ?? "another region"
        guard let until = floors?.failover?.until else { return "the load of \(region) comes here" }
        return "\(region) is back, its load leaves here until \(self.clock(until.microseconds))"
    }

    /// The condition must hold on fresh readings. An unknown value makes it false, and the story says so. It never lowers.
    func noticeEmergency() {
        guard let emergency = self.program.emergency else { return }
        switch self.holds(emergency) {
        case false: return
        case nil:
            self.step(
                .emergency, to: self.number, [], self.lack(of: emergency)?.reason,
                "\(Words.quoted(emergency.expression.text)) is unknown and counts as false: \(self.whyUnknown(emergency))")
            if self.doesLack(emergency) { self.reasons.insert(.lacking) }
        case true:
            let asked = min(self.program.emergencyReplicas, self.highest)
            self.emergencyFloor = max(self.current, asked)
            let words = { "emergency \(self.told(emergency)) wants at least \(asked)" }
            self.step(.emergency, to: max(self.number, self.emergencyFloor), .emergency, .emergency, words())
            self.log.clause(words())
        }
    }

    /// What an emergency leaves alone.
    private var insisted: Int { min(self.number, max(self.emergencyFloor, 0)) }

    /// Drops the recommendations and changes that no window and no period reaches any more. In every evaluation, whether it limits anything or not: an
    /// entry that stayed for weeks would come round as a new one, since its time is kept in 32 bits.
    func forget() {
        let now = self.situation.milliseconds
        self.cells.prune(.recommendations, self.program.cells.recommendations, at: now)
        self.cells.prune(.ups, self.program.cells.ups, at: now)
        self.cells.prune(.downs, self.program.cells.downs, at: now)
    }

    /// Nothing below the highest, and nothing above the lowest, that was recommended within the window of that direction.
    func stabilize() {
        let place = self.program.cells.recommendations
        guard place.capacity > 0 else { return }
        let now = self.situation.milliseconds
        // A workload that nothing is known of yet: what runs is the first recommendation.
        if self.cells.entries(.recommendations) == 0 { self.cells.recommend(Int32(self.current), place, at: now) }
        let log = self.cells.log(.recommendations, place, at: now)
        let (result, window): (Int32, Int64)
        switch self.program.limits {
        case .none: return
        case .legacy:
            window = place.length
            result = HPA.stabilize(Int32(self.number), window: window, log: log).replicas
        case .behavior(let up, let down):
            result = HPA.stabilize(Int32(self.number), current: Int32(self.current), upWindow: up.window, downWindow: down.window, log: log).replicas
            window = Int(result) > self.number ? down.window : up.window
        }
        let stabilized = max(Int(result), self.insisted)
        if stabilized != self.number {
            let isDown = stabilized > self.number
            let until = { self.leaves(Int32(stabilized), window, isDown: isDown, place, now) }
            let words = {
                "\(isDown ? "not below" : "not above") \(stabilized), the \(isDown ? "highest" : "lowest") recommendation of the last "
                    + "\(Duration.milliseconds(window).text), until \(self.clock(until()))"
            }
            self.step(.stabilization, to: stabilized, .stabilized, .stabilized(until: WallTime(microseconds: until())), words())
            self.log.clause(words())
        }
        // The raw number, as the algorithm has it: what was stabilized would feed on itself.
        if self.isRecommendation { self.cells.recommend(Int32(self.wanted), place, at: now) }
    }

    /// When the entries that hold the number where it is have left the window.
    private func leaves(_ replicas: Int32, _ window: Int64, isDown: Bool, _ place: CellLayout.Log, _ now: Int64) -> Int64 {
        var newest = Int64.max
        for entry in self.cells.log(.recommendations, place, at: now) where entry.age < window {
            if isDown ? entry.replicas >= replicas : entry.replicas <= replicas { newest = min(newest, entry.age) }
        }
        guard newest != .max else { return self.now }
        return self.now.addingSaturating((window - newest).multipliedSaturating(by: 1000))
    }

    /// No more change within a period than `behavior` allows.
    func limitRate() {
        let wanted = self.clamped(self.number)
        guard wanted != self.current else { return }
        let isUp = wanted > self.current
        switch self.program.limits {
        case .none: return
        case .legacy:
            let most = Int(HPA.ScaleUpLimit().most(from: Int32(self.current)))
            guard isUp, wanted > most else { return }
            let limited = max(most, self.insisted)
            self.step(.rateLimit, to: limited, .rateLimited, .scaleUpLimit, "at most twice the size, or 4: \(most)")
            self.log.clause("at most twice the size at once")
        case .behavior(let up, let down): self.limitRate(isUp ? up : down, wanted, isUp: isUp)
        }
    }

    private func limitRate(_ rules: Program.Direction, _ wanted: Int, isUp: Bool) {
        let now = self.situation.milliseconds
        let ups = self.cells.log(.ups, self.program.cells.ups, at: now), downs = self.cells.log(.downs, self.program.cells.downs, at: now)
        let limit = Int(
            HPA.scaleLimit(
                isUp ? .up : .down, current: Int32(self.current), select: rules.select, policies: rules.policies, ups: ups, downs: downs,
                arithmetic: self.program.arithmetic))
        let allowed = max(isUp ? max(limit, self.current) : min(limit, self.current), self.insisted)
        guard isUp ? wanted > allowed : wanted < allowed else { return }
        if rules.select == .disabled {
            let words = "\(isUp ? "scaling up" : "scaling down") is disabled"
            self.step(.rateLimit, to: allowed, .rateLimited, .directionDisabled, words)
            self.log.clause(words)
            return
        }
        let until = { self.moreIsAllowed(rules, now) }
        self.step(
            .rateLimit, to: allowed, .rateLimited, .rateLimited(until: WallTime(microseconds: until())),
            "\(self.words(rules, isUp: isUp)): \(allowed), more from \(self.clock(until()))")
        self.log.clause("limited to \(self.words(rules, isUp: isUp))")
    }

    /// When the first change that counts now no longer does; a period from now when none does.
    private func moreIsAllowed(_ rules: Program.Direction, _ now: Int64) -> Int64 {
        var first = Int64.max
        for policy in rules.policies {
            var oldest: Int64 = -1
            for entry in self.cells.log(.ups, self.program.cells.ups, at: now) where entry.age < policy.period { oldest = max(oldest, entry.age) }
            for entry in self.cells.log(.downs, self.program.cells.downs, at: now) where entry.age < policy.period { oldest = max(oldest, entry.age) }
            first = min(first, oldest >= 0 ? policy.period - oldest : policy.period)
        }
        return self.now.addingSaturating((first == .max ? 0 : first).multipliedSaturating(by: 1000))
    }

    private func words(_ rules: Program.Direction, isUp: Bool) -> String {
        let parts = rules.policies.map { policy in
            "\(isUp ? "+" : "−")\(policy.value)\(policy.unit == .percent ? "%" : "") per \(Duration.milliseconds(policy.period).text)"
        }
        guard parts.count > 1 else { return parts.first ?? "nothing" }
        return "the \(rules.select == .min ? "smaller" : "larger") of \(parts.joined(separator: " and "))"
    }

    /// Up counts from the last change up, down from the last change in either direction.
    func cool() {
        // A change that min and max would undo anyway is theirs to explain.
        guard self.number != self.current, self.clamped(self.number) != self.current else { return }
        let isUp = self.number > self.current
        let lastUp = self.cells[CellLayout.Header.lastUp], lastDown = self.cells[CellLayout.Header.lastDown]
        let last = isUp ? lastUp : max(lastUp, lastDown)
        let length = isUp ? self.program.cooldownUp : self.program.cooldownDown
        guard last != Cells.never, length > 0 else { return }
        let until = last.addingSaturating(length)
        let allowed = max(self.current, self.emergencyFloor)
        guard self.now < until, self.number != allowed else { return }
        let words = { "cooldown after the last \(isUp ? "change up" : "change") ends \(self.clock(until))" }
        self.step(.cooldown, to: allowed, .cooldown, .cooldown(until: WallTime(microseconds: until)), words())
        self.log.clause(words())
    }

    /// Also when the present size is outside, and without readings: min and max are policy.
    func clamp() {
        let bounded = self.clamped(self.number)
        guard bounded != self.number else { return self.step(.clamp, to: bounded) }
        let isDown = bounded < self.number
        let words = { isDown ? "the maximum is \(bounded)" : "the minimum is \(bounded)" }
        self.step(.clamp, to: bounded, isDown ? .atMax : self.kindOfFloor, self.reason(ofBound: isDown), words())
        self.log.clause(words())
    }

    private var kindOfFloor: ReasonSet {
        guard self.lowest > (self.situation.schedule.minReplicas >= 0 ? self.situation.schedule.minReplicas : self.program.minReplicas) else {
            return self.situation.schedule.minReplicas > self.program.minReplicas ? .schedule : .atMin
        }
        return self.situation.inboundFloor >= self.situation.failoverFloor ? .inboundFloor : .failoverFloor
    }

    private func reason(ofBound isMax: Bool) -> Reason {
        let schedule = self.situation.schedule
        if isMax {
            let isScheduled = schedule.maxReplicas >= 0 && schedule.maxReplicas < self.program.maxReplicas && self.highest == schedule.maxReplicas
            return isScheduled ? .scheduleCeiling(until: WallTime(microseconds: schedule.maxUntil)) : .atMax
        }
        switch self.kindOfFloor {
        case .schedule: return .scheduleFloor(until: WallTime(microseconds: schedule.minUntil))
        case .inboundFloor:
            guard let floor = self.scene?.floors.inbound else { return .atMin }
            return .inboundFloor(by: floor.by, until: floor.until)
        case .failoverFloor: return .failoverFloor(region: self.scene?.floors.failover?.region ?? "", until: self.scene?.floors.failover?.until)
        default: return .atMin
        }
    }
}

// MARK: - Conditions

extension Ladder {
    /// On fresh readings only.
    @inline(__always)
    func holds(_ condition: Postfix) -> Bool? {
        condition.condition(
            self.scratch.stack,
            metric: { index in
                guard index >= 0 else { return nil }
                let reading = self.scratch.readings[index]
                return reading.quality == .fresh ? reading.value : nil
            }, past: { self.past($0, $1) })
    }

    /// Which guards take effect now: their conditions have lasted, and they have not taken effect too often.
    func watchGuards() -> UInt64 {
        var effects: UInt64 = 0
        for (index, plan) in self.program.guards.enumerated() where index < 64 {
            guard self.holds(plan.condition) == true else {
                self.cells[plan.since] = Cells.never
                continue
            }
            if self.cells[plan.since] == Cells.never { self.cells[plan.since] = self.now }
            guard self.now >= self.cells[plan.since].addingSaturating(plan.sustained) else { continue }
            // The oldest of the last `count` times makes room for this one once it is a period old.
            var oldest = plan.fired
            for cell in plan.fired..<plan.fired + plan.count where self.cells[cell] < self.cells[oldest] { oldest = cell }
            let last = self.cells[oldest]
            guard last == Cells.never || self.now.subtractingSaturating(last) >= plan.per else { continue }
            self.cells[oldest] = self.now
            effects |= 1 << UInt64(index)
        }
        return effects
    }

    private func doesLack(_ condition: Postfix) -> Bool {
        condition.operations.contains { operation in
            switch operation {
            case .metric(let index), .change(let index, _): index < 0 || self.scratch.readings[index].quality != .fresh
            default: false
            }
        }
    }

    private func whyUnknown(_ condition: Postfix) -> String {
        self.lack(of: condition)?.words
            ?? (condition.expression.lookback.isEmpty ? "it divides by 0" : "it divides by 0, or looks further back than there are samples")
    }

    /// The metrics that a condition lacks, in words, and the first one's reason.
    private func lack(of condition: Postfix) -> (words: String, reason: Reason)? {
        let lacking = condition.expression.metrics.sorted().compactMap { name -> (words: String, reason: Reason)? in
            guard let index = self.program.distinctMetrics.firstIndex(where: { $0.name == name }) else {
                return ("the policy defines no metric “\(name)”", .missing(metric: name))
            }
            let quality = self.scratch.readings[index].quality
            return quality == .fresh ? nil : (Words.lack(self.told(index)), Self.reason(quality, name))
        }
        guard let first = lacking.first else { return nil }
        return (lacking.map(\.words).joined(separator: ", "), first.reason)
    }

    /// `“queue > 100” (queue 180)`
    func told(_ condition: Postfix) -> String {
        let values = condition.expression.metrics.sorted().compactMap { name -> String? in
            guard let index = self.program.distinctMetrics.firstIndex(where: { $0.name == name }), self.scratch.readings[index].hasValue else { return nil }
            return "\(name) \(Quantity(milli: self.scratch.readings[index].value))"
        }
        return "\(Words.quoted(condition.expression.text)) (\(values.joined(separator: ", ")))"
    }
}
