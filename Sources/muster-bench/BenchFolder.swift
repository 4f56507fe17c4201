import Foundation
import Glibc

/// A folder in /tmp for what one benchmark runs, and a promise: when this object ends it, or this process dies in whatever way, everything that was
/// started for it is killed and the folder removed.
///
/// A shell waits for the end of a pipe that only we hold. It knows its processes by a variable in their environment.
final class BenchFolder: Sendable {
    let path: String
    private let lifeline: Int32
    private static let variable = "BENCH_FOLDER"

    /// What a process has to have in its environment to belong here.
    var environment: [String: String] { [Self.variable: self.path] }

    /// - Parameter afterwards: makes, from the folder, a command for what else has to go; run by a shell.
    init(_ name: String, afterwards: @Sendable (String) async throws -> String = { _ in ":" }) async throws {
        var template = Array("/tmp/muster-bench-\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ChildProcess.Failure(description: "no folder can be made in /tmp: \(String(cString: strerror(errno)))")
        }
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The account of Postgres has to reach what is in it.
        chmod(self.path, 0o755)
        let fifo = "\(self.path)/alive"
        guard mkfifo(fifo, 0o600) == 0 else {
            throw ChildProcess.Failure(description: "no pipe can be made at \(fifo): \(String(cString: strerror(errno)))")
        }
        // Read and write: opening does not wait for the other side, and only our end, or the process's, closes it.
        self.lifeline = open(fifo, O_RDWR | O_CLOEXEC)
        let script = """
            exec <"$1/alive"
            : >"$1/watched"
            read -r _
            for process in /proc/[0-9]*; do
                if tr '\\0' '\\n' 2>/dev/null <"$process/environ" | grep -qxF "\(Self.variable)=$1"; then kill -KILL "${process#/proc/}"; fi
            done
            \(try await afterwards(self.path))
            rm -rf "$1"
            """
        _ = try ChildProcess(["/bin/sh", "-c", script, "muster-bench-watchdog", self.path], output: "/dev/null")
        // Until the shell has opened its end, closing ours would leave it waiting for ever.
        let path = self.path
        _ = try await waited(for: "the watchdog of \(path)", limit: .seconds(10), pause: .milliseconds(1)) {
            access("\(path)/watched", F_OK) == 0 ? true : nil
        }
    }

    /// Ends everything and waits until it has gone.
    func end() async {
        close(self.lifeline)
        _ = try? await waited(for: "the end of \(self.path)", limit: .seconds(20)) { access(self.path, F_OK) == 0 ? nil : true }
    }
}
