import Model
import SeededRandom
import Testing

@testable import Membership

/// One machine, `a`, and what its peers `b`, `c`, `d` say, step by step.
private struct Bench {
    var machine: MembershipMachine
    var sequence: UInt64 = 0
    var now: Int64 = 1000

    init(peers: [String] = ["b", "c", "d"], node: String = "a") {
        self.machine = MembershipMachine(node: node, bootID: "boot-\(node)", incarnation: 10, facts: .well, seed: 3, at: .ms(1000))
        self.feed(.members((peers + [node]).map { Member(name: $0, address: "\($0):1") }))
    }

    @discardableResult
    mutating func feed(_ event: MembershipEvent) -> [MembershipEffect] {
        self.machine.handle(event, at: .ms(self.now), wall: WallTime(microseconds: self.now * 1000))
    }

    /// With the timers that fall in between, each on time.
    @discardableResult
    mutating func pass(_ milliseconds: Int64) -> [MembershipEffect] {
        var effects: [MembershipEffect] = []
        let end = self.now + milliseconds
        while let wake = self.machine.wakeAt, wake <= .ms(end) {
            self.now = max(self.now, (wake.nanoseconds + 999_999) / 1_000_000)
            effects += self.feed(.timer)
        }
        self.now = end
        return effects
    }

    @discardableResult
    mutating func say(_ body: PeerMessage.Body, from: String = "b", to: String = "a", boot: String? = nil, link: Int, incarnation: UInt64 = 5)
        -> [MembershipEffect]
    {
        self.sequence += 1
        return self.feed(
            .received(.sample(body, sequence: self.sequence, boot: boot ?? "boot-\(from)", from: from, to: to, incarnation: incarnation), link: link))
    }

    /// Links 1, 2, 3 to b, c, d, all proven.
    static func meshed() -> Bench {
        var bench = Bench()
        for (index, peer) in ["b", "c", "d"].enumerated() {
            bench.feed(.linkOpened(peer: peer, link: index + 1, dialled: true))
            bench.say(.ping(.well), from: peer, link: index + 1)
        }
        return bench
    }

    func view(_ name: String) -> PeerView? { self.machine.view.peers.first { $0.name == name } }
}

extension [MembershipEffect] {
    fileprivate var sent: [(link: Int, message: PeerMessage)] {
        self.compactMap { if case .send(let link, let message) = $0 { (link, message) } else { nil } }
    }
    fileprivate var dialled: [String] { self.compactMap { if case .dial(let peer, _) = $0 { peer } else { nil } } }
    fileprivate var hungUp: [Int] { self.compactMap { if case .hangUp(let link, _) = $0 { link } else { nil } } }
    fileprivate var refusals: [MessageRefusal] { self.compactMap { if case .refused(_, let reason) = $0 { reason } else { nil } } }
    fileprivate var alarms: [MembershipAlarm] { self.compactMap { if case .alarm(let alarm) = $0 { alarm } else { nil } } }
}

@Suite struct MachineTests {
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

