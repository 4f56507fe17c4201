public import Engine
public import Model

/// From answers to a commit: a round evaluates what is complete, without words; what is recorded, acts or is shown is then told. What a round decided is
/// remembered only once it has committed.
extension LeaderState {
    /// What one round decided; it commits as a whole or not at all.
    public struct Round: Sendable {
        /// Cluster time.
        public var at: WallTime
        /// Put into words: what becomes a decision or an action, and what is written out as a workload's last evaluation.
        public var pending: [Pending] = []
        /// All others: they only change what is remembered.
        public var quiet: [Quiet] = []

        init(at now: WallTime) { self.at = now }
        /// Evaluations in all.
        public var count: Int { self.pending.count + self.quiet.count }
        /// Nothing was evaluated.
        public var isEmpty: Bool { self.count == 0 }
        /// Evaluations that carry something out.
        public var changes: Int { self.pending.count { $0.plan != nil } }
    }

    /// One evaluation that says nothing new.
    public struct Quiet: Sendable {
        /// In the state's order.
        let entry: Int
        let conclusion: Conclusion
        let facts: Facts
        let observation: Observation
        let inquiry: Boxed<Inquiry>
    }

    /// One evaluation in words that waits for its commit.
    public struct Pending: Sendable, Hashable {
        /// What was evaluated.
        public var workload: WorkloadID
        /// The decision, with all that led to it.
        public var evaluation: Evaluation
        /// What the platform had, as the evaluation saw it.
        public var observation: Observation
        /// The look that it shows was begun then, or later.
        public var askedAt: WallTime
        /// It becomes a decision in the log; otherwise only the workload's row is brought up to date.
        public var isRecorded: Bool
        /// What is carried out once it has committed; only with ``isRecorded``.
        public var plan: ActionRecord.Plan?
        /// An older change that this one takes the place of: the platform has taken it on, only its arrival was still awaited.
        public var superseded: ActionRecord?
        /// What a second person said, where the plan needs it: this commit uses it up.
        public var approval: Approval?
        /// What the policy's guards tell people with it.
        public var notices: [GuardNotice] = []
        /// The change that the plan takes back.
        public var rollback: Rollback?
        let conclusion: Conclusion
        /// The decision is not what the engine concluded.
        var isAmended = false
    }

    /// What an evaluation counts for in status.
    struct Tally: Sendable {
        var wanted: Int
        var readings: Int
        var stale: Int
        var missing: Int

        init(_ conclusion: Conclusion, readings: Int) {
            self.wanted = max(0, conclusion.wanted)
            self.readings = readings
            self.stale = conclusion.stale.nonzeroBitCount
            self.missing = conclusion.missing.nonzeroBitCount
        }
    }

    /// Evaluations of one round that are put into words and may be recorded: what one commit can carry well within its time. The others follow at once.
    static let mostTold = 2_000
    /// Workloads whose last evaluation is written out although it says nothing new, in one round. In a fleet of no more than these each evaluation is; in a
    /// larger one they take turns, those of another size than was last written first.
    static let mostShown = 256

    /// Evaluates every workload of which everything is known, and ends those inquiries.
    public mutating func decide(at now: WallTime) -> Round {
        self.consultCalendars(at: now)
        self.watchRegions(at: now)
        self.commonFalls = self.fallsTogether()
        var round = self.concluded(at: now)
        for item in round.pending { if let index = self.indices[item.workload] { self.endInquiry(of: index, at: now) } }
        for quiet in round.quiet { self.endInquiry(of: quiet.entry, at: now) }
        self.show(&round)
        self.arbitrate(&round)
        round.pending = round.pending.map { self.restarted(self.plan($0, at: now), at: now) }.sorted { $0.workload < $1.workload }
        return round
    }

    /// Evaluates what is complete: first without words, then what may be new to the log in words.
    private func concluded(at now: WallTime) -> Round {
        var round = Round(at: now)
        round.quiet.reserveCapacity(self.entries.agendas.count(where: \.isComplete))
        let scratch = Scratch()
        for (index, agenda) in self.entries.agendas.enumerated() where agenda.isComplete {
            let entry = self.entries[index]
            guard let inquiry = entry.inquiry, let observation = inquiry.observation else { continue }
            if round.pending.count == Self.mostTold { break }
            let input = self.input(entry, observation: observation, answers: inquiry.answers, at: now)
            var facts = entry.facts
            let conclusion = Engine.conclude(input, on: &facts, in: scratch)
            let quiet = Quiet(entry: index, conclusion: conclusion, facts: facts, observation: observation, inquiry: inquiry)
            if self.isWorthTelling(conclusion, of: entry) { round.pending.append(self.tell(quiet, at: now)) } else { round.quiet.append(quiet) }
        }
        return round
    }

