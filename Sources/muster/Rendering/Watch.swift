import Dispatch
import Foundation
import Glibc
import Model

/// The status again and again: on a terminal one screen that is rewritten in place, elsewhere a line of JSON each time.
///
/// On a terminal it takes the alternate screen, hides the cursor and reads keys one by one, and undoes all three however it ends:
/// `q` (exit 0), Ctrl-C (130), SIGTERM (143), a token that is not valid any more (4). It answers at once, a request under way or not.
struct Watch {
    let client: APIClient
    static let interval = Duration.seconds(1)
    /// Without an answer for this long the screen says so.
    static let liveFor = Duration.seconds(3)

    /// What ended it.
    fileprivate enum End: Sendable { case key, signal(Int32), failure(Failure) }

    func run(onTerminal: Bool) async throws {
        guard onTerminal else { return try await self.lines() }
        let interruptions = Interruptions()
        let ends = interruptions.ends
        let screen = Screen()
        let end = await withTaskGroup(of: End?.self) { group in
            group.addTask { await self.drawing() }
            group.addTask { await ends.first { _ in true } }
            var first: End?
            while first == nil, let next = await group.next() { first = next }
            group.cancelAll()
            return first
        }
        screen.restore()
        withExtendedLifetime(interruptions) {}
        switch end {
        case .signal(let number): throw Failure("", exitCode: 128 + number)
        case .failure(let failure): throw failure
        case .key, nil: return
        }
    }

    private func lines() async throws {
        while true {
            let status = try await self.client.get("/v1/status")
            Terminal.write(status.text + "\n")
            try await Task.sleep(for: Self.interval)
        }
    }

    /// Draws until it is cancelled or can't go on.
    private func drawing() async -> End? {
        var last: (status: JSON, at: ContinuousClock.Instant)?
        while !Task.isCancelled {
            do { last = (try await self.client.get("/v1/status"), .now) } catch let failure as Failure {
                if failure.exitCode == 4 || failure.exitCode == 2 { return .failure(failure) }
            } catch {
                return nil
            }
            let age = last.map { ContinuousClock.now - $0.at } ?? .zero
            Terminal.write(Frame.text(last?.status, age: age, width: Terminal.width ?? 80, height: Terminal.height ?? 24))
            do { try await Task.sleep(for: Self.interval) } catch { return nil }
        }
        return nil
    }
}

/// What a person or the system says to a program that would run for ever: `q`, Ctrl-C, SIGTERM. From its start on they no longer end the process.
private final class Interruptions {
    let ends: AsyncStream<Watch.End>
    private var sources: [any DispatchSourceProtocol] = []

    init() {
        let (ends, continuation) = AsyncStream.makeStream(of: Watch.End.self, bufferingPolicy: .bufferingOldest(1))
        self.ends = ends
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(.signal(number)) }
            self.sources.append(source)
        }
        if isatty(STDIN_FILENO) == 1 {
            let keys = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: .global())
            keys.setEventHandler {
                var byte: UInt8 = 0
                if read(STDIN_FILENO, &byte, 1) != 1 { return keys.cancel() }
                if byte == UInt8(ascii: "q") { continuation.yield(.key) }
            }
            self.sources.append(keys)
        }
        for source in self.sources { source.resume() }
    }

    deinit { for source in self.sources { source.cancel() } }
}

/// The terminal while a screen of ours is on it.
private struct Screen {
    private var before = termios()
    private let readsKeys: Bool

    init() {
        self.readsKeys = tcgetattr(STDIN_FILENO, &self.before) == 0
        if self.readsKeys {
            var raw = self.before
            raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
            tcsetattr(STDIN_FILENO, TCSANOW, &raw)
        }
        Terminal.write("\u{1B}[?1049h\u{1B}[?25l")
    }

    func restore() {
        Terminal.write("\u{1B}[?25h\u{1B}[?1049l")
        if self.readsKeys {
            var before = self.before
            tcsetattr(STDIN_FILENO, TCSANOW, &before)
        }
    }
}

/// One frame in one write, between the marks of a synchronized update. Each line clears its rest and nothing is cleared as a whole, so nothing flickers; what
/// does not fit is cut, so nothing scrolls.
enum Frame {
    static func text(_ status: JSON?, age: Duration, width: Int, height: Int) -> String {
        var lines = (status.map { StatusView(status: $0).text } ?? "waiting for the first answer\n")
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while lines.last?.isEmpty == true { lines.removeLast() }
        if lines.count > max(1, height - 2) { lines = lines.prefix(max(1, height - 3)) + ["… the window is too small for the rest"] }
        let isLive = status != nil && age < Watch.liveFor
        lines += ["", isLive ? "live via \(status?.cell("answeredBy") ?? "")" : "NOT LIVE \(age.components.seconds) s, retrying"]
        let drawn = lines.map { "\(Self.cut($0, to: width))\u{1B}[K" }
        return "\u{1B}[?2026h\u{1B}[H" + drawn.joined(separator: "\r\n") + "\u{1B}[J\u{1B}[?2026l"
    }

    private static func cut(_ line: String, to width: Int) -> String { line.count > width ? line.prefix(max(1, width - 1)) + "…" : line }
}
