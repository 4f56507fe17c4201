import Model
import Testing

@testable import Election

private func token(_ timeline: Int32, _ epoch: Int64) -> FencingToken { FencingToken(timeline: timeline, epoch: Epoch(epoch)) }

@Suite struct FencingTests {
    @Test("a leader that is asked for a higher token has lost before it promises")
    func leaderIsFenced() {
        var script = Script.leading()
        script.at(
            50, .fenceAsked(token: token(1, 2), from: "b", request: 7),
            [
                .recordEpoch(Epoch(2)), .stopLeading(.fenced(by: token(1, 2))), .closeSession(session: 1),
                .promise(to: "b", request: 7, promised: token(1, 2)),
            ])
        #expect(!script.mayAct(50) && script.machine.promised == token(1, 2))
    }

    @Test("an asker with a lower token is told the higher one, and the leader goes on")
    func askerIsBehind() {
        var script = Script.leading()
        script.at(50, .fenceAsked(token: token(1, 0), from: "b", request: 7), [.promise(to: "b", request: 7, promised: token(1, 1))])
        #expect(script.mayAct(50))
    }

    @Test("a promise outlives the process when it is given to the next one: no lease below it lets act")
    func promiseIsKept() {
        var script = Script(known: 0)
        script.machine = ElectionMachine(timing: Script.timing, knownEpoch: Epoch(0), seed: 7, promised: token(1, 5))
        script.feed(0, .start)
        script.feed(1, .sessionConnected(session: 1))
        script.feed(2, .checksPassed(session: 1, epoch: Epoch(0)))
        script.at(10, .granted(session: 1, .first), [.closeSession(session: 1)])
        #expect(script.machine.tenure == nil)
        #expect(
            !Lease(epoch: Epoch(4), until: .ms(900), gateOpen: true, halted: false, token: token(1, 4), promised: token(1, 5))
                .mayAct(at: .ms(100), sendBudget: .zero))
    }

    static let answers: [(FenceAnswer, Gate.Evidence)] = [
        (.promised(token(1, 5)), .promised(by: "old")), (.dead, .dead("old")), (.nobodyListens, .nobodyListens("old")),
    ]

    @Test("a settled predecessor's promise, or its end, opens the gate at once", arguments: Self.answers)
    func answerOpensGate(answer: FenceAnswer, evidence: Gate.Evidence) {
        let predecessor = Self.predecessor()
        var script = Script.campaigning(known: 3)
        script.at(
            1000, .granted(session: 1, Self.grant(predecessor)),
            [
                .recordEpoch(Epoch(5)), .startLeading(Self.grant(predecessor), timing: Script.timing), .askFence(predecessor, token: token(1, 5)),
                .sendBeat(session: 1, number: 1),
            ])
        script.at(1002, .beatAnswered(session: 1, number: 1, current: true), [])
        script.at(
            1003, .fenceAnswered(by: "old", incarnation: "x", token: token(1, 5), answer), [.openGate(evidence), .settle(session: 1)])
        #expect(script.mayAct(1003))
    }

    @Test("the word of an unsettled predecessor, of another process or about another token opens nothing")
    func wordsThatDoNotCount() {
        let cases: [(Grant.Predecessor, by: String, incarnation: String, FencingToken)] = [
            (Self.predecessor(settled: false), "old", "x", token(1, 5)), (Self.predecessor(), "old", "y", token(1, 5)),
            (Self.predecessor(), "c", "x", token(1, 5)), (Self.predecessor(), "old", "x", token(1, 4)),
            (Self.predecessor(timeline: 0), "old", "x", token(1, 5)), (Self.predecessor(incarnation: ""), "old", "", token(1, 5)),
        ]
        for (predecessor, node, incarnation, asked) in cases {
            var script = Script.campaigning(known: 3)
            script.feed(1000, .granted(session: 1, Self.grant(predecessor)))
            script.feed(1002, .beatAnswered(session: 1, number: 1, current: true))
            script.at(1003, .fenceAnswered(by: node, incarnation: incarnation, token: asked, .dead), [])
            #expect(!script.mayAct(1003), "\(predecessor)")
        }
    }

    @Test("a process that led before and settled need not ask itself")
    func sameProcess() {
        var script = Script(known: 3)
        script.machine = ElectionMachine(timing: Script.timing, knownEpoch: Epoch(3), seed: 7, incarnation: "x")
        script.feed(0, .start)
        script.feed(1, .sessionConnected(session: 1))
        script.feed(2, .checksPassed(session: 1, epoch: Epoch(3)))
        let effects = script.feed(1000, .granted(session: 1, Self.grant(Self.predecessor())))
        #expect(!effects.contains { if case .askFence = $0 { true } else { false } })
        script.at(1002, .beatAnswered(session: 1, number: 1, current: true), [.openGate(.sameProcess), .settle(session: 1)])
    }

    @Test("after a failover the row's word does not count: it may be an older leader's")
    func failover() {
        var script = Script.campaigning(known: 3)
        var grant = Self.grant(Self.predecessor(resigned: true))
        grant.timeline = 2
        script.feed(1000, .granted(session: 1, grant))
        script.at(1002, .beatAnswered(session: 1, number: 1, current: true), [])
        #expect(script.machine.tenure?.gate.evidence == .waited(since: .ms(1000)))
    }

    @Test("a higher token from anybody ends the term, by timeline before epoch; a lower one does not")
    func heard() {
        var script = Script.leading()
        script.at(50, .heard(token(1, 1)), [])
        script.at(51, .heard(token(0, 9)), [.recordEpoch(Epoch(9))])
        #expect(script.mayAct(51))
        script.at(52, .heard(token(2, 1)), [.stopLeading(.fenced(by: token(2, 1))), .closeSession(session: 1)])
    }

    @Test("a watch that sees a higher timeline ends the term")
    func watchedTimeline() {
        var script = Script.leading()
        script.at(
            50, .watched(beat: 9, epoch: Epoch(1), timeline: 2), [.stopLeading(.fenced(by: token(2, 1))), .closeSession(session: 1)])
    }

    @Test("a grant on the timeline that was left is not taken")
    func staleGrant() {
        var script = Script.campaigning()
        script.feed(5, .heard(token(2, 1)))
        var grant = Grant.first
        grant.epoch = Epoch(7)
        script.at(10, .granted(session: 1, grant), [.closeSession(session: 1)])
    }

    private static func predecessor(
        resigned: Bool = false, settled: Bool = true, incarnation: String = "x", timeline: Int32 = 1
    ) -> Grant.Predecessor {
        .init(
            node: "old", epoch: Epoch(4), resigned: resigned, settled: settled, address: "old:7400", incarnation: incarnation, timeline: timeline)
    }

    private static func grant(_ predecessor: Grant.Predecessor) -> Grant {
        Grant(epoch: Epoch(5), timeline: 1, beat: 50, earlierLease: .milliseconds(700), predecessor: predecessor)
    }
}
