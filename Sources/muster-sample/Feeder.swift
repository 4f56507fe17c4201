import Postgres

/// Adds jobs as its curves say, and keeps the table in order.
struct Feeder: Sendable {
    var loads: [RegionLoad]
    var database: ConnectionConfiguration

    /// How often jobs are added: often enough that the load looks continuous to a worker.
    static let tick: Duration = .milliseconds(200)
    /// How often abandoned jobs are given back and old ones deleted, in ticks.
    static let ticksPerHousekeeping = 50

    /// Returns when it was asked to stop.
    func run(_ wakes: Wakes, on reactor: Reactor) async {
        let started = ContinuousClock.now
        await withDiscardingTaskGroup { group in
            group.addTask { await wakes.tick(every: Self.tick) }
            var session: Connection?
            var arrivals = self.loads.map { Arrivals(curve: $0.curve) }
            var ticks = 0
            for await _ in wakes.stream {
                if wakes.isStopping { break }
                do throws(PostgresError) {
                    if session == nil { session = try await Connection.connect(self.database, on: reactor) }
                    if let session {
                        try await self.add(&arrivals, at: Self.seconds(ContinuousClock.now - started), session)
                        if ticks % Self.ticksPerHousekeeping == 0 {
                            _ = try await session.query(JobTable.requeueAbandoned(), deadline: JobTable.deadline)
                            _ = try await session.query(JobTable.deleteDone(), deadline: JobTable.deadline)
                        }
                    }
                } catch {
                    say("feeder: \(error)")
                    await session?.close()
                    session = nil
                    // A server that is away needs no five attempts a second.
                    try? await Task.sleep(for: Self.retry)
                }
                ticks += 1
            }
            group.cancelAll()
            await session?.close()
        }
        say("feeder: stopped")
    }

    private static let retry: Duration = .seconds(1)

    private func add(_ arrivals: inout [Arrivals], at time: Double, _ session: Connection) async throws(PostgresError) {
        var statements: [Statement] = []
        for (index, load) in self.loads.enumerated() {
            let count = arrivals[index].jobs(until: time)
            if count > 0 { statements += [JobTable.add(count, region: load.region), JobTable.announce(region: load.region)] }
        }
        if !statements.isEmpty { _ = try await session.pipeline(statements, deadline: JobTable.deadline) }
    }

    private static func seconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}

/// One region's load as the command line has it: `REGION:TROUGH:PEAK:SHIFT`.
struct RegionLoad: Sendable, Hashable {
    var region: String
    var curve: LoadCurve

    /// Jobs a second above which one table and one feeder are no sample any more.
    static let highestRate = 1000.0

    init?(_ text: String, seed: UInt64) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, !parts[0].isEmpty, let trough = Double(parts[1]), let peak = Double(parts[2]), let shift = Double(parts[3]),
            trough >= 0, peak >= trough, peak <= Self.highestRate, shift.isFinite
        else { return nil }
        self.region = String(parts[0])
        // FNV-1a of the name: regions have their bursts at different times.
        let hash = self.region.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        self.curve = LoadCurve(trough: trough, peak: peak, shift: shift, seed: seed ^ hash)
    }
}
