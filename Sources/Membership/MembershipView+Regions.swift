public import Model

extension MembershipView {
    /// Which regions' nodes answer.
    ///
    /// A node that nobody has heard of since this process started, or that is only suspect, may be either. A node that sees fewer than a majority doubts
    /// itself first: what it can't reach may be well. One that stopped in order is not expected to answer.
    /// - Parameter regionOf: by a node's name; others are left out.
    public func regions(_ regionOf: [String: String]) -> RegionSight {
        var sight = RegionSight()
        if let own = regionOf[self.node] { sight.up.insert(own) }
        var failed: Set<String> = [], undecided: Set<String> = []
        for peer in self.peers {
            guard let region = regionOf[peer.name] else { continue }
            switch peer.state {
            case .alive, .degraded: sight.up.insert(region)
            case .failed where !self.isolated: failed.insert(region)
            case .failed, .suspect, .unknown: undecided.insert(region)
            case .left: break
            }
        }
        sight.unknown = undecided.subtracting(sight.up)
        sight.down = failed.subtracting(sight.up).subtracting(undecided)
        return sight
    }
}
