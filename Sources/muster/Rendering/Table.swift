import Model

/// Rows under headings, aligned with spaces. Only a terminal cuts, and only the last column.
struct Table {
    var headings: [String]
    var rows: [[String]] = []

    func text(width: Int? = Terminal.width) -> String {
        var widths = self.headings.map(\.count)
        for row in self.rows {
            for (index, cell) in row.enumerated() where index < widths.count { widths[index] = max(widths[index], cell.count) }
        }
        var out = ""
        for row in [self.headings] + self.rows {
            var line = ""
            for (index, cell) in row.enumerated() {
                line += cell
                if index < row.count - 1 { line += String(repeating: " ", count: widths[index] + 2 - cell.count) }
            }
            while line.hasSuffix(" ") { line.removeLast() }
            if let width, line.count > width { line = line.prefix(max(1, width - 1)) + "…" }
            out += line + "\n"
        }
        return out
    }
}

extension JSON {
    /// As a cell: nothing for what is unknown, `-` for what is known to be none.
    var cell: String {
        switch self {
        case .null: "-"
        case .string(let text): Printable.line(text)
        case .array(let values): values.map(\.cell).joined(separator: ",")
        case .int, .double, .bool, .object: self.text
        }
    }

    /// The value at `a.b.c`.
    func at(_ path: String) -> JSON? {
        var value: JSON? = self
        for part in path.split(separator: ".") { value = value?[String(part)] }
        return value
    }
    func cell(_ path: String) -> String { self.at(path)?.cell ?? "" }
}

/// Data in the form that was asked for.
enum Print {
    static func value(_ json: JSON, _ format: OutputFormat, table: () -> String) {
        switch format {
        case .json: Terminal.write(Self.pretty(json) + "\n")
        case .yaml: Terminal.write(YAMLText.text(json))
        case .name, .table: Terminal.write(table())
        }
    }

    /// Indented by two, keys sorted.
    static func pretty(_ json: JSON, indent: String = "") -> String {
        switch json {
        case .object(let fields) where !fields.isEmpty:
            let inner = indent + "  "
            let lines = fields.keys.sorted().map { "\(inner)\(JSON.string($0).text): \(Self.pretty(fields[$0] ?? .null, indent: inner))" }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
        case .array(let values) where !values.isEmpty:
            let inner = indent + "  "
            return "[\n\(values.map { inner + Self.pretty($0, indent: inner) }.joined(separator: ",\n"))\n\(indent)]"
        default: return json.text
        }
    }
}

/// Seconds and minutes as people say them.
enum Ago {
    static func text(_ then: WallTime, now: WallTime) -> String {
        let seconds = max(0, (now - then).components.seconds)
        switch seconds {
        case 0..<60: return "\(seconds) s"
        case 60..<3600: return "\(seconds / 60) min \(seconds % 60) s"
        case 3600..<86_400: return "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: return "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }
}
