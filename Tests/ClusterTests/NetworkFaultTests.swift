import Testing

extension WholeClusters.Failover {
    private static let needed = Comment(rawValue: HostNetwork.missing ?? "")

    @Test(
        "a leader's line to the database is cut both ways or one way: another node leads, and everything is sound",
        .enabled(if: HostNetwork.missing == nil, needed), arguments: [RealFault.cut, .cutToServer, .cutFromServer])
    func cut(fault: RealFault) async throws { try await self.one(fault) }

    @Test(
        "a follower without the database, nodes that don't see each other, a slow and lossy line: somebody leads, and everything is sound",
        .enabled(if: HostNetwork.missing == nil, needed), arguments: [RealFault.cutFollower, .cutPeers, .badLine])
    func line(fault: RealFault) async throws { try await self.one(fault) }
}
