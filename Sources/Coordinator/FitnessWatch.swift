public import Cluster
internal import Control
public import Drivers
public import Logging
internal import Model
public import Readings
public import Store
internal import Synchronization

/// What nodes say to one another of what they can reach; see ``Fitness``.
public struct FitnessWord: Sendable, Hashable {
    /// A leader says how it stands and asks the others to try the same. Otherwise it is the answer to that.
    public var asks: Bool
    /// Names of drivers and connections that answered.
    public var reached: [String]
    /// Names of those that did not.
    public var missed: [String]
    /// For how long the leader has missed something.
    public var duration: Duration

    public init(asks: Bool, reached: [String], missed: [String], duration: Duration = .zero) {
        self.asks = asks
        self.reached = reached
        self.missed = missed
        self.duration = duration
    }
}

/// Sees to it that a leader which can't reach what its work needs makes room for a node that can.
///
/// ``Fitness`` decides. On the leader this shell hands on what drivers and sources answered, tries itself what did not answer, tells the other nodes, and
/// hands leadership over when one of them does better. On every other node it tries what a leader asks about, once a second for as long as that asks.
/// The leader and the others try in the same way: a program by observing the same few workloads, a connection by a question of a session of its own.
///
/// While everything answers, nothing is tried and nothing is said.
public final class FitnessWatch: Sendable {
    /// The way to the other nodes.
    public struct Channel: Sendable {
        /// Sends the word to the node of that name, or not, without waiting.
        public var post: @Sendable (_ word: FitnessWord, _ to: String) -> Void
        /// Their names.
        public var others: @Sendable () -> [String]

        public init(post: @escaping @Sendable (_ word: FitnessWord, _ to: String) -> Void, others: @escaping @Sendable () -> [String]) {
            self.post = post
            self.others = others
        }
    }

    /// Between two tries, and between two words to the others.
    static let interval = Duration.seconds(1)
    /// How often the leader looks whether it is to yield: a fraction of what the three seconds may become longer by.
    static let look = Duration.milliseconds(100)
    /// A question that was not repeated for so long is over.
    static let questionLife = Duration.seconds(3)
    /// Longest try, as in a leader's round.
    static let deadline = TermLoop.askDeadline

    private struct Question {
        var from: String
        var word: FitnessWord
        var at: Instant
    }

    private struct State {
        var leading: (term: Term, fitness: Fitness)?
        var question: Question?
    }

    private let store: Store
    private let leadership: Leadership
    private let readings: ReadingsService
    private let drivers: Drivers
    private let channel: Channel
    private let logger: Logger
    private let state = Mutex(State())
    /// Who has the manifests in force resolved; it owns this watch.
    private struct Owner: Sendable { weak var coordinator: Coordinator? }
    private let owner = Mutex(Owner())
    private let asked: AsyncStream<Void>
    private let ask: AsyncStream<Void>.Continuation

