internal import Cluster
internal import Control
internal import Drivers
internal import Engine
internal import Ledger
internal import Logging
internal import Model
internal import Postgres
internal import Readings
internal import Store

/// One term of this node as leader: asks, commits, acts, and listens to what comes back, until it is cancelled or fenced.
struct TermLoop {
    let coordinator: Coordinator
    let term: Term

    /// A source or driver that has not answered by then counts as silent for this round.
    static let askDeadline = Duration.seconds(3)
    /// The longest that a platform may take over one order.
    static let scaleDeadline = Duration.seconds(10)
    /// Between the check of the lease and the moment when an order has left this process.
    static let sendBudget = Duration.milliseconds(50)
    /// How often a changed configuration and requests of other nodes are looked for.
    static let configurationInterval = Duration.milliseconds(500)
    /// However far off the next thing to do seems: a leader that misses a moment is late by no more than this, instead of asleep until somebody calls.
    static let longestWait = Duration.seconds(1)
    /// Between two tries to load what the predecessor left, or to record the beginning of the term.
    static let retryInterval = Duration.milliseconds(200)
    /// For one commit on the lock session; longer, and the leader is suspended anyway.
    static let commitDeadline = Duration.seconds(5)
    /// Evaluations that changed nothing are counted into one event this often.
    static let summaryInterval = Duration.seconds(60)

    enum News: Sendable {
        case observed(WorkloadID, Observation, round: Int)
        case answered(ReadingsService.Answers, round: Int)
        case ended(connection: String, round: Int)
        case attempted(ActionRecord, AttemptOutcome, startedAt: WallTime)
        case looked(ActionRecord, Observation)
        case configuration(Fleet)
        /// Which regions' nodes answer.
        case nodes(RegionSight)
        /// The leader may act, or act again.
        case released
        /// Nothing more is to be begun.
        case stopped
    }

    private let mailbox = Mailbox<News>()
    private let effects = Effects()

    init(_ coordinator: Coordinator, _ term: Term) {
        self.coordinator = coordinator
        self.term = term
    }

    /// The term's gate has opened, or its database answers again.
    func release() { self.mailbox.post(.released) }

    /// The leader hands over: nothing is begun any more, and ``Leadership/drained(_:)`` is called once what is under way outside has ended.
    func stop() {
        self.effects.close()
        self.mailbox.post(.stopped)
    }

    private var store: Store { self.coordinator.store }
    private var logger: Logger { self.coordinator.logger }

    func run() async {
        await withDiscardingTaskGroup { group in
            await self.lead(&group)
            await self.effects.ended()
            await self.coordinator.leadership.drained(self.term)
            group.cancelAll()
        }
    }

    private func lead(_ group: inout DiscardingTaskGroup) async {
        // Everything that the term commits comes behind this, since transactions take turns.
        async let recorded = self.recordElection()
        guard let (loaded, configuration, clock) = await self.load() else { return }
        var state = loaded
        var counters = Counters(summaryDue: clock.now + Self.summaryInterval)
        await self.coordinator.readings.update(connections: Array(state.fleet.connections.values))
        let mailbox = self.mailbox
        if let fitness = self.coordinator.fitness { group.addTask { await fitness.watch(self.term) } }
        self.ask(&state, at: clock.now, in: &group, mailbox, clock)
        if await recorded == .over { return }
        group.addTask { await self.watchConfiguration(since: configuration, mailbox) }
        while !Task.isCancelled, !self.effects.isClosed {
            let now = clock.now
            self.ask(&state, at: now, in: &group, mailbox, clock)
            let mayAct = self.coordinator.leadership.mayAct(self.term, sendBudget: Self.sendBudget)
            for work in state.work(mayAct: mayAct, at: now) {
                group.addTask { await self.perform(work, mailbox, clock) }
            }
            var batch = Batch()
            if state.isReady(at: clock.now) { batch.round = state.decide(at: clock.now) }
            if !batch.isEmpty, !self.effects.isClosed, await self.commit(batch, &state, &counters, clock) == .over { break }
            // New work may have come from that commit.
            if (batch.round?.changes ?? 0) > 0 { continue }
            let wake = state.nextWake(after: clock.now)
            let news = await mailbox.take(within: min(wake.map { $0 - clock.now } ?? Self.longestWait, Self.longestWait))
            if await self.take(news, &state, &counters, clock) == .over { break }
        }
    }

    // MARK: - Beginning

