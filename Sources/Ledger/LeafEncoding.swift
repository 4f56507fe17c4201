import Model

/// The leaf of one event, and the values in it that the database keeps in columns of their own.
struct EncodedLeaf {
    var bytes: [UInt8]
    var actorID: String
    var subjectID: String
    var decisionID: String?

    /// The place in the log that the leader gives to an event.
    struct Place {
        var seq: Int64
        var epoch: Epoch
        var leader: String
        /// Already as text: it is the same for a whole batch.
        var integratedAt: String
    }

    /// Names of the fields that hold the caller's documents.
    static let attachmentNames = ["before", "after", "decision", "cause"]

    init(_ draft: EventDraft, id: String, at place: Place) {
        var text = LeafText()
        let actorID = text.identifier(draft.actor.id)
        let subjectID = text.identifier(draft.subject.id)
        let decisionID = draft.correlation.decisionID.map { text.identifier($0) }
        var fields: [String: JSON?] = [
            "schema": .string(LeafFormat.schema),
            "seq": .int(place.seq),
            "integrated_at": .string(place.integratedAt),
            "epoch": .string(place.epoch.description),
            "leader": .string(text.identifier(place.leader)),
            "id": .string(id),
            "type": .string(draft.type.rawValue),
            "severity": .string(draft.severity.rawValue),
            "occurred_at": .string(draft.occurredAt.rfc3339(fractionDigits: 6)),
            "origin": Self.origin(draft.origin, &text),
            "actor": Self.actor(draft.actor, id: actorID, &text),
            "action": .string(draft.action.rawValue),
            "outcome": Self.outcome(draft.outcome, &text),
            "subject": .fields([
                "kind": .string(draft.subject.kind.rawValue), "id": .string(subjectID),
                "version": draft.subject.version.map { LeafText.integer(Int64($0)) },
            ]),
            "correlation": Self.correlation(draft.correlation, decisionID: decisionID, &text),
        ]
        let reverts = text.reverts(draft.reverts)
        if !reverts.isEmpty { fields["reverts"] = .array(reverts.map(LeafText.integer)) }

        self.bytes = Self.fit(fields, attachments: Self.attachments(of: draft, &text), truncated: text.truncated)
        self.actorID = actorID
        self.subjectID = subjectID
        self.decisionID = decisionID
    }

    private struct Attachment {
        var name: String
        var value: JSON
        var bytes: Int
    }

    private static func attachments(of draft: EventDraft, _ text: inout LeafText) -> [Attachment] {
        var attachments: [Attachment] = []
        for (name, document) in zip(Self.attachmentNames, [draft.before, draft.after, draft.decision, draft.cause]) {
            guard let document else { continue }
            let (value, bytes) = text.attachment(document)
            attachments.append(Attachment(name: name, value: value, bytes: bytes))
        }
        return attachments
    }

    /// The canonical bytes; while they are too long, the largest attachment gives way to a reference. Without attachments every leaf fits:
    /// all other fields are bounded, and their sum is less than half of the limit.
    private static func fit(_ fields: [String: JSON?], attachments: [Attachment], truncated: Bool) -> [UInt8] {
        var fields = fields
        var attachments = attachments.sorted { $0.bytes > $1.bytes }
        for attachment in attachments { fields[attachment.name] = attachment.value }
        if truncated { fields["truncated"] = .bool(true) }
        var bytes = JSON.fields(fields).canonical()
        while bytes.count > LeafFormat.maximumBytes, !attachments.isEmpty {
            let largest = attachments.removeFirst()
            fields[largest.name] = LeafText.reference(largest.value.canonical())
            fields["truncated"] = .bool(true)
            bytes = JSON.fields(fields).canonical()
        }
        return bytes
    }

    private static func origin(_ origin: EventDraft.Origin, _ text: inout LeafText) -> JSON {
        [
            "node": .string(text.identifier(origin.node)), "boot_id": .string(text.identifier(origin.bootID)),
            "nseq": LeafText.integer(origin.nseq),
        ]
    }

    private static func actor(_ actor: EventDraft.Actor, id: String, _ text: inout LeafText) -> JSON {
        .fields([
            "kind": .string(actor.kind.rawValue), "id": .string(id), "auth": .string(actor.auth.rawValue),
            "session": actor.session.map { .string(text.identifier($0)) },
            "ip": actor.ip.map { .string(text.identifier($0)) },
        ])
    }

    private static func outcome(_ outcome: EventDraft.Outcome, _ text: inout LeafText) -> JSON {
        .fields([
            "status": .string(outcome.status.rawValue),
            "code": outcome.code.map { .string(text.identifier($0)) },
            "reason": outcome.reason.map { .string(text.text($0)) },
            "latency_us": outcome.latency.map { LeafText.integer($0.microseconds) },
        ])
    }

    /// nil when there is nothing in it: an empty object would say nothing.
    private static func correlation(
        _ correlation: EventDraft.Correlation, decisionID: String?, _ text: inout LeafText
    ) -> JSON? {
        let fields: [String: JSON?] = [
            "trace_id": correlation.traceID.map { .string(text.identifier($0)) },
            "request_id": correlation.requestID.map { .string(text.identifier($0)) },
            "parent_id": correlation.parentID.map { .string(text.identifier($0)) },
            "decision_id": decisionID.map { .string($0) },
        ]
        let known = fields.compactMapValues { $0 }
        return known.isEmpty ? nil : .object(known)
    }
}
