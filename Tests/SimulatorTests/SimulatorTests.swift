import Glibc
import Simulator
import Testing

@Suite("Simulator") struct SimulatorTests {
    /// MUSTER_SIMULATION_SEEDS asks for more.
    private static var seeds: ClosedRange<UInt64> {
        let asked = getenv("MUSTER_SIMULATION_SEEDS").flatMap { UInt64(String(cString: $0)) }
        return 1...max(1, asked ?? 40)
    }

    /// Too rare to be met in every small run.
    private static let veryRare: Set<Sometimes> = [
        .lostSilent, .lateAbsoluteWrite, .decisionFenced, .lostMinority, .gateDead, .keepaliveEviction, .ghostGranted, .olderTokenWindow,
        .lostStalled,
    ]

    @Test("whatever breaks, the invariants hold, and once all is well somebody leads, decides and acts")
    func randomFaults() {
        var tally = Tally()
        for seed in Self.seeds {
            let outcome = Simulator.run(Scenario(seed: seed))
            #expect(outcome.violations == [], "repeat it with: \(outcome.scenario.command)")
            tally.add(outcome)
        }
        #expect(tally.faults > tally.seeds * 10)
        // The rare states were reached: otherwise the above says little.
        for state in Sometimes.allCases where !Self.veryRare.contains(state) {
            #expect(tally.count(state) > 0, "\(state.name) was never reached: \(tally.json)")
        }
    }

    @Test("in strict mode two primaries never make two leaders act, while without it the window is seen")
    func strictMode() {
        var tally = Tally()
        for seed in UInt64(1000)...1009 {
            let strict = Simulator.run(Scenario(seed: seed, nodes: 3, strict: true, only: [.splitBrain, .terminate]))
            #expect(strict.violations == [], "repeat it with: \(strict.scenario.command)")
            tally.add(strict)
        }
        #expect(tally.count(.failoverOldAlive) > 0 && tally.count(.promiseDelayed) > 0 && tally.effects > 0)
        #expect(tally.count(.olderTokenWindow) == 0)
        // One seed in sixteen shows it.
        let isSeen = (UInt64(1000)...1099).contains { seed in
            Simulator.run(Scenario(seed: seed, nodes: 3, strict: false, only: [.splitBrain, .terminate])).count(.olderTokenWindow) > 0
        }
        #expect(isSeen)
    }

    @Test("a database that hangs for longer than a leader waits is given up, and nothing breaks")
    func longHangs() {
        var tally = Tally()
        for seed in UInt64(1)...4 {
            var scenario = Scenario(seed: seed, nodes: 3, strict: false, only: [.hang])
            scenario.faultyTime = 150_000_000
            let outcome = Simulator.run(scenario)
            #expect(outcome.violations == [], "seed \(seed)")
            tally.add(outcome)
        }
        #expect(tally.count(.lostSilent) > 0)
    }

    @Test("a leader whose work stands still hands over within its patience, however regularly it beats, and nobody else is blamed for that")
    func stalledWork() {
        var tally = Tally()
        for seed in UInt64(1)...4 {
            let outcome = Simulator.run(Scenario(seed: seed, only: seed <= 2 ? [.stallWork, .hang, .pause] : [], lasting: true))
            #expect(outcome.violations == [], "repeat it with: \(outcome.scenario.command)")
            tally.add(outcome)
        }
        #expect(tally.count(.lostStalled) > 0 && tally.count(.suspended) > 0 && tally.count(.resumed) > 0, "\(tally.json)")
    }

    @Test("a named successor leads next, whoever has waited for longer and however long the others take to leave the queue")
    func namedSuccessor() {
        var tally = Tally()
        for seed in UInt64(1)...20 {
            let outcome = Simulator.run(Scenario(seed: seed, nodes: 5, only: [.handOver]))
            #expect(outcome.violations == [], "repeat it with: \(outcome.scenario.command)")
            tally.add(outcome)
        }
        // The rest: a message that came a second late, or a successor that had just been asked to stay away itself.
        let (successor, other) = (tally.count(.successorLed), tally.count(.otherLed))
        #expect(successor > 500 && other * 20 < successor, "\(tally.json)")
    }

