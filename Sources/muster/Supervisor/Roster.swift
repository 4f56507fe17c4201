import Dispatch
import Foundation
import Logging
import Model
import Synchronization

/// Who may ask this node's supervisor, as the node last read it in the database.
struct Roster: Sendable, Hashable, JSONEncodable, JSONDecodable {
    var members: Set<String>
    /// Of certificates that nobody accepts.
    var deniedSerials: Set<String>
    /// Names no certificate of which is accepted.
    var deniedNodes: Set<String>

    init(members: Set<String>, deniedSerials: Set<String> = [], deniedNodes: Set<String> = []) {
        self.members = members
        self.deniedSerials = deniedSerials
        self.deniedNodes = deniedNodes
    }

    init(json: JSON) throws(JSONError) {
        func names(_ field: String) throws(JSONError) -> Set<String> {
            var names: Set<String> = []
            for value in try json.array(field) {
                guard let name = value.stringValue else { throw JSONError(pointer: "/\(field)", message: "holds what is not a string") }
                names.insert(name)
            }
            return names
        }
        self.init(members: try names("members"), deniedSerials: try names("deniedSerials"), deniedNodes: try names("deniedNodes"))
    }

    var json: JSON {
        func list(_ names: Set<String>) -> JSON { .array(names.sorted().map { .string($0) }) }
        return ["members": list(self.members), "deniedSerials": list(self.deniedSerials), "deniedNodes": list(self.deniedNodes)]
    }
}

/// The file in the node's directory through which the node tells its supervisor the roster.
///
/// A file, and no message through the pipe between the two: it outlives both, so that the supervisor has the last word of a node that is dead, which is when
/// it is asked, and of the one before it; and nothing that grows with the cluster comes between the beats, whose delay kills.
final class RosterFile: Sendable {
    let path: String
    private let logger: Logger
    private let queue = DispatchQueue(label: "muster.roster")
    private let state = Mutex(State())

    private struct State {
        /// What the file holds, or will when the queue has come to it; nil: nobody knows.
        var newest: Roster?
        var isQueued = false
        var trouble = LastingTrouble(reminder: NodeRuntime.reminderInterval)
    }

    /// A file larger than this is no roster: 64 members and 1000 denials, which is all there may be, take a third of it.
    static let maximumBytes = 256 << 10

    private static let remedy = "the node writes it anew at its start"

    init(directory: String, logger: Logger) {
        self.path = "\(directory)/roster.json"
        self.logger = logger
    }

    /// Nil: no node has written one yet.
    func read() throws -> Roster? {
        guard let data = try Files.read(self.path, limit: Self.maximumBytes, remedy: Self.remedy) else { return nil }
        do { return try Roster(json: JSON(parsing: data)) } catch { throw Failure("\(self.path) is no roster: \(error); \(Self.remedy)") }
    }

    /// Keeps `roster`, soon, when it says anything new. On a queue of its own: a slow disk must not hold up the heartbeats. What could not be written is
    /// written with the next one.
    func record(_ roster: Roster) {
        let isNew = self.state.withLock { state in
            guard state.newest != roster else { return false }
            state.newest = roster
            defer { state.isQueued = true }
            return !state.isQueued
        }
        if isNew { self.queue.async { self.write() } }
    }

    private func write() {
        let roster = self.state.withLock { state in
            state.isQueued = false
            return state.newest
        }
        guard let roster else { return }
        do {
            let text = roster.json.text + "\n"
            guard text.utf8.count <= Self.maximumBytes else { throw Failure("the members and the deny-list take more than \(Self.maximumBytes) bytes") }
            try Files.write(text, to: self.path)
            self.state.withLock { _ = $0.trouble.ended() }
        } catch {
            let isWorthSaying = self.state.withLock { state in
                if state.newest == roster { state.newest = nil }
                return state.trouble.isWorthSaying("\(error)", at: .now)
            }
            if isWorthSaying {
                self.logger.error("the supervisor can't be told who may ask it; what it heard last stays in force", metadata: ["why": "\(error)"])
            }
        }
    }

    /// Returns when what was recorded so far has been written, or could not be.
    func flush() async {
        await withCheckedContinuation { continuation in self.queue.async { continuation.resume() } }
    }
}
