import Membership
import Model
import NIOCore
import TLS

/// One connection, from its first byte to its end; as a link it has the same number.
///
/// States: greeting → open → over, with waiting before open when the node is not known as a member yet. `over` while its channel lingers or writes its last bytes: nothing of it counts any more.
struct Connection {
    enum Origin {
        /// The machine asked for it.
        case dialled(String)
        /// This mesh replaces a link that was made with a former certificate.
        case relinked(String)
        case accepted
    }
    enum Phase {
        case greeting
        /// TLS has shown who it is; whether it is a member is being looked up.
        case waiting(PeerIdentity)
        case open(PeerIdentity)
        case over
    }

    let number: Int
    let origin: Origin
    let channel: any Channel
    let wire: WireHandler
    /// Fingerprint of this node's certificate that it was made with.
    let leaf: String
    var phase = Phase.greeting
    /// Counted among the strangers.
    var isStranger: Bool
    var heardAt: Instant
    /// When its handshake ended; before that, when it began.
    var openedAt: Instant
    /// A frame has begun and is not complete.
    var frameSince: Instant?
    var unsentBytes = 0
    /// Messages in the second that began at `secondAt`.
    var secondAt: Instant
    var inSecond = 0
    /// What came before it was let in.
    var early: [ArraySlice<UInt8>] = []
    /// Its machine said goodbye: it closes when all is written.
    var closesWhenWritten = false

    /// Something came. In place: a connection in a variable is a copy of it, and each message passes here.
    ///
    /// - Parameters:
    ///   - frames: messages that are complete.
    ///   - isPartial: another has begun.
    /// - Returns: messages in the current second, these included.
    mutating func hear(frames: Int, isPartial: Bool, at now: Instant) -> Int {
        self.heardAt = now
        self.frameSince = isPartial ? (frames == 0 ? self.frameSince ?? now : now) : nil
        if now - self.secondAt >= .seconds(1) {
            self.secondAt = now
            self.inSecond = 0
        }
        self.inSecond += frames
        return self.inSecond
    }

    /// Takes note that so many bytes were written.
    ///
    /// - Returns: whether they were the last before its end.
    mutating func wrote(_ count: Int) -> Bool {
        self.unsentBytes -= count
        return self.closesWhenWritten && self.unsentBytes == 0
    }

    var peer: PeerIdentity? { if case .open(let peer) = self.phase { peer } else { nil } }
    var isOver: Bool { if case .over = self.phase { true } else { false } }
    var dialledPeer: String? {
        switch self.origin {
        case .dialled(let peer), .relinked(let peer): peer
        case .accepted: nil
        }
    }
    /// For log lines.
    var label: String { self.dialledPeer ?? self.channel.remoteAddress?.description ?? "an unknown address" }
}
