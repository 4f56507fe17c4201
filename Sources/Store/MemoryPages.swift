internal import Postgres

/// A part of what a leader remembers, in bytes that this module does not look into.
public struct StoredPage: Sendable, Hashable {
    /// Which page it is, from 0.
    public var number: Int
    /// Its content.
    public var bytes: [UInt8]

    public init(number: Int, bytes: [UInt8]) {
        self.number = number
        self.bytes = bytes
    }
}

extension Write {
    /// Replaces pages of what the leader remembers. Each is a statement of its own, so that a large round does not keep the session silent.
    /// - Parameter count: pages of this number and above are no longer the leader's.
    public func remember(_ pages: [StoredPage], of count: Int) {
        for page in pages {
            self.deferred.append(
                Statement(WriteSQL.upsertPage, [.text(self.store.shard), .int(Int64(page.number)), .int(self.epoch), .bytes(page.bytes)]))
        }
        self.deferred.append(Statement(WriteSQL.deletePages, [.text(self.store.shard), .int(Int64(count))]))
        self.deferred.append(Statement(WriteSQL.newMemoryVersion, [.text(self.store.shard), .int(self.epoch)]))
    }
}

extension Store {
    /// By number.
    var memoryRead: Read<[StoredPage]> {
        Read("SELECT page, body FROM muster.memory_page WHERE shard = $1 ORDER BY page", [.text(self.shard)]) { rows in
            try rows.map { StoredPage(number: Int(try $0["page"].int()), bytes: try $0["body"].bytes()) }
        }
    }

    /// Why the decisions of open actions were made, by the decision's number.
    var openSentencesRead: Read<[Int64: String]> {
        Read(
            """
            SELECT d.id, d.sentence FROM muster.action a JOIN muster.decision d ON d.id = a.decision_id
            WHERE a.shard = $1 AND a.state IN \(Self.openStates)
            """, [.text(self.shard)]
        ) { rows in
            try Dictionary(rows.map { (try $0["id"].int(), try $0["sentence"].string()) }, uniquingKeysWith: { $1 })
        }
    }
}
