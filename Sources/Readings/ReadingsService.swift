public import Logging
public import Model
public import Postgres

/// One metric of one workload that a round needs a reading of.
public struct MetricRequest: Sendable, Hashable {
    /// Whom the reading is about.
    public var workload: WorkloadID
    /// The metric's name in its policy.
    public var metric: String
    /// Whom to ask: the metric's first source, its second, or the one that vouches for it.
    public var source: Metric.Source

    /// A request of one round; the answer comes under `metric`.
    public init(workload: WorkloadID, metric: String, source: Metric.Source) {
        self.workload = workload
        self.metric = metric
        self.source = source
    }
}

/// The sources of a node: one for each Connection manifest, made when it is first needed, replaced when the manifest or
/// its secret changes.
///
/// A round's questions go to all sources side by side, each with the whole deadline and a circuit breaker of its own,
/// so that a source that is slow, broken or gone costs the others nothing. Each answer is handed on as soon as it is there,
/// so that a statement that is slow costs the others of its source nothing either.
public actor ReadingsService {
    private struct Entry {
        var manifest: Model.Connection
        var breaker = CircuitBreaker()
        /// Why it failed last, for the time when it is left alone.
        var lastFailure = ""
        var source: SQLSource?
        /// What the source was made with.
        var password: String?
    }
    private let reactor: Reactor
    private let logger: Logger
    private var entries: [String: Entry] = [:]
    private var queries: [String: Result<SQLQuery, SQLQueryError>] = [:]

    /// Statements whose parsed form is kept; past it all are parsed again, which only costs time.
    private static let maximumQueries = 4096
    /// Of a round's time, what seeing whether a source is back may take.
    private static let probeShare = 2

    /// - Parameter reactor: where the sources' sessions live; apart from the one of the lock session, so that no
    ///   answer of a source delays that.
    public init(reactor: Reactor, logger: Logger) {
        self.reactor = reactor
        self.logger = logger
    }

    /// Takes the Connection manifests that hold from now on. A source whose manifest changed or is gone is closed.
    /// - Parameter isCurrent: asked when it is this update's turn; false: it came too late, and nothing changes.
    public func update(connections: [Model.Connection], if isCurrent: () -> Bool = { true }) async {
        guard isCurrent() else { return }
        var obsolete: [SQLSource] = []
        var next: [String: Entry] = [:]
        for manifest in connections {
            if let known = self.entries[manifest.name], known.manifest == manifest {
                next[manifest.name] = known
            } else {
                next[manifest.name] = Entry(manifest: manifest)
            }
        }
        for (name, entry) in self.entries where next[name]?.manifest != entry.manifest {
            if let source = entry.source { obsolete.append(source) }
        }
        self.entries = next
        for source in obsolete { await source.close() }
    }

    /// Answers by workload and metric.
    public typealias Answers = [WorkloadID: [String: ReadingAnswer]]

    /// Answers all requests of a round.
    /// - Parameters:
    ///   - asOf: when the round began, in cluster time.
    ///   - deadline: how long it may take.
    ///   - deliver: gets each answer as soon as it is known, once, before the call returns. It may not wait.
    /// - Returns: one answer for each request.
    @discardableResult
    public func read(
        _ requests: [MetricRequest], asOf: WallTime, deadline: Duration, deliver: @escaping @Sendable (Answers) -> Void = { _ in }
    ) async -> Answers {
        let end = ContinuousClock.now + deadline
        var answers: Answers = [:]
        var questions: [String: [(request: MetricRequest, query: SQLQuery)]] = [:]
        for request in requests {
            switch request.source {
            case .sql(let connection, let statement):
                switch self.query(statement) {
                case .success(let query): questions[connection, default: []].append((request, query))
                case .failure(let error):
                    answers[request.workload, default: [:]][request.metric] = .missing(
                        .refused, evidence: "the statement of the metric: \(error)")
                }
            case .kubernetes(let metric):
                answers[request.workload, default: [:]][request.metric] = .missing(
                    .refused, evidence: "\(metric.name) is a metric of Kubernetes, which this version of Muster does not read")
            }
        }
        if !answers.isEmpty { deliver(answers) }
        await withTaskGroup(of: [(MetricRequest, ReadingAnswer)].self) { group in
            for (connection, asked) in questions {
                group.addTask {
                    let requests = asked.map { ReadingRequest(workload: $0.request.workload, query: $0.query) }
                    let answers = await self.ask(connection, requests, asOf: asOf, before: end) { part in
                        deliver(Self.grouped(part.map { (asked[$0.position].request, $0.answer) }))
                    }
                    return zip(asked, answers).map { ($0.request, $1) }
                }
            }
            for await part in group { answers.merge(Self.grouped(part)) { $0.merging($1) { $1 } } }
        }
        return answers
    }

    private static func grouped(_ answers: [(request: MetricRequest, answer: ReadingAnswer)]) -> Answers {
        answers.reduce(into: [:]) { $0[$1.request.workload, default: [:]][$1.request.metric] = $1.answer }
    }

    /// What an operator should know about a statement before it matters, from the database if it answers.
    /// - Parameter connection: the Connection manifest; it need not be in use yet.
    public func check(_ statement: String, on connection: Model.Connection, deadline: Duration) async -> [QueryFinding] {
        let query: SQLQuery
        do { query = try SQLQuery(parsing: statement) } catch {
            return [QueryFinding(.error, code: "sql.statement", message: error.description)]
        }
        let password: String?
        do { password = try Self.password(of: connection) } catch {
            return [
                QueryFinding(
                    .warning, code: "sql.unchecked", message: "the statement could not be checked: \(error.message)")
            ]
        }
        // A source of its own: the check must not stand in the round's way.
        let source = self.makeSource(connection, password: password)
        let findings = await source.check(query, deadline: deadline)
        await source.close()
        return findings
    }

    /// Whether a connection answers, asked through a session of its own: it may be in use or not, and stands in nobody's way.
    public func probe(_ connection: Model.Connection, deadline: Duration) async -> SourceHealth {
        let password: String?
        do { password = try Self.password(of: connection) } catch {
            return .unhealthy(.misconfigured, why: "the password of the Connection “\(connection.name)”: \(error.message)")
        }
        let source = self.makeSource(connection, password: password)
        let health = await source.health(deadline: deadline)
        await source.close()
        return health
    }

    /// The state of each connection that is in use or known, by name.
    public func health(deadline: Duration) async -> [String: SourceHealth] {
        await withTaskGroup(of: (String, SourceHealth).self) { group in
            for name in self.entries.keys {
                group.addTask {
                    switch await self.source(for: name) {
                    case .success(let source): (name, await source.health(deadline: deadline))
                    case .failure(let missing): (name, .unhealthy(missing.reason, why: missing.words))
                    }
                }
            }
            var all: [String: SourceHealth] = [:]
            for await (name, health) in group { all[name] = health }
            return all
        }
    }

    /// Ends all sessions.
    public func close() async {
        await self.update(connections: [])
    }

    // MARK: - One source

    private struct NoSource: Error {
        var reason: MissingReason
        var words: String
    }

    private func ask(
        _ name: String, _ requests: [ReadingRequest<SQLQuery>], asOf: WallTime, before end: ContinuousClock.Instant,
        deliver: @escaping @Sendable ([(position: Int, answer: ReadingAnswer)]) -> Void
    ) async -> [ReadingAnswer] {
        func all(_ reason: MissingReason, _ words: String) -> [ReadingAnswer] {
            let answers = requests.map { _ in ReadingAnswer.missing(reason, evidence: words) }
            deliver(answers.enumerated().map { ($0.offset, $0.element) })
            return answers
        }
        let source: SQLSource
        switch await self.source(for: name) {
        case .success(let found): source = found
        case .failure(let missing): return all(missing.reason, missing.words)
        }
        switch self.entries[name]?.breaker.permission(at: .now) {
        case .wait(let pause):
            let words =
                "the connection “\(name)” is left alone for another \(max(1, pause.components.seconds)) s, after "
                + "\(CircuitBreaker.failuresToOpen) failures in a row"
            return all(.unreachable, "\(words); the last: \(self.entries[name]?.lastFailure ?? "")")
        case .probe:
            if case .unhealthy(let reason, let why) = await source.health(deadline: (end - .now) / Self.probeShare) {
                self.settle(name, source, failure: why)
                return all(reason, why)
            }
        case .ask, nil: break
        }
        let answers = await source.read(requests, asOf: asOf, deadline: max(end - .now, .zero), deliver: deliver)
        self.settle(name, source, failure: Self.failure(of: answers))
        return answers
    }

    /// Why the source as a whole failed: nothing but answers that speak of the source, not of a statement. nil when it
    /// did not.
    private static func failure(of answers: [ReadingAnswer]) -> String? {
        var last: String?
        for answer in answers {
            guard case .missing(let reason, let evidence) = answer, SQLFailure.isOfSource(reason) else { return nil }
            last = evidence
        }
        return last
    }

    private func settle(_ name: String, _ source: SQLSource, failure: String?) {
        // What a source that was replaced meanwhile has met says nothing about the one that replaced it.
        guard self.entries[name]?.source === source else { return }
        guard let failure else {
            if self.entries[name]?.breaker.isOpen == true {
                self.logger.notice("a connection answers again", metadata: ["connection": "\(name)"])
            }
            self.entries[name]?.breaker.succeeded()
            return
        }
        let wasOpen = self.entries[name]?.breaker.isOpen == true
        self.entries[name]?.breaker.failed(at: .now)
        self.entries[name]?.lastFailure = failure
        if !wasOpen, self.entries[name]?.breaker.isOpen == true {
            self.logger.warning(
                "a connection fails again and again and is left alone for a while",
                metadata: ["connection": "\(name)", "why": "\(failure)"])
        }
    }

    /// The source of a connection, made anew when its secret changed.
    private func source(for name: String) async -> Result<SQLSource, NoSource> {
        guard let entry = self.entries[name] else {
            return .failure(
                NoSource(
                    reason: .misconfigured,
                    words: "there is no Connection “\(name)”: apply one, or correct the metric's source"))
        }
        let password: String?
        do { password = try Self.password(of: entry.manifest) } catch {
            return .failure(
                NoSource(reason: .misconfigured, words: "the password of the Connection “\(name)”: \(error.message)"))
        }
        if let source = entry.source, entry.password == password { return .success(source) }
        let fresh = self.makeSource(entry.manifest, password: password)
        self.entries[name]?.source = fresh
        self.entries[name]?.password = password
        // A new password deserves a new try.
        self.entries[name]?.breaker = CircuitBreaker()
        if let old = entry.source { await old.close() }
        return .success(fresh)
    }

    private func makeSource(_ manifest: Model.Connection, password: String?) -> SQLSource {
        SQLSource(
            name: manifest.name, configuration: ConnectionConfiguration(manifest.postgres, password: password),
            reactor: self.reactor, logger: self.logger)
    }

    private static func password(of manifest: Model.Connection) throws(Secrets.Missing) -> String? {
        guard let reference = manifest.password else { return nil }
        return try Secrets.resolve(reference)
    }

    private func query(_ statement: String) -> Result<SQLQuery, SQLQueryError> {
        if let known = self.queries[statement] { return known }
        let parsed = Result { () throws(SQLQueryError) in try SQLQuery(parsing: statement) }
        if self.queries.count >= Self.maximumQueries { self.queries.removeAll() }
        self.queries[statement] = parsed
        return parsed
    }
}
