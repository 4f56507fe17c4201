import Eventually
import Foundation
import Glibc
import Model
import Testing

/// A platform of the tests' own: a file with a number for each service, programs that read and change it, and a table with the load.
///
/// `scale` is as the documentation asks of a program that can: under a lock it compares PREVIOUS with what there is, and changes nothing when they differ.
/// It neither remembers keys nor refuses old epochs: what Muster itself guarantees shows in `effects.log`, where every change has a line.
struct Platform: Sendable {
    let cluster: TestCluster

    private var programs: String { "\(self.cluster.directory)/exec.d" }
    private func state(_ service: String) -> String { "\(self.programs)/state/\(service)" }

    /// A change that took effect.
    struct Effect: Sendable, Hashable {
        var service: String
        var epoch: Int
        var from: Int
        var to: Int
        var key: String
    }

    /// A change takes this long, so that a leader can be caught while it is under way; in seconds.
    private static let scaleTime = "0.3"
    /// Before each change its service is looked at once more, which may take long enough to be frozen in; in seconds.
    private static let lookTime = "0.2"
    /// A look that takes longer than a change, and ends within the second of its evaluation; in seconds.
    private static let longLookTime = "0.5"
    /// Sets `node` to the name of the node that runs the program.
    private static let findNode = #"node=$(tr '\0' ' ' <"/proc/$PPID/cmdline" | sed 's|.*/nodes/\([^/]*\)/.*|\1|')"#

    /// Writes the programs and the table. Harmless when they are there.
    func prepare() async throws {
        guard !FileManager.default.fileExists(atPath: "\(self.programs)/state") else { return }
        try FileManager.default.createDirectory(atPath: "\(self.programs)/state", withIntermediateDirectories: true)
        let scripts = [
            "observe": "cat \"$state/replicas\"",
            // However many there are, one of them is ready.
            "observe-one-ready": "echo \"{\\\"replicas\\\": $(cat \"$state/replicas\"), \\\"ready\\\": 1}\"",
            "observe-slowly": "sleep \(Self.lookTime); cat \"$state/replicas\"",
            // Takes longer than a change from some nodes: `slow-NODE` says from which.
            "observe-slowly-from-here": """
            \(Self.findNode)
            if [ -e "${0%/*}/state/slow-$node" ]; then sleep \(Self.longLookTime); fi
            cat "$state/replicas"
            """,
            // Reached from some nodes and not from others: `blocked-NODE` says from which.
            "observe-from-here": """
            \(Self.findNode)
            echo "$node" >>"${0%/*}/state/tries"
            if [ -e "${0%/*}/state/blocked-$node" ]; then echo "no route to the registry from $node" >&2; exit 1; fi
            cat "$state/replicas"
            """,
            "observe-hangs": "exec sleep 3600",
            "observe-rubbish": "echo 'replicas: many'",
            "observe-fails": "echo 'the registry is on fire' >&2; exit 1",
            "scale": """
            printf '%s %s %s\\n' "$1" "$EPOCH" "$PPID" >>"${0%/*}/state/begun.log"
            exec 9>"$state/lock"
            flock 9
            now=$(cat "$state/replicas")
            if [ "$now" != "$PREVIOUS" ]; then echo "there are $now, not $PREVIOUS" >&2; exit 3; fi
            sleep \(Self.scaleTime)
            # Two words of the shell itself, one right after the other: a program that is killed with its leader has done both or neither.
            printf '%s %s %s %s %s\\n' "$1" "$EPOCH" "$PREVIOUS" "$REPLICAS" "$IDEMPOTENCY_KEY" >>"${0%/*}/state/effects.log"
            echo "$REPLICAS" >"$state/replicas"
            """,
            // Starts nothing anew, but says so, at its beginning and at its end.
            "restart": """
            printf '%s %s %s %s\\n' "$1" "$EPOCH" "$PREVIOUS" "$IDEMPOTENCY_KEY" >>"${0%/*}/state/restarts-begun.log"
            sleep "$(cat "$state/restart-time" 2>/dev/null || echo 0.1)"
            printf '%s %s %s %s\\n' "$1" "$EPOCH" "$PREVIOUS" "$IDEMPOTENCY_KEY" >>"${0%/*}/state/restarts.log"
            """,
            "scale-lies": "echo 'all done'",
            "scale-fails": "echo 'no quota left' >&2; exit 1",
        ]
        for (name, body) in scripts {
            try write("#!/bin/sh\nstate=${0%/*}/state/$1\n\(body)\n", to: "\(self.programs)/\(name)", mode: 0o755)
        }
        try write("load reader\n", to: "\(self.cluster.directory)/secrets/load", mode: 0o600)
        try await self.cluster.sql("create role load_read login password 'load reader'")
        try await self.cluster.sql("create database load", database: "postgres")
        try await self.cluster.sql(
            """
            create table load (service text primary key, quiet numeric not null, busy numeric not null, period int not null);
            grant select on load to load_read;
            """, database: "load")
        try await self.cluster.apply("kind: Region\nname: here\n")
        try await self.connect("load")
    }

    /// Another way to the same table: a connection of its own.
    func connect(_ name: String) async throws {
        try await self.cluster.apply(
            """
            kind: Connection
            name: \(name)
            postgres: "host=127.0.0.1 port=\(try self.cluster.port("postgres")) dbname=load user=load_read"
            password: { file: "\(self.cluster.directory)/secrets/load" }
            """)
    }

