import HTTPTypes
import Model
import Store

/// Routes that speak of this node, of the API itself, and of nothing in the database.
extension API {
    /// The process answers.
    func health(_ call: Call) async throws -> Answer { Answer(.ok, body: .empty) }

    /// Whether traffic should come here.
    func readiness(_ call: Call) async throws -> Answer {
        Answer(self.node.snapshot().isReady ? .ok : .serviceUnavailable, body: .empty)
    }

    func metrics(_ call: Call) async throws -> Answer {
        let text = Exposition.text(self.node.metrics() + self.requests.families)
        return Answer(.ok, body: .text(text, contentType: Exposition.contentType))
    }

    func openAPI(_ call: Call) async throws -> Answer {
        Answer(.ok, body: .text(OpenAPIDocument.text, contentType: "application/yaml; charset=utf-8"))
    }

    func problemPage(_ call: Call) async throws -> Answer {
        guard let code = Problem.Code(rawValue: call.part("code")) else { throw Problem(.notFound, "No problem has that code.") }
        return Answer(.ok, body: .text(code.page, contentType: "text/plain; charset=utf-8"))
    }

    /// Who the token is, and what it may do.
    func me(_ call: Call) async throws -> Answer {
        guard let token = call.token else { throw Problem(.internal, "A call without a token.") }
        let can = Route.table.filter { $0.access.roles.contains(token.role) }.map(\.operationID).sorted()
        return Answer(
            .ok,
            [
                "id": token.id.json, "name": token.name.json, "role": token.role.rawValue.json, "expiresAt": token.expiresAt.json,
                "can": .array(can.map(\.json)),
            ])
    }
}
