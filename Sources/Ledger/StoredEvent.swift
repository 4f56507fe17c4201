public import Model

/// A row of the log as it was found: the leaf, and the columns that claim to repeat it. Nothing in it is trusted.
public struct StoredEvent: Sendable, Hashable {
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

    public init(_ event: SealedEvent) {
        self.init(
            seq: event.seq, integratedAt: event.integratedAt, epoch: event.epoch.value, id: event.id,
            type: event.type.rawValue, severity: event.severity.rawValue, actorID: event.actorID,
            subjectID: event.subjectID, decisionID: event.decisionID, leaf: event.leaf, leafHash: event.leafHash.bytes)
    }
}

/// The head as it was found in the database. Nothing in it is trusted.
public struct StoredHead: Sendable, Hashable {
    public var size: Int64
    public var root: [UInt8]
    public var frontier: [UInt8]
    public var epoch: Int64
    public var integratedAt: WallTime

    public init(size: Int64, root: [UInt8], frontier: [UInt8], epoch: Int64, integratedAt: WallTime) {
        self.size = size
        self.root = root
        self.frontier = frontier
        self.epoch = epoch
        self.integratedAt = integratedAt
    }

    public init(_ state: TreeState) {
        self.init(
            size: state.size, root: state.root.bytes, frontier: state.frontier.bytes, epoch: state.epoch.value,
            integratedAt: state.integratedAt)
    }
}
