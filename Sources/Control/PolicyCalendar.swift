public import Engine
public import Model
public import Schedule

/// The schedules and freezes of one policy, resolved: what they say at a moment is the same for all its workloads.
public struct PolicyCalendar: Sendable, Hashable {
    private struct Entry: Sendable, Hashable {
        var recurrence: Recurrence
        var minReplicas: Int?
        var maxReplicas: Int?
    }
    private struct Freeze: Sendable, Hashable {
        var recurrence: Recurrence
        var reason: String
    }

    private var entries: [Entry] = []
    private var freezes: [Freeze] = []
    /// What can't be resolved on this node, in words. While there is any, the policy is frozen: what is not known might forbid a change.
    public private(set) var problems: [String] = []

    /// How long the answer of a calendar that can't be read stands before it is looked at again.
    private static let unreadableFor = Duration.seconds(300)

    /// - Parameter zone: the rules of a time zone; nil when this node does not know it.
    public init(_ policy: Policy, zone: (String) -> TimeZoneRules?) {
        func recurrence(_ cron: String, _ name: String, _ duration: Duration) -> Recurrence? {
            guard let rules = zone(name) else {
                self.problems.append("this node does not know the time zone “\(name)”")
                return nil
            }
            do {
                return Recurrence(cron: try CronExpression(parsing: cron), zone: rules, duration: duration)
            } catch {
                self.problems.append("“\(cron)” can't be read: \(error)")
                return nil
            }
        }
        for entry in policy.schedule {
            guard let recurrence = recurrence(entry.cron, entry.timeZone, entry.duration) else { continue }
            self.entries.append(Entry(recurrence: recurrence, minReplicas: entry.minReplicas, maxReplicas: entry.maxReplicas))
        }
        for freeze in policy.freeze {
            guard let recurrence = recurrence(freeze.cron, freeze.timeZone, freeze.duration) else { continue }
            self.freezes.append(Freeze(recurrence: recurrence, reason: freeze.reason))
        }
    }

    /// What is in force at `now`, and until when that stays as it is.
    ///
    /// Of several entries at once the highest minimum and the lowest maximum count, the minimum first; of several freezes the one that ends last.
    public func state(at now: WallTime) -> (schedule: EvaluationInput.Schedule, validUntil: WallTime) {
        var schedule = EvaluationInput.Schedule()
        var validUntil = WallTime(microseconds: .max)
        for entry in self.entries {
            let state = entry.recurrence.state(at: now)
            validUntil = min(validUntil, state.validUntil)
            guard state.isActive else { continue }
            let until = state.until ?? state.validUntil
            if let least = entry.minReplicas, least > schedule.min?.replicas ?? -1 { schedule.min = .init(replicas: least, until: until) }
            if let most = entry.maxReplicas, most < schedule.max?.replicas ?? .max { schedule.max = .init(replicas: most, until: until) }
        }
        for freeze in self.freezes {
            let state = freeze.recurrence.state(at: now)
            validUntil = min(validUntil, state.validUntil)
            guard state.isActive else { continue }
            let until = state.until ?? state.validUntil
            if until > schedule.freeze?.until ?? WallTime(microseconds: .min) { schedule.freeze = .init(reason: freeze.reason, until: until) }
        }
        if let problem = self.problems.first {
            let until = now + Self.unreadableFor
            schedule.freeze = .init(reason: "the policy's schedule can't be followed: \(problem)", until: until)
            validUntil = min(validUntil, until)
        }
        return (schedule, validUntil)
    }
}
