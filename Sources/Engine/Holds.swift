public import Model

// Which of people's holds count, and how it is told: the same for a decision and for what restarts, withdraws or takes back a change.

extension [Pause] {
    /// Of the pauses that keep `workload` as it is at `now`, the one that ends last; nil: there is none.
    /// - Parameter direction: of the change; `.both`: a pause of any direction counts.
    public func covering(_ workload: WorkloadID, policy: String, _ direction: Pause.Direction, at now: WallTime) -> Pause? {
        var found: Pause?
        for pause in self {
            let covers = direction == .both || pause.direction == .both || pause.direction == direction
            guard covers, pause.since <= now + Engine.clockAllowance, now < pause.until, pause.scope.covers(workload, policy: policy) else { continue }
            guard let other = found else { found = pause; continue }
            if (pause.until, pause.id) > (other.until, other.id) { found = pause }
        }
        return found
    }
}

extension Override {
    /// Whether `workload` is to have the size that somebody asked for.
    public func isInForce(for workload: WorkloadID, at now: WallTime) -> Bool {
        self.workload == workload && self.since <= now + Engine.clockAllowance && now < self.until
    }
}

extension Pause {
    /// `paused by anna until 12:30:00 UTC`
    public func words(at now: WallTime) -> String {
        let until = Words.clock(self.until, today: now)
        guard let action = self.rolledBack else { return "paused by \(Words.quoted(self.owner)) until \(until)" }
        return "\(ActionRecord.name(action)) was taken back: held until \(until)"
    }
}
