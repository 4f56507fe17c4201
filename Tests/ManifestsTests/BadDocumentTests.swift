import Manifests
import Model
import Testing

/// One wrong document and the one finding it must give.
struct BadDocument: Sendable, CustomTestStringConvertible {
    var text: String
    var line: Int
    var column: Int
    var pointer: String
    var code: ManifestFinding.Code
    var words: String
    var near: String?
    var testDescription: String { "\(self.code.rawValue) \(self.pointer) \(self.words)" }

    init(_ text: String, _ line: Int, _ column: Int, _ pointer: String, _ code: ManifestFinding.Code, _ words: String, near: String? = nil) {
        (self.text, self.line, self.column, self.pointer, self.code, self.words, self.near) = (text, line, column, pointer, code, words, near)
    }

    /// The place of `§` in `text`, which goes.
    private static func marked(
        _ text: String, _ pointer: String, _ code: ManifestFinding.Code, _ words: String, near: String?
    ) -> Self {
        let parts = text.split(separator: "§", maxSplits: 1, omittingEmptySubsequences: false)
        let lines = parts[0].split(separator: "\n", omittingEmptySubsequences: false)
        return Self(parts.joined(), lines.count, lines[lines.count - 1].count + 1, pointer, code, words, near: near)
    }
    /// A policy with the field.
    static func policy(_ field: String, _ pointer: String, _ code: ManifestFinding.Code, _ words: String, near: String? = nil) -> Self {
        let text = Samples.policy(field + (field.hasPrefix("maxReplicas") ? "" : "\nmaxReplicas: 9"))
        return Self.marked(text, pointer, code, words, near: near)
    }
    /// A policy with the one rule.
    static func rule(_ rule: String, _ pointer: String, _ code: ManifestFinding.Code, _ words: String, near: String? = nil) -> Self {
        Self.marked(Samples.policy("maxReplicas: 9", rules: "rules: [\(rule)]"), pointer, code, words, near: near)
    }
    /// A policy with the one metric.
    static func metric(_ metric: String, _ pointer: String, _ code: ManifestFinding.Code, _ words: String, near: String? = nil) -> Self {
        Self.marked(Samples.policy("maxReplicas: 9", metrics: "metrics: [\(metric)]"), pointer, code, words, near: near)
    }
    static func connection(_ postgres: String, _ code: ManifestFinding.Code, _ words: String) -> Self {
        Self("kind: Connection\nname: c\npostgres: \(postgres)", 3, 11, "/postgres", code, words)
    }
    static func service(_ workload: String, _ pointer: String, _ code: ManifestFinding.Code, _ words: String, near: String? = nil) -> Self {
        Self.marked("kind: Service\nname: s\nworkloads:\n  eu: \(workload)", "/workloads/eu\(pointer)", code, words, near: near)
    }
}

@Suite("Bad documents")
struct BadDocumentTests {
    private func check(_ bad: BadDocument) {
        let parsed = Samples.parse(bad.text)
        #expect(parsed.manifests.isEmpty)
        guard parsed.findings.count == 1, let finding = parsed.findings.first else {
            Issue.record("expected one finding: \(parsed.findings)")
            return
        }
        #expect(finding.position == SourcePosition(line: bad.line, column: bad.column), "\(finding)")
        #expect(finding.pointer == bad.pointer, "\(finding)")
        #expect(finding.code == bad.code, "\(finding)")
        #expect(finding.severity == .error)
        #expect(finding.near == bad.near, "\(finding)")
        #expect(finding.message.contains(bad.words), "\(finding)")
    }

