public import Model

/// An event with its place in the log.
public struct SealedEvent: Sendable, Hashable {
    /// Index in the tree, 0-based.
    public let seq: Int64
    /// The exact bytes that were hashed.
    public let leaf: [UInt8]
    /// ``TreeHash/leaf(_:)`` of ``leaf``: what the tree is made of.
    public let leafHash: Digest
    /// The draft's, in lower case.
    public let id: String
    /// As in the leaf; a column of its own, by which events are found.
    public let type: EventType
    /// As in the leaf; a column of its own, by which events are found.
    public let severity: Severity
    /// ``EventDraft/Actor/id`` in the form that the leaf has of it.
    public let actorID: String
    /// ``EventDraft/Subject/id`` in the form that the leaf has of it.
    public let subjectID: String
    /// ``EventDraft/Correlation/decisionID``; nil when the event is about no decision.
    public let decisionID: String?
    /// When it got its place, by the database's clock; never before the event in front of it.
    public let integratedAt: WallTime
    /// Of the leader that gave it its place.
    public let epoch: Epoch
}

/// Gives events their place in the log. Pure: what it returns counts once the transaction that holds it has committed.
public enum Sealer {
    /// Most events in one call: one transaction should not hold the log longer than a moment.
    public static let maximumBatch = 10_000

    /// Seals `drafts` in their order onto `state`.
    ///
    /// All of them get the same time: `now`, or that of the newest event when the clock went back.
    ///
    /// - Parameters:
    ///   - epoch: the leader's, not below that of `state`.
    ///   - leader: the node that integrates.
    ///   - now: the database's clock in the transaction that writes the result.
    /// - Returns: the sealed events and the head after them; `state` itself when there are no drafts.
    /// - Throws: ``LedgerError``; nothing was sealed then.
    public static func seal(
        _ drafts: [EventDraft], onto state: TreeState, epoch: Epoch, leader: String, now: WallTime
    ) throws(LedgerError) -> (events: [SealedEvent], state: TreeState) {
        guard !drafts.isEmpty else { return ([], state) }
        guard drafts.count <= Self.maximumBatch else { throw .batchTooLarge(count: drafts.count) }
        guard epoch >= state.epoch else { throw .staleEpoch(epoch, newest: state.epoch) }
        let integratedAt = max(now, state.integratedAt)
        let timestamp = integratedAt.rfc3339(fractionDigits: 6)
        var frontier = state.frontier
        var events: [SealedEvent] = []
        events.reserveCapacity(drafts.count)
        for draft in drafts {
            // UUIDs are compared as text by the verifier, and the database writes them in lower case.
            let id = draft.id.lowercased()
            guard UUIDText.isValid(id) else { throw .malformedID(draft.id) }
            let seq = frontier.size
            let encoded = EncodedLeaf(
                draft, id: id, at: EncodedLeaf.Place(seq: seq, epoch: epoch, leader: leader, integratedAt: timestamp))
            let leafHash = TreeHash.leaf(encoded.bytes)
            frontier.append(leafHash)
            events.append(
                SealedEvent(
                    seq: seq, leaf: encoded.bytes, leafHash: leafHash, id: id, type: draft.type, severity: draft.severity,
                    actorID: encoded.actorID, subjectID: encoded.subjectID, decisionID: encoded.decisionID,
                    integratedAt: integratedAt, epoch: epoch))
        }
        let next = TreeState(
            origin: state.origin, frontier: frontier, root: frontier.root, epoch: epoch, integratedAt: integratedAt)
        return (events, next)
    }
}

/// RFC 9562 text: 8-4-4-4-12 lower-case hexadecimal digits.
enum UUIDText {
    static func isValid(_ text: String) -> Bool {
        Self.value(of: text.utf8) != nil
    }

    /// The 128 bits; nil when the text is not a UUID in lower case.
    static func value(of text: some Collection<UInt8>) -> UInt128? {
        guard text.count == 36 else { return nil }
        var value: UInt128 = 0
        for (offset, byte) in text.enumerated() {
            if offset == 8 || offset == 13 || offset == 18 || offset == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt128(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt128(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
