import Foundation
import Glibc
import Testing

/// Hosts as network namespaces: one for each node, all on a bridge whose own address is the database's host. Needs root.
///
/// A cut is a wrong link-layer address: packets leave and reach nobody, nobody is told, and every socket stays as it is. That is what a dead cable looks
/// like; a rule that rejects, or an interface that goes down, would tell the kernel at once. Each direction is cut by itself.
struct HostNetwork: Sendable {
    let nodes: [String]
    /// Three numbers of the addresses, such as `10.214.7`.
    private let prefix: String
    private let label: String
    private let ip: String
    private let tc: String?
    private let remains: Remains

    /// Where the database is.
    var server: String { "\(self.prefix).1" }
    func address(_ node: String) -> String { "\(self.prefix).\(10 + (self.nodes.firstIndex(of: node) ?? 0))" }
    private func namespace(_ node: String) -> String { "\(self.label)-\(node)" }

    /// Nobody's hardware has it: it is locally administered and given to no interface here.
    private static let nowhere = "02:00:00:00:00:01"

    private static func program(_ name: String) -> String? {
        ["/usr/sbin/\(name)", "/sbin/\(name)", "/usr/bin/\(name)"].first { access($0, X_OK) == 0 }
    }

    struct NotMade: Error, CustomStringConvertible {
        var description: String
    }

    /// What is missing for hosts of their own, in words for who reads which tests were skipped; nil: nothing.
    static let missing: String? = {
        guard geteuid() == 0 else { return "needs root, for network namespaces" }
        guard let ip = Self.program("ip") else { return "needs the program ip (Debian package iproute2)" }
        let name = "mtry\(getpid())"
        guard Self.run(ip, ["netns", "add", name]) else { return "the kernel gives no network namespaces here" }
        defer { _ = Self.run(ip, ["netns", "del", name]) }
        guard Self.run(ip, ["-n", name, "link", "add", "m0", "type", "veth", "peer", "name", "m1"]) else { return "the kernel has no veth interfaces" }
        guard Self.run(ip, ["-n", name, "link", "add", "m2", "type", "bridge"]) else { return "the kernel has no bridges" }
        return nil
    }()

