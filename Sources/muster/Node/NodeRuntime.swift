import Cluster
import Coordinator
import Drivers
import Election
import Foundation
import Logging
import Membership
import Model
import Peers
import Postgres
import Readings
import Server
import ServiceLifecycle
import Store
import Synchronization
import TLS
import UnixSignals

/// One node: its pool, its part in the election, the leader's loop, the audit check, the heartbeat and the API, wired together.
final class NodeRuntime: Sendable {
    static let version = "0.1.0"
    /// Sessions for reads and configuration writes: the API, the leader's loads, the heartbeat and the audit check share them.
    static let poolSize = 6
    /// How often this node says that it is alive.
    static let heartbeatInterval = Duration.seconds(1)
    /// Between two steps of the audit check when nothing is waiting.
    static let auditInterval = Duration.seconds(5)
    /// For one try to reach the database at start, and between two.
    static let startRetry = Duration.seconds(1)
    /// At the end, for telling the database that this node left: whoever stops a node waits for it.
    static let leaveWait = Duration.seconds(1)
    /// How often trouble that goes on is said again.
    static let reminderInterval = Duration.seconds(60)

    let configuration: NodeConfiguration
    let logger: Logger
    let reactor: Reactor
    let sourceReactor: Reactor
    let pool: Pool
    let store: Store
    let leadership: Leadership
    /// Nil: this node speaks with no other.
    let peers: NodePeers?
    let coordinator: Coordinator
    /// Nil: nobody is there who could do better.
    let fitness: FitnessWatch?
    let readings: ReadingsService
    let bootID: String
    /// Nil: nobody supervises this process.
    let supervised: Supervised?
    let pulse: Pulse?
    let startedAt: WallTime
    private let observed = Mutex(Observed())

    /// What the background tasks found out.
    struct Observed: Sendable {
        var databaseReachable = false
        var databaseRoundTrip: Duration?
        var databaseAnsweredAt: ContinuousClock.Instant?
        var audit = NodeSnapshot.Audit(state: .unknown)
        var refusal: String?
    }

