import Model
import SeededRandom
import Testing

@testable import Membership

@Suite("Probes") struct ProbeTests {
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
}
