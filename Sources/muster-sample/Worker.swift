import Glibc
import Postgres

/// One worker's life: connect, take jobs of its region one at a time, stop when asked.
struct Worker: Sendable {
    var directory: WorkerDirectory
    var number: Int
    var region: String
    var database: ConnectionConfiguration
    /// What each job takes.
    var jobTime: Duration

    var name: String { "\(self.region)-\(WorkerDirectory.name(self.number))" }

    /// How often it looks for jobs without being told of one, and tries to connect while it is not connected.
    static let pollInterval: Duration = .seconds(1)

    /// Returns when it was asked to stop and its job is done.
    func run(_ wakes: Wakes, on reactor: Reactor) async throws(SampleError) {
        try self.directory.create()
        guard let own = ProcessIdentity.running(getpid()) else { throw SampleError("can't read /proc/self/stat; is /proc mounted?") }
        try Files.replace(self.directory.pidFile(self.number), with: own.line)
        let done = await self.work(wakes, on: reactor)
        Files.remove(self.directory.readyFile(self.number))
        Files.remove(self.directory.pidFile(self.number))
        say("\(self.name): stopped after \(done) jobs")
    }

    /// - Returns: how many jobs it did.
    private func work(_ wakes: Wakes, on reactor: Reactor) async -> Int {
        await withDiscardingTaskGroup(returning: Int.self) { group in
            group.addTask { await wakes.tick(every: Self.pollInterval) }
            var session: Connection?
            var done = 0
            wakes.wake()
            for await _ in wakes.stream {
                if wakes.isStopping { break }
                do throws(PostgresError) {
                    if session == nil {
                        let (opened, news) = try await self.connect(on: reactor)
                        session = opened
                        group.addTask { for await _ in news { wakes.wake() } }
                    }
                    if let session { done += try await self.drain(session, wakes) }
                } catch {
                    say("\(self.name): \(error)")
                    Files.remove(self.directory.readyFile(self.number))
                    await session?.close()
                    session = nil
                }
            }
            group.cancelAll()
            await session?.close()
            return done
        }
    }

    private func connect(on reactor: Reactor) async throws(PostgresError) -> (Connection, AsyncStream<Notification>) {
        let session = try await Connection.connect(self.database, on: reactor)
        let news = try await session.listen(JobTable.channel)
        do { try Files.replace(self.directory.readyFile(self.number), with: "") } catch { say("\(self.name): \(error)") }
        say("\(self.name): ready")
        return (session, news)
    }

    /// Does jobs until there is none, or until it is asked to stop.
    private func drain(_ session: Connection, _ wakes: Wakes) async throws(PostgresError) -> Int {
        var done = 0
        while !wakes.isStopping {
            let claimed = try await session.query(JobTable.claim(region: self.region, worker: self.name), deadline: JobTable.deadline)
            guard let row = claimed.first else { break }
            let id = try row["id"].int()
            // The job itself. Not cut short by a stop: a started job is finished.
            try? await Task.sleep(for: self.jobTime)
            _ = try await session.query(JobTable.finish(id: id, worker: self.name), deadline: JobTable.deadline)
            done += 1
        }
        return done
    }
}
