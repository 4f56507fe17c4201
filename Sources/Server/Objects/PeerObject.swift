import Membership
import Model
import Store

extension NodeCondition {
    /// A node's condition as this node knows it: by its own probes if it has any, else by what the database last heard.
    init(_ node: NodeRecord, peer: PeerView?, now: WallTime) {
        self = Self(node, now: now)
        guard self != .left, let peer else { return }
        switch peer.state {
        case .alive, .degraded: self = .alive
        case .suspect: self = .suspect
        case .failed: self = .failed
        // It says that it left before the database does.
        case .left: self = .left
        case .unknown: break
        }
    }
}

extension PeerView {
    /// What the node that answers knows of this peer, ages counted at `now`.
    func json(now: Instant) -> JSON {
        var fields: [String: JSON?] = [
            "state": self.state.rawValue.json,
            "forMs": .int(max(0, (now - self.since).milliseconds)),
            "why": self.why.json,
            "path": self.path.rawValue.json,
            "roundTripUs": self.roundTrip.map { .int($0.nanoseconds / 1000) },
            "heardMs": self.lastHeard.map { .int(max(0, (now - $0).milliseconds)) },
            "suspectedBy": .array(self.suspectedBy.map(\.json)),
            "seenAliveBy": .array(self.seenAliveBy.map(\.json)),
            "linked": .bool(self.hasLink),
            "probes": .fields(["sent": .int(Int64(clamping: self.probesSent)), "failed": .int(Int64(clamping: self.probesFailed))]),
        ]
        fields["clock"] = self.clock.map { clock in
            .fields([
                "offsetMs": .int(clock.offset.milliseconds), "errorMs": .int(clock.error.milliseconds), "verdict": clock.verdict.rawValue.json,
            ])
        }
        if let facts = self.facts {
            fields["postgres"] = .fields([
                "reachable": .bool(facts.postgres.reachable), "rttUs": facts.postgres.roundTripMicroseconds.map { .int($0) },
                "lastAnswerMs": facts.postgres.lastAnswerAgeMilliseconds.map { .int($0) },
            ])
            fields["epochSeen"] = .int(facts.epochSeen.value)
            fields["leaderSeen"] = facts.leaderSeen?.json
            fields["localHealth"] = facts.localHealth.json
            fields["loopLagMs"] = .int(facts.loopLagMilliseconds)
            fields["certificateEnds"] = facts.certificateNotAfter.map { WallTime(microseconds: $0 * 1_000_000).json }
        }
        return .fields(fields)
    }
}
