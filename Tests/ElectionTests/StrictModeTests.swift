import Model
import Testing

@testable import Election

private func token(_ timeline: Int32, _ epoch: Int64) -> FencingToken { FencingToken(timeline: timeline, epoch: Epoch(epoch)) }

@Suite struct StrictModeTests {
    private static let lease = Duration.milliseconds(700)
    private static let own = token(1, 1)

    /// Three nodes; this one started long before it was elected, at 10 s, as the first leader ever.
    private func elected(members: Int = 3) -> (Script, [ElectionEffect]) {
        var script = Script()
        script.machine = ElectionMachine(timing: Script.timing, knownEpoch: Epoch(0), seed: 7, strict: StrictMode(members: members))
        script.feed(0, .start)
        script.feed(1, .sessionConnected(session: 1))
        script.feed(2, .checksPassed(session: 1, epoch: Epoch(0)))
        for ms in stride(from: Int64(2000), to: 10_000, by: 2000) { script.feed(ms, .sliceElapsed(session: 1)) }
        let effects = script.feed(10_000, .granted(session: 1, .first))
        script.feed(10_002, .beatAnswered(session: 1, number: 1, current: true))
        return (script, effects)
    }

    @Test("fewer than three nodes can't be strict")
    func objection() {
        #expect(StrictMode(members: 2).objection?.contains("at least 3") == true)
        #expect(StrictMode(members: 3).objection == nil)
    }

    @Test("a new leader asks for promises and for its lease, and keeps its own promise first")
    func asks() {
        let (_, effects) = self.elected()
        #expect(
            effects == [
                .recordEpoch(Epoch(1)), .recordPromise(Self.own), .startLeading(.first, timing: Script.timing), .sendBeat(session: 1, number: 1),
                .askPromises(token: Self.own), .askAcknowledgements(token: Self.own, lease: Self.lease),
            ])
    }

    @Test("the gate waits for a majority's promise, and acts for a majority's word")
    func majority() {
        var (script, _) = self.elected(members: 5)
        script.feed(10_003, .acknowledged(by: "b", token: Self.own, promised: Self.own, sentAt: .ms(10_000)))
        script.feed(10_004, .fenceAnswered(by: "b", incarnation: "b1", token: Self.own, .promised(Self.own)))
        // The same node twice is no majority.
        script.at(10_005, .fenceAnswered(by: "b", incarnation: "b1", token: Self.own, .promised(Self.own)), [])
        script.at(
            10_006, .fenceAnswered(by: "c", incarnation: "c1", token: Self.own, .promised(Self.own)), [.openGate(.first), .settle(session: 1)])
        #expect(!script.mayAct(10_006))
        script.feed(10_007, .acknowledged(by: "d", token: Self.own, promised: Self.own, sentAt: .ms(10_001)))
        #expect(script.mayAct(10_007))
        // The lease is counted from the sending of what the slower one of the majority answered.
        #expect(script.mayAct(10_699) && !script.mayAct(10_700))
    }

    @Test("without fresh words of a majority a leader is suspended, and resigns after three seconds")
    func minority() {
        var (script, _) = self.elected()
        script.feed(10_003, .fenceAnswered(by: "b", incarnation: "b1", token: Self.own, .promised(Self.own)))
        script.feed(10_004, .acknowledged(by: "b", token: Self.own, promised: Self.own, sentAt: .ms(10_000)))
        let effects = HandOverTests.effects(&script, from: 10_005, until: 13_699)
        #expect(effects.contains(.suspend) && !effects.contains(.drain) && !script.mayAct(10_701))
        script.feed(13_700, .timer)
        #expect(script.feed(13_701, .drained).first == .stopLeading(.minority))
    }

    @Test("a word for an earlier question than this term, or for another token, counts for nothing")
    func staleWords() {
        var (script, _) = self.elected()
        script.feed(10_003, .fenceAnswered(by: "b", incarnation: "b1", token: Self.own, .promised(Self.own)))
        script.feed(10_004, .acknowledged(by: "b", token: Self.own, promised: Self.own, sentAt: .ms(9_999)))
        script.feed(10_005, .acknowledged(by: "b", token: token(1, 0), promised: Self.own, sentAt: .ms(10_001)))
        script.feed(10_006, .acknowledged(by: "b", token: Self.own, promised: Self.own, sentAt: .ms(10_100)))
        #expect(!script.mayAct(10_010))
    }

    @Test("a refusal names the higher token, and ends the term")
    func refused() {
        var (script, _) = self.elected()
        let effects = script.feed(10_003, .acknowledged(by: "b", token: Self.own, promised: token(2, 2), sentAt: .ms(10_000)))
        #expect(effects.contains(.stopLeading(.fenced(by: token(2, 2)))))
    }

    /// A follower that started at 0; its first words come at 6 s, when nothing of an earlier run can count any more.
    private func follower() -> Script {
        var script = Script()
        script.machine = ElectionMachine(timing: Script.timing, knownEpoch: Epoch(0), seed: 7, strict: StrictMode(members: 3))
        script.feed(0, .start)
        script.feed(1, .sessionConnected(session: 1))
        script.feed(2, .checksPassed(session: 1, epoch: Epoch(0)))
        return script
    }

    @Test("a promise waits for the lease that was vouched for, and nothing older is vouched for meanwhile")
    func delayedPromise() {
        var script = self.follower()
        script.feed(6000, .sliceElapsed(session: 1))
        script.at(
            6001, .leaderPinged(from: "a", token: token(1, 5), lease: Self.lease, request: 1),
            [.recordEpoch(Epoch(5)), .recordPromise(token(1, 5)), .acknowledge(to: "a", request: 1, promised: token(1, 5))])
        script.at(6100, .fenceAsked(token: token(2, 6), from: "c", request: 2), [.recordEpoch(Epoch(6)), .recordPromise(token(2, 6))])
        script.at(
            6101, .leaderPinged(from: "a", token: token(1, 5), lease: Self.lease, request: 3),
            [.acknowledge(to: "a", request: 3, promised: token(2, 6))])
        // 700 ms and 1 % after the word.
        #expect(script.machine.wakeAt == .ms(6708))
        script.at(6707, .timer, [])
        script.at(6708, .timer, [.promise(to: "c", request: 2, promised: token(2, 6))])
    }

    @Test("a promise to the leader that was vouched for need not wait")
    func ownLeader() {
        var script = self.follower()
        script.feed(6000, .sliceElapsed(session: 1))
        script.feed(6001, .leaderPinged(from: "a", token: token(1, 5), lease: Self.lease, request: 1))
        script.at(
            6002, .fenceAsked(token: token(1, 5), from: "a", request: 2),
            [.promise(to: "a", request: 2, promised: token(1, 5))])
    }

    @Test("after a start, promises wait for whatever an earlier run may have vouched for")
    func afterStart() {
        var script = self.follower()
        script.feed(10, .fenceAsked(token: token(1, 5), from: "c", request: 1))
        // Eight leases and 1 %: as far as timers can be stretched.
        #expect(script.machine.acceptor.nextDue == .ms(5656))
    }

    @Test("a lease longer than any that is known is not vouched for")
    func longLease() {
        var script = self.follower()
        script.at(10, .leaderPinged(from: "a", token: token(1, 0), lease: .seconds(60), request: 1), [])
    }
}
