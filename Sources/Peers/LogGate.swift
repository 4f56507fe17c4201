import Model

/// One log line a reason and minute: what strangers do must not fill a disk.
struct LogGate: Sendable {
    private var last: [PeerFault: (at: Instant, suppressed: UInt64)] = [:]

    /// How many of that reason went unlogged since the last line; nil: say nothing now.
    mutating func pass(_ fault: PeerFault, at now: Instant) -> UInt64? {
        guard let entry = self.last[fault], now - entry.at < PeerLimits.logPause else {
            let suppressed = self.last[fault]?.suppressed ?? 0
            self.last[fault] = (now, 0)
            return suppressed
        }
        self.last[fault] = (entry.at, entry.suppressed + 1)
        return nil
    }
}
