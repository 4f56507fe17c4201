import Manifests
import Model
import Testing

@Suite("Canonical form and export")
struct CanonicalTests {
    private static let kinds = Manifest.Kind.allCases

    @Test("the canonical form reads back to an equal manifest and is its own canonical form", arguments: 0..<100)
    func canonicalRoundTrip(seed: UInt64) throws {
        var generator = ManifestGenerator(seed: seed)
        for kind in Self.kinds {
            let manifest = generator.manifest(kind)
            let canonical = manifest.canonicalJSON()
            let again = try Manifest(canonical: canonical)
            #expect(again == manifest, "seed \(seed): \(canonical.text)")
            #expect(again.canonicalJSON() == canonical, "seed \(seed): \(canonical.text)")
            // As it comes back from the database, and as a document that somebody applies.
            #expect(try Manifest(canonical: JSON(parsing: canonical.text)) == manifest, "seed \(seed)")
            let applied = Samples.parse(canonical.text)
            #expect(applied.manifests.map(\.manifest) == [manifest], "seed \(seed): \(applied.findings) \(canonical.text)")
            #expect(applied.manifests.map(\.text) == [canonical.text], "seed \(seed)")
        }
    }

    @Test("an export parses back to equal manifests", arguments: 0..<100)
    func exportRoundTrip(seed: UInt64) throws {
        var generator = ManifestGenerator(seed: seed)
        var manifests: [Manifest] = []
        var taken: Set<Manifest.Reference> = []
        for kind in Self.kinds + Self.kinds {
            let manifest = generator.manifest(kind)
            if taken.insert(manifest.reference).inserted { manifests.append(manifest) }
        }
        let text = Export.yaml(manifests)
        let parsed = Samples.parse(text)
        #expect(parsed.findings.isEmpty, "seed \(seed): \(parsed.findings)\n\(text)")
        #expect(parsed.manifests.map(\.manifest) == manifests, "seed \(seed):\n\(text)")
    }

    @Test("an export has the order of fields that people use and leaves defaults out")
    func exportText() {
        let parsed = Samples.parse(Samples.media)
        let expected = """
            kind: Region
            name: eu-west
            costPerReplicaHour: 0.12
            maxReplicas: 200
            ---
            kind: Connection
            name: jobs
            postgres: "host=db dbname=jobs user=muster_read sslmode=verify-full"
            password: { file: "/etc/muster/secrets/jobs" }
            ---
            kind: Service
            name: transcode
            owner: team-media
            priority: 10
            startup: 40s
            workloads:
              eu-central: { driver: exec, observe: [replicas, transcode], scale: [scale, transcode] }
              eu-west: { driver: manual }
            ---
            kind: Policy
            name: transcode
            selector: { services: [transcode] }
            mode: live
            minReplicas: 2
            maxReplicas: 20
            metrics:
              - name: queue
                source: { connection: jobs, sql: "select region, count(*) from jobs where state = 'pending' group by region" }
                window: { last: 1m, aggregate: avg }
                unit: jobs
              - name: cpu
                source:
                  connection: metrics
                  sql: |
                    select region, avg(cpu)
                    from cpu
                    group by region
              - name: mailboxes
                source: { connection: jobs, sql: "select count(*) from mailboxes" }
            rules:
              - track: { metric: cpu, averageUtilization: 70 }
              - track: { metric: queue, averageValue: 25, tolerance: 0.05 }
              - step: { metric: queue, above: 25, add: 1, below: 5, remove: 10%, for: 30s, weight: 0.4 }
              - capacity: { metric: mailboxes, perReplica: 1000 }
            cooldown: { up: 2m, down: 10m }
            emergency: { when: "queue > 100", replicas: max }
            onMissing: [hold 2m, lastGood 10m, replicas 6]
            ---
            kind: Budget
            name: fleet
            selector: { services: ["*"] }
            maxReplicas: 500
            maxCostPerHour: 60

            """
        let chosen = [0, 2, 4, 5, 6].map { parsed.manifests[$0].manifest }
        #expect(Export.yaml(chosen) == expected)
        #expect(Export.yaml([]) == "")
    }

    @Test("an export of the terms reads as people write them")
    func exportTerms() {
        let parsed = Samples.parse(Samples.terms)
        let text = Export.yaml(parsed.manifests.map(\.manifest))
        var expected = Samples.terms
        for (written, exported) in [
            ("[eu-central, ap-south]", "[ap-south, eu-central]"), ("\"0  8 ", "\"0 8 "), ("62h", "2d14h"), ("\"weekend freeze\"", "weekend freeze"),
            ("scaleDown: { selectPolicy: Disabled }", "scaleDown:\n    selectPolicy: Disabled"), ("2/15m", "\"2/15m\""), ("30.5%", "\"30.5%\""),
        ] { expected = expected.replacing(written, with: exported) }
        #expect(text == expected)
    }

