import Eventually
import Glibc
import Membership
import NIOCore
import NIOPosix
import TLS
import Testing

@testable import Peers

/// Names and addresses of peers that are not just one number.
@Suite("Addresses", .timeLimit(.minutes(2)))
struct AddressTests {
    /// Gives the addresses that a test wants for every name, in the order of the system's: IPv6 and IPv4 apart.
    private struct Names: Resolver, Sendable {
        let loop: any EventLoop
        let addresses: [String]

        func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { self.answer(port) { !$0.contains(":") } }
        func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { self.answer(port) { $0.contains(":") } }
        func cancelQueries() {}

        private func answer(_ port: Int, _ isWanted: (String) -> Bool) -> EventLoopFuture<[SocketAddress]> {
            let wanted = self.addresses.filter(isWanted)
            return self.loop.makeCompletedFuture { try wanted.map { try SocketAddress(ipAddress: $0, port: port) } }
        }
    }

    static let hasIPv6: Bool = {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_loopback
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0 }
        }
    }()

    /// Runs `a` and `b`, where `b` listens on `host` and `a` knows it by the name `b.test`, which leads to these addresses.
    private func withName(
        _ addresses: [String], listening host: String? = "127.0.0.1", _ body: (TestNode, TestNode?, CertificateAuthority) async throws -> Void
    ) async throws {
        let made = try CertificateAuthority.create(cluster: "prod")
        let authority = try CertificateAuthority(certificate: made.certificate, key: made.key)
        let a = try TestNode("a", IdentityFolder("a", authority)) { $0.resolver = { loop in Names(loop: loop, addresses: addresses) } }
        let b = try host.map { try TestNode("b", IdentityFolder("b", authority), host: $0) }
        do {
            try await eventually("all listen") { a.mesh.port != nil && (b == nil || b?.mesh.port != nil) }
            // Port 1: nobody's.
            a.mesh.update(members: [a.member, Member(name: "b", address: "b.test:\(b?.mesh.port ?? 1)")])
            b?.mesh.update(members: [a.member, Member(name: "b", address: b?.address ?? "")])
            try await body(a, b, authority)
        } catch {
            try? await a.stop()
            try? await b?.stop()
            throw error
        }
        try await a.stop()
        try await b?.stop()
    }

    @Test("of a name with several addresses the one is taken where the peer listens, in whatever place it stands", arguments: [0, 1, 2, 3])
    func several(place: Int) async throws {
        var addresses = ["127.0.0.2", "::1", "127.0.0.4"]
        addresses.insert("127.0.0.3", at: place)
        try await self.withName(addresses, listening: "127.0.0.3") { a, b, _ in
            let b = try #require(b)
            try await eventually("they see each other alive") { a.sees("b", .alive) && b.sees("a", .alive) }
            #expect(a.peer("b")?.path == .direct)
            #expect(!a.notices.contains { if case .nobodyListens = $0 { true } else { false } }, "one of its addresses answers")
        }
    }

    @Test("where each address of a name refuses, nobody listens; where one only can’t be reached, that is not known", arguments: [true, false])
    func nobody(allRefuse: Bool) async throws {
        try await self.withName(["127.0.0.2", allRefuse ? "127.0.0.3" : "255.255.255.255"], listening: nil) { a, _, _ in
            try await eventually("it was dialled") { a.mesh.counters.dials > 2 && a.mesh.counters[.unreachable] > 2 }
            let said = a.notices.contains { if case .nobodyListens(let peer, _) = $0 { peer == "b" } else { false } }
            #expect(said == allRefuse)
        }
    }

    @Test("a name that leads nowhere is a peer that can’t be reached, and no proof that nobody listens")
    func nowhere() async throws {
        try await self.withName([], listening: nil) { a, _, _ in
            try await eventually("it was dialled again") { a.mesh.counters.dials > 2 && a.mesh.counters[.unreachable] > 2 }
            #expect(!a.notices.contains { if case .nobodyListens = $0 { true } else { false } })
        }
    }

    @Test("a name that leads to another node’s machine leads to no link: names prove nothing, certificates do")
    func misled() async throws {
        try await self.withName(["127.0.0.2"], listening: nil) { a, _, authority in
            let c = try TestNode("c", IdentityFolder("c", authority), host: "127.0.0.2")
            try await eventually("c listens") { c.mesh.port != nil }
            c.mesh.update(members: [a.member, c.member])
            a.mesh.update(members: [a.member, Member(name: "b", address: "b.test:\(c.mesh.port ?? 0)")])
            try await eventually("it is refused") { a.mesh.counters[.otherNode] > 0 }
            #expect(!a.sees("b", .alive) && a.mesh.counters.links == 0)
            try await c.stop()
        }
    }

    @Test("the system’s own names are dialled too")
    func localhost() async throws {
        let made = try CertificateAuthority.create(cluster: "prod")
        let authority = try CertificateAuthority(certificate: made.certificate, key: made.key)
        let (a, b) = (try TestNode("a", IdentityFolder("a", authority)), try TestNode("b", IdentityFolder("b", authority)))
        try await eventually("all listen") { a.mesh.port != nil && b.mesh.port != nil }
        let members = [a, b].map { Member(name: $0.name, address: "localhost:\($0.mesh.port ?? 0)") }
        for node in [a, b] { node.mesh.update(members: members) }
        try await eventually("they see each other alive") { a.sees("b", .alive) && b.sees("a", .alive) }
        try await a.stop()
        try await b.stop()
    }

    @Test("nodes meet over IPv6, and a node that listens on all addresses is met over either", .enabled(if: hasIPv6, "needs IPv6"), arguments: ["::1", "::"])
    func overIPv6(host: String) async throws {
        let made = try CertificateAuthority.create(cluster: "prod")
        let authority = try CertificateAuthority(certificate: made.certificate, key: made.key)
        let nodes = try ["a", "b", "c"].map { try TestNode($0, IdentityFolder($0, authority), host: host) }
        try await eventually("all listen") { nodes.allSatisfy { $0.mesh.port != nil } }
        // Where all addresses are listened on, c is known by its IPv4 address.
        let members = nodes.map { node in
            Member(name: node.name, address: "\(host == "::" && node.name == "c" ? "127.0.0.1" : "[::1]"):\(node.mesh.port ?? 0)")
        }
        for node in nodes { node.mesh.update(members: members) }
        try await eventually("all see each other alive") {
            nodes.allSatisfy { node in nodes.allSatisfy { $0.name == node.name || node.sees($0.name, .alive) } }
        }
        for node in nodes { #expect(node.mesh.counters.faults.isEmpty, "\(node.mesh.counters.faults)") }
        for node in nodes { try await node.stop() }
    }
}
