import Model
import Testing
import Yams

@testable import Server

/// The served document, read by a YAML library that is not ours.
struct OpenAPI: Sendable {
    let root: JSON

    init() throws {
        let loaded = try #require(try Yams.load(yaml: OpenAPIDocument.text))
        self.root = try Self.json(loaded)
    }

    private static func json(_ value: Any) throws -> JSON {
        switch value {
        case let value as Bool: return .bool(value)
        case let value as Int: return .int(Int64(value))
        case let value as Double: return .double(value)
        case let value as String: return .string(value)
        case let value as [Any]: return .array(try value.map(Self.json))
        case let value as [String: Any]: return .object(try value.mapValues(Self.json))
        default:
            let text = "\(type(of: value))"
            guard text == "NSNull" else { throw JSONError(message: "a value of type \(text)") }
            return .null
        }
    }

    /// What `$ref` points at, or the value itself.
    func resolved(_ json: JSON) throws -> JSON {
        guard let reference = json["$ref"]?.stringValue else { return json }
        var found: JSON? = self.root
        for part in reference.split(separator: "/").dropFirst() { found = found?[String(part)] }
        return try #require(found, "\(reference) points nowhere")
    }

    /// Every operation: path, method, operation.
    var operations: [(path: String, method: String, operation: JSON)] {
        (self.root["paths"]?.objectValue ?? [:]).flatMap { path, item in
            (item.objectValue ?? [:]).map { (path, $0.key, $0.value) }
        }
    }

    func operation(_ id: String) throws -> JSON {
        try #require(self.operations.first { $0.operation["operationId"] == .string(id) }?.operation, "no operation \(id)")
    }

    /// The schema of a JSON answer; nil when the answer has no JSON body.
    func answerSchema(_ operationID: String, status: Int) throws -> JSON? {
        let response = try #require(try self.operation(operationID)["responses"]?[String(status)], "\(operationID) documents no \(status)")
        return try self.resolved(response)["content"]?["application/json"]?["schema"]
    }

    /// Where `value` is not what `schema` says. Fields that the schema does not name are faults as well: what we answer is documented.
    func faults(_ value: JSON, _ unresolved: JSON, at place: String = "") throws -> [String] {
        let schema = try self.resolved(unresolved)
        if let choices = schema["oneOf"]?.arrayValue {
            let all = try choices.map { try self.faults(value, $0, at: place) }
            return all.contains([]) ? [] : ["\(place): fits none of its choices: \(all)"]
        }
        guard let type = schema["type"] else { return [] }
        let types = type.arrayValue?.compactMap(\.stringValue) ?? [type.stringValue ?? ""]
        guard types.contains(where: { Self.fits(value, $0) }) else { return ["\(place): \(value.text.prefix(80)) is not \(types)"] }
        var faults: [String] = []
        for key in ["enum", "x-extensible-enum"] {
            if let words = schema[key]?.arrayValue, !words.contains(value) { faults.append("\(place): \(value.text) is not among \(words.map(\.text))") }
        }
        if schema["format"] == "date-time", let text = value.stringValue, WallTime(rfc3339: text) == nil { faults.append("\(place): \(text) is no time") }
        if let items = schema["items"], let values = value.arrayValue {
            for (index, element) in values.enumerated() { faults += try self.faults(element, items, at: "\(place)/\(index)") }
        }
        if let fields = value.objectValue {
            for name in schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [] where fields[name] == nil {
                faults.append("\(place)/\(name): is missing")
            }
            let properties = schema["properties"]?.objectValue
            for (name, field) in fields {
                if let property = properties?[name] {
                    faults += try self.faults(field, property, at: "\(place)/\(name)")
                } else if let others = schema["additionalProperties"], others != false {
                    faults += try self.faults(field, others, at: "\(place)/\(name)")
                } else if properties != nil {
                    faults.append("\(place)/\(name): is not documented")
                }
            }
        }
        return faults
    }

    private static func fits(_ value: JSON, _ type: String) -> Bool {
        switch (value, type) {
        case (.null, "null"), (.bool, "boolean"), (.int, "integer"), (.int, "number"), (.double, "number"), (.string, "string"), (.array, "array"),
            (.object, "object"):
            true
        default: false
        }
    }
}
