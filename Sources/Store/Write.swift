public import Ledger
public import Model
public import Postgres

/// One transaction that changes something, with the audit events that say so.
///
/// It takes the audit tree's row first and keeps it to the end. So the sequence numbers of its events are known as soon as they are recorded, the
/// epoch it reads can't be overtaken by a later one in the log, and everything it changes commits together with the sealed leaves, the tree and its head.
/// Used by one task at a time; statements of one write are never run side by side.
public final class Write {
    let store: Store
    let transaction: Transaction
    public let principal: Principal
    /// The database's clock when the write began.
    public let at: WallTime
    /// The newest epoch of the shard.
    public let epoch: Int64
    /// With the events that are sealed already.
    private var tree: TreeState
    private let firstSeq: Int64
    private var nseq: Int64
    /// Events that are not sealed yet.
    private var drafts: [EventDraft] = []
    /// Statements that belong to the write and need no answer: they travel with the commit, or before it with ``send()``.
    var deferred: [Statement] = []
    private var changesConfiguration = false
    /// Actions whose state this write sets already.
    var updatedActions: Set<Int64> = []
    /// What was asked at the opening beyond what every write asks.
    let prepared: [ResultSet]
    /// Workloads whose open actions end with this write, because nobody follows them any more.
    var abandoned: [WorkloadID] = []

    private init(
        store: Store, transaction: Transaction, principal: Principal, at: WallTime, epoch: Int64, tree: TreeState, nseq: Int64,
        prepared: [ResultSet]
    ) {
        self.prepared = prepared
        self.store = store
        self.transaction = transaction
        self.principal = principal
        self.at = at
        self.epoch = epoch
        self.tree = tree
        self.firstSeq = tree.size
        self.nseq = nseq
    }

    /// The number of the next event that this write records.
    public var nextSeq: Int64 { self.tree.size + Int64(self.drafts.count) }
    /// The newest event that this write adds; nil while there is none.
    public var lastSeq: Int64? { self.nextSeq == self.firstSeq ? nil : self.nextSeq - 1 }

    /// Adds an event. Returns its sequence number.
    @discardableResult
    public func record(
        _ type: EventType, severity: Severity = .info, action: EventDraft.Action, outcome: EventDraft.Outcome = .success, subject: EventDraft.Subject,
        by principal: Principal? = nil, before: JSON? = nil, after: JSON? = nil, decision: JSON? = nil, cause: JSON? = nil,
        correlation: EventDraft.Correlation = EventDraft.Correlation(), reverts: [Int64] = []
    ) -> Int64 {
        let seq = self.nextSeq
        self.nseq += 1
        self.drafts.append(
            EventDraft(
                id: UUIDv7.generate(at: self.at), type: type, severity: severity, occurredAt: self.at,
                origin: .init(node: self.store.node, bootID: self.store.bootID, nseq: self.nseq), actor: (principal ?? self.principal).actor,
                action: action, outcome: outcome, subject: subject, before: before, after: after, decision: decision, cause: cause,
                correlation: correlation, reverts: reverts))
        return seq
    }

    /// What the leader evaluates by has changed: it reloads when this commits.
    func configurationChanged() { self.changesConfiguration = true }

    /// What every write begins with; see ``begin(_:on:opened:as:)``.
    static func opening(_ store: Store, tree: String = WriteSQL.tree) -> [Statement] {
        [
            Statement(tree, [.text(store.origin)]),
            // After the row is ours: whoever wrote it before us has committed, and with it its epoch.
            Statement(WriteSQL.standing, [.text(store.cluster), .text(store.shard), .text(store.node), .text(store.bootID)]),
        ]
    }

    /// - Parameter answers: to the statements of ``opening(_:)`` and whatever was asked with them, in `transaction`.
    static func begin(_ store: Store, on transaction: Transaction, opened answers: [ResultSet], as principal: Principal) throws -> Write {
        guard answers.count >= 2 else { throw StoreError.noRow }
        let now = try answers[1].one()
        guard let head = answers[0].first, let epoch = try now["epoch"].int64OrNil() else {
            throw StoreError.notInitialized(cluster: store.cluster)
        }
        let tree: TreeState
        do {
            tree = try TreeState(
                origin: store.origin, size: head["size"].int(), root: head["root"].bytes(), frontier: head["frontier"].bytes(),
                epoch: Epoch(head["epoch"].int()), integratedAt: head["integrated_at"].wallTime())
        } catch let error as LedgerError {
            throw StoreError.auditDamaged(error.description)
        }
        return Write(
            store: store, transaction: transaction, principal: principal, at: try now["now"].wallTime(), epoch: epoch, tree: tree,
            nseq: try now["nseq"].int64OrNil() ?? LeafFormat.firstOriginNumber - 1, prepared: Array(answers.dropFirst(2)))
    }

    /// Seals what was recorded and commits.
    func commit() async throws { _ = try await self.transaction.commit(with: self.ending()) }

