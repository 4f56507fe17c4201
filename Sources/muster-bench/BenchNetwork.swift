import Glibc
import Synchronization

/// Hosts as network namespaces: one for each node, all on a bridge whose own address is the database's host. Needs root.
///
/// A cut is a wrong link-layer address on both sides: packets leave and reach nobody, nobody is told, and every socket stays as it is. That is what a
/// dead cable looks like; a rule that rejects, or an interface that goes down, would tell the kernel at once. It concerns one pair of hosts only.
struct BenchNetwork: Sendable {
    /// Three numbers of the addresses, such as `10.213.7`.
    let prefix: String
    private let label: String
    private let folder: String
    private let ip: String

    /// Where the database is.
    var server: String { "\(self.prefix).1" }
    func address(_ node: String) -> String { "\(self.prefix).\(10 + Int(node.utf8.first ?? 0) - 96)" }
    private func namespace(_ node: String) -> String { "\(self.label)-\(node)" }

    /// Nobody's hardware has it: it is locally administered and given to no interface here.
    private static let nowhere = "02:00:00:00:00:01"

    /// Networks that this process has made.
    private static let made = Mutex(0)

    /// nil: why there can be no namespaces is in `reason`.
    static func make(nodes: [String], folder: String) async throws -> (network: BenchNetwork?, reason: String) {
        guard geteuid() == 0 else { return (nil, "needs root") }
        guard let ip = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].first(where: isProgram) else {
            return (nil, "needs the program ip (Debian package iproute2)")
        }
        let count = Self.made.withLock { made in
            made += 1
            return made
        }
        let number = Int(getpid())
        // Names of interfaces have 15 characters at most. The kernel takes the interfaces of a namespace away some time after the namespace itself: the next
        // network of this process has other names.
        let network = BenchNetwork(prefix: "10.213.\((number + count) % 254)", label: "mb\(number % 10_000_000)x\(count)", folder: folder, ip: ip)
        do {
            try await network.build(nodes)
            return (network, "")
        } catch {
            await network.remove(nodes)
            return (nil, "no network namespaces here: \(error)")
        }
    }

    private func build(_ nodes: [String]) async throws {
        try await self.run(["link", "add", self.label, "type", "bridge"])
        try await self.run(["addr", "add", "\(self.server)/24", "dev", self.label])
        try await self.run(["link", "set", self.label, "up"])
        for node in nodes {
            let namespace = self.namespace(node)
            try await self.run(["netns", "add", namespace])
            try await self.run(["link", "add", "\(self.label)\(node)", "type", "veth", "peer", "name", "eth0", "netns", namespace])
            try await self.run(["link", "set", "\(self.label)\(node)", "master", self.label, "up"])
            try await self.run(["-n", namespace, "addr", "add", "\(self.address(node))/24", "dev", "eth0"])
            try await self.run(["-n", namespace, "link", "set", "eth0", "up"])
            try await self.run(["-n", namespace, "link", "set", "lo", "up"])
        }
    }

    /// The command that runs another one on a node's host.
    func command(_ node: String) -> [String] { [self.ip, "netns", "exec", self.namespace(node)] }

    /// No packet passes between the node and the database any more, in either direction. The node's own side goes first.
    func cut(_ node: String) async throws {
        try await self.run(["-n", self.namespace(node), "neigh", "replace", self.server, "lladdr", Self.nowhere, "dev", "eth0", "nud", "permanent"])
        try await self.run(["neigh", "replace", self.address(node), "lladdr", Self.nowhere, "dev", self.label, "nud", "permanent"])
    }

    func heal(_ node: String) async throws {
        try await self.run(["neigh", "del", self.address(node), "dev", self.label])
        try await self.run(["-n", self.namespace(node), "neigh", "del", self.server, "dev", "eth0"])
    }

    /// The node loses everybody: the database and all other nodes.
    func isolate(_ node: String, from others: [String]) async throws {
        try await self.cut(node)
        for other in others {
            for (one, two) in [(node, other), (other, node)] {
                try await self.run(
                    ["-n", self.namespace(one), "neigh", "replace", self.address(two), "lladdr", Self.nowhere, "dev", "eth0", "nud", "permanent"])
            }
        }
    }

    func rejoin(_ node: String, with others: [String]) async throws {
        try await self.heal(node)
        for other in others {
            for (one, two) in [(node, other), (other, node)] {
                try await self.run(["-n", self.namespace(one), "neigh", "del", self.address(two), "dev", "eth0"])
            }
        }
    }

    /// What is there goes; what is not is no error.
    func remove(_ nodes: [String]) async {
        for node in nodes { _ = try? await self.run(["netns", "del", self.namespace(node)]) }
        _ = try? await self.run(["link", "del", self.label])
    }

    /// The same as `remove`, for a shell that outlives us.
    func removal(_ nodes: [String]) -> String {
        (nodes.map { "\(self.ip) netns del \(self.namespace($0))" } + ["\(self.ip) link del \(self.label)"]).joined(separator: "; ")
    }

    private func run(_ arguments: [String]) async throws { try await ChildProcess.run([self.ip] + arguments, in: self.folder, limit: .seconds(10)) }
}
