import Eventually
import Foundation
import Model
import PostgresTesting
import Testing

/// What the documentation shows is run: a page that is wrong fails here.
@Suite("Documentation")
struct DocumentationTests {
    /// A fenced block: its language and its text.
    struct Block {
        var language: String
        var text: String
    }

    struct Page: Sendable, CustomTestStringConvertible {
        /// Inside `docs`.
        var path: String
        var testDescription: String { self.path }
        var text: String { get throws { try String(contentsOfFile: "\(Self.folder)/\(self.path)", encoding: .utf8) } }

        static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs").resolvingSymlinksInPath().path
        static let all: [Page] = {
            let paths = FileManager.default.enumerator(atPath: Self.folder)?.compactMap { $0 as? String } ?? []
            return paths.filter { $0.hasSuffix(".md") }.sorted().map { Page(path: $0) }
        }()

        func blocks() throws -> [Block] {
            var blocks: [Block] = []
            var open: Block?
            for line in try self.text.split(separator: "\n", omittingEmptySubsequences: false) {
                if line.hasPrefix("```") {
                    if let block = open { blocks.append(block) }
                    open = open == nil ? Block(language: String(line.dropFirst(3)), text: "") : nil
                } else {
                    open?.text += line + "\n"
                }
            }
            #expect(open == nil, "a block of \(self.path) does not end")
            return blocks
        }

        /// The page's manifests, as one file.
        func manifests() throws -> String? {
            let all = try self.blocks().filter { $0.language == "yaml" && $0.text.hasPrefix("kind:") }.map(\.text)
            return all.isEmpty ? nil : all.joined(separator: "---\n")
        }
    }

    @Test("there are pages, with manifests, cases and programs to check")
    func notEmpty() throws {
        let blocks = try Page.all.flatMap { try $0.blocks() }
        #expect(try Page.all.filter { try $0.manifests() != nil }.count >= 4)
        #expect(blocks.contains { $0.language == "json" && $0.text.contains("\"readings\"") })
        #expect(blocks.contains { $0.language == "console" && $0.text.hasPrefix("$ muster evaluate") })
        #expect(blocks.filter { $0.language == "sh" && $0.text.hasPrefix("#!/bin/sh\n# ") }.count == 3)
    }

    @Test("manifests are good as they stand, without a warning", arguments: Page.all)
    func manifests(page: Page) async throws {
        guard let manifests = try page.manifests() else { return }
        let scratch = try Scratch()
        try scratch.write(manifests, "page.yaml")
        let result = try await Program(folder: scratch.folder).run("lint", "--offline", "-f", "page.yaml")
        #expect(result.code == 0, "\(result.err)")
        #expect(result.err.isEmpty, "\(result.err)")
    }

