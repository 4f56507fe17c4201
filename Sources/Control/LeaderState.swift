import Engine
public import Model

/// Everything that a leader knows during its term, as one value.
public struct LeaderState: Sendable {
    /// How often a workload with a change under way is looked at.
    public static let lookInterval = Duration.milliseconds(500)

    /// Answers that are still outstanding about one workload.
    struct Inquiry: Sendable {
        /// Answers to the questions of other rounds are none to these.
        var round: Int
        var startedAt: WallTime
        var observation: Observation?
        var answers: [String: ReadingAnswer] = [:]
        /// Metrics that have not been answered, and whence their readings come.
        var awaited: Set<Awaited>
        struct Awaited: Hashable {
            var metric: String
            var purpose = Questions.Purpose.reading
            var connection: String
            var name: String { self.purpose.name(self.metric) }
        }
        var isComplete: Bool { self.observation != nil && self.awaited.isEmpty }

        /// - Parameter answers: by what they go by; those to what is not awaited are none.
        mutating func answered(_ answers: [String: ReadingAnswer]) {
            for (name, answer) in answers {
                guard let answered = self.awaited.first(where: { $0.name == name }) else { continue }
                self.awaited.remove(answered)
                self.answers[name] = answer
                // A second source that is slow keeps nobody waiting who does not need it.
                guard case .value = answer, answered.purpose == .reading else { continue }
                self.awaited = self.awaited.filter { $0.metric != name || $0.purpose != .secondary }
            }
        }
    }

    /// A change that has not ended.
    struct OpenAction: Sendable {
        var action: ActionRecord
        /// Why it was decided.
        var sentence: String?
        /// Committed by an earlier leader: what became of it has to be looked at first.
        var adopted: Bool
        /// The driver is being called for it right now.
        var busy = false
        var nextLook: WallTime
        /// An attempt was due, and this leader might not act.
        var isWithheld = false
        /// What its decision saw; nil once something has been done about it since.
        var seen: Work.Sight?
    }

    struct Entry: Sendable {
        var member: Fleet.Member
        /// As of its last evaluation that was committed.
        var facts: Facts
        var dueAt: WallTime
        var inquiry: Boxed<Inquiry>?
        var open: OpenAction?
        var recorded: Recorded?
        /// The last evaluation's, whose reasons were the recorded ones: one that tells the same need not be put into words to be found not new.
        var told: Conclusion?
        /// nil: it was never evaluated.
        var evaluatedAt: WallTime?
        /// What the last evaluation of this leader came to; nil before the first.
        var tally: Tally?
        /// As of its last evaluation that was written out.
        var shownSize: Int?
        var observation: Observation?
        /// Replicas that it takes up as far as its last evaluation knew. Not what a look saw since: that is not stored, and a new leader would decide
        /// otherwise.
        var size: Int?
        /// What its last evaluation left for the arbiter.
        var standing: Standing?
        /// The newest change, when it failed; and the last one that was taken back, and by which decision.
        var failed: ActionRecord?
        var rolledBackAt: WallTime?
        var rollbackDecision: Int64?

        /// - Parameter known: what the predecessors left of it.
        init(member: Fleet.Member, _ known: Remembered?, open: OpenAction?, at now: WallTime) {
            self.member = member
            self.facts = known?.last.facts ?? Facts(Memory())
            // The predecessor's rhythm goes on: a takeover neither skips an evaluation nor adds one.
            self.dueAt = known.map { min($0.last.at + member.policy.evaluateEvery, now + member.policy.evaluateEvery) } ?? now
            self.open = open
            self.recorded = known?.recorded
            self.evaluatedAt = known?.last.at
            self.size = known?.last.size ?? known?.recorded.flatMap { $0.acted ? $0.to : $0.from }
            self.standing = known?.last.standing
        }

        mutating func observed(_ observation: Observation) {
            self.inquiry?.observation = observation
            self.observation = observation
        }
    }

