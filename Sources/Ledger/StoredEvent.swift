public import Model

/// A row of the log as it was found: the leaf, and the columns that claim to repeat it. Nothing in it is trusted.
public struct StoredEvent: Sendable, Hashable {
    /// The row's key: its index in the tree, from 0 on.
    public var seq: Int64
    /// When it got its place, as the column says.
    public var integratedAt: WallTime
    /// Of the leader that gave it its place, as the column says.
    public var epoch: Int64
    /// A UUID as text.
    public var id: String
    /// A type's name, perhaps one that this version does not know.
    public var type: String
    /// A severity's name.
    public var severity: String
    /// Who did it, as the column says.
    public var actorID: String
    /// What it was done to, as the column says.
    public var subjectID: String
    /// nil: the column is NULL.
    public var decisionID: String?
    /// The bytes that were hashed, from which the other columns can be made again.
    public var leaf: [UInt8]
    /// 32 bytes, if the row is honest.
    public var leafHash: [UInt8]

    /// A row as it was read; nothing is checked here, that is ``Verifier``'s.
    public init(
        seq: Int64, integratedAt: WallTime, epoch: Int64, id: String, type: String, severity: String, actorID: String,
        subjectID: String, decisionID: String?, leaf: [UInt8], leafHash: [UInt8]
    ) {
        self.seq = seq
        self.integratedAt = integratedAt
        self.epoch = epoch
        self.id = id
        self.type = type
        self.severity = severity
        self.actorID = actorID
        self.subjectID = subjectID
        self.decisionID = decisionID
        self.leaf = leaf
        self.leafHash = leafHash
    }

    /// The row that an event is written as.
    public init(_ event: SealedEvent) {
        self.init(
            seq: event.seq, integratedAt: event.integratedAt, epoch: event.epoch.value, id: event.id,
            type: event.type.rawValue, severity: event.severity.rawValue, actorID: event.actorID,
            subjectID: event.subjectID, decisionID: event.decisionID, leaf: event.leaf, leafHash: event.leafHash.bytes)
    }
}

/// The head as it was found in the database. Nothing in it is trusted.
public struct StoredHead: Sendable, Hashable {
    /// How many events the head claims.
    public var size: Int64
    /// 32 bytes, if the head is honest.
    public var root: [UInt8]
    /// ``Frontier/bytes``, if the head is honest.
    public var frontier: [UInt8]
    /// Of the newest event, by the head's word.
    public var epoch: Int64
    /// When the newest event got its place, by the head's word.
    public var integratedAt: WallTime

    /// A head as it was read; nothing is checked here, that is ``Verifier``'s and ``TreeState``'s.
    public init(size: Int64, root: [UInt8], frontier: [UInt8], epoch: Int64, integratedAt: WallTime) {
        self.size = size
        self.root = root
        self.frontier = frontier
        self.epoch = epoch
        self.integratedAt = integratedAt
    }

    /// The head that is written after a state was sealed.
    public init(_ state: TreeState) {
        self.init(
            size: state.size, root: state.root.bytes, frontier: state.frontier.bytes, epoch: state.epoch.value,
            integratedAt: state.integratedAt)
    }
}
