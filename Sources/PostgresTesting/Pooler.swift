import Foundation
import Glibc

/// A PgBouncer in front of a test server; ends with its last reference.
public final class Pooler: Sendable {
    /// On 127.0.0.1.
    public let port: Int
    private let process: Process
    private let folder: URL

    /// Where it is; nil: nowhere.
    public static let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].first { FileManager.default.isExecutableFile(atPath: $0) }

    struct Missing: Error, CustomStringConvertible {
        var description: String { "this test needs PgBouncer: apt-get install -y pgbouncer" }
    }

    private init(port: Int, process: Process, folder: URL) {
        self.port = port
        self.process = process
        self.folder = folder
    }
    deinit {
        // Asked politely, newer ones wait for their clients first.
        kill(self.process.processIdentifier, SIGKILL)
        try? FileManager.default.removeItem(at: self.folder)
    }

    /// How to reach a database of the server through it.
    public func conninfo(database: String) -> String { "host=127.0.0.1 port=\(self.port) user=postgres dbname=\(database)" }

    /// - Parameter mode: session, transaction or statement.
    public static func start(before server: TestServer, mode: String) async throws -> Pooler {
        guard let program = Self.program else { throw Missing() }
        let port = try freePort()
        let folder = FileManager.default.temporaryDirectory.appending(path: "muster-pooler-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let settings = """
            [databases]
            * = host=127.0.0.1 port=\(server.port)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = any
            pool_mode = \(mode)
            ignore_startup_parameters = extra_float_digits
            """
        // With auth_type=any PgBouncer logs in as the user that each database names.
        let file = folder.appending(path: "pgbouncer.ini")
        try Data(settings.replacing("port=\(server.port)", with: "port=\(server.port) user=postgres").utf8).write(to: file)
        let process = Process()
        let command = try Installation.find().asServerAccount + [program, "-q", file.path(percentEncoded: false)]
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let pooler = Pooler(port: port, process: process, folder: folder)
        while !Self.answers(port) {
            guard process.isRunning else { throw CocoaError(.executableLoad) }
            try await Task.sleep(for: .milliseconds(20))
        }
        return pooler
    }

    private static func answers(_ port: Int) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