    @Test("evaluations answer what the page says", arguments: Page.all)
    func evaluations(page: Page) async throws {
        let scratch = try Scratch()
        if let manifests = try page.manifests() { try scratch.write(manifests, "policy.yaml") }
        for block in try page.blocks() {
            if block.language == "json", block.text.contains("\"readings\"") { try scratch.write(block.text, "case.json") }
            guard block.language == "console" else { continue }
            let lines = block.text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            let words = try UsageTests.words(String(#require(lines.first)))
            try #require(words.prefix(3) == ["$", "muster", "evaluate"])
            let result = try await Program(folder: scratch.folder).run(Array(words.dropFirst(2)))
            #expect(result.code == 0, "\(result.err)")
            #expect(result.out == lines.last.map(String.init))
        }
    }

    @Test("every row of the cookbook's timeline of capacity comes out")
    func timeline() async throws {
        let page = Page(path: "guides/policies/capacity.md")
        let scratch = try Scratch()
        try scratch.write(try #require(try page.manifests()), "policy.yaml")
        let rows = try page.text.matches(of: #/\| (\d+) \| (\d+) \| (\d+) \|/#)
        #expect(rows.count == EvaluateTests.timeline.count)
        for (row, expected) in zip(rows, EvaluateTests.timeline) {
            let (load, before, after) = (try #require(Int64(row.1)), try #require(Int64(row.2)), try #require(Int64(row.3)))
            #expect((load, before, after) == (Int64(expected.0), Int64(expected.1), Int64(expected.2)))
            let input: JSON = [
                "workload": "watcher/eu-west", "now": "2026-05-28T12:00:00Z", "observed": ["replicas": .int(before)], "readings": ["mailboxes": .int(load)],
            ]
            try scratch.write(input.text, "case.json")
            let result = try await Program(folder: scratch.folder).run("evaluate", "-f", "policy.yaml", "--input", "case.json", "-o", "json")
            let to = try JSON(parsing: result.out)["decision"]?["to"]?.intValue
            #expect(to == after, "\(row.0): \(result.out)")
        }
    }

    @Test("links between pages lead somewhere", arguments: Page.all)
    func links(page: Page) throws {
        let folder = URL(fileURLWithPath: "\(Page.folder)/\(page.path)").deletingLastPathComponent()
        for match in try page.text.matches(of: #/\]\(([^)#:]+)(#[^)]*)?\)/#) {
            let target = folder.appendingPathComponent(String(match.1)).standardized.path
            #expect(FileManager.default.fileExists(atPath: target), "\(page.path) links to \(match.1)")
        }
    }

    @Test("the reference names every command")
    func commands() throws {
        let text = try Page(path: "reference/cli.md").text
        for command in UsageTests.commands where !command.isEmpty {
            // A group is named by its commands.
            if UsageTests.commands.contains(where: { $0.count == command.count + 1 && $0.starts(with: command) }) { continue }
            #expect(text.contains("`\(command.joined(separator: " "))"), "\(command)")
        }
    }

    @Test("every key of a node's configuration in the reference exists, under its variable, and the example is accepted")
    func configuration() async throws {
        let page = Page(path: "reference/configuration.md")
        let scratch = try Scratch()
        let example = try #require(try page.blocks().first { $0.text.hasPrefix("cluster:") }?.text)
        try scratch.write(example, "node.yaml")
        try scratch.write("secret", "secrets/postgres", mode: 0o600)
        let rows = try page.text.matches(of: #/\| (`[a-zA-Z.]+`(?:, `[a-zA-Z.]+`)*) \| (`MUSTER_[A-Z_]+`(?:, `MUSTER_[A-Z_]+`)*) \|/#)
        var keys: [(String, String)] = []
        for row in rows {
            func names(_ cell: Substring) -> [String] { cell.split(separator: ", ").map { $0.trimmingCharacters(in: ["`"]) } }
            keys += zip(names(row.1), names(row.2))
            #expect(names(row.1).count == names(row.2).count)
        }
        #expect(keys.count == 24)
        for (key, variable) in keys {
            #expect(variable == "MUSTER_" + key.uppercased().replacing(".", with: "_"))
            let nested = key.split(separator: ".").reversed().reduce("x") { "{ \($1): \($0) }" }
            try scratch.write(nested + "\n", "key.yaml")
            let result = try await Program(folder: scratch.folder).run("doctor", "--config", "key.yaml")
            #expect(!result.out.contains("unknown key"), "\(key): \(result.out)")
        }
        let result = try await Program(
            environment: ["MUSTER_POSTGRES_DSN": "host=127.0.0.1 port=1 dbname=muster user=muster_node"], folder: scratch.folder
        ).run("doctor", "--config", "node.yaml", "-o", "json")
        let items = try #require(try JSON(parsing: result.out)["items"]?.arrayValue)
        #expect(items.filter { $0["what"] == "configuration" }.map { $0["verdict"] } == ["ok"], "\(result.out)")
    }

    @Test("the guides' programs, statement and policy scale a pool for real, once for each order and never for an old leader")
    func guides() async throws {
        let page = Page(path: "guides/exec-driver.md")
        let scratch = try Scratch()
        var programs: [String: String] = [:]
        for block in try page.blocks() where block.language == "sh" {
            let name = try #require(block.text.firstMatch(of: #/^#!\/bin\/sh\n# ([a-z-]+) NAME:/#)?.1)
            programs[String(name)] = block.text.replacing("/var/lib/pool", with: scratch.path("pool"))
        }
        try scratch.write("1\n", "pool/transcode/replicas")
        let cluster = try await SmallCluster.start(programs: programs)
        try await cluster.server.execute(
            "CREATE TABLE jobs (region text, state text); INSERT INTO jobs SELECT 'eu-west', 'pending' FROM generate_series(1, 90); "
                + "CREATE ROLE muster_read LOGIN; GRANT SELECT ON jobs TO muster_read", database: cluster.databaseName)
        let connection = cluster.server.conninfo(database: cluster.databaseName, user: "muster_read")
        let manifests = try #require(try page.manifests()).replacing("host=db dbname=jobs user=muster_read", with: connection)
        try cluster.scratch.write(manifests, "guide.yaml")
        let applied = try await cluster.muster("apply", "-f", "guide.yaml")
        #expect(applied.code == 0, "\(applied.err)")
        #expect(try await cluster.muster("enable", "--reason", "the guide is followed").code == 0)
        func why() async -> String { (try? await cluster.muster("explain", "transcode/eu-west").out) ?? "" }
        try await eventually("90 jobs, 25 a replica", seen: why) { try scratch.text("pool/transcode/replicas") == "4\n" }
        try await eventually("the action is done") { try await cluster.json("get", "actions")["items"]?.arrayValue?.first?["state"] == "done" }
        #expect(try scratch.text("pool/transcode/epoch") == "1\n")

        let key = try scratch.text("pool/transcode/key").trimmingCharacters(in: .newlines)
        let orders: [([String: String], Int32)] = [
            (["REPLICAS": "9", "PREVIOUS": "4", "IDEMPOTENCY_KEY": key, "EPOCH": "1"], 0),
            (["REPLICAS": "9", "PREVIOUS": "4", "IDEMPOTENCY_KEY": "other", "EPOCH": "0"], 77),
            (["REPLICAS": "9", "PREVIOUS": "3", "IDEMPOTENCY_KEY": "other", "EPOCH": "1"], 3),
        ]
        for (environment, code) in orders {
            #expect(try self.run(cluster.scratch.path("exec.d/pool-scale"), environment) == code, "\(environment)")
            #expect(try scratch.text("pool/transcode/replicas") == "4\n")
        }
        func restart(_ key: String, epoch: Int = 1, of replicas: Int = 4) throws -> Int32 {
            try self.run(
                cluster.scratch.path("exec.d/pool-restart"),
                ["REPLICAS": "\(replicas)", "PREVIOUS": "\(replicas)", "IDEMPOTENCY_KEY": key, "EPOCH": "\(epoch)"])
        }
        for (key, epoch, replicas, code, generation) in [
            ("one", 1, 4, 0, 1), ("one", 1, 4, 0, 1), ("two", 0, 4, 77, 1), ("two", 1, 3, 3, 1), ("two", 1, 4, 0, 2),
        ] as [(String, Int, Int, Int32, Int)] {
            #expect(try restart(key, epoch: epoch, of: replicas) == code, "\(key), epoch \(epoch), of \(replicas)")
            #expect(try scratch.text("pool/transcode/generation") == "\(generation)\n")
            #expect(try scratch.text("pool/transcode/replicas") == "4\n")
        }
    }

    private func run(_ path: String, _ environment: [String: String]) throws -> Int32 {
        let program = Process()
        program.executableURL = URL(fileURLWithPath: path)
        program.arguments = ["transcode"]
        program.environment = environment.merging(["PATH": "/usr/bin:/bin"]) { $1 }
        try program.run()
        program.waitUntilExit()
        return program.terminationStatus
    }
}
