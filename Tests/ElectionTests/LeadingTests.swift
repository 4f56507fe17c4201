import Model
import Testing

@testable import Election

@Suite struct LeadingTests {
    @Test("the lease ends a lease after the answered beat was sent, not after its answer")
    func leaseCountsFromSending() {
        var script = Script.campaigning()
        script.feed(10, .granted(session: 1, .first))
        script.feed(400, .beatAnswered(session: 1, number: 1, current: true))
        #expect(script.mayAct(709))
        #expect(!script.mayAct(710))
        #expect(script.mayAct(700, sendBudget: .milliseconds(9)))
        #expect(!script.mayAct(700, sendBudget: .milliseconds(10)))
    }

    @Test("beats go out one every period, never two at a time")
    func beatPeriod() {
        var script = Script.leading()
        #expect(script.machine.wakeAt == .ms(110))
        script.at(109, .timer, [])
        script.at(110, .timer, [.sendBeat(session: 1, number: 2)])
        script.at(210, .timer, [])
        // Late: the next one is due already.
        script.at(230, .beatAnswered(session: 1, number: 2, current: true), [.sendBeat(session: 1, number: 3)])
    }

    @Test("without an answer for a lease the leader is suspended, and resumes in the same term")
    func suspendedAndResumed() {
        var script = Script.leading()
        script.feed(110, .timer)
        script.at(709, .timer, [])
        script.at(710, .timer, [.suspend])
        #expect(!script.mayAct(710))
        // Too late to be worth anything: sent at 110. The next beat is due at once.
        script.at(900, .beatAnswered(session: 1, number: 2, current: true), [.sendBeat(session: 1, number: 3)])
        #expect(!script.mayAct(900))
        script.at(905, .beatAnswered(session: 1, number: 3, current: true), [.resume])
        #expect(script.mayAct(905))
        #expect(script.machine.tenure?.grant.epoch == Epoch(1))
    }

    @Test("an answer that arrives late finds the lease ended, also when no timer came before it")
    func lateAnswerWithoutTimer() {
        var script = Script.leading()
        script.feed(110, .timer)
        script.at(5000, .beatAnswered(session: 1, number: 2, current: true), [.suspend, .sendBeat(session: 1, number: 3)])
        #expect(!script.mayAct(5000))
    }

    @Test("an answer with another beat's number extends nothing")
    func wrongNumber() {
        var script = Script.leading()
        script.feed(110, .timer)
        script.at(120, .beatAnswered(session: 1, number: 1, current: true), [])
        #expect(!script.mayAct(710))
    }

    @Test("a beat that failed on a living session is repeated a period later and extends nothing")
    func failedBeat() {
        var script = Script.leading()
        script.feed(110, .timer)
        script.at(115, .beatFailed(session: 1, number: 2), [])
        script.at(214, .timer, [])
        script.at(215, .timer, [.sendBeat(session: 1, number: 3)])
        #expect(!script.mayAct(710))
    }

    @Test("a statement that counts as a beat extends the lease from its sending and puts the next beat off")
    func confirmedByTransaction() {
        var script = Script.leading()
        script.at(60, .beatConfirmed(session: 1, sentAt: .ms(50)), [])
        #expect(script.mayAct(749) && !script.mayAct(750))
        script.at(110, .timer, [])
        script.at(150, .timer, [.sendBeat(session: 1, number: 2)])
        // An older one doesn't shorten it; one from the future or another session is nonsense.
        script.at(160, .beatConfirmed(session: 1, sentAt: .ms(20)), [])
        script.at(170, .beatConfirmed(session: 1, sentAt: .ms(300)), [])
        script.at(180, .beatConfirmed(session: 2, sentAt: .ms(180)), [])
        #expect(script.mayAct(749) && !script.mayAct(750))
        script.at(750, .timer, [.suspend])
        script.at(800, .beatConfirmed(session: 1, sentAt: .ms(790)), [.resume])
    }

    @Test("a broken session ends the term before anything else")
    func sessionBroken() {
        var script = Script.leading()
        script.at(
            50, .sessionClosed(session: 1, reason: "terminated"),
            [.stopLeading(.sessionClosed("terminated")), .closeSession(session: 1)])
        #expect(!script.mayAct(50))
        #expect(script.machine.lease == nil)
        script.at(100, .timer, [.connect(session: 2)])
    }

    @Test("a session that breaks while suspended ends the term")
    func brokenWhileSuspended() {
        var script = Script.leading()
        script.feed(110, .timer)
        script.feed(710, .timer)
        script.at(
            1100, .sessionClosed(session: 1, reason: "idle"), [.stopLeading(.sessionClosed("idle")), .closeSession(session: 1)])
    }

    @Test("a beat that finds another leader in the row ends the term", arguments: [false, true])
    func rowTaken(suspended: Bool) {
        var script = Script.leading()
        script.feed(110, .timer)
        if suspended { script.feed(710, .timer) }
        script.at(
            suspended ? 720 : 120, .beatAnswered(session: 1, number: 2, current: false),
            [.stopLeading(.superseded), .closeSession(session: 1)])
    }

    @Test("a write that the fence refused ends the term")
    func fenced() {
        var script = Script.leading()
        script.at(60, .fenced(session: 1), [.stopLeading(.superseded), .closeSession(session: 1)])
    }

    @Test("a higher epoch seen by the watch session ends the term")
    func higherEpochSeen() {
        var script = Script.leading()
        script.at(
            60, .watched(beat: 8, epoch: Epoch(2), timeline: 1),
            [.recordEpoch(Epoch(2)), .stopLeading(.superseded), .closeSession(session: 1)])
        var same = Script.leading()
        same.at(60, .watched(beat: 8, epoch: Epoch(1), timeline: 1), [])
    }

    @Test("a database that says nothing for half a minute is given up")
    func longSuspension() {
        var script = Script.leading()
        script.feed(110, .timer)
        script.at(710, .timer, [.suspend])
        script.at(30_709, .timer, [])
        script.at(30_710, .timer, [.stopLeading(.silent), .closeSession(session: 1)])
    }

    @Test("a leader whose first beat isn't answered is suspended after a lease")
    func firstBeatUnanswered() {
        var script = Script.campaigning()
        script.feed(10, .granted(session: 1, .first))
        script.at(710, .timer, [.suspend])
        script.at(800, .beatAnswered(session: 1, number: 1, current: true), [.sendBeat(session: 1, number: 2)])
        script.at(802, .beatAnswered(session: 1, number: 2, current: true), [.resume, .openGate(.first), .settle(session: 1)])
    }

    @Test("a gate that is due while suspended opens after the resumption")
    func gateDueWhileSuspended() {
        var script = Script.campaigning()
        script.feed(1000, .granted(session: 1, .after()))
        script.feed(1002, .beatAnswered(session: 1, number: 1, current: true))
        script.feed(1100, .timer)
        script.at(1700, .timer, [.suspend])
        script.at(1710, .timer, [])
        script.at(
            1720, .beatAnswered(session: 1, number: 2, current: true),
            [
                .resume, .openGate(.waited(since: .ms(1000))), .settle(session: 1), .sendBeat(session: 1, number: 3),
            ])
    }
}
