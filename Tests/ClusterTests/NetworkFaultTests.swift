import Testing

extension WholeClusters.Failover {
    private static let needed = Comment(rawValue: HostNetwork.missing ?? "")

    @Test(
        "a leader's line to the database is cut both ways or one way: another node leads, and everything is sound",
        .enabled(if: HostNetwork.missing == nil, needed), arguments: [RealFault.cut, .cutToServer, .cutFromServer])
    func cut(fault: RealFault) async throws { try await self.one(fault) }

    @Test(
        "a follower without the database, a slow and lossy line: somebody leads, and everything is sound",
        .enabled(if: HostNetwork.missing == nil, needed), arguments: [RealFault.cutFollower, .badLine])
    func line(fault: RealFault) async throws { try await self.one(fault) }

    @Test(
        "a leader and the others lose each other, both ways or one way, or it and one of them: they see it, the leader stays, and they find each other again",
        .enabled(if: HostNetwork.missing == nil, needed), arguments: [RealFault.cutPeers, .cutToPeers, .cutFromPeers, .cutPair])
    func peers(fault: RealFault) async throws { try await self.one(fault) }
}
