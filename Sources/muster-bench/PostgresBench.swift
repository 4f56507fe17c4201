import Glibc
import Postgres
import PostgresTesting

/// The Postgres client against pgbench, on the same private server in the same run, alternating.
///
/// - `select-1-connection`: `SELECT 1` one after the other on one connection; pgbench in its extended protocol (and, for orientation, prepared).
///   Muster runs inside the connection's isolation, as its lock session does; `select-1-connection-hopping` calls from outside.
/// - `pipelined-insert`: 500 inserts in one pipeline and transaction, in rows; Muster prepares the statement by itself.
enum PostgresBench {
    /// How long one measurement runs: long enough that starting and warming do not show.
    private static let seconds = 3
    private static let rowsPerPipeline = 500
    private static let note = "TCP loopback, server on the same machine, fsync=off, synchronous_commit=off, \(seconds) s a trial, median"

    private static let selectScript = "SELECT 1;\n"
    private static let insertScript =
        "\\startpipeline\n" + String(repeating: "INSERT INTO bench (a, b) VALUES (1, 'some text');\n", count: rowsPerPipeline) + "\\endpipeline\n"

    static func run(_ options: BenchOptions) async throws {
        let server = try await TestServer.start()
        let reactor = Reactor(name: "bench")
        let connection = try await Connection.connect(ConnectionConfiguration(server.conninfo()), on: reactor)
        _ = try await connection.simple("CREATE TABLE bench (a int8, b text)")
        try write(Self.selectScript, to: "\(server.folder)/select.sql")
        try write(Self.insertScript, to: "\(server.folder)/insert.sql")

        var figures: [String: [Double]] = [:]
        for _ in 0..<(options.trials ?? 3) {
            figures["select muster", default: []].append(try await Self.selects(connection))
            figures["select pgbench", default: []].append(try await Self.pgbench(server, "extended", "select.sql"))
            figures["hopping muster", default: []].append(try await Self.hoppingSelects(connection))
            figures["select prepared", default: []].append(try await Self.pgbench(server, "prepared", "select.sql"))
            _ = try await connection.simple("TRUNCATE bench; CHECKPOINT")
            figures["insert muster", default: []].append(try await Self.inserts(connection))
            _ = try await connection.simple("TRUNCATE bench; CHECKPOINT")
            figures["insert pgbench", default: []].append(
                try await Self.pgbench(server, "extended", "insert.sql") * Double(Self.rowsPerPipeline))
            _ = try await connection.simple("TRUNCATE bench; CHECKPOINT")
            figures["insert prepared", default: []].append(
                try await Self.pgbench(server, "prepared", "insert.sql") * Double(Self.rowsPerPipeline))
        }
        await connection.close()
        reactor.stop()
        Self.report(figures.mapValues(median))
    }

    private static func report(_ figures: [String: Double]) {
        func line(_ name: String, _ who: String, _ metric: String, _ value: Double?, note: String? = Self.note) {
            Measurement(
                bench: "postgres", case: name, who: who, metric: metric, unit: who == "ratio" ? "ratio" : "per_second", value: value ?? .nan,
                note: note
            ).report()
        }
        func ratio(_ name: String, _ metric: String, _ mine: String, _ other: String) {
            line(name, "ratio", metric, (figures[mine] ?? .nan) / (figures[other] ?? .nan), note: "muster / pgbench -M extended")
        }
        line("select-1-connection", "muster", "round_trips", figures["select muster"])
        line("select-1-connection", "pgbench", "round_trips", figures["select pgbench"], note: "-M extended; " + Self.note)
        line("select-1-connection", "pgbench-prepared", "round_trips", figures["select prepared"], note: "-M prepared; " + Self.note)
        ratio("select-1-connection", "round_trips", "select muster", "select pgbench")
        line("select-1-connection-hopping", "muster", "round_trips", figures["hopping muster"])
        ratio("select-1-connection-hopping", "round_trips", "hopping muster", "select pgbench")
        line("pipelined-insert", "muster", "rows", figures["insert muster"])
        line("pipelined-insert", "pgbench", "rows", figures["insert pgbench"], note: "-M extended; " + Self.note)
        line("pipelined-insert", "pgbench-prepared", "rows", figures["insert prepared"], note: "-M prepared; " + Self.note)
        ratio("pipelined-insert", "rows", "insert muster", "insert pgbench")
    }

    // MARK: - Muster

    /// Calls of `body`, each counting `weight`, in a second.
    private static func rate(weight: Int = 1, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Void) async throws -> Double {
        let start = ContinuousClock.now
        let end = start + .seconds(Self.seconds)
        var count = 0
        var now = start
        while now < end {
            for _ in 0..<10 { try await body() }
            count += 10
            now = .now
        }
        let (seconds, attoseconds) = (now - start).components
        return Double(count * weight) / (Double(seconds) + Double(attoseconds) * 1e-18)
    }

    private static func selects(_ connection: Connection) async throws -> Double {
        try await connection.withIsolation { connection in
            try await Self.rate { _ = try await connection.query("SELECT 1") }
        }
    }

    @concurrent
    private static func hoppingSelects(_ connection: Connection) async throws -> Double {
        try await Self.rate { _ = try await connection.query("SELECT 1") }
    }

    private static func inserts(_ connection: Connection) async throws -> Double {
        let statements = (0..<Self.rowsPerPipeline).map {
            Statement("INSERT INTO bench (a, b) VALUES ($1, $2)", [.int(Int64($0)), "some text"])
        }
        return try await Self.rate(weight: Self.rowsPerPipeline) { _ = try await connection.pipeline(statements) }
    }

    // MARK: - pgbench

    /// Transactions a second.
    private static func pgbench(_ server: TestServer, _ protocolName: String, _ script: String) async throws -> Double {
        let output = try await server.run(
            "pgbench",
            [
                "-h", "127.0.0.1", "-p", String(server.port), "-U", "postgres", "-n", "-M", protocolName, "-c", "1", "-T", String(Self.seconds),
                "-f", "\(server.folder)/\(script)", "postgres",
            ])
        for line in output.split(separator: "\n") where line.hasPrefix("tps = ") {
            if let value = Double(line.dropFirst("tps = ".count).prefix { $0 != " " }) { return value }
        }
        throw BenchOptions.UsageError(description: "pgbench said no “tps”: \(output)")
    }

    private static func write(_ text: String, to path: String) throws {
        let file = fopen(path, "w")
        guard let file else { throw BenchOptions.UsageError(description: "cannot write \(path): \(String(cString: strerror(errno)))") }
        fputs(text, file)
        fclose(file)
        chmod(path, 0o644)
    }
}
