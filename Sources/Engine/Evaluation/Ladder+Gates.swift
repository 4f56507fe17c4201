import Model

/// Step 10: a person's number, and whether the result acts.
///
/// Gates apply to overrides too: a pause, the switch and a mode other than live are promises that nothing moves. All
/// that stand in the way are named.
extension Ladder {
    func followOverride() {
        guard self.situation.override >= 0 else { return }
        let asked = self.situation.override
        let bounded = self.clamped(asked)
        let words = {
            let override = self.scene?.override
            let limits = bounded != asked ? ", within \(self.lowest) to \(self.highest)" : ""
            return "override by \(Words.quoted(override?.owner ?? "")) until \(self.clock(override?.until.microseconds ?? 0)) wants \(asked)\(limits)"
        }
        self.step(
            .mode, to: bounded, .override, self.scene?.override.map { .override(owner: $0.owner, until: $0.until) }, words())
        if bounded < asked { self.because(.atMax, .atMax) }
        if bounded > asked { self.because(.atMin, .atMin) }
        self.log.clause(words())
    }

    func passGates() {
        guard self.number != self.current else { return }
        if self.situation.isInFlight {
            let words = { "action \(Words.quoted(self.scene?.inFlight ?? "")) has not ended" }
            self.step(.mode, to: self.current, .inFlight, .inFlight(action: self.scene?.inFlight ?? ""), words())
            self.log.clause(words())
            return
        }
        let isUp = self.number > self.current
        if self.situation.isRegionDown, !isUp {
            let region = self.scene?.workload.region ?? ""
            self.step(.failover, to: self.current, .regionDown, .regionDown(region), "\(region) can't be seen: nothing is lowered there")
            self.log.clause("\(region) can't be seen: nothing is lowered there")
            return
        }
        if isUp ? self.situation.isPausedUp : self.situation.isPausedDown {
            let pause = self.scene?.pause(up: isUp, policy: self.policy.name, at: self.situation.time)
            self.suppress(.paused, pause?.why ?? .paused(owner: "", until: self.situation.time), pause?.words(at: self.situation.time) ?? "paused")
        }
        if !self.situation.isEnabled { self.suppress(.disabled, .disabled, "the cluster's switch is off") }
        self.passFreezeAndApproval()
        switch self.policy.mode {
        case .live: break
        case .dryRun: self.suppress(.mode, .dryRun, "the policy's mode is dryRun")
        case .recommend: self.suppress(.mode, .recommendOnly, "the policy's mode is recommend")
        case .off: self.suppress([.mode, .off], .off, "the policy's mode is off")
        }
    }

    /// An emergency that raises passes both: it is what they make an exception for.
    private func passFreezeAndApproval() {
        if self.emergencyFloor >= 0, self.number > self.current { return }
        let schedule = self.situation.schedule
        if schedule.isFrozen {
            let reason = self.scene?.schedule.freeze?.reason ?? ""
            self.suppress(
                .frozen, .frozen(reason: reason, until: WallTime(microseconds: schedule.freezeUntil)),
                "frozen until \(self.clock(schedule.freezeUntil)): \(Words.quoted(reason))")
        }
        if let approval = self.policy.approval, abs(self.number - self.current) > approval.above, !self.isApproved {
            self.suppress(.awaitingApproval, .awaitingApproval, "a change by more than \(approval.above) waits for a second person")
        }
    }

    /// What was agreed to covers less in the same direction.
    private var isApproved: Bool {
        let approved = self.situation.approved
        guard approved >= 0 else { return false }
        return self.number > self.current ? self.number <= approved : self.number >= approved
    }

    /// The rung leads back to what runs; the number stays what it would have been.
    @inline(__always)
    private func suppress(_ kind: ReasonSet, _ reason: @autoclosure () -> Reason, _ words: @autoclosure () -> String) {
        self.log.step(.mode, from: self.number, to: self.current, words(), reason())
        self.reasons.formUnion(kind)
        self.log.obstacle(words())
        self.isHeldBack = true
    }
}

extension Scene {
    /// Of the pauses that cover a change in this direction now, the one that ends last.
    func pause(up: Bool, policy: String, at now: WallTime) -> Pause? { self.pauses.covering(self.workload, policy: policy, up ? .up : .down, at: now) }
}

extension Pause {
    fileprivate var why: Reason {
        self.rolledBack.map { .rolledBack(action: ActionRecord.name($0), until: self.until) } ?? .paused(owner: self.owner, until: self.until)
    }
}
