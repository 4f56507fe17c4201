import Model
import Store
import Testing

@Suite("Approvals")
struct ApprovalTests {
    private let second = Principal(kind: .token, id: "operator-2", authentication: .token)

    /// A change of `transcode` that waits.
    private func waiting(_ to: Int = 12) -> EvaluationCommit {
        var decision = decision(acted: false, to: to)
        decision.reasons.append(.awaitingApproval)
        return commit(decision)
    }

    private func settle(_ cluster: TestCluster, _ verdict: Approval.Verdict = .approved) async throws -> Approval {
        try await cluster.store.write(as: self.second) { write in
            let record = try #require(try await write.awaiting(transcode))
            return try await write.settle(record, verdict, reason: "it is known")
        }
    }

    @Test("a word is stored with its end and its event, and the newest one counts")
    func newest() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let nothing = try await cluster.store.write(as: self.second) { try await $0.awaiting(transcode) }
            #expect(nothing == nil)
            let committed = try await cluster.lead(epoch) { try await $0.commit([self.waiting()], summary: [:], at: time(0)) }
            let version = try await cluster.store.configurationVersion()
            let approved = try await self.settle(cluster)
            #expect(approved.decision == committed.first?.decision && approved.from == 4 && approved.to == 12 && approved.actor == "operator-2")
            #expect(approved.until == approved.since + Approval.validFor && approved.policyVersion == 7)
            #expect(try await cluster.store.configurationVersion() != version)
            #expect(try await cluster.store.configuration().approvals == [approved])
            let rejected = try await self.settle(cluster, .rejected)
            #expect(try await cluster.store.approvals() == [rejected])
            #expect(try await cluster.events("decision.approved").map(\.decisionID) == [approved.decisionName])
            #expect(try await cluster.events("decision.rejected").count == 1)
            try await cluster.sql("UPDATE muster.approval SET since = now() - interval '2 h', until = now() - interval '1 h' WHERE ended_at IS NULL")
            #expect(try await cluster.store.approvals().isEmpty)
            _ = try await self.settle(cluster)
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("the change that it lets through uses it up in its own transaction, and names it")
    func usedUp() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            _ = try await cluster.lead(epoch) { try await $0.commit([self.waiting()], summary: [:], at: time(0)) }
            let approved = try await self.settle(cluster)
            var acting = commit(decision(to: 12))
            acting.approval = approved
            let done = try await cluster.lead(epoch) { try await $0.commit([acting], summary: [:], at: time(15)) }
            #expect(try await cluster.store.approvals().isEmpty)
            #expect(try await cluster.sql("SELECT used_by FROM muster.approval") == "\(try #require(done.first?.decision))")
            let event = try #require(try await cluster.events("decision.proposed").last)
            let cause = try JSON(parsing: event.leaf)["cause"]?["approval"]
            #expect(cause?["by"] == "operator-2" && cause?["decision"] == .string(approved.decisionName))
            // A second use of the same word, or of one that was taken back, commits nothing.
            let refusal = await thrown(StoreConflict.self) { _ = try await cluster.lead(epoch) { try await $0.commit([acting], summary: [:], at: time(30)) } }
            #expect(refusal != nil)
            #expect(try await cluster.events("decision.proposed").count == 1)
            #expect(try await cluster.verdict().state == .verified)
        }
    }
}
