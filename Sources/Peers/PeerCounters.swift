public import Membership

/// What happened since the process started.
public struct PeerCounters: Sendable, Hashable {
    /// Connections that came in.
    public var accepted: UInt64 = 0
    /// Handshakes that ended well, by who began them.
    public var handshakesAccepted: UInt64 = 0
    public var handshakesDialled: UInt64 = 0
    public var dials: UInt64 = 0
    /// What was refused or given up; reasons that never occurred are left out.
    public var faults: [PeerFault: UInt64] = [:]
    /// On the wire, TLS included.
    public var bytesReceived: UInt64 = 0
    public var bytesSent: UInt64 = 0
    public var messagesReceived: UInt64 = 0
    public var messagesSent: UInt64 = 0
    /// Posted from elsewhere, and dropped because too much waited.
    public var dropped: UInt64 = 0
    /// Posted without a link to go over.
    public var unsent: UInt64 = 0
    /// Links hung up because the machine said so, by its reason.
    public var hangUps: [HangUp: UInt64] = [:]
    public var identityReloads: UInt64 = 0
    public var identityFailures: UInt64 = 0
    // As they are now.
    public var links = 0
    public var strangers = 0
    /// The worst of the last second.
    public var loopLagMilliseconds: Int64 = 0

    public init() {}
    public subscript(_ fault: PeerFault) -> UInt64 { self.faults[fault] ?? 0 }
}