    @Test(
        "what a document is",
        arguments: [
            BadDocument("name: x", 1, 1, "", .missingField, "“kind” is missing"),
            BadDocument("just text", 1, 1, "", .wrongType, "a document is a mapping"),
            BadDocument("kind: Polcy\nname: x", 1, 7, "/kind", .unknownKind, "unknown kind “Polcy”", near: "Policy"),
            BadDocument("kind: Deployment", 1, 7, "/kind", .unknownKind, "known are Region, Connection"),
            BadDocument("kind: Scenario\nname: x", 1, 7, "/kind", .notAvailable, "not available in this version"),
            BadDocument("kind: Region", 1, 1, "", .missingField, "“name” is missing"),
            BadDocument("kind: Region\nname: EU", 2, 7, "/name", .invalidName, "lower-case"),
            BadDocument("kind: Region\nname: [a]", 2, 7, "/name", .wrongType, "“name” is a list; write a name"),
            BadDocument("kind: Region\nname:", 2, 6, "/name", .wrongType, "“name” has no value"),
            BadDocument("kind: Region\nname: a\nmaxReplica: 5", 3, 1, "/maxReplica", .unknownField, "unknown field", near: "maxReplicas"),
            BadDocument("kind: Region\nname: a\ncolour: red", 3, 1, "/colour", .unknownField, "known here: kind, name"),
            BadDocument("kind: Region\nname: a\nmaxReplicas: -1", 3, 14, "/maxReplicas", .outOfRange, "from 0 to 1000000"),
            BadDocument("kind: Region\nname: a\nmaxReplicas: 1.5", 3, 14, "/maxReplicas", .wrongType, "not a whole number"),
            BadDocument("kind: Region\nname: a\nmaxReplicas: 0x10", 3, 14, "/maxReplicas", .wrongType, "not a whole number"),
            BadDocument("kind: Region\nname: a\nmaxReplicas: \"5\"", 3, 14, "/maxReplicas", .wrongType, "not a whole number"),
            BadDocument("kind: Region\nname: a\ncostPerReplicaHour: free", 3, 21, "/costPerReplicaHour", .wrongType, "not a number"),
            BadDocument("kind: Region\nname: a\ncostPerReplicaHour: 0.0005", 3, 21, "/costPerReplicaHour", .outOfRange, "finer than a thousandth"),
            BadDocument("kind: Region\nname: a\ncostPerReplicaHour: 1e300", 3, 21, "/costPerReplicaHour", .outOfRange, "it must be from 0"),
            BadDocument("kind: Region\nname: a\nfailover: {}", 3, 11, "/failover", .missingField, "“to” is missing"),
            BadDocument("kind: Region\nname: a\nfailover: { to: [] }", 3, 17, "/failover/to", .outOfRange, "empty list"),
            BadDocument("kind: Region\nname: a\nfailover: { to: [b, a] }", 3, 21, "/failover/to/1", .contradiction, "its own load"),
            BadDocument("kind: Region\nname: a\nfailover: { to: [b], share: 0 }", 3, 29, "/failover/share", .outOfRange, "more than 0 and at most 10"),
            BadDocument("kind: Region\nname: a\nfailover: { to: [b], fade: 25h }", 3, 28, "/failover/fade", .outOfRange, "it must be from 0s to 1d"),
            BadDocument("kind: Region\nname: a\nfailover: b", 3, 11, "/failover", .wrongType, "write a mapping with to, share, fade"),
            BadDocument("kind: Budget\nname: b\nselector: { regions: [\"*\"] }", 1, 1, "", .missingField, "limits nothing"),
            BadDocument("kind: Budget\nname: b\nmaxReplicas: 5", 1, 1, "", .missingField, "“selector” is missing"),
            BadDocument("kind: Budget\nname: b\nmaxReplicas: 5\nselector: {}", 4, 11, "/selector", .missingField, "the selector is empty"),
            BadDocument("kind: Budget\nname: b\nmaxReplicas: 5\nselector: { services: [] }", 4, 23, "/selector/services", .outOfRange, "empty list"),
            BadDocument("kind: Budget\nname: b\nmaxReplicas: 5\nselector: { services: ['*', A] }", 4, 29, "/selector/services/1", .invalidName, "lower-case"),
        ])
    func documents(_ bad: BadDocument) { self.check(bad) }

