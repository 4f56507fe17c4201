import Eventually
import Foundation
import Model
import Testing

extension WholeClusters {
    /// What `cluster/up` brings up as it is: three nodes and the sample workload with its load of a day in two minutes.
    @Suite(.serialized, .cluster(nodes: 3, sample: true))
    struct Sample {
        /// A day of the sample's load, and some time to follow its end on a busy machine.
        private static let day = Duration.seconds(180)

        @Test("the sample workload goes up and comes down by policy; each change has its sentence and its events, and everything can be read")
        func dayOfTheSample() async throws {
            let cluster = try TestCluster.current
            let workload = try await eventually("a workload went up and came down again", within: Self.day, every: .seconds(1), seen: { cluster.logTails() }) {
                let changes = try await cluster.sql(
                    "select d.service || '/' || d.region, d.kind from muster.decision d join muster.action a on a.decision_id = d.id where a.state = 'done' order by d.id"
                )
                return ["thumbnails/eu-west", "thumbnails/eu-central"].first { id in
                    let kinds = changes.filter { $0[0] == id }.map { $0[1] }
                    return kinds.firstIndex(of: "up").map { kinds[$0...].contains("down") } ?? false
                }
            }
            try await self.expectDecisions(of: workload)
            try await self.expectReadable(workload)
            try await cluster.expectSoundRecords()
            try self.expectEffects()
        }

        private func expectDecisions(of workload: String) async throws {
            let cluster = try TestCluster.current
            let decisions = try await cluster.items(["get", "decisions", "--workload", workload, "--limit", "1000"]).filter { $0["acted"]?.boolValue == true }
            #expect(decisions.count >= 2)
            for decision in decisions {
                let id = try #require(decision["id"]?.stringValue)
                let from = try #require(decision["from"]?.intValue), to = try #require(decision["to"]?.intValue)
                #expect(decision["kind"]?.stringValue == (to > from ? "up" : "down"), "\(decision)")
                let sentence = try #require(decision["sentence"]?.stringValue)
                #expect(sentence.hasSuffix(" → \(to)"), "\(id): \(sentence)")
                #expect((1...12).contains(to), "\(decision)")
                #expect(decision["proposals"]?.arrayValue?.count == 2 && decision["readings"]?.arrayValue?.count == 2, "\(decision)")
            }
            // Intent and end of the oldest change; the newest may still be under way.
            let first = try #require(decisions.last?["id"]?.stringValue)
            let types = try await cluster.sql("select type from muster.audit_event where decision_id = '\(first)' order by seq").map { $0[0] }
            #expect(types.first == "decision.proposed", "\(types)")
            #expect(types.contains { ["decision.applied", "decision.superseded", "decision.failed"].contains($0) }, "\(types)")
        }

        private func expectReadable(_ workload: String) async throws {
            let cluster = try TestCluster.current
            // A node that a busy machine kept waiting for some seconds counts as suspect.
            let status = try await eventually("three nodes are alive") { () -> JSON? in
                let status = try await cluster.json(["status"])
                return status["nodes"]?["alive"]?.intValue == 3 ? status : nil
            }
            let leader = try await cluster.leader(after: 0)
            #expect(status["cluster"]?.stringValue == "dev" && status["enabled"]?.boolValue == true)
            #expect(status["leader"]?["node"]?.stringValue == leader.node && status["leader"]?["epoch"]?.intValue == Int64(leader.epoch))
            #expect(status["workloads"]?["total"]?.intValue == 2, "\(status)")
            let table = try await cluster.succeed(["status"])
            for word in ["leader    \(leader.node), epoch \(leader.epoch)", "nodes     ", " of 3 alive", "scaling   enabled", "audit     "] {
                #expect(table.contains(word), "“\(word)” is missing in: \(table)")
            }
            for kind in ["nodes", "regions", "services", "workloads", "policies", "budgets", "decisions", "actions", "pauses", "overrides", "events", "tokens"]
            {
                _ = try await cluster.items(["get", kind])
                #expect(try await cluster.muster(["get", kind]).status == 0)
            }
            let workloads = try await cluster.succeed(["get", "workloads"])
            #expect(workloads.hasPrefix("WORKLOAD") && workloads.contains("thumbnails/eu-central") && workloads.contains("thumbnails/eu-west"), "\(workloads)")
            let page = try await cluster.succeed(["explain", workload])
            for word in [workload, "READING", "arrivals", "queue", "RULE", "track(arrivals)", "STEP", "confidence"] {
                #expect(page.contains(word), "“\(word)” is missing in: \(page)")
            }
            // In a line of its own, or behind the decision of an evaluation that made one.
            #expect(page.contains(/policy +thumbnails v1/), "\(page)")
            #expect(try await cluster.json(["explain", workload])["workload"]?.stringValue == workload)
            let events = try await cluster.succeed(["audit", "list", "--type", "decision.proposed", "--limit", "5"])
            #expect(events.hasPrefix("SEQ") && events.contains("decision.proposed"), "\(events)")
        }

