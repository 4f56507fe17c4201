public import Logging
public import Model

// A person as a platform
// ======================
// There is no API: an order becomes a record that says what somebody should do; `desired` is what was asked last,
// `current` and `ready` are what a person or a source said last. A newer order replaces an older one, so that nobody
// works through a pile of outdated requests. The outcome of an order is `accepted`; verification sees whether it was
// done, and gives up on it after its time.
//
// A restart is asked for beside that. From then on nothing counts as ready until somebody says again what runs.
//
// Nothing is known of a workload until somebody says how many replicas run: until then it is `unseen`, and nothing is
// decided about it.

/// What a person should do.
public struct ManualRequest: Sendable, Hashable {
    /// What is to be changed.
    public var workload: WorkloadID
    /// Replicas that should run.
    public var replicas: Int
    /// What it should come from.
    public var expected: Int
    /// The order's idempotency key.
    public var action: String
    /// The term of the leader that asks.
    public var epoch: Epoch
    /// The decision's sentence.
    public var reason: String

    public init(workload: WorkloadID, replicas: Int, expected: Int, action: String, epoch: Epoch, reason: String) {
        self.workload = workload
        self.replicas = replicas
        self.expected = expected
        self.action = action
        self.epoch = epoch
        self.reason = reason
    }
}

/// What is on record about a workload that people scale.
public struct ManualState: Sendable, Hashable {
    /// The last request; nil when nothing was ever asked.
    public var request: ManualRequest?
    /// What was last said to run; nil when nobody ever said.
    public var report: Report?
    /// A restart was asked for, and nobody has said since what runs.
    public var awaitsRestart: Bool

    /// What somebody said runs.
    public struct Report: Sendable, Hashable {
        /// Replicas that exist.
        public var current: Int
        /// Replicas that serve.
        public var ready: Int
        public init(current: Int, ready: Int) {
            self.current = current
            self.ready = ready
        }
    }

    public init(request: ManualRequest? = nil, report: Report? = nil, awaitsRestart: Bool = false) {
        self.request = request
        self.report = report
        self.awaitsRestart = awaitsRestart
    }
}

/// What became of a request that was to be recorded.
public enum ManualRecording: Sendable, Hashable {
    /// It stands, in place of an older one if there was one; also when it stood there before with the same key.
    case recorded
    /// Nothing was recorded: the last request is of a later term.
    case newerTerm(ManualRequest)
}

/// Where requests and reports are kept. Recording is one atomic step: of two leaders the later term wins, whoever comes
/// last.
public protocol ManualLedger: Sendable {
    /// What is on record. A workload of which nothing is known may be left out.
    /// - Parameter deadline: the port answers or throws within it.
    func states(of workloads: [WorkloadID], deadline: Duration) async throws -> [WorkloadID: ManualState]

    /// Records a request in place of the last one of its workload, unless that is of a later term. The same key again
    /// changes nothing.
    /// - Parameter deadline: the port answers or throws within it.
    func record(_ request: ManualRequest, deadline: Duration) async throws -> ManualRecording

    /// Records that a restart is asked for, unless the last request, of either kind, is of a later term. The same key again changes nothing.
    /// - Parameter request: with the count that stays in both numbers. It replaces no request to scale.
    /// - Returns: whether it stands.
    func recordRestart(_ request: ManualRequest, deadline: Duration) async throws -> Bool
}

/// Asks a person to scale, and sees what people report.
public struct ManualDriver: ScalingDriver {
    let ledger: any ManualLedger
    let logger: Logger

    public init(ledger: any ManualLedger, logger: Logger) {
        self.ledger = ledger
        self.logger = logger
    }

    public func observe(_ targets: [Target], deadline: Duration) async -> [Observation] {
        guard !targets.isEmpty else { return [] }
        do {
            let states = try await self.ledger.states(
                of: Array(Set(targets.map(\.workload))).sorted(), deadline: deadline)
            return targets.map { Self.observation(of: $0.workload, states[$0.workload]) }
        } catch {
            let unread = self.unreachable(error, "what people reported could not be read")
            return targets.map { _ in .unseen(unread) }
        }
    }

    public func scale(_ order: ScaleOrder, deadline: Duration, mayStart: @escaping @Sendable () -> Bool) async -> Outcome {
        if let objection = order.objection { return .refused(objection) }
        let workload = order.target.workload
        let end = ContinuousClock.now + deadline
        let state: ManualState?
        do { state = try await self.ledger.states(of: [workload], deadline: deadline)[workload] } catch {
            return .retryable(
                self.unreachable(error, "the last request for \(workload) could not be read; nothing was recorded"),
                after: nil)
        }
        let before = Self.observation(of: workload, state)
        guard case .seen(let desired, let current, _, _) = before else {
            if case .unseen(let error) = before { return .refused(error) }
            return .conflict(before, output: nil)
        }
        let words = Self.words(order)
        if desired == order.replicas {
            return current == order.replicas ? .done(before, output: nil) : .accepted(output: words)
        }
        guard desired == order.expected else { return .conflict(before, output: nil) }
        let request = ManualRequest(
            workload: workload, replicas: order.replicas, expected: order.expected, action: order.action,
            epoch: order.epoch, reason: order.reason)
        let left = end - ContinuousClock.now
        guard left > .zero else {
            let late = DriverError(
                code: "manual.timeout",
                message: "\(workload): reading the last request took all the time; nothing was recorded")
            return .retryable(late, after: nil)
        }
        guard mayStart() else { return .withheld }
        do {
            switch try await self.ledger.record(request, deadline: left) {
            case .recorded:
                self.logger.notice(
                    "somebody should scale a workload", metadata: ["workload": "\(workload)", "request": "\(words)"])
                return .accepted(output: words)
            case .newerTerm(let newer):
                let after = Self.observation(of: workload, ManualState(request: newer, report: state?.report))
                return .conflict(after, output: "a later leader (epoch \(newer.epoch)) asked for \(newer.replicas)")
            }
        } catch {
            return .unknown(self.unreachable(error, "it is not known whether the request for \(workload) was recorded"))
        }
    }

    public func check(_ target: Target) async -> [DriverFinding] {
        guard let observation = await self.observe([target], deadline: Self.checkLimit).first,
            case .unseen(let error) = observation
        else { return [] }
        return [DriverFinding(.warning, code: error.code, message: error.message)]
    }

    /// A check is for a person who waits for it.
    private static let checkLimit: Duration = .seconds(5)

    private static func words(_ order: ScaleOrder) -> String {
        let workload = order.target.workload
        return
            "please scale \(workload) from \(order.expected) to \(order.replicas), then say so: POST "
            + Self.route(workload)
    }

    static func route(_ workload: WorkloadID) -> String {
        "/v1/workloads/\(workload.service)/\(workload.region)/observed"
    }

    static func observation(of workload: WorkloadID, _ state: ManualState?) -> Observation {
        guard let report = state?.report else {
            return .unseen(
                DriverError(
                    code: "manual.unreported",
                    message:
                        "\(workload): nobody has said how many replicas run; say it: "
                        + "POST \(Self.route(workload)) {\"replicas\": n}"
                ))
        }
        return .seen(
            desired: state?.request?.replicas ?? report.current, current: report.current,
            ready: state?.awaitsRestart == true ? 0 : report.ready, version: nil)
    }

    func unreachable(_ error: any Error, _ words: String) -> DriverError {
        DriverError(
            code: "manual.ledger", message: words,
            evidence: String(String(describing: error).prefix(ReadingAnswer.maximumEvidence / 4)))
    }
}
