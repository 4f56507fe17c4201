import Glibc
import Model
import Testing

@testable import Membership

/// The targets of peer health, in virtual time. Each seed is printed when it fails.
@Suite struct SimulationTests {
    private static let settle: Int64 = 5_000_000

    private static func environment(_ name: String) -> Double? { getenv(name).flatMap { Double(String(cString: $0)) } }

    /// How long it took until all others held one node for failed, over many seeds, sorted; MUSTER_SIMULATION_TRIALS asks for more than twenty.
    private func detection(of fault: String, nodes count: Int, _ strike: (inout Network, Int) -> Void) -> [Int64] {
        let asked = Self.environment("MUSTER_SIMULATION_TRIALS")
        var times: [Int64] = []
        for seed in UInt64(1)...UInt64(asked ?? 20) {
            var network = Network(nodes: count, seed: seed)
            network.run(microseconds: Self.settle + network.random(0...1_000_000))
            #expect(network.allWell, "seed \(seed)")
            let victim = Int(network.random(0...Int64(count - 1)))
            let start = network.now
            strike(&network, victim)
            network.run(until: start + 20_000_000) { $0.allSee(victim, as: .failed) }
            #expect(network.allSee(victim, as: .failed), "seed \(seed)")
            times.append(network.now - start)
        }
        times.sort()
        if asked != nil {
            // The figures that many trials are made for.
            let figures = "p50 \(times[times.count / 2]), p99 \(self.p99(times)), max \(times[times.count - 1])"
            Swift.print("\(fault), \(count) nodes, \(times.count) trials, µs: \(figures)")
        }
        return times
    }

    private func p99(_ sorted: [Int64]) -> Int64 { sorted[min(sorted.count - 1, sorted.count * 99 / 100)] }

    @Test("a crashed process has failed for all others within 700 ms", arguments: [2, 3, 5, 9])
    func crash(nodes: Int) {
        let times = self.detection(of: "crash", nodes: nodes) { $0.crash($1) }
        #expect(self.p99(times) <= 700_000, "µs: \(times)")
        #expect(times[0] >= 500_000, "no suspicion is shorter: \(times)")
    }

    @Test("a silent node has failed for all others within 2.5 s", arguments: [2, 3, 5, 9])
    func silence(nodes: Int) {
        let times = self.detection(of: "silence", nodes: nodes) { $0.isolate($1) }
        #expect(self.p99(times) <= 2_500_000, "µs: \(times)")
    }

    @Test("a stopped process has failed for all others within 2.5 s", arguments: [2, 5])
    func stopped(nodes: Int) {
        let times = self.detection(of: "stop", nodes: nodes) { $0.stop($1, milliseconds: 30_000) }
        #expect(self.p99(times) <= 2_500_000, "µs: \(times)")
    }

    /// Hours of bad network for each number of nodes; MUSTER_SIMULATION_HOURS asks for more than one minute.
    private static var hours: Double { Self.environment("MUSTER_SIMULATION_HOURS") ?? 1.0 / 60 }

    @Test("5 % loss, 50 ms of jitter and pauses of up to 400 ms make nobody fail", arguments: [2, 3, 5, 9])
    func badNetwork(nodes: Int) {
        var remaining = Int64(Self.hours * 3_600_000_000)
        var seed = UInt64(nodes)
        var (failed, suspected, messages) = (0, 0, 0)
        while remaining > 0 {
            var network = Network(nodes: nodes, seed: seed, faults: .init(delay: 200...50_200, lossPercent: 5, lateness: 0...20_000))
            network.run(microseconds: Self.settle * 2)
            let end = network.now + min(remaining, 600_000_000)
            while network.now < end {
                network.run(microseconds: network.random(0...10_000_000))
                network.stop(Int(network.random(0...Int64(nodes - 1))), milliseconds: network.random(1...400))
            }
            let failures = network.changes.filter { $0.to == .failed }
            #expect(failures.isEmpty, "seed \(seed): \(failures.map { "\($0.at / 1000) ms: \($0.observer) saw \($0.peer) fail: \($0.why)" })")
            failed += failures.count
            suspected += network.changes.count { $0.to == .suspect }
            messages += network.messages
            remaining -= 600_000_000
            seed += 100
        }
        if getenv("MUSTER_SIMULATION_HOURS") != nil {
            // The figure that a long run is made for.
            Swift.print("\(nodes) nodes, \(Self.hours) h: \(failed) false failures, \(suspected) suspicions, \(messages) messages")
        }
        // Two nodes alone say four messages a second and more.
        #expect(messages > 240)
    }

