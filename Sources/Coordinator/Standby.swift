internal import Cluster
internal import Control
internal import Logging
internal import Model
internal import Readings
internal import Store
internal import Synchronization

/// What a node keeps ready while another leads, so that its own term begins with the first question and not with connecting: what people say, resolved to a
/// fleet; the state of a small fleet's leader; a session with each source that a manifest names; and one of the pool that has the statements of
/// ``Store/inheritance(maximumOpen:)`` prepared. Once, the beginning of a term is rehearsed (``Rehearsal``).
///
/// The fleet is decided by only while its version is the one in force. Everything is left to the term's loop once there is one.
struct Standby {
    let coordinator: Coordinator

    /// Between two looks at whether what people say has changed, as a leader looks.
    static let interval = TermLoop.configurationInterval
    /// Looks after which sessions are looked at, too: one that was lost is back after two seconds.
    static let looksPerRound = 4
    /// A state of more pages than this is read when it's needed (``HeadStart``): a node that waits is not to work for it all the time. That of some two hundred
    /// workloads is read and made in a millisecond, once a round at most. In bytes.
    static let mostKept = 64 * 1024
    /// Clocks drift: a state is made anew after so long even if nothing has changed.
    static let keptFor = Duration.seconds(60)
    /// For all sources to show that they are there, as long as in a leader's round.
    static let healthDeadline = TermLoop.askDeadline

    init(_ coordinator: Coordinator) { self.coordinator = coordinator }

    private var isNeeded: Bool { self.coordinator.leadership.status.term == nil }

    func run() async {
        var seen: String?
        var isRehearsed = false
        var looks = 0
        while !Task.isCancelled {
            if self.isNeeded {
                do {
                    try await self.prepare(&seen, &isRehearsed, sessions: looks % Self.looksPerRound == 0)
                    looks += 1
                } catch {
                    // Only time is lost by it.
                    self.coordinator.logger.debug("nothing can be kept ready for a term of this node", metadata: ["error": "\(error)"])
                }
            } else {
                (seen, looks) = (nil, 0)
                self.coordinator.kept.withLock { $0 = nil }
            }
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }

    /// - Parameter sessions: whether they are looked at, too.
    private func prepare(_ seen: inout String?, _ isRehearsed: inout Bool, sessions: Bool) async throws {
        let (store, readings) = (self.coordinator.store, self.coordinator.readings)
        if sessions { try await store.prepareInheritance(maximumOpen: TermLoop.maximumOpen) }
        let version = try await store.configurationVersion()
        let isNew = version != seen
        if isNew {
            let (fleet, read) = try await self.coordinator.fleet(of: version)
            await readings.update(connections: Array(fleet.connections.values)) { self.isNeeded }
            seen = read
        }
        if !isRehearsed { isRehearsed = try await Rehearsal.run(of: self.coordinator.fleet(of: version).fleet, self.coordinator) != nil }
        if sessions || isNew { try await self.keep() }
        if sessions { _ = await readings.health(deadline: Self.healthDeadline) }
    }

    /// Sees to it that what is kept is what there is.
    private func keep() async throws {
        let (version, size) = try await self.coordinator.store.inheritanceVersionAndSize()
        guard size <= Self.mostKept else { return self.coordinator.kept.withLock { $0 = nil } }
        if let kept = self.coordinator.kept.withLock({ $0 }), kept.clock.age < Self.keptFor, kept.version == version { return }
        let beginning = try await Beginning.load(self.coordinator) { self.isNeeded }
        self.coordinator.kept.withLock { $0 = self.isNeeded ? beginning : nil }
    }
}
