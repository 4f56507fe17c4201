import Foundation
import Logging
import Model
import Testing

@testable import muster

@Suite("What a node tells its supervisor")
struct RosterTests {
    private static let roster = Roster(members: ["a", "b"], deniedSerials: ["a1b"], deniedNodes: ["c"])

    private static func file(_ scratch: Scratch) -> RosterFile {
        var logger = Logger(label: "roster")
        logger.logLevel = .critical
        return RosterFile(directory: scratch.folder, logger: logger)
    }

    @Test("the supervisor reads what the node recorded last, also that of a process before its own; before the first word there is none")
    func told() async throws {
        let scratch = try Scratch()
        let node = Self.file(scratch)
        #expect(try node.read() == nil)
        for number in 1...20 { node.record(Roster(members: ["m\(number)"])) }
        node.record(Self.roster)
        await node.flush()
        #expect(try node.read() == Self.roster)
        #expect(try Self.file(scratch).read() == Self.roster)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.folder) == ["roster.json"])
    }

    @Test("what can't be written is written with the next word, though that is the same")
    func retried() async throws {
        let scratch = try Scratch()
        let node = Self.file(scratch)
        // A folder stands where the new content would be prepared.
        try FileManager.default.createDirectory(atPath: scratch.path("roster.json.new/x"), withIntermediateDirectories: true)
        node.record(Self.roster)
        await node.flush()
        #expect(try node.read() == nil)
        try FileManager.default.removeItem(atPath: scratch.path("roster.json.new"))
        node.record(Self.roster)
        await node.flush()
        #expect(try node.read() == Self.roster)
    }

    @Test("the same word is written once")
    func once() async throws {
        let scratch = try Scratch()
        let node = Self.file(scratch)
        node.record(Self.roster)
        await node.flush()
        try FileManager.default.removeItem(atPath: node.path)
        node.record(Self.roster)
        await node.flush()
        #expect(try node.read() == nil)
    }

    @Test("a full deny-list and a full cluster fit; a larger file is refused unread, whoever wrote it")
    func bounded() async throws {
        let scratch = try Scratch()
        let node = Self.file(scratch)
        let full = Roster(
            members: Set((0..<64).map { String(repeating: "m", count: 60) + "\($0)" }),
            deniedSerials: Set((0..<1000).map { String(repeating: "f", count: 36) + "\(1000 + $0)" }),
            deniedNodes: Set((0..<1000).map { String(repeating: "n", count: 58) + "\(1000 + $0)" }))
        node.record(full)
        await node.flush()
        #expect(try node.read() == full)
        node.record(Roster(members: full.members, deniedSerials: Set((0..<10_000).map { String(repeating: "f", count: 36) + "\(10_000 + $0)" })))
        await node.flush()
        #expect(try node.read() == full, "the last one that could be written stays")
        try scratch.write(String(repeating: " ", count: RosterFile.maximumBytes) + "{}", "roster.json")
        let failure = #expect(throws: Failure.self) { try node.read() }
        #expect(failure?.description.contains("is larger than \(RosterFile.maximumBytes) bytes") == true)
    }

    @Test(
        "a file that holds something else is refused with its place",
        arguments: [
            ("", "roster.json is no roster"), ("{}", "/members: is missing"),
            (#"{"members":["a"],"deniedSerials":[1],"deniedNodes":[]}"#, "/deniedSerials: holds"),
            (#"{"members":["a"],"deniedSerials":[]}"#, "/deniedNodes: is missing"), (#"{"members":["a"],"deni"#, "is no roster"),
        ])
    func broken(content: String, words: String) throws {
        let scratch = try Scratch()
        try scratch.write(content, "roster.json")
        let failure = #expect(throws: Failure.self) { try Self.file(scratch).read() }
        #expect(failure?.description.contains(words) == true, "\(failure?.description ?? "")")
    }
}
