import Glibc
public import Logging
public import Model

// Programs of the node as a platform
// ==================================
// A target names two programs with their arguments, and a third where it can be restarted. All are files in the one
// directory that the node's configuration names: whoever may apply manifests must not thereby run anything anywhere.
// There is no shell and no search path for them.
//
//   observe  MUSTER_SERVICE, MUSTER_REGION. Prints a whole number, {"replicas": n, "ready": n} or
//            {"desired": n, "current": n, "ready": n, "version": "…"} and exits 0. Anything else is `unseen`.
//   scale    also MUSTER_REPLICAS = REPLICAS, MUSTER_EXPECTED = PREVIOUS, MUSTER_ACTION = IDEMPOTENCY_KEY,
//            MUSTER_EPOCH = EPOCH and MUSTER_DEADLINE (unix seconds). Exits 0: done; 3: the count is not the expected
//            one; 75: try again later; 64, 77, 78: refused. But for 0 it must then not have changed anything. Any other
//            end is `unknown`.
//   restart  starts what runs anew and leaves its count as it is. Environment and exit codes are those of scale, with
//            MUSTER_REPLICAS = MUSTER_EXPECTED = what runs.
//
// A scale program is believed only as far as the observe program agrees: an order is preceded by an observation (the
// count must be the expected one; the wanted one is done without running anything) and an exit 0 is followed by one
// (another number is `accepted`, not `done`). The platform has no fence: between that first observation and the
// program's write the world can move; a program that can should compare MUSTER_EXPECTED itself and exit 3.

/// Observes and scales with programs from the node's directory.
public struct ExecDriver: ScalingDriver {
    /// Where programs are, and what they get.
    public struct Configuration: Sendable {
        /// Where the programs are: an absolute path.
        public var directory: String
        /// Where they run.
        public var workingDirectory: String
        /// What they get beside `PATH` and the variables above. Long values are taken for secrets and never appear in
        /// evidence.
        public var environment: [String: String]
        /// How many run at once.
        public var concurrency: Int

        /// A node is no batch machine; more would take the processor from its own work.
        public static let defaultConcurrency = 4

        /// - Parameters:
        ///   - directory: an absolute path.
        ///   - workingDirectory: nil: `directory`.
        public init(
            directory: String, workingDirectory: String? = nil, environment: [String: String] = [:],
            concurrency: Int = Self.defaultConcurrency
        ) {
            self.directory = directory
            self.workingDirectory = workingDirectory ?? directory
            self.environment = environment
            self.concurrency = concurrency
        }
    }

    /// What stopping a program may take after its deadline, at most.
    public static var stopLimit: Duration { ProgramRun.terminationGrace + ProgramRun.killGrace }
    /// An observe program that prints more does not answer our question, in bytes.
    public static let maximumObservation = 64 * 1024

    /// When the node itself has no `PATH`.
    private static let fallbackPath = "/usr/local/bin:/usr/bin:/bin"

    private let configuration: Configuration
    private let programs: ExecPrograms
    private let slots: Slots
    /// One less: what did not answer the last time can't take all of them, so that it delays nobody else.
    private let slotsOfSlow: Slots
    private let slow = SlowWorkloads()
    private let evidence: Evidence
    private let path: String
    private let logger: Logger

    public init(_ configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.programs = ExecPrograms(directory: configuration.directory)
        self.slots = Slots(configuration.concurrency)
        self.slotsOfSlow = Slots(configuration.concurrency - 1)
        self.evidence = Evidence(secrets: Array(configuration.environment.values))
        self.path = getenv("PATH").map { String(cString: $0) } ?? Self.fallbackPath
        self.logger = logger
    }

    // MARK: Observing

    public func observe(_ targets: [Target], deadline: Duration) async -> [Observation] {
        let end = ContinuousClock.now + deadline
        return await withTaskGroup(of: (Int, Observation).self) { group in
            let missed = DriverError(
                code: "exec.busy", message: "the observe program was not run: there was no time left for it")
            var observations = [Observation](repeating: .unseen(missed), count: targets.count)
            var next = 0
            // No more tasks than can run: the targets are served in their order.
            while next < min(targets.count, max(1, self.configuration.concurrency)) {
                let index = next
                group.addTask { (index, await self.observe(targets[index], before: end)) }
                next += 1
            }
            while let (index, observation) = await group.next() {
                observations[index] = observation
                guard next < targets.count else { continue }
                let index = next
                group.addTask { (index, await self.observe(targets[index], before: end)) }
                next += 1
            }
            return observations
        }
    }

