import ArgumentParser
import Foundation
import Manifests
import Model

/// Manifest files from paths: files, folders (their `.yaml`, `.yml` and `.json`, in order of names), or `-` for standard input.
struct ManifestFiles: ParsableArguments {
    @Option(name: [.customShort("f"), .customLong("file")], help: "A file, a folder, or - for standard input. May be repeated.")
    var paths: [String]

    func validate() throws {
        if self.paths.isEmpty { throw ValidationError("say which manifests: -f FILE") }
    }

    func read() throws -> [SourceFile] { try Self.read(self.paths) }

    static func read(_ paths: [String]) throws -> [SourceFile] {
        var files: [SourceFile] = []
        for path in paths {
            if path == "-" {
                files.append(SourceFile(name: "stdin", text: String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)))
                continue
            }
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { throw Failure("\(path) does not exist", exitCode: 2) }
            let names: [String]
            if isFolder.boolValue {
                names = try FileManager.default.contentsOfDirectory(atPath: path).filter { name in
                    [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
                }.sorted().map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
            } else {
                names = [path]
            }
            for name in names {
                guard let data = FileManager.default.contents(atPath: name) else { throw Failure("\(name) can't be read", exitCode: 2) }
                files.append(SourceFile(name: name, text: String(decoding: data, as: UTF8.self)))
            }
        }
        if files.isEmpty { throw Failure("there is no .yaml, .yml or .json file in \(paths.joined(separator: ", "))", exitCode: 2) }
        return files
    }

    func body() throws -> JSON {
        ["files": .array(try self.read().map { ["name": .string($0.name), "text": .string($0.text)] })]
    }
}

private func warn(_ answer: JSON) {
    for warning in answer["warnings"]?.arrayValue ?? [] { Terminal.complain(APIClient.manifestError(warning), prefix: "warning: ") }
}

/// What is good to know, as lines of the answer: they say nothing is wrong.
private func noteLines(_ answer: JSON) -> String {
    (answer["notes"]?.arrayValue ?? []).map { "note: \(APIClient.manifestError($0))\n" }.joined()
}

private func changeLines(_ changes: [JSON]) -> String {
    let changes = changes.map { change in
        let path = (change["path"]?.stringValue ?? "").dropFirst().replacingOccurrences(of: "/", with: ".")
        return (path: path, from: change["from"].map(\.cell) ?? "(none)", to: change["to"].map(\.cell) ?? "(none)")
    }
    let width = changes.map(\.path.count).max() ?? 0
    return changes.map { "  \($0.path):\(String(repeating: " ", count: width - $0.path.count))  \($0.from) -> \($0.to)\n" }.joined()
}

struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Put manifests in force, all or none.",
        discussion: "Prints what changes, then one line a document. The same manifests again change nothing.\n\nExample: muster apply -f policies/")
    @OptionGroup var files: ManifestFiles
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws {
        let answer = try await self.connect.client().post("/v1/manifests/apply", try self.files.body())
        warn(answer)
        Print.value(answer, self.output.format) {
            noteLines(answer)
                + (answer["applied"]?.arrayValue ?? []).map { item in
                    let name = "\(item.cell("kind"))/\(item.cell("name"))"
                    guard item["changed"]?.boolValue == true else { return "\(name)  v\(item.cell("version")) unchanged\n" }
                    let changes = item.cell("version") == "1" ? "" : changeLines(item["changes"]?.arrayValue ?? [])
                    return "\(changes)\(name)  v\(item.cell("version")) applied (#\(item.cell("seq")))\n"
                }.joined()
        }
    }
}

struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "What applying manifests would change.",
        discussion: "Exits 0 when nothing would change, 3 when something would.\n\nExample: muster diff -f policies/transcode.yaml")
    @OptionGroup var files: ManifestFiles
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws {
        let answer = try await self.connect.client().post("/v1/manifests/diff", try self.files.body(), changes: false)
        warn(answer)
        Print.value(answer, self.output.format) {
            (answer["documents"]?.arrayValue ?? []).filter { $0["changed"]?.boolValue == true }.map { item in
                let version = item["version"]?.intValue
                let title = version.map { "v\($0) -> v\($0 + 1) (not applied)" } ?? "new (not applied)"
                return "\(item.cell("kind"))/\(item.cell("name"))  \(title)\n" + (version == nil ? "" : changeLines(item["changes"]?.arrayValue ?? []))
            }.joined()
        }
        if answer["equal"]?.boolValue != true { throw Failure("", exitCode: 3) }
    }
}

