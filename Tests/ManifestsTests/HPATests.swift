import Manifests
import Model
import Testing

@Suite("HorizontalPodAutoscaler manifests")
struct HPATests {
    static let full = """
        apiVersion: autoscaling/v2
        kind: HorizontalPodAutoscaler
        metadata:
          name: web
          namespace: shop
          labels: { app: web }
          creationTimestamp: "2026-01-01T00:00:00Z"
          uid: 1f0c
        spec:
          scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }
          minReplicas: 2
          maxReplicas: 30
          metrics:
            - type: Resource
              resource: { name: cpu, target: { type: Utilization, averageUtilization: 70 } }
            - type: ContainerResource
              containerResource: { name: memory, container: app, target: { type: AverageValue, averageValue: 1Gi } }
            - type: Pods
              pods: { metric: { name: Packets_per_Second }, target: { type: AverageValue, averageValue: 1k } }
            - type: Object
              object:
                describedObject: { apiVersion: networking.k8s.io/v1, kind: Ingress, name: main }
                metric: { name: requests }
                target: { type: Value, value: 10k }
            - type: External
              external:
                metric:
                  name: requests
                  selector:
                    matchLabels: { tier: gold, queue: orders }
                    matchExpressions:
                      - { key: zone, operator: In, values: [a, b] }
                      - { key: old, operator: DoesNotExist }
                target: { type: AverageValue, averageValue: 500m }
          behavior:
            scaleUp:
              stabilizationWindowSeconds: 30
              policies: [{ type: Percent, value: 100, periodSeconds: 15 }]
            scaleDown: { selectPolicy: Disabled }
        status:
          currentReplicas: 3
          conditions: []

        """

    private func policy(_ text: String) -> Policy? {
        if case .policy(let policy)? = Samples.parse(text).manifests.first?.manifest { policy } else { nil }
    }

