import Model
import Store
import Testing

@Suite("A node's own check of the audit log")
struct AuditCheckTests {
    private static func filled(_ cluster: TestCluster) async throws {
        let epoch = try await cluster.elect()
        _ = try await cluster.lead(epoch) { try await $0.commit([commit(decision())], summary: [:], at: time(0)) }
        for max in 1...5 { _ = try await cluster.store.write(as: operatorPrincipal) { try await $0.apply(try regionDocument(max: max)) } }
    }

    @Test("it follows the log as it grows")
    func follows() async throws {
        try await withCluster { cluster in
            var check = AuditCheck()
            #expect(check.state == .verifying && check.verifiedTo == -1)
            var more = try await check.step(cluster.store)
            #expect(!more && check.state == .verified && check.verifiedTo == 1)
            try await Self.filled(cluster)
            more = try await check.step(cluster.store)
            #expect(!more && check.state == .verified && check.verifiedTo == 7)
        }
    }

    @Test("a long log is read in bounded steps")
    func bounded() async throws {
        try await withCluster { cluster in
            // In several writes: the server does not leave one open for long.
            let batches = 10
            for batch in 0..<batches {
                try await cluster.store.write(as: operatorPrincipal) { write in
                    for index in 0..<AuditCheck.stepEvents / batches {
                        write.recordDenied(code: "unauthenticated", route: "/v1/\(batch)/\(index)", attempts: 1, ip: nil)
                    }
                }
            }
            var check = AuditCheck()
            let more = try await check.step(cluster.store)
            #expect(more && check.state == .verifying && check.verifiedTo == Int64(AuditCheck.stepEvents) - 1)
            let evenMore = try await check.step(cluster.store)
            #expect(!evenMore && check.state == .verified && check.verifiedTo == Int64(AuditCheck.stepEvents) + 1)
        }
    }

    /// What a superuser does once the triggers are out of the way.
    static let forgeries = [
        "UPDATE muster.audit_event SET leaf = convert_to(replace(convert_from(leaf, 'UTF8'), 'operator-1', 'operator-2'), 'UTF8') WHERE seq = 4",
        "UPDATE muster.audit_event SET leaf = convert_to(replace(convert_from(leaf, 'UTF8'), 'operator-1', 'operator-2'), 'UTF8'), actor_id = 'operator-2', leaf_hash = sha256('\\x00'::bytea || convert_to(replace(convert_from(leaf, 'UTF8'), 'operator-1', 'operator-2'), 'UTF8')) WHERE seq = 4",
        "UPDATE muster.audit_event SET actor_id = 'operator-2' WHERE seq = 4",
        "UPDATE muster.audit_event SET subject_id = 'us-east' WHERE seq = 5",
        "UPDATE muster.audit_event SET integrated_at = integrated_at + interval '1 microsecond' WHERE seq = 6",
        "UPDATE muster.audit_event SET epoch = 2 WHERE seq = 7",
        "UPDATE muster.audit_event SET decision_id = NULL WHERE seq = 2",
        "DELETE FROM muster.audit_event WHERE seq = 4",
        "DELETE FROM muster.audit_event WHERE seq = 7",
        "UPDATE muster.audit_tree SET epoch = 0",
    ]

    @Test("what somebody edited shows, and stays shown", arguments: forgeries)
    func forged(statement: String) async throws {
        try await withCluster { cluster in
            try await Self.filled(cluster)
            #expect(try await cluster.verdict().state == .verified)
            try await cluster.sql("ALTER TABLE muster.audit_event DISABLE TRIGGER USER; \(statement); ALTER TABLE muster.audit_event ENABLE TRIGGER USER")
            var check = try await cluster.verdict()
            guard case .diverged = check.state else {
                Issue.record("\(check.state)")
                return
            }
            let seen = check.state
            let more = try await check.step(cluster.store)
            #expect(!more && check.state == seen)
        }
    }

    @Test("a log that was set back behind what was verified shows to who had verified it")
    func setBack() async throws {
        try await withCluster { cluster in
            let early = try await cluster.sql("SELECT size, encode(root, 'hex'), encode(frontier, 'hex'), epoch, integrated_at FROM muster.audit_tree")
                .split(separator: "|").map(String.init)
            try await Self.filled(cluster)
            var check = try await cluster.verdict()
            #expect(check.state == .verified)
            try await cluster.sql(
                """
                ALTER TABLE muster.audit_event DISABLE TRIGGER USER;
                DELETE FROM muster.audit_event WHERE seq >= \(early[0]);
                UPDATE muster.audit_tree SET size = \(early[0]), root = '\\x\(early[1])', frontier = '\\x\(early[2])', epoch = \(early[3]), integrated_at = '\(early[4])'
                """)
            #expect(try await cluster.verdict().state == .verified, "who comes new can't know")
            _ = try await check.step(cluster.store)
            guard case .diverged = check.state else {
                Issue.record("\(check.state)")
                return
            }
        }
    }
}