    /// What a service is to be like where it isn't the usual.
    struct Options: Sendable {
        var observe = "observe"
        var scale = "scale"
        var restart: String?
        var connection = "load"
        var sql = Platform.loadSQL
        var minimum = 1
        var maximum = 8
        var mode = "live"
        var verifyWithin = "5s"
        /// Whatever else `verify` says, and lines of the policy.
        var verify = ""
        var policy = ""
        var downCooldown = "0s"
    }

    /// The service's load; while `period` > 0 it is quiet and busy in turns of so many seconds.
    static let loadSQL = """
        select case when period > 0 and floor(extract(epoch from clock_timestamp()) / greatest(period, 1))::bigint % 2 = 1 then busy else quiet end \
        as load from load where service = :service
        """

    /// A service with `replicas` running and a policy that gives each ten units of load; evaluated every second, without cooldowns.
    func add(_ service: String, replicas: Int = 1, quiet: Int = 10, busy: Int = 10, period: Int = 0, _ options: Options = Options()) async throws {
        try await self.prepare()
        try FileManager.default.createDirectory(atPath: self.state(service), withIntermediateDirectories: true)
        try self.set(service, replicas: replicas)
        try await self.load(service, quiet: quiet, busy: busy, period: period)
        try await self.cluster.apply(Self.manifests(service, options))
    }

    static func manifests(_ service: String, _ options: Options = Options()) -> String {
        """
        kind: Service
        name: \(service)
        startup: 1s
        workloads:
          here: { driver: exec, observe: [\(options.observe), \(service)], scale: [\(options.scale), \(service)]\(options.restart.map { ", restart: [\($0), \(service)]" } ?? "") }
        ---
        kind: Policy
        name: \(service)
        selector: { services: [\(service)], regions: [here] }
        mode: \(options.mode)
        minReplicas: \(options.minimum)
        maxReplicas: \(options.maximum)
        evaluateEvery: 1s
        metrics:
          - name: load
            maxAge: 5s
            source: { connection: \(options.connection), sql: "\(options.sql)" }
        rules:
          - track: { metric: load, averageValue: 10 }
        cooldown: { up: 0s, down: \(options.downCooldown) }
        onMissing: ["hold 1h"]
        verify: { ready: 1, within: \(options.verifyWithin)\(options.verify) }
        \(options.policy)

        """
    }

    func load(_ service: String, quiet: Int, busy: Int? = nil, period: Int = 0) async throws {
        try await self.cluster.sql(
            """
            insert into load values ('\(service)', \(quiet), \(busy ?? quiet), \(period))
            on conflict (service) do update set quiet = excluded.quiet, busy = excluded.busy, period = excluded.period
            """, database: "load")
    }

    func set(_ service: String, replicas: Int) throws { try write("\(replicas)\n", to: "\(self.state(service))/replicas") }

    /// Whether `observe-from-here` fails on that node.
    func block(_ isBlocked: Bool, from node: String) throws {
        let path = "\(self.programs)/state/blocked-\(node)"
        if isBlocked { try write("", to: path) } else { try FileManager.default.removeItem(atPath: path) }
    }

    /// `observe-slowly-from-here` is slow on that node from now on.
    func slow(from node: String) throws { try write("", to: "\(self.programs)/state/slow-\(node)") }

    /// How often that node has run `observe-from-here`.
    func tries(_ node: String) -> Int { text("\(self.programs)/state/tries").split(separator: "\n").count { $0 == node } }

    func replicas(_ service: String) -> Int? { Int(text("\(self.state(service))/replicas").trimmingCharacters(in: .newlines)) }

    /// Every change of these services, in the order in which they took effect.
    func effects(_ services: [String]? = nil) throws -> [Effect] {
        try text("\(self.programs)/state/effects.log").split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            try #require(words.count == 5, "effects.log has the line “\(line)”")
            let effect = Effect(
                service: words[0], epoch: try #require(Int(words[1])), from: try #require(Int(words[2])), to: try #require(Int(words[3])), key: words[4])
            return services?.contains(effect.service) ?? true ? effect : nil
        }
    }

    /// A program that was started to change something, whether it did or not.
    struct Beginning: Sendable, Hashable {
        var service: String
        var epoch: Int
        /// The node's process that started it.
        var process: pid_t
    }

    /// The restarts of a service: epoch, count and key of each.
    /// - Parameter begun: those that were started, whether they ended or not.
    func restarts(_ service: String, begun: Bool = false) -> [[String]] {
        text("\(self.programs)/state/restarts\(begun ? "-begun" : "").log").split(separator: "\n")
            .map { $0.split(separator: " ").map(String.init) }.filter { $0.first == service }.map { Array($0.dropFirst()) }
    }

    /// How long a restart of the service takes, in seconds.
    func restartTime(_ service: String, _ seconds: Int) throws { try write("\(seconds)\n", to: "\(self.state(service))/restart-time") }

    /// In the order in which they were started.
    func beginnings(_ services: [String]? = nil) throws -> [Beginning] {
        try text("\(self.programs)/state/begun.log").split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            try #require(words.count == 3, "begun.log has the line “\(line)”")
            let beginning = Beginning(service: words[0], epoch: try #require(Int(words[1])), process: try #require(pid_t(words[2])))
            return services?.contains(beginning.service) ?? true ? beginning : nil
        }
    }

    /// Waits until the platform has so many.
    func reaches(_ service: String, _ replicas: Int) async throws {
        try await eventually("\(service) has \(replicas) replicas", seen: { await self.why(service) }) { self.replicas(service) == replicas }
    }

    /// For a message: what Muster thinks of the service.
    func why(_ service: String) async -> String {
        let explained = try? await self.cluster.muster(["explain", "\(service)/here", "--all"])
        return "it has \(self.replicas(service) ?? -1)\n\(explained?.words ?? "")\n\(self.cluster.logTails())"
    }
}
