import Foundation
import TLS
import Testing
import X509

/// A node's folder with its three files, gone with the test.
final class IdentityFolder {
    let path = NSTemporaryDirectory() + "identity-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    var files: CertificateFiles {
        CertificateFiles(certificate: "\(self.path)/node.pem", key: "\(self.path)/node.key", authority: "\(self.path)/ca.pem")
    }

    func write(_ identity: TestPKI.Identity) throws {
        try self.write(identity.certificate, to: "node.pem")
        try self.write(identity.key, to: "node.key", mode: 0o600)
    }
    func write(_ text: String, to name: String, mode: Int = 0o644) throws {
        let file = "\(self.path)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    }
    /// What was thrown, with the folder's path as `.`.
    func objection(_ body: () throws -> Void) throws -> String {
        let error = #expect(throws: TLS.CertificateError.self) { try body() }
        return try #require(error).description.replacing(self.path, with: ".")
    }
}

@Suite("Identity store")
struct IdentityStoreTests {
    private let pki: TestPKI
    private let folder: IdentityFolder

    init() throws {
        self.pki = try TestPKI()
        self.folder = try IdentityFolder()
        try self.folder.write(try self.pki.issue(.node("a")))
        try self.folder.write(try self.pki.pem, to: "ca.pem")
    }

    private func store() throws -> IdentityStore { try IdentityStore(files: self.folder.files, cluster: "prod", node: "a") }

    /// Whether node `b` of the given authority and our node accept one another now.
    private func accepts(_ store: IdentityStore, _ b: TLSContext) throws -> Bool {
        let server = OurEnd(try store.session(.server, expecting: .member { $0 == "b" }))
        let client = try OurEnd(b, .client, .node("a"))
        exchange(client, server)
        return server.peer != nil && server.error == nil && client.error == nil
    }

    @Test("files as they were are no change")
    func unchanged() throws {
        let store = try self.store()
        #expect(try store.reload() == nil)
        #expect(store.facts.notAfter > store.facts.notBefore)
        #expect(store.facts.authorities.count == 1)
    }

    @Test("the authority's own certificates are good for a store: issued, checked and loaded")
    func issued() throws {
        let authority = try Authority.make()
        let issued = try authority.issueNode(cluster: "prod", node: "a", lifetime: .seconds(86_400))
        try self.folder.write(issued.certificate, to: "node.pem")
        try self.folder.write(issued.key, to: "node.key", mode: 0o600)
        try self.folder.write(authority.bundle.pem, to: "ca.pem")
        let store = try self.store()
        #expect(store.facts.authorities == Set(authority.bundle.entries.map(\.fingerprint)))
        #expect(try store.files.check().serial == store.facts.serial)
    }

    @Test("files may be links, as orchestrators mount them; it is the key behind the link that may be read by its owner alone")
    func links() throws {
        let names = ["node.pem", "node.key", "ca.pem"]
        for name in names {
            try FileManager.default.moveItem(atPath: "\(self.folder.path)/\(name)", toPath: "\(self.folder.path)/v1-\(name)")
            try FileManager.default.createSymbolicLink(atPath: "\(self.folder.path)/\(name)", withDestinationPath: "v1-\(name)")
        }
        let store = try self.store()
        #expect(try store.files.check().serial == store.facts.serial)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: "\(self.folder.path)/v1-node.key")
        #expect(try self.folder.objection { _ = try store.reload() } == "./node.key can be read by others than its owner; run: chmod 600 ./node.key")
    }

    @Test("a new certificate is taken over, and is told as a new leaf")
    func newLeaf() throws {
        let store = try self.store()
        let before = store.facts
        try self.folder.write(try self.pki.issue(.node("a")))
        let change = try #require(try store.reload())
        #expect(change.before == before)
        #expect(change.after == store.facts)
        #expect(change.isNewLeaf)
        #expect(change.addedAuthorities.isEmpty && change.removedAuthorities.isEmpty)
        #expect(try store.reload() == nil)
        #expect(try self.accepts(store, self.pki.node("b")))
    }

