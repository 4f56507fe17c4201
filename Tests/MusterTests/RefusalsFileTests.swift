import Foundation
import Peers
import Testing

@testable import muster

@Suite("What a supervisor tells its node")
struct RefusalsFileTests {
    @Test("the node reads what the supervisor wrote last; before the first word there is none")
    func told() throws {
        let scratch = try Scratch()
        let file = RefusalsFile(directory: scratch.folder)
        #expect(try file.read() == nil)
        try file.write([.denied: 1, .notTLS: 3])
        try file.write([.denied: 2, .notTLS: 3])
        #expect(try file.read() == [.denied: 2, .notTLS: 3])
        try file.write([:])
        #expect(try file.read() == [:])
    }

    @Test("all reasons with the largest numbers fit; a larger file is refused unread, whoever wrote it")
    func bounded() throws {
        let scratch = try Scratch()
        let file = RefusalsFile(directory: scratch.folder)
        let full = Dictionary(uniqueKeysWithValues: PeerFault.allCases.map { ($0, UInt64(Int64.max)) })
        try file.write(full)
        #expect(try file.read() == full)
        try scratch.write(String(repeating: " ", count: RefusalsFile.maximumBytes) + "{}", "refusals.json")
        let failure = #expect(throws: Failure.self) { try file.read() }
        #expect(failure?.description.contains("is larger than \(RefusalsFile.maximumBytes) bytes") == true)
    }

    @Test("a reason of another version is left out; a file that holds something else is refused")
    func strange() throws {
        let scratch = try Scratch()
        let file = RefusalsFile(directory: scratch.folder)
        try scratch.write(#"{"denied":1,"tooTall":2}"#, "refusals.json")
        #expect(try file.read() == [.denied: 1])
        for (content, words) in [("", "holds no refusals"), ("[]", "holds no refusals"), (#"{"denied":-1}"#, "/denied"), (#"{"denied":"1"}"#, "/denied")] {
            try scratch.write(content, "refusals.json")
            let failure = #expect(throws: Failure.self) { try file.read() }
            #expect(failure?.description.contains(words) == true, "\(content)")
        }
    }
}
