import Ledger
import Model
import Postgres
import Store
import Testing

@Suite("What a leader commits")
struct ScalingTests {
    static let search = WorkloadID(service: "search", region: "eu-west")

    @Test("decision, intent, workload, round and events come about together")
    func together() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let quiet = decision(Self.search, kind: .held, acted: false, to: 4)
            let committed = try await cluster.lead(epoch) {
                try await $0.commit([commit(decision()), commit(quiet, recorded: false)], summary: ["ms": 12], at: time(1))
            }
            let made = try #require(committed.first)
            #expect(committed.count == 1 && made.workload == transcode)
            let action = try #require(made.action)
            #expect(action.state == .committed && action.epoch == epoch && action.decision == made.decision && action.createdAt == time(1))

            let store = cluster.store
            let record = try #require(try await store.decision(id: made.decision))
            #expect(record.action == action.id && record.epoch == epoch && record.node == "a")
            #expect(record.decision.json.text == decision().json.text)
            let stored = try #require(try await store.action(id: action.id))
            #expect(stored.idem == action.idem && stored.from == 4 && stored.to == 8 && stored.precondition == "v4" && stored.deadline == time(220))
            #expect(stored.needReady == Quantity(milli: 900) && stored.history.map(\.state) == [.committed])
            let workload = try #require(try await store.workload(transcode))
            #expect(workload.decision == made.decision && workload.desired == 4 && workload.evaluatedAt == time(0))
            #expect(try await store.workloads().map(\.id) == [Self.search, transcode])
            #expect(try await store.workload(Self.search)?.decision == nil)
            let round = try await store.round()
            #expect(round?.at == time(1) && round?.summary == ["ms": 12])
            let event = try #require(try await store.event(seq: record.seq))
            #expect(event.type == "decision.proposed" && event.decisionID == "d-\(made.decision)" && event.actorID == "queue@7" && event.epoch == epoch)

            // The last recorded decision stays known while nothing is recorded.
            _ = try await cluster.lead(epoch) { try await $0.commit([commit(decision(kind: .held, acted: false), recorded: false)], summary: [:], at: time(2)) }
            #expect(try await store.workload(transcode)?.decision == made.decision)
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("a leader whose epoch is over, or another session, writes nothing")
    func fenced() async throws {
        try await withCluster { cluster in
            let old = try await cluster.elect()
            let other = try await cluster.connect()
            let before = try await cluster.store.treeHead()
            let commits = [commit(decision())]
            // The right epoch on the wrong session, and the other way round.
            var states = [try await sqlState { _ = try await cluster.lead(old, session: other) { try await $0.commit(commits, summary: [:], at: time(0)) } }]
            try await cluster.elect(node: "b", session: other)
            states.append(try await sqlState { _ = try await cluster.lead(old) { try await $0.commit(commits, summary: [:], at: time(0)) } })
            states.append(try await sqlState { _ = try await cluster.lead(old, session: other) { try await $0.commit(commits, summary: [:], at: time(0)) } })
            // Code that forgets the assertion is held back by the tables themselves.
            states.append(
                try await sqlState {
                    _ = try await cluster.store.write(as: .node("a")) { try await $0.commit(commits, summary: [:], at: time(0)) }
                })
            #expect(states == ["HA001", "HA001", "HA001", "HA001"])
            #expect(try await cluster.store.treeHead() == before)
            #expect(try await cluster.store.decisions(DecisionFilter()).isEmpty)
            #expect(try await cluster.store.workloads().isEmpty)
            #expect(try await cluster.store.round() == nil)
            await other.close()
        }
    }

