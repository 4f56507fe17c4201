public import Logging
public import Model
public import Postgres
import Synchronization

/// Reads numbers from one database.
///
/// Requests that share a statement share its runs: a statement without parameters is run once for all of them, one with
/// `:service` or `:region` once for each value. Two sessions of its own take the runs in order; statements that were
/// too slow the last time come last and have only one of the two, so that they cost nobody else's answer, neither in
/// their own round nor in those that begin while they run. Each run is a read-only transaction with a
/// time limit of its own, rolled back at its end: it can change neither data nor session.
public final class SQLSource: MetricSource {
    /// The Connection manifest's name, which its answers and logs say.
    public let name: String
    private let lanes: [SQLLane]
    private let evidence: EvidenceFilter
    private let slow = Mutex<Set<String>>([])
    private let closed = Mutex(false)
    /// Flights under way on each lane, of all rounds.
    private let underWay: Mutex<[Int]>

    /// Sessions at a time: enough that one slow statement does not hold up the others, few enough that no database
    /// notices.
    public static let maximumSessions = 2
    /// `too_many_connections`, also of a role or a database (PostgreSQL, appendix A).
    private static let tooManyConnections = "53300"
    /// Before a server that has no room is asked once more, the first time; then twice as long each time, as far as the deadline allows. A refused session still
    /// counts until its process has ended.
    private static let firstPauseWhenFull = Duration.milliseconds(10)
    /// Runs that go to the server in one flight: a failure of the session costs no more than these.
    static let runsPerFlight = 25
    /// Slow statements that are remembered; past it all are forgotten, which only costs order.
    private static let maximumSlow = 256
    /// Largest answer of a statement, in bytes: what ``SQLAnswers/maximumRows`` rows of names and numbers take.
    private static let maximumAnswer = 8 << 20
    /// How long a statement may wait for a lock, in milliseconds: a reading is not worth standing in anybody's way.
    private static let lockTimeout = "200"
    /// Ends a transaction that lost its end, in milliseconds.
    private static let idleInTransactionTimeout = "5000"

    /// - Parameters:
    ///   - name: the Connection manifest's.
    ///   - configuration: where, as whom; its settings are completed by what a source needs.
    public init(name: String, configuration: ConnectionConfiguration, reactor: Reactor, logger: Logger) {
        self.name = name
        var configuration = configuration
        configuration.applicationName = configuration.applicationName ?? "muster readings"
        configuration.maximumResultBytes = min(configuration.maximumResultBytes, Self.maximumAnswer)
        configuration.settings += [
            ("default_transaction_read_only", "on"), ("lock_timeout", Self.lockTimeout),
            ("idle_in_transaction_session_timeout", Self.idleInTransactionTimeout),
            // The lexer reads strings as the standard does.
            ("standard_conforming_strings", "on"),
        ]
        let complete = configuration
        self.lanes = (0..<Self.maximumSessions).map { _ in SQLLane(complete, reactor, source: name, logger) }
        self.evidence = EvidenceFilter(secrets: [configuration.password].compactMap { $0 })
        self.underWay = Mutex(Array(repeating: 0, count: Self.maximumSessions))
    }

    /// See ``MetricSource/read(_:asOf:deadline:deliver:)``. Statements that were slow the last time come last.
    public func read(
        _ requests: [ReadingRequest<SQLQuery>], asOf: WallTime, deadline: Duration,
        deliver: @escaping @Sendable ([(position: Int, answer: ReadingAnswer)]) -> Void
    ) async -> [ReadingAnswer] {
        guard !requests.isEmpty else { return [] }
        let end = ContinuousClock.now + deadline
        let collected = CollectedAnswers(count: requests.count, deliver: deliver)
        if self.closed.withLock({ $0 }) {
            return collected.close(filling: .missing(.unreachable, evidence: "the source “\(self.name)” was closed"))
        }
        let flights = self.flights(for: requests)
        let duties = self.duties(for: flights)
        let queue = FlightQueue(quick: flights.quick, slow: flights.slow, workers: duties.count)
        // Owned here: told to stop at the end. A session that takes longer to stop (its server is frozen) must not hold
        // up the answers.
        let workers = duties.map { lane, duty in
            Task {
                await self.work(on: lane, duty, queue, before: end) { flight, outcomes in
                    self.remember(flight.sql, outcomes)
                    var answers: [(position: Int, answer: ReadingAnswer)] = []
                    for (run, outcome) in zip(flight.runs, outcomes) {
                        let read = SQLAnswers(outcome)
                        for index in run.requests {
                            let answer = read.answer(for: requests[index].workload, asOf: asOf)
                            answers.append((index, self.evidence.filter(answer)))
                        }
                    }
                    collected.give(answers)
                }
            }
        }
        await collected.allCame(before: end)
        for worker in workers { worker.cancel() }
        return collected.close(
            filling: .missing(
                .timeout,
                evidence:
                    "no answer by the deadline. The database is slow or out of reach; look at its load and at the network"))
    }

