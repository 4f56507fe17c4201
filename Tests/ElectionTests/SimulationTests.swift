import Glibc
import Model
import Testing

@testable import Election

@Suite struct SimulationTests {
    /// Each seed is a minute of faults and a minute of healing; it is printed when it fails. MUSTER_SIMULATION_SEEDS asks for more.
    private static var seeds: ClosedRange<UInt64> {
        let asked = getenv("MUSTER_SIMULATION_SEEDS").flatMap { UInt64(String(cString: $0)) }
        return 1...max(1, asked ?? 40)
    }
    private static let faultyTime: Int64 = 60_000_000
    /// Longest until somebody acts again once all is well: timers may be stretched eight times.
    private static let healingTime: Int64 = 60_000_000

    @Test("whatever breaks, never do two nodes act at once, no epoch comes twice, and afterwards somebody leads")
    func randomFaults() {
        var total: [String: Int] = [:]
        for seed in Self.seeds {
            var simulation = Simulation(seed: seed)
            simulation.run(microseconds: Self.faultyTime)
            simulation.heal()
            simulation.run(microseconds: Self.healingTime)
            #expect(simulation.violations == [], "seed \(seed)")
            #expect(simulation.terms == simulation.terms.sorted() && Set(simulation.terms).count == simulation.terms.count, "seed \(seed)")
            let acting = simulation.nodes.indices.filter { index in
                simulation.nodes[index].machine.lease?.gateOpen == true && !simulation.nodes[index].down
            }
            #expect(acting.count == 1, "seed \(seed): after healing \(acting) lead")
            #expect(simulation.acts > 0, "seed \(seed)")
            total.merge(simulation.counts) { $0 + $1 }
        }
        // The rare states were reached: otherwise the above says little.
        for state in [
            "elected", "first", "resigned", "silence", "waited", "suspend", "resume", "lost by resigning", "lost by session",
            "idle eviction", "server restart",
        ] {
            #expect(total[state, default: 0] > 0, "\(state) never happened: \(total)")
        }
    }

    @Test("the same seed gives the same run")
    func repeatable() {
        func run() -> ([Epoch], [String: Int], Int) {
            var simulation = Simulation(seed: 99)
            simulation.run(microseconds: 30_000_000)
            return (simulation.terms, simulation.counts, simulation.acts)
        }
        let (first, second) = (run(), run())
        #expect(first == second)
    }

    @Test("without faults the first leader stays")
    func quiet() {
        for seed in UInt64(1)...10 {
            var simulation = Simulation(seed: seed)
            simulation.faults = false
            simulation.run(microseconds: 60_000_000)
            #expect(simulation.violations == [], "seed \(seed)")
            #expect(simulation.terms.count == 1, "seed \(seed): \(simulation.terms)")
        }
    }
}
