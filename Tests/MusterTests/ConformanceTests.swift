import Foundation
import Model
import Testing

@Suite("Command line: conformance")
struct ConformanceTests {
    private static let good = #"{"id":"a","kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplicas":2},"expected":{"usageMilli":2}}"#
    private static let bad = #"{"id":"b\u001b[1m","kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplicas":2},"expected":{"usageMilli":1}}"#
    private static let unknown = #"{"id":"c","kind":"per-pod","inputs":{},"expected":{"usageMilli":1}}"#

    @Test("all passed: the counts of each kind, the summary as the last line, and exit code 0")
    func passes() async throws {
        let scratch = try Scratch()
        try scratch.write("{\"cases\":[\(Self.good)]}", "cases.json")
        let result = try await Program(folder: scratch.folder).run("conformance", "cases.json")
        #expect(result.code == 0)
        #expect(result.out == "KIND           PASSED  FAILED\nper-pod-usage  1       0\n\n1 passed, 0 failed\n")
        #expect(result.err.isEmpty)
        let input = try await Program(standardInput: "{\"cases\":[\(Self.good)]}").run("conformance", "-")
        #expect(input.out == result.out)
    }

    @Test("each failed case is told with what it got and what it expected, and exit code 1")
    func fails() async throws {
        let scratch = try Scratch()
        try scratch.write("{\"cases\":[\(Self.good),\(Self.bad)],\"derivedCases\":[\(Self.unknown)]}", "cases.json")
        let program = Program(folder: scratch.folder)
        let table = try await program.run("conformance", "cases.json")
        #expect(table.code == 1)
        #expect(table.err.isEmpty)
        #expect(
            table.lines == [
                "FAIL b\u{FFFD}[1m (per-pod-usage)", "     usageMilli: got 2, expected 1", "FAIL c (per-pod)",
                "     the kind “per-pod” is not known", "", "KIND           PASSED  FAILED", "per-pod-usage  1       1", "per-pod        0       1", "",
                "1 passed, 2 failed",
            ])
        let json = try await program.run("conformance", "cases.json", "--output", "json")
        #expect(json.code == 1)
        let answer = try JSON(parsing: json.out)
        #expect(answer["passed"] == 1)
        #expect(answer["failed"] == 2)
        #expect(answer["kinds"]?["per-pod-usage"] == ["passed": 1, "failed": 1])
        #expect(answer["failures"]?.arrayValue?.first?["problems"] == ["usageMilli: got 2, expected 1"])
        #expect(try await program.run("conformance", "cases.json", "-o", "name").lines == ["b\u{FFFD}[1m", "c"])
    }

    /// What the file holds, or nil for none; and the words.
    static let unusable: [(String?, String)] = [
        (nil, "error: cases.json can't be read\n"), ("{", "error: cases.json is no file of cases: expected a field name in quotes (at byte 1)\n"),
        ("{}", "error: cases.json is no file of cases: /cases: is missing\n"), (#"{"cases":[]}"#, "error: cases.json is no file of cases: /cases: is empty\n"),
    ]

    @Test("what is no file of cases is exit code 2", arguments: Self.unusable)
    func refuses(text: String?, words: String) async throws {
        let scratch = try Scratch()
        if let text { try scratch.write(text, "cases.json") }
        let result = try await Program(folder: scratch.folder).run("conformance", "cases.json")
        #expect(result.code == 2)
        #expect(result.out.isEmpty)
        #expect(result.err == words)
    }

    @Test("the documentation’s cases answer what its page says")
    func documented() async throws {
        let page = DocumentationTests.Page(path: "reference/hpa.md")
        let root = URL(fileURLWithPath: DocumentationTests.Page.folder).deletingLastPathComponent().path
        let shown = try page.blocks().map(\.text).filter { $0.hasPrefix("$ muster conformance") }
        #expect(shown.count == 2)
        for text in shown {
            let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            let words = UsageTests.words(String(try #require(lines.first)))
            let result = try await Program(folder: root).run(Array(words.dropFirst(2)))
            #expect(result.out.hasPrefix(String(try #require(lines.last))), "\(result.out)")
            #expect(result.code == (words.contains("exact") ? 1 : 0))
        }
    }
}
