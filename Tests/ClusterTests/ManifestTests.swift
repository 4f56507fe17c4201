import Foundation
import Model
import Testing

extension WholeClusters.Leaders {
    /// A bad policy, what is wrong with it, and where: the position is of the words in `at`.
    struct BadPolicy: Sendable, CustomTestStringConvertible {
        var name: String
        var text: String
        var at: String
        var says: String
        var testDescription: String { self.name }
    }

    private static func policy(_ name: String, _ lines: String) -> String {
        """
        kind: Policy
        name: \(name)
        selector: { services: [bad-manifests], regions: [here] }
        \(lines)

        """
    }

    private static let metrics = "metrics: [{ name: load, source: { connection: load, sql: select 1 } }]"
    private static let rules = "rules: [{ track: { metric: load, averageValue: 10 } }]"

    static let bad = [
        BadPolicy(
            name: "unknown field", text: policy("bad", "maxReplica: 4\nmaxReplicas: 4\n\(metrics)\n\(rules)"), at: "maxReplica:",
            says: "unknown field “maxReplica”; did you mean “maxReplicas”?"),
        BadPolicy(
            name: "duplicate name",
            text: policy("bad", "maxReplicas: 4\n\(metrics)\n\(rules)") + "---\n" + policy("bad", "maxReplicas: 5\n\(metrics)\n\(rules)"),
            at: "bad\nselector", says: "Policy/bad stands twice; the first is at "),
        BadPolicy(
            name: "min above max", text: policy("bad", "minReplicas: 9\nmaxReplicas: 4\n\(metrics)\n\(rules)"), at: "9",
            says: "minReplicas 9 is above maxReplicas 4"),
        BadPolicy(
            name: "a rule with an unknown metric",
            text: policy("bad", "maxReplicas: 4\n\(metrics)\nrules: [{ track: { metric: laod, averageValue: 10 } }]"), at: "laod",
            says: "the policy has no metric “laod”; did you mean “load”?"),
        BadPolicy(
            name: "a rule without a metric", text: policy("bad", "maxReplicas: 4\n\(metrics)\nrules: [{ track: { averageValue: 10 } }]"), at: "{ averageValue",
            says: "metric"),
        BadPolicy(
            name: "a metric that no rule names",
            text: policy(
                "bad",
                """
                maxReplicas: 4
                metrics:
                  - { name: load, source: { connection: load, sql: select 1 } }
                  - { name: queue, source: { connection: load, sql: select 1 } }
                \(rules)
                """), at: "{ name: queue", says: "no rule, no emergency and no guard names the metric “queue”"),
        BadPolicy(
            name: "overlapping policies",
            text: policy("bad-1", "maxReplicas: 4\n\(metrics)\n\(rules)") + "---\n" + policy("bad-2", "maxReplicas: 5\n\(metrics)\n\(rules)"), at: "",
            says: "bad-1"),
    ]

    @Test("a manifest with a mistake is refused with file, line and column, and nothing of the file is applied", arguments: bad)
    func badManifest(_ bad: BadPolicy) async throws {
        let cluster = try TestCluster.current
        try await Platform(cluster: cluster).prepare()
        let folder = try temporaryFolder("manifests")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = "\(folder)/media.yaml"
        // A good document stands first: it is not applied either.
        let service = "kind: Service\nname: bad-manifests\nworkloads: { here: { driver: manual } }\n---\n"
        let text = service + bad.text
        try write(text, to: file)
        let before = try await cluster.number("select count(*) from muster.manifest_version")

        for command in [["apply"], ["lint"], ["lint", "--offline"]] {
            let ran = try await cluster.muster(command + ["-f", file])
            #expect(ran.status == 1, "\(ran)")
            #expect(ran.errors.contains(bad.says), "\(ran)")
            let lines = ran.errors.split(separator: "\n").filter { $0.hasPrefix("error: \(file):") }
            #expect(!lines.isEmpty, "no error names the file with line and column: \(ran)")
            if !bad.at.isEmpty {
                let place = try Self.position(of: bad.at, in: text)
                #expect(lines.contains { $0.hasPrefix("error: \(file):\(place): ") }, "not at \(place): \(ran)")
            }
        }
        let applied = try await cluster.muster(["apply", "-f", file])
        #expect(applied.errors.contains("nothing was applied"), "\(applied)")
        #expect(try await cluster.number("select count(*) from muster.manifest_version") == before)
    }

    /// `line:column` of the last place where `words` stand.
    private static func position(of words: String, in text: String) throws -> String {
        let range = try #require(text.range(of: words, options: .backwards))
        let before = text[..<range.lowerBound]
        let line = before.filter { $0 == "\n" }.count + 1
        let column = before.unicodeScalars.count - (before.lastIndex(of: "\n").map { before[...$0].unicodeScalars.count } ?? 0) + 1
        return "\(line):\(column)"
    }

    @Test("the same manifests twice make no new version; diff says by its exit code whether something would change; export applies unchanged")
    func roundTrip() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        try await platform.prepare()
        let manifests = Platform.manifests("round-trip", .init(mode: "dryRun"))
        let first = try await cluster.muster(["diff", "-f", "-"], input: manifests)
        #expect(first.status == 3 && first.output.contains("Policy/round-trip  new (not applied)"), "\(first)")
        let applied = try await cluster.succeed(["apply", "-f", "-"], input: manifests)
        #expect(applied.contains("Policy/round-trip  v1 applied (#"), "\(applied)")

        let versions = try await cluster.number("select count(*) from muster.manifest_version")
        let again = try await cluster.succeed(["apply", "-f", "-"], input: manifests)
        #expect(again.contains("Policy/round-trip  v1 unchanged"), "\(again)")
        let same = try await cluster.muster(["diff", "-f", "-"], input: manifests)
        #expect(same.status == 0 && same.output.isEmpty, "\(same)")
        let changed = manifests.replacingOccurrences(of: "maxReplicas: 8", with: "maxReplicas: 9")
        let other = try await cluster.muster(["diff", "-f", "-"], input: changed)
        #expect(other.status == 3 && other.output.contains("maxReplicas:  8 -> 9"), "\(other)")
        let clean = try await cluster.muster(["lint", "-f", "-"], input: manifests)
        #expect(clean.status == 0 && clean.output.hasSuffix("ok\n"), "\(clean)")

        let exported = try await cluster.succeed(["export"])
        #expect(exported.contains("name: round-trip"))
        let reapplied = try await cluster.succeed(["apply", "-f", "-"], input: exported)
        #expect(reapplied.split(separator: "\n").allSatisfy { $0.hasSuffix("unchanged") }, "\(reapplied)")
        #expect(try await cluster.number("select count(*) from muster.manifest_version") == versions)
        #expect(try await cluster.succeed(["export"]) == exported)
    }
}
