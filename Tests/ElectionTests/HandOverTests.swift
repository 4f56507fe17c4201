import Model
import Testing

@testable import Election

@Suite struct HandOverTests {
    @Test("the others are asked to hold off before the work ends and again before the lock is free")
    func preferredSuccessor() {
        var script = Script.leading()
        script.at(50, .handOverRequested(to: "b"), [.askHoldOff(.seconds(1), except: "b"), .drain])
        script.at(51, .holdOffAsked(session: 1, of: []), [])
        script.at(60, .drained, Self.givenUp)
    }

    /// What gives the lock up in favour of `b`.
    private static let givenUp: [ElectionEffect] = [.stopLeading(.resigned), .askHoldOff(.seconds(1), except: "b"), .resign(session: 1)]
    private static let token = Grant.first.token

    @Test("the lock is given up as soon as the work has ended and everybody who was asked is out of its queue, in whichever order")
    func confirmed() {
        var script = Script.leading()
        script.feed(50, .handOverRequested(to: "b"))
        script.at(51, .holdOffAsked(session: 1, of: ["c", "d"]), [])
        script.at(52, .heldOff(by: "c", token: Self.token), [])
        script.at(53, .drained, [])
        script.at(54, .heldOff(by: "d", token: Self.token), Self.givenUp)

        script = Script.leading()
        script.feed(50, .handOverRequested(to: "b"))
        // Before it is known who is asked, nobody's silence means anything.
        script.at(51, .drained, [])
        script.at(52, .holdOffAsked(session: 1, of: ["c"]), [])
        script.at(53, .heldOff(by: "c", token: Self.token), Self.givenUp)

        script = Script.leading()
        script.feed(50, .handOverRequested(to: "b"))
        script.at(51, .holdOffAsked(session: 1, of: ["c"]), [])
        script.at(52, .heldOff(by: "c", token: Self.token), [])
        script.at(53, .drained, Self.givenUp)
    }

    @Test("only word of this term, of those who were asked, counts")
    func foreignWord() {
        var script = Script.leading()
        script.feed(50, .handOverRequested(to: "b"))
        script.feed(51, .holdOffAsked(session: 1, of: ["c"]))
        script.feed(52, .drained)
        script.at(53, .heldOff(by: "c", token: FencingToken(timeline: 1, epoch: Epoch(0))), [])
        script.at(54, .heldOff(by: "e", token: Self.token), [])
        script.at(55, .holdOffAsked(session: 2, of: []), [])
        script.at(56, .heldOff(by: "c", token: Self.token), Self.givenUp)
        script.at(57, .heldOff(by: "c", token: Self.token), [])
        script = Script.leading()
        script.at(50, .heldOff(by: "c", token: Self.token), [])
        script.at(51, .holdOffAsked(session: 1, of: []), [])
        #expect(script.machine.tenure != nil)
    }

    @Test("who does not confirm is waited for half a second, and the lock is beaten for meanwhile")
    func unconfirmed() {
        var script = Script.leading()
        script.feed(50, .handOverRequested(to: "b"))
        script.feed(51, .holdOffAsked(session: 1, of: ["c"]))
        script.at(60, .drained, [])
        let meanwhile = Self.effects(&script, from: 61, until: 549)
        #expect(!meanwhile.isEmpty && meanwhile.allSatisfy { if case .sendBeat = $0 { true } else { false } })
        #expect(script.machine.wakeAt == .ms(550))
        script.at(550, .timer, Self.givenUp)
    }

    @Test("while the work takes long to end, the others are asked again before they come back; who has died since is not waited for")
    func longDrain() {
        var script = Script.leading()
        script.feed(50, .handOverRequested(to: "b"))
        script.feed(51, .holdOffAsked(session: 1, of: ["c", "d"]))
        script.feed(52, .heldOff(by: "c", token: Self.token))
        #expect(!Self.effects(&script, from: 60, until: 549).contains(.askHoldOff(.seconds(1), except: "b")))
        #expect(Self.effects(&script, from: 550, until: 550).contains(.askHoldOff(.seconds(1), except: "b")))
        script.at(551, .holdOffAsked(session: 1, of: ["c"]), [])
        #expect(Self.effects(&script, from: 560, until: 1060).count { $0 == .askHoldOff(.seconds(1), except: "b") } == 1)
        script.at(1061, .drained, Self.givenUp)
        // At the latest when the time for the drain is over.
        script = Script.leading()
        script.feed(50, .handOverRequested(to: "b"))
        #expect(!Self.effects(&script, from: 60, until: 2049).contains(.resign(session: 1)))
        script.at(2050, .timer, Self.givenUp)
    }

