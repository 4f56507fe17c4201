import Foundation
import PostgresTesting
import Testing

@Suite("Command line: reaching a node")
struct ConnectTests {
    private static let node = ["MUSTER_URL": "https://127.0.0.1:1", "MUSTER_TOKEN": "t"]

    @Test("without a node's address or a token it says how to give them")
    func missing() async throws {
        let nowhere = try await Program().run("status")
        #expect(nowhere.code == 2)
        #expect(nowhere.err == "error: no node to talk to: give --url or set MUSTER_URL\n")
        let nobody = try await Program(environment: ["MUSTER_URL": "https://127.0.0.1:1"]).run("status")
        #expect(nobody.code == 4)
        #expect(nobody.err == "error: no token: give --token or set MUSTER_TOKEN\n")
    }

    @Test("an address that would send the token in the clear, or is none, is refused", arguments: ["http://127.0.0.1:1", "127.0.0.1:1", "https://", "x y"])
    func address(url: String) async throws {
        let result = try await Program(environment: Self.node).run("status", "--url", url)
        #expect(result.code == 2)
        #expect(result.err.contains("is not a node’s address; it looks like https://a.internal:7443"), "\(result.err)")
    }

    @Test(
        "a node that is out of reach is told with advice", arguments: [["status"], ["get", "nodes"], ["enable", "--reason", "because"], ["audit", "verify"]])
    func unreachable(command: [String]) async throws {
        let result = try await Program(environment: Self.node).run(command)
        #expect(result.code == 5)
        #expect(result.out.isEmpty)
        #expect(
            result.err == "error: cannot reach the node at https://127.0.0.1:1: nothing listens there. Is it running? Another node will do as well. "
                + "Next: on its host, muster doctor --config FILE\n")
    }

    @Test("an authority's file that is missing or rubbish is told, before anything is sent")
    func authorityFile() async throws {
        let scratch = try Scratch()
        try scratch.write("rubbish", "ca.pem")
        for (path, words) in [(scratch.path("none.pem"), "can't be read"), (scratch.path("ca.pem"), "holds no certificate in PEM")] {
            let result = try await Program(environment: Self.node).run("status", "--ca", path)
            #expect(result.code == 2)
            #expect(result.err.contains("\(path) \(words)"), "\(result.err)")
        }
    }

    @Test("a node of another authority, and one under another name, is not talked to")
    func wrongAuthority() async throws {
        let cluster = try await SmallCluster.shared
        let scratch = try Scratch()
        let other = try await Program(folder: scratch.folder).run(
            "cluster", "init", "--name", "other", "--postgres", cluster.server.makeDatabase(), "--out", "ca")
        #expect(other.code == 0, "\(other.err)")
        let program = try cluster.program()
        let foreign = try await program.run("status", "--ca", scratch.path("ca/ca.pem"))
        #expect(foreign.code == 5)
        #expect(foreign.err.contains("its certificate is not valid under \(scratch.path("ca/ca.pem"))"), "\(foreign.err)")
        let system = try await Program(environment: program.environment.filter { $0.key != "MUSTER_CA" }).run("status")
        #expect(system.code == 5)
        #expect(system.err.contains("its certificate is not valid under this system’s authorities"), "\(system.err)")
        let named = try await program.run("status", "--url", cluster.url.replacing("127.0.0.1", with: "localhost"))
        #expect(named.code == 0, "\(named.err)")
        let token = try await program.run("status", "--token", "muster_small_wrong_secret")
        #expect(token.code == 4)
        #expect(token.err.contains("The token is not valid. Next: "), "\(token.err)")
    }

    @Test("a reader that goes away ends a listing without noise; a full disk is an error")
    func output() async throws {
        let cluster = try await SmallCluster.shared
        var program = try cluster.program()
        program.standardOutput = "/dev/full"
        let full = try await program.run("audit", "list")
        #expect(full.code == 1)
        #expect(full.err == "error: the output can't be written: No space left on device\n")
        let scratch = try Scratch()
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/bash")
        shell.arguments = ["-c", "\"$0\" audit list -o json 2>\"$1\" | true; exit ${PIPESTATUS[0]}", Program.path, scratch.path("err")]
        shell.environment = program.environment
        try shell.run()
        shell.waitUntilExit()
        #expect([0, 141].contains(shell.terminationStatus), "it may have written all before the reader went")
        #expect(try scratch.text("err").isEmpty)
    }
}
