import Ledger
import Model
import Postgres
import Store
import Testing

@Suite("A write")
struct WriteTests {
    struct Abandoned: Error {}

    @Test("takes its events back with its change")
    func rollback() async throws {
        try await withCluster { cluster in
            let before = try await cluster.store.treeHead()
            await #expect(throws: Abandoned.self) {
                try await cluster.store.write(as: operatorPrincipal) { write in
                    _ = try await write.apply(try regionDocument())
                    _ = try await write.createPause(scope: .all, direction: .both, until: write.at + .seconds(60), reason: "sale")
                    #expect(write.lastSeq == 3 && write.nextSeq == 4)
                    throw Abandoned()
                }
            }
            // A constraint that only the commit meets.
            let state = try await sqlState {
                try await cluster.store.write(as: operatorPrincipal) { write in
                    _ = try await write.setOverride(workload: transcode, replicas: 3, until: write.at - .seconds(60), reason: "sale")
                }
            }
            #expect(state == "23514")
            #expect(try await cluster.store.treeHead() == before)
            #expect(try await cluster.store.manifests().isEmpty)
            #expect(try await cluster.store.pauses().isEmpty)
            #expect(try await cluster.events().count == 2)
            // Numbers of the run go on without a gap.
            _ = try await cluster.store.write(as: operatorPrincipal) { try await $0.apply(try regionDocument()) }
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("that records nothing leaves the log alone")
    func nothing() async throws {
        try await withCluster { cluster in
            let before = try await cluster.store.treeHead()
            let seq = try await cluster.store.write(as: operatorPrincipal) { $0.lastSeq }
            #expect(seq == nil)
            #expect(try await cluster.store.treeHead() == before)
            let head = try await cluster.store.head()
            #expect(head.seq == before.size - 1 && head.epoch == 0)
        }
    }

    @Test("many at once from several nodes give one log without gaps that a verifier accepts")
    func concurrent() async throws {
        try await withCluster { cluster in
            let stores = (1...3).map { cluster.store(node: "n\($0)", bootID: "00000000-0000-7000-8000-00000000000\($0)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, store) in stores.enumerated() {
                    for round in 0..<8 {
                        group.addTask {
                            _ = try await store.write(as: operatorPrincipal) { write in
                                try await write.apply(try regionDocument("r\(index)-\(round)") + regionDocument("shared", max: index * 100 + round))
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let events = try await cluster.events()
            #expect(events.map(\.seq) == Array(0..<Int64(events.count)))
            #expect(events.count == 2 + 48)
            let versions = try await cluster.store.versions(.init(kind: .region, name: "shared"))
            #expect(versions.map(\.version) == Array((1...24).reversed()))
            var verifier = Verifier()
            let accepted = events.allSatisfy { verifier.check(StoredEvent($0)) }
            #expect(accepted)
            #expect(try await cluster.verdict().state == .verified)
            #expect(try await cluster.verdict().verifiedTo == 49)
        }
    }

    @Test("never records an older epoch after a newer one, while leaders change and others write")
    func epochs() async throws {
        try await withCluster { cluster in
            let sessions = [cluster.session, try await cluster.connect(), try await cluster.connect()]
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for round in 0..<12 {
                        let session = sessions[round % 3]
                        let epoch = try await cluster.elect(node: "n\(round % 3)", session: session)
                        _ = try await cluster.lead(epoch, session: session) { write in
                            #expect(write.epoch == epoch)
                            write.recordLeadership(.leaderElected, node: "n\(round % 3)", epoch: epoch, details: [:])
                        }
                    }
                }
                for writer in 0..<3 {
                    let store = cluster.store(node: "w\(writer)", bootID: "00000000-0000-7000-8000-0000000000b\(writer)")
                    group.addTask {
                        for round in 0..<10 {
                            _ = try await store.write(as: operatorPrincipal) { try await $0.apply(try regionDocument("r\(writer)", max: round + 1)) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let epochs = try await cluster.events().map(\.epoch)
            #expect(epochs == epochs.sorted() && epochs.last == 12)
            #expect(try await cluster.verdict().state == .verified)
            for session in sessions.dropFirst() { await session.close() }
        }
    }

    @Test("refuses to go on from a head that somebody edited")
    func damaged() async throws {
        try await withCluster { cluster in
            try await cluster.sql("UPDATE muster.audit_tree SET size = size + 1")
            do {
                _ = try await cluster.store.write(as: operatorPrincipal) { try await $0.apply(try regionDocument()) }
                Issue.record("it was written")
            } catch let error as StoreError {
                #expect(error.description.contains("muster audit verify"))
            }
            #expect(try await cluster.store.manifests().isEmpty)
        }
    }

    @Test("does not wait for ever behind one that is stuck, and a stuck one is ended by the server")
    func bounded() async throws {
        try await withCluster { cluster in
            // A node that freezes in the middle of its write: its session is the one that holds the row.
            let stuck = try await sqlState {
                try await cluster.store.write(as: operatorPrincipal) { _ in
                    // Until the server has ended it: there is no event to wait for on this side.
                    let giveUp = ContinuousClock.now + .seconds(20)
                    while try await cluster.sql(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'") != "0",
                        ContinuousClock.now < giveUp
                    {}
                }
            }
            #expect(stuck == "25P03")
            let answer1 = try await cluster.store.write(as: operatorPrincipal) { try await $0.apply(try regionDocument()) }.first?.changed
            #expect(answer1 == true)
            let state = try await sqlState {
                _ = try await cluster.session.transaction { transaction in
                    _ = try await transaction.query("SELECT FROM muster.audit_tree FOR UPDATE")
                    _ = try await cluster.store.write(as: operatorPrincipal) { try await $0.apply(try regionDocument(max: 1)) }
                }
            }
            #expect(state == "55P03", "the wait for the row is bounded by the server")
        }
    }
}