    @Test(
        "policies",
        arguments: [
            BadDocument.policy("mode: §lve", "/mode", .unknownValue, "“mode” can't be “lve”", near: "live"),
            .policy("mode: §auto", "/mode", .unknownValue, "write live, dryRun, recommend or off"),
            .policy("maxReplicas: §0", "/maxReplicas", .outOfRange, "from 1"),
            .policy("minReplicas: §10", "/minReplicas", .outOfRange, "minReplicas 10 is above maxReplicas 9"),
            .policy("evaluateEvery: §500ms", "/evaluateEvery", .outOfRange, "from 1s to 1h"),
            .policy("evaluateEvery: §30", "/evaluateEvery", .wrongType, "with a unit, such as 30s"),
            .policy("evaluateEvery: §soon", "/evaluateEvery", .wrongType, "such as 30s, 5m or 2h"),
            .policy("cooldown: { up: 2m, §dwn: 1m }", "/cooldown/dwn", .unknownField, "unknown field", near: "down"),
            .policy("cooldown: §5m", "/cooldown", .wrongType, "write a mapping with up, down"),
            .policy(
                "§forecast: { metric: queue, quantile: 0.9 }", "/forecast", .notAvailable,
                "field “forecast” is not available in this version of Muster: it comes with back-testing; remove it (nothing was applied)"),
            .policy("§behaviour: {}", "/behaviour", .unknownField, "unknown field", near: "behavior"),
            .policy("verify: { rollback: §yes }", "/verify/rollback", .wrongType, "write true or false"),
            .policy("verify: { rollback: §\"true\" }", "/verify/rollback", .wrongType, "write true or false"),
            .policy("verify: { ready: §90 }", "/verify/ready", .outOfRange, "from 0 to 1"),
            .policy("emergency: §{ when: queue > 1 }", "/emergency", .missingField, "“replicas” is missing"),
            .policy("emergency: { when: \"queue >§\", replicas: max }", "/emergency/when", .invalidExpression, "is expected here"),
            .policy("emergency: { when: §queue + 1, replicas: max }", "/emergency/when", .invalidExpression, "compare it with something"),
            .policy("emergency: { when: \"queue > 5§m\", replicas: max }", "/emergency/when", .invalidExpression, "runs into a letter"),
            .policy("emergency: { when: \"change(§5m) > 1\", replicas: max }", "/emergency/when", .invalidExpression, "as in change(queue, 5m)"),
            .policy("emergency: { when: §qeue > 1, replicas: max }", "/emergency/when", .unknownMetric, "no metric “qeue”", near: "queue"),
            .policy("emergency: { when: queue > 1, replicas: §10 }", "/emergency/replicas", .outOfRange, "above maxReplicas 9"),
            .policy("emergency: { when: queue > 1, replicas: §most }", "/emergency/replicas", .wrongType, "not a whole number"),
            .policy("onMissing: [§hold]", "/onMissing/0", .wrongType, "needs exactly one word"),
            .policy("onMissing: [§hold 5]", "/onMissing/0", .wrongType, "such as 5s"),
            .policy("onMissing: [hold 5m, §secondary]", "/onMissing/1", .contradiction, "no metric has a “secondary” source"),
            .policy("onMissing: [§secondary 5m]", "/onMissing/0", .wrongType, "takes no word after it"),
            .policy("onMissing: [§lastgood 5m]", "/onMissing/0", .unknownValue, "unknown step", near: "lastGood"),
            .policy("onMissing: [§replicas 99]", "/onMissing/0", .outOfRange, "above maxReplicas 9"),
            .policy("onMissing: §hold 5m", "/onMissing", .wrongType, "write a list"),
            .policy("combine: §sum", "/combine", .unknownValue, "write max or weighted"),
        ])
    func policies(_ bad: BadDocument) { self.check(bad) }

    @Test(
        "presets and behaviour",
        arguments: [
            BadDocument.policy("preset: §ballanced", "/preset", .unknownValue, "“preset” can't be", near: "balanced"),
            .policy("preset: §[balanced]", "/preset", .wrongType, "write conservative, balanced or aggressive"),
            .policy("arithmetic: §ieee", "/arithmetic", .unknownValue, "write exact or hpa"),
            .policy("behavior: §fast", "/behavior", .wrongType, "write a mapping with scaleUp, scaleDown"),
            .policy("behavior: { §scaleup: {} }", "/behavior/scaleup", .unknownField, "unknown field", near: "scaleUp"),
            .policy(
                "behavior: { scaleUp: { §stabilizationWindow: 5m } }", "/behavior/scaleUp/stabilizationWindow", .unknownField,
                "known here: stabilizationWindowSeconds"),
            .policy(
                "behavior: { scaleUp: { stabilizationWindowSeconds: §5m } }",
                "/behavior/scaleUp/stabilizationWindowSeconds", .wrongType, "whole number; write one from 0 to 3600"),
            .policy(
                "behavior: { scaleUp: { stabilizationWindowSeconds: §3601 } }", "/behavior/scaleUp/stabilizationWindowSeconds", .outOfRange, "from 0 to 3600"),
            .policy("behavior: { scaleDown: { selectPolicy: §min } }", "/behavior/scaleDown/selectPolicy", .unknownValue, "can't be “min”", near: "Min"),
            .policy("behavior: { scaleDown: { tolerance: §-0.1 } }", "/behavior/scaleDown/tolerance", .outOfRange, "from 0 to 10"),
            .policy("behavior: { scaleDown: { policies: §[] } }", "/behavior/scaleDown/policies", .outOfRange, "empty list"),
            .policy(
                "behavior: { scaleDown: { policies: [§{ type: Pods, value: 4 }] } }", "/behavior/scaleDown/policies/0", .missingField,
                "“periodSeconds” is missing"),
            .policy(
                "behavior: { scaleDown: { policies: [{ type: §Pod, value: 4, periodSeconds: 5 }] } }",
                "/behavior/scaleDown/policies/0/type", .unknownValue, "can't be “Pod”", near: "Pods"),
            .policy(
                "behavior: { scaleDown: { policies: [{ type: Pods, value: §0, periodSeconds: 5 }] } }",
                "/behavior/scaleDown/policies/0/value", .outOfRange, "from 1"),
            .policy(
                "behavior: { scaleDown: { policies: [{ type: Pods, value: 1, periodSeconds: §0 }] } }",
                "/behavior/scaleDown/policies/0/periodSeconds", .outOfRange, "from 1 to 3600"),
        ])
    func behavior(_ bad: BadDocument) { self.check(bad) }

