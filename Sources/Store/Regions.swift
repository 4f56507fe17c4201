public import Ledger
public import Model
internal import Postgres

/// What the leader knows of one region; a region that is up and of which nothing is to be remembered has none.
public struct RegionRecord: Sendable, Hashable {
    /// Its name.
    public var region: String
    /// Where it stands.
    public var state: RegionState
    /// Since when it has been in its state; nil when it is up.
    public var since: WallTime?
    /// The leader's memory, its canonical JSON.
    public var facts: JSON

    public init(region: String, state: RegionState, since: WallTime?, facts: JSON) {
        self.region = region
        self.state = state
        self.since = since
        self.facts = facts
    }
}

extension Store {
    /// Regions of which the leader remembers something, by name.
    public func regionStates() async throws -> [RegionRecord] { try await self.run(self.regionStatesRead) }

    var regionStatesRead: Read<[RegionRecord]> {
        Read("SELECT region, state, since, facts FROM muster.region_state WHERE shard = $1 ORDER BY region", [.text(self.shard)]) { rows in
            try rows.map { row in
                let region = try row["region"].string(), name = try row["state"].string()
                guard let state = RegionState(rawValue: name) else {
                    throw StoreError.unreadable(what: "the state of region \(region)", why: "“\(name)” is none that this version knows")
                }
                return RegionRecord(region: region, state: state, since: try row["since"].wallTimeOrNil(), facts: try row["facts"].parsedJSON())
            }
        }
    }
}

extension Write {
    /// Writes what the leader knows of a region now.
    public func remember(_ record: RegionRecord) {
        self.deferred.append(
            Statement(
                WriteSQL.upsertRegion,
                [
                    .text(self.store.shard), .text(record.region), .int(self.epoch), .text(record.state.rawValue), .optional(record.since),
                    .text(record.facts.text),
                ]))
    }

    /// Nothing is to be remembered of the region any more.
    public func forget(region: String) {
        self.deferred.append(
            Statement("DELETE FROM muster.region_state WHERE shard = $1 AND region = $2", [.text(self.store.shard), .text(region)]))
    }

    /// What became of a region.
    /// - Parameter floors: what others are asked to have for it, by workload.
    public func recordRegion(_ type: EventType, region: String, text: String, floors: [WorkloadID: Int], at now: WallTime) {
        // More would not be read; the decisions of each workload say what it got.
        let named = floors.sorted { $0.key < $1.key }.prefix(Self.floorsInEvent)
        self.record(
            type, severity: Self.severity(of: type), action: .observe, subject: .init(kind: .region, id: region),
            after: .fields([
                "at": now.json, "text": .string(text),
                "floors": floors.isEmpty ? nil : .object(Dictionary(uniqueKeysWithValues: named.map { ($0.key.description, .int(Int64($0.value))) })),
                "workloads": floors.isEmpty ? nil : .int(Int64(floors.count)),
            ]))
    }

    private static var floorsInEvent: Int { 100 }

    private static func severity(of type: EventType) -> Severity {
        switch type {
        case .regionLost: .critical
        case .failoverStarted: .warning
        default: .notice
        }
    }
}
