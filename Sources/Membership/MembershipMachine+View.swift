import Model

extension MembershipMachine {
    /// What this node knows, as of the last event.
    public var view: MembershipView {
        MembershipView(
            node: self.node, bootID: self.bootID, incarnation: self.incarnation, localHealth: self.localHealth, members: self.memberCount,
            alive: self.aliveCount, isolated: self.aliveCount < self.memberCount / 2 + 1, peers: self.peers.map(self.view(of:)),
            ownNameHeard: self.ownNameHeard, absences: self.absences, refusals: self.refusals)
    }

    /// The state of the peer of that name; nil when it is no member.
    public func state(of name: String) -> PeerState? { self.index(of: name).map { self.peers[$0].state } }

    private func view(of peer: PeerRecord) -> PeerView {
        let others = self.peers.filter { $0.name != peer.name && $0.speaks(at: self.now) }
        return PeerView(
            name: peer.name, address: peer.address, state: peer.state, since: peer.since, why: peer.why, path: peer.path,
            incarnation: peer.incarnation, bootID: peer.replay.bootID, roundTrip: peer.clock.roundTrip, clock: peer.clock.offset,
            suspectedBy: others.filter { $0.suspects(peer.name, incarnation: peer.incarnation) }.map(\.name),
            seenAliveBy: others.filter { !$0.suspects(peer.name, incarnation: peer.incarnation) }.map(\.name), lastHeard: peer.lastHeard,
            facts: peer.facts, hasLink: peer.current != nil, lastLinkEnd: peer.lastLinkEnd, probesSent: peer.probesSent,
            probesFailed: peer.probesFailed, indirectProbes: peer.indirectProbes, messagesRefused: peer.messagesRefused,
            cloneMessages: peer.cloneMessages, canReachTargets: peer.canReachTargets)
    }
}
