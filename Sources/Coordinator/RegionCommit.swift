internal import Control
internal import Ledger
internal import Model
internal import Store

extension RegionMemory {
    /// What the predecessors left.
    init(records: [RegionRecord]) throws(JSONError) {
        try self.init(json: .object(Dictionary(records.map { ($0.region, $0.facts) }, uniquingKeysWith: { first, _ in first })))
    }
}

extension Write {
    func commit(_ regions: LeaderState.RegionChanges) {
        for (region, facts) in regions.facts.sorted(by: { $0.key < $1.key }) {
            if let facts {
                self.remember(RegionRecord(region: region, state: facts.state, since: facts.since, facts: facts.json))
            } else {
                self.forget(region: region)
            }
        }
        for event in regions.events { self.recordRegion(event.kind.type, region: event.region, text: event.text, floors: event.floors, at: event.at) }
    }
}

extension RegionHealth.Event.Kind {
    fileprivate var type: EventType {
        switch self {
        case .lost: .regionLost
        case .returned: .regionReturned
        case .floorsBegin: .failoverStarted
        case .floorsEnd: .failoverEnded
        }
    }
}