    /// What the predecessors left, and the clock of this term. Tries until it succeeds or the term is over.
    private func load() async -> (LeaderState, configuration: String, TermClock)? {
        while !Task.isCancelled, !self.effects.isClosed {
            do {
                let left = try await self.store.inheritance(maximumOpen: Self.maximumOpen)
                let (fleet, version) = try await self.coordinator.fleet(of: left.configurationVersion)
                let remembered = try left.remembered()
                let newest = remembered.map(\.last.at).max()
                let clock = TermClock(database: left.head.now, newestWritten: newest)
                let state = try LeaderState(left, remembered: remembered, fleet: fleet.inForce(at: clock.now), at: clock.now)
                return (state, version, clock)
            } catch is CancellationError {
                return nil
            } catch {
                self.logger.error("what the last leader left can't be read; trying again", metadata: ["error": "\(error)"])
                self.coordinator.note { $0.problem = "what the last leader left can't be read: \(error)" }
                do { try await Task.sleep(for: Self.retryInterval) } catch { return nil }
            }
        }
        return nil
    }

    /// More workloads than one leader is made for.
    static let maximumOpen = 1_000_000

    /// Posts the configuration whenever it changed, and carries out what other nodes ask of the leader.
    private func watchConfiguration(since loaded: String, _ mailbox: Mailbox<News>) async {
        var loaded = loaded
        // What was asked of an earlier leader may still be open.
        var heard: String?
        var seen: RegionSight?
        while !Task.isCancelled {
            do {
                let version = try await self.store.configurationVersion()
                if version != heard {
                    for request in try await self.store.openRequests() { await self.carryOut(request) }
                    heard = version
                }
                if version != loaded {
                    let (fleet, version) = try await self.coordinator.fleet(of: version)
                    mailbox.post(.configuration(fleet))
                    loaded = version
                }
            } catch {
                // The same database carries the lock: when it does not answer, the election says what that means.
                self.logger.warning("the configuration can't be read; the last one known stays in force", metadata: ["error": "\(error)"])
            }
            if let sight = self.coordinator.regionSight(), sight != seen {
                mailbox.post(.nodes(sight))
                seen = sight
            }
            do { try await Task.sleep(for: Self.configurationInterval) } catch { return }
        }
    }

    private func carryOut(_ request: LeaderRequest) async {
        do {
            let isOurs = try await self.store.write(as: .node(self.store.node)) { write in
                try await write.resign(request, node: self.term.node, epoch: self.term.epoch.value)
            }
            guard isOurs else { return }
        } catch {
            self.logger.warning("a request can't be marked as done; it stays open", metadata: ["error": "\(error)"])
            return
        }
        self.logger.notice(
            "asked to resign",
            metadata: ["by": "\(request.actor)", "reason": "\(request.reason)", "to": "\(request.successor ?? "whoever is first")"])
        // Not awaited here: resigning ends this very task first. The leadership owns what it starts.
        let leadership = self.coordinator.leadership
        Task { await leadership.resign(to: request.successor) }
    }

    // MARK: - Asking

    private func ask(
        _ state: inout LeaderState, at now: WallTime, in group: inout DiscardingTaskGroup, _ mailbox: Mailbox<News>, _ clock: TermClock
    ) {
        let questions = state.ask(at: now)
        for member in questions.targets {
            group.addTask {
                let target = Target(workload: member.id, target: member.target)
                let observation = await self.coordinator.drivers.observe([target], deadline: Self.askDeadline).first
                let unanswered = DriverError(code: "driver.unanswered", message: "the driver gave no answer")
                if let observation { self.coordinator.fitness?.saw(member.target, observation) }
                mailbox.post(.observed(member.id, observation ?? .unseen(unanswered), round: questions.round))
            }
        }
        for (connection, metrics) in questions.readings {
            group.addTask {
                let requests = metrics.map { MetricRequest(workload: $0.workload, metric: $0.name, source: $0.source) }
                let all = await self.coordinator.readings.read(requests, asOf: now, deadline: Self.askDeadline) { answers in
                    mailbox.post(.answered(answers, round: questions.round))
                }
                self.coordinator.fitness?.read(connection, all)
                mailbox.post(.ended(connection: connection, round: questions.round))
            }
        }
    }

    // MARK: - Acting

