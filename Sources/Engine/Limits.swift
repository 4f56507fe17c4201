import Model

/// Steps 6, 8 and 9 as far as they exist: emergency, cooldowns, min and max.
extension Ladder {
    /// The condition must hold on fresh readings. An unknown value makes it false, and the ladder says so. It never
    /// lowers.
    mutating func applyEmergency() {
        guard let emergency = self.policy.emergency else { return }
        let evaluator = Evaluator { [readings = self.readings] name in
            guard let reading = readings[name], reading.quality == .fresh else { return nil }
            return reading.value
        }
        switch evaluator.condition(emergency.when) {
        case false: return
        case nil:
            let lacking = emergency.when.metrics.sorted().compactMap { name -> (words: String, reason: Reason)? in
                guard let reading = self.readings[name] else {
                    return ("the policy defines no metric “\(name)”", .missing(metric: name))
                }
                switch reading.quality {
                case .fresh: return nil
                case .stale: return (Words.lack(reading), .stale(metric: name))
                case .missing: return (Words.lack(reading), .missing(metric: name))
                }
            }
            let why = lacking.isEmpty ? "it divides by 0" : lacking.map(\.words).joined(separator: ", ")
            let words = "\(Words.quoted(emergency.when.text)) is unknown and counts as false: \(why)"
            self.step(.emergency, to: self.number, text: words, reason: lacking.first?.reason)
        case true:
            let highest = Exact.replicas(self.policy.maxReplicas)
            let asked =
                switch emergency.replicas {
                case .max: highest
                case .count(let count): min(Exact.replicas(count), highest)
                }
            let floor = max(self.current, asked)
            self.emergencyFloor = floor
            let values = emergency.when.metrics.sorted().compactMap { name in
                self.readings[name]?.value.map { "\(name) \($0)" }
            }
            let condition = "\(Words.quoted(emergency.when.text)) (\(values.joined(separator: ", ")))"
            let words = "emergency \(condition) wants at least \(asked)"
            self.step(.emergency, to: max(self.number, floor), text: words, reason: .emergency)
            self.clauses.append(words)
        }
    }

    /// Up counts from the last change up, down from the last change in either direction.
    mutating func applyCooldown() {
        // A change that min and max would undo anyway is theirs to explain.
        guard self.number != self.current, self.clamped(self.number) != self.current else { return }
        let up = self.number > self.current
        let last = up ? self.memory.lastUp : [self.memory.lastUp, self.memory.lastDown].compactMap { $0 }.max()
        let cooldown = self.policy.inForce.cooldown
        let length = up ? cooldown.up : cooldown.down
        guard let last, length > .zero else { return }
        let until = last + length
        let allowed = max(self.current, self.emergencyFloor ?? self.current)
        guard self.now < until, self.number != allowed else { return }
        let words = "cooldown after the last \(up ? "change up" : "change") ends \(Words.clock(until, today: self.now))"
        self.step(.cooldown, to: allowed, text: words, reason: .cooldown(until: until))
        self.clauses.append(words)
    }

    /// Also when the present size is outside, and without readings: min and max are policy.
    mutating func clamp() {
        let bounded = self.clamped(self.number)
        if bounded < self.number {
            let words = "the maximum is \(bounded)"
            self.step(.clamp, to: bounded, text: words, reason: .atMax)
            self.clauses.append(words)
        } else if bounded > self.number {
            let words = "the minimum is \(bounded)"
            self.step(.clamp, to: bounded, text: words, reason: .atMin)
            self.clauses.append(words)
        } else {
            self.step(.clamp, to: bounded)
        }
    }
}
