import Model

/// Step 10 as far as it exists: a person's number, and whether the result acts.
///
/// Gates apply to overrides too: a pause, the switch and a mode other than live are promises that nothing moves. All
/// that stand in the way are named.
extension Ladder {
    mutating func applyOverride() {
        guard let override = self.input.override, override.workload == self.input.workload.id,
            override.since <= self.now + Engine.clockAllowance, self.now < override.until
        else { return }
        let asked = Exact.replicas(override.replicas)
        let bounded = self.clamped(asked)
        let owner = Words.quoted(override.owner)
        var words = "override by \(owner) until \(Words.clock(override.until, today: self.now)) wants \(asked)"
        if bounded != asked { words += ", within \(self.policy.minReplicas) to \(self.policy.maxReplicas)" }
        self.step(.mode, to: bounded, text: words, reason: .override(owner: override.owner, until: override.until))
        if bounded < asked { self.because(.atMax) }
        if bounded > asked { self.because(.atMin) }
        self.clauses.append(words)
    }

    mutating func passGates() {
        guard self.number != self.current else { return }
        if let action = self.input.inFlight {
            let words = "action \(Words.quoted(action)) has not ended"
            self.step(.mode, to: self.current, text: words, reason: .inFlight(action: action))
            self.clauses.append(words)
            return
        }
        if let pause = self.pause(up: self.number > self.current) {
            let words = "paused by \(Words.quoted(pause.owner)) until \(Words.clock(pause.until, today: self.now))"
            self.suppress(.paused(owner: pause.owner, until: pause.until), words)
        }
        if !self.input.enabled { self.suppress(.disabled, "the cluster's switch is off") }
        switch self.policy.mode {
        case .live: break
        case .dryRun: self.suppress(.dryRun, "the policy's mode is dryRun")
        case .recommend: self.suppress(.recommendOnly, "the policy's mode is recommend")
        case .off: self.suppress(.off, "the policy's mode is off")
        }
    }

    /// The rung leads back to what runs; the number stays what it would have been.
    private mutating func suppress(_ reason: Reason, _ words: String) {
        let wouldBe = self.number
        self.step(.mode, to: self.current, text: words, reason: reason)
        self.number = wouldBe
        self.obstacles.append(words)
    }

    /// Of the pauses that cover a change in this direction now, the one that ends last.
    private func pause(up: Bool) -> Pause? {
        var found: Pause?
        for pause in self.input.pauses {
            let covers = pause.direction == .both || pause.direction == (up ? .up : .down)
            guard covers, pause.since <= self.now + Engine.clockAllowance, self.now < pause.until,
                pause.scope.covers(self.input.workload.id, policy: self.policy.name)
            else { continue }
            guard let other = found else { found = pause; continue }
            if (pause.until, pause.id) > (other.until, other.id) { found = pause }
        }
        return found
    }
}
