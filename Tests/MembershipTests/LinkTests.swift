import Model
import Testing

@testable import Membership

@Suite("Links between two nodes") struct LinkTests {
    @Test("the lower name dials at once, the higher one only after a while without a link")
    func whoDials() {
        var low = Bench(peers: ["b"])
        #expect(low.pass(10).dialled == [] && low.machine.peers[0].dial != .none)
        var high = Bench(peers: ["b"], node: "z")
        #expect(high.pass(200).dialled == [])
        #expect(high.pass(100).dialled == ["b"])
    }

    @Test("dials that fail are repeated with growing pauses, never more than 2 s apart")
    func redialling() {
        var bench = Bench(peers: ["b"])
        var dials: [Int64] = []
        bench.feed(.dialFailed(peer: "b", .refused))
        let end = bench.now + 20_000
        while bench.now < end, let wake = bench.machine.wakeAt {
            bench.now = (wake.nanoseconds + 999_999) / 1_000_000
            if bench.feed(.timer).dialled == ["b"] {
                dials.append(bench.now)
                bench.feed(.dialFailed(peer: "b", .refused))
            }
        }
        let pauses = zip(dials.dropFirst(), dials).map { $0 - $1 }
        #expect(pauses.allSatisfy { $0 >= 50 && $0 <= 2001 }, "\(pauses)")
        #expect(pauses.count > 8 && pauses.count < 30, "\(pauses)")
        #expect(pauses.suffix(4).allSatisfy { $0 >= 1000 }, "\(pauses)")
    }

    @Test("a fence without a link dials at once, whoever's turn it is and after whatever failed; that nobody listens is told with when it was asked")
    func urgentDial() {
        var bench = Bench(peers: ["b"], node: "z")
        bench.pass(300)
        bench.feed(.dialFailed(peer: "b", .timedOut))
        let fence = PeerMessage.Body.fence(token: FencingToken(timeline: 1, epoch: Epoch(4)), leader: "p")
        let asked = bench.feed(.post(to: "b", fence, requestID: 1))
        #expect(asked.contains(.unsent(to: "b", fence, requestID: 1)) && asked.dialled == ["b"])
        #expect(bench.feed(.post(to: "b", fence, requestID: 2)).dialled == [], "one dial at a time")
        let dialledAt = Instant.ms(bench.now)
        bench.now += 2
        #expect(bench.feed(.dialFailed(peer: "b", .refused)).contains(.nobodyListens(peer: "b", dialledAt: dialledAt)))
        #expect(bench.feed(.post(to: "b", .holdOff(milliseconds: 1), requestID: 3)).dialled == [], "nothing else is urgent")
    }

    @Test("a link counts once something came over it; the newest replaces the one before, which lingers for answers on their way")
    func replacedLink() {
        var bench = Bench.meshed()
        bench.pass(1500)
        bench.say(.ping(.well), link: 1)
        let opened = bench.feed(.linkOpened(peer: "b", link: 9, dialled: true))
        #expect(opened.sent.map(\.link) == [9])
        #expect(bench.machine.peers[0].current == 1)
        #expect(bench.say(.ping(.well), link: 9).sent.map(\.link) == [9])
        #expect(bench.machine.peers[0].current == 9)
        #expect(bench.say(.ping(.well), link: 1).sent.map(\.link) == [1], "it is still answered where it was asked")
        #expect(bench.pass(1100).hungUp.contains(1))
    }

    @Test("when both dial at the same time, both keep the link of the lower name")
    func collision() {
        for lowFirst in [true, false] {
            var low = Bench(peers: ["b"])
            var high = Bench(peers: ["a"], node: "b")
            for number in lowFirst ? [1, 2] : [2, 1] {
                // Link 1 is dialled by a, link 2 by b.
                low.feed(.linkOpened(peer: "b", link: number, dialled: number == 1))
                low.say(.ping(.well), link: number)
                high.feed(.linkOpened(peer: "a", link: number, dialled: number == 2))
                high.say(.ping(.well), from: "a", to: "b", link: number)
            }
            #expect(low.machine.peers[0].current == 1)
            #expect(high.machine.peers[0].current == 1)
        }
    }

    @Test("a link of a stranger, and one too many of a member, are hung up")
    func strangers() {
        var bench = Bench.meshed()
        #expect(bench.feed(.linkOpened(peer: "stranger", link: 50, dialled: false)) == [.hangUp(link: 50, .notAMember)])
        for number in 51...60 { bench.feed(.linkOpened(peer: "b", link: number, dialled: false)) }
        #expect(bench.machine.peers[0].links.count == MembershipLimits.links)
        #expect(bench.machine.peers[0].current == 1)
        #expect(bench.feed(.members([Member(name: "b", address: "b:1")])).hungUp.sorted() == [2, 3])
        #expect(bench.machine.view.members == 2)
    }

    @Test("more members than supported raise an alarm and are left out")
    func manyMembers() {
        var bench = Bench(peers: [])
        let table = (100..<200).map { Member(name: "n\($0)", address: "x") }
        #expect(bench.feed(.members(table)).alarms == [.tooManyMembers(count: 101)])
        #expect(bench.machine.view.members == MembershipLimits.members)
    }

    @Test("a message that names others than the link's ends has no effect and costs the link")
    func misaddressed() {
        for (from, to) in [("c", "a"), ("b", "d")] {
            var bench = Bench.meshed()
            let effects = bench.say(.leaving, from: from, to: to, link: 1)
            #expect(effects.refusals == [.misaddressed])
            #expect(effects.hungUp == [1])
            #expect(bench.view("c")?.state == .alive && bench.view("b")?.state == .alive)
        }
    }

    @Test("messages for the election pass through, and to a peer without a link they are handed back")
    func carrying() {
        var bench = Bench.meshed()
        let token = FencingToken(timeline: 1, epoch: Epoch(4))
        for body in [
            PeerMessage.Body.fence(token: token, leader: "p"), .promise(requestID: 1, token: token, incarnation: "p", verdict: .never),
            .holdOff(milliseconds: 500), .heldOff(requestID: 1), .handingOver, .vouch(token: token, leaseMilliseconds: 700),
            .vouched(requestID: 1, token: token, promised: token),
            .fitness(.init(asks: false, reached: ["connection:x"], missed: ["connection:y"])),
        ] {
            let effects = bench.say(body, link: 1)
            #expect(effects.contains { if case .deliver(let message) = $0 { message.body == body } else { false } })
            let posted = bench.feed(.post(to: "c", body, requestID: 42)).sent
            #expect(posted.contains { $0.link == 2 && $0.message.body == body && $0.message.requestID == 42 })
        }
        #expect(bench.view("b")?.canReachTargets == false)
        bench.feed(.linkClosed(link: 2, .ended))
        let body = PeerMessage.Body.holdOff(milliseconds: 1)
        #expect(bench.feed(.post(to: "c", body, requestID: 43)).contains(.unsent(to: "c", body, requestID: 43)))
        #expect(bench.feed(.post(to: "nobody", body, requestID: 44)).contains(.unsent(to: "nobody", body, requestID: 44)))
        #expect(bench.say(.unknown(kind: "teleport"), link: 1).refusals == [.unknownKind])
    }
}
