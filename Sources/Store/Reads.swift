public import Model
internal import Postgres

/// Which decisions are asked for. Newest first.
public struct DecisionFilter: Sendable, Hashable {
    /// Only of this workload.
    public var workload: WorkloadID?
    /// Only of this service.
    public var service: String?
    /// Only of this region.
    public var region: String?
    /// Only under the policy of this name.
    public var policy: String?
    /// Only those that went this way.
    public var kind: Decision.Kind?
    /// Only from then on.
    public var since: WallTime?
    /// Only before then.
    public var until: WallTime?
    /// Only those with a smaller number.
    public var before: Int64?
    /// At most so many; at least one.
    public var limit: Int

    public init(
        workload: WorkloadID? = nil, service: String? = nil, region: String? = nil, policy: String? = nil, kind: Decision.Kind? = nil,
        since: WallTime? = nil, until: WallTime? = nil, before: Int64? = nil, limit: Int = 100
    ) {
        self.workload = workload
        self.service = service
        self.region = region
        self.policy = policy
        self.kind = kind
        self.since = since
        self.until = until
        self.before = before
        self.limit = limit
    }
}

/// Which actions are asked for. Newest first.
public struct ActionFilter: Sendable, Hashable {
    /// Only those that have not ended.
    public var open: Bool
    /// Only of this workload.
    public var workload: WorkloadID?
    /// Only those with a smaller number.
    public var before: Int64?
    /// At most so many; at least one.
    public var limit: Int

    public init(open: Bool = false, workload: WorkloadID? = nil, before: Int64? = nil, limit: Int = 100) {
        self.open = open
        self.workload = workload
        self.before = before
        self.limit = limit
    }
}

/// Which audit events are asked for.
public struct EventFilter: Sendable, Hashable {
    /// Only of this type, such as `decision.applied`.
    public var type: String?
    /// Only by this principal, by its id.
    public var actor: String?
    /// Only about this subject, by its id.
    public var subject: String?
    /// Only of this severity.
    public var severity: String?
    /// Only from then on, by the time at which they entered the log.
    public var since: WallTime?
    /// Only before then, by the time at which they entered the log.
    public var until: WallTime?
    /// First sequence number, included.
    public var from: Int64?
    /// Last sequence number, included.
    public var to: Int64?
    /// Oldest first; else newest first.
    public var ascending: Bool
    /// At most so many; at least one.
    public var limit: Int

    public init(
        type: String? = nil, actor: String? = nil, subject: String? = nil, severity: String? = nil, since: WallTime? = nil, until: WallTime? = nil,
        from: Int64? = nil, to: Int64? = nil, ascending: Bool = false, limit: Int = 100
    ) {
        self.type = type
        self.actor = actor
        self.subject = subject
        self.severity = severity
        self.since = since
        self.until = until
        self.from = from
        self.to = to
        self.ascending = ascending
        self.limit = limit
    }
}

/// Builds a WHERE clause with numbered parameters.
private struct Conditions {
    var clauses: [String] = []
    var parameters: [Value] = []

    mutating func add(_ clause: (String) -> String, _ value: Value?) {
        guard let value else { return }
        self.parameters.append(value)
        self.clauses.append(clause("$\(self.parameters.count)"))
    }
    var sql: String { self.clauses.isEmpty ? "" : " WHERE " + self.clauses.joined(separator: " AND ") }
}

extension Store {
    private static let decisionColumns = """
        d.id, d.seq, d.epoch, d.node, d.body, (SELECT a.id FROM muster.action a WHERE a.decision_id = d.id) AS action_id
        """

    /// Recorded decisions, newest first.
    /// - Throws: ``StoreError`` for one that can't be read, as all reads of records do.
    public func decisions(_ filter: DecisionFilter) async throws -> [DecisionRecord] {
        var conditions = Conditions()
        conditions.add({ "d.shard = \($0)" }, .text(self.shard))
        conditions.add({ "d.service = \($0)" }, (filter.workload?.service ?? filter.service).map { .text($0) })
        conditions.add({ "d.region = \($0)" }, (filter.workload?.region ?? filter.region).map { .text($0) })
        conditions.add({ "d.policy = \($0)" }, filter.policy.map { .text($0) })
        conditions.add({ "d.kind = \($0)" }, filter.kind.map { .text($0.rawValue) })
        conditions.add({ "d.at >= \($0)" }, filter.since.map { .time($0) })
        conditions.add({ "d.at < \($0)" }, filter.until.map { .time($0) })
        conditions.add({ "d.id < \($0)" }, filter.before.map { .int($0) })
        let rows = try await self.read(
            "SELECT \(Self.decisionColumns) FROM muster.decision d\(conditions.sql) ORDER BY d.id DESC LIMIT \(max(1, filter.limit))",
            conditions.parameters)
        return try rows.map(Self.decision(row:))
    }