    @Test("a leader that has resigned is fenced as well")
    func resigned() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            try await cluster.sql("UPDATE muster.leader SET resigned = true")
            let state = try await sqlState { _ = try await cluster.lead(epoch) { $0.forget([transcode]) } }
            #expect(state == "HA001")
        }
    }

    @Test("an ending is an event, a step on the way is not; all are kept")
    func updates() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let committed = try await cluster.lead(epoch) { try await $0.commit([commit(decision())], summary: [:], at: time(0)) }
            var action = try #require(committed.first?.action)
            for (state, event) in [
                (ActionRecord.State.unknown, "decision.outcome_unknown"), (.committed, nil), (.verifying, nil), (.done, "decision.applied"),
            ] {
                let before = try await cluster.events()
                action.state = state
                action.attempt += 1
                action.history.append(.init(state: state, at: time(action.attempt), text: "step", evidence: "exit 0"))
                let update = action
                try await cluster.lead(epoch) { $0.update([update], at: time(update.attempt)) }
                let after = try await cluster.events()
                #expect(after.dropFirst(before.count).map(\.type) == (event.map { [$0] } ?? []))
                let stored = try #require(try await cluster.store.action(id: action.id))
                #expect(stored.state == state && stored.attempt == action.attempt && stored.history.count == action.history.count)
                #expect(stored.history.last?.evidence == "exit 0")
                #expect(try await cluster.store.actions(ActionFilter(open: true)).count == (state.isOpen ? 1 : 0))
            }
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("a newer change takes the older one's place in one commit")
    func superseding() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let first = try #require(
                try await cluster.lead(epoch) { try await $0.commit([commit(decision())], summary: [:], at: time(0)) }.first?.action)
            var old = first
            old.state = .superseded
            old.history.append(.init(state: .superseded, at: time(15), text: "a newer decision took its place"))
            let superseded = old
            let second = try #require(
                try await cluster.lead(epoch) { write in
                    write.update([superseded], at: time(15))
                    return try await write.commit([commit(decision(from: 8, to: 12, at: time(15)))], summary: [:], at: time(15))
                }.first?.action)
            #expect(try await cluster.store.actions(ActionFilter(open: true)).map(\.id) == [second.id])
            #expect(try await cluster.events().map(\.type).suffix(3) == ["decision.proposed", "decision.superseded", "decision.proposed"])
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("at most one change of a workload is open; one that nobody follows any more ends in the log and wedges nothing")
    func oneOpen() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let lost = try #require(
                try await cluster.lead(epoch) { try await $0.commit([commit(decision()), commit(decision(Self.search))], summary: [:], at: time(0)) }
                    .first?.action)
            let next = try await cluster.lead(epoch) { try await $0.commit([commit(decision(to: 9, at: time(15)))], summary: [:], at: time(15)) }
            let open = try await cluster.store.actions(ActionFilter(open: true))
            #expect(Set(open.map(\.workload)) == [transcode, Self.search] && open.contains { $0.id == next.first?.action?.id })
            #expect(try await cluster.store.action(id: lost.id)?.state == .superseded)
            #expect(try await cluster.events("decision.superseded").map(\.decisionID) == ["d-\(lost.decision)"])
            let state = try await sqlState {
                try await cluster.session.transaction { transaction in
                    _ = try await transaction.query("UPDATE muster.action SET state = 'verifying' WHERE id = $1", [.int(lost.id)])
                }
            }
            #expect(state == "23505")
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("a workload that is forgotten leaves its decisions, and no intent without an outcome")
    func forgetting() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let made = try #require(
                try await cluster.lead(epoch) { try await $0.commit([commit(decision()), commit(decision(Self.search))], summary: [:], at: time(0)) }.first)
            try await cluster.lead(epoch) { $0.forget([transcode]) }
            #expect(try await cluster.store.workloads().map(\.id) == [Self.search])
            #expect(try await cluster.store.decision(id: made.decision)?.action == made.action?.id)
            let ended = try #require(try await cluster.store.actions(ActionFilter(workload: transcode)).first)
            #expect(ended.state == .superseded && ended.history.last?.text == "no manifest speaks of the workload any more")
            #expect(try await cluster.events("decision.superseded").count == 1)
            // It comes back, and is changed again.
            _ = try await cluster.lead(epoch) { try await $0.commit([commit(decision(at: time(60)))], summary: [:], at: time(60)) }
            #expect(try await cluster.store.actions(ActionFilter(open: true)).count == 2)
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("a change that is not carried out is a decision without an action, and stands in the log by itself")
    func suppressed() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let committed = try await cluster.lead(epoch) {
                try await $0.commit(
                    [commit(decision(acted: false)), commit(decision(Self.search, kind: .held, acted: false, from: nil, to: nil))], summary: [:], at: time(0))
            }
            #expect(committed.allSatisfy { $0.action == nil })
            #expect(try await cluster.events().map(\.type).suffix(2) == ["decision.suppressed", "decision.suppressed"])
            #expect(try await cluster.store.decision(id: committed[1].decision)?.decision.from == nil)
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("a large round is one commit")
    func large() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let commits = (0..<300).map { commit(decision(WorkloadID(service: "s\($0)", region: "eu-west"))) }
            let committed = try await cluster.lead(epoch) { try await $0.commit(commits, summary: [:], at: time(0)) }
            #expect(Set(committed.compactMap { $0.action?.id }).count == 300 && Set(committed.map(\.decision)).count == 300)
            #expect(try await cluster.store.workloads().count == 300)
            #expect(try await cluster.verdict().state == .verified)
        }
    }
}

