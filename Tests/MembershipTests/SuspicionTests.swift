import Model
import Testing

@testable import Membership

@Suite("Suspicion and health") struct SuspicionTests {
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
