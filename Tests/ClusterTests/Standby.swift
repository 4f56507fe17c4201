import Eventually
import Foundation
import Glibc
import Testing

/// A streaming standby of a cluster's Postgres, beside it, that can be promoted while the old primary lives.
struct Standby {
    let cluster: TestCluster
    let port: Int
    private let data: String
    private let remains: Remains

    init(of cluster: TestCluster) async throws {
        self.cluster = cluster
        // Below the ports that the kernel gives to outgoing connections, and not where cluster/up looks.
        self.port = Int.random(in: 15_000..<19_000)
        self.data = cluster.data.replacingOccurrences(of: "/postgres/data", with: "/postgres/standby")
        let primary = "host=127.0.0.1 port=\(try cluster.port("postgres")) user=postgres password=\(Self.password(cluster))"
        try await cluster.postgresProgram("pg_basebackup", ["-D", self.data, "-d", primary, "-R", "-X", "stream", "-c", "fast"])
        // The server's own lines come last, and the last one counts.
        let settings = "\(self.data)/postgresql.conf"
        let file = try #require(FileHandle(forWritingAtPath: settings))
        try file.seekToEnd()
        try file.write(contentsOf: Data("port = \(self.port)\n".utf8))
        try file.close()
        let postmaster = "\(self.data)/postmaster.pid"
        self.remains = try Remains(removal: "if read -r pid <'\(postmaster)'; then kill -QUIT \"$pid\"; fi")
        try await cluster.control(["start", "-l", "\(self.data)/../standby.log"], data: self.data)
    }

    private static func password(_ cluster: TestCluster) -> String { text("\(cluster.directory)/secrets/postgres").trimmingCharacters(in: .newlines) }

    /// Waits until it has all that the primary has now.
    func catchUp() async throws {
        let position = try await self.cluster.sql("select pg_current_wal_lsn()")[0][0]
        try await eventually("the standby has caught up") { try await self.sql("select pg_last_wal_replay_lsn() >= '\(position)'") == [["t"]] }
    }

    func promote() async throws { try await self.cluster.control(["promote"], data: self.data) }

    func stop() async throws { try await self.cluster.control(["stop", "-m", "immediate"], data: self.data) }

    @discardableResult
    func sql(_ statement: String) async throws -> [[String]] { try await self.cluster.sql(statement, port: self.port) }
}
