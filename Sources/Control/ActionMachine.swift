public import Model

/// What a driver said of an attempt to change a workload.
public enum AttemptOutcome: Sendable, Hashable {
    /// The platform was seen at the wanted size right after.
    case done(Observation)
    /// Taken on; verification tells.
    case accepted
    /// Not applied, because the world had moved.
    case conflict(Observation)
    /// Not applied, and would not be if repeated.
    case refused(DriverError)
    /// Certainly not applied; may work later.
    case retryable(DriverError, after: Duration?)
    /// Nobody can say whether it was applied.
    case unknown(DriverError)
    /// The node was no longer allowed to act when its turn came: nothing was sent.
    case withheld
}

/// How an action lives: committed → (attempt) → verifying → done, with every way it can fail on the way.
///
/// A change can be repeated, since it says what there should be. A restart can't: see `ActionMachine+Restart`.
public enum ActionMachine {
    /// Attempts before a change is given up: platforms that refuse five times in a row need a person.
    public static let maximumAttempts = 5
    /// Before the second attempt; doubled for each further one.
    public static let firstRetryDelay = Duration.seconds(1)
    /// How long a platform may take to show a write whose answer was lost.
    public static let settleTime = Duration.seconds(5)

    /// What is to be done about an open action now.
    public enum Directive: Sendable, Hashable {
        /// Call the driver (again), with the same idempotency key.
        case attempt
        /// Look at the workload to find out.
        case observe
        /// Nothing before this time.
        case wait(until: WallTime)
        case ended
    }

    /// What a leader has to do about `action` now.
    ///
    /// - Parameter adopted: the action was committed by an earlier leader, who may or may not have sent it: look first.
    public static func directive(for action: ActionRecord, adopted: Bool, at now: WallTime) -> Directive {
        switch action.state {
        case .done, .failed, .superseded: return .ended
        case .committed where adopted: return .observe
        // What it was decided on is too old to be carried out; whether it was is still to be found out.
        case .committed where now >= action.deadline: return .observe
        case .committed:
            let earliest = Self.nextAttempt(of: action)
            return now >= earliest ? .attempt : .wait(until: earliest)
        case .sent, .accepted, .verifying, .unknown: return .observe
        }
    }

    /// When the next attempt may be made: at once for the first, then with doubled delays.
    private static func nextAttempt(of action: ActionRecord) -> WallTime {
        guard action.attempt > 0, let last = action.history.last else { return action.createdAt }
        return last.at + Self.firstRetryDelay * (1 << min(action.attempt - 1, 10))
    }

    /// After an attempt.
    public static func afterAttempt(_ action: ActionRecord, outcome: AttemptOutcome, startedAt: WallTime, at now: WallTime) -> ActionRecord {
        var action = action
        if case .withheld = outcome { return action }
        action.attempt += 1
        action.history.append(.init(state: .sent, at: startedAt, text: action.attempt > 1 ? "attempt \(action.attempt)" : nil))
        switch outcome {
        case .done(let observation):
            action.enter(.accepted, at: now)
            return Self.afterObservation(action, observation, adopted: false, at: now)
        case .accepted:
            action.enter(.verifying, at: now)
        case .conflict(.seen(action.to, let current, let ready, let version)) where action.kind == .scale:
            // The world has moved to where it should: an earlier attempt of this change did it after all, or somebody else.
            action.enter(.accepted, at: now)
            return Self.afterObservation(
                action, .seen(desired: action.to, current: current, ready: ready, version: version), adopted: false, at: now)
        case .conflict(let observation):
            let words = action.kind == .restart ? "not restarted, because the workload had changed before" : "the workload had changed before the write"
            action.enter(.superseded, at: now, text: "\(words): \(observation.words)")
        case .refused(let error):
            action.enter(.failed, at: now, text: error.message, evidence: error.evidence)
        case .retryable(let error, _) where action.attempt >= Self.maximumAttempts:
            action.enter(.failed, at: now, text: "given up after \(action.attempt) attempts: \(error.message)", evidence: error.evidence)
        case .retryable(let error, _):
            action.enter(.committed, at: now, text: error.message, evidence: error.evidence)
        case .unknown(let error):
            action.enter(.unknown, at: now, text: error.message, evidence: error.evidence)
            if action.kind == .restart { action.enter(.failed, at: now, text: "\(error.message); \(Self.doubtfulRestart)", evidence: error.evidence) }
        case .withheld: break
        }
        return action
    }

