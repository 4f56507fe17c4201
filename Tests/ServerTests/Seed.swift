import Manifests
import Model
import Store
import Testing

@testable import Server

/// A small fleet that has been scaled: two regions, one service, one manual service, a policy, a budget, decisions and actions.
enum Seed {
    static let yaml = """
        kind: Region
        name: eu-west
        costPerReplicaHour: 0.5
        maxReplicas: 20
        ---
        kind: Region
        name: us-east
        ---
        kind: Connection
        name: jobs
        postgres: host=db dbname=jobs
        ---
        kind: Service
        name: transcode
        owner: team-media
        priority: 10
        workloads:
          eu-west: { driver: exec, observe: [replicas, eu-west], scale: [scale, eu-west] }
          us-east: { driver: exec, observe: [replicas, us-east], scale: [scale, us-east] }
        ---
        kind: Service
        name: legacy
        workloads:
          eu-west: { driver: manual }
        ---
        kind: Policy
        name: transcode
        selector: { services: [transcode, legacy] }
        mode: live
        minReplicas: 2
        maxReplicas: 6
        metrics:
          - { name: queue, source: { connection: jobs, sql: "select service, region, count(*) from jobs group by 1, 2" } }
        rules:
          - track: { metric: queue, averageValue: 25 }
        ---
        kind: Budget
        name: media
        selector: { services: [transcode] }
        maxReplicas: 12
        """

    static let eu = WorkloadID(service: "transcode", region: "eu-west")
    static let us = WorkloadID(service: "transcode", region: "us-east")

    static func apply(_ world: World) async throws {
        let parsed = ManifestParser.parse([SourceFile(name: "seed.yaml", text: Self.yaml)])
        try #require(parsed.findings.filter { $0.severity == .error } == [])
        _ = try await world.store.write(as: .node("a")) { try await $0.apply(parsed.manifests) }
    }

    /// Manifests, `decisions` recorded decisions of one workload (the newest with an open action), and an evaluation of the other that is at its maximum.
    static func all(_ world: World, decisions: Int = 3) async throws {
        try await Self.apply(world)
        let now = try await world.store.head().now
        let summary: JSON = ["ms": 38, "every": "2s", "evaluated": 2, "changed": 1]
        for number in 0..<decisions {
            let at = now - .seconds(60 * (decisions - number))
            let isLast = number == decisions - 1
            let plan =
                isLast ? ActionRecord.Plan(from: 4, to: 6, precondition: "99123", needReady: Quantity(milli: 900), deadline: now + .seconds(180)) : nil
            let commit = EvaluationCommit(record: Self.record(Self.eu, Self.decision(Self.eu, at: at)), isRecorded: true, action: plan)
            _ = try await world.asLeader { try await $0.commit([commit], summary: summary, at: at) }
        }
        var atMaximum = Self.decision(Self.us, at: now)
        atMaximum.kind = .held
        atMaximum.from = 6
        atMaximum.to = 6
        atMaximum.wanted = 9
        atMaximum.acted = false
        atMaximum.reasons = [.rule("queue"), .atMax]
        let commit = EvaluationCommit(record: Self.record(Self.us, atMaximum), isRecorded: false)
        _ = try await world.asLeader { try await $0.commit([commit], summary: summary, at: now) }
        _ = try await world.store.write(as: .node("a")) { try await $0.deny(.serial("a1b"), reason: "stolen", limit: Limits.denials) }
        try await world.store.heartbeat(
            NodeRecord(
                name: "a", incarnation: "0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e6f", region: "eu-west", address: "https://127.0.0.1:7443", version: "1.0.0",
                schema: 4, startedAt: now, seenAt: now, state: ["degraded": ["fsync=off"]]))
    }

    static let legacy = WorkloadID(service: "legacy", region: "eu-west")

    /// A change of the manual service that waits for a second person; its number.
    @discardableResult
    static func awaiting(_ world: World, to: Int = 6, byOverrideOf owner: String? = nil) async throws -> Int64 {
        let now = try await world.store.head().now
        var decision = Self.decision(Self.legacy, at: now)
        decision.to = to
        decision.acted = false
        decision.reasons = [.awaitingApproval] + (owner.map { [.override(owner: $0, until: now + .seconds(3600))] } ?? [])
        decision.sentence = "queue 180 / 25 per replica wants \(to); a change by more than 1 waits for a second person"
        let commit = EvaluationCommit(record: Self.record(Self.legacy, decision), isRecorded: true)
        let committed = try await world.asLeader { try await $0.commit([commit], summary: [:], at: now) }
        return try #require(committed.first?.decision)
    }

    static func record(_ id: WorkloadID, _ decision: Decision) -> WorkloadRecord {
        WorkloadRecord(
            id: id, policy: "transcode", policyVersion: 1, evaluatedAt: decision.at, desired: decision.to, current: decision.from, ready: decision.from,
            observedAt: decision.at, evaluation: decision, decision: nil)
    }

    static func decision(_ id: WorkloadID, at: WallTime) -> Decision {
        Decision(
            workload: id, policy: .init(name: "transcode", version: 1, sha256: "9f2c"), at: at, kind: .up, from: 4, to: 6, wanted: 8, acted: true,
            readings: [
                Reading(
                    metric: "queue", value: Quantity(180), unit: "jobs", quality: .fresh, age: .seconds(3), maxAge: .seconds(120), source: "sql",
                    target: Quantity(25), ratio: Quantity(milli: 1800)),
                Reading(metric: "mailboxes", quality: .missing, maxAge: .seconds(120), source: "sql", missing: .absent),
            ],
            proposals: [.init(rule: "track(queue)", replicas: 8, because: "ceil(180 / 25)")],
            steps: [.init(.proposals, input: 4, output: 8), .init(.clamp, input: 8, output: 6, reason: .atMax)],
            reasons: [.rule("queue"), .cooldown(until: at + .seconds(3600))], confidence: Quantity(milli: 780), urgency: .medium,
            sentence: "queue 180 / 25 per replica wants 8; at most 6")
    }
}
