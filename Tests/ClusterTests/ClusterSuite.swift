import Testing

/// Whole clusters, one at a time: three nodes and a Postgres each are enough for a small machine.
@Suite(.serialized)
enum WholeClusters {}

/// Gives a suite one cluster for all of its tests. It is up before the first and gone after the last, whatever became of them.
struct ClusterTrait: SuiteTrait, TestScoping {
    var nodes: Int
    var sample: Bool
    var supervised: Bool

    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void) async throws {
        let cluster = try await TestCluster.up(nodes: self.nodes, sample: self.sample, supervised: self.supervised)
        do {
            try await TestCluster.$shared.withValue(cluster) { try await function() }
        } catch {
            await cluster.down()
            throw error
        }
        await cluster.down()
    }
}

extension Trait where Self == ClusterTrait {
    static func cluster(nodes: Int = 3, sample: Bool = false, supervised: Bool = false) -> Self {
        ClusterTrait(nodes: nodes, sample: sample, supervised: supervised)
    }
}
