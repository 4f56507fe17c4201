public import Model

// Which of several pauses counts, and how it is told: the same in a decision's sentence and where a change is withdrawn.

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

extension Pause {
    /// `paused by anna until 12:30:00 UTC`
    public func words(at now: WallTime) -> String {
        let until = Words.clock(self.until, today: now)
        guard let action = self.rolledBack else { return "paused by \(Words.quoted(self.owner)) until \(until)" }
        return "\(ActionRecord.name(action)) was taken back: held until \(until)"
    }
}
