import Foundation
import Glibc

/// What the command line writes, and where: data to stdout, talk to stderr.
enum Terminal {
    /// The exit code of a command whose reader went away, as a shell reports SIGPIPE.
    private static let brokenPipe: Int32 = 141

    /// Writes all of it or ends the process: nobody can use half of an answer. A reader that went away (`| head`) is no fault of the command's.
    static func write(_ text: String) {
        guard let problem = Self.put(text, to: STDOUT_FILENO) else { return }
        if problem == EPIPE { Muster.end(Self.brokenPipe) }
        Self.complain("the output can't be written: \(String(cString: strerror(problem)))")
        Muster.end(1)
    }

    /// Talk goes to stderr, so that stdout holds data only. Without anybody to talk to, the exit code has to do.
    static func talk(_ text: String) { _ = Self.put(Printable.lines(text) + "\n", to: STDERR_FILENO) }

    static func complain(_ text: String, prefix: String = "error: ") { Self.talk(prefix + text) }

    static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }
    static var canAsk: Bool { isatty(STDIN_FILENO) == 1 }

    /// Columns of the terminal; nil when the output goes elsewhere, which has no width.
    static var width: Int? { Self.size.map { Int($0.ws_col) }.flatMap { $0 > 0 ? $0 : nil } }
    /// Lines of the terminal.
    static var height: Int? { Self.size.map { Int($0.ws_row) }.flatMap { $0 > 0 ? $0 : nil } }

    private static var size: winsize? {
        var size = winsize()
        guard Self.isInteractive, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return size
    }

    /// Asks before something that is hard to take back. Without a terminal and without `--yes` nothing is done.
    static func confirm(_ question: String, yes: Bool) throws {
        if yes { return }
        guard Self.canAsk else { throw Failure("\(question) Nothing was done: say --yes to do it without being asked", exitCode: 2) }
        _ = Self.put("\(Printable.lines(question)) [y/N] ", to: STDERR_FILENO)
        guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else { throw Failure("nothing was done", exitCode: 2) }
    }

    /// - Returns: the errno that stopped it; nil when everything was written.
    private static func put(_ text: String, to file: Int32) -> Int32? {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if count < 0, errno != EINTR { return errno }
        }
        return nil
    }
}

/// Text from elsewhere (a label, an answer of a source) as a terminal may show it: control characters would move its cursor or worse.
enum Printable {
    /// One line: line breaks and tabs become spaces, other control characters `\u{FFFD}`.
    static func line(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: Self.isControl) else { return text }
        return Self.replace(text) { $0 == "\n" || $0 == "\t" || $0 == "\r" ? " " : "\u{FFFD}" }
    }

    /// Several lines: only line breaks stay.
    static func lines(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { Self.isControl($0) && $0 != "\n" }) else { return text }
        return Self.replace(text) { $0 == "\n" ? "\n" : $0 == "\t" ? " " : "\u{FFFD}" }
    }

    private static func replace(_ text: String, _ control: (Unicode.Scalar) -> Unicode.Scalar) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { out.append(Self.isControl(scalar) ? control(scalar) : scalar) }
        return String(out)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .control }
}
