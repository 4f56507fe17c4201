import Foundation
import Model
import Schedule
import SeededRandom
import Testing

/// Zones of this machine's tz database.
enum Zone {
    static let folder = "/usr/share/zoneinfo"

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/\(name)")))
    }

    static func rules(_ name: String) throws -> TimeZoneRules {
        name == "UTC" ? .utc : try TimeZoneRules(name: name, tzif: try Self.bytes(name))
    }
}

/// What clocks of the zone show, with their offset: `2026-03-29T03:00+02:00`.
func shown(_ time: WallTime, _ zone: TimeZoneRules) -> String {
    let offset = zone.utcOffset(at: time)
    let minutes = abs(offset) / 60
    func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
    return zone.localTime(at: time).description.prefix(16) + (offset < 0 ? "-" : "+") + padded(minutes / 60) + ":" + padded(minutes % 60)
}

/// A time such as `2026-03-29T03:00+02:00`.
func time(_ text: String) throws -> WallTime {
    let short = text.count == 22 ? text.prefix(16) + ":00" + text.dropFirst(16) : text[...]
    return try #require(WallTime(rfc3339: String(short)), "\(text)")
}

extension WallTime {
    var seconds: Int { Int(self.microseconds) / 1_000_000 }
    init(seconds: Int) { self.init(microseconds: Int64(seconds) * 1_000_000) }
}

/// The number that the environment asks for, for long runs.
func count(_ variable: String, default number: Int) -> Int { ProcessInfo.processInfo.environment[variable].flatMap(Int.init) ?? number }

/// Debian's Python, for which its packages are.
enum Python {
    struct Failure: Error, CustomStringConvertible { var description: String }

    static func run(_ script: String, input: String = "") throws -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("muster-schedule-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let inputFile = folder.appendingPathComponent("input")
        try Data(input.utf8).write(to: inputFile)
        let program = Process()
        program.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        program.arguments = ["-c", script]
        program.environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONTZPATH": Zone.folder]
        program.standardInput = try FileHandle(forReadingFrom: inputFile)
        let output = Pipe()
        program.standardOutput = output
        try program.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        program.waitUntilExit()
        guard program.terminationStatus == 0 else {
            let last = text.suffix(500)
            throw Failure(description: "python3 ended with \(program.terminationStatus); cluster/test installs python3-croniter. Its last words: \(last)")
        }
        return text
    }
}

/// A random expression with the values that each field means, found without the parser.
struct Specification: CustomStringConvertible {
    struct Field {
        var text: String
        var values: Set<Int>
        /// Written `*` or `*/n`.
        var isWildcard = false
        /// As a day field: any day will do.
        var isAny = false
    }
    var minute, hour, dayOfMonth, month, dayOfWeek: Field

    var text: String { [self.minute, self.hour, self.dayOfMonth, self.month, self.dayOfWeek].map(\.text).joined(separator: " ") }
    var description: String { self.text }
    var followsTheClock: Bool { self.minute.isWildcard || self.hour.isWildcard }

    /// By the words of the documentation, for a count of minutes since the epoch of the local calendar.
    func matches(minute: Int) -> Bool {
        guard self.minute.values.contains(((minute % 60) + 60) % 60) else { return false }
        let hours = Int((Double(minute) / 60).rounded(.down))
        guard self.hour.values.contains(((hours % 24) + 24) % 24) else { return false }
        var components = Calendar(identifier: .gregorian)
        components.timeZone = TimeZone(secondsFromGMT: 0) ?? .current
        let parts = components.dateComponents([.day, .month, .weekday], from: Date(timeIntervalSince1970: Double(minute) * 60))
        guard let day = parts.day, let month = parts.month, let weekday = parts.weekday, self.month.values.contains(month) else { return false }
        let (byMonth, byWeek) = (self.dayOfMonth.values.contains(day), self.dayOfWeek.values.contains(weekday - 1))
        if self.dayOfMonth.isAny { return self.dayOfWeek.isAny || byWeek }
        return self.dayOfWeek.isAny ? byMonth : byMonth || byWeek
    }
}

extension Specification {
    /// What other crons read as well: no range over the end, no step without a range.
    static func random(_ random: inout Seeded) -> Specification {
        let months = ["jan", "FEB", "Mar", "apr", "MAY", "jun", "JUL", "aug", "SEP", "oct", "NOV", "dec"]
        let weekdays = ["SUN", "mon", "Tue", "WED", "thu", "FRI", "sat"]
        return Specification(
            minute: Self.field(&random, 0...59, wildcard: 20), hour: Self.field(&random, 0...23, wildcard: 30),
            dayOfMonth: Self.field(&random, 1...31, wildcard: 60), month: Self.field(&random, 1...12, names: months, wildcard: 60),
            dayOfWeek: Self.field(&random, 0...6, names: weekdays, wildcard: 50))
    }

    /// `wildcard`: how often it is `*`, in percent.
    static func field(_ random: inout Seeded, _ range: ClosedRange<Int>, names: [String] = [], wildcard: Int) -> Field {
        if random.chance(wildcard) { return Field(text: "*", values: Set(range), isWildcard: true, isAny: true) }
        let step = random.int(2...max(2, range.count / 3))
        func name(_ value: Int, _ random: inout Seeded) -> String {
            names.isEmpty || random.chance(50) ? String(value) : names[value - range.lowerBound]
        }
        switch random.int(0...4) {
        case 0: return Field(text: "*/\(step)", values: Set(stride(from: range.lowerBound, through: range.upperBound, by: step)), isWildcard: true)
        case 1:
            let value = random.int(range)
            return Field(text: name(value, &random), values: [value])
        case 2:
            let first = random.int(range.lowerBound...range.upperBound - 1)
            let last = random.int(first + 1...range.upperBound)
            return Field(text: "\(name(first, &random))-\(name(last, &random))", values: Set(first...last))
        case 3:
            let first = random.int(range.lowerBound...range.upperBound - 1)
            let last = random.int(first + 1...range.upperBound)
            return Field(text: "\(first)-\(last)/\(step)", values: Set(stride(from: first, through: last, by: step)))
        default:
            let values = (0...random.int(1...3)).map { _ in random.int(range) }
            return Field(text: values.map { name($0, &random) }.joined(separator: ","), values: Set(values))
        }
    }
}
