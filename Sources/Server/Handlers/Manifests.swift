import HTTPTypes
import Manifests
import Model
import Store

/// Manifests: lint, diff, apply and export. All of a call's documents are judged together with what is in force; apply puts all of them in force, or none.
extension API {
    func lintManifests(_ call: Call) async throws -> Answer {
        let (_, findings, notes) = try await self.parse(call)
        let errors = findings.filter { $0.severity == .error }
        return Answer(
            .ok,
            [
                "ok": .bool(errors.isEmpty), "errors": .array(errors.map(\.json)),
                "warnings": .array(findings.filter { $0.severity == .warning }.map(\.json)), "notes": .array(notes.map(\.json)),
            ])
    }

    func diffManifests(_ call: Call) async throws -> Answer {
        let (documents, warnings, _) = try await self.validated(call)
        var items: [JSON] = []
        var isEqual = true
        for document in documents {
            let reference = document.manifest.reference
            let stored = try await self.store.manifest(reference)
            let changed = stored?.sha256 != document.sha256
            if changed { isEqual = false }
            items.append(
                .fields([
                    "kind": reference.kind.rawValue.json, "name": reference.name.json, "file": document.file.json,
                    "version": stored.map { $0.version.json } ?? .null, "changed": .bool(changed),
                    "changes": .array(changed ? ManifestObject.changes(from: stored?.canonical, to: document.canonical) : []),
                ]))
        }
        return Answer(.ok, ["equal": .bool(isEqual), "documents": .array(items), "warnings": .array(warnings.map(\.json))])
    }

    func applyManifests(_ call: Call) async throws -> Answer {
        let expected = try Self.expected(call.body)
        let (documents, warnings, notes) = try await self.validated(call)
        guard !documents.isEmpty else { throw Problem(.badRequest, "The files hold no manifest.", next: "muster lint -f FILE") }
        return try await self.write(call) { write in
            let applied = try await write.apply(documents, expected: expected)
            let items = applied.map { document -> JSON in
                .fields([
                    "kind": document.reference.kind.rawValue.json, "name": document.reference.name.json, "version": document.version.json,
                    "changed": .bool(document.changed), "seq": document.seq.map { .int($0) },
                    "changes": .array(document.changed ? ManifestObject.changes(from: document.before, to: document.after) : []),
                ])
            }
            return (200, ["applied": .array(items), "warnings": .array(warnings.map(\.json)), "notes": .array(notes.map(\.json))])
        }
    }

    func exportManifests(_ call: Call) async throws -> Answer {
        let kinds = call.query.all("kind").compactMap { Manifest.Kind(rawValue: $0) }
        let manifests = try await self.store.manifests().filter { kinds.isEmpty || kinds.contains($0.reference.kind) }.compactMap(\.manifest)
        return Answer(.ok, body: .text(Export.yaml(manifests), contentType: "application/yaml; charset=utf-8"))
    }

    /// The call's documents when nothing is wrong with them, what is doubtful, and what is good to know.
    ///
    /// - Throws: ``Problem`` `invalid-manifest` with every error.
    private func validated(_ call: Call) async throws -> (
        documents: [ParsedManifest], warnings: [ManifestFinding], notes: [ManifestFinding]
    ) {
        let (documents, findings, notes) = try await self.parse(call)
        let errors = findings.filter { $0.severity == .error }
        guard errors.isEmpty else {
            let what = errors.count == 1 ? "There is 1 error" : "There are \(errors.count) errors"
            throw Problem(.invalidManifest, "\(what); nothing was applied. \(errors[0].description)", members: ["errors": .array(errors.map(\.json))])
        }
        return (documents, findings, notes)
    }

    /// Parses the files and lints the set that would result.
    private func parse(_ call: Call) async throws -> (
        documents: [ParsedManifest], findings: [ManifestFinding], notes: [ManifestFinding]
    ) {
        let parsed = ManifestParser.parse(try Self.files(call.body))
        let stored = try await self.store.manifests().compactMap(\.manifest)
        return (parsed.manifests, Lint.check(parsed, stored: stored), Lint.notes(parsed, stored: stored))
    }

    private static func files(_ body: Fields) throws(Problem) -> [SourceFile] {
        let items = try body.array("files")
        guard (1...Limits.files).contains(items.count) else {
            throw Fields.fault("files", "out-of-range", "must hold 1 to \(Limits.files) files, and holds \(items.count)")
        }
        var files: [SourceFile] = []
        for (index, item) in items.enumerated() {
            guard let fields = item.objectValue, let name = fields["name"]?.stringValue, let text = fields["text"]?.stringValue, fields.count == 2,
                (1...Limits.text).contains(name.count)
            else { throw Fields.fault("files", "wrong-type", "element \(index) must be {\"name\": …, \"text\": …}") }
            files.append(SourceFile(name: name, text: text))
        }
        return files
    }

    /// `{"Policy/transcode": 7}`; 0 stands for “there is none yet”.
    private static func expected(_ body: Fields) throws(Problem) -> [Manifest.Reference: Int] {
        var expected: [Manifest.Reference: Int] = [:]
        for (key, value) in try body.object("expected") ?? [:] {
            let parts = key.split(separator: "/", maxSplits: 1)
            guard parts.count == 2, let kind = Manifest.Kind(rawValue: String(parts[0])) else {
                throw Fields.fault("expected", "wrong-type", "has “\(key.prefix(64))”, which is not KIND/NAME")
            }
            guard let version = value.intValue, (0...Int64(Int32.max)).contains(version) else {
                throw Fields.fault("expected", "wrong-type", "must say a version number for \(key.prefix(64))")
            }
            expected[Manifest.Reference(kind: kind, name: String(parts[1]))] = Int(version)
        }
        return expected
    }
}
