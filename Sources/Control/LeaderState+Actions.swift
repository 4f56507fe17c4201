import Engine
public import Model

extension LeaderState {
    /// What the shell is to do about an open action.
    public struct Work: Sendable, Hashable {
        /// To order it, or to look at what became of it.
        public enum Step: Sendable, Hashable { case attempt, observe }
        /// What is to be done.
        public var step: Step
        /// The action as it is now.
        public var action: ActionRecord
        /// What it changes, and how that is reached.
        public var member: Fleet.Member
        /// Why, for the platform's own log.
        public var reason: String
        /// What was seen of it just now; nil: it is to be looked at anew.
        public var seen: Sight?

        /// A look at a platform, and how long it counts as one from just now.
        public struct Sight: Sendable, Hashable {
            /// What it showed.
            public var observation: Observation
            /// When an order wants another look.
            public var until: WallTime
        }
    }

    /// An order that follows its decision this soon after the decision's own look is not preceded by another: between a look and its order there is always
    /// some time, and a person's change may fall into any.
    public static let sightLife = Duration.milliseconds(100)

    /// The open actions that something is to be done about now; they are busy until ``attempted(_:outcome:startedAt:at:)`` or ``looked(_:_:at:)``.
    ///
    /// - Parameter mayAct: whether this leader may already cause effects outside. Looking is always allowed.
    public mutating func work(mayAct: Bool, at now: WallTime) -> [Work] {
        var work: [Work] = []
        for index in self.entries.indices {
            guard let nextLook = self.entries.agendas[index].nextLook, nextLook <= now, var open = self.entries[index].open else { continue }
            let step: Work.Step
            switch ActionMachine.directive(for: open.action, adopted: open.adopted, at: now) {
            case .ended:
                self.entries[index].open = nil
                continue
            case .wait(let until):
                self.entries[index].open?.nextLook = until
                continue
            case .attempt where !mayAct:
                self.entries[index].open?.nextLook = now + Self.lookInterval
                self.entries[index].open?.isWithheld = true
                continue
            case .attempt where self.obstacle(to: open.action, in: self.entries[index], at: now) != nil:
                // It is withdrawn once a look has shown that no earlier attempt applied it.
                step = .observe
            case .attempt: step = .attempt
            case .observe: step = .observe
            }
            open.busy = true
            let seen = open.seen.flatMap { $0.until > now ? $0 : nil }
            open.seen = nil
            self.entries[index].open = open
            work.append(
                Work(
                    step: step, action: open.action, member: self.entries[index].member,
                    reason: open.sentence ?? "decision \(open.action.decision)", seen: seen))
        }
        return work
    }

    /// The leader may act, or act again: what was withheld is due at once.
    public mutating func released(at now: WallTime) {
        for index in self.entries.indices where self.entries[index].open?.isWithheld == true {
            self.entries[index].open?.isWithheld = false
            if self.entries[index].open?.busy == false { self.entries[index].open?.nextLook = now }
        }
    }

    /// - Returns: the action as it is now, when that has to be written.
    public mutating func attempted(_ action: ActionRecord, outcome: AttemptOutcome, startedAt: WallTime, at now: WallTime) -> ActionRecord? {
        if case .done(let observation) = outcome { self.observed(action.workload, observation) }
        if case .conflict(let observation) = outcome { self.observed(action.workload, observation) }
        if case .withheld = outcome, let index = self.indices[action.workload] { self.entries[index].open?.isWithheld = true }
        return self.update(action, delay: Self.pause(after: outcome, of: action, at: now), at: now) {
            ActionMachine.afterAttempt($0, outcome: outcome, startedAt: startedAt, at: now)
        }
    }

    /// How long the change is left alone. A platform that says when to come back is heard, though not beyond the deadline.
    private static func pause(after outcome: AttemptOutcome, of action: ActionRecord, at now: WallTime) -> Duration {
        switch outcome {
        case .withheld: Self.lookInterval
        case .retryable(_, let after?): min(max(after, .zero), max(action.deadline - now, .zero))
        case .done, .accepted, .conflict, .refused, .retryable, .unknown: .zero
        }
    }

