import Engine
import Model
import Postgres
import Store
import Testing

@Suite("Reading")
struct ReadTests {
    static let search = WorkloadID(service: "search", region: "us-east")

    /// Ten decisions, alternating between two workloads; the odd ones are suppressed.
    private static func fill(_ cluster: TestCluster) async throws {
        let epoch = try await cluster.elect()
        for index in 0..<10 {
            let odd = index % 2 == 1
            let made = decision(
                odd ? Self.search : transcode, kind: odd ? .down : .up, acted: !odd, to: odd ? 2 : 5 + index, at: time(index), policy: odd ? "night" : "queue")
            _ = try await cluster.lead(epoch) { try await $0.commit([commit(made)], summary: [:], at: time(index)) }
        }
    }

    @Test("decisions are found by everything they are listed by, newest first, page by page")
    func decisions() async throws {
        try await withCluster { cluster in
            try await Self.fill(cluster)
            func ids(_ filter: DecisionFilter) async throws -> [Int64] { try await cluster.store.decisions(filter).map(\.id) }
            let all = try await ids(DecisionFilter())
            #expect(all.count == 10 && all == all.sorted(by: >))
            #expect(try await ids(DecisionFilter(workload: transcode)).count == 5)
            #expect(try await ids(DecisionFilter(service: "search")).count == 5)
            #expect(try await ids(DecisionFilter(region: "us-east", policy: "queue")).isEmpty)
            #expect(try await ids(DecisionFilter(policy: "night", kind: .down)).count == 5)
            #expect(try await ids(DecisionFilter(kind: .held)).isEmpty)
            #expect(try await ids(DecisionFilter(since: time(3), until: time(6))) == Array(all[4...6]))
            var pages: [Int64] = []
            var before: Int64?
            repeat {
                let page = try await ids(DecisionFilter(before: before, limit: 3))
                pages += page
                before = page.count == 3 ? page.last : nil
            } while before != nil
            #expect(pages == all)
            #expect(try await ids(DecisionFilter(limit: 0)).count == 1)
            #expect(try await cluster.store.decision(id: 999) == nil)
        }
    }

