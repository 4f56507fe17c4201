import Engine
public import Model

extension LeaderState {
    /// What of regions a commit has to write, since decisions follow from it.
    public struct RegionChanges: Sendable, Hashable {
        /// By region; nil: there is nothing to remember of it any more.
        public var facts: [String: RegionMemory.Facts?] = [:]
        /// For the audit log.
        public var events: [RegionHealth.Event] = []
        /// Whether there is nothing to write.
        public var isEmpty: Bool { self.facts.isEmpty && self.events.isEmpty }
    }

    /// What has changed since the last commit that wrote any.
    public var regionChanges: RegionChanges {
        let (before, now) = (self.regionsWritten.regions, self.regionHealth.memory.regions)
        var changes = RegionChanges(events: self.regionEvents)
        if before == now { return changes }
        for region in Set(before.keys).union(now.keys) where before[region] != now[region] { changes.facts[region] = .some(now[region]) }
        return changes
    }

    /// They were committed.
    public mutating func regionsCommitted(_ changes: RegionChanges) {
        for (region, facts) in changes.facts { self.regionsWritten.regions[region] = facts }
        self.regionEvents.removeFirst(min(changes.events.count, self.regionEvents.count))
    }

    /// Which regions' nodes answer their health checks.
    public mutating func nodes(_ sight: RegionSight) { self.regionHealth.nodes(sight) }

    /// What others ask this workload to have at least.
    func floors(of workload: WorkloadID, at now: WallTime) -> EvaluationInput.Floors {
        EvaluationInput.Floors(failover: self.regionHealth.floor(of: workload, at: now))
    }

    /// Takes note of what the evaluations that are about to be made see, and of nothing else: it is committed with them, so that a new leader knows the same.
    mutating func watchRegions(at now: WallTime) {
        var health = self.regionHealth
        for entry in self.entries {
            guard let inquiry = entry.inquiry, inquiry.isComplete, let observation = inquiry.observation else { continue }
            health.observed(entry.member.id, observation, need: Self.need(of: entry))
        }
        self.regionEvents += health.update(at: now) { id in self.indices[id].flatMap { Self.need(of: self.entries[$0]) } }
        self.regionHealth = health
    }

    /// What a workload needs as far as its last evaluation knew, within its policy's bounds; else what it was seen with.
    private static func need(of entry: Boxed<Entry>) -> Int? {
        guard let need = entry.standing?.need else { return entry.size }
        let program = entry.member.program
        return max(min(need, program.policy.maxReplicas), program.policy.minReplicas)
    }
}
