/// Why this side refused the certificate at the other end.
public enum PeerRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// It showed none.
    case noCertificate
    /// No authority of ours vouches for it, or it isn't valid now, or not for this use. `reason` is in words.
    case untrusted(reason: String)
    /// It has no URI name. Its common name counts for nothing.
    case noIdentity(otherNames: Int)
    case severalIdentities(Int)
    /// It has a URI name that names no node: another scheme, a wildcard, a NUL, an impossible name.
    case malformedIdentity(String)
    case otherCluster(presented: String, cluster: String)
    case otherNode(presented: String, expected: String)
    /// A node met its own name: somebody has its key, or two nodes were given one name.
    case ownName(String)
    case notAMember(String)
    /// Its serial number is on the deny-list.
    case denied(node: String, serial: String)
    /// It doesn't say that it is for both ends of a link between nodes.
    case wrongUsage
    /// It is an authority's certificate.
    case isAuthority
    /// The listening side did not choose our protocol.
    case otherProtocol
    /// The authority that vouched for it is trusted no longer.
    case authorityRemoved(node: String)
    case expired(node: String)

    public var description: String {
        switch self {
        case .noCertificate: "the peer showed no certificate; give the node one with: muster ca issue"
        case .untrusted(let reason): "the peer’s certificate is not trusted: \(reason)"
        case .noIdentity(let others):
            "the peer’s certificate has no URI name (and \(others) of other kinds); it needs spiffe://<cluster>/node/<name>, its common name counts for nothing"
        case .severalIdentities(let count): "the peer’s certificate has \(count) URI names; it may have one"
        case .malformedIdentity(let name): "the peer’s certificate names “\(name)”, which is no node’s identity"
        case .otherCluster(let presented, let cluster): "the peer’s certificate names “\(presented)”, which is no node of cluster “\(cluster)”"
        case .otherNode(let presented, let expected): "the peer is node “\(presented)”, expected was “\(expected)”; is its address in the membership right?"
        case .ownName(let name):
            "the peer has this node’s own name “\(name)”: two nodes have one name, or its key was stolen; issue new certificates and deny the old serial"
        case .notAMember(let name): "node “\(name)” is no member of this cluster"
        case .denied(let node, let serial): "the certificate of node “\(node)” with serial \(serial) is on the deny-list"
        case .wrongUsage: "the peer’s certificate is not for both server and client authentication; issue it with: muster ca issue"
        case .isAuthority: "the peer’s certificate is an authority’s; a node needs one of its own"
        case .otherProtocol: "the peer did not choose the protocol \(TLSContext.applicationProtocol); is that port a node’s peer port?"
        case .authorityRemoved(let node): "the authority that vouched for node “\(node)” is trusted no longer"
        case .expired(let node): "the certificate of node “\(node)” has expired"
        }
    }
}

/// How a TLS session failed.
public enum TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// This side refused the peer; `alert` is what it was told.
    case peerRefused(PeerRefusal, alert: TLSAlert?)
    /// The peer ended the session with that alert. On a dialling node this comes with its first read, after ``TLSEstablished``: in TLS 1.3
    /// the dialling side has finished before the listening side has judged its certificate.
    case refusedByPeer(TLSAlert)
    /// The other end doesn't speak TLS 1.3 as we do: plain text, an old version, noise.
    case protocolFailure(reason: String, alert: TLSAlert?)
    /// The connection ended without the closing message, so data may be missing.
    case truncated(inHandshake: Bool)
    /// The handshake took longer than its budget.
    case handshakeTimeout
    /// More was written than the peer takes.
    case backlogExceeded(limit: Int)
    case closed
    /// OpenSSL failed for a reason of its own, such as memory.
    case library(String)

    public var description: String {
        switch self {
        case .peerRefused(let refusal, let alert): alert.map { "\(refusal) (it was told \($0))" } ?? refusal.description
        case .refusedByPeer(let alert): "the peer refused us: \(alert); its log says why"
        case .protocolFailure(let reason, let alert): "the peer does not speak TLS 1.3 as nodes do: \(reason)\(alert.map { " (it was told \($0))" } ?? "")"
        case .truncated(inHandshake: true): "the connection ended in the middle of the handshake"
        case .truncated(inHandshake: false): "the connection ended without TLS’s closing message; what was sent last may be missing"
        case .handshakeTimeout: "the peer did not finish the TLS handshake in time"
        case .backlogExceeded(let limit): "the peer takes nothing: more than \(limit) bytes wait to be sent"
        case .closed: "the session is closed"
        case .library(let reason): "OpenSSL failed: \(reason)"
        }
    }
}

/// An alert of TLS, RFC 8446 section 6.
public struct TLSAlert: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public var rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// No failure: the other side is done.
    public static let closeNotify = Self(rawValue: 0)

    /// Its name as RFC 8446 has it.
    public var name: String { Self.names[self.rawValue] ?? "alert_\(self.rawValue)" }
    public var description: String { self.name }

    private static let names: [UInt8: String] = [
        0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow", 40: "handshake_failure", 42: "bad_certificate",
        43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter",
        48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security",
        80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled", 109: "missing_extension", 110: "unsupported_extension",
        112: "unrecognized_name", 113: "bad_certificate_status_response", 115: "unknown_psk_identity", 116: "certificate_required",
        120: "no_application_protocol",
    ]
}
