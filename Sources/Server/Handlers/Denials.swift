import HTTPTypes
import Model
import Store

/// The deny-list of certificates between nodes.
extension API {
    func denials(_ call: Call) async throws -> Answer {
        let denials = try await self.store.denials()
        return try Page(denials.map { (Self.risingKey($0.id), $0.json) }, call: call).answer(call)
    }

    func denial(_ call: Call) async throws -> Answer {
        guard let id = Int64(call.part("id")), let denial = try await self.store.denials().first(where: { $0.id == id }) else { throw Self.noDenial(call) }
        return Answer(.ok, denial.json)
    }

    func deny(_ call: Call) async throws -> Answer {
        let what = try Self.denied(call.body)
        let reason = try call.body.reason()
        let answer = try await self.write(call) { write in
            do {
                guard let denial = try await write.deny(what, reason: reason, limit: Limits.denials) else {
                    throw Problem(
                        .outOfLimits, "The deny-list has \(Limits.denials) entries, which is as many as it may have.",
                        next: "Allow what can’t be used any more, such as certificates that have expired: muster ca denied")
                }
                return (201, denial.json)
            } catch StoreConflict.alreadyEnded {
                throw Problem(.conflict, "It is on the deny-list already.", next: "muster ca denied")
            }
        }
        return answer.located { "/v1/denials/\($0["id"]?.intValue ?? 0)" }
    }

    func allow(_ call: Call) async throws -> Answer {
        guard let id = Int64(call.part("id")) else { throw Self.noDenial(call) }
        return try await self.write(call) { write in
            guard let denial = try await write.allow(id) else { throw Self.noDenial(call) }
            return (200, denial.json)
        }
    }

    /// A serial number or a node's name; one of the two.
    private static func denied(_ body: Fields) throws(Problem) -> DenialRecord.What {
        switch (try body.optionalText("serial"), try body.optionalText("node")) {
        case (.some, .some): throw Fields.fault("node", "conflict", "stands beside “serial”; give one of the two")
        case (nil, nil): throw Fields.fault("serial", "missing-field", "is missing; give “serial” (of one certificate) or “node” (for all of a name)")
        case (.some(let text), nil):
            // RFC 5280: at most 20 bytes.
            guard let serial = CertificateSerial.normalized(text), serial.utf8.count <= 40 else {
                throw Fields.fault("serial", "out-of-range", "is no serial number: it has to be at most 40 hex digits, as in: openssl x509 -serial")
            }
            return .serial(serial)
        case (nil, .some(let name)):
            if let objection = ManifestName.objection(to: name) { throw Fields.fault("node", "invalid-name", objection) }
            return .node(name)
        }
    }

    private static func noDenial(_ call: Call) -> Problem {
        Problem(.notFound, "The deny-list has no entry “\(call.part("id"))”.", next: "muster ca denied")
    }
}