    @Test("a ping is answered over its link with its number, and an ack that answers nothing is refused")
    func acks() throws {
        var bench = Bench.meshed()
        let answer = bench.say(.ping(.well), link: 1).sent
        #expect(answer.count == 1)
        guard case .ack(77, let received, _) = try #require(answer.first).message.body else {
            Issue.record("no ack: \(answer)")
            return
        }
        #expect(received == bench.now * 1_000_000)
        #expect(bench.say(.ack(requestID: 123_456, receivedMono: 1, facts: .well), link: 1).refusals == [.unasked])
        let ping = try #require(bench.pass(500).sent.first { $0.link == 1 })
        #expect(bench.say(.ack(requestID: ping.message.requestID, receivedMono: 1, facts: .well), link: 1).refusals == [])
        #expect(bench.say(.ack(requestID: ping.message.requestID, receivedMono: 1, facts: .well), link: 1).refusals == [.unasked], "once only")
    }

    /// What `a` does with b's pings, and with its own, while time passes in steps of a millisecond: the moments of its own pings.
    ///
    /// - Parameters:
    ///   - speaks: whether b pings in that millisecond.
    ///   - answers: whether b acks what it was asked, at once.
    private func questions(_ bench: inout Bench, milliseconds: Int64, link: Int = 1, answers: Bool = true, speaks: (Int64) -> Bool) -> [Int64] {
        var asked: [Int64] = []
        for passed in 1...milliseconds {
            var effects = bench.pass(1)
            if speaks(passed) { effects += bench.say(.ping(.well), link: link) }
            for (over, message) in effects.sent {
                guard case .ping = message.body else { continue }
                let speaker = over == 2 ? "c" : over == 3 ? "d" : "b"
                if speaker == "b" { asked.append(bench.now) }
                if speaker != "b" || answers {
                    bench.say(.ack(requestID: message.requestID, receivedMono: 1, facts: .well), from: speaker, link: over)
                }
            }
        }
        return asked
    }

    @Test("a peer's ping is followed by this node's own a turn later, and the node that dials goes first of two that asked together")
    func turns() {
        for (node, peer, turn) in [("a", "b", Int64(450)), ("z", "b", 475)] {
            var bench = Bench(peers: [peer], node: node)
            bench.feed(.linkOpened(peer: peer, link: 1, dialled: true))
            bench.feed(.received(.sample(.ping(.well), to: node), link: 1))
            let next = bench.machine.nextWake().map { ($0 - .ms(bench.now)).milliseconds }
            #expect(next == turn, "\(node)")
        }
    }

    @Test("turns that are due soon are taken with a ping that is due: peers that were heard a little apart are asked in one wake-up")
    func inCompany() {
        var bench = Bench.meshed()
        for (peer, link) in [("b", 1), ("c", 2), ("d", 3)] {
            for (over, message) in bench.pass(link == 1 ? 490 : 25).sent {
                bench.say(.ack(requestID: message.requestID, receivedMono: 1, facts: .well), from: ["", "b", "c", "d"][over], link: over)
            }
            bench.say(.ping(.well), from: peer, link: link)
        }
        let wakes = (1...470).compactMap { _ in
            let pings = bench.pass(1).sent.compactMap { link, message in if case .ping = message.body { link } else { nil } }
            return pings.isEmpty ? nil : Set(pings)
        }
        #expect(wakes == [[1, 2, 3]])
    }

    @Test("a node asks within an interval of the last ping either way, and itself within two, whenever its peer asks")
    func ownQuestions() {
        for seed in UInt64(1)...20 {
            var random = Seeded(seed: seed)
            var bench = Bench.meshed()
            let longest = Int64.random(in: 1...900, using: &random)
            var heard: [Int64] = []
            var next = Int64.random(in: 1...longest, using: &random)
            let start = bench.now
            let asked = self.questions(&bench, milliseconds: 10_000) { passed in
                guard passed >= next else { return false }
                next = passed + Int64.random(in: 1...longest, using: &random)
                heard.append(start + passed)
                return true
            }
            let gaps = zip(asked.dropFirst(), asked).map { $0 - $1 }
            #expect(gaps.allSatisfy { $0 <= 1000 }, "seed \(seed): \(gaps)")
            let both = (asked + heard).sorted()
            #expect(zip(both.dropFirst(), both).allSatisfy { $0 - $1 <= 500 }, "seed \(seed)")
            #expect(bench.view("b")?.state == .alive && bench.view("b")?.path == .direct, "seed \(seed)")
        }
    }

    @Test("a peer of an earlier version, which asks every half second whatever it hears, is asked as often as it asks")
    func withoutTurns() {
        for phase in stride(from: Int64(0), to: 500, by: 100) {
            var bench = Bench.meshed()
            let asked = self.questions(&bench, milliseconds: 10_000) { $0 % 500 == phase }
            #expect((18...22).contains(asked.count), "phase \(phase): \(asked.count)")
        }
    }

    @Test("a ping stands for no question while one is unanswered, while this node doubts itself, or over a link that is not in use")
    func noTurns() {
        var bench = Bench.meshed()
        let unanswered = self.questions(&bench, milliseconds: 5000, answers: false) { $0 % 100 == 0 }
        #expect(unanswered.count >= 8, "with turns it would ask once a second: \(unanswered)")
        #expect(bench.view("b")?.path != .direct && bench.view("b")?.state == .alive)

        bench = .meshed()
        bench.pass(490)
        bench.now += 300
        bench.feed(.timer)
        #expect(bench.machine.localHealth == 1)
        let due = bench.machine.peers[0].nextProbeAt
        bench.pass(300)
        bench.say(.ping(.well), link: 1)
        #expect(bench.machine.peers[0].nextProbeAt == due)

        bench = .meshed()
        _ = self.questions(&bench, milliseconds: 1500) { $0 % 400 == 0 }
        for effect in bench.feed(.linkOpened(peer: "b", link: 9, dialled: true)).sent {
            bench.say(.ack(requestID: effect.message.requestID, receivedMono: 1, facts: .well), link: 9)
        }
        #expect(bench.machine.peers[0].current == 9 && bench.machine.localHealth == 0)
        bench.pass(100)
        let own = bench.machine.peers[0].nextProbeAt
        bench.say(.ping(.well), link: 1)
        #expect(bench.machine.peers[0].nextProbeAt == own, "link 1 was replaced")
    }

    @Test("without acks two others are asked, and a helper's no leads to suspicion, a yes to another way")
    func indirect() throws {
        var bench = Bench.meshed()
        // c and d answer everything, b nothing.
        var asked: [(link: Int, message: PeerMessage)] = []
        for _ in 0..<100 where asked.isEmpty {
            for (link, message) in bench.pass(10).sent {
                if case .pingRequest(let target) = message.body {
                    #expect(target == "b")
                    asked.append((link, message))
                } else if case .ping = message.body, link != 1 {
                    bench.say(.ack(requestID: message.requestID, receivedMono: 1, facts: .well), from: link == 2 ? "c" : "d", link: link)
                }
            }
        }
        #expect(asked.map(\.link).sorted() == [2, 3])
        #expect(bench.view("b")?.state == .alive)
        let (one, other) = (asked[0], asked[1])
        func name(_ link: Int) -> String { link == 2 ? "c" : "d" }
        bench.say(.indirectAck(requestID: one.message.requestID, target: "b", reached: false), from: name(one.link), link: one.link)
        #expect(bench.view("b")?.state == .alive, "one is still to answer")
        var yes = bench
        bench.say(.indirectAck(requestID: other.message.requestID, target: "b", reached: false), from: name(other.link), link: other.link)
        #expect(bench.view("b")?.state == .suspect)
        yes.say(.indirectAck(requestID: other.message.requestID, target: "b", reached: true), from: name(other.link), link: other.link)
        #expect(yes.view("b")?.state == .alive)
        #expect(yes.view("b")?.path == .viaOthers)
        // Nobody asked d again, and an answer for another helper is not d's to give.
        #expect(
            yes.say(.indirectAck(requestID: one.message.requestID, target: "b", reached: true), from: "d", link: 3).refusals == [.unasked])
    }

    @Test("a helper pings and says what came of it; at once when it has no link itself")
    func helping() throws {
        var bench = Bench.meshed()
        let ping = try #require(bench.say(.pingRequest(target: "c"), link: 1).sent.first)
        #expect(ping.link == 2)
        let answers = bench.say(.ack(requestID: ping.message.requestID, receivedMono: 1, facts: .well), from: "c", link: 2).sent
        #expect(answers.map(\.link) == [1])
        #expect(answers.first?.message.body == .indirectAck(requestID: 77, target: "c", reached: true))
        bench.say(.pingRequest(target: "c"), link: 1)
        #expect(bench.pass(200).sent.contains { $0.link == 1 && $0.message.body == .indirectAck(requestID: 77, target: "c", reached: false) })
        bench.say(.pingRequest(target: "c"), link: 1)
        let ended = bench.feed(.linkClosed(link: 2, .reset))
        #expect(ended.contains(.linkLost(peer: "c")))
        let closed = ended.sent
        #expect(closed.contains { $0.link == 1 && $0.message.body == .indirectAck(requestID: 77, target: "c", reached: false) })
        let none = bench.say(.pingRequest(target: "nobody"), link: 1).sent
        #expect(none.map(\.message.body) == [.indirectAck(requestID: 77, target: "nobody", reached: false)])
    }

    @Test("confirmations shorten a suspicion; those of an earlier incarnation don't")
    func confirmations() {
        let timing = MembershipTiming.standard
        func length(_ members: Int, confirmers: [String], refused: Bool = false) -> Int64 {
            var suspicion = Suspicion(start: .ms(0), incarnation: 4, dialRefused: refused)
            for name in confirmers { suspicion.confirm(by: name) }
            return (suspicion.deadline(members: members, timing: timing) - .ms(0)).milliseconds
        }
        #expect(length(5, confirmers: []) == 1500)
        #expect(length(5, confirmers: ["c"]) == 870)
        #expect(length(5, confirmers: ["c", "c"]) == 870)
        #expect(length(5, confirmers: ["c", "d"]) == 500)
        #expect(length(5, confirmers: ["c"], refused: true) == 500)
        #expect(length(3, confirmers: ["c"]) == 500)
        #expect(length(2, confirmers: []) == 1500)
        #expect(length(2, confirmers: [], refused: true) == 500)

        for (incarnation, expected) in [(UInt64(5), PeerState.failed), (4, .suspect)] {
            var bench = Bench.meshed()
            bench.feed(.linkClosed(link: 1, .reset))
            var facts = NodeFacts.well
            facts.suspects = [.init(node: "b", incarnation: incarnation)]
            // All that c and d ever say: c has no link to b either, and neither has d.
            for (peer, link) in [("c", 2), ("d", 3)] {
                for request in bench.machine.peers[0].round?.waiting ?? [] where request.helper == peer {
                    bench.say(.indirectAck(requestID: request.request, target: "b", reached: false), from: peer, link: link)
                }
            }
            #expect(bench.view("b")?.state == .suspect)
            for (peer, link) in [("c", 2), ("d", 3)] { bench.say(.ping(facts), from: peer, link: link) }
            bench.pass(520)
            #expect(bench.view("b")?.state == expected)
            #expect(bench.view("b")?.suspectedBy == (incarnation == 5 ? ["c", "d"] : []))
        }
    }

    @Test("hearing itself suspected, a node raises its incarnation above it and tells all")
    func refute() {
        var bench = Bench.meshed()
        bench.pass(100)
        var facts = NodeFacts.well
        facts.suspects = [.init(node: "a", incarnation: 9)]
        #expect(bench.say(.ping(facts), link: 1).sent.count == 1)
        #expect(bench.machine.incarnation == 10, "that was an earlier incarnation")
        facts.suspects = [.init(node: "a", incarnation: 12)]
        let sent = bench.say(.ping(facts), link: 1).sent
        #expect(bench.machine.incarnation == 13)
        #expect(Set(sent.map(\.link)) == [1, 2, 3])
        #expect(sent.allSatisfy { $0.message.incarnation == 13 })
        #expect(bench.machine.localHealth == 1)
    }

    @Test("a peer without Postgres, or with a late event loop, is degraded, not dead")
    func degraded() {
        var bench = Bench.meshed()
        var facts = NodeFacts.well
        facts.postgres.reachable = false
        bench.say(.ping(facts), link: 1)
        #expect(bench.view("b")?.state == .degraded)
        #expect(bench.machine.view.alive == 4)
        facts.postgres.reachable = true
        facts.loopLagMilliseconds = 251
        bench.say(.ping(facts), link: 1)
        #expect(bench.view("b")?.state == .degraded)
        facts.loopLagMilliseconds = 250
        bench.say(.ping(facts), link: 1)
        #expect(bench.view("b")?.state == .alive)
    }

    @Test("a peer that was degraded when it was last heard, and is only reached by way of others since, is alive")
    func degradedLongAgo() {
        var bench = Bench.meshed()
        var facts = NodeFacts.well
        facts.loopLagMilliseconds = 300
        bench.say(.ping(facts), link: 1)
        #expect(bench.view("b")?.state == .degraded)
        // Three seconds in which c and d answer everything, and reach b, which doesn't answer here.
        for _ in 0..<300 {
            for (link, message) in bench.pass(10).sent where link != 1 {
                let speaker = link == 2 ? "c" : "d"
                switch message.body {
                case .ping: bench.say(.ack(requestID: message.requestID, receivedMono: 1, facts: .well), from: speaker, link: link)
                case .pingRequest(let target):
                    bench.say(.indirectAck(requestID: message.requestID, target: target, reached: true), from: speaker, link: link)
                default: break
                }
            }
        }
        #expect(bench.view("b")?.path == .viaOthers)
        #expect(bench.view("b")?.state == .alive)
    }

    @Test("our own name from outside, and two processes of one name, raise the alarm")
    func clones() {
        var bench = Bench.meshed()
        let own = bench.say(.ping(.well), from: "a", to: "b", link: 1)
        #expect(own.alarms == [.identityClone(node: "a")])
        #expect(own.hungUp == [1])
        #expect(bench.machine.view.ownNameHeard == 1)
        #expect(bench.feed(.linkOpened(peer: "a", link: 70, dialled: false)).alarms == [.identityClone(node: "a")])

        bench = .meshed()
        var alarms: [MembershipAlarm] = []
        for round in 1...6 {
            alarms += bench.say(.ping(.well), from: "c", boot: round % 2 == 0 ? "boot-c" : "another", link: 2).alarms
        }
        #expect(alarms == [.identityClone(node: "c")])
        #expect(bench.view("c")?.cloneMessages == 3)
        #expect(bench.view("c")?.bootID == "another")
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

    @Test("a late wake-up voids what was pending and worsens the node's view of itself only")
    func absence() {
        var bench = Bench.meshed()
        bench.pass(490)
        bench.now += 10_000
        let effects = bench.feed(.timer)
        #expect(bench.machine.localHealth == MembershipLimits.localHealth)
        #expect(!effects.contains { if case .changed = $0 { true } else { false } })
        #expect(bench.machine.view.peers.allSatisfy { $0.state == .alive })
        #expect(bench.machine.timeout(of: 0) == .milliseconds(200 * 9))
    }

    @Test("a majority out of sight is isolation; one node alone is a majority of one")
    func isolation() {
        var alone = Bench(peers: [])
        #expect(!alone.machine.view.isolated)
        alone.pass(1000)
        var bench = Bench()
        #expect(bench.machine.view.isolated)
        #expect(!bench.pass(4900).contains(.isolated(true)), "it has only begun to look")
        #expect(bench.pass(1000).contains(.isolated(true)))
        bench.feed(.linkOpened(peer: "b", link: 1, dialled: true))
        #expect(!bench.say(.ping(.well), link: 1).contains(.isolated(false)), "two of four are no majority")
        bench.feed(.linkOpened(peer: "c", link: 2, dialled: true))
        #expect(bench.say(.ping(.well), from: "c", link: 2).contains(.isolated(false)))
    }

    @Test("a node that was never heard is not suspected before the start is over")
    func start() {
        var bench = Bench(peers: ["b"])
        bench.pass(4900)
        #expect(bench.view("b")?.state == .unknown)
        bench.pass(4000)
        #expect(bench.view("b")?.state == .failed)
    }
}
