import Drivers
import Model
import Synchronization
import Testing

/// What every ledger of requests to people is tested against.
enum ManualLedgerConformance {
    static func run(_ makeLedger: @Sendable () async throws -> some ManualLedger) async throws {
        let ledger = try await makeLedger()
        let workload = WorkloadID(service: "press", region: "eu-west")
        let limit: Duration = .seconds(10)
        func request(_ replicas: Int, _ action: String, _ epoch: Int64) -> ManualRequest {
            ManualRequest(
                workload: workload, replicas: replicas, expected: 3, action: action, epoch: Epoch(epoch),
                reason: "a test")
        }
        func last() async throws -> ManualRequest? {
            try await ledger.states(of: [workload], deadline: limit)[workload]?.request
        }

        #expect(try await last() == nil)
        #expect(try await ledger.record(request(5, "one", 4), deadline: limit) == .recorded)
        #expect(try await ledger.record(request(5, "one", 4), deadline: limit) == .recorded)
        #expect(try await last() == request(5, "one", 4))
        #expect(try await ledger.record(request(6, "two", 5), deadline: limit) == .recorded)
        #expect(try await ledger.record(request(2, "late", 4), deadline: limit) == .newerTerm(request(6, "two", 5)))
        #expect(try await last() == request(6, "two", 5))
        #expect(try await ledger.record(request(7, "three", 5), deadline: limit) == .recorded)
        #expect(try await last() == request(7, "three", 5))

        // A restart is asked for beside that, of the same terms.
        func awaitsRestart() async throws -> Bool { try await ledger.states(of: [workload], deadline: limit)[workload]?.awaitsRestart ?? false }
        #expect(try await !awaitsRestart())
        #expect(try await !ledger.recordRestart(request(7, "late", 4), deadline: limit))
        #expect(try await !awaitsRestart())
        for _ in 1...2 { #expect(try await ledger.recordRestart(request(7, "four", 6), deadline: limit)) }
        #expect(try await awaitsRestart())
        #expect(try await !ledger.recordRestart(request(7, "five", 5), deadline: limit))
        #expect(try await last() == request(7, "three", 5))
    }
}

/// A ledger in memory that can be made to fail.
final class MemoryLedger: ManualLedger {
    enum Failure: Sendable { case everything, answerOfRecording }
    struct Broken: Error {}

    private struct Contents {
        var states: [WorkloadID: ManualState] = [:]
        var recorded = 0
        var restarts: [WorkloadID: ManualRequest] = [:]
        var restarted = 0
        var failure: Failure?
    }
    private let contents = Mutex(Contents())

    func fail(_ failure: Failure?) { self.contents.withLock { $0.failure = failure } }
    func state(_ workload: WorkloadID) -> ManualState {
        self.contents.withLock { $0.states[workload, default: ManualState()] }
    }
    var recorded: Int { self.contents.withLock { $0.recorded } }
    var restarts: Int { self.contents.withLock { $0.restarted } }

    func report(_ workload: WorkloadID, current: Int) {
        self.contents.withLock {
            $0.states[workload, default: ManualState()].report = ManualState.Report(current: current, ready: current)
            $0.states[workload]?.awaitsRestart = false
        }
    }

    /// A person does what the last request says, and reports it.
    func obey(_ workload: WorkloadID) {
        let state = self.state(workload)
        if let replicas = state.request?.replicas ?? state.report?.current { self.report(workload, current: replicas) }
    }

    func states(of workloads: [WorkloadID], deadline: Duration) async throws -> [WorkloadID: ManualState] {
        try self.contents.withLock { contents in
            if contents.failure == .everything { throw Broken() }
            return contents.states.filter { workloads.contains($0.key) }
        }
    }

    func record(_ request: ManualRequest, deadline: Duration) async throws -> ManualRecording {
        try self.contents.withLock { contents in
            if contents.failure == .everything { throw Broken() }
            if let last = contents.states[request.workload]?.request {
                if last.epoch > request.epoch { return .newerTerm(last) }
                if last.action == request.action { return .recorded }
            }
            contents.states[request.workload, default: ManualState()].request = request
            contents.recorded += 1
            if contents.failure == .answerOfRecording { throw Broken() }
            return .recorded
        }
    }

    func recordRestart(_ request: ManualRequest, deadline: Duration) async throws -> Bool {
        try self.contents.withLock { contents in
            if contents.failure == .everything { throw Broken() }
            let terms = [contents.restarts[request.workload]?.epoch, contents.states[request.workload]?.request?.epoch].compactMap { $0 }
            if terms.contains(where: { $0 > request.epoch }) { return false }
            if contents.restarts[request.workload]?.action == request.action { return true }
            contents.restarts[request.workload] = request
            contents.states[request.workload, default: ManualState()].awaitsRestart = true
            contents.restarted += 1
            if contents.failure == .answerOfRecording { throw Broken() }
            return true
        }
    }
}
