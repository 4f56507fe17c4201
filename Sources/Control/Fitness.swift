public import Model

/// Whether this leader can do its work, and whether another node could do it better.
///
/// What a leader needs and can't reach is looked at by the other nodes as well. A leader resigns in favour of a node that reaches something which it has
/// not reached for ``patience``, and misses nothing that it reaches. If nobody does, it stays: resigning would help nobody.
///
/// Invariants.
/// - Each resignation of this kind makes the set of what is out of the leader's reach smaller, so that without a change of the world they end.
/// - A leader whose predecessor resigned stays for ``leastTerm``, whatever it reaches: should the world change back and forth, leadership does not.
/// - Only silence counts, not refusals: ``evidence(of:)-(Observation)``.
///
/// A value: the time is an argument. It knows what was seen and said, and asks nobody.
public struct Fitness: Sendable {
    /// Something has to be out of reach for so long.
    public static let patience = Duration.seconds(3)
    /// The shortest time between two resignations of this kind, whoever leads.
    public static let leastTerm = Duration.seconds(60)
    /// What another node said counts for so long: a node is asked, and says it, once a second; what does not answer it finds out after three.
    public static let reportLife = Duration.seconds(5)
    /// Most dependencies that are followed. More, and the further ones take no part: they have to fit into a message.
    public static let most = 32
    /// Longest name that is followed, in bytes, for the same reason.
    public static let longestName = 100

    private struct Sight: Sendable {
        /// Nil: it was reached the last time.
        var missedSince: Instant?
        var why: String
    }

    private struct Report: Sendable {
        var reached: Set<Dependency>
        var at: Instant
    }

    /// No resignation before.
    private let notBefore: Instant
    private var sights: [Dependency: Sight] = [:]
    private var reports: [String: Report] = [:]

    /// - Parameter followsResignation: the leader before gave up by itself.
    public init(startedAt: Instant, followsResignation: Bool) {
        self.notBefore = followsResignation ? startedAt + Self.leastTerm : startedAt
    }

    // MARK: What was seen

    /// What one try showed.
    public enum Evidence: Sendable, Hashable {
        case reached
        case missed(why: String)
    }

    /// What a driver's answer says of what it observes; nil when it says nothing, since it was never asked.
    public static func evidence(of observation: Observation) -> Evidence? {
        switch observation {
        case .seen, .gone: .reached
        case .unseen(let error) where Self.saysNothing.contains(error.code): nil
        case .unseen(let error): .missed(why: error.message)
        }
    }

    /// The driver had no time, was told to stop, or serves other targets.
    private static let saysNothing: Set<String> = ["exec.busy", "exec.cancelled", "exec.kind", "driver.unanswered"]

    /// What the answers of one source say of it, taken together; nil when there are none.
    ///
    /// A source that refuses was reached. A secret or program that this node lacks is a source out of its reach.
    public static func evidence(of answers: some Sequence<ReadingAnswer>) -> Evidence? {
        var found: Evidence?
        for answer in answers {
            guard case .missing(let reason, let words) = answer, Self.isSilence(reason) else { return .reached }
            found = .missed(why: words)
        }
        return found
    }

    /// Whether a reading that is missing for this reason says that its source is out of reach.
    public static func isSilence(_ reason: MissingReason) -> Bool {
        switch reason {
        case .unreachable, .timeout, .misconfigured: true
        case .absent, .null, .nonFinite, .unparsable, .ambiguous, .partial, .clock, .unauthorized, .refused, .overloaded: false
        }
    }

    /// This node tried.
    public mutating func note(_ dependency: Dependency, _ evidence: Evidence, at now: Instant) {
        guard self.sights[dependency] != nil || (self.sights.count < Self.most && dependency.description.utf8.count <= Self.longestName) else { return }
        switch evidence {
        case .reached: self.sights[dependency] = Sight(missedSince: nil, why: "")
        case .missed(let why): self.sights[dependency] = Sight(missedSince: self.sights[dependency]?.missedSince ?? now, why: why)
        }
    }

    /// Policies need these and no others.
    public mutating func keep(only needed: Set<Dependency>) { self.sights = self.sights.filter { needed.contains($0.key) } }

    /// Another node tried.
    public mutating func heard(_ node: String, reaches reached: Set<Dependency>, at now: Instant) {
        self.reports = self.reports.filter { now - $0.value.at < Self.reportLife }
        self.reports[node] = Report(reached: reached, at: now)
    }

    // MARK: What follows

    /// What this node reached the last time it tried, and what it did not; sorted.
    public var reached: [Dependency] { self.sights.filter { $0.value.missedSince == nil }.keys.sorted() }
    /// What this node did not reach the last time it tried; sorted.
    public var missed: [Dependency] { self.sights.filter { $0.value.missedSince != nil }.keys.sorted() }
    /// Why it was out of reach, in the driver's or source's words.
    public func why(_ dependency: Dependency) -> String { self.sights[dependency]?.why ?? "" }

    /// For how long something has been out of reach.
    public func longest(at now: Instant) -> Duration { self.sights.values.compactMap(\.missedSince).min().map { now - $0 } ?? .zero }

    /// Whether this node should go on leading.
    public enum Verdict: Sendable, Hashable {
        /// It leads on.
        case stays
        /// `other` reaches what this node has missed since then.
        case yields(to: String, since: Instant, missed: [Dependency])
    }

    /// Whether another node reaches what this one has missed for too long.
    public func verdict(at now: Instant) -> Verdict {
        let missed = Set(self.missed)
        let lasting = missed.filter { dependency in self.sights[dependency]?.missedSince.map { now - $0 >= Self.patience } ?? false }
        guard !lasting.isEmpty, now >= self.notBefore else { return .stays }
        var best: (node: String, missed: Set<Dependency>)?
        for (node, report) in self.reports.sorted(by: { $0.key < $1.key }) where now - report.at < Self.reportLife {
            let theirs = Set(self.sights.keys).subtracting(report.reached)
            guard theirs.isSubset(of: missed), !lasting.isSubset(of: theirs) else { continue }
            if best.map({ theirs.count < $0.missed.count }) ?? true { best = (node, theirs) }
        }
        guard let best else { return .stays }
        let gained = lasting.subtracting(best.missed).sorted()
        let since = gained.compactMap { self.sights[$0]?.missedSince }.min() ?? now
        return .yields(to: best.node, since: since, missed: gained)
    }
}