struct LintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint", abstract: "What is wrong or doubtful in manifests.",
        discussion:
            "With a node to talk to, together with what is in force there; --offline judges the files by themselves.\n\nExample: muster lint --offline -f policies/"
    )
    @OptionGroup var files: ManifestFiles
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output
    @Flag(help: "Judge the files alone, without a cluster.")
    var offline = false

    func run() async throws {
        let answer = self.offline ? try self.judge() : try await self.connect.client().post("/v1/manifests/lint", try self.files.body(), changes: false)
        let errors = answer["errors"]?.arrayValue ?? []
        Print.value(answer, self.output.format) {
            warn(answer)
            for error in errors { Terminal.complain(APIClient.manifestError(error)) }
            return errors.isEmpty ? noteLines(answer) + "ok\n" : ""
        }
        if !errors.isEmpty { throw Failure("", exitCode: 1) }
    }

    private func judge() throws -> JSON {
        let parsed = ManifestParser.parse(try self.files.read())
        let findings = Lint.check(parsed, stored: [])
        return [
            "ok": .bool(!findings.contains { $0.severity == .error }), "errors": .array(findings.filter { $0.severity == .error }.map(\.json)),
            "warnings": .array(findings.filter { $0.severity == .warning }.map(\.json)),
            "notes": .array(Lint.notes(parsed, stored: []).map(\.json)),
        ]
    }
}

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "What is in force, as manifests that apply again.",
        discussion: """
            With --as hpa, the policies as Kubernetes HorizontalPodAutoscalers (autoscaling/v2): what those can't say is listed line by line, and the exit code is 3.

            Example: muster export > cluster.yaml
            """)
    /// What it writes.
    enum Form: String, ExpressibleByArgument, CaseIterable {
        case muster, hpa
    }
    @Option(help: "Only this kind: Region, Connection, Service, Policy or Budget. May be repeated.")
    var kind: [String] = []
    @Option(name: .customLong("as"), help: "muster, or hpa for Kubernetes HorizontalPodAutoscalers.")
    var form: Form = .muster
    @Option(name: [.customShort("f"), .customLong("file")], help: "These manifests instead of what is in force; no cluster is needed. May be repeated.")
    var paths: [String] = []
    @OptionGroup var connect: Connect

    func validate() throws {
        for kind in self.kind where Manifest.Kind(rawValue: kind) == nil {
            throw ValidationError("--kind “\(kind)” is none of \(Manifest.Kind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if self.form == .hpa, !self.kind.isEmpty { throw ValidationError("--as hpa writes policies only; leave --kind out") }
    }

    func run() async throws {
        if self.form == .muster, self.paths.isEmpty {
            Terminal.write(try await self.connect.client().getText("/v1/manifests/export", query: self.kind.map { ("kind", $0) }))
            return
        }
        let manifests = try await self.manifests().filter { self.kind.isEmpty || self.kind.contains($0.kind.rawValue) }
        guard self.form == .hpa else {
            Terminal.write(Export.yaml(manifests))
            return
        }
        let (yaml, losses) = Export.horizontalPodAutoscalers(manifests)
        Terminal.write(yaml)
        for loss in losses { Terminal.complain(loss, prefix: "lost: ") }
        if !losses.isEmpty { throw Failure("", exitCode: 3) }
    }

    private func manifests() async throws -> [Manifest] {
        let files: [SourceFile] =
            if self.paths.isEmpty {
                [SourceFile(name: "export", text: try await self.connect.client().getText("/v1/manifests/export", query: []))]
            } else {
                try ManifestFiles.read(self.paths)
            }
        let parsed = ManifestParser.parse(files)
        let errors = parsed.findings.filter { $0.severity == .error }
        guard errors.isEmpty else { throw Failure(errors.map(\.description).joined(separator: "\nerror: ")) }
        return parsed.manifests.map(\.manifest)
    }
}

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Manifests of what other autoscalers are told; needs no cluster.",
        discussion: """
            Reads Kubernetes HorizontalPodAutoscalers (autoscaling/v1 and v2), KEDA ScaledObjects and the JSON policies form. Writes manifests to standard \
            output, and to standard error a line for each thing that could not be carried over.

            Exits 0 when nothing was lost, 3 when something was, 1 when nothing could be imported.

            Example: muster import hpa.yaml > policies.yaml
            """)
    @Argument(help: "Files, folders, or - for standard input.")
    var paths: [String]
    @Option(help: "The Region of the workloads, when it exists already. Without it one of the name “default” is written as well.")
    var region: String?

    func validate() throws {
        if let region = self.region, case .some = ManifestName.objection(to: region) { throw ValidationError("--region “\(region)” is no name of a Region") }
    }

    func run() async throws {
        let result = Import.manifests(try ManifestFiles.read(self.paths), region: self.region)
        Terminal.write(result.yaml)
        for loss in result.losses { Terminal.complain(loss.description, prefix: "lost: ") }
        if result.yaml.isEmpty { throw Failure("nothing could be imported") }
        if !result.losses.isEmpty { throw Failure("", exitCode: 3) }
    }
}
