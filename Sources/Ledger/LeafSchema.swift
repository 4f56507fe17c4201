import Model

/// The fields of `audit.v1`, as one table: what the verifier knows of a leaf's shape.
///
/// A field or a word of a closed list that is not in it was written by a newer version: the leaf is then not judged, rather than accused.
struct LeafSchema: Sendable {
    enum Shape: Sendable {
        case text
        /// RFC 3339, UTC, six fraction digits.
        case time
        case uuid
        case integer(ClosedRange<Int64>)
        /// A non-negative integer as a string.
        case digits
        case choice([Word])
        case yes
        /// A list of earlier events.
        case seqs
        /// Whatever the caller put there.
        case document
        case object([Field])
    }

    /// A class, since it is passed around for each field of each leaf, and its parts are costly to copy.
    final class Field: Sendable {
        let name: Word
        let shape: Shape
        let required: Bool
        /// Where the verifier keeps the value.
        let slot: Slot?

        init(_ name: String, _ shape: Shape, required: Bool, slot: Slot?) {
            self.name = Word(Array(name.utf8)[...])
            self.shape = shape
            self.required = required
            self.slot = slot
        }
    }

    enum Slot: Int, Sendable, CaseIterable {
        case seq, integratedAt, epoch, id, type, severity, actorID, subjectID, decisionID, node, bootID, nseq
    }

    static let v1: [Field] = Self.fields([
        .required("schema", .choice([Word(LeafFormat.schema)])),
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
        .choice(Choice.allCases.map { Word($0.rawValue) })
    }

    /// In the order of the leaf. All names are ASCII, whose order is the same in bytes and in UTF-16.
    private static func fields(_ fields: [Field]) -> [Field] {
        fields.sorted { $0.name < $1.name }
    }
}

extension LeafSchema.Field {
    static func required(_ name: String, _ shape: LeafSchema.Shape, _ slot: LeafSchema.Slot? = nil) -> LeafSchema.Field {
        LeafSchema.Field(name, shape, required: true, slot: slot)
    }
    static func optional(_ name: String, _ shape: LeafSchema.Shape, _ slot: LeafSchema.Slot? = nil) -> LeafSchema.Field {
        LeafSchema.Field(name, shape, required: false, slot: slot)
    }
}

/// A name or a word of a closed list in two machine words, so that a comparison is one instruction or two rather than a loop.
///
/// All words of the schema have at most 32 bytes; of a longer one the start is kept, which equals none of them.
struct Word: Hashable, Comparable, Sendable, CustomStringConvertible {
    private var high: UInt128 = 0
    private var low: UInt128 = 0
    private var isCut = false

    init(_ text: String) { self.init(Array(text.utf8)[...]) }

    init(_ bytes: ArraySlice<UInt8>) {
        // Missing bytes count as zero, which no JSON text holds: a word sorts before every longer one that begins with it.
        var place = 0
        for byte in bytes.prefix(32) {
            if place < 16 {
                self.high |= UInt128(byte) << UInt128(120 - 8 * place)
            } else {
                self.low |= UInt128(byte) << UInt128(120 - 8 * (place - 16))
            }
            place += 1
        }
        self.isCut = bytes.count > 32
    }

    static func < (left: Word, right: Word) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    var description: String {
        let bytes = [self.high, self.low].flatMap { half in (0..<16).map { UInt8(truncatingIfNeeded: half >> UInt128(120 - 8 * $0)) } }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
