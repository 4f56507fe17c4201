import Foundation
import Model
import NIOCore
import TLS
import Testing

/// Nodes with folders of their own, and links between them, through a change of everything that identifies them.
@Suite("Rotation")
struct RotationTests {
    private final class Node {
        let name: String
        let folder: IdentityFolder
        let store: IdentityStore

        init(_ name: String, _ authority: CertificateAuthority) throws {
            self.name = name
            self.folder = try IdentityFolder()
            try Self.issue(name, authority, self.folder)
            try self.folder.write(authority.bundle.pem, to: "ca.pem")
            self.store = try IdentityStore(files: self.folder.files, cluster: "prod", node: name)
        }
        static func issue(_ name: String, _ authority: CertificateAuthority, _ folder: IdentityFolder) throws {
            let issued = try authority.issueNode(cluster: "prod", node: name, lifetime: .seconds(86_400))
            try folder.write(issued.certificate, to: "node.pem")
            try folder.write(issued.key, to: "node.key", mode: 0o600)
        }
        func reissue(_ authority: CertificateAuthority) throws { try Self.issue(self.name, authority, self.folder) }
        func trust(_ bundle: AuthorityBundle) throws { try self.folder.write(bundle.pem, to: "ca.pem") }
    }

    /// A link that stays while everything changes.
    private struct Link {
        let client: OurEnd
        let server: OurEnd

        init(_ from: Node, _ to: Node) throws {
            let name = from.name
            self.client = OurEnd(try from.store.session(.client, expecting: .node(to.name)))
            self.server = OurEnd(try to.store.session(.server, expecting: .member { $0 == name }))
            exchange(self.client, self.server)
        }
        var isUp: Bool { self.client.peer != nil && self.server.peer != nil && self.client.error == nil && self.server.error == nil }

        func carries(_ text: String) throws -> Bool {
            let before = self.server.received.readableBytes
            try self.client.session.send(ByteBuffer(string: text))
            exchange(self.client, self.server)
            return self.server.error == nil && self.server.received.readableBytes == before + text.utf8.count
        }
    }

    /// Every order in which three nodes can reload.
    private static let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]

    @Test("leaf and authority rotate under live links: no handshake fails and no link breaks, in any order of reloads", arguments: Self.orders)
    func rotation(order: [Int]) throws {
        let made = try CertificateAuthority.create(cluster: "prod")
        let old = try CertificateAuthority(certificate: made.certificate, key: made.key)
        let nodes = try ["a", "b", "c"].map { try Node($0, old) }
        let pairs = [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)]
        let live = try pairs.map { try Link(nodes[$0], nodes[$1]) }

        func check(_ step: String) throws {
            for (from, to) in pairs {
                let link = try Link(nodes[from], nodes[to])
                #expect(link.isUp, "\(step): \(from) → \(to): \(String(describing: link.client.error)), \(String(describing: link.server.error))")
            }
            for link in live { #expect(try link.carries("beat"), "\(step)") }
        }
        try check("before")

        let succession = try CertificateAuthority.succession(of: old.bundle, cluster: "prod")
        let new = try CertificateAuthority(certificate: succession.overlap.pem, key: succession.successor.key)
        for index in order {
            try nodes[index].trust(succession.overlap)
            #expect(try nodes[index].store.reload()?.addedAuthorities.count == 1)
            try check("node \(index) trusts both")
        }
        for index in order {
            try nodes[index].reissue(new)
            #expect(try nodes[index].store.reload()?.isNewLeaf == true)
            try check("node \(index) has a certificate of the new authority")
        }
        let retired = try #require(succession.retired.first)
        let final = try succession.overlap.removing(retired.fingerprint)
        for index in order {
            try nodes[index].trust(final)
            #expect(try nodes[index].store.reload()?.removedAuthorities == [retired.fingerprint])
            try check("node \(index) trusts the new one alone")
        }

        // The links of the old days are known by who vouched for them; those of today are not objected to.
        let now = Int64(Date().timeIntervalSince1970)
        for (link, pair) in zip(live, pairs) {
            let peer = try #require(link.server.peer)
            #expect(nodes[pair.1].store.objection(to: peer, now: now) == .authorityRemoved(node: peer.node))
        }
        let today = try #require(try Link(nodes[0], nodes[1]).server.peer)
        #expect(nodes[1].store.objection(to: today, now: now) == nil)

        // And the old authority's certificates open nothing any more.
        let stale = try Node("b", old)
        let server = OurEnd(try nodes[0].store.session(.server, expecting: .member { _ in true }))
        let client = try OurEnd(stale.store.context, .client, .node("a"))
        exchange(client, server)
        #expect(server.peer == nil)
        #expect(client.peer == nil)
        #expect(client.error?.description.contains("is not trusted") == true)
    }

    @Test("a handshake that is under way when the files change ends with the identity that it began with")
    func underWay() throws {
        let made = try CertificateAuthority.create(cluster: "prod")
        let authority = try CertificateAuthority(certificate: made.certificate, key: made.key)
        let (a, b) = (try Node("a", authority), try Node("b", authority))
        let serial = a.store.facts.serial
        let client = OurEnd(try b.store.session(.client, expecting: .node("a")))
        let server = OurEnd(try a.store.session(.server, expecting: .member { _ in true }))
        server.feed(try #require(client.take()))
        try a.reissue(authority)
        #expect(try a.store.reload()?.isNewLeaf == true)
        exchange(client, server)
        #expect(client.peer?.serial == serial)
        #expect(server.peer?.node == "b")
    }
}