    /// Who does what in a round, by lane. Quick statements have every lane on which nothing runs, so that they wait for no
    /// statement of another round; slow ones have the last lane alone.
    private func duties(for flights: (quick: [SQLFlight], slow: [SQLFlight])) -> [(lane: Int, duty: FlightQueue.Duty)] {
        let last = self.lanes.count - 1
        var idle = self.underWay.withLock { counts in counts.indices.filter { counts[$0] == 0 } }
        if idle.isEmpty { idle = [0] }
        let quick = Set(idle.prefix(flights.quick.count))
        return self.lanes.indices.compactMap { lane in
            let duty = FlightQueue.Duty(quick: quick.contains(lane), slow: lane == last && !flights.slow.isEmpty)
            return duty.quick || duty.slow ? (lane, duty) : nil
        }
    }

    /// Takes flights from the queue until there is none left for it.
    private func work(
        on first: Int, _ duty: FlightQueue.Duty, _ queue: FlightQueue, before end: ContinuousClock.Instant,
        deliver: (SQLFlight, [Result<ResultSet, PostgresError>]) -> Void
    ) async {
        var lane = first
        var pause = Self.firstPauseWhenFull
        while !Task.isCancelled, let (flight, share) = queue.next(for: duty) {
            do throws(PostgresError) {
                deliver(flight, try await self.run(flight, on: lane, share: share, before: end))
            } catch {
                // Without a session of its own (the server may allow one only) it leaves the work to the other.
                guard queue.leave(returning: flight) else { return }
                if let open = await self.openLane(besides: lane) {
                    lane = open
                    queue.enter()
                    continue
                }
                // Where there is room for one session, two that ask for it at once are both refused, since each counts the other. This one is alone now.
                if error.sqlState == Self.tooManyConnections, ContinuousClock.now + pause < end, await Self.passes(pause) {
                    pause *= 2
                    queue.enter()
                    continue
                }
                // No session is to be had: trying again for every flight would only burden the server.
                for lost in queue.takeRest() { deliver(lost, lost.runs.map { _ in .failure(error) }) }
                return
            }
        }
    }

    /// False when the round was over before.
    private static func passes(_ pause: Duration) async -> Bool {
        do { try await Task.sleep(for: pause) } catch { return false }
        return true
    }

    private func run(
        _ flight: SQLFlight, on lane: Int, share: Int, before end: ContinuousClock.Instant
    ) async throws(PostgresError) -> [Result<ResultSet, PostgresError>] {
        self.underWay.withLock { $0[lane] += 1 }
        defer { self.underWay.withLock { $0[lane] -= 1 } }
        return try await self.lanes[lane].run(flight, share: share, before: end)
    }

    private func openLane(besides lane: Int) async -> Int? {
        for other in self.lanes.indices where other != lane {
            if await self.lanes[other].isOpen { return other }
        }
        return nil
    }

    private func remember(_ sql: String, _ outcomes: [Result<ResultSet, PostgresError>]) {
        let isSlow = outcomes.contains { outcome in
            if case .failure(let error) = outcome { SQLFailure.reading(of: error).0 == .timeout } else { false }
        }
        self.slow.withLock { slow in
            if isSlow {
                if slow.count >= Self.maximumSlow { slow.removeAll() }
                slow.insert(sql)
            } else {
                slow.remove(sql)
            }
        }
    }