    @Test(
        "schedules, freezes, doubt, guards and approval",
        arguments: [
            BadDocument.policy("schedule: §daily", "/schedule", .wrongType, "write a list of entries with cron"),
            .policy("schedule: [§{ cron: \"0 8 * * *\", duration: 1h }]", "/schedule/0", .missingField, "changes nothing"),
            .policy("schedule: [§{ duration: 1h, minReplicas: 2 }]", "/schedule/0", .missingField, "“cron” is missing"),
            .policy("schedule: [§{ cron: \"0 8 * * *\", minReplicas: 2 }]", "/schedule/0", .missingField, "“duration” is missing"),
            .policy("schedule: [{ cron: §\"0 8 * *\", duration: 1h, minReplicas: 2 }]", "/schedule/0/cron", .wrongType, "has 4 fields; write five"),
            .policy("schedule: [{ cron: §\"\", duration: 1h, minReplicas: 2 }]", "/schedule/0/cron", .outOfRange, "is empty"),
            .policy("schedule: [{ cron: \"0 8 * * *\", duration: §5s, minReplicas: 2 }]", "/schedule/0/duration", .outOfRange, "from 1m"),
            .policy(
                "schedule: [{ cron: \"0 8 * * *\", timeZone: §../etc, duration: 1h, minReplicas: 2 }]", "/schedule/0/timeZone", .invalidName, "no time zone"),
            .policy(
                "schedule: [{ cron: \"0 8 * * *\", timeZone: §/UTC, duration: 1h, minReplicas: 2 }]", "/schedule/0/timeZone", .invalidName, "Europe/Berlin"),
            .policy(
                "schedule: [{ cron: \"0 8 * * *\", duration: 1h, minReplicas: §10 }]",
                "/schedule/0/minReplicas", .outOfRange, "minReplicas 10 is above the policy's maxReplicas 9"),
            .policy(
                "minReplicas: 4\nschedule: [{ cron: \"0 8 * * *\", duration: 1h, maxReplicas: §3 }]",
                "/schedule/0/maxReplicas", .outOfRange, "maxReplicas 3 is below the policy's minReplicas 4"),
            .policy(
                "schedule: [{ cron: \"0 8 * * *\", duration: 1h, minReplicas: §7, maxReplicas: 3 }]",
                "/schedule/0/minReplicas", .outOfRange, "above its own maxReplicas 3"),
            .policy("freeze: [§{ cron: \"0 8 * * *\", duration: 1h }]", "/freeze/0", .missingField, "“reason” is missing"),
            .policy("freeze: [{ cron: \"0 8 * * *\", duration: 1h, reason: x, §minReplicas: 1 }]", "/freeze/0/minReplicas", .unknownField, "known here: cron"),
            .policy("plausible: §{ maxDrop: 60% }", "/plausible", .missingField, "“per” is missing"),
            .policy("plausible: { maxDrop: §0.6, per: 1m }", "/plausible/maxDrop", .wrongType, "write one such as 60%"),
            .policy("plausible: { maxDrop: §0%, per: 1m }", "/plausible/maxDrop", .outOfRange, "more than 0 and at most 100"),
            .policy("plausible: { maxDrop: §x%, per: 1m }", "/plausible/maxDrop", .wrongType, "not a number"),
            .policy("plausible: { maxDrop: 60%, per: 1m, fleetDrop: §101% }", "/plausible/fleetDrop", .outOfRange, "at most 100"),
            .policy("guards: [§{ when: queue > 1 }]", "/guards/0", .missingField, "the guard does nothing"),
            .policy("guards: [{ when: queue > 1, notify: critical, restart: §true }]", "/guards/0/restart", .contradiction, "a guard of its own"),
            .policy("guards: [{ when: queue > 1, restart: §false }]", "/guards/0/restart", .contradiction, "does nothing"),
            .policy("guards: [{ when: queue > 1, notify: §critcal }]", "/guards/0/notify", .unknownValue, "can't be", near: "critical"),
            .policy("guards: [{ when: §queue, notify: info }]", "/guards/0/when", .invalidExpression, "compare it"),
            .policy("guards: [{ when: §qeue > 1, notify: info }]", "/guards/0/when", .unknownMetric, "no metric “qeue”", near: "queue"),
            .policy("guards: [{ when: queue > 1, notify: info, atMost: §often }]", "/guards/0/atMost", .wrongType, "such as 1/10m"),
            .policy("guards: [{ when: queue > 1, notify: info, atMost: §1/10 }]", "/guards/0/atMost", .wrongType, "such as 10s"),
            .policy("guards: [{ when: queue > 1, notify: info, atMost: §0/10m }]", "/guards/0/atMost", .outOfRange, "from 1 to 1000"),
            .policy(
                "guards: [{ when: queue > 1, for: 1m, restart: true }, §{ when: \"(queue) > 1.0\", for: 60s, restart: true, atMost: 3/1h }]", "/guards/1",
                .contradiction, "does what guard 0 does, on the same condition"),
            .policy("approval: §5", "/approval", .wrongType, "write a mapping with above"),
            .policy("approval: { above: §-1 }", "/approval/above", .outOfRange, "from 0"),
            .policy("approval: §{}", "/approval", .missingField, "“above” is missing"),
            .policy("regionDownAfter: §0s", "/regionDownAfter", .outOfRange, "from 1s to 1h"),
        ])
    func terms(_ bad: BadDocument) { self.check(bad) }

