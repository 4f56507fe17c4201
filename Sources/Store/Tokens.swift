internal import Crypto
internal import Model
internal import Postgres

extension Store {
    /// The token that these credentials prove; nil alike for an unknown, revoked or expired one and for a wrong secret.
    public func authenticate(tokenID: String, secretSHA256: [UInt8]) async throws -> TokenRecord? {
        let rows = try await self.read(
            """
            SELECT id, name, role, created_by, created_at, expires_at, revoked_at, secret_sha256 FROM muster.token
            WHERE id = $1 AND revoked_at IS NULL AND expires_at > clock_timestamp()
            """, [.text(tokenID)])
        guard let row = rows.first else { return nil }
        // In constant time: comparing digests byte by byte would tell how many bytes were right.
        let stored = try row["secret_sha256"].bytes()
        guard stored.count == secretSHA256.count, zip(stored, secretSHA256).reduce(0 as UInt8, { $0 | ($1.0 ^ $1.1) }) == 0 else { return nil }
        return try Self.token(row: row)
    }

    /// All tokens, also those that count no longer, oldest first.
    public func tokens() async throws -> [TokenRecord] {
        try await self.read("SELECT id, name, role, created_by, created_at, expires_at, revoked_at FROM muster.token ORDER BY created_at, id")
            .map(Self.token(row:))
    }

    static func token(row: Row) throws -> TokenRecord {
        let role = try row["role"].string()
        guard let known = TokenRecord.Role(rawValue: role) else { throw StoreError.unreadable(what: "a token’s role", why: "“\(role)” is unknown") }
        return TokenRecord(
            id: try row["id"].string(), name: try row["name"].string(), role: known, createdBy: try row["created_by"].string(),
            createdAt: try row["created_at"].wallTime(), expiresAt: try row["expires_at"].wallTime(), revokedAt: try row["revoked_at"].wallTimeOrNil())
    }
}
