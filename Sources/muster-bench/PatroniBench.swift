import Foundation
import Glibc
import Postgres
import PostgresTesting
import Synchronization

/// Patroni with etcd: from the fault of the primary's node to the moment at which the other node accepts writes.
///
/// It elects a Postgres and not a coordinator, so its times hold a promotion. `sigkill`: Patroni and its Postgres both die, as with their host. `sigstop`:
/// Patroni alone is frozen; whether the old primary then still accepts writes beside the new one is counted, too. Measured with the defaults and with the
/// smallest times that Patroni accepts.
enum PatroniBench {
    /// A trial takes half a minute and the node has to come back afterwards.
    private static let mostTrials = 3
    private static let etcdPort = 23_792

    struct Times: Sendable {
        var name: String
        var ttl: Int
        var loop: Int
        var retry: Int
        var words: String { "ttl \(self.ttl), loop_wait \(self.loop), retry_timeout \(self.retry)" }
    }
    private static let times = [Times(name: "default", ttl: 30, loop: 10, retry: 10), Times(name: "minimum", ttl: 20, loop: 1, retry: 3)]

    static func run(_ options: BenchOptions) async {
        for times in Self.times where options.wants("patroni-\(times.name)") {
            do {
                try await Self.measure(times, trials: min(options.trials ?? Self.mostTrials, Self.mostTrials))
            } catch {
                Measurement(bench: "failover", case: "sigkill", who: "patroni \(times.name)", skipped: "\(error)").report()
            }
        }
    }

    private static func measure(_ times: Times, trials: Int) async throws {
        let etcd = try await EtcdServer.start(clientPort: Self.etcdPort)
        do {
            try await Self.measure(times, trials: trials, etcd)
        } catch {
            await etcd.stop()
            throw error
        }
        await etcd.stop()
    }

    private static func measure(_ times: Times, trials: Int, _ etcd: EtcdServer) async throws {
        let pair = try await PatroniPair(times, etcd: "127.0.0.1:\(Self.etcdPort)")
        do {
            try await pair.start()
            for (name, number) in [("sigkill", SIGKILL), ("sigstop", SIGSTOP)] {
                var elapsed: [Double] = []
                var doubled = 0
                for _ in 0..<trials {
                    let trial = try await pair.fail(with: number, loop: times.loop)
                    elapsed.append(trial.milliseconds)
                    if trial.twoPrimaries { doubled += 1 }
                }
                var note =
                    "Patroni \(pair.version) and etcd \(etcd.version), one member, two Postgres nodes; \(times.words); "
                    + "until the other node accepts writes"
                if number == SIGSTOP { note += "; in \(doubled) of \(trials) trials both Postgres accepted writes at once" }
                Measurement(
                    bench: "failover", case: name, who: "patroni \(times.name)", metric: "decide", unit: "ms", samples: elapsed, note: note
                ).report()
            }
        } catch {
            await pair.stop()
            throw error
        }
        await pair.stop()
    }
}

/// Two nodes of Patroni, each with a Postgres, under the account that Postgres runs as.
final class PatroniPair: Sendable {
    let version: String
    private let place: BenchFolder
    private var folder: String { self.place.path }
    private let account: [String]
    private let installation: Installation
    private let program: String
    private let reactor = Reactor(name: "patroni")
    private let children: [RunningChild]

    private static let postgresPort = 15_500
    private static let apiPort = 18_000
    /// Bootstrap, replica, or rejoining.
    private static let startLimit = Duration.seconds(120)
    /// Twice the default ttl, and a promotion.
    private static let failoverLimit = Duration.seconds(100)

    init(_ times: PatroniBench.Times, etcd: String) async throws {
        guard let found = muster_bench.program("patroni") else {
            throw ChildProcess.Failure(description: "patroni is not installed (Debian packages patroni and python3-etcd)")
        }
        self.program = found
        self.installation = try Installation.find()
        self.account = self.installation.asServerAccount
        self.children = [RunningChild(), RunningChild()]
        self.place = try await BenchFolder("patroni")
        self.version = fileText("/usr/lib/python3/dist-packages/patroni/version.py").split(separator: "'").dropFirst().first.map(String.init) ?? ""
        if geteuid() == 0, let postgres = getpwnam("postgres") { chown(self.place.path, postgres.pointee.pw_uid, postgres.pointee.pw_gid) }
        for index in 0..<2 { try writeFile(self.configuration(index, times, etcd), to: "\(self.place.path)/n\(index).yml") }
    }

