internal import Crypto
internal import Ledger
public import Model
internal import Postgres

/// Something that another node asked of the leader.
public struct LeaderRequest: Sendable, Hashable {
    /// What is asked.
    public enum Kind: String, Sendable, Hashable { case resign }
    /// Its number.
    public var id: Int64
    /// What is asked.
    public var kind: Kind
    /// Who asked.
    public var actor: String
    /// Why, in their own words.
    public var reason: String
    /// The node that shall lead next; nil: whoever is first.
    public var successor: String?
}

extension Store {
    /// Requests that the leader has not carried out yet, oldest first.
    public func openRequests() async throws -> [LeaderRequest] {
        try await self.read(
            "SELECT id, kind, actor, reason, successor FROM muster.request WHERE shard = $1 AND done_at IS NULL ORDER BY id LIMIT 100", [.text(self.shard)]
        ).compactMap { row in
            guard let kind = LeaderRequest.Kind(rawValue: try row["kind"].string()) else { return nil }
            return LeaderRequest(
                id: try row["id"].int(), kind: kind, actor: try row["actor"].string(), reason: try row["reason"].string(),
                successor: try row["successor"].stringOrNil())
        }
    }
}

extension Write {
    /// Asks the leader, whichever node it is, to hand over.
    /// - Parameter successor: the node that shall lead next; nil: whoever is first.
    public func requestResign(reason: String, to successor: String? = nil) async throws -> Int64 {
        let id = try await self.transaction.query(
            "INSERT INTO muster.request (shard, kind, actor, reason, at, successor) VALUES ($1, 'resign', $2, $3, $4, $5) RETURNING id",
            [.text(self.store.shard), .text(self.principal.id), .text(reason), .time(self.at), .optional(successor)]
        ).one()["id"].int()
        self.record(
            .configChanged, severity: .notice, action: .resign, subject: .init(kind: .leader, id: self.store.shard),
            after: .fields(["request": .int(id), "reason": .string(reason), "to": successor.map { .string($0) }]))
        self.configurationChanged()
        return id
    }

    /// The leader carries a request out: notes what comes of it, and that this node hands over.
    /// - Returns: false when that was noted before, or this node is the one that shall lead: there is nothing to hand over.
    public func resign(_ request: LeaderRequest, node: String, epoch: Int64) async throws -> Bool {
        let leadsAlready = request.successor == node
        let rows = try await self.transaction.query(
            "UPDATE muster.request SET done_at = $2, outcome = $3 WHERE id = $1 AND done_at IS NULL RETURNING id",
            [.int(request.id), .time(self.at), .text(leadsAlready ? "\(node) leads already, in epoch \(epoch)" : "resigning epoch \(epoch)")])
        if rows.isEmpty || leadsAlready { return false }
        self.resign(
            node: node, epoch: epoch, because: request.reason, to: request.successor,
            asked: ["request": .int(request.id), "by": .string(request.actor)])
        return true
    }

    /// This node hands over.
    /// - Parameters:
    ///   - successor: the node that shall lead next; nil: whoever is first.
    ///   - asked: what else belongs to it, such as who asked.
    public func resign(node: String, epoch: Int64, because reason: String, to successor: String? = nil, asked: [String: JSON] = [:]) {
        var details = asked.merging(["reason": .string(reason)]) { $1 }
        if let successor { details["to"] = .string(successor) }
        self.recordLeadership(.leaderResigned, node: node, epoch: epoch, details: .object(details))
    }