    /// The distinct runs that the requests need, those of slow statements apart, otherwise in the order of the requests.
    private func flights(for requests: [ReadingRequest<SQLQuery>]) -> (quick: [SQLFlight], slow: [SQLFlight]) {
        struct Key: Hashable {
            var sql: String
            var values: [String]
        }
        var order: [Key] = []
        var wanting: [Key: [Int]] = [:]
        for (index, request) in requests.enumerated() {
            let key = Key(
                sql: request.query.sql, values: request.query.parameters.map { $0.value(for: request.workload) })
            if wanting[key] == nil { order.append(key) }
            wanting[key, default: []].append(index)
        }
        var runs: [String: [SQLFlight.Run]] = [:]
        var statements: [String] = []
        for key in order {
            if runs[key.sql] == nil { statements.append(key.sql) }
            runs[key.sql, default: []].append(SQLFlight.Run(values: key.values, requests: wanting[key] ?? []))
        }
        let slow = self.slow.withLock { $0 }
        func flights(of statements: [String]) -> [SQLFlight] {
            statements.flatMap { sql in
                let all = runs[sql] ?? []
                return stride(from: 0, to: all.count, by: Self.runsPerFlight).map { start in
                    SQLFlight(sql: sql, runs: Array(all[start..<min(start + Self.runsPerFlight, all.count)]))
                }
            }
        }
        return (flights(of: statements.filter { !slow.contains($0) }), flights(of: statements.filter { slow.contains($0) }))
    }

    /// `select 1` on one of its sessions, connecting first where there is none.
    ///
    /// - Returns: unhealthy with what kept it from answering, words that hold no secret.
    public func health(deadline: Duration) async -> SourceHealth {
        let end = ContinuousClock.now + deadline
        let flight = SQLFlight(sql: "select 1", runs: [SQLFlight.Run(values: [], requests: [])])
        do throws(PostgresError) {
            for outcome in try await self.lanes[0].run(flight, share: 1, before: end) { _ = try outcome.get() }
            return .healthy
        } catch {
            let (reason, words) = SQLFailure.reading(of: error)
            return .unhealthy(reason, why: self.evidence.filter(words))
        }
    }

    /// Lets the server parse the statement without running it: what it takes, which columns it gives, and with which rights.
    ///
    /// - Returns: what would keep it from giving readings; a server that can't be asked is a warning, since it may answer later.
    public func check(_ query: SQLQuery, deadline: Duration) async -> [QueryFinding] {
        let end = ContinuousClock.now + deadline
        let described: SQLLane.Description
        do throws(PostgresError) { described = try await self.lanes[0].describe(query.sql, before: end) } catch {
            let (reason, words) = SQLFailure.reading(of: error)
            let unseen = SQLFailure.isOfSource(reason) && error.sqlState != "42501"
            return [
                unseen
                    ? QueryFinding(
                        .warning, code: "sql.unchecked",
                        message: "the statement could not be checked: \(self.evidence.filter(words))")
                    : QueryFinding(.error, code: "sql.statement", message: self.evidence.filter(words))
            ]
        }
        var findings: [QueryFinding] = []
        for (oid, parameter) in zip(described.parameterOIDs, query.parameters) {
            if let objection = SQLLayout.objection(toParameter: oid, parameter) {
                findings.append(QueryFinding(.error, code: "sql.parameter", message: objection))
            }
        }
        do throws(SQLLayout.Problem) { _ = try SQLLayout(columns: described.columns) } catch {
            findings.append(QueryFinding(.error, code: "sql.columns", message: error.message))
        }
        if described.isSuperuser {
            findings.append(
                QueryFinding(
                    .warning, code: "sql.superuser",
                    message:
                        "the Connection “\(self.name)” logs in as a superuser: give it a role that may only SELECT"
                ))
        }
        return findings
    }

    /// Ends its sessions. What is asked afterwards is answered as `unreachable`. Idempotent.
    public func close() async {
        self.closed.withLock { $0 = true }
        for lane in self.lanes { await lane.close() }
    }
}

/// Runs of one statement that go to the server together.
struct SQLFlight: Sendable {
    struct Run: Sendable {
        var values: [String]
        /// Positions of the requests that it answers.
        var requests: [Int]
    }
    var sql: String
    var runs: [Run]
}
