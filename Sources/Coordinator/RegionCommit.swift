internal import Control
internal import Ledger
internal import Model
internal import Store

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