    @Test("a node that was stopped for 10 s blames itself, and fails nobody when it wakes", arguments: [2, 3, 5])
    func longPause(nodes: Int) {
        for seed in UInt64(1)...30 {
            var network = Network(nodes: nodes, seed: seed)
            network.run(microseconds: Self.settle)
            network.stop(0, milliseconds: 10_000)
            network.run(milliseconds: 9_900)
            #expect(network.allSee(0, as: .failed), "seed \(seed)")
            network.run(milliseconds: 101)
            #expect(network.nodes[0].machine.localHealth >= 4, "seed \(seed)")
            network.run(milliseconds: 8_000)
            let blamed = network.changes.filter { $0.observer == 0 && $0.to == .failed }
            #expect(blamed.isEmpty, "seed \(seed): \(blamed)")
            #expect(network.allWell, "seed \(seed)")
            #expect(network.nodes[0].machine.view.absences >= 1)
            #expect(network.nodes[0].machine.localHealth == 0, "it recovers")
        }
    }

    @Test("two nodes cut from each other stay alive through others, and it shows", arguments: [3, 5])
    func asymmetric(nodes: Int) {
        for seed in UInt64(1)...20 {
            for oneWay in [true, false] {
                var network = Network(nodes: nodes, seed: seed)
                network.run(microseconds: Self.settle)
                if oneWay { network.cut(from: 0, to: 1) } else { network.cutBothWays(0, 1) }
                network.run(milliseconds: 60_000)
                let failures = network.changes.filter { $0.to == .failed }
                #expect(failures.isEmpty, "seed \(seed): \(failures)")
                #expect(network.view(of: 1, at: 0)?.path == .viaOthers, "seed \(seed), one way \(oneWay)")
                #expect(network.view(of: 0, at: 1)?.path == .viaOthers, "seed \(seed), one way \(oneWay)")
                #expect(network.view(of: 2, at: 0)?.path == .direct)
                network.heal()
                network.run(milliseconds: 10_000)
                #expect(network.allWell, "seed \(seed)")
                #expect(network.view(of: 1, at: 0)?.path == .direct, "seed \(seed)")
            }
        }
    }

    /// When `observer` no longer holds its way to `peer` for good, in microseconds from now; nil: not within three seconds.
    private func found(_ peer: Int, by observer: Int, in network: inout Network) -> Int64? {
        let start = network.now
        while network.now < start + 3_000_000 {
            network.run(milliseconds: 5)
            if network.view(of: peer, at: observer)?.path != .direct { return network.now - start }
        }
        return nil
    }

