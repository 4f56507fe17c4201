import Model

/// A document's tree with positions: what YAML and JSON have in common.
struct DocumentNode {
    enum Value {
        case scalar(Scalar)
        case list([DocumentNode])
        case mapping([Field])
    }
    struct Scalar {
        enum Style {
            /// Without quotes: a number, a word, or nothing.
            case plain
            case quoted
            /// `|` or `>`.
            case block
        }
        var text: String
        var style: Style

        /// YAML's and JSON's ways to say "no value".
        var isNull: Bool { self.style == .plain && ["", "~", "null", "Null", "NULL"].contains(self.text) }
    }
    struct Field {
        var name: String
        var position: SourcePosition
        var value: DocumentNode
    }

    var value: Value
    var position: SourcePosition

    /// What it is, in words.
    var sort: String {
        switch self.value {
        case .scalar(let scalar) where scalar.isNull: "empty"
        case .scalar: "a single value"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
}

extension DocumentNode {
    /// The tree of a JSON value, without positions. Numbers that matter are strings or integers there, so nothing is lost.
    init(_ json: JSON) {
        let nowhere = SourcePosition(line: 1, column: 1)
        let value: Value =
            switch json {
            case .null: .scalar(Scalar(text: "null", style: .plain))
            case .bool(let value): .scalar(Scalar(text: value ? "true" : "false", style: .plain))
            case .int(let value): .scalar(Scalar(text: String(value), style: .plain))
            case .double(let value): .scalar(Scalar(text: value.description, style: .plain))
            case .string(let value): .scalar(Scalar(text: value, style: .quoted))
            case .array(let values): .list(values.map { DocumentNode($0) })
            case .object(let fields):
                .mapping(
                    fields.sorted { $0.key < $1.key }.map { Field(name: $0.key, position: nowhere, value: DocumentNode($0.value)) })
            }
        self.init(value: value, position: nowhere)
    }

    /// The text of a field that is a single value.
    func text(of name: String) -> String? {
        guard case .mapping(let fields) = self.value, case .scalar(let scalar)? = fields.first(where: { $0.name == name })?.value.value else { return nil }
        return scalar.text
    }

    /// A list stands for its elements, since JSON has no other way to put several documents in a file, and so does a Kubernetes List; nothing
    /// stands for none.
    var documents: [DocumentNode] {
        switch self.value {
        case .list(let elements): return elements
        case .scalar(let scalar) where scalar.isNull: return []
        case .mapping(let fields):
            guard let kind = self.text(of: "kind"), ["List", "\(ReadHPA.kind)List", "ScaledObjectList"].contains(kind),
                case .list(let elements)? = fields.first(where: { $0.name == "items" })?.value.value
            else { return [self] }
            return elements
        case .scalar: return [self]
        }
    }

    /// Where each value stands, by pointer.
    var positions: [String: SourcePosition] {
        var found: [String: SourcePosition] = [:]
        func visit(_ node: DocumentNode, _ pointer: String) {
            found[pointer] = node.position
            switch node.value {
            case .scalar: break
            case .list(let elements):
                for (index, element) in elements.enumerated() { visit(element, "\(pointer)/\(index)") }
            case .mapping(let fields):
                for field in fields { visit(field.value, Pointer.appending(field.name, to: pointer)) }
            }
        }
        visit(self, "")
        return found
    }
}