        /// The sample's own log: no order changed something twice, no change begins elsewhere than the one before ended.
        private func expectEffects() throws {
            let cluster = try TestCluster.current
            for region in ["eu-west", "eu-central"] {
                let lines = try text("\(cluster.directory)/sample/\(region)/effects.log").split(separator: "\n").map { try JSON(parsing: String($0)) }
                #expect(!lines.isEmpty)
                let keys = lines.compactMap { $0["key"]?.stringValue }
                #expect(Set(keys).count == keys.count, "\(region): \(keys)")
                #expect(zip(lines, lines.dropFirst()).allSatisfy { $0["to"] == $1["from"] }, "\(region): \(lines)")
            }
        }

        @Test("cluster/up again changes nothing")
        func upAgain() async throws {
            let cluster = try TestCluster.current
            let pids = cluster.names.map { cluster.pid($0) }
            let versions = try await cluster.number("select count(*) from muster.manifest_version")
            try await cluster.bringUp(nodes: 3, sample: true)
            #expect(cluster.names.map { cluster.pid($0) } == pids)
            #expect(try await cluster.number("select count(*) from muster.manifest_version") == versions)
        }

        /// Last: the log is not what it was afterwards.
        @Test("an event that somebody edited is named by audit verify, and the nodes say that the log does not add up")
        func tampered() async throws {
            let cluster = try TestCluster.current
            let refused = try? await cluster.sql("update muster.audit_event set actor_id = 'nobody' where seq = 3")
            #expect(refused == nil, "the log lets itself be changed without force")
            try await cluster.sql(
                """
                alter table muster.audit_event disable trigger all;
                update muster.audit_event set actor_id = 'nobody' where seq = 3;
                alter table muster.audit_event enable always trigger audit_event_immutable;
                alter table muster.audit_event enable always trigger audit_event_kept;
                """)
            let ran = try await cluster.muster(["audit", "verify"])
            #expect(ran.status == 2 && ran.output.contains("TAMPERED at event 3"), "\(ran)")
            let json = try await cluster.muster(["audit", "verify", "--output", "json"])
            let verdict = try JSON(parsing: json.output)
            #expect(json.status == 2 && verdict["firstBadSeq"]?.intValue == 3, "\(json)")
            for node in cluster.names {
                // A node reads each event once: one that starts reads them all.
                cluster.signal(node, 15)
                try await eventually("node \(node) ends") { cluster.pid(node) == nil }
                try cluster.start(node)
                try await cluster.ready(node)
                let title = try await eventually("\(node) says that the log diverged", seen: { cluster.log(node) }) { () -> String? in
                    let status = try await cluster.json(["status"], at: node)
                    guard status["audit"]?["state"]?.stringValue == "diverged" else { return nil }
                    return (status["attention"]?.arrayValue ?? []).compactMap { $0["title"]?.stringValue }.first
                }
                #expect(title == "The audit log does not add up")
                #expect(cluster.log(node).contains("the audit log was tampered with; run: muster audit verify"))
            }
        }
    }
}
