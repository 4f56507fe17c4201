import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import TLS
import X509

/// An authority that also issues what the real one never would.
struct TestPKI {
    /// What a certificate says; the defaults are those of a good node.
    struct Leaf {
        var commonName = "b"
        var names: [GeneralName] = [.uniformResourceIdentifier("spiffe://prod/node/b")]
        var usages: [ExtendedKeyUsage.Usage] = [.serverAuth, .clientAuth]
        var isAuthority = false
        /// Seconds from now.
        var from = -300.0
        var to = 3600.0
        var isSelfSigned = false

        static func node(_ name: String) -> Leaf { Leaf(commonName: name, names: [.uniformResourceIdentifier("spiffe://prod/node/\(name)")]) }
    }

    struct Identity {
        var certificate: String
        var key: String
        var serial: String

        /// Trusting the given authorities.
        func material(_ authority: String) -> IdentityMaterial {
            IdentityMaterial(certificate: Array(self.certificate.utf8), key: Array(self.key.utf8), authority: Array(authority.utf8))
        }
    }

    let key: P256.Signing.PrivateKey
    let certificate: Certificate
    var pem: String { get throws { try self.certificate.serializeAsPEM().pemString + "\n" } }

    init(name: String = "authority") throws {
        let key = P256.Signing.PrivateKey()
        self.key = key
        let subject = try DistinguishedName { CommonName(name) }
        self.certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date(timeIntervalSinceNow: -86_400),
            notValidAfter: Date(timeIntervalSinceNow: 86_400), issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true))
                SubjectKeyIdentifier(hash: .init(key.publicKey))
            }, issuerPrivateKey: .init(key))
    }

    func issue(_ leaf: Leaf) throws -> Identity {
        let key = P256.Signing.PrivateKey()
        let subject = try DistinguishedName { CommonName(leaf.commonName) }
        let signer = leaf.isSelfSigned ? key : self.key
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date(timeIntervalSinceNow: leaf.from),
            notValidAfter: Date(timeIntervalSinceNow: leaf.to), issuer: leaf.isSelfSigned ? subject : self.certificate.subject, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(leaf.isAuthority ? BasicConstraints.isCertificateAuthority(maxPathLength: nil) : .notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true, keyCertSign: leaf.isAuthority))
                if !leaf.usages.isEmpty { try ExtendedKeyUsage(leaf.usages) }
                if !leaf.names.isEmpty { SubjectAlternativeNames(leaf.names) }
                SubjectKeyIdentifier(hash: .init(key.publicKey))
                AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: .init(signer.publicKey)).keyIdentifier)
            }, issuerPrivateKey: .init(signer))
        return Identity(
            certificate: try certificate.serializeAsPEM().pemString + "\n", key: key.pemRepresentation,
            serial: certificate.serialNumber.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
    }

    /// A good node of cluster `prod`.
    func node(_ name: String, trusting authorities: String? = nil) throws -> TLSContext {
        let authorities = try authorities ?? self.pem
        return try TLSContext(try self.issue(.node(name)).material(authorities), cluster: "prod", node: name)
    }

    /// NIOSSL's side of a link, which checks nothing unless told to.
    func boring(_ identity: Identity?, protocols: [String] = [TLSContext.applicationProtocol]) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(self.pem.utf8)))
        configuration.applicationProtocols = protocols
        if let identity {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificate.utf8)).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.key.utf8), format: .pem))
        }
        return configuration
    }
}
