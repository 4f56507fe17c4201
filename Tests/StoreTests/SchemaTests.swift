import Model
import Postgres
import PostgresTesting
import Store
import Testing

@Suite("The schema")
struct SchemaTests {
    @Test("an empty database gets there in one go, a current one is left alone")
    func migrations() async throws {
        let connection = try await Session.connect(
            ConnectionConfiguration(try await TestServer.shared.makeDatabase(), connectTimeout: TestServer.patience), on: reactor)
        #expect(try await Schema.migrator.check(connection).pending == Schema.migrations.map(\.version))
        #expect(try await Schema.migrator.migrate(connection) == Array(1...Schema.version))
        #expect(try await Schema.migrator.migrate(connection) == [])
        #expect(try await Schema.migrator.check(connection).isCurrent)
        await connection.close()
    }

    @Test("bootstrapping opens the log and makes one token, once")
    func bootstrap() async throws {
        try await withCluster { cluster in
            #expect(cluster.bootstrap.openedLog)
            #expect(cluster.bootstrap.adminToken?.hasPrefix("muster_prod_") == true)
            let again = try await cluster.store.bootstrap(version: "1.0.0")
            #expect(again.adminToken == nil && !again.openedLog)
            #expect(try await cluster.events().map(\.type) == ["log.opened", "token.created"])
            #expect(try await cluster.store.tokens().map(\.role) == [.admin])
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("a database without the cluster says what to run")
    func notInitialized() async throws {
        try await withCluster { cluster in
            let stranger = Store(pool: cluster.pool, cluster: "other", shard: "main", node: "a", bootID: "00000000-0000-7000-8000-00000000000a")
            let refusal12 = await thrown(StoreError.self) { _ = try await stranger.write(as: operatorPrincipal) { _ in } }
            #expect(refusal12 == StoreError.notInitialized(cluster: "other"))
            let refusal13 = await thrown(StoreError.self) { _ = try await stranger.leader() }
            #expect(refusal13 == StoreError.notInitialized(cluster: "other"))
        }
    }

    static let kept = ["audit_event", "manifest_version", "decision"]
    static let statements = [
        "UPDATE muster.TABLE SET seq = seq", "DELETE FROM muster.TABLE WHERE true", "TRUNCATE muster.TABLE CASCADE",
    ]

    @Test("what is written stays, also for a superuser who has switched triggers off", arguments: kept, statements)
    func immutable(table: String, statement: String) async throws {
        try await withCluster { cluster in
            _ = try await cluster.store.write(as: operatorPrincipal) { try await $0.apply(try regionDocument()) }
            let epoch = try await cluster.elect()
            _ = try await cluster.lead(epoch) { try await $0.commit([commit(decision())], summary: [:], at: time(0)) }
            let text = statement.split(separator: "TABLE").joined(separator: table)
            let count = try await cluster.sql("SELECT count(*) FROM muster.\(table)")
            try #require(count != "0")
            for setting in ["SET session_replication_role = origin", "SET session_replication_role = replica"] {
                _ = try await cluster.session.query(setting)
                let state = try await sqlState { _ = try await cluster.session.query(text) }
                #expect(state == "HA002", "\(setting); \(text)")
            }
            #expect(try await cluster.sql("SELECT count(*) FROM muster.\(table)") == count)
            #expect(try await cluster.verdict().state == .verified)
        }
    }
}
