import Foundation
import Glibc
import Postgres
import PostgresTesting
import Synchronization

/// Patroni with etcd: from the fault of the primary's node to the moment at which the other node accepts writes.
///
/// It elects a Postgres and not a coordinator, so its times hold a promotion. `sigkill`: Patroni and its Postgres both die, as with their host. `sigstop`:
/// Patroni alone is frozen; whether the old primary then still accepts writes beside the new one is counted, too, and whether the old leader takes the lead
/// back when it goes on: with etcd's version 3 Patroni 3.0 renews a lead that it believes to have by overwriting whose it is. Measured with the defaults and
/// with the smallest times that Patroni accepts; each case has nodes and an etcd of its own.
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
        for times in Self.times {
            for (name, number) in [("sigkill", SIGKILL), ("sigstop", SIGSTOP)] where options.wants("patroni-\(times.name)-\(name)") {
                var series = PeerSeries(name, who: "patroni \(times.name)", asked: min(options.trials ?? Self.mostTrials, Self.mostTrials))
                var notes: [String] = []
                do {
                    notes = try await Self.measure(times, number, &series)
                } catch { series.end(error) }
                series.report(note: notes.joined(separator: "; "))
            }
        }
    }

    /// - Returns: what is to be said of the trials.
    private static func measure(_ times: Times, _ number: Int32, _ series: inout PeerSeries) async throws -> [String] {
        let etcd = try await EtcdServer.start(clientPort: Self.etcdPort)
        let pair: PatroniPair
        do {
            pair = try await PatroniPair(times, etcd: "127.0.0.1:\(Self.etcdPort)")
        } catch {
            await etcd.stop()
            throw error
        }
        var seen = (both: 0, back: 0, woken: 0)
        do {
            try await pair.start()
            while series.times.count < series.asked {
                let trial = try await pair.fail(with: number, loop: times.loop)
                series.add(trial.milliseconds)
                if trial.twoPrimaries { seen.both += 1 }
                let leads = try await pair.mend(trial, after: number)
                seen.woken += 1
                if leads == trial.old { seen.back += 1 }
            }
        } catch { series.end(error) }
        await pair.stop()
        await etcd.stop()
        var notes = [
            "Patroni \(pair.version) and etcd \(etcd.version), one member, two Postgres nodes; \(times.words)", "until the other node accepts writes",
        ]
        if number == SIGSTOP {
            notes.append("in \(seen.both) of \(series.times.count) trials both Postgres accepted writes at once")
            notes.append("in \(seen.back) of \(seen.woken) the old leader took the lead back when it went on")
        }
        return notes
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
    /// Rewinding, restarting and some turns of the loop.
    private static let rejoinLimit = Duration.seconds(60)
    private static let scope = "bench"
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
            scope: \(Self.scope)
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
        /// The node that led before.
        var old: Int
        var milliseconds: Double
        var twoPrimaries: Bool
    }

    func fail(with number: Int32, loop: Int) async throws -> Trial {
        let old = try await self.settled()
        let other = 1 - old
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
        return Trial(old: old, milliseconds: milliseconds(from: began, to: ended), twoPrimaries: await self.isPrimary(old) == true)
    }

    /// Lets the old node go on, or starts it again.
    /// - Returns: who leads when the other one follows.
    func mend(_ trial: Trial, after number: Int32) async throws -> Int {
        guard let child = self.children[trial.old].child.withLock({ $0 }) else { throw ChildProcess.Failure(description: "Patroni does not run") }
        if number == SIGKILL {
            _ = try await child.ended(within: .seconds(5))
            try self.run(trial.old)
        } else {
            child.signal(SIGCONT)
        }
        do {
            return try await self.settled(within: Self.rejoinLimit)
        } catch {
            // Whose lead was taken back may have a later timeline than its leader, and waits for that to come: an operator's case.
            try await self.reinitialise()
            return try await self.settled()
        }
    }

    /// The node that does not lead gets a new copy of the one that does.
    private func reinitialise() async throws {
        guard let control = muster_bench.program("patronictl") else {
            throw ChildProcess.Failure(description: "patronictl is not installed (Debian package patroni)")
        }
        let follower = await self.isPrimary(0) == true ? 1 : 0
        let command = self.account + [control, "-c", "\(self.folder)/n\(follower).yml", "reinit", Self.scope, "n\(follower)", "--force"]
        try await ChildProcess.run(command, environment: self.place.environment, in: self.folder)
    }

    /// - Returns: the node that accepts writes, once it is the only one and the other one follows it.
    private func settled(within limit: Duration = PatroniPair.startLimit) async throws -> Int {
        do {
            return try await waited(for: "one node leads and the other one follows", limit: limit, pause: .milliseconds(100)) {
                let leads = [await self.isPrimary(0), await self.isPrimary(1)]
                guard let leader = leads.firstIndex(of: true), leads[1 - leader] == false, await self.streams(from: leader) else { return nil }
                return leader
            }
        } catch {
            throw ChildProcess.Failure(description: "\(error); \([0, 1].map { "the log of node \($0) ends: \(self.log($0))" }.joined(separator: "; "))")
        }
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
            throw ChildProcess.Failure(description: "\(error); its log ends: \(self.log(index))")
        }
    }

    private func log(_ index: Int) -> String { String(fileText("\(self.folder)/log\(index)").suffix(500)) }

    private func streams(from index: Int) async -> Bool {
        let count = try? await self.ask(index, "select count(*) from pg_stat_replication where state = 'streaming'").int()
        return (count ?? 0) > 0
    }
}

/// The process of a node now; nil before its first start.
private final class RunningChild: Sendable {
    let child = Mutex<ChildProcess?>(nil)
}
