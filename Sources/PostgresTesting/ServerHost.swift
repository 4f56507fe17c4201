import Dispatch
import Glibc
import Synchronization

/// How a test server's own processes are started, where that is not the usual way.
public struct Launch: Sendable {
    /// Words before the command that starts the server, such as `ip netns exec NAME`: they run as the caller.
    public var place: [String] = []
    /// Added to the server's own.
    public var environment: [String: String] = [:]
    /// Addresses that the server listens on. Not 127.0.0.1 alone: whoever starts it reaches it over its Unix socket.
    public var addresses: [String] = []

    /// The usual way: this host, this environment, 127.0.0.1.
    public init() {}

    static let usual = Launch()
}

/// A host of its own for a test server: a network namespace with one line to this one, which can be cut. Needs root.
///
/// A cut is a wrong link-layer address on both sides: packets leave and reach nobody, nobody is told, and every socket stays as it is. That is what a
/// dead cable looks like. Unix sockets are no part of the line.
public final class ServerHost: Sendable {
    private let name: String
    private let ip: String
    private let prefix: String
    private static let made = Atomic<Int>(0)
    private let queue = DispatchQueue(label: "server host")

    private static let programs = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"]
    /// Nobody's hardware has it: it is locally administered and given to no interface here.
    private static let nowhere = "02:00:00:00:00:01"

    /// What is missing for it, in words; nil: nothing.
    public static let missing: String? = {
        guard geteuid() == 0 else { return "needs root, for a network namespace" }
        guard let ip = ServerHost.programs.first(where: { access($0, X_OK) == 0 }) else { return "needs the program ip (Debian package iproute2)" }
        do {
            _ = try ServerHost(ip: ip)
            return nil
        } catch { return "the kernel gives no network namespaces here" }
    }()

    /// - Throws: ``TestServerError``; see ``missing``, which says it before.
    public convenience init() throws {
        guard let ip = ServerHost.programs.first(where: { access($0, X_OK) == 0 }) else { throw TestServerError("the program ip is missing") }
        try self.init(ip: ip)
    }

    /// Names have 15 characters at most.
    private init(ip: String) throws {
        let number = Self.made.add(1, ordering: .relaxed).newValue
        self.ip = ip
        self.name = "ms\(number)x\(getpid())"
        self.prefix = "10.\(215 + number % 40).\(Int(getpid()) % 254)"
        do {
            for arguments in [
                ["netns", "add", self.name], ["link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", self.name],
                ["addr", "add", "\(self.client)/24", "dev", self.name], ["link", "set", self.name, "up"],
                ["-n", self.name, "addr", "add", "\(self.address)/24", "dev", "eth0"], ["-n", self.name, "link", "set", "eth0", "up"],
                ["-n", self.name, "link", "set", "lo", "up"],
            ] { try self.run(arguments) }
        } catch {
            self.remove()
            throw error
        }
    }

    deinit { self.remove() }

    /// The server's, and ours.
    public var address: String { "\(self.prefix).2" }
    private var client: String { "\(self.prefix).1" }

    /// How a server is started here.
    public var launch: Launch {
        var launch = Launch()
        launch.place = [self.ip, "netns", "exec", self.name]
        launch.addresses = [self.address]
        return launch
    }

    /// From now on nothing gets through, either way.
    public func cut() async throws {
        try await self.perform {
            try self.run(["neigh", "replace", self.address, "lladdr", Self.nowhere, "dev", self.name, "nud", "permanent"])
            try self.run(["-n", self.name, "neigh", "replace", self.client, "lladdr", Self.nowhere, "dev", "eth0", "nud", "permanent"])
        }
    }

    /// Harmless when it is gone. The line goes with its end in the namespace, unless a process keeps that.
    private func remove() {
        _ = try? self.run(["link", "del", self.name])
        _ = try? self.run(["netns", "del", self.name])
    }

    private func run(_ arguments: [String]) throws {
        try Command(arguments: [self.ip] + arguments, outputPath: "/tmp/muster-\(self.name).out", workingDirectory: "/").run()
    }

    private func perform(_ work: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { continuation in self.queue.async { continuation.resume(with: Result { try work() }) } }
    }
}
