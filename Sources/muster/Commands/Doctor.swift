import ArgumentParser
import Foundation
import Logging
import Model
import Peers
import Postgres
import Store
import TLS

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "What is wrong with this node, its Postgres, its certificates, its supervisor, its clock.",
        discussion: "Run it on the node’s host, as the node’s user. Exits 1 when something is wrong.\n\nExample: muster doctor --config /etc/muster/node.yaml")
    @Option(help: "The node’s configuration.") var config: String
    @OptionGroup var output: Output

    func run() async throws {
        var report = Report()
        let configuration: NodeConfiguration
        do { configuration = try NodeConfiguration.load(path: self.config) } catch {
            report.add("configuration", .wrong, "\(error)")
            return try self.finish(report)
        }
        for (key, name) in [("cluster", configuration.cluster), ("node.name", configuration.name), ("node.region", configuration.region)] {
            if let objection = ManifestName.objection(to: name) { report.add("configuration", .wrong, "\(key): \(objection)") }
        }
        if Logger.Level(rawValue: configuration.logLevel) == nil {
            report.add(
                "configuration", .wrong,
                "log.level is “\(configuration.logLevel)”, expected one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        report.add("configuration", .fine, "\(self.config) can be read")
        Self.checkDirectories(configuration, &report)
        Self.checkCertificates(configuration, &report)
        await Self.checkSupervisor(configuration, &report)
        await Self.checkDatabase(configuration, &report)
        try self.finish(report)
    }

    struct Report {
        enum Verdict: String { case fine = "ok", doubtful = "warning", wrong }
        var items: [(what: String, verdict: Verdict, text: String)] = []
        mutating func add(_ what: String, _ verdict: Verdict, _ text: String) { self.items.append((what, verdict, text)) }
    }

    private func finish(_ report: Report) throws {
        let json = JSON.array(report.items.map { ["what": .string($0.what), "verdict": .string($0.verdict.rawValue), "text": .string($0.text)] })
        Print.value(["items": json], self.output.format) {
            var table = Table(headings: ["CHECK", "VERDICT", "FOUND"])
            table.rows = report.items.map { [$0.what, $0.verdict.rawValue, $0.text] }
            return table.text(width: nil)
        }
        if report.items.contains(where: { $0.verdict == .wrong }) { throw Failure("", exitCode: 1) }
    }

    private static func checkDirectories(_ configuration: NodeConfiguration, _ report: inout Report) {
        let data = configuration.dataDirectory
        // The node makes it, and those above it that are missing.
        var parent = data
        while parent != "/", parent != ".", !FileManager.default.fileExists(atPath: parent) { parent = Files.parent(of: parent) }
        var isData: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: parent, isDirectory: &isData)
        if !isData.boolValue {
            report.add("data", .wrong, "\(parent) is a file and no folder; set “data” to a folder that this user may write")
        } else if FileManager.default.isWritableFile(atPath: parent) {
            report.add("data", .fine, "\(data) is writable")
        } else {
            report.add("data", .wrong, "\(data) is not writable for this user; change its owner, or set “data” to another")
        }
        guard let exec = configuration.execDirectory else {
            return report.add("drivers.exec", .doubtful, "no folder is set: exec workloads can't be scaled from here")
        }
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: exec, isDirectory: &isFolder) && isFolder.boolValue
        let programs =
            exists
            ? ((try? FileManager.default.contentsOfDirectory(atPath: exec)) ?? []).filter { FileManager.default.isExecutableFile(atPath: "\(exec)/\($0)") } : []
        if programs.isEmpty {
            report.add("drivers.exec", .wrong, "\(exec) \(exists ? "holds no program" : "does not exist"); put the programs there on every node")
        } else {
            report.add("drivers.exec", .fine, "\(exec): \(programs.sorted().joined(separator: ", "))")
        }
    }

    /// Less than this, and somebody should renew it now.
    private static let renewBefore: Int64 = 14 * 86_400

    /// What a node or a client would object to, though the files are good by themselves.
    private static func objection(to facts: CertificateFiles.Facts, of what: String, _ configuration: NodeConfiguration) -> String? {
        if what == "peers.certificate" {
            let expected = "spiffe://\(configuration.cluster)/node/\(configuration.name)"
            let found = facts.uris.isEmpty ? "no node" : facts.uris.joined(separator: ", ")
            return facts.uris == [expected]
                ? nil : "it identifies \(found), this node is \(expected); issue it with: muster ca issue --node \(configuration.name)"
        }
        guard let host = URL(string: configuration.advertise)?.host() else {
            return "http.advertise is “\(configuration.advertise)”, expected an address such as https://a.internal:7443"
        }
        let plain = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        let wildcard = "*" + plain.drop { $0 != "." }
        return facts.hosts.contains(plain) || facts.hosts.contains(wildcard)
            ? nil
            : "it is for \(facts.hosts.joined(separator: ", ")), clients come to \(plain) (http.advertise); issue it with: muster ca issue --hosts \(plain)"
    }

    private static func checkCertificates(_ configuration: NodeConfiguration, _ report: inout Report) {
        var files: [(String, CertificateFiles)] = []
        if let identity = configuration.identity { files.append(("peers.certificate", identity)) }
        let authority = configuration.identity?.authority ?? Files.parent(of: configuration.apiCertificate) + "/ca.pem"
        files.append(("http.certificate", CertificateFiles(certificate: configuration.apiCertificate, key: configuration.apiKey, authority: authority)))
        for (what, file) in files {
            do {
                let facts = try file.check()
                let left = facts.notAfter - Int64(Date().timeIntervalSince1970)
                let end = WallTime(microseconds: facts.notAfter * 1_000_000).rfc3339(fractionDigits: 0)
                if let objection = Self.objection(to: facts, of: what, configuration) {
                    report.add(what, .wrong, "\(file.certificate): \(objection)")
                    continue
                }
                report.add(what, left < Self.renewBefore ? .doubtful : .fine, "\((facts.uris + facts.hosts).joined(separator: ", ")), until \(end)")
            } catch {
                report.add(what, .wrong, "\(error)")
            }
        }
    }

    /// Says nothing while the certificate is wrong, which has been told: nothing could be said of who answers.
    private static func checkSupervisor(_ configuration: NodeConfiguration, _ report: inout Report) async {
        guard let endpoint = configuration.supervisor, let files = configuration.identity,
            let identity = try? IdentityStore(files: files, cluster: configuration.cluster, node: configuration.name)
        else { return }
        let place = "\(endpoint.host.contains(":") ? "[\(endpoint.host)]" : endpoint.host):\(endpoint.port)"
        switch await SupervisorProbe.look(host: endpoint.host, port: endpoint.port, identity: identity) {
        case .free: report.add("supervisor", .fine, "\(place) is free; no supervisor of this node runs")
        case .answers(let serial) where serial == identity.facts.serial: report.add("supervisor", .fine, "it answers on \(place)")
        case .answers(let serial):
            report.add(
                "supervisor", .doubtful,
                "it answers on \(place) with another certificate than \(files.certificate) holds (serial \(serial)); it takes a new one within ten seconds, "
                    + "or says in its log why it can't")
        case .taken(let why):
            report.add(
                "supervisor", .wrong,
                "what listens on \(place) is not this node's supervisor: \(why); stop whatever uses that port, or set supervisor.listen to another one")
        case .unusable(let why): report.add("supervisor", .wrong, "no supervisor can listen on \(place): \(why); set supervisor.listen to another address")
        }
    }

    /// A clock that is further off makes times in the log misleading.
    private static let clockTolerance = Duration.seconds(1)

    private static func checkDatabase(_ configuration: NodeConfiguration, _ report: inout Report) async {
        let reactor = Reactor(name: "muster-doctor")
        defer { reactor.stop() }
        do {
            let connection = try await Postgres.Connection.connect(configuration.database, on: reactor)
            report.add(
                "postgres", .fine,
                "\(configuration.database.redacted), version \(await connection.serverVersion / 10_000).\(await connection.serverVersion % 10_000)")
            try await Self.checkSession(connection, configuration, &report)
            await connection.close()
        } catch {
            report.add("postgres", .wrong, "\(error)")
        }
    }

    private static func checkSession(_ connection: Postgres.Connection, _ configuration: NodeConfiguration, _ report: inout Report) async throws {
        let row = try await connection.query(
            """
            SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS standby, current_setting('fsync') AS fsync, version() AS version,
                   clock_timestamp() AS now, to_regclass('muster.cluster') IS NOT NULL AS initialized
            """
        ).first
        guard let row else { return report.add("postgres", .wrong, "the server gave no answer") }
        if try row["pid"].int() != Int64(await connection.backendPID) {
            report.add("pooler", .wrong, "a pooler stands in between; point postgres.dsn at Postgres itself")
        }
        if try row["standby"].bool() { report.add("standby", .wrong, "this server is a standby; list all hosts with target_session_attrs=read-write") }
        if try row["fsync"].string() != "on" { report.add("fsync", .wrong, "fsync is off: a crash would forget who leads; set fsync = on") }
        if try row["version"].string().contains("Cockroach") { report.add("server", .wrong, "CockroachDB's advisory locks do nothing; use PostgreSQL") }
        let offset = WallTime(microseconds: Int64(Date().timeIntervalSince1970 * 1e6)) - WallTime(microseconds: try row["now"].timestampMicroseconds())
        let apart = offset < .zero ? .zero - offset : offset
        report.add(
            "clock", apart > Self.clockTolerance ? .doubtful : .fine,
            apart > Self.clockTolerance
                ? "\(apart.text) apart from the database's; run a time service on both" : "\(apart.milliseconds) ms apart from the database's")
        guard try row["initialized"].bool() else {
            return report.add("cluster", .wrong, "this database holds no cluster; run: muster cluster init --name \(configuration.cluster)")
        }
        let name = try await connection.query("SELECT name FROM muster.cluster").first?["name"].string()
        if name == configuration.cluster {
            report.add("cluster", .fine, configuration.cluster)
        } else {
            report.add("cluster", .wrong, "this database belongs to “\(name ?? "nobody")”, the configuration says “\(configuration.cluster)”")
        }
        let status = try await Schema.migrator.check(connection)
        report.add("schema", .fine, status.isCurrent ? "version \(Schema.version)" : "\(status.pending.count) migrations wait for a node to start")
    }
}
