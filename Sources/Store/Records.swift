public import Model

/// Who does something: a person's token, a node, a policy.
public struct Principal: Sendable, Hashable {
    /// What kind of principal it is.
    public enum Kind: String, Sendable, Hashable { case token, node, policy, system }
    /// How the principal proved who it is.
    public enum Authentication: String, Sendable, Hashable { case token, mtls, `internal` }

    /// What kind of principal it is.
    public var kind: Kind
    /// A token's id, a node's name, a policy's `name@version`.
    public var id: String
    /// How it proved who it is.
    public var authentication: Authentication

    public init(kind: Kind, id: String, authentication: Authentication) {
        self.kind = kind
        self.id = id
        self.authentication = authentication
    }
    /// A node, for what it does by itself.
    public static func node(_ name: String) -> Principal { Principal(kind: .node, id: name, authentication: .internal) }
    /// A version of a policy, for what its leader does in its name.
    public static func policy(_ name: String, version: Int) -> Principal {
        Principal(kind: .policy, id: "\(name)@\(version)", authentication: .internal)
    }
}

/// One version of one manifest as stored.
public struct StoredManifest: Sendable, Hashable {
    /// Its kind and name.
    public var reference: Manifest.Reference
    /// From 1; each change makes the next one.
    public var version: Int
    /// Lower-case hexadecimal SHA-256 of the canonical form.
    public var sha256: String
    /// nil when this version says that the manifest is gone.
    public var manifest: Manifest?
    /// The canonical form; nil when this version says that the manifest is gone.
    public var canonical: JSON?
    /// Who applied it.
    public var actor: String
    /// When it was applied, by the database's clock.
    public var at: WallTime
    /// Of the audit event that says so.
    public var seq: Int64
}

/// What applying one document did.
public struct AppliedManifest: Sendable, Hashable {
    /// Its kind and name.
    public var reference: Manifest.Reference
    /// The version in force now.
    public var version: Int
    /// False when the same meaning was already in force: nothing was written.
    public var changed: Bool
    /// Of the audit event that says so; nil when nothing was written.
    public var seq: Int64?
    /// The canonical form before; nil when there was none.
    public var before: JSON?
    /// The canonical form now.
    public var after: JSON
}

/// The cluster's switch. A new cluster starts disabled.
public struct Switch: Sendable, Hashable {
    /// Whether decisions may act.
    public var enabled: Bool
    /// Who turned it last.
    public var actor: String
    /// Why, in their own words.
    public var reason: String
    /// When; nil: nobody has turned it yet.
    public var at: WallTime?
}

/// A decision as recorded, with the action that carries it out.
public struct DecisionRecord: Sendable, Hashable {
    /// Its number; people name it `d-12`.
    public var id: Int64
    /// Of the audit event that recorded it.
    public var seq: Int64
    /// The term that decided.
    public var epoch: Int64
    /// The node that led it.
    public var node: String
    /// What was decided.
    public var decision: Decision
    /// The action that carries it out; nil: it does not act.
    public var action: Int64?
    /// As people name a recorded decision by its number.
    public static func name(_ id: Int64) -> String { Decision.name(id) }
}

/// What is shown of one workload: its place in the world and its last evaluation, or in a large fleet one of the last.
public struct WorkloadRecord: Sendable, Hashable {
    /// The workload.
    public var id: WorkloadID
    /// The policy of the last evaluation, by name.
    public var policy: String
    /// The version of that policy.
    public var policyVersion: Int
    /// When it was evaluated last, in cluster time.
    public var evaluatedAt: WallTime
    /// Replicas that the platform is asked to run; nil: it could not be seen.
    public var desired: Int?
    /// Replicas that exist.
    public var current: Int?
    /// Replicas that serve.
    public var ready: Int?
    /// When it was seen last.
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
    /// Its name.
    public var name: String
    /// This run of it: another one after every start.
    public var incarnation: String
    /// Where it runs.
    public var region: String
    /// Where its API answers.
    public var address: String
    /// Muster's version there.
    public var version: String
    /// The newest version of the schema that it knows.
    public var schema: Int
    /// When this run began, by the database's clock.
    public var startedAt: WallTime
    /// Its last sign of life, by the database's clock.
    public var seenAt: WallTime
    /// When this run ended in order; nil: it runs, or did not end in order.
    public var leftAt: WallTime?
    /// What it says of itself.
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
    /// The node; nil: nobody has led yet.
    public var node: String?
    /// The number of its term; 0 before the first.
    public var epoch: Int64
    /// The database's timeline when the term began.
    public var timeline: Int64
    /// When the term began, by the database's clock.
    public var since: WallTime?
    /// Whether it has given up its term.
    public var resigned: Bool
    /// Whether a session holds the lock at this moment.
    public var held: Bool
    /// The leader before, when there was one.
    public var previous: String?
}

/// What the last round did, for status: a JSON object with `at`, `ms`, `every`, `evaluated`, `changed` and the counts of readings and replicas.
public struct RoundRecord: Sendable, Hashable {
    /// When it was committed.
    public var at: WallTime
    /// What it did.
    public var summary: JSON
}

/// A credential. The secret itself is shown once and never stored.
public struct TokenRecord: Sendable, Hashable {
    /// What its bearer may do.
    public enum Role: String, Sendable, Hashable, CaseIterable { case viewer, `operator`, admin, auditor }
    /// What names it in lists and logs; no secret.
    public var id: String
    /// What it is for, in its maker's words.
    public var name: String
    /// What its bearer may do.
    public var role: Role
    /// Who made it.
    public var createdBy: String
    /// When it was made.
    public var createdAt: WallTime
    /// It counts no longer from then on.
    public var expiresAt: WallTime
    /// When it was taken back; nil: it was not.
    public var revokedAt: WallTime?
}

/// An audit event as listed.
public struct EventRecord: Sendable, Hashable {
    /// Its number in the log, from 0 without a gap.
    public var seq: Int64
    /// When it entered the log, by the database's clock.
    public var integratedAt: WallTime
    /// The newest term when it entered the log; 0: there was none.
    public var epoch: Int64
    /// Its own identifier.
    public var id: String
    /// What happened, such as `decision.applied`.
    public var type: String
    /// How loudly.
    public var severity: String
    /// Who did it.
    public var actorID: String
    /// What it was done to.
    public var subjectID: String
    /// The decision that it belongs to.
    public var decisionID: String?
    /// The bytes that are hashed: everything that the event says.
    public var leaf: [UInt8]
    /// The hash of `leaf` in the tree.
    public var leafHash: [UInt8]
}
