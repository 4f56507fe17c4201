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
    /// Between two tries to load what the predecessor left, or to commit the first event of the term.
    static let retryInterval = Duration.milliseconds(200)
    /// For one commit on the lock session; longer, and the leader is suspended anyway.
    static let commitDeadline = Duration.seconds(5)
    /// The beginning of a term is recorded with what it decides first, or alone after so long: a transaction of its own would come before the first decisions.
    static let electionPatience = Duration.milliseconds(100)
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

    private let headStart: HeadStart?
    private let mailbox = Mailbox<News>()
    private let effects = Effects()

    /// - Parameter headStart: what this node has got ready for a term; it becomes the loop's, which ends it.
    init(_ coordinator: Coordinator, _ term: Term, _ headStart: HeadStart?) {
        self.coordinator = coordinator
        self.term = term
        self.headStart = headStart
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
        self.headStart?.cancel()
    }

    private func lead(_ group: inout DiscardingTaskGroup) async {
        guard let beginning = await self.begin() else { return }
        var state = beginning.state
        let clock = beginning.clock
        var counters = Counters(summaryDue: clock.now + Self.summaryInterval, electionDue: clock.now + Self.electionPatience)
        let mailbox = self.mailbox
        if let fitness = self.coordinator.fitness { group.addTask { await fitness.watch(self.term) } }
        group.addTask { await self.watchConfiguration(since: beginning.configuration, mailbox) }
        while !Task.isCancelled, !self.effects.isClosed {
            self.coordinator.leadership.worked()
            let now = clock.now
            self.coordinator.ask(state.ask(at: now), at: now, in: &group) { mailbox.post($0) }
            let mayAct = self.coordinator.leadership.mayAct(self.term, sendBudget: Self.sendBudget)
            for work in state.work(mayAct: mayAct, at: now) {
                group.addTask { await self.perform(work, mailbox, clock) }
            }
            var batch = Batch()
            if state.isReady(at: clock.now) { batch.round = state.decide(at: clock.now) }
            if !batch.isEmpty || counters.isElectionDue(at: clock.now), !self.effects.isClosed, await self.commit(batch, &state, &counters, clock) == .over {
                break
            }
            // New work may have come from that commit.
            if (batch.round?.changes ?? 0) > 0 { continue }
            let wake = [state.nextWake(after: clock.now), counters.electionDue, clock.now + Self.longestWait].compactMap { $0 }.min()
            let news = await mailbox.take(within: wake.map { $0 - clock.now })
            if await self.take(news, &state, &counters, clock) == .over { break }
        }
        // A term that ended before it had anything to write is in the log all the same.
        if counters.electionDue != nil, !Task.isCancelled { _ = await self.commit(Batch(), &state, &counters, clock) }
    }

    // MARK: - Beginning

    /// What was got ready before the term, or what is read now. Tries until it succeeds or the term is over.
    private func begin() async -> Beginning? {
        if let beginning = await self.headStart?.beginning(of: self.term, answersTo: self.mailbox) {
            self.logger.debug("what the last leader left was read before the election")
            return beginning
        }
        self.headStart?.cancel()
        while !Task.isCancelled, !self.effects.isClosed {
            do {
                return try await Beginning.load(self.coordinator)
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

    /// Posts the configuration whenever it changed, and carries out what other nodes ask of the leader. Begins after an interval: what was loaded is as new as
    /// the term, and its first decisions come first.
    private func watchConfiguration(since loaded: String, _ mailbox: Mailbox<News>) async {
        do { try await Task.sleep(for: Self.configurationInterval) } catch { return }
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
            let outcome = await self.order(work, target, clock, mayStart: mayStart)
            self.logger.info(
                "asked for a \(work.action.kind == .restart ? "restart" : "change")",
                metadata: [
                    "workload": "\(work.member.id)", "from": "\(work.action.from)", "to": "\(work.action.to)", "outcome": "\(outcome.name)",
                    "action": "\(ActionRecord.name(work.action.id))",
                ])
            mailbox.post(.attempted(work.action, outcome.attempt, startedAt: startedAt))
        }
    }

    private func order(_ work: LeaderState.Work, _ target: Target, _ clock: TermClock, mayStart: @escaping @Sendable () -> Bool) async -> Outcome {
        let action = work.action
        switch action.kind {
        case .scale:
            let order = ScaleOrder(
                target: target, replicas: action.to, expected: action.from, version: action.precondition, action: action.idem,
                epoch: self.term.epoch, reason: work.reason, allowed: 0...max(work.member.policy.maxReplicas, action.to),
                seen: work.seen.map { ($0.observation, .now + ($0.until - clock.now)) })
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
        /// When the term's beginning is recorded at the latest; nil once it is.
        var electionDue: WallTime?
        var evaluations: Int64 = 0
        var changes: Int64 = 0

        func isElectionDue(at now: WallTime) -> Bool { self.electionDue.map { $0 <= now } ?? false }
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
                if tally.electionDue != nil { self.recordElection(write) }
                write.forget(batch.gone)
                write.commit(regions)
                write.update(batch.updates.map(\.after) + (batch.round?.pending ?? []).compactMap(\.superseded), at: now)
                if summaryIsDue { self.recordSummary(write, tally) }
                return try await round?.commit(to: write) ?? []
            }
            state.regionsCommitted(regions)
            if let round = batch.round { state.committed(round, actions: committed.compactMap(\.action), at: clock.now) }
            state.held(committed.compactMap(\.hold))
            counters.electionDue = nil
            if summaryIsDue { counters = Counters(summaryDue: now + Self.summaryInterval) }
            self.note(batch, committed, began: began)
            return .leading
        } catch let error as LeadershipError {
            if case .notLeader = error { return .over }
            return self.failed(batch, &state, &counters, error, clock)
        } catch is CancellationError {
            return .over
        } catch {
            return self.failed(batch, &state, &counters, error, clock)
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

    private func failed(_ batch: Batch, _ state: inout LeaderState, _ counters: inout Counters, _ error: any Error, _ clock: TermClock) -> Course {
        if counters.electionDue != nil { counters.electionDue = clock.now + Self.retryInterval }
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
            if let round = batch.round { status.count(round, committed, began: began) }
        }
    }

    /// The term's first event, before anything else that the term writes.
    private func recordElection(_ write: Write) {
        var details: [String: JSON] = ["timeline": .int(Int64(self.term.timeline)), "incarnation": .string(self.term.incarnation)]
        if let predecessor = self.term.predecessor {
            details["previous"] = [
                "node": .string(predecessor.node), "epoch": .string(predecessor.epoch.description), "resigned": .bool(predecessor.resigned),
            ]
        }
        if let gap = self.term.gap { details["gap_ms"] = .int(gap.milliseconds) }
        write.recordLeadership(.leaderElected, node: self.term.node, epoch: self.term.epoch.value, details: .object(details))
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
    let start = ContinuousClock.now
    var age: Duration { ContinuousClock.now - self.start }

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
