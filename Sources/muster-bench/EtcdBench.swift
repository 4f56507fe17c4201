import Foundation
import Glibc

/// `etcdctl lock --ttl 2` and `etcdctl elect` (whose session lives 60 s, which no option changes) on one etcd member.
///
/// Each trial is a holder and a waiter under a name of their own; `decide` is the moment at which the waiter prints that it has it. etcd has no gate and
/// nobody's effects: who has the lock acts.
enum EtcdBench {
    private static let clientPort = 23_790
    /// Trials that run side by side: they wait, and use no processor.
    private static let abreast = 10

    static func run(_ options: BenchOptions) async {
        let names = ["etcd-lock-sigkill", "etcd-lock-sigstop", "etcd-elect-sigkill", "etcd-elect-sigstop"].filter { options.wants($0) }
        guard !names.isEmpty else { return }
        do {
            try await Self.measure(options)
        } catch {
            for name in names { Measurement(bench: "failover", case: name, who: "etcd", skipped: "\(error)").report() }
        }
    }

    private static func measure(_ options: BenchOptions) async throws {
        let server = try await EtcdServer.start(clientPort: Self.clientPort)
        await Self.measure(options, server)
        await server.stop()
    }

    private static func measure(_ options: BenchOptions, _ server: EtcdServer) async {
        let trials = options.trials ?? FailoverBench.defaultTrials
        let commands = [
            (name: "etcd-lock", who: "etcdctl lock --ttl 2", words: { (lock: String, _: String) in ["lock", "--ttl=2", lock] }, ttl: 2),
            (name: "etcd-elect", who: "etcdctl elect", words: { (lock: String, who: String) in ["elect", lock, who] }, ttl: 60),
        ]
        for command in commands {
            for (fault, number) in [("sigkill", SIGKILL), ("sigstop", SIGSTOP)] where options.wants("\(command.name)-\(fault)") {
                var series = PeerSeries(fault, who: command.who, asked: trials)
                let ttl = command.ttl
                while series.times.count < trials, series.end == nil {
                    let round = min(Self.abreast, trials - series.times.count)
                    let outcomes = await withTaskGroup(of: Result<Double, any Error>.self) { group in
                        for _ in 0..<round {
                            let lock = "\(command.name)-\(UUID().uuidString)"
                            let (holder, waiter) = (command.words(lock, "holder"), command.words(lock, "waiter"))
                            group.addTask {
                                do {
                                    return .success(try await Self.trial(server, holder, waiter, signal: number, ttl: ttl))
                                } catch { return .failure(error) }
                            }
                        }
                        return await group.reduce(into: []) { $0.append($1) }
                    }
                    for outcome in outcomes {
                        switch outcome {
                        case .success(let time): series.add(time)
                        case .failure(let error): series.end(error)
                        }
                    }
                }
                series.report(note: "etcd \(server.version), one member, defaults; session of \(ttl) s")
            }
        }
    }

    private static func trial(_ server: EtcdServer, _ holder: [String], _ waiter: [String], signal number: Int32, ttl: Int) async throws -> Double {
        let first = try server.client(holder)
        defer { Self.end(first) }
        let second = try await Self.follower(server, first, waiter)
        defer { Self.end(second) }
        // The session is kept alive every third of its time: at no particular moment of that.
        try await Task.sleep(for: .milliseconds(1000 + Int.random(in: 0...(ttl * 1000 / 3))))
        let began = bootNanoseconds()
        first.child.signal(number)
        // It may take as long as the session, and the server's second to notice.
        let limit = Duration.seconds(ttl * 2 + 10)
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if !second.said.isEmpty { return milliseconds(from: began, to: bootNanoseconds()) }
            try await Task.sleep(for: .milliseconds(1))
        }
        throw ChildProcess.Failure(description: "the waiter did not get the lock within \(limit)")
    }

    private static func end(_ client: EtcdServer.Client) {
        client.child.signal(SIGCONT)
        client.child.signal(SIGKILL)
    }

    /// Started only when the first one has it.
    private static func follower(_ server: EtcdServer, _ first: EtcdServer.Client, _ words: [String]) async throws -> EtcdServer.Client {
        _ = try await waited(for: "etcdctl has its lock", limit: .seconds(20), pause: .milliseconds(5)) { first.said.isEmpty ? nil : true }
        return try server.client(words)
    }
}

/// One etcd member in a folder of its own.
struct EtcdServer: Sendable {
    private let folder: BenchFolder
    let endpoint: String
    let version: String
    private let client: String

    struct Client: Sendable {
        let child: ChildProcess
        let output: String
        var said: String { fileText(self.output) }
    }

    static func start(clientPort: Int) async throws -> EtcdServer {
        guard let etcd = program("etcd"), let client = program("etcdctl") else {
            throw ChildProcess.Failure(description: "etcd and etcdctl are not installed (Debian packages etcd-server and etcd-client)")
        }
        let place = try await BenchFolder("etcd")
        let folder = place.path
        let endpoint = "http://127.0.0.1:\(clientPort)"
        let peer = "http://127.0.0.1:\(clientPort + 1)"
        let version = try await ChildProcess.run([etcd, "--version"], in: folder).split(separator: "\n").first?.split(separator: " ").last ?? ""
        _ = try ChildProcess(
            [
                etcd, "--data-dir", "\(folder)/data", "--listen-client-urls", endpoint, "--advertise-client-urls", endpoint, "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=\(peer)",
            ], environment: place.environment, output: "\(folder)/log")
        let server = EtcdServer(folder: place, endpoint: endpoint, version: String(version), client: client)
        do {
            _ = try await waited(for: "etcd is healthy", limit: .seconds(30), pause: .milliseconds(200)) {
                let probe = try server.client(["endpoint", "health"])
                return try await probe.child.ended(within: .seconds(5)) == 0 ? true : nil
            }
        } catch {
            let log = fileText("\(folder)/log").suffix(500)
            await server.stop()
            throw ChildProcess.Failure(description: "\(error); its log ends: \(log)")
        }
        return server
    }

    func client(_ words: [String]) throws -> Client {
        let output = "\(self.folder.path)/client-\(UUID().uuidString)"
        // Warnings would look like the word that it has the lock.
        let command = ["/bin/sh", "-c", "exec \"$@\" 2>/dev/null", "sh", self.client, "--endpoints", self.endpoint] + words
        let environment = self.folder.environment.merging(["ETCDCTL_API": "3"]) { $1 }
        return Client(child: try ChildProcess(command, environment: environment, output: output), output: output)
    }

    func stop() async { await self.folder.end() }
}

/// A program's path; nil when it isn't there.
func program(_ name: String) -> String? {
    ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].map { "\($0)/\(name)" }.first(where: isProgram)
}

func isProgram(_ path: String) -> Bool { access(path, X_OK) == 0 }
