import Crypto
public import Model

/// One manifest with where it stands and its canonical form.
public struct ParsedManifest: Sendable {
    /// What it means, with all defaults filled in.
    public var manifest: Manifest
    /// The file's name as the caller gave it.
    public var file: String
    /// The first line of the document's content.
    public var line: Int
    /// The one JSON form of everything that means the same: what is stored, compared and hashed.
    public var canonical: JSON
    /// The canonical bytes as text; what ``sha256`` is over.
    public var text: String
    /// Lower-case hexadecimal.
    public var sha256: String
    private let positions: [String: SourcePosition]

    init(manifest: Manifest, file: String, line: Int, positions: [String: SourcePosition]) {
        self.manifest = manifest
        self.file = file
        self.line = line
        self.canonical = manifest.canonicalJSON()
        self.text = self.canonical.text
        self.sha256 = ManifestParser.sha256(self.canonical)
        self.positions = positions
    }

    /// Where the value at the pointer stands in the file, or what holds it when it is a default.
    public func position(of pointer: String) -> SourcePosition {
        var pointer = pointer
        while true {
            if let position = self.positions[pointer] { return position }
            guard let parent = Pointer.parent(of: pointer) else { return SourcePosition(line: self.line, column: 1) }
            pointer = parent
        }
    }
}

/// What a set of files holds.
public struct ParsedFiles: Sendable {
    /// In the order of the text; only documents without an error.
    public var manifests: [ParsedManifest] = []
    /// In the order of the text.
    public var findings: [ManifestFinding] = []
    /// Documents that have a name and an error: they are meant to exist, so references to them are no further errors.
    public var broken: Set<Manifest.Reference> = []

    /// Of no files.
    public init() {}

    /// Whether anything keeps these manifests from being applied.
    public var hasErrors: Bool { self.findings.contains { $0.severity == .error } }
}

/// Reads files of YAML or JSON documents. Everything that is wrong is reported, not only the first.
public enum ManifestParser {
    /// Reads all files as one set, so that a name may stand in it once.
    ///
    /// - Returns: everything that could be read and everything that is wrong; it never stops at the first error.
    public static func parse(_ files: [SourceFile]) -> ParsedFiles {
        var result = ParsedFiles()
        var places: [Manifest.Reference: String] = [:]
        var documents = 0
        for file in files {
            let (texts, refusal) = SourceText.documents(in: file)
            if let refusal { result.findings.append(refusal) }
            for text in texts {
                let (roots, refusal) = YAMLDocuments.roots(of: text.text)
                for root in roots.flatMap(\.documents) {
                    documents += 1
                    guard documents <= ManifestLimits.documents else {
                        result.findings.append(Self.tooManyDocuments(file))
                        return result
                    }
                    Self.read(root, file, text, into: &result, &places)
                }
                if let refusal { result.findings.append(Self.finding(refusal, file, text)) }
            }
            if result.findings.count >= ManifestLimits.findings {
                result.findings.removeLast(result.findings.count - ManifestLimits.findings)
                return result
            }
        }
        return result
    }

    /// Lower-case hexadecimal SHA-256 of the canonical bytes.
    public static func sha256(_ canonical: JSON) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in SHA256.hash(data: canonical.canonical()) {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func read(
        _ root: DocumentNode, _ file: SourceFile, _ text: DocumentText, into result: inout ParsedFiles,
        _ places: inout [Manifest.Reference: String]
    ) {
        let report = Report(file: file.name, purpose: .input, linesBefore: text.linesBefore)
        let manifest = ReadManifest.read(root, report: report)
        if let reference = report.document {
            if let first = places[reference] {
                let position = root.positions["/name"] ?? root.position
                report.add(.duplicateName, "\(reference) stands twice; the first is at \(first)", at: position, pointer: "/name")
            } else {
                let position = report.inFile(root.position)
                places[reference] = "\(file.name):\(position.line):\(position.column)"
            }
        }
        result.findings += report.findings
        guard let manifest, !report.hasErrors else {
            if let reference = report.document { result.broken.insert(reference) }
            return
        }
        result.manifests.append(
            ParsedManifest(
                manifest: manifest, file: file.name, line: report.inFile(root.position).line,
                positions: (ReadManifest.isHPA(root) ? ReadHPA.positions(root.positions) : root.positions).mapValues(report.inFile)))
    }

    private static func finding(_ refusal: YAMLDocuments.Refusal, _ file: SourceFile, _ text: DocumentText) -> ManifestFinding {
        let position = SourcePosition(line: refusal.position.line + text.linesBefore, column: refusal.position.column)
        return ManifestFinding(file: file.name, position: position, code: refusal.code, message: refusal.message)
    }

    private static func tooManyDocuments(_ file: SourceFile) -> ManifestFinding {
        ManifestFinding(
            file: file.name, position: SourcePosition(line: 1, column: 1), code: .tooLarge,
            message: "there are more than \(ManifestLimits.documents) documents; apply them in parts")
    }
}
