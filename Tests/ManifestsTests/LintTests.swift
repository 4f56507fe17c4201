import Manifests
import Model
import Testing

@Suite("Lint")
struct LintTests {
    private static let region = "kind: Region\nname: eu\nmaxReplicas: 10\ncostPerReplicaHour: 0.5\n---\n"
    private static let connection = "kind: Connection\nname: jobs\npostgres: host=db\n---\n"
    private static let service = "kind: Service\nname: web\nworkloads: { eu: { driver: manual } }\n---\n"
    private static let base = Self.region + Self.connection + Self.service

    private func lint(_ text: String, stored: [Manifest] = []) -> [ManifestFinding] { Lint.check(Samples.parse(text), stored: stored) }
    private func manifests(_ text: String) -> [Manifest] { Samples.parse(text).manifests.map(\.manifest) }
    private func policy(_ fields: String = "maxReplicas: 9", rules: String = Samples.defaultRules, metrics: String = Samples.defaultMetrics) -> String {
        Self.base + Samples.policy(fields, metrics: metrics, rules: rules)
    }
    /// The only finding, with its code and place.
    private func expect(_ findings: [ManifestFinding], _ expected: String, _ words: String, near: String? = nil) {
        #expect(findings.count == 1, "\(findings)")
        guard let finding = findings.first else { return }
        let place = "\(finding.severity.rawValue) \(finding.code.rawValue) \(finding.document?.description ?? "-") \(finding.pointer)"
        #expect(place == expected)
        #expect(finding.message.contains(words), "\(finding)")
        #expect(finding.near == near)
    }

    @Test("a sound set has no findings")
    func sound() {
        #expect(self.lint(self.policy()).isEmpty, "\(self.lint(self.policy()))")
        #expect(Lint.check(self.manifests(self.policy())).isEmpty)
        #expect(Lint.check([]).isEmpty)
    }

    @Test("names that nothing defines are errors with the nearest name and their place")
    func references() {
        let text = self.policy().replacing("connection: jobs", with: "connection: job")
        self.expect(self.lint(text), "error unknown-reference Policy/p /metrics/0/source/connection", "no Connection “job”", near: "jobs")
        #expect(self.lint(text).first?.description.hasPrefix("media.yaml:18:") == true, "\(self.lint(text))")
        self.expect(
            self.lint(Self.service.replacing("eu:", with: "ue:") + Self.region), "error unknown-reference Service/web /workloads/ue", "no Region “ue”",
            near: "eu")
        self.expect(
            self.lint(self.policy().replacing("services: [\"*\"]", with: "services: [wbe]")),
            "error unknown-reference Policy/p /selector/services", "no Service “wbe”", near: "web")
        self.expect(
            self.lint(Self.base + "kind: Budget\nname: b\nmaxReplicas: 9\nselector: { regions: [mars] }"),
            "error unknown-reference Budget/b /selector/regions", "no Region “mars”; apply one")
    }

    @Test("what is stored counts as defined, and what is applied takes its place")
    func stored() {
        let stored = self.manifests(Self.base)
        #expect(self.lint(Samples.policy("maxReplicas: 9"), stored: stored).isEmpty)
        let moved = self.lint("kind: Service\nname: web\nworkloads: { us: { driver: manual } }", stored: stored)
        self.expect(moved, "error unknown-reference Service/web /workloads/us", "no Region “us”")
    }

    @Test("a document with an error is still what others mean")
    func broken() {
        let text = self.policy().replacing("postgres: host=db", with: "postgre: host=db")
        #expect(Set(self.lint(text).map(\.code)) == [.unknownField, .missingField])
        let service = self.policy().replacing("driver: manual", with: "driver: manul")
        #expect(self.lint(service).map(\.code) == [.unknownValue])
        // A stored manifest that is replaced by a broken one is not judged in its place.
        #expect(self.lint("kind: Region\nname: eu\nx: 1", stored: self.manifests(Self.base)).map(\.code) == [.unknownField])
    }

