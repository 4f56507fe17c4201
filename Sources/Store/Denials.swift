internal import Ledger
public import Model
internal import Postgres

/// What no node accepts from another any more.
public struct DenialRecord: Sendable, Hashable {
    /// A certificate, or a name.
    public enum What: Sendable, Hashable {
        /// One certificate; lower-case hex without colons and leading zeros.
        case serial(String)
        /// Every certificate that carries that name.
        case node(String)

        /// The serial number, when it is one certificate's.
        public var serial: String? { if case .serial(let serial) = self { serial } else { nil } }
        /// The name, when it is every certificate's of a name.
        public var node: String? { if case .node(let node) = self { node } else { nil } }
    }
    /// Its number.
    public var id: Int64
    /// What is denied.
    public var what: What
    /// Who denied it.
    public var actor: String
    /// Why, in their own words.
    public var reason: String
    /// When, by the database's clock.
    public var at: WallTime

    public init(id: Int64, what: What, actor: String, reason: String, at: WallTime) {
        self.id = id
        self.what = what
        self.actor = actor
        self.reason = reason
        self.at = at
    }
}

extension DenialRecord.What {
    fileprivate var kind: String { self.serial == nil ? "node" : "serial" }
    fileprivate var value: String {
        switch self {
        case .serial(let text), .node(let text): text
        }
    }
    fileprivate var subject: EventDraft.Subject {
        switch self {
        case .serial(let serial): .init(kind: .key, id: serial)
        case .node(let node): .init(kind: .node, id: node)
        }
    }
}

extension Store {
    private static let denialColumns = "id, kind, value, actor, reason, at"

    /// The deny-list, oldest first.
    public func denials() async throws -> [DenialRecord] {
        try await self.read("SELECT \(Self.denialColumns) FROM muster.denial ORDER BY id").map(Self.denial(row:))
    }

    fileprivate static func denial(row: Row) throws -> DenialRecord {
        let kind = try row["kind"].string(), value = try row["value"].string()
        let what: DenialRecord.What =
            switch kind {
            case "serial": .serial(value)
            case "node": .node(value)
            default: throw StoreError.unreadable(what: "an entry of the deny-list", why: "its kind is “\(kind)”")
            }
        return DenialRecord(
            id: try row["id"].int(), what: what, actor: try row["actor"].string(), reason: try row["reason"].string(), at: try row["at"].wallTime())
    }
}

extension Write {
    /// Puts it on the deny-list.
    /// - Parameter limit: entries that the list may have.
    /// - Returns: nil when the list is full.
    /// - Throws: ``StoreConflict/alreadyEnded`` when it is on the list.
    public func deny(_ what: DenialRecord.What, reason: String, limit: Int) async throws -> DenialRecord? {
        // Writes come one after the other, so that the count can't be overtaken.
        let count = try await self.transaction.query("SELECT count(*) AS count FROM muster.denial").one()["count"].int()
        guard count < limit else { return nil }
        let rows = try await self.transaction.query(
            """
            INSERT INTO muster.denial (kind, value, actor, reason, at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (kind, value) DO NOTHING RETURNING id, kind, value, actor, reason, at
            """, [.text(what.kind), .text(what.value), .text(self.principal.id), .text(reason), .time(self.at)])
        guard let row = rows.first else { throw StoreConflict.alreadyEnded }
        let denial = try Store.denial(row: row)
        self.record(
            .certificateDenied, severity: .warning, action: .revoke, subject: what.subject,
            after: .object(["denial": .int(denial.id), "reason": .string(reason)]))
        return denial
    }

    /// Takes it off the deny-list.
    /// - Returns: what it was; nil when there is no such entry.
    public func allow(_ id: Int64) async throws -> DenialRecord? {
        let rows = try await self.transaction.query("DELETE FROM muster.denial WHERE id = $1 RETURNING id, kind, value, actor, reason, at", [.int(id)])
        guard let denial = try rows.first.map(Store.denial(row:)) else { return nil }
        self.record(
            .certificateAllowed, severity: .warning, action: .approve, subject: denial.what.subject,
            before: .object(["denial": .int(denial.id), "reason": .string(denial.reason), "by": .string(denial.actor), "since": denial.at.json]))
        return denial
    }
}
