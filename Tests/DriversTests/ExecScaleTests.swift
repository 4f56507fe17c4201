import Drivers
import Eventually
import Foundation
import Model
import Testing

@Suite("Exec driver: scaling", .timeLimit(.minutes(2)))
struct ExecScaleTests {
    private let patience: Duration = .seconds(30)
    /// Time for two quick observations, and then a scale program that hangs.
    private let impatience: Duration = .seconds(3)

    private func scale(
        _ fault: String?, replicas: Int = 5, expected: Int = 3, within deadline: Duration? = nil,
        _ body: (ScriptPlatform, Outcome) async throws -> Void
    ) async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        try platform.breakScale(fault)
        try await body(
            platform,
            await platform.driver().scale(platform.order(replicas, from: expected), deadline: deadline ?? self.patience)
        )
    }

    @Test("a scale program that does what it says is done, and its output is kept")
    func done() async throws {
        try await self.scale(nil) { platform, outcome in
            #expect(
                outcome
                    == .done(
                        .seen(desired: 5, current: 5, ready: 5, version: nil), output: "stdout: scaled from 3 to 5"))
            #expect(platform.replicas == 5)
        }
    }

    @Test("the environment holds what the contract names, PATH and what the node configured, and nothing else")
    func environment() async throws {
        setenv("MUSTER_TEST_OF_THE_NODE", "leaked", 1)
        try await self.scale(nil) { platform, _ in
            let environment = try platform.orderEnvironment()
            #expect(
                environment == [
                    "REPLICAS": "5", "PREVIOUS": "3", "IDEMPOTENCY_KEY": "a-1", "EPOCH": "7",
                    "MUSTER_SERVICE": "transcode",
                    "MUSTER_REGION": "eu-west", "MUSTER_REPLICAS": "5", "MUSTER_EXPECTED": "3", "MUSTER_ACTION": "a-1",
                    "MUSTER_EPOCH": "7",
                    "PLATFORM_TOKEN": ScriptPlatform.secret,
                ])
        }
    }

    @Test("an order that brings a look from just now is not preceded by another; one whose look has grown old is")
    func sight() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        let driver = platform.driver()
        var order = platform.order(5, from: 3)
        let seen = Observation.seen(desired: 3, current: 3, ready: 3, version: nil)
        order.seen = (seen, .now + .seconds(60))
        let first = await driver.scale(order, deadline: self.patience) { false }
        #expect(first == .withheld && platform.observations == 0)
        // What it says counts as what a look says.
        order.seen = (.seen(desired: 4, current: 4, ready: 4, version: nil), .now + .seconds(60))
        let conflicting = await driver.scale(order, deadline: self.patience) { true }
        #expect(conflicting == .conflict(.seen(desired: 4, current: 4, ready: 4, version: nil), output: nil) && platform.orders.isEmpty)
        order.seen = (.seen(desired: 4, current: 4, ready: 4, version: nil), .now)
        let old = await driver.scale(order, deadline: self.patience) { platform.observations == 1 }
        #expect(old == .done(.seen(desired: 5, current: 5, ready: 5, version: nil), output: "stdout: scaled from 3 to 5"), "the platform itself has 3")
    }

    @Test("whether it may still be is asked after the platform was looked at, however long that took: nothing is started when not")
    func withheld() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        let outcome = await platform.driver().scale(platform.order(5, from: 3), deadline: self.patience) { platform.observations == 0 }
        #expect(outcome == .withheld)
        #expect(platform.observations == 1 && platform.orders.isEmpty && platform.replicas == 3)
    }

    @Test("a scale program that lies is accepted, not done: verification decides", arguments: ["lie", "other"])
    func lying(fault: String) async throws {
        try await self.scale(fault) { _, outcome in
            guard case .accepted = outcome else {
                Issue.record("\(outcome)")
                return
            }
        }
    }

    @Test(
        "an exit says what became of the order",
        arguments: [
            ("temporary", "retryable", "exec.temporary"), ("refuse", "refused", "exec.refused"),
            ("exit", "unknown", "exec.exit"),
            ("applied-exit", "unknown", "exec.exit"), ("signal", "unknown", "exec.signal"),
        ])
    func exits(fault: String, name: String, code: String) async throws {
        try await self.scale(fault) { _, outcome in
            #expect(outcome.name == name)
            #expect(outcome.error?.code == code)
            #expect(!everything(in: outcome).contains(ScriptPlatform.secret))
        }
    }

    @Test("exit 3 is a conflict that shows the world as it is")
    func conflictByTheProgram() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        try platform.install("scale", "#!/bin/sh\necho 8 > \"$1/replicas\"\nexit 3\n")
        let outcome = await platform.driver().scale(platform.order(5, from: 3), deadline: self.patience)
        #expect(outcome == .conflict(.seen(desired: 8, current: 8, ready: 8, version: nil), output: nil))
    }

    @Test("another count than expected is a conflict, and the scale program is not run")
    func conflictBefore() async throws {
        try await self.scale(nil, expected: 2) { platform, outcome in
            #expect(outcome == .conflict(.seen(desired: 3, current: 3, ready: 3, version: nil), output: nil))
            #expect(platform.orders.isEmpty)
        }
    }

    @Test("the wanted count that is there already is done, and the scale program is not run")
    func alreadyThere() async throws {
        try await self.scale(nil, replicas: 3, expected: 2) { platform, outcome in
            #expect(outcome == .done(.seen(desired: 3, current: 3, ready: 3, version: nil), output: nil))
            #expect(platform.orders.isEmpty)
        }
    }

    @Test("a workload that cannot be seen is not scaled")
    func unseen() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        try platform.breakObserve("rubbish")
        let outcome = await platform.driver().scale(platform.order(5, from: 3), deadline: self.patience)
        #expect(outcome.name == "retryable" && outcome.error?.code == "exec.output")
        #expect(platform.orders.isEmpty)
    }

    @Test(
        "a scale program that hangs is stopped and unknown; what it may have done is settled by observing",
        arguments: ["hang", "applied-hang"])
    func hanging(fault: String) async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        try platform.breakScale(fault)
        let outcome = await platform.driver().scale(platform.order(5, from: 3), deadline: self.impatience)
        #expect(outcome.name == "unknown" && outcome.error?.code == "exec.timeout")
        #expect(!platform.pids().isEmpty && platform.pids().allSatisfy(ScriptPlatform.isGone))
        try platform.breakScale(nil)
        let second = await platform.driver().scale(platform.order(5, from: 3), deadline: self.patience)
        #expect(second.name == "done")
        #expect(platform.orders.count == (fault == "hang" ? 2 : 1))
        #expect(platform.replicas == 5)
    }

    @Test("a descendant that ignores SIGTERM dies with its group")
    func deafDescendant() async throws {
        try await self.scale("deaf", within: self.impatience) { platform, outcome in
            #expect(outcome.error?.code == "exec.timeout")
            #expect(platform.pids().count == 2)
            // Killed with its group; that it is gone is the kernel's next step.
            try await eventually("its programs are gone") { platform.pids().allSatisfy(ScriptPlatform.isGone) }
        }
    }

    @Test("a cancelled order leaves no process behind and is unknown")
    func cancelled() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        try platform.breakScale("hang")
        let (driver, order) = (platform.driver(), platform.order(5, from: 3))
        let task = Task { await driver.scale(order, deadline: .seconds(60)) }
        try await eventually("its program runs") { !platform.pids().isEmpty }
        task.cancel()
        let outcome = await task.value
        #expect(outcome.name == "unknown" && outcome.error?.code == "exec.cancelled")
        #expect(platform.pids().allSatisfy(ScriptPlatform.isGone))
    }

    @Test("output is drained while the program runs, and its head and tail are kept without the secret")
    func flood() async throws {
        try await self.scale("flood") { _, outcome in
            #expect(outcome.name == "done")
            let output = try #require(outcome.output)
            #expect(output.utf8.count <= 2 * 4096 + 64)
            #expect(output.contains("bytes left out") && output.contains("the last words"))
            #expect(!output.contains("canary"))
        }
    }

    @Test("orders that wait for a free slot longer than their deadline were certainly not applied")
    func noSlot() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        try platform.breakObserve("hang")
        let driver = platform.driver(concurrency: 1)
        let target = platform.target("other")
        let occupied = Task { await driver.observe([target], deadline: .seconds(60)) }
        try await eventually("its program runs") { !platform.pids().isEmpty }
        let outcome = await driver.scale(platform.order(5, from: 3), deadline: .milliseconds(100))
        #expect(outcome.name == "retryable" && outcome.error?.code == "exec.busy")
        occupied.cancel()
        _ = await occupied.value
        try platform.breakObserve(nil)
        #expect(await driver.scale(platform.order(5, from: 3), deadline: self.patience).name == "done")
    }
}