@Suite("Guards in the log")
struct GuardNoticeTests {
    @Test("a notice commits with its evaluation, recorded or not, with its severity and sentence", arguments: [true, false])
    func notices(isRecorded: Bool) async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            var evaluation = commit(decision(acted: false), recorded: isRecorded)
            evaluation.notices = Policy.Guard.Severity.allCases.enumerated().map { place, severity in
                GuardNotice(place: place, severity: severity, when: "queue > 100", sustained: .seconds(30), sentence: "transcode/eu-west: it is \(severity)")
            }
            _ = try await cluster.lead(epoch) { [evaluation] in try await $0.commit([evaluation], summary: [:], at: time(0)) }
            let events = try await cluster.events("guard.notified")
            #expect(events.map(\.severity) == ["info", "warning", "critical"])
            #expect(events.allSatisfy { $0.actorID == "queue@7" && $0.subjectID == "transcode/eu-west" })
            let last = try JSON(parsing: try #require(events.last).leaf)
            #expect(last["after"] == ["for": "30s", "guard": 2, "sentence": "transcode/eu-west: it is critical", "when": "queue > 100"])
            #expect(try await cluster.verdict().state == .verified)
        }
    }
}

@Suite("Restarts")
struct RestartTests {
    private func restart(at second: Int = 0) -> EvaluationCommit {
        var held = decision(kind: .held, acted: true, to: 4, at: time(second))
        held.reasons.append(.restart(when: "memory > 90"))
        var restart = commit(held)
        restart.action?.kind = .restart
        return restart
    }

