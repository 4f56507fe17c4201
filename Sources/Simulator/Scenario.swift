/// What is simulated: everything follows from the seed, except what is asked for.
public struct Scenario: Sendable, Hashable {
    /// The largest cluster that is simulated.
    public static let mostNodes = 9

    /// Whatever is left to chance follows from it.
    public var seed: UInt64
    /// Nil: the seed decides, 1 to 9.
    public var nodes: Int?
    /// Nil: the seed decides; never with fewer than three nodes.
    public var strict: Bool?
    /// A fault of the program itself, which the invariants must find.
    public var planted: PlantedBug?
    /// Only these faults; empty: all.
    public var only: Set<Fault> = []
    /// Whether terms last for minutes, in a run that is as much longer; nil: the seed decides.
    public var lasting: Bool?
    /// How long faults are injected, in simulated microseconds.
    public var faultyTime: Int64 = 40_000_000
    /// No faults at all: nothing may change its leader then.
    public var calm = false

    public init(
        seed: UInt64, nodes: Int? = nil, strict: Bool? = nil, planted: PlantedBug? = nil, only: Set<Fault> = [], lasting: Bool? = nil
    ) {
        self.seed = seed
        self.only = only
        self.lasting = lasting
        self.nodes = nodes
        self.strict = strict
        self.planted = planted
    }

    /// The command that repeats the run and prints every step.
    public var command: String {
        var words = ["muster-sim", "--seed", "\(self.seed)"]
        if let nodes { words += ["--nodes", "\(nodes)"] }
        if let strict { words += ["--strict", strict ? "on" : "off"] }
        if let planted { words += ["--plant", planted.rawValue] }
        if !self.only.isEmpty { words += ["--only", self.only.map(\.rawValue).sorted().joined(separator: ",")] }
        if let lasting { words += ["--lasting", lasting ? "on" : "off"] }
        if self.calm { words.append("--calm") }
        return (words + ["--trace"]).joined(separator: " ")
    }
}

/// What can go wrong around the nodes.
public enum Fault: String, Sendable, Hashable, CaseIterable {
    case terminate, cutLine, pause, hang, restartDatabase, failOver, splitBrain, crash, resign, handOver, shutdown, cutPeers, swizzle
    case loseTargets, fillDisk, jumpClock, pooler, holdOff, strayAnswer, stallWork

    private var weight: Int {
        switch self {
        case .terminate, .cutLine, .pause, .crash, .cutPeers: 2
        default: 1
        }
    }

    static func menu(only: Set<Fault>) -> [Fault] {
        Self.allCases.filter { only.isEmpty || only.contains($0) }.flatMap { Array(repeating: $0, count: $0.weight) }
    }
}

/// Mistakes that a shell around the election could make. Each must be found by the invariants within some seeds; if one is
/// not, the simulator has become blind there.
public enum PlantedBug: String, Sendable, Hashable, CaseIterable {
    /// The work of a term goes on after its end.
    case ignoresStopLeading
    /// FENCE is answered, but the machine isn't told.
    case fenceNotHonoured
    /// The lease is counted from the answer of a beat instead of from its sending.
    case leaseFromAnswer
    /// A leader acts without looking at the deadline.
    case leaseIgnored
    /// A leader acts as soon as it is elected.
    case gateIgnored
    /// The timeline is not part of the token, and an epoch is only above the row's.
    case epochNotRaisedAboveKnown
    /// A leader's row is written as settled at once.
    case settledAtOnce
    /// A leader writes on another session than the one that holds the lock, without the fence.
    case unfencedWrites
    /// Commits are acknowledged before they are durable.
    case asynchronousCommit
    /// A target is written without the version that was read.
    case noPrecondition
    /// Targets are written before the intent is committed.
    case actsBeforeCommit
    /// Strict mode: promises are given while a lease that was vouched for may run.
    case promisesAtOnce
    /// Strict mode: a leader is vouched for whatever was promised.
    case vouchesForAnybody
    /// Strict mode: promises don't survive a restart.
    case promisesForgotten
    /// Nobody ends a silent holder: no idle timeout, no keepalives, no peers.
    case silentHolderKept
    /// A leader's work is said to get on whenever it beats.
    case beatsForWork
    /// Nobody says that a leader's work gets on.
    case workUntold

    /// Whether it can only show in strict mode.
    public var needsStrictMode: Bool {
        switch self {
        case .promisesAtOnce, .vouchesForAnybody, .promisesForgotten: true
        default: false
        }
    }

    /// Whether it can only show in terms that last.
    public var needsLastingTerms: Bool { self == .beatsForWork || self == .workUntold }
}