    /// A change that was not applied and is not to be any more.
    public static func withdrawn(_ action: ActionRecord, because obstacle: String, at now: WallTime) -> ActionRecord {
        var action = action
        if action.state == .committed { action.enter(.superseded, at: now, text: "withdrawn before it was applied: \(obstacle)") }
        return action
    }

    /// After a look at the workload. `adopted` as in ``directive(for:adopted:at:)``.
    public static func afterObservation(_ action: ActionRecord, _ observation: Observation, adopted: Bool, at now: WallTime) -> ActionRecord {
        var action = action
        guard action.state.isOpen else { return action }
        if action.kind == .restart, Self.mayHaveBeenSent(action, adopted: adopted) { return Self.neverAgain(action, at: now) }
        switch observation {
        case .gone:
            action.enter(.failed, at: now, text: "the workload is gone")
        case .unseen(let error):
            if now >= action.deadline {
                action.enter(.failed, at: now, text: "the workload could not be seen until the deadline: \(error.message)", evidence: error.evidence)
            }
        case .seen(let desired, let current, let ready, _):
            if action.kind == .restart, action.state == .committed, desired == action.to {
                Self.notRestarted(&action, at: now)
            } else if desired == action.to {
                Self.verify(&action, current: current, ready: ready, at: now)
            } else if desired == action.from {
                Self.notApplied(&action, adopted: adopted, at: now)
            } else {
                action.enter(.superseded, at: now, text: "somebody else set \(desired) replicas")
            }
        }
        return action
    }

    /// The platform is at the wanted number: has it arrived?
    private static func verify(_ action: inout ActionRecord, current: Int, ready: Int, at now: WallTime) {
        let needed = Self.neededReady(action)
        if Self.hasArrived(action, current: current, ready: ready) {
            action.enter(.done, at: now, text: "\(ready) of \(action.to) ready")
        } else if now >= action.deadline {
            let rest = action.to >= action.from ? "\(ready) of \(action.to) ready, \(needed) needed" : "\(current) still there, \(action.to) wanted"
            action.enter(.failed, at: now, text: "not there by its deadline: \(rest)")
        } else if action.state != .verifying {
            action.enter(.verifying, at: now)
        }
    }

    /// Whether what runs is what the action was for, once the platform is at the wanted number.
    static func hasArrived(_ action: ActionRecord, current: Int, ready: Int) -> Bool {
        action.to >= action.from ? ready >= Self.neededReady(action) : current <= action.to
    }

    /// The platform still shows the old number.
    private static func notApplied(_ action: inout ActionRecord, adopted: Bool, at now: WallTime) {
        if now >= action.deadline {
            action.enter(.failed, at: now, text: "the platform still shows \(action.from) replicas at the deadline")
            return
        }
        switch action.state {
        case .committed where adopted:
            // Repeating is safe: the number is absolute and the key is the same, so a call of the predecessor that is still under way does the same thing.
            action.enter(.committed, at: now, text: "taken over; not applied yet")
        case .sent, .unknown:
            let since = action.history.last { $0.state == .sent || $0.state == .unknown }?.at ?? action.createdAt
            guard now >= since + Self.settleTime else { return }
            if action.attempt >= Self.maximumAttempts {
                action.enter(.failed, at: now, text: "given up after \(action.attempt) attempts whose outcome never showed")
            } else {
                action.enter(.committed, at: now, text: "the platform shows that it was not applied")
            }
        case .committed, .accepted, .verifying, .done, .failed, .superseded: break
        }
    }

    /// ceil(to × share): with a share of 0.9, 9 of 10 and 1 of 1.
    static func neededReady(_ action: ActionRecord) -> Int {
        let share = min(max(action.needReady.milli, 0), 1000)
        let product = Int64(action.to).multipliedSaturating(by: share)
        return Int(product / 1000 + (product % 1000 > 0 ? 1 : 0))
    }
}

extension ActionRecord {
    mutating func enter(_ state: State, at now: WallTime, text: String? = nil, evidence: String? = nil) {
        self.state = state
        self.history.append(Step(state: state, at: now, text: text, evidence: evidence))
    }
}

extension Observation {
    /// In words for a person.
    public var words: String {
        switch self {
        case .seen(let desired, let current, let ready, _):
            desired == current ? "\(desired) replicas, \(ready) ready" : "\(desired) asked, \(current) there, \(ready) ready"
        case .gone: "gone"
        case .unseen(let error): "not seen: \(error.message)"
        }
    }
}
