import Foundation
import Logging

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
        let details = all.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
        let time = Date.now.formatted(.iso8601.year().month().day().dateSeparator(.dash).time(includingFractionalSeconds: true))
        let line = "\(time)Z \(event.level.rawValue) \(Self.oneLine("\(event.message)"))\(details)\n"
        FileHandle.standardError.write(Data(line.utf8))
    }

    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    private static func quoted(_ text: String) -> String {
        let line = Self.oneLine(text)
        return line.contains(" ") || line.contains("\"") ? "\"\(line.replacingOccurrences(of: "\"", with: "'"))\"" : line
    }
}
