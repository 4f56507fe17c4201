import Testing

/// A script of what lock sessions do and what becomes of it, the same for the simulator's model of a database and for a real one.
///
/// Sessions have letters. After each step stands what the session was answered last, and what the server then shows; nil where the moment is not compared.
struct Trace: Sendable, CustomTestStringConvertible {
    var name: String
    var steps: [Step]

    init(_ name: String, _ steps: [Step]) {
        self.name = name
        self.steps = steps
    }

    var testDescription: String { self.name }
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
        /// Nothing, for so many seconds.
        case wait(Double)
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
    static func beat(_ current: Bool) -> String { current ? "current" : "not current" }
    static func settled(_ done: Bool) -> String { done ? "settled" : "not settled" }

    /// - Parameter before: node, resigned, settled, epoch of the leader before.
    static func granted(_ epoch: Int64, lease: Int64, before: (node: String, epoch: Int64, resigned: Bool, settled: Bool)?) -> String {
        guard let before else { return "epoch \(epoch) after nobody, lease \(lease)" }
        return "epoch \(epoch) after \(before.epoch) \(before.node)" + (before.resigned ? " resigned" : "") + (before.settled ? " settled" : "")
            + ", lease \(lease)"
    }
}