    /// Makes a token. The secret text is returned once; its hash is stored.
    public func createToken(name: String, role: TokenRecord.Role, expires: WallTime) async throws -> (token: TokenRecord, secret: String) {
        var generator = SystemRandomNumberGenerator()
        func random(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) } }
        guard
            let text = TokenText(
                environment: self.store.cluster, idBytes: random(TokenText.idByteCount), secret: random(TokenText.secretByteCount))
        else { throw StoreError.noRow }
        let token = TokenRecord(
            id: text.id, name: name, role: role, createdBy: self.principal.id, createdAt: self.at, expiresAt: expires, revokedAt: nil)
        self.deferred.append(
            Statement(
                "INSERT INTO muster.token (id, name, role, secret_sha256, created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                [
                    .text(token.id), .text(name), .text(role.rawValue), .bytes(Array(SHA256.hash(data: text.secret))),
                    .text(token.createdBy), .time(self.at), .time(expires),
                ]))
        self.record(
            .tokenCreated, severity: .warning, action: .create, subject: .init(kind: .token, id: token.id),
            after: .object(["name": .string(name), "role": .string(role.rawValue), "expiresAt": expires.json]))
        return (token, text.text)
    }

    /// - Returns: nil when there is no such token.
    /// - Throws: ``StoreConflict/alreadyEnded``.
    public func revokeToken(id: String) async throws -> TokenRecord? {
        let rows = try await self.transaction.query(
            "SELECT id, name, role, created_by, created_at, expires_at, revoked_at FROM muster.token WHERE id = $1 FOR UPDATE", [.text(id)])
        guard var token = try rows.first.map(Store.token(row:)) else { return nil }
        guard token.revokedAt == nil else { throw StoreConflict.alreadyEnded }
        token.revokedAt = self.at
        self.deferred.append(Statement("UPDATE muster.token SET revoked_at = $2 WHERE id = $1", [.text(id), .time(self.at)]))
        self.record(
            .tokenRevoked, severity: .warning, action: .revoke, subject: .init(kind: .token, id: id),
            before: .object(["name": .string(token.name), "role": .string(token.role.rawValue)]))
        return token
    }

    /// Attempts that were refused, counted by the API so that an attacker can't flood the log.
    public func recordDenied(code: String, route: String, attempts: Int, ip: String?) {
        self.record(
            .authDenied, severity: .warning, action: .access, outcome: .init(status: .denied, code: code),
            subject: .init(kind: .route, id: route),
            after: .fields(["attempts": .int(Int64(attempts)), "ip": ip.map { .string($0) }]))
    }

    // MARK: - Idempotency

    /// The answer that an Idempotency-Key was given before.
    public enum Remembered: Sendable, Hashable {
        case answer(status: Int, JSON)
        /// The key was used for something else.
        case reused
    }

    /// How long an answer is remembered.
    static let rememberFor = Duration.seconds(24 * 3600)

    /// Waits for a write with the same key that is under way: the audit tree's row is already ours, so it has ended.
    public func rememberedAnswer(token: String, key: String, route: String, bodySHA256: [UInt8]) async throws -> Remembered? {
        let rows = try await self.transaction.query(
            "SELECT route, body_sha256, status, answer FROM muster.idempotency WHERE token_id = $1 AND key = $2 AND at > $3",
            [.text(token), .text(key), .time(self.at - Self.rememberFor)])
        guard let row = rows.first else { return nil }
        guard try row["route"].string() == route, try row["body_sha256"].bytes() == bodySHA256 else { return .reused }
        return .answer(status: Int(try row["status"].int()), try row["answer"].parsedJSON())
    }

    /// Remembers the answer in this very transaction, and drops a bounded number of those that are too old.
    public func remember(token: String, key: String, route: String, bodySHA256: [UInt8], status: Int, answer: JSON) {
        self.deferred.append(
            Statement(
                """
                INSERT INTO muster.idempotency (token_id, key, route, body_sha256, status, answer, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
                ON CONFLICT (token_id, key) DO UPDATE SET route = excluded.route, body_sha256 = excluded.body_sha256, status = excluded.status,
                    answer = excluded.answer, at = excluded.at
                """,
                [
                    .text(token), .text(key), .text(route), .bytes(bodySHA256), .int(Int64(status)), .text(answer.text), .time(self.at),
                ]))
        self.deferred.append(
            Statement(
                "DELETE FROM muster.idempotency WHERE ctid IN (SELECT ctid FROM muster.idempotency WHERE at < $1 ORDER BY at LIMIT 100)",
                [.time(self.at - Self.rememberFor)]))
    }
}
