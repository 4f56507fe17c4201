internal import Ledger
internal import Model
internal import Postgres

/// What the first `cluster init` leaves behind.
public struct Bootstrap: Sendable, Hashable {
    /// The first admin token, shown once; nil when the cluster has tokens already.
    public var adminToken: String?
    /// Whether the audit log was opened now.
    public var openedLog: Bool
}

extension Store {
    /// The first token's life: long enough to set the cluster up and make others, short enough not to be forgotten in a file.
    static let firstTokenLifetime = Duration.seconds(90 * 86_400)

    /// Opens the audit log and makes the first admin token. What exists already is left as it is.
    public func bootstrap(version: String) async throws -> Bootstrap {
        let empty = TreeState(origin: self.origin)
        _ = try await self.read(
            """
            INSERT INTO muster.audit_tree (origin, size, root, frontier, epoch, integrated_at) VALUES ($1, 0, $2, $3, 0, $4)
            ON CONFLICT (origin) DO NOTHING
            """,
            [.text(self.origin), .bytes(empty.root.bytes), .bytes(empty.frontier.bytes), .time(empty.integratedAt)])
        let system = Principal(kind: .system, id: "cluster-init", authentication: .internal)
        return try await self.write(as: system) { write in
            let isNew = write.nextSeq == 0
            if isNew {
                write.record(
                    .logOpened, severity: .notice, action: .open, subject: .init(kind: .log, id: self.origin),
                    after: .object(["version": .string(version), "schema": .int(Int64(Schema.version))]))
            }
            let hasTokens = try await write.transaction.query("SELECT FROM muster.token LIMIT 1").count > 0
            if hasTokens { return Bootstrap(adminToken: nil, openedLog: isNew) }
            let (_, secret) = try await write.createToken(name: "first-admin", role: .admin, expires: write.at + Self.firstTokenLifetime)
            return Bootstrap(adminToken: secret, openedLog: isNew)
        }
    }
}
