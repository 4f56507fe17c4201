import Eventually
import Model
import Testing

/// What the nodes know of each other, as `muster get nodes` shows it.
extension FaultyCluster {
    /// A peer as one node sees it.
    struct Sight: Sendable, Hashable {
        var state: String
        var path: String
    }

    /// nil: the node knows nothing of it.
    func sight(of peer: String, at node: String) async throws -> Sight? {
        let seen = try await self.cluster.items(["get", "nodes"], at: node).first { $0["name"]?.stringValue == peer }?["peer"]
        guard let state = seen?["state"]?.stringValue, let path = seen?["path"]?.stringValue else { return nil }
        return Sight(state: state, path: path)
    }

    func sees(_ peer: String, _ states: Set<String>, path: String? = nil, at node: String) async throws {
        try await eventually(
            "\(node) sees \(peer) as \(states.sorted())",
            seen: { "\(String(describing: try? await self.sight(of: peer, at: node)))\n\(self.cluster.logTails())" }
        ) {
            guard let sight = try await self.sight(of: peer, at: node) else { return false }
            return states.contains(sight.state) && (path == nil || sight.path == path)
        }
    }

    /// Everybody, directly.
    func seeEachOther() async throws {
        for node in self.cluster.names {
            for peer in self.cluster.names where peer != node { try await self.sees(peer, ["alive"], path: "direct", at: node) }
        }
    }

    /// What a cut between nodes looks like from each of them, while it lasts.
    func expectSeen(_ fault: RealFault, of victim: TestCluster.Leader) async throws {
        let others = self.cluster.names.filter { $0 != victim.node }
        if fault == .cutPair {
            // The third one reaches both: neither is failed for anybody.
            let other = try self.follower(of: victim)
            try await self.sees(other, ["alive"], path: "viaOthers", at: victim.node)
            try await self.sees(victim.node, ["alive"], path: "viaOthers", at: other)
        } else {
            for other in others {
                try await self.sees(other, ["failed"], at: victim.node)
                try await self.sees(victim.node, ["failed"], at: other)
            }
        }
        for (one, another) in zip(others, others.reversed()) where one != another { try await self.sees(another, ["alive"], path: "direct", at: one) }
    }
}
