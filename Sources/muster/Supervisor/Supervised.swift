import Cluster
import Foundation
import Glibc

/// What a supervisor tells the node's process that it starts, in one variable of its environment.
struct Supervised: Sendable {
    /// The end of a pipe that the process inherits.
    var descriptor: CInt
    var supervisor: pid_t
    /// The process's name among all that ever ran.
    var incarnation: String
    /// HOST:PORT where the supervisor answers for its processes.
    var address: String
    var kills: UInt64
    var restarts: UInt64

    static let variable = "MUSTER_SUPERVISED"

    /// For the environment.
    var text: String {
        [String(self.descriptor), String(self.supervisor), self.incarnation, String(self.kills), String(self.restarts), self.address].joined(separator: " ")
    }

    init(descriptor: CInt, supervisor: pid_t, incarnation: String, address: String, kills: UInt64, restarts: UInt64) {
        self.descriptor = descriptor
        self.supervisor = supervisor
        self.incarnation = incarnation
        self.address = address
        self.kills = kills
        self.restarts = restarts
    }

    init?(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 6, let descriptor = CInt(words[0]), descriptor > 2, let supervisor = pid_t(words[1]), let kills = UInt64(words[3]),
            let restarts = UInt64(words[4]), UUID(uuidString: String(words[2])) != nil
        else { return nil }
        self.init(
            descriptor: descriptor, supervisor: supervisor, incarnation: String(words[2]), address: String(words[5]), kills: kills, restarts: restarts)
    }

    /// What this process was told; nil: nobody supervises it. To be asked once: programs that it starts are not told.
    static func take() throws -> Supervised? {
        guard let text = ProcessInfo.processInfo.environment[Self.variable] else { return nil }
        unsetenv(Self.variable)
        guard let told = Supervised(text) else {
            throw Failure("\(Self.variable) is set, but not by a supervisor; it is Muster's own: remove it from this node's environment")
        }
        guard getppid() == told.supervisor else {
            throw Failure("the supervisor (process \(told.supervisor)) that started this process has ended, so this process ends as well")
        }
        return told
    }
}