    private mutating func endInquiry(of index: Int, at now: WallTime) {
        self.entries[index].inquiry = nil
        self.entries[index].dueAt = Self.nextDue(after: self.entries[index].dueAt, every: self.entries[index].member.policy.evaluateEvery, now: now)
    }

    /// Whether it may be new to the log.
    private func isWorthTelling(_ conclusion: Conclusion, of entry: Boxed<Entry>) -> Bool {
        if entry.failed != nil, entry.member.policy.verify.rollback { return true }
        if conclusion.isQuiet { return Recording.isEndOfNotable(entry.recorded) }
        guard !conclusion.acted, conclusion.guards == 0, let told = entry.told else { return true }
        return !told.tellsTheSame(as: conclusion)
    }

    /// The same evaluation in words.
    func tell(_ quiet: Quiet, at now: WallTime) -> Pending {
        let entry = self.entries[quiet.entry]
        var input = self.input(entry, observation: quiet.observation, answers: quiet.inquiry.answers, at: now)
        input.memory = entry.facts.memory
        let evaluation = Engine.evaluate(input)
        let item = Pending(
            workload: entry.member.id, evaluation: evaluation, observation: quiet.observation, askedAt: quiet.inquiry.startedAt,
            isRecorded: Recording.isNew(evaluation.decision, after: entry.recorded), conclusion: quiet.conclusion)
        return self.rolledBack(self.watched(item, by: entry.member.policy), entry, at: now)
    }

    /// Tells those of the quiet ones whose turn it is to be written out.
    private mutating func show(_ round: inout Round) {
        var chosen = Set<Int>()
        for (place, quiet) in round.quiet.enumerated() where quiet.conclusion.from != self.entries[quiet.entry].shownSize {
            if chosen.count == Self.mostShown { break }
            chosen.insert(place)
        }
        let first = round.quiet.firstIndex { $0.entry >= self.nextShown } ?? 0
        for offset in 0..<round.quiet.count where chosen.count < Self.mostShown {
            let place = (first + offset) % round.quiet.count
            chosen.insert(place)
            self.nextShown = round.quiet[place].entry + 1
        }
        self.tell(chosen, of: &round)
    }

    /// Moves these of the quiet ones to those in words.
    func tell(_ places: Set<Int>, of round: inout Round) {
        if places.isEmpty { return }
        for place in places.sorted() { round.pending.append(self.tell(round.quiet[place], at: round.at)) }
        var kept = 0
        for place in round.quiet.indices where !places.contains(place) {
            if kept != place { round.quiet.swapAt(kept, place) }
            kept += 1
        }
        round.quiet.removeSubrange(kept...)
    }

    /// The commit of `round` succeeded; `actions` are the changes that it gave numbers to.
    public mutating func committed(_ round: Round, actions: [ActionRecord], at now: WallTime) {
        let byWorkload = Dictionary(actions.map { ($0.workload, $0) }, uniquingKeysWith: { $1 })
        for item in round.pending {
            guard let index = self.indices[item.workload] else { continue }
            self.entries[index].value.note(self.left(by: item, of: self.entries[index], at: round.at), item.conclusion)
            if item.isRecorded { self.entries[index].recorded = Recorded(item.evaluation.decision) }
            self.entries[index].told = item.isAmended || item.conclusion.isQuiet ? nil : item.conclusion
            self.entries[index].shownSize = item.conclusion.from
            if item.superseded != nil { self.entries[index].open = nil }
            self.settled(item, byWorkload[item.workload], at: index)
            if let action = byWorkload[item.workload] {
                self.entries[index].open = OpenAction(
                    action: action, sentence: item.evaluation.decision.sentence, adopted: false, nextLook: now,
                    seen: Work.Sight(observation: item.observation, until: item.askedAt + Self.sightLife))
            }
        }
        for quiet in round.quiet {
            self.entries[quiet.entry].value.note(self.left(by: quiet, of: self.entries[quiet.entry], at: round.at), quiet.conclusion)
        }
        self.pagesAreForeign = false
    }