    /// What it leads by now.
    public internal(set) var fleet: Fleet
    var entries = Entries([])
    /// Where each workload stands in `entries`.
    var indices: [WorkloadID: Int] = [:]
    /// Workloads of which the predecessors left something and that no manifest speaks of any more.
    private var orphans: Set<WorkloadID> = []
    /// Approvals that a change of this term has used up, as long as the configuration still names them.
    var usedApprovals: Set<Int64> = []
    /// Holds that this term has made just now.
    var freshHolds: [Pause] = []
    /// Rounds of questions so far.
    private var rounds = 0
    /// Pages that were written by this leader have other workloads: all are to be written anew.
    var pagesAreForeign = true
    /// Whose turn it is to be written out although there is nothing new to say.
    var nextShown = 0
    /// By policy: what its calendar says, and until when.
    var schedules: [String: (schedule: EvaluationInput.Schedule, asOf: WallTime, validUntil: WallTime)] = [:]

    /// Which workloads the ceilings of `fleet` cover.
    private(set) var ceilingMap: CeilingMap
    /// Which regions are down. Its memory is to be written with the decisions.
    public internal(set) var regionHealth: RegionHealth
    /// What became of regions and is not in the log yet.
    var regionEvents: [RegionHealth.Event] = []
    /// Of the evaluations that are being made: by workload, metrics whose fall is one of many.
    var commonFalls: [WorkloadID: Set<String>] = [:]
    /// What the database has of regions.
    var regionsWritten: RegionMemory
    /// Ceilings that the minimums alone exceed, as of the last decisions.
    public internal(set) var overcommitments: [Overcommitment] = []

    /// A leader at the start of its term.
    ///
    /// - Parameters:
    ///   - remembered: what the predecessors left of each workload.
    ///   - regions: what they knew of regions that are down or just back.
    ///   - open: actions that have not ended, and why they were decided, by the decision's number.
    ///   - failed: newest changes of workloads that have failed and that nobody has taken back.
    ///   - rolledBack: when a change was last taken back.
    public init(
        fleet: Fleet, remembered: [Remembered], regions: RegionMemory = RegionMemory(), open: [ActionRecord], sentences: [Int64: String] = [:],
        failed: [ActionRecord] = [], rolledBack: [WorkloadID: WallTime] = [:], at now: WallTime
    ) {
        self.fleet = fleet
        self.ceilingMap = CeilingMap(fleet)
        self.regionHealth = RegionHealth(fleet, memory: regions)
        self.regionsWritten = regions
        let byWorkload = Dictionary(open.map { ($0.workload, $0) }, uniquingKeysWith: { $0.id > $1.id ? $0 : $1 })
        var known = RememberedInOrder(remembered)
        self.entries = Entries(
            fleet.members.map { member in
                let action = byWorkload[member.id].map { OpenAction(action: $0, sentence: sentences[$0.decision], adopted: true, nextLook: now) }
                return Boxed(Entry(member: member, known.next(upTo: member.id), open: action, at: now))
            })
        known.end()
        self.reindex()
        for action in failed { if let index = self.indices[action.workload] { self.entries[index].failed = action } }
        for (workload, at) in rolledBack { if let index = self.indices[workload] { self.entries[index].rolledBackAt = at } }
        self.orphans = known.passedOver.union(byWorkload.keys.filter { self.indices[$0] == nil })
    }

    private mutating func reindex() {
        self.indices = Dictionary(uniqueKeysWithValues: self.entries.enumerated().map { ($0.element.member.id, $0.offset) })
    }

    /// Takes up a changed configuration. A workload whose policy or driver changed is evaluated at once; memory goes on.
    /// - Returns: the workloads that are gone; the first time, also those that went while nobody led.
    public mutating func adopt(_ configuration: Fleet, at now: WallTime) -> [WorkloadID] {
        let fleet = self.withFreshHolds(configuration, at: now)
        let known = Dictionary(uniqueKeysWithValues: self.entries.map { ($0.member.id, $0) })
        let holdsChanged = fleet.enabled != self.fleet.enabled || fleet.pauses != self.fleet.pauses || fleet.overrides != self.fleet.overrides
        let approvals = self.fleet.approvals
        self.fleet = fleet
        self.usedApprovals.formIntersection(fleet.approvals.values.map(\.id))
        self.ceilingMap = CeilingMap(fleet)
        self.regionHealth.adopt(fleet)
        self.schedules = [:]
        self.entries = Entries(
            fleet.members.map { member in
                guard var entry = known[member.id] else { return Boxed(Entry(member: member, nil, open: nil, at: now)) }
                if entry.member != member || holdsChanged || approvals[member.id] != fleet.approvals[member.id] { entry.dueAt = min(entry.dueAt, now) }
                if entry.member != member {
                    // Asked anew; what is answered to the old questions belongs to an earlier round.
                    entry.inquiry = nil
                    // It may be another thing altogether that the new driver looks at.
                    if entry.member.target != member.target { entry.observation = nil }
                    entry.told = nil
                }
                entry.member = member
                return entry
            })
        self.reindex()
        self.pagesAreForeign = true
        let gone = self.orphans.union(known.keys).filter { self.indices[$0] == nil }.sorted()
        self.orphans = []
        return gone
    }

