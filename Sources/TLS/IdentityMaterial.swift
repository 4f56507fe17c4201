internal import COpenSSL
internal import COpenSSLShims
internal import Crypto
internal import Foundation
internal import Model

/// What makes a node's identity, read but not yet believed: its certificate (and those between it and its authority), its key, and the authorities it trusts,
/// all PEM.
public struct IdentityMaterial: Sendable {
    /// No certificate, key or bundle is near this size: a larger file is a mistake, such as a log under the wrong name.
    public static let largestFile = 256 * 1024
    /// Old and new authority overlap in a rotation; more than that is somebody's heap of certificates.
    public static let mostAuthorities = 8
    /// Between a leaf and its authority.
    static let mostIntermediates = 3

    /// PEM: the leaf, then whatever leads to its authority.
    public var certificate: [UInt8]
    /// PEM. A secret.
    public var key: [UInt8]
    /// PEM: the authorities to trust.
    public var authority: [UInt8]
    /// What to call each in an error: the paths they came from.
    public var origin: CertificateFiles

    public init(
        certificate: [UInt8], key: [UInt8], authority: [UInt8],
        origin: CertificateFiles = CertificateFiles(certificate: "the certificate", key: "the key", authority: "the authority")
    ) {
        self.certificate = certificate
        self.key = key
        self.authority = authority
        self.origin = origin
    }

    /// Reads the three files.
    ///
    /// - Throws: ``CertificateError`` when one can't be read, is too large, or is a key that others than its owner can read.
    public init(files: CertificateFiles) throws(CertificateError) {
        self.origin = files
        self.certificate = try Self.read(files.certificate, secret: false)
        self.key = try Self.read(files.key, secret: true)
        self.authority = try Self.read(files.authority, secret: false)
    }

    /// SHA-256 of each part: tells whether a file changed.
    var digests: [[UInt8]] { [self.certificate, self.key, self.authority].map { Array(Crypto.SHA256.hash(data: $0)) } }

    /// Links are followed: orchestrators mount secrets as links to folders that they exchange.
    private static func read(_ path: String, secret: Bool) throws(CertificateError) -> [UInt8] {
        guard access(path, R_OK) == 0 else {
            throw .unreadable("\(path) can't be read: \(String(cString: strerror(errno))). Issue certificates with: muster ca issue")
        }
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: target), attributes[.type] as? FileAttributeType == .typeRegular else {
            throw .unreadable("\(path) is no file")
        }
        if secret, let mode = attributes[.posixPermissions] as? NSNumber, mode.uint16Value & 0o077 != 0 {
            throw .exposedKey("\(path) can be read by others than its owner; run: chmod 600 \(path)")
        }
        let content: Data
        do {
            guard let file = FileHandle(forReadingAtPath: target) else { throw CertificateError.unreadable("\(path) can't be opened") }
            defer { try? file.close() }
            content = try file.read(upToCount: Self.largestFile + 1) ?? Data()
        } catch { throw .unreadable("\(path) can't be read: \(error)") }
        guard content.count <= Self.largestFile else {
            throw .unreadable("\(path) has more than \(Self.largestFile) bytes, which no certificate or key has; is it the right file?")
        }
        return Array(content)
    }
}

/// An OpenSSL certificate, freed with its last reference.
final class OpenSSLCertificate {
    let raw: OpaquePointer

    init(owning raw: OpaquePointer) { self.raw = raw }
    deinit { X509_free(self.raw) }

    var isAuthority: Bool { X509_check_ca(self.raw) > 0 }
    var fingerprint: String { Self.fingerprint(self.raw) }

    /// SHA-256 of the whole certificate in lower-case hex.
    static func fingerprint(_ certificate: OpaquePointer) -> String {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &bytes)
        guard count > 0, let bytes else { return "" }
        defer { CRYPTO_free(bytes, nil, 0) }
        let digest = Crypto.SHA256.hash(data: UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        return digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    static func serial(_ certificate: OpaquePointer) -> String {
        guard let number = X509_get0_serialNumber(certificate), let bytes = ASN1_STRING_get0_data(number) else { return "0" }
        return CertificateSerial.text(UnsafeBufferPointer(start: bytes, count: Int(ASN1_STRING_length(number))))
    }

    /// Seconds since 1970-01-01T00:00:00Z; nil when OpenSSL can't read the time.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return Int64(timegm(&parts))
    }

    static func names(_ certificate: OpaquePointer) -> PresentedNames {
        var names = PresentedNames()
        withUnsafeMutablePointer(to: &names) {
            cossl_each_alternative_name(certificate, $0) { context, kind, bytes, length in
                guard let names = context?.assumingMemoryBound(to: PresentedNames.self) else { return }
                if kind == GEN_URI {
                    names.pointee.uris.append(Array(UnsafeBufferPointer(start: bytes, count: length)))
                } else {
                    names.pointee.others += 1
                }
            }
        }
        return names
    }

    /// All certificates of a PEM text, at most `limit`.
    static func all(in pem: [UInt8], limit: Int, called name: String) throws(CertificateError) -> [OpenSSLCertificate] {
        OpenSSLQueue.clear()
        guard let memory = BIO_new_mem_buf(pem, Int32(pem.count)) else { throw .unreadable("OpenSSL has no memory left") }
        defer { BIO_free(memory) }
        var certificates: [OpenSSLCertificate] = []
        while let raw = PEM_read_bio_X509(memory, nil, nil, nil) {
            certificates.append(OpenSSLCertificate(owning: raw))
            guard certificates.count <= limit else { throw .unreadable("\(name) holds more than \(limit) certificates") }
        }
        let entries = OpenSSLQueue.drain()
        // The end of the text is the one error that is none.
        guard entries.last?.reason == PEM_R_NO_START_LINE else {
            throw .unreadable("\(name) holds a certificate that can't be read: \(entries.map(\.text).joined(separator: "; "))")
        }
        guard !certificates.isEmpty else { throw .unreadable("\(name) holds no certificate in PEM; issue one with: muster ca issue") }
        return certificates
    }
}