    @Test("actions and events likewise")
    func actions() async throws {
        try await withCluster { cluster in
            try await Self.fill(cluster)
            let store = cluster.store
            let all = try await store.actions(ActionFilter()).map(\.id)
            #expect(all.count == 5 && all == all.sorted(by: >))
            #expect(try await store.actions(ActionFilter(workload: Self.search)).isEmpty)
            #expect(try await store.actions(ActionFilter(before: all[1], limit: 2)).map(\.id) == Array(all[2...3]))
            #expect(try await store.actions(ActionFilter(open: true)).map(\.id) == [all[0]])
            #expect(try await store.action(id: 999) == nil)

            let size = try await store.treeHead().size
            #expect(try await store.events(EventFilter(limit: 3)).map(\.seq) == [size - 1, size - 2, size - 3])
            #expect(try await store.events(EventFilter(from: 2, to: 4, ascending: true)).map(\.seq) == [2, 3, 4])
            #expect(try await store.events(EventFilter(type: "decision.suppressed", actor: "night@7")).count == 5)
            #expect(
                try await store.events(EventFilter(subject: "transcode/eu-west", severity: "notice")).map(\.type)
                    == Array(repeating: "decision.superseded", count: 4))
            #expect(try await store.event(seq: size) == nil)
            let at = try #require(try await store.event(seq: 0)).integratedAt
            #expect(try await store.events(EventFilter(since: at + .microseconds(1), ascending: true, limit: 1)).first?.seq ?? 0 > 0)
            #expect(try await store.events(EventFilter(until: at)).isEmpty)
        }
    }

    /// What a newer version may have left, and the name by which it is reported.
    static let strange = [
        ("UPDATE muster.workload SET evaluation = replace(evaluation, 'rule(queue)', 'quantum(queue)')", "transcode/eu-west"),
        ("UPDATE muster.workload SET evaluation = '{'", "transcode/eu-west"),
        ("UPDATE muster.action SET history = '[{\"state\":\"teleported\",\"at\":\"2026-05-28T12:00:00.000Z\"}]'", "a-1"),
        ("UPDATE muster.action SET need_ready = 'most'", "a-1"),
        ("ALTER TABLE muster.action DROP CONSTRAINT action_state_check; UPDATE muster.action SET state = 'teleported'", "a-1"),
    ]

    @Test("what a newer version wrote is reported as unreadable, with its name", arguments: strange)
    func unreadable(statement: String, name: String) async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            _ = try await cluster.lead(epoch) { try await $0.commit([commit(decision())], summary: [:], at: time(0)) }
            _ = try await cluster.session.simple(statement)
            do {
                _ = try await cluster.store.workloads()
                _ = try await cluster.store.actions(ActionFilter())
                Issue.record("it was read")
            } catch let error as StoreError {
                #expect(error.description.contains(name) && error.description.contains("newer version"), "\(error)")
            }
        }
    }

    @Test("a decision with a reason that this version does not know is unreadable, not a crash")
    func unreadableDecision() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            let body = decision().json.text.replacing("rule(queue)", with: "quantum(queue)")
            _ = try await cluster.session.query(
                """
                INSERT INTO muster.decision VALUES (77, gen_random_uuid(), 'main', $1, $1, 'z', now(), 9, 'transcode', 'eu-west', 'queue', 7, 'up', 4, 8, true, '', $2)
                """, [.int(epoch), .text(body)])
            for read in [
                { _ = try await cluster.store.decision(id: 77) }, { _ = try await cluster.store.decisions(DecisionFilter()) },
            ] as [@Sendable () async throws -> Void] {
                do {
                    try await read()
                    Issue.record("it was read")
                } catch StoreError.unreadable(let what, _) {
                    #expect(what == "decision d-77")
                }
            }
        }
    }

    @Test("what a leader leaves has a version: the same while nothing is committed, another one with every page, event and change of what people say")
    func inheritanceVersion() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            let epoch = try await cluster.elect()
            #expect(try await store.inheritanceVersion() == nil, "nothing has been remembered yet")
            _ = try await cluster.lead(epoch) { $0.remember([StoredPage(number: 0, bytes: [1])], of: 1) }
            var versions = [try await store.inheritanceVersion()]
            func isNew() async throws -> Bool {
                let version = try await store.inheritanceVersion()
                defer { versions.append(version) }
                return version != nil && !versions.contains(version)
            }
            #expect(try await isNew() == false)
            // A round in silence: the same page again, and not an event.
            _ = try await cluster.lead(epoch) { $0.remember([StoredPage(number: 0, bytes: [1])], of: 1) }
            #expect(try await isNew())
            _ = try await cluster.lead(epoch) { try await $0.commit([commit(decision())], summary: [:], at: time(0)) }
            #expect(try await isNew())
            _ = try await store.write(as: operatorPrincipal) { try await $0.setSwitch(enabled: false, reason: "test") }
            #expect(try await isNew())
            // As it is asked for by who is elected, whose session knows the names.
            try await cluster.session.transaction { transaction in
                _ = try await transaction.query("SELECT set_config('test.cluster', 'prod', true), set_config('test.shard', 'main', true)")
                let expression = Store.inheritanceVersion(cluster: "current_setting('test.cluster')", shard: "current_setting('test.shard')")
                let noted = try await transaction.query("SELECT \(expression)").first?[0].text
                #expect(noted == versions.last)
            }
            #expect(try await store.inheritance(maximumOpen: 1).version == versions.last)
            let (version, size) = try await store.inheritanceVersionAndSize()
            #expect(version == versions.last && size == 1)
        }
    }

    @Test("a new leader inherits what the last one remembered, what is under way and why")
    func inheritance() async throws {
        try await withCluster { cluster in
            let epoch = try await cluster.elect()
            func pages(_ numbers: Int...) -> [StoredPage] { numbers.map { StoredPage(number: $0, bytes: [UInt8](repeating: UInt8($0), count: 9000)) } }
            let committed = try await cluster.lead(epoch) { write in
                write.remember(pages(0, 1, 2), of: 3)
                return try await write.commit([commit(decision())], summary: [:], at: time(0))
            }
            // A changed page takes the place of the old one; those beyond the end go.
            let changed = StoredPage(number: 1, bytes: [1, 2, 0, 255])
            _ = try await cluster.lead(epoch) { $0.remember([changed], of: 2) }
            let left = try await cluster.store.inheritance(maximumOpen: 10)
            #expect(left.memory == [pages(0)[0], changed])
            let made = try #require(committed.first)
            #expect(left.open.map(\.id) == [made.action?.id] && left.sentences == [made.decision: decision().sentence])
            #expect(left.head.epoch == epoch)
            let configuration = try await cluster.store.configuration()
            #expect(left.configurationVersion == configuration.version)
            #expect(configuration.manifests.isEmpty && configuration.pauses.isEmpty && configuration.overrides.isEmpty)
            #expect(configuration.control.enabled == (try await cluster.store.switchState().enabled))
            // Nobody but the leader of that epoch replaces what is remembered.
            let state = try await sqlState { _ = try await cluster.store.write(as: .node("a")) { $0.remember([changed], of: 1) } }
            #expect(state == "HA001")
        }
    }

    @Test("a node is as old as its run, and present until it says good-bye")
    func nodes() async throws {
        try await withCluster { cluster in
            let store = cluster.store
            func node(_ incarnation: Int, version: String = "1.0.0") -> NodeRecord {
                NodeRecord(
                    name: "a", incarnation: "00000000-0000-7000-8000-00000000000\(incarnation)", region: "eu-west", address: "10.0.0.1:7711", version: version,
                    schema: 4, startedAt: time(0), seenAt: time(0), state: ["rtt": 380])
            }
            try await store.heartbeat(node(1))
            let first = try #require(try await store.nodes().first)
            #expect(first.incarnation == node(1).incarnation && first.leftAt == nil && first.state == ["rtt": 380])
            try await store.heartbeat(node(1, version: "1.0.1"))
            let second = try #require(try await store.nodes().first)
            #expect(second.startedAt == first.startedAt && second.seenAt >= first.seenAt && second.version == "1.0.1")
            try await store.leave(incarnation: node(2).incarnation, wait: .seconds(5))
            #expect(try await store.nodes().first?.leftAt == nil, "the good-bye of another run")
            try await store.leave(incarnation: node(1).incarnation, wait: .seconds(5))
            #expect(try await store.nodes().first?.leftAt != nil)
            try await store.heartbeat(node(2))
            let third = try #require(try await store.nodes().first)
            #expect(third.leftAt == nil && third.startedAt > first.startedAt)
        }
    }

    @Test("the leader is who the row says, and whether the lock is really held")
    func leader() async throws {
        try await withCluster { cluster in
            let none = try await cluster.store.leader()
            #expect(none.node == nil && none.epoch == 0 && !none.held && none.previous == nil)
            try await cluster.elect(node: "c")
            try await cluster.elect(node: "a")
            #expect(try await cluster.store.leader().held == false)
            _ = try await cluster.session.query("SELECT pg_advisory_lock($1)", [.int(TestCluster.lockKey)])
            let leader = try await cluster.store.leader()
            #expect(leader.node == "a" && leader.epoch == 2 && leader.held && leader.previous == "c" && !leader.resigned && leader.since != nil)
            #expect(try await cluster.store.head().epoch == 2)
        }
    }
}