    @Test(
        "metrics",
        arguments: [
            BadDocument.metric("§{ name: queue }", "/metrics/0", .missingField, "“source” is missing"),
            .metric("{ name: queue, source: §{ sql: select 1 } }", "/metrics/0/source", .missingField, "“connection” is missing"),
            .metric("{ name: queue, source: { connection: c, sql: §\" \" } }", "/metrics/0/source/sql", .outOfRange, "is empty"),
            .metric("{ name: queue, source: { connection: c, §prometheus: up } }", "/metrics/0/source/prometheus", .notAvailable, "“prometheus”"),
            .metric(
                "{ name: queue, source: { connection: c, §promtheus: up, sql: x } }",
                "/metrics/0/source/promtheus", .unknownField, "unknown", near: "prometheus"),
            .metric(
                "{ name: queue, source: { connection: c, sql: x }, window: §1m }",
                "/metrics/0/window", .wrongType, "write a mapping with last, aggregate"),
            .metric(
                "{ name: queue, source: { connection: c, sql: x }, window: { last: 1m, aggregate: §mean } }",
                "/metrics/0/window/aggregate", .unknownValue, "write avg, min"),
            .metric("{ name: queue, source: { connection: c, sql: x }, maxAge: §0s }", "/metrics/0/maxAge", .outOfRange, "from 1s"),
            .metric("{ name: queue, source: { connection: c, sql: x }, unit: §\"a\\nb\" }", "/metrics/0/unit", .outOfRange, "in one line"),
            .metric("{ name: queue, source: { connection: c, sql: §\"a\\0\" } }", "/metrics/0/source/sql", .outOfRange, "control character"),
            .metric("{ name: queue, §timeout: 1s, source: { connection: c, sql: x } }", "/metrics/0/timeout", .notAvailable, "“timeout”"),
            .metric("{ name: queue, onMissing: §5m, source: { connection: c, sql: x } }", "/metrics/0/onMissing", .wrongType, "write a list of steps"),
            .metric(
                "{ name: queue, onMissing: [§replicas 10], source: { connection: c, sql: x } }", "/metrics/0/onMissing/0", .outOfRange, "above maxReplicas 9"),
            .metric(
                "{ name: queue, onMissing: [§secondary], source: { connection: c, sql: x } }", "/metrics/0/onMissing/0", .contradiction, "has no “secondary”"),
            .metric(
                "{ name: queue, source: { connection: c, sql: x }, secondary: §{ sql: x } }", "/metrics/0/secondary", .missingField, "“connection” is missing"),
            .metric(
                "{ name: queue, source: { connection: c, sql: x }, health: { connection: c, §redis: x } }", "/metrics/0/health/redis", .notAvailable, "“redis”"),
            .metric(
                "{ name: queue, source: { connection: c, sql: x } }, { name: §queue, source: { connection: c, sql: x } }",
                "/metrics/1/name", .duplicateName, "two metrics named “queue”"),
            .metric(
                "{ name: queue, source: { connection: c, sql: x } }, §{ name: cpu, source: { connection: c, sql: x } }",
                "/metrics/1", .unusedMetric, "no rule, no emergency and no guard names the metric “cpu”"),
        ])
    func metrics(_ bad: BadDocument) { self.check(bad) }

