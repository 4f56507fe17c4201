import Postgres

/// Every statement about jobs.
enum JobTable {
    /// Workers listen on it for new jobs of their region; the payload is the region.
    static let channel = "jobs"
    /// A job that runs for longer has lost its worker. Many times the usual job time.
    static let abandonedAfterSeconds = 30
    /// Long enough to look at, short enough that the table stays small.
    static let keepDoneSeconds = 600
    /// Rows that one statement deletes: the workers should not wait for it.
    static let deleteBatch = 1000
    /// Pending jobs of a region above which no more are added: with all workers gone the table must not fill the disk.
    static let pendingLimit = 5000
    /// How long any statement may take: they touch few rows.
    static let deadline: Duration = .seconds(10)

    /// Creates what is not there yet.
    /// - Parameters:
    ///   - regions: rows of the table that lets a query answer 0 for a region without jobs: for Muster no row is a missing reading, and that is not 0.
    ///   - reader: a role that may read, if there is one.
    static func schema(regions: [String], reader: String?) -> [Statement] {
        var statements = [
            Statement("create table if not exists region (name text primary key)"),
            Statement(
                """
                create table if not exists jobs (
                    id bigint generated always as identity primary key,
                    region text not null references region (name),
                    state text not null default 'pending' check (state in ('pending', 'running', 'done')),
                    created_at timestamptz not null default clock_timestamp(),
                    started_at timestamptz,
                    done_at timestamptz,
                    worker text
                )
                """),
            Statement("create index if not exists jobs_pending on jobs (region, id) where state = 'pending'"),
            Statement("create index if not exists jobs_running on jobs (started_at) where state = 'running'"),
            Statement("create index if not exists jobs_done on jobs (done_at) where state = 'done'"),
            Statement("create index if not exists jobs_created on jobs (region, created_at)"),
            Statement("insert into region select unnest($1::text[]) on conflict do nothing", [.textArray(regions)]),
        ]
        if let reader {
            // A role's name can't be a parameter of GRANT; quoted as an identifier it can't be anything but a name.
            let name = "\"" + reader.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
            statements.append(Statement("grant select on jobs, region to \(name)"))
        }
        return statements
    }

    /// The oldest pending job becomes the worker's; no row when there is none. Jobs that another worker is just claiming are passed over.
    static func claim(region: String, worker: String) -> Statement {
        Statement(
            """
            update jobs set state = 'running', worker = $2, started_at = clock_timestamp()
            where id = (
                select id from jobs where region = $1 and state = 'pending' order by id limit 1 for update skip locked
            )
            returning id
            """, [.text(region), .text(worker)])
    }

    /// Only while it is still the worker's: it may have been given to another one meanwhile.
    static func finish(id: Int64, worker: String) -> Statement {
        Statement(
            "update jobs set state = 'done', done_at = clock_timestamp() where id = $1 and worker = $2 and state = 'running'",
            [.int(id), .text(worker)])
    }

    /// Adds jobs, no more than up to the limit of pending ones.
    static func add(_ count: Int, region: String) -> Statement {
        Statement(
            """
            insert into jobs (region)
            select $1 from generate_series(1, least($2::bigint,
                greatest(0, $3::bigint - (select count(*) from jobs where region = $1 and state = 'pending'))))
            """, [.text(region), .int(Int64(count)), .int(Int64(Self.pendingLimit))])
    }

    /// Wakes the region's workers.
    static func announce(region: String) -> Statement {
        Statement("select pg_notify($1, $2)", [.text(Self.channel), .text(region)])
    }

    /// Jobs whose worker was killed are pending again.
    static func requeueAbandoned() -> Statement {
        Statement(
            """
            update jobs set state = 'pending', worker = null, started_at = null
            where state = 'running' and started_at < clock_timestamp() - make_interval(secs => $1)
            """, [.int(Int64(Self.abandonedAfterSeconds))])
    }

    static func deleteDone() -> Statement {
        Statement(
            """
            delete from jobs where id in (
                select id from jobs where state = 'done' and done_at < clock_timestamp() - make_interval(secs => $1) order by done_at limit $2
            )
            """, [.int(Int64(Self.keepDoneSeconds)), .int(Int64(Self.deleteBatch))])
    }
}
