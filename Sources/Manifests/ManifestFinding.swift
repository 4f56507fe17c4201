public import Model

/// A file's name and text, as the caller read it.
public struct SourceFile: Sendable, Hashable {
    /// As messages are to show it: a path, or `-` for standard input.
    public var name: String
    /// All of it; how much is taken is limited where it is parsed.
    public var text: String
    /// A file that was read already: this target reads none.
    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}

/// A place in a text: both count from 1, columns in Unicode scalars.
public struct SourcePosition: Sendable, Hashable, Comparable {
    /// From 1 on.
    public var line: Int
    /// From 1 on, in Unicode scalars.
    public var column: Int
    /// - Precondition: both count from 1; nothing checks it.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
    /// By line, then by column: the order of the text.
    public static func < (left: Self, right: Self) -> Bool {
        left.line == right.line ? left.column < right.column : left.line < right.line
    }
}

/// Something wrong or doubtful in a manifest: where, what, and what to do about it.
public struct ManifestFinding: Error, Sendable, Hashable, CustomStringConvertible {
    /// What follows from a finding.
    public enum Severity: String, Sendable, Hashable, CaseIterable {
        /// Nothing is applied.
        case error
        /// It is applied, and probably not what was meant.
        case warning
        /// Nothing is wrong; it is good to know.
        case note
    }

    /// What sort of finding it is; stable, for programs.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case syntax
        case tooLarge = "too-large"
        case unknownKind = "unknown-kind"
        case unknownField = "unknown-field"
        case missingField = "missing-field"
        case duplicateField = "duplicate-field"
        case wrongType = "wrong-type"
        case outOfRange = "out-of-range"
        case unknownValue = "unknown-value"
        case invalidName = "invalid-name"
        case invalidExpression = "invalid-expression"
        case notAvailable = "not-available"
        case secretInManifest = "secret-in-manifest"
        case duplicateName = "duplicate-name"
        case unknownMetric = "unknown-metric"
        case unusedMetric = "unused-metric"
        case unknownReference = "unknown-reference"
        case overlappingPolicies = "overlapping-policies"
        case contradiction
        case selectsNothing = "selects-nothing"
        case neverMoves = "never-moves"
        case flapping
        case overcommitted
        case unreachableStep = "unreachable-step"
        case contradictoryWindows = "contradictory-windows"
        case unreachable
        case circularFailover = "circular-failover"
        case cannotRestart = "cannot-restart"
        case fastestPath = "fastest-path"
    }

    /// nil for a manifest that is stored and not part of the input.
    public var file: String?
    /// nil when the finding is about a whole file, or about what is stored.
    public var position: SourcePosition?
    /// RFC 6901, inside the document; "" is the document itself.
    public var pointer: String
    /// The manifest that it is about; nil when the text could not be read that far.
    public var document: Manifest.Reference?
    /// For programs; ``message`` is for people.
    public var code: Code
    /// Whether it keeps the manifests from being applied.
    public var severity: Severity
    /// What is wrong and what to write instead; without the place, which ``description`` puts in front.
    public var message: String
    /// The known name that was probably meant.
    public var near: String?

    /// A finding; an error unless it is said to be less.
    public init(
        file: String? = nil, position: SourcePosition? = nil, pointer: String = "", document: Manifest.Reference? = nil, code: Code,
        severity: Severity = .error, message: String, near: String? = nil
    ) {
        self.file = file
        self.position = position
        self.pointer = pointer
        self.document = document
        self.code = code
        self.severity = severity
        self.message = message
        self.near = near
    }

    /// `media.yaml:14:5: unknown field “averageUtilisation”; did you mean “averageUtilization”?`
    public var description: String {
        var text = ""
        if let file {
            text = file
            if let position { text += ":\(position.line):\(position.column)" }
            text += ": "
        } else if let document {
            text = "\(document): "
        }
        if self.severity != .error { text += "\(self.severity.rawValue): " }
        text += self.message
        if let near { text += "; did you mean “\(near)”?" }
        return text
    }
}

extension ManifestFinding: JSONEncodable {
    /// One element of a problem's `errors`.
    public var json: JSON {
        .fields([
            "file": self.file.map { .string($0) },
            "line": self.position.map { .int(Int64($0.line)) },
            "column": self.position.map { .int(Int64($0.column)) },
            "pointer": .string(self.pointer),
            "document": self.document.map { .string($0.description) },
            "code": .string(self.code.rawValue),
            "severity": .string(self.severity.rawValue),
            "message": .string(self.message),
            "near": self.near.map { .string($0) },
        ])
    }
}

/// RFC 6901 pointers.
enum Pointer {
    static func appending(_ token: String, to pointer: String) -> String {
        var escaped = ""
        for character in token.unicodeScalars {
            switch character {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return "\(pointer)/\(escaped)"
    }

    /// The pointer to what holds the value; nil for the document.
    static func parent(of pointer: String) -> String? {
        guard let slash = pointer.lastIndex(of: "/") else { return nil }
        return String(pointer[..<slash])
    }

    static func tokens(_ pointer: String) -> [String] {
        pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { token in
            var plain = ""
            var escaped = false
            for character in token {
                if escaped {
                    plain.append(character == "1" ? "/" : "~")
                    escaped = false
                } else if character == "~" {
                    escaped = true
                } else {
                    plain.append(character)
                }
            }
            return plain
        }
    }
}
