import Foundation
import Glibc
import Testing

extension WholeClusters.Database {
    /// A new node with another way to the database has to end with 1 and say what is wrong and what to do.
    private func expectRefusal(
        _ name: String, _ replacements: [String: String], saying words: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let cluster = try TestCluster.current
        try await cluster.addNode(name, replacing: replacements)
        let ran = try await cluster.refusal(name)
        #expect(ran.status == 1, "\(ran)", sourceLocation: sourceLocation)
        for word in words { #expect(ran.errors.contains(word), "“\(word)” is missing in: \(ran)", sourceLocation: sourceLocation) }
        #expect(try await cluster.number("select count(*) from muster.term where node = '\(name)'") == 0, "it led", sourceLocation: sourceLocation)
    }

    @Test("a node with a wrong password ends and says what to correct")
    func wrongPassword() async throws {
        let cluster = try TestCluster.current
        let folder = cluster.folder("wrong-password")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try write("not it\n", to: "\(folder)/password")
        try await self.expectRefusal(
            "wrong-password", ["\(cluster.directory)/secrets/muster_node": "\(folder)/password"],
            saying: ["password authentication failed", "Check the user and password"])
    }

    @Test("a node whose connection string ends in a pooler is refused", .enabled(if: ClusterPooler.program != nil, "needs pgbouncer"))
    func pooler() async throws {
        let cluster = try TestCluster.current
        let pooler = try await ClusterPooler(before: cluster)
        do {
            try await self.expectRefusal(
                "pooler", ["port=\(try cluster.port("postgres")) ": "port=\(pooler.port) "], saying: ["pooler", "Point postgres.dsn at Postgres itself"])
        } catch { Issue.record(error) }
        await pooler.stop()
    }

    @Test("a node whose database runs without fsync is refused")
    func fsyncOff() async throws {
        let cluster = try TestCluster.current
        try await cluster.set("fsync", to: "off")
        do {
            try await self.expectRefusal("no-fsync", ["name: no-fsync": "name: no-fsync"], saying: ["fsync=off", "Set fsync=on in postgresql.conf"])
        } catch { Issue.record(error) }
        try await cluster.set("fsync", to: nil)
    }

    @Test("a node whose database belongs to another cluster is refused")
    func otherCluster() async throws {
        let cluster = try TestCluster.current
        try await cluster.sql("create database other owner muster_node", database: "postgres")
        let out = try temporaryFolder("other")
        defer { try? FileManager.default.removeItem(atPath: out) }
        let dsn = "host=127.0.0.1 port=\(try cluster.port("postgres")) dbname=other user=muster_node"
        let password = text("\(cluster.directory)/secrets/muster_node").trimmingCharacters(in: .newlines)
        for (name, status) in [("other", Int32(0)), ("other", 0), ("third", 1)] {
            let made = try await Ran.program(
                Programs.muster, ["cluster", "init", "--name", name, "--postgres", dsn, "--out", out], environment: ["PGPASSWORD": password])
            #expect(made.status == status, "\(made)")
        }
        try await self.expectRefusal("other-cluster", ["dbname=muster": "dbname=other"], saying: ["belongs to the cluster “other”", "postgres.dsn"])
    }

    @Test("a node whose database holds no cluster is refused and told what to run")
    func noCluster() async throws {
        let cluster = try TestCluster.current
        try await cluster.sql("create database empty owner muster_node", database: "postgres")
        try await self.expectRefusal("no-cluster", ["dbname=muster": "dbname=empty"], saying: ["muster cluster init"])
    }
}
