import Foundation
import Logging
import Model
import Postgres
import PostgresTesting
import Readings
import Synchronization
import Testing

let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
/// For all sources of this process's tests.
let reactor = Reactor(name: "readings-test")
let asOf = WallTime(microseconds: 1_780_000_000_000_000)

struct SQLSubject: SourceSubject {
    let server: TestServer
    let source: SQLSource
    static let secret = "canary-5d1e"

    init() async throws {
        self.server = try await TestServer.start()
        // The role needs no password here, but the source must keep it to itself all the same.
        let configuration = ConnectionConfiguration(self.server.conninfo(), password: Self.secret)
        self.source = SQLSource(name: "jobs", configuration: configuration, reactor: reactor, logger: silent)
    }

    func query(_ arrangement: Arrangement) -> SQLQuery {
        let text =
            switch arrangement {
            case .number: "select 42"
            case .negativeZero: "select '-0'::float8"
            case .enormous: "select 1e21::float8"
            case .absent: "select 1 where false"
            case .null: "select avg(x) from (select 1::int where false) t(x)"
            case .notANumber: "select 'NaN'::numeric"
            case .infinite: "select '-Infinity'::float8"
            case .text: "select 'many'::text"
            case .twoAnswers: "select * from (values (1), (2)) t"
            case .broken: "select missing from nowhere"
            case .never: "select 1 from pg_sleep(60)"
            }
        return parsed(text)
    }
    var perWorkload: SQLQuery {
        parsed("select (regexp_split_to_array(:service, '-'))[2]::int / case when :service = 'bad' then 0 else 1 end")
    }
    func stop() async throws { try await self.server.stop() }
    func start() async throws { try await self.server.start() }
    func pause() async throws { try await self.server.pause() }
    func resume() async throws { try await self.server.resume() }
    var canary: (secret: String, query: SQLQuery)? { (Self.secret, parsed("select '\(Self.secret)'::int")) }
    func tearDown() async { try? await self.server.stop() }
}

/// Statements of tests are right unless the test is about them.
func parsed(_ text: String) -> SQLQuery {
    do { return try SQLQuery(parsing: text) } catch { preconditionFailure("\(text): \(error)") }
}

@Suite("SQL source", .timeLimit(.minutes(3)))
struct SQLSourceTests {
    private let patience: Duration = .seconds(20)

    @Test("the SQL source conforms, against a real server that is paused, stopped and restarted")
    func conformance() async throws {
        try await SourceConformance.run(try await SQLSubject())
    }

    private func withSource<R>(
        user: String = "postgres", password: String? = nil, _ body: (SQLSource) async throws -> R
    ) async throws -> R {
        let configuration = ConnectionConfiguration(
            try await TestServer.shared.conninfo(user: user), password: password)
        let source = SQLSource(name: "jobs", configuration: configuration, reactor: reactor, logger: silent)
        do {
            let result = try await body(source)
            await source.close()
            return result
        } catch {
            await source.close()
            throw error
        }
    }

    private func read(_ source: SQLSource, _ text: String, _ workloads: [String]) async throws -> [ReadingAnswer] {
        let requests = try workloads.map { ReadingRequest(workload: try #require(WorkloadID($0)), query: parsed(text)) }
        return await source.read(requests, asOf: asOf, deadline: self.patience)
    }

    private func value(_ number: Int) -> ReadingAnswer { .value(Sample(value: Quantity(number), at: asOf)) }

    private let table = """
        (values ('a', 'eu', 3), ('a', 'us', 4), ('b', 'eu', 5)) t(service, region, n)
        """

    @Test("keyed by both columns, by one, and bound to one workload agree")
    func forms() async throws {
        try await self.withSource { (source: SQLSource) async throws in
            let workloads = ["a/eu", "a/us", "b/eu"]
            let expected = [3, 4, 5].map(self.value)
            for text in [
                "select service, region, n as value, 9 as other from \(self.table)",
                "select n, region, service from \(self.table)",
                "select region, sum(n) from \(self.table) where service = :service group by region",
                "select service, sum(n) from \(self.table) where region = :region group by service",
                "select n from \(self.table) where service = :service and region = :region",
            ] {
                #expect(try await self.read(source, text, workloads) == expected, "\(text)")
            }
            #expect(
                try await self.read(
                    source, "select region, sum(n) from \(self.table) group by region", ["a/eu", "b/eu", "x/us"])
                    == [8, 8, 4].map(self.value))
            #expect(
                try await self.read(source, "select count(*) from \(self.table)", workloads)
                    == [3, 3, 3].map(self.value))
        }
    }

