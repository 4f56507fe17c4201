import Control
import Engine
import Model
import Testing

@Suite("Carrying changes out")
struct ActingTests {
    static let one: [Manifest] = [.service(service("transcode")), .policy(queuePolicy())]

    /// A leader whose change from 4 to 8 has just committed.
    private static func committed(_ manifests: [Manifest] = Self.one) throws -> (state: Leader, action: ActionRecord) {
        let state = leader(fleet(manifests))
        let actions = state.commit(state.round([:], [transcode: 200], at: start), at: start)
        return (state, try #require(actions.first))
    }

    @Test("nothing is sent before its commit, everything at once after it, once")
    func order() throws {
        let state = leader(fleet(Self.one))
        let pending = state.round([:], [transcode: 200], at: start)
        #expect(state.work(mayAct: true, at: start).isEmpty)
        let action = try #require(state.commit(pending, at: start).first)
        let work = state.work(mayAct: true, at: start)
        #expect(work.map(\.step) == [.attempt] && work[0].action == action && work[0].member.id == transcode)
        #expect(work[0].reason.contains("8"))
        #expect(state.work(mayAct: true, at: seconds(9)).isEmpty, "it is being sent")
    }

    @Test("the first order brings the look that its decision was made by, while that is from just now; no later one does")
    func sight() throws {
        let (state, action) = try Self.committed()
        let work = try #require(state.work(mayAct: true, at: start + .milliseconds(99)).first)
        #expect(work.seen?.observation == seen(4) && work.seen?.until == start + LeaderState.sightLife)
        _ = state.attempted(action, outcome: .withheld, startedAt: start, at: start)
        let again = try #require(state.work(mayAct: true, at: start + LeaderState.lookInterval).first)
        #expect(again.step == .attempt && again.seen == nil)
        let (late, _) = try Self.committed()
        #expect(late.work(mayAct: true, at: start + LeaderState.sightLife).map(\.seen) == [nil])
    }

    @Test("a commit that failed leaves nothing to send, and the decision is made again")
    func failedCommit() {
        let state = leader(fleet(Self.one))
        #expect(state.round([:], [transcode: 200], at: start).first?.plan != nil)
        #expect(state.work(mayAct: true, at: seconds(1)).isEmpty)
        let again = state.round([:], [transcode: 200], at: seconds(15))
        #expect(again.first?.plan?.to == 8 && again.first?.isRecorded == true)
    }

    @Test("send, await its arrival by looking, done")
    func life() throws {
        let (state, action) = try Self.committed()
        _ = state.work(mayAct: true, at: start)
        let sent = try #require(state.attempted(action, outcome: .accepted, startedAt: start, at: seconds(1)))
        #expect(sent.state == .verifying)
        let look = state.work(mayAct: true, at: seconds(1))
        #expect(look.map(\.step) == [.observe])
        #expect(state.looked(sent, seen(8, current: 8, ready: 5), at: seconds(2)) == nil, "nothing new, nothing to write")
        #expect(state.work(mayAct: true, at: milliseconds(2400)).isEmpty)
        #expect(state.nextWake(after: milliseconds(2400)) == milliseconds(2500))
        #expect(state.work(mayAct: true, at: milliseconds(2500)).count == 1)
        #expect(state.looked(sent, seen(8), at: seconds(3))?.state == .done)
        #expect(state.work(mayAct: true, at: seconds(9)).isEmpty)
        #expect(state.nextWake(after: seconds(3)) == seconds(15), "an action that ends does not move the rhythm")
    }

    @Test("who may not act may look, and sends once it may")
    func gate() throws {
        let (state, _) = try Self.committed()
        #expect(state.work(mayAct: false, at: start).isEmpty)
        #expect(state.nextWake(after: start) == start + LeaderState.lookInterval)
        #expect(state.work(mayAct: true, at: start + LeaderState.lookInterval).map(\.step) == [.attempt])
        let adopted = leader(fleet(Self.one), open: [action()])
        #expect(adopted.work(mayAct: false, at: start).map(\.step) == [.observe])
    }

    @Test("an attempt that was withheld is made again a moment later")
    func withheld() throws {
        let (state, action) = try Self.committed()
        _ = state.work(mayAct: true, at: start)
        #expect(state.attempted(action, outcome: .withheld, startedAt: start, at: start) == nil)
        #expect(state.work(mayAct: true, at: start).isEmpty)
        #expect(state.work(mayAct: true, at: start + LeaderState.lookInterval).map(\.step) == [.attempt])
    }

    @Test("what was withheld is made at once when the leader may act, and once")
    func released() throws {
        let (state, action) = try Self.committed()
        #expect(state.work(mayAct: false, at: start).isEmpty)
        state.released(at: milliseconds(20))
        #expect(state.nextWake(after: milliseconds(20)) == milliseconds(20))
        #expect(state.work(mayAct: true, at: milliseconds(20)).map(\.step) == [.attempt])
        #expect(state.attempted(action, outcome: .withheld, startedAt: start, at: milliseconds(30)) == nil)
        state.released(at: milliseconds(40))
        #expect(state.work(mayAct: true, at: milliseconds(40)).map(\.step) == [.attempt])
        state.released(at: milliseconds(50))
        #expect(state.work(mayAct: true, at: milliseconds(50)).isEmpty, "it is under way")
    }

    @Test("a platform that says when to come back is heard, within the deadline", arguments: [(30, 30), (9000, 220)])
    func retryAfter(said: Int, kept: Int) throws {
        let (state, action) = try Self.committed()
        _ = state.work(mayAct: true, at: start)
        _ = state.attempted(action, outcome: .retryable(refusal, after: .seconds(said)), startedAt: start, at: start)
        #expect(state.work(mayAct: true, at: seconds(kept) - .milliseconds(1)).isEmpty)
        #expect(state.work(mayAct: true, at: seconds(kept)).map(\.step) == (kept == 220 ? [.observe] : [.attempt]))
    }

    @Test("while a change may still be on its way no other is made; once it is taken on, a newer one takes its place")
    func superseding() throws {
        let (state, action) = try Self.committed()
        let held = try #require(state.round([:], [transcode: 300], at: seconds(15)).first)
        #expect(held.plan == nil && held.evaluation.decision.reasons.contains(.inFlight(action: "a-1")))
        _ = state.work(mayAct: true, at: seconds(16))
        let sent = try #require(state.attempted(action, outcome: .accepted, startedAt: seconds(16), at: seconds(16)))
        _ = state.work(mayAct: true, at: seconds(17))
        _ = state.looked(sent, seen(8, current: 8, ready: 5), at: seconds(17))
        let pending = state.round([transcode: seen(8, current: 8, ready: 5)], [transcode: 300], at: seconds(30))
        let item = try #require(pending.first)
        #expect(item.plan?.from == 8 && item.plan?.to == 12)
        #expect(item.superseded?.id == action.id && item.superseded?.state == .superseded)
        let newer = try #require(state.commit(pending, first: 2, at: seconds(30)).first)
        #expect(state.looked(sent, seen(8), at: seconds(31)) == nil, "the old one is no longer ours")
        #expect(state.work(mayAct: true, at: seconds(31)).map(\.action.id) == [newer.id])
    }

    @Test("a decision for the number that a change leads to is that change: it is not made again, and fails at its deadline")
    func repeated() throws {
        let (state, action) = try Self.committed()
        _ = state.work(mayAct: true, at: start)
        // The platform says that it did it, and shows the old number for ever.
        var change = try #require(state.attempted(action, outcome: .accepted, startedAt: start, at: start))
        var looks = 0
        for second in 1...300 {
            if second % 15 == 0, let item = state.round([:], [transcode: 200], at: seconds(second)).first, seconds(second) < action.deadline {
                let decision = item.evaluation.decision
                #expect(item.plan == nil && item.superseded == nil && !item.isRecorded, "second \(second)")
                #expect(decision.kind == .held && !decision.acted && decision.reasons.last == .inFlight(action: "a-1"))
                #expect(decision.steps.suffix(2).map(\.output) == [4, 4] && decision.sentence.hasSuffix("a-1 to 8 has not ended → 4"))
                state.commit([item], at: seconds(second))
            }
            guard change.state.isOpen, !state.work(mayAct: true, at: seconds(second)).isEmpty else { continue }
            looks += 1
            if let after = state.looked(change, seen(4), at: seconds(second)) { change = after }
        }
        #expect(change.state == .failed && change.history.last?.at == action.deadline && looks > 100)
        #expect(state.round([:], [transcode: 200], at: seconds(330)).first?.plan?.to == 8, "then it is tried anew")
    }

    @Test("when that commit fails, the old change stays as it was")
    func supersedingFailed() throws {
        let (state, action) = try Self.committed()
        _ = state.work(mayAct: true, at: start)
        let sent = try #require(state.attempted(action, outcome: .accepted, startedAt: start, at: start))
        #expect(state.round([transcode: seen(8, ready: 5)], [transcode: 300], at: seconds(15)).first?.superseded != nil)
        #expect(state.work(mayAct: true, at: seconds(16)).map(\.action) == [sent])
        #expect(state.looked(sent, seen(8), at: seconds(17))?.state == .done)
    }

    @Test("what became of a change and could not be written is found out again by looking")
    func notWritten() throws {
        let (state, action) = try Self.committed()
        _ = state.work(mayAct: true, at: start)
        #expect(state.attempted(action, outcome: .done(seen(8)), startedAt: start, at: seconds(1))?.state == .done)
        state.notWritten(action, at: seconds(1))
        #expect(state.work(mayAct: true, at: seconds(1)).isEmpty)
        let work = state.work(mayAct: true, at: seconds(2))
        #expect(work.map(\.step) == [.observe], "not sent again blindly")
        #expect(state.looked(work[0].action, seen(8), at: seconds(2))?.state == .done)
    }

    @Test("what the platform answered to an attempt is what the next evaluation starts from")
    func attemptIsSeen() throws {
        let (state, action) = try Self.committed()
        _ = state.work(mayAct: true, at: start)
        _ = state.ask(at: seconds(15))
        state.observed(transcode, seen(4))
        // The write lands between the observation and the slow source's answer.
        _ = state.attempted(action, outcome: .done(seen(8)), startedAt: seconds(15), at: seconds(16))
        state.answered(transcode, queue(200, at: seconds(15)))
        #expect(state.decide(at: seconds(17)).first?.evaluation.decision.from == 8)
    }

    // MARK: Holds

    private static let takenBack = Pause(
        id: 2, scope: .workload(transcode), direction: .up, owner: "transcode", reason: "taken back", since: start, until: seconds(3600), rolledBack: 3)

    static let obstacles: [(String, Fleet)] = [
        ("the cluster's switch is off", fleet(one, enabled: false)), ("paused by anna until 13:00:00 UTC", fleet(one, pauses: [pause(.up)])),
        ("paused by anna until 13:00:00 UTC", fleet(one, pauses: [pause(.down), pause(.both, scope: .service("transcode"))])),
        ("paused by anna until 14:00:00 UTC", fleet(one, pauses: [pause(.up), pause(.both, until: seconds(7200)), pause(.up, until: seconds(60))])),
        ("a-3 was taken back: held until 13:00:00 UTC", fleet(one, pauses: [takenBack])),
        ("the policy's mode is recommend", fleet([one[0], .policy(queuePolicy(mode: .recommend))])),
    ]

    @Test("what a person stops between commit and sending is not sent: it ends once a look shows that it was not applied", arguments: obstacles)
    func withdrawn(why: String, changed: Fleet) throws {
        let (state, action) = try Self.committed()
        _ = state.work(mayAct: true, at: start)
        let refused = try #require(state.attempted(action, outcome: .retryable(refusal, after: nil), startedAt: start, at: start))
        _ = state.adopt(changed, at: start)
        let work = state.work(mayAct: true, at: seconds(1))
        #expect(work.map(\.step) == [.observe])
        #expect(state.looked(refused, .unseen(refusal), at: seconds(1)) == nil, "it may have been applied: nothing is known")
        _ = state.work(mayAct: true, at: seconds(2))
        let after = try #require(state.looked(refused, seen(4), at: seconds(2)))
        #expect(after.state == .superseded && after.history.last?.text == "withdrawn before it was applied: \(why)")
    }

    @Test("a hold does not touch a change that was applied, and a pause in the other direction, over or elsewhere stops nothing")
    func notWithdrawn() throws {
        let (state, action) = try Self.committed()
        _ = state.adopt(fleet(Self.one, enabled: false), at: start)
        _ = state.work(mayAct: true, at: start)
        #expect(state.looked(action, seen(8), at: start)?.state == .done)
        for pause in [pause(.down), pause(.up, until: seconds(1)), pause(.both, scope: .region("us-east"))] {
            let (state, _) = try Self.committed()
            _ = state.adopt(fleet(Self.one, pauses: [pause]), at: seconds(1))
            #expect(state.work(mayAct: true, at: seconds(1)).map(\.step) == [.attempt])
        }
    }

    // MARK: Takeover

    @Test("a new leader looks at what it finds open before anything else, and sends it only when it was not applied")
    func adoption() throws {
        let state = leader(fleet(Self.one), open: [action()], at: seconds(5))
        #expect(state.work(mayAct: true, at: seconds(5)).map(\.step) == [.observe])
        let after = try #require(state.looked(action(), seen(4), at: seconds(5)))
        #expect(after.state == .committed)
        #expect(state.work(mayAct: true, at: seconds(6)).map(\.step) == [.attempt])
        let applied = leader(fleet(Self.one), open: [action()], at: seconds(5))
        _ = applied.work(mayAct: true, at: seconds(5))
        #expect(applied.looked(action(), seen(8), at: seconds(5))?.state == .done)
        #expect(applied.work(mayAct: true, at: seconds(9)).isEmpty)
    }

    @Test("what happens to a workload that is gone is nobody's news")
    func gone() throws {
        let (state, action) = try Self.committed()
        _ = state.work(mayAct: true, at: start)
        #expect(state.adopt(fleet([]), at: start) == [transcode])
        #expect(state.attempted(action, outcome: .accepted, startedAt: start, at: seconds(1)) == nil)
        #expect(state.looked(action, seen(8), at: seconds(1)) == nil)
        state.notWritten(action, at: seconds(1))
        #expect(state.work(mayAct: true, at: seconds(2)).isEmpty && state.nextWake(after: seconds(2)) == nil)
    }

    @Test("the rhythm goes on over a takeover, and what was missed meanwhile is due at once", arguments: [(5, 15), (14, 15), (40, 15)])
    func rhythm(takeover: Int, due: Int) {
        let state = Leader(
            LeaderState(
                fleet: fleet(Self.one), remembered: [Remembered(workload: transcode, evaluatedAt: start, memory: Memory())], open: [], at: seconds(takeover)))
        #expect(state.nextWake(after: seconds(takeover)) == seconds(due))
        let ahead = Leader(
            LeaderState(
                fleet: fleet(Self.one), remembered: [Remembered(workload: transcode, evaluatedAt: seconds(9000), memory: Memory())], open: [], at: start))
        #expect(ahead.nextWake(after: start) == seconds(15), "a time from the future makes nobody wait longer than a period")
    }

    @Test("status counts what runs, what is wanted and which readings are doubtful")
    func summary() {
        let state = leader(fleet(Self.one + [.service(service("search"))]))
        state.commit(state.round([transcode: seen(4, current: 5)], [transcode: 200], at: start), at: start)
        let summary = state.state.summary(evaluated: 2, changed: 1, milliseconds: 12, at: start)
        #expect(summary["replicas"] == ["running": 9, "wanted": 12, "ceiling": 40])
        #expect(summary["readings"] == ["total": 2, "stale": 0, "missing": 1])
        #expect(summary["workloads"] == 2 && summary["every"] == "15s" && summary["evaluated"] == 2 && summary["changed"] == 1)
    }
}