    /// Seals what was recorded. What is left to be sent.
    func ending() async throws -> [Statement] {
        try await self.endAbandoned()
        var statements = try self.takeStatements()
        if self.lastSeq != nil { statements += self.headStatements }
        if self.changesConfiguration {
            statements.append(Statement("UPDATE muster.configuration SET version = gen_random_uuid()"))
        }
        return statements
    }

    /// Lets the server begin with what there is so far, while the rest of a large write is still being made.
    func send() async throws { try await self.transaction.start(try self.takeStatements()) }

    /// What was not sent yet, with the events that were not sealed yet.
    private func takeStatements() throws(LedgerError) -> [Statement] {
        let deferred = self.deferred
        self.deferred = []
        if self.drafts.isEmpty { return deferred }
        let count = Int(self.nextSeq - self.firstSeq)
        guard count <= Sealer.maximumBatch else { throw .batchTooLarge(count: count) }
        let (events, state) = try Sealer.seal(self.drafts, onto: self.tree, epoch: Epoch(self.epoch), leader: self.store.node, now: self.at)
        self.drafts = []
        self.tree = state
        return deferred + [Self.insert(events, state)]
    }

    private static func insert(_ events: [SealedEvent], _ state: TreeState) -> Statement {
        Statement(
            WriteSQL.insertEvents,
            [
                .intArray(events.map(\.seq)), .int(state.epoch.value), .textArray(events.map(\.id)), .textArray(events.map(\.type.rawValue)),
                .textArray(events.map(\.severity.rawValue)), .textArray(events.map(\.actorID)), .textArray(events.map(\.subjectID)),
                .textArray(events.map(\.decisionID)), .bytesArray(events.map(\.leaf)), .bytesArray(events.map(\.leafHash.bytes)),
                .time(state.integratedAt),
            ])
    }

    /// The log's new head.
    private var headStatements: [Statement] {
        let state = self.tree
        return [
            Statement(
                WriteSQL.updateTree,
                [
                    .text(state.origin), .int(state.size), .bytes(state.root.bytes), .bytes(state.frontier.bytes), .int(state.epoch.value),
                    .time(state.integratedAt),
                ]),
            Statement(WriteSQL.upsertOrigin, [.text(self.store.node), .text(self.store.bootID), .int(self.nseq)]),
        ]
    }
}

extension Store {
    /// Runs `body` as one change: what it writes and the events it records commit together, or nothing does.
    public func write<R>(as principal: Principal, _ body: (Write) async throws -> R) async throws -> R {
        try await self.pool.transaction(deadline: Self.readDeadline) { transaction in
            let answers = try await transaction.pipeline([Self.writeLimits] + self.writeOpening)
            return try await self.write(on: transaction, opened: Array(answers.dropFirst()), as: principal, body)
        }
    }

    /// The row of the tree is one for all nodes: a node that is frozen or cut off in the middle of a write must not keep the others, the leader above
    /// all, from theirs. So the server itself bounds the wait for the row, each statement, and the time between two of them.
    private static let writeLimits = Statement(
        "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true), set_config('idle_in_transaction_session_timeout', $3, true)",
        ["4000", "5000", "2000"])

    /// What a transaction that is to become a write asks first: its answers are given to ``write(on:opened:as:_:)``.
    public var writeOpening: [Statement] { Write.opening(self) }

    /// The same in a transaction that the caller opened with ``writeOpening``: the leader's, on its lock session, fenced before anything else.
    public func write<R>(
        on transaction: Transaction, opened answers: [ResultSet], as principal: Principal, _ body: (Write) async throws -> R
    ) async throws -> R {
        let write = try Write.begin(self, on: transaction, opened: answers, as: principal)
        let result = try await body(write)
        try await write.commit()
        return result
    }

    /// All of a write but its end, which is made and not sent: nothing is locked, numbered or written. For a process that has never made one, and is to be quick
    /// when it does.
    /// - Parameter opening: ``rehearsalOpening(for:)``.
    public func rehearse(_ opening: [Statement], _ body: (Write) async throws -> Void) async throws {
        try await self.pool.transaction(deadline: Self.readDeadline) { transaction in
            // Whatever `body` may do.
            let answers = try await transaction.pipeline([Statement("SET TRANSACTION READ ONLY")] + opening)
            let write = try Write.begin(self, on: transaction, opened: Array(answers.dropFirst()), as: .node(self.node))
            try await body(write)
            _ = try await write.ending()
        }
    }
}

extension Principal {
    var actor: EventDraft.Actor {
        let kind: EventDraft.Actor.Kind =
            switch self.kind {
            case .token: .token
            case .node: .node
            case .policy: .policy
            case .system: .system
            }
        let auth: EventDraft.Actor.Authentication =
            switch self.authentication {
            case .token: .token
            case .mtls: .mtls
            case .internal: .internal
            }
        return EventDraft.Actor(kind: kind, id: self.id, auth: auth)
    }
}
