import Eventually
import Model
import Testing

extension WholeClusters.Leaders {
    /// A workload whose source or observe program misbehaves. Its load would have it go down, and it must not.
    struct Fault: Sendable {
        var name: String
        var options = Platform.Options()
        /// A reason that every evaluation gives.
        var reason: String
        /// What `explain` has to say, in the source's or program's own words where it has any.
        var says: String

        static func sql(_ name: String, _ sql: String, says: String) -> Fault {
            Fault(name: "fault-\(name)", options: .init(connection: "faulty", sql: sql), reason: "missing(load)", says: says)
        }
        static func observe(_ name: String, says: String) -> Fault {
            Fault(name: "fault-\(name)", options: .init(observe: name), reason: "unobserved", says: says)
        }
    }

    static let faults = [
        Fault.sql("no-row", "select 1 as load where false and :service <> ''", says: "the statement returned no row"),
        .sql("many-rows", "select n as load from generate_series(1, 3) n where :service <> ''", says: "the statement returned 3 rows"),
        .sql("null", "select null::numeric as load where :service <> ''", says: "is NULL"),
        .sql("nan", "select 'NaN'::numeric as load where :service <> ''", says: "is NaN"),
        .sql("text", "select 'plenty'::text as load where :service <> ''", says: "the column “load” is text: cast it"),
        .sql("never", "select 1 as load from pg_sleep(3600) where :service <> ''", says: "The statement is too slow for its deadline"),
        .sql("no-table", "select load from nowhere where service = :service", says: "nowhere"),
        .observe("observe-hangs", says: "did not answer in time"),
        .observe("observe-rubbish", says: "gave no count"),
        .observe("observe-fails", says: "exited with 1"),
    ]

    @Test("workloads whose source or programs misbehave hold, say why, and leave a healthy one its rhythm")
    func faults() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        try await platform.add("healthy", quiet: 10, busy: 40, period: 2)
        try await eventually("the healthy service moves", seen: { await platform.why("healthy") }) { try platform.effects(["healthy"]).count >= 2 }
        try await platform.connect("faulty")
        // It shares its connection with all statements that go wrong.
        try await platform.add("neighbour", quiet: 10, .init(connection: "faulty"))
        // Five run, and the load asks for one.
        for fault in Self.faults { try await platform.add(fault.name, replicas: 5, quiet: 10, fault.options) }