    @Test("every field of autoscaling/v2 arrives in a policy of its name, with Kubernetes' arithmetic")
    func version2() throws {
        let parsed = Samples.parse(Self.full)
        #expect(parsed.findings.isEmpty, "\(parsed.findings)")
        let policy = try #require(self.policy(Self.full))
        #expect(policy.name == "web")
        #expect(policy.selector == Selector(services: ["web"]))
        #expect((policy.minReplicas, policy.maxReplicas) == (2, 30))
        #expect(policy.mode == .recommend)
        #expect(policy.arithmetic == .hpa)
        #expect(policy.metrics.map(\.name) == ["cpu", "memory", "packets_per_second", "requests", "requests-2"])
        #expect(
            policy.metrics.map(\.source) == [
                .kubernetes(.init(.resource, name: "cpu")), .kubernetes(.init(.containerResource, name: "memory", container: "app")),
                .kubernetes(.init(.pods, name: "Packets_per_Second")),
                .kubernetes(.init(.object, name: "requests", object: "networking.k8s.io/v1/Ingress/main")),
                .kubernetes(.init(.external, name: "requests", selector: "queue=orders,tier=gold,zone in (a, b),!old")),
            ])
        let targets = policy.rules.compactMap { if case .track(let track) = $0.body { track.target } else { nil } }
        #expect(
            targets == [
                .averageUtilization(Quantity(70)), .averageValue(Quantity(1 << 30)), .averageValue(Quantity(1000)), .value(Quantity(10_000)),
                .averageValue(Quantity(milli: 500)),
            ])
        #expect(policy.behavior?.scaleUp.stabilizationWindow == .seconds(30))
        #expect(policy.behavior?.scaleUp.select == .max, "defaults are filled in")
        #expect(policy.behavior?.scaleDown.select == .disabled)
    }

    @Test("autoscaling/v1 is utilization of CPU; without a number, and without metrics, it is Kubernetes' 80 %")
    func version1() throws {
        let head = "kind: HorizontalPodAutoscaler\nmetadata: { name: web }\n"
        let spec = "spec: { scaleTargetRef: { kind: Deployment, name: web }, maxReplicas: 5"
        for (text, percent) in [
            ("apiVersion: autoscaling/v1\n\(head)\(spec), targetCPUUtilizationPercentage: 50 }", 50), ("apiVersion: autoscaling/v1\n\(head)\(spec) }", 80),
            ("apiVersion: autoscaling/v2\n\(head)\(spec) }", 80), ("apiVersion: autoscaling/v2\n\(head)\(spec), metrics: [] }", 80),
        ] {
            let policy = try #require(self.policy(text), "\(text)")
            #expect(policy.rules == [Rule(.track(.init(metric: "cpu", target: .averageUtilization(Quantity(percent)))))])
            #expect(policy.minReplicas == 1)
            #expect(policy.behavior == nil)
        }
    }

    @Test("a List of them, as kubectl writes it, is its items")
    func list() {
        let item = Self.full.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n").dropFirst(4)
        let parsed = Samples.parse("apiVersion: v1\nkind: List\nitems:\n  - \(item)\n")
        #expect(parsed.findings.isEmpty, "\(parsed.findings)")
        #expect(parsed.manifests.map(\.manifest.reference.description) == ["Policy/web"])
    }

    @Test("its canonical form is that of a policy, and reads back")
    func canonical() throws {
        let parsed = try #require(Samples.parse(Self.full).manifests.first)
        #expect(parsed.canonical["kind"] == "Policy")
        #expect(try Manifest(canonical: parsed.canonical) == parsed.manifest)
        #expect(Samples.single(Export.yaml([parsed.manifest])) == parsed.manifest)
    }

    @Test("lint looks for the service, and says that Kubernetes' metrics are not read yet, at their places")
    func lint() {
        let found = Lint.check(Samples.parse(Self.full), stored: [])
        #expect(found.map(\.code) == [.unknownReference, .notAvailable], "\(found)")
        #expect(found.map(\.severity) == [.error, .warning])
        #expect(found.map { $0.position?.line } == [10, 14])
        #expect(found.last?.message.contains("the metrics cpu, memory, packets_per_second, requests, requests-2 are read from Kubernetes") == true)
        let stored: [Manifest] = [.region(Region(name: "eu")), .service(Service(name: "web", workloads: ["eu": .manual]))]
        #expect(Lint.check(Samples.parse(Self.full), stored: stored).map(\.severity) == [.warning])
    }

    @Test(
        "what can't be honoured is an error at its place",
        arguments: [
            ("apiVersion: autoscaling/v2", "apiVersion: autoscaling/v2beta2", 1, "“apiVersion” can't be"),
            ("apiVersion: autoscaling/v2", "apiVersion: apps/v1", 1, "write autoscaling/v1 or autoscaling/v2"),
            ("  name: web\n", "  name: Web_App!\n", 4, "lower-case"), ("maxReplicas: 30", "maxReplica: 30", 12, "unknown field “maxReplica”"),
            ("minReplicas: 2", "minReplicas: 31", 11, "minReplicas 31 is above maxReplicas 30"),
            ("minReplicas: 2", "targetCPUUtilizationPercentage: 5", 11, "unknown field “targetCPUUtilizationPercentage”"),
            ("averageUtilization: 70", "averageUtilisation: 70", 15, "averageUtilisation"),
            ("averageUtilization: 70", "averageUtilization: 0", 15, "from 1"),
            ("type: Utilization, averageUtilization: 70", "type: Value, value: 70", 15, "a target of Resource can't be “Value”"),
            ("averageValue: 1Gi", "averageValue: 1Gb", 17, "not a quantity"), ("averageValue: 1Gi", "averageValue: 1u", 17, "finer than a thousandth"),
            ("averageValue: 1Gi", "averageValue: 1E", 17, "at most"), ("averageValue: 500m", "averageValue: \"0\"", 34, "more than 0"),
            ("operator: In,", "operator: Within,", 32, "“operator” can't be"), ("container: app, ", "", 17, "“container” is missing"),
            ("type: Pods", "type: Object", 19, "the metric's type is Object"), ("type: Percent", "type: Percents", 38, "Percents"),
            ("kind: Deployment, name: web }", "kind: Deployment }", 10, "“name” is missing"),
            ("tier: gold", "\"a\\nb\": gold", 30, "is no label"),
        ])
    func bad(_ old: String, _ new: String, _ line: Int, _ words: String) {
        let text = Self.full.replacing(old, with: new, maxReplacements: 1)
        #expect(text != Self.full)
        let parsed = Samples.parse(text)
        #expect(parsed.manifests.isEmpty)
        #expect(parsed.findings.contains { $0.position?.line == line && $0.message.contains(words) }, "\(parsed.findings)")
        #expect(parsed.findings.allSatisfy { $0.severity == .error })
    }

    @Test("fields of v2 that hide in a v1 manifest's annotations are not ignored")
    func hidden() {
        let text = """
            apiVersion: autoscaling/v1
            kind: HorizontalPodAutoscaler
            metadata: { name: web, annotations: { note: fine, autoscaling.alpha.kubernetes.io/metrics: "[]" } }
            spec: { scaleTargetRef: { kind: Deployment, name: web }, maxReplicas: 5 }
            """
        #expect(
            Samples.parse(text).findings.map(\.message) == [
                "the annotation “autoscaling.alpha.kubernetes.io/metrics” holds fields of autoscaling/v2, which are not read; write the manifest as autoscaling/v2"
            ])
        #expect(self.policy(text.replacing("autoscaling.alpha.kubernetes.io/metrics: \"[]\"", with: "a: b")) != nil)
    }

    @Test("ScaledObjects are not applied but imported")
    func scaledObject() {
        let found = Samples.parse("apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: { name: x }").findings
        #expect(found.map(\.code) == [.unknownKind])
        #expect(found.first?.message.contains("muster import") == true)
    }

    @Test(
        "quantities of Kubernetes are exact",
        arguments: [
            ("500m", 500), ("1", 1000), ("0.5", 500), ("1k", 1_000_000), ("1Ki", 1_024_000), ("1.5Gi", 1_610_612_736_000), ("1e3", 1_000_000),
            ("100M", 100_000_000_000),
            ("2000u", 2), ("1E3", 1_000_000), ("0.1Ki", 102_400),
        ])
    func quantities(_ text: String, _ milli: Int64) throws {
        let changed = Self.full.replacing("averageValue: 1Gi", with: "averageValue: \(text)")
        guard case .track(let track) = try #require(self.policy(changed)).rules[1].body else {
            Issue.record("no track")
            return
        }
        #expect(track.target == .averageValue(Quantity(milli: milli)))
    }

    // MARK: - Export

    @Test("a HorizontalPodAutoscaler survives its way through a policy and back")
    func roundTrip() throws {
        let policy = try #require(self.policy(Self.full))
        let (yaml, losses) = Export.horizontalPodAutoscalers([.policy(policy)])
        let again = Samples.parse(yaml)
        #expect(again.findings.isEmpty, "\(again.findings)\n\(yaml)")
        #expect(again.manifests.map(\.manifest) == [.policy(policy)], "\(yaml)")
        #expect(losses == ["Policy/web: is not carried over: mode recommend: a HorizontalPodAutoscaler acts"])
        var live = policy
        live.mode = .live
        #expect(Export.horizontalPodAutoscalers([.policy(live)]).losses.isEmpty)
    }

    @Test("what a policy says beyond that is lost line by line")
    func losses() throws {
        let manifests = Samples.parse(Samples.media).manifests.map(\.manifest) + Samples.parse(Samples.terms).manifests.map(\.manifest)
        let (yaml, losses) = Export.horizontalPodAutoscalers(manifests)
        for words in [
            "Policy/transcode: is not carried over: the rule step(queue)", "Policy/transcode: is not carried over: the rule capacity(mailboxes)",
            "Policy/transcode: the metric queue becomes an External metric", "can't have the target averageUtilization", "emergency", "cooldown",
            "window of the metric queue", "Policy/checkout: is not carried over: schedule", "freeze", "guards", "approval", "plausible", "verify",
            "secondary of the metric queue",
        ] { #expect(losses.contains { $0.contains(words) }, "\(words): \(losses)") }
        let parsed = Samples.parse(yaml)
        #expect(parsed.findings.isEmpty, "\(parsed.findings)\n\(yaml)")
        #expect(parsed.manifests.map(\.manifest.name) == ["transcode", "checkout"])
        // Without a behaviour Muster limits nothing, and Kubernetes would.
        #expect(yaml.contains("{ type: Pods, value: 20, periodSeconds: 1 }"), "\(yaml)")
    }

    @Test("any policy gives HorizontalPodAutoscalers that read back, or lines that say why not", arguments: 0..<60)
    func anyPolicy(seed: UInt64) {
        var generator = ManifestGenerator(seed: seed)
        let policy = generator.policy()
        let (yaml, losses) = Export.horizontalPodAutoscalers([.policy(policy)])
        let parsed = Samples.parse(yaml)
        #expect(parsed.findings.isEmpty, "seed \(seed): \(parsed.findings)\n\(yaml)")
        #expect(!parsed.manifests.isEmpty || !losses.isEmpty, "seed \(seed)")
    }
}
