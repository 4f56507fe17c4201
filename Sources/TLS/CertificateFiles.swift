internal import COpenSSL
internal import COpenSSLShims
internal import Foundation

/// A certificate, its key and the authority that signed it, as files of a node: loaded the way TLS will load them, before anything depends on them.
public struct CertificateFiles: Sendable, Hashable {
    /// Path of the certificate, PEM.
    public var certificate: String
    /// Path of its key, PEM; nobody but its owner may read it.
    public var key: String
    /// Path of the authorities to trust, PEM: one, or old and new.
    public var authority: String

    public init(certificate: String, key: String, authority: String) {
        self.certificate = certificate
        self.key = key
        self.authority = authority
    }

    /// What the certificate says of itself.
    public struct Facts: Sendable, Hashable {
        /// Seconds since 1970-01-01T00:00:00Z.
        public var notBefore: Int64
        /// Seconds since 1970-01-01T00:00:00Z; it is valid until then, this second included.
        public var notAfter: Int64
        /// As ``CertificateSerial`` writes it: what the deny-list holds to refuse this certificate.
        public var serial: String
        /// `spiffe://…` names.
        public var uris: [String]
        /// DNS names and addresses.
        public var hosts: [String]
    }

    /// Loads the files into a TLS 1.3 context, and checks that key and certificate belong together, that the authority signed it, and that it is valid now.
    ///
    /// - Throws: ``CertificateError`` that names the file and what to do.
    public func check() throws(CertificateError) -> Facts {
        for path in [self.certificate, self.key, self.authority] where !FileManager.default.isReadableFile(atPath: path) {
            throw .unreadable("\(path) can't be read: does it exist, and may this user read it? Issue certificates with: muster ca issue")
        }
        try self.checkKeyPermissions()
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_method()) else { throw .unreadable("OpenSSL has no context to give: \(Self.reason)") }
        defer { SSL_CTX_free(context) }
        _ = cossl_ctx_set_min_proto_version(context, TLS1_3_VERSION)
        guard SSL_CTX_use_certificate_chain_file(context, self.certificate) == 1 else {
            throw .unreadable("\(self.certificate) holds no certificate that can be used: \(Self.reason)")
        }
        try self.loadKey(into: context)
        guard SSL_CTX_load_verify_file(context, self.authority) == 1 else {
            throw .unreadable("\(self.authority) holds no authority’s certificate: \(Self.reason)")
        }
        guard let leaf = SSL_CTX_get0_certificate(context) else { throw .unreadable("\(self.certificate) holds no certificate") }
        try self.verify(leaf, in: context)
        return Self.facts(of: leaf)
    }

    /// What a certificate says, without its key and without asking who signed it.
    /// - Throws: ``CertificateError`` when the file holds no certificate.
    public static func names(in path: String) throws(CertificateError) -> Facts {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_method()) else { throw .unreadable("OpenSSL has no context to give: \(Self.reason)") }
        defer { SSL_CTX_free(context) }
        guard SSL_CTX_use_certificate_chain_file(context, path) == 1, let leaf = SSL_CTX_get0_certificate(context) else {
            throw .unreadable("\(path) holds no certificate that can be used: \(Self.reason)")
        }
        return Self.facts(of: leaf)
    }

    private func loadKey(into context: OpaquePointer) throws(CertificateError) {
        if SSL_CTX_use_PrivateKey_file(context, self.key, SSL_FILETYPE_PEM) == 1, SSL_CTX_check_private_key(context) == 1 { return }
        let code = Int32(truncatingIfNeeded: ERR_peek_error() & 0x7F_FFFF)
        guard code == X509_R_KEY_VALUES_MISMATCH || code == X509_R_KEY_TYPE_MISMATCH else {
            throw .unreadable("\(self.key) holds no private key in PEM: \(Self.reason). Issue it anew with: muster ca issue")
        }
        throw .keyMismatch("\(self.key) is not the key of \(self.certificate); both have to come from the same: muster ca issue")
    }

    /// A key that others can read is as good as published. A link is followed: its own permissions say nothing.
    private func checkKeyPermissions() throws(CertificateError) {
        let target = URL(fileURLWithPath: self.key).resolvingSymlinksInPath().path
        let mode = (try? FileManager.default.attributesOfItem(atPath: target))?[.posixPermissions] as? NSNumber
        guard let mode else { return }
        guard mode.uint16Value & 0o077 == 0 else {
            throw .exposedKey("\(self.key) can be read by others than its owner; run: chmod 600 \(self.key)")
        }
    }

    private func verify(_ leaf: OpaquePointer, in context: OpaquePointer) throws(CertificateError) {
        guard let store = SSL_CTX_get_cert_store(context), let check = X509_STORE_CTX_new() else { throw .notTrusted("OpenSSL has no memory left") }
        defer { X509_STORE_CTX_free(check) }
        guard X509_STORE_CTX_init(check, store, leaf, nil) == 1 else { throw .notTrusted("OpenSSL can't verify: \(Self.reason)") }
        guard X509_verify_cert(check) == 1 else {
            let why = String(cString: X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(check))))
            throw .notTrusted("\(self.certificate) is not valid under \(self.authority): \(why). Issue a new one with: muster ca issue")
        }
    }

    private static func facts(of leaf: OpaquePointer) -> Facts {
        final class Names {
            var uris: [String] = []
            var hosts: [String] = []
        }
        let names = Names()
        withExtendedLifetime(names) {
            cossl_each_alternative_name(leaf, Unmanaged.passUnretained(names).toOpaque()) { context, kind, bytes, length in
                guard let context, let bytes else { return }
                let names = Unmanaged<Names>.fromOpaque(context).takeUnretainedValue()
                let buffer = UnsafeBufferPointer(start: bytes, count: length)
                switch kind {
                case GEN_URI: names.uris.append(String(decoding: buffer, as: UTF8.self))
                case GEN_DNS: names.hosts.append(String(decoding: buffer, as: UTF8.self))
                default: names.hosts.append(Self.address(buffer))
                }
            }
        }
        return Facts(
            notBefore: Self.seconds(X509_get0_notBefore(leaf)), notAfter: Self.seconds(X509_get0_notAfter(leaf)), serial: OpenSSLCertificate.serial(leaf),
            uris: names.uris, hosts: names.hosts)
    }

    /// Four or sixteen bytes as people write them.
    private static func address(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard bytes.count == 4 || bytes.count == 16, inet_ntop(family, bytes.baseAddress, &text, socklen_t(text.count)) != nil else {
            return bytes.map { String($0) }.joined(separator: ".")
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 { OpenSSLCertificate.seconds(time) ?? 0 }

    private static var reason: String {
        let code = ERR_get_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return "no further reason given" }
        return String(cString: text)
    }
}
