import Manifests
import Model
import SeededRandom

/// Good documents: the policy language's example, reduced to what this version does.
enum Samples {
    static let media = """
        kind: Region
        name: eu-west
        costPerReplicaHour: 0.12        # any currency, one per cluster
        maxReplicas: 200
        ---
        kind: Region
        name: eu-central
        ---
        kind: Connection
        name: jobs
        postgres: "host=db dbname=jobs user=muster_read sslmode=verify-full"
        password: { file: /etc/muster/secrets/jobs }
        ---
        kind: Connection
        name: metrics
        postgres: postgresql://muster_read@db/metrics?sslmode=verify-full
        password: { env: METRICS_PASSWORD }
        ---
        kind: Service
        name: transcode
        owner: team-media
        priority: 10
        startup: 40s
        workloads:
          eu-west:    { driver: manual }
          eu-central: { driver: exec, observe: [replicas, transcode], scale: [scale, transcode] }
        ---
        kind: Policy
        name: transcode
        selector: { services: [transcode], regions: ["*"] }
        mode: live
        minReplicas: 2
        maxReplicas: 20
        evaluateEvery: 15s
        metrics:
          - name: queue
            source: { connection: jobs, sql: "select region, count(*) from jobs where state = 'pending' group by region" }
            window: { last: 1m, aggregate: avg }
            maxAge: 2m
            unit: jobs
          - name: cpu
            source:
              connection: metrics
              sql: |
                select region, avg(cpu)
                from cpu
                group by region
          - name: mailboxes
            source: { connection: jobs, sql: select count(*) from mailboxes }
        rules:
          - track: { metric: cpu, averageUtilization: 70 }
          - track: { metric: queue, averageValue: 25, tolerance: 0.05 }
          - step:  { metric: queue, above: 25, add: 1, below: 5, remove: 10%, for: 30s, weight: 0.4 }
          - capacity: { metric: mailboxes, perReplica: 1000, upAt: 0.8, downAt: 0.3, step: 1 }
        combine: max
        cooldown: { up: 2m, down: 10m }
        emergency: { when: "queue > 100", replicas: max }
        onMissing: [hold 2m, lastGood 10m, replicas 6]
        verify: { ready: 0.9, within: 3m, rollback: false }
        ---
        kind: Budget
        name: fleet
        selector: { regions: ["*"] }
        maxReplicas: 500
        maxCostPerHour: 60

        """

    /// A policy with `fields` behind its first lines; the file's line 4 is the first of them.
    static func policy(_ fields: String, name: String = "p", metrics: String = defaultMetrics, rules: String = defaultRules) -> String {
        "kind: Policy\nname: \(name)\nselector: { services: [\"*\"] }\n\(fields)\n\(metrics)\n\(rules)\n"
    }
    static let defaultMetrics = "metrics: [{ name: queue, source: { connection: jobs, sql: select 1 } }]"
    static let defaultRules = "rules: [{ track: { metric: queue, averageValue: 25 } }]"

    static func parse(_ text: String, name: String = "media.yaml") -> ParsedFiles {
        ManifestParser.parse([SourceFile(name: name, text: text)])
    }

    /// The only manifest in `text`, or nil.
    static func single(_ text: String) -> Manifest? {
        let parsed = Self.parse(text)
        return parsed.findings.isEmpty && parsed.manifests.count == 1 ? parsed.manifests[0].manifest : nil
    }
}

extension Samples {
    /// Every field that ``media`` does not have.
    static let terms = """
        kind: Region
        name: eu-west
        failover: { to: [eu-central, ap-south], share: 0.75, fade: 5m }
        ---
        kind: Policy
        name: checkout
        selector: { services: [checkout] }
        minReplicas: 2
        maxReplicas: 20
        metrics:
          - name: queue
            source: { connection: jobs, sql: select 1 }
            secondary: { connection: copy, sql: select 2 }
            health: { connection: jobs, sql: select 3 }
            onMissing: [hold 1m, secondary, replicas 4]
          - name: errors
            source: { connection: jobs, sql: select 4 }
        rules:
          - track: { metric: queue, averageValue: 25 }
        preset: balanced
        behavior:
          scaleUp:
            stabilizationWindowSeconds: 0
            selectPolicy: Min
            policies:
              - { type: Pods, value: 4, periodSeconds: 15 }
              - { type: Percent, value: 100, periodSeconds: 60 }
            tolerance: 0.05
          scaleDown: { selectPolicy: Disabled }
        arithmetic: hpa
        cooldown: { down: 0s }
        schedule:
          - { cron: "0  8 * * MON-FRI", timeZone: Europe/Berlin, duration: 10h, minReplicas: 6 }
          - { cron: "0 22 * * *", duration: 8h, maxReplicas: 10 }
        freeze:
          - { cron: "0 18 * * FRI", timeZone: Europe/Berlin, duration: 62h, reason: "weekend freeze" }
        plausible: { maxDrop: 60%, per: 1m, fleetDrop: 30.5% }
        guards:
          - { when: "errors > 5", for: 2m, notify: critical }
          - { when: "errors > 90", restart: true, atMost: 2/15m }
        verify: { rollback: true }
        approval: { above: 5 }
        regionDownAfter: 45s

        """
}

