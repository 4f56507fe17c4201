import Testing

/// A script of what lock sessions do and what becomes of it, the same for the simulator's model of a database and for a real one.
///
/// Sessions have letters. After each step stands what the session was answered last, and what the server then shows; nil where the moment is not compared.
struct Trace: Sendable, CustomTestStringConvertible {
    var name: String
    var need: Need
    var steps: [Step]

    init(_ name: String, needs need: Need = .nothing, _ steps: [Step]) {
        self.name = name
        self.need = need
        self.steps = steps
    }

    var testDescription: String { self.name }
}

/// What a trace wants of the real server besides a database of its own.
enum Need: Sendable {
    case nothing
    /// A server of its own, which it ends.
    case server
    /// One whose clock and disk do as they are told.
    case shim
    /// One whose data are on a disk that can be full.
    case disk
    case pooler
    /// One with a standby.
    case standby
    /// One on a host of its own, with a line that can be cut.
    case host
}

struct Step: Sendable {
    enum Action: Sendable, Hashable {
        /// A new session, and the settings of a lock session.
        case connect
        /// Waits for the lock for a slice, and writes an epoch above `known`; both times in seconds.
        case campaign(known: Int64 = 0, slice: Int64 = 50, idle: Int64 = 60)
        /// The same; the session ends between the commit and its answer.
        case campaignLosingAnswer
        case beat(Int64), settle(Int64), resign(Int64)
        /// A decision, fenced by the epoch.
        case decide(Int64)
        /// The session ends between the commit and its answer.
        case decideLosingAnswer(Int64)
        /// The wait is cancelled.
        case withdraw
        /// The server is told to end the session.
        case terminate
        /// The client closes its end.
        case vanish
        /// A peer looks at who holds the lock …
        case look
        /// … and ends what it saw, if nothing has happened since.
        case evict
        /// The server crashes, and comes back.
        case crash
        /// The server's wall clock jumps, to so many seconds from the true time.
        case moveClock(Int64)
        /// The server's disk confirms nothing any more …
        case stall
        /// … and does again.
        case flow
        /// There is no room for one row more …
        case fillDisk
        /// … and then there is.
        case freeDisk
        /// The standby has everything, and gets nothing from now on …
        case loseStandby
        /// … and is promoted without what it missed. Who connects afterwards comes to it, and it is looked at. The old primary dies, or lives on …
        case failOver(oldLives: Bool)
        /// … for a while.
        case retireOld
        /// A session through a pooler that gives each transaction whatever session it likes.
        case connectThroughPooler
        /// The checks before a session may wait for the lock.
        case check
        /// A session over the server's line, which …
        case connectFar
        /// … is cut: nothing gets through, and nobody is told.
        case cut
        /// Nothing, for so many seconds at the most: until there is what is expected.
        case wait(Double)
        /// Nothing, for so many seconds at the least: what must not happen has had its time.
        case pass(Double)
    }

    var session: String
    var action: Action
    var answer: String?
    var state: String?

    init(_ session: String, _ action: Action, _ answer: String?, _ state: String?) {
        self.session = session
        self.action = action
        self.answer = answer
        self.state = state
    }
}

/// What the server shows, in words that both sides make in the same way.
struct ServerState: Sendable, Hashable, CustomStringConvertible {
    var holder: String?
    var waiting: [String] = []
    var epoch: Int64
    var node: String?
    var resigned: Bool
    var settled: Bool
    var decisions: Int

    var description: String {
        var words = ["lock \(self.holder ?? "free")"]
        if !self.waiting.isEmpty { words.append("waiting \(self.waiting.joined(separator: " "))") }
        words.append("epoch \(self.epoch)" + (self.node.map { " \($0)" } ?? "") + (self.resigned ? " resigned" : "") + (self.settled ? " settled" : ""))
        if self.decisions > 0 { words.append("decided \(self.decisions)") }
        return words.joined(separator: ", ")
    }
}

/// What a session is answered.
enum Answer {
    static let released = "released"
    static let notReleased = "not released"
    static let sliceOver = "slice over"
    static let closed = "closed"
    static let fenced = "fenced"
    static let committed = "committed"
    static let noRoom = "no room"
    static let passed = "passed"
    static let pooler = "refused: a pooler"
    static func beat(_ current: Bool) -> String { current ? "current" : "not current" }
    static func settled(_ done: Bool) -> String { done ? "settled" : "not settled" }

    /// - Parameter before: node, resigned, settled, epoch of the leader before.
    static func granted(_ epoch: Int64, timeline: Int64, lease: Int64, before: (node: String, epoch: Int64, resigned: Bool, settled: Bool)?) -> String {
        let since = timeline > 1 ? "epoch \(epoch) of timeline \(timeline)" : "epoch \(epoch)"
        guard let before else { return "\(since) after nobody, lease \(lease)" }
        return "\(since) after \(before.epoch) \(before.node)" + (before.resigned ? " resigned" : "") + (before.settled ? " settled" : "")
            + ", lease \(lease)"
    }
}
