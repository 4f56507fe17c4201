import Eventually
import Foundation
import Glibc
import Synchronization
import Testing

/// A terminal of our own: the program's side is a real tty, ours shows what it drew and types.
final class Terminal: Sendable {
    private let master: Int32
    let path: String
    private let drawn = Mutex<[UInt8]>([])

    init(columns: UInt16 = 120, rows: UInt16 = 40) throws {
        // By hand what unlockpt and ptsname do, which <stdlib.h> hides behind a feature macro.
        self.master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var locked: Int32 = 0, number: UInt32 = 0
        let opened = self.master >= 0 && ioctl(self.master, Self.setLock, &locked) == 0 && ioctl(self.master, Self.getNumber, &number) == 0
        self.path = "/dev/pts/\(number)"
        try #require(opened)
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(self.master, UInt(TIOCSWINSZ), &size) == 0)
        try #require(fcntl(self.master, F_SETFL, O_NONBLOCK) == 0)
    }
    deinit { close(self.master) }

    /// TIOCSPTLCK and TIOCGPTN of <asm-generic/ioctls.h>.
    private static let setLock: UInt = 0x4004_5431, getNumber: UInt = 0x8004_5430

    func type(_ text: String) { _ = text.withCString { write(self.master, $0, strlen($0)) } }

    /// Everything drawn so far.
    var text: String {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(self.master, &chunk, chunk.count)
            guard count > 0 else { break }
            self.drawn.withLock { $0.append(contentsOf: chunk[..<count]) }
        }
        return self.drawn.withLock { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether keys reach a program as lines and are shown, as a shell wants it.
    var isCooked: Bool {
        var state = termios()
        return tcgetattr(self.master, &state) == 0 && state.c_lflag & tcflag_t(ICANON | ECHO) == tcflag_t(ICANON | ECHO)
    }
}

@Suite("Command line: status --watch")
struct WatchTests {
    private static let enter = "\u{1B}[?1049h", leave = "\u{1B}[?1049l", hide = "\u{1B}[?25l", show = "\u{1B}[?25h"

    private func watch(_ terminal: Terminal, _ environment: [String: String]) throws -> Child {
        try Program(environment: environment).start(["status", "--watch"], input: terminal.path, out: terminal.path, err: terminal.path)
    }

    enum Ending: String, CaseIterable { case interrupt, terminate, key }

    @Test("the screen is taken, drawn and given back, however it ends", arguments: Ending.allCases)
    func restores(ending: Ending) async throws {
        let cluster = try await SmallCluster.shared
        let terminal = try Terminal()
        let child = try self.watch(terminal, try cluster.program().environment)
        try await eventually("it draws", seen: { terminal.text }) { terminal.text.contains("live via a") }
        #expect(!terminal.isCooked, "keys are read one by one")
        switch ending {
        case .interrupt: terminal.type("\u{3}")
        case .terminate: child.signal(SIGTERM)
        case .key: terminal.type("q")
        }
        let code = await child.end(within: .seconds(20))
        #expect(code == [.interrupt: 130, .terminate: 143, .key: 0][ending])
        let text = terminal.text
        #expect(text.hasPrefix(Self.enter + Self.hide))
        #expect(text.hasSuffix(Self.show + Self.leave))
        #expect(text.components(separatedBy: Self.enter).count == 2 && text.components(separatedBy: Self.leave).count == 2)
        #expect(!text.contains("\u{1B}[2J"), "it rewrites lines and never clears the screen")
        #expect(terminal.isCooked)
        #expect(text.contains("leader    a, epoch"))
    }

    @Test("without an answer it says so, and still ends at once")
    func notLive() async throws {
        let terminal = try Terminal()
        let child = try self.watch(terminal, ["MUSTER_URL": "https://127.0.0.1:1", "MUSTER_TOKEN": "t"])
        try await eventually("it draws", seen: { terminal.text }) {
            terminal.text.contains("NOT LIVE") && terminal.text.contains("waiting for the first answer")
        }
        terminal.type("\u{3}")
        #expect(await child.end(within: .seconds(20)) == 130)
        #expect(terminal.text.hasSuffix(Self.show + Self.leave))
    }

    @Test("a token that is not valid ends it with the screen given back and the reason told")
    func notAllowed() async throws {
        let cluster = try await SmallCluster.shared
        let terminal = try Terminal()
        let child = try self.watch(terminal, try cluster.program(token: "muster_small_wrong_secret").environment)
        #expect(await child.end(within: .seconds(20)) == 4)
        let parts = terminal.text.components(separatedBy: Self.leave)
        #expect(parts.count == 2)
        #expect(parts.last?.contains("error: The token is not valid") == true, "\(terminal.text)")
    }

    @Test("a small window is cut and does not scroll", arguments: [(20, 6), (80, 10)])
    func small(columns: Int, rows: Int) async throws {
        let cluster = try await SmallCluster.shared
        let terminal = try Terminal(columns: UInt16(columns), rows: UInt16(rows))
        let child = try self.watch(terminal, try cluster.program().environment)
        try await eventually("it draws", seen: { terminal.text }) { terminal.text.contains("live via a") }
        child.signal(SIGTERM)
        #expect(await child.end(within: .seconds(20)) == 143)
        let frame = try #require(terminal.text.components(separatedBy: "\u{1B}[?2026h\u{1B}[H").last { $0.contains("live via") })
        let lines = try #require(frame.components(separatedBy: "\u{1B}[J").first).components(separatedBy: "\r\n")
        #expect(lines.count <= rows)
        #expect(lines.allSatisfy { $0.trimmingCharacters(in: ["\r"]).replacing("\u{1B}[K", with: "").count <= columns }, "\(lines)")
    }

    @Test("without a terminal, or as JSON, it prints one object a line")
    func lines() async throws {
        let cluster = try await SmallCluster.shared
        let scratch = try Scratch()
        let child = try Program(environment: try cluster.program().environment)
            .start(["status", "--watch"], input: "/dev/null", out: scratch.path("out"), err: scratch.path("err"))
        try await eventually("there are several lines") { (try scratch.text("out").split(separator: "\n").count) >= 2 }
        child.signal(SIGTERM)
        _ = await child.end(within: .seconds(20))
        let out = try scratch.text("out")
        #expect(out.split(separator: "\n").allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") })
        #expect(!out.contains("\u{1B}"))
    }
}