    public init(store: Store, leadership: Leadership, readings: ReadingsService, drivers: Drivers, channel: Channel, logger: Logger) {
        self.store = store
        self.leadership = leadership
        self.readings = readings
        self.drivers = drivers
        self.channel = channel
        self.logger = logger
        (self.asked, self.ask) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Names the coordinator that was made with this watch. Until then nothing is tried.
    public func attach(_ coordinator: Coordinator) { self.owner.withLock { $0.coordinator = coordinator } }

    // MARK: - From any thread

    /// A word of an authenticated member. Never waits.
    public func heard(_ word: FitnessWord, from node: String) {
        let now = BootClock.now()
        let isQuestion = self.state.withLock { state in
            if state.leading == nil {
                guard word.asks else { return false }
                state.question = Question(from: node, word: word, at: now)
                return true
            }
            if !word.asks { state.leading?.fitness.heard(node, reaches: Set(word.reached.compactMap { Dependency($0) }), at: now) }
            return false
        }
        if isQuestion { self.ask.yield() }
    }

    /// What a driver answered in a round of this leader.
    func saw(_ target: DriverTarget, _ observation: Observation) {
        guard let dependency = Dependency(target), let evidence = Fitness.evidence(of: observation) else { return }
        self.note(dependency, evidence)
    }

    /// What a source answered in a round of this leader.
    func read(_ connection: String, _ answers: ReadingsService.Answers) {
        guard let evidence = Fitness.evidence(of: answers.values.lazy.flatMap(\.values)) else { return }
        self.note(.connection(connection), evidence)
    }

    private func note(_ dependency: Dependency, _ evidence: Fitness.Evidence) {
        let now = BootClock.now()
        self.state.withLock { $0.leading?.fitness.note(dependency, evidence, at: now) }
    }

    // MARK: - On the leader

    /// Until the term's task is cancelled, or the node has resigned.
    func watch(_ term: Term) async {
        self.state.withLock {
            $0.leading = (term, Fitness(startedAt: term.grantedAt, followsResignation: term.predecessor?.resigned ?? false))
            $0.question = nil
        }
        defer { self.state.withLock { $0.leading = nil } }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.keepTrying() }
            await self.keepLooking(term)
            group.cancelAll()
        }
    }

    private func keepTrying() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.interval) } catch { return }
            let missed = self.state.withLock { $0.leading?.fitness.missed ?? [] }
            guard !missed.isEmpty, let fleet = await self.fleet() else { continue }
            self.state.withLock { $0.leading?.fitness.keep(only: fleet.dependencies) }
            await self.attempt(missed, fleet) { self.note($0, $1) }
        }
    }

    private func keepLooking(_ term: Term) async {
        var tellAt = BootClock.now()
        var said: [Dependency] = []
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.look) } catch { return }
            let now = BootClock.now()
            guard let fitness = self.state.withLock({ $0.leading?.fitness }) else { return }
            let missed = fitness.missed
            if missed != said {
                self.tell(missed, before: said, fitness)
                said = missed
            }
            guard !missed.isEmpty else { continue }
            if now >= tellAt {
                tellAt = now + Self.interval
                let word = FitnessWord(
                    asks: true, reached: fitness.reached.map(\.description), missed: missed.map(\.description), duration: fitness.longest(at: now))
                for node in self.channel.others() { self.channel.post(word, node) }
            }
            guard case .yields(let other, let since, let gained) = fitness.verdict(at: now) else { continue }
            if await self.yield(term, to: other, since: since, gained, fitness) { return }
        }
    }

    private func tell(_ missed: [Dependency], before: [Dependency], _ fitness: Fitness) {
        let lost = missed.filter { !before.contains($0) }, found = before.filter { !missed.contains($0) }
        for dependency in lost {
            self.logger.warning("this leader can’t reach what its work needs", metadata: ["what": "\(dependency)", "why": "\(fitness.why(dependency))"])
        }
        for dependency in found { self.logger.notice("this leader reaches it again", metadata: ["what": "\(dependency)"]) }
    }

    /// Writes down why, then resigns.
    /// - Returns: false when that could not be recorded: this node leads on, and tries again.
    private func yield(_ term: Term, to other: String, since: Instant, _ gained: [Dependency], _ fitness: Fitness) async -> Bool {
        let names = gained.map(\.description).joined(separator: ", ")
        let reason = "this leader has not reached \(names) for \((BootClock.now() - since).text), and \(other) does"
        do {
            try await self.store.write(as: .node(self.store.node)) { write in
                write.resign(
                    node: term.node, epoch: term.epoch.value, because: reason, to: other,
                    asked: ["unfit": .object(Dictionary(uniqueKeysWithValues: gained.map { ($0.description, .string(String(fitness.why($0).prefix(500)))) }))])
            }
        } catch {
            if Task.isCancelled { return false }
            self.logger.warning("a resignation can’t be recorded, so this node leads on", metadata: ["reason": "\(reason)", "error": "\(error)"])
            return false
        }
        self.logger.warning("resigning", metadata: ["reason": "\(reason)", "to": "\(other)"])
        self.leadership.unfit(since: since, other: other)
        return true
    }

    // MARK: - On the others

    /// Tries what leaders ask about, until it is cancelled.
    public func run() async {
        for await _ in self.asked {
            while !Task.isCancelled, let question = self.standing() {
                if let fleet = await self.fleet() { await self.answer(question, fleet) }
                do { try await Task.sleep(for: Self.interval) } catch { return }
            }
        }
    }

    private func standing() -> Question? {
        let now = BootClock.now()
        return self.state.withLock { state in
            if let question = state.question, now - question.at >= Self.questionLife { state.question = nil }
            return state.question
        }
    }

    private func answer(_ question: Question, _ fleet: Fleet) async {
        let needed = fleet.dependencies
        func known(_ names: [String]) -> [Dependency] { names.prefix(Fitness.most).compactMap { Dependency($0) }.filter(needed.contains) }
        let reached = Mutex<Set<Dependency>>([])
        let note: @Sendable (Dependency, Fitness.Evidence) -> Void = { dependency, evidence in
            if evidence == .reached { reached.withLock { _ = $0.insert(dependency) } }
        }
        await self.attempt(known(question.word.missed), fleet, note)
        // What the leader reaches is worth trying only if this node has something to offer.
        if !reached.withLock({ $0.isEmpty }) { await self.attempt(known(question.word.reached), fleet, note) }
        let found = reached.withLock { $0.map(\.description) }
        let missed = (question.word.missed + question.word.reached).filter { !found.contains($0) }
        self.channel.post(FitnessWord(asks: false, reached: found.sorted(), missed: Array(missed.prefix(Fitness.most))), question.from)
    }

    // MARK: - Trying

    /// What is in force now. Tries come each second: the manifests are read and resolved again only when they have changed.
    private func fleet() async -> Fleet? {
        guard let coordinator = self.owner.withLock({ $0.coordinator }) else { return nil }
        do {
            return try await coordinator.fleet(of: self.store.configurationVersion()).fleet
        } catch {
            self.logger.debug("the manifests can’t be read; nothing is tried", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Tries all side by side, and hands on what came of each.
    private func attempt(_ dependencies: [Dependency], _ fleet: Fleet, _ note: @escaping @Sendable (Dependency, Fitness.Evidence) -> Void) async {
        await withDiscardingTaskGroup { group in
            for dependency in dependencies { group.addTask { if let evidence = await self.attempt(dependency, fleet) { note(dependency, evidence) } } }
        }
    }

    private func attempt(_ dependency: Dependency, _ fleet: Fleet) async -> Fitness.Evidence? {
        switch dependency {
        case .connection(let name):
            guard let connection = fleet.connections[name] else { return .missed(why: "there is no Connection “\(name)”") }
            switch await self.readings.probe(connection, deadline: Self.deadline) {
            case .healthy: return .reached
            case .unhealthy(let reason, let why): return Fitness.isSilence(reason) ? .missed(why: why) : .reached
            }
        case .program:
            let targets = fleet.samples(of: dependency).map { Target(workload: $0.id, target: $0.target) }
            let evidence = await self.drivers.observe(targets, deadline: Self.deadline).compactMap { Fitness.evidence(of: $0) }
            return evidence.contains(.reached) ? .reached : evidence.first
        }
    }
}