    /// One recorded decision; nil: there is none of that number.
    public func decision(id: Int64) async throws -> DecisionRecord? {
        let rows = try await self.read("SELECT \(Self.decisionColumns) FROM muster.decision d WHERE d.id = $1", [.int(id)])
        return try rows.first.map(Self.decision(row:))
    }

    private static func decision(row: Row) throws -> DecisionRecord {
        let id = try row["id"].int()
        do {
            return DecisionRecord(
                id: id, seq: try row["seq"].int(), epoch: try row["epoch"].int(), node: try row["node"].string(),
                decision: try Decision(json: row["body"].parsedJSON()),
                action: try row["action_id"].int64OrNil())
        } catch let error as JSONError {
            throw StoreError.unreadable(what: "decision \(DecisionRecord.name(id))", why: error.description)
        }
    }

    /// Those of actions that have not ended, as the index of open actions has them; see ``ActionRecord/State/isOpen``.
    static let openStates = "('committed', 'sent', 'accepted', 'verifying', 'unknown')"

    static let actionColumns = """
        id, idem, decision_id, epoch, service, region, kind, replicas_from, replicas_to, precondition, state, attempt, need_ready, deadline,
        created_at, history
        """

    /// Actions, newest first.
    public func actions(_ filter: ActionFilter) async throws -> [ActionRecord] { try await self.run(self.actionsRead(filter)) }

    func actionsRead(_ filter: ActionFilter) -> Read<[ActionRecord]> {
        var conditions = Conditions()
        conditions.add({ "shard = \($0)" }, .text(self.shard))
        conditions.add({ "service = \($0)" }, filter.workload.map { .text($0.service) })
        conditions.add({ "region = \($0)" }, filter.workload.map { .text($0.region) })
        conditions.add({ "id < \($0)" }, filter.before.map { .int($0) })
        if filter.open { conditions.clauses.append("state IN \(Self.openStates)") }
        return Read(
            "SELECT \(Self.actionColumns) FROM muster.action\(conditions.sql) ORDER BY id DESC LIMIT \(max(1, filter.limit))", conditions.parameters
        ) { try $0.map(Self.action(row:)) }
    }

    /// One action; nil: there is none of that number.
    public func action(id: Int64) async throws -> ActionRecord? {
        let rows = try await self.read("SELECT \(Self.actionColumns) FROM muster.action WHERE id = $1", [.int(id)])
        return try rows.first.map(Self.action(row:))
    }

    static func action(row: Row) throws -> ActionRecord {
        let id = try row["id"].int()
        let what = "action \(ActionRecord.name(id))"
        guard let state = ActionRecord.State(rawValue: try row["state"].string()) else {
            throw StoreError.unreadable(what: what, why: "its state “\(try row["state"].string())” is unknown")
        }
        guard let kind = ActionRecord.Kind(rawValue: try row["kind"].string()) else {
            throw StoreError.unreadable(what: what, why: "its kind “\(try row["kind"].string())” is unknown")
        }
        guard let needReady = Quantity(text: try row["need_ready"].string()) else {
            throw StoreError.unreadable(what: what, why: "its need_ready “\(try row["need_ready"].string())” is no number")
        }
        let history: [ActionRecord.Step]
        do { history = try JSON.object(["history": row["history"].parsedJSON()]).list("history") } catch let error as JSONError {
            throw StoreError.unreadable(what: what, why: error.description)
        }
        return ActionRecord(
            id: id, idem: try row["idem"].string(), decision: try row["decision_id"].int(), epoch: try row["epoch"].int(),
            workload: WorkloadID(service: try row["service"].string(), region: try row["region"].string()), kind: kind,
            from: Int(try row["replicas_from"].int()), to: Int(try row["replicas_to"].int()), precondition: try row["precondition"].stringOrNil(), state: state,
            attempt: Int(try row["attempt"].int()), needReady: needReady, deadline: try row["deadline"].wallTime(),
            createdAt: try row["created_at"].wallTime(), history: history)
    }

