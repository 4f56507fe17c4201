internal import Cluster
internal import Control
internal import Ledger
internal import Logging
internal import Model
internal import Store

/// The beginning of a term without a term: what the last leader left is read, one workload is asked about, evaluated and made ready to be committed, and
/// everything is thrown away.
///
/// It is for the process alone: code that has never run is not in its memory, and the first use of each generic type makes the runtime search all that the
/// program declares, which takes milliseconds in sum. In a takeover they would come between the election and the first act. One look at a platform and one
/// question to each source of one workload are all that is seen of it outside; nothing is written, no lock is taken.
enum Rehearsal {
    /// - Returns: what would have been committed; nil when there was nothing to rehearse with: no workload yet.
    static func run(of fleet: Fleet, _ coordinator: Coordinator) async throws -> [CommittedEvaluation]? {
        guard let member = fleet.members.first(where: \.isAskedByProgram) ?? fleet.members.first else { return nil }
        let left = try await coordinator.store.inheritance(maximumOpen: 1)
        // One page is like another.
        if let page = left.memory.first { _ = try MemoryPage(number: page.number, bytes: page.bytes).remembered() }
        let clock = TermClock(database: left.head.now, newestWritten: nil)
        var state = LeaderState(fleet: Self.one(member, of: fleet).inForce(at: clock.now), remembered: [], regions: RegionMemory(), open: [], at: clock.now)
        await Self.ask(&state, coordinator, clock)
        _ = state.work(mayAct: false, at: clock.now)
        let round = state.decide(at: clock.now)
        let committed = await Self.commit(round, of: state, coordinator)
        state.committed(round, actions: committed.compactMap(\.action), at: clock.now)
        state.held(committed.compactMap(\.hold))
        var status = CoordinatorStatus()
        status.count(round, committed, began: .now)
        _ = state.work(mayAct: true, at: clock.now)
        _ = state.nextWake(after: clock.now)
        var fitness = Fitness(startedAt: BootClock.now(), followsResignation: false)
        fitness.note(.connection(""), .reached, at: BootClock.now())
        return committed
    }

    private static func one(_ member: Fleet.Member, of fleet: Fleet) -> Fleet {
        var small = fleet
        small.members = [member]
        return small
    }

    /// The first commit of a term, as if the workload had to be changed.
    private static func commit(_ round: LeaderState.Round, of state: LeaderState, _ coordinator: Coordinator) async -> [CommittedEvaluation] {
        let commit = RoundCommit(rehearsing: round, of: state)
        let store = coordinator.store
        var committed: [CommittedEvaluation] = []
        do {
            try await store.rehearse(commit.rehearsalOpening(store)) { write in
                write.recordLeadership(.leaderElected, node: store.node, epoch: write.epoch, details: [:])
                write.commit(state.regionChanges)
                write.update([], at: round.at)
                committed = try await commit.commit(to: write)
            }
        } catch {
            // Only time is lost by it.
            coordinator.logger.debug("the first commit of a term could not be rehearsed", metadata: ["error": "\(error)"])
        }
        return committed
    }

    /// The questions of a first round, and their answers.
    private static func ask(_ state: inout LeaderState, _ coordinator: Coordinator, _ clock: TermClock) async {
        let mailbox = Mailbox<TermLoop.News>()
        mailbox.post(.released)
        let end = ContinuousClock.now + TermLoop.askDeadline
        let now = clock.now
        let questions = state.ask(at: now)
        await withDiscardingTaskGroup { group in
            coordinator.ask(questions, at: now, in: &group) { mailbox.post($0) }
            while !state.isReady(at: clock.now), ContinuousClock.now < end, !Task.isCancelled {
                for item in await mailbox.take(within: end - .now) {
                    switch item {
                    case .observed(let workload, let observation, let round): state.observed(workload, observation, round: round)
                    case .answered(let answers, let round): state.answered(round: round, answers)
                    case .ended(let connection, let round): state.ended(round: round, connection: connection)
                    case .released: state.released(at: clock.now)
                    case .attempted, .looked, .configuration, .nodes, .stopped: break
                    }
                }
            }
            group.cancelAll()
        }
    }
}

extension Fleet.Member {
    fileprivate var isAskedByProgram: Bool { if case .exec = self.target { true } else { false } }
}
