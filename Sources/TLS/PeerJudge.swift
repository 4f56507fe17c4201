internal import COpenSSL
internal import COpenSSLShims

/// Judges the certificate at the other end of one session, inside OpenSSL's verification: OpenSSL then tells the peer by the alert that fits.
///
/// The session owns it and OpenSSL finds it through the session's first slot of extra data (the one kept for applications). It lives on one event loop.
final class PeerJudge {
    private let context: TLSContext
    private let expectation: PeerExpectation
    private let isDenied: @Sendable (_ serial: String, _ node: String?) -> Bool

    private(set) var accepted: PeerIdentity?
    private(set) var refusal: PeerRefusal?
    private(set) var alertSent: TLSAlert?
    private(set) var alertReceived: TLSAlert?

    init(context: TLSContext, expectation: PeerExpectation, isDenied: @escaping @Sendable (String, String?) -> Bool) {
        self.context = context
        self.expectation = expectation
        self.isDenied = isDenied
    }

    private static let slot: Int32 = 0

    func attach(to ssl: OpaquePointer) { SSL_set_ex_data(ssl, Self.slot, Unmanaged.passUnretained(self).toOpaque()) }
    static func detach(from ssl: OpaquePointer) { SSL_set_ex_data(ssl, Self.slot, nil) }

    private static func of(_ ssl: OpaquePointer?) -> PeerJudge? {
        guard let ssl, let judge = SSL_get_ex_data(ssl, Self.slot) else { return nil }
        return Unmanaged<PeerJudge>.fromOpaque(judge).takeUnretainedValue()
    }