    /// For the question above, which is asked before any test runs: blocks, for some milliseconds.
    private static func run(_ program: String, _ arguments: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    // MARK: Making and removing

    init(nodes: [String]) async throws {
        let ip = try #require(Self.program("ip"))
        let number = Int(getpid())
        // Names of interfaces have 15 characters at most.
        let label = "mt\(number % 10_000_000)"
        self.nodes = nodes
        self.ip = ip
        self.tc = Self.program("tc")
        self.prefix = "10.214.\(number % 254)"
        self.label = label
        self.remains = try Remains(removal: (nodes.map { "\(ip) netns del \(label)-\($0)" } + ["\(ip) link del \(label)"]).joined(separator: "; "))
        do {
            try await self.build()
        } catch {
            await self.remove()
            throw error
        }
    }

    private func build() async throws {
        try await self.ip(["link", "add", self.label, "type", "bridge"])
        try await self.ip(["addr", "add", "\(self.server)/24", "dev", self.label])
        try await self.ip(["link", "set", self.label, "up"])
        for node in self.nodes {
            let namespace = self.namespace(node)
            try await self.ip(["netns", "add", namespace])
            try await self.ip(["link", "add", "\(self.label)\(node)", "type", "veth", "peer", "name", "eth0", "netns", namespace])
            try await self.ip(["link", "set", "\(self.label)\(node)", "master", self.label, "up"])
            try await self.ip(["-n", namespace, "addr", "add", "\(self.address(node))/24", "dev", "eth0"])
            try await self.ip(["-n", namespace, "link", "set", "eth0", "up"])
            try await self.ip(["-n", namespace, "link", "set", "lo", "up"])
        }
    }

    /// What is not there is no error.
    func remove() async { await self.remains.remove() }

    /// The host of a node: what runs there is run by this.
    func place(_ node: String) -> TestCluster.Place {
        .init(address: self.address(node), command: [self.ip, "netns", "exec", self.namespace(node)])
    }

    // MARK: Cuts

    enum Direction: Sendable, CaseIterable { case toServer, fromServer }

    /// No packet passes between the node and the database in these directions.
    func cut(_ node: String, _ directions: [Direction] = Direction.allCases) async throws {
        for direction in directions {
            switch direction {
            case .toServer: try await self.lose(self.server, device: "eth0", at: node)
            case .fromServer: try await self.lose(self.address(node), device: self.label, at: nil)
            }
        }
    }

    func heal(_ node: String, _ directions: [Direction] = Direction.allCases) async throws {
        for direction in directions {
            switch direction {
            case .toServer: try await self.find(self.server, device: "eth0", at: node)
            case .fromServer: try await self.find(self.address(node), device: self.label, at: nil)
            }
        }
    }

    /// As one node sees it.
    enum Way: Sendable, CaseIterable { case out, into }

    /// The node and all others lose each other, in these directions; the database is reached by all.
    func cutPeers(of node: String, _ ways: [Way] = Way.allCases) async throws {
        for other in self.nodes where other != node {
            if ways.contains(.out) { try await self.lose(self.address(other), device: "eth0", at: node) }
            if ways.contains(.into) { try await self.lose(self.address(node), device: "eth0", at: other) }
        }
    }

    func healPeers(of node: String, _ ways: [Way] = Way.allCases) async throws {
        for other in self.nodes where other != node {
            if ways.contains(.out) { try await self.find(self.address(other), device: "eth0", at: node) }
            if ways.contains(.into) { try await self.find(self.address(node), device: "eth0", at: other) }
        }
    }

    /// These two lose each other, and both are reached by all others.
    func cut(_ node: String, from other: String) async throws {
        try await self.lose(self.address(other), device: "eth0", at: node)
        try await self.lose(self.address(node), device: "eth0", at: other)
    }

    func join(_ node: String, with other: String) async throws {
        try await self.find(self.address(other), device: "eth0", at: node)
        try await self.find(self.address(node), device: "eth0", at: other)
    }

    private func at(_ host: String?) -> [String] { host.map { ["-n", self.namespace($0)] } ?? [] }

    private func lose(_ address: String, device: String, at host: String?) async throws {
        try await self.ip(self.at(host) + ["neigh", "replace", address, "lladdr", Self.nowhere, "dev", device, "nud", "permanent"])
    }

    private func find(_ address: String, device: String, at host: String?) async throws {
        try await self.ip(self.at(host) + ["neigh", "del", address, "dev", device])
    }

    // MARK: A bad line

    /// What makes a line slow and lossy here, in words.
    enum BadLine: String, Sendable {
        /// 60 ± 30 ms more, one packet in ten lost, some in another order.
        case delay = "netem delay 60ms 30ms loss 10% reorder 5%"
        /// Where the kernel can't do that: narrow, with a queue so short that bursts lose packets.
        case narrow = "tbf rate 64kbit burst 2kb limit 3kb"
    }

    /// Makes the node's line bad in both directions.
    func spoil(_ node: String) async throws -> BadLine {
        let kind: BadLine = try await self.shapes(node, .delay) ? .delay : .narrow
        try await self.shape(node, ["replace"], kind.rawValue.split(separator: " ").map(String.init))
        return kind
    }

    func mend(_ node: String) async throws { try await self.shape(node, ["del"], []) }

    private func shapes(_ node: String, _ kind: BadLine) async throws -> Bool {
        let words = kind.rawValue.split(separator: " ").map(String.init)
        return try await self.traffic(["qdisc", "replace", "dev", "\(self.label)\(node)", "root"] + words).status == 0
    }

    private func shape(_ node: String, _ verb: [String], _ words: [String]) async throws {
        for arguments in [
            ["qdisc"] + verb + ["dev", "\(self.label)\(node)", "root"] + words,
            ["-n", self.namespace(node), "qdisc"] + verb + ["dev", "eth0", "root"] + words,
        ] {
            let ran = try await self.traffic(arguments)
            guard ran.status == 0 else { throw NotMade(description: "\(ran)") }
        }
    }

    private func traffic(_ arguments: [String]) async throws -> Ran {
        guard let tc else { throw NotMade(description: "a slow line needs the program tc (Debian package iproute2)") }
        return try await Ran.program(tc, arguments)
    }

    private func ip(_ arguments: [String]) async throws {
        let ran = try await Ran.program(self.ip, arguments)
        guard ran.status == 0 else { throw NotMade(description: "\(ran)") }
    }
}

/// Something outside this process that must not outlive it: a shell waits for the end of a pipe that only we hold, and removes it then.
final class Remains: Sendable {
    private let removal: String
    private let end: Int32

    init(removal: String) throws {
        self.removal = removal
        let fifo = "\(try temporaryFolder("remains"))/alive"
        guard mkfifo(fifo, 0o600) == 0 else { throw HostNetwork.NotMade(description: "no pipe can be made at \(fifo)") }
        // Read and write, so that it does not wait for the other end; then ours for writing only.
        let both = open(fifo, O_RDWR | O_CLOEXEC)
        defer { close(both) }
        _ = try Child("/bin/sh", ["-c", "read -r _; \(removal)"], inputPath: fifo, outputPath: "/dev/null", errorPath: "/dev/null")
        self.end = open(fifo, O_WRONLY | O_CLOEXEC)
        unlink(fifo)
        rmdir((fifo as NSString).deletingLastPathComponent)
    }

    deinit { close(self.end) }

    /// Now. Harmless when it is gone already.
    func remove() async { _ = try? await Ran.program("/bin/sh", ["-c", self.removal]) }
}