    private func observe(_ target: Target, before end: ContinuousClock.Instant) async -> Observation {
        guard case .exec(let command, _, _) = target.target else { return .unseen(Self.wrongKind(target)) }
        let program: ExecPrograms.Program
        do { program = try self.programs.resolve(command) } catch {
            return .unseen(DriverError(code: error.code, message: "\(target.workload): \(error.message)"))
        }
        let name = "\(target.workload): the observe program “\(program.name)”"
        let result = await self.run(program, target, variables: [:], before: end, headLimit: Self.maximumObservation)
        func unseen(_ code: String, _ words: String) -> Observation {
            .unseen(DriverError(code: code, message: "\(name) \(words)", evidence: self.evidence.short(of: result)))
        }
        switch result.ending {
        case .exited(0):
            guard result.output.total <= Self.maximumObservation else {
                return unseen(
                    "exec.output",
                    "printed \(result.output.total) bytes, over \(Self.maximumObservation): let it print the count only"
                )
            }
            do { return try ExecObservation.parse(result.output.bytes) } catch {
                return unseen(
                    "exec.output",
                    "gave no count: \(error.message). Let it print a whole number or {\"replicas\": n, \"ready\": n}"
                )
            }
        case .exited(let code):
            return unseen("exec.exit", "exited with \(code); run it by hand as the node's user to see why")
        case .signalled(let signal): return unseen("exec.signal", "was ended by signal \(signal)")
        case .timedOut:
            return unseen(
                "exec.timeout", "did not answer in time and was stopped; make it faster, or see what it waits for")
        case .cancelled: return unseen("exec.cancelled", "was stopped because this node stops leading or ends")
        case .unkillable:
            return unseen("exec.stuck", "could not be stopped; see what it hangs in (a dead network file system?)")
        case .withheld: return unseen("exec.withheld", "was not run: nothing is started now")
        case .notTried(let why): return unseen("exec.busy", "was not run: \(why)")
        case .notStarted(let why): return unseen("exec.start", "could not be started: \(why). \(Self.startAdvice)")
        }
    }

    // MARK: Scaling

    public func scale(_ order: ScaleOrder, deadline: Duration, mayStart: @escaping @Sendable () -> Bool) async -> Outcome {
        if let objection = order.objection { return .refused(objection) }
        guard case .exec(_, let command, _) = order.target.target else { return .refused(Self.wrongKind(order.target)) }
        let job = Job(
            name: "scale", command: command, target: order.target, wanted: order.replicas, expected: order.expected, version: order.version,
            action: order.action, epoch: order.epoch, isDoneAsWanted: true, seen: order.seen)
        return await self.carryOut(job, before: .now + deadline, mayStart: mayStart)
    }

    /// What one of the programs that change something is run for.
    struct Job {
        /// Which of a target's programs, for a person.
        var name: String
        var command: [String]
        var target: Target
        /// The count that there should be when the program says that it is done.
        var wanted: Int
        var expected: Int
        var version: String?
        var action: String
        var epoch: Epoch
        /// Where the wanted count runs, nothing is left to do.
        var isDoneAsWanted: Bool
        /// A look from just now.
        var seen: (observation: Observation, until: ContinuousClock.Instant)?
    }

    /// Looks at the platform, runs the program if it is as expected, and looks again.
    func carryOut(_ job: Job, before end: ContinuousClock.Instant, mayStart: @escaping @Sendable () -> Bool) async -> Outcome {
        let program: ExecPrograms.Program
        do { program = try self.programs.resolve(job.command) } catch {
            return .refused(DriverError(code: error.code, message: "\(job.target.workload): \(error.message)"))
        }
        let before =
            if let seen = job.seen, .now < seen.until { seen.observation } else { await self.observe(job.target, before: end) }
        switch before {
        case .seen(let desired, _, _, _) where job.isDoneAsWanted && desired == job.wanted: return .done(before, output: nil)
        case .seen(let desired, _, _, let version)
        where desired == job.expected && (job.version == nil || job.version == version): break
        case .seen, .gone: return .conflict(before, output: nil)
        case .unseen(let error):
            // Nothing was started yet.
            return .retryable(error, after: nil)
        }
        let result = await self.run(
            program, job.target, variables: Self.variables(of: job, before: end), before: end, headLimit: 0, mayStart: mayStart)
        return await self.outcome(of: result, "the \(job.name) program “\(program.name)”", job.target, wanted: job.wanted, before: end)
    }

