import Cluster
import Election
import Foundation
import Model
import Postgres
import PostgresTesting
import Testing

@Suite(.timeLimit(.minutes(3))) struct StarvedPoolTests {
    struct Starved: Error {}

    @Test("the lease lives on while no thread of the shared pool is free")
    func starvedPool() async throws {
        // In a process of its own: the pool is shared with every other test of this one.
        await #expect(processExitsWith: .success) { try await Self.starve() }
    }

    private static func starve() async throws {
        let cluster = try await ElectionCluster.make()
        let node = cluster.start("a", timing: .standard)
        let (term, _) = try await node.gateOpened()
        let stall = PoolStall()
        let psql = try Installation.find().program("psql")
        // A thread of its own: it must not need the pool either.
        let thread = Thread {
            let beats = stall.countBeats(psql: psql, conninfo: cluster.conninfo(), atLeast: 15)
            stall.end(beats: beats)
        }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<ProcessInfo.processInfo.activeProcessorCount * 4 { group.addTask { stall.block() } }
            thread.start()
        }
        // 15 beats are two leases long.
        let lost = node.log.events.contains { if case .lost = $0 { true } else { false } }
        guard stall.beats >= 15, !lost else { throw Starved() }
        try await node.mayAct(term)
        try await node.stop()
    }
}
