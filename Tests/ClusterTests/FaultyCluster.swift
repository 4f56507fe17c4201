import Eventually
import Foundation
import PostgresTesting
import Synchronization
import Testing

/// Three nodes under load, whose processes, lines and database are about to be harmed.
///
/// Where it is possible, each node has a host of its own and the server a clock that can be moved; where it isn't, the tests that need them are skipped.
final class FaultyCluster: Sendable {
    let cluster: TestCluster
    let platform: Platform
    let services = ["faulty-a", "faulty-b"]
    let network: HostNetwork?
    private let shim: ServerShim?
    private let clock = Mutex<Int64>(0)
    private let injected = Mutex<[RealFault: Int]>([:])

    @TaskLocal static var shared: FaultyCluster?
    static var current: FaultyCluster {
        get throws { try #require(FaultyCluster.shared, "the suite has no cluster: it lacks the trait .faultyCluster") }
    }

    private init(_ cluster: TestCluster, network: HostNetwork?, shim: ServerShim?) {
        self.cluster = cluster
        self.platform = Platform(cluster: cluster)
        self.network = network
        self.shim = shim
    }

    // MARK: Life

    /// - Parameter strict: an effect needs a majority of the nodes.
    static func up(strict: Bool = false) async throws -> FaultyCluster {
        let cluster = try await TestCluster.up(nodes: 3)
        var network: HostNetwork?
        do {
            network = HostNetwork.missing == nil ? try await HostNetwork(nodes: cluster.names) : nil
            let faulty = FaultyCluster(cluster, network: network, shim: ServerShim.compiler == nil ? nil : try ServerShim())
            try await faulty.moveIn(strict: strict)
            return faulty
        } catch {
            await cluster.down()
            await network?.remove()
            throw error
        }
    }

    func down() async {
        await self.cluster.down()
        await self.network?.remove()
        self.shim?.remove()
    }

    /// Gives the nodes their hosts and the server its clock.
    private func moveIn(strict: Bool) async throws {
        try await self.cluster.stopNodes()
        if strict {
            for node in self.cluster.names {
                let file = self.cluster.configuration(node)
                try write("\(text(file))strict: { members: \(self.cluster.names.count) }\n", to: file)
            }
        }
        if let network {
            try await self.cluster.sql("alter system set listen_addresses = '127.0.0.1, \(network.server)'")
            for node in self.cluster.names { try await self.move(node, to: network.place(node), server: network.server) }
            let rules = "\(self.cluster.data)/pg_hba.conf"
            try Data("\(text(rules))\nhost all all \(network.server)/24 scram-sha-256\n".utf8).write(to: URL(fileURLWithPath: rules))
        }
        try await self.cluster.control(["restart", "-m", "fast", "-l", "\(self.cluster.data)/../log"], environment: self.environment)
        try self.cluster.startNodes()
        for node in self.cluster.names { try await self.cluster.ready(node) }
        try await self.platform.prepare()
        if let network {
            try await self.cluster.apply(
                """
                kind: Connection
                name: load
                postgres: "host=\(network.server) port=\(try self.cluster.port("postgres")) dbname=load user=load_read"
                password: { file: "\(self.cluster.directory)/secrets/load" }
                """)
        }
        // One is looked at for a while before it is changed: a leader may fail in between.
        for service in self.services { try await self.platform.add(service, .init(observe: service == self.services[0] ? "observe" : "observe-slowly")) }
    }

    private func move(_ node: String, to place: TestCluster.Place, server: String) async throws {
        let issued = try await Ran.program(
            Programs.muster,
            [
                "ca", "issue", "--cluster", "dev", "--ca", "\(self.cluster.directory)/ca", "--node", node, "--hosts", "\(place.address),127.0.0.1,localhost",
                "--out", self.cluster.folder(node),
            ])
        try #require(issued.status == 0, "\(issued)")
        let file = self.cluster.configuration(node)
        let moved = text(file).replacingOccurrences(of: "host=127.0.0.1 ", with: "host=\(server) ")
            .replacingOccurrences(of: "127.0.0.1:", with: "\(place.address):")
        try write(moved, to: file)
        self.cluster.places.withLock { $0[node] = place }
    }

    var hosts: HostNetwork {
        get throws { try #require(self.network) }
    }

    /// What Postgres is started with.
    var environment: [String: String] { self.shim?.environment ?? [:] }

    /// The server's wall clock jumps by so many seconds.
    func moveClock(by seconds: Int64) throws {
        let offset = self.clock.withLock { offset in
            offset += seconds
            return offset
        }
        try #require(self.shim).move(to: offset)
    }

    // MARK: A fault

    /// Injects it, waits for what has to come of it, heals it, and waits until the cluster is whole again.
    func survive(_ fault: RealFault) async throws {
        try await self.keepBusy()
        let leader = try await self.cluster.leader()
        try await eventually("\(fault): epoch \(leader?.epoch ?? 0) changes something", seen: { self.cluster.logTails() }) {
            try await self.cluster.leader() != nil && !self.effects(from: leader?.epoch ?? 0).isEmpty
        }
        let victim = try await self.cluster.leader(after: 0)
        let effects = try self.effects().count
        let beat = try await self.beat()
        try await self.inject(fault, at: victim)
        self.injected.withLock { $0[fault, default: 0] += 1 }

        switch fault.outcome {
        case .anotherNode, .laterTerm:
            let next = try await self.cluster.leader(after: victim.epoch)
            if fault.outcome == .anotherNode { #expect(next.node != victim.node, "\(fault)") }
            try await eventually("\(fault): epoch \(next.epoch) changes something", seen: { self.cluster.logTails() }) {
                try !self.effects(from: next.epoch).isEmpty
            }
        case .goesOn:
            try await eventually("\(fault): changes go on", seen: { self.cluster.logTails() }) { try self.effects().count > effects + 2 }
        case .sameTerm:
            try await eventually("\(fault): changes go on", seen: { self.cluster.logTails() }) { try self.effects().count > effects + 2 }
            try await self.expectSeen(fault, of: victim)
            try await eventually("\(fault): changes still go on", seen: { self.cluster.logTails() }) { [seen = try self.effects().count] in
                try self.effects().count > seen
            }
        case .beats:
            try await eventually("\(fault): somebody leads", seen: { self.cluster.logTails() }) { try await self.beat() > beat + 20 }
        }
        try await self.heal(fault, at: victim)
        for node in self.cluster.names { try await self.cluster.ready(node) }
        if fault.outcome == .sameTerm {
            try await self.seeEachOther()
            #expect(try await self.cluster.leader() == victim, "\(fault) changed the leader")
            #expect(try await self.cluster.number("select count(*) from muster.term where epoch > \(victim.epoch)") == 0, "\(fault) changed the leader")
        }
        let healed = try self.effects().count
        try await eventually("after \(fault): changes go on", seen: { self.cluster.logTails() }) { try self.effects().count > healed }
    }

    func effects(from epoch: Int = 0) throws -> [Platform.Effect] { try self.platform.effects(self.services).filter { $0.epoch >= epoch } }

    private func beat() async throws -> Int { try await self.cluster.number("select last_value from muster.beat") }

    func keepBusy() async throws {
        for (index, service) in self.services.enumerated() { try await self.platform.load(service, quiet: 10, busy: 60, period: 1 + index) }
    }

    /// Brings everything to rest and looks at all that was ever written.
    func expectSound() async throws {
        for service in self.services { try await self.platform.load(service, quiet: 20) }
        for service in self.services { try await self.platform.reaches(service, 2) }
        try await self.cluster.settled(self.services)
        try await self.platform.expectSoundEffects(self.services)
        try await self.cluster.expectSoundRecords()
    }

    /// For whoever reads what the tests say: how many faults there were, and of which kinds.
    var count: String {
        let injected = self.injected.withLock { $0 }
        let kinds = RealFault.allCases.compactMap { fault in injected[fault].map { "\(fault) \($0)" } }
        let missing = Dictionary(grouping: RealFault.allCases.filter { $0.missing != nil }) { $0.missing ?? "" }
        let leftOut = missing.map { "; left out: \($1.map(\.rawValue).joined(separator: ", ")) (\($0))" }.sorted().joined()
        return "Real faults injected: \(injected.values.reduce(0, +)) (\(kinds.joined(separator: ", ")))\(leftOut)"
    }
}

/// Gives a suite one faulty cluster for all of its tests, and says at its end how many faults there were.
struct FaultyClusterTrait: SuiteTrait, TestScoping {
    var strict: Bool

    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void) async throws {
        let faulty = try await FaultyCluster.up(strict: self.strict)
        do {
            try await FaultyCluster.$shared.withValue(faulty) { try await function() }
        } catch {
            await faulty.down()
            throw error
        }
        print(faulty.count)
        await faulty.down()
    }
}

extension Trait where Self == FaultyClusterTrait {
    static var faultyCluster: Self { .faultyCluster() }
    static func faultyCluster(strict: Bool = false) -> Self { FaultyClusterTrait(strict: strict) }
}
