import Foundation
import Logging
import Model

/// One line an entry on stderr: time, level, node, message, and what belongs to it.
struct LineLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = self.metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 })
        FileHandle.standardError.write(Data(Self.line(at: Self.now, event.level, "\(event.message)", all).utf8))
    }

    /// With its end of line.
    static func line(at time: WallTime, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> String {
        let details = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
        return "\(time) \(level.rawValue) \(Self.oneLine(message))\(details)\n"
    }

    /// Not one of Foundation's formats: a leader logs between its election and its first act, and they take longer than all the rest of a line.
    private static var now: WallTime { WallTime(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)) }

    private static func oneLine(_ text: String) -> String {
        text.unicodeScalars.contains(where: Self.endsLine) ? String(String.UnicodeScalarView(text.unicodeScalars.map { Self.endsLine($0) ? " " : $0 })) : text
    }

    private static func endsLine(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0A...0x0D, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    private static func quoted(_ text: String) -> String {
        let line = Self.oneLine(text)
        guard line.utf8.contains(where: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\"") }) else { return line }
        return "\"\(line.replacing("\"", with: "'"))\""
    }
}
