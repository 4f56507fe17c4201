public import Cluster
internal import Control
public import Drivers
public import Logging
public import Model
public import Readings
public import Schedule
public import Store
internal import Synchronization

/// Runs the leader's loop while this node leads, and nothing otherwise.
///
/// It owns no rule. ``Control`` says what to ask, what is decided and what becomes of a change; this shell asks, commits on the lock session, calls
/// drivers and tells what came back. Nothing is called before its intent has committed, and each call is checked against the lease right before.
/// A term's tasks are all children of one task, which is cancelled before anything else when the term ends.
public final class Coordinator: Sendable {
    let store: Store
    let leadership: Leadership
    let readings: ReadingsService
    let drivers: Drivers
    /// Nil: this node speaks with no other.
    let fitness: FitnessWatch?
    /// The rules of a time zone; nil when this node does not know it.
    let zone: @Sendable (String) -> TimeZoneRules?
    /// Which regions' nodes answer their health checks; nil: nobody asks them.
    let regionSight: @Sendable () -> RegionSight?
    let logger: Logger
    private let state = Mutex(CoordinatorStatus())
    /// What people say, as it was last read.
    private let resolved = Mutex<(fleet: Fleet, version: String)?>(nil)

    /// The beginning of a term as it would have been at the last look; nil: too much, or too old.
    let kept = Mutex<Beginning?>(nil)

    public init(
        store: Store, leadership: Leadership, readings: ReadingsService, drivers: Drivers, fitness: FitnessWatch? = nil,
        zone: @escaping @Sendable (String) -> TimeZoneRules?, regionSight: @escaping @Sendable () -> RegionSight? = { RegionSight() }, logger: Logger
    ) {
        self.store = store
        self.leadership = leadership
        self.readings = readings
        self.drivers = drivers
        self.fitness = fitness
        self.zone = zone
        self.regionSight = regionSight
        self.logger = logger
    }

    /// What a look at this node should show of its loop.
    public var status: CoordinatorStatus { self.state.withLock { $0 } }
    func note(_ change: (inout CoordinatorStatus) -> Void) { self.state.withLock { change(&$0) } }

    /// What people say, resolved: as it was read before if that is still the version in force, and else as it is now.
    func fleet(of version: String) async throws -> (fleet: Fleet, version: String) {
        if let known = self.resolved.withLock({ $0 }), known.version == version { return known }
        let configuration = try await self.store.configuration()
        let fleet = Fleet(
            stored: configuration.manifests, enabled: configuration.control.enabled, pauses: configuration.pauses, overrides: configuration.overrides,
            approvals: configuration.approvals, zone: self.zone)
        self.resolved.withLock { $0 = (fleet, configuration.version) }
        return (fleet, configuration.version)
    }

    /// Follows the election until its events end.
    public func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await Standby(self).run() }
            await self.follow()
            group.cancelAll()
        }
    }

    private func follow() async {
        var running: (loop: TermLoop, task: Task<Void, Never>)?
        var headStart: HeadStart?
        for await event in self.leadership.events {
            switch event {
            case .elected(let term):
                await Self.end(&running)
                self.logger.notice("leading", metadata: ["epoch": "\(term.epoch)", "predecessor": "\(term.predecessor?.node ?? "none")"])
                // Held in `running`, and cancelled and awaited there before another term begins or this function returns.
                let loop = TermLoop(self, term, headStart)
                headStart = nil
                running = (loop, Task { await loop.run() })
            case .resigning(let term):
                // The loop says when its effects have ended. Meanwhile this goes on listening: the term may be lost first.
                if let loop = running?.loop { loop.stop() } else { await self.leadership.drained(term) }
            case .lost(let term, let reason):
                await Self.end(&running)
                self.logger.notice("no longer leading", metadata: ["epoch": "\(term.epoch)", "reason": "\(reason)"])
            case .suspended(let term):
                self.logger.warning("suspended: nothing is done until this leader is sure of its term again", metadata: ["epoch": "\(term.epoch)"])
            case .resumed(let term):
                self.logger.notice("this leader is sure of its term again: work goes on", metadata: ["epoch": "\(term.epoch)"])
                running?.loop.release()
            case .gateOpened: running?.loop.release()
            case .mayBeElected:
                if let headStart, headStart.age < HeadStart.renewal { continue }
                headStart?.cancel()
                headStart = HeadStart(self, kept: self.kept.withLock { $0 })
            case .waiting(let holder):
                // Another node was elected, or the leader is there after all.
                guard holder?.node != nil else { continue }
                headStart?.cancel()
                headStart = nil
            }
        }
        headStart?.cancel()
        await Self.end(&running)
    }

    private static func end(_ running: inout (loop: TermLoop, task: Task<Void, Never>)?) async {
        guard let (_, task) = running else { return }
        task.cancel()
        await task.value
        running = nil
    }
}

/// Where the leader's loop of this node stands.
public struct CoordinatorStatus: Sendable, Hashable {
    /// When the last round was committed, on the boot clock.
    public var lastRound: ContinuousClock.Instant?
    /// Committed by this process as leader.
    public var rounds: Int64 = 0
    /// Committed by this process as leader.
    public var evaluations: Int64 = 0
    /// Recorded by this process as leader.
    public var decisions: Int64 = 0
    /// What was ordered, by kind.
    public var actions: [ActionRecord.Kind: Int64] = [:]
    /// What went wrong last in committing, for an operator; nil when the last commit succeeded.
    public var problem: String?
    public init() {}

    /// A round was committed.
    mutating func count(_ round: LeaderState.Round, _ committed: [CommittedEvaluation], began: ContinuousClock.Instant) {
        if round.count == 0 { return }
        self.lastRound = began
        self.rounds += 1
        self.evaluations += Int64(round.count)
        self.decisions += Int64(committed.count)
        for action in committed.compactMap(\.action) { self.actions[action.kind, default: 0] += 1 }
    }
}
