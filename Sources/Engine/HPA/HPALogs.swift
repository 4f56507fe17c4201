extension HPA {
    /// What the recommendations of a window make of the present one.
    struct Stabilized: Hashable, Sendable {
        enum Reason: String, CaseIterable, Sendable {
            case scaleUpStabilized = "ScaleUpStabilized"
            case scaleDownStabilized = "ScaleDownStabilized"
        }
        var replicas: Int32
        /// nil when it is what was desired.
        var reason: Reason?
        /// Where the log has room for the present recommendation: the last entry that no window needs any more. nil: at
        /// its end.
        var freeSlot: Int?
    }

    /// With `behavior`: up at most to the lowest, down at least to the highest recommendation of that direction's
    /// window. Where the two disagree the present size stays. A recommendation exactly a window old no longer counts,
    /// but is not overwritten yet. What is to be logged afterwards is `desired`, not the result.
    @inline(__always)
    static func stabilize(
        _ desired: Int32, current: Int32, upWindow: Int64, downWindow: Int64, log: some Sequence<LogEntry>
    ) -> Stabilized {
        var lowest = desired, highest = desired
        var freeSlot: Int?, index = 0
        for entry in log {
            if entry.age < upWindow { lowest = Swift.min(lowest, entry.replicas) }
            if entry.age < downWindow { highest = Swift.max(highest, entry.replicas) }
            if entry.age > upWindow, entry.age > downWindow { freeSlot = index }
            index += 1
        }
        var result = current
        if result < lowest { result = lowest }
        if result > highest { result = highest }
        let reason: Stabilized.Reason? = result == desired ? nil : desired >= current ? .scaleUpStabilized : .scaleDownStabilized
        return Stabilized(replicas: result, reason: reason, freeSlot: freeSlot)
    }

    /// Without `behavior`: at least the highest recommendation of the window, one exactly a window old included.
    @inline(__always)
    static func stabilize(_ desired: Int32, window: Int64, log: some Sequence<LogEntry>) -> Stabilized {
        var highest = desired
        var freeSlot: Int?, index = 0
        for entry in log {
            if entry.age > window { freeSlot = index } else { highest = Swift.max(highest, entry.replicas) }
            index += 1
        }
        return Stabilized(replicas: highest, reason: highest == desired ? nil : .scaleDownStabilized, freeSlot: freeSlot)
    }

    /// Writes the present recommendation into a log: over an entry that is no longer needed, or at the end.
    static func record(_ recommendation: Int32, at slot: Int?, in log: inout [LogEntry]) {
        let entry = LogEntry(replicas: recommendation, age: 0)
        if let slot, log.indices.contains(slot) { log[slot] = entry } else { log.append(entry) }
    }

    /// One direction's changes, as the controller keeps them.
    struct ScaleEvent: Hashable, Sendable {
        var change: Int32
        var age: Int64
        /// Older than any policy's period, and free to be overwritten. Once marked it stays so.
        var isOutdated = false
    }

    /// Writes a change into the log of its direction: over the last outdated entry, or at the end.
    /// - Parameter longestPeriod: of that direction's policies.
    static func record(change: Int32, in log: inout [ScaleEvent], longestPeriod: Int64) {
        var slot: Int?
        for index in log.indices {
            if log[index].age > longestPeriod { log[index].isOutdated = true }
            if log[index].isOutdated { slot = index }
        }
        let event = ScaleEvent(change: change, age: 0)
        if let slot { log[slot] = event } else { log.append(event) }
    }
}