    @Test(
        "rules",
        arguments: [
            BadDocument.rule(
                "{ track: { metric: queue, §averageUtilisation: 70, value: 1 } }",
                "/rules/0/track/averageUtilisation", .unknownField, "unknown field “averageUtilisation”", near: "averageUtilization"),
            .rule("{ track: §{ metric: queue } }", "/rules/0/track", .missingField, "the target is missing"),
            .rule("{ track: { metric: queue, value: §1, averageValue: 1 } }", "/rules/0/track/value", .contradiction, "one target"),
            .rule("{ track: { metric: queue, value: §0 } }", "/rules/0/track/value", .outOfRange, "more than 0"),
            .rule(
                "{ track: { metric: §qeue, value: 1 } }, { track: { metric: queue, value: 1 } }",
                "/rules/0/track/metric", .unknownMetric, "no metric “qeue”", near: "queue"),
            .rule("{ §demand: {} }, { track: { metric: queue, value: 1 } }", "/rules/0/demand", .notAvailable, "field “demand” is not available"),
            .rule("{ track: { metric: queue, value: 1, weight: 1 }, weight: §2 }", "/rules/0/weight", .contradiction, "keep one"),
            .rule("{ track: { metric: queue, value: 1, weight: §0 } }", "/rules/0/track/weight", .outOfRange, "more than 0"),
            .rule("{ step: { metric: queue, add: §1 } }", "/rules/0/step/add", .missingField, "never happens without “above”"),
            .rule("{ step: { metric: queue, below: §1 } }", "/rules/0/step/below", .missingField, "does nothing without “remove”"),
            .rule("{ step: §{ metric: queue } }", "/rules/0/step", .missingField, "the step says nothing"),
            .rule("{ step: { metric: queue, above: 1, add: §0 } }", "/rules/0/step/add", .outOfRange, "from 1"),
            .rule("{ step: { metric: queue, above: 1, add: §0% } }", "/rules/0/step/add", .outOfRange, "from 1%"),
            .rule("{ step: { metric: queue, above: 1, add: §lots% } }", "/rules/0/step/add", .wrongType, "whole percent"),
            .rule("{ step: { metric: queue, below: 1, remove: §101% } }", "/rules/0/step/remove", .outOfRange, "to 100%"),
            .rule(
                "{ step: { metric: queue, above: 1, add: 1, below: §2, remove: 1 } }",
                "/rules/0/step/below", .contradiction, "add and remove at once"),
            .rule("{ capacity: §{ metric: queue } }", "/rules/0/capacity", .missingField, "“perReplica” is missing"),
            .rule(
                "{ capacity: { metric: queue, perReplica: 9, upAt: 0.5, downAt: §0.5 } }",
                "/rules/0/capacity/downAt", .contradiction, "not below upAt"),
            BadDocument(Samples.policy("maxReplicas: 9", rules: "rules: []"), 6, 8, "/rules", .outOfRange, "empty list"),
        ])
    func rules(_ bad: BadDocument) { self.check(bad) }

