internal import COpenSSL
internal import COpenSSLShims

/// One identity of a node, ready for both ends of links: certificate, key, trusted authorities and the rules of the handshake. Never changes once made;
/// its sessions keep it alive, so that a link made before a rotation ends in peace.
///
/// Rules: TLS 1.3 only; every handshake is a full one with a certificate from both ends (no tickets, no resumption, no early data, which would pass by
/// the deny-list and a changed authority); the protocol `muster-peer/1` must be agreed on; the peer's name is judged while the handshake runs, so that a
/// refused peer is told by an alert.
///
/// It does not look after files (``IdentityStore`` does), nor decide who is a member (``PeerExpectation`` is told).
public final class TLSContext: @unchecked Sendable {
    // @unchecked: an SSL_CTX may be shared between threads once nothing configures it any more, and after init nothing does.
    let raw: OpaquePointer
    public let cluster: String
    public let node: String
    /// What the certificate in use says of itself.
    public let facts: Facts

    /// The protocol that both ends must agree on (ALPN).
    public static let applicationProtocol = "muster-peer/1"
    static let applicationProtocolWire = [UInt8(applicationProtocol.utf8.count)] + Array(applicationProtocol.utf8)
    private static let suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
    private static let groups = "X25519:P-256"
    private static let signatures = "ECDSA+SHA256:ECDSA+SHA384:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384"
    /// 128 bits of strength: ECDSA from P-256, RSA from 3072 bits.
    private static let securityLevel: Int32 = 3
    /// A leaf and the certificates up to its authority take about 3 KiB; a stranger may make us buffer no more than this.
    private static let mostCertificateBytes = 16 * 1024

    /// What the certificate in use says of itself.
    public struct Facts: Sendable, Hashable {
        /// As ``CertificateSerial`` writes it.
        public var serial: String
        /// Seconds since 1970-01-01T00:00:00Z.
        public var notBefore: Int64
        /// Seconds since 1970-01-01T00:00:00Z.
        public var notAfter: Int64
        /// SHA-256 of the leaf, lower-case hex.
        public var fingerprint: String
        /// SHA-256 of each trusted authority.
        public var authorities: Set<String>
    }

    /// Checks the material and makes the context.
    ///
    /// - Throws: ``CertificateError`` when key and certificate don't belong together, no trusted authority signed it, it is not valid now, it is not for
    ///   both ends of a link, or its one name is not that of `node`.
    public init(_ material: IdentityMaterial, cluster: String, node: String) throws(CertificateError) {
        let leafAndChain = try OpenSSLCertificate.all(
            in: material.certificate, limit: 1 + IdentityMaterial.mostIntermediates, called: material.origin.certificate)
        let authorities = try OpenSSLCertificate.all(in: material.authority, limit: IdentityMaterial.mostAuthorities, called: material.origin.authority)
        guard authorities.allSatisfy(\.isAuthority) else {
            throw .notTrusted("\(material.origin.authority) holds a certificate that is no authority’s; put the authority’s own there (ca.pem)")
        }
        let leaf = leafAndChain[0]
        guard let raw = SSL_CTX_new(TLS_method()) else { throw .unreadable("OpenSSL has no context to give: \(OpenSSLQueue.drainText())") }
        // Owned from here on: a class's deinit does not run when its init throws before all properties have a value.
        var isMade = false
        defer { if !isMade { SSL_CTX_free(raw) } }
        try Self.load(leafAndChain, key: material, authorities: authorities, into: raw)
        try Self.configure(raw)
        try Self.verify(leaf, in: raw, called: material.origin)
        try Self.checkName(leaf, cluster: cluster, node: node, called: material.origin.certificate)
        guard let notBefore = OpenSSLCertificate.seconds(X509_get0_notBefore(leaf.raw)), let notAfter = OpenSSLCertificate.seconds(X509_get0_notAfter(leaf.raw))
        else { throw .unreadable("\(material.origin.certificate) has dates that can't be read") }
        self.facts = Facts(
            serial: OpenSSLCertificate.serial(leaf.raw), notBefore: notBefore, notAfter: notAfter, fingerprint: leaf.fingerprint,
            authorities: Set(authorities.map(\.fingerprint)))
        self.raw = raw
        self.cluster = cluster
        self.node = node
        isMade = true
    }

    deinit { SSL_CTX_free(self.raw) }

