import Dispatch
import Foundation
import NIOCore
import NIOPosix
import TLS
import Testing

/// The system's own TLS program, where it is installed.
private enum OpenSSLProgram {
    static let path = ["/usr/bin/openssl", "/usr/local/bin/openssl"].first { FileManager.default.isExecutableFile(atPath: $0) }
}

@Suite("The openssl program", .enabled(if: OpenSSLProgram.path != nil, "the openssl program is not installed"))
struct OpenSSLProgramTests {
    private let pki: TestPKI
    private let folder: IdentityFolder
    private let node: TLSContext

    init() throws {
        self.pki = try TestPKI()
        self.folder = try IdentityFolder()
        try self.folder.write(try self.pki.issue(.node("b")))
        try self.folder.write(try self.pki.pem, to: "ca.pem")
        self.node = try self.pki.node("a")
    }

    private var identity: [String] {
        ["-cert", self.folder.files.certificate, "-key", self.folder.files.key]
    }

    /// Serves one echo with our handler while the program runs against it; what the program said, and what we saw.
    private func client(_ options: [String], isMember: Bool = true) async throws -> (output: String, report: LinkReport.Whole) {
        let (report, node) = (LinkReport(echoes: true), self.node)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let session = try TLSSession(node, role: .server, expecting: .member { _ in isMember }) { _, _ in false }
                    try channel.pipeline.syncOperations.addHandlers([TLSHandler(session), report])
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let program = try Program(["s_client", "-connect", "127.0.0.1:\(port)", "-verify_return_error", "-CAfile", self.folder.files.authority] + options)
        program.send("hello from the program\n")
        // A client that was accepted ends with its input, after the answer; one that was refused ends by itself.
        let output = await program.output(until: "hello from the program")
        program.endInput()
        let seen = await report.all()
        try await server.close().get()
        return (output + (await program.rest()), seen)
    }

    @Test("s_client with a node's certificate is let in and answered")
    func goodClient() async throws {
        let (output, report) = try await self.client(["-tls1_3", "-alpn", TLSContext.applicationProtocol] + self.identity)
        #expect(report.peers == ["b"])
        #expect(report.text == "hello from the program\n")
        #expect(output.contains("ALPN protocol: muster-peer/1"))
        #expect(output.contains("TLS_AES_256_GCM_SHA384"))
        #expect(!output.contains("New Session Ticket arrived"), "no ticket is given: \(output)")
    }

    @Test("s_client is refused by name of the alert: without certificate, without protocol, with TLS 1.2, as a stranger")
    func badClients() async throws {
        let alpn = ["-alpn", TLSContext.applicationProtocol]
        let cases: [([String], Bool, String)] = [
            (["-tls1_3"] + alpn, true, "certificate required"), (["-tls1_3"] + self.identity, true, "no application protocol"),
            (["-tls1_2"] + alpn + self.identity, true, "protocol version"), (["-tls1_3"] + alpn + self.identity, false, "bad certificate"),
        ]
        for (options, isMember, words) in cases {
            let (output, report) = try await self.client(options, isMember: isMember)
            #expect(report.peers.isEmpty)
            #expect(report.errors.count == 1)
            #expect(output.contains(words), "\(options): \(output)")
        }
    }

    @Test("our client talks to s_server, which demands its certificate")
    func server() async throws {
        let program = try Program(
            [
                "s_server", "-accept", "127.0.0.1:0", "-Verify", "1", "-verify_return_error", "-naccept", "1", "-tls1_3", "-rev", "-CAfile",
                self.folder.files.authority, "-alpn", TLSContext.applicationProtocol,
            ] + self.identity)
        let greeting = await program.output(until: "ACCEPT 127.0.0.1:", andLineEnd: true)
        let digits = try #require(greeting.split(separator: "ACCEPT 127.0.0.1:").last?.prefix { $0.isNumber })
        let port = try #require(Int(digits))
        let (report, node) = (LinkReport(), self.node)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let session = try TLSSession(node, role: .client, expecting: .node("b")) { _, _ in false }
                    try channel.pipeline.syncOperations.addHandlers([TLSHandler(session), report])
                }
            }.connect(host: "127.0.0.1", port: port).get()
        try await channel.writeAndFlush(ByteBuffer(string: "abc\n")).get()
        #expect(await report.wait(for: "cba"))
        try await channel.close().get()
        program.endInput()
        _ = await program.rest()
    }
}

/// A running `openssl`, its words read as they come.
private final class Program: Sendable {
    private let output: AsyncStream<String>
    private let input: FileHandle
    private let process: ProcessBox

    /// Process is not Sendable; it is only asked to end, after it was set up.
    private final class ProcessBox: @unchecked Sendable {
        let process = Process()
        deinit { if self.process.isRunning { self.process.terminate() } }
    }

    init(_ arguments: [String]) throws {
        let box = ProcessBox()
        let (input, output) = (Pipe(), Pipe())
        box.process.executableURL = URL(fileURLWithPath: try #require(OpenSSLProgram.path))
        box.process.arguments = arguments
        box.process.standardInput = input
        box.process.standardOutput = output
        box.process.standardError = output
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        try box.process.run()
        let reader = output.fileHandleForReading
        DispatchQueue(label: "openssl output").async {
            while case let data = reader.availableData, !data.isEmpty { continuation.yield(String(decoding: data, as: UTF8.self)) }
            continuation.finish()
        }
        self.output = stream
        self.input = input.fileHandleForWriting
        self.process = box
    }

    func send(_ text: String) { try? self.input.write(contentsOf: Data(text.utf8)) }
    func endInput() { try? self.input.close() }

    /// What it says up to some text, or to its end.
    func output(until text: String, andLineEnd: Bool = false) async -> String {
        var all = ""
        for await part in self.output {
            all += part
            if let range = all.range(of: text), !andLineEnd || all[range.upperBound...].contains("\n") { break }
        }
        return all
    }
    func rest() async -> String {
        var all = ""
        for await part in self.output { all += part }
        return all
    }
}
