import Glibc
import Testing

@testable import muster_sample

@Suite("Process identity") struct ProcessTests {
    @Test("a process name with spaces and parentheses does not move the fields")
    func parse() throws {
        let rest = " S 1 42 42 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 1 0 987654 1 2 3"
        #expect(try #require(ProcessIdentity.parse(stat: "42 (a) b) (c" + ")" + rest)).startTicks == 987_654)
        let remains = try #require(ProcessIdentity.parse(stat: "42 (x) Z 1 42 42 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 1 0 5"))
        #expect(remains.isRemains && remains.startTicks == 5)
        #expect(ProcessIdentity.parse(stat: "42 (x) S 1 2") == nil)
        #expect(ProcessIdentity.parse(stat: "") == nil)
    }

    @Test("this process runs; the same pid with another start or another boot is somebody else")
    func reused() throws {
        let own = try #require(ProcessIdentity.running(getpid()))
        #expect(own.isRunning)
        #expect(try #require(ProcessIdentity(line: own.line)) == own)
        #expect(!ProcessIdentity(pid: own.pid, startTicks: own.startTicks + 1, boot: own.boot).isRunning)
        #expect(!ProcessIdentity(pid: own.pid, startTicks: own.startTicks, boot: "another").isRunning)
    }

    @Test("a file that is not a pid file is no process", arguments: ["", "12", "x 1 b", "0 1 b", "-4 1 b", "1 2 3 4"])
    func lines(line: String) {
        #expect(ProcessIdentity(line: line) == nil)
    }

    @Test("a process that ended and was not collected by its parent does not run")
    func remains() throws {
        var pid: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/true"), nil]
        defer { free(arguments[0]) }
        try #require(posix_spawn(&pid, "/bin/true", nil, nil, &arguments, environ) == 0)
        var information = siginfo_t()
        // Waits for its end and leaves it uncollected.
        try #require(waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) == 0)
        #expect(ProcessIdentity.running(pid) == nil)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }
}