    // MARK: - Asking

    /// What the shell is to find out.
    public struct Questions: Sendable, Hashable {
        /// To be given with every answer.
        public var round = 0
        /// Workloads to be looked at.
        public var targets: [Fleet.Member] = []
        /// By connection: which metrics of which workloads.
        public var readings: [String: [WorkloadMetric]] = [:]
        /// One metric of one workload, and whom to ask.
        public struct WorkloadMetric: Sendable, Hashable {
            /// Whose reading it is.
            public var workload: WorkloadID
            /// What is read.
            public var metric: Metric
            /// What its answer is for.
            public var purpose = Purpose.reading
            /// Whom to ask: the metric's own source, its second one, or the one that vouches for it.
            public var source: Metric.Source
            /// What its answer goes by.
            public var name: String { self.purpose.name(self.metric.name) }
        }
        /// Whether nothing is to be found out.
        public var isEmpty: Bool { self.targets.isEmpty }
    }

    /// Starts to ask about all workloads that are due and not being asked about.
    public mutating func ask(at now: WallTime) -> Questions {
        var questions = Questions(round: self.rounds + 1)
        for index in self.entries.indices {
            guard let dueAt = self.entries.agendas[index].dueAt, dueAt <= now else { continue }
            let member = self.entries[index].member
            var awaited: Set<Inquiry.Awaited> = []
            for metric in member.policy.metrics {
                for (purpose, source) in Self.sources(of: metric, member.policy, self.entries[index].facts) {
                    switch source {
                    case .sql(let connection, _):
                        awaited.insert(.init(metric: metric.name, purpose: purpose, connection: connection))
                        questions.readings[connection, default: []].append(.init(workload: member.id, metric: metric, purpose: purpose, source: source))
                    // Nobody can be asked in this version: the metric counts as missing.
                    case .kubernetes: break
                    }
                }
            }
            self.entries[index].inquiry = Boxed(Inquiry(round: questions.round, startedAt: now, awaited: awaited))
            questions.targets.append(member)
        }
        if !questions.isEmpty { self.rounds = questions.round }
        return questions
    }

    /// A workload was looked at.
    /// - Parameter round: of the questions that this answers; nil: it was looked at for another reason, just now.
    public mutating func observed(_ workload: WorkloadID, _ observation: Observation, round: Int? = nil) {
        guard let index = self.indices[workload], round == nil || round == self.entries[index].inquiry?.round else { return }
        self.entries[index].value.observed(observation)
    }

    /// Some of what a round asked was answered.
    public mutating func answered(round: Int, _ answers: [WorkloadID: [String: ReadingAnswer]]) {
        for (workload, answers) in answers {
            guard let index = self.indices[workload], self.entries[index].inquiry?.round == round else { continue }
            self.entries[index].inquiry?.value.answered(answers)
        }
    }

    /// Nothing more comes from a connection for the questions of a round; what it said nothing about is missing.
    public mutating func ended(round: Int, connection: String) {
        for index in self.entries.indices where self.entries.agendas[index].gathersUntil != nil && !self.entries.agendas[index].isComplete {
            guard let inquiry = self.entries[index].inquiry, inquiry.round == round, inquiry.awaited.contains(where: { $0.connection == connection }) else {
                continue
            }
            self.entries[index].inquiry?.awaited = inquiry.awaited.filter { $0.connection != connection }
        }
    }

    // MARK: - Deciding