    @Test(
        "services",
        arguments: [
            BadDocument.service("§{ driver: exec, observe: [a] }", "", .missingField, "“scale” is missing"),
            .service("{ driver: exec, observe: §[], scale: [a] }", "/observe", .outOfRange, "empty list"),
            .service("{ driver: exec, observe: [§/bin/sh, -c], scale: [a] }", "/observe/0", .outOfRange, "write no path"),
            .service("{ driver: exec, observe: [§..], scale: [a] }", "/observe/0", .outOfRange, "plain name"),
            .service("{ driver: exec, observe: §see it, scale: [a] }", "/observe", .wrongType, "write a list of words"),
            .service("{ driver: manual, §scale: [a] }", "/scale", .unknownField, "known here: driver"),
            .service("{ driver: §kubernetes, namespace: a, resource: b }", "/driver", .notAvailable, "driver “kubernetes” is not available"),
            .service("{ driver: §exce }", "/driver", .unknownValue, "unknown driver", near: "exec"),
            .service("§{ resource: x }", "", .missingField, "“driver” is missing"),
            .service("{ driver: exec, observe: [a, §\"\\uFFFE\"], scale: [a] }", "/observe/1", .outOfRange, "U+FFFE"),
            .service("{ driver: exec, observe: [a, §\"\\0\"], scale: [a] }", "/observe/1", .outOfRange, "NUL"),
            .service("§manual", "", .wrongType, "write a mapping such as { driver: manual }"),
            BadDocument("kind: Service\nname: s", 1, 1, "", .missingField, "“workloads” is missing"),
            BadDocument("kind: Service\nname: s\nworkloads: {}", 3, 12, "/workloads", .outOfRange, "is empty"),
            BadDocument("kind: Service\nname: s\nworkloads: { EU: { driver: manual } }", 3, 14, "/workloads/EU", .invalidName, "lower-case"),
            BadDocument("kind: Service\nname: s\npriority: high\nworkloads: { eu: { driver: manual } }", 3, 11, "/priority", .wrongType, "whole number"),
        ])
    func services(_ bad: BadDocument) { self.check(bad) }

    @Test(
        "connections, which never hold a secret",
        arguments: [
            BadDocument.connection("host=db password=hunter2", .secretInManifest, "(password)"),
            .connection("host=db PASSWORD = 'hunter2 x'", .secretInManifest, "(password)"),
            .connection("password hunter2", .secretInManifest, "(password)"),
            .connection("host=db sslpassword=hunter2", .secretInManifest, "(sslpassword)"),
            .connection("postgres://me:hunter2@db/x", .secretInManifest, "user:password@"),
            .connection("\"postgresql://me:p?hunter2@db/x\"", .secretInManifest, "user:password@"),
            .connection("postgresql://db/x?user=me&password=hunter2", .secretInManifest, "(password)"),
            .connection("postgresql://db/x?p%61ssword=hunter2", .secretInManifest, "(password)"),
            .connection("postgresql://me:hun/ter2@db/x", .syntax, "percent-encode"),
            .connection("mysql://me:hunter2@db/x", .syntax, "another scheme"),
            .connection("hunter2", .syntax, "neither"),
            .connection("host='hunter2", .syntax, "closing quote"),
            .connection("\"\"", .outOfRange, "is empty"),
            BadDocument("kind: Connection\nname: c", 1, 1, "", .missingField, "“postgres” is missing"),
            BadDocument("kind: Connection\nname: c\nredis: x", 3, 1, "/redis", .notAvailable, "“redis”"),
            BadDocument("kind: Connection\nname: c\npostgres: host=db\npassword: hunter2", 4, 11, "/password", .secretInManifest, "never stands in a manifest"),
            BadDocument("kind: Connection\nname: c\npostgres: host=db\npassword: { file: a }", 4, 19, "/password/file", .outOfRange, "absolute path"),
            BadDocument("kind: Connection\nname: c\npostgres: host=db\npassword: { env: 2X }", 4, 18, "/password/env", .outOfRange, "variable's name"),
            BadDocument("kind: Connection\nname: c\npostgres: host=db\npassword: { file: /a, env: B }", 4, 11, "/password", .contradiction, "two places"),
            BadDocument("kind: Connection\nname: c\npostgres: host=db\npassword: {}", 4, 11, "/password", .missingField, "names no place"),
        ])
    func connections(_ bad: BadDocument) {
        self.check(bad)
        for finding in Samples.parse(bad.text).findings {
            #expect(!finding.description.contains("hunter2") && !finding.json.text.contains("hunter2"), "the secret leaked: \(finding)")
        }
    }

