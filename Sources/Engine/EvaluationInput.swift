public import Model

/// Everything one evaluation may know. Nothing else enters it: the same input gives the same bytes on every node.
public struct EvaluationInput: Sendable {
    /// What is evaluated.
    public var workload: Workload
    /// The policy, made ready.
    public var program: Program
    /// What the driver saw of it.
    public var observation: Observation
    /// By the metric's name. An absent name is a source that did not answer: missing, never 0.
    public var answers: [String: ReadingAnswer]
    /// Cluster time.
    public var now: WallTime
    /// The cluster's switch.
    public var enabled: Bool
    /// In any order; those of other scopes and times are ignored.
    public var pauses: [Pause]
    /// Ignored when it is another workload's or has ended.
    public var override: Override?
    /// The identifier of an action of this workload that has not ended.
    public var inFlight: String?
    /// At least so many replicas, for reasons outside the workload.
    public var floors: Floors
    /// What the policy's schedules and freezes say now; nil: none is in force.
    public var schedule: Schedule
    /// The number that a second person agreed to; nil: nobody did.
    public var approved: Int?
    /// The region can't be trusted to show what runs there: nothing is lowered.
    public var isRegionDown: Bool
    /// By the metric's name: what its second source says.
    public var secondaries: [String: ReadingAnswer]
    /// Metrics whose drop is one of many at their source, that their source's own health query does not vouch for, or whose value a person accepted.
    public var doubts: Doubts
    /// What the evaluation before left.
    public var memory: Memory

    /// At least so many replicas, for a reason outside the workload.
    public struct Floors: Sendable, Hashable {
        /// Somebody outside asked for it.
        public struct Inbound: Sendable, Hashable {
            /// At least so many.
            public var replicas: Int
            /// Who asked.
            public var by: String
            /// It counts no longer from then on.
            public var until: WallTime
            public init(replicas: Int, by: String, until: WallTime) {
                self.replicas = replicas
                self.by = by
                self.until = until
            }
        }
        /// Another region's load comes here.
        public struct Failover: Sendable, Hashable {
            /// At least so many.
            public var replicas: Int
            /// Whose load comes here.
            public var region: String
            /// When it has faded; nil while the region is down.
            public var until: WallTime?
            public init(replicas: Int, region: String, until: WallTime? = nil) {
                self.replicas = replicas
                self.region = region
                self.until = until
            }
        }
        /// nil: nobody asked.
        public var inbound: Inbound?
        /// nil: no other region's load comes here.
        public var failover: Failover?
        /// Both at once: the higher one counts.
        public init(inbound: Inbound? = nil, failover: Failover? = nil) {
            self.inbound = inbound
            self.failover = failover
        }
    }

    /// What a policy's schedules say at one moment.
    public struct Schedule: Sendable, Hashable {
        /// A bound in the place of the policy's own.
        public struct Bound: Sendable, Hashable {
            /// The bound.
            public var replicas: Int
            /// When it may be another one.
            public var until: WallTime
            public init(replicas: Int, until: WallTime) {
                self.replicas = replicas
                self.until = until
            }
        }
        /// A change freeze that is in force.
        public struct Freeze: Sendable, Hashable {
            /// Why, in the policy's words.
            public var reason: String
            /// When it ends.
            public var until: WallTime
            public init(reason: String, until: WallTime) {
                self.reason = reason
                self.until = until
            }
        }
        /// nil: the policy's own minimum.
        public var min: Bound?
        /// nil: the policy's own maximum.
        public var max: Bound?
        /// nil: none is in force.
        public var freeze: Freeze?
        public init(min: Bound? = nil, max: Bound? = nil, freeze: Freeze? = nil) {
            self.min = min
            self.max = max
            self.freeze = freeze
        }
    }

    /// What speaks against metrics, or for them, by name.
    public struct Doubts: Sendable, Hashable {
        /// Their fall is one of many at their source.
        public var correlatedDrops: Set<String>
        /// Their source's own health query does not vouch for it.
        public var unhealthy: Set<String>
        /// A person says that the value is right.
        public var accepted: Set<String>
        public init(correlatedDrops: Set<String> = [], unhealthy: Set<String> = [], accepted: Set<String> = []) {
            self.correlatedDrops = correlatedDrops
            self.unhealthy = unhealthy
            self.accepted = accepted
        }
    }

    public init(
        workload: Workload, program: Program, observation: Observation, answers: [String: ReadingAnswer], now: WallTime, enabled: Bool = true,
        pauses: [Pause] = [],
        override: Override? = nil, inFlight: String? = nil, floors: Floors = Floors(), schedule: Schedule = Schedule(), approved: Int? = nil,
        isRegionDown: Bool = false, secondaries: [String: ReadingAnswer] = [:], doubts: Doubts = Doubts(), memory: Memory = Memory()
    ) {
        self.workload = workload
        self.program = program
        self.observation = observation
        self.answers = answers
        self.now = now
        self.enabled = enabled
        self.pauses = pauses
        self.override = override
        self.inFlight = inFlight
        self.floors = floors
        self.schedule = schedule
        self.approved = approved
        self.isRegionDown = isRegionDown
        self.secondaries = secondaries
        self.doubts = doubts
        self.memory = memory
    }
}

extension EvaluationInput {
    /// Another one takes the place of the whole program.
    public var policy: Policy {
        get { self.program.policy }
        set { self.program = Program(newValue, reference: self.program.reference) }
    }
}

/// What one evaluation yields.
public struct Evaluation: Sendable, Hashable {
    /// What was concluded, in words.
    public var decision: Decision
    /// To be stored in the transaction that stores the decision, and given to the next evaluation.
    public var memory: Memory
    /// Which of the policy's guards take effect now.
    public var guards: [Int]

    public init(decision: Decision, memory: Memory, guards: [Int] = []) {
        self.decision = decision
        self.memory = memory
        self.guards = guards
    }
}