@Suite("Authority bundle")
struct AuthorityBundleTests {
    @Test("a successor comes first, what was there stays, and each can be told by its fingerprint")
    func succession() throws {
        let current = try AuthorityBundle(pem: try TestPKI(name: "old").pem)
        let succession = try CertificateAuthority.succession(of: current, cluster: "prod")
        #expect(succession.overlap.entries.count == 2)
        #expect(succession.overlap.entries[0].pem.contains(succession.successor.certificate.split(separator: "\n")[1]))
        #expect(succession.retired == current.entries)
        #expect(try AuthorityBundle(pem: succession.overlap.pem) == succession.overlap)
        #expect(try current.adding(current) == current, "the same again is no second")
        #expect(try succession.overlap.removing(current.entries[0].fingerprint).entries == [succession.overlap.entries[0]])
    }

    @Test("an authority given as a bundle signs with the one that its key belongs to, wherever that stands")
    func signer() throws {
        let (one, two) = (try CertificateAuthority.create(cluster: "prod"), try CertificateAuthority.create(cluster: "prod"))
        for text in ["\(one.certificate)\n\(two.certificate)", "\(two.certificate)\n\(one.certificate)"] {
            let authority = try CertificateAuthority(certificate: text, key: two.key)
            #expect(authority.bundle.entries.count == 2)
            #expect(authority.certificate.contains(two.certificate.split(separator: "\n")[1]))
            let issued = try authority.issueNode(cluster: "prod", node: "a")
            // The check of a context is the judge of who signed it.
            let material = IdentityMaterial(
                certificate: Array(issued.certificate.utf8), key: Array(issued.key.utf8), authority: Array(two.certificate.utf8))
            #expect(throws: Never.self) { try TLSContext(material, cluster: "prod", node: "a") }
        }
    }

