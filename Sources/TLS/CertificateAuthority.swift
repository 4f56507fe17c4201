internal import Crypto
internal import Foundation
internal import SwiftASN1
internal import X509

/// A cluster's own certificate authority: it vouches for nodes to one another and to clients.
///
/// A node's identity towards other nodes is exactly one URI subject alternative name, `spiffe://<cluster>/node/<name>`; its API certificate names hosts. Keys
/// are ECDSA P-256. Everything is PEM, keys as PKCS #8. It holds no state: the caller keeps the authority's key, and keeps it safe.
public struct CertificateAuthority: Sendable {
    /// A certificate with its key, as text.
    public struct Issued: Sendable {
        /// PEM: this certificate alone.
        public var certificate: String
        /// PEM, PKCS #8. A secret.
        public var key: String
    }

    /// An authority lives for ten years; replacing it is an act of its own.
    public static let authorityLifetime = Duration.seconds(3650 * 86_400)
    /// A node's certificates live for 90 days unless asked otherwise.
    public static let defaultLifetime = Duration.seconds(90 * 86_400)
    /// Certificates are valid from this long before their making, for clocks that are behind.
    static let backdating = Duration.seconds(300)

    /// The certificate of the authority that signs.
    public let certificate: String
    /// All authorities that nodes are to trust: the one that signs, and in a rotation the one before or after it.
    public let bundle: AuthorityBundle
    private let issuer: Certificate
    private let key: Certificate.PrivateKey

    /// Makes a new authority.
    public static func create(cluster: String) throws -> Issued {
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName {
            CommonName("Muster authority of \(cluster)"); OrganizationName("Muster")
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Self.date(-Self.backdating),
            notValidAfter: Self.date(Self.authorityLifetime), issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: .init(key.publicKey))
            }, issuerPrivateKey: .init(key))
        return Issued(certificate: try certificate.serializeAsPEM().pemString, key: key.pemRepresentation)
    }

    /// Takes an existing authority. In a rotation the text holds several; the one that the key belongs to signs.
    /// - Throws: ``CertificateError`` when the texts are no certificate and key, or not of one another.
    public init(certificate: String, key: String) throws {
        let certificates = (try? PEMDocument.parseMultiple(pemString: certificate).map { try Certificate(pemDocument: $0) }) ?? []
        guard !certificates.isEmpty else { throw CertificateError.unreadable("the authority’s certificate is not PEM that can be read") }
        let signingKey: P256.Signing.PrivateKey
        do { signingKey = try P256.Signing.PrivateKey(pemRepresentation: key) } catch {
            throw CertificateError.unreadable("the authority’s key is not an ECDSA P-256 key in PEM")
        }
        self.key = Certificate.PrivateKey(signingKey)
        let publicKey = self.key.publicKey
        guard let issuer = certificates.first(where: { $0.publicKey == publicKey }) else {
            throw CertificateError.keyMismatch("the authority’s key does not belong to its certificate")
        }
        self.issuer = issuer
        self.certificate = certificates.count == 1 ? certificate : try issuer.serializeAsPEM().pemString
        self.bundle = try AuthorityBundle(pem: certificate)
    }

    /// A node's identity towards other nodes.
    public func issueNode(cluster: String, node: String, lifetime: Duration = Self.defaultLifetime) throws -> Issued {
        try self.issue(
            commonName: node, names: [.uniformResourceIdentifier("spiffe://\(cluster)/node/\(node)")], usages: [.serverAuth, .clientAuth], lifetime: lifetime)
    }

    /// An HTTPS certificate for the given host names and addresses.
    public func issueServer(hosts: [String], lifetime: Duration = Self.defaultLifetime) throws -> Issued {
        guard let first = hosts.first else { throw CertificateError.noHosts }
        let names: [GeneralName] = try hosts.map { host in
            if let address = Self.address(host) { return .ipAddress(ASN1OctetString(contentBytes: address[...])) }
            guard Self.isHostName(host) else { throw CertificateError.noHost(host) }
            return .dnsName(host)
        }
        return try self.issue(commonName: first, names: names, usages: [.serverAuth], lifetime: lifetime)
    }

    /// Letters, digits and hyphens in parts of up to 63, as RFC 1123 has it; the first part may be `*`.
    private static func isHostName(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        guard host.utf8.count <= 253 else { return false }
        return parts.enumerated().allSatisfy { index, part in
            if index == 0, part == "*" { return parts.count > 1 }
            let isPlain = part.utf8.allSatisfy { $0 == UInt8(ascii: "-") || ($0 < 0x80 && Character(Unicode.Scalar($0)).isLetterOrDigit) }
            return (1...63).contains(part.utf8.count) && isPlain && part.first != "-" && part.last != "-"
        }
    }

    private func issue(commonName: String, names: [GeneralName], usages: [ExtendedKeyUsage.Usage], lifetime: Duration) throws -> Issued {
        guard self.issuer.notValidAfter > Date() else {
            throw CertificateError.notTrusted("the authority’s certificate expired on \(self.issuer.notValidAfter); the cluster needs a new authority")
        }
        let key = P256.Signing.PrivateKey()
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Self.date(-Self.backdating),
            notValidAfter: min(Self.date(lifetime), self.issuer.notValidAfter), issuer: self.issuer.subject,
            subject: try DistinguishedName { CommonName(commonName) }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage(usages)
                SubjectAlternativeNames(names)
                SubjectKeyIdentifier(hash: .init(key.publicKey))
                if let identifier = try self.issuer.extensions.subjectKeyIdentifier?.keyIdentifier {
                    AuthorityKeyIdentifier(keyIdentifier: identifier)
                }
            }, issuerPrivateKey: self.key)
        return Issued(certificate: try certificate.serializeAsPEM().pemString, key: key.pemRepresentation)
    }

    private static func date(_ fromNow: Duration) -> Date { Date(timeIntervalSinceNow: Double(fromNow.components.seconds)) }

    /// The bytes of a numeric IPv4 or IPv6 address.
    private static func address(_ host: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, host, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        var six = in6_addr()
        if inet_pton(AF_INET6, host, &six) == 1 { return withUnsafeBytes(of: &six) { Array($0) } }
        return nil
    }
}

extension Character {
    fileprivate var isLetterOrDigit: Bool { self.isASCII && (self.isLetter || self.isNumber) }
}

extension Duration {
    static prefix func - (duration: Duration) -> Duration { .zero - duration }
}

/// What is wrong with a certificate or key.
public enum CertificateError: Error, Sendable, Hashable, CustomStringConvertible {
    case unreadable(String)
    case keyMismatch(String)
    case notTrusted(String)
    case noHosts
    /// It is no host name and no address.
    case noHost(String)
    case exposedKey(String)

    public var description: String {
        switch self {
        case .unreadable(let what), .keyMismatch(let what), .notTrusted(let what), .exposedKey(let what): what
        case .noHost(let host): "“\(host)” is neither a host name nor an address; give --hosts a.internal,10.0.0.1 without scheme and port"
        case .noHosts: "a server certificate needs at least one host name or address; give --hosts"
        }
    }
}