    private func configuration(_ index: Int, _ times: PatroniBench.Times, _ etcd: String) -> String {
        let bin = URL(fileURLWithPath: self.installation.program("postgres")).deletingLastPathComponent().path
        return """
            scope: bench
            name: n\(index)
            restapi: { listen: '127.0.0.1:\(Self.apiPort + index)', connect_address: '127.0.0.1:\(Self.apiPort + index)' }
            etcd3: { host: '\(etcd)' }
            bootstrap:
              dcs:
                ttl: \(times.ttl)
                loop_wait: \(times.loop)
                retry_timeout: \(times.retry)
                maximum_lag_on_failover: 1048576
                postgresql: { use_pg_rewind: true, parameters: { max_connections: 30, shared_buffers: 32MB } }
              initdb: [data-checksums]
            postgresql:
              listen: '127.0.0.1:\(Self.postgresPort + index)'
              connect_address: '127.0.0.1:\(Self.postgresPort + index)'
              data_dir: \(self.folder)/d\(index)
              bin_dir: \(bin)
              pgpass: \(self.folder)/pgpass\(index)
              authentication:
                superuser: { username: postgres, password: x }
                replication: { username: repl, password: x }
                rewind: { username: postgres, password: x }
              pg_hba: ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']
              parameters: { unix_socket_directories: \(self.folder) }

            """
    }

    func start() async throws {
        try self.run(0)
        try await self.until(0, isPrimary: true, "Patroni's first node accepts writes")
        try self.run(1)
        try await self.until(1, isPrimary: false, "Patroni's second node follows")
    }

    private func run(_ index: Int) throws {
        let child = try ChildProcess(
            self.account + [self.program, "\(self.folder)/n\(index).yml"], environment: self.place.environment,
            output: "\(self.folder)/log\(index)", appending: true)
        self.children[index].child.withLock { $0 = child }
    }

    struct Trial {
        var milliseconds: Double
        var twoPrimaries: Bool
    }

    func fail(with number: Int32, loop: Int) async throws -> Trial {
        let old = await self.isPrimary(0) == true ? 0 : 1
        let other = 1 - old
        try await self.until(other, isPrimary: false, "the other node follows")
        try await self.untilStreaming(from: old)
        // At no particular moment of its loop.
        try await Task.sleep(for: .milliseconds(loop * 1000 + Int.random(in: 0...(loop * 1000))))
        guard let child = self.children[old].child.withLock({ $0 }) else { throw ChildProcess.Failure(description: "Patroni does not run") }
        let postmaster = pid_t(fileText("\(self.folder)/d\(old)/postmaster.pid").split(separator: "\n").first.map(String.init) ?? "")
        let began = bootNanoseconds()
        kill(child.pid, number)
        if number == SIGKILL, let postmaster { kill(postmaster, SIGKILL) }
        _ = try await waited(for: "the other node accepts writes", limit: Self.failoverLimit, pause: .milliseconds(20)) {
            await self.isPrimary(other) == true ? true : nil
        }
        let ended = bootNanoseconds()
        let both = await self.isPrimary(old) == true
        kill(child.pid, SIGCONT)
        if number == SIGKILL {
            _ = try await child.ended(within: .seconds(5))
            try self.run(old)
        }
        try await self.until(old, isPrimary: false, "the old node follows again")
        return Trial(milliseconds: milliseconds(from: began, to: ended), twoPrimaries: both)
    }

    func stop() async {
        self.reactor.stop()
        await self.place.end()
    }

    /// nil: it does not answer.
    private func isPrimary(_ index: Int) async -> Bool? {
        do {
            return try await self.ask(index, "select not pg_is_in_recovery()").bool()
        } catch { return nil }
    }

    private func ask(_ index: Int, _ sql: String) async throws -> Field {
        var configuration = ConnectionConfiguration("host=127.0.0.1 port=\(Self.postgresPort + index) user=postgres dbname=postgres")
        configuration.connectTimeout = .seconds(1)
        let connection = try await Connection.connect(configuration, on: self.reactor)
        let result: Result<ResultSet, PostgresError>
        do { result = .success(try await connection.query(sql, deadline: .seconds(1))) } catch { result = .failure(error) }
        await connection.close()
        guard let row = try result.get().first else { throw ChildProcess.Failure(description: "no row") }
        return row[0]
    }

    private func until(_ index: Int, isPrimary wanted: Bool, _ what: String) async throws {
        do {
            _ = try await waited(for: what, limit: Self.startLimit, pause: .milliseconds(100)) { await self.isPrimary(index) == wanted ? true : nil }
        } catch {
            throw ChildProcess.Failure(description: "\(error); its log ends: \(fileText("\(self.folder)/log\(index)").suffix(500))")
        }
    }

    private func untilStreaming(from index: Int) async throws {
        _ = try await waited(for: "the replica streams", limit: Self.startLimit, pause: .milliseconds(100)) {
            let count = try? await self.ask(index, "select count(*) from pg_stat_replication where state = 'streaming'").int()
            return (count ?? 0) > 0 ? true : nil
        }
    }
}

/// The process of a node now; nil before its first start.
private final class RunningChild: Sendable {
    let child = Mutex<ChildProcess?>(nil)
}