    @Test("a restart is an action of its decision, with its kind in the table, in the log and for a successor")
    func life() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let restart = self.restart()
            let committed = try await cluster.lead(epoch) { try await $0.commit([restart], summary: [:], at: time(0)) }
            var action = try #require(committed.first?.action)
            #expect(action.kind == .restart && action.from == 4 && action.to == 4)
            // Times in a history are kept to the millisecond.
            func dated(_ action: ActionRecord?) -> ActionRecord? {
                var action = action
                action?.history = []
                return action
            }
            let stored = try #require(try await cluster.store.action(id: action.id))
            #expect(dated(stored) == dated(action) && stored.history.map(\.state) == [.committed])
            let record = try #require(try await cluster.store.decision(id: action.decision))
            #expect(record.decision.json == restart.record.evaluation.json)
            #expect(record.action == action.id)
            let left = try await cluster.store.inheritance(maximumOpen: 10)
            #expect(left.open == [stored])
            let intent = try JSON(parsing: try #require(try await cluster.events("decision.proposed").first).leaf)
            #expect(intent["action"] == "restart" && intent["decision"]?["kind"] == "held" && intent["decision"]?["acted"] == true, "\(intent)")

            action.state = .failed
            action.history.append(.init(state: .failed, at: time(1), text: "not ready again"))
            try await cluster.lead(epoch) { [action] in $0.update([action], at: try await cluster.store.head().now) }
            let ended = try JSON(parsing: try #require(try await cluster.events("decision.failed").first).leaf)
            #expect(ended["action"] == "restart" && ended["after"]?["kind"] == "restart", "\(ended)")
            #expect(try await cluster.store.inheritance(maximumOpen: 10).failed.isEmpty, "it is nobody's to take back")
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("a workload has one open action, whichever kind, and a restart keeps the number of replicas")
    func oneOpen() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let restart = self.restart()
            let committed = try await cluster.lead(epoch) { try await $0.commit([restart], summary: [:], at: time(0)) }
            let action = try #require(committed.first?.action)
            // A newer decision ends it, as it ends a change.
            let scale = commit(decision(at: time(1)))
            _ = try await cluster.lead(epoch) { try await $0.commit([scale], summary: [:], at: time(1)) }
            #expect(try await cluster.store.action(id: action.id)?.state == .superseded)
            #expect(try await cluster.store.actions(ActionFilter(open: true)).map(\.kind) == [.scale])
            var crooked = self.restart(at: 2)
            crooked.action?.to = 5
            let state = try await sqlState { [crooked] in
                _ = try await cluster.lead(epoch) { try await $0.commit([crooked], summary: [:], at: time(2)) }
            }
            #expect(state == "23514")
        }
    }

    @Test("a restart is no newer change: one that failed before it is still to be taken back")
    func olderFailure() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let committed = try await cluster.lead(epoch) { try await $0.commit([commit(decision())], summary: [:], at: time(0)) }
            var change = try #require(committed.first?.action)
            change.state = .failed
            try await cluster.lead(epoch) { [change] in $0.update([change], at: try await cluster.store.head().now) }
            let restart = self.restart(at: 1)
            _ = try await cluster.lead(epoch) { try await $0.commit([restart], summary: [:], at: time(1)) }
            #expect(try await cluster.store.inheritance(maximumOpen: 10).failed.map(\.id) == [change.id])
        }
    }

    @Test("what held a restart back is told in the log")
    func held() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            var evaluation = commit(decision(acted: false))
            evaluation.notices = [
                GuardNotice(
                    place: 1, severity: .warning, when: "memory > 90", sustained: .zero, held: .regionDown, sentence: "transcode/eu-west: not restarted")
            ]
            _ = try await cluster.lead(epoch) { [evaluation] in try await $0.commit([evaluation], summary: [:], at: time(0)) }
            let event = try JSON(parsing: try #require(try await cluster.events("guard.notified").first).leaf)
            #expect(
                event["after"] == ["guard": 1, "held": "region-down", "sentence": "transcode/eu-west: not restarted", "when": "memory > 90"], "\(event)")
        }
    }

    @Test("a person is asked to restart beside what was asked for, and what runs is to be said again; an earlier term asks nothing")
    func manual() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            try await store.write(as: operatorPrincipal) { $0.recordObserved(workload: transcode, replicas: 4) }
            _ = try await store.askManually(transcode, .init(replicas: 8, expected: 4, action: "a", epoch: 3, reason: "queue"))
            func ask(_ action: String, _ epoch: Int64) async throws -> Bool {
                try await store.askManuallyToRestart(transcode, action: action, epoch: epoch, reason: "memory")
            }
            #expect(try await !ask("b", 2))
            #expect(try await store.manual([transcode])[transcode]?.awaitsRestart == false)
            #expect(try await ask("c", 3))
            let asked = try #require(try await store.manual([transcode])[transcode])
            #expect(asked.awaitsRestart && asked.request?.replicas == 8 && asked.observed == 4)
            try await store.write(as: operatorPrincipal) { $0.recordObserved(workload: transcode, replicas: 4) }
            #expect(try await store.manual([transcode])[transcode]?.awaitsRestart == false)
            // The same order again asks nothing anew.
            #expect(try await ask("c", 3))
            #expect(try await store.manual([transcode])[transcode]?.awaitsRestart == false)
            #expect(try await ask("d", 5))
            #expect(try await !ask("e", 4))
            // One that was never seen is asked for as well.
            let other = WorkloadID(service: "press", region: "eu-west")
            #expect(try await store.askManuallyToRestart(other, action: "f", epoch: 1, reason: "memory"))
            #expect(try await store.manual([other])[other]?.awaitsRestart == true)
        }
    }
}

