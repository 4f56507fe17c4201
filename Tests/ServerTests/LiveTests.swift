import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Model
import NIOCore
import NIOPosix
import NIOSSL
import Postgres
import ServiceLifecycle
import Store
import SwiftASN1
import Synchronization
import Testing
import X509

@testable import Server

/// A self-signed certificate and its key, as files.
struct CertificateFiles {
    let folder: String
    var certificate: String { "\(self.folder)/api.pem" }
    var key: String { "\(self.folder)/api.key" }

    init() throws {
        self.folder = NSTemporaryDirectory() + "muster-server-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName { CommonName("localhost") }
        let certificate = try X509.Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date() - 60, notValidAfter: Date() + 3600,
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try .init { SubjectAlternativeNames([.dnsName("localhost")]) }, issuerPrivateKey: .init(key))
        try certificate.serializeAsPEM().pemString.write(toFile: self.certificate, atomically: true, encoding: .utf8)
        try key.pemRepresentation.write(toFile: self.key, atomically: true, encoding: .utf8)
    }

    func remove() { try? FileManager.default.removeItem(atPath: self.folder) }
}

@Suite("On a socket")
struct LiveTests {
    @Test("HTTPS answers on one connection after another, and the canary secrets of requests are in no log line")
    func https() async throws {
        let files = try CertificateFiles()
        defer { files.remove() }
        var configuration = World.configuration
        configuration.certificatePath = files.certificate
        configuration.keyPath = files.key
        try await World.run(configuration: configuration) { world, _ in
            try await world.application.test(.ahc(.https)) { client in
                let canary = world.token(.admin)
                let unknown = try #require(
                    TokenText(environment: "testing", idBytes: .init(repeating: 9, count: 8), secret: .init(repeating: 9, count: 32)))
                #expect(try await client.ask(.get, "/v1/me", as: canary).status == 200)
                #expect(try await client.ask(.get, "/v1/me", as: unknown.text).status == 401)
                #expect(try await client.ask(.get, "/v1/me?token=\(canary)", as: canary).status == 400)
                #expect(try await client.ask(.get, "/\(canary)", as: canary).status == 404)
                #expect(try await client.ask(.get, "/v1/decisions/\(canary)", as: canary).status == 404)
                let made = try await client.ask(.post, "/v1/tokens", as: canary, body: ["name": "ci", "role": "viewer"], key: "k")
                let secret = try #require(try made.json["token"]?.stringValue)
                #expect(try await client.ask(.get, "/v1/me", as: secret).status == 200)
                #expect(
                    try await client.ask(.put, "/v1/switch", as: canary, body: ["enabled": true, "reason": .string(secret), "x": .string(canary)]).status == 400
                )
                let log = world.log.text
                #expect(log.contains("getMe"))
                for text in [canary, unknown.text, secret] {
                    let part = String(try #require(text.split(separator: "_").dropFirst(3).first))
                    #expect(!log.contains(part))
                }
            }
        }
    }

    @Test("HEAD, and a body that is refused unread, leave the connection usable")
    func keepAlive() async throws {
        try await World.run { world, _ in
            try await world.application.test(.live) { client in
                let token = world.token(.admin)
                let large = String(repeating: "x", count: Limits.body + 1)
                let replies = [
                    try await client.ask(.head, "/v1/status", as: token), try await client.ask(.get, "/v1/me", as: token),
                    try await client.ask(.put, "/v1/switch", as: token, rawBody: large), try await client.ask(.get, "/v1/me", as: token),
                ]
                #expect(replies.map(\.status) == [200, 200, 413, 200])
            }
        }
    }

    @Test(
        "what could be read in two ways is refused",
        arguments: [
            "GET /v1/me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
            "GET /v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "GET /v1/me HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
            "GET /v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            "rubbish\r\n\r\n",
        ])
    func smuggling(request: String) async throws {
        try await World.run { world, _ in
            try await world.application.test(.live) { client in
                let answer = try await Self.raw(request, port: try #require(client.port))
                #expect(answer.hasPrefix("HTTP/1.1 400"), "\(answer)")
            }
        }
    }

    /// Sends bytes and reads until the server closes or has answered.
    private static func raw(_ text: String, port: Int) async throws -> String {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "localhost", port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel) }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            for try await part in inbound { return String(buffer: part) }
            return ""
        }
    }

    @Test("it says which port it got, and ends when told to")
    func service() async throws {
        let files = try CertificateFiles()
        defer { files.remove() }
        var configuration = World.configuration
        configuration.certificatePath = files.certificate
        configuration.keyPath = files.key
        try await World.run(configuration: configuration) { [configuration] world, _ in
            let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
            let logger = Logger(label: "x", factory: { _ in world.log.handler })
            let server = try APIServer(configuration: configuration, store: world.store, node: world.node, logger: logger) { continuation.yield($0) }
            let group = ServiceGroup(configuration: .init(services: [server], logger: logger))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                var iterator = ports.makeAsyncIterator()
                let port = try #require(await iterator.next())
                #expect(port > 0)
                var taken = configuration
                taken.port = port
                let second = try APIServer(configuration: taken, store: world.store, node: world.node, logger: logger)
                do {
                    try await ServiceGroup(configuration: .init(services: [second], logger: logger)).run()
                    Issue.record("two servers on one port")
                } catch let error as ServerError {
                    #expect(error.description.contains("127.0.0.1:\(port)"))
                    #expect(error.description.contains("http.listen"))
                }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }

    @Test("a certificate or key that can’t be used is named, with what to do")
    func certificates() throws {
        let files = try CertificateFiles()
        defer { files.remove() }
        let other = try CertificateFiles()
        defer { other.remove() }
        let store = Store(pool: .init(.init("host=127.0.0.1 port=1"), on: .init(name: "x"), size: 1), cluster: "x", shard: "main", node: "a", bootID: "b")
        func failure(_ certificate: String, _ key: String) -> String? {
            var configuration = World.configuration
            configuration.certificatePath = certificate
            configuration.keyPath = key
            do {
                _ = try APIServer(
                    configuration: configuration, store: store, node: StandIn(), logger: .init(label: "x", factory: { _ in CapturedLog().handler }))
                return nil
            } catch { return error.description }
        }
        #expect(failure(files.certificate, files.key) == nil)
        #expect(failure("/nowhere/api.pem", files.key)?.contains("/nowhere/api.pem") == true)
        #expect(failure(files.certificate, "/nowhere/api.key")?.contains("/nowhere/api.key") == true)
        #expect(failure(files.certificate, files.certificate)?.contains("muster ca issue") == true)
        #expect(failure(files.certificate, other.key)?.contains("can't be used together") == true)
    }
}
