import Model
import Testing

@testable import Election

@Suite struct BecomingLeaderTests {
    @Test("a node connects, checks, waits for the lock in slices and leads")
    func fromStartToLeading() {
        var script = Script()
        script.at(0, .start, [.connect(session: 1)])
        script.at(5, .sessionConnected(session: 1), [.runChecks(session: 1)])
        script.at(
            9, .checksPassed(session: 1, epoch: Epoch(3)),
            [.recordEpoch(Epoch(3)), .campaign(session: 1, known: Epoch(3), timing: .standard)])
        script.at(2009, .sliceElapsed(session: 1), [.campaign(session: 1, known: Epoch(3), timing: .standard)])
        let grant = Grant.after(epoch: 3)
        script.at(
            2500, .granted(session: 1, grant),
            [.recordEpoch(Epoch(4)), .startLeading(grant, timing: .standard), .sendBeat(session: 1, number: 1)])
        #expect(!script.mayAct(2500))
    }

    @Test("a failed connection is tried again after 10 to 50 ms, later up to 0.8 s")
    func backoffGrowsAndIsBounded() throws {
        var script = Script()
        script.feed(0, .start)
        var now = Instant.ms(0)
        for attempt in 1...20 {
            #expect(
                script.machine.handle(.sessionClosed(session: attempt, reason: "refused"), at: now)
                    == [.closeSession(session: attempt)])
            let wake = try #require(script.machine.wakeAt)
            let pause = wake - now
            #expect(pause >= .milliseconds(10) && pause <= .milliseconds(attempt <= 4 ? 50 : 800))
            if attempt > 8 { #expect(pause >= .milliseconds(160)) }
            now = wake
            #expect(script.machine.handle(.timer, at: now) == [.connect(session: attempt + 1)])
        }
    }

    @Test("nothing is done before the pause is over")
    func earlyTimer() {
        var script = Script()
        script.feed(0, .start)
        script.feed(1, .sessionClosed(session: 1, reason: "refused"))
        script.at(5, .timer, [])
    }

    @Test("an attempt that takes too long is given up, whatever it hangs on")
    func hangingSteps() throws {
        for steps in 1...3 {
            var script = Script()
            let events: [ElectionEvent] = [
                .start, .sessionConnected(session: 1), .checksPassed(session: 1, epoch: Epoch(0)),
            ]
            for event in events.prefix(steps) { script.feed(0, event) }
            let wake = try #require(script.machine.wakeAt)
            #expect(script.machine.handle(.timer, at: wake) == [.closeSession(session: 1)])
            guard case .backingOff = script.machine.state else {
                Issue.record("after step \(steps): \(script.machine.state)")
                continue
            }
        }
    }

    @Test("a session that opens after it was given up is closed")
    func lateConnection() {
        var script = Script()
        script.feed(0, .start)
        script.feed(20_000, .timer)
        script.at(20_001, .sessionConnected(session: 1), [.closeSession(session: 1)])
    }

    @Test("answers of an older session change nothing")
    func olderSession() {
        var script = Script.campaigning()
        script.feed(3, .sessionClosed(session: 1, reason: "broken"))
        script.feed(100, .timer)
        script.feed(101, .sessionConnected(session: 2))
        let before = script.machine.state
        for event: ElectionEvent in [
            .granted(session: 1, .first), .sliceElapsed(session: 1), .checksPassed(session: 1, epoch: Epoch(0)),
            .refused(session: 1, .standby), .sessionClosed(session: 1, reason: "again"), .fenced(session: 1),
            .beatAnswered(session: 1, number: 1, current: true), .resignAnswered(session: 1, released: true),
        ] {
            script.at(102, event, [])
            #expect(script.machine.state == before)
        }
    }

    @Test("a grant below an epoch that was heard of meanwhile is not taken")
    func overtakenGrant() {
        var script = Script.campaigning()
        script.feed(5, .watched(beat: 9, epoch: Epoch(8), timeline: 1))
        script.at(6, .granted(session: 1, .after(epoch: 6)), [.closeSession(session: 1)])
    }

    @Test("the watch session may read this node's own epoch before the grant arrives")
    func ownEpochSeenFirst() {
        var script = Script.campaigning(known: 4)
        script.feed(5, .watched(beat: 50, epoch: Epoch(5), timeline: 1))
        let effects = script.feed(6, .granted(session: 1, .after(epoch: 4)))
        #expect(effects.contains(.startLeading(.after(epoch: 4), timing: .standard)))
    }

    @Test("a node asks for an epoch above every one it has heard of")
    func knownEpochRises() {
        var script = Script(known: 11)
        script.feed(0, .start)
        script.feed(1, .sessionConnected(session: 1))
        script.at(
            2, .checksPassed(session: 1, epoch: Epoch(2)), [.campaign(session: 1, known: Epoch(11), timing: .standard)])
        script.at(3, .watched(beat: 3, epoch: Epoch(20), timeline: 1), [.recordEpoch(Epoch(20))])
        script.at(2003, .sliceElapsed(session: 1), [.campaign(session: 1, known: Epoch(20), timing: .standard)])
    }

    @Test("a refusal at the start is final; every refusal has words and advice")
    func refusals() {
        let all: [Refusal] = [
            .pooler(announced: 1, answering: 2), .standby, .unsupportedServer(version: "CockroachDB v24"), .fsyncOff,
            .notRegistered(detail: "no schema"), .otherCluster(found: "a", expected: "b"), .otherLockKey(found: 1, expected: 2),
            .otherServer(found: 1, expected: 2), .lockNotExclusive(detail: "both"), .login(message: "no", advice: nil),
            .notPermitted(message: "no"), .timing(objection: "x"), .name(objection: "x"), .dataDirectory(path: "/x", problem: "read-only"),
        ]
        for refusal in all {
            var script = Script()
            script.feed(0, .start)
            script.feed(1, .sessionConnected(session: 1))
            script.at(2, .refused(session: 1, refusal), [.closeSession(session: 1), .refuse(refusal)])
            #expect(script.machine.wakeAt == nil)
            script.at(9000, .timer, [])
            #expect(!refusal.words.isEmpty && !refusal.words.hasSuffix("."))
            #expect(refusal.advice.hasSuffix("."))
        }
    }

    @Test("once accepted, a standby or a rejected login is waited out; a pooler still is not")
    func refusalsThatPass() {
        for (refusal, passes) in [
            (Refusal.standby, true), (.login(message: "no", advice: nil), true), (.fsyncOff, false),
            (.pooler(announced: 1, answering: 2), false),
        ] {
            var script = Script.campaigning()
            script.feed(5, .sessionClosed(session: 1, reason: "restart"))
            script.feed(100, .timer)
            script.feed(101, .sessionConnected(session: 2))
            let effects = script.feed(102, .refused(session: 2, refusal))
            #expect(effects == (passes ? [.closeSession(session: 2)] : [.closeSession(session: 2), .refuse(refusal)]))
        }
    }
}