    @Test("a waiter that is asked to hold off leaves the queue without leaving the database, says so, then waits again")
    func holdOff() {
        var script = Script.campaigning()
        script.at(100, .holdOff(.milliseconds(500), from: "a", request: 3), [.withdraw(session: 1)])
        // Asked again before the answer: the wait is cancelled only once, and the last question of each is answered.
        script.at(110, .holdOff(.milliseconds(500), from: "a", request: 4), [])
        script.at(111, .holdOff(.milliseconds(100), from: "x"), [])
        script.at(120, .sliceElapsed(session: 1), [.confirmHoldOff(to: "a", request: 4)])
        #expect(script.machine.state == .held(session: 1, until: .ms(610)) && script.machine.wakeAt == .ms(610))
        script.at(130, .holdOff(.milliseconds(400), from: "a", request: 5), [.confirmHoldOff(to: "a", request: 5)])
        script.at(609, .timer, [])
        script.at(610, .timer, [.campaign(session: 1, known: Epoch(0), timing: Script.timing)])
    }

    @Test("who is not in the queue says so at once; who got the lock, or is back in the queue, does not")
    func confirming() {
        var script = Script(known: 0)
        script.at(0, .holdOff(.milliseconds(500), from: "a", request: 1), [.confirmHoldOff(to: "a", request: 1)])
        script.feed(1, .start)
        script.at(2, .holdOff(.milliseconds(500), from: "a", request: 2), [.confirmHoldOff(to: "a", request: 2)])
        script.at(3, .holdOff(.milliseconds(500), from: "a"), [])
        // To hold off for no time is no promise.
        script = Script(known: 0)
        script.at(0, .holdOff(.zero, from: "a", request: 1), [])

        script = Script.campaigning()
        script.feed(100, .holdOff(.milliseconds(500), from: "a", request: 3))
        #expect(script.feed(101, .granted(session: 1, .first)).allSatisfy { $0 != .confirmHoldOff(to: "a", request: 3) })
        script.at(102, .holdOff(.milliseconds(500), from: "a", request: 4), [])

        script = Script.campaigning()
        script.feed(100, .holdOff(.milliseconds(500), from: "a", request: 3))
        script.at(700, .sliceElapsed(session: 1), [.campaign(session: 1, known: Epoch(0), timing: Script.timing)])
        script.at(710, .holdOff(.milliseconds(500), from: "b", request: 9), [.withdraw(session: 1)])
        script.at(711, .sliceElapsed(session: 1), [.confirmHoldOff(to: "b", request: 9)])

        // The server may still keep the place of a session that broke.
        script = Script.campaigning()
        script.feed(100, .holdOff(.milliseconds(500), from: "a", request: 3))
        #expect(!script.feed(110, .sessionClosed(session: 1, reason: "cut")).contains(.confirmHoldOff(to: "a", request: 3)))
        script.feed(200, .timer)
        #expect(script.feed(201, .sessionConnected(session: 2)).allSatisfy { if case .confirmHoldOff = $0 { false } else { true } })
    }

    @Test("a grant that was faster than the withdrawal is taken")
    func grantedMeanwhile() {
        var script = Script.campaigning()
        script.feed(100, .holdOff(.milliseconds(500), from: "a"))
        script.feed(101, .granted(session: 1, .first))
        #expect(script.machine.tenure != nil)
    }

    @Test("no message keeps a node away for longer than two seconds, and a new session waits as well")
    func bounded() {
        var script = Script(known: 0)
        script.feed(0, .start)
        script.feed(1, .holdOff(.seconds(3600), from: "a"))
        script.feed(2, .sessionConnected(session: 1))
        script.at(3, .checksPassed(session: 1, epoch: Epoch(0)), [])
        #expect(script.machine.wakeAt == .ms(2001))
        script.at(2001, .timer, [.campaign(session: 1, known: Epoch(0), timing: Script.timing)])
    }

    @Test("a leader that can't do its work while others can resigns after three seconds, and says why")
    func unfit() {
        var script = Script.leading()
        script.feed(50, .unfit(since: .ms(40)))
        #expect(Self.effects(&script, from: 60, until: 3039).allSatisfy { $0 != .drain })
        script.feed(3040, .timer)
        guard case .resigning = script.machine.state else {
            Issue.record("\(script.machine.state)")
            return
        }
        #expect(script.feed(3041, .drained).first == .stopLeading(.unfit))
    }