    private static func load(
        _ chain: [OpenSSLCertificate], key material: IdentityMaterial, authorities: [OpenSSLCertificate], into raw: OpaquePointer
    ) throws(CertificateError) {
        let origin = material.origin
        OpenSSLQueue.clear()
        guard let memory = BIO_new_mem_buf(material.key, Int32(material.key.count)) else { throw .unreadable("OpenSSL has no memory left") }
        defer { BIO_free(memory) }
        // The callback answers “no passphrase”: without one OpenSSL would ask on the terminal.
        guard let key = PEM_read_bio_PrivateKey(memory, nil, { _, _, _, _ in -1 }, nil) else {
            throw .unreadable("\(origin.key) holds no private key in PEM without passphrase: \(OpenSSLQueue.drainText()). Issue it anew with: muster ca issue")
        }
        defer { EVP_PKEY_free(key) }
        guard X509_check_private_key(chain[0].raw, key) == 1 else {
            OpenSSLQueue.clear()
            throw .keyMismatch("\(origin.key) is not the key of \(origin.certificate); both have to come from the same: muster ca issue")
        }
        SSL_CTX_set_security_level(raw, Self.securityLevel)
        guard SSL_CTX_use_certificate(raw, chain[0].raw) == 1, SSL_CTX_use_PrivateKey(raw, key) == 1 else {
            throw .notTrusted("\(origin.certificate) can't be used: \(OpenSSLQueue.drainText())")
        }
        for certificate in chain.dropFirst() {
            guard cossl_ctx_add1_chain_cert(raw, certificate.raw) == 1 else {
                throw .notTrusted("\(origin.certificate) holds a chain that can't be used: \(OpenSSLQueue.drainText())")
            }
        }
        guard let store = SSL_CTX_get_cert_store(raw) else { throw .notTrusted("OpenSSL has no store for authorities") }
        for authority in authorities {
            guard X509_STORE_add_cert(store, authority.raw) == 1 else {
                throw .notTrusted("\(origin.authority) can't be used: \(OpenSSLQueue.drainText())")
            }
        }
    }

    private static func configure(_ raw: OpaquePointer) throws(CertificateError) {
        OpenSSLQueue.clear()
        guard cossl_ctx_set_min_proto_version(raw, TLS1_3_VERSION) == 1, cossl_ctx_set_max_proto_version(raw, TLS1_3_VERSION) == 1,
            SSL_CTX_set_ciphersuites(raw, Self.suites) == 1, cossl_ctx_set1_groups_list(raw, Self.groups) == 1,
            cossl_ctx_set1_sigalgs_list(raw, Self.signatures) == 1, SSL_CTX_set_num_tickets(raw, 0) == 1,
            SSL_CTX_set_max_early_data(raw, 0) == 1, SSL_CTX_set_recv_max_early_data(raw, 0) == 1,
            // Success is 0 here, unlike everywhere else.
            SSL_CTX_set_alpn_protos(raw, Self.applicationProtocolWire, UInt32(Self.applicationProtocolWire.count)) == 0
        else { throw .unreadable("this OpenSSL lacks what links between nodes need: \(OpenSSLQueue.drainText())") }
        cossl_ctx_set_stateless(raw)
        cossl_ctx_set_max_cert_list(raw, Self.mostCertificateBytes)
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(raw), UInt(X509_V_FLAG_X509_STRICT))
        SSL_CTX_set_verify_depth(raw, Int32(IdentityMaterial.mostIntermediates))
        SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        PeerJudge.install(in: raw)
    }

    /// The chain as peers will judge it, from both sides.
    private static func verify(_ leaf: OpenSSLCertificate, in raw: OpaquePointer, called origin: CertificateFiles) throws(CertificateError) {
        for purpose in ["ssl_server", "ssl_client"] {
            OpenSSLQueue.clear()
            guard let store = SSL_CTX_get_cert_store(raw), let check = X509_STORE_CTX_new() else { throw .notTrusted("OpenSSL has no memory left") }
            defer { X509_STORE_CTX_free(check) }
            guard X509_STORE_CTX_init(check, store, leaf.raw, cossl_ctx_get0_chain_certs(raw)) == 1, X509_STORE_CTX_set_default(check, purpose) == 1
            else { throw .notTrusted("OpenSSL can't verify: \(OpenSSLQueue.drainText())") }
            X509_STORE_CTX_set_flags(check, UInt(X509_V_FLAG_X509_STRICT))
            guard X509_verify_cert(check) == 1 else {
                let why = String(cString: X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(check))))
                OpenSSLQueue.clear()
                throw .notTrusted("\(origin.certificate) is not valid under \(origin.authority): \(why). Issue a new one with: muster ca issue")
            }
        }
        guard PeerJudge.isForBothEnds(leaf.raw), !leaf.isAuthority else {
            throw .notTrusted(
                "\(origin.certificate) is not a node’s: it has to be for both server and client, and no authority’s. Issue one with: muster ca issue")
        }
    }

    private static func checkName(_ leaf: OpenSSLCertificate, cluster: String, node: String, called name: String) throws(CertificateError) {
        if case .failure = PeerExpectation.node(node).judge(OpenSSLCertificate.names(leaf.raw), cluster: cluster, own: node) {
            let found = OpenSSLCertificate.names(leaf.raw).uris.map { "“\(printable($0))”" }.joined(separator: ", ")
            let expected = PeerIdentity.uri(cluster: cluster, node: node)
            throw .notTrusted("\(name) has to name “\(expected)” and no other URI, it names \(found.isEmpty ? "none" : found); issue one with: muster ca issue")
        }
    }
}