    @Test("authorities are added and removed without a restart, and links of a removed one are objected to")
    func authorities() throws {
        let store = try self.store()
        let next = try TestPKI(name: "next")
        let b = try next.node("b", trusting: "\(self.pki.pem)\(next.pem)")
        #expect(try !self.accepts(store, b))

        try self.folder.write("\(next.pem)\(self.pki.pem)", to: "ca.pem")
        var change = try #require(try store.reload())
        #expect(!change.isNewLeaf)
        #expect(change.addedAuthorities.count == 1)
        let old = try #require(change.before.authorities.first)
        #expect(try self.accepts(store, b))

        let peer = PeerIdentity(cluster: "prod", node: "b", serial: "1", notAfter: 2_000_000_000, authority: old)
        #expect(store.objection(to: peer, now: 1_900_000_000) == nil)
        try self.folder.write(try next.issue(.node("a")))
        try self.folder.write(try next.pem, to: "ca.pem")
        change = try #require(try store.reload())
        #expect(change.removedAuthorities == [old])
        #expect(store.objection(to: peer, now: 1_900_000_000) == .authorityRemoved(node: "b"))
        #expect(try self.accepts(store, b))
    }

    @Test("a link whose certificate has run out is objected to")
    func runOut() throws {
        let store = try self.store()
        let authority = try #require(store.facts.authorities.first)
        let peer = PeerIdentity(cluster: "prod", node: "b", serial: "1", notAfter: 1000, authority: authority)
        #expect(store.objection(to: peer, now: 1000) == nil)
        #expect(store.objection(to: peer, now: 1001) == .expired(node: "b"))
    }

    @Test("a serial number on the deny-list is refused from the next handshake on, and its links are objected to, however it is written")
    func denied() throws {
        let store = try self.store()
        let b = try self.pki.node("b")
        #expect(try self.accepts(store, b))
        let serial = b.facts.serial
        try store.replaceDenied(["00:" + serial.uppercased()])
        #expect(try !self.accepts(store, b))
        let peer = PeerIdentity(
            cluster: "prod", node: "b", serial: serial, notAfter: b.facts.notAfter, authority: try #require(store.facts.authorities.first))
        #expect(store.objection(to: peer, now: 0) == .denied(node: "b", serial: serial))
        #expect(try self.folder.objection { try store.replaceDenied(["b's"]) }.contains("“b's”, which is no serial number"))
        #expect(store.isDenied(serial), "a bad list changes nothing")
        try store.replaceDenied([])
        #expect(try self.accepts(store, b))
    }

    @Test("a node on the deny-list is refused whatever certificate it shows, at either end, and its links are objected to")
    func deniedNode() throws {
        let store = try self.store()
        let (b, again) = (try self.pki.node("b"), try self.pki.node("b"))
        try store.replaceDenied([], nodes: ["c"])
        #expect(try self.accepts(store, b), "the list is about another")
        try store.replaceDenied([], nodes: ["b"])
        #expect(try !self.accepts(store, b) && !self.accepts(store, again))
        let authority = try #require(store.facts.authorities.first)
        let peer = PeerIdentity(cluster: "prod", node: "b", serial: b.facts.serial, notAfter: b.facts.notAfter, authority: authority)
        #expect(store.objection(to: peer, now: 0) == .denied(node: "b", serial: b.facts.serial))
        #expect(store.isDenied("1", node: "b") && !store.isDenied("1", node: "c") && !store.isDenied("1"))
        try store.replaceDenied([])
        #expect(try self.accepts(store, b))
    }

    @Test("a bad file keeps the identity in use, is named, and is well again when mended", arguments: BadFile.allCases)
    func badFile(bad: BadFile) throws {
        let store = try self.store()
        let before = store.facts
        let contents = try ["node.pem", "node.key", "ca.pem"].map { try String(contentsOfFile: "\(self.folder.path)/\($0)", encoding: .utf8) }
        try bad.spoil(self.folder, self.pki)
        for _ in 0..<2 {
            let objection = try self.folder.objection { _ = try store.reload() }
            #expect(objection.contains(bad.words), "\(objection)")
            #expect(store.facts == before)
            #expect(try self.accepts(store, self.pki.node("b")), "the old identity serves on")
        }
        for (name, content) in zip(["node.pem", "node.key", "ca.pem"], contents) {
            try? FileManager.default.removeItem(atPath: "\(self.folder.path)/\(name)")
            try self.folder.write(content, to: name, mode: name == "node.key" ? 0o600 : 0o644)
        }
        #expect(try store.reload() == nil)
    }

    @Test("what a reload would refuse, a start refuses too", arguments: BadFile.allCases)
    func badStart(bad: BadFile) throws {
        try bad.spoil(self.folder, self.pki)
        let objection = try self.folder.objection { _ = try self.store() }
        #expect(objection.contains(bad.words), "\(objection)")
    }
}

/// What can be wrong with a node's files.
enum BadFile: String, CaseIterable, CustomTestStringConvertible {
    case missing, directory, empty, rubbish, half, tooLarge, keyOfAnother, exposedKey, passphrase, expired, notYetValid, otherAuthority, otherNode, twoNames
    case noName, serverOnly, leafAsAuthority, tooManyAuthorities, brokenSecondAuthority

