internal import Crypto
internal import Foundation
internal import SwiftASN1
internal import X509

/// The authorities that a cluster trusts, as PEM: one as a rule, old and new while one replaces the other.
///
/// A rotation is three steps, each complete on all nodes before the next: trust old and new (``adding(_:)``), issue every node's certificate from the
/// new one, trust the new one alone (``removing(_:)``). In any order of nodes within a step, every node trusts every other.
public struct AuthorityBundle: Sendable, Hashable {
    /// One authority of a bundle.
    public struct Entry: Sendable, Hashable {
        /// SHA-256 of the certificate, lower-case hex; the same as ``TLSContext/Facts/authorities`` has.
        public var fingerprint: String
        /// The common name of its subject.
        public var name: String
        /// Seconds since 1970-01-01T00:00:00Z.
        public var notAfter: Int64
        /// Its certificate alone.
        public var pem: String
    }

    /// In the order of the text.
    public private(set) var entries: [Entry]

    /// Reads all certificates of a text.
    ///
    /// - Throws: ``CertificateError`` when there is none, one can't be read, one is no authority's, or there are more than
    ///   ``IdentityMaterial/mostAuthorities``.
    public init(pem: String) throws(CertificateError) {
        let documents: [PEMDocument]
        do { documents = try PEMDocument.parseMultiple(pemString: pem) } catch {
            throw .unreadable("the authorities’ certificates are not PEM that can be read")
        }
        guard !documents.isEmpty else { throw .unreadable("there is no authority’s certificate in the text") }
        self.entries = []
        for document in documents {
            let entry = try Self.entry(document)
            if !self.entries.contains(where: { $0.fingerprint == entry.fingerprint }) { self.entries.append(entry) }
        }
        try self.checkCount()
    }

    /// All entries, one after the other.
    public var pem: String { self.entries.map(\.pem).joined() }

    /// This bundle and, before it, what `other` adds: the newest authority comes first.
    public func adding(_ other: AuthorityBundle) throws(CertificateError) -> AuthorityBundle {
        var bundle = self
        bundle.entries = other.entries + self.entries.filter { entry in !other.entries.contains { $0.fingerprint == entry.fingerprint } }
        try bundle.checkCount()
        return bundle
    }

    /// This bundle without one authority.
    ///
    /// - Throws: ``CertificateError`` when it isn't there, or is the last: nodes that trust nobody are no cluster.
    public func removing(_ fingerprint: String) throws(CertificateError) -> AuthorityBundle {
        var bundle = self
        bundle.entries.removeAll { $0.fingerprint == fingerprint }
        guard bundle.entries.count < self.entries.count else { throw .notTrusted("no authority with fingerprint \(fingerprint) is in the bundle") }
        guard !bundle.entries.isEmpty else { throw .notTrusted("the authority \(fingerprint) is the last of the bundle; add its successor first") }
        return bundle
    }

    private func checkCount() throws(CertificateError) {
        guard self.entries.count <= IdentityMaterial.mostAuthorities else {
            throw .notTrusted("more than \(IdentityMaterial.mostAuthorities) authorities in one bundle; remove those that are no longer used")
        }
    }

    private static func entry(_ document: PEMDocument) throws(CertificateError) -> Entry {
        let certificate: Certificate
        do { certificate = try Certificate(pemDocument: document) } catch {
            throw .unreadable("an authority’s certificate can't be read")
        }
        guard case .isCertificateAuthority? = try? certificate.extensions.basicConstraints else {
            throw .notTrusted("the certificate of \(certificate.subject) is no authority’s")
        }
        let digest = SHA256.hash(data: document.derBytes).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        return Entry(
            fingerprint: digest, name: "\(certificate.subject)", notAfter: Int64(certificate.notValidAfter.timeIntervalSince1970),
            pem: document.pemString + "\n")
    }
}

extension CertificateAuthority {
    /// A new authority for a rotation, and what nodes have to trust while both are in use.
    public struct Succession: Sendable {
        /// The new authority; keep its key as the old one's is kept.
        public var successor: Issued
        /// Both, the new one first.
        public var overlap: AuthorityBundle
        /// What is to be removed in the last step.
        public var retired: [AuthorityBundle.Entry]
    }

    /// Makes the authority that replaces those of `current`. Nothing is trusted less by it yet.
    public static func succession(of current: AuthorityBundle, cluster: String) throws -> Succession {
        let successor = try Self.create(cluster: cluster)
        let overlap = try current.adding(try AuthorityBundle(pem: successor.certificate))
        return Succession(successor: successor, overlap: overlap, retired: current.entries)
    }
}
