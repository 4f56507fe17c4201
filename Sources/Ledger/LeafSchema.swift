import Model

/// The fields of `audit.v1`, as one table: what the verifier knows of a leaf's shape.
///
/// A field or a word of a closed list that is not in it was written by a newer version: the leaf is then not judged, rather than accused.
struct LeafSchema: Sendable {
    indirect enum Shape: Sendable {
        case text
        /// RFC 3339, UTC, six fraction digits.
        case time
        case uuid
        case integer(ClosedRange<Int64>)
        /// A non-negative integer as a string.
        case digits
        case choice([[UInt8]])
        case yes
        /// A list of earlier events.
        case seqs
        /// Whatever the caller put there.
        case document
        case object([Field])
    }

    struct Field: Sendable {
        var name: [UInt8]
        var shape: Shape
        var required: Bool
        /// Where the verifier keeps the value.
        var slot: Slot?
    }

    enum Slot: Int, Sendable, CaseIterable {
        case seq, integratedAt, epoch, id, type, severity, actorID, subjectID, decisionID, node, bootID, nseq
    }

    static let v1: [Field] = Self.fields([
        .required("schema", .choice([Array(LeafFormat.schema.utf8)])),
        .required("seq", .integer(0...LeafFormat.maximumInteger), .seq),
        .required("integrated_at", .time, .integratedAt),
        .required("epoch", .digits, .epoch),
        .required("leader", .text),
        .required("id", .uuid, .id),
        .required("type", Self.choice(of: EventType.self), .type),
        .required("severity", Self.choice(of: Severity.self), .severity),
        .required("occurred_at", .time),
        .required(
            "origin",
            .object(
                Self.fields([
                    .required("node", .text, .node), .required("boot_id", .text, .bootID),
                    .required("nseq", .integer(0...LeafFormat.maximumInteger), .nseq),
                ]))),
        .required(
            "actor",
            .object(
                Self.fields([
                    .required("kind", Self.choice(of: EventDraft.Actor.Kind.self)), .required("id", .text, .actorID),
                    .required("auth", Self.choice(of: EventDraft.Actor.Authentication.self)),
                    .optional("session", .text), .optional("ip", .text),
                ]))),
        .required("action", Self.choice(of: EventDraft.Action.self)),
        .required(
            "outcome",
            .object(
                Self.fields([
                    .required("status", Self.choice(of: EventDraft.Outcome.Status.self)),
                    .optional("code", .text), .optional("reason", .text), .optional("latency_us", Self.anyInteger),
                ]))),
        .required(
            "subject",
            .object(
                Self.fields([
                    .required("kind", Self.choice(of: EventDraft.Subject.Kind.self)),
                    .required("id", .text, .subjectID), .optional("version", Self.anyInteger),
                ]))),
        .optional("before", .document), .optional("after", .document), .optional("decision", .document),
        .optional("cause", .document),
        .optional(
            "correlation",
            .object(
                Self.fields([
                    .optional("trace_id", .text), .optional("request_id", .text), .optional("parent_id", .text),
                    .optional("decision_id", .text, .decisionID),
                ]))),
        .optional("reverts", .seqs),
        .optional("truncated", .yes),
    ])

    private static let anyInteger = Shape.integer(-LeafFormat.maximumInteger...LeafFormat.maximumInteger)

    private static func choice<Choice: CaseIterable & RawRepresentable>(of type: Choice.Type) -> Shape
    where Choice.RawValue == String {
        .choice(Choice.allCases.map { Array($0.rawValue.utf8) })
    }

    /// In the order of the leaf. All names are ASCII, whose order is the same in bytes and in UTF-16.
    private static func fields(_ fields: [Field]) -> [Field] {
        fields.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}

extension LeafSchema.Field {
    static func required(_ name: String, _ shape: LeafSchema.Shape, _ slot: LeafSchema.Slot? = nil) -> Self {
        Self(name: Array(name.utf8), shape: shape, required: true, slot: slot)
    }
    static func optional(_ name: String, _ shape: LeafSchema.Shape, _ slot: LeafSchema.Slot? = nil) -> Self {
        Self(name: Array(name.utf8), shape: shape, required: false, slot: slot)
    }
}
