import Eventually
import Membership
import Model
import NIOCore
import TLS
import Testing

@testable import Peers

extension PeerMesh {
    /// The socket that accepts connections is gone, as when the system takes it away.
    func loseListener() { self.listener?.close(promise: nil) }
}

/// What a mesh loses without anybody's word.
@Suite("Losses", .timeLimit(.minutes(2)))
struct LossTests {
    private func authority() throws -> CertificateAuthority {
        let made = try CertificateAuthority.create(cluster: "prod")
        return try CertificateAuthority(certificate: made.certificate, key: made.key)
    }

    @Test("a link over which nothing comes ends, and is counted; one that talks stays")
    func idle() async throws {
        let authority = try self.authority()
        // Shorter than a link may go without a first message, and longer than between two pings.
        let nodes = try ["a", "b"].map { try TestNode($0, IdentityFolder($0, authority)) { $0.idle = .seconds(3) } }
        let x = try IdentityFolder("x", authority)
        try await eventually("all listen") { nodes.allSatisfy { $0.mesh.port != nil } }
        let members = nodes.map(\.member) + [Member(name: "x", address: "127.0.0.1:1")]
        for node in nodes { node.mesh.update(members: members) }
        try await eventually("a and b see each other alive") { nodes[0].sees("b", .alive) && nodes[1].sees("a", .alive) }

        let silent = try await Stranger.member(x, to: nodes[0])
        try await silent.end()
        try await eventually("it is counted") { nodes[0].mesh.counters[.idle] == 1 }
        try await eventually("the link to b is the only one") { nodes[0].mesh.counters.links == 1 }
        #expect(nodes[0].sees("b", .alive) && nodes[1].mesh.counters[.idle] == 0)
        #expect(!nodes[0].notices.states(of: "b").contains(.suspect))
        for node in nodes { try await node.stop() }
    }

    @Test("a mesh whose listening socket is gone ends with an error that says what to do, and takes leave of the others")
    func listener() async throws {
        let authority = try self.authority()
        let nodes = try ["a", "b"].map { try TestNode($0, IdentityFolder($0, authority)) }
        try await eventually("all listen") { nodes.allSatisfy { $0.mesh.port != nil } }
        for node in nodes { node.mesh.update(members: nodes.map(\.member)) }
        try await eventually("they see each other alive") { nodes[0].sees("b", .alive) && nodes[1].sees("a", .alive) }

        let (port, a) = (try #require(nodes[0].mesh.port), nodes[0])
        await a.mesh.loseListener()
        await #expect(throws: PeerMeshError.listenerLost(host: "127.0.0.1", port: port)) { try await a.end() }
        #expect("\(PeerMeshError.listenerLost(host: "127.0.0.1", port: port))".contains("restart this node"))
        try await eventually("b knows that a has left") { nodes[1].sees("a", .left) }

        // The port is free: the node's next process has it.
        let again = try TestNode("a", a.folder, port: port)
        again.mesh.update(members: nodes.map { $0.name == "a" ? Member(name: "a", address: "127.0.0.1:\(port)") : $0.member })
        try await eventually("it is back") { nodes[1].sees("a", .alive) && again.sees("b", .alive) }
        try await again.stop()
        try await nodes[1].stop()
    }
}
