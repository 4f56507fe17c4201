import Control
import Engine
import Model
import Testing

@Suite("Asking and deciding")
struct AskingTests {
    static let search = WorkloadID(service: "search", region: "eu-west")
    /// Two workloads with one policy each; search reads from a connection of its own.
    static let two = fleet([
        .service(service("transcode")), .service(service("search")), .policy(queuePolicy("a", services: ["transcode"])),
        .policy(queuePolicy("b", services: ["search"], connection: "slow")),
    ])

    @Test("ask, wait for every answer, decide, and ask again when the period is over")
    func round() throws {
        let state = leader(fleet([.service(service("transcode")), .policy(queuePolicy())]))
        #expect(state.nextWake(after: start) == start)
        let questions = state.ask(at: start)
        #expect(questions.targets.map(\.id) == [transcode])
        #expect(questions.readings["jobs"]?.map(\.metric.name) == ["queue"])
        #expect(state.ask(at: start).isEmpty, "it is asked about once at a time")

        #expect(!state.isReady(at: start))
        state.observed(transcode, seen(4))
        #expect(!state.isReady(at: milliseconds(50)))
        #expect(state.decide(at: milliseconds(50)).isEmpty, "a reading is still out")
        state.answered(transcode, queue(200, at: start))
        #expect(state.isReady(at: milliseconds(60)))

        let pending = state.decide(at: milliseconds(60))
        let item = try #require(pending.first)
        #expect(pending.count == 1 && item.isRecorded)
        #expect(item.evaluation.decision.to == 8 && item.evaluation.decision.acted)
        #expect(item.plan?.from == 4 && item.plan?.to == 8 && item.plan?.precondition == "v4")
        #expect(item.plan?.deadline == milliseconds(60) + .seconds(180 + 40), "the policy's time and the start-up")
        #expect(!state.isReady(at: milliseconds(60)))
        #expect(state.nextWake(after: milliseconds(60)) == seconds(15), "the rhythm is that of the question, not of the answer")
        #expect(state.ask(at: seconds(14)).isEmpty)
        #expect(state.ask(at: seconds(15)).targets.count == 1)
    }

    @Test("answers of one round wait for one another, for a moment only")
    func gather() {
        let state = leader(Self.two)
        _ = state.ask(at: start)
        state.observed(transcode, seen(4))
        state.answered(transcode, nil, connection: "jobs")
        #expect(!state.isReady(at: milliseconds(99)))
        #expect(state.nextWake(after: milliseconds(99)) == milliseconds(100))
        #expect(state.isReady(at: milliseconds(100)))
        state.observed(Self.search, seen(4))
        state.answered(Self.search, nil, connection: "slow")
        #expect(state.isReady(at: milliseconds(99)), "all are there: nothing is waited for")
    }

