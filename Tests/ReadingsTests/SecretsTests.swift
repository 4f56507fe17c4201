import Foundation
import Model
import Testing

@testable import Readings

@Suite("Secrets")
struct SecretsTests {
    private func withFile<R>(_ content: Data?, _ body: (String) throws -> R) throws -> R {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("muster-secret-\(UUID().uuidString)")
            .path
        if let content { try content.write(to: URL(fileURLWithPath: path)) }
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    @Test(
        "a trailing line break is not part of a secret, other white space is",
        arguments: ["s3cret", "s3cret\n", "s3cret\r\n"])
    func lineBreak(text: String) throws {
        try self.withFile(Data(text.utf8)) { (path: String) throws in
            #expect(try Secrets.resolve(.file(path)) == "s3cret")
        }
        try self.withFile(Data(" s3 \n\n".utf8)) { (path: String) throws in
            #expect(try Secrets.resolve(.file(path)) == " s3 \n")
        }
    }

    @Test(
        "a file that holds no secret is missing, and the words name the file",
        arguments: [
            nil, Data(), Data("\n".utf8), Data([0xFF, 0xFE]), Data([0x61, 0, 0x62]),
            Data(repeating: 0x61, count: 20_000),
        ])
    func noSecret(content: Data?) throws {
        try self.withFile(content) { (path: String) in
            _ = #expect {
                try Secrets.resolve(.file(path))
            } throws: { error in
                (error as? Secrets.Missing)?.message.contains(path) == true
            }
        }
        #expect(throws: Secrets.Missing.self) { try Secrets.resolve(.file("/tmp")) }
    }

    @Test("a variable of the node's environment")
    func variable() throws {
        setenv("MUSTER_TEST_SECRET", "from the environment", 1)
        #expect(try Secrets.resolve(.environment("MUSTER_TEST_SECRET")) == "from the environment")
        #expect(throws: Secrets.Missing.self) { try Secrets.resolve(.environment("MUSTER_TEST_NO_SUCH_SECRET")) }
    }
}
