import Drivers
import Foundation
import Logging
import Model
import Testing

/// A small real platform for tests: two shell programs in a directory, their state in files, and switches that make
/// them misbehave.
struct ScriptPlatform: Sendable {
    let root: String
    var programs: String { self.root + "/programs" }
    var state: String { self.root + "/state" }

    /// What stands in the programs' environment and must never come out again.
    static let secret = "canary-7c1f0a9be2"

    init(replicas: Int = 3) throws {
        self.root =
            FileManager.default.temporaryDirectory.appendingPathComponent("muster-exec-\(UUID().uuidString)").path
        for directory in [self.root + "/programs", self.root + "/state"] {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        try self.install("observe", Self.observe)
        try self.install("scale", Self.scale)
        try self.install("restart", Self.restart)
        try self.set(replicas: replicas)
    }

    func remove() {
        for pid in self.pids() { kill(pid, SIGKILL) }
        try? FileManager.default.removeItem(atPath: self.root)
    }

    func install(_ name: String, _ text: String, mode: Int = 0o755) throws {
        try self.write(self.programs + "/" + name, text)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: self.programs + "/" + name)
    }

    func set(replicas: Int) throws { try self.write(self.state + "/replicas", "\(replicas)\n") }
    func breakObserve(_ fault: String?) throws { try self.write(self.state + "/observe-fault", fault ?? "") }
    func breakScale(_ fault: String?) throws { try self.write(self.state + "/scale-fault", fault ?? "") }

