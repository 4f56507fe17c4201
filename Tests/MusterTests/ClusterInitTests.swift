import Foundation
import PostgresTesting
import Testing

@Suite("Command line: cluster init")
struct ClusterInitTests {
    private func initialize(_ database: String, _ scratch: Scratch, name: String = "prod", out: String = "out", environment: [String: String] = [:])
        async throws
        -> Program.Result
    {
        try await Program(environment: environment, folder: scratch.folder)
            .run("cluster", "init", "--name", name, "--postgres", database, "--out", out)
    }

    @Test("the first run makes schema, authority and token, for their owner's eyes; the second changes nothing")
    func twice() async throws {
        let server = try await TestServer.shared
        let database = try await server.makeDatabase()
        let name = try #require(database.split(separator: "dbname=").last).description
        let scratch = try Scratch()
        let first = try await self.initialize(database, scratch)
        #expect(first.code == 0, "\(first.err)")
        #expect(first.out.isEmpty)
        #expect(first.err.contains("schema: brought to version"))
        #expect(first.err.contains("muster enable"))
        #expect(try scratch.text("out/admin.token").contains(#/^muster_prod_[A-Za-z0-9]+_[A-Za-z0-9_-]+\n$/#))
        #expect(try scratch.mode("out/admin.token") == 0o600)
        #expect(try scratch.mode("out/ca.key") == 0o600)
        #expect(try scratch.mode("out/ca.pem") == 0o644)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("out")).sorted() == ["admin.token", "ca.key", "ca.pem"])

        let before = try ["admin.token", "ca.key", "ca.pem"].map { try scratch.text("out/\($0)") }
        let counts = "SELECT (SELECT count(*) FROM muster.token), (SELECT count(*) FROM muster.audit_event), (SELECT count(*) FROM muster.migration)"
        let rows = try await server.execute(counts, database: name)
        let second = try await self.initialize(database, scratch)
        #expect(second.code == 0, "\(second.err)")
        #expect(second.err.contains("schema: up to date"))
        #expect(second.err.contains("this cluster has tokens already, none was made"))
        #expect(second.err.contains("out/ca.pem is there already"))
        #expect(try ["admin.token", "ca.key", "ca.pem"].map { try scratch.text("out/\($0)") } == before)
        #expect(try await server.execute(counts, database: name) == rows)
        let stored = try await server.execute("SELECT encode(secret_sha256, 'hex') FROM muster.token", database: name)
        #expect(!stored.contains(try scratch.text("out/admin.token").trimmingCharacters(in: .newlines)))

        // The authority's key was taken to a safer place: its certificate stays the cluster's.
        try FileManager.default.removeItem(atPath: scratch.path("out/ca.key"))
        #expect(try await self.initialize(database, scratch).code == 0)
        #expect(try scratch.text("out/ca.pem") == before[2])
        #expect(!scratch.exists("out/ca.key"))

        // Only the key is left: neither kept as half an authority nor overwritten.
        try FileManager.default.removeItem(atPath: scratch.path("out/ca.pem"))
        try scratch.write(before[1], "out/ca.key", mode: 0o600)
        let half = try await self.initialize(database, scratch)
        #expect(half.code == 1)
        #expect(half.err.contains("put the certificate back"))
        #expect(try scratch.text("out/ca.key") == before[1])

        let other = try await self.initialize(database, scratch, name: "staging", out: "other")
        #expect(other.code == 1)
        #expect(other.err.contains("belongs to the cluster “prod”; “staging” needs a database of its own"), "\(other.err)")
        #expect(!scratch.exists("other/admin.token"))
    }

    @Test("a folder that can't be written is found before the database is touched", arguments: ["file/sub", "/proc/muster"])
    func unwritable(out: String) async throws {
        let server = try await TestServer.shared
        let database = try await server.makeDatabase()
        let name = try #require(database.split(separator: "dbname=").last).description
        let scratch = try Scratch()
        try scratch.write("", "file")
        let result = try await self.initialize(database, scratch, out: out)
        #expect(result.code == 1)
        #expect(result.err.contains("can't be made: "), "\(result.err)")
        #expect(!result.err.contains("NSCocoa"))
        #expect(try await server.execute("SELECT to_regclass('muster.token') IS NULL", database: name) == "t")
    }

    @Test("a wrong password, a missing database and a server that is not there are told apart, and nothing is made")
    func unreachable() async throws {
        let server = try await TestServer.shared
        let scratch = try Scratch()
        let wrong = try await self.initialize(
            server.conninfo(user: TestServer.passwordRole), scratch, environment: ["PGPASSWORD": "wrong horse"])
        #expect(wrong.code == 1)
        #expect(wrong.err.contains("password authentication failed"), "\(wrong.err)")
        #expect(!wrong.err.contains("wrong horse"))
        let missing = try await self.initialize(server.conninfo(database: "nowhere"), scratch)
        #expect(missing.code == 1)
        #expect(missing.err.contains("database \"nowhere\" does not exist"), "\(missing.err)")
        let nobody = try await self.initialize("host=127.0.0.1 port=1 dbname=x user=y", scratch)
        #expect(nobody.code == 1)
        #expect(nobody.err.contains("Nothing listens there: start Postgres"), "\(nobody.err)")
        let nonsense = try await self.initialize("hst=127.0.0.1 password=hidden", scratch)
        #expect(nonsense.code == 1)
        #expect(nonsense.err.contains("the connection string can't be read"))
        #expect(!nonsense.err.contains("hidden"))
        for result in [wrong, missing, nobody, nonsense] { #expect(result.err.hasPrefix("error: the database can't be set up: ")) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("out")).isEmpty)
    }

    @Test("a role that may not create the schema is told so")
    func notPermitted() async throws {
        let server = try await TestServer.shared
        let database = try await server.makeDatabase()
        let name = try #require(database.split(separator: "dbname=").last).description
        let result = try await self.initialize(
            server.conninfo(database: name, user: TestServer.passwordRole), try Scratch(), environment: ["PGPASSWORD": TestServer.password])
        #expect(result.code == 1)
        #expect(result.err.contains("permission denied"), "\(result.err)")
    }

    @Test("a name that can't be one is a usage error")
    func name() async throws {
        let result = try await self.initialize("host=127.0.0.1 port=1", try Scratch(), name: "Prod X")
        #expect(result.code == 2)
        #expect(result.err.contains("“Prod X”"))
    }
}