    private func perform(_ work: LeaderState.Work, _ mailbox: Mailbox<News>, _ clock: TermClock) async {
        let target = Target(workload: work.member.id, target: work.member.target)
        switch work.step {
        case .observe:
            let unanswered = DriverError(code: "driver.unanswered", message: "the driver gave no answer")
            let observation = await self.coordinator.drivers.observe([target], deadline: Self.askDeadline).first
            mailbox.post(.looked(work.action, observation ?? .unseen(unanswered)))
        case .attempt:
            let startedAt = clock.now
            guard self.effects.begin() else {
                mailbox.post(.attempted(work.action, .withheld, startedAt: startedAt))
                return
            }
            defer { self.effects.end() }
            // Asked here, and by the driver once more when it has looked at the platform and waited for its turn: from there on only the platform's
            // own fence can hold the order back.
            let (leadership, term) = (self.coordinator.leadership, self.term)
            let mayStart: @Sendable () -> Bool = { leadership.mayAct(term, sendBudget: Self.sendBudget) }
            guard mayStart(), !Task.isCancelled else {
                mailbox.post(.attempted(work.action, .withheld, startedAt: startedAt))
                return
            }
            let outcome = await self.order(work, target, mayStart: mayStart)
            self.logger.info(
                "asked for a \(work.action.kind == .restart ? "restart" : "change")",
                metadata: [
                    "workload": "\(work.member.id)", "from": "\(work.action.from)", "to": "\(work.action.to)", "outcome": "\(outcome.name)",
                    "action": "\(ActionRecord.name(work.action.id))",
                ])
            mailbox.post(.attempted(work.action, outcome.attempt, startedAt: startedAt))
        }
    }

    private func order(_ work: LeaderState.Work, _ target: Target, mayStart: @escaping @Sendable () -> Bool) async -> Outcome {
        let action = work.action
        switch action.kind {
        case .scale:
            let order = ScaleOrder(
                target: target, replicas: action.to, expected: action.from, version: action.precondition, action: action.idem,
                epoch: self.term.epoch, reason: work.reason, allowed: 0...max(work.member.policy.maxReplicas, action.to))
            return await self.coordinator.drivers.scale(order, deadline: Self.scaleDeadline, mayStart: mayStart)
        case .restart:
            let order = RestartOrder(
                target: target, expected: action.to, version: action.precondition, action: action.idem, epoch: self.term.epoch, reason: work.reason)
            return await self.coordinator.drivers.restart(order, deadline: Self.scaleDeadline, mayStart: mayStart)
        }
    }

    // MARK: - News

    private enum Course { case leading, over }

    private func take(_ news: [News], _ state: inout LeaderState, _ counters: inout Counters, _ clock: TermClock) async -> Course {
        var batch = Batch()
        for item in news {
            switch item {
            case .observed(let workload, let observation, let round): state.observed(workload, observation, round: round)
            case .answered(let answers, let round): state.answered(round: round, answers)
            case .ended(let connection, let round): state.ended(round: round, connection: connection)
            case .attempted(let action, let outcome, let startedAt):
                if let after = state.attempted(action, outcome: outcome, startedAt: startedAt, at: clock.now) {
                    batch.updates.append((before: action, after: after))
                }
            case .looked(let action, let observation):
                if let after = state.looked(action, observation, at: clock.now) { batch.updates.append((before: action, after: after)) }
            case .nodes(let sight): state.nodes(sight)
            case .released: state.released(at: clock.now)
            case .stopped: return .over
            case .configuration(let fleet):
                let now = clock.now
                batch.gone += state.adopt(fleet.inForce(at: now), at: now)
                await self.coordinator.readings.update(connections: Array(fleet.connections.values))
            }
        }
        return batch.isEmpty ? .leading : await self.commit(batch, &state, &counters, clock)
    }

    // MARK: - Committing

    private struct Batch {
        var round: LeaderState.Round?
        var updates: [(before: ActionRecord, after: ActionRecord)] = []
        var gone: [WorkloadID] = []
        var isEmpty: Bool { (self.round?.isEmpty ?? true) && self.updates.isEmpty && self.gone.isEmpty }
    }

    struct Counters {
        var summaryDue: WallTime
        var evaluations: Int64 = 0
        var changes: Int64 = 0
    }

    /// One fenced transaction with everything of the batch. What fails is not done: a decision is made again when it is due, an action looked at again.
    private func commit(_ batch: Batch, _ state: inout LeaderState, _ counters: inout Counters, _ clock: TermClock) async -> Course {
        let now = clock.now
        let began = ContinuousClock.now
        let round = batch.round.map { RoundCommit($0, of: state) }
        counters.evaluations += Int64(batch.round?.count ?? 0)
        counters.changes += Int64(batch.round?.changes ?? 0)
        let summaryIsDue = now >= counters.summaryDue && counters.evaluations > 0
        let tally = counters
        let regions = state.regionChanges
        do {
            let committed = try await self.write(round) { write in
                write.forget(batch.gone)
                write.commit(regions)
                write.update(batch.updates.map(\.after) + (batch.round?.pending ?? []).compactMap(\.superseded), at: now)
                if summaryIsDue { self.recordSummary(write, tally) }
                return try await round?.commit(to: write) ?? []
            }
            state.regionsCommitted(regions)
            if let round = batch.round { state.committed(round, actions: committed.compactMap(\.action), at: clock.now) }
            state.held(committed.compactMap(\.hold))
            if summaryIsDue { counters = Counters(summaryDue: now + Self.summaryInterval) }
            self.note(batch, committed, began: began)
            return .leading
        } catch let error as LeadershipError {
            if case .notLeader = error { return .over }
            return self.failed(batch, &state, error, clock)
        } catch is CancellationError {
            return .over
        } catch {
            return self.failed(batch, &state, error, clock)
        }
    }

