import Manifests
import Model
import Testing

@Suite("Limits")
struct LimitTests {
    private func refusal(_ text: String) -> ManifestFinding? {
        let parsed = Samples.parse(text)
        #expect(parsed.manifests.isEmpty)
        #expect(parsed.findings.count == 1)
        return parsed.findings.first
    }

    @Test("a file of the largest size is read, one byte more is refused")
    func fileSize() {
        let head = "kind: Region\nname: a\n#"
        let largest = head + String(repeating: "x", count: ManifestLimits.fileBytes - head.utf8.count)
        #expect(Samples.single(largest) == .region(Region(name: "a")))
        let finding = self.refusal(largest + "x")
        #expect(finding?.code == .tooLarge)
        #expect(finding?.message.contains("1048577 bytes") == true)
    }

    @Test("aliases that multiply are refused before they are written out")
    func aliasBomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            text += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1) ", count: 10).joined(separator: ", ") + "]\n"
        }
        #expect(self.refusal(text)?.code == .tooLarge)
        // The same as a mapping's name, where a reader would have to compare it.
        #expect(self.refusal(text + "? [*a9 ]\n: x\n")?.code == .tooLarge)
        let flat =
            "a: &a [" + Array(repeating: "x", count: 1000).joined(separator: ",") + "]\nb: [" + Array(repeating: "*a ", count: 200).joined(separator: ",") + "]"
        #expect(self.refusal(flat)?.message.contains("more than 100000 values") == true)
    }

    @Test("nesting is bounded, by hand and by aliases")
    func depth() {
        let depth = ManifestLimits.depth
        for open in ["[", "{a: "] {
            #expect(self.refusal(String(repeating: open, count: depth + 1) + "x")?.code == .syntax)
            let close = open == "[" ? "]" : "}"
            for levels in [depth + 1, 500, 5000, 200_000] {
                let finding = self.refusal(String(repeating: open, count: levels) + "x" + String(repeating: close, count: levels))
                #expect(finding?.code == .tooLarge, "\(levels) levels of \(open)")
            }
        }
        #expect(self.refusal(String(repeating: "- ", count: 100) + "x")?.code == .tooLarge)
        var text = "a0: &a0 [x]\n"
        for level in 1...depth { text += "a\(level): &a\(level) [*a\(level - 1) ]\n" }
        #expect(self.refusal(text)?.message.contains("nested deeper than 32") == true)
    }

    @Test("lists, words and names are bounded")
    func counts() {
        func codes(_ text: String) -> [ManifestFinding.Code] { Samples.parse(text).findings.map(\.code) }
        let rule = "{ track: { metric: queue, value: 1 } }"
        func rules(_ count: Int) -> String {
            Samples.policy("maxReplicas: 9", rules: "rules: [\(Array(repeating: rule, count: count).joined(separator: ", "))]")
        }
        #expect(codes(rules(ManifestLimits.rules)) == [])
        #expect(codes(rules(ManifestLimits.rules + 1)) == [.outOfRange])
        #expect(codes(rules(10_000)) == [.outOfRange])
        func policy(_ field: String, _ element: String, _ count: Int) -> String {
            Samples.policy("maxReplicas: 9\n\(field): [\(Array(repeating: element, count: count).joined(separator: ", "))]")
        }
        let recurring = "{ cron: \"0 0 * * *\", duration: 1h, minReplicas: 1 }"
        #expect(codes(policy("schedule", recurring, ManifestLimits.recurrences)) == [])
        #expect(codes(policy("schedule", recurring, ManifestLimits.recurrences + 1)) == [.outOfRange])
        func guards(_ count: Int) -> String {
            Samples.policy("maxReplicas: 9\nguards: [\((0..<count).map { "{ when: queue > \($0), notify: info }" }.joined(separator: ", "))]")
        }
        #expect(codes(guards(ManifestLimits.guards)) == [])
        #expect(codes(guards(ManifestLimits.guards + 1)) == [.outOfRange])
        let rate = Array(repeating: "{ type: Pods, value: 1, periodSeconds: 1 }", count: ManifestLimits.ratePolicies + 1).joined(separator: ", ")
        #expect(codes(Samples.policy("maxReplicas: 9\nbehavior: { scaleUp: { policies: [\(rate)] } }")) == [.outOfRange])
        #expect(
            codes(Samples.policy("maxReplicas: 9\nguards: [{ when: \"\(String(repeating: "queue > 1 or ", count: 999))queue > 1\", restart: true }]")) == [
                .invalidExpression
            ])
        let names = (0...ManifestLimits.selectorNames).map { "n\($0)" }.joined(separator: ",")
        #expect(codes("kind: Budget\nname: b\nmaxReplicas: 1\nselector: { services: [\(names)] }") == [.outOfRange])
        let statement = String(repeating: "x", count: ManifestLimits.statementBytes + 1)
        let metric = "metrics: [{ name: queue, source: { connection: jobs, sql: \(statement) } }]"
        #expect(codes(Samples.policy("maxReplicas: 9", metrics: metric)) == [.outOfRange])
        #expect(codes("kind: Region\nname: \(String(repeating: "a", count: 64))") == [.invalidName])
    }

    @Test("documents and findings of one call are bounded")
    func documents() {
        let region = "kind: Region\nname: r"
        func regions(_ numbers: ClosedRange<Int>) -> String { numbers.map { "\(region)\($0)\n---\n" }.joined() }
        let half = ManifestLimits.documents / 2
        let parsed = ManifestParser.parse([
            SourceFile(name: "a", text: regions(1...half)), SourceFile(name: "b", text: regions(half + 1...2 * half + 1)),
        ])
        #expect(parsed.manifests.count == ManifestLimits.documents)
        #expect(parsed.findings.map(\.code) == [.tooLarge])
        #expect(parsed.findings.first?.file == "b")
        #expect(self.refusal(regions(0...ManifestLimits.documents + 1))?.code == .tooLarge)
        let wrong = String(repeating: "kind: x\n---\n", count: ManifestLimits.findings + 5)
        #expect(Samples.parse(wrong).findings.count == ManifestLimits.findings)
        let fields = (0..<2000).map { "f\($0): 1\n" }.joined()
        #expect(Samples.parse(region + "\n" + fields).findings.count == ManifestLimits.findings)
    }
}