    @Test("the same seed gives the same run, and another one another")
    func repeatable() {
        func run(_ seed: UInt64) -> [String] {
            var trace: [String] = []
            _ = Simulator.run(Scenario(seed: seed)) { trace.append($0) }
            return trace
        }
        let first = run(99)
        #expect(first.count > 100)
        #expect(first == run(99))
        #expect(first != run(98))
    }

    @Test("without faults the first leader stays", arguments: 1...9)
    func quiet(nodes: Int) {
        for strict in nodes >= 3 ? [false, true] : [false] {
            var scenario = Scenario(seed: UInt64(nodes), nodes: nodes, strict: strict)
            scenario.calm = true
            scenario.faultyTime = 10_000_000
            let outcome = Simulator.run(scenario)
            #expect(outcome.violations == [], "repeat it with: \(scenario.command)")
            #expect(outcome.leaders == 1 && outcome.faults == 0, "repeat it with: \(scenario.command)")
            #expect(outcome.effects > 20)
        }
    }

    @Test("the command that repeats a run says all that was asked for")
    func command() {
        #expect(Scenario(seed: 7).command == "muster-sim --seed 7 --trace")
        let scenario = Scenario(seed: 8, nodes: 3, strict: true, planted: .leaseIgnored, only: [.pause, .cutLine], lasting: true)
        #expect(scenario.command == "muster-sim --seed 8 --nodes 3 --strict on --plant leaseIgnored --only cutLine,pause --lasting on --trace")
    }
}

@Suite("Planted bugs") struct PlantedBugTests {
    struct Hunt: Sendable, CustomTestStringConvertible {
        var bug: PlantedBug
        /// How many seeds it may take: ten times what it takes on average, and more.
        var seeds: UInt64
        /// The faults that bring it to light soonest; with all of them it takes longer.
        var faults: Set<Fault>
        var testDescription: String { self.bug.rawValue }
    }

    static let hunts = [
        Hunt(bug: .ignoresStopLeading, seeds: 50, faults: [.terminate, .cutLine]),
        Hunt(bug: .fenceNotHonoured, seeds: 50, faults: [.terminate, .cutLine]),
        Hunt(bug: .leaseFromAnswer, seeds: 50, faults: [.hang, .cutLine]),
        Hunt(bug: .leaseIgnored, seeds: 50, faults: [.pause, .cutLine]),
        Hunt(bug: .gateIgnored, seeds: 250, faults: [.terminate, .cutLine, .pause]),
        Hunt(bug: .epochNotRaisedAboveKnown, seeds: 50, faults: [.failOver, .crash]),
        Hunt(bug: .settledAtOnce, seeds: 150, faults: [.terminate, .cutLine]),
        Hunt(bug: .unfencedWrites, seeds: 50, faults: [.terminate, .resign]),
        Hunt(bug: .asynchronousCommit, seeds: 50, faults: [.restartDatabase]),
        Hunt(bug: .noPrecondition, seeds: 50, faults: [.terminate, .resign]),
        Hunt(bug: .actsBeforeCommit, seeds: 10, faults: [.terminate]),
        Hunt(bug: .promisesAtOnce, seeds: 300, faults: [.splitBrain]),
        Hunt(bug: .vouchesForAnybody, seeds: 100, faults: [.splitBrain]),
        Hunt(bug: .promisesForgotten, seeds: 100, faults: [.splitBrain]),
        Hunt(bug: .silentHolderKept, seeds: 50, faults: [.cutLine, .crash]),
        Hunt(bug: .beatsForWork, seeds: 20, faults: [.stallWork]),
        Hunt(bug: .workUntold, seeds: 20, faults: [.holdOff]),
    ]

    @Test("there is a hunt for each")
    func complete() { #expect(Set(Self.hunts.map(\.bug)) == Set(PlantedBug.allCases)) }

    @Test("each is found within a bounded number of seeds, and is what breaks the run", arguments: hunts)
    func found(hunt: Hunt) throws {
        let failed = (1...hunt.seeds).lazy.map { Simulator.run(Scenario(seed: $0, nodes: 3, planted: hunt.bug, only: hunt.faults)) }
            .first { !$0.violations.isEmpty }
        let outcome = try #require(failed, "not found in \(hunt.seeds) seeds")
        let sound = Simulator.run(Scenario(seed: outcome.scenario.seed, nodes: 3, strict: outcome.strict, only: hunt.faults, lasting: outcome.lasting))
        #expect(sound.violations == [], "repeat it with: \(sound.scenario.command)")
    }
}
