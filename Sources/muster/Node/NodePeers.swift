import Cluster
import Coordinator
import Logging
import Membership
import Model
import Peers
import Server
import Store
import Synchronization
import TLS

/// This node's place among the others: who they are, what is known of them, and the election's way to them.
///
/// Who is a member, and whose certificate is not accepted, says the database; while it is away, its last word holds.
final class NodePeers: Sendable {
    let mesh: PeerMesh
    private let identity: IdentityStore
    private let logger: Logger
    /// Somebody waits for the members to be read again.
    let membersWanted: AsyncStream<Void>
    private let wanted: AsyncStream<Void>.Continuation
    /// Where the others reach this node.
    let address: String
    /// The way to other nodes' supervisors, and where those are, as the database has it.
    private let supervisors: FenceCaller
    /// In which region each member is, as the database has it; nil: it has not been asked yet.
    private let regionOf = Mutex<[String: String]?>(nil)
    private let supervisorAddresses = Mutex<[String: String]>([:])
    /// Set right after the start, before anybody is dialled.
    private let leadership = Mutex<Leadership?>(nil)
    private let fitness = Mutex<FitnessWatch?>(nil)
    private let readings = Mutex<(begun: Int, taken: Int)>((0, 0))
    /// The deny-list as last read.
    private let inForce = Mutex<(serials: Set<String>, nodes: Set<String>)>(([], []))
    /// Where this node's supervisor reads who may ask it; nil: there is none.
    private let roster: RosterFile?

    /// A node that the database has not heard of for this long, against the one that it heard of last, is no member any more.
    static let memberFor = Duration.seconds(86_400)

    init(
        _ configuration: NodeConfiguration, _ endpoint: NodeConfiguration.PeerEndpoint, files: CertificateFiles, bootID: String, roster: RosterFile?,
        logger: Logger
    ) throws {
        let identity = try IdentityStore(files: files, cluster: configuration.cluster, node: configuration.name)
        let notices = Notices()
        self.identity = identity
        (self.membersWanted, self.wanted) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.logger = logger
        self.address = endpoint.advertise
        self.roster = roster
        self.mesh = PeerMesh(
            configuration: PeerMeshConfiguration(
                cluster: configuration.cluster, node: configuration.name, host: endpoint.host, port: endpoint.port, version: NodeRuntime.version,
                bootID: bootID, seed: .random(in: 0...UInt64.max)), identity: identity, deliver: { notices.deliver($0) }, logger: logger)
        self.supervisors = FenceCaller(node: configuration.name, process: bootID, identity: identity, logger: logger) { notices.deliver(supervisor: $0) }
        notices.peers.withLock { $0 = .init(self) }
    }

    /// Breaks the circle between the mesh and its owner.
    private final class Notices: Sendable {
        struct Owner: Sendable { weak var peers: NodePeers?; init(_ peers: NodePeers) { self.peers = peers } }
        let peers = Mutex<Owner?>(nil)
        func deliver(_ notice: PeerNotice) { self.peers.withLock { $0?.peers }?.heard(notice) }
        func deliver(supervisor message: PeerMessage) { self.peers.withLock { $0?.peers }?.heard(supervisor: message) }
    }

    var channel: PeerChannel {
        PeerChannel(
            post: { [mesh] body, node, request in mesh.post(body, to: node, requestID: request) },
            others: { [mesh] in mesh.view.peers.map(\.name) },
            reachable: { [mesh] in mesh.view.peers.filter { $0.state == .alive && $0.hasLink }.map(\.name) },
            askSupervisor: { [weak self] body, node, request in self?.askSupervisor(body, node, request) })
    }

    private func askSupervisor(_ body: PeerMessage.Body, _ node: String, _ request: UInt64) {
        guard let address = self.supervisorAddresses.withLock({ $0[node] }) else { return }
        self.supervisors.ask(body, of: node, at: address, request: request)
    }

    /// A process of that node is dead, by the word of its supervisor.
    private func heard(supervisor message: PeerMessage) {
        if case .promise(_, _, let incarnation, _) = message.body {
            self.logger.info("a node's supervisor has waited for its process", metadata: ["peer": "\(message.from)", "process": "\(incarnation)"])
        }
        self.leadership.withLock { $0 }?.received(message)
    }

    func attach(_ leadership: Leadership, _ fitness: FitnessWatch?) {
        self.leadership.withLock { $0 = leadership }
        self.fitness.withLock { $0 = fitness }
    }

