import Model

/// Collects what is found while one document is read.
///
/// A class, because every place in the document reports to the same one; it never leaves the function that made it.
final class Report {
    enum Purpose {
        /// A person wrote it: everything is checked.
        case input
        /// It was accepted once: limits that have become tighter since then do not make it unreadable.
        case stored
        /// Another system wrote it for itself: fields without a meaning here are told, and do not stop the rest.
        case foreign
    }

    let file: String?
    let purpose: Purpose
    /// Lines of the file before the document.
    let linesBefore: Int
    var document: Manifest.Reference?
    private(set) var findings: [ManifestFinding] = []
    private(set) var hasErrors = false

    init(file: String?, purpose: Purpose, linesBefore: Int = 0) {
        self.file = file
        self.purpose = purpose
        self.linesBefore = linesBefore
    }

    /// Whether further findings are only counted as errors; what it costs to word them can be saved.
    var isFull: Bool { self.findings.count >= ManifestLimits.findings }

    func add(
        _ code: ManifestFinding.Code, _ message: String, at position: SourcePosition, pointer: String, near: String? = nil,
        severity: ManifestFinding.Severity = .error
    ) {
        if self.purpose == .stored, code == .outOfRange || severity == .warning { return }
        let severity = self.purpose == .foreign && code == .unknownField ? .warning : severity
        if severity == .error { self.hasErrors = true }
        guard !self.isFull else { return }
        self.findings.append(
            ManifestFinding(
                file: self.file, position: self.inFile(position), pointer: pointer, document: self.document, code: code, severity: severity,
                message: message, near: near))
    }

    /// One of several parts of the document, whose errors stop nothing but itself: `read` gets a report of its own, and what it finds is told here.
    func apart<Value>(_ read: (Report) -> Value) -> Value {
        let part = Report(file: self.file, purpose: self.purpose, linesBefore: self.linesBefore)
        part.document = self.document
        let value = read(part)
        self.findings += part.findings.prefix(max(0, ManifestLimits.findings - self.findings.count))
        return value
    }

    func inFile(_ position: SourcePosition) -> SourcePosition {
        SourcePosition(line: position.line + self.linesBefore, column: position.column)
    }
}
