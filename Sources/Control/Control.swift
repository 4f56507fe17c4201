/// The leader's loop as values: which workloads exist, which are due, what is still being asked, how a change lives and ends.
///
/// ``LeaderState`` is the whole of it. The shell (target Coordinator) feeds in what arrived and the time, and carries out what comes back. Invariants:
///
/// - A workload is asked about at most once at a time, and evaluated when everything that was asked has answered; a slow one delays no other.
/// - A workload has at most one open action. Nothing is sent before its action has committed.
/// - An action's outcome that is not known is resolved by observing, never by repeating blindly.
///
/// It does not read clocks, talk to anything, or decide sizes: that is the engine's.
public import Engine
public import Model
public import Schedule

/// What a leader evaluates by, resolved from the manifests in force.
public struct Fleet: Sendable, Hashable {
    /// One workload with everything that speaks of it.
    public struct Member: Sendable, Hashable {
        /// What is scaled.
        public var workload: Workload
        /// How it is reached.
        public var target: DriverTarget
        /// One for all workloads of a policy.
        public var program: Program

        public init(workload: Workload, target: DriverTarget, program: Program) {
            self.workload = workload
            self.target = target
            self.program = program
        }
        /// Its name.
        public var id: WorkloadID { self.workload.id }
        /// Another one takes the place of the whole program.
        public var policy: Policy {
            get { self.program.policy }
            set { self.program = Program(newValue, reference: self.program.reference) }
        }
        /// The version of the policy that it is evaluated under.
        public var reference: Decision.PolicyReference { self.program.reference }
    }

    /// By workload, sorted.
    public var members: [Member]
    /// By name.
    public var connections: [String: Connection]
    /// By name.
    public var regions: [String: Region]
    /// Sorted by name.
    public var budgets: [Budget]
    /// The cluster's switch.
    public var enabled: Bool
    /// Those that have not ended, in any order.
    public var pauses: [Pause]
    /// By workload; of several the newest.
    public var overrides: [WorkloadID: Override]
    /// What second persons said of changes that wait for them.
    public var approvals: [WorkloadID: Approval]
    /// By policy: only those that have schedules or freezes.
    public var calendars: [String: PolicyCalendar]

    /// - Parameter zone: the rules of a time zone; nil when this node does not know it.
    public init(
        manifests: [(manifest: Manifest, version: Int, sha256: String)], enabled: Bool, pauses: [Pause], overrides: [Override],
        approvals: [Approval] = [], zone: (String) -> TimeZoneRules? = { $0 == TimeZoneRules.utc.name ? .utc : nil }
    ) {
        var connections: [String: Connection] = [:]
        var regions: [String: Region] = [:]
        var budgets: [Budget] = []
        var services: [Service] = []
        var programs: [Program] = []
        for (manifest, version, sha256) in manifests {
            switch manifest {
            case .connection(let connection): connections[connection.name] = connection
            case .region(let region): regions[region.name] = region
            case .budget(let budget): budgets.append(budget)
            case .service(let service): services.append(service)
            case .policy(let policy):
                programs.append(Program(policy, reference: Decision.PolicyReference(name: policy.name, version: version, sha256: sha256)))
            }
        }
        // The first by name, should two speak of one workload: apply refuses that, so this only has to be the same on every node.
        programs.sort { $0.policy.name < $1.policy.name }
        // Sorted by service and then by region, each where they are few: the members are many.
        services.sort { $0.name < $1.name }
        self.members = services.flatMap { service in
            service.workloads.sorted { $0.key < $1.key }.compactMap { region, target -> Member? in
                let id = WorkloadID(service: service.name, region: region)
                guard let program = programs.first(where: { $0.policy.selector.selects(id) }) else { return nil }
                return Member(workload: Workload(id: id, priority: service.priority, startup: service.startup), target: target, program: program)
            }
        }
        self.calendars = Dictionary(
            programs.filter { !$0.policy.schedule.isEmpty || !$0.policy.freeze.isEmpty }.map { ($0.policy.name, PolicyCalendar($0.policy, zone: zone)) },
            uniquingKeysWith: { first, _ in first })
        self.connections = connections
        self.regions = regions
        self.budgets = budgets.sorted { $0.name < $1.name }
        self.enabled = enabled
        self.pauses = pauses
        self.overrides = Dictionary(overrides.map { ($0.workload, $0) }, uniquingKeysWith: { $0.since > $1.since ? $0 : $1 })
        self.approvals = Dictionary(approvals.map { ($0.workload, $0) }, uniquingKeysWith: { $0.id > $1.id ? $0 : $1 })
    }
}

extension Fleet {
    /// The same with holds in force from `now` on at the latest.
    ///
    /// A person's hold is dated by the database's clock. Should that have jumped ahead of cluster time, the hold was still meant from now.
    public func inForce(at now: WallTime) -> Fleet {
        var fleet = self
        for index in fleet.pauses.indices { fleet.pauses[index].since = min(fleet.pauses[index].since, now) }
        fleet.overrides = fleet.overrides.mapValues { override in
            var override = override
            override.since = min(override.since, now)
            return override
        }
        return fleet
    }
}

/// Cluster time: the database's clock at the start of a term, carried on by a monotonic clock.
///
/// A step of the node's or the database's wall clock during a term changes nothing, and time never goes back from one leader to the next:
/// it starts no earlier than the newest time that a predecessor wrote.
public struct ClusterClock: Sendable, Hashable {
    private let anchor: WallTime
    /// Monotonic nanoseconds at which `anchor` held.
    private let anchorNanoseconds: Int64

    /// - Parameters:
    ///   - database: its clock at the start of the term.
    ///   - newestWritten: the newest time that a predecessor wrote; nil: none did.
    ///   - monotonicNanoseconds: this node's monotonic clock at the same moment.
    public init(database: WallTime, newestWritten: WallTime?, monotonicNanoseconds: Int64) {
        self.anchor = max(database, newestWritten ?? database)
        self.anchorNanoseconds = monotonicNanoseconds
    }

    /// Cluster time at a moment of the monotonic clock. Before the start it stands still.
    public func time(monotonicNanoseconds: Int64) -> WallTime {
        self.anchor + .nanoseconds(max(0, monotonicNanoseconds - self.anchorNanoseconds))
    }
}