    var fitnessChannel: FitnessWatch.Channel {
        FitnessWatch.Channel(
            post: { [mesh] word, node in
                let report = PeerMessage.FitnessReport(
                    asks: word.asks, reached: word.reached, missed: word.missed, forMilliseconds: word.duration.milliseconds)
                mesh.post(.fitness(report), to: node, requestID: 0)
            }, others: { [mesh] in mesh.view.peers.map(\.name) })
    }

    /// Which regions' nodes answer this node's health checks; nil while it does not know who is where.
    var regionSight: RegionSight? { self.regionOf.withLock { $0 }.map { self.mesh.view.regions($0) } }

    private func heard(_ notice: PeerNotice) {
        let leadership = self.leadership.withLock { $0 }
        switch notice {
        case .message(let message):
            if case .fitness(let report) = message.body {
                let word = FitnessWord(asks: report.asks, reached: report.reached, missed: report.missed, duration: .milliseconds(report.forMilliseconds))
                self.fitness.withLock { $0 }?.heard(word, from: message.from)
            } else {
                leadership?.received(message)
            }
        case .nobodyListens(let peer, let dialledAt): leadership?.nobodyListens(at: peer, dialledAt: dialledAt)
        case .linkLost(let peer): leadership?.parted(from: peer)
        case .changed(let peer, _, .suspect, _), .changed(let peer, _, .failed, _): leadership?.parted(from: peer)
        case .stranger: self.wanted.yield()
        case .unsent, .changed, .restarted, .isolated, .alarm, .identityChanged, .listening: break
        }
    }

    /// Numbers a reading of the members.
    func beginReading() -> Int {
        self.readings.withLock { readings in
            readings.begun += 1
            return readings.begun
        }
    }

    /// Takes over the members and the deny-list as the database has them.
    ///
    /// - Parameter reading: what ``beginReading()`` gave before the database was asked: what was read earlier than the last one taken over is dropped.
    func update(_ nodes: [NodeRecord], denied: [DenialRecord], _ reading: Int) {
        let isNewer = self.readings.withLock { readings in
            defer { readings.taken = max(readings.taken, reading) }
            return reading > readings.taken
        }
        guard isNewer else { return }
        let isListGood = self.deny(denied)
        guard let newest = nodes.map(\.seenAt).max() else { return }
        self.regionOf.withLock { $0 = Dictionary(nodes.map { ($0.name, $0.region) }, uniquingKeysWith: { first, _ in first }) }
        let supervisors = nodes.compactMap { node in node.state["supervisor"]?.stringValue.map { (node.name, $0) } }
        self.supervisorAddresses.withLock { $0 = Dictionary(supervisors) { first, _ in first } }
        let members = nodes.compactMap { node -> Member? in
            guard node.leftAt == nil, newest - node.seenAt < Self.memberFor, let address = node.state["peers"]?.stringValue else { return nil }
            return Member(name: node.name, address: address)
        }
        self.mesh.update(members: members)
        if isListGood {
            let (serials, nodes) = self.inForce.withLock { $0 }
            self.roster?.record(Roster(members: Set(members.map(\.name)), deniedSerials: serials, deniedNodes: nodes))
        }
    }

    /// Before the members: links that the list forbids are cut at the mesh's next look, and no new ones are made from now on.
    ///
    /// - Returns: false when the list can't be used.
    private func deny(_ denied: [DenialRecord]) -> Bool {
        let serials = Set(denied.compactMap(\.what.serial)), nodes = Set(denied.compactMap(\.what.node))
        do {
            try self.identity.replaceDenied(serials, nodes: nodes)
        } catch {
            // The API writes none that can't be read: somebody else did.
            self.logger.error("the deny-list in the database can’t be used; the last one stays in force", metadata: ["why": "\(error)"])
            return false
        }
        let before = self.inForce.withLock { inForce in
            defer { inForce = (serials, nodes) }
            return inForce
        }
        guard before.serials != serials || before.nodes != nodes else { return true }
        self.logger.notice(
            "the deny-list changed", metadata: ["serials": "\(serials.sorted().joined(separator: ", "))", "nodes": "\(nodes.sorted().joined(separator: ", "))"])
        return true
    }

