internal import Cluster
internal import Control
internal import Logging
internal import Model
internal import Readings
internal import Store
internal import Synchronization

/// What a term begins with: the state of the last leader, with the clock that goes on from it.
struct Beginning: Sendable {
    var state: LeaderState
    var clock: TermClock
    /// The version of what people say in `state`.
    var configuration: String
    /// Of all that it was made of; see ``Store/inheritanceVersion(cluster:shard:)``.
    var version: String?

    /// Reads all of it.
    static func load(_ coordinator: Coordinator, if isCurrent: @Sendable () -> Bool = { true }) async throws -> Beginning {
        try await Self.make(of: coordinator.store.inheritance(maximumOpen: TermLoop.maximumOpen), coordinator, if: isCurrent)
    }

    /// The sources of its fleet can be asked from then on.
    /// - Parameters:
    ///   - left: read just now.
    ///   - isCurrent: whether the sources may still be this beginning's.
    static func make(of left: Inheritance, _ coordinator: Coordinator, if isCurrent: @Sendable () -> Bool = { true }) async throws -> Beginning {
        let (fleet, version) = try await coordinator.fleet(of: left.configurationVersion)
        await coordinator.readings.update(connections: Array(fleet.connections.values), if: isCurrent)
        let remembered = try left.remembered()
        let clock = TermClock(database: left.head.now, newestWritten: remembered.map(\.last.at).max())
        let state = try LeaderState(left, remembered: remembered, fleet: fleet.inForce(at: clock.now), at: clock.now)
        return Beginning(state: state, clock: clock, configuration: version, version: left.version)
    }
}

/// The beginning of a term that may come: once nothing is heard of the leader any more, or it hands over, a node that waits for the lock reads what the leader
/// left and asks the first questions, which changes nothing outside, while the database notices the leader's end and passes the lock on. By what it has kept
/// (``Standby``) it asks at once, and looks meanwhile whether that is still what there is.
///
/// It counts only when nothing was committed since it was read: the grant notes what there is at that moment (`Term.noted`). Otherwise, or when no term comes
/// of it, it is thrown away.
final class HeadStart: Sendable {
    /// Its answers are as fresh as those that a leader waits for in a round; older ones are asked for anew.
    static let lifetime = TermLoop.askDeadline
    /// A second sign within this time is of the same leader's end.
    static let renewal = Duration.milliseconds(500)

    /// A beginning whose first questions are asked.
    private final class Asked: Sendable {
        let beginning: Beginning
        private let answers: Answers
        private let asking: Task<Void, Never>

        init(_ beginning: Beginning, _ coordinator: Coordinator) {
            var beginning = beginning
            let now = beginning.clock.now
            let questions = beginning.state.ask(at: now)
            let answers = Answers()
            self.beginning = beginning
            self.answers = answers
            self.asking = Task {
                await withDiscardingTaskGroup { group in coordinator.ask(questions, at: now, in: &group) { answers.post($0) } }
            }
        }

        func deliver(to mailbox: Mailbox<TermLoop.News>) { self.answers.deliver(to: mailbox) }
        /// Its questions are no longer of interest.
        func cancel() { self.asking.cancel() }
    }

    /// Where the answers to the first questions go: nowhere until there is a term, and nowhere at all when its state is another one, with questions of its
    /// own.
    private final class Answers: Sendable {
        private let state = Mutex<(held: [TermLoop.News], mailbox: Mailbox<TermLoop.News>?)>(([], nil))

        func post(_ news: TermLoop.News) {
            let mailbox = self.state.withLock { state in
                if state.mailbox == nil { state.held.append(news) }
                return state.mailbox
            }
            mailbox?.post(news)
        }

        func deliver(to mailbox: Mailbox<TermLoop.News>) {
            let held = self.state.withLock { state in
                state.mailbox = mailbox
                defer { state.held = [] }
                return state.held
            }
            for news in held { mailbox.post(news) }
        }
    }

    /// What there is.
    private enum Found: Sendable {
        /// What was kept, still of this version.
        case kept(version: String)
        /// Not made into anything yet.
        case read(Inheritance)

        var version: String? {
            switch self {
            case .kept(let version): version
            case .read(let left): left.version
            }
        }
    }

    private let begunAt = ContinuousClock.now
    private let finding: Task<Found?, Never>
    private let asked: Task<Asked?, Never>

    /// - Parameter kept: what the node has kept ready.
    init(_ coordinator: Coordinator, kept: Beginning?) {
        let finding = Task { await Self.find(coordinator, kept: kept?.version) }
        let early = kept.map { Asked($0, coordinator) }
        self.finding = finding
        self.asked = Task {
            let found = await finding.value
            if case .kept = found { return early }
            early?.cancel()
            guard case .read(let left) = found, !Task.isCancelled else { return nil }
            return await Self.ask(left, coordinator)
        }
    }

    /// - Parameter kept: the version of what is kept.
    private static func find(_ coordinator: Coordinator, kept: String?) async -> Found? {
        do {
            if let kept, try await coordinator.store.inheritanceVersion() == kept { return .kept(version: kept) }
            return .read(try await coordinator.store.inheritance(maximumOpen: TermLoop.maximumOpen))
        } catch {
            // The term's own beginning tries again, and says what is wrong.
            coordinator.logger.debug("no head start: what the last leader left can't be read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private static func ask(_ left: Inheritance, _ coordinator: Coordinator) async -> Asked? {
        do {
            let beginning = try await Beginning.make(of: left, coordinator)
            return Task.isCancelled ? nil : Asked(beginning, coordinator)
        } catch {
            coordinator.logger.debug("no head start: what the last leader left can't be used", metadata: ["error": "\(error)"])
            return nil
        }
    }

    var age: Duration { ContinuousClock.now - self.begunAt }

    /// What was got ready, with its first questions asked and their answers on the way to `mailbox`; nil when it is not what this term begins with.
    func beginning(of term: Term, answersTo mailbox: Mailbox<TermLoop.News>) async -> Beginning? {
        guard self.age < Self.lifetime, let noted = term.noted, await self.finding.value?.version == noted, let asked = await self.asked.value else {
            return nil
        }
        asked.deliver(to: mailbox)
        return asked.beginning
    }

    /// Its questions are no longer of interest.
    func cancel() {
        self.finding.cancel()
        self.asked.cancel()
        let asked = self.asked
        // If there is one by now: soon, since nothing is waited for any more.
        Task { await asked.value?.cancel() }
    }
}