    @Test("a slow workload delays no other, and is decided when its answer comes")
    func slow() {
        let state = leader(Self.two)
        _ = state.ask(at: start)
        for round in 0..<3 {
            let now = seconds(15 * round)
            if round > 0 { #expect(state.ask(at: now).targets.map(\.id) == [transcode]) }
            state.observed(transcode, seen(4))
            state.answered(transcode, queue(100, at: now))
            #expect(state.isReady(at: now + .milliseconds(100)))
            #expect(state.decide(at: now + .milliseconds(100)).map(\.workload) == [transcode])
        }
        state.observed(Self.search, seen(4))
        state.answered(Self.search, queue(200, at: seconds(31)))
        #expect(state.isReady(at: seconds(31)))
        #expect(state.decide(at: seconds(31)).map(\.workload) == [Self.search])
        #expect(state.ask(at: seconds(45)).targets.map(\.id) == [transcode])
        #expect(state.ask(at: seconds(46)).targets.map(\.id) == [Self.search], "what it missed is skipped, not made up for")
    }

    @Test("however many others are always being asked about, an answer is decided after its window")
    func starvation() {
        let names = (0..<40).map { "s\($0)" }
        let state = leader(fleet(names.map { .service(service($0)) } + [.policy(queuePolicy(every: .seconds(1)))]))
        // A slow first answer spreads their rhythms over the second; from then on each answer takes 80 ms.
        var asked: [(id: WorkloadID, at: WallTime)] = []
        var lastDecided: [WorkloadID: WallTime] = [:]
        var spread = Set<WorkloadID>()
        for tick in 0..<400 {
            let now = milliseconds(tick * 10)
            asked += state.ask(at: now).targets.map { ($0.id, now) }
            for (id, at) in asked where now >= at + (spread.contains(id) ? .milliseconds(80) : .milliseconds(1000 + 25 * (Int(id.service.dropFirst()) ?? 0))) {
                state.observed(id, seen(4))
                state.answered(id, queue(100, at: now))
            }
            if state.isReady(at: now) {
                for item in state.decide(at: now) {
                    lastDecided[item.workload] = now
                    spread.insert(item.workload)
                    asked.removeAll { $0.id == item.workload }
                }
            }
            for (id, at) in asked where spread.contains(id) { #expect(now < at + .milliseconds(200), "\(id) waits since \(at)") }
        }
        #expect(lastDecided.count == names.count)
        for (id, at) in lastDecided { #expect(at > milliseconds(2700), "\(id) was last decided at \(at)") }
    }

    @Test("whatever answers, when nobody listens, is not slept through")
    func wakesForWhatIsComplete() {
        let state = leader(Self.two)
        _ = state.ask(at: start)
        state.observed(transcode, seen(4))
        state.answered(transcode, nil, connection: "jobs")
        // isReady was asked at 99 ms and said no; by now the window has passed.
        let wake = state.nextWake(after: milliseconds(101))
        #expect(wake.map { $0 <= milliseconds(101) } == true)
    }

    @Test("a source that says nothing of a workload leaves its reading missing: it holds")
    func missing() {
        let state = leader(Self.two)
        let decisions = state.round([:], [transcode: 10], at: start).map(\.evaluation.decision)
        #expect(decisions.map(\.workload) == [Self.search, transcode])
        #expect(decisions[0].kind == .held && decisions[0].reasons.map(\.code) == ["missing(queue)"])
        #expect(decisions[1].kind == .down)
    }

    @Test("a workload that could not be seen holds")
    func unseen() throws {
        let state = leader(Self.two)
        let item = try #require(state.round([transcode: .unseen(refusal)], [transcode: 10], at: start).last)
        #expect(item.evaluation.decision.kind == .held && item.plan == nil && item.isRecorded)
    }

    // MARK: Configuration

    @Test("a changed policy is evaluated by at once, and answers to the old questions are not taken for those to the new")
    func changedPolicy() throws {
        let state = leader(fleet([.service(service("transcode")), .policy(queuePolicy())])).state
        var leader = state
        let old = leader.ask(at: start)
        // The new policy counts something else, and nobody has said how much of it there is.
        let changed = fleet([.service(service("transcode")), .policy(queuePolicy(statement: "select 2"))], version: 8)
        let gone = leader.adopt(changed, at: seconds(1))
        let new = leader.ask(at: seconds(1))
        #expect(gone.isEmpty && new.targets.map(\.id) == [transcode])
        leader.observed(transcode, seen(9), round: old.round)
        leader.answered(round: old.round, [transcode: queue(500, at: start)])
        leader.ended(round: old.round, connection: "jobs")
        let early = leader.decide(at: seconds(2)).pending
        #expect(!leader.isReady(at: seconds(2)) && early.isEmpty)
        leader.observed(transcode, seen(4), round: new.round)
        leader.answered(round: new.round, [transcode: queue(100, at: seconds(1))])
        let pending = leader.decide(at: seconds(2)).pending
        let decision = try #require(pending.first?.evaluation.decision)
        #expect(decision.policy.version == 8 && decision.kind == .held)
    }

    @Test("a workload is decided when what it asked for is there, however long others of its connection take")
    func sharedConnection() {
        var leader = leader(fleet([.service(service("transcode")), .service(service("search")), .policy(queuePolicy())])).state
        let questions = leader.ask(at: start)
        for id in [transcode, Self.search] { leader.observed(id, seen(4), round: questions.round) }
        leader.answered(round: questions.round, [transcode: queue(200, at: start)])
        let first = leader.decide(at: seconds(1)).pending
        #expect(first.map(\.workload) == [transcode])
        // Asked again meanwhile: the end of the first round is not that of the second.
        let next = leader.ask(at: seconds(15))
        #expect(next.targets.map(\.id) == [transcode])
        leader.observed(transcode, seen(4), round: next.round)
        leader.ended(round: questions.round, connection: "jobs")
        let second = leader.decide(at: seconds(16)).pending
        #expect(second.map(\.workload) == [Self.search] && second.first?.evaluation.decision.reasons.map(\.code) == ["missing(queue)"])
    }

    @Test("an unchanged configuration changes nothing; the switch, a pause or an override has all evaluated at once")
    func holds() {
        let manifests: [Manifest] = [.service(service("transcode")), .policy(queuePolicy())]
        let state = leader(fleet(manifests))
        _ = state.round([:], [transcode: 100], at: start)
        _ = state.adopt(fleet(manifests), at: seconds(1))
        #expect(state.nextWake(after: seconds(1)) == seconds(15))
        let override = Override(workload: transcode, replicas: 9, owner: "anna", reason: "sale", since: start, until: seconds(900))
        for changed in [fleet(manifests, enabled: false), fleet(manifests, pauses: [pause(.up)]), fleet(manifests, overrides: [override])] {
            let state = state.copy()
            _ = state.adopt(changed, at: seconds(1))
            #expect(state.ask(at: seconds(1)).targets.count == 1)
        }
    }

    @Test("a workload keeps its memory over a change of its policy; one that comes new is due at once; one that went is named")
    func comingAndGoing() throws {
        let step = queuePolicy(sustained: .seconds(30))
        let state = leader(fleet([.service(service("transcode")), .policy(step)]))
        state.commit(state.round([:], [transcode: 300], at: start), at: start)
        var longer = step
        longer.maxReplicas = 30
        #expect(state.adopt(fleet([.service(service("search")), .service(service("transcode")), .policy(longer)], version: 8), at: seconds(20)) == [])
        state.commit(state.round([:], [transcode: 300, Self.search: 50], at: seconds(20)), at: seconds(20))
        let item = try #require(state.round([:], [transcode: 300, Self.search: 50], at: seconds(35)).last)
        #expect(item.workload == transcode && item.evaluation.decision.to == 6, "it has held since 0 s, not since 20 s")
        #expect(state.adopt(fleet([.service(service("search")), .policy(longer)]), at: seconds(36)) == [transcode])
        #expect(state.adopt(fleet([.service(service("search")), .policy(longer)]), at: seconds(37)) == [])
        state.observed(transcode, seen(4))
        #expect(state.ask(at: seconds(99)).targets.map(\.id) == [Self.search])
    }

    @Test("what went while nobody led is named by the first configuration")
    func orphans() {
        let gone = WorkloadID(service: "old", region: "eu-west"), other = WorkloadID(service: "older", region: "eu-west")
        let state = Leader(
            LeaderState(
                fleet: Self.two, remembered: [gone, transcode].map { Remembered(workload: $0, evaluatedAt: start, memory: Memory()) },
                open: [action(.verifying, workload: other), action()], at: start))
        #expect(state.adopt(Self.two, at: start) == [gone, other])
        #expect(state.adopt(Self.two, at: start) == [])
    }
}
