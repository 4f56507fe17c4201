import Glibc
import Postgres
import PostgresTesting
import Testing

@Suite("Connecting")
struct ConnectTests {
    private static func refusal(_ configuration: ConnectionConfiguration) async throws -> PostgresError {
        let error = try await expectError(.connect) { _ = try await Connection.connect(configuration, on: reactor) }
        #expect(!error.description.contains(TestServer.password))
        return error
    }

    @Test("facts of a session: process, server version, parameters, settings, application name")
    func facts() async throws {
        var configuration = try await makeDatabase()
        configuration.settings = [("work_mem", "12345kB"), ("search_path", "\"a b\", \"c\\d\""), ("statement_timeout", "4321")]
        configuration.applicationName = "it's me"
        let connection = try await Connection.connect(configuration, on: reactor)
        #expect(try await connection.query("SELECT pg_backend_pid() AS p").first?["p"].int() == Int64(await connection.backendPID))
        #expect(await connection.serverVersion >= 150_000)
        #expect(await connection.parameterStatus("TimeZone") == "UTC")
        #expect(await connection.parameterStatus("no_such") == nil)
        let shown = try #require(
            try await connection.query(
                """
                SELECT current_setting('work_mem') AS m, current_setting('search_path') AS s, current_setting('statement_timeout') AS t,
                       current_setting('application_name') AS a
                """
            ).first)
        #expect(try shown["m"].string() == "12345kB")
        #expect(try shown["s"].string() == "\"a b\", \"c\\d\"")
        #expect(try shown["t"].string() == "4321ms")
        #expect(try shown["a"].string() == "it's me")
        await connection.close()
    }

    @Test("a Unix socket, a host name and a URI all lead to the server")
    func ways() async throws {
        let server = try await TestServer.shared
        let ways = [
            server.conninfo(unixSocket: true), "host=localhost port=\(server.port) user=postgres dbname=postgres",
            "postgres://postgres@127.0.0.1:\(server.port)/postgres", "postgresql://postgres@localhost:\(server.port)/postgres?sslmode=disable",
        ]
        for way in ways {
            let connection = try await Connection.connect(ConnectionConfiguration(way), on: reactor)
            #expect(try await connection.query("SELECT 1 AS v").first?["v"].int() == 1, "\(way)")
            await connection.close()
        }
    }

    @Test("a right password opens the session; a wrong or a missing one says so, and never shows itself")
    func password() async throws {
        let server = try await TestServer.shared
        let conninfo = server.conninfo(user: TestServer.passwordRole)
        let connection = try await Connection.connect(ConnectionConfiguration(conninfo, password: TestServer.password), on: reactor)
        await connection.close()
        let wrong = try await Self.refusal(ConnectionConfiguration(conninfo, password: "canary-secret"))
        #expect(wrong.sqlState == "28P01")
        #expect(wrong.advice?.contains("password") == true)
        #expect(!wrong.isRetryable)
        #expect(!wrong.description.contains("canary-secret"))
        let missing = try await Self.refusal(ConnectionConfiguration(conninfo))
        #expect(missing.advice?.contains("password") == true)
    }

    @Test("a database or a role that does not exist says so")
    func missing() async throws {
        let server = try await TestServer.shared
        let database = try await Self.refusal(ConnectionConfiguration(server.conninfo(database: "no_such_database")))
        #expect(database.sqlState == "3D000")
        #expect(database.advice?.contains("dbname") == true)
        #expect(database.endpoint == "127.0.0.1:\(server.port)/no_such_database")
        let role = try await Self.refusal(ConnectionConfiguration(server.conninfo(user: "no_such_role")))
        #expect(role.sqlState == "28000")
        #expect(!role.isRetryable)
    }

    @Test("a port that nobody listens on is refused with advice")
    func refused() async throws {
        let listener = try Listener()
        listener.stop()
        let error = try await Self.refusal(ConnectionConfiguration("host=127.0.0.1 port=\(listener.port) user=postgres dbname=postgres"))
        #expect(error.message.contains("refused"))
        #expect(error.advice?.contains("start Postgres") == true)
        #expect(error.isRetryable)
    }

    @Test("a host that accepts and never answers costs the connect timeout only")
    func blackHole() async throws {
        let listener = try Listener()
        let error = try await Self.refusal(
            ConnectionConfiguration("host=127.0.0.1 port=\(listener.port) user=postgres dbname=postgres", connectTimeout: .milliseconds(100)))
        #expect(error.advice?.contains("does not answer") == true)
        listener.stop()
    }

    @Test("connecting ends with its task")
    func cancelled() async throws {
        let listener = try Listener()
        let configuration = ConnectionConfiguration(
            "host=127.0.0.1 port=\(listener.port) user=postgres dbname=postgres", connectTimeout: .seconds(600))
        let task = Task { _ = try await Connection.connect(configuration, on: reactor) }
        try listener.acceptOne()
        task.cancel()
        try await expectError(.cancelled) { try await task.value }
        listener.stop()
    }

    @Test("a host name that does not exist says so")
    func name() async throws {
        let error = try await Self.refusal(ConnectionConfiguration("host=no-such-host.invalid user=postgres dbname=postgres", connectTimeout: .seconds(30)))
        #expect(error.message.contains("no-such-host.invalid"))
        #expect(error.advice?.contains("host name") == true)
    }

    @Test(
        "a connection string that can't be read says so without showing what it holds",
        arguments: ["host='x", "nonsense=canary-secret", "postgres://u:canary-secret@h:port:port/"])
    func unreadable(_ conninfo: String) async throws {
        let error = try await Self.refusal(ConnectionConfiguration(conninfo))
        #expect(!error.description.contains("canary-secret"))
    }

    @Test("of several hosts the one that takes writes is chosen, dead ones are passed over")
    func multipleHosts() async throws {
        let primary = try await TestServer.start()
        let standby = try await primary.makeStandby()
        let dead = try Listener()
        dead.stop()
        let hosts = "host=127.0.0.1,localhost,127.0.0.1 port=\(dead.port),\(standby.port),\(primary.port) user=postgres dbname=postgres"
        let connection = try await Connection.connect(ConnectionConfiguration(hosts + " target_session_attrs=read-write"), on: reactor)
        #expect(try await connection.query("SELECT inet_server_port() AS p").first?["p"].int() == Int64(primary.port))
        await connection.close()
        let reader = try await Connection.connect(ConnectionConfiguration(hosts), on: reactor)
        #expect(try await reader.query("SELECT inet_server_port() AS p").first?["p"].int() == Int64(standby.port))
        #expect(await reader.parameterStatus("in_hot_standby") == "on")
        let write = try await expectError(.server, sqlState: "25006") { _ = try await reader.query("CREATE TABLE t ()") }
        #expect(write.advice?.contains("target_session_attrs") == true)
        await reader.close()
        let readOnly = try await Self.refusal(
            ConnectionConfiguration("host=127.0.0.1 port=\(standby.port) user=postgres dbname=postgres target_session_attrs=read-write"))
        #expect(readOnly.isRetryable)
    }
}

/// A TCP port of 127.0.0.1 that never answers.
struct Listener {
    let descriptor: CInt
    let port: Int

    init() throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = self.descriptor
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) | listen(descriptor, 8) | getsockname(descriptor, pointer, &length)
            }
        }
        try #require(status == 0)
        self.port = Int(UInt16(bigEndian: address.sin_port))
    }

    /// Waits for a client.
    func acceptOne() throws {
        try #require(accept(self.descriptor, nil, nil) >= 0)
    }

    func stop() {
        close(self.descriptor)
    }
}
