public import Model

/// The log's head: what the next event is sealed onto, and what the last transaction left in the database.
public struct TreeState: Sendable, Hashable {
    /// The log's name, `<cluster>/audit`.
    public let origin: String
    /// The tree's right edge: all of the tree that appending needs.
    public let frontier: Frontier
    /// The frontier's ``Frontier/root``, computed once.
    public let root: Digest
    /// The epoch of the newest event.
    public let epoch: Epoch
    /// When the newest event was integrated.
    public let integratedAt: WallTime

    /// Events in the log.
    public var size: Int64 { self.frontier.size }

    /// A log without events.
    public init(origin: String) {
        self.init(origin: origin, frontier: Frontier(), root: TreeHash.empty, epoch: Epoch(0), integratedAt: Self.beginning)
    }

    /// The head as the database has it.
    ///
    /// A size that was edited to another one with as many bits set fits the same frontier; it shows when an event is written to a
    /// place that is taken, or when the log is verified.
    ///
    /// - Throws: ``LedgerError/damagedHead(_:)`` when its parts contradict one another: nothing may be appended to it then.
    public init(
        origin: String, size: Int64, root: [UInt8], frontier: [UInt8], epoch: Epoch, integratedAt: WallTime
    ) throws(LedgerError) {
        guard let edge = Frontier(size: size, bytes: frontier) else {
            throw .damagedHead(
                "the head of “\(origin)” says \(size) events, and its frontier of \(frontier.count) bytes is not one of that size")
        }
        let computed = edge.root
        guard computed.bytes == root else {
            throw .damagedHead("the root in the head of “\(origin)” is not that of its frontier at size \(size)")
        }
        self.init(origin: origin, frontier: edge, root: computed, epoch: epoch, integratedAt: integratedAt)
    }

    init(origin: String, frontier: Frontier, root: Digest, epoch: Epoch, integratedAt: WallTime) {
        self.origin = origin
        self.frontier = frontier
        self.root = root
        self.epoch = epoch
        self.integratedAt = integratedAt
    }

    /// Before every event that a clock could give a time to.
    private static let beginning = WallTime(microseconds: 0)
}

/// Why the log can't go on.
public enum LedgerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The stored head contradicts itself.
    case damagedHead(String)
    /// The log is already in a later epoch: whoever seals was replaced.
    case staleEpoch(Epoch, newest: Epoch)
    case malformedID(String)
    case batchTooLarge(count: Int)

    /// What is damaged or refused, that nothing was written, and what to do.
    public var description: String {
        switch self {
        case .damagedHead(let what):
            "the audit log's head is damaged: \(what); nothing was written; run: muster audit verify"
        case .staleEpoch(let epoch, let newest):
            "the audit log is in epoch \(newest) and takes no event of epoch \(epoch): another node leads; nothing was written"
        case .malformedID(let id):
            "“\(id)” can't be the id of an audit event: it has to be a UUID; nothing was written"
        case .batchTooLarge(let count):
            "\(count) audit events were to be sealed at once, \(Sealer.maximumBatch) at most are; seal them in several transactions"
        }
    }
}
