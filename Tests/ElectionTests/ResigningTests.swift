import Model
import Testing

@testable import Election

@Suite struct ResigningTests {
    @Test("a leader drains, says that it is over, hands over, and lets others go first")
    func handshake() {
        var script = Script.leading()
        script.at(50, .resignRequested, [.drain])
        #expect(!script.mayAct(50))
        // The session must not idle out in the middle of the drain.
        script.at(110, .timer, [.sendBeat(session: 1, number: 2)])
        script.at(112, .beatAnswered(session: 1, number: 2, current: true), [])
        script.at(150, .drained, [.stopLeading(.resigned), .resign(session: 1)])
        script.at(155, .resignAnswered(session: 1, released: true), [.closeSession(session: 1)])
        script.at(654, .timer, [])
        script.at(655, .timer, [.connect(session: 2)])
    }

    @Test("what doesn't drain is not waited for longer than two seconds")
    func drainLimit() {
        var script = Script.leading()
        script.feed(50, .resignRequested)
        for ms in stride(from: Int64(110), to: 2050, by: 100) {
            for effect in script.feed(ms, .timer) {
                if case .sendBeat(_, let number) = effect {
                    script.feed(ms + 1, .beatAnswered(session: 1, number: number, current: true))
                }
            }
        }
        script.at(2050, .timer, [.stopLeading(.resigned), .resign(session: 1)])
    }

    @Test("a database that doesn't answer the resignation loses the session, which frees the lock as well")
    func unansweredResignation() {
        var script = Script.leading()
        script.feed(50, .resignRequested)
        script.feed(60, .drained)
        script.at(2059, .timer, [])
        script.at(2060, .timer, [.closeSession(session: 1)])
        script.at(2070, .resignAnswered(session: 1, released: true), [])
    }

    @Test("a lock that the database says was not held closes the session and is tried for again soon")
    func notReleased() throws {
        var script = Script.leading()
        script.feed(50, .resignRequested)
        script.feed(60, .drained)
        script.at(61, .resignAnswered(session: 1, released: false), [.closeSession(session: 1)])
        let wake = try #require(script.machine.wakeAt)
        #expect(wake - .ms(61) <= .milliseconds(50))
    }

    @Test("a session lost while draining ends the term once")
    func lostWhileDraining() {
        var script = Script.leading()
        script.feed(50, .resignRequested)
        script.at(60, .sessionClosed(session: 1, reason: "x"), [.stopLeading(.sessionClosed("x")), .closeSession(session: 1)])
        script.at(61, .drained, [])
    }

    @Test("a session lost while handing over doesn't end the term twice")
    func lostWhileHandingOver() {
        var script = Script.leading()
        script.feed(50, .resignRequested)
        script.feed(60, .drained)
        script.at(61, .sessionClosed(session: 1, reason: "x"), [.closeSession(session: 1)])
    }

    @Test("resigning means nothing to a node that doesn't lead")
    func followerResigns() {
        var script = Script.campaigning()
        script.at(50, .resignRequested, [])
        #expect(script.machine.session == 1)
    }

    @Test("a suspended leader resigns too")
    func suspendedResigns() {
        var script = Script.leading()
        script.feed(110, .timer)
        script.feed(710, .timer)
        script.at(720, .resignRequested, [.drain])
        script.at(730, .drained, [.stopLeading(.resigned), .resign(session: 1)])
    }

    @Test("shutdown of a leader resigns and then stops")
    func shutdownOfLeader() {
        var script = Script.leading()
        script.at(50, .shutdownRequested, [.drain])
        script.at(60, .shutdownRequested, [])
        script.at(70, .drained, [.stopLeading(.resigned), .resign(session: 1)])
        script.at(75, .resignAnswered(session: 1, released: true), [.closeSession(session: 1), .stop])
        script.at(9000, .timer, [])
        #expect(script.machine.wakeAt == nil)
    }

    @Test("shutdown of a leader whose session breaks stops as well")
    func shutdownWithBrokenSession() {
        var script = Script.leading()
        script.feed(50, .shutdownRequested)
        script.at(
            60, .sessionClosed(session: 1, reason: "x"),
            [.stopLeading(.sessionClosed("x")), .closeSession(session: 1), .stop])
    }

    @Test("shutdown while resigning stops after the hand-over")
    func shutdownWhileResigning() {
        var script = Script.leading()
        script.feed(50, .resignRequested)
        script.at(55, .shutdownRequested, [])
        script.feed(60, .drained)
        script.at(65, .resignAnswered(session: 1, released: true), [.closeSession(session: 1), .stop])
    }

    @Test("shutdown of a node that doesn't lead stops at once")
    func shutdownOfFollower() {
        var waiting = Script.campaigning()
        waiting.at(50, .shutdownRequested, [.closeSession(session: 1), .stop])
        var backingOff = Script.campaigning()
        backingOff.feed(50, .sessionClosed(session: 1, reason: "x"))
        backingOff.at(55, .shutdownRequested, [.stop])
        var idle = Script()
        idle.at(0, .shutdownRequested, [.stop])
        idle.at(1, .start, [])
    }
}