    /// What every session of a context does: judge, agree on the protocol, note alerts.
    static func install(in raw: OpaquePointer) {
        SSL_CTX_set_cert_verify_callback(
            raw,
            { store, _ in
                guard let store, let found = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()) else { return 0 }
                let ssl = OpaquePointer(found)
                guard let judge = PeerJudge.of(ssl) else { return 0 }
                return judge.verify(store, ssl) ? 1 : 0
            }, nil)
        SSL_CTX_set_info_callback(raw) { ssl, what, value in
            // The upper byte is the level; only fatal alerts (2) end a session.
            guard what & SSL_CB_ALERT != 0, value >> 8 == 2, let judge = PeerJudge.of(ssl) else { return }
            let alert = TLSAlert(rawValue: UInt8(truncatingIfNeeded: value))
            if what & SSL_CB_WRITE != 0 { judge.alertSent = alert } else { judge.alertReceived = alert }
        }
        SSL_CTX_set_alpn_select_cb(
            raw,
            { _, chosen, chosenLength, offered, offeredLength, _ in
                let offers = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
                guard let chosen, let chosenLength, let at = PeerJudge.position(ofProtocolIn: offers), let base = offers.baseAddress else {
                    return SSL_TLSEXT_ERR_ALERT_FATAL
                }
                chosen.pointee = base + at
                chosenLength.pointee = UInt8(TLSContext.applicationProtocol.utf8.count)
                return SSL_TLSEXT_ERR_OK
            }, nil)
        SSL_CTX_set_client_hello_cb(
            raw,
            { ssl, alert, _ in
                // OpenSSL asks for a protocol only when the client offers any. A client of an older version is left to be refused for its version.
                guard PeerJudge.offers(ssl, extension: TLSEXT_TYPE_supported_versions) else { return SSL_CLIENT_HELLO_SUCCESS }
                if PeerJudge.offers(ssl, extension: TLSEXT_TYPE_application_layer_protocol_negotiation) { return SSL_CLIENT_HELLO_SUCCESS }
                alert?.pointee = SSL_AD_NO_APPLICATION_PROTOCOL
                return SSL_CLIENT_HELLO_ERROR
            }, nil)
    }

    private static func offers(_ ssl: OpaquePointer?, extension type: Int32) -> Bool {
        SSL_client_hello_get0_ext(ssl, UInt32(type), nil, nil) == 1
    }

    /// Where in a list of protocols (each with its length before it) ours stands.
    private static func position(ofProtocolIn list: UnsafeBufferPointer<UInt8>) -> Int? {
        var index = 0
        while index < list.count {
            let start = index + 1
            let end = start + Int(list[index])
            guard end <= list.count else { return nil }
            if list[start..<end].elementsEqual(TLSContext.applicationProtocol.utf8) { return start }
            index = end
        }
        return nil
    }

    private func verify(_ store: OpaquePointer, _ ssl: OpaquePointer) -> Bool {
        if SSL_is_server(ssl) == 0, !Self.agreedOnProtocol(ssl) {
            return self.refuse(.otherProtocol, as: X509_V_ERR_APPLICATION_VERIFICATION, store)
        }
        guard X509_verify_cert(store) == 1 else {
            let code = X509_STORE_CTX_get_error(store)
            let depth = X509_STORE_CTX_get_error_depth(store)
            // Without a code of its own OpenSSL would tell the peer that all is well.
            if code == X509_V_OK { return self.refuse(.untrusted(reason: "it can't be verified"), as: X509_V_ERR_UNSPECIFIED, store) }
            if code == X509_V_ERR_INVALID_PURPOSE, depth == 0 { return self.refuse(.wrongUsage, as: code, store) }
            let reason = String(cString: X509_verify_cert_error_string(Int(code)))
            return self.refuse(.untrusted(reason: depth == 0 ? reason : "\(reason) (certificate \(depth) of its chain)"), as: code, store)
        }
        guard let leaf = X509_STORE_CTX_get0_cert(store) else { return self.refuse(.noCertificate, as: X509_V_ERR_UNSPECIFIED, store) }
        return self.judge(leaf, store)
    }

    /// The chain is good; is it whom we expect?
    private func judge(_ leaf: OpaquePointer, _ store: OpaquePointer) -> Bool {
        guard X509_check_ca(leaf) == 0 else { return self.refuse(.isAuthority, as: X509_V_ERR_CERT_REJECTED, store) }
        guard Self.isForBothEnds(leaf) else { return self.refuse(.wrongUsage, as: X509_V_ERR_INVALID_PURPOSE, store) }
        let names = OpenSSLCertificate.names(leaf)
        let serial = OpenSSLCertificate.serial(leaf)
        if self.isDenied(serial, nil) {
            let uri = names.uris.first ?? []
            let prefix = PeerIdentity.uri(cluster: self.context.cluster, node: "").utf8
            let node = printable(uri.starts(with: prefix) ? uri.dropFirst(prefix.count) : uri[...])
            return self.refuse(.denied(node: node, serial: serial), as: X509_V_ERR_CERT_REVOKED, store)
        }
        switch self.expectation.judge(names, cluster: self.context.cluster, own: self.context.node) {
        case .failure(let refusal): return self.refuse(refusal, as: X509_V_ERR_HOSTNAME_MISMATCH, store)
        case .success(let node):
            if self.isDenied(serial, node) { return self.refuse(.denied(node: node, serial: serial), as: X509_V_ERR_CERT_REVOKED, store) }
            let chain = X509_STORE_CTX_get0_chain(store)
            let last = cossl_last_index(chain)
            guard last > 0, let authority = cossl_certificate_at(chain, last), let notAfter = OpenSSLCertificate.seconds(X509_get0_notAfter(leaf)) else {
                return self.refuse(.untrusted(reason: "its chain ends nowhere"), as: X509_V_ERR_UNSPECIFIED, store)
            }
            self.accepted = PeerIdentity(
                cluster: self.context.cluster, node: node, serial: serial, notAfter: notAfter, authority: OpenSSLCertificate.fingerprint(authority))
            return true
        }
    }

    private func refuse(_ refusal: PeerRefusal, as code: Int32, _ store: OpaquePointer) -> Bool {
        self.refusal = refusal
        X509_STORE_CTX_set_error(store, code)
        return false
    }

    /// Says itself that it is for servers and for clients; a certificate that says nothing is not.
    static func isForBothEnds(_ certificate: OpaquePointer) -> Bool {
        guard X509_get_extension_flags(certificate) & UInt32(EXFLAG_XKUSAGE) != 0 else { return false }
        let both = UInt32(XKU_SSL_SERVER | XKU_SSL_CLIENT)
        return X509_get_extended_key_usage(certificate) & both == both
    }

    static func agreedOnProtocol(_ ssl: OpaquePointer) -> Bool {
        var chosen: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &chosen, &length)
        return UnsafeBufferPointer(start: chosen, count: Int(length)).elementsEqual(TLSContext.applicationProtocol.utf8)
    }
}
