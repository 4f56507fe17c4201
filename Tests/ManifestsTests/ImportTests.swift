import Manifests
import Model
import Testing

@Suite("Import")
struct ImportTests {
    private func run(_ text: String, region: String? = nil) -> Import.Result {
        Import.manifests([SourceFile(name: "in.yaml", text: text)], region: region)
    }
    /// The policies of a result. What this version can't do yet is reported by the parser, and is all that it reports.
    private func policies(_ result: Import.Result) -> [Policy] {
        let parsed = Samples.parse(result.yaml)
        #expect(parsed.findings.allSatisfy { $0.code == .notAvailable }, "\(parsed.findings)\n\(result.yaml)")
        return parsed.manifests.compactMap { if case .policy(let policy) = $0.manifest { policy } else { nil } }
    }

    // MARK: - HorizontalPodAutoscaler

    @Test("a HorizontalPodAutoscaler becomes the very policy that applying it gives, with its service, and nothing is lost")
    func hpa() throws {
        let result = self.run(HPATests.full)
        #expect(result.losses.isEmpty, "\(result.losses)")
        #expect(self.policies(result).map { Manifest.policy($0) } == Samples.parse(HPATests.full).manifests.map(\.manifest))
        #expect(
            result.yaml.hasPrefix(
                """
                kind: Region
                name: default
                ---
                kind: Service
                name: web
                workloads:
                  default: { driver: kubernetes, namespace: shop, resource: deployment/web }
                ---
                # HorizontalPodAutoscaler/web of in.yaml
                kind: Policy
                name: web

                """), "\(result.yaml)")
        let placed = self.run(HPATests.full, region: "eu-west")
        #expect(!placed.yaml.contains("kind: Region"))
        #expect(placed.yaml.contains("  eu-west: { driver: kubernetes"))
    }

    @Test("fields that are unknown are lost and do not stop the rest")
    func unknownFields() {
        let result = self.run(HPATests.full.replacing("  minReplicas: 2\n", with: "  minReplicas: 2\n  minReplica: 3\n"))
        #expect(result.losses.map(\.description) == ["in.yaml:12:3: HorizontalPodAutoscaler/web: unknown field “minReplica”; did you mean “minReplicas”?"])
        #expect(self.policies(result).count == 1)
    }

    @Test("two of one name are told apart by their namespaces")
    func namespaces() {
        let result = self.run(HPATests.full + "---\n" + HPATests.full.replacing("namespace: shop", with: "namespace: test"))
        #expect(self.policies(result).map(\.name) == ["web", "test.web"])
        #expect(self.policies(result).map(\.selector.services) == [["web"], ["test.web"]])
    }

    @Test(
        "what can't be imported is told, and is no manifest",
        arguments: [
            ("kind: Deployment\nmetadata: { name: x }", "a “Deployment” can't be imported"), ("just text", "is a single value"),
            ("kind: HorizontalPodAutoscaler", "“apiVersion” is missing"), ("kind: [", "not YAML"),
            (HPATests.full.replacing("maxReplicas: 30", with: "maxReplicas: 0"), "from 1 to 1000000"),
            (
                "kind: ScaledObject\nmetadata: { name: x }\nspec: { scaleTargetRef: { name: x }, triggers: [{ type: kafka, metadata: { topic: t } }] }",
                "“kafka” is not carried over"
            ),
            ("{}", "“name” is missing"),
        ])
    func nothing(_ text: String, _ words: String) {
        let result = self.run(text)
        #expect(result.yaml.isEmpty)
        #expect(result.losses.contains { $0.message.contains(words) }, "\(result.losses)")
    }

    // MARK: - KEDA

    static let keda = """
        apiVersion: keda.sh/v1alpha1
        kind: ScaledObject
        metadata: { name: worker, namespace: jobs }
        spec:
          scaleTargetRef: { name: worker }
          minReplicaCount: 1
          maxReplicaCount: 40
          fallback: { failureThreshold: 4, replicas: 6 }
          advanced:
            horizontalPodAutoscalerConfig:
              behavior: { scaleDown: { stabilizationWindowSeconds: 120 } }
          triggers:
            - type: cpu
              metricType: Utilization
              metadata: { value: "60" }
            - type: memory
              metricType: AverageValue
              metadata: { value: 512Mi, containerName: app }
            - type: cron
              metadata: { timezone: Europe/Berlin, start: 0 20 * * *, end: 0 6 * * *, desiredReplicas: "10" }
            - type: postgresql
              name: waiting
              metadata:
                host: db
                port: "5432"
                dbName: jobs
                userName: o'brien
                sslmode: verify-full
                passwordFromEnv: PG_PASSWORD
                query: "select count(*) from jobs where state = 'pending'"
                targetQueryValue: "2.5"
        """

    @Test("a ScaledObject becomes a policy with its triggers as rules and schedules")
    func scaledObject() throws {
        let result = self.run(Self.keda)
        let policy = try #require(self.policies(result).first)
        #expect((policy.minReplicas, policy.maxReplicas) == (1, 40))
        #expect(policy.arithmetic == .hpa)
        #expect(policy.behavior?.scaleDown.stabilizationWindow == .seconds(120))
        #expect(policy.onMissing == [.hold(.seconds(120)), .replicas(6)])
        #expect(policy.schedule == [.init(cron: "0 20 * * *", timeZone: "Europe/Berlin", duration: .seconds(36_000), minReplicas: 10)])
        #expect(policy.metrics.map(\.name) == ["cpu", "memory", "waiting"])
        #expect(policy.metrics[0].source == .kubernetes(.init(.resource, name: "cpu")))
        #expect(policy.metrics[1].source == .kubernetes(.init(.containerResource, name: "memory", container: "app")))
        #expect(policy.metrics[2].source == .sql(connection: "postgresql", statement: "select count(*) from jobs where state = 'pending'"))
        #expect(
            policy.rules == [
                Rule(.track(.init(metric: "cpu", target: .averageUtilization(Quantity(60))))),
                Rule(.track(.init(metric: "memory", target: .averageValue(Quantity(512 << 20))))),
                Rule(.track(.init(metric: "waiting", target: .averageValue(Quantity(milli: 2500))))),
            ])
        let connection = Samples.parse(result.yaml).manifests.first { $0.manifest.kind == .connection }?.manifest
        #expect(
            connection
                == .connection(
                    Connection(
                        name: "postgresql", postgres: "host=db port=5432 dbname=jobs user='o\\'brien' sslmode=verify-full",
                        password: .environment("PG_PASSWORD"))))
        #expect(result.losses.map(\.message).map { $0.prefix(30) } == ["“fallback” becomes onMissing, ", "the variable PG_PASSWORD must "], "\(result.losses)")
    }

    /// A ScaledObject with the one trigger.
    private func trigger(_ trigger: String, _ spec: String = "") -> Import.Result {
        self.run("kind: ScaledObject\nmetadata: { name: w }\nspec:\n  scaleTargetRef: { name: w }\n\(spec)  triggers: [\(trigger)]")
    }

    @Test("Prometheus, Redis and RabbitMQ are written as their sources will be, which apply does not take yet")
    func laterSources() {
        let prometheus = self.trigger(
            "{ type: prometheus, metadata: { serverAddress: \"http://prom:9090\", query: 'sum(rate(x{a=\"b\"}[1m]))', threshold: '5', ignoreNullValues: 'false' } }"
        )
        #expect(prometheus.losses.isEmpty, "\(prometheus.losses)")
        #expect(prometheus.yaml.contains("kind: Connection\nname: prometheus\nprometheus: \"http://prom:9090\"\n"), "\(prometheus.yaml)")
        #expect(prometheus.yaml.contains(#"source: { connection: prometheus, prometheus: "sum(rate(x{a=\"b\"}[1m]))" }"#), "\(prometheus.yaml)")
        let redis = self.trigger(
            "{ type: redis, metadata: { address: \"redis:6379\", listName: jobs, listLength: '10', databaseIndex: '2', enableTLS: 'true' } }")
        #expect(redis.losses.isEmpty, "\(redis.losses)")
        #expect(redis.yaml.contains("redis: \"rediss://redis:6379/2\"\n"), "\(redis.yaml)")
        #expect(redis.yaml.contains("source: { connection: redis, redis: { listName: jobs } }"), "\(redis.yaml)")
        let rabbit = self.trigger(
            "{ type: rabbitmq, metadata: { host: \"http://me:hunter2@rabbit:15672/\", protocol: http, queueName: orders, mode: QueueLength, value: '20' } }")
        #expect(rabbit.losses.map(\.message).filter { $0.contains("are not carried over; write password") }.count == 1, "\(rabbit.losses)")
        #expect(rabbit.yaml.contains("rabbitmq: \"http://rabbit:15672/\"\n"), "\(rabbit.yaml)")
        #expect(rabbit.yaml.contains("source: { connection: rabbitmq, rabbitmq: { queueName: orders, mode: QueueLength } }"), "\(rabbit.yaml)")
        for result in [prometheus, redis, rabbit] {
            let found = Samples.parse(result.yaml).findings
            #expect(!found.isEmpty && found.allSatisfy { $0.code == .notAvailable }, "\(found)\n\(result.yaml)")
            #expect(!"\(result)".contains("hunter2"))
        }
    }

    @Test(
        "what a ScaledObject says beyond that is lost with its reason",
        arguments: [
            ("{ type: cpu, metadata: { value: '5' } }, { type: aws-sqs-queue, metadata: {} }", "", "the trigger “aws-sqs-queue” is not carried over"),
            ("{ type: cpu, metadata: { value: '5', activationValue: '1' } }", "", "“activationValue” is not carried over: the way from 0"),
            ("{ type: cpu, metadata: { value: '5', colour: red } }", "", "“colour” is not carried over"),
            ("{ type: cpu, authenticationRef: { name: x }, metadata: { value: '5' } }", "", "secrets are not imported"),
            ("{ type: cpu, metadata: { value: '5' } }", "  pollingInterval: 5\n", "evaluateEvery is 15s"),
            ("{ type: cpu, metadata: { value: '5' } }", "  cooldownPeriod: 300\n", "“cooldownPeriod” is not carried over"),
            ("{ type: cpu, metadata: { value: '5' } }", "  idleReplicaCount: 0\n", "“idleReplicaCount” is not carried over"),
            ("{ type: cpu, metadata: { value: '5' } }", "  advanced: { scalingModifiers: { formula: a+b } }\n", "“scalingModifiers” is not carried over"),
            ("{ type: cpu, metadata: { value: '5' } }", "  advanced: { horizontalPodAutoscalerConfig: { nme: x } }\n", "did you mean “name”"),
            (
                "{ type: cpu, metadata: { value: '5' } }, { type: cron, metadata: { start: 0 8 1 * *, end: 0 8 5 * *, desiredReplicas: '5' } }", "",
                "more than the time of day"
            ),
            ("{ type: cpu, metadata: { value: '5' } }, { type: cron, metadata: { start: 0 8 * * * } }", "", "it needs start, end and desiredReplicas"),
            ("{ type: prometheus, metadata: { serverAddress: \"http://p\", query: up, threshold: '5' } }", "", "KEDA takes an empty answer for 0"),
            ("{ type: postgresql, metadata: { connectionFromEnv: PG, query: select 1, targetQueryValue: '5' } }", "", "in the workload's environment"),
            ("{ type: redis, metadata: { addressFromEnv: R, listName: l } }", "", "write the Connection “redis” by hand"),
            ("{ type: rabbitmq, metadata: { hostFromEnv: R, queueName: q } }", "", "write the Connection “rabbitmq” by hand"),
        ])
    func losses(_ trigger: String, _ spec: String, _ words: String) {
        let result = self.trigger(trigger, spec)
        #expect(!result.yaml.isEmpty, "\(result.losses)")
        #expect(result.losses.contains { $0.message.contains(words) }, "\(result.losses)")
    }

    @Test("a schedule alone, a threshold that is no number and a secret in a connection make no policy, or no secret")
    func refusals() {
        let cron = self.trigger("{ type: cron, metadata: { timezone: UTC, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: '5' } }")
        #expect(cron.yaml.isEmpty)
        #expect(cron.losses.contains { $0.message.contains("a schedule alone makes no policy") }, "\(cron.losses)")
        for value in ["0", "-5", "many", "1e30", "", "0.0001"] {
            #expect(self.trigger("{ type: cpu, metadata: { value: \"\(value)\" } }").yaml.isEmpty, "\(value)")
        }
        let secret = self.trigger("{ type: postgresql, metadata: { connection: 'host=db password=hunter2', query: select 1, targetQueryValue: '5' } }")
        #expect(!"\(secret)".contains("hunter2"))
        let odd = self.trigger("{ type: redis, metadata: { address: 'hunter2/@redis:6379', listName: l } }")
        #expect(!"\(odd)".contains("hunter2"))
    }

    // MARK: - The JSON policies form

    static let json = """
        { "policies": [ {
          "name": "Mail Workers", "service": "mailer", "minReplicas": 1, "maxReplicas": 10, "cooldownPeriod": 300, "evaluationInterval": 30,
          "scaleUpBy": 2, "scaleDownBy": 1, "enabled": true,
          "metrics": [
            { "name": "queueDepth", "type": "gauge", "source": "select count(*) from mail", "aggregation": "average", "window": 5, "weight": 0.7 },
            { "name": "cpu", "type": "percent", "source": "railway", "aggregation": "max", "window": 1, "weight": 0.3 }
          ],
          "thresholds": [
            { "metric": "queueDepth", "scaleUp": 100, "scaleDown": 20, "comparison": "greater_than" },
            { "metric": "cpu", "scaleUp": 80, "scaleDown": 30, "comparison": "greater_than" }
          ]
        } ] }
        """

    @Test("the JSON policies form becomes steps with weights")
    func policiesForm() throws {
        let result = self.run(Self.json)
        let policy = try #require(self.policies(result).first)
        #expect(policy.name == "mail-workers")
        #expect(policy.selector == Selector(services: ["mailer"]))
        #expect((policy.minReplicas, policy.maxReplicas) == (1, 10))
        #expect(policy.evaluateEvery == .seconds(30))
        #expect(policy.cooldown == .init(up: .seconds(300), down: .seconds(300)))
        #expect(policy.combine == .weighted)
        #expect(policy.metrics.map(\.name) == ["queuedepth", "cpu"])
        #expect(policy.metrics[0].window == .init(last: .seconds(300), aggregate: .avg))
        #expect(policy.metrics[0].source == .sql(connection: "imported", statement: "select count(*) from mail"))
        #expect(policy.metrics[1].source == .sql(connection: "imported", statement: "select null::float8 as reading"), "an unknown source never reads 0")
        #expect(
            policy.rules == [
                Rule(
                    .step(.init(metric: "queuedepth", above: Quantity(100), add: .replicas(2), below: Quantity(20), remove: .replicas(1))),
                    weight: Quantity(milli: 700)),
                Rule(
                    .step(.init(metric: "cpu", above: Quantity(80), add: .replicas(2), below: Quantity(30), remove: .replicas(1))), weight: Quantity(milli: 300)
                ),
            ])
        #expect(result.losses.contains { $0.message.contains("the name “Mail Workers” becomes “mail-workers”") })
        #expect(result.losses.contains { $0.message.contains("the source of “cpu” is a name that only the program knew") })
    }

    @Test("a policy that is not enabled is off, and one object or a list will do")
    func forms() throws {
        let one = String(try #require(Self.json.split(separator: "[", maxSplits: 1).last).dropLast(4))
        let off = self.run(one.replacing("\"enabled\": true", with: "\"enabled\": false"))
        #expect(self.policies(off).map(\.mode) == [.off])
        #expect(self.policies(self.run("[\(one), \(one)]")).map(\.name) == ["mail-workers", "mail-workers-2"])
    }

    @Test("a policy of a list that can't be imported takes no other with it")
    func apart() {
        let result = self.run(Self.json.replacing("{ \"policies\": [", with: "{ \"policies\": [ { \"name\": \"x\" },"))
        #expect(self.policies(result).map(\.name) == ["mail-workers"])
        #expect(result.losses.contains { $0.message.contains("policies[0] was not imported") }, "\(result.losses)")
    }

    @Test("comparisons that a step can't make are lost, and a policy of those only is not imported")
    func comparisons() {
        for (comparison, words) in [("less_than", "negate"), ("percentage_change", "change of"), ("equals", "can't be “equals”")] {
            let result = self.run(
                Self.json.replacing("\"scaleDown\": 20, \"comparison\": \"greater_than\"", with: "\"scaleDown\": 20, \"comparison\": \"\(comparison)\""))
            #expect(result.losses.contains { $0.message.contains(words) }, "\(result.losses)")
            if comparison != "equals" {
                #expect(self.policies(result).first?.rules.count == 1)
                #expect(self.policies(result).first?.metrics.map(\.name) == ["cpu"])
            }
        }
        #expect(self.run(Self.json.replacing("greater_than", with: "less_than")).yaml.isEmpty)
    }

    // MARK: - Whatever it is given

    @Test("text from outside never becomes structure, and secrets in addresses do not come along")
    func injection() throws {
        let evil = "x\\nkind: Region\\nname: evil"
        for text in [
            HPATests.full.replacing("name: Packets_per_Second", with: "name: \"\(evil)\""),
            HPATests.full.replacing("container: app", with: "container: \"\(evil)\""),
            Self.keda.replacing("select count(*) from jobs", with: evil + "\\n---\\n"), Self.keda.replacing("name: worker,", with: "name: \"\(evil)\","),
            Self.keda.replacing("host: db", with: "host: \"\(evil)\""),
        ] {
            let parsed = Samples.parse(self.run(text).yaml)
            #expect(!parsed.manifests.contains { $0.manifest.name == "evil" })
        }
        let named = Import.manifests([SourceFile(name: "a\n---\nkind: Region\nname: evil\n#", text: HPATests.full)])
        #expect(!Samples.parse(named.yaml).manifests.contains { $0.manifest.name == "evil" }, "\(named.yaml)")
    }

    @Test("alias bombs are refused and sizes are bounded")
    func bombs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 { text += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1) ", count: 10).joined(separator: ", ") + "]\n" }
        #expect(self.run(text).yaml.isEmpty)
        #expect(self.run(text).losses.count == 1)
        let many = Array(repeating: "{ type: cpu, metadata: { value: '5' } }", count: ManifestLimits.metrics + 1).joined(separator: ", ")
        #expect(self.trigger(many).losses.contains { $0.message.contains("more than the 64 allowed") })
    }

    @Test("random damage never traps the import, and what it writes reads back", arguments: 0..<40)
    func damage(seed: UInt64) {
        var generator = ManifestGenerator(seed: seed)
        let pieces = [
            "", " ", "\n", ":", "-", "[", "]", "{", "}", "\"", "'", "0", "-1", "1e999", "null", "kind: ", "é", "*a", "&a ", "\u{0}", "999999999999999999999",
            "~",
        ]
        for round in 0..<10 {
            var text = Array(generator.pick([HPATests.full, Self.keda, Self.json]).unicodeScalars)
            for _ in 0..<generator.int(1...4) {
                let start = generator.int(0...text.count - 1)
                text.replaceSubrange(start..<min(text.count, start + generator.int(0...5)), with: Array(generator.pick(pieces).unicodeScalars))
            }
            let damaged = String(String.UnicodeScalarView(text))
            let result = self.run(damaged)
            #expect(!result.yaml.isEmpty || !result.losses.isEmpty, "seed \(seed) round \(round)\n\(damaged)")
            let found = Samples.parse(result.yaml).findings.filter { $0.code != .notAvailable }
            #expect(found.isEmpty, "seed \(seed) round \(round): \(found)\n\(damaged)\n\(result.yaml)")
        }
    }
}
