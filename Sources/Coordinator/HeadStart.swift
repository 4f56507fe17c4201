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
    static func load(_ coordinator: Coordinator) async throws -> Beginning {
        try await Self.make(of: coordinator.store.inheritance(maximumOpen: TermLoop.maximumOpen), coordinator)
    }

    /// - Parameter left: read just now.
    static func make(of left: Inheritance, _ coordinator: Coordinator) async throws -> Beginning {
        let (fleet, version) = try await coordinator.fleet(of: left.configurationVersion)
        let remembered = try left.remembered()
        let clock = TermClock(database: left.head.now, newestWritten: remembered.map(\.last.at).max())
        let state = try LeaderState(left, remembered: remembered, fleet: fleet.inForce(at: clock.now), at: clock.now)
        return Beginning(state: state, clock: clock, configuration: version, version: left.version)
    }
}

/// The beginning of a term that may come: once nothing is heard of the leader any more, or it hands over, a node that waits for the lock reads what the leader
/// left and asks the first questions, which changes nothing outside, while the database notices the leader's end and passes the lock on. What it has kept
/// (``Standby``) need not be read again while it is what there is.
///
/// It counts only when nothing was committed since it was read: the grant notes what there is at that moment (`Term.noted`). Otherwise, or when no term comes
/// of it, it is thrown away.
final class HeadStart: Sendable {
    /// Its answers are as fresh as those that a leader waits for in a round; older ones are asked for anew.
    static let lifetime = TermLoop.askDeadline
    /// A second sign within this time is of the same leader's end.
    static let renewal = Duration.milliseconds(500)

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

    /// What was read: as it was kept, or not made into anything yet.
    private enum Found: Sendable {
        case kept(Beginning)
        case read(Inheritance)

        var version: String? {
            switch self {
            case .kept(let beginning): beginning.version
            case .read(let left): left.version
            }
        }
    }

    private let answers: Answers
    private let begunAt = ContinuousClock.now
    private let finding: Task<Found?, Never>
    private let asking: Task<Void, Never>
    private let beginnings: AsyncStream<Beginning>

    /// - Parameter kept: what the node has kept ready.
    init(_ coordinator: Coordinator, kept: Beginning?) {
        let answers = Answers()
        let (beginnings, made) = AsyncStream<Beginning>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let finding = Task<Found?, Never> {
            do {
                if let kept, let version = kept.version, try await coordinator.store.inheritanceVersion() == version { return .kept(kept) }
                return .read(try await coordinator.store.inheritance(maximumOpen: TermLoop.maximumOpen))
            } catch {
                // The term's own beginning tries again, and says what is wrong.
                coordinator.logger.debug("no head start: what the last leader left can't be read", metadata: ["error": "\(error)"])
                return nil
            }
        }
        self.answers = answers
        self.finding = finding
        self.beginnings = beginnings
        self.asking = Task {
            await withDiscardingTaskGroup { group in
                defer { made.finish() }
                guard let found = await finding.value, !Task.isCancelled else { return }
                do {
                    var beginning = try await Self.beginning(of: found, coordinator)
                    await coordinator.readings.update(connections: Array(beginning.state.fleet.connections.values))
                    if Task.isCancelled { return }
                    coordinator.ask(&beginning.state, at: beginning.clock.now, in: &group) { answers.post($0) }
                    made.yield(beginning)
                } catch {
                    coordinator.logger.debug("no head start: what the last leader left can't be used", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    private static func beginning(of found: Found, _ coordinator: Coordinator) async throws -> Beginning {
        switch found {
        case .kept(let beginning): beginning
        case .read(let left): try await Beginning.make(of: left, coordinator)
        }
    }

    var age: Duration { ContinuousClock.now - self.begunAt }

    /// What was got ready, with its first questions asked and their answers on the way to `mailbox`; nil when it is not what this term begins with.
    func beginning(of term: Term, answersTo mailbox: Mailbox<TermLoop.News>) async -> Beginning? {
        guard self.age < Self.lifetime, let noted = term.noted, await self.finding.value?.version == noted else { return nil }
        for await beginning in self.beginnings {
            self.answers.deliver(to: mailbox)
            return beginning
        }
        return nil
    }

    /// Its questions are no longer of interest.
    func cancel() {
        self.finding.cancel()
        self.asking.cancel()
    }
}
