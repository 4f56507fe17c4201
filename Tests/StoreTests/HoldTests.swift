import Model
import Store
import Testing

@Suite("Switch, pauses and overrides")
struct HoldTests {
    @Test("a new cluster is disabled; setting what is set already is no event")
    func switching() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            #expect(try await store.switchState().enabled == false)
            #expect(try await store.switchState().at == nil)
            for (enabled, events) in [(true, 1), (true, 1), (false, 2)] {
                _ = try await store.write(as: operatorPrincipal) { try await $0.setSwitch(enabled: enabled, reason: "go") }
                let state = try await store.switchState()
                #expect(state.enabled == enabled && state.actor == "operator-1")
                #expect(try await cluster.events("switch.changed").count == events)
            }
        }
    }

    @Test("a pause counts until it is ended, once, or runs out")
    func pauses() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            let version = try await store.configurationVersion()
            let pause = try await store.write(as: operatorPrincipal) { write in
                try await write.createPause(scope: .workload(transcode), direction: .down, until: write.at + .seconds(60), reason: "sale")
            }
            #expect(try await store.configurationVersion() != version)
            #expect(try await store.pauses() == [pause])
            #expect(pause.owner == "operator-1" && pause.scope == .workload(transcode) && pause.direction == .down)
            let answer2 = try await store.write(as: operatorPrincipal) { try await $0.endPause(id: 999) }
            #expect(answer2 == nil)
            let answer3 = try await store.write(as: operatorPrincipal) { try await $0.endPause(id: pause.id) }
            #expect(answer3 == pause)
            #expect(try await store.pauses().isEmpty)
            let refusal4 = await thrown(StoreConflict.self) { _ = try await store.write(as: operatorPrincipal) { try await $0.endPause(id: pause.id) } }
            #expect(refusal4 != nil)
            let over = try await store.write(as: operatorPrincipal) { write in
                try await write.createPause(scope: .all, direction: .both, until: write.at + .seconds(60), reason: "sale")
            }
            try await cluster.sql("UPDATE muster.pause SET since = now() - interval '2 h', until = now() - interval '1 h' WHERE id = \(over.id)")
            #expect(try await store.pauses().isEmpty)
            let refusal5 = await thrown(StoreConflict.self) { _ = try await store.write(as: operatorPrincipal) { try await $0.endPause(id: over.id) } }
            #expect(refusal5 != nil)
            #expect(try await cluster.events().map(\.type).suffix(3) == ["pause.created", "pause.ended", "pause.created"])
            #expect(try await cluster.verdict().state == .verified)
        }
    }

    @Test("a newer override takes the older one's place; one that has run out is in nobody's way")
    func overrides() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            func set(_ replicas: Int) async throws -> Override {
                try await store.write(as: operatorPrincipal) { write in
                    try await write.setOverride(workload: transcode, replicas: replicas, until: write.at + .seconds(60), reason: "sale")
                }
            }
            _ = try await set(9)
            let newer = try await set(12)
            #expect(try await store.overrides() == [newer])
            #expect(try await cluster.sql("SELECT count(*) FROM muster.override") == "2")
            let answer6 = try await store.write(as: operatorPrincipal) { try await $0.endOverride(workload: transcode) }
            #expect(answer6 == newer)
            #expect(try await store.overrides().isEmpty)
            let answer7 = try await store.write(as: operatorPrincipal) { try await $0.endOverride(workload: transcode) }
            #expect(answer7 == nil)
            _ = try await set(3)
            try await cluster.sql("UPDATE muster.override SET since = now() - interval '2 h', until = now() - interval '1 h' WHERE ended_at IS NULL")
            #expect(try await store.overrides().isEmpty)
            let answer8 = try await store.write(as: operatorPrincipal) { try await $0.endOverride(workload: transcode) }
            #expect(answer8 == nil)
            let again = try await set(4)
            #expect(try await store.overrides() == [again])
            #expect(try await cluster.events("override.ended").count == 1)
        }
    }
}
