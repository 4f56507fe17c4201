import ArgumentParser
import Cluster
import Foundation
import Logging
import Model
import Postgres
import Store
import TLS

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Run a node.", discussion: "Example: muster node run --config /etc/muster/node.yaml",
        subcommands: [Run.self])

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run one node until SIGTERM; then it hands over and ends.", discussion: "Example: muster node run --config /etc/muster/node.yaml")
        @Option(help: "The node’s configuration, YAML.") var config: String

        func run() async throws {
            let configuration = try NodeConfiguration.load(path: self.config)
            guard let level = Logger.Level(rawValue: configuration.logLevel) else {
                throw Failure("log.level is “\(configuration.logLevel)”, expected one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            LoggingSystem.bootstrap { _ in LineLog() }
            var logger = Logger(label: configuration.name)
            logger.logLevel = level
            let supervised = try Supervised.take()
            if supervised == nil, let endpoint = configuration.supervisor {
                let status = try await NodeSupervisor(configuration: configuration, endpoint: endpoint, logger: logger).run()
                Muster.end(status)
            }
            try await NodeRuntime(configuration, supervised: supervised, logger: logger).run()
        }
    }
}

struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Set a cluster up.",
        discussion: "Example: muster cluster init --name prod --postgres \"host=pg1 dbname=muster user=muster_node\" --out /etc/muster",
        subcommands: [Init.self])

    struct Init: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Schema, certificate authority and first admin token. A second run changes nothing.",
            discussion:
                "The password may stand in PGPASSWORD or ~/.pgpass.\n\nExample: muster cluster init --name prod --postgres \"host=pg1 dbname=muster user=muster_node\" --out /etc/muster"
        )
        @Option(help: "The cluster’s name.") var name: String
        @Option(help: "How to reach the database, a libpq connection string.") var postgres: String
        @Option(help: "Where the authority and the token go.") var out: String

        func run() async throws {
            if let objection = ManifestName.objection(to: self.name) { throw Failure("--name: \(objection)", exitCode: 2) }
            try Files.directory(self.out)
            // The database hands the first token out once only: whether it can be kept is tried before.
            try Files.probe(self.out)
            try await self.database()
            try self.authority()
            Terminal.talk("a new cluster starts disabled; when its policies are in force: muster enable --reason TEXT")
        }

        private func database() async throws {
            let reactor = Reactor(name: "muster-init")
            defer { reactor.stop() }
            let configuration = ConnectionConfiguration(self.postgres, applicationName: "muster-init")
            do {
                let connection = try await Postgres.Connection.connect(configuration, on: reactor)
                let applied = try await Schema.migrator.migrate(connection)
                Terminal.talk(applied.isEmpty ? "schema: up to date (version \(Schema.version))" : "schema: brought to version \(Schema.version)")
                try await ClusterRegistration.create(name: self.name, on: connection)
                await connection.close()
            } catch let error as PostgresError {
                throw Failure("the database can't be set up: \(error)")
            } catch let error as MigrationError {
                throw Failure("the database can't be set up: \(error)")
            }
            let pool = Pool(configuration, on: reactor, size: 1)
            let now = WallTime(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
            let store = Store(pool: pool, cluster: self.name, shard: "main", node: "cluster-init", bootID: UUIDv7.generate(at: now))
            let bootstrap = try await store.bootstrap(version: NodeRuntime.version)
            await pool.close()
            let path = "\(self.out)/admin.token"
            if let token = bootstrap.adminToken {
                do { try Files.writeSecret(token + "\n", to: path) } catch {
                    // Nobody else has it, and nobody can make it again.
                    Terminal.write(token + "\n")
                    throw Failure("\(error). The admin token is on standard output instead: keep it")
                }
                Terminal.talk("admin token: written to \(path)")
            } else {
                Terminal.talk("admin token: this cluster has tokens already, none was made")
            }
        }

        private func authority() throws {
            let certificate = "\(self.out)/ca.pem", key = "\(self.out)/ca.key"
            // The key may have been taken to a safer place: a new authority in its stead would lock every node out.
            if FileManager.default.fileExists(atPath: certificate) {
                Terminal.talk("certificate authority: \(certificate) is there already")
                return
            }
            guard !FileManager.default.fileExists(atPath: key) else {
                throw Failure("\(key) is there and its certificate \(certificate) is not; put the certificate back, or move the key away for a new authority")
            }
            let issued = try CertificateAuthority.create(cluster: self.name)
            try Files.writeSecret(issued.key, to: key)
            try Files.write(issued.certificate, to: certificate)
            Terminal.talk("certificate authority: \(certificate), its key \(key) (keep it safe)")
        }
    }
}

/// Files that the command line reads and writes. A new content takes its place at once or not at all.
enum Files {
    /// The folder that holds it. By hand, because NSString's own ends the process at a name of one letter.
    static func parent(of path: String) -> String {
        var rest = Substring(path)
        while rest.count > 1, rest.hasSuffix("/") { rest.removeLast() }
        guard let slash = rest.lastIndex(of: "/") else { return "." }
        return slash == rest.startIndex ? "/" : String(rest[..<slash])
    }

    static func read(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else { throw Failure("\(path) can't be read: does it exist, and may this user read it?") }
        return String(decoding: data, as: UTF8.self)
    }

    /// The whole of a small file; nil: there is none.
    /// - Parameter remedy: what helps when it is larger than `limit` bytes, which is an error.
    static func read(_ path: String, limit: Int, remedy: String) throws -> Data? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let file = FileHandle(forReadingAtPath: path) else { throw Failure("\(path) can't be read: may this user read it?") }
        defer { try? file.close() }
        let data = try file.read(upToCount: limit + 1) ?? Data()
        guard data.count <= limit else { throw Failure("\(path) is larger than \(limit) bytes; \(remedy)") }
        return data
    }

    /// Makes a folder and those above it that are missing.
    static func directory(_ path: String) throws {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { return }
        let parent = Self.parent(of: path)
        if parent != path, parent != "." { try Self.directory(parent) }
        guard mkdir(path, 0o755) == 0 else {
            throw Failure("the folder \(path) can't be made: \(String(cString: strerror(errno)))")
        }
    }

    /// - Throws: when this user can't make a file there.
    static func probe(_ folder: String) throws {
        let path = "\(folder)/.muster-probe"
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Failure("the folder \(folder) can't be written to: \(String(cString: strerror(errno)))") }
        close(file)
        unlink(path)
    }

    static func write(_ text: String, to path: String) throws { try Self.put(text, path, mode: 0o644) }

    /// For its owner's eyes only.
    static func writeSecret(_ text: String, to path: String) throws { try Self.put(text, path, mode: 0o600) }

    private static func put(_ text: String, _ path: String, mode: mode_t) throws {
        let temporary = "\(path).new"
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard file >= 0 else { throw Failure("\(path) can't be written: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard writeAll(file, bytes), fsync(file) == 0, rename(temporary, path) == 0 else {
            let why = String(cString: strerror(errno))
            unlink(temporary)
            throw Failure("\(path) can't be written: \(why)")
        }
    }

    private static func writeAll(_ file: Int32, _ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }
}