        for fault in Self.faults {
            try await eventually("\(fault.name) says what is wrong: \(fault.says)", within: .seconds(120), seen: { await platform.why(fault.name) }) {
                let ran = try await cluster.muster(["explain", "\(fault.name)/here", "--all"])
                return ran.status == 0 && ran.output.contains(fault.says)
            }
            let explained = try await cluster.json(["explain", "\(fault.name)/here"])
            let codes = (explained["reasons"]?.arrayValue ?? []).compactMap { $0["code"]?.stringValue }
            #expect(codes.contains(fault.reason), "\(fault.name): \(explained)")
            #expect(explained["kind"]?.stringValue == "held" && explained["acted"]?.boolValue == false, "\(fault.name): \(explained)")
        }
        let before = try platform.effects(["healthy"]).count
        try await eventually("the healthy service goes on", seen: { await platform.why("healthy") }) { try platform.effects(["healthy"]).count >= before + 4 }
        let directions = Set(try await cluster.sql("select kind from muster.decision where service = 'healthy' and acted").map { $0[0] })
        #expect(directions == ["up", "down"])
        try await platform.load("neighbour", quiet: 40)
        try await platform.reaches("neighbour", 4)
        try await platform.load("neighbour", quiet: 20)
        try await platform.reaches("neighbour", 2)
        for fault in Self.faults {
            #expect(platform.replicas(fault.name) == 5, "\(fault.name)")
            let moved = try await cluster.number("select count(*) from muster.decision where service = '\(fault.name)' and (acted or kind <> 'held')")
            #expect(moved == 0, "\(fault.name) was scaled in ignorance")
        }
        try await self.expectShown()
        // What never answers would keep the sources busy during the tests that follow.
        for fault in Self.faults { try await cluster.apply(Platform.manifests(fault.name, .init(mode: "off"))) }
        try await platform.load("healthy", quiet: 10)
        try await platform.reaches("healthy", 1)
        try await cluster.expectVerified()
    }

    @Test(
        "a scale program that says it did it and did not, or that fails: the change ends as failed, says why, and is shown",
        arguments: [
            ("scale-lies", "still shows 5 replicas at the deadline"), ("scale-fails", "exited with 1"),
        ])
    func scaling(program: String, says: String) async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        try await platform.add(program, replicas: 5, quiet: 10, .init(scale: program, verifyWithin: "2s"))
        let action = try await eventually("a change of \(program) fails", within: .seconds(120), seen: { await platform.why(program) }) {
            try await cluster.items(["get", "actions", "--workload", "\(program)/here"]).first { $0["state"]?.stringValue == "failed" }
        }
        #expect(action["from"]?.intValue == 5 && action["to"]?.intValue == 1)
        #expect(action["states"]?.text.contains(says) == true, "\(action)")
        #expect(action["outcome"]?["text"]?.stringValue?.isEmpty == false, "\(action)")
        try await eventually("status shows the failed change") {
            let attention = try await cluster.json(["status"])["attention"]?.arrayValue ?? []
            return attention.contains { $0["title"]?.stringValue == "The change of \(program)/here from 5 to 1 failed" }
        }
        #expect(platform.replicas(program) == 5)
        try await cluster.apply(Platform.manifests(program, .init(scale: program, mode: "off")))
        try await cluster.settled([program])
    }

    /// What keeps an evaluation waiting until its time is up.
    enum Hang: String, CaseIterable, Sendable {
        /// One statement on the connection that all share.
        case statement
        /// More observe programs than a node runs at once.
        case programs
    }

    @Test("what never answers delays its own workload and no other", arguments: Hang.allCases)
    func rhythm(of hang: Hang) async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        let healthy = "beside-\(hang)"
        let hanging = (1...(hang == .statement ? 1 : 6)).map { "hang-\(hang)-\($0)" }
        let options =
            hang == .statement
            ? Platform.Options(sql: "select 1 as load from pg_sleep(3600) where :service <> ''") : Platform.Options(observe: "observe-hangs")
        try await platform.add(healthy, quiet: 10)
        for service in hanging { try await platform.add(service, replicas: 5, quiet: 10, options) }
        // Each is due every second. Counted against each other, so that a machine that is slow is slow for both.
        var evaluations: [String: Set<String>] = [:]
        try await eventually("\(hanging[0]) is evaluated again and again", every: .milliseconds(50), seen: { "\(evaluations)\n\(cluster.logTails())" }) {
            // Of the healthy one only what could see: the size and the load.
            let rows = try await cluster.sql(
                """
                select service, evaluated_at from muster.workload where service = '\(hanging[0])'
                    or service = '\(healthy)' and observed_at is not null and evaluation like '%"quality":"fresh"%'
                """)
            for row in rows {
                evaluations[row[0], default: []].insert(row[1])
            }
            return evaluations[hanging[0], default: []].count > 2
        }
        let (own, others) = (evaluations[hanging[0], default: []].count, evaluations[healthy, default: []].count)
        #expect(others > own, "\(healthy) was evaluated \(others) times while what hangs was evaluated \(own) times")
        for service in hanging { try await cluster.apply(Platform.manifests(service, .init(mode: "off"))) }
        for service in hanging { #expect(platform.replicas(service) == 5) }
    }

    /// People see what is missing without asking for each workload.
    private func expectShown() async throws {
        let status = try await (try TestCluster.current).json(["status"])
        let titles = (status["attention"]?.arrayValue ?? []).compactMap { $0["title"]?.stringValue }
        #expect(titles.contains { $0.contains("load is missing") && $0.contains("fault-null/here") }, "\(titles)")
        #expect((status["readings"]?["missing"]?.intValue ?? 0) >= 7, "\(status)")
    }
}
