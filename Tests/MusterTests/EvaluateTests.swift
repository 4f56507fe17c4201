import Foundation
import Model
import Testing

@Suite("Command line: evaluate")
struct EvaluateTests {
    /// One step of the worked timeline, `minutes` after its start; the memory of the step before goes in.
    private func step(_ scratch: Scratch, load: Int, workers: Int, minutes: Int, memory: JSON, format: String = "json") async throws -> Program.Result {
        let now = WallTime(microseconds: 1_780_000_000_000_000 + Int64(minutes) * 60_000_000)
        let input: JSON = [
            "workload": "mail/eu-west", "now": .string(now.rfc3339(fractionDigits: 3)), "observed": ["replicas": .int(Int64(workers))],
            "readings": ["mailboxes": .int(Int64(load))], "memory": memory,
        ]
        try scratch.write(Sample.mailboxes, "policy.yaml")
        try scratch.write(input.text, "case.json")
        return try await Program(folder: scratch.folder).run("evaluate", "-f", "policy.yaml", "--input", "case.json", "-o", format)
    }

    static let timeline = [(48, 1, 1), (500, 1, 1), (850, 1, 2), (1800, 2, 3), (3200, 3, 4), (3200, 4, 5), (1200, 4, 3)]

    @Test("the worked timeline comes out, memory and all")
    func timeline() async throws {
        let scratch = try Scratch()
        var memory: JSON = [:]
        for (index, row) in Self.timeline.enumerated() {
            let result = try await self.step(scratch, load: row.0, workers: row.1, minutes: index * 30, memory: memory)
            #expect(result.code == 0, "\(result.err)")
            let answer = try JSON(parsing: result.out)
            #expect(answer["decision"]?["to"]?.intValue == Int64(row.2), "\(row): \(result.out)")
            #expect(answer["decision"]?["from"]?.intValue == Int64(row.1))
            #expect(answer["decision"]?["kind"] == (row.2 > row.1 ? "up" : row.2 < row.1 ? "down" : "held"))
            memory = try #require(answer["memory"])
        }
    }

    @Test("within the cooldown the memory of the change before holds the next one back")
    func cooldown() async throws {
        let scratch = try Scratch()
        let first = try JSON(parsing: try await self.step(scratch, load: 850, workers: 1, minutes: 0, memory: [:]).out)
        let memory = try #require(first["memory"])
        let soon = try JSON(parsing: try await self.step(scratch, load: 1800, workers: 2, minutes: 1, memory: memory).out)
        #expect(soon["decision"]?["to"] == 2)
        #expect(soon["decision"]?["reasons"]?.arrayValue?.contains { $0["code"] == "cooldown" } == true, "\(soon.text)")
        let later = try JSON(parsing: try await self.step(scratch, load: 1800, workers: 2, minutes: 3, memory: memory).out)
        #expect(later["decision"]?["to"] == 3)
    }

    @Test("the table, JSON and YAML tell the same decision, the same each time")
    func formats() async throws {
        let scratch = try Scratch()
        let json = try JSON(parsing: try await self.step(scratch, load: 850, workers: 1, minutes: 0, memory: [:]).out)
        let yaml = try JSON(yaml: try await self.step(scratch, load: 850, workers: 1, minutes: 0, memory: [:], format: "yaml").out)
        #expect(yaml == json)
        let table = try await self.step(scratch, load: 850, workers: 1, minutes: 0, memory: [:], format: "table")
        let sentence = try #require(json["decision"]?["sentence"]?.stringValue)
        #expect(table.lines.first?.hasPrefix("mail/eu-west  1 -> 2") == true)
        #expect(table.out.contains(sentence))
        #expect(!table.out.contains("\u{1B}"))
        let again = try await self.step(scratch, load: 850, workers: 1, minutes: 0, memory: [:], format: "table")
        #expect(again.out == table.out)
    }

