import Logging
import Model
import Testing

@testable import muster

@Suite("Log lines")
struct LineLogTests {
    private static let time = WallTime(microseconds: 1_795_351_774_120_999)

    @Test("time in UTC with milliseconds, level, message, and what belongs to it by name")
    func line() {
        let line = LineLog.line(at: Self.time, .notice, "term over", ["term": "a/7", "node": "b"])
        #expect(line == "2026-11-22T12:49:34.120Z notice term over node=b term=a/7\n")
    }

    @Test(
        "one line, whatever it tells of: other people's words can't begin a line of their own",
        arguments: ["\n", "\r\n", "\u{0B}", "\u{0C}", "\u{85}", "\u{2028}", "\u{2029}"])
    func oneLine(end: String) {
        let line = LineLog.line(at: Self.time, .error, "it says “a\(end)b”", ["error": "c\(end)2026-11-22T12:49:34.120Z notice all is well"])
        let blank = String(repeating: " ", count: end.unicodeScalars.count)
        #expect(
            line
                == "2026-11-22T12:49:34.120Z error it says “a\(blank)b” error=\"c\(blank)2026-11-22T12:49:34.120Z notice all is well\"\n")
    }

    @Test("values with blanks or quotes are quoted, with one kind of quotes; others stand as they are")
    func quotes() {
        let line = LineLog.line(at: Self.time, .info, "decided", ["a": "4 → 7", "b": "say\"no\"", "c": "größe=5", "d": ""])
        #expect(line.hasSuffix(" info decided a=\"4 → 7\" b=\"say'no'\" c=größe=5 d=\n"))
    }
}
