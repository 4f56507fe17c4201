import Crypto
import Foundation
import SwiftASN1
import TLS
import Testing
import X509

@Suite("Certificate authority")
struct CertificateAuthorityTests {
    private static func names(_ certificate: Certificate) throws -> [GeneralName] {
        Array(try #require(try certificate.extensions.subjectAlternativeNames))
    }

    @Test("a node's certificate has exactly one name, its identity as a URI")
    func nodeIdentity() throws {
        let authority = try Authority.make()
        let issued = try authority.issueNode(cluster: "prod", node: "a")
        let certificate = try Certificate(pemEncoded: issued.certificate)
        #expect(try Self.names(certificate) == [.uniformResourceIdentifier("spiffe://prod/node/a")])
        let usages = try #require(try certificate.extensions.extendedKeyUsage)
        #expect(Set(usages) == [.serverAuth, .clientAuth])
        #expect(try certificate.extensions.basicConstraints == .notCertificateAuthority)
    }

    @Test("an API certificate names its hosts and addresses, and identifies no node")
    func serverNames() throws {
        let issued = try Authority.make().issueServer(hosts: ["a.internal", "10.0.0.1", "fd00::7", "*.muster.example"])
        let certificate = try Certificate(pemEncoded: issued.certificate)
        let addresses: [ArraySlice<UInt8>] = [[10, 0, 0, 1], [0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]]
        #expect(
            try Self.names(certificate) == [
                .dnsName("a.internal"), .ipAddress(ASN1OctetString(contentBytes: addresses[0])),
                .ipAddress(ASN1OctetString(contentBytes: addresses[1])), .dnsName("*.muster.example"),
            ])
        #expect(Set(try #require(try certificate.extensions.extendedKeyUsage)) == [.serverAuth])
    }

    @Test("a certificate lives as long as was asked, and never longer than its authority")
    func lifetime() throws {
        let authority = try Authority.make()
        let before = Date()
        let hour = try Certificate(pemEncoded: authority.issueNode(cluster: "prod", node: "a", lifetime: .seconds(3600)).certificate)
        #expect(hour.notValidBefore < before, "a clock that is behind must accept it")
        #expect(hour.notValidAfter >= before.addingTimeInterval(3599))
        // Times in certificates are whole seconds.
        #expect(hour.notValidAfter <= Date().addingTimeInterval(3601))
        let issuer = try Certificate(pemEncoded: authority.certificate)
        let long = try Certificate(pemEncoded: authority.issueNode(cluster: "prod", node: "a", lifetime: .seconds(20 * 365 * 86_400)).certificate)
        #expect(long.notValidAfter == issuer.notValidAfter)
    }

    @Test("an authority signs what it issues with its own key, and no two certificates share a key or serial number")
    func signature() throws {
        let authority = try Authority.make()
        let issuer = try Certificate(pemEncoded: authority.certificate)
        let texts = try (0..<3).map { _ in try authority.issueNode(cluster: "prod", node: "a") }
        let certificates = try texts.map { try Certificate(pemEncoded: $0.certificate) }
        for (text, certificate) in zip(texts, certificates) {
            #expect(issuer.publicKey.isValidSignature(certificate.signature, for: certificate))
            let key = try P256.Signing.PrivateKey(pemRepresentation: text.key)
            #expect(certificate.publicKey == Certificate.PublicKey(key.publicKey))
        }
        #expect(Set(certificates.map(\.serialNumber.bytes)).count == 3)
        #expect(Set(texts.map(\.key)).count == 3)
    }

    @Test("an authority may sign nodes and no further authorities")
    func constraints() throws {
        let issuer = try Certificate(pemEncoded: Authority.make().certificate)
        #expect(try issuer.extensions.basicConstraints == .isCertificateAuthority(maxPathLength: 0))
        #expect(try issuer.extensions.keyUsage == KeyUsage(keyCertSign: true, cRLSign: true))
    }

    @Test("an authority with another's key is refused")
    func wrongKey() throws {
        let one = try CertificateAuthority.create(cluster: "prod")
        let other = try CertificateAuthority.create(cluster: "prod")
        let error = #expect(throws: TLS.CertificateError.self) { try CertificateAuthority(certificate: one.certificate, key: other.key) }
        #expect(error == .keyMismatch("the authority’s key does not belong to its certificate"))
    }

    @Test("texts that are no certificate or key are refused", arguments: ["", "certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func notPEM(text: String) throws {
        let good = try CertificateAuthority.create(cluster: "prod")
        var error = #expect(throws: TLS.CertificateError.self) { try CertificateAuthority(certificate: text, key: good.key) }
        #expect(error == .unreadable("the authority’s certificate is not PEM that can be read"))
        error = #expect(throws: TLS.CertificateError.self) { try CertificateAuthority(certificate: good.certificate, key: text) }
        #expect(error == .unreadable("the authority’s key is not an ECDSA P-256 key in PEM"))
    }

    @Test("an authority that has expired issues nothing")
    func expiredAuthority() throws {
        let expired = try Authority.make(validUntil: Date(timeIntervalSinceNow: -60))
        let error = #expect(throws: TLS.CertificateError.self) { try expired.issueNode(cluster: "prod", node: "a") }
        #expect(error?.description.contains("the authority’s certificate expired on") == true)
    }

    @Test("no host, and what is none, is refused", arguments: ["", "https://a.internal", "a.internal:7443", "a b", "-a", "a..b", "ä.example", "*"])
    func badHosts(host: String) throws {
        let authority = try Authority.make()
        #expect(throws: TLS.CertificateError.noHost(host)) { try authority.issueServer(hosts: ["a.internal", host]) }
        let none = #expect(throws: TLS.CertificateError.self) { try authority.issueServer(hosts: []) }
        #expect(none == .noHosts)
        #expect(none?.description.contains("--hosts") == true)
    }
}

/// Authorities for tests.
enum Authority {
    static func make() throws -> CertificateAuthority {
        let issued = try CertificateAuthority.create(cluster: "prod")
        return try CertificateAuthority(certificate: issued.certificate, key: issued.key)
    }

    /// One whose own life is given, as `create` never makes it.
    static func make(validUntil end: Date) throws -> CertificateAuthority {
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName { CommonName("old") }
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date(timeIntervalSinceNow: -86_400),
            notValidAfter: end, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0)) }, issuerPrivateKey: .init(key))
        return try CertificateAuthority(certificate: try certificate.serializeAsPEM().pemString, key: key.pemRepresentation)
    }
}