    @Test("the last authority can't be removed, nor one that isn't there, nor more be added than a node takes")
    func limits() throws {
        let bundle = try AuthorityBundle(pem: try TestPKI().pem)
        var error = #expect(throws: TLS.CertificateError.self) { try bundle.removing(bundle.entries[0].fingerprint) }
        #expect(error?.description.contains("is the last of the bundle; add its successor first") == true)
        error = #expect(throws: TLS.CertificateError.self) { try bundle.removing("00") }
        #expect(error?.description == "no authority with fingerprint 00 is in the bundle")
        error = #expect(throws: TLS.CertificateError.self) {
            try AuthorityBundle(pem: try (0...IdentityMaterial.mostAuthorities).map { try TestPKI(name: "authority \($0)").pem }.joined())
        }
        #expect(error?.description.hasPrefix("more than 8 authorities in one bundle") == true)
    }

    @Test("what is no authority's certificate is refused", arguments: ["", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func rubbish(text: String) {
        #expect(throws: TLS.CertificateError.self) { try AuthorityBundle(pem: text) }
    }

    @Test("a node's certificate is no authority's")
    func leaf() throws {
        let leaf = try TestPKI().issue(.node("a")).certificate
        let error = #expect(throws: TLS.CertificateError.self) { try AuthorityBundle(pem: leaf) }
        #expect(error?.description.hasSuffix("is no authority’s") == true)
    }
}

@Suite("Renewal")
struct RenewalScheduleTests {
    @Test("a certificate is renewed between 50 % and 60 % of its life, always at the same moment", arguments: [86_400, 7 * 86_400, 90 * 86_400] as [Int64])
    func window(lifetime: Int64) {
        for index in 0..<200 {
            let schedule = RenewalSchedule(notBefore: 1_700_000_000, notAfter: 1_700_000_000 + lifetime, node: "node-\(index)")
            let share = Double(schedule.renewAt - schedule.notBefore) / Double(lifetime)
            #expect((0.5..<0.6).contains(share))
            #expect(schedule.renewAt == RenewalSchedule(notBefore: 1_700_000_000, notAfter: 1_700_000_000 + lifetime, node: "node-\(index)").renewAt)
            #expect(!schedule.isDue(at: schedule.renewAt - 1))
            #expect(schedule.isDue(at: schedule.renewAt))
        }
    }

    @Test("nodes that got their certificates together renew apart")
    func spread() {
        let times = "abcdefghi".map { RenewalSchedule(notBefore: 0, notAfter: 86_400, node: String($0)).renewAt }
        #expect(Set(times).count == 9)
        let sorted = times.sorted()
        #expect(sorted[8] - sorted[0] > 8640 / 3, "\(sorted): the window of 8640 s is used")
    }

    @Test("urgency rises at half, a fifth and a twentieth of the life, and at its end")
    func urgency() {
        let schedule = RenewalSchedule(notBefore: 1000, notAfter: 2000, node: "a")
        let expected: [(Int64, RenewalSchedule.Urgency)] = [
            (0, .none), (1499, .none), (1500, .half), (1799, .half), (1800, .fifth), (1949, .fifth), (1950, .twentieth), (2000, .twentieth),
            (2001, .expired),
        ]
        for (now, urgency) in expected { #expect(schedule.urgency(at: now) == urgency, "at \(now)") }
    }

    @Test("dates that make no sense are due, and crash nothing")
    func nonsense() {
        let backwards = RenewalSchedule(notBefore: 2000, notAfter: 1000, node: "a")
        #expect(backwards.lifetime == 0)
        #expect(backwards.isDue(at: 2000))
        #expect(backwards.urgency(at: 2000) == .expired)
    }
}

@Suite("Serial numbers")
struct CertificateSerialTests {
    @Test("spellings of one number are one", arguments: ["0a1b", "A1B", "0A:1B", "00:0a:1B", "a1b"])
    func spellings(text: String) { #expect(CertificateSerial.normalized(text) == "a1b") }

    @Test("what is no number is none", arguments: ["", ":", "0x1f", "a b", "serial=01", "ä"])
    func nonsense(text: String) { #expect(CertificateSerial.normalized(text) == nil) }

    @Test("bytes become the same text")
    func bytes() {
        #expect(CertificateSerial.text([0x00, 0x0A, 0x1B]) == "a1b")
        #expect(CertificateSerial.text([0x00]) == "0")
        #expect(CertificateSerial.text([] as [UInt8]) == "0")
        #expect(CertificateSerial.normalized("000") == "0")
    }
}