    /// What a quiet evaluation leaves for the arbiter. One that tells what the last one told leaves the same claims.
    private func standing(after quiet: Quiet, of entry: Boxed<Entry>, at now: WallTime) -> Standing {
        guard !quiet.conclusion.isQuiet, var standing = entry.standing else { return Standing(quiet: quiet.conclusion, at: now) }
        standing.need = quiet.conclusion.from < 0 ? nil : quiet.conclusion.wanted
        standing.at = now
        return standing
    }

    // MARK: - What is remembered

    /// The pages that have changed once `round` has committed. All of them, where they were another leader's or the fleet has changed.
    public func pages(after round: Round) -> [MemoryPage] {
        let count = self.pageCount
        var changed = [Bool](repeating: self.pagesAreForeign, count: count)
        // Where in the round a workload's evaluation is: 1 and above among those in words, −1 and below among the others.
        var places = [Int](repeating: 0, count: self.entries.count)
        for (place, item) in round.pending.enumerated() {
            guard let index = self.indices[item.workload] else { continue }
            changed[index / MemoryPage.workloads] = true
            places[index] = place + 1
        }
        for (place, quiet) in round.quiet.enumerated() {
            changed[quiet.entry / MemoryPage.workloads] = true
            places[quiet.entry] = -place - 1
        }
        return (0..<count).filter { changed[$0] }.map { page in
            let range = page * MemoryPage.workloads..<min((page + 1) * MemoryPage.workloads, self.entries.count)
            return MemoryPage(number: page, count: range.count { places[$0] != 0 || self.entries[$0].evaluatedAt != nil }) { writer in
                for index in range {
                    let (entry, place) = (self.entries[index], places[index])
                    if place > 0 {
                        let item = round.pending[place - 1]
                        let recorded = item.isRecorded ? Recorded(item.evaluation.decision) : entry.recorded
                        writer.write(item.workload, self.left(by: item, of: entry, at: round.at), recorded)
                    } else if let left = place < 0 ? self.left(by: round.quiet[-place - 1], of: entry, at: round.at) : self.left(entry) {
                        writer.write(entry.member.id, left, entry.recorded)
                    }
                }
            }
        }
    }

    /// How many pages there are: those of higher numbers are another leader's, or an earlier fleet's.
    public var pageCount: Int { (self.entries.count + MemoryPage.workloads - 1) / MemoryPage.workloads }

    private func left(by item: Pending, of entry: Boxed<Entry>, at now: WallTime) -> LastEvaluation {
        let decision = item.evaluation.decision
        // One that was not seen takes up what it did before.
        let size = Self.size(item.observation).map { max($0, decision.acted ? decision.to ?? 0 : 0) } ?? entry.size
        return LastEvaluation(at: now, size: size, standing: Standing(after: decision), facts: Facts(item.evaluation.memory))
    }

    private func left(by quiet: Quiet, of entry: Boxed<Entry>, at now: WallTime) -> LastEvaluation {
        LastEvaluation(
            at: now, size: Self.size(quiet.observation) ?? entry.size, standing: self.standing(after: quiet, of: entry, at: now), facts: quiet.facts)
    }

    /// nil: it was never evaluated.
    private func left(_ entry: Boxed<Entry>) -> LastEvaluation? {
        guard let at = entry.evaluatedAt else { return nil }
        return LastEvaluation(at: at, size: entry.size, standing: entry.standing, facts: entry.facts)
    }

    /// Replicas that it takes up by what was seen; nil: it was not seen.
    static func size(_ observation: Observation) -> Int? {
        switch observation {
        case .seen(let desired, let current, _, _): max(desired, current)
        case .gone: 0
        case .unseen: nil
        }
    }
}

extension LeaderState.Entry {
    /// Keeps exactly what was written of it.
    fileprivate mutating func note(_ left: LastEvaluation, _ conclusion: Conclusion) {
        self.facts = left.facts
        self.standing = left.standing
        self.size = left.size
        self.evaluatedAt = left.at
        self.tally = LeaderState.Tally(conclusion, readings: self.member.policy.metrics.count)
        if conclusion.isQuiet { self.told = nil }
    }
}