    var replicas: Int { Int(self.read("replicas").trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1 }
    /// The keys of the orders that the scale program was started with.
    var orders: [String] { self.lines("orders") }
    /// How often the observe program was started.
    var observations: Int { self.lines("observations").count }
    var environment: [String: String] {
        Dictionary(
            self.lines("environment").compactMap { line in
                line.firstIndex(of: "=").map { (String(line[..<$0]), String(line[line.index(after: $0)...])) }
            }
        ) { _, last in last }
    }
    func lines(_ name: String) -> [String] { self.read(name).split(separator: "\n").map(String.init) }
    func read(_ name: String) -> String {
        (try? String(contentsOfFile: self.state + "/" + name, encoding: .utf8)) ?? ""
    }
    func pids() -> [pid_t] { self.lines("pids").compactMap { pid_t($0.trimmingCharacters(in: .whitespaces)) } }

    private func write(_ path: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    func driver(concurrency: Int = 4) -> ExecDriver {
        ExecDriver(
            ExecDriver.Configuration(
                directory: self.programs, environment: ["PLATFORM_TOKEN": Self.secret], concurrency: concurrency),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    /// What the program of an order got, but for its deadline, which has to be a time of these years, and what its shell adds.
    func orderEnvironment() throws -> [String: String] {
        var environment = self.environment
        let deadline = try #require(environment.removeValue(forKey: "MUSTER_DEADLINE").flatMap(Int.init))
        #expect(deadline > 1_700_000_000)
        for name in ["PATH", "PWD", "OLDPWD", "SHLVL", "_"] { environment.removeValue(forKey: name) }
        return environment
    }

    func target(_ service: String = "transcode") -> Target {
        Target(
            workload: WorkloadID(service: service, region: "eu-west"),
            target: .exec(observe: ["observe", self.state], scale: ["scale", self.state], restart: ["restart", self.state]))
    }

    func order(_ replicas: Int, from expected: Int, action: String = "a-1", epoch: Int64 = 7) -> ScaleOrder {
        ScaleOrder(
            target: self.target(), replicas: replicas, expected: expected, action: action, epoch: Epoch(epoch),
            reason: "queue 180 wants more")
    }

    func restart(of expected: Int = 3, action: String = "a-1", epoch: Int64 = 7) -> RestartOrder {
        RestartOrder(target: self.target(), expected: expected, action: action, epoch: Epoch(epoch), reason: "memory 93 for 5m")
    }

    /// Whether a process has ended (reaped or not).
    static func isGone(_ pid: pid_t) -> Bool {
        guard let line = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let close = line.lastIndex(of: ")")
        else { return true }
        return line[line.index(close, offsetBy: 2)...].hasPrefix("Z")
    }

    private static let observe = #"""
        #!/bin/sh
        state="$1"
        echo x >> "$state/observations"
        case "$(cat "$state/observe-fault" 2>/dev/null)" in
        hang) echo $$ >> "$state/pids"; exec sleep 600 ;;
        rubbish) echo "about three" ;;
        exit) echo "cannot log in with $PLATFORM_TOKEN" >&2; exit 1 ;;
        signal) kill -9 $$ ;;
        empty) ;;
        html) echo "<html><body>3</body></html>" ;;
        truncated) printf '{"replicas": 3, "rea' ;;
        huge) yes 3 | head -c 3000000 ;;
        negative) echo -1 ;;
        enormous) echo 123456789012345678901234567890 ;;
        unknown-field) echo '{"replica": 3, "ready": 3}' ;;
        contradiction) echo '{"desired": 3, "current": 2, "ready": 5}' ;;
        three) echo '{"desired": 5, "current": 4, "ready": 2, "version": 17}' ;;
        draining) echo '{"replicas": 2, "ready": 5}' ;;
        escaped) setsid sleep 600 2>/dev/null & echo $! >> "$state/pids"; cat "$state/replicas" ;;
        closed) exec >&- 2>&-; echo $$ >> "$state/pids"; exec sleep 600 ;;
        descriptors) ls /proc/self/fd | wc -l ;;
        stdin) cat | wc -c ;;
        *) cat "$state/replicas" ;;
        esac
        """#

    private static let scale = #"""
        #!/bin/sh
        state="$1"
        echo "$MUSTER_ACTION" >> "$state/orders"
        env > "$state/environment"
        fault="$(cat "$state/scale-fault" 2>/dev/null)"
        case "$fault" in
        hang) echo $$ >> "$state/pids"; exec sleep 600 ;;
        deaf)
            echo $$ >> "$state/pids"
            sh -c 'trap "" TERM; echo $$ >> "$0/pids"; while :; do sleep 1; done' "$state" & wait ;;
        exit) echo "went wrong with $PLATFORM_TOKEN" >&2; exit 1 ;;
        applied-exit) echo "$MUSTER_REPLICAS" > "$state/replicas"; exit 1 ;;
        applied-hang) echo "$MUSTER_REPLICAS" > "$state/replicas"; echo $$ >> "$state/pids"; exec sleep 600 ;;
        lie) echo "all done"; exit 0 ;;
        other) echo $((MUSTER_REPLICAS + 1)) > "$state/replicas"; exit 0 ;;
        temporary) exit 75 ;;
        refuse) echo "quota exceeded" >&2; exit 77 ;;
        flood) yes "$PLATFORM_TOKEN" | head -c 2000000; echo "the last words" >&2 ;;
        signal) kill -9 $$ ;;
        esac
        [ "$(cat "$state/replicas")" = "$MUSTER_EXPECTED" ] || exit 3
        echo "$MUSTER_REPLICAS" > "$state/replicas"
        echo "scaled from $PREVIOUS to $REPLICAS"
        """#

    private static let restart = #"""
        #!/bin/sh
        state="$1"
        env > "$state/environment"
        fault="$(cat "$state/scale-fault" 2>/dev/null)"
        case "$fault" in
        temporary) exit 75 ;;
        refuse) echo "not now" >&2; exit 77 ;;
        moved) echo 4 > "$state/replicas"; exit 3 ;;
        esac
        echo "$MUSTER_ACTION" >> "$state/restarts"
        case "$fault" in
        hang) echo $$ >> "$state/pids"; exec sleep 600 ;;
        exit|applied-exit) echo "went wrong with $PLATFORM_TOKEN" >&2; exit 1 ;;
        lie) echo 2 > "$state/replicas"; exit 0 ;;
        signal) kill -9 $$ ;;
        esac
        echo "restarted $REPLICAS"
        """#
}
