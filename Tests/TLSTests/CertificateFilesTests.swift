import Crypto
import Foundation
import SwiftASN1
import TLS
import Testing
import X509

@Suite("Certificate files")
struct CertificateFilesTests {
    /// A folder with a good certificate, its key and its authority, gone with the test.
    private final class Folder {
        let path: String
        let authority: CertificateAuthority

        init() throws {
            self.path = NSTemporaryDirectory() + "tls-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
            self.authority = try Authority.make()
            let issued = try self.authority.issueNode(cluster: "prod", node: "a")
            try self.write(issued.certificate, "node.pem")
            try self.write(issued.key, "node.key", mode: 0o600)
            try self.write(self.authority.certificate, "ca.pem")
        }
        deinit { try? FileManager.default.removeItem(atPath: self.path) }

        var files: CertificateFiles {
            CertificateFiles(certificate: "\(self.path)/node.pem", key: "\(self.path)/node.key", authority: "\(self.path)/ca.pem")
        }
        func write(_ text: String, _ name: String, mode: Int = 0o644) throws {
            let file = "\(self.path)/\(name)"
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        }
        /// What the check objects to, with the folder's path as `.`.
        func objection() throws -> String {
            let files = self.files
            let error = #expect(throws: TLS.CertificateError.self) { try files.check() }
            return try #require(error).description.replacing(self.path, with: ".")
        }
        func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(self.path)/\(name)") }
    }

    @Test("good files are told by their names and times")
    func good() throws {
        let folder = try Folder()
        let facts = try folder.files.check()
        let certificate = try Certificate(pemEncoded: String(contentsOfFile: folder.files.certificate, encoding: .utf8))
        #expect(facts.uris == ["spiffe://prod/node/a"])
        #expect(facts.hosts.isEmpty)
        #expect(facts.notBefore == Int64(certificate.notValidBefore.timeIntervalSince1970))
        #expect(facts.notAfter == Int64(certificate.notValidAfter.timeIntervalSince1970))
    }

    @Test("host names and addresses are told as people write them")
    func hosts() throws {
        let folder = try Folder()
        let issued = try folder.authority.issueServer(hosts: ["a.internal", "10.0.0.1", "fd00::7", "::1"])
        try folder.write(issued.certificate, "node.pem")
        try folder.write(issued.key, "node.key", mode: 0o600)
        let facts = try folder.files.check()
        #expect(facts.hosts == ["a.internal", "10.0.0.1", "fd00::7", "::1"])
        #expect(facts.uris.isEmpty)
    }

    @Test("a file that is missing is named, with what makes it", arguments: ["node.pem", "node.key", "ca.pem"])
    func missing(name: String) throws {
        let folder = try Folder()
        try folder.remove(name)
        #expect(
            try folder.objection() == "./\(name) can't be read: does it exist, and may this user read it? Issue certificates with: muster ca issue")
    }

    @Test("a key that others can read is refused, with the command that mends it", arguments: [0o640, 0o604, 0o660])
    func exposedKey(mode: Int) throws {
        let folder = try Folder()
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.files.key)
        #expect(try folder.objection() == "./node.key can be read by others than its owner; run: chmod 600 ./node.key")
    }

    @Test("rubbish in place of the certificate, the key or the authority is named", arguments: ["", "rubbish\n"])
    func rubbish(text: String) throws {
        let folder = try Folder()
        let good = try String(contentsOfFile: folder.files.certificate, encoding: .utf8)
        try folder.write(text, "node.pem")
        #expect(try folder.objection().hasPrefix("./node.pem holds no certificate that can be used: "))
        try folder.write(good, "node.pem")
        let key = try String(contentsOfFile: folder.files.key, encoding: .utf8)
        try folder.write(text, "node.key", mode: 0o600)
        #expect(try folder.objection().hasPrefix("./node.key holds no private key in PEM: "))
        try folder.write(key, "node.key", mode: 0o600)
        try folder.write(text, "ca.pem")
        #expect(try folder.objection().hasPrefix("./ca.pem holds no authority’s certificate: "))
    }

    @Test("another certificate's key is refused")
    func keyMismatch() throws {
        let folder = try Folder()
        try folder.write(try folder.authority.issueNode(cluster: "prod", node: "b").key, "node.key", mode: 0o600)
        #expect(
            try folder.objection() == "./node.key is not the key of ./node.pem; both have to come from the same: muster ca issue")
    }

    @Test("a certificate of another authority is refused")
    func otherAuthority() throws {
        let folder = try Folder()
        try folder.write(try Authority.make().certificate, "ca.pem")
        let objection = try folder.objection()
        #expect(objection.hasPrefix("./node.pem is not valid under ./ca.pem: "))
        #expect(objection.hasSuffix("Issue a new one with: muster ca issue"))
    }

    @Test("an expired certificate and one that is not valid yet are refused, and it is said which")
    func expired() throws {
        let folder = try Folder()
        for (from, to, words) in [(-7200.0, -3600.0, "expired"), (3600.0, 7200.0, "not yet valid")] {
            let (certificate, key, authority) = try Self.chain(from: from, to: to)
            try folder.write(certificate, "node.pem")
            try folder.write(key, "node.key", mode: 0o600)
            try folder.write(authority, "ca.pem")
            #expect(try folder.objection().contains(words))
        }
    }

    /// A certificate that is valid between two times, in seconds from now, and its authority.
    private static func chain(from: Double, to: Double) throws -> (certificate: String, key: String, authority: String) {
        let issuerKey = P256.Signing.PrivateKey()
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName { CommonName("authority") }
        let issuer = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(issuerKey.publicKey), notValidBefore: Date(timeIntervalSinceNow: -86_400),
            notValidAfter: Date(timeIntervalSinceNow: 86_400), issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0)) },
            issuerPrivateKey: .init(issuerKey))
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date(timeIntervalSinceNow: from),
            notValidAfter: Date(timeIntervalSinceNow: to), issuer: name, subject: try DistinguishedName { CommonName("a") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions { SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://prod/node/a")]) },
            issuerPrivateKey: .init(issuerKey))
        return (try certificate.serializeAsPEM().pemString, key.pemRepresentation, try issuer.serializeAsPEM().pemString)
    }
}
