import Manifests
import Model
import Postgres
import Store
import Testing

@Suite("Manifests in the database")
struct ManifestTests {
    static let reference = Manifest.Reference(kind: .region, name: "eu-west")

    private static func apply(_ cluster: TestCluster, _ documents: [ParsedManifest], expected: [Manifest.Reference: Int] = [:]) async throws
        -> [AppliedManifest]
    {
        try await cluster.store.write(as: operatorPrincipal) { try await $0.apply(documents, expected: expected) }
    }

    @Test("the configuration gets its new version when the change is in force, and not before")
    func versionIsSeenWithTheChange() async throws {
        try await withCluster { cluster in
            // The commit waits at its very end, everything has been said by then.
            try await cluster.sql(
                "CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NULL; END'")
            try await cluster.sql(
                "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON muster.manifest_version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.wait()"
            )
            let version = try await cluster.store.configurationVersion()
            let holder = try await cluster.connect()
            _ = try await holder.query("SELECT pg_advisory_lock(77)")
            async let applied = Self.apply(cluster, try regionDocument())
            // One that waits for it comes after the other.
            let waiting = """
                SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND objid = 77 AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                """
            while try await holder.query(waiting).isEmpty { await Task.yield() }
            #expect(try await cluster.store.configurationVersion() == version)
            #expect(try await cluster.store.configuration().manifests.isEmpty)
            await holder.close()
            #expect(try await applied.count == 1)
            let configuration = try await cluster.store.configuration()
            #expect(configuration.version != version && configuration.manifests.count == 1)
        }
    }

    @Test("the same meaning applied twice is one version, and no event")
    func same() async throws {
        try await withCluster { cluster in
            let version = try await cluster.store.configurationVersion()
            let first = try await Self.apply(cluster, try regionDocument())
            #expect(first.map(\.changed) == [true] && first[0].version == 1 && first[0].before == nil && first[0].seq == 2)
            let moved = try await cluster.store.configurationVersion()
            #expect(moved != version)
            let head = try await cluster.store.treeHead()
            let again = try await Self.apply(cluster, try parse("# the same\nname: eu-west\nmaxReplicas: 200\nkind: Region\n"))
            #expect(again.map(\.changed) == [false] && again[0].version == 1 && again[0].seq == nil)
            #expect(try await cluster.store.treeHead() == head)
            #expect(try await cluster.store.configurationVersion() == moved, "nobody reloads for nothing")
            #expect(try await cluster.store.versions(Self.reference).count == 1)
        }
    }

    @Test("every version stays readable, byte for byte what was hashed, with who applied it")
    func versions() async throws {
        try await withCluster { cluster in
            let document = try regionDocument()
            _ = try await Self.apply(cluster, document)
            _ = try await Self.apply(cluster, try regionDocument(max: 300))
            let current = try #require(try await cluster.store.manifest(Self.reference))
            #expect(current.version == 2 && current.manifest == .region(Region(name: "eu-west", maxReplicas: 300)) && current.actor == "operator-1")
            let old = try #require(try await cluster.store.manifest(Self.reference, version: 1))
            #expect(old.sha256 == document[0].sha256 && old.canonical?.text == document[0].text)
            #expect(try await cluster.store.versions(Self.reference).map(\.version) == [2, 1])
            #expect(try await cluster.store.manifest(Self.reference, version: 3) == nil)
            #expect(try await cluster.store.manifests(kind: .policy).isEmpty)
            let event = try #require(try await cluster.store.event(seq: current.seq))
            #expect(event.type == "region.updated" && event.actorID == "operator-1" && event.subjectID == "eu-west")
        }
    }

    @Test("a version that is not the expected one refuses all documents", arguments: [0, 2])
    func conflict(expected: Int) async throws {
        try await withCluster { cluster in
            _ = try await Self.apply(cluster, try regionDocument(), expected: [Self.reference: 0])
            do {
                _ = try await Self.apply(
                    cluster, try regionDocument("eu-central") + regionDocument(max: 9), expected: [Self.reference: expected])
                Issue.record("it was applied")
            } catch StoreConflict.version(let wanted, let current) {
                #expect(wanted == expected && current?.version == 1)
            }
            #expect(try await cluster.store.manifests().map(\.reference) == [Self.reference])
            #expect(try await Self.apply(cluster, try regionDocument(max: 9), expected: [Self.reference: 1])[0].version == 2)
        }
    }

    @Test("what was deleted keeps its versions, and comes back as the next one")
    func deletion() async throws {
        try await withCluster { cluster in
            _ = try await Self.apply(cluster, try regionDocument())
            let store = cluster.store
            let refusal14 = await thrown(StoreConflict.self) {
                _ = try await store.write(as: operatorPrincipal) { try await $0.delete(Self.reference, expected: 5) }
            }
            #expect(refusal14 != nil)
            let answer15 = try await store.write(as: operatorPrincipal) { try await $0.delete(Self.reference, expected: 1) }
            let gone = try #require(answer15)
            #expect(gone.version == 2 && gone.after == .null)
            #expect(try await store.manifest(Self.reference) == nil)
            #expect(try await store.manifests().isEmpty)
            #expect(try await store.manifest(Self.reference, version: 2)?.manifest == nil)
            let answer16 = try await store.write(as: operatorPrincipal) { try await $0.delete(Self.reference) }
            #expect(answer16 == nil)
            let back = try await Self.apply(cluster, try regionDocument(), expected: [Self.reference: 0])
            #expect(back[0].version == 3 && back[0].changed && back[0].before == nil)
            #expect(try await cluster.events().map(\.type).suffix(3) == ["region.created", "region.deleted", "region.created"])
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("what others refer to comes first, in the answer and in the log")
    func order() async throws {
        try await withCluster { cluster in
            let applied = try await Self.apply(
                cluster,
                try parse(
                    "kind: Budget\nname: fleet\nselector: { regions: [\"*\"] }\nmaxReplicas: 9\n---\nkind: Service\nname: search\nworkloads: { eu-west: { driver: manual } }\n---\nkind: Region\nname: eu-west\n"
                ))
            #expect(applied.map(\.reference.kind) == [.region, .service, .budget])
            #expect(try await cluster.store.manifests().map(\.reference) == applied.map(\.reference))
        }
    }

    @Test("a manifest that a newer version wrote is reported as unreadable, by name")
    func unreadable() async throws {
        try await withCluster { cluster in
            try await cluster.sql(
                "INSERT INTO muster.manifest_version VALUES ('Region', 'moon', 1, '', '{\"kind\":\"Region\",\"name\":\"moon\",\"gravity\":1}', 'x', now(), 9)")
            do {
                _ = try await cluster.store.manifests()
                Issue.record("it was read")
            } catch let error as StoreError {
                #expect(error.description.contains("Region/moon"))
            }
        }
    }
}
