import Logging
import Model
import Store
import Synchronization

/// Puts refused attempts into the audit log: at most one event a minute for each token (or source address) and operation, with the number of attempts
/// that it stands for, and a bounded number of events a minute in all. A log that an attacker can flood is no evidence.
final class DenialLog: Sendable {
    static let interval = Duration.seconds(60)
    /// Events a minute over all callers.
    static let maximumEvents = 60
    /// Callers and operations that are counted at once; attempts beyond are only in the metrics.
    static let maximumEntries = 4096

    private struct Entry {
        var recordedAt: ContinuousClock.Instant
        /// Attempts since then.
        var attempts = 0
    }
    private struct State {
        var entries: [String: Entry] = [:]
        var minuteStart: ContinuousClock.Instant?
        var events = 0
    }

    private let store: Store
    private let clock: any ServerClock
    private let logger: Logger
    private let state = Mutex(State())

    init(store: Store, clock: any ServerClock, logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// - Parameter token: nil when the caller proved to be nobody.
    func record(_ token: TokenRecord?, code: Problem.Code, route: Route, address: String, requestID: String) async {
        guard let attempts = self.due("\(token?.id ?? address) \(route.operationID)") else { return }
        let principal = token?.principal ?? Principal(kind: .system, id: "anonymous", authentication: .internal)
        do {
            try await self.store.write(as: principal) { write in
                write.recordDenied(code: code.rawValue, route: route.operationID, attempts: attempts, ip: address)
            }
        } catch {
            // The refusal stands either way; only its record is missing, and the node's log says so.
            self.logger.warning(
                "a refused attempt could not be recorded in the audit log",
                metadata: ["operation": "\(route.operationID)", "request": "\(requestID)", "error": "\(ErrorMapping.summary(error))"])
        }
    }

    /// How many attempts an event now would stand for; nil when it is not time for one.
    private func due(_ key: String) -> Int? {
        let now = self.clock.now
        return self.state.withLock { state in
            if state.minuteStart.map({ now - $0 >= Self.interval }) ?? true {
                state.minuteStart = now
                state.events = 0
            }
            if let entry = state.entries[key], now - entry.recordedAt < Self.interval {
                state.entries[key]?.attempts += 1
                return nil
            }
            if state.entries.count >= Self.maximumEntries { state.entries = state.entries.filter { now - $0.value.recordedAt < Self.interval } }
            guard state.events < Self.maximumEvents, state.entries.count < Self.maximumEntries else { return nil }
            let attempts = (state.entries[key]?.attempts ?? 0) + 1
            state.entries[key] = Entry(recordedAt: now)
            state.events += 1
            return attempts
        }
    }
}
