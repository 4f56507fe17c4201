import Glibc

/// Stops the server of a folder and removes the folder when this object, or the whole process, goes.
final class Watchdog: Sendable {
    private let pipeEnd: CInt

    /// `read` returns when the last writing end of the pipe is closed. SIGQUIT is the server's immediate shutdown; SIGCONT in case
    /// a test had stopped it. The server kills stopped sessions by itself after 5 s.
    private static let script = """
        read -r _
        folder="$1"
        if read -r pid < "$folder/data/postmaster.pid"; then
            kill -QUIT "$pid"
            kill -CONT "$pid"
            tries=0
            while kill -0 "$pid" && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
            kill -KILL "$pid"
        fi
        rm -rf "$folder"
        """

    init(serverFolder: String) throws {
        var ends: [CInt] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw TestServerError("cannot make a pipe: \(String(cString: strerror(errno)))")
        }
        // No other child of this process may keep the server alive.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        self.pipeEnd = ends[1]
        _ = try Command.spawn(
            ["/bin/sh", "-c", Self.script, "watchdog", serverFolder], standardInput: ends[0], outputPath: "/dev/null",
            workingDirectory: "/")
    }

    deinit {
        close(self.pipeEnd)
    }
}

/// A port of 127.0.0.1 that nobody listens on, below the range that the kernel gives to outgoing connections: it is still free
/// when the server comes back from a restart.
func freePort() throws -> Int {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
        let port = UInt16.random(in: 15_000..<32_000, using: &random)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { break }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if bound == 0 { return Int(port) }
    }
    throw TestServerError("no free port between 15000 and 32000 on 127.0.0.1")
}

/// The processes whose parent is `parent`.
func childProcesses(of parent: pid_t) throws -> [pid_t] {
    var children: [pid_t] = []
    for name in try entries(ofFolder: "/proc") {
        // A process may end while we look: then there is nothing to read, and nothing to signal.
        guard let process = pid_t(name), let status = try? readText(atPath: "/proc/\(process)/stat") else { continue }
        // "pid (name) state parent …"; the name may contain anything, so count from its last parenthesis.
        guard let end = status.lastIndex(of: ")") else { continue }
        let fields = status[status.index(after: end)...].split(separator: " ")
        if fields.count > 1, pid_t(fields[1]) == parent { children.append(process) }
    }
    return children
}
