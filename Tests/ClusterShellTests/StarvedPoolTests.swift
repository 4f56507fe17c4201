import Cluster
import Election
import Foundation
import Model
import Postgres
import PostgresTesting
import Testing

/// Takes the whole shared pool for itself: cluster/test runs it apart from all other tests.
@Suite(.timeLimit(.minutes(3))) struct StarvedPoolTests {
    @Test("the lease lives on while no thread of the shared pool is free")
    func starvedPool() async throws {
        let cluster = try await ElectionCluster.make()
        let node = cluster.start("a", timing: .standard)
        let (term, _) = try await node.gateOpened()
        let stall = PoolStall()
        let psql = try Installation.find().program("psql")
        // A thread of its own: it must not need the pool either. 15 beats are two leases long.
        let thread = Thread {
            let beats = stall.countBeats(psql: psql, conninfo: cluster.conninfo(), atLeast: 15)
            stall.end(beats: beats)
        }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<ProcessInfo.processInfo.activeProcessorCount * 4 { group.addTask { stall.block() } }
            thread.start()
        }
        let lost = node.log.events.contains { if case .lost = $0 { true } else { false } }
        #expect(stall.beats >= 15 && !lost, "\(stall.beats) beats: \(node.log.events)")
        try await node.mayAct(term)
        try await node.stop()
    }
}
