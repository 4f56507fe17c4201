internal import Ledger
internal import Model
internal import Postgres

extension Store {
    /// The newest changes of workloads that have failed just now, and that nobody has taken back. One that took another back is not taken back itself.
    var failedRead: Read<[ActionRecord]> {
        Read(
            """
            SELECT \(Self.actionColumns) FROM muster.action a
            WHERE a.shard = $1 AND a.kind = 'scale' AND a.state = 'failed' AND a.updated_at > clock_timestamp() - interval '30 minutes'
                AND NOT EXISTS (SELECT 1 FROM muster.action b WHERE b.service = a.service AND b.region = a.region AND b.kind = 'scale' AND b.id > a.id)
                AND NOT EXISTS (SELECT 1 FROM muster.pause p WHERE p.rolled_back_by = a.decision_id)
            ORDER BY id
            """, [.text(self.shard)]
        ) { try $0.map(Self.action(row:)) }
    }

    /// When a change of a workload was last taken back, as far as that keeps the next one from being taken back.
    var rolledBackRead: Read<[WorkloadID: WallTime]> {
        Read(
            """
            SELECT scope, max(since) AS since FROM muster.pause
            WHERE rolled_back IS NOT NULL AND since > clock_timestamp() - $1 * interval '1 second' GROUP BY scope ORDER BY scope
            """, [.int(Rollback.hold.components.seconds)]
        ) { rows in
            var times: [WorkloadID: WallTime] = [:]
            for row in rows {
                guard let workload = WorkloadID(try row["scope"].string()) else { continue }
                times[workload] = try row["since"].wallTime()
            }
            return times
        }
    }
}

extension Write {
    /// What goes with a change back: its event, which names what it reverts, and the hold that keeps the policy from repeating it.
    func rollBack(_ rollback: Rollback?, by number: Int64, _ decision: Decision) async throws -> Pause? {
        guard let rollback else { return nil }
        let action = ActionRecord.name(rollback.action), workload = decision.workload
        let owner = Principal.policy(decision.policy.name, version: decision.policy.version)
        let reason = "\(action) to \(rollback.to) did not become ready in time and was taken back"
        let answers = try await self.transaction.pipeline([
            Statement("SELECT seq FROM muster.decision WHERE id = $1", [.int(rollback.decision)]),
            Statement(
                """
                INSERT INTO muster.pause (scope, direction, owner, reason, since, until, rolled_back, rolled_back_by)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id, scope, direction, owner, reason, since, until, rolled_back
                """,
                [
                    .text(Pause.Scope.workload(workload).description), .text(rollback.direction.rawValue), .text(owner.id), .text(reason), .time(self.at),
                    .time(self.at + Rollback.hold), .int(rollback.action), .int(number),
                ]),
        ])
        let hold = try Store.pause(row: answers[1].one())
        self.record(
            .rollbackAuto, severity: .warning, action: .rollback, subject: .init(kind: .workload, id: workload.description), by: owner,
            before: .fields(["action": .string(action), "replicas": decision.from.map { .int(Int64($0)) }]),
            after: .fields(["replicas": decision.to.map { .int(Int64($0)) }, "pause": .int(hold.id), "until": hold.until.json]),
            cause: .object(["readings": .array(decision.readings.map(\.json))]), correlation: .init(decisionID: DecisionRecord.name(number)),
            reverts: try answers[0].map { try $0["seq"].int() })
        self.record(.pauseCreated, severity: .notice, action: .pause, subject: .init(kind: .pause, id: String(hold.id)), by: owner, after: hold.json)
        self.configurationChanged()
        return hold
    }
}
