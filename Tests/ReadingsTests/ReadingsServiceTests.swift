import Foundation
import Model
import Postgres
import PostgresTesting
import Readings
import Testing

@Suite("Readings service", .timeLimit(.minutes(3)))
struct ReadingsServiceTests {
    private let patience: Duration = .seconds(20)
    private let workload = WorkloadID(service: "transcode", region: "eu-west")

    private func request(_ metric: String, _ connection: String, _ statement: String) -> MetricRequest {
        MetricRequest(
            workload: self.workload, metric: metric, source: .sql(connection: connection, statement: statement))
    }

    private func sound(_ name: String = "jobs") async throws -> Model.Connection {
        Model.Connection(name: name, postgres: try await TestServer.shared.conninfo())
    }

    private func withService<R>(_ connections: [Model.Connection], _ body: (ReadingsService) async throws -> R)
        async throws -> R
    {
        let service = ReadingsService(reactor: reactor, logger: silent)
        await service.update(connections: connections)
        do {
            let result = try await body(service)
            await service.close()
            return result
        } catch {
            await service.close()
            throw error
        }
    }

    private func missing(_ answer: ReadingAnswer?) -> (reason: MissingReason, words: String)? {
        if case .missing(let reason, let words) = answer { (reason, words) } else { nil }
    }

    @Test("a round's questions are answered by workload and metric, each failure for itself")
    func round() async throws {
        try await self.withService([try await self.sound(), try await self.sound("second")]) {
            (service: ReadingsService) async throws in
            let answers = await service.read(
                [
                    self.request("queue", "jobs", "select 180"), self.request("cpu", "second", "select 70.5"),
                    self.request("broken", "jobs", "select nothing"), self.request("unparsed", "jobs", "select 'x"),
                    self.request("elsewhere", "unknown", "select 1"),
                ], asOf: asOf, deadline: self.patience)
            let own = try #require(answers[self.workload])
            #expect(own["queue"] == .value(Sample(value: Quantity(180), at: asOf)))
            #expect(own["cpu"] == .value(Sample(value: Quantity(milli: 70_500), at: asOf)))
            #expect(self.missing(own["broken"])?.reason == .refused)
            #expect(self.missing(own["unparsed"])?.words.contains("does not end") == true)
            #expect(self.missing(own["elsewhere"])?.reason == .misconfigured)
            #expect(own.count == 5 && answers.count == 1)
        }
    }

    @Test("a frozen database costs the others nothing, is left alone after five failures, and says so")
    func frozen() async throws {
        let server = try await TestServer.start()
        try await server.pause()
        let frozen = Model.Connection(name: "frozen", postgres: server.conninfo())
        try await self.withService([try await self.sound(), frozen]) { (service: ReadingsService) async throws in
            // Connected to before anything is measured against a deadline, however busy the machine is.
            _ = await service.read([self.request("queue", "jobs", "select 180")], asOf: asOf, deadline: .seconds(30))
            var last: [String: ReadingAnswer] = [:]
            for _ in 0...CircuitBreaker.failuresToOpen {
                last =
                    await service.read(
                        [self.request("queue", "jobs", "select 180"), self.request("cpu", "frozen", "select 1")],
                        asOf: asOf,
                        deadline: .seconds(4))[self.workload] ?? [:]
                #expect(last["queue"] == .value(Sample(value: Quantity(180), at: asOf)))
                #expect(self.missing(last["cpu"]).map { [.timeout, .unreachable].contains($0.reason) } == true)
            }
            let words = try #require(self.missing(last["cpu"])?.words)
            #expect(words.contains("left alone") && words.contains("the last:"))
            let health = await service.health(deadline: .milliseconds(700))
            #expect(health["jobs"] == .healthy)
            #expect(health["frozen"] != .healthy)
        }
        try await server.resume()
        try await server.stop()
    }

    @Test("a password is read again when its file changes; a file that is missing says so")
    func password() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("muster-password-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let connection = Model.Connection(
            name: "jobs", postgres: try await TestServer.shared.conninfo(user: TestServer.passwordRole),
            password: .file(path))
        try await self.withService([connection]) { (service: ReadingsService) async throws in
            func ask() async -> ReadingAnswer? {
                await service.read([self.request("queue", "jobs", "select 180")], asOf: asOf, deadline: self.patience)[
                    self.workload]?["queue"]
            }
            #expect(self.missing(await ask())?.reason == .misconfigured)
            #expect(self.missing(await ask())?.words.contains(path) == true)
            try Data("wrong-canary-11".utf8).write(to: URL(fileURLWithPath: path))
            for _ in 0...CircuitBreaker.failuresToOpen {
                let answer = self.missing(await ask())
                #expect(answer.map { [.unauthorized, .unreachable].contains($0.reason) } == true)
                #expect(answer?.words.contains("wrong-canary-11") == false)
            }
            try Data("\(TestServer.password)\n".utf8).write(to: URL(fileURLWithPath: path))
            #expect(await ask() == .value(Sample(value: Quantity(180), at: asOf)))
        }
    }

    @Test("a changed Connection is used from then on, a removed one is unknown")
    func update() async throws {
        let database = try await TestServer.shared.makeDatabase()
        try await self.withService([try await self.sound()]) { (service: ReadingsService) async throws in
            func ask() async -> ReadingAnswer? {
                await service.read(
                    [self.request("name", "jobs", "select length(current_database())")], asOf: asOf,
                    deadline: self.patience)[
                        self.workload]?["name"]
            }
            #expect(await ask() == .value(Sample(value: Quantity("postgres".count), at: asOf)))
            await service.update(connections: [Model.Connection(name: "jobs", postgres: database)])
            let name = try #require(database.split(separator: " ").last { $0.hasPrefix("dbname=") })
            #expect(await ask() == .value(Sample(value: Quantity(name.count - "dbname=".count), at: asOf)))
            await service.update(connections: [])
            #expect(self.missing(await ask())?.reason == .misconfigured)
        }
    }

    @Test("the check speaks about the text, the secret and the database's view of a statement")
    func check() async throws {
        try await self.withService([]) { (service: ReadingsService) async throws in
            func codes(_ statement: String, _ connection: Model.Connection) async -> [String] {
                await service.check(statement, on: connection, deadline: self.patience).map(\.code)
            }
            let sound = try await self.sound()
            #expect(await codes("select :nothing", sound) == ["sql.statement"])
            #expect(await codes("select true", sound) == ["sql.columns", "sql.superuser"])
            var secretless = sound
            secretless.password = .file("/nonexistent/secret")
            #expect(await codes("select 1", secretless) == ["sql.unchecked"])
        }
    }

    @Test("a connection is probed without being in use: it answers, can't be reached, or lacks its secret here")
    func probe() async throws {
        try await self.withService([]) { (service: ReadingsService) async throws in
            let sound = await service.probe(try await self.sound(), deadline: self.patience)
            #expect(sound == .healthy)
            let nobody = Model.Connection(name: "nobody", postgres: "host=127.0.0.1 port=1 dbname=x user=x")
            guard case .unhealthy(.unreachable, _) = await service.probe(nobody, deadline: self.patience) else {
                Issue.record("nobody listens there")
                return
            }
            var secret = try await self.sound()
            secret.password = .file("/nowhere/at/all")
            guard case .unhealthy(.misconfigured, let why) = await service.probe(secret, deadline: self.patience) else {
                Issue.record("the secret is not there")
                return
            }
            #expect(why.contains("the password of the Connection “jobs”"))
            let known = await service.health(deadline: self.patience)
            #expect(known.isEmpty, "a probe leaves nothing behind")
        }
    }
}
