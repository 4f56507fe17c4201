import Foundation
import Testing

@Suite("Command line: ca")
struct CATests {
    /// A folder with an authority in `ca`, made with openssl, as an organisation's own might be.
    private func authority() async throws -> Scratch {
        let scratch = try Scratch()
        try FileManager.default.createDirectory(atPath: scratch.path("ca"), withIntermediateDirectories: true)
        try await Self.openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=authority", "-addext",
            "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign", "-keyout", scratch.path("ca/ca.key"), "-out",
            scratch.path("ca/ca.pem"))
        return scratch
    }

    @discardableResult
    private static func openssl(_ arguments: String...) async throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self)
        guard process.terminationStatus == 0 else { throw OpenSSLRefused(description: "openssl \(arguments.joined(separator: " ")): \(text)") }
        return text
    }

    private struct OpenSSLRefused: Error, CustomStringConvertible { var description: String }

    private func issue(_ scratch: Scratch, _ changes: [String: String] = [:], extra: [String] = []) async throws -> Program.Result {
        let options = ["--ca": "ca", "--cluster": "prod", "--node": "a", "--hosts": "a.internal, 10.0.0.1", "--out": "a"].merging(changes) { $1 }
        return try await Program(folder: scratch.folder).run(["ca", "issue"] + options.flatMap { [$0.key, $0.value] } + extra)
    }

    /// The subject alternative names as openssl prints them.
    private static func names(_ path: String) async throws -> String {
        let text = try await Self.openssl("x509", "-in", path, "-noout", "-ext", "subjectAltName")
        return text.split(separator: "\n").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
    }

    @Test("a node gets its identity and its HTTPS certificate, which openssl accepts")
    func issue() async throws {
        let scratch = try await self.authority()
        let result = try await self.issue(scratch)
        #expect(result.code == 0, "\(result.err)")
        #expect(result.out.isEmpty)
        #expect(result.err.contains("spiffe://prod/node/a"))
        let modes = ["node.pem": 0o644, "node.key": 0o600, "api.pem": 0o644, "api.key": 0o600, "ca.pem": 0o644]
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: scratch.path("a"))) == Set(modes.keys))
        for (name, mode) in modes { #expect(try scratch.mode("a/\(name)") == mode, "\(name)") }
        #expect(try scratch.text("a/ca.pem") == scratch.text("ca/ca.pem"))
        for name in ["node", "api"] {
            let verdict = try await Self.openssl("verify", "-x509_strict", "-CAfile", scratch.path("ca/ca.pem"), scratch.path("a/\(name).pem"))
            #expect(verdict.contains("OK"))
            let certified = try await Self.openssl("x509", "-in", scratch.path("a/\(name).pem"), "-noout", "-pubkey")
            #expect(try await Self.openssl("pkey", "-in", scratch.path("a/\(name).key"), "-pubout") == certified)
        }
        #expect(try await Self.names(scratch.path("a/node.pem")) == "URI:spiffe://prod/node/a")
        #expect(try await Self.names(scratch.path("a/api.pem")) == "DNS:a.internal, IP Address:10.0.0.1")
    }

    @Test("a certificate is good for as long as was asked")
    func lifetime() async throws {
        let scratch = try await self.authority()
        #expect(try await self.issue(scratch, extra: ["--for", "2h"]).code == 0)
        let path = scratch.path("a/node.pem")
        #expect(try await Self.openssl("x509", "-in", path, "-noout", "-checkend", "7000").contains("will not expire"))
        await #expect(throws: OpenSSLRefused.self) { try await Self.openssl("x509", "-in", path, "-noout", "-checkend", "7300") }
        for lifetime in ["soon", "0s", "10s", "20000d"] {
            let refused = try await self.issue(scratch, extra: ["--for", lifetime])
            #expect(refused.code == 2)
            #expect(refused.err == "error: --for “\(lifetime)” is not a duration between 1m and 3650d, such as 90d\n")
        }
    }

    @Test("issuing again replaces keys and certificates together")
    func again() async throws {
        let scratch = try await self.authority()
        #expect(try await self.issue(scratch).code == 0)
        let old = try scratch.text("a/node.pem")
        #expect(try await self.issue(scratch).code == 0)
        #expect(try scratch.text("a/node.pem") != old)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("a")).count == 5)
        let certified = try await Self.openssl("x509", "-in", scratch.path("a/node.pem"), "-noout", "-pubkey")
        #expect(try await Self.openssl("pkey", "-in", scratch.path("a/node.key"), "-pubout") == certified)
    }

    static let wrong: [([String: String], Int32, String)] = [
        (["--node": "A b"], 2, "--node: "),
        (["--cluster": ""], 2, "--cluster: "),
        (["--hosts": ""], 1, "give --hosts"),
        (["--hosts": "https://a:7443"], 1, "“https://a:7443” is neither a host name nor an address"),
        (["--ca": "nowhere"], 1, "nowhere/ca.pem can't be read"),
        (["--out": "ca/ca.pem/x"], 1, "the folder ca/ca.pem can't be made: File exists"),
    ]

    @Test("what can't be issued is told, and nothing is written", arguments: Self.wrong)
    func refuses(changes: [String: String], code: Int32, words: String) async throws {
        let scratch = try await self.authority()
        let result = try await self.issue(scratch, changes)
        #expect(result.code == code, "\(result.err)")
        #expect(result.err.contains(words), "\(result.err)")
        #expect(!scratch.exists("a"))
    }

    @Test("an authority with another's key, or none, is refused")
    func authorityIsBroken() async throws {
        let scratch = try await self.authority(), other = try await self.authority()
        try scratch.write(try other.text("ca/ca.key"), "ca/ca.key", mode: 0o600)
        let foreign = try await self.issue(scratch)
        #expect(foreign.code == 1)
        #expect(foreign.err == "error: the authority’s key does not belong to its certificate\n")
        try scratch.write("rubbish", "ca/ca.key", mode: 0o600)
        #expect(try await self.issue(scratch).err == "error: the authority’s key is not an ECDSA P-256 key in PEM\n")
        #expect(!scratch.exists("a"))
    }

    private func run(_ scratch: Scratch, _ arguments: String...) async throws -> Program.Result {
        try await Program(folder: scratch.folder).run(["ca"] + arguments)
    }

    @Test("renewing keeps a node's names and replaces its keys; a folder without certificates is told")
    func renews() async throws {
        let scratch = try await self.authority()
        #expect(try await self.issue(scratch).code == 0)
        let old = try scratch.text("a/node.key")
        let renewed = try await self.run(scratch, "renew", "--ca", "ca", "--in", "a", "--for", "2h")
        #expect(renewed.code == 0, "\(renewed.err)")
        #expect(try scratch.text("a/node.key") != old)
        #expect(try await Self.names(scratch.path("a/node.pem")) == "URI:spiffe://prod/node/a")
        #expect(try await Self.names(scratch.path("a/api.pem")) == "DNS:a.internal, IP Address:10.0.0.1")
        #expect(try await Self.openssl("verify", "-x509_strict", "-CAfile", scratch.path("a/ca.pem"), scratch.path("a/node.pem")).contains("OK"))
        let nothing = try await self.run(scratch, "renew", "--ca", "ca", "--in", "ca")
        #expect(nothing.code == 1)
        #expect(nothing.err.contains("ca/node.pem holds no certificate"))
    }

    @Test("an authority is rotated in two steps: both are trusted, the new one signs, the old one goes")
    func rotates() async throws {
        let scratch = try await self.authority()
        #expect(try await self.issue(scratch).code == 0)
        let old = try scratch.text("a/node.pem")
        let early = try await self.run(scratch, "rotate", "--ca", "ca", "--finish")
        #expect(early.code == 1)
        #expect(early.err.contains("no rotation is under way"))
        #expect(try await self.run(scratch, "rotate", "--ca", "ca").code == 2)

        let begun = try await self.run(scratch, "rotate", "--ca", "ca", "--cluster", "prod")
        #expect(begun.code == 0, "\(begun.err)")
        #expect(begun.err.contains("next: copy ca.pem to every node"))
        #expect(try scratch.mode("ca/ca.key") == 0o600)
        #expect(try scratch.mode("ca/ca.key.previous") == 0o600)
        try scratch.write(old, "old.pem")
        #expect(try await self.run(scratch, "renew", "--ca", "ca", "--in", "a").code == 0)
        for certificate in ["old.pem", "a/node.pem"] {
            #expect(try await Self.openssl("verify", "-CAfile", scratch.path("a/ca.pem"), scratch.path(certificate)).contains("OK"))
        }
        #expect(try await self.run(scratch, "rotate", "--ca", "ca", "--cluster", "prod").err.contains("a rotation is under way"))
        let plan = try await self.run(scratch, "rotate", "--ca", "ca", "--plan").err
        #expect(plan.contains("retiring") && plan.contains("signing"))

        #expect(try await self.run(scratch, "rotate", "--ca", "ca", "--finish").code == 0)
        #expect(try await Self.openssl("verify", "-CAfile", scratch.path("ca/ca.pem"), scratch.path("a/node.pem")).contains("OK"))
        await #expect(throws: OpenSSLRefused.self) {
            try await Self.openssl("verify", "-CAfile", scratch.path("ca/ca.pem"), scratch.path("old.pem"))
        }
    }
}
