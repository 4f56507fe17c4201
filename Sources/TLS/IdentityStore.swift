internal import Model
public import NIOCore
internal import Synchronization

/// A node's identity as it is on disk now: hands out the handlers of links, and takes over new files without a restart, the authorities included.
///
/// It holds one ``TLSContext`` that was good when it was loaded. ``reload()`` exchanges it for a better one, or leaves it and says what is wrong with the
/// files; links that exist keep the context they were made with. Invariants: a context is used only after its key, chain, dates and name were checked;
/// each handshake is judged with the deny-list as it is at that moment.
///
/// It watches nothing and closes nothing. Its owner calls ``reload()`` every ``pollInterval`` (or on a change of the folder), and after a change of
/// authorities or deny-list hangs up the links that ``objection(to:now:)`` objects to.
public final class IdentityStore: Sendable {
    /// How often to look at the files: a tenth of a percent of the shortest lifetime in use would do, and a rotation should be felt at once.
    public static let pollInterval = Duration.seconds(10)

    public let files: CertificateFiles
    public let cluster: String
    public let node: String

    private struct State {
        var context: TLSContext
        var digests: [[UInt8]]
        /// Serial numbers.
        var denied: Set<String>
        var deniedNodes: Set<String>
    }
    private let state: Mutex<State>

    /// Loads the identity of `node`.
    ///
    /// - Parameter denied: serial numbers to refuse, in any common spelling.
    /// - Throws: ``CertificateError`` that names the file and what to do.
    public init(files: CertificateFiles, cluster: String, node: String, denied: Set<String> = []) throws(CertificateError) {
        self.files = files
        self.cluster = cluster
        self.node = node
        let denied = try Self.normalized(denied)
        let material = try IdentityMaterial(files: files)
        let context = try TLSContext(material, cluster: cluster, node: node)
        self.state = Mutex(State(context: context, digests: material.digests, denied: denied, deniedNodes: []))
    }

    /// The identity in use.
    public var context: TLSContext { self.state.withLock { $0.context } }
    /// What the certificate in use says of itself.
    public var facts: TLSContext.Facts { self.context.facts }

    /// What a reload changed.
    public struct Change: Sendable, Hashable {
        public var before: TLSContext.Facts
        public var after: TLSContext.Facts
        /// False: the authorities alone changed.
        public var isNewLeaf: Bool { self.before.fingerprint != self.after.fingerprint }
        /// SHA-256 of authorities that are trusted from now on.
        public var addedAuthorities: Set<String> { self.after.authorities.subtracting(self.before.authorities) }
        /// SHA-256 of authorities that are trusted no longer: links they vouched for are to be hung up.
        public var removedAuthorities: Set<String> { self.before.authorities.subtracting(self.after.authorities) }
    }

    /// Reads the files again. New handshakes use what they hold from then on.
    ///
    /// - Returns: what changed; nil when the files are as they were.
    /// - Throws: ``CertificateError`` when they can't be used. The identity in use stays; the next call tries again. Files are replaced one after the
    ///   other, so a key that doesn't fit may be well at the next call.
    public func reload() throws(CertificateError) -> Change? {
        let material = try IdentityMaterial(files: self.files)
        let digests = material.digests
        if self.state.withLock({ $0.digests == digests }) { return nil }
        let context = try TLSContext(material, cluster: self.cluster, node: self.node)
        return self.state.withLock { state in
            let before = state.context.facts
            state.context = context
            state.digests = digests
            return before == context.facts ? nil : Change(before: before, after: context.facts)
        }
    }

    /// Replaces the deny-list.
    ///
    /// - Parameter nodes: names whose certificates are refused, all of them.
    /// - Throws: ``CertificateError`` when an entry is no serial number; the list in use stays.
    public func replaceDenied(_ serials: Set<String>, nodes: Set<String> = []) throws(CertificateError) {
        let serials = try Self.normalized(serials)
        self.state.withLock {
            $0.denied = serials
            $0.deniedNodes = nodes
        }
    }

    /// Whether a certificate with that serial number (as ``CertificateSerial`` writes it), or any of that node, is refused.
    public func isDenied(_ serial: String, node: String? = nil) -> Bool {
        self.state.withLock { $0.denied.contains(serial) || node.map($0.deniedNodes.contains) ?? false }
    }

    /// Why a link that exists would not be made today; nil when it would. Membership is not looked at.
    ///
    /// - Parameter now: seconds since 1970-01-01T00:00:00Z.
    public func objection(to peer: PeerIdentity, now: Int64) -> PeerRefusal? {
        let authorities = self.context.facts.authorities
        if self.isDenied(peer.serial, node: peer.node) { return .denied(node: peer.node, serial: peer.serial) }
        if !authorities.contains(peer.authority) { return .authorityRemoved(node: peer.node) }
        if peer.notAfter < now { return .expired(node: peer.node) }
        return nil
    }

    /// The handler of a connection that came in.
    ///
    /// - Parameter isMember: whether a node may be at the other end; it looks into a snapshot, on the event loop, and never waits.
    public func serverHandler(
        accepting isMember: @escaping @Sendable (_ node: String) -> Bool, handshakeBudget: TimeAmount = TLSHandler.handshakeBudget
    ) throws(TLSError) -> TLSHandler {
        TLSHandler(try self.session(.server, expecting: .member(isMember)), handshakeBudget: handshakeBudget)
    }

    /// The handler of a connection to `node`.
    public func clientHandler(expecting node: String, handshakeBudget: TimeAmount = TLSHandler.handshakeBudget) throws(TLSError) -> TLSHandler {
        TLSHandler(try self.session(.client, expecting: .node(node)), handshakeBudget: handshakeBudget)
    }

    /// A session with the identity and the deny-list in use.
    public func session(_ role: TLSSession.Role, expecting expectation: PeerExpectation) throws(TLSError) -> TLSSession {
        try TLSSession(self.context, role: role, expecting: expectation) { [self] in self.isDenied($0, node: $1) }
    }

    private static func normalized(_ serials: Set<String>) throws(CertificateError) -> Set<String> {
        var result: Set<String> = []
        for serial in serials {
            guard let text = CertificateSerial.normalized(serial) else {
                throw .unreadable("the deny-list holds “\(serial)”, which is no serial number; it has to be hex digits, as in: openssl x509 -serial")
            }
            result.insert(text)
        }
        return result
    }
}