    @Test("guards that take effect stand below the decision, those that are held back with what holds them, and keep their turn")
    func guards() async throws {
        let scratch = try Scratch()
        let guards = """
            guards:
              - { when: "mailboxes > 800", notify: critical }
              - { when: "mailboxes > 700", for: 1m, restart: true }

            """
        let policy = Sample.mailboxes + guards
        try scratch.write(policy, "live.yaml")
        try scratch.write(policy.replacing("mode: live", with: "mode: dryRun"), "dry.yaml")
        let program = Program(folder: scratch.folder)
        func evaluate(_ file: String, minutes: Int, memory: JSON, _ format: String = "json") async throws -> Program.Result {
            let now = WallTime(microseconds: 1_780_000_000_000_000 + Int64(minutes) * 60_000_000)
            let input: JSON = [
                "workload": "mail/eu-west", "now": .string(now.rfc3339(fractionDigits: 3)), "observed": ["replicas": 2], "readings": ["mailboxes": 850],
                "memory": memory,
            ]
            try scratch.write(input.text, "case.json")
            let result = try await program.run("evaluate", "-f", file, "--input", "case.json", "-o", format)
            #expect(result.code == 0, "\(result.err)")
            return result
        }
        let first = try JSON(parsing: try await evaluate("live.yaml", minutes: 0, memory: [:]).out)
        #expect(first["guards"]?.arrayValue?.map { $0["effect"] } == ["notify"])
        let memory = try #require(first["memory"])
        let table = try await evaluate("live.yaml", minutes: 1, memory: memory, "table").out
        #expect(table.hasSuffix("\n\nGUARD    BECAUSE\nrestart  “mailboxes > 700” (mailboxes 850 mailboxes) for 1m\n"), "\(table)")

        // A dry run restarts nothing, at whatever evaluation.
        let dry = try await evaluate("dry.yaml", minutes: 1, memory: memory, "table").out
        let held = "restart, held back  “mailboxes > 700” (mailboxes 850 mailboxes) for 1m; the policy's mode is dryRun"
        #expect(dry.hasSuffix("\n\nGUARD               BECAUSE\n\(held)\n"), "\(dry)")
        let dryRun = try JSON(parsing: try await evaluate("dry.yaml", minutes: 1, memory: memory).out)
        #expect(dryRun["guards"]?.arrayValue?.map { $0["held"] } == ["mode"])
        let kept = try #require(dryRun["memory"])
        let live = try JSON(parsing: try await evaluate("live.yaml", minutes: 2, memory: kept).out)
        #expect(live["guards"]?.arrayValue?.map { $0["effect"] } == ["restart"] && live["guards"]?.arrayValue?.first?["held"] == nil)
        let after = try #require(live["memory"])
        #expect(try JSON(parsing: try await evaluate("live.yaml", minutes: 3, memory: after).out)["guards"] == [])
    }

    /// A replacement in the case, the exit code and the words.
    static let broken: [(String, String, Int32, String)] = [
        (#""mailboxes":850"#, #""mailbox":850"#, 1, "case.json: /readings/mailbox: is not a metric of policy “mailboxes”; did you mean “mailboxes”?"),
        (#""now""#, #""when""#, 1, "/when"),
        ("{", "", 1, "case.json"),
        ("mail/eu-west", "mail", 1, "/workload"),
    ]

    @Test("a broken case is refused with its file and place", arguments: Self.broken)
    func refuses(old: String, new: String, code: Int32, words: String) async throws {
        let scratch = try Scratch()
        _ = try await self.step(scratch, load: 850, workers: 1, minutes: 0, memory: [:])
        try scratch.write(try scratch.text("case.json").replacing(old, with: new, maxReplacements: 1), "case.json")
        let result = try await Program(folder: scratch.folder).run("evaluate", "-f", "policy.yaml", "--input", "case.json")
        #expect(result.code == code)
        #expect(result.out.isEmpty)
        #expect(result.err.hasPrefix("error: "))
        #expect(result.err.contains(words), "\(result.err)")
    }

    @Test("a file without the policy, with several, or with a fault is refused")
    func policies() async throws {
        let scratch = try Scratch()
        _ = try await self.step(scratch, load: 850, workers: 1, minutes: 0, memory: [:])
        try scratch.write(Sample.region, "region.yaml")
        try scratch.write(Sample.mailboxes + "---\n" + Sample.mailboxes.replacing("name: mailboxes\nsel", with: "name: other\nsel"), "two.yaml")
        try scratch.write(Sample.mailboxes.replacing("maxReplicas", with: "maxReplica"), "bad.yaml")
        let program = Program(folder: scratch.folder)
        let cases: [([String], Int32, String)] = [
            (["-f", "region.yaml"], 2, "holds no such policy"), (["-f", "two.yaml"], 2, "--policy"),
            (["-f", "two.yaml", "--policy", "nobody"], 2, "no such policy"),
            (["-f", "bad.yaml"], 1, "bad.yaml:6:1: unknown field “maxReplica”"),
        ]
        for (options, code, words) in cases {
            let result = try await program.run(["evaluate", "--input", "case.json"] + options)
            #expect(result.code == code, "\(options) \(result.err)")
            #expect(result.err.contains(words), "\(result.err)")
        }
        #expect(try await program.run("evaluate", "--input", "case.json", "-f", "two.yaml", "--policy", "other").code == 0)
        let missing = try await program.run("evaluate", "--input", "none.json", "-f", "policy.yaml")
        #expect(missing.code == 2)
        #expect(missing.err == "error: none.json can't be read\n")
    }
}