    @Test("a behaviour's defaults, and a cooldown of 0 without a preset, mean the same as written out")
    func behaviorForms() throws {
        let forms = [
            "behavior: {}\ncooldown: { up: 0s }", "behavior: { scaleUp: {} }",
            "behavior: { scaleDown: { stabilizationWindowSeconds: 300, selectPolicy: Max, policies: [{ type: Percent, value: 100, periodSeconds: 15 }] } }",
        ].map { Samples.parse(Samples.policy("maxReplicas: 9\n\($0)")).manifests.first?.text }
        #expect(Set(forms).count == 1)
        #expect(forms.first??.contains("stabilizationWindowSeconds\":300") == true)
        let presets = ["preset: balanced", "preset: balanced\nbehavior: {}"].map {
            Samples.parse(Samples.policy("maxReplicas: 9\n\($0)")).manifests.first?.text
        }
        #expect(Set(presets).count == 1)
        // With a preset, nothing and 0 differ: one is the preset's.
        let zero = Samples.parse(Samples.policy("maxReplicas: 9\npreset: balanced\ncooldown: { down: 0s }")).manifests.first?.text
        #expect(zero != presets.first)
        let policy = Policy(
            name: "p", selector: Selector(), maxReplicas: 9, metrics: [], rules: [], cooldown: .init(up: .zero), behavior: Behavior())
        #expect(Manifest.policy(policy).canonicalJSON()["behavior"]?["scaleUp"]?["selectPolicy"] == "Max")
    }

    @Test("texts that mean the same have the same bytes and hash")
    func oneMeaning() throws {
        let plain = """
            kind: Policy
            name: p
            selector: { services: [b, a, b], regions: [x, "*"] }
            maxReplicas: 9
            metrics: [{ name: queue, source: { connection: jobs, sql: select 1 } }]
            rules: [{ track: { metric: queue, averageValue: 25.0 } }]
            cooldown: { up: 90s }
            emergency: { when: "((queue)) >  100.50 and not(queue<1)", replicas: max }
            """
        let wordy = """
            { "name": "p", "kind": "Policy", "mode": "recommend", "minReplicas": 1, "maxReplicas": 9.0, "evaluateEvery": "15000ms",
              "selector": { "services": ["a", "b"] }, "combine": "max", "cooldown": { "down": "0s", "up": "1m30s" }, "onMissing": [],
              "emergency": { "when": "queue > 100.5 and not queue < 1", "replicas": "max" }, "verify": { "ready": "0.9", "within": "180s" },
              "rules": [{ "weight": 1, "track": { "metric": "queue", "averageValue": "25", "tolerance": 0.1 } }],
              "metrics": [{ "name": "queue", "source": { "connection": "jobs", "sql": "select 1" }, "maxAge": "2m" }] }
            """
        let one = try #require(Samples.parse(plain).manifests.first)
        let other = try #require(Samples.parse(wordy).manifests.first)
        #expect(one.text == other.text)
        #expect(one.sha256 == other.sha256)
        #expect(one.sha256.count == 64)
        #expect(one.sha256 == ManifestParser.sha256(one.canonical))
        let changed = try #require(Samples.parse(plain.replacing("maxReplicas: 9", with: "maxReplicas: 10")).manifests.first)
        #expect(changed.sha256 != one.sha256)
    }

    @Test("the hash is SHA-256 over the canonical bytes")
    func hash() throws {
        let region = try #require(Samples.parse("kind: Region\nname: a").manifests.first)
        #expect(region.text == #"{"kind":"Region","name":"a"}"#)
        #expect(region.sha256 == "912c8efa75389435d4e16b501cdf063042e54a05782f966e346f6564a755a080")
    }

    @Test("what an older version wrote is read: missing fields take their defaults, tighter limits do not count")
    func olderVersions() throws {
        let json: JSON = [
            "kind": "Policy", "name": "p", "selector": ["services": ["a"]], "maxReplicas": 5_000_000, "evaluateEvery": "500ms",
            "metrics": [["name": "queue", "source": ["connection": "jobs", "sql": "select 1"]]],
            "rules": [["track": ["metric": "queue", "value": "0"]]],
        ]
        guard case .policy(let policy) = try Manifest(canonical: json) else {
            Issue.record("not a policy")
            return
        }
        #expect(policy.maxReplicas == 5_000_000)
        #expect(policy.evaluateEvery == .milliseconds(500))
        #expect(policy.verify == .init())
        #expect(policy.rules == [Rule(.track(.init(metric: "queue", target: .value(.zero))))])
    }

    @Test("what only a newer version can know is an error that names it")
    func newerVersions() {
        for (field, pointer) in [("freeze", "/freeze"), ("quota", "/quota")] {
            let json: JSON = .object(["kind": "Region", "name": "a", field: []])
            let error = #expect(throws: JSONError.self) { try Manifest(canonical: json) }
            #expect(error?.pointer == pointer)
        }
        #expect(throws: JSONError.self) { try Manifest(canonical: ["kind": "Webhook", "name": "a"]) }
        #expect(throws: JSONError.self) { try Manifest(canonical: .array([])) }
        #expect(throws: JSONError.self) { try Manifest(canonical: .null) }
    }
}
