/// What the engine concluded for one workload in one evaluation, with everything that an auditor or operator asks of it.
///
/// It explains itself: every reading, every rule's proposal, every step that changed the number, in order. Its JSON form is what the database
/// keeps, the API answers and the command line and console render.
public struct Decision: Sendable, Hashable {
    /// Which way it goes.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case up, down
        /// The workload stays as it is.
        case held
    }

    /// What was evaluated.
    public var workload: WorkloadID
    /// The version of the policy that it was evaluated under.
    public var policy: PolicyReference
    /// Cluster time of the evaluation.
    public var at: WallTime
    /// Which way it goes.
    public var kind: Kind
    /// Replicas before; nil when the workload could not be observed.
    public var from: Int?
    /// Replicas that are asked for now; equal to `from` when it holds.
    public var to: Int?
    /// What the rules want before limits.
    public var wanted: Int?
    /// Whether the change, or with ``Reason/restart(when:)`` a restart, is carried out. A change that is suppressed (mode, pause, switch) has `to` ≠ `from` and `acted` false.
    public var acted: Bool
    /// Every metric of the policy as it was read, in the policy's order.
    public var readings: [Reading]
    /// What each rule wants, in the policy's order.
    public var proposals: [Proposal]
    /// From what runs to what is decided, in order.
    public var steps: [Step]
    /// Why, the first one first.
    public var reasons: [Reason]
    /// 0–1.
    public var confidence: Quantity
    /// How soon a person should look.
    public var urgency: Urgency
    /// One sentence in plain English.
    public var sentence: String

    public init(
        workload: WorkloadID, policy: PolicyReference, at: WallTime, kind: Kind, from: Int?, to: Int?, wanted: Int?, acted: Bool, readings: [Reading],
        proposals: [Proposal], steps: [Step], reasons: [Reason], confidence: Quantity, urgency: Urgency, sentence: String
    ) {
        self.workload = workload
        self.policy = policy
        self.at = at
        self.kind = kind
        self.from = from
        self.to = to
        self.wanted = wanted
        self.acted = acted
        self.readings = readings
        self.proposals = proposals
        self.steps = steps
        self.reasons = reasons
        self.confidence = confidence
        self.urgency = urgency
        self.sentence = sentence
    }

    /// As people name a recorded decision by its number.
    public static func name(_ number: Int64) -> String { "d-\(number)" }

    /// One version of a policy, and its content.
    public struct PolicyReference: Sendable, Hashable {
        /// The policy's name.
        public var name: String
        /// Which version, from 1; 0 where nothing is recorded.
        public var version: Int
        /// Lower-case hexadecimal SHA-256 of the policy's canonical form.
        public var sha256: String
        public init(name: String, version: Int, sha256: String) {
            self.name = name
            self.version = version
            self.sha256 = sha256
        }
    }

    /// What one rule wants.
    public struct Proposal: Sendable, Hashable {
        /// As ``Rule/label`` names it.
        public var rule: String
        /// nil when it abstains.
        public var replicas: Int?
        /// Arithmetic in words, `ceil(180 / 25)`, or why it abstains.
        public var because: String
        /// When it abstains.
        public var abstains: Reason?
        public init(rule: String, replicas: Int?, because: String, abstains: Reason? = nil) {
            self.rule = rule
            self.replicas = replicas
            self.because = because
            self.abstains = abstains
        }
    }

    /// One rung of the ladder from what runs to what is decided.
    public struct Step: Sendable, Hashable {
        /// The rungs. Those that the arbiter and the leader add come before `decision`.
        public enum Name: String, Sendable, Hashable, CaseIterable {
            case proposals, combine, missing, forecast, schedule, floors, emergency, stabilization, rateLimit, cooldown, clamp, mode, failover, rollback,
                ceilings, restart
            case decision
        }
        /// Which rung.
        public var name: Name
        /// Replicas before it.
        public var input: Int
        /// Replicas behind it.
        public var output: Int
        /// What happened there, in words.
        public var text: String?
        /// Why the number is another one.
        public var reason: Reason?
        public init(_ name: Name, input: Int, output: Int, text: String? = nil, reason: Reason? = nil) {
            self.name = name
            self.input = input
            self.output = output
            self.text = text
            self.reason = reason
        }
    }

    /// How soon a person should look.
    public enum Urgency: String, Sendable, Hashable, CaseIterable {
        /// An emergency acted.
        case critical
        case high, medium, low
    }
}

