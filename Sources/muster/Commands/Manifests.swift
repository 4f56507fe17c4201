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

    func read() throws -> [SourceFile] {
        var files: [SourceFile] = []
        for path in self.paths {
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
        if files.isEmpty { throw Failure("there is no .yaml, .yml or .json file in \(self.paths.joined(separator: ", "))", exitCode: 2) }
        return files
    }

    func body() throws -> JSON {
        ["files": .array(try self.read().map { ["name": .string($0.name), "text": .string($0.text)] })]
    }
}

private func warn(_ answer: JSON) {
    for warning in answer["warnings"]?.arrayValue ?? [] { Terminal.complain(APIClient.manifestError(warning), prefix: "warning: ") }
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
            (answer["applied"]?.arrayValue ?? []).map { item in
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
            return errors.isEmpty ? "ok\n" : ""
        }
        if !errors.isEmpty { throw Failure("", exitCode: 1) }
    }

    private func judge() throws -> JSON {
        let parsed = ManifestParser.parse(try self.files.read())
        let findings = Lint.check(parsed, stored: [])
        return [
            "ok": .bool(!findings.contains { $0.severity == .error }), "errors": .array(findings.filter { $0.severity == .error }.map(\.json)),
            "warnings": .array(findings.filter { $0.severity == .warning }.map(\.json)),
        ]
    }
}

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "What is in force, as manifests that apply again.", discussion: "Example: muster export > cluster.yaml")
    @Option(help: "Only this kind: Region, Connection, Service, Policy or Budget. May be repeated.")
    var kind: [String] = []
    @OptionGroup var connect: Connect

    func run() async throws {
        Terminal.write(try await self.connect.client().getText("/v1/manifests/export", query: self.kind.map { ("kind", $0) }))
    }
}