    @Test("a cut of one direction is found by who hears no more within 0.75 s, and by who hears but is not heard within 1.25 s", arguments: [3, 5])
    func oneWayCut(nodes: Int) throws {
        var (deaf, unheard): ([Int64], [Int64]) = ([], [])
        for seed in UInt64(1)...20 {
            var network = Network(nodes: nodes, seed: seed)
            network.run(microseconds: Self.settle + network.random(0...2_000_000))
            // Both ways round: the lower name dials, and takes its turn sooner.
            let (mute, ear) = seed % 2 == 0 ? (0, 1) : (1, 0)
            network.cut(from: mute, to: ear)
            var copy = network
            deaf.append(try #require(self.found(mute, by: ear, in: &copy), "seed \(seed)"))
            copy = network
            unheard.append(try #require(self.found(ear, by: mute, in: &copy), "seed \(seed)"))
            network.run(milliseconds: 4_000)
            #expect(!network.changes.contains { $0.to == .failed }, "seed \(seed)")
        }
        #expect(deaf.allSatisfy { $0 <= 750_000 }, "µs: \(deaf.sorted())")
        #expect(unheard.allSatisfy { $0 <= 1_250_000 }, "µs: \(unheard.sorted())")
    }

    @Test("in a healthy cluster a pair asks about twice a second in all, each side in its turn", arguments: [2, 5])
    func turns(nodes: Int) {
        // One way, from next door to another continent.
        let ways: [(seed: UInt64, delay: ClosedRange<Int64>)] = [(1, 30...150), (2, 100...1000), (3, 10_000...11_000), (4, 48_000...50_000)]
        for (seed, delay) in ways {
            var network = Network(nodes: nodes, seed: seed, faults: .init(delay: delay))
            network.run(microseconds: Self.settle * 2)
            let (messages, probes) = (network.messages, network.nodes.map { $0.machine.view.peers.map(\.probesSent) })
            network.run(milliseconds: 30_000)
            // A ping and an ack each time; without turns there are eight messages.
            let rate = Double(network.messages - messages) / Double(30 * nodes * (nodes - 1) / 2)
            #expect(rate >= 4 && rate <= 5, "seed \(seed): \(rate) messages a second and pair")
            for (node, before) in zip(network.nodes, probes) {
                let asked = zip(node.machine.view.peers, before).map { $0.probesSent - $1 }
                #expect(asked.allSatisfy { (30...40).contains($0) }, "seed \(seed): \(node.name) asked \(asked) times")
            }
        }
    }

    @Test("with two nodes, the one that still hears the other does not fail it")
    func oneWayOfTwo() {
        for seed in UInt64(1)...20 {
            var network = Network(nodes: 2, seed: seed)
            network.run(microseconds: Self.settle)
            network.cut(from: 0, to: 1)
            network.run(milliseconds: 10_000)
            // Node 1 hears nothing: node 0 is as good as dead for it. Node 0 hears node 1 until that one hangs up.
            #expect(network.state(of: 0, at: 1) == .failed, "seed \(seed)")
            network.heal()
            network.run(milliseconds: 10_000)
            #expect(network.allWell, "seed \(seed)")
        }
    }

    @Test("after a partition heals, all see all alive again, over one link a pair", arguments: [2, 5, 9])
    func healing(nodes: Int) {
        for seed in UInt64(1)...10 {
            var network = Network(nodes: nodes, seed: seed, faults: .init(delay: 100...20_000, lossPercent: 2))
            network.run(microseconds: Self.settle)
            for one in 0..<nodes / 2 { for other in nodes / 2..<nodes { network.cutBothWays(one, other) } }
            network.run(milliseconds: 20_000)
            #expect(network.nodes[0].machine.view.isolated, "seed \(seed)")
            network.heal()
            network.run(milliseconds: 15_000)
            #expect(network.nodes.indices.allSatisfy { network.nodes[$0].machine.view.alive == nodes }, "seed \(seed)")
            // Lost segments bring fresh links about; without them each pair comes down to one.
            network.faults = .init()
            network.run(milliseconds: 8_000)
            #expect(network.links.count == nodes * (nodes - 1) / 2, "seed \(seed): \(network.links.count) links")
        }
    }

    @Test("a process that comes back at once is another process, and alive")
    func restart() {
        for seed in UInt64(1)...20 {
            var network = Network(nodes: 3, seed: seed)
            network.run(microseconds: Self.settle)
            network.crash(1)
            network.run(milliseconds: network.random(1...3000))
            network.restart(1)
            network.run(milliseconds: 6_000)
            #expect(network.allWell, "seed \(seed)")
            #expect(network.view(of: 1, at: 0)?.bootID == "node-1 run 1", "seed \(seed)")
            #expect(network.alarms.isEmpty, "seed \(seed): a restart is no clone")
        }
    }

    @Test("a node that leaves in order has left, for all and at once, and may come back")
    func leaving() {
        for seed in UInt64(1)...20 {
            var network = Network(nodes: 4, seed: seed)
            network.run(microseconds: Self.settle)
            network.feed(2, .leave)
            network.run(milliseconds: 50)
            #expect(network.allSee(2, as: .left), "seed \(seed)")
            network.crash(2)
            network.run(milliseconds: 10_000)
            #expect(network.allSee(2, as: .left), "seed \(seed)")
            #expect(!network.changes.contains { $0.to == .failed || $0.to == .suspect }, "seed \(seed)")
            network.restart(2)
            network.run(milliseconds: 8_000)
            #expect(network.allWell, "seed \(seed)")
        }
    }

    @Test("a suspected node that lives refutes with a higher incarnation, and all hear of it")
    func refutation() {
        var refuted = 0
        for seed in UInt64(1)...20 {
            var network = Network(nodes: 3, seed: seed)
            network.run(microseconds: Self.settle)
            let before = network.nodes[1].machine.incarnation
            // Long enough to be suspected, too short to fail.
            network.stop(1, milliseconds: 750)
            network.run(milliseconds: 4_000)
            #expect(!network.changes.contains { $0.to == .failed }, "seed \(seed)")
            #expect(network.allWell, "seed \(seed)")
            guard network.changes.contains(where: { $0.peer == "node-1" && $0.to == .suspect }) else { continue }
            guard network.nodes[1].machine.incarnation > before else { continue }
            refuted += 1
            #expect(network.view(of: 1, at: 0)?.incarnation == network.nodes[1].machine.incarnation, "seed \(seed)")
            #expect(network.view(of: 1, at: 2)?.incarnation == network.nodes[1].machine.incarnation, "seed \(seed)")
        }
        #expect(refuted > 10, "\(refuted) of 20")
    }

    @Test("replayed frames change nothing but the count of refusals")
    func replay() {
        var network = Network(nodes: 3, seed: 5)
        network.recordsFrames = true
        network.run(microseconds: Self.settle)
        let frames = network.frames
        network.recordsFrames = false
        #expect(frames.count > 50)
        let before = network.nodes.map { $0.machine.view }
        var machines = network.nodes.map(\.machine)
        for frame in frames {
            let now = machines[frame.to].now
            let effects = machines[frame.to].handle(.received(frame.message, link: frame.link), at: now, wall: frame.message.wall)
            for effect in effects {
                guard case .refused = effect else {
                    Issue.record("a replayed frame led to \(effect)")
                    continue
                }
            }
        }
        for index in machines.indices {
            var after = machines[index].view
            #expect(after.refusals.values.reduce(0, +) > before[index].refusals.values.reduce(0, +))
            after.refusals = before[index].refusals
            for peer in after.peers.indices { after.peers[peer].messagesRefused = before[index].peers[peer].messagesRefused }
            #expect(after == before[index])
        }
    }

    @Test("clock offsets are found within their error, and judged")
    func clocks() throws {
        var network = Network(nodes: 3, seed: 11, faults: .init(delay: 100...3000))
        network.nodes[1].clockOffset = 400_000
        network.nodes[2].clockOffset = -1_500_000
        network.run(microseconds: 10_000_000)
        let ahead = try #require(network.view(of: 1, at: 0)?.clock)
        #expect(abs(ahead.offset.microseconds - 400_000) <= ahead.error.microseconds + 1)
        #expect(ahead.verdict == .warning)
        let behind = try #require(network.view(of: 2, at: 0)?.clock)
        #expect(abs(behind.offset.microseconds + 1_500_000) <= behind.error.microseconds + 1)
        #expect(behind.verdict == .critical)
        #expect(network.view(of: 0, at: 0) == nil)
        #expect(try #require(network.view(of: 1, at: 2)?.clock).verdict == .critical)
    }

    @Test("the same seed gives the same run")
    func repeatable() {
        func run() -> (Int, [String]) {
            var network = Network(nodes: 4, seed: 99, faults: .init(delay: 100...30_000, lossPercent: 5))
            network.run(microseconds: Self.settle)
            network.isolate(1)
            network.run(microseconds: Self.settle)
            return (network.messages, network.changes.map { "\($0)" })
        }
        #expect(run() == run())
    }

    @Test("a wake-up is always ahead: no machine spins")
    func noSpinning() {
        for seed in UInt64(1)...5 {
            var network = Network(nodes: 5, seed: seed, faults: .init(delay: 100...20_000, lossPercent: 10, lateness: 0...0))
            network.run(microseconds: Self.settle)
            network.isolate(1)
            network.crash(2)
            let before = network.messages
            network.run(microseconds: 30_000_000)
            // Five nodes, eight pings and acks a second to each of four, and as much again for indirect probes.
            #expect(network.messages - before < 30 * 5 * 4 * 8 * 2, "seed \(seed)")
            #expect(network.nodes.indices.allSatisfy { network.nodes[$0].machine.view.localHealth <= MembershipLimits.localHealth })
        }
    }
}
