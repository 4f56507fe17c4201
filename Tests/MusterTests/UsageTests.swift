import Foundation
import Testing

@Suite("Command line: usage")
struct UsageTests {
    static let commands: [[String]] = [
        [], ["status"], ["get"], ["explain"], ["apply"], ["diff"], ["lint"], ["export"], ["import"], ["evaluate"], ["conformance"], ["scale"], ["pause"],
        ["resume"], ["approve"], ["reject"], ["enable"],
        ["disable"], ["leader"], ["leader", "resign"], ["audit"], ["audit", "list"], ["audit", "verify"], ["token"], ["token", "create"],
        ["token", "list"], ["token", "revoke"], ["doctor"], ["node"], ["node", "run"], ["cluster"], ["cluster", "init"], ["ca"], ["ca", "issue"],
        ["ca", "renew"], ["ca", "rotate"], ["ca", "deny"], ["ca", "allow"], ["ca", "denied"],
    ]

    /// The last line of a command's help.
    private func example(_ command: [String]) async throws -> String {
        let help = try await Program().run(command + ["--help"])
        #expect(help.code == 0)
        #expect(help.err.isEmpty)
        let lines = help.lines.suffix(2)
        #expect(lines.first == "EXAMPLE:", "\(command): \(help.out)")
        return try #require(lines.last).trimmingCharacters(in: .whitespaces)
    }

    @Test("every help ends with an example", arguments: Self.commands)
    func help(command: [String]) async throws {
        let example = try await self.example(command)
        #expect(example.hasPrefix(command.isEmpty ? "muster status" : "muster " + command.joined(separator: " ")))
    }