    static let workloadColumns = """
        service, region, policy, policy_version, evaluated_at, desired, current, ready, observed_at, evaluation, decision_id
        """

    /// All workloads that a leader has evaluated, by name.
    public func workloads() async throws -> [WorkloadRecord] { try await self.run(self.workloadsRead) }

    var workloadsRead: Read<[WorkloadRecord]> {
        Read("SELECT \(Self.workloadColumns) FROM muster.workload WHERE shard = $1 ORDER BY service, region", [.text(self.shard)]) {
            try $0.map(Self.workload(row:))
        }
    }

    /// What is shown of one workload; nil: it was never evaluated.
    public func workload(_ id: WorkloadID) async throws -> WorkloadRecord? { try await self.run(self.workloadRead(id)) }

    func workloadRead(_ id: WorkloadID) -> Read<WorkloadRecord?> {
        Read(
            "SELECT \(Self.workloadColumns) FROM muster.workload WHERE shard = $1 AND service = $2 AND region = $3",
            [.text(self.shard), .text(id.service), .text(id.region)]
        ) { try $0.first.map(Self.workload(row:)) }
    }

    static func workload(row: Row) throws -> WorkloadRecord {
        let id = WorkloadID(service: try row["service"].string(), region: try row["region"].string())
        do {
            return WorkloadRecord(
                id: id, policy: try row["policy"].string(), policyVersion: Int(try row["policy_version"].int()),
                evaluatedAt: try row["evaluated_at"].wallTime(), desired: try row["desired"].intOrNil(), current: try row["current"].intOrNil(),
                ready: try row["ready"].intOrNil(), observedAt: try row["observed_at"].wallTimeOrNil(),
                evaluation: try Decision(json: row["evaluation"].parsedJSON()), decision: try row["decision_id"].int64OrNil())
        } catch let error as JSONError {
            throw StoreError.unreadable(what: "the last evaluation of \(id)", why: error.description)
        }
    }

    /// What the last round did; nil: there was none.
    public func round() async throws -> RoundRecord? {
        let rows = try await self.read("SELECT at, summary FROM muster.round WHERE shard = $1", [.text(self.shard)])
        return try rows.first.map { RoundRecord(at: try $0["at"].wallTime(), summary: try $0["summary"].parsedJSON()) }
    }

    /// Audit events as listed.
    public func events(_ filter: EventFilter) async throws -> [EventRecord] {
        var conditions = Conditions()
        conditions.add({ "type = \($0)" }, filter.type.map { .text($0) })
        conditions.add({ "actor_id = \($0)" }, filter.actor.map { .text($0) })
        conditions.add({ "subject_id = \($0)" }, filter.subject.map { .text($0) })
        conditions.add({ "severity = \($0)" }, filter.severity.map { .text($0) })
        conditions.add({ "integrated_at >= \($0)" }, filter.since.map { .time($0) })
        conditions.add({ "integrated_at < \($0)" }, filter.until.map { .time($0) })
        conditions.add({ "seq >= \($0)" }, filter.from.map { .int($0) })
        conditions.add({ "seq <= \($0)" }, filter.to.map { .int($0) })
        let rows = try await self.read(
            """
            SELECT seq, integrated_at, epoch, id, type, severity, actor_id, subject_id, decision_id, leaf, leaf_hash
            FROM muster.audit_event\(conditions.sql) ORDER BY seq \(filter.ascending ? "ASC" : "DESC") LIMIT \(max(1, filter.limit))
            """, conditions.parameters)
        return try rows.map(Self.event(row:))
    }

    static func event(row: Row) throws -> EventRecord {
        EventRecord(
            seq: try row["seq"].int(), integratedAt: try row["integrated_at"].wallTime(), epoch: try row["epoch"].int(), id: try row["id"].string(),
            type: try row["type"].string(), severity: try row["severity"].string(), actorID: try row["actor_id"].string(),
            subjectID: try row["subject_id"].string(), decisionID: try row["decision_id"].stringOrNil(), leaf: try row["leaf"].bytes(),
            leafHash: try row["leaf_hash"].bytes())
    }

    /// One audit event; nil: there is none of that number.
    public func event(seq: Int64) async throws -> EventRecord? {
        try await self.events(EventFilter(from: seq, to: seq, limit: 1)).first
    }
}
