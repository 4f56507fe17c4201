/// A piece of YAML to be written, in block style by default.
indirect enum YAMLText {
    /// Already in its written form.
    case scalar(String)
    /// Several lines, written as a `|` block.
    case literal(String)
    /// `{ a: 1, b: 2 }`; holds scalars and flow collections only.
    case flow([(String, YAMLText)])
    /// `[a, b]`; holds scalars and flow collections only.
    case flowList([YAMLText])
    case mapping([(String, YAMLText)])
    case list([YAMLText])

    /// Text, quoted where YAML would take it for something else.
    static func string(_ text: String) -> YAMLText { .scalar(Self.quoted(text)) }

    /// Text of several lines as a block where that is exact, else quoted.
    static func lines(_ text: String) -> YAMLText {
        guard text.contains("\n"), let first = text.unicodeScalars.first, first != " ", first != "\t", first != "\n", !text.hasSuffix("\n\n") else {
            return .string(text)
        }
        let exact = text.unicodeScalars.allSatisfy { $0 == "\n" || $0 == "\t" || Self.isPlainlyPrintable($0) }
        return exact ? .literal(text) : .string(text)
    }

    /// The lines of a mapping or list, each with its line break.
    func block(indent: Int) -> String {
        let margin = String(repeating: " ", count: indent)
        switch self {
        case .mapping(let fields):
            return fields.map { name, value in margin + Self.quoted(name) + ":" + value.behind(indent: indent) }.joined()
        case .list(let elements):
            return elements.map { element in
                guard case .mapping(let fields) = element, !fields.isEmpty else { return margin + "-" + element.behind(indent: indent) }
                // The dash takes the place of the first field's margin.
                return margin + "- " + element.block(indent: indent + 2).dropFirst(indent + 2)
            }.joined()
        case .scalar, .literal, .flow, .flowList: return margin + self.inline + "\n"
        }
    }

    /// What follows `name:` or `-`.
    private func behind(indent: Int) -> String {
        switch self {
        case .mapping(let fields) where fields.isEmpty: " {}\n"
        case .list(let elements) where elements.isEmpty: " []\n"
        case .mapping, .list: "\n" + self.block(indent: indent + 2)
        case .literal(let text): Self.literal(text, indent: indent + 2)
        case .scalar, .flow, .flowList: " \(self.inline)\n"
        }
    }

    private var inline: String {
        switch self {
        case .scalar(let text): text
        case .literal(let text): Self.quoted(text)
        case .flow(let fields), .mapping(let fields):
            fields.isEmpty ? "{}" : "{ " + fields.map { "\(Self.quoted($0)): \($1.inline)" }.joined(separator: ", ") + " }"
        case .flowList(let elements), .list(let elements): "[" + elements.map(\.inline).joined(separator: ", ") + "]"
        }
    }

    private static func literal(_ text: String, indent: Int) -> String {
        let ends = text.hasSuffix("\n")
        let margin = String(repeating: " ", count: indent)
        let lines = (ends ? text.dropLast() : text[...]).split(separator: "\n", omittingEmptySubsequences: false)
        return (ends ? " |\n" : " |-\n") + lines.map { $0.isEmpty ? "\n" : "\(margin)\($0)\n" }.joined()
    }

    // MARK: - Scalars

    /// Words that some YAML reader takes for true, false or nothing.
    private static let reserved: Set<String> = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]

    static func quoted(_ text: String) -> String {
        Self.isPlain(text) && !Self.reserved.contains(text.lowercased()) ? text : Self.doubleQuoted(text)
    }

    /// A letter first, then what has no meaning in any YAML context. Single spaces within are fine: `hold 2m`.
    private static func isPlain(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        guard let first = scalars.first, let last = scalars.last, Self.isLetter(first) || Self.isAmount(text), last != " " else { return false }
        return scalars.allSatisfy { Self.isLetter($0) || Self.isDigit($0) || "-_./% ".unicodeScalars.contains($0) }
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool { scalar.isASCII && scalar.properties.isAlphabetic }
    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

    /// Durations and percentages: digits with a unit, which no reader takes for a number.
    private static func isAmount(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, Self.isDigit(first), let last = text.unicodeScalars.last else { return false }
        let units = text.unicodeScalars.allSatisfy { Self.isDigit($0) || "dhms%".unicodeScalars.contains($0) }
        return units && !Self.isDigit(last)
    }

    private static func isPlainlyPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E, 0xA1...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    private static func doubleQuoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            case "\r": out += "\\r"
            case _ where Self.isPlainlyPrintable(scalar): out.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                let width = scalar.value > 0xFFFF ? 8 : 4
                out += (width == 8 ? "\\U" : "\\u") + String(repeating: "0", count: width - digits.count) + digits
            }
        }
        return out + "\""
    }
}