/// Why a decision is what it is: a closed list. A reason that ends by itself says when.
public enum Reason: Sendable, Hashable {
    case rule(String)
    case withinTolerance
    case cooldown(until: WallTime)
    case atMin
    case atMax
    case emergency
    case stale(metric: String)
    case missing(metric: String)
    /// The reading has to persist: a rule's `for` is still running.
    case sustaining(metric: String, until: WallTime)
    /// The driver could not see the workload, or it is gone.
    case unobserved(String)
    /// An earlier change has not ended yet.
    case inFlight(action: String)
    case paused(owner: String, until: WallTime)
    case override(owner: String, until: WallTime)
    case dryRun
    case recommendOnly
    case off
    /// The cluster's switch is off.
    case disabled
    /// A ceiling over several workloads binds: `region:eu-west` or `budget:fleet`.
    case budgetDenied(by: String)
    /// The ceiling's room went to this workload, which ranks higher.
    case outranked(by: String)
    /// A recommendation of the window's past still counts.
    case stabilized(until: WallTime)
    /// The limit on the change of a period binds.
    case rateLimited(until: WallTime)
    /// `behavior` allows no change in this direction.
    case directionDisabled
    /// A schedule raises the minimum.
    case scheduleFloor(until: WallTime)
    /// A schedule lowers the maximum.
    case scheduleCeiling(until: WallTime)
    /// Somebody outside asked for at least so many.
    case inboundFloor(by: String, until: WallTime)
    /// The region takes another one's load: in full while that is down (nil), and less and less until then once it is back.
    case failoverFloor(region: String, until: WallTime?)
    /// The region is down: nothing is known of what runs there, so nothing is lowered.
    case regionDown(String)
    /// A change freeze.
    case frozen(reason: String, until: WallTime)
    /// A second person has to agree.
    case awaitingApproval
    /// The reading fell faster than it can be believed.
    case doubted(metric: String)
    /// A change was rolled back; until then no further one.
    case rolledBack(action: String, until: WallTime)
    /// The controller's older limit: twice the size, or 4.
    case scaleUpLimit
    /// A guard whose condition holds has the workload restarted.
    case restart(when: String)
    /// A guard whose condition holds would have it restarted, and something speaks against it.
    case restartHeld(RestartHold, when: String)

    /// Stable, for programs and searches: `rule(queue)`, `cooldown`.
    public var code: String {
        switch self {
        case .rule(let name): "rule(\(name))"
        case .withinTolerance: "within-tolerance"
        case .cooldown: "cooldown"
        case .atMin: "at-min"
        case .atMax: "at-max"
        case .emergency: "emergency"
        case .stale(let metric): "stale(\(metric))"
        case .missing(let metric): "missing(\(metric))"
        case .sustaining(let metric, _): "sustaining(\(metric))"
        case .unobserved: "unobserved"
        case .inFlight: "in-flight"
        case .paused: "paused"
        case .override: "override"
        case .dryRun: "dry-run"
        case .recommendOnly: "recommend-only"
        case .off: "off"
        case .disabled: "disabled"
        case .budgetDenied: "budget-denied"
        case .outranked: "outranked"
        case .stabilized: "stabilized"
        case .rateLimited: "rate-limited"
        case .directionDisabled: "direction-disabled"
        case .scheduleFloor: "schedule-floor"
        case .scheduleCeiling: "schedule-ceiling"
        case .inboundFloor: "inbound-floor"
        case .failoverFloor(let region, _): "failover-floor(\(region))"
        case .regionDown(let region): "region-down(\(region))"
        case .frozen: "frozen"
        case .awaitingApproval: "awaiting-approval"
        case .doubted(let metric): "doubted(\(metric))"
        case .rolledBack: "rolled-back"
        case .scaleUpLimit: "scale-up-limit"
        case .restart: "restart"
        case .restartHeld(let hold, _): "restart-held(\(hold.rawValue))"
        }
    }

    /// Whether an auditor would ask about it even where nothing changes: readings in doubt, people's holds, floors and ceilings from outside. What follows
    /// from a decision that is in the log already (a window, a rate, a cooldown, an action under way) is not.
    public var isNotable: Bool {
        switch self {
        case .stale, .missing, .doubted, .unobserved, .paused, .override, .off, .disabled, .emergency, .budgetDenied, .outranked, .inboundFloor,
            .failoverFloor, .regionDown, .frozen, .awaitingApproval, .rolledBack, .restart, .restartHeld:
            true
        case .rule, .withinTolerance, .cooldown, .atMin, .atMax, .sustaining, .inFlight, .dryRun, .recommendOnly, .stabilized, .rateLimited,
            .directionDisabled, .scheduleFloor, .scheduleCeiling, .scaleUpLimit:
            false
        }
    }

    /// When it ends by itself.
    public var until: WallTime? {
        switch self {
        case .cooldown(let until), .sustaining(_, let until), .paused(_, let until), .override(_, let until), .stabilized(let until),
            .rateLimited(let until), .scheduleFloor(let until), .scheduleCeiling(let until), .inboundFloor(_, let until), .frozen(_, let until),
            .rolledBack(_, let until):
            until
        case .failoverFloor(_, let until): until
        default: nil
        }
    }

    /// Who or what is behind it: a person, an action, the driver's words, a guard's condition.
    public var by: String? {
        switch self {
        case .paused(let owner, _), .override(let owner, _): owner
        case .inFlight(let action): action
        case .unobserved(let why): why
        case .budgetDenied(let ceiling): ceiling
        case .outranked(let workload): workload
        case .inboundFloor(let by, _): by
        case .frozen(let reason, _): reason
        case .rolledBack(let action, _): action
        case .restart(let when), .restartHeld(_, let when): when
        default: nil
        }
    }
}
