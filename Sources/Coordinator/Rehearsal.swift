internal import Control
internal import Model
internal import Store

/// The beginning of a term without a term: what the last leader left is read, one workload is asked about on paper, evaluated and made ready to be committed,
/// and everything is thrown away.
///
/// It is for the process alone: code that has never run is not in its memory, and the first use of each generic type makes the runtime search all that the
/// program declares, which takes milliseconds in sum. In a takeover they would come between the election and the first act. Nothing is asked of sources and
/// platforms, nothing is written, no lock is taken.
enum Rehearsal {
    /// - Returns: false when there was nothing to rehearse with: no workload yet.
    static func run(of fleet: Fleet, _ store: Store) async throws -> Bool {
        guard let member = fleet.members.first else { return false }
        let left = try await store.inheritance(maximumOpen: 1)
        // One page is like another.
        if let page = left.memory.first { _ = try MemoryPage(number: page.number, bytes: page.bytes).remembered() }
        let clock = TermClock(database: left.head.now, newestWritten: nil)
        var state = LeaderState(fleet: Self.one(member, of: fleet).inForce(at: clock.now), remembered: [], regions: RegionMemory(), open: [], at: clock.now)
        let mailbox = Mailbox<TermLoop.News>()
        mailbox.post(.released)
        for _ in await mailbox.take(within: TermLoop.longestWait) { state.released(at: clock.now) }
        Self.answer(&state, at: clock.now)
        _ = state.work(mayAct: false, at: clock.now)
        _ = state.isReady(at: clock.now)
        let round = state.decide(at: clock.now)
        _ = RoundCommit(round, of: state).opening(store)
        state.committed(round, actions: [], at: clock.now)
        _ = state.nextWake(after: clock.now)
        return true
    }

    private static func one(_ member: Fleet.Member, of fleet: Fleet) -> Fleet {
        var small = fleet
        small.members = [member]
        return small
    }

    /// The questions that a first round would ask, answered by numbers from nowhere.
    private static func answer(_ state: inout LeaderState, at now: WallTime) {
        let questions = state.ask(at: now)
        for member in questions.targets { state.observed(member.id, .seen(desired: 1, current: 1, ready: 1, version: nil), round: questions.round) }
        for (connection, metrics) in questions.readings {
            let answers = metrics.map { ($0.workload, [$0.name: ReadingAnswer.value(Sample(value: Quantity(1), at: now))]) }
            state.answered(round: questions.round, Dictionary(answers, uniquingKeysWith: { $0.merging($1) { first, _ in first } }))
            state.ended(round: questions.round, connection: connection)
        }
    }
}
