import Foundation
import Model
import Schedule
import Testing

/// The tables of the page on schedules are what the code does.
@Suite("The page on schedules")
struct DocumentationTests {
    /// The rows of all tables with these headings, without backticks.
    private func rows(_ headings: String) throws -> [[String]] {
        let page = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("../../docs/reference/schedules.md").standardized
        let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex { $0 == headings }, "\(headings)")
        return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            line.dropFirst().dropLast().split(separator: "|").map { $0.trimmingCharacters(in: ["`", " "]) }
        }
    }

    @Test("expressions have the spelling that it gives them")
    func spellings() throws {
        let rows = try self.rows("| expression | in one spelling | means |")
        #expect(rows.count >= 8)
        for row in rows { #expect(try CronExpression(parsing: row[0]).text == row[1], "\(row[0])") }
    }

    @Test("mistakes get the answer that it gives")
    func mistakes() throws {
        let rows = try self.rows("| text | answer |")
        #expect(rows.count >= 4)
        for row in rows {
            let error = #expect(throws: CronError.self) { try CronExpression(parsing: row[0]) }
            #expect(error?.description == row[1])
        }
        #expect(try CronExpression(parsing: "0 0 30 2 *").neverFires)
    }

    @Test("expressions fire when it says so")
    func occurrences() throws {
        let rows = try self.rows("| expression | time zone | after | fires |")
        #expect(rows.count >= 8)
        for row in rows {
            let zone = try Zone.rules(row[1])
            let cron = try CronExpression(parsing: row[0])
            var now = try time(row[2])
            #expect(shown(now, zone) == row[2])
            for expected in row[3].split(separator: ", ") {
                now = try #require(cron.next(after: now, in: zone))
                #expect(shown(now, zone) == expected, "\(row[0])")
            }
        }
    }

    @Test("stretches are active when it says so")
    func stretches() throws {
        let rows = try self.rows("| expression | time zone | duration | at | state | since | until |")
        #expect(rows.count >= 6)
        for row in rows {
            let zone = try Zone.rules(row[1])
            let duration = try #require(Duration(text: row[2]))
            let state = Recurrence(cron: try CronExpression(parsing: row[0]), zone: zone, duration: duration).state(at: try time(row[3]))
            #expect((state.isActive ? "active" : "not active") == row[4])
            #expect(state.since.map { shown($0, zone) } == row[5])
            #expect(state.until.map { shown($0, zone) } == row[6])
        }
    }
}
