import Foundation
import Glibc
import PostgresTesting
import Testing

/// What is done to real processes, a real Postgres and real lines; by the leader where one is meant.
enum RealFault: String, Sendable, CaseIterable {
    case kill, freeze, resign, terminateBackend, killBackend, crashPostgres, freezePostgres
    case clockForward, clockBack
    case cut, cutToServer, cutFromServer, cutFollower, badLine
    case cutPeers, cutToPeers, cutFromPeers, cutPair

    enum Need: Sendable { case nothing, network, clock }

    var need: Need {
        switch self {
        case .kill, .freeze, .resign, .terminateBackend, .killBackend, .crashPostgres, .freezePostgres: .nothing
        case .clockForward, .clockBack: .clock
        case .cut, .cutToServer, .cutFromServer, .cutFollower, .badLine: .network
        case .cutPeers, .cutToPeers, .cutFromPeers, .cutPair: .network
        }
    }

    /// What it would take here, in words; nil: nothing.
    var missing: String? {
        switch self.need {
        case .nothing: nil
        case .clock: ServerShim.compiler == nil ? "needs a C compiler" : nil
        case .network: HostNetwork.missing
        }
    }

    static func all(_ need: Need) -> [RealFault] { Self.allCases.filter { $0.need == need } }

    /// What has to come of it before it heals.
    enum Outcome: Sendable { case anotherNode, laterTerm, goesOn, sameTerm, beats }

    var outcome: Outcome {
        switch self {
        case .kill, .freeze, .resign, .clockBack, .cut, .cutToServer, .cutFromServer: .anotherNode
        // Whoever is first to connect again.
        case .terminateBackend, .killBackend, .crashPostgres: .laterTerm
        case .freezePostgres, .clockForward, .cutFollower: .goesOn
        // Health never elects: the lock does.
        case .cutPeers, .cutToPeers, .cutFromPeers, .cutPair: .sameTerm
        // Too little gets through for more.
        case .badLine: .beats
        }
    }
}

extension FaultyCluster {
    /// The clock jumps by this much, in seconds: longer than every timer there is.
    private static let clockJump: Int64 = 3600

    func inject(_ fault: RealFault, at leader: TestCluster.Leader) async throws {
        let node = leader.node
        switch fault {
        case .kill: self.cluster.signal(node, SIGKILL)
        case .freeze: self.cluster.signal(node, SIGSTOP)
        case .resign: try await self.cluster.succeed(["leader", "resign", "--reason", "a test of failing over"], at: node)
        case .terminateBackend: try await self.cluster.sql("select pg_terminate_backend(backend_pid) from muster.leader")
        // The server can't know what that process has done to the memory that all share: it ends all sessions and recovers.
        case .killBackend: kill(pid_t(try await self.cluster.number("select backend_pid from muster.leader")), SIGKILL)
        case .crashPostgres: try await self.cluster.control(["restart", "-m", "immediate", "-l", "\(self.cluster.data)/../log"], environment: self.environment)
        case .freezePostgres:
            let said = self.cluster.log(node).count
            try self.signalPostgres(SIGSTOP)
            try await self.cluster.says("suspended: the database has not answered for a lease", node, after: said)
            try self.signalPostgres(SIGCONT)
        case .clockForward: try self.moveClock(by: Self.clockJump)
        case .clockBack:
            // The server's idle timeout now comes an hour late for a leader that is frozen: only its peers can end the session.
            self.cluster.signal(node, SIGSTOP)
            try self.moveClock(by: -Self.clockJump)
        case .cut: try await self.hosts.cut(node)
        case .cutToServer: try await self.hosts.cut(node, [.toServer])
        case .cutFromServer: try await self.hosts.cut(node, [.fromServer])
        case .cutFollower: try await self.hosts.cut(try self.follower(of: leader))
        case .cutPeers: try await self.hosts.cutPeers(of: node)
        case .cutToPeers: try await self.hosts.cutPeers(of: node, [.out])
        case .cutFromPeers: try await self.hosts.cutPeers(of: node, [.into])
        case .cutPair: try await self.hosts.cut(node, from: try self.follower(of: leader))
        case .badLine: _ = try await self.hosts.spoil(node)
        }
    }

    func heal(_ fault: RealFault, at leader: TestCluster.Leader) async throws {
        let node = leader.node
        switch fault {
        case .kill: try self.cluster.start(node)
        case .freeze, .clockBack:
            let said = self.cluster.log(node).count
            self.cluster.signal(node, SIGCONT)
            try await self.cluster.says("no longer leading epoch=\(leader.epoch)", node, after: said)
        case .cut: try await self.hosts.heal(node)
        case .cutToServer: try await self.hosts.heal(node, [.toServer])
        case .cutFromServer: try await self.hosts.heal(node, [.fromServer])
        case .cutFollower: try await self.hosts.heal(try self.follower(of: leader))
        case .cutPeers: try await self.hosts.healPeers(of: node)
        case .cutToPeers: try await self.hosts.healPeers(of: node, [.out])
        case .cutFromPeers: try await self.hosts.healPeers(of: node, [.into])
        case .cutPair: try await self.hosts.join(node, with: try self.follower(of: leader))
        case .badLine: try await self.hosts.mend(node)
        case .resign, .terminateBackend, .killBackend, .crashPostgres, .freezePostgres, .clockForward: break
        }
    }

    func follower(of leader: TestCluster.Leader) throws -> String { try #require(self.cluster.names.first { $0 != leader.node }) }

    /// The server's first process and all of its children.
    private func signalPostgres(_ number: Int32) throws {
        let first = try #require(text("\(self.cluster.data)/postmaster.pid").split(separator: "\n").first.flatMap { pid_t($0) })
        let children = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { pid in
            // "pid (name) state parent …"; a name may hold anything, so count from its last parenthesis.
            let status = text("/proc/\(pid)/stat")
            guard let end = status.lastIndex(of: ")") else { return false }
            return status[end...].split(separator: " ").dropFirst(2).first.flatMap { pid_t($0) } == first
        }
        // The parent first when stopping, so that it starts no session in between; the other way round when it goes on.
        for pid in number == SIGSTOP ? [first] + children : children + [first] { kill(pid, number) }
    }
}