    @Test(
        "text that is not YAML",
        arguments: [
            BadDocument("kind: Region\n\tname: a", 2, 1, "", .syntax, "not with tabs"),
            BadDocument("kind: [Region\nname: a", 2, 5, "", .syntax, "this is not YAML"),
            BadDocument("kind: Region\nname: \"a", 2, 9, "", .syntax, "this is not YAML"),
            BadDocument("kind: Region\nname: a\nname: b", 2, 1, "", .duplicateField, "the field “name” stands more than once"),
            BadDocument("kind: Region\nname: a\n'name': b", 2, 1, "", .duplicateField, "the field “name” stands more than once"),
            BadDocument("kind: Region\nname: *a", 2, 7, "", .syntax, "undefined alias"),
            BadDocument("kind: &k Region\nname: *a", 2, 7, "", .syntax, "“*a” names no anchor"),
            BadDocument("a: &a x\n*a : b", 2, 1, "", .syntax, "plain word"),
            BadDocument("? [a]\n: b", 1, 3, "", .syntax, "plain word"),
            BadDocument("a: &a { b: c }\n<<: *a", 2, 1, "", .syntax, "“<<” is not supported"),
            BadDocument("kind: !x Region", 1, 7, "", .syntax, "tags"),
            BadDocument("kind: !!binary aGk=", 1, 7, "", .syntax, "tags"),
            BadDocument("kind: Region\nname: a\u{0}", 2, 8, "", .syntax, "U+0000"),
            BadDocument("kind: Region\r\nname: a\u{1B}[31m", 2, 8, "", .syntax, "U+001B"),
        ])
    func syntax(_ bad: BadDocument) { self.check(bad) }

    @Test("a rule of two sorts, an unknown sort and an unknown field are each found")
    func severalInOneDocument() {
        let text = Samples.policy(
            "maxReplicas: many\nmdoe: live",
            rules: "rules: [{ trac: {} }, { track: { metric: queue, value: 1 }, step: { metric: queue, above: 1, add: 1 } }]")
        let found = Samples.parse(text).findings
        #expect(found.map(\.code).sorted { $0.rawValue < $1.rawValue } == [.contradiction, .missingField, .unknownField, .unknownField, .wrongType])
        #expect(found.map(\.near).contains("mode"))
        #expect(found.map(\.near).contains("track"))
        #expect(found.allSatisfy { $0.document == Manifest.Reference(kind: .policy, name: "p") })
    }

    @Test("a slip in one document hides neither the others nor their findings")
    func independentDocuments() {
        let text = "kind: Region\nname: a\n---\nkind: [\n---\nkind: Region\nname: B\n---\nkind: Region\nname: c\n"
        let parsed = Samples.parse(text)
        #expect(parsed.manifests.map(\.manifest.name) == ["a", "c"])
        #expect(parsed.findings.map(\.code) == [.syntax, .invalidName])
        #expect(parsed.findings.map { $0.position?.line } == [5, 7])
    }

    @Test("a name that stands twice is found over all files, with the place of the first")
    func duplicates() {
        let parsed = ManifestParser.parse([
            SourceFile(name: "a.yaml", text: "kind: Region\nname: x\n---\nkind: Budget\nname: x\nselector: {regions: ['*']}\nmaxReplicas: 5"),
            SourceFile(name: "b.yaml", text: "# c\nkind: Region\nname: x"),
        ])
        #expect(parsed.manifests.map(\.manifest.reference.description) == ["Region/x", "Budget/x"])
        #expect(parsed.findings.map(\.description) == ["b.yaml:3:7: Region/x stands twice; the first is at a.yaml:1:1"])
        #expect(parsed.findings.first?.code == .duplicateName)
    }

    @Test("findings read as people expect, and have the JSON form of a problem's errors")
    func rendering() throws {
        let text = "kind: Region\nname: a\n  \nmaxReplica: 5"
        let finding = try #require(Samples.parse(text).findings.first)
        #expect(finding.description == "media.yaml:4:1: unknown field “maxReplica”; did you mean “maxReplicas”?")
        #expect(
            finding.json == [
                "file": "media.yaml", "line": 4, "column": 1, "pointer": "/maxReplica", "document": "Region/a", "code": "unknown-field",
                "severity": "error", "message": "unknown field “maxReplica”", "near": "maxReplicas",
            ])
        #expect(
            ManifestFinding(document: .init(kind: .region, name: "a"), code: .overcommitted, severity: .warning, message: "too much").description
                == "Region/a: warning: too much")
    }
}
