internal import Model

/// Who is at the other end of a link, as its certificate proves it.
public struct PeerIdentity: Sendable, Hashable {
    public var cluster: String
    public var node: String
    /// The leaf's serial number, as ``CertificateSerial`` writes it.
    public var serial: String
    /// Seconds since 1970-01-01T00:00:00Z.
    public var notAfter: Int64
    /// SHA-256 of the authority's certificate that vouched for it, lower-case hex: tells which links a removed authority had vouched for.
    public var authority: String

    public init(cluster: String, node: String, serial: String, notAfter: Int64, authority: String) {
        self.cluster = cluster
        self.node = node
        self.serial = serial
        self.notAfter = notAfter
        self.authority = authority
    }

    /// The one name of a node's certificate: `spiffe://<cluster>/node/<name>`.
    public static func uri(cluster: String, node: String) -> String { "spiffe://\(cluster)/node/\(node)" }
}

/// What a verified certificate says, as bytes: nothing here has been believed yet.
struct PresentedNames {
    var uris: [[UInt8]] = []
    var others = 0
}

/// Whom to accept at the other end.
public enum PeerExpectation: Sendable {
    /// A dialling node expects the one it dialled.
    case node(String)
    /// A listening node expects any other member. The closure runs on the event loop inside the handshake: it looks into a snapshot and never waits.
    case member(@Sendable (_ node: String) -> Bool)

    /// Judges the names of a certificate whose chain is good.
    ///
    /// Bytes are compared with bytes: a NUL, a wildcard or another spelling is a different name.
    func judge(_ names: PresentedNames, cluster: String, own: String) -> Result<String, PeerRefusal> {
        guard let uri = names.uris.first else { return .failure(.noIdentity(otherNames: names.others)) }
        guard names.uris.count == 1 else { return .failure(.severalIdentities(names.uris.count)) }
        let presented = printable(uri)
        let prefix = Array(PeerIdentity.uri(cluster: cluster, node: "").utf8)
        let scheme = Array("spiffe://".utf8)
        guard uri.starts(with: scheme) else { return .failure(.malformedIdentity(presented)) }
        guard uri.starts(with: prefix) else { return .failure(.otherCluster(presented: presented, cluster: cluster)) }
        let rest = uri.dropFirst(prefix.count)
        guard rest.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return .failure(.malformedIdentity(presented)) }
        let node = String(decoding: rest, as: UTF8.self)
        guard ManifestName.objection(to: node) == nil else { return .failure(.malformedIdentity(presented)) }
        switch self {
        case .node(let expected):
            guard Array(expected.utf8) == Array(rest) else { return .failure(.otherNode(presented: node, expected: expected)) }
        case .member(let isMember):
            guard node != own else { return .failure(.ownName(node)) }
            guard isMember(node) else { return .failure(.notAMember(node)) }
        }
        return .success(node)
    }
}

/// Bytes of a stranger, fit for a log line: printable ASCII as it is, all else as `\xNN`, at most 200 characters of it.
func printable(_ bytes: some Sequence<UInt8>) -> String {
    let longest = 200  // A name takes under 150; the rest of a longer one tells nobody anything.
    var text = ""
    for byte in bytes {
        if text.utf8.count >= longest { return text + "…" }
        let hex = String(byte, radix: 16, uppercase: true)
        text += byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\\") ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + hex
    }
    return text
}
