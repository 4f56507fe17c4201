import Election
import Model

/// One process of the program, and its machine's clock and disk.
struct SimulatedNode {
    /// The leader's work: decisions, and acts on targets.
    struct Work {
        var number: Int
        var token: FencingToken
        var epoch: Epoch
        var session: Int
        var lease: Duration
        /// When it got on last, with the time without a lease left out, and for how long it may stand still: what the checks go by.
        var gotOnAt: Instant
        let patience: Duration
        /// Since when the leader has been suspended.
        var haltedAt: Instant?
        var gateOpen = false
        var draining = false
        /// The shell has been told that the term is over.
        var lost = false
        /// When the newest beat that was answered had been sent, by this node's clock: what the checks go by.
        var answeredBeat: Instant?
        /// Version read, and whether the target was touched in this term.
        var versions: [Int64?]
        var touched: [Bool]
        /// Absolute targets are written only when an earlier leader's calls have timed out.
        var absoluteFrom: Instant?
        var deciding = false
    }

    var machine: ElectionMachine
    let timing: Timing
    /// The clock: offset in µs, rate in thousandths.
    let offset: Int64
    let rate: Int64

    var run = 0
    var down = false
    var refused = false
    var pausedUntil: Int64 = 0
    var wake = Int64.max
    /// The disk.
    var keptEpoch = Epoch(0)
    var keptPromise = FencingToken.zero
    /// Its line to the databases: until when nothing gets through, either way.
    var upCutUntil: Int64 = 0
    var downCutUntil: Int64 = 0
    var poolerUntil: Int64 = 0
    var targetsCutUntil: Int64 = 0
    /// Its work stands still while everything else of it goes on: since when, and until when.
    var stalledFrom: Int64 = 0
    var stalledUntil: Int64 = 0
    /// When the work of this process got on last, of whichever term: what the machine is told.
    var workedAt: Instant?
    /// Machine's session number → session.
    var sessions: [Int: Int] = [:]
    var server = 0
    var watchServer: Int?
    var watchRun = 0
    var beatSentAt: [Int: Instant] = [:]
    var work: Work?
    /// The highest promise that this process has given to anybody.
    var promisedAloud = FencingToken.zero
    /// The highest that any process of this node has given: in strict mode it binds all later ones.
    var everPromised = FencingToken.zero
    let name: String

    init(index: Int, machine: ElectionMachine, timing: Timing, offset: Int64, rate: Int64) {
        self.machine = machine
        self.timing = timing
        self.offset = offset
        self.rate = rate
        self.name = "n\(index)"
    }

    func clock(_ now: Int64) -> Instant { Instant(nanoseconds: (self.offset + now) * self.rate) }

    static func incarnation(_ index: Int, _ run: Int) -> String { "n\(index)/\(run)" }
}
