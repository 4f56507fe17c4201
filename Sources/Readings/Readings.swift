public import Model

// The model of this module
// ========================
// A source turns one question about many workloads into one answer for each. It never throws for a single workload's
// sake and never invents a number: what is absent, NULL, not finite, of the wrong type, late or refused is `missing`
// with a reason and what the source did answer.
//
//   SQLQuery         a statement, parsed once: where `:service` and `:region` stand, and that it only reads
//   SQLSource        the questions of one database: each distinct statement once for all workloads that share it
//   SQLAnswer        (pure) from columns and rows to an answer for each workload
//   CircuitBreaker   (pure) when a source that fails is left alone
//   ReadingsService  one source for each Connection manifest, their secrets, and a round's questions side by side
//
// Invariants: answers keep the order and count of the questions. A source that is slow, broken or gone delays and
// spoils nobody else's answers. No secret enters an answer. A statement cannot change anything: it runs in a read-only
// transaction that is rolled back, and the role behind the connection should have no right but SELECT.
//
// Not here: windows, age and quality of readings (the engine).

/// One question about one workload.
public struct ReadingRequest<Query: Sendable & Hashable>: Sendable, Hashable {
    /// Whom it is about; its names are bound where the query has parameters for them.
    public var workload: WorkloadID
    /// What is asked, in the source's own terms.
    public var query: Query

    /// A question; several that are the same but for the workload are answered together where the source can.
    public init(workload: WorkloadID, query: Query) {
        self.workload = workload
        self.query = query
    }
}

/// A platform that numbers about workloads come from.
public protocol MetricSource: Sendable {
    /// A question, parsed and checked when its policy is applied.
    associatedtype Query: Sendable & Hashable

    /// Answers all questions, each by itself. Never throws: what went wrong is in the answers.
    /// - Parameters:
    ///   - asOf: when the questions were asked; the sample time of an answer that brings none of its own.
    ///   - deadline: how long the whole call may take.
    ///   - deliver: gets each answer as soon as it is known, with the position of its request, so that nobody waits for
    ///     the slowest. Each position comes once, before the call returns. It may not wait.
    /// - Returns: one answer for each request, in the order of `requests`.
    func read(
        _ requests: [ReadingRequest<Query>], asOf: WallTime, deadline: Duration,
        deliver: @escaping @Sendable ([(position: Int, answer: ReadingAnswer)]) -> Void
    ) async -> [ReadingAnswer]

    /// Whether it answers at all.
    func health(deadline: Duration) async -> SourceHealth

    /// What an operator should know about a question before it matters. Empty: nothing to say.
    func check(_ query: Query, deadline: Duration) async -> [QueryFinding]

    /// Ends its connections. Later questions are answered as `unreachable`.
    func close() async
}

extension MetricSource {
    /// All answers together, at the end.
    public func read(_ requests: [ReadingRequest<Query>], asOf: WallTime, deadline: Duration) async -> [ReadingAnswer] {
        await self.read(requests, asOf: asOf, deadline: deadline, deliver: { _ in })
    }
}

/// Whether a source answers at all, whatever is asked.
public enum SourceHealth: Sendable, Hashable {
    case healthy
    /// Why not, and what to do.
    case unhealthy(MissingReason, why: String)
}

/// What a check of a question found.
public struct QueryFinding: Sendable, Hashable {
    /// What follows from what a check found.
    public enum Severity: String, Sendable, Hashable, CaseIterable {
        /// It will not give a reading.
        case error
        /// It could not be found out, or works and should not stay like this.
        case warning
    }
    /// Whether a reading can come of the query at all.
    public var severity: Severity
    /// Dotted, stable.
    public var code: String
    /// What is wrong and what to do.
    public var message: String

    /// - Parameter code: dotted and stable, for programs: `sql.columns`.
    public init(_ severity: Severity, code: String, message: String) {
        self.severity = severity
        self.code = code
        self.message = message
    }
}