    @Test("a workload without a row is absent, rows of others are ignored, two rows are ambiguous")
    func rows() async throws {
        try await self.withSource { (source: SQLSource) async throws in
            let text =
                "select service, region, n as value from \(self.table) union all values ('a', 'us', 9), (null, 'eu', 1)"
            let answers = try await self.read(source, text, ["a/eu", "a/us", "c/eu"])
            #expect(answers[0] == self.value(3))
            guard case .missing(.ambiguous, let plural) = answers[1], case .missing(.absent, let absent) = answers[2]
            else {
                Issue.record("\(answers)")
                return
            }
            #expect(plural.contains("2 rows for service “a”, region “us”"))
            #expect(absent.contains("none for service “c”, region “eu”"))
        }
    }

    @Test("sampled_at is the sample's time, whatever the session's time zone")
    func sampleTime() async throws {
        try await self.withSource { (source: SQLSource) async throws in
            let text = "select 7 as value, timestamptz '2026-05-28 03:12:04.5+02' as sampled_at"
            let at = try #require(WallTime(rfc3339: "2026-05-28T01:12:04.5Z"))
            #expect(try await self.read(source, text, ["a/eu"]) == [.value(Sample(value: Quantity(7), at: at))])
            #expect(
                try await self.read(source, "select 7 as value, null::timestamptz as sampled_at", ["a/eu"]) == [
                    self.value(7)
                ])
            guard
                case .missing(.unparsable, _) = try await self.read(
                    source, "select 7 as value, 'infinity'::timestamptz as sampled_at", ["a/eu"])[0]
            else {
                Issue.record("infinity is a time")
                return
            }
        }
    }

    @Test(
        "what is no number is refused with what to write instead, in readings and by the check alike",
        arguments: [
            ("select interval '5 minutes'", MissingReason.unparsable, "extract(epoch"),
            ("select true", .unparsable, "::int"),
            ("select 'x'::text", .unparsable, "::numeric"), ("select now()", .unparsable, "extract(epoch"),
            ("select '[]'::json", .unparsable, "::numeric"),
            ("select 1, 2", .ambiguous, "value"), ("select 'a' as service", .absent, "value"),
            ("select 1 as value, 2 as value", .ambiguous, "value"),
            ("select 1 as value, now()::timestamp as sampled_at", .unparsable, "timestamptz"),
        ])
    func types(text: String, reason: MissingReason, advice: String) async throws {
        try await self.withSource { (source: SQLSource) async throws in
            guard case .missing(let found, let evidence) = try await self.read(source, text, ["a/eu"])[0] else {
                Issue.record("a value")
                return
            }
            #expect(found == reason)
            #expect(evidence.contains(advice), "\(evidence)")
            let findings = await source.check(parsed(text), deadline: self.patience)
            #expect(
                findings.contains { $0.severity == .error && $0.code == "sql.columns" && $0.message.contains(advice) },
                "\(findings)")
        }
    }

    @Test("the check finds what the database refuses, names compared with numbers, and a superuser")
    func check() async throws {
        try await self.withSource { (source: SQLSource) async throws in
            func codes(_ text: String) async -> [String] {
                await source.check(parsed(text), deadline: self.patience).map(\.code)
            }
            #expect(await codes("select n from nowhere") == ["sql.statement"])
            #expect(await codes("select 1 where 1 = :service") == ["sql.parameter", "sql.superuser"])
            #expect(await codes("select count(*) from pg_class where relname = :service") == ["sql.superuser"])
        }
        let gone = SQLSource(
            name: "jobs", configuration: ConnectionConfiguration("host=127.0.0.1 port=1 user=postgres"),
            reactor: reactor, logger: silent)
        let findings = await gone.check(parsed("select 1"), deadline: self.patience)
        #expect(findings.map(\.code) == ["sql.unchecked"] && findings.map(\.severity) == [.warning])
        await gone.close()
    }

    @Test("a statement that writes changes nothing and is refused, however it tries")
    func writes() async throws {
        let database = try await TestServer.shared.makeDatabase()
        let session = try await Postgres.Connection.connect(ConnectionConfiguration(database), on: reactor)
        _ = try await session.simple("create sequence numbers; create table jobs (n int); insert into jobs values (1)")
        let source = SQLSource(
            name: "jobs", configuration: ConnectionConfiguration(database), reactor: reactor, logger: silent)
        for text in [
            "with gone as (delete from jobs returning 1) select count(*) from gone",
            "select set_config('transaction_read_only', 'off', false)", "select nextval('numbers')",
        ] {
            guard case .missing = try await self.read(source, text, ["a/eu"])[0] else {
                Issue.record("\(text) has a value")
                continue
            }
        }
        guard
            case .missing(.refused, let words) = try await self.read(
                source, "with g as (delete from jobs returning 1) select count(*) from g", ["a/eu"])[0]
        else {
            Issue.record("not refused")
            return
        }
        #expect(words.contains("25006") && words.contains("writes"))
        // What this version of the server does not refuse is rolled back.
        _ = try await self.read(source, "select lo_create(0)::int8", ["a/eu"])
        #expect(try await session.query("select count(*) from pg_largeobject_metadata")[0][0].int() == 0)
        // What a statement sets for the session is gone with its transaction, also on the session that it used.
        #expect(
            try await self.read(
                source, "select length(set_config('default_transaction_read_only', 'off', false))", ["a/eu"]) == [
                    self.value(3)
                ])
        for _ in 1...SQLSource.maximumSessions {
            #expect(
                try await self.read(source, "select length(current_setting('default_transaction_read_only'))", ["a/eu"])
                    == [self.value(2)])
        }
        #expect(try await session.query("select count(*) from jobs")[0][0].int() == 1)
        await source.close()
        await session.close()
    }

    @Test("one statement serves all workloads that share it, and is run once")
    func sharing() async throws {
        let database = try await TestServer.shared.makeDatabase()
        let session = try await Postgres.Connection.connect(ConnectionConfiguration(database), on: reactor)
        let source = SQLSource(
            name: "jobs", configuration: ConnectionConfiguration(database), reactor: reactor, logger: silent)
        // Runs of one statement in one round see the same instant only when they are one run.
        let text = "select extract(epoch from clock_timestamp())::numeric(20,3)"
        let answers = try await self.read(source, text, (0..<200).map { "s\($0)/eu" })
        #expect(Set(answers).count == 1)
        let perRegion = try await self.read(
            source, "select extract(epoch from clock_timestamp())::numeric(20,3) + 0 * length(:region)",
            ["a/eu", "b/eu", "c/us"])
        #expect(perRegion[0] == perRegion[1])
        await source.close()
        await session.close()
    }

    @Test("a workload whose run is too slow costs the others of its statement nothing")
    func slowRun() async throws {
        try await self.withSource { (source: SQLSource) async throws in
            let text = "select case when :service = 'slow' then (select 1 from pg_sleep(60)) else 5 end"
            let workloads = (0..<30).map { $0 == 3 ? "slow/eu" : "s\($0)/eu" }
            let requests = try workloads.map {
                ReadingRequest(workload: try #require(WorkloadID($0)), query: parsed(text))
            }
            let answers = await source.read(requests, asOf: asOf, deadline: .seconds(8))
            for (index, answer) in answers.enumerated() {
                if index == 3 {
                    guard case .missing(.timeout, _) = answer else {
                        Issue.record("\(answer)")
                        continue
                    }
                } else {
                    #expect(answer == self.value(5))
                }
            }
        }
    }

    @Test("statements that never end cost the others nothing once they are known")
    func slowStatements() async throws {
        try await self.withSource { (source: SQLSource) async throws in
            let texts = [
                "select 1 from pg_sleep(60)", "select 2 from pg_sleep(61)", "select 3 from pg_sleep(62)", "select 5",
            ]
            let workload = WorkloadID(service: "a", region: "eu")
            let requests = texts.map { ReadingRequest(workload: workload, query: parsed($0)) }
            _ = await source.read(Array(requests.prefix(2)), asOf: asOf, deadline: .milliseconds(600))
            _ = await source.read(Array(requests[2...2]), asOf: asOf, deadline: .milliseconds(600))
            let answers = await source.read(requests, asOf: asOf, deadline: .seconds(4))
            #expect(answers[3] == self.value(5))
            for answer in answers.prefix(3) {
                guard case .missing(.timeout, let words) = answer else {
                    Issue.record("\(answer)")
                    continue
                }
                #expect(!words.isEmpty)
            }
        }
    }

    @Test("a statement that never ends holds up no round that begins while it runs", arguments: [false, true])
    func otherRounds(isKnown: Bool) async throws {
        try await self.withSource { (source: SQLSource) async throws in
            let workload = WorkloadID(service: "a", region: "eu")
            let hanging = "select 1 from pg_sleep(\(isKnown ? 3601 : 3602))"
            let never = ReadingRequest(workload: workload, query: parsed(hanging))
            if isKnown { _ = await source.read([never], asOf: asOf, deadline: .milliseconds(600)) }
            async let hung = source.read([never], asOf: asOf, deadline: self.patience * 6)
            let running = "select count(*) from pg_stat_activity where state = 'active' and query = '\(hanging)'"
            while try await !TestServer.shared.execute(running).hasPrefix("1") {}
            for number in 1...20 {
                let answer = try await self.read(source, "select \(number)", ["b/eu"])
                #expect(answer == [self.value(number)])
            }
            await source.close()
            guard case .missing = await hung[0] else {
                Issue.record("what never ends has a value")
                return
            }
        }
    }

    @Test("each answer is handed on as soon as it is there, once")
    func delivery() async throws {
        try await self.withSource { (source: SQLSource) async throws in
            let texts = ["select 1 from pg_sleep(3600)", "select 5", "select 6"]
            let requests = texts.map { ReadingRequest(workload: WorkloadID(service: "a", region: "eu"), query: parsed($0)) }
            let delivered = Delivered()
            async let all = source.read(requests, asOf: asOf, deadline: self.patience) { delivered.add($0) }
            await delivered.wait(for: [1, 2])
            // Ends the statement that never would.
            await source.close()
            let answers = await all
            #expect(answers.count == 3 && answers.suffix(2) == [self.value(5), self.value(6)])
            #expect(delivered.all.map(\.position).sorted() == [0, 1, 2] && delivered.all.last?.position == 0)
            for (position, answer) in delivered.all { #expect(answers[position] == answer) }
        }
    }

    @Test("a wrong password is unauthorized, says where to look, and appears nowhere")
    func wrongPassword() async throws {
        let wrong = "wrong-canary-9e"
        try await self.withSource(user: TestServer.passwordRole, password: wrong) { (source: SQLSource) async throws in
            guard case .missing(.unauthorized, let words) = try await self.read(source, "select 1", ["a/eu"])[0] else {
                Issue.record("not unauthorized")
                return
            }
            #expect(words.contains("password") && !words.contains(wrong))
        }
        try await self.withSource(user: TestServer.passwordRole, password: TestServer.password) {
            (source: SQLSource) async throws in
            #expect(try await self.read(source, "select 1", ["a/eu"]) == [self.value(1)])
            guard
                case .missing(.unauthorized, let words) = try await self.read(
                    source, "select count(*) from pg_authid", ["a/eu"])[0]
            else {
                Issue.record("the right is missing")
                return
            }
            #expect(words.contains("SELECT"))
        }
    }

    @Test("a server that lets nobody in is not asked again for every statement of a round")
    func fewAttempts() async throws {
        let server = try await TestServer.start()
        let configuration = ConnectionConfiguration(server.conninfo(user: TestServer.passwordRole), password: "wrong")
        let source = SQLSource(name: "jobs", configuration: configuration, reactor: reactor, logger: silent)
        let answers = try await self.read(source, "select length(:service)", (0..<300).map { "s\($0)/eu" })
        for answer in answers {
            guard case .missing(.unauthorized, _) = answer else {
                Issue.record("\(answer)")
                return
            }
        }
        let attempts = try await server.log().split(separator: "\n")
            .count { $0.contains("password authentication failed for user") }
        #expect((1...SQLSource.maximumSessions).contains(attempts))
        await source.close()
        try await server.stop()
    }

    @Test("a server that allows one session only gives all answers on that one")
    func oneSession() async throws {
        _ = try await TestServer.shared.execute("create role one_session login connection limit 1")
        try await self.withSource(user: "one_session") { (source: SQLSource) async throws in
            let workloads = (0..<200).map { "s\($0)/eu" }
            let answers = try await self.read(source, "select length(:service)", workloads)
            let expected = workloads.map { self.value($0.count - "/eu".count) }
            #expect(zip(answers, expected).count { $0 != $1 } == 0)
        }
    }

    @Test("a server whose only session is taken for a moment gives all answers when it is free")
    func oneSessionTaken() async throws {
        let server = try await TestServer.start()
        _ = try await server.execute("create role one_session login connection limit 1")
        let configuration = ConnectionConfiguration(server.conninfo(user: "one_session"), connectTimeout: TestServer.patience)
        let taken = try await Connection.connect(configuration, on: reactor)
        let source = SQLSource(name: "jobs", configuration: configuration, reactor: reactor, logger: silent)
        let reading = Task { try await self.read(source, "select length(:service)", (0..<60).map { "s\($0)/eu" }) }
        // Both of the source's sessions, and one of them once more.
        while try await server.log().split(separator: "\n").count(where: { $0.contains("too many connections for role") }) < 3 {
            try await Task.sleep(for: .milliseconds(5))
        }
        await taken.close()
        let answers = try await reading.value
        #expect(answers == (0..<60).map { self.value("s\($0)".count) })
        await source.close()
        try await server.stop()
    }

    @Test("an answer that is far too large is refused")
    func tooLarge() async throws {
        try await self.withSource { (source: SQLSource) async throws in
            guard
                case .missing(.refused, let words) = try await self.read(
                    source, "select 1 as value, repeat('x', 20000000) as other", ["a/eu"])[0],
                case .missing(.refused, let rows) = try await self.read(
                    source, "select * from generate_series(1, 200000)", ["a/eu"])[0]
            else {
                Issue.record("not refused")
                return
            }
            #expect(!words.isEmpty && rows.contains("200000 rows"))
        }
    }

    @Test("a name cannot end the statement that it is bound to")
    func injection() async throws {
        try await self.withSource { (source: SQLSource) async throws in
            let hostile = WorkloadID(service: "x'; drop table jobs; --", region: "eu")
            let request = ReadingRequest(workload: hostile, query: parsed("select length(:service)"))
            #expect(
                await source.read([request], asOf: asOf, deadline: self.patience) == [self.value(hostile.service.count)]
            )
        }
    }
}

/// What a source has handed on.
private final class Delivered: Sendable {
    private let answers = Mutex<[(position: Int, answer: ReadingAnswer)]>([])
    private let news = AsyncStream<Int>.makeStream()

    var all: [(position: Int, answer: ReadingAnswer)] { self.answers.withLock { $0 } }

    func add(_ part: [(position: Int, answer: ReadingAnswer)]) {
        self.answers.withLock { $0 += part }
        for item in part { self.news.continuation.yield(item.position) }
    }

    func wait(for positions: Set<Int>) async {
        var rest = positions
        for await position in self.news.stream {
            rest.remove(position)
            if rest.isEmpty { return }
        }
    }
}
