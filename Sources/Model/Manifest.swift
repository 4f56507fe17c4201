/// One applied document. Its canonical JSON is what is stored, hashed and versioned; a version is never edited.
public enum Manifest: Sendable, Hashable {
    case region(Region)
    case connection(Connection)
    case service(Service)
    case policy(Policy)
    case budget(Budget)

    /// The kinds, in the order in which they are applied and listed: what others refer to comes first.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case region = "Region"
        case connection = "Connection"
        case service = "Service"
        case policy = "Policy"
        case budget = "Budget"
    }

    /// What it is.
    public var kind: Kind {
        switch self {
        case .region: .region
        case .connection: .connection
        case .service: .service
        case .policy: .policy
        case .budget: .budget
        }
    }

    /// Its name, alone among those of its kind.
    public var name: String {
        switch self {
        case .region(let region): region.name
        case .connection(let connection): connection.name
        case .service(let service): service.name
        case .policy(let policy): policy.name
        case .budget(let budget): budget.name
        }
    }

    /// By which others speak of it.
    public var reference: Reference { Reference(kind: self.kind, name: self.name) }

    /// `Policy/transcode`
    public struct Reference: Sendable, Hashable, Comparable, CustomStringConvertible {
        /// What it is.
        public var kind: Kind
        /// Its name, alone among those of its kind.
        public var name: String
        public init(kind: Kind, name: String) {
            self.kind = kind
            self.name = name
        }
        public var description: String { "\(self.kind.rawValue)/\(self.name)" }
        public static func < (left: Self, right: Self) -> Bool {
            let order = Kind.allCases
            return left.kind == right.kind
                ? left.name < right.name
                : (order.firstIndex(of: left.kind) ?? 0) < (order.firstIndex(of: right.kind) ?? 0)
        }
    }
}

/// A failure and cost domain, such as `eu-west`.
public struct Region: Sendable, Hashable {
    /// Its name, the second half of `service/region`.
    public var name: String
    /// In the cluster's one currency.
    public var costPerReplicaHour: Quantity?
    /// Ceiling over all workloads in the region; nil: none.
    public var maxReplicas: Int?
    /// nil: nobody takes its load.
    public var failover: Failover?

    public init(name: String, costPerReplicaHour: Quantity? = nil, maxReplicas: Int? = nil, failover: Failover? = nil) {
        self.name = name
        self.costPerReplicaHour = costPerReplicaHour
        self.maxReplicas = maxReplicas
        self.failover = failover
    }
}

/// Where readings come from. A secret's value never stands in a manifest: each node resolves the reference itself.
public struct Connection: Sendable, Hashable {
    /// By which metrics name it as their source.
    public var name: String
    /// A libpq connection string without a password.
    public var postgres: String
    /// Where each node finds the password; nil: none is sent.
    public var password: SecretReference?

    public init(name: String, postgres: String, password: SecretReference? = nil) {
        self.name = name
        self.postgres = postgres
        self.password = password
    }
}

/// Where a node finds a secret's value.
public enum SecretReference: Sendable, Hashable {
    /// An absolute path; a trailing line break is not part of the secret.
    case file(String)
    /// An environment variable of the node's process.
    case environment(String)
}

/// A thing that scales, with the workloads it has in each region.
public struct Service: Sendable, Hashable {
    /// Its name, the first half of `service/region`.
    public var name: String
    /// Who answers for it; shown, not interpreted.
    public var owner: String?
    /// Higher keeps or gets capacity first when a ceiling binds.
    public var priority: Int
    /// From request to serving.
    public var startup: Duration
    /// By region.
    public var workloads: [String: DriverTarget]

    public init(name: String, owner: String? = nil, priority: Int = 0, startup: Duration = .zero, workloads: [String: DriverTarget]) {
        self.name = name
        self.owner = owner
        self.priority = priority
        self.startup = startup
        self.workloads = workloads
    }
}

/// How one workload is observed and changed.
public enum DriverTarget: Sendable, Hashable {
    /// Programs from the directory that the node's configuration names, run without a shell. The first word is the program's name.
    /// - Parameter restart: nil: it can't be restarted.
    case exec(observe: [String], scale: [String], restart: [String]? = nil)
    /// A person changes it; Muster records what should be done and notices when it was.
    case manual

    /// As manifests name it.
    public var kind: String {
        switch self {
        case .exec: "exec"
        case .manual: "manual"
        }
    }
    /// What it acts on, in words for a person.
    public var summary: String {
        switch self {
        case .exec(_, let scale, _): scale.joined(separator: " ")
        case .manual: "a person"
        }
    }
    /// Whether what runs can be started anew.
    public var canRestart: Bool {
        switch self {
        case .exec(_, _, let restart): restart != nil
        case .manual: true
        }
    }
    /// What an order to restart it is answered with where it can't be, and what to do about it.
    public static let restartAdvice = "name a program for it (restart: [PROGRAM, …] beside observe and scale)"
}

/// A ceiling over many workloads.
public struct Budget: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Whose replicas count.
    public var selector: Selector
    /// Over all of them; nil: no such ceiling.
    public var maxReplicas: Int?
    /// Over all of them, in the cluster's one currency; nil: no such ceiling.
    public var maxCostPerHour: Quantity?

    public init(name: String, selector: Selector, maxReplicas: Int? = nil, maxCostPerHour: Quantity? = nil) {
        self.name = name
        self.selector = selector
        self.maxReplicas = maxReplicas
        self.maxCostPerHour = maxCostPerHour
    }
}

/// Which workloads a policy or budget speaks of. `*` stands for all.
public struct Selector: Sendable, Hashable {
    /// Names of services, or `*`.
    public var services: [String]
    /// Names of regions, or `*`.
    public var regions: [String]

    public init(services: [String] = ["*"], regions: [String] = ["*"]) {
        self.services = services
        self.regions = regions
    }

    /// Whether it speaks of this workload.
    public func selects(_ workload: WorkloadID) -> Bool {
        (self.services.contains("*") || self.services.contains(workload.service))
            && (self.regions.contains("*") || self.regions.contains(workload.region))
    }
}
