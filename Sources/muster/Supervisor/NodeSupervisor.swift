import Cluster
import Foundation
import Logging
import Peers
import ServiceLifecycle
import TLS

/// A node as a pair of processes: this one watches over the other, which is the node.
///
/// It kills a process that is frozen, starts the next, and tells the leader that follows which of its processes are dead. It reaches no database and has
/// no part in the election.
struct NodeSupervisor: Sendable {
    let configuration: NodeConfiguration
    let endpoint: NodeConfiguration.SupervisorEndpoint
    let logger: Logger

    /// Returns the status to end with.
    func run() async throws -> Int32 {
        guard let files = self.configuration.identity else { throw Failure("supervisor.listen needs peers.certificate, peers.key and peers.authority") }
        try NodeRuntime.prepare(self.configuration)
        let identity = try IdentityStore(files: files, cluster: self.configuration.cluster, node: self.configuration.name)
        let loop = SupervisorLoop(process: NodeProcess(), address: self.endpoint.advertise, logger: self.logger)
        let responder = FenceResponder(
            node: self.configuration.name, process: NodeRuntime.newIncarnation(), identity: identity, isDead: { loop.isDead($0) }, logger: self.logger)
        let roster = RosterWatch(
            file: RosterFile(directory: self.configuration.dataDirectory, logger: self.logger), identity: identity, responder: responder, logger: self.logger)
        await roster.look()
        do {
            _ = try await responder.start(host: self.endpoint.host, port: self.endpoint.port)
        } catch {
            await responder.stop()
            throw Failure("\(error)")
        }
        self.logger.notice("the supervisor answers", metadata: ["address": "\(self.endpoint.host):\(self.endpoint.port)", "pid": "\(getpid())"])
        let status = await withTaskGroup(of: Result<Int32, any Error>?.self) { group in
            group.addTask { do { return .success(try await loop.run()) } catch { return .failure(error) } }
            group.addTask {
                await self.keepIdentity(identity)
                return nil
            }
            group.addTask {
                await roster.run()
                return nil
            }
            group.addTask {
                await self.reportRefusals(of: responder)
                return nil
            }
            var status: Result<Int32, any Error> = .success(1)
            for await result in group {
                guard let result else { continue }
                status = result
                group.cancelAll()
            }
            return status
        }
        await responder.stop()
        return try status.get()
    }

    /// How often the node is told of new refusals: sooner than its metrics are read, and seldom enough that strangers who knock don't keep the disk busy.
    private static let reportInterval = Duration.seconds(5)

    /// Tells the node what was refused here.
    private func reportRefusals(of responder: FenceResponder) async {
        let file = RefusalsFile(directory: self.configuration.dataDirectory)
        var trouble = LastingTrouble(reminder: NodeRuntime.reminderInterval)
        // Of a supervisor before this one is what the file holds now.
        var told: [PeerFault: UInt64]?
        while !Task.isCancelled {
            let refusals = responder.refusals
            if refusals != told {
                do {
                    try await Self.write(refusals, to: file)
                    told = refusals
                    _ = trouble.ended()
                } catch {
                    if trouble.isWorthSaying("\(error)", at: .now) {
                        self.logger.warning("the supervisor can't tell its node whom it refused: /metrics shows old numbers", metadata: ["why": "\(error)"])
                    }
                }
            }
            do { try await Task.sleep(for: Self.reportInterval) } catch { return }
        }
    }

    @concurrent
    private static func write(_ refusals: [PeerFault: UInt64], to file: RefusalsFile) async throws { try file.write(refusals) }

    /// Takes new certificates over, as the node does.
    private func keepIdentity(_ identity: IdentityStore) async {
        var trouble = LastingTrouble(reminder: NodeRuntime.reminderInterval)
        while !Task.isCancelled {
            do { try await Task.sleep(for: IdentityStore.pollInterval) } catch { return }
            do throws(CertificateError) {
                if let change = try await Self.reload(identity) {
                    self.logger.notice("the supervisor uses the new certificate or authorities", metadata: ["serial": "\(change.after.serial)"])
                }
                _ = trouble.ended()
            } catch {
                if trouble.isWorthSaying("\(error)", at: .now) {
                    self.logger.warning("the supervisor keeps its old certificate: the new files can't be used", metadata: ["why": "\(error)"])
                }
            }
        }
    }

    @concurrent
    private static func reload(_ identity: IdentityStore) async throws(CertificateError) -> IdentityStore.Change? { try identity.reload() }
}

/// Takes over who may ask, as the node says it in its file. What it said last holds: while the node is dead, and while the file can't be read.
private actor RosterWatch {
    private let file: RosterFile
    private let identity: IdentityStore
    private let responder: FenceResponder
    private let logger: Logger
    private var inForce: Roster?
    private var trouble = LastingTrouble(reminder: NodeRuntime.reminderInterval)

    /// How often the file is looked at: as often as the node looks at the database.
    static let interval = NodeRuntime.heartbeatInterval

    init(file: RosterFile, identity: IdentityStore, responder: FenceResponder, logger: Logger) {
        self.file = file
        self.identity = identity
        self.responder = responder
        self.logger = logger
    }

    func run() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.interval) } catch { return }
            await self.look()
        }
    }

    func look() async {
        do {
            let roster = try await Self.read(self.file)
            _ = self.trouble.ended()
            guard let roster, roster != self.inForce else { return }
            // Before the members: nobody is let in between the two.
            try self.identity.replaceDenied(roster.deniedSerials, nodes: roster.deniedNodes)
            self.responder.admit(roster.members)
            self.inForce = roster
            func list(_ names: Set<String>) -> String { names.sorted().joined(separator: ", ") }
            self.logger.notice(
                "who may ask the supervisor changed",
                metadata: [
                    "members": "\(list(roster.members))", "denied nodes": "\(list(roster.deniedNodes))", "denied serials": "\(list(roster.deniedSerials))",
                ])
        } catch {
            guard self.trouble.isWorthSaying("\(error)", at: .now) else { return }
            let consequence = self.inForce == nil ? "nobody may ask the supervisor" : "what it heard last stays in force"
            self.logger.warning("the supervisor can't read who may ask it; \(consequence)", metadata: ["why": "\(error)"])
        }
    }

    @concurrent
    private static func read(_ file: RosterFile) async throws -> Roster? { try file.read() }
}

/// A supervised process whose supervisor has ended: nobody would vouch for its end, nor notice that it froze. It hands over and ends.
///
/// By the end of the pipe and not by a signal at the parent's death (PR_SET_PDEATHSIG): that one comes when the *thread* ends that started the process,
/// and has to be asked for, so that a parent which ends before that is missed. A pipe's end can't be missed.
struct SupervisorWatch: ServiceLifecycle.Service {
    let pulse: Pulse
    let logger: Logger

    static let interval = Duration.milliseconds(200)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                guard self.pulse.isHeard else {
                    self.logger.error("the supervisor of this node has ended: this node hands over and ends as well")
                    return
                }
                do { try await Task.sleep(for: Self.interval) } catch { return }
            }
        }
    }
}
