public import Engine
public import Model

/// What keeps a guard from its effect.
public struct GuardObstacle: Sendable, Hashable {
    /// Which kind of thing it is.
    public let hold: RestartHold
    /// For a sentence: `paused by anna until 12:30:00 UTC`.
    public let words: String

    init(_ hold: RestartHold, _ words: String) {
        self.hold = hold
        self.words = words
    }
}

extension GuardObstacle {
    /// What speaks against restarting a workload whatever was seen of it: its policy, a person, its region.
    static func standing(_ input: EvaluationInput) -> GuardObstacle? {
        let policy = input.policy, id = input.workload.id, now = input.now
        if policy.mode != .live { return Self.mode(policy) }
        if !input.enabled { return GuardObstacle(.disabled, "the cluster's switch is off") }
        // Whichever way it is paused: somebody wants it left alone, and while it restarts there are fewer of it.
        if let pause = input.pauses.covering(id, policy: policy.name, .both, at: now) { return GuardObstacle(.paused, pause.words(at: now)) }
        if let override = input.override, override.isInForce(for: id, at: now) {
            return GuardObstacle(.overridden, "the override by \(override.owner) is in force until \(override.until)")
        }
        if let freeze = input.schedule.freeze, now < freeze.until { return GuardObstacle(.frozen, "frozen until \(freeze.until): \(freeze.reason)") }
        return input.isRegionDown ? GuardObstacle(.regionDown, "the region \(id.region) is down") : nil
    }

    /// What speaks against ordering a restart with `decision`.
    /// - Parameter open: an action of the workload that has not ended, by name.
    static func find(_ input: EvaluationInput, _ decision: Decision, open: String?) -> GuardObstacle? {
        if let obstacle = Self.standing(input) { return obstacle }
        guard case .seen(let desired, let current, _, _) = input.observation, let from = decision.from, let to = decision.to else {
            return GuardObstacle(.unobserved, "it can't be seen")
        }
        if desired <= 0 || current <= 0 { return GuardObstacle(.noneRunning, "nothing of it runs") }
        if let open { return GuardObstacle(.inFlight, "\(open) has not ended") }
        return from == to ? nil : GuardObstacle(.scaling, "its change from \(from) to \(to) comes first")
    }

    /// The engine lets no guard take effect on such a reading; what restarts looks again.
    static func doubt(of guarded: Policy.Guard, _ readings: [Reading]) -> GuardObstacle? {
        let unsound = guarded.when.metrics.sorted().first { name in !readings.contains { $0.metric == name && $0.quality == .fresh } }
        return unsound.map { GuardObstacle(.doubted, "the reading of \($0) is not fresh") }
    }

    static func mode(_ policy: Policy) -> GuardObstacle { GuardObstacle(.mode, "the policy's mode is \(policy.mode.rawValue)") }
}

extension Policy.Guard {
    /// `“error_rate > 5” (error_rate 7.2) for 2m`
    func words(_ readings: [Reading]) -> String {
        let values = self.when.metrics.sorted().compactMap { name -> String? in
            guard let reading = readings.first(where: { $0.metric == name }), let value = reading.value else { return nil }
            return "\(name) \(value)" + (reading.unit.map { " \($0)" } ?? "")
        }
        let seen = values.isEmpty ? "" : " (\(values.joined(separator: ", ")))"
        return "“\(self.when.text)”\(seen)" + (self.sustained > .zero ? " for \(self.sustained.text)" : "")
    }
}

/// What a guard whose turn it is does with one evaluation that nothing else knows of: no leader, no other workload.
public struct GuardOutcome: Sendable, Hashable {
    /// Its place among the policy's guards, from 0.
    public let place: Int
    /// The guard.
    public let guarded: Policy.Guard
    /// What keeps it from its effect; nil: it takes it.
    public let obstacle: GuardObstacle?
    /// `“memory > 90” (memory 93 %) for 5m`
    public let sentence: String
}

extension Evaluation {
    /// What the guards that take effect do, as a leader would have them do it. One that is held back keeps its turn, in the memory as well.
    public mutating func guardOutcomes(_ input: EvaluationInput) -> [GuardOutcome] {
        let policy = input.policy
        return self.guards.filter(policy.guards.indices.contains).map { place in
            let guarded = policy.guards[place], readings = self.decision.readings
            let obstacle: GuardObstacle?
            switch guarded.effect {
            // Who is only told is told whatever holds the workload back; a policy that is off is silent.
            case .notify: obstacle = policy.mode == .off ? .mode(policy) : nil
            case .restart:
                obstacle = GuardObstacle.find(input, self.decision, open: input.inFlight) ?? GuardObstacle.doubt(of: guarded, readings)
                if obstacle != nil { self.memory.holdBack(guarded, before: input.memory) }
            }
            return GuardOutcome(place: place, guarded: guarded, obstacle: obstacle, sentence: guarded.words(readings))
        }
    }
}

extension GuardOutcome: JSONEncodable {
    /// As an event `guard.notified` has it.
    public var json: JSON {
        let (effect, severity): (String, String?) =
            switch self.guarded.effect {
            case .notify(let severity): ("notify", severity.rawValue)
            case .restart: ("restart", nil)
            }
        return .fields([
            "guard": .int(Int64(self.place)), "when": .string(self.guarded.when.text),
            "for": self.guarded.sustained > .zero ? .string(self.guarded.sustained.text) : nil, "effect": .string(effect),
            "severity": severity.map { .string($0) }, "held": self.obstacle.map { .string($0.hold.rawValue) }, "why": self.obstacle.map { .string($0.words) },
            "sentence": .string(self.sentence),
        ])
    }
}