@Suite("What was taken back")
struct RollbackTests {
    /// Commits a change, and that it failed.
    private func failed(_ cluster: TestCluster, _ epoch: Int64, at second: Int = 0) async throws -> ActionRecord {
        let committed = try await cluster.lead(epoch) { try await $0.commit([commit(decision(at: time(second)))], summary: [:], at: time(second)) }
        var action = try #require(committed.first?.action)
        action.state = .failed
        action.history.append(.init(state: .failed, at: time(second + 60), text: "not there by its deadline"))
        try await cluster.lead(epoch) { [action] in $0.update([action], at: try await cluster.store.head().now) }
        return action
    }

    @Test("a rollback commits with its event, what it reverts, and the hold; a successor knows of it")
    func rollback() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let action = try await self.failed(cluster, epoch)
            let before = try await cluster.store.inheritance(maximumOpen: 10)
            #expect(before.failed.map(\.id) == [action.id])
            var back = commit(decision(kind: .down, from: 8, to: 4, at: time(61)))
            back.rollback = Rollback(action: action.id, decision: action.decision, to: 8, direction: .up)
            let done = try await cluster.lead(epoch) { [back] in try await $0.commit([back], summary: [:], at: time(61)) }
            let committed = try #require(done.first)
            let hold = try #require(committed.hold)
            #expect(hold.scope == .workload(transcode) && hold.direction == .up && hold.owner == "queue@7" && hold.rolledBack == action.id)
            #expect(hold.until == hold.since + Rollback.hold)
            #expect(try await cluster.store.pauses() == [hold])
            let event = try #require(try await cluster.events("rollback.auto").first)
            let proposed = try await cluster.events("decision.proposed")
            let leaf = try JSON(parsing: event.leaf)
            let intent = try #require(proposed.first?.seq)
            #expect(leaf["reverts"] == .array([.int(intent)]) && event.severity == "warning")
            #expect(event.decisionID == DecisionRecord.name(committed.decision))
            #expect(try await cluster.events("pause.created").map(\.actorID) == ["queue@7"])
            let left = try await cluster.store.inheritance(maximumOpen: 10)
            #expect(left.failed.isEmpty && left.rolledBack == [transcode: hold.since])
            #expect(try await cluster.store.configuration().pauses == [hold])
            // The change back fails as well: it is nobody's to take back.
            var second = try #require(committed.action)
            second.state = .failed
            try await cluster.lead(epoch) { [second] in $0.update([second], at: try await cluster.store.head().now) }
            #expect(try await cluster.store.inheritance(maximumOpen: 10).failed.isEmpty)
            // A person ends the hold: that it was taken back stays known.
            _ = try await cluster.store.write(as: operatorPrincipal) { try await $0.endPause(id: hold.id) }
            #expect(try await cluster.store.inheritance(maximumOpen: 10).rolledBack.count == 1)
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("only the newest change of a workload, and only one that failed just now, is looked at")
    func newest() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let old = try await self.failed(cluster, epoch)
            let new = try await self.failed(cluster, epoch, at: 100)
            #expect(old.id < new.id)
            #expect(try await cluster.store.inheritance(maximumOpen: 10).failed.map(\.id) == [new.id])
            try await cluster.sql(
                "SET session_replication_role = replica; UPDATE muster.action SET updated_at = now() - interval '31 min' WHERE id = \(new.id)")
            #expect(try await cluster.store.inheritance(maximumOpen: 10).failed.isEmpty)
        }
    }
}
