import Glibc
import PostgresTesting
import Testing

@Suite("TestServer")
struct TestServerTests {
    private func expectRefusal(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
            Issue.record("was not refused", sourceLocation: sourceLocation)
        } catch is TestServerError {
            // As it should.
        }
    }

    @Test("a database of the shared server is empty and takes SQL")
    func database() async throws {
        let server = try await TestServer.shared
        let conninfo = try await server.makeDatabase()
        let name = try #require(conninfo.split(separator: "=").last.map(String.init))
        #expect(try await server.execute("SELECT current_database(), count(*) FROM pg_tables WHERE schemaname = 'public'", database: name) == "\(name)|0")
        try await expectRefusal { try await server.execute("SELECT no_such_column", database: name) }
    }

    @Test("settings reach the server, also over a restart; a stopped server has no processes")
    func life() async throws {
        let server = try await TestServer.start(settings: ["fsync": "on", "cluster_name": "it's"])
        #expect(try await server.execute("SELECT current_setting('fsync') || current_setting('cluster_name')") == "onit's")
        try await server.stop(.immediate)
        try await expectRefusal { try await server.execute("SELECT 1") }
        try await server.start()
        try await server.restart()
        try await server.pause()
        try await server.resume()
        #expect(try await server.execute("SHOW cluster_name") == "it's")
    }

    @Test("a standby follows, refuses writes, and takes them once promoted")
    func standby() async throws {
        let primary = try await TestServer.start()
        let standby = try await primary.makeStandby()
        #expect(try await standby.execute("SELECT pg_is_in_recovery()") == "t")
        try await expectRefusal { try await standby.execute("CREATE TABLE t ()") }
        try await standby.promote()
        try await standby.execute("CREATE TABLE t ()")
    }
}
