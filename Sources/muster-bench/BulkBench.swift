import Postgres
import PostgresTesting

/// How a leader may write many rows without leaving its lock session in the middle of the protocol: batches of statements that each end with a sync, or
/// COPY into a table beside it on another session and one statement on the lock session that moves the rows.
///
/// Both end in the same table, in one transaction of the lock session; the server forgets nothing (fsync on).
enum BulkBench {
    private static let sizes = [100, 1_000, 10_000]
    private static let defaultTrials = 9

    static func run(_ options: BenchOptions) async throws {
        let server = try await TestServer.start(settings: ["fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"])
        let reactor = Reactor(name: "bench")
        let lock = try await Connection.connect(ConnectionConfiguration(server.conninfo()), on: reactor)
        let other = try await Connection.connect(ConnectionConfiguration(server.conninfo()), on: reactor)
        _ = try await lock.simple(
            """
            CREATE TABLE kept (id int8 PRIMARY KEY, at timestamptz, body text);
            CREATE UNLOGGED TABLE staged (batch int8, id int8, body text);
            CREATE INDEX ON staged (batch)
            """)
        var next: Int64 = 0
        for size in Self.sizes {
            var batched: [Double] = []
            var copied: [Double] = []
            // The first of each fills caches and prepares statements.
            for trial in 0...(options.trials ?? Self.defaultTrials) {
                next += Int64(size)
                let first = try await Self.milliseconds { try await Self.writeBatches(lock, from: next, size) }
                next += Int64(size)
                let second = try await Self.milliseconds { try await Self.writeCopied(lock, other, from: next, size) }
                if trial > 0 { batched.append(first); copied.append(second) }
            }
            for (way, times) in [("batches", batched), ("copy", copied)] {
                Measurement(
                    bench: "bulk", case: "\(way)-\(size)", who: "muster", metric: "commit", unit: "ms", samples: times,
                    note: "\(size) rows of about 600 bytes in one transaction, fsync on"
                ).report()
            }
        }
        await lock.close()
        await other.close()
        reactor.stop()
    }

    /// As long as what the leader writes for a workload.
    private static let body = String(repeating: "{\"metric\":\"queue\",\"value\":42}", count: 20)

    private static func writeBatches(_ lock: Connection, from first: Int64, _ count: Int) async throws {
        let rows = (0..<count).map { Statement("INSERT INTO kept VALUES ($1, clock_timestamp(), $2)", [.int(first + Int64($0)), .text(Self.body)]) }
        try await lock.transaction { transaction in _ = try await transaction.commit(with: rows) }
    }

    private static func writeCopied(_ lock: Connection, _ other: Connection, from first: Int64, _ count: Int) async throws {
        let rows: [[CopyValue]] = (0..<count).map { [.int8(first), .int8(first + Int64($0)), .text(Self.body)] }
        _ = try await other.copyIn(table: "staged", columns: ["batch", "id", "body"], rows: rows)
        try await lock.transaction { transaction in
            _ = try await transaction.commit(with: [
                Statement("INSERT INTO kept SELECT id, clock_timestamp(), body FROM staged WHERE batch = $1", [.int(first)]),
                Statement("DELETE FROM staged WHERE batch = $1", [.int(first)]),
            ])
        }
    }

    private static func milliseconds(_ body: () async throws -> Void) async throws -> Double {
        let began = bootNanoseconds()
        try await body()
        return muster_bench.milliseconds(from: began, to: bootNanoseconds())
    }
}
