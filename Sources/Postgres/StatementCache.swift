/// Which statements are prepared on a session: those that were seen at least twice, the least recently used making room.
///
/// A statement that is run once is not worth the server's memory, and preparing it would cost a round trip.
struct StatementCache {
    /// Enough for every statement of a node, few enough not to burden the server's memory.
    static let capacity = 256

    private struct Entry {
        var name: String
        var used: UInt64
    }
    private var prepared: [String: Entry] = [:]
    /// Seen once, in order; bounded as well.
    private var seen: Set<String> = []
    private var clock: UInt64 = 0
    private var nextName: UInt64 = 0
    /// Pushed out here, still on the server.
    private(set) var retired: [String] = []
    /// The server's prepared statements do not fit any more. Until `reset` everything runs unnamed.
    private(set) var isStale = false

    enum Plan {
        /// Run it unnamed.
        case once
        /// Run the prepared statement of this name.
        case named(String)
        /// Prepare it under this name.
        case prepare(name: String)
    }

    mutating func plan(for sql: String) -> Plan {
        if self.isStale { return .once }
        self.clock += 1
        if var entry = self.prepared[sql] {
            entry.used = self.clock
            self.prepared[sql] = entry
            return .named(entry.name)
        }
        guard self.seen.contains(sql) else {
            if self.seen.count >= Self.capacity { self.seen.removeAll(keepingCapacity: true) }
            self.seen.insert(sql)
            return .once
        }
        return .prepare(name: self.newName())
    }

    /// For a statement that will be used soon; nil when it is prepared already, or can't be now.
    mutating func nameToPrepare(_ sql: String) -> String? { self.isStale || self.prepared[sql] != nil ? nil : self.newName() }

    /// Under which it is prepared.
    func name(of sql: String) -> String? { self.isStale ? nil : self.prepared[sql]?.name }

    private mutating func newName() -> String {
        if self.prepared.count >= Self.capacity, let oldest = self.prepared.min(by: { $0.value.used < $1.value.used }) {
            self.prepared[oldest.key] = nil
            self.retired.append(oldest.value.name)
        }
        self.nextName += 1
        return "m\(self.nextName)"
    }

    mutating func didPrepare(_ sql: String, as name: String) {
        self.prepared[sql] = Entry(name: name, used: self.clock)
        self.seen.remove(sql)
    }

    /// The server has deallocated it.
    mutating func didDeallocate(_ name: String) {
        self.retired.removeAll { $0 == name }
    }

    /// A plan no longer fits (the schema changed), or the server lost it; then others may be so too.
    mutating func becomeStale() {
        self.isStale = true
    }

    /// Begins anew, after the server has deallocated everything. Names are not used again.
    mutating func reset() {
        self.prepared = [:]
        self.seen = []
        self.retired = []
        self.isStale = false
    }
}