    /// How long answers that came first wait for the others of the same round, so that they share one commit. A slower one delays nobody.
    public static let gatherWindow = Duration.milliseconds(100)

    /// Whether something can be decided now: something is complete, and either it has waited for its window, or nothing that was asked just now is
    /// likely to complete in a moment. So nothing waits longer than its window, however many others are always being asked about.
    public func isReady(at now: WallTime) -> Bool {
        var isComplete = false, mayWait = false
        for agenda in self.entries.agendas {
            guard let gathersUntil = agenda.gathersUntil else { continue }
            let isYoung = gathersUntil > now
            if agenda.isComplete {
                if !isYoung { return true }
                isComplete = true
            } else if isYoung {
                mayWait = true
            }
        }
        return isComplete && !mayWait
    }

    /// A clock that went back is before what was looked up: that is then looked up anew.
    mutating func consultCalendars(at now: WallTime) {
        for (policy, calendar) in self.fleet.calendars {
            if let known = self.schedules[policy], known.asOf <= now, now < known.validUntil { continue }
            let (schedule, validUntil) = calendar.state(at: now)
            self.schedules[policy] = (schedule, asOf: now, validUntil)
        }
    }

    /// The rhythm is kept; what was missed is skipped, not made up for.
    static func nextDue(after due: WallTime, every: Duration, now: WallTime) -> WallTime {
        let next = due + every
        return next > now ? next : now + every
    }

    /// What the engine may know of a workload now, but for what is remembered of it.
    func input(_ entry: Boxed<Entry>, observation: Observation, answers: [String: ReadingAnswer], at now: WallTime) -> EvaluationInput {
        let member = entry.member
        return EvaluationInput(
            workload: member.workload, program: member.program, observation: observation, answers: answers, now: now,
            enabled: self.fleet.enabled, pauses: self.fleet.pauses, override: self.fleet.overrides[member.id],
            inFlight: entry.open.flatMap { Self.blocks($0.action) ? ActionRecord.name($0.action.id) : nil }, floors: self.floors(of: member.id, at: now),
            schedule: self.schedules[member.policy.name]?.schedule ?? EvaluationInput.Schedule(), approved: self.agreed(member, observation, at: now),
            isRegionDown: self.regionHealth.isDark(member.id.region), secondaries: Self.secondaries(member.program, answers),
            doubts: self.doubts(member, answers))
    }

    /// Until the platform has taken a change on, a second one could overtake it. After that only its arrival is awaited.
    static func blocks(_ action: ActionRecord) -> Bool {
        switch action.state {
        case .committed, .sent, .accepted, .unknown: true
        case .verifying, .done, .failed, .superseded: false
        }
    }

    /// What is carried out for a decision that acts.
    func plan(_ item: Pending, at now: WallTime) -> Pending {
        var pending = self.unlessUnderWay(item)
        let decision = pending.evaluation.decision
        guard decision.acted, let from = decision.from, let to = decision.to, from != to, let index = self.indices[pending.workload] else { return pending }
        let policy = self.entries[index].member.policy
        var version: String?
        if case .seen(_, _, _, let seen) = pending.observation { version = seen }
        pending.plan = ActionRecord.Plan(
            from: from, to: to, precondition: version, needReady: policy.verify.ready,
            deadline: now + policy.verify.within + self.entries[index].member.workload.startup)
        if var open = self.entries[index].open?.action, open.state.isOpen {
            open.enter(.superseded, at: now, text: "a newer decision took its place")
            pending.superseded = open
        }
        return self.approved(pending, at: now)
    }

    // MARK: - Time

    /// When something has to be done next without any news; nil: never.
    public func nextWake(after now: WallTime) -> WallTime? {
        var earliest: WallTime?
        for agenda in self.entries.agendas {
            if let dueAt = agenda.dueAt { earliest = min(earliest ?? dueAt, dueAt) }
            // An inquiry past its window wakes nobody, its answers do; unless they came while somebody was looking elsewhere.
            if let until = agenda.gathersUntil, until > now || agenda.isComplete { earliest = min(earliest ?? until, until) }
            if let nextLook = agenda.nextLook { earliest = min(earliest ?? nextLook, nextLook) }
        }
        return earliest
    }
}
