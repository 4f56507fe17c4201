/// Tells fresh messages of one peer from repeated ones. The peer's process names itself by a `bootID` and numbers its messages upwards.
///
/// A new bootID is a restarted process and takes over; an earlier one never comes back, so that a recorded frame changes nothing. The last
/// ``rememberedBoots`` of them are remembered. A process among them that goes on counting upwards is alive beside its successor: two nodes
/// with one name.
public struct ReplayGuard: Sendable {
    /// Earlier processes that are remembered: a peer that restarts more often than this while a frame of it is on its way is none of ours.
    public static let rememberedBoots = 16

    /// What a message is, by its process and number.
    public enum Verdict: Sendable, Hashable {
        case fresh
        /// The first message of this process.
        case newBoot
        /// Seen before, or overtaken by a later one on another link.
        case replayed
        /// Of an earlier process, but new: this one lives beside its successor.
        case earlierBootAlive
    }

    /// Of the latest process; nil before the first message.
    public private(set) var bootID: String?
    private var sequence: UInt64 = 0
    private var earlier: [(bootID: String, sequence: UInt64)] = []

    /// Of a peer that was never heard.
    public init() {}

    /// Judges a message and remembers it: the same one is not fresh a second time.
    public mutating func judge(bootID: String, sequence: UInt64) -> Verdict {
        if bootID == self.bootID {
            guard sequence > self.sequence else { return .replayed }
            self.sequence = sequence
            return .fresh
        }
        if let index = self.earlier.firstIndex(where: { $0.bootID == bootID }) {
            guard sequence > self.earlier[index].sequence else { return .replayed }
            self.earlier[index].sequence = sequence
            return .earlierBootAlive
        }
        if let bootID = self.bootID {
            if self.earlier.count == Self.rememberedBoots { self.earlier.removeFirst() }
            self.earlier.append((bootID, self.sequence))
        }
        self.bootID = bootID
        self.sequence = sequence
        return .newBoot
    }
}