    @Test("two policies for one workload are an error at the one that is applied")
    func overlaps() {
        let second = Samples.policy("maxReplicas: 5", name: "q")
        self.expect(
            self.lint(self.policy() + "---\n" + second), "error overlapping-policies Policy/q /selector",
            "the policies “p” and “q” both select web/eu; narrow")
        let stored = self.manifests(self.policy())
        let found = self.lint(Samples.policy("maxReplicas: 5", name: "a"), stored: stored)
        #expect(found.map(\.document?.name) == ["a"])
        #expect(found.first?.file == "media.yaml")
        #expect(found.first?.position?.line == 3)
        #expect(self.lint(Samples.policy("maxReplicas: 5"), stored: stored).isEmpty, "the same name takes its place")
        let apart = Self.base + "kind: Region\nname: us\n---\nkind: Service\nname: api\nworkloads: { eu: { driver: manual }, us: { driver: manual } }\n---\n"
        let one = Samples.policy("maxReplicas: 5", name: "a").replacing("services: [\"*\"]", with: "services: [api], regions: [us]")
        let two = Samples.policy("maxReplicas: 5", name: "b").replacing("services: [\"*\"]", with: "regions: [eu]")
        #expect(self.lint(apart + one + "---\n" + two).isEmpty)
    }

    @Test("thousands of overlapping policies give bounded findings")
    func manyOverlaps() {
        let regions = (0..<30).map { Manifest.region(Region(name: "r\($0)")) }
        let services = (0..<30).map { index in
            Manifest.service(Service(name: "s\(index)", workloads: Dictionary(uniqueKeysWithValues: (0..<30).map { ("r\($0)", .manual) })))
        }
        let policies = (0..<300).map { index in
            Manifest.policy(Policy(name: "p\(index)", selector: Selector(), maxReplicas: 5, metrics: [], rules: []))
        }
        let found = Lint.check(regions + services + policies)
        #expect(found.filter { $0.code == .overlappingPolicies }.count == 100)
        #expect(found.first { $0.code == .overlappingPolicies }?.message.contains("s0/r0 and 899 more") == true)
    }

    @Test("a selector without workloads is a warning")
    func selectsNothing() {
        let text = Self.base + "kind: Region\nname: us\n---\n" + Samples.policy("maxReplicas: 9").replacing("services: [\"*\"]", with: "regions: [us]")
        self.expect(self.lint(text), "warning selects-nothing Policy/p /selector", "selects no workload")
    }

    @Test("minimums over a ceiling are a warning at the ceiling")
    func overcommitted() {
        let greedy = Samples.policy("minReplicas: 11\nmaxReplicas: 19")
        self.expect(self.lint(Self.base + greedy), "warning overcommitted Region/eu /maxReplicas", "add up to 11 replicas, more than the ceiling of 10")
        let budget = "---\nkind: Budget\nname: b\nselector: { services: [web] }\n"
        let modest = Self.base + Samples.policy("minReplicas: 4\nmaxReplicas: 19")
        self.expect(self.lint(modest + budget + "maxReplicas: 3"), "warning overcommitted Budget/b /maxReplicas", "4 replicas, more than the ceiling of 3")
        self.expect(self.lint(modest + budget + "maxCostPerHour: 1.5"), "warning overcommitted Budget/b /maxCostPerHour", "2 an hour")
        #expect(self.lint(modest + budget + "maxCostPerHour: 2\nmaxReplicas: 4").isEmpty)
        #expect(self.lint(modest.replacing("minReplicas: 4", with: "mode: off\nminReplicas: 11")).isEmpty)
        // Warnings about what the files do not touch were given before.
        #expect(self.lint("kind: Region\nname: us", stored: self.manifests(Self.base + greedy)).isEmpty)
    }

