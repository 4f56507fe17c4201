import Model
import Testing

@testable import Election

@Suite struct HandOverTests {
    @Test("the others are asked to hold off before the work ends and again before the lock is free")
    func preferredSuccessor() {
        var script = Script.leading()
        script.at(50, .handOverRequested(to: "b"), [.askHoldOff(.seconds(1), except: "b"), .drain])
        script.at(
            160, .drained, [.stopLeading(.resigned), .askHoldOff(.seconds(1), except: "b"), .resign(session: 1)])
    }

    @Test("a lock that is meant for one of them is not given up before the others had time to leave its queue")
    func withdrawal() {
        var script = Script.leading()
        script.feed(50, .handOverRequested(to: "b"))
        script.at(60, .drained, [])
        #expect(Self.effects(&script, from: 61, until: 149).allSatisfy { if case .sendBeat = $0 { true } else { false } })
        script.at(150, .timer, [.stopLeading(.resigned), .askHoldOff(.seconds(1), except: "b"), .resign(session: 1)])
    }

    @Test("a waiter that is asked to hold off leaves the queue without leaving the database, then waits again")
    func holdOff() {
        var script = Script.campaigning()
        script.at(100, .holdOff(.milliseconds(500)), [.withdraw(session: 1)])
        // Asked again before the answer: the wait is cancelled only once.
        script.at(110, .holdOff(.milliseconds(500)), [])
        script.at(120, .sliceElapsed(session: 1), [])
        #expect(script.machine.state == .held(session: 1, until: .ms(610)) && script.machine.wakeAt == .ms(610))
        script.at(609, .timer, [])
        script.at(610, .timer, [.campaign(session: 1, known: Epoch(0), timing: Script.timing)])
    }

    @Test("a grant that was faster than the withdrawal is taken")
    func grantedMeanwhile() {
        var script = Script.campaigning()
        script.feed(100, .holdOff(.milliseconds(500)))
        script.feed(101, .granted(session: 1, .first))
        #expect(script.machine.tenure != nil)
    }

    @Test("no message keeps a node away for longer than two seconds, and a new session waits as well")
    func bounded() {
        var script = Script(known: 0)
        script.feed(0, .start)
        script.feed(1, .holdOff(.seconds(3600)))
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

    @Test("… in favour of the node that can, and a later term of its own is not blamed for it")
    func fitter() {
        var script = Script.leading()
        script.feed(3050, .unfit(since: .ms(40), other: "b"))
        #expect(script.feed(3051, .timer).starts(with: [.askHoldOff(.seconds(1), except: "b"), .drain]))
        script.feed(3060, .drained)
        script.feed(3151, .timer)
        script.feed(3160, .resignAnswered(session: 1, released: true))
        script.feed(3660, .timer)
        script.feed(3661, .sessionConnected(session: 2))
        script.feed(3662, .checksPassed(session: 2, epoch: Epoch(8)))
        var grant = Grant.first
        grant.epoch = Epoch(9)
        script.feed(3663, .granted(session: 2, grant))
        #expect(Self.effects(&script, from: 3664, until: 3700).allSatisfy { $0 != .drain })
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
