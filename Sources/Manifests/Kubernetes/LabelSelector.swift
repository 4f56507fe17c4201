import Model

/// Kubernetes' label selectors, as the structure of manifests and as one line: `queue=orders,tier in (a, b),!old`.
enum LabelSelector {
    /// Values in one expression, and expressions in one selector.
    private static let maximum = 64

    private enum Operation: String, CaseIterable {
        case isIn = "In"
        case isNotIn = "NotIn"
        case exists = "Exists"
        case doesNotExist = "DoesNotExist"
    }

    /// The one line of the structure; labels in order of their keys.
    static func read(_ place: Place) -> String? {
        guard let fields = place.fields(known: ["matchLabels", "matchExpressions"]) else { return nil }
        var parts: [String] = []
        if let labels = fields["matchLabels"] {
            guard case .mapping(let entries) = labels.node.value else {
                labels.fail(.wrongType, "“matchLabels” is \(labels.node.sort); write a mapping of labels")
                return nil
            }
            for entry in entries.sorted(by: { $0.name < $1.name }) {
                let value = Place(node: entry.value, pointer: Pointer.appending(entry.name, to: labels.pointer), name: entry.name, report: place.report)
                guard let text = value.text("a label's value"), Self.isLabel(entry.name), text.isEmpty || Self.isLabel(text) else {
                    value.fail(.invalidName, "“\(entry.name.shortened)” is no label, or has no value of one")
                    return nil
                }
                parts.append("\(entry.name)=\(text)")
            }
        }
        for expression in fields["matchExpressions"]?.elements("expressions", maximum: Self.maximum, mayBeEmpty: true) ?? [] {
            guard let text = Self.expression(expression) else { return nil }
            parts.append(text)
        }
        return parts.joined(separator: ",")
    }

    private static func expression(_ place: Place) -> String? {
        guard let fields = place.fields(known: ["key", "operator", "values"]), let key = fields.required("key")?.text("a label"),
            let operation = fields.required("operator")?.choice(of: Operation.self)
        else { return nil }
        guard Self.isLabel(key) else {
            place.fail(.invalidName, "“\(key.shortened)” is no label")
            return nil
        }
        let values = (fields["values"]?.elements("values", maximum: Self.maximum, mayBeEmpty: true) ?? []).compactMap { $0.text("a label's value") }
        guard values.allSatisfy({ $0.isEmpty || Self.isLabel($0) }) else {
            place.fail(.invalidName, "“values” holds what is no label's value")
            return nil
        }
        switch operation {
        case .exists: return key
        case .doesNotExist: return "!\(key)"
        case .isIn, .isNotIn:
            if values.isEmpty { place.fail(.missingField, "“\(operation.rawValue)” needs “values”; add them") }
            return "\(key) \(operation == .isIn ? "in" : "notin") (\(values.joined(separator: ", ")))"
        }
    }

    private static func isLabel(_ text: String) -> Bool {
        text.utf8.count <= 317 && !text.isEmpty
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil || "-_./".unicodeScalars.contains($0))
            }
    }

    // MARK: - Back

    /// The structure of a line; nil when it is none that ``read(_:)`` writes.
    static func structure(_ line: String) -> YAMLText? {
        var labels: [(String, YAMLText)] = []
        var expressions: [YAMLText] = []
        for part in Self.parts(line) {
            if let (key, operation, values) = Self.set(part) {
                expressions.append(
                    .flow([("key", .string(key)), ("operator", .string(operation)), ("values", .flowList(values.map { .string($0) }))]))
            } else if let equals = part.firstIndex(of: "=") {
                let (key, value) = (String(part[..<equals]), String(part[part.index(after: equals)...]))
                guard Self.isLabel(key), value.isEmpty || Self.isLabel(value) else { return nil }
                labels.append((key, .string(value)))
            } else {
                let isAbsent = part.hasPrefix("!")
                let key = isAbsent ? String(part.dropFirst()) : part
                guard Self.isLabel(key) else { return nil }
                expressions.append(.flow([("key", .string(key)), ("operator", .string(isAbsent ? "DoesNotExist" : "Exists"))]))
            }
        }
        let fields = (labels.isEmpty ? [] : [("matchLabels", YAMLText.flow(labels))]) + (expressions.isEmpty ? [] : [("matchExpressions", .list(expressions))])
        return .mapping(fields)
    }

    /// Split at commas outside parentheses.
    private static func parts(_ line: String) -> [String] {
        var parts = [""], depth = 0
        for character in line {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
        }
        return parts.map { String($0.drop { $0 == " " }) }.filter { !$0.isEmpty }
    }

    private static func set(_ part: String) -> (key: String, operation: String, values: [String])? {
        for (word, operation) in [(" notin (", "NotIn"), (" in (", "In")] {
            guard part.hasSuffix(")"), let range = part.firstRange(of: word) else { continue }
            let key = String(part[..<range.lowerBound])
            let values = part[range.upperBound...].dropLast().split(separator: ",", omittingEmptySubsequences: false).map { value in
                String(value.drop { $0 == " " })
            }
            guard Self.isLabel(key), values.allSatisfy({ $0.isEmpty || Self.isLabel($0) }) else { return nil }
            return (key, operation, values)
        }
        return nil
    }
}
