import Ledger
import Model
import Store
import Testing

@Suite("What is known of regions")
struct RegionTests {
    @Test("it is stored with the leader's commit, taken up by the next leader, and gone when nothing is to be remembered")
    func remembered() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let down = RegionRecord(region: "eu-west", state: .down, since: time(1), facts: ["downSince": 5])
            let seen = RegionRecord(region: "ap-south", state: .up, since: nil, facts: ["unseen": ["api": 4]])
            try await cluster.lead(epoch) { write in
                write.remember(down)
                write.remember(seen)
            }
            #expect(try await cluster.store.regionStates() == [seen, down])
            #expect(try await cluster.store.inheritance(maximumOpen: 10).regions == [seen, down])
            var back = down
            (back.state, back.since) = (.returning, time(60))
            try await cluster.lead(epoch) { write in
                write.remember(back)
                write.forget(region: "ap-south")
                write.forget(region: "nowhere")
            }
            #expect(try await cluster.store.regionStates() == [back])
        }
    }

    @Test("a leader whose epoch is over writes nothing of them")
    func fenced() async throws {
        try await withCluster { cluster in
            let old = try await cluster.elect()
            try await cluster.elect(node: "b", session: try await cluster.connect())
            let record = RegionRecord(region: "eu-west", state: .down, since: time(1), facts: [:])
            #expect(try await sqlState { try await cluster.lead(old) { $0.remember(record) } } != nil)
            #expect(try await cluster.store.regionStates().isEmpty)
        }
    }

    @Test("its loss and its return are events of the region, with the floors that begin; of very many the log names some and counts the rest")
    func events() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let floors = Dictionary(uniqueKeysWithValues: (100..<400).map { (WorkloadID(service: "s\($0)", region: "eu-central"), $0) })
            try await cluster.lead(epoch) { write in
                write.recordRegion(.regionLost, region: "eu-west", text: "eu-west is down", floors: [:], at: time(1))
                write.recordRegion(.failoverStarted, region: "eu-west", text: "others have floors", floors: floors, at: time(1))
                write.recordRegion(.regionReturned, region: "eu-west", text: "eu-west is back", floors: [:], at: time(2))
            }
            let events = try await cluster.events().filter { $0.subjectID == "eu-west" }
            #expect(Set(events.map(\.type)) == ["region.lost", "failover.started", "region.returned"])
            #expect(events.first { $0.type == "region.lost" }?.severity == "critical")
            let leaf = try #require(events.first { $0.type == "failover.started" }.map { String(decoding: $0.leaf, as: UTF8.self) })
            #expect(leaf.contains("\"s100/eu-central\":100") && leaf.contains("\"s199/eu-central\":199") && !leaf.contains("s200/eu-central"), "\(leaf)")
            #expect(leaf.contains("\"workloads\":300"), "\(leaf)")
            #expect(try await cluster.verdict().state == .verified)
        }
    }
}