    /// Names a process among all that ever ran.
    static func newIncarnation() -> String { UUIDv7.generate(at: WallTime(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))) }

    init(_ configuration: NodeConfiguration, supervised: Supervised? = nil, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        self.startedAt = WallTime(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
        self.supervised = supervised
        self.pulse = supervised.map { Pulse(descriptor: $0.descriptor) }
        self.bootID = supervised?.incarnation ?? UUIDv7.generate(at: self.startedAt)
        try Self.prepare(configuration)
        self.reactor = Reactor(name: "muster-db")
        self.sourceReactor = Reactor(name: "muster-sources")
        self.pool = Pool(configuration.database, on: self.reactor, size: Self.poolSize)
        self.store = Store(pool: self.pool, cluster: configuration.cluster, shard: "main", node: configuration.name, bootID: self.bootID)
        var peers: NodePeers?
        if let endpoint = configuration.peers, let files = configuration.identity {
            let roster = supervised.map { _ in RosterFile(directory: configuration.dataDirectory, logger: logger) }
            peers = try NodePeers(configuration, endpoint, files: files, bootID: self.bootID, roster: roster, logger: logger)
        }
        self.peers = peers
        self.leadership = Leadership(
            configuration: .init(
                cluster: configuration.cluster, node: configuration.name, incarnation: self.bootID, address: configuration.advertise,
                connection: configuration.database, timing: configuration.timing, dataDirectory: configuration.dataDirectory, peers: peers?.channel,
                trustsRefusal: configuration.peers?.trustsRefusal ?? false, strict: configuration.strict,
                prepared: Store.leaderStatements,
                noted: Store.inheritanceVersion(cluster: "current_setting('muster.cluster')", shard: "current_setting('muster.shard')"),
                workPatience: ElectionMachine.usualWorkPatience, pulse: self.pulse), logger: logger)
        self.readings = ReadingsService(reactor: self.sourceReactor, logger: logger)
        let exec: any ScalingDriver =
            configuration.execDirectory.map { ExecDriver(.init(directory: $0), logger: logger) }
            ?? UnconfiguredDriver(kind: "exec", key: "drivers.exec.directory")
        let drivers = Drivers(exec: exec, manual: ManualDriver(ledger: ManualRecords(store: self.store), logger: logger))
        var fitness: FitnessWatch?
        if let peers {
            fitness = FitnessWatch(
                store: self.store, leadership: self.leadership, readings: self.readings, drivers: drivers, channel: peers.fitnessChannel, logger: logger)
        }
        self.fitness = fitness
        let zones = ZoneDirectory()
        self.coordinator = Coordinator(
            store: self.store, leadership: self.leadership, readings: self.readings, drivers: drivers, fitness: fitness,
            zone: { try? zones.rules(named: $0) }, regionSight: { [peers] in peers.map { $0.regionSight } ?? RegionSight() }, logger: logger)
        fitness?.attach(self.coordinator)
        peers?.attach(self.leadership, fitness)
    }

    /// What has to be right before anything starts: the node's own directory, and the certificates.
    static func prepare(_ configuration: NodeConfiguration) throws {
        do {
            try FileManager.default.createDirectory(atPath: configuration.dataDirectory, withIntermediateDirectories: true)
        } catch {
            throw Failure(
                "the node’s directory \(configuration.dataDirectory) can't be made: \(error.localizedDescription); set “data” to one that this user may write")
        }
        guard FileManager.default.isWritableFile(atPath: configuration.dataDirectory) else {
            throw Failure("the node’s directory \(configuration.dataDirectory) is not writable for this user; change its owner, or set “data” to another")
        }
        guard let identity = configuration.identity else { return }
        let facts = try identity.check()
        let expected = "spiffe://\(configuration.cluster)/node/\(configuration.name)"
        guard facts.uris == [expected] else {
            let found = facts.uris.isEmpty ? "no URI name" : facts.uris.joined(separator: ", ")
            throw Failure("\(identity.certificate) identifies \(found), this node is \(expected); issue it with: muster ca issue --node \(configuration.name)")
        }
    }

    func run() async throws {
        let server = try APIServer(
            configuration: ServerConfiguration(
                host: self.configuration.listenHost, port: self.configuration.listenPort, certificatePath: self.configuration.apiCertificate,
                keyPath: self.configuration.apiKey, nodeName: self.configuration.name, version: Self.version,
                metricsArePublic: self.configuration.metricsArePublic),
            store: self.store, node: self, logger: self.logger
        ) { [logger, configuration] port in
            logger.notice("the API answers", metadata: ["address": "\(configuration.listenHost):\(port)"])
        }
        // Shut down in reverse: the member resigns while it can still speak with the others.
        let watch = self.pulse.map { SupervisorWatch(pulse: $0, logger: self.logger) }
        let services: [any ServiceLifecycle.Service] = [server] + (self.peers.map { [$0.mesh] } ?? []) + [Member(self)] + (watch.map { [$0] } ?? [])
        let group = ServiceGroup(
            configuration: .init(
                services: services.map {
                    .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .gracefullyShutdownGroup)
                }, gracefulShutdownSignals: [.sigterm, .sigint], logger: self.logger))
        defer { self.reactor.stop(); self.sourceReactor.stop() }
        try await group.run()
    }

    /// Everything that needs the database: waits for it, brings the schema up to date, then takes part until told to shut down.
    struct Member: ServiceLifecycle.Service {
        let node: NodeRuntime
        init(_ node: NodeRuntime) { self.node = node }
        func run() async throws {
            try await withGracefulShutdownHandler {
                guard try await cancelWhenGracefulShutdown({ try await self.node.waitForSchema() }) else { return }
                try await self.node.takePart()
            } onGracefulShutdown: {
                let leadership = self.node.leadership
                // The leadership owns what it does; `takePart` returns when it is done.
                Task { await leadership.shutdown() }
            }
        }
    }

    /// Applies migrations, or waits for whoever does. Trouble that can pass is waited out; what a person has to mend ends the node.
    /// - Returns: false when the node was told to stop first.
    func waitForSchema() async throws -> Bool {
        var trouble = LastingTrouble(reminder: Self.reminderInterval)
        while !Task.isCancelled {
            do {
                let applied = try await self.pool.withConnection(deadline: Self.startRetry) { try await Schema.migrator.migrate($0) }
                if !applied.isEmpty { self.logger.notice("the schema was brought up to date", metadata: ["applied": "\(applied)"]) }
                self.observed.withLock { $0.databaseReachable = true }
                return true
            } catch let error as PostgresError where error.isRetryable {
                if trouble.isWorthSaying("\(error)", at: .now) {
                    self.logger.warning("the database can't be used yet; trying again", metadata: ["error": "\(error)"])
                }
            } catch is CancellationError {
                break
            } catch let error as PostgresError where error.code == .cancelled {
                break
            } catch {
                throw Failure("this node can't use the database: \(error)")
            }
            do { try await Task.sleep(for: Self.startRetry) } catch { break }
        }
        await self.pool.close()
        return false
    }

    func takePart() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.coordinator.run() }
            group.addTask { await self.sendHeartbeats() }
            group.addTask { await self.introduceMembers() }
            group.addTask { await self.fitness?.run() }
            group.addTask { await self.checkAudit() }
            do {
                try await self.leadership.run()
            } catch let refused as ElectionRefused {
                self.observed.withLock { $0.refusal = "\(refused)" }
                group.cancelAll()
                throw Failure("this node can't take part in the election: \(refused)")
            }
            group.cancelAll()
        }
        await self.leave()
        await self.readings.close()
        await self.pool.close()
    }

    private func leave() async {
        do { try await self.store.leave(incarnation: self.bootID, wait: Self.leaveWait) } catch {
            self.logger.warning("the database was not told that this node left; others will see it as failed", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - In the background

    private func sendHeartbeats() async {
        var trouble = LastingTrouble(reminder: Self.reminderInterval)
        while !Task.isCancelled {
            let began = ContinuousClock.now
            do {
                try await self.store.heartbeat(self.record())
                self.observed.withLock {
                    $0.databaseReachable = true; $0.databaseRoundTrip = ContinuousClock.now - began; $0.databaseAnsweredAt = .now
                }
                try await self.readMembers()
                if trouble.ended() { self.logger.notice("the database takes this node's heartbeat again") }
            } catch {
                if Task.isCancelled { return }
                self.observed.withLock { $0.databaseReachable = false }
                if trouble.isWorthSaying("\(error)", at: .now) {
                    self.logger.warning("the database does not take this node's heartbeat", metadata: ["error": "\(error)"])
                }
            }
            self.tellPeers()
            do { try await Task.sleep(for: Self.heartbeatInterval) } catch { return }
        }
    }

    /// The members, and whom they don't accept: both or neither, so that nobody is let in between the two.
    private func readMembers() async throws {
        guard let peers = self.peers else { return }
        let reading = peers.beginReading()
        peers.update(try await self.store.nodes(), denied: try await self.store.denials(), reading)
    }

    /// A node that has just joined need not wait for the next heartbeat to be known here.
    private func introduceMembers() async {
        guard let peers = self.peers else { return }
        for await _ in peers.membersWanted {
            do { try await self.readMembers() } catch {
                if Task.isCancelled { return }
                self.logger.debug("the members can’t be read now; a node that wants to join has to wait", metadata: ["error": "\(error)"])
            }
        }
    }

    private func tellPeers() {
        let observed = self.observed.withLock { $0 }
        self.peers?.mesh.update(
            facts: NodeFacts(
                self.leadership.status, databaseReachable: observed.databaseReachable, roundTrip: observed.databaseRoundTrip,
                answerAge: observed.databaseAnsweredAt.map { .now - $0 }, startedAt: self.startedAt))
    }

    private func record() -> NodeRecord {
        let status = self.leadership.status
        let roundTrip = self.observed.withLock { $0.databaseRoundTrip }
        return NodeRecord(
            name: self.configuration.name, incarnation: self.bootID, region: self.configuration.region, address: self.configuration.advertise,
            version: Self.version, schema: Schema.version, startedAt: self.startedAt, seenAt: self.startedAt,
            state: .fields([
                "role": .string(self.snapshot().role.name), "peers": self.peers.map { .string($0.address) }, "certificate": self.peers.map(\.certificate),
                "supervisor": self.supervised.map { .string($0.address) },
                "degraded": .array(status.degraded.map { .string($0) }),
                "postgres": .fields(["reachable": true, "rttUs": roundTrip.map { .int($0.microseconds) }]),
            ]))
    }

    /// Checks what is new, and again and again, a piece at a time, all that was checked before: an event may be edited long after it was read.
    private func checkAudit() async {
        var newest = AuditCheck()
        var again = AuditCheck()
        while !Task.isCancelled {
            var isBehind = false
            do {
                isBehind = try await newest.step(self.store)
                if !isBehind, try await !again.step(self.store), again.state == .verified { again = AuditCheck() }
                self.note(newest, again)
            } catch {
                if Task.isCancelled { return }
                self.logger.warning("the audit log can't be checked now", metadata: ["error": "\(error)"])
            }
            if isBehind { continue }
            do { try await Task.sleep(for: Self.auditInterval) } catch { return }
        }
    }

    private func note(_ newest: AuditCheck, _ again: AuditCheck) {
        let damage = [newest, again].lazy.compactMap { check in if case .diverged(let why) = check.state { why } else { nil } }.first
        let state: NodeSnapshot.Audit.State = damage != nil ? .diverged : newest.state == .verified ? .verified : .verifying
        let before = self.observed.withLock { observed in
            defer { observed.audit = .init(state: state, verifiedTo: newest.verifiedTo) }
            return observed.audit.state
        }
        if let damage, before != .diverged {
            self.logger.critical("the audit log was tampered with; run: muster audit verify", metadata: ["why": "\(damage)"])
        }
    }
}

extension NodeRuntime: NodeView {
    func snapshot() -> NodeSnapshot {
        let status = self.leadership.status
        let observed = self.observed.withLock { $0 }
        let role: NodeSnapshot.Role =
            switch status.role {
            case .leader, .resigning: .leader
            case .suspended: .suspended
            case .waiting: .follower
            case .refused: .refused(observed.refusal ?? status.lastProblem ?? "refused")
            case .starting, .connecting, .backingOff, .stopped: .campaigning
            }
        return NodeSnapshot(
            role: role, epoch: status.term?.epoch.value ?? status.leader?.epoch.value, leaseRemaining: status.leaseRemaining,
            lastBeatAge: status.lastBeatAge, degraded: status.degraded, databaseReachable: observed.databaseReachable,
            lastRoundAge: self.coordinator.status.lastRound.map { ContinuousClock.now - $0 }, audit: observed.audit, startedAt: self.startedAt)
    }

    func resign(reason: String, to successor: String?) async -> Bool {
        guard self.leadership.status.term != nil else { return false }
        self.logger.notice("resigning", metadata: ["reason": "\(reason)", "to": "\(successor ?? "whoever is first")"])
        await self.leadership.resign(to: successor)
        return true
    }

    func membership() -> (view: MembershipView, now: Instant)? { self.peers?.known }

    func metrics() -> [MetricFamily] {
        let snapshot = self.snapshot()
        let status = self.coordinator.status
        var families: [MetricFamily] = [
            .gauge("muster_node_is_leader", help: "1 while this node leads.", snapshot.role == .leader ? 1 : 0),
            .gauge("muster_node_database_reachable", help: "1 while this node reaches the database.", snapshot.databaseReachable ? 1 : 0),
            .gauge("muster_audit_diverged", help: "1 when this node found the audit log tampered with.", snapshot.audit.state == .diverged ? 1 : 0),
            .gauge("muster_audit_verify_progress_seq", help: "The newest audit event that this node has checked.", Double(snapshot.audit.verifiedTo ?? -1)),
            .counter("muster_rounds_total", help: "Rounds that this node has committed as leader.", Double(status.rounds)),
            .counter("muster_evaluations_total", help: "Evaluations that this node has committed as leader.", Double(status.evaluations)),
            .counter("muster_decisions_total", help: "Decisions that this node has recorded as leader.", Double(status.decisions)),
            MetricFamily(
                name: "muster_actions_total", help: "Actions that this node has committed as leader, by kind: changes of size and restarts.", kind: .counter,
                samples: ActionRecord.Kind.allCases.map { .init(labels: [.init("kind", $0.rawValue)], Double(status.actions[$0] ?? 0)) }),
        ]
        if let peers = self.peers { families += peers.metrics() }
        if let supervised {
            families.append(
                .counter(
                    "muster_supervisor_restarts_total", help: "Processes that this node's supervisor started after another one's death.",
                    Double(supervised.restarts)))
            families.append(
                .counter("muster_supervisor_kills_total", help: "Processes that this node's supervisor killed for their silence.", Double(supervised.kills)))
            // What can't be read has no series; its supervisor says it when it can't write.
            let refusals = try? RefusalsFile(directory: self.configuration.dataDirectory).read()
            families.append(
                .refusals(
                    "muster_supervisor_connections_refused_total", help: "Connections that this node's supervisor refused or gave up, by reason.",
                    refusals ?? [:]))
        }
        if let epoch = snapshot.epoch { families.append(.gauge("muster_leader_epoch", help: "The newest epoch that this node knows of.", Double(epoch))) }
        return families
    }
}

/// Stands in for a driver that this node's configuration does not provide: sees nothing, refuses everything, and says what is missing.
private struct UnconfiguredDriver: ScalingDriver {
    let kind: String
    let key: String
    private var error: DriverError {
        DriverError(code: "\(self.kind).unconfigured", message: "this node has no \(self.kind) driver; set \(self.key) in its configuration")
    }
    func observe(_ targets: [Target], deadline: Duration) async -> [Observation] { targets.map { _ in .unseen(self.error) } }
    func scale(_ order: ScaleOrder, deadline: Duration, mayStart: @escaping @Sendable () -> Bool) async -> Outcome { .refused(self.error) }
    func canRestart(_ target: Target) -> Bool { true }
    func restart(_ order: RestartOrder, deadline: Duration, mayStart: @escaping @Sendable () -> Bool) async -> Outcome { .refused(self.error) }
    func check(_ target: Target) async -> [DriverFinding] { [DriverFinding(.error, code: self.error.code, message: self.error.message)] }
}