    /// What the others see of this node's certificate.
    var certificate: JSON {
        let facts = self.identity.facts
        return ["serial": .string(facts.serial), "ends": .string(WallTime(microseconds: facts.notAfter * 1_000_000).description)]
    }

    var known: (view: MembershipView, now: Instant) { (self.mesh.view, BootClock.now()) }
}

extension NodeFacts {
    /// What this node says of itself.
    init(_ status: LeadershipStatus, databaseReachable: Bool, roundTrip: Duration?, answerAge: Duration?, startedAt: WallTime) {
        let role: Role =
            switch status.role {
            case .leader, .suspended: .leader
            case .resigning, .stopped, .refused: .stopping
            case .waiting, .backingOff: .follower
            case .starting, .connecting: .starting
            }
        self.init(
            role: role, epochSeen: status.knownEpoch, timelineSeen: status.leader?.timeline ?? 0,
            leaderSeen: status.leader.flatMap { $0.holdsLock ? $0.node : nil }, version: NodeRuntime.version,
            postgres: .init(
                reachable: databaseReachable, roundTripMicroseconds: roundTrip.map(\.microseconds), lastAnswerAgeMilliseconds: answerAge.map(\.milliseconds)),
            started: startedAt)
    }
}

extension NodePeers {
    /// What is known of the others, for monitoring. Series of a peer have its name.
    func metrics() -> [MetricFamily] {
        let view = self.mesh.view
        func family(
            _ kind: MetricFamily.Kind, _ name: String, _ help: String, _ value: (PeerView) -> Double?
        ) -> MetricFamily {
            MetricFamily(
                name: name, help: help, kind: kind,
                samples: view.peers.compactMap { peer in value(peer).map { .init(labels: [.init("peer", peer.name)], $0) } })
        }
        let states = MetricFamily(
            name: "muster_peer_state", help: "1 for the state that this node holds the peer to be in.", kind: .gauge,
            samples: view.peers.flatMap { peer in
                PeerState.allCases.map { .init(labels: [.init("peer", peer.name), .init("state", $0.rawValue)], peer.state == $0 ? 1 : 0) }
            })
        return [
            .gauge("muster_peers_members", help: "Nodes of the cluster, this one included.", Double(view.members)),
            .gauge("muster_peers_alive", help: "Nodes that this one knows to be alive, itself included.", Double(view.alive)),
            .gauge(
                "muster_peers_local_health", help: "0 while this node trusts its own clock and threads; up to 8 while it blames itself.",
                Double(view.localHealth)),
            states,
            family(.gauge, "muster_peer_round_trip_seconds", "Smoothed round trip of probes.") { $0.roundTrip?.seconds },
            family(.gauge, "muster_peer_clock_offset_seconds", "How far the peer's wall clock is ahead of this node's.") { $0.clock?.offset.seconds },
            family(.gauge, "muster_peer_database_reachable", "1 while the peer says that it reaches the database.") {
                $0.facts.map { $0.postgres.reachable ? 1 : 0 }
            },
            family(.gauge, "muster_peer_certificate_end_timestamp_seconds", "When the peer's certificate ends.") {
                $0.facts?.certificateNotAfter.map(Double.init)
            },
            family(.counter, "muster_peer_probes_total", "Probes sent to the peer.") { Double($0.probesSent) },
            family(.counter, "muster_peer_probes_failed_total", "Probes without an answer in time.") { Double($0.probesFailed) },
            MetricFamily(
                name: "muster_peer_messages_refused_total", help: "Messages of peers that had no effect, by reason.", kind: .counter,
                samples: view.refusals.map { .init(labels: [.init("reason", "\($0.key)")], Double($0.value)) }.sorted { "\($0.labels)" < "\($1.labels)" }),
            .refusals("muster_peer_connections_refused_total", help: "Connections refused or given up, by reason.", self.mesh.counters.faults),
        ]
    }
}

extension MetricFamily {
    /// A counter with a series for each reason that occurred.
    static func refusals(_ name: String, help: String, _ refusals: [PeerFault: UInt64]) -> MetricFamily {
        let samples = refusals.sorted { $0.key.rawValue < $1.key.rawValue }.map { Sample(labels: [.init("reason", $0.key.rawValue)], Double($0.value)) }
        return MetricFamily(name: name, help: help, kind: .counter, samples: samples)
    }
}

extension Duration {
    fileprivate var seconds: Double { Double(self.components.seconds) + Double(self.components.attoseconds) / 1e18 }
}
