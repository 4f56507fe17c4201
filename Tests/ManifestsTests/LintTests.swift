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

    @Test("a guard that restarts needs a way to restart each of its policy's workloads")
    func restarts() {
        let guards = "maxReplicas: 9\nguards:\n- { when: queue > 90, notify: critical }\n- { when: queue > 99, restart: true }\n"
        #expect(self.lint(self.policy(guards)).isEmpty, "a person can restart: \(self.lint(self.policy(guards)))")
        func exec(_ more: String) -> String {
            self.policy(guards).replacing("eu: { driver: manual }", with: "eu: { driver: exec, observe: [see], scale: [set]\(more) }")
        }
        #expect(self.lint(exec(", restart: [again, web]")).isEmpty, "\(self.lint(exec(", restart: [again, web]")))")
        self.expect(
            self.lint(exec("")), "error cannot-restart Policy/p /guards/1/restart",
            "web/eu can't be restarted: name a program for it (restart: [PROGRAM, …] beside observe and scale) in its service, or take this guard out")
        #expect(self.lint(exec("").replacing("restart: true", with: "notify: info")).isEmpty)
        // A service that loses its program under a policy that is stored.
        let stored = self.manifests(exec(", restart: [again, web]"))
        let service = "kind: Service\nname: web\nworkloads: { eu: { driver: exec, observe: [see], scale: [set] } }\n"
        self.expect(self.lint(service, stored: stored), "error cannot-restart Policy/p /guards/1/restart", "web/eu can't be restarted")
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
        let without = self.lint(Self.base + greedy).filter { $0.code != .unreachable }
        self.expect(without, "warning overcommitted Region/eu /maxReplicas", "add up to 11 replicas, more than the ceiling of 10")
        let budget = "---\nkind: Budget\nname: b\nselector: { services: [web] }\n"
        let modest = Self.base + Samples.policy("minReplicas: 4\nmaxReplicas: 9")
        self.expect(
            self.lint(modest + budget + "maxReplicas: 3").filter { $0.code != .unreachable }, "warning overcommitted Budget/b /maxReplicas",
            "4 replicas, more than the ceiling of 3")
        self.expect(self.lint(modest + budget + "maxCostPerHour: 1.5"), "warning overcommitted Budget/b /maxCostPerHour", "2 an hour")
        #expect(self.lint(modest + budget + "maxCostPerHour: 2\nmaxReplicas: 9").isEmpty)
        #expect(self.lint(modest.replacing("minReplicas: 4", with: "mode: off\nminReplicas: 8")).isEmpty)
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

    @Test("a behaviour that lets nothing move is a warning")
    func stuck() {
        self.expect(
            self.lint(self.policy("maxReplicas: 9\nbehavior: { scaleUp: { selectPolicy: Disabled }, scaleDown: { selectPolicy: Disabled } }")),
            "warning never-moves Policy/p /behavior", "disables each direction")
        let down = "rules: [{ step: { metric: queue, above: 9, add: 1 } }, { step: { metric: queue, below: 1, remove: 1 } }]"
        #expect(self.lint(self.policy("maxReplicas: 9\nbehavior: { scaleDown: { selectPolicy: Disabled } }", rules: down)).isEmpty)
        let percent = "policies: [{ type: Percent, value: 10, periodSeconds: 60 }]"
        let mixed = "policies: [{ type: Percent, value: 10, periodSeconds: 60 }, { type: Pods, value: 1, periodSeconds: 60 }]"
        for (least, behavior, isStuck) in [
            (0, percent, true), (1, percent, false), (0, "\(mixed), selectPolicy: Min", true), (0, mixed, false), (2, "\(mixed), selectPolicy: Min", false),
        ] {
            let found = self.lint(self.policy("minReplicas: \(least)\nmaxReplicas: 9\nbehavior: { scaleUp: { \(behavior) } }"))
            #expect(found.map(\.pointer) == (isStuck ? ["/behavior/scaleUp/policies"] : []), "\(least) \(behavior): \(found)")
            if isStuck { self.expect(found, "warning never-moves Policy/p /behavior/scaleUp/policies", "never get above 0 replicas") }
        }
    }

    @Test("a maximum that no ceiling lets anybody reach is a warning, one that some can reach is not")
    func unreachable() {
        self.expect(
            self.lint(self.policy("maxReplicas: 11")), "warning unreachable Policy/p /maxReplicas", "maxReplicas 11 can't be reached: the ceilings")
        #expect(self.lint(self.policy("maxReplicas: 10")).isEmpty)
        let budget = "\n---\nkind: Budget\nname: b\nselector: { services: [web] }\nmaxReplicas: 5"
        self.expect(self.lint(self.policy("maxReplicas: 6") + budget), "warning unreachable Policy/p /maxReplicas", "give a workload 5 at most")
        let free = self.policy("maxReplicas: 11").replacing(
            "workloads: { eu: { driver: manual } }", with: "workloads: { eu: { driver: manual }, us: { driver: manual } }")
        #expect(self.lint(free + "\n---\nkind: Region\nname: us").isEmpty)
    }

    @Test("windows that hold nothing, and those that hold more than is kept, are warnings")
    func windows() {
        let metric = "metrics: [{ name: queue, source: { connection: jobs, sql: select 1 }, window: { last: WINDOW, aggregate: avg } }]"
        let place = "warning contradictory-windows Policy/p /metrics/0/window/last"
        self.expect(self.lint(self.policy(metrics: metric.replacing("WINDOW", with: "14s"))), place, "never holds more than one sample")
        #expect(self.lint(self.policy(metrics: metric.replacing("WINDOW", with: "15s"))).isEmpty)
        #expect(self.lint(self.policy(metrics: metric.replacing("WINDOW", with: "2h8m"))).isEmpty)
        self.expect(self.lint(self.policy(metrics: metric.replacing("WINDOW", with: "2h8m1s"))), place, "longer than what is kept: the newest 512 samples")
        self.expect(
            self.lint(self.policy("maxReplicas: 9\nbehavior: { scaleDown: { stabilizationWindowSeconds: 15 } }")),
            "warning contradictory-windows Policy/p /behavior/scaleDown/stabilizationWindowSeconds", "stabilizes nothing")
        #expect(self.lint(self.policy("maxReplicas: 9\nbehavior: { scaleDown: { stabilizationWindowSeconds: 16 } }")).isEmpty)
        #expect(self.lint(self.policy("maxReplicas: 9\nbehavior: { scaleDown: { stabilizationWindowSeconds: 0 } }")).isEmpty)
        self.expect(
            self.lint(self.policy("maxReplicas: 9\nplausible: { maxDrop: 60%, per: 14s }")),
            "warning contradictory-windows Policy/p /plausible/per", "no fall is ever seen")
        for (seconds, isKnown) in [(7680, true), (7681, false)] {
            let condition = Expression.comparison(.greater, .change(metric: "queue", over: .seconds(seconds)), .number(Quantity(5)))
            let policy = Policy(
                name: "p", selector: Selector(), maxReplicas: 9, metrics: [Metric(name: "queue", source: .sql(connection: "jobs", statement: "select 1"))],
                rules: [Rule(.track(.init(metric: "queue", target: .averageValue(Quantity(25)))))], emergency: .init(when: condition, replicas: .max))
            let found = Lint.check(self.manifests(Self.base) + [.policy(policy)])
            #expect(found.map(\.pointer) == (isKnown ? [] : ["/emergency/when"]), "\(found)")
            #expect(found.allSatisfy { $0.message.contains("looks further back than is kept") })
        }
    }

    @Test("a second source that nobody asks is a warning")
    func secondary() {
        let metric = "metrics: [{ name: queue, source: { connection: jobs, sql: x }, secondary: { connection: jobs, sql: y }LADDER }]"
        self.expect(
            self.lint(self.policy(metrics: metric.replacing("LADDER", with: ""))), "warning unreachable-step Policy/p /metrics/0/secondary", "never asked")
        #expect(self.lint(self.policy(metrics: metric.replacing("LADDER", with: ", onMissing: [secondary]"))).isEmpty)
        #expect(self.lint(self.policy("maxReplicas: 9\nonMissing: [secondary]", metrics: metric.replacing("LADDER", with: ""))).isEmpty)
    }

    @Test("steps of two rules that undo each other are warnings as those of one rule are")
    func opposites() {
        func rules(_ above: Int, _ below: Int) -> String {
            "rules: [{ step: { metric: queue, above: \(above), add: 1 } }, { step: { metric: queue, below: \(below), remove: 1 } }]"
        }
        #expect(self.lint(self.policy(rules: rules(70, 30))).isEmpty)
        self.expect(self.lint(self.policy(rules: rules(70, 40))), "warning flapping Policy/p /rules/1/step", "it may flap")
        self.expect(self.lint(self.policy(rules: rules(70, 80))), "warning flapping Policy/p /rules/1/step/below", "over another rule's above 70")
    }

    @Test("failover to what does not exist is an error, one that leaves a service alone a warning")
    func failover() {
        let to = Self.base.replacing("name: eu\n", with: "name: eu\nfailover: { to: [us] }\n")
        self.expect(self.lint(to), "error unknown-reference Region/eu /failover/to/0", "no Region “us”")
        self.expect(
            self.lint(to + "kind: Region\nname: us"), "warning selects-nothing Region/eu /failover/to",
            "nobody takes the load of web/eu: the service has no workload in us")
        let both = to.replacing("eu: { driver: manual }", with: "eu: { driver: manual }, us: { driver: manual }")
        #expect(self.lint(both + "kind: Region\nname: us").isEmpty)
    }

    @Test("failover, second sources, health queries and fleetDrop apply")
    func sources() {
        let region = Self.region.replacing("maxReplicas: 10", with: "failover: { to: [us] }") + "kind: Region\nname: us\n---\n"
        let service = Self.service.replacing("eu: { driver: manual }", with: "eu: { driver: manual }, us: { driver: manual }")
        let sources = ["source: { connection: jobs, sql: x }", "secondary: { connection: jobs, sql: y }", "health: { connection: jobs, sql: z }"]
        let metrics = "metrics: [{ name: queue, \(sources.joined(separator: ", ")) }]"
        let terms = "maxReplicas: 9\nonMissing: [secondary]\nplausible: { maxDrop: 60%, per: 1m, fleetDrop: 30% }"
        let all = region + Self.connection + service + Samples.policy(terms, metrics: metrics, rules: Samples.defaultRules)
        #expect(self.lint(all).isEmpty, "\(self.lint(all))")
    }

    @Test("circular failover is noted once for each circle")
    func circles() {
        func notes(_ edges: [(String, [String])]) -> [ManifestFinding] {
            Lint.notes(
                Samples.parse(
                    edges.map { "kind: Region\nname: \($0)" + ($1.isEmpty ? "" : "\nfailover: { to: [\($1.joined(separator: ", "))] }") }.joined(
                        separator: "\n---\n")),
                stored: [])
        }
        let pair = notes([("a", ["b"]), ("b", ["a"])])
        #expect(pair.map(\.code) == [.circularFailover])
        #expect(pair.first?.description.hasPrefix("media.yaml:3:11: note: the failover is circular (a → b → a)") == true, "\(pair)")
        #expect(notes([("a", ["b"]), ("b", ["c"]), ("c", [])]).isEmpty)
        #expect(notes([("a", ["b"]), ("b", ["c"]), ("c", ["b"])]).map { $0.document?.name } == ["b"])
        #expect(notes([("a", ["b", "d"]), ("b", ["c"]), ("c", ["a"]), ("d", ["a"])]).map { $0.document?.name } == ["a", "b"])
        #expect(notes((0..<200).map { ("r\($0)", ["r\(($0 + 1) % 200)"]) }).count == 1)
    }

    @Test(
        "the fastest way between the bounds is told where it takes more than one evaluation",
        arguments: [
            ("maxReplicas: 9", Samples.defaultRules, nil),
            ("maxReplicas: 9\ncooldown: { up: 5m, down: 10m }", Samples.defaultRules, nil),
            // 1 → 5 → 10 …: 4 or double each 15 s.
            (
                "maxReplicas: 16\nbehavior: {}", Samples.defaultRules,
                "from 1 to 16 replicas takes at least 30s (3 changes), and from 16 to 1 replicas takes at least 4m45s (1 change)"
            ),
            (
                "maxReplicas: 4\ncooldown: { up: 1m }", "rules: [{ capacity: { metric: queue, perReplica: 9 } }]",
                "from 1 to 4 replicas takes at least 2m (3 changes), and from 4 to 1 replicas takes at least 30s (3 changes)"
            ),
            (
                "maxReplicas: 9\narithmetic: hpa", Samples.defaultRules,
                "from 1 to 9 replicas takes at least 30s (3 changes), and from 9 to 1 replicas takes at least 4m45s (1 change)"
            ),
            (
                "maxReplicas: 4\nbehavior: { scaleUp: { policies: [{ type: Pods, value: 1, periodSeconds: 100 }] }, scaleDown: { selectPolicy: Disabled } }",
                Samples.defaultRules, "from 1 to 4 replicas takes at least 3m30s (3 changes)"
            ),
            ("minReplicas: 1\nmaxReplicas: 900000", "rules: [{ step: { metric: queue, above: 9, add: 1 } }]", "from 1 to 900000 replicas takes more than 2h5m"),
            (
                "maxReplicas: 3\npreset: conservative", Samples.defaultRules,
                "from 1 to 3 replicas takes at least 1m45s (2 changes), and from 3 to 1 replicas takes at least 24m45s (2 changes)"
            ),
        ] as [(String, String, String?)])
    func fastestPath(_ fields: String, _ rules: String, _ words: String?) {
        let found = Lint.notes(Samples.parse(self.policy(fields, rules: rules)), stored: [])
        #expect(found.map(\.message) == (words.map { [$0] } ?? []))
        #expect(found.allSatisfy { $0.severity == .note && $0.file == "media.yaml" && $0.pointer == "/maxReplicas" })
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

    @Test(
        "guards differ in their condition, in how long it has to last, or in what they do",
        arguments: [
            "when: queue > 91, for: 1m, notify: info", "when: queue > 90, for: 2m, notify: info", "when: queue > 90, for: 1m, notify: warning",
            "when: queue > 90, for: 1m, restart: true",
        ])
    func guards(second: String) {
        let first = "when: queue > 90, for: 1m, notify: info"
        func policy(_ guards: [String]) -> String { self.policy("maxReplicas: 9\nguards:\n" + guards.map { "- { \($0) }\n" }.joined()) }
        #expect(self.lint(policy([first, second])).isEmpty)
        self.expect(
            self.lint(policy([first, second, "\(second), atMost: 5/1h"])), "error contradiction Policy/p /guards/2",
            "does what guard 1 does, on the same condition; remove one of the two")
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
