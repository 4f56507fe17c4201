import Logging
import Model
import Postgres

/// One session of a source, opened when it is needed and again when it was lost.
actor SQLLane {
    private let configuration: ConnectionConfiguration
    private let reactor: Reactor
    private let source: String
    private let logger: Logger
    private var session: Postgres.Connection?
    private var closed = false

    /// What the server gets less than the client waits, so that its own answer about a slow statement arrives and the
    /// session stays usable.
    private static let answerMargin: Duration = .milliseconds(150)
    /// Of several runs in one flight each may take this share of the time, so that one slow workload leaves some to the
    /// others.
    private static let shareOfSeveral = 2

    init(_ configuration: ConnectionConfiguration, _ reactor: Reactor, source: String, _ logger: Logger) {
        self.configuration = configuration
        self.reactor = reactor
        self.source = source
        self.logger = logger
    }

    /// The outcome of each run, in their order.
    /// - Parameter share: among how many flights the time that is left is to be shared.
    /// - Throws: when there is no session to be had. What goes wrong afterwards is in the outcomes.
    func run(
        _ flight: SQLFlight, share: Int, before end: ContinuousClock.Instant
    ) async throws(PostgresError) -> [Result<ResultSet, PostgresError>] {
        let (session, isFresh) = try await self.open(before: end)
        let outcomes = await Self.fly(flight, share: share, on: session, before: end)
        // A session that had gone while nobody used it is found out by using it: once more on a new one, since a
        // reading changes nothing.
        guard !isFresh, outcomes.allSatisfy(Self.isClosed), ContinuousClock.now < end else { return outcomes }
        return await Self.fly(flight, share: share, on: try await self.open(before: end).session, before: end)
    }

    var isOpen: Bool {
        get async {
            guard let session = self.session else { return false }
            return await !session.isClosed
        }
    }

    struct Description: Sendable {
        var parameterOIDs: [UInt32]
        var columns: [(name: String, oid: UInt32)]
        var isSuperuser: Bool
    }

    /// What a statement takes and gives, without running it.
    func describe(_ sql: String, before end: ContinuousClock.Instant) async throws(PostgresError) -> Description {
        let session = try await self.open(before: end).session
        let described = try await session.describe(sql, deadline: end - .now)
        let role = try await session.query(
            "select rolsuper from pg_catalog.pg_roles where rolname = current_user", deadline: end - .now)
        return Description(
            parameterOIDs: described.parameterOIDs, columns: described.columns,
            isSuperuser: try role.first?[0].bool() ?? false)
    }

    func close() async {
        self.closed = true
        await self.session?.close()
        self.session = nil
    }

    private static func isClosed(_ outcome: Result<ResultSet, PostgresError>) -> Bool {
        if case .failure(let error) = outcome { error.code == .closed } else { false }
    }

    private func open(before end: ContinuousClock.Instant) async throws(PostgresError) -> (
        session: Postgres.Connection, isFresh: Bool
    ) {
        if let session, await !session.isClosed { return (session, false) }
        let left = end - ContinuousClock.now
        guard left > .zero else { throw PostgresError(.timeout, "there was no time left to open a session") }
        guard !self.closed else { throw PostgresError(.closed, "the source “\(self.source)” was closed") }
        var configuration = self.configuration
        configuration.connectTimeout = min(configuration.connectTimeout, left)
        let fresh = try await Postgres.Connection.connect(configuration, on: self.reactor)
        if self.closed {
            await fresh.close()
            throw PostgresError(.closed, "the source “\(self.source)” was closed")
        }
        // Somebody else may have opened one meanwhile.
        if let session, await !session.isClosed {
            await fresh.close()
            return (session, false)
        }
        self.session = fresh
        self.logger.debug(
            "opened a session for readings",
            metadata: ["connection": "\(self.source)", "endpoint": "\(fresh.endpoint)"])
        return (fresh, true)
    }

    /// Each run is four statements, each answered by itself: a failure stays where it is, and the rollback is run after
    /// it too.
    private static func fly(
        _ flight: SQLFlight, share: Int, on session: Postgres.Connection, before end: ContinuousClock.Instant
    ) async -> [Result<ResultSet, PostgresError>] {
        let left = max(end - ContinuousClock.now, .milliseconds(1))
        let part = left / max(share, flight.runs.count == 1 ? 1 : Self.shareOfSeveral)
        let limit = max((part - Self.answerMargin).milliseconds, 1)
        let statements = flight.runs.flatMap { run in
            [
                Statement("begin transaction isolation level read committed, read only"),
                Statement("select pg_catalog.set_config('statement_timeout', $1, true)", [.text(String(limit))]),
                Statement(flight.sql, run.values.map { .text($0) }),
                Statement("rollback"),
            ]
        }
        let outcomes = await session.pipelineEach(statements, deadline: left)
        guard outcomes.count == statements.count else {
            return flight.runs.map { _ in
                .failure(
                    PostgresError(
                        .decoding, "the server gave \(outcomes.count) answers to \(statements.count) statements"))
            }
        }
        return flight.runs.indices.map { index in
            let first = index * 4
            // What failed before the statement is why it has no answer.
            for offset in 0...1 { if case .failure = outcomes[first + offset] { return outcomes[first + offset] } }
            return outcomes[first + 2]
        }
    }
}
