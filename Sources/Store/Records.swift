public import Model

/// Who does something: a person's token, a node, a policy.
public struct Principal: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable { case token, node, policy, system }
    /// How the principal proved who it is.
    public enum Authentication: String, Sendable, Hashable { case token, mtls, `internal` }

    public var kind: Kind
    public var id: String
    public var authentication: Authentication

    public init(kind: Kind, id: String, authentication: Authentication) {
        self.kind = kind
        self.id = id
        self.authentication = authentication
    }
    public static func node(_ name: String) -> Principal { Principal(kind: .node, id: name, authentication: .internal) }
    public static func policy(_ name: String, version: Int) -> Principal {
        Principal(kind: .policy, id: "\(name)@\(version)", authentication: .internal)
    }
}

/// One version of one manifest as stored.
public struct StoredManifest: Sendable, Hashable {
    public var reference: Manifest.Reference
    public var version: Int
    public var sha256: String
    /// nil when this version says that the manifest is gone.
    public var manifest: Manifest?
    public var canonical: JSON?
    public var actor: String
    public var at: WallTime
    public var seq: Int64
}

/// What applying one document did.
public struct AppliedManifest: Sendable, Hashable {
    public var reference: Manifest.Reference
    public var version: Int
    /// False when the same meaning was already in force: nothing was written.
    public var changed: Bool
    public var seq: Int64?
    public var before: JSON?
    public var after: JSON
}

/// The cluster's switch. A new cluster starts disabled.
public struct Switch: Sendable, Hashable {
    public var enabled: Bool
    public var actor: String
    public var reason: String
    public var at: WallTime?
}

/// A decision as recorded, with the action that carries it out.
public struct DecisionRecord: Sendable, Hashable {
    public var id: Int64
    public var seq: Int64
    public var epoch: Int64
    public var node: String
    public var decision: Decision
    public var action: Int64?
    public static func name(_ id: Int64) -> String { Decision.name(id) }
}

/// What is shown of one workload: its place in the world and its last evaluation, or in a large fleet one of the last.
public struct WorkloadRecord: Sendable, Hashable {
    public var id: WorkloadID
    public var policy: String
    public var policyVersion: Int
    public var evaluatedAt: WallTime
    public var desired: Int?
    public var current: Int?
    public var ready: Int?
    public var observedAt: WallTime?
    /// The last evaluation, whether it was recorded as a decision or not.
    public var evaluation: Decision
    /// The last recorded decision.
    public var decision: Int64?

    public init(
        id: WorkloadID, policy: String, policyVersion: Int, evaluatedAt: WallTime, desired: Int?, current: Int?, ready: Int?, observedAt: WallTime?,
        evaluation: Decision, decision: Int64?
    ) {
        self.id = id
        self.policy = policy
        self.policyVersion = policyVersion
        self.evaluatedAt = evaluatedAt
        self.desired = desired
        self.current = current
        self.ready = ready
        self.observedAt = observedAt
        self.evaluation = evaluation
        self.decision = decision
    }
}

/// A member of the cluster, by its own word and the database's clock.
public struct NodeRecord: Sendable, Hashable {
    public var name: String
    public var incarnation: String
    public var region: String
    /// Where its API answers.
    public var address: String
    public var version: String
    public var schema: Int
    public var startedAt: WallTime
    public var seenAt: WallTime
    public var leftAt: WallTime?
    public var state: JSON

    public init(
        name: String, incarnation: String, region: String, address: String, version: String, schema: Int, startedAt: WallTime, seenAt: WallTime,
        leftAt: WallTime? = nil, state: JSON
    ) {
        self.name = name
        self.incarnation = incarnation
        self.region = region
        self.address = address
        self.version = version
        self.schema = schema
        self.startedAt = startedAt
        self.seenAt = seenAt
        self.leftAt = leftAt
        self.state = state
    }
}

/// Who leads, as the database has it.
public struct LeaderRecord: Sendable, Hashable {
    public var node: String?
    public var epoch: Int64
    public var timeline: Int64
    public var since: WallTime?
    public var resigned: Bool
    /// Whether a session holds the lock at this moment.
    public var held: Bool
    /// The leader before, when there was one.
    public var previous: String?
}

/// What the last round did, for status: a JSON object with `at`, `ms`, `every`, `evaluated`, `changed` and the counts of readings and replicas.
public struct RoundRecord: Sendable, Hashable {
    public var at: WallTime
    public var summary: JSON
}

/// A credential. The secret itself is shown once and never stored.
public struct TokenRecord: Sendable, Hashable {
    public enum Role: String, Sendable, Hashable, CaseIterable { case viewer, `operator`, admin, auditor }
    public var id: String
    public var name: String
    public var role: Role
    public var createdBy: String
    public var createdAt: WallTime
    public var expiresAt: WallTime
    public var revokedAt: WallTime?
}

/// An audit event as listed.
public struct EventRecord: Sendable, Hashable {
    public var seq: Int64
    public var integratedAt: WallTime
    public var epoch: Int64
    public var id: String
    public var type: String
    public var severity: String
    public var actorID: String
    public var subjectID: String
    public var decisionID: String?
    public var leaf: [UInt8]
    public var leafHash: [UInt8]
}