    /// One fenced write on the lock session.
    /// - Parameter round: that it will commit: what that needs to know travels with the fence.
    private func write<R>(_ round: RoundCommit? = nil, _ body: (Write) async throws -> R) async throws -> R {
        let opening = round?.opening(self.store) ?? self.store.writeOpening
        return try await self.coordinator.leadership.transaction(self.term, opening: opening, deadline: Self.commitDeadline) { transaction, answers in
            try await self.store.write(on: transaction, opened: answers, as: .node(self.store.node), body)
        }
    }

    private func failed(_ batch: Batch, _ state: inout LeaderState, _ error: any Error, _ clock: TermClock) -> Course {
        for update in batch.updates { state.notWritten(update.before, at: clock.now) }
        self.logger.error("nothing was committed, so nothing is done", metadata: ["error": "\(error)"])
        self.coordinator.note { $0.problem = "\(error)" }
        return Task.isCancelled ? .over : .leading
    }

    private func note(_ batch: Batch, _ committed: [CommittedEvaluation], began: ContinuousClock.Instant) {
        for item in batch.round?.pending ?? [] where item.isRecorded {
            self.logger.info("decided", metadata: ["workload": "\(item.workload)", "sentence": "\(item.evaluation.decision.sentence)"])
        }
        for notice in (batch.round?.pending ?? []).flatMap(\.notices) {
            self.logger.notice("a guard's condition holds", metadata: ["severity": "\(notice.severity)", "sentence": "\(notice.sentence)"])
        }
        self.coordinator.note { status in
            status.problem = nil
            let evaluated = batch.round?.count ?? 0
            if evaluated == 0 { return }
            status.lastRound = began
            status.rounds += 1
            status.evaluations += Int64(evaluated)
            status.decisions += Int64(committed.count)
            for action in committed.compactMap(\.action) { status.actions[action.kind, default: 0] += 1 }
        }
    }

    /// The term's first event, before anything else that the term writes. Tries until it succeeds or the term is over.
    private func recordElection() async -> Course {
        var details: [String: JSON] = ["timeline": .int(Int64(self.term.timeline)), "incarnation": .string(self.term.incarnation)]
        if let predecessor = self.term.predecessor {
            details["previous"] = [
                "node": .string(predecessor.node), "epoch": .string(predecessor.epoch.description), "resigned": .bool(predecessor.resigned),
            ]
        }
        if let gap = self.term.gap { details["gap_ms"] = .int(gap.milliseconds) }
        let event = JSON.object(details)
        while !Task.isCancelled, !self.effects.isClosed {
            do {
                try await self.write { write in
                    write.recordLeadership(.leaderElected, node: self.term.node, epoch: self.term.epoch.value, details: event)
                }
                return .leading
            } catch LeadershipError.notLeader {
                return .over
            } catch {
                self.logger.error("the beginning of the term can't be recorded; trying again", metadata: ["error": "\(error)"])
                self.coordinator.note { $0.problem = "the beginning of the term can't be recorded: \(error)" }
                do { try await Task.sleep(for: Self.retryInterval) } catch { return .over }
            }
        }
        return .over
    }

    private func recordSummary(_ write: Write, _ counters: Counters) {
        write.record(
            .evaluationSummary, severity: .debug, action: .evaluate, subject: .init(kind: .cluster, id: self.store.cluster),
            after: ["evaluations": .int(counters.evaluations), "changes": .int(counters.changes)])
    }
}

/// Cluster time of one term.
struct TermClock: Sendable {
    private let clock: ClusterClock
    private let start = ContinuousClock.now

    init(database: WallTime, newestWritten: WallTime?) {
        self.clock = ClusterClock(database: database, newestWritten: newestWritten, monotonicNanoseconds: 0)
    }

    var now: WallTime {
        let (seconds, attoseconds) = (ContinuousClock.now - self.start).components
        return self.clock.time(monotonicNanoseconds: seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}

extension Outcome {
    /// In the terms of the action's life.
    var attempt: AttemptOutcome {
        switch self {
        case .done(let observation, _): .done(observation)
        case .accepted: .accepted
        case .conflict(let observation, _): .conflict(observation)
        case .withheld: .withheld
        case .refused(let error): .refused(error)
        case .retryable(let error, let after): .retryable(error, after: after)
        case .unknown(let error): .unknown(error)
        }
    }
}