    var testDescription: String { self.rawValue }

    var words: String {
        switch self {
        case .missing: "./node.pem can't be read: No such file or directory"
        case .directory: "./ca.pem is no file"
        case .empty: "./node.pem holds no certificate in PEM"
        case .rubbish: "./node.key holds no private key in PEM without passphrase"
        case .half: "./node.pem holds a certificate that can't be read"
        case .tooLarge: "./ca.pem has more than 262144 bytes"
        case .keyOfAnother: "./node.key is not the key of ./node.pem"
        case .exposedKey: "./node.key can be read by others than its owner; run: chmod 600 ./node.key"
        case .passphrase: "./node.key holds no private key in PEM without passphrase"
        case .expired: "./node.pem is not valid under ./ca.pem: certificate has expired"
        case .notYetValid: "./node.pem is not valid under ./ca.pem: certificate is not yet valid"
        case .otherAuthority: "./node.pem is not valid under ./ca.pem: "
        case .otherNode: "./node.pem has to name “spiffe://prod/node/a” and no other URI, it names “spiffe://prod/node/b”"
        case .twoNames: "it names “spiffe://prod/node/a”, “spiffe://prod/node/b”"
        case .noName: "it names none"
        case .serverOnly: "./node.pem is not valid under ./ca.pem: "
        case .leafAsAuthority: "./ca.pem holds a certificate that is no authority’s"
        case .tooManyAuthorities: "./ca.pem holds more than 8 certificates"
        case .brokenSecondAuthority: "./ca.pem holds a certificate that can't be read"
        }
    }

    func spoil(_ folder: IdentityFolder, _ pki: TestPKI) throws {
        func leaf(_ change: (inout TestPKI.Leaf) -> Void) throws {
            var leaf = TestPKI.Leaf.node("a")
            change(&leaf)
            try folder.write(try pki.issue(leaf))
        }
        switch self {
        case .missing: try FileManager.default.removeItem(atPath: folder.files.certificate)
        case .directory:
            try FileManager.default.removeItem(atPath: folder.files.authority)
            try FileManager.default.createDirectory(atPath: folder.files.authority, withIntermediateDirectories: false)
        case .empty: try folder.write("", to: "node.pem")
        case .rubbish: try folder.write("rubbish\n", to: "node.key", mode: 0o600)
        case .half:
            let whole = try String(contentsOfFile: folder.files.certificate, encoding: .utf8)
            try folder.write(String(whole.prefix(whole.count / 2)), to: "node.pem")
        case .tooLarge: try folder.write(String(repeating: "x", count: 300_000), to: "ca.pem")
        case .keyOfAnother: try folder.write(try pki.issue(.node("a")).key, to: "node.key", mode: 0o600)
        case .exposedKey: try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder.files.key)
        case .passphrase: try folder.write(Self.encryptedKey, to: "node.key", mode: 0o600)
        case .expired:
            try leaf {
                $0.from = -7200; $0.to = -3600
            }
        case .notYetValid:
            try leaf {
                $0.from = 3600; $0.to = 7200
            }
        case .otherAuthority: try folder.write(try TestPKI().issue(.node("a")))
        case .otherNode: try leaf { $0 = .node("b") }
        case .twoNames: try leaf { $0.names += TestPKI.Leaf.node("b").names }
        case .noName: try leaf { $0.names = [] }
        case .serverOnly: try leaf { $0.usages = [.serverAuth] }
        case .leafAsAuthority: try folder.write(try pki.issue(.node("a")).certificate, to: "ca.pem")
        case .tooManyAuthorities: try folder.write(try (0...8).map { try TestPKI(name: "authority \($0)").pem }.joined(), to: "ca.pem")
        case .brokenSecondAuthority:
            try folder.write("\(pki.pem)-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", to: "ca.pem")
        }
    }

    /// A key that needs a passphrase; nobody is there to type it.
    private static let encryptedKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAixGf2Bsg6sAQICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEECdqGzvcPg6xssoyk2x9hcIEgZBj
        hyPXOxkakM1X9lMY71m914cBUOlPsg/oT4qFDO3CxdDXYdKx+MvjDOavo0d4r5ng
        oCAV6BvZELsEggiMJnw5PXZbpY0dZsk16IkmVFgWjrzELZwZzfnP6lDitpoDWkch
        yMd5LcMbq6NO0/do98Ufg+XG68jHI8uj3qWeBVjMsOI+z0+UcwSUW90FY7idIvM=
        -----END ENCRYPTED PRIVATE KEY-----

        """
}
