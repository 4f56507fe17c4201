import Model
import Testing

@testable import Election

@Suite struct TimingTests {
    @Test("the profiles fit together, also stretched", arguments: [Timing.standard, .fast, .wan])
    func profiles(timing: Timing) {
        for factor in [1, 2, 4, 8] { #expect(timing.stretched(by: factor).objection == nil) }
    }

    @Test("profiles are found by name")
    func names() {
        #expect(Timing(profile: "default") == .standard)
        #expect(Timing(profile: "fast") == .fast)
        #expect(Timing(profile: "wan") == .wan)
        #expect(Timing(profile: "quick") == nil)
    }

    @Test("timers that would let two leaders act are objected to")
    func objections() throws {
        func objection(_ beat: Int, _ lease: Int, _ idle: Int, _ evict: Int) -> String? {
            Timing(
                beat: .milliseconds(beat), lease: .milliseconds(lease), idle: .milliseconds(idle), evict: .milliseconds(evict)
            ).objection
        }
        #expect(objection(100, 700, 1000, 1500) == nil)
        #expect(try #require(objection(200, 700, 1000, 1600)).contains("4 beats"))
        #expect(objection(175, 700, 1000, 1525) == nil)
        #expect(try #require(objection(100, 900, 1000, 1500)).contains("may still act"))
        #expect(objection(100, 700, 807, 1500) == nil)
        #expect(objection(100, 700, 806, 1500) != nil)
        #expect(try #require(objection(100, 700, 1000, 1299)).contains("3 beats"))
        #expect(objection(0, 700, 1000, 1500) != nil)
        #expect(objection(100, 70_000, 100_000, 150_000) != nil)
    }

    @Test("more than three leader changes in a minute double the timers, eight times at most")
    func stretching() {
        var rate = ChangeRate()
        rate.note(Epoch(1), at: .ms(0))
        for change in 1...3 { rate.note(Epoch(Int64(1 + change)), at: .ms(Int64(change) * 1000)) }
        #expect(rate.factor == 1)
        rate.note(Epoch(4), at: .ms(3500))
        #expect(rate.factor == 1, "the same epoch again is no change")
        rate.note(Epoch(5), at: .ms(4000))
        #expect(rate.factor == 2)
        for change in 6...60 { rate.note(Epoch(Int64(change)), at: .ms(Int64(change) * 1000)) }
        #expect(rate.factor == 8)
        rate.settle(at: .ms(60_000 + 600_000))
        #expect(rate.factor == 8)
        rate.settle(at: .ms(60_000 + 600_001))
        #expect(rate.factor == 1)
    }

    @Test("leader changes that are far apart stretch nothing")
    func rareChanges() {
        var rate = ChangeRate()
        for change in 0...40 { rate.note(Epoch(Int64(change + 1)), at: .ms(Int64(change) * 20_001)) }
        #expect(rate.factor == 1)
    }

    @Test("stretched timers apply from the next slice on, and a term keeps its own")
    func stretchedCampaign() {
        var script = Script.campaigning()
        for epoch in 1...5 { script.feed(Int64(10 + epoch), .watched(beat: Int64(epoch), epoch: Epoch(Int64(epoch)), timeline: 1)) }
        let doubled = Timing.standard.stretched(by: 2)
        script.at(2002, .sliceElapsed(session: 1), [.campaign(session: 1, known: Epoch(5), timing: doubled)])
        script.feed(3000, .granted(session: 1, .after(epoch: 5)))
        #expect(script.machine.tenure?.timing == doubled)
    }

    @Test("a grant has the timers of its own campaign, not those that came into force while it waited")
    func stretchedDuringSlice() {
        var script = Script.campaigning()
        for epoch in 1...5 { script.feed(Int64(10 + epoch), .watched(beat: Int64(epoch), epoch: Epoch(Int64(epoch)), timeline: 1)) }
        script.feed(1000, .granted(session: 1, .after(epoch: 5)))
        #expect(script.machine.tenure?.timing == .standard)
    }

    @Test("instants saturate")
    func saturation() {
        let far = Instant(nanoseconds: .max)
        #expect(far + .seconds(1) == far)
        #expect(far - Instant(nanoseconds: .min) == .nanoseconds(Int64.max))
        #expect(Instant(nanoseconds: 0) + .seconds(Int64.max) == far)
    }

    @Test("tokens order by timeline, then epoch")
    func tokens() {
        let old = FencingToken(timeline: 1, epoch: Epoch(900))
        let new = FencingToken(timeline: 2, epoch: Epoch(1))
        #expect(old < new)
        #expect(old.value == (Int64(1) << 40) + 900)
        #expect(FencingToken(timeline: 1, epoch: Epoch(901)) > old)
    }
}
