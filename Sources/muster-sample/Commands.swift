import ArgumentParser
import Glibc
import Postgres

/// How to reach the sample's database.
struct DatabaseOptions: ParsableArguments {
    @Option(help: "libpq connection string or URI of the sample's database, without a password.")
    var database: String

    @Option(help: "File with the password; a line break at its end is not part of it.")
    var passwordFile: String?

    func configuration(applicationName: String) throws(SampleError) -> ConnectionConfiguration {
        var password: String?
        if let passwordFile {
            password = String(try Files.read(passwordFile).prefix { !$0.isNewline })
        }
        return ConnectionConfiguration(self.database, password: password, applicationName: applicationName)
    }

    /// For the command of another process of this program.
    var arguments: [String] {
        ["--database", self.database] + (self.passwordFile.map { ["--password-file", $0] } ?? [])
    }
}

/// Ends the process with the status that the error stands for, after saying what happened.
func withExitStatus<R>(_ body: () async throws -> R) async throws -> R {
    do { return try await body() } catch let error as SampleError {
        say("muster-sample: \(error)")
        throw ExitCode(error.exit.rawValue)
    } catch let error as PostgresError {
        say("muster-sample: \(error)")
        throw ExitCode(error.isRetryable ? SampleError.Exit.temporary.rawValue : SampleError.Exit.failed.rawValue)
    }
}

struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "schema", abstract: "Create the tables, or whatever of them is missing.")

    @OptionGroup var database: DatabaseOptions
    @Option(help: "A region that has jobs; may be given several times.")
    var region: [String] = ["eu-west", "eu-central"]
    @Option(help: "A role that may read the tables.")
    var reader: String?

    func run() async throws {
        try await withExitStatus {
            let reactor = Reactor(name: "sample")
            let session = try await Connection.connect(self.database.configuration(applicationName: "sample schema"), on: reactor)
            _ = try await session.pipeline(JobTable.schema(regions: self.region, reader: self.reader), deadline: JobTable.deadline)
            await session.close()
        }
    }
}

struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Do jobs of one region until SIGTERM, then finish the job and exit.",
        discussion: "Started by “scale”, which gives it its directory and number.")

    /// A job takes long enough that one worker is not enough for a region, and short enough that a stop is quick.
    static let defaultJobMilliseconds = 400
    /// A stop waits for the job: it must end well within `Scaling.stopLimit`.
    static let longestJobMilliseconds = 4000

    @OptionGroup var database: DatabaseOptions
    @Option(help: "The region whose jobs it does.")
    var region: String
    @Option(help: "Directory of the region's workers.")
    var directory: String
    @Option(help: "The worker's number in that directory.")
    var number: Int
    @Option(name: .customLong("job-time"), help: "Milliseconds that a job takes.")
    var jobMilliseconds = WorkerCommand.defaultJobMilliseconds

    func validate() throws {
        guard (1...Self.longestJobMilliseconds).contains(self.jobMilliseconds) else {
            throw ValidationError("--job-time is not between 1 and \(Self.longestJobMilliseconds)")
        }
        guard self.number > 0 else { throw ValidationError("--number is not above 0") }
    }

    func run() async throws {
        try await withExitStatus {
            let wakes = Wakes()
            wakes.catchStopSignals()
            var worker = Worker(
                directory: WorkerDirectory(path: self.directory), number: self.number, region: self.region,
                database: ConnectionConfiguration(""), jobTime: .milliseconds(self.jobMilliseconds))
            worker.database = try self.database.configuration(applicationName: worker.name)
            try await worker.run(wakes, on: Reactor(name: "sample"))
        }
    }
}

struct FeederCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feeder", abstract: "Add jobs until SIGTERM, at a rate that follows a day of two minutes with bursts.")

    @OptionGroup var database: DatabaseOptions
    @Option(help: "A region's load, REGION:TROUGH:PEAK:SHIFT: jobs a second at the quietest and the busiest, seconds until its day begins.")
    var load: [String] = ["eu-west:1.5:20:0", "eu-central:1.5:10:40"]
    @Option(help: "Decides when bursts come.")
    var seed: UInt64 = 1

    func run() async throws {
        try await withExitStatus {
            let loads = try self.load.map { text in
                guard let load = RegionLoad(text, seed: self.seed) else {
                    throw SampleError("--load \(text) is not REGION:TROUGH:PEAK:SHIFT with 0 ≤ TROUGH ≤ PEAK ≤ \(RegionLoad.highestRate)", exit: .usage)
                }
                return load
            }
            let wakes = Wakes()
            wakes.catchStopSignals()
            let feeder = Feeder(loads: loads, database: try self.database.configuration(applicationName: "feeder"))
            await feeder.run(wakes, on: Reactor(name: "sample"))
        }
    }
}

struct ReplicasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replicas", abstract: "Print how many workers live and how many of them are connected.")

    @Option(help: "Directory of the region's workers.")
    var directory: String

    func run() async throws {
        try await withExitStatus {
            print(try await Scaling.count(WorkerDirectory(path: self.directory)).json)
        }
    }
}

struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale", abstract: "Start or stop workers until there are as many as asked for.",
        discussion: """
            From the environment: PREVIOUS (refuse unless there are so many now), EPOCH (refuse if a higher one gave orders before),
            IDEMPOTENCY_KEY (take effect once). Exit status: 0 done, 3 refused because the world has moved on, 64 the order makes no sense,
            75 try again later; after these three nothing was changed. 1: something may have been.
            """)

    @OptionGroup var database: DatabaseOptions
    @Option(help: "Directory of the region's workers.")
    var directory: String
    @Option(help: "The region whose jobs they do.")
    var region: String
    @Option(help: "How many workers there shall be.")
    var to: Int
    @Option(name: .customLong("job-time"), help: "Milliseconds that a job takes.")
    var jobMilliseconds = WorkerCommand.defaultJobMilliseconds

    func run() async throws {
        try await withExitStatus {
            let order = try ScalingOrder(replicas: self.to, environment: Self.environment())
            let command = [
                try Detached.ownExecutable(), "worker", "--region", self.region, "--job-time", String(self.jobMilliseconds),
            ]
            let scaling = Scaling(directory: WorkerDirectory(path: self.directory), worker: command + self.database.arguments)
            print(try await scaling.carryOut(order).json)
        }
    }

    /// The variables of an order that are set.
    private static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        for name in ["PREVIOUS", "EPOCH", "IDEMPOTENCY_KEY"] {
            if let value = getenv(name) { variables[name] = String(cString: value) }
        }
        return variables
    }
}