    @Test("the help names every command, so the list above is complete")
    func complete() async throws {
        for parent in Set(Self.commands.filter { !$0.isEmpty }.map { Array($0.dropLast()) }) {
            let help = try await Program().run(parent + ["--help"])
            let listed = try #require(help.out.split(separator: "SUBCOMMANDS:\n").last).split(separator: "\n")
                .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.contains("See '") && !$0.hasPrefix("  muster ") }
                .compactMap { $0.split(separator: " ").first.map(String.init) }
            #expect(Set(listed) == Set(Self.commands.filter { $0.count == parent.count + 1 && $0.starts(with: parent) }.compactMap(\.last)))
        }
    }

    /// A shell runs each example as it stands, with a node that nobody runs: whatever it says, it is not about usage.
    @Test("every example is a command that is understood", arguments: Self.commands)
    func examples(command: [String]) async throws {
        var example = try await self.example(command)
        if let redirect = example.range(of: " > ") { example = String(example[..<redirect.lowerBound]) }
        let scratch = try Scratch()
        for name in ["policies/transcode.yaml", "policy.yaml"] { try scratch.write(Sample.region, name) }
        for name in ["case.json", "cases.json"] { try scratch.write("{}", name) }
        try scratch.write(ImportTests.hpa, "hpa.yaml")
        let words = Self.words(
            example.replacingOccurrences(of: "/etc/muster", with: scratch.folder).replacingOccurrences(of: "host=pg1", with: "host=127.0.0.1 port=1"))
        #expect(words.first == "muster")
        let result = try await Program(environment: ["MUSTER_URL": "https://127.0.0.1:1", "MUSTER_TOKEN": "t"], folder: scratch.folder)
            .run(Array(words.dropFirst()))
        #expect(!result.err.contains("Usage:") && !result.err.contains("crashed"), "\(example): \(result.err)")
        #expect([0, 1, 2, 5].contains(result.code), "\(example): \(result.err)")
    }

    /// Splits at spaces outside double quotes.
    static func words(_ line: String) -> [String] {
        var words = [""], quoted = false
        for character in line {
            if character == "\"" { quoted.toggle() } else if character == " ", !quoted { words.append("") } else { words[words.count - 1].append(character) }
        }
        return words.filter { !$0.isEmpty }
    }

    static let wrong: [([String], String)] = [
        (["frobnicate"], "Unexpected argument 'frobnicate'"),
        (["status", "--frobnicate"], "Unknown option '--frobnicate'"),
        (["get"], "Missing expected argument '<kind>'"),
        (["get", "frogs"], "“frogs” is none of actions, approvals, budgets, decisions"),
        (["get", "nodes", "--limit", "0"], "--limit is 1 to 10000"),
        (["get", "nodes", "--limit", "many"], "The value 'many' is invalid"),
        (["get", "nodes", "-o", "xml"], "The value 'xml' is invalid"),
        (["audit", "list", "--limit", "10001"], "--limit is 1 to 10000"),
        (["apply"], "--file"),
        (["scale", "a/b", "--to", "3", "--for", "1h"], "say why"),
        (["scale", "a/b", "--for", "1h", "--reason", "because"], "say how many"),
        (["scale", "a/b", "--to", "3", "--reason", "because"], "always has an end"),
        (["scale", "a/b", "--to", "3", "--reason", "because", "--for", "1h", "--until", "2030-01-01T00:00:00Z"], "either --for or --until"),
        (["scale", "a/b", "--end", "--to", "3"], "--end takes no number"),
        (["pause", "all", "--for", "1h", "--reason", "why"], "at least 5 characters"),
        (["pause", "all", "--reason", "because"], "a hold always has an end"),
        (["pause", "all", "--for", "soon", "--reason", "because"], "“soon” is not a duration such as 30m"),
        (["pause", "all", "--until", "noon", "--reason", "because"], "“noon” is not a time"),
        (["approve"], "Missing expected argument '<what>'"),
        (["approve", "a/b", "--reason", "why"], "at least 5 characters"),
        (["reject"], "Missing expected argument '<what>'"),
        (["enable"], "--reason"),
        (["leader", "resign", "--reason", "x"], "at least 5 characters"),
        (["leader", "resign", "--reason", "because", "--to"], "Missing value for '--to"),
        (["token", "create", "--name", "ci", "--role", "viewer"], "always has an end"),
        (["evaluate", "-f", "x.yaml"], "--input"),
        (["conformance"], "Missing expected argument '<file>'"),
        (["conformance", "cases.json", "--arithmetic", "roman"], "--arithmetic"),
        (["import"], "Missing expected argument '<paths>"),
        (["import", "x.yaml", "--region", "EU West"], "is no name of a Region"),
        (["export", "--as", "keda"], "The value 'keda' is invalid"),
        (["export", "--as", "hpa", "--kind", "Policy"], "leave --kind out"),
        (["export", "--kind", "Polizei"], "“Polizei” is none of Region"),
        (["cluster", "init"], "Missing expected argument"),
        (["ca", "issue"], "Missing expected argument"),
        (["ca", "deny", "--reason", "stolen key"], "say what"),
        (["ca", "deny", "--node", "b", "--serial", "0a", "--reason", "stolen key"], "say what"),
        (["ca", "deny", "--node", "b"], "--reason"),
        (["ca", "allow"], "say what"),
        (["node", "run"], "--config"),
        (["doctor"], "--config"),
    ]

    @Test("what is no command, no option or no value is a usage error", arguments: Self.wrong)
    func usage(arguments: [String], words: String) async throws {
        let result = try await Program(environment: ["MUSTER_URL": "https://127.0.0.1:1", "MUSTER_TOKEN": "t"]).run(arguments)
        #expect(result.code == 2)
        #expect(result.out.isEmpty)
        #expect(result.err.contains(words), "\(result.err)")
        #expect(result.err.contains("--help"), "\(result.err)")
    }

    @Test("the version is a number")
    func version() async throws {
        let result = try await Program().run("--version")
        #expect(result.code == 0)
        #expect(result.out.contains(/^[0-9]+\.[0-9]+\.[0-9]+\n$/))
    }
}
