internal import Ledger
public import Model
internal import Postgres

/// What was asked of a person about one workload, and what was last said to run.
public struct ManualRecord: Sendable, Hashable {
    /// What a person is asked to do.
    public struct Request: Sendable, Hashable {
        /// Replicas that should run.
        public var replicas: Int
        /// Replicas that were asked for when it was decided.
        public var expected: Int
        /// The idempotency key: the same request has the same one.
        public var action: String
        /// The term of the leader that asks.
        public var epoch: Int64
        /// The decision's sentence.
        public var reason: String
        public init(replicas: Int, expected: Int, action: String, epoch: Int64, reason: String) {
            self.replicas = replicas
            self.expected = expected
            self.action = action
            self.epoch = epoch
            self.reason = reason
        }
    }
    /// What is asked now; nil: nothing.
    public var request: Request?
    /// Replicas that were last said to run; nil: nobody has said.
    public var observed: Int?
    /// When that was said.
    public var observedAt: WallTime?
    /// Who said it.
    public var observedBy: String?
    /// A restart was asked for, and nobody has said since what runs.
    public var awaitsRestart = false
}

extension Store {
    private static let manualColumns = "service, region, asked, expected, action, epoch, reason, observed, observed_at, observed_by, restart_asked_at"

    /// What is on record; workloads of which nothing is known are left out.
    public func manual(_ workloads: [WorkloadID]) async throws -> [WorkloadID: ManualRecord] {
        let rows = try await self.read(
            "SELECT \(Self.manualColumns) FROM muster.manual WHERE (service, region) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
            [.textArray(workloads.map(\.service)), .textArray(workloads.map(\.region))])
        var records: [WorkloadID: ManualRecord] = [:]
        for row in rows {
            records[WorkloadID(service: try row["service"].string(), region: try row["region"].string())] = try Self.manual(row: row)
        }
        return records
    }

    private static func manual(row: Row) throws -> ManualRecord {
        var record = ManualRecord()
        if let asked = try row["asked"].intOrNil() {
            record.request = ManualRecord.Request(
                replicas: asked, expected: try row["expected"].intOrNil() ?? asked, action: try row["action"].stringOrNil() ?? "",
                epoch: try row["epoch"].int64OrNil() ?? 0, reason: try row["reason"].stringOrNil() ?? "")
        }
        record.observed = try row["observed"].intOrNil()
        record.observedAt = try row["observed_at"].wallTimeOrNil()
        record.observedBy = try row["observed_by"].stringOrNil()
        if let asked = try row["restart_asked_at"].wallTimeOrNil() { record.awaitsRestart = record.observedAt.map { $0 <= asked } ?? true }
        return record
    }

    /// Asks a person. A newer request takes the older one's place, unless that is of a later term: then it is returned and stands.
    public func askManually(_ workload: WorkloadID, _ request: ManualRecord.Request) async throws -> ManualRecord.Request? {
        let rows = try await self.read(
            """
            INSERT INTO muster.manual (service, region, asked, expected, action, epoch, asked_at, reason)
            VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp(), $7)
            ON CONFLICT (service, region) DO UPDATE SET asked = excluded.asked, expected = excluded.expected, action = excluded.action,
                epoch = excluded.epoch, reason = excluded.reason,
                asked_at = CASE WHEN muster.manual.action = excluded.action THEN muster.manual.asked_at ELSE excluded.asked_at END
            WHERE coalesce(muster.manual.epoch, 0) <= excluded.epoch
            RETURNING service
            """,
            [
                .text(workload.service), .text(workload.region), .int(Int64(request.replicas)), .int(Int64(request.expected)), .text(request.action),
                .int(request.epoch), .text(request.reason),
            ])
        return rows.isEmpty ? try await self.manual([workload])[workload]?.request : nil
    }

    /// Asks a person to restart it. The number of replicas that was asked for stays.
    /// - Returns: false when the last request is of a later term: nothing was recorded then.
    public func askManuallyToRestart(_ workload: WorkloadID, action: String, epoch: Int64, reason: String) async throws -> Bool {
        let rows = try await self.read(
            """
            INSERT INTO muster.manual (service, region, restart, restart_epoch, restart_asked_at, restart_reason)
            VALUES ($1, $2, $3, $4, clock_timestamp(), $5)
            ON CONFLICT (service, region) DO UPDATE SET restart = excluded.restart, restart_epoch = excluded.restart_epoch,
                restart_reason = excluded.restart_reason,
                restart_asked_at = CASE WHEN muster.manual.restart = excluded.restart THEN muster.manual.restart_asked_at
                    ELSE excluded.restart_asked_at END
            WHERE greatest(coalesce(muster.manual.epoch, 0), coalesce(muster.manual.restart_epoch, 0)) <= excluded.restart_epoch
            RETURNING service
            """, [.text(workload.service), .text(workload.region), .text(action), .int(epoch), .text(reason)])
        return !rows.isEmpty
    }
}

extension Write {
    /// A person says how many replicas run.
    public func recordObserved(workload: WorkloadID, replicas: Int) {
        self.record(
            .workloadObserved, action: .observe, subject: .init(kind: .workload, id: workload.description),
            after: .object(["replicas": .int(Int64(replicas))]))
        self.deferred.append(
            Statement(
                """
                INSERT INTO muster.manual (service, region, observed, observed_at, observed_by) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (service, region) DO UPDATE SET observed = excluded.observed, observed_at = excluded.observed_at,
                    observed_by = excluded.observed_by
                """,
                [.text(workload.service), .text(workload.region), .int(Int64(replicas)), .time(self.at), .text(self.principal.id)]))
    }
}
