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

    enum Plan {
        /// Run it unnamed.
        case once
        /// Run the prepared statement of this name.
        case named(String)
        /// Prepare it under this name, after deallocating the other if there is one.
        case prepare(name: String, evict: String?)
    }

    mutating func plan(for sql: String) -> Plan {
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
        var evicted: String?
        if self.prepared.count >= Self.capacity, let oldest = self.prepared.min(by: { $0.value.used < $1.value.used }) {
            self.prepared[oldest.key] = nil
            evicted = oldest.value.name
        }
        self.nextName += 1
        return .prepare(name: "m\(self.nextName)", evict: evicted)
    }

    mutating func didPrepare(_ sql: String, as name: String) {
        self.prepared[sql] = Entry(name: name, used: self.clock)
        self.seen.remove(sql)
    }

    /// Its plan no longer fits (the schema changed), or the server lost it.
    mutating func forget(_ sql: String) -> String? {
        self.seen.remove(sql)
        return self.prepared.removeValue(forKey: sql)?.name
    }
}
