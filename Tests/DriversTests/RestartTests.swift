import Drivers
import Eventually
import Foundation
import Logging
import Model
import Testing

@Suite("Restarting", .timeLimit(.minutes(2)))
struct RestartTests {
    private let patience: Duration = .seconds(30)
    /// Time for a quick observation, and then a restart program that hangs.
    private let impatience: Duration = .seconds(3)

    private func restart(
        _ fault: String?, within deadline: Duration? = nil, _ body: (ScriptPlatform, Outcome) async throws -> Void
    ) async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        try platform.breakScale(fault)
        try await body(platform, await platform.driver().restart(platform.restart(), deadline: deadline ?? self.patience))
    }

    @Test("a restart program that does what it says is done: its target's count is what it gets, and its output is kept")
    func done() async throws {
        try await self.restart(nil) { platform, outcome in
            #expect(outcome == .done(.seen(desired: 3, current: 3, ready: 3, version: nil), output: "stdout: restarted 3"))
            #expect(platform.lines("restarts") == ["a-1"] && platform.orders.isEmpty && platform.replicas == 3)
            let environment = try platform.orderEnvironment()
            #expect(
                environment == [
                    "REPLICAS": "3", "PREVIOUS": "3", "IDEMPOTENCY_KEY": "a-1", "EPOCH": "7", "MUSTER_SERVICE": "transcode", "MUSTER_REGION": "eu-west",
                    "MUSTER_REPLICAS": "3", "MUSTER_EXPECTED": "3", "MUSTER_ACTION": "a-1", "MUSTER_EPOCH": "7", "PLATFORM_TOKEN": ScriptPlatform.secret,
                ])
        }
    }

    @Test(
        "an exit says what became of the restart, and what it says nothing about is unknown",
        arguments: [
            ("temporary", "retryable", 0), ("refuse", "refused", 0), ("moved", "conflict", 0), ("exit", "unknown", 1), ("signal", "unknown", 1),
            ("lie", "accepted", 1),
        ])
    func exits(fault: String, name: String, restarts: Int) async throws {
        try await self.restart(fault) { platform, outcome in
            #expect(outcome.name == name, "\(outcome)")
            #expect(platform.lines("restarts").count == restarts)
            #expect(!everything(in: outcome).contains(ScriptPlatform.secret))
            if let error = outcome.error { #expect(error.message.contains("the restart program “restart”"), "\(error.message)") }
        }
    }

    @Test("a restart program that hangs is stopped at the deadline, with all that it started; whether it restarted anything is unknown")
    func hanging() async throws {
        try await self.restart("hang", within: self.impatience) { platform, outcome in
            #expect(outcome.name == "unknown" && outcome.error?.code == "exec.timeout")
            let pids = platform.pids()
            #expect(!pids.isEmpty && pids.allSatisfy(ScriptPlatform.isGone))
        }
    }

    @Test("a cancelled restart leaves no process")
    func cancelled() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        try platform.breakScale("hang")
        let (driver, order, patience) = (platform.driver(), platform.restart(), self.patience)
        let task = Task { await driver.restart(order, deadline: patience) }
        try await eventually("its program runs") { !platform.pids().isEmpty }
        task.cancel()
        let outcome = await task.value
        #expect(outcome.error?.code == "exec.cancelled")
        #expect(platform.pids().allSatisfy(ScriptPlatform.isGone))
    }

    @Test("whether it may still be is asked after the platform was looked at: nothing is started when not")
    func withheld() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        let outcome = await platform.driver().restart(platform.restart(), deadline: self.patience) { platform.observations == 0 }
        #expect(outcome == .withheld)
        #expect(platform.observations == 1 && platform.lines("restarts").isEmpty)
    }

    @Test("a target without a restart program is refused before anything starts, with what to do")
    func without() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        var order = platform.restart()
        order.target.target = .exec(observe: ["observe", platform.state], scale: ["scale", platform.state])
        let manual = ManualDriver(ledger: MemoryLedger(), logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let drivers = Drivers(exec: platform.driver(), manual: manual)
        #expect(!platform.driver().canRestart(order.target))
        let outcomes = [
            await drivers.restart(order, deadline: self.patience, mayStart: { true }), await platform.driver().restart(order, deadline: self.patience),
        ]
        for outcome in outcomes {
            #expect(outcome.name == "refused" && outcome.error?.code == "driver.no-restart")
            #expect(outcome.error?.message.contains("transcode/eu-west can't be restarted; name a program for it") == true, "\(outcome)")
        }
        #expect(platform.observations == 0)
    }

    @Test("a restart program that is missing is a finding, and an order is refused")
    func missing() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        var target = platform.target()
        target.target = .exec(observe: ["observe", platform.state], scale: ["scale", platform.state], restart: ["nowhere"])
        let findings = await platform.driver().check(target)
        #expect(findings.map(\.code) == ["exec.program"] && findings.first?.message.contains("no program “nowhere”") == true)
        var order = platform.restart()
        order.target = target
        #expect(await platform.driver().restart(order, deadline: self.patience).name == "refused")
        #expect(platform.observations == 0)
    }

    @Test("a person is asked to restart, and nothing counts as ready until somebody says again what runs")
    func manual() async throws {
        let ledger = MemoryLedger()
        let workload = WorkloadID(service: "press", region: "eu-west")
        let driver = ManualDriver(ledger: ledger, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let target = Target(workload: workload, target: .manual)
        ledger.report(workload, current: 3)
        let order = RestartOrder(target: target, expected: 3, action: "one", epoch: Epoch(4), reason: "memory 93 for 5m")
        #expect(
            await driver.restart(order, deadline: self.patience)
                == .accepted(
                    output: "please restart the 3 replicas of press/eu-west, then say how many run: POST /v1/workloads/press/eu-west/observed"))
        #expect(await driver.observe([target], deadline: self.patience) == [.seen(desired: 3, current: 3, ready: 0, version: nil)])
        ledger.report(workload, current: 3)
        #expect(await driver.observe([target], deadline: self.patience) == [.seen(desired: 3, current: 3, ready: 3, version: nil)])
    }
}
