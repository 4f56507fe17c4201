/// What a node's process says to its supervisor through the pipe between them, one byte each.
public enum Sign: UInt8, Sendable, Hashable, CaseIterable {
    /// The loop that decides runs.
    case beat = 0x62
    /// The loop that decides waits for this node's disk: it can't beat until that is done.
    case busy = 0x77
    /// The election is over for this process, in order: it leads no more, and beats no more.
    case over = 0x6F

    /// How often a process beats.
    public static let interval = Duration.milliseconds(20)
}
