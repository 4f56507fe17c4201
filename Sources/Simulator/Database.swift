import Election
import Model

/// The model of one Postgres server, as far as the protocol leans on it.
///
/// A server that was promoted is another one; the old one may live on, with its own lock and its own row.
struct Database {
    /// What a leader's row says.
    struct Row {
        var epoch = Epoch(0)
        var timeline: Int32 = 0
        var node: Int?
        var run = 0
        var session: Int?
        var resigned = false
        var settled = true
        var lease = Duration.zero
    }
    struct Decision: Hashable {
        var idem: Int
        var epoch: Epoch
        var acknowledged = false
    }
    /// What a commit leaves behind: enough to go back to it.
    struct Durable {
        var row = Row()
        /// The highest epoch of the list of terms.
        var lastTerm = Epoch(0)
        var decisions = 0
    }
    /// A standby or a crash may lose so many commits at the most.
    static let keptCommits = 24

    var timeline: Int32
    var up = true
    /// Dead for good: failed over from, and stopped.
    var retired = false
    /// It went on living after another one was promoted.
    var outlived = false
    var frozenUntil: Int64 = 0
    var stalledUntil: Int64 = 0
    var fullUntil: Int64 = 0
    /// What its wall clock shows beyond simulated time; only jumps matter.
    var wallOffset: Int64 = 0

    var durable = Durable()
    private(set) var commits: [Durable] = []
    var decisions: [Decision] = []
    var beat: Int64 = 1
    var holder: Int?
    var queue: [Int] = []

    init(timeline: Int32) { self.timeline = timeline }

    mutating func committed() {
        self.durable.decisions = self.decisions.count
        self.commits.append(self.durable)
        if self.commits.count > Self.keptCommits * 2 { self.commits.removeFirst(Self.keptCommits) }
    }

    /// The state so many commits ago.
    func durable(before lost: Int) -> Durable {
        guard lost > 0 else { return self.durable }
        return self.commits.count > lost ? self.commits[self.commits.count - 1 - lost] : (self.commits.first ?? Durable())
    }

    mutating func goBack(to state: Durable) {
        self.durable = state
        self.decisions.removeLast(max(0, self.decisions.count - state.decisions))
        self.commits = [state]
    }
}

/// One lock session, from the server's side.
struct Session {
    enum Fate { case open, gone, ended }
    struct Wish {
        var known: Epoch
        var timing: Timing
        var since: Int64
        /// By the server's wall clock, which its timers compare with.
        var wallSince: Int64
        /// When the server looks after the waiter again, whose client may be gone or who may be in a deadlock.
        var wallCheck: Int64
    }

    var server: Int
    var node: Int
    var run: Int
    /// The machine's number of it.
    var number: Int
    var idle: Int64
    var fate = Fate.open
    var statements = 0
    /// A commit of it waits for the disk, and what came after it with it.
    var committing = false
    /// It was told to end while a commit waited: a backend hears that when the commit is done.
    var isDoomed = false
    var busyUntil: Int64 = 0
    var idleSince: Int64
    var idleCheckPending = false
    var wish: Wish?
    /// TCP keeps the order of each direction.
    var lastToServer: Int64 = 0
    var lastToClient: Int64 = 0
}

/// A statement of the lock session.
enum Statement {
    case checks(pooled: Bool)
    case campaign(known: Epoch, timing: Timing)
    case beat(number: Int, epoch: Epoch)
    case settle(Epoch, Duration)
    case resign(Epoch)
    case decide(idem: Int, Epoch, term: Int, sentAt: Instant)
}