/// Random manifests that a person could have written: valid on their own.
struct ManifestGenerator {
    var random: Seeded
    /// Whether expressions hold `change`, which manifests can't use yet.
    var usesChange = false
    init(seed: UInt64) { self.random = Seeded(seed: seed) }

    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self.random) }
    mutating func chance(_ percent: Int) -> Bool { self.int(1...100) <= percent }
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[self.int(0...elements.count - 1)] }
    mutating func maybe<Value>(_ make: (inout Self) -> Value) -> Value? { self.chance(50) ? make(&self) : nil }

    mutating func name() -> String {
        let words = ["a", "queue", "eu-west", "no", "true", "null", "1", "x.y", "min", "and", "jobs_2", "0", "yes", "on", "1e3", "cpu-load"]
        return self.pick(words) + (self.chance(50) ? "" : String(self.int(0...99)))
    }
    mutating func names(_ count: ClosedRange<Int>) -> [String] {
        var names: Set<String> = []
        for _ in 0..<self.int(count) { names.insert(self.name()) }
        return names.sorted()
    }
    mutating func label() -> String {
        self.pick([
            "team", "Team “Media”", "yes", "5", "5s", "~", "a: b", "# not a comment", "- x", "*all", "&one", "!tag", "it's", "say \"hi\"", "a\\b",
            "  padded  ", "ends:", "ünïcödé 🚀", "{x}", "[y]", "%", "@", "`z`", "?", "|", ">", "a #b", "\u{E000}*x &y", "x, y", "=", "<<", "0x1F",
            "1_000", ".inf", "1:30", "2024-01-01", "a  b", "\u{2028}",
        ])
    }
    mutating func statement() -> String {
        self.pick([
            "select 1", "select *\nfrom jobs\n", "select a\n\n  from b", "-- note\nselect count(*) from \"T\" where x = 'y: z' # w", "\n select 1",
            "select 1\n\n", "select\t1\r\nfrom x", "select *x, &y from t -- {a: [b]}", " select 1", "select 1 \n  \nfrom t\n",
        ])
    }
    mutating func quantity(_ range: ClosedRange<Int> = 1...1_000_000) -> Quantity {
        self.chance(50) ? Quantity(milli: Int64(self.int(range))) : Quantity(self.int(1...1000))
    }
    mutating func duration(_ seconds: ClosedRange<Int>) -> Duration { .milliseconds(self.int(seconds) * 1000 + (self.chance(20) ? 250 : 0)) }
    mutating func selector() -> Selector {
        switch self.int(0...2) {
        case 0: Selector()
        case 1: Selector(services: self.names(1...3))
        default: Selector(services: self.names(1...2), regions: self.names(1...3))
        }
    }

    mutating func manifest(_ kind: Manifest.Kind) -> Manifest {
        switch kind {
        case .region: .region(self.region())
        case .connection:
            .connection(
                Connection(
                    name: self.name(), postgres: self.pick(["host=db user=a", "postgresql://a@b:5432/c?sslmode=require", "service='x y'"]),
                    password: self.pick([nil, .file("/a b/c#d"), .environment("NO")])))
        case .service: .service(self.service())
        case .policy: .policy(self.policy())
        case .budget:
            .budget(Budget(name: self.name(), selector: self.selector(), maxReplicas: self.int(0...99), maxCostPerHour: self.maybe { $0.quantity() }))
        }
    }

    mutating func region() -> Region {
        let name = self.name()
        let others = self.names(1...3).filter { $0 != name }
        let share = self.chance(50) ? Quantity(1) : Quantity(milli: Int64(self.int(1...10_000)))
        return Region(
            name: name, costPerReplicaHour: self.maybe { $0.quantity() }, maxReplicas: self.maybe { $0.int(0...999) },
            failover: others.isEmpty || self.chance(50) ? nil : .init(to: others, share: share, fade: self.chance(50) ? .seconds(600) : self.duration(0...90)))
    }

    mutating func service() -> Service {
        var workloads: [String: DriverTarget] = [:]
        for region in self.names(1...3) {
            workloads[region] =
                self.chance(40)
                ? .manual
                : .exec(
                    observe: ["see", self.label()], scale: ["scale", self.label(), self.statement()], restart: self.maybe { ["again", $0.label()] })
        }
        return Service(
            name: self.name(), owner: self.maybe { $0.oneLine() }, priority: self.int(-3...3), startup: self.chance(50) ? .zero : self.duration(0...90),
            workloads: workloads)
    }
    mutating func oneLine() -> String { self.label() }

    mutating func policy() -> Policy {
        let least = self.int(0...5)
        let most = least + self.int(1...50)
        let names = self.names(1...4)
        let metrics = names.map { self.metric($0) }
        let preset = self.maybe { $0.pick(Preset.allCases) }
        let asks = metrics.contains { $0.secondary != nil }
        var policy = Policy(
            name: self.name(), selector: self.selector(), mode: self.pick(Policy.Mode.allCases), minReplicas: least, maxReplicas: most,
            evaluateEvery: self.chance(50) ? Policy.defaultEvaluateEvery : self.duration(1...60), metrics: metrics,
            rules: names.map { self.rule($0) }, combine: self.pick(Policy.Combine.allCases),
            // Without a preset a cooldown of 0 is none.
            cooldown: .init(up: self.maybe { $0.duration((preset == nil ? 1 : 0)...600) }, down: self.maybe { $0.duration((preset == nil ? 1 : 0)...600) }),
            emergency: self.maybe { .init(when: $0.condition(names, depth: 4), replicas: $0.chance(50) ? .max : .count(most)) },
            onMissing: self.ladder(upTo: most, asking: asks),
            verify: self.chance(50)
                ? .init() : .init(ready: Quantity(milli: Int64(self.int(0...1000))), within: self.duration(1...600), rollback: self.chance(50)),
            preset: preset, behavior: self.behavior(preset), arithmetic: self.pick(Policy.Arithmetic.allCases))
        self.terms(names, least, most, &policy)
        return policy
    }

    mutating func metric(_ name: String) -> Metric {
        let secondary = self.chance(20) ? self.source() : nil
        return Metric(
            name: name, source: self.source(), window: self.maybe { .init(last: $0.duration(1...600), aggregate: $0.pick(Metric.Aggregate.allCases)) },
            maxAge: self.chance(50) ? Metric.defaultMaxAge : self.duration(1...600), unit: self.maybe { $0.label() },
            onMissing: self.maybe { $0.ladder(upTo: 1, asking: secondary != nil) }, secondary: secondary, health: self.chance(20) ? self.source() : nil)
    }
    mutating func source() -> Metric.Source {
        if self.chance(75) { return .sql(connection: self.name(), statement: self.statement()) }
        let selector = self.pick([nil, "a=b,c in (d, e)", "!x", "not a selector"])
        return .kubernetes(
            self.pick([
                .init(.resource, name: "cpu"), .init(.containerResource, name: "memory", container: self.label()),
                .init(.pods, name: self.label(), selector: selector), .init(.external, name: self.label(), selector: selector),
                .init(.object, name: self.label(), selector: selector, object: self.pick(["v1/Service/x", "networking.k8s.io/v1/Ingress/main"])),
            ]))
    }

    mutating func ladder(upTo most: Int, asking: Bool) -> [Policy.MissingStep] {
        var steps: [Policy.MissingStep] = []
        if self.chance(50) { steps.append(.hold(self.duration(1...60))) }
        if asking { steps.append(.secondary) }
        if self.chance(50) { steps += [.lastGood(self.duration(1...60)), .replicas(self.int(1...most))] }
        return steps
    }

    /// In its one form: complete without a preset, and nothing that says nothing with one.
    mutating func behavior(_ preset: Preset?) -> Behavior? {
        guard self.chance(50) else { return nil }
        let isComplete = preset == nil
        let behavior = Behavior(scaleUp: self.scalingRules(isComplete), scaleDown: self.scalingRules(isComplete))
        return behavior == Behavior() ? nil : behavior
    }
    mutating func scalingRules(_ isComplete: Bool) -> ScalingRules {
        func given(_ generator: inout Self) -> Bool { isComplete || generator.chance(50) }
        return ScalingRules(
            stabilizationWindow: given(&self) ? .seconds(self.int(0...3600)) : nil,
            select: given(&self) ? self.pick(ScalingRules.Select.allCases) : nil,
            policies: given(&self)
                ? (0..<self.int(1...3)).map { _ in
                    RatePolicy(self.chance(50) ? .replicas(self.int(1...99)) : .percent(self.int(1...900)), period: .seconds(self.int(1...3600)))
                } : nil, tolerance: self.maybe { Quantity(milli: Int64($0.int(0...500))) })
    }

    mutating func terms(_ metrics: [String], _ least: Int, _ most: Int, _ policy: inout Policy) {
        let crons = ["0 8 * * MON-FRI", "*/5 * * * *", "30 2 29 2 *", "0 0 1,15 * 0"]
        let zones = ["UTC", "Europe/Berlin", "Etc/GMT+5", "America/Argentina/Buenos_Aires"]
        if self.chance(50) {
            policy.schedule = (0..<self.int(1...2)).map { _ in
                .init(
                    cron: self.pick(crons), timeZone: self.pick(zones), duration: self.duration(60...90_000), minReplicas: least,
                    maxReplicas: self.maybe { _ in most })
            }
        }
        if self.chance(50) {
            policy.freeze = [.init(cron: self.pick(crons), timeZone: self.pick(zones), duration: self.duration(60...90_000), reason: self.label())]
        }
        policy.plausible = self.maybe {
            .init(
                maxDrop: Quantity(milli: Int64($0.int(1...100_000))), per: $0.duration(1...600),
                fleetDrop: $0.maybe { Quantity(milli: Int64($0.int(1...100_000))) })
        }
        for _ in 0..<self.int(0...2) {
            policy.guards.append(
                .init(
                    when: self.condition(metrics, depth: 3), sustained: self.chance(50) ? .zero : self.duration(1...60),
                    effect: self.chance(50) ? .restart : .notify(self.pick(Policy.Guard.Severity.allCases)),
                    atMost: self.chance(50) ? Policy.Guard.defaultLimit : .init(count: self.int(1...9), per: self.duration(1...900))))
        }
        policy.approval = self.maybe { .init(above: $0.int(0...9)) }
        if self.chance(50) { policy.regionDownAfter = self.duration(1...90) }
    }

    mutating func rule(_ metric: String) -> Rule {
        let weight = self.chance(50) ? Quantity(1) : Quantity(milli: Int64(self.int(1...5000)))
        switch self.int(0...2) {
        case 0:
            let target: Rule.Track.Target = self.pick([.averageUtilization(self.quantity()), .averageValue(self.quantity()), .value(self.quantity())])
            return Rule(.track(.init(metric: metric, target: target, tolerance: Quantity(milli: Int64(self.pick([100, 0, 50]))))), weight: weight)
        case 1:
            var step = Rule.Step(metric: metric, sustained: self.chance(50) ? .zero : self.duration(1...60))
            if self.chance(70) { (step.above, step.add) = (Quantity(milli: Int64(self.int(5000...9000))), self.amount(1000)) }
            if step.above == nil || self.chance(50) { (step.below, step.remove) = (Quantity(milli: Int64(self.int(-9000...4000))), self.amount(100)) }
            return Rule(.step(step), weight: weight)
        default:
            let upAt = self.int(301...2000)
            return Rule(
                .capacity(
                    .init(
                        metric: metric, perReplica: self.quantity(), upAt: Quantity(milli: Int64(upAt)),
                        downAt: Quantity(milli: Int64(self.int(0...300))), step: self.int(1...9))), weight: weight)
        }
    }
    mutating func amount(_ percent: Int) -> Rule.Step.Amount { self.chance(50) ? .replicas(self.int(1...9)) : .percent(self.int(1...percent)) }

    mutating func condition(_ metrics: [String], depth: Int) -> Expression {
        switch depth > 0 ? self.int(0...4) : 0 {
        case 1: .and(self.condition(metrics, depth: depth - 1), self.condition(metrics, depth: depth - 1))
        case 2: .or(self.condition(metrics, depth: depth - 1), self.condition(metrics, depth: depth - 1))
        case 3: .not(self.condition(metrics, depth: depth - 1))
        default:
            .comparison(
                self.pick(Expression.Comparison.allCases), self.number(metrics, depth: depth - 1), self.number(metrics, depth: depth - 1))
        }
    }

    mutating func number(_ metrics: [String], depth: Int) -> Expression {
        switch depth > 0 ? self.int(0...5) : self.int(0...1) {
        case 0: return .number(Quantity(milli: Int64(self.int(-5000...5000))))
        case 1: return .metric(self.pick(metrics))
        case 2: return .negate(self.number(metrics, depth: depth - 1))
        case 3:
            let function = self.pick(Expression.Function.allCases)
            let most = [.min, .max, .avg].contains(function) ? 3 : 1
            return .call(function, (0..<self.int(1...most)).map { _ in self.number(metrics, depth: depth - 1) })
        case 4 where self.usesChange: return .change(metric: self.pick(metrics), over: .milliseconds(self.int(1000...86_400_000)))
        default:
            let operation = self.pick(Expression.Arithmetic.allCases)
            var right = self.number(metrics, depth: depth - 1)
            if operation == .divide, right == .number(.zero) { right = .number(Quantity(3)) }
            return .arithmetic(operation, self.number(metrics, depth: depth - 1), right)
        }
    }
}
