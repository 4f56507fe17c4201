public import Membership

/// What happened since the process started.
public struct PeerCounters: Sendable, Hashable {
    /// Connections that came in.
    public var accepted: UInt64 = 0
    /// Handshakes that ended well, by who began them.
    public var handshakesAccepted: UInt64 = 0
    /// Those that this node began.
    public var handshakesDialled: UInt64 = 0
    /// Attempts at a connection, whatever came of them.
    public var dials: UInt64 = 0
    /// What was refused or given up; reasons that never occurred are left out.
    public var faults: [PeerFault: UInt64] = [:]
    /// On the wire, TLS included.
    public var bytesReceived: UInt64 = 0
    /// On the wire, TLS included.
    public var bytesSent: UInt64 = 0
    /// Messages that could be read, whether they had an effect or not.
    public var messagesReceived: UInt64 = 0
    /// Messages handed to a link; one whose link ends before it is written counts too.
    public var messagesSent: UInt64 = 0
    /// Posted from elsewhere, and dropped because too much waited.
    public var dropped: UInt64 = 0
    /// Posted without a link to go over.
    public var unsent: UInt64 = 0
    /// Links hung up because the machine said so, by its reason.
    public var hangUps: [HangUp: UInt64] = [:]
    /// Times that changed files of this node's certificate or its authorities were taken into use.
    public var identityReloads: UInt64 = 0
    /// Times that they could not be: the former ones stay in use.
    public var identityFailures: UInt64 = 0
    // As they are now.
    /// Connections to peers whose certificates were checked. One a pair, and two while a fresh one replaces it.
    public var links = 0
    /// Connections that came in and have yet to show who they are; at most ``PeerLimits/unauthenticated``.
    public var strangers = 0
    /// The worst of the last second.
    public var loopLagMilliseconds: Int64 = 0

    /// Nothing has happened yet.
    public init() {}
    /// How often that was the reason.
    public subscript(_ fault: PeerFault) -> UInt64 { self.faults[fault] ?? 0 }
}
