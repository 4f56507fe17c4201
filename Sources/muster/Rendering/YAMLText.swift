import Model
import Yams

/// JSON as YAML, keys sorted.
enum YAMLText {
    static func text(_ json: JSON) -> String {
        do { return try Yams.serialize(node: Self.node(json), indent: 2, width: -1, sortKeys: true) } catch { return Print.pretty(json) + "\n" }
    }

    private static func node(_ json: JSON) -> Node {
        switch json {
        case .null: return Node("null", Tag(.null))
        case .bool(let value): return Node(value ? "true" : "false", Tag(.bool))
        case .int(let value): return Node(String(value), Tag(.int))
        case .double: return Node(json.text, Tag(.float))
        case .string(let value): return Self.text(value)
        case .array(let values): return .sequence(.init(values.map(Self.node)))
        case .object(let fields):
            return .mapping(.init(fields.sorted { $0.key < $1.key }.map { (Self.text($0.key), Self.node($0.value)) }))
        }
    }

    /// Quoted where plain text would read as something else, as `on`, `12` or a date would.
    private static func text(_ value: String) -> Node {
        let plain = !value.isEmpty && Resolver.default.resolveTag(of: Node(value)) == .str && !value.contains("\n")
        return .scalar(.init(value, Tag(.str), plain ? .any : .doubleQuoted))
    }
}
