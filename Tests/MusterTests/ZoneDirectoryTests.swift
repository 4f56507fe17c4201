import Foundation
import Model
import Schedule
import Testing

@testable import muster

@Suite("The zoneinfo directory")
struct ZoneDirectoryTests {
    private static let system = ZoneDirectory(environment: [:])

    @Test("a zone is read by its name, and UTC without a file")
    func reads() throws {
        let berlin = try Self.system.rules(named: "Europe/Berlin")
        #expect(berlin.name == "Europe/Berlin")
        #expect(berlin.utcOffset(at: WallTime(microseconds: 1_780_000_000_000_000)) == 7200)
        let nowhere = ZoneDirectory(environment: ["TZDIR": "/nonexistent"])
        #expect(try nowhere.rules(named: "UTC") == .utc)
        let failure = #expect(throws: ZoneDirectory.Failure.self) { try nowhere.rules(named: "Europe/Berlin") }
        #expect(failure?.description.contains("there is no directory /nonexistent; install the package tzdata, or set TZDIR") == true)
    }

    @Test("every zone that the directory names can be used")
    func all() throws {
        let names = Self.system.names()
        #expect(names.count > 400)
        #expect(names.contains("America/Argentina/Buenos_Aires") && !names.contains { $0.hasPrefix("right/") || $0 == "localtime" })
        for name in names { #expect(throws: Never.self) { try Self.system.rules(named: name) } }
    }

    @Test(
        "a name that is not there is answered with the nearest",
        arguments: [
            ("Europe/Berln", "did you mean Europe/Berlin?"), ("europe/berlin", "did you mean Europe/Berlin?"), ("Berlin", "did you mean Europe/Berlin?"),
            ("Buenos_Aires", "did you mean America/Argentina/Buenos_Aires or America/Buenos_Aires?"), ("Asia/Berlin", "did you mean Europe/Berlin?"),
            ("Kathmando", "did you mean Asia/Kathmandu?"), ("Mars/Olympus_Mons", "in /usr/share/zoneinfo"), ("Europe", "there is no time zone “Europe”"),
        ])
    func unknown(name: String, words: String) {
        let failure = #expect(throws: ZoneDirectory.Failure.self) { try Self.system.rules(named: name) }
        #expect(failure?.description.contains(words) == true, "\(failure?.description ?? "")")
        #expect(failure?.description.contains("there is no time zone “\(name)”") == true)
    }

    @Test(
        "a path out of the directory, and a file that is no zone, are refused",
        arguments: ["../../../etc/passwd", "/etc/passwd", "Europe/../../passwd", "zone.tab", "."])
    func paths(name: String) {
        let failure = #expect(throws: ZoneDirectory.Failure.self) { try Self.system.rules(named: name) }
        #expect(failure?.description.contains("can't be a time zone") == true, "\(failure?.description ?? "")")
    }

    @Test("a broken file is named with what is wrong with it")
    func broken() throws {
        let scratch = try Scratch()
        try scratch.write("this is not a zone, but it is long enough to be one, and then some more of it", "Broken")
        let failure = #expect(throws: ZoneDirectory.Failure.self) { try ZoneDirectory(environment: ["TZDIR": scratch.folder]).rules(named: "Broken") }
        #expect(
            failure?.description == "the time zone “Broken” can't be used: \(scratch.path("Broken")): the file does not begin with “TZif”: it is no time zone")
    }
}
