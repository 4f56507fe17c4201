import Model
import Testing

@testable import Election

@Suite struct GateTests {
    /// Elected at 1000 ms, first beat answered at 1002 ms: when the gate opens, and on which evidence.
    private func opening(_ grant: Grant, watched: [(ms: Int64, beat: Int64, timeline: Int32)] = []) -> (Int64, Gate.Evidence)? {
        var script = Script.campaigning()
        for sight in watched { script.feed(sight.ms, .watched(beat: sight.beat, epoch: Epoch(0), timeline: sight.timeline)) }
        script.feed(1000, .granted(session: 1, grant))
        var number = 1
        for now in Int64(1002)...8000 {
            for effect in script.feed(now, .beatAnswered(session: 1, number: number, current: true)) {
                if case .openGate(let evidence) = effect { return (now, evidence) }
                if case .sendBeat(_, let next) = effect { number = next }
            }
        }
        return nil
    }

    @Test("the first leader ever may act at once")
    func first() throws {
        let (at, evidence) = try #require(self.opening(.first))
        #expect(at == 1002 && evidence == .first)
    }

    @Test("a row without a leader but with a history is not a first leader: it was reset")
    func resetRow() throws {
        let grant = Grant(epoch: Epoch(9), timeline: 1, beat: 5, earlierLease: .zero, predecessor: nil)
        let (at, evidence) = try #require(self.opening(grant))
        #expect(at == 1707 && evidence == .waited(since: .ms(1000)))
    }

    @Test("after a settled leader resigned, the next may act at once")
    func resignedAndSettled() throws {
        let (at, evidence) = try #require(self.opening(.after(resigned: true)))
        #expect(at == 1002 && evidence == .resigned)
    }

    @Test("the word of a leader that had not settled doesn't count: an earlier one may still act")
    func resignedButUnsettled() throws {
        let (at, evidence) = try #require(self.opening(.after(resigned: true, settled: false)))
        #expect(at == 1707 && evidence == .waited(since: .ms(1000)))
    }

    @Test("without evidence a lease and one percent are waited")
    func waits() throws {
        let (at, evidence) = try #require(self.opening(.after()))
        #expect(at == 1707 && evidence == .waited(since: .ms(1000)))
    }

    @Test("a beat counter that has not moved since a lease ago opens at once")
    func longSilence() throws {
        let (at, evidence) = try #require(self.opening(.after(beat: 50), watched: [(200, 50, 1)]))
        #expect(at == 1002 && evidence == .silence(since: .ms(200)))
    }

    @Test("the silence counts from the first sight of the last beat")
    func shortSilence() throws {
        let sights: [(ms: Int64, beat: Int64, timeline: Int32)] = [(500, 49, 1), (600, 50, 1), (700, 50, 1), (800, 50, 1)]
        let (at, evidence) = try #require(self.opening(.after(beat: 50), watched: sights))
        #expect(at == 1307 && evidence == .silence(since: .ms(600)))
    }

    @Test("a beat that was counted after the last look leaves no silence to count")
    func unseenBeat() throws {
        let (at, _) = try #require(self.opening(.after(beat: 51), watched: [(200, 50, 1)]))
        #expect(at == 1707)
    }

    @Test("beats of another timeline don't compare")
    func otherTimeline() throws {
        let (at, _) = try #require(self.opening(.after(beat: 50), watched: [(200, 50, 0)]))
        #expect(at == 1707)
    }

    @Test("beats seen by an earlier watch session don't compare")
    func otherWatchSession() {
        var script = Script.campaigning()
        script.feed(100, .watched(beat: 50, epoch: Epoch(4), timeline: 1))
        script.feed(150, .watchLost)
        script.feed(1000, .granted(session: 1, .after(beat: 50)))
        #expect(script.machine.tenure?.gate.evidence == .waited(since: .ms(1000)))
    }

    @Test("a longer lease of an earlier leader is waited out")
    func longerEarlierLease() throws {
        let (at, _) = try #require(self.opening(.after(earlierLease: .seconds(2))))
        #expect(at == 3020)
    }

    @Test("after a failover of the database the longest lease is waited out: that of a stretched leader whose term was lost")
    func lostStretchedTerm() throws {
        var grant = Grant.after(resigned: true)
        grant.timeline = 2
        let (at, evidence) = try #require(self.opening(grant))
        #expect(at == 6656 && evidence == .waited(since: .ms(1000)))
    }

    @Test("a row of a promoted server that names no leader may have lost all of them")
    func lostFirstTerm() throws {
        let (at, _) = try #require(self.opening(Grant(epoch: Epoch(1), timeline: 2, beat: 1, earlierLease: .zero, predecessor: nil)))
        #expect(at == 6656)
    }

    @Test("silence after a failover counts from its first sight there, and for the longest lease")
    func silenceAfterFailover() throws {
        var grant = Grant.after(beat: 50)
        grant.timeline = 2
        let (at, evidence) = try #require(self.opening(grant, watched: [(500, 50, 2)]))
        #expect(at == 6156 && evidence == .silence(since: .ms(500)))
    }

    @Test("with more than one term on the new timeline, its row says what there is to wait for")
    func laterTermAfterFailover() throws {
        var grant = Grant.after(settled: false, earlierLease: .milliseconds(5600))
        grant.timeline = 2
        grant.predecessor?.timeline = 2
        #expect(try #require(self.opening(grant)).0 == 6656)
        grant.predecessor?.settled = true
        grant.earlierLease = .milliseconds(700)
        #expect(try #require(self.opening(grant)).0 == 1707)
    }

    @Test("a stretched node's longest lease is the one of the same node unstretched")
    func longestLease() {
        #expect(Timing.standard.longestLease == .milliseconds(5600))
        #expect(Timing.standard.stretched(by: 4).longestLease == .milliseconds(5600))
    }

    @Test("the gate stays closed until the first beat was answered")
    func closedBeforeFirstAnswer() {
        var script = Script.campaigning()
        script.at(
            10, .granted(session: 1, .first),
            [.recordEpoch(Epoch(1)), .startLeading(.first, timing: .standard), .sendBeat(session: 1, number: 1)])
        script.at(20, .timer, [])
        script.at(
            25, .beatAnswered(session: 1, number: 1, current: true), [.openGate(.first), .settle(session: 1)])
        #expect(script.mayAct(25))
    }

    @Test("the opening is written down once, again after a failure with the next beat")
    func settling() {
        var script = Script.campaigning()
        script.feed(10, .granted(session: 1, .first))
        script.at(12, .beatAnswered(session: 1, number: 1, current: true), [.openGate(.first), .settle(session: 1)])
        script.at(14, .settleFailed(session: 1), [])
        script.at(110, .timer, [.sendBeat(session: 1, number: 2)])
        script.at(112, .beatAnswered(session: 1, number: 2, current: true), [.settle(session: 1)])
        script.at(116, .settled(session: 1), [])
        script.at(120, .timer, [])
    }
}
