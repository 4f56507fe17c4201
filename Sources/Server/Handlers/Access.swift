import HTTPTypes
import Model
import Store

/// Tokens. A secret leaves this file once, in the answer to the request that made it.
extension API {
    func tokens(_ call: Call) async throws -> Answer {
        let tokens = try await self.store.tokens()
        return try Page(tokens.map { ($0.id, $0.json) }, call: call).answer(call)
    }

    func createToken(_ call: Call) async throws -> Answer {
        let name = try call.body.text("name", length: 1...ManifestName.maximumLength)
        if let objection = ManifestName.objection(to: name) { throw Fields.fault("name", "invalid-name", objection) }
        let role = try call.body.choice("role", of: TokenRecord.Role.self)
        let expires = try call.body.end(now: call.head.now, longest: Limits.tokenLife, default: Limits.tokenLife)
        let taken = try await self.store.tokens().contains { $0.name == name && $0.revokedAt == nil && $0.expiresAt > call.head.now }
        let answer = try await self.write(call) { write in
            // The audit log names a token's bearer by the token's name, so no two that work may share one. Asked inside the write, behind the
            // look for the key: repeating the request that made it is no conflict.
            if taken { throw Problem(.conflict, "A token named “\(name)” is in use.", next: "Choose another name, or revoke that one.") }
            let (token, secret) = try await write.createToken(name: name, role: role, expires: expires)
            var fields = token.json.objectValue ?? [:]
            fields["token"] = secret.json
            return (201, .object(fields))
        }
        return answer.located { "/v1/tokens/\($0["id"]?.stringValue ?? "")" }
    }

    func token(_ call: Call) async throws -> Answer {
        guard let token = try await self.store.tokens().first(where: { $0.id == call.part("id") }) else { throw Self.noToken(call) }
        return Answer(.ok, token.json)
    }

    func revokeToken(_ call: Call) async throws -> Answer {
        let id = call.part("id")
        let answer = try await self.write(call) { write in
            guard let token = try await write.revokeToken(id: id) else { throw Self.noToken(call) }
            return (200, token.json)
        }
        self.authenticator.forget(id: id)
        return answer
    }

    private static func noToken(_ call: Call) -> Problem {
        Problem(.notFound, "No token has the id “\(call.part("id"))”.", next: "muster token list")
    }
}