    /// - Parameters:
    ///   - name: of the program, for a person.
    ///   - wanted: the count that there should be when it says that it is done.
    private func outcome(
        of result: ProgramRun.Result, _ name: String, _ target: Target, wanted: Int, before end: ContinuousClock.Instant
    ) async -> Outcome {
        let output = self.evidence.text(of: result)
        func error(_ code: String, _ words: String) -> DriverError {
            DriverError(
                code: code, message: "\(target.workload): \(name) \(words)",
                evidence: self.evidence.short(of: result))
        }
        switch result.ending {
        case .exited(0):
            let after = await self.observe(target, before: end)
            if case .seen(wanted, _, _, _) = after { return .done(after, output: output) }
            return .accepted(output: output)
        case .exited(ExitCode.conflict): return .conflict(await self.observe(target, before: end), output: output)
        case .exited(ExitCode.temporary):
            return .retryable(
                error("exec.temporary", "asks to be tried again later (exit \(ExitCode.temporary))"), after: nil)
        case .exited(let code) where ExitCode.refusals.contains(code):
            return .refused(error("exec.refused", "refused the order (exit \(code)); its output says why"))
        case .exited(let code):
            return .unknown(error("exec.exit", "exited with \(code), which does not say whether it changed anything"))
        case .signalled(let signal):
            return .unknown(error("exec.signal", "was ended by signal \(signal); it may have changed something"))
        case .timedOut:
            return .unknown(
                error("exec.timeout", "was not done in time and was stopped; it may have changed something"))
        case .cancelled:
            return .unknown(
                error(
                    "exec.cancelled",
                    "was stopped because this node stops leading or ends; it may have changed something"))
        case .unkillable:
            return .unknown(
                error("exec.stuck", "could not be stopped and may still change something; see what it hangs in"))
        case .withheld: return .withheld
        case .notTried(let why): return .retryable(error("exec.busy", "was not run: \(why)"), after: nil)
        case .notStarted(let why):
            return .refused(error("exec.start", "could not be started: \(why). \(Self.startAdvice)"))
        }
    }

    private static let startAdvice = "A script needs “#!” and an interpreter that exists in its first line"

    /// What a scale or restart program's exit says, from sysexits(3) where it has a word for it.
    private enum ExitCode {
        static let conflict: Int32 = 3
        /// EX_TEMPFAIL
        static let temporary: Int32 = 75
        /// EX_USAGE, EX_NOPERM, EX_CONFIG
        static let refusals: Set<Int32> = [64, 77, 78]
    }

    // MARK: Checking

    public func check(_ target: Target) async -> [DriverFinding] {
        guard case .exec(let observe, let scale, let restart) = target.target else {
            return [DriverFinding(.error, code: "exec.kind", message: Self.wrongKind(target).message)]
        }
        return self.programs.findings(about: [observe, scale] + [restart].compactMap { $0 }, of: target.workload)
    }

    // MARK: Running

    private func run(
        _ program: ExecPrograms.Program, _ target: Target, variables: [String: String],
        before end: ContinuousClock.Instant, headLimit: Int, mayStart: @escaping @Sendable () -> Bool = { true }
    ) async -> ProgramRun.Result {
        var environment = self.configuration.environment
        environment["PATH"] = environment["PATH"] ?? self.path
        environment["MUSTER_SERVICE"] = target.workload.service
        environment["MUSTER_REGION"] = target.workload.region
        environment.merge(variables) { _, ours in ours }
        let half = Evidence.streamLimit / 2
        let run = ProgramRun(
            path: program.path, arguments: program.arguments, environment: environment,
            workingDirectory: self.configuration.workingDirectory,
            deadline: end, headLimit: max(half, headLimit), tailLimit: half, mayStart: mayStart,
            logger: self.logger)
        var taken: [Slots] = []
        for slots in self.slow.contain(target.workload) ? [self.slotsOfSlow, self.slots] : [self.slots] {
            guard await slots.acquire(before: end) else {
                for slots in taken { slots.release() }
                let empty = Capture(headLimit: 0, tailLimit: 0)
                return ProgramRun.Result(ending: .notTried(ProgramRun.whyNotTried), output: empty, errors: empty)
            }
            taken.append(slots)
        }
        let result = await run.run(releasing: taken)
        self.slow.note(target.workload, result.ending)
        return result
    }

    private static func variables(of job: Job, before end: ContinuousClock.Instant) -> [String: String] {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let left = (end - ContinuousClock.now).components.seconds
        var variables = ["MUSTER_DEADLINE": String(Int64(now.tv_sec) + left)]
        for (names, value) in [
            (["REPLICAS", "MUSTER_REPLICAS"], String(job.wanted)),
            (["PREVIOUS", "MUSTER_EXPECTED"], String(job.expected)),
            (["IDEMPOTENCY_KEY", "MUSTER_ACTION"], job.action), (["EPOCH", "MUSTER_EPOCH"], job.epoch.description),
        ] {
            for name in names { variables[name] = value }
        }
        return variables
    }

    static func wrongKind(_ target: Target) -> DriverError {
        DriverError(
            code: "exec.kind",
            message: "\(target.workload): its target is “\(target.target.kind)”, which the exec driver does not serve")
    }
}
