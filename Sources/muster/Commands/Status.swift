import ArgumentParser
import Foundation
import Glibc
import Model

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Leader, epoch, nodes, what is moving and why.",
        discussion: "--watch shows it anew every second; without a terminal it prints one line of JSON each time.\n\nExample: muster status --watch")
    @Flag(help: "Show it anew every second until interrupted.") var watch = false
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws {
        let client = try self.connect.client()
        if self.watch { return try await Watch(client: client).run() }
        let status = try await client.get("/v1/status")
        Print.value(status, self.output.format) { StatusView(status: status).text }
    }
}

/// The status again and again: on a terminal one screen that is rewritten in place, elsewhere a line of JSON each time.
struct Watch {
    let client: APIClient
    static let interval = Duration.seconds(1)

    func run() async throws {
        guard Terminal.isInteractive else { return try await self.lines() }
        // Alternate screen, cursor hidden; both undone however this ends.
        Terminal.write("\u{1B}[?1049h\u{1B}[?25l")
        let restore = "\u{1B}[?25h\u{1B}[?1049l"
        let ended = SignalFlag()
        var lastAnswer: (JSON, ContinuousClock.Instant)?
        while !ended.isSet {
            do { lastAnswer = (try await self.client.get("/v1/status"), .now) } catch let failure as Failure {
                if failure.exitCode == 4 { Terminal.write(restore); throw failure }
            }
            Terminal.write(self.frame(lastAnswer))
            try? await Task.sleep(for: Self.interval)
        }
        Terminal.write(restore)
        if let code = ended.exitCode { throw Failure("", exitCode: code) }
    }

    private func lines() async throws {
        while true {
            let status = try await self.client.get("/v1/status")
            Terminal.write(status.text + "\n")
            try await Task.sleep(for: Self.interval)
        }
    }

    /// One frame in one write, between the marks of a synchronized update; each line clears its rest, so nothing flickers.
    private func frame(_ last: (JSON, ContinuousClock.Instant)?) -> String {
        var text = last.map { StatusView(status: $0.0).text } ?? "waiting for the first answer\n"
        let age = last.map { (ContinuousClock.now - $0.1).components.seconds } ?? 0
        if let last, age < 3 {
            text += "\nlive via \(last.0.cell("answeredBy"))"
        } else {
            text += "\nNOT LIVE \(age) s, retrying"
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return "\u{1B}[?2026h\u{1B}[H" + lines.map { "\($0)\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J\u{1B}[?2026l"
    }
}

/// Set by Ctrl-C or SIGTERM.
final class SignalFlag {
    private let sources: [any DispatchSourceSignal]
    private let box = Box()

    private final class Box: @unchecked Sendable {
        // Unchecked because: written by one dispatch queue, read as a hint; a late read only means one more frame.
        var signal: Int32 = 0
    }

    init() {
        let box = self.box
        self.sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { box.signal = number }
            source.resume()
            return source
        }
    }

    var isSet: Bool { self.box.signal != 0 }
    var exitCode: Int32? { self.box.signal == 0 ? nil : 128 + self.box.signal }
}
