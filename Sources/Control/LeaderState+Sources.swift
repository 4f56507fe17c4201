import Engine
import Model

/// What else than a metric's own source is asked, and what follows from many readings at once.
extension LeaderState.Questions {
    /// What the answer is for.
    public enum Purpose: Sendable, Hashable {
        case reading
        /// It takes the place of a reading that is missing.
        case secondary
        /// Whether the source can be believed: a number above 0.
        case health

        /// What the question about `metric` goes by; a metric's name has no parenthesis.
        public func name(_ metric: String) -> String {
            switch self {
            case .reading: metric
            case .secondary: "\(metric) (second source)"
            case .health: "\(metric) (health)"
            }
        }
    }
}

extension LeaderState {
    /// What has to be asked for one metric, and where.
    ///
    /// The second source is asked where the ladder may come to it. The health query is asked while a fall is doubted, since only then does it decide something.
    static func sources(of metric: Metric, _ policy: Policy, _ facts: Facts) -> [(purpose: Questions.Purpose, source: Metric.Source)] {
        var sources: [(Questions.Purpose, Metric.Source)] = [(.reading, metric.source)]
        if let second = metric.secondary, (metric.onMissing ?? policy.onMissing).contains(.secondary) { sources.append((.secondary, second)) }
        if let health = metric.health, policy.plausible != nil, let doubtedFor = facts.doubtedFor(metric.name), doubtedFor > 0 {
            sources.append((.health, health))
        }
        return sources
    }

    /// What the second sources answered, by metric.
    static func secondaries(_ program: Program, _ answers: [String: ReadingAnswer]) -> [String: ReadingAnswer] {
        var found: [String: ReadingAnswer] = [:]
        for metric in program.policy.metrics where metric.secondary != nil {
            if let answer = answers[Questions.Purpose.secondary.name(metric.name)] { found[metric.name] = answer }
        }
        return found
    }

    /// Which falls are one of many, and which sources do not vouch for themselves.
    func doubts(_ member: Fleet.Member, _ answers: [String: ReadingAnswer]) -> EvaluationInput.Doubts {
        var doubts = EvaluationInput.Doubts()
        guard member.policy.plausible != nil else { return doubts }
        doubts.correlatedDrops = self.commonFalls[member.id] ?? []
        for metric in member.policy.metrics where metric.health != nil {
            // What does not answer does not vouch.
            if case .value(let sample)? = answers[Questions.Purpose.health.name(metric.name)], sample.value > .zero { continue }
            doubts.unhealthy.insert(metric.name)
        }
        return doubts
    }

    /// Of the readings that are to be evaluated now: those that fell, each far below what is believed of it, where more of their connection's did so than
    /// their policy's `fleetDrop` believes.
    ///
    /// Only what is remembered and what was answered now counts, so that a new leader finds the same.
    func fallsTogether() -> [WorkloadID: Set<String>] {
        struct Fall {
            var workload: WorkloadID
            var metric: String
            /// In thousandths of a percent of its connection's readings.
            var most: Int64
        }
        var falls: [String: (readings: Int64, fallen: [Fall], isWatched: Bool)] = [:]
        for entry in self.entries {
            let program = entry.member.program
            guard let plausible = program.policy.plausible, let inquiry = entry.inquiry, inquiry.isComplete else { continue }
            for metric in program.policy.metrics {
                guard case .sql(let connection, _) = metric.source, case .value(let sample)? = inquiry.answers[metric.name],
                    let believed = entry.facts.believed(metric.name), believed.value > .zero
                else { continue }
                var known = falls[connection] ?? (0, [], false)
                known.readings += 1
                if Policy.Plausible.isFall(from: believed.value, to: sample.value) {
                    known.fallen.append(Fall(workload: entry.member.id, metric: metric.name, most: plausible.fleetDrop?.milli ?? .max))
                    if plausible.fleetDrop != nil { known.isWatched = true }
                }
                falls[connection] = known
            }
        }
        var found: [WorkloadID: Set<String>] = [:]
        for (readings, fallen, isWatched) in falls.values where isWatched && readings >= Policy.Plausible.fewestReadings {
            let share = Int64(fallen.count) * 100_000 / readings
            for fall in fallen where share > fall.most { found[fall.workload, default: []].insert(fall.metric) }
        }
        return found
    }
}
