import Drivers
import Foundation
import Logging
import Model
import Testing

@Suite("Driver conformance", .timeLimit(.minutes(2)))
struct ConformanceTests {
    @Test("the exec driver conforms, against real programs")
    func exec() async throws {
        try await DriverConformance.run { try ExecSubject() }
    }

    @Test("the manual driver conforms, against a ledger in memory")
    func manual() async throws {
        try await DriverConformance.run { ManualSubject() }
    }

    @Test("the ledger in memory keeps the later term, and the same key once")
    func ledger() async throws {
        try await ManualLedgerConformance.run { MemoryLedger() }
    }
}

struct ExecSubject: DriverSubject {
    let platform: ScriptPlatform
    let execDriver: ExecDriver
    var driver: any ScalingDriver { self.execDriver }

    init() throws {
        self.platform = try ScriptPlatform(replicas: DriverConformance.initialReplicas)
        self.execDriver = self.platform.driver()
    }

    var target: Target { self.platform.target() }
    func target(number: Int) throws -> Target {
        let state = self.platform.root + "/state-\(number)"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        try Data("\(number)\n".utf8).write(to: URL(fileURLWithPath: state + "/replicas"))
        return Target(
            workload: WorkloadID(service: "s\(number)", region: "eu-west"),
            target: .exec(observe: ["observe", state], scale: ["scale", state], restart: ["restart", state]))
    }
    var fencesTerms: Bool { false }
    func settle() {}
    func change(to replicas: Int) throws { try self.platform.set(replicas: replicas) }
    func world() -> Int { self.platform.replicas }
    func changes() -> Int { self.platform.orders.count }
    func restarts() -> Int { self.platform.lines("restarts").count }
    func breakObserving() throws { try self.platform.breakObserve("exit") }
    func loseNextAnswer() throws -> Bool {
        try self.platform.breakScale("applied-exit")
        return true
    }
    func repair() throws {
        try self.platform.breakObserve(nil)
        try self.platform.breakScale(nil)
    }
    var canary: String? { ScriptPlatform.secret }
    func tearDown() { self.platform.remove() }
}

struct ManualSubject: DriverSubject {
    let ledger = MemoryLedger()
    let manualDriver: ManualDriver
    var driver: any ScalingDriver { self.manualDriver }

    init() {
        self.ledger.report(WorkloadID(service: "press", region: "eu-west"), current: DriverConformance.initialReplicas)
        self.manualDriver = ManualDriver(
            ledger: self.ledger, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    var target: Target { Target(workload: WorkloadID(service: "press", region: "eu-west"), target: .manual) }
    func target(number: Int) -> Target {
        let workload = WorkloadID(service: "press-\(number)", region: "eu-west")
        self.ledger.report(workload, current: number)
        return Target(workload: workload, target: .manual)
    }
    var fencesTerms: Bool { true }
    func settle() { self.ledger.obey(self.target.workload) }
    func change(to replicas: Int) { self.ledger.report(self.target.workload, current: replicas) }
    func world() -> Int {
        let state = self.ledger.state(self.target.workload)
        return state.request?.replicas ?? state.report?.current ?? -1
    }
    func changes() -> Int { self.ledger.recorded }
    func restarts() -> Int { self.ledger.restarts }
    func breakObserving() { self.ledger.fail(.everything) }
    func loseNextAnswer() -> Bool {
        self.ledger.fail(.answerOfRecording)
        return true
    }
    func repair() { self.ledger.fail(nil) }
    var canary: String? { nil }
    func tearDown() {}
}
