internal import Ledger
public import Manifests
public import Model
internal import Postgres

extension Store {
    private static let columns = "kind, name, version, sha256, body, actor, at, seq"

    /// What is in force, in the order of kinds and names.
    public func manifests(kind: Manifest.Kind? = nil) async throws -> [StoredManifest] { try await self.run(self.manifestsRead(kind)) }

    func manifestsRead(_ kind: Manifest.Kind? = nil) -> Read<[StoredManifest]> {
        Read("SELECT \(Self.columns) FROM muster.manifest WHERE body IS NOT NULL AND ($1::text IS NULL OR kind = $1)", [.optional(kind?.rawValue)]) {
            try $0.map(Self.manifest(row:)).sorted { $0.reference < $1.reference }
        }
    }

    /// The version in force, or the one asked for; nil when there is none.
    public func manifest(_ reference: Manifest.Reference, version: Int? = nil) async throws -> StoredManifest? {
        let rows = try await self.read(
            """
            SELECT \(Self.columns) FROM muster.manifest_version WHERE kind = $1 AND name = $2 AND ($3::int IS NULL OR version = $3)
            ORDER BY version DESC LIMIT 1
            """, [.text(reference.kind.rawValue), .text(reference.name), .optional(version)])
        guard let stored = try rows.first.map(Self.manifest(row:)) else { return nil }
        return version == nil && stored.manifest == nil ? nil : stored
    }

    /// All versions, newest first.
    public func versions(_ reference: Manifest.Reference) async throws -> [StoredManifest] {
        try await self.read(
            "SELECT \(Self.columns) FROM muster.manifest_version WHERE kind = $1 AND name = $2 ORDER BY version DESC",
            [.text(reference.kind.rawValue), .text(reference.name)]
        ).map(Self.manifest(row:))
    }

    static func manifest(row: Row) throws -> StoredManifest {
        let name = try row["name"].string()
        let kindName = try row["kind"].string()
        guard let kind = Manifest.Kind(rawValue: kindName) else {
            throw StoreError.unreadable(what: "the manifest \(kindName)/\(name)", why: "its kind is unknown")
        }
        let canonical = row["body"].isNull ? nil : try row["body"].parsedJSON()
        let manifest: Manifest?
        do { manifest = try canonical.map { try Manifest(canonical: $0) } } catch {
            throw StoreError.unreadable(what: "the manifest \(kindName)/\(name)", why: "\(error)")
        }
        return StoredManifest(
            reference: Manifest.Reference(kind: kind, name: name), version: Int(try row["version"].int()), sha256: try row["sha256"].string(),
            manifest: manifest, canonical: canonical, actor: try row["actor"].string(), at: try row["at"].wallTime(), seq: try row["seq"].int())
    }
}

extension Write {
    /// Puts documents in force, all or none. A document whose meaning is already in force changes nothing and gets no version.
    ///
    /// - Parameter expected: the versions that the caller saw; 0 for "there is none".
    /// - Throws: ``StoreConflict/version(expected:current:)``.
    public func apply(_ documents: [ParsedManifest], expected: [Manifest.Reference: Int] = [:]) async throws -> [AppliedManifest] {
        var applied: [AppliedManifest] = []
        for document in documents.sorted(by: { $0.manifest.reference < $1.manifest.reference }) {
            let reference = document.manifest.reference
            let (current, newest) = try await self.current(reference)
            try Self.check(expected[reference], against: current)
            if let current, current.sha256 == document.sha256 {
                applied.append(
                    AppliedManifest(
                        reference: reference, version: current.version, changed: false, seq: nil, before: current.canonical, after: document.canonical))
                continue
            }
            let version = newest + 1
            let seq = self.record(
                .manifest(reference.kind, current == nil ? .created : .updated), severity: .notice, action: current == nil ? .create : .update,
                subject: .init(kind: reference.kind.subject, id: reference.name, version: version), before: current?.canonical,
                after: .object(["manifest": document.canonical, "sha256": .string(document.sha256)]))
            self.insert(reference, version: version, sha256: document.sha256, body: document.canonical.text, seq: seq)
            applied.append(
                AppliedManifest(
                    reference: reference, version: version, changed: true, seq: seq, before: current?.canonical, after: document.canonical))
        }
        return applied
    }

    /// Takes a manifest out of force. Its versions stay.
    /// - Returns: nil when there was none.
    public func delete(_ reference: Manifest.Reference, expected: Int? = nil) async throws -> AppliedManifest? {
        let (current, newest) = try await self.current(reference)
        guard let current, let canonical = current.canonical else { return nil }
        try Self.check(expected, against: current)
        let seq = self.record(
            .manifest(reference.kind, .deleted), severity: .warning, action: .delete,
            subject: .init(kind: reference.kind.subject, id: reference.name, version: newest + 1), before: canonical)
        self.insert(reference, version: newest + 1, sha256: "", body: nil, seq: seq)
        return AppliedManifest(reference: reference, version: newest + 1, changed: true, seq: seq, before: canonical, after: .null)
    }

    private static func check(_ expected: Int?, against current: StoredManifest?) throws {
        if let expected, expected != current?.version ?? 0 { throw StoreConflict.version(expected: expected, current: current) }
    }

    /// What is in force, and the newest version number, which may be that of a deletion.
    private func current(_ reference: Manifest.Reference) async throws -> (current: StoredManifest?, newest: Int) {
        let rows = try await self.transaction.query(
            """
            SELECT kind, name, version, sha256, body, actor, at, seq FROM muster.manifest_version
            WHERE kind = $1 AND name = $2 ORDER BY version DESC LIMIT 1
            """, [.text(reference.kind.rawValue), .text(reference.name)])
        guard let newest = try rows.first.map(Store.manifest(row:)) else { return (nil, 0) }
        return (newest.manifest == nil ? nil : newest, newest.version)
    }

    private func insert(_ reference: Manifest.Reference, version: Int, sha256: String, body: String?, seq: Int64) {
        self.deferred.append(
            Statement(
                "INSERT INTO muster.manifest_version (kind, name, version, sha256, body, actor, at, seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                [
                    .text(reference.kind.rawValue), .text(reference.name), .int(Int64(version)), .text(sha256), .optional(body),
                    .text(self.principal.id), .time(self.at), .int(seq),
                ]))
        self.configurationChanged()
    }
}

extension Manifest.Kind {
    var subject: EventDraft.Subject.Kind {
        switch self {
        case .region: .region
        case .connection: .connection
        case .service: .service
        case .policy: .policy
        case .budget: .budget
        }
    }
}
