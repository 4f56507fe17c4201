/// What came out of one run.
public struct Outcome: Sendable {
    /// What was asked for: with it the run is repeated.
    public var scenario: Scenario
    /// How many there were.
    public var nodes: Int
    /// They ran in the strict mode.
    public var strict: Bool
    /// Its terms lasted for minutes.
    public var lasting: Bool
    /// The first broken invariant, in words; empty when all held.
    public var violations: [String]
    /// Faults injected.
    public var faults: Int
    /// Events handled; after each the invariants were checked.
    public var steps: Int
    /// Terms begun.
    public var leaders: Int
    /// Acts on targets.
    public var effects: Int
    /// Until a leader had decided and acted after everything had healed, in simulated microseconds.
    public var recovery: Int64?
    fileprivate var counters: [Int]

    /// How often that happened.
    public func count(_ what: Sometimes) -> Int { self.counters[what.rawValue] }
}

/// Runs scenarios.
public enum Simulator {
    /// After everything has healed a leader must have decided and acted within this: timers may be stretched eight times,
    /// sessions that TCP has not given up yet included.
    public static let recoveryBound: Int64 = 60_000_000
    /// Then nothing may change any more for this long.
    static let quietTime: Int64 = 3_000_000
    static let recoveryStep: Int64 = 50_000

    /// One run: faults, then healing.
    public static func run(_ scenario: Scenario, trace: ((String) -> Void)? = nil) -> Outcome {
        var simulation = Simulation(scenario, trace: trace)
        simulation.run(until: simulation.faultyTime)
        var recovery: Int64?
        if simulation.ledger.violations.isEmpty { recovery = Self.recover(&simulation) }
        if simulation.ledger.violations.isEmpty { simulation.checkAcknowledged() }
        let record = simulation.ledger
        return Outcome(
            scenario: scenario, nodes: simulation.nodes.count, strict: simulation.strict, lasting: simulation.lasting,
            violations: record.violations, faults: simulation.faults, steps: simulation.steps, leaders: record.leaders, effects: record.effects,
            recovery: recovery, counters: record.sometimes)
    }

    private static func recover(_ simulation: inout Simulation) -> Int64? {
        simulation.heal()
        let healed = simulation.now
        while simulation.now < healed + Self.recoveryBound, simulation.ledger.violations.isEmpty {
            simulation.run(until: simulation.now + Self.recoveryStep)
            guard simulation.ledger.newestEffectAt > healed, simulation.ledger.newestAcknowledgedAt > healed else { continue }
            let recovery = simulation.now - healed
            simulation.run(until: simulation.now + Self.quietTime)
            return recovery
        }
        simulation.violated("nobody led, decided and acted within \(Self.recoveryBound / 1_000_000) s of healing")
        return nil
    }
}

/// Many runs in sum; see ``Outcome`` for what is summed up.
public struct Tally: Sendable {
    /// How many runs.
    public private(set) var seeds = 0
    /// Of all runs.
    public private(set) var faults = 0
    /// Of all runs.
    public private(set) var steps = 0
    /// Of all runs.
    public private(set) var leaders = 0
    /// Of all runs.
    public private(set) var effects = 0
    /// How many of the runs were in the strict mode.
    public private(set) var strictSeeds = 0
    /// The runs that broke an invariant.
    public private(set) var failed: [Outcome] = []
    /// The longest that a leader took to decide and act after everything had healed, in simulated microseconds.
    public private(set) var slowestRecovery: Int64 = 0
    private var counters = [Int](repeating: 0, count: Sometimes.allCases.count)

    public init() {}

    /// Sums up one run more.
    public mutating func add(_ outcome: Outcome) {
        self.seeds += 1
        self.faults += outcome.faults
        self.steps += outcome.steps
        self.leaders += outcome.leaders
        self.effects += outcome.effects
        if outcome.strict { self.strictSeeds += 1 }
        if !outcome.violations.isEmpty { self.failed.append(outcome) }
        self.slowestRecovery = max(self.slowestRecovery, outcome.recovery ?? 0)
        for index in self.counters.indices { self.counters[index] += outcome.counters[index] }
    }

    /// How often that happened in all runs.
    public func count(_ what: Sometimes) -> Int { self.counters[what.rawValue] }

    /// One line.
    public var json: String {
        let sometimes = Sometimes.allCases.map { "\"\($0.name)\":\(self.count($0))" }.joined(separator: ",")
        let numbers = [
            ("seeds", self.seeds), ("strictSeeds", self.strictSeeds), ("faults", self.faults), ("steps", self.steps), ("leaders", self.leaders),
            ("effects", self.effects), ("violations", self.failed.count), ("slowestRecoveryMs", Int(self.slowestRecovery / 1000)),
        ]
        return "{" + numbers.map { "\"\($0)\":\($1)" }.joined(separator: ",") + ",\"sometimes\":{\(sometimes)}}"
    }
}
