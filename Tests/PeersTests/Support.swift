import Eventually
import Foundation
import Logging
import Membership
import Model
import Synchronization
import TLS
import Testing

@testable import Peers

/// A node's files in a folder of its own.
final class IdentityFolder: Sendable {
    let path = NSTemporaryDirectory() + "peers-\(UUID().uuidString)"
    let name: String

    init(_ name: String, _ authority: CertificateAuthority) throws {
        self.name = name
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        try self.issue(authority)
        try self.trust(authority.bundle)
    }
    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    var files: CertificateFiles {
        CertificateFiles(certificate: "\(self.path)/node.pem", key: "\(self.path)/node.key", authority: "\(self.path)/ca.pem")
    }
    func issue(_ authority: CertificateAuthority) throws {
        let issued = try authority.issueNode(cluster: "prod", node: self.name, lifetime: .seconds(86_400))
        try self.write(issued.certificate, "node.pem", 0o644)
        try self.write(issued.key, "node.key", 0o600)
    }
    func trust(_ bundle: AuthorityBundle) throws { try self.write(bundle.pem, "ca.pem", 0o644) }

    private func write(_ text: String, _ name: String, _ mode: Int) throws {
        // As whole files: the mesh polls them meanwhile.
        let (file, new) = ("\(self.path)/\(name)", "\(self.path)/\(name).new")
        try Data(text.utf8).write(to: URL(fileURLWithPath: new))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: new)
        try #require(rename(new, file) == 0)
    }
}

/// All that a mesh told.
final class NoticeLog: Sendable {
    private let notices = Mutex<[PeerNotice]>([])
    func add(_ notice: PeerNotice) { self.notices.withLock { $0.append(notice) } }
    var all: [PeerNotice] { self.notices.withLock { $0 } }
    func contains(_ isWanted: (PeerNotice) -> Bool) -> Bool { self.all.contains(where: isWanted) }

    var messages: [PeerMessage] {
        self.all.compactMap { notice -> PeerMessage? in if case .message(let message) = notice { message } else { nil } }
    }
    /// The states that the peer went through.
    func states(of name: String) -> [PeerState] {
        self.all.compactMap { notice -> PeerState? in if case .changed(name, _, let to, _) = notice { to } else { nil } }
    }
    func hasCloneAlarm(_ name: String) -> Bool { self.contains { $0 == .alarm(.identityClone(node: name)) } }
}

/// A mesh that runs.
final class TestNode: Sendable {
    let name: String
    let host: String
    let folder: IdentityFolder
    let identity: IdentityStore
    let notices = NoticeLog()
    let mesh: PeerMesh
    private let task: Task<Void, any Error>

    init(
        _ name: String, _ folder: IdentityFolder, port: Int = 0, timing: MembershipTiming = .standard, admission: PeerMeshConfiguration.Admission = .init(),
        identityPoll: Duration = IdentityStore.pollInterval, host: String = "127.0.0.1", _ adjust: (inout PeerMeshConfiguration) -> Void = { _ in }
    ) throws {
        self.name = name
        self.host = host
        self.folder = folder
        self.identity = try IdentityStore(files: folder.files, cluster: "prod", node: name)
        var configuration = PeerMeshConfiguration(
            cluster: "prod", node: name, host: host, port: port, version: "1.2.3", bootID: UUID().uuidString, seed: .random(in: 0 ... .max))
        configuration.timing = timing
        configuration.admission = admission
        // So few that a busy machine, too, reads more than this in a second from one who floods it; nodes at peace send ten.
        configuration.messagesPerSecond = 200
        configuration.identityPoll = identityPoll
        adjust(&configuration)
        let notices = self.notices
        var logger = Logger(label: "peers.\(name)")
        logger.logLevel = .critical
        let mesh = PeerMesh(configuration: configuration, identity: self.identity, deliver: { notices.add($0) }, logger: logger)
        self.mesh = mesh
        mesh.update(facts: Self.goodFacts)
        self.task = Task { try await mesh.run() }
    }

    static let goodFacts = NodeFacts(role: .follower, version: "1.2.3", postgres: .init(reachable: true), started: WallTime(microseconds: 1))

    var address: String { "\(self.host.contains(":") ? "[\(self.host)]" : self.host):\(self.mesh.port ?? 0)" }
    var member: Member { Member(name: self.name, address: self.address) }
    func peer(_ name: String) -> PeerView? { self.mesh.view.peers.first { $0.name == name } }
    func sees(_ name: String, _ state: PeerState) -> Bool { self.peer(name)?.state == state }

    /// In order, as a process that is told to stop.
    func stop() async throws {
        self.task.cancel()
        try await self.task.value
    }
    /// By itself.
    func end() async throws { try await self.task.value }
}

/// Some nodes of one cluster.
final class TestCluster: Sendable {
    let authority: CertificateAuthority
    let nodes: [TestNode]

    init(
        _ names: [String], timing: MembershipTiming = .standard, admission: PeerMeshConfiguration.Admission = .init(),
        identityPoll: Duration = IdentityStore.pollInterval
    ) throws {
        let made = try CertificateAuthority.create(cluster: "prod")
        let authority = try CertificateAuthority(certificate: made.certificate, key: made.key)
        self.authority = authority
        self.nodes = try names.map {
            try TestNode($0, IdentityFolder($0, authority), timing: timing, admission: admission, identityPoll: identityPoll)
        }
    }
    subscript(_ name: String) -> TestNode {
        get throws { try #require(self.nodes.first { $0.name == name }) }
    }

    /// Tells all nodes of one another, and of those given besides.
    func introduce(besides others: [Member] = []) async throws {
        try await eventually("all listen") { self.nodes.allSatisfy { $0.mesh.port != nil } }
        let members = self.nodes.map(\.member) + others
        for node in self.nodes { node.mesh.update(members: members) }
    }
    func isWhole(without missing: Set<String> = []) -> Bool {
        let present = self.nodes.filter { !missing.contains($0.name) }
        return present.allSatisfy { node in present.allSatisfy { $0.name == node.name || (node.sees($0.name, .alive) && node.peer($0.name)?.hasLink == true) } }
    }
    func stop() async throws { for node in self.nodes { try await node.stop() } }
}

/// A cluster whose nodes see each other alive, stopped afterwards.
func withCluster(
    _ names: [String] = ["a", "b", "c"], timing: MembershipTiming = .standard, admission: PeerMeshConfiguration.Admission = .init(),
    identityPoll: Duration = IdentityStore.pollInterval, besides others: [Member] = [], _ body: (TestCluster) async throws -> Void
) async throws {
    let cluster = try TestCluster(names, timing: timing, admission: admission, identityPoll: identityPoll)
    do {
        try await cluster.introduce(besides: others)
        try await eventually("all see each other alive") { cluster.isWhole() }
        try await body(cluster)
    } catch {
        try? await cluster.stop()
        throw error
    }
    try await cluster.stop()
}
