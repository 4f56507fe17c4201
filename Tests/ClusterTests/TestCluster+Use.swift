import Eventually
import Foundation
import Model
import Testing

/// The cluster as its users see it: the command line, and the database behind it.
extension TestCluster {
    /// Runs `muster` as the administrator, against `node`, or any that runs.
    func muster(_ arguments: [String], at node: String? = nil, input: String? = nil) async throws -> Ran {
        let address = try self.url(try #require(node ?? self.names.first { self.pid($0) != nil }, "no node runs"))
        return try await Ran.program(
            Programs.muster, arguments,
            environment: [
                "MUSTER_URL": address, "MUSTER_CA": "\(self.directory)/ca/ca.pem",
                "MUSTER_TOKEN": text("\(self.directory)/admin.token").trimmingCharacters(in: .newlines),
            ], input: input)
    }

    /// The same, for a command that has to succeed.
    @discardableResult
    func succeed(_ arguments: [String], at node: String? = nil, input: String? = nil) async throws -> String {
        let ran = try await self.muster(arguments, at: node, input: input)
        try #require(ran.status == 0, "\(ran)")
        return ran.output
    }

    /// What a command prints with `--output json`.
    func json(_ arguments: [String], at node: String? = nil) async throws -> JSON {
        try JSON(parsing: try await self.succeed(arguments + ["--output", "json"], at: node))
    }

    func items(_ arguments: [String], at node: String? = nil) async throws -> [JSON] {
        try #require(try await self.json(arguments, at: node)["items"]?.arrayValue)
    }

    /// Applies manifests.
    func apply(_ manifests: String) async throws { try await self.succeed(["apply", "-f", "-"], input: manifests) }

    // MARK: The database

    struct SQLFailed: Error, CustomStringConvertible {
        var description: String
    }

    /// Rows of unaligned text, as the superuser.
    /// - Parameter port: of another server than the cluster's first.
    @discardableResult
    func sql(_ statement: String, database: String = "muster", port: Int? = nil) async throws -> [[String]] {
        let port = try port ?? self.port("postgres")
        let ran = try await Ran.program(
            Programs.psql,
            ["-X", "-A", "-t", "-q", "-F", "\u{1F}", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", String(port), "-U", "postgres"]
                + ["-d", database, "-c", statement],
            environment: ["PGPASSWORD": text("\(self.directory)/secrets/postgres").trimmingCharacters(in: .newlines)])
        guard ran.status == 0 else { throw SQLFailed(description: "\(ran)") }
        return ran.output.split(separator: "\n").map { $0.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init) }
    }

    /// The one number that a statement gives.
    func number(_ statement: String, database: String = "muster") async throws -> Int {
        let rows = try await self.sql(statement, database: database)
        return try #require(rows.first?.first.flatMap { Int($0) }, "\(statement) gave \(rows)")
    }

    // MARK: Leadership

    struct Leader: Sendable, Hashable {
        var node: String
        var epoch: Int
    }

    /// Who holds the lock now, as the database has it; nil: nobody.
    func leader() async throws -> Leader? {
        let rows = try await self.sql(
            """
            select l.node, l.epoch from muster.leader l join muster.lock_holder h using (cluster, shard)
            where h.pid = l.backend_pid and not l.resigned
            """)
        guard let row = rows.first, row.count == 2, let epoch = Int(row[1]) else { return nil }
        return Leader(node: row[0], epoch: epoch)
    }

    /// Waits for a leader of a later term than `epoch`.
    func leader(after epoch: Int = 0) async throws -> Leader {
        try await eventually("a leader after epoch \(epoch)", seen: { self.logTails() }) {
            guard let leader = try? await self.leader(), leader.epoch > epoch else { return nil }
            return leader
        }
    }

    /// Some node that doesn't lead.
    func follower() async throws -> String {
        let leader = try await self.leader(after: 0)
        return try #require(self.names.first { $0 != leader.node && self.pid($0) != nil }, "only \(leader.node) runs")
    }

    func logTails() -> String {
        self.names.map { "--- \($0)\n\(self.lastWords($0))" }.joined(separator: "\n")
    }
}