    @Test("who resigned in favour of another node comes back no sooner than the others, which it asked to stay away")
    func rest() {
        var script = Script.leading()
        script.feed(50, .handOverRequested(to: "b"))
        script.feed(51, .holdOffAsked(session: 1, of: []))
        script.feed(52, .drained)
        script.feed(60, .resignAnswered(session: 1, released: true))
        #expect(script.machine.wakeAt == .ms(1060))
    }

    @Test("… in favour of the node that can, and a later term of its own is not blamed for it")
    func fitter() {
        var script = Script.leading()
        script.feed(3050, .unfit(since: .ms(40), other: "b"))
        #expect(script.feed(3051, .timer).starts(with: [.askHoldOff(.seconds(1), except: "b"), .drain]))
        script.feed(3060, .drained)
        script.feed(3551, .timer)
        script.feed(3560, .resignAnswered(session: 1, released: true))
        script.feed(4560, .timer)
        script.feed(4561, .sessionConnected(session: 2))
        script.feed(4562, .checksPassed(session: 2, epoch: Epoch(8)))
        var grant = Grant.first
        grant.epoch = Epoch(9)
        script.feed(4563, .granted(session: 2, grant))
        #expect(Self.effects(&script, from: 4564, until: 4600).allSatisfy { $0 != .drain })
        #expect(script.machine.tenure != nil)
    }

    @Test("a leader that can work again in time stays")
    func fitAgain() {
        var script = Script.leading()
        script.feed(50, .unfit(since: .ms(40)))
        script.feed(2000, .fit)
        #expect(Self.effects(&script, from: 2010, until: 4000).allSatisfy { $0 != .drain })
    }

    /// Beats are answered a millisecond after they were sent.
    static func effects(_ script: inout Script, from: Int64, until: Int64) -> [ElectionEffect] {
        var all: [ElectionEffect] = []
        for ms in from...until {
            let effects = script.feed(ms, .timer)
            all += effects
            for case .sendBeat(let session, let number) in effects {
                all += script.feed(ms, .beatAnswered(session: session, number: number, current: true))
            }
        }
        return all
    }
}

@Suite struct HolderWatchTests {
    private static let holder = Holder(pid: 5, backendStart: 100, stateChange: 200, waitEvent: "ClientRead")

    /// Looks every 100 ms at that holder; when it is evicted.
    private func evictions(_ look: (Int64) -> (Holder?, Duration?)) -> [Int64] {
        var script = Script.campaigning()
        var evictions: [Int64] = []
        for ms in stride(from: Int64(100), through: 5000, by: 100) {
            let (holder, roundTrip) = look(ms)
            let effects = script.feed(ms, .watched(beat: 1, epoch: Epoch(1), timeline: 1, holder: holder, roundTrip: roundTrip))
            for case .evict(let evicted) in effects {
                #expect(evicted == holder)
                evictions.append(ms)
            }
        }
        return evictions
    }

    @Test("a holder that stays silent for Tevict is evicted, and again after as long if that didn't help")
    func silent() { #expect(self.evictions { _ in (Self.holder, .milliseconds(2)) } == [1600, 3100, 4600]) }

    @Test("a holder that beats, that works, or of which nothing is known is left alone")
    func alive() {
        #expect(self.evictions { ms in (Holder(pid: 5, backendStart: 100, stateChange: ms, waitEvent: "ClientRead"), .milliseconds(2)) } == [])
        #expect(self.evictions { _ in (Holder(pid: 5, backendStart: 100, stateChange: 200, waitEvent: "WALSync"), .milliseconds(2)) } == [])
        #expect(self.evictions { _ in (Holder(pid: 5, backendStart: 100, stateChange: 200, waitEvent: nil), .milliseconds(2)) } == [])
        #expect(self.evictions { _ in (nil, .milliseconds(2)) } == [])
    }

    @Test("looks that are slow themselves prove nothing")
    func slowDatabase() {
        #expect(self.evictions { _ in (Self.holder, .milliseconds(100)) } == [])
        #expect(self.evictions { _ in (Self.holder, nil) } == [])
        #expect(self.evictions { ms in (Self.holder, .milliseconds(ms % 1000 == 0 ? 100 : 2)) } == [])
    }

    @Test("a leader does not evict itself")
    func ownSession() {
        var script = Script.leading()
        for ms in stride(from: Int64(100), through: 4000, by: 100) {
            let effects = script.feed(ms, .watched(beat: 1, epoch: Epoch(1), timeline: 1, holder: Self.holder, roundTrip: .milliseconds(2)))
            #expect(!effects.contains(.evict(Self.holder)))
        }
    }
}
