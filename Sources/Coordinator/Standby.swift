internal import Cluster
internal import Control
internal import Logging
internal import Model
internal import Readings
internal import Store

/// What a node keeps ready while another leads, so that its own term begins with the first question and not with connecting: what people say, resolved to a
/// fleet; a session with each source that a manifest names; and one of the pool that has the statements of ``Store/inheritance(maximumOpen:)`` prepared.
///
/// The fleet is decided by only while its version is the one in force. Everything is left to the term's loop once there is one.
struct Standby {
    let coordinator: Coordinator

    /// Between two looks. A session that was lost is back, and a new connection known, after at most this.
    static let interval = Duration.seconds(2)
    /// For all sources to show that they are there, as long as in a leader's round.
    static let healthDeadline = TermLoop.askDeadline

    init(_ coordinator: Coordinator) { self.coordinator = coordinator }

    private var isNeeded: Bool { self.coordinator.leadership.status.term == nil }

    func run() async {
        var seen: String?
        while !Task.isCancelled {
            if self.isNeeded {
                do { try await self.prepare(&seen) } catch {
                    // Only time is lost by it.
                    self.coordinator.logger.debug("nothing can be kept ready for a term of this node", metadata: ["error": "\(error)"])
                }
            } else {
                seen = nil
            }
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }

    private func prepare(_ seen: inout String?) async throws {
        let (store, readings) = (self.coordinator.store, self.coordinator.readings)
        try await store.prepareInheritance(maximumOpen: TermLoop.maximumOpen)
        let version = try await store.configurationVersion()
        if version != seen {
            let (fleet, read) = try await self.coordinator.fleet(of: version)
            await readings.update(connections: Array(fleet.connections.values)) { self.isNeeded }
            seen = read
        }
        _ = await readings.health(deadline: Self.healthDeadline)
    }
}
