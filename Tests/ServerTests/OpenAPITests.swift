import HTTPTypes
import HummingbirdTesting
import Model
import Store
import Testing

@testable import Server

@Suite("OpenAPI")
struct OpenAPITests {
    @Test("the document and the route table name the same operations, with the same roles, tags, bodies and keys")
    func table() throws {
        let document = try OpenAPI()
        #expect(document.root["openapi"] == "3.1.0")
        let documented = Set(document.operations.map { "\($0.method.uppercased()) \($0.path) \($0.operation["operationId"]?.stringValue ?? "?")" })
        #expect(documented == Set(Route.table.map { "\($0.method.rawValue) \($0.path) \($0.operationID)" }))
        for route in Route.table {
            let operation = try document.operation(route.operationID)
            #expect(operation["tags"] == .array([.string(route.tag.rawValue)]), "\(route.operationID)")
            #expect(operation["summary"] == .string(route.summary), "\(route.operationID)")
            #expect(operation["x-muster-audit"] == route.audit.map { .string($0) }, "\(route.operationID)")
            if route.access == .open {
                #expect(operation["security"] == .array([]))
                #expect(operation["x-muster-roles"] == nil)
            } else {
                #expect(operation["x-muster-roles"] == .array(route.access.roles.map(\.rawValue).sorted().map { .string($0) }), "\(route.operationID)")
                #expect(operation["security"] == nil)
            }
            let body = operation["requestBody"]?["content"]?["application/json"]?["schema"]
            switch route.body {
            case .none: #expect(operation["requestBody"] == nil, "\(route.operationID)")
            case .json(_, let fields):
                #expect(Set(body?["properties"]?.objectValue.map { Array($0.keys) } ?? []) == Set(fields), "\(route.operationID)")
                #expect(body?["additionalProperties"] == false, "\(route.operationID)")
            }
        }
    }

    @Test("parameters agree, with their schemas")
    func parameters() throws {
        let document = try OpenAPI()
        for route in Route.table {
            let operation = try document.operation(route.operationID)
            let parameters = try (operation["parameters"]?.arrayValue ?? []).map(document.resolved)
            func names(_ place: String) -> [String] { parameters.filter { $0["in"] == .string(place) }.compactMap { $0["name"]?.stringValue } }
            #expect(names("path") == route.pathParameters, "\(route.operationID)")
            #expect(names("query").sorted() == route.query.map(\.name).sorted(), "\(route.operationID)")
            #expect(names("header") == (route.needsIdempotencyKey ? ["Idempotency-Key"] : []), "\(route.operationID)")
            for parameter in route.query {
                let schema = parameters.first { $0["name"] == .string(parameter.name) }?["schema"]
                let inner = parameter.repeats ? schema?["items"] : schema
                #expect((schema?["type"] == "array") == parameter.repeats, "\(route.operationID) \(parameter.name)")
                switch parameter.schema {
                case .integer(let range):
                    #expect(inner?["minimum"] == .int(range.lowerBound) && inner?["maximum"] == .int(range.upperBound), "\(parameter.name)")
                case .text(let maximum): #expect(inner?["maxLength"] == .int(Int64(maximum)), "\(parameter.name)")
                case .choice(let choices): #expect(inner?["enum"] == .array(choices.map { .string($0) }), "\(parameter.name)")
                case .time: #expect(inner?["format"] == "date-time", "\(parameter.name)")
                }
            }
        }
    }

    @Test("every error answer is a problem by reference, and every code is documented once, under its status")
    func problems() throws {
        let document = try OpenAPI()
        for (_, _, operation) in document.operations {
            for (status, response) in operation["responses"]?.objectValue ?? [:] where status.hasPrefix("4") || status.hasPrefix("5") {
                if operation["operationId"] == "getReadiness", status == "503" { continue }
                #expect(response["$ref"]?.stringValue?.hasPrefix("#/components/responses/") == true, "\(operation["operationId"]?.text ?? "") \(status)")
                let schema = try document.resolved(response)["content"]?["application/problem+json"]?["schema"]
                #expect(schema?["$ref"] == "#/components/schemas/Problem")
            }
        }
        let documented = (document.root["components"]?["responses"]?.objectValue ?? [:]).values.flatMap { $0["x-muster-codes"]?.arrayValue ?? [] }
        // These three are of the framework's edge and of every route; the document says so in words.
        let everywhere: Set<String> = ["method-not-allowed", "uri-too-long", "headers-too-large"]
        #expect(documented.compactMap(\.stringValue).sorted() == Problem.Code.allCases.map(\.rawValue).filter { !everywhere.contains($0) }.sorted())
        for (_, _, operation) in document.operations {
            for (status, response) in operation["responses"]?.objectValue ?? [:] where response["$ref"] != nil {
                for code in try document.resolved(response)["x-muster-codes"]?.arrayValue ?? [] {
                    #expect(Problem.Code(rawValue: code.stringValue ?? "")?.status.code == Int(status))
                }
            }
        }
    }

    @Test("every example fits its schema, and every example of a request passes the check of its fields")
    func examples() throws {
        let document = try OpenAPI()
        var seen = 0
        for (path, method, operation) in document.operations {
            for (status, response) in operation["responses"]?.objectValue ?? [:] {
                for (_, media) in try document.resolved(response)["content"]?.objectValue ?? [:] {
                    guard let example = media["example"], let schema = media["schema"] else { continue }
                    seen += 1
                    #expect(try document.faults(example, schema) == [], "\(method) \(path) \(status)")
                    // It must be JSON that our own parser takes.
                    #expect(try JSON(parsing: example.text) == example)
                }
            }
            if let media = operation["requestBody"]?["content"]?["application/json"], let example = media["example"], let schema = media["schema"] {
                seen += 1
                #expect(try document.faults(example, schema) == [], "\(method) \(path)")
                let route = try #require(Route.table.first { .string($0.operationID) == operation["operationId"] })
                if case .json(_, let fields) = route.body { _ = try Fields(example, known: fields) }
            }
        }
        #expect(seen >= 30)
    }

    @Test("every reference points somewhere, and every schema is used")
    func references() throws {
        let document = try OpenAPI()
        var used: Set<String> = []
        func walk(_ json: JSON) throws {
            if let reference = json["$ref"]?.stringValue {
                used.insert(reference)
                _ = try document.resolved(json)
            }
            for value in json.objectValue?.values.map({ $0 }) ?? json.arrayValue ?? [] { try walk(value) }
        }
        try walk(document.root)
        for kind in ["schemas", "responses", "parameters", "headers"] {
            for name in (document.root["components"]?[kind]?.objectValue ?? [:]).keys {
                if kind == "headers", name == "Allow" { continue }  // Named in words only: 405 is of every path.
                #expect(used.contains("#/components/\(kind)/\(name)"), "\(kind)/\(name) is not used")
            }
        }
    }

    @Test("it is served as it is")
    func served() async throws {
        try await World.run { _, client in
            let reply = try await client.ask(.get, "/openapi.yaml")
            #expect(reply.status == 200)
            #expect(reply.text == OpenAPIDocument.text)
            #expect(reply.header("Content-Type")?.hasPrefix("application/yaml") == true)
        }
    }
}