    /// Why a change that is not applied yet must not be any more, in words; nil when it may. A person may have said so since it was decided.
    func obstacle(to action: ActionRecord, in entry: Boxed<Entry>, at now: WallTime) -> String? {
        if action.kind == .restart { return self.restartObstacle(entry, at: now)?.words }
        if !self.fleet.enabled { return "the cluster's switch is off" }
        let policy = entry.member.policy
        if policy.mode != .live { return "the policy's mode is \(policy.mode.rawValue)" }
        let direction: Pause.Direction = action.to > action.from ? .up : .down
        return self.fleet.pauses.covering(action.workload, policy: policy.name, direction, at: now)?.words(at: now)
    }

    /// - Returns: the action as it is now, when that has to be written.
    public mutating func looked(_ action: ActionRecord, _ observation: Observation, at now: WallTime) -> ActionRecord? {
        self.observed(action.workload, observation)
        guard let entry = self.indices[action.workload].map({ self.entries[$0] }) else { return nil }
        let obstacle = self.obstacle(to: action, in: entry, at: now)
        return self.update(action, delay: Self.lookInterval, at: now) { action in
            let after = ActionMachine.afterObservation(action, observation, adopted: entry.open?.adopted ?? false, at: now)
            guard let obstacle, case .seen = observation else { return after }
            return ActionMachine.withdrawn(after, because: obstacle, at: now)
        }
    }

    private mutating func update(
        _ action: ActionRecord, delay: Duration, at now: WallTime, _ change: (ActionRecord) -> ActionRecord
    ) -> ActionRecord? {
        guard let index = self.indices[action.workload], var open = self.entries[index].open, open.action.id == action.id else { return nil }
        let after = change(open.action)
        let changed = after != open.action
        open.action = after
        open.busy = false
        open.nextLook = now + delay
        // What was looked at is ours now: it shows what became of it, or is as if it had just been committed.
        if changed { open.adopted = false }
        self.entries[index].open = after.state.isOpen ? open : nil
        if after.state == .failed { self.failed(after, at: index, now) }
        return changed ? after : nil
    }

    /// The write of `action` failed: the state goes back, and the step is looked at again.
    public mutating func notWritten(_ action: ActionRecord, at now: WallTime) {
        guard let index = self.indices[action.workload] else { return }
        self.entries[index].failed = nil
        let sentence = self.entries[index].open?.sentence
        self.entries[index].open = OpenAction(action: action, sentence: sentence, adopted: true, nextLook: now + Self.lookInterval)
    }

    // MARK: - For status

    /// The round in numbers.
    public func summary(evaluated: Int, changed: Int, milliseconds: Int64, at now: WallTime) -> JSON {
        var total = 0, stale = 0, missing = 0, running = 0, wanted = 0, ceiling = 0
        var every: Duration?
        for entry in self.entries {
            let program = entry.member.program
            ceiling += program.policy.maxReplicas
            every = min(every ?? program.policy.evaluateEvery, program.policy.evaluateEvery)
            if case .seen(_, let current, _, _) = entry.observation { running += current }
            guard let tally = entry.tally else { continue }
            wanted += tally.wanted
            total += tally.readings
            stale += tally.stale
            missing += tally.missing
        }
        return .fields([
            "at": now.json, "ms": .int(milliseconds), "every": every.map { .string($0.text) }, "evaluated": .int(Int64(evaluated)),
            "changed": .int(Int64(changed)), "workloads": .int(Int64(self.entries.count)),
            "readings": ["total": .int(Int64(total)), "stale": .int(Int64(stale)), "missing": .int(Int64(missing))],
            "replicas": ["running": .int(Int64(running)), "wanted": .int(Int64(wanted)), "ceiling": .int(Int64(ceiling))],
            "overcommitted": self.overcommitments.isEmpty ? nil : .array(self.overcommitments.map(\.json)),
        ])
    }
}
