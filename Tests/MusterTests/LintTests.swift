import Model
import Testing
import Yams

@Suite("Command line: lint")
struct LintTests {
    private func lint(_ text: String, _ options: [String] = []) async throws -> Program.Result {
        let scratch = try Scratch()
        try scratch.write(text, "media.yaml")
        return try await Program(folder: scratch.folder).run(["lint", "--offline", "-f", "media.yaml"] + options)
    }

    @Test("good manifests are ok, without a cluster")
    func good() async throws {
        let result = try await self.lint(Sample.manual)
        #expect(result.code == 0)
        #expect(result.out == "ok\n")
        #expect(result.err.isEmpty)
    }

    @Test("a wrong field is told with file, line and column, and the nearest right one")
    func unknownField() async throws {
        let result = try await self.lint(Sample.manual.replacing("minReplicas: 1\n", with: "minReplica: 1\n"))
        #expect(result.code == 1)
        #expect(result.out.isEmpty)
        #expect(result.err == "error: media.yaml:19:1: unknown field “minReplica”; did you mean “minReplicas”?\n")
    }

    /// A replacement in the good manifests, and the end of the place and the words of the finding.
    static let bad: [(String, String, String)] = [
        ("minReplicas: 1\n", "minReplicas: 30\n", "30"),
        ("kind: Policy", "kind: Polizei", ":15:7: unknown kind “Polizei”"),
        ("metric: queue, averageValue", "metric: quue, averageValue", "quue"),
        ("  - track: { metric: queue, averageValue: 25 }\n", "  - track: { averageValue: 25 }\n", "metric"),
        ("name: eu-west\nmax", "name: EU West\nmax", ":2:7:"),
        ("user=reader", "user=reader password=secret", "secret"),
        ("mode: dryRun", "mode: dry", "dry"),
        ("kind: Region", "kind: [Region", "media.yaml"),
        ("---\nkind: Service", "---\nkind: Region\nname: eu-west\n---\nkind: Service", "eu-west"),
        (
            "---\nkind: Policy",
            "---\nkind: Policy\nname: other\nmaxReplicas: 3\nselector: { services: [\"*\"] }\nmetrics: [{ name: q, source: { connection: jobs, sql: \"select 1 as q\" } }]\nrules: [{ track: { metric: q, averageValue: 5 } }]\n---\nkind: Policy",
            "other"
        ),
        ("driver: manual", "driver: kubernetes", "kubernetes"),
    ]

    @Test("bad manifests are refused with their place", arguments: Self.bad)
    func refuses(old: String, new: String, words: String) async throws {
        let text = Sample.manual.replacing(old, with: new)
        try #require(text != Sample.manual)
        let result = try await self.lint(text)
        #expect(result.code == 1)
        #expect(result.err.contains(#/^error: media\.yaml:[0-9]+:[0-9]+: /#), "\(result.err)")
        #expect(result.err.contains(words), "\(result.err)")
        #expect(!result.err.contains("password=secret"), "a secret must not be repeated")
    }

    @Test("findings are data as well, and JSON and YAML say the same")
    func data() async throws {
        let text = Sample.manual.replacing("minReplicas: 1\n", with: "minReplicas: 30\n")
        let json = try await self.lint(text, ["-o", "json"])
        #expect(json.code == 1)
        let answer = try JSON(parsing: json.out)
        #expect(answer["ok"] == false)
        #expect(answer["errors"]?.arrayValue?.first?["file"] == "media.yaml")
        #expect(answer["errors"]?.arrayValue?.first?["line"]?.intValue != nil)
        let yaml = try await self.lint(text, ["-o", "yaml"])
        #expect(try JSON(yaml: yaml.out) == answer)
    }

    @Test("a folder, several files and standard input are read together")
    func files() async throws {
        let scratch = try Scratch()
        try scratch.write(Sample.region, "all/a.yaml")
        try scratch.write("{\"kind\": \"Region\", \"name\": \"eu-central\"}", "all/b.json")
        try scratch.write("not a manifest", "all/readme.md")
        var program = Program(folder: scratch.folder, standardInput: "kind: Region\nname: eu-west\n")
        #expect(try await program.run("lint", "--offline", "-f", "all").code == 0)
        let twice = try await program.run("lint", "--offline", "-f", "all/", "-f", "-")
        #expect(twice.code == 1)
        #expect(twice.err.contains("eu-west"), "\(twice.err)")
        program.standardInput = nil
        for (path, words) in [("none.yaml", "none.yaml does not exist"), ("all/none", "all/none does not exist")] {
            let missing = try await program.run("lint", "--offline", "-f", path)
            #expect(missing.code == 2)
            #expect(missing.err == "error: \(words)\n")
        }
    }
}

extension JSON {
    /// YAML read by another's parser, with its own idea of what is a number, a date or a truth value.
    init(yaml: String) throws {
        func json(_ node: Node) throws -> JSON {
            switch node {
            case .mapping(let mapping):
                return .object(try Dictionary(mapping.map { (try #require($0.key.string), try json($0.value)) }) { $1 })
            case .sequence(let sequence): return .array(try sequence.map(json))
            case .alias: throw JSONError(message: "holds an alias")
            case .scalar(let scalar):
                let tag = Resolver.default.resolveTag(of: node)
                switch tag {
                case .null: return .null
                case .bool: return .bool(scalar.string == "true")
                case .int: return .int(Int64(try #require(node.int)))
                case .float: return .double(try #require(node.float))
                default: return .string(tag == .str ? scalar.string : "\(tag.rawValue): \(scalar.string)")
                }
            }
        }
        self = try json(try #require(try Yams.compose(yaml: yaml)))
    }
}
