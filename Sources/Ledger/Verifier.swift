import Model

/// Checks a log from its first event on, row by row, in bounded memory.
///
/// Feed ``check(_:)`` every row in order of `seq`, read in the same snapshot as the head, then ask ``verdict(head:)``.
/// The leaf is the evidence. For each row: the leaf hashes to its `leaf_hash`; it is canonical and of the known schema; every column repeats it;
/// numbers, times and epochs go on from the row before; intents and outcomes match. At the end the tree over all leaves is the head's.
///
/// It can't tell a log that was rewritten as a whole, head included, from an honest one: that takes a head kept elsewhere.
public struct Verifier: Sendable {
    /// What the rows and the head say of the log together.
    public enum Verdict: Sendable, Hashable {
        case ok(size: Int64, root: Digest)
        /// `firstBadSeq` is nil when only the whole does not add up: the tree says that some leaf is not the one that was sealed, not which.
        case tampered(firstBadSeq: Int64?, reason: String)
        /// Nothing is known to be wrong, and not everything could be judged.
        case incomplete(reason: String)
    }

    /// Rows that were found good.
    public var checked: Int64 { self.frontier.size }

    private var frontier = Frontier()
    private var order = LogOrder()
    private var integratedAt: WallTime?
    /// The text of `integratedAt`: all events of a batch share it, so it is read once.
    private var integratedAtText: [UInt8] = []
    private var epoch: Int64 = 0
    private var tampered: (seq: Int64, reason: String)?

    /// Before the first row.
    public init() {}

    /// Checks the next row.
    ///
    /// - Returns: false when the log is known to be tampered with: further rows would change nothing.
    @discardableResult
    public mutating func check(_ event: StoredEvent) -> Bool {
        guard self.tampered == nil else { return false }
        if let reason = self.objection(to: event) {
            self.tampered = (self.checked, reason)
            return false
        }
        return true
    }

    /// What is to be said of the log, given the head as stored; nil when there is none.
    public func verdict(head: StoredHead?) -> Verdict {
        if let tampered { return .tampered(firstBadSeq: tampered.seq, reason: tampered.reason) }
        guard let head else { return .incomplete(reason: "there is no head to compare the log with") }
        let size = self.frontier.size
        if head.size > size {
            return .tampered(firstBadSeq: size, reason: "the head says that there are \(head.size) events, and only \(size) are there")
        }
        if head.size < size {
            return .tampered(
                firstBadSeq: max(0, head.size), reason: "there are \(size) events, and the head says that there are \(head.size)")
        }
        let root = self.frontier.root
        guard head.root == root.bytes else {
            return .tampered(
                firstBadSeq: nil, reason: "the tree over the leaves has another root than the head: a leaf and its hash were replaced, or the head was")
        }
        guard head.frontier == self.frontier.bytes else {
            return .tampered(firstBadSeq: nil, reason: "the head's frontier is not that of the leaves")
        }
        guard head.epoch >= self.epoch, self.integratedAt == nil || head.integratedAt == self.integratedAt else {
            return .tampered(firstBadSeq: nil, reason: "the head's epoch or time is not that of the newest event")
        }
        if let limitation = self.order.limitation { return .incomplete(reason: limitation) }
        return .ok(size: size, root: root)
    }

    // MARK: One row

    private mutating func objection(to event: StoredEvent) -> String? {
        let expected = self.frontier.size
        guard event.seq == expected else {
            return event.seq > expected
                ? "event \(expected) is missing: the next one there is \(event.seq)"
                : "event \(event.seq) stands where \(expected) should be: it is there twice or out of order"
        }
        guard event.leaf.count <= LeafFormat.maximumBytes else { return "its leaf is longer than a leaf can be" }
        let hash = TreeHash.leaf(event.leaf)
        guard hash.bytes == event.leafHash else { return "its leaf does not hash to its leaf_hash" }
        let fields: LeafFields
        do throws(LeafFault) {
            fields = try LeafFields(event.leaf)
        } catch {
            guard let schema = LeafFields.foreignSchema(of: event.leaf) else {
                return "its leaf \(error.message) (at byte \(error.offset))"
            }
            self.order.suspend("event \(expected) is of the schema “\(schema)”, which this version does not know; verify with a newer one")
            self.frontier.append(hash)
            return nil
        }
        if let unknown = fields.unknown {
            self.order.limit("event \(expected) holds \(unknown), which this version does not know; verify with a newer one")
        }
        if let reason = self.columnObjection(event, fields) ?? self.order.objection(to: fields) { return reason }
        self.frontier.append(hash)
        return nil
    }

    /// Compares the columns with the leaf, and time and epoch with the event before.
    private mutating func columnObjection(_ event: StoredEvent, _ fields: LeafFields) -> String? {
        guard fields.seq == event.seq else { return "its leaf is that of event \(fields.seq)" }
        guard fields.epoch == event.epoch else { return Self.differs("epoch") }
        guard fields.equals(.id, event.id) else { return Self.differs("id") }
        guard fields.equals(.type, event.type) else { return Self.differs("type") }
        guard fields.equals(.severity, event.severity) else { return Self.differs("severity") }
        guard fields.equals(.actorID, event.actorID) else { return Self.differs("actor_id") }
        guard fields.equals(.subjectID, event.subjectID) else { return Self.differs("subject_id") }
        guard event.decisionID.map({ fields.equals(.decisionID, $0) }) ?? !fields.has(.decisionID) else {
            return Self.differs("decision_id")
        }
        let text = fields.raw(.integratedAt)
        var time = self.integratedAt
        if time == nil || !text.elementsEqual(self.integratedAtText) {
            time = WallTime(rfc3339: String(decoding: text, as: UTF8.self))
            self.integratedAtText = Array(text)
        }
        guard let time, time == event.integratedAt else { return Self.differs("integrated_at") }
        if let previous = self.integratedAt, time < previous { return "its integrated_at is before that of the event before it" }
        guard fields.epoch >= self.epoch else { return "its epoch \(fields.epoch) is below that of the event before it, \(self.epoch)" }
        self.integratedAt = time
        self.epoch = fields.epoch
        return nil
    }

    private static func differs(_ column: String) -> String { "its column \(column) is not what its leaf says" }
}