    @Test(
        "thresholds that re-trigger each other are warnings, others are not",
        arguments: [
            ("{ step: { metric: queue, above: 70, add: 1, below: 40, remove: 1 } }", 1, true),
            ("{ step: { metric: queue, above: 70, add: 1, below: 30, remove: 1 } }", 1, false),
            ("{ step: { metric: queue, above: 70, add: 1, below: 40, remove: 1 } }", 2, false),
            ("{ step: { metric: queue, above: 70, add: 1, below: 30, remove: 3 } }", 1, true),
            ("{ step: { metric: queue, above: 70, add: 100%, below: 40, remove: 1 } }", 2, true),
            ("{ step: { metric: queue, above: 70, add: 1, below: 40, remove: 90% } }", 4, false),
            ("{ step: { metric: queue, above: 25, add: 1, below: 5, remove: 1 } }", 2, false),
            ("{ step: { metric: queue, above: -5, add: 1, below: -9, remove: 1 } }", 2, false),
            ("{ capacity: { metric: queue, perReplica: 9, upAt: 0.8, downAt: 0.3 } }", 1, false),
            ("{ capacity: { metric: queue, perReplica: 9, upAt: 0.8, downAt: 0.4 } }", 1, true),
            ("{ capacity: { metric: queue, perReplica: 9, upAt: 0.8, downAt: 0.4 } }", 2, false),
            ("{ capacity: { metric: queue, perReplica: 9, upAt: 0.8, downAt: 0.3, step: 9 } }", 1, false),
            ("{ capacity: { metric: queue, perReplica: 9, upAt: 0.8, downAt: 0.3, step: 5 } }", 0, true),
        ])
    func flapping(_ rule: String, _ least: Int, _ flaps: Bool) {
        let found = self.lint(self.policy("minReplicas: \(least)\nmaxReplicas: 9", rules: "rules: [\(rule)]"))
        #expect(found.map(\.code) == (flaps ? [.flapping] : []), "\(found)")
        #expect(found.allSatisfy { $0.severity == .warning && $0.position?.line == 20 }, "\(found)")
    }

    @Test("a policy that cannot move is a warning")
    func neverMoves() {
        self.expect(self.lint(self.policy("minReplicas: 9\nmaxReplicas: 9")), "warning never-moves Policy/p /maxReplicas", "both 9")
        let up = "rules: [{ step: { metric: queue, above: 1, add: 1 } }]"
        self.expect(self.lint(self.policy(rules: up)), "warning never-moves Policy/p /rules", "ever remove replicas")
        let down = "rules: [{ step: { metric: queue, below: 1, remove: 1 } }]"
        self.expect(self.lint(self.policy(rules: down)), "warning never-moves Policy/p /rules", "ever add replicas")
        #expect(
            self.lint(self.policy(rules: "rules: [{ step: { metric: queue, above: 9, add: 1 } }, { step: { metric: queue, below: 1, remove: 1 } }]")).isEmpty)
    }

    @Test("steps that are never reached, emergencies without effect and windows that contradict are warnings")
    func doubtful() {
        self.expect(
            self.lint(self.policy("maxReplicas: 9\nonMissing: [replicas 5, hold 5m]")), "warning unreachable-step Policy/p /onMissing/1", "never reached")
        self.expect(
            self.lint(self.policy("minReplicas: 3\nmaxReplicas: 9\nemergency: { when: queue > 1, replicas: 3 }")),
            "warning contradiction Policy/p /emergency/replicas", "never does anything")
        let metric = "metrics: [{ name: queue, source: { connection: jobs, sql: select 1 }, WINDOW }]"
        self.expect(
            self.lint(self.policy(metrics: metric.replacing("WINDOW", with: "maxAge: 10s"))),
            "warning contradictory-windows Policy/p /metrics/0/maxAge", "stale at once")
        self.expect(
            self.lint(self.policy(metrics: metric.replacing("WINDOW", with: "window: { last: 29s, aggregate: rate }"))),
            "warning contradictory-windows Policy/p /metrics/0/window/last", "at least 30s")
    }

    @Test("manifests made in code are checked like those from text")
    func fromCode() {
        let metric = Metric(name: "queue-depth", source: .sql(connection: "jobs", statement: "select 1"))
        let policy = Policy(
            name: "p", selector: Selector(), minReplicas: 5, maxReplicas: 3, metrics: [metric],
            rules: [Rule(.track(.init(metric: "cpu", target: .value(Quantity(1)))))],
            emergency: .init(when: .comparison(.greater, .arithmetic(.subtract, .metric("queue"), .metric("depth")), .number(.zero)), replicas: .max))
        let found = Lint.check(self.manifests(Self.base) + [.policy(policy), .region(Region(name: "eu"))])
        let errors = found.filter { $0.severity == .error }
        #expect(
            errors.map { "\($0.code.rawValue) \($0.pointer)" }.sorted() == [
                "duplicate-name /name", "out-of-range /minReplicas", "unknown-metric /emergency/when", "unknown-metric /emergency/when",
                "unknown-metric /rules/0/track/metric", "unused-metric /metrics/0",
            ])
        #expect(errors.contains { $0.near == "`queue-depth`" && $0.message.contains("backticks") })
        #expect(errors.allSatisfy { $0.file == nil && $0.position == nil })
    }
}
