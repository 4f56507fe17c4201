import Drivers
import Foundation
import Logging
import Model
import Testing

@Suite("Manual driver")
struct ManualDriverTests {
    private let limit: Duration = .seconds(10)
    private let workload = WorkloadID(service: "press", region: "eu-west")
    private let ledger = MemoryLedger()
    private var driver: ManualDriver {
        ManualDriver(ledger: self.ledger, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }
    private var target: Target { Target(workload: self.workload, target: .manual) }

    private func order(_ replicas: Int, from expected: Int, _ action: String = "one") -> ScaleOrder {
        ScaleOrder(
            target: self.target, replicas: replicas, expected: expected, action: action, epoch: Epoch(4),
            reason: "queue 180 wants more")
    }

    @Test("nobody has said how many run: unseen, and the words say how to say it")
    func unreported() async throws {
        guard case .unseen(let error) = await self.driver.observe([self.target], deadline: self.limit)[0] else {
            Issue.record("seen")
            return
        }
        #expect(error.code == "manual.unreported")
        #expect(error.message.contains("POST /v1/workloads/press/eu-west/observed"))
        #expect(await self.driver.scale(self.order(5, from: 3), deadline: self.limit).name == "refused")
        #expect(await self.driver.check(self.target).map(\.code) == ["manual.unreported"])
    }

    @Test("an order is a request in words, and done when somebody reports it")
    func requestAndReport() async throws {
        self.ledger.report(self.workload, current: 3)
        let outcome = await self.driver.scale(self.order(5, from: 3), deadline: self.limit)
        #expect(
            outcome
                == .accepted(
                    output:
                        "please scale press/eu-west from 3 to 5, then say so: POST /v1/workloads/press/eu-west/observed"
                ))
        #expect(
            await self.driver.observe([self.target], deadline: self.limit) == [
                .seen(desired: 5, current: 3, ready: 3, version: nil)
            ])
        self.ledger.obey(self.workload)
        #expect(
            await self.driver.observe([self.target], deadline: self.limit) == [
                .seen(desired: 5, current: 5, ready: 5, version: nil)
            ])
    }

    @Test("a newer request replaces an older one that nobody followed")
    func replacement() async throws {
        self.ledger.report(self.workload, current: 3)
        _ = await self.driver.scale(self.order(5, from: 3), deadline: self.limit)
        #expect(await self.driver.scale(self.order(4, from: 5, "two"), deadline: self.limit).name == "accepted")
        #expect(self.ledger.state(self.workload).request?.replicas == 4)
    }

    @Test("a request whose recording got no answer is unknown")
    func lostAnswer() async throws {
        self.ledger.report(self.workload, current: 3)
        self.ledger.fail(.answerOfRecording)
        let outcome = await self.driver.scale(self.order(5, from: 3), deadline: self.limit)
        #expect(outcome.name == "unknown" && outcome.error?.code == "manual.ledger")
    }

    @Test("targets of several kinds are answered in their order")
    func mixedKinds() async throws {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        self.ledger.report(self.workload, current: 9)
        let drivers = Drivers(exec: platform.driver(), manual: self.driver)
        let observations = await drivers.observe([self.target, platform.target(), self.target], deadline: .seconds(30))
        #expect(
            observations == [9, 3, 9].map { .seen(desired: $0, current: $0, ready: $0, version: nil) })
        #expect(await drivers.scale(platform.order(4, from: 3), deadline: .seconds(30)).name == "done")
        #expect(await drivers.scale(self.order(8, from: 9), deadline: self.limit).name == "accepted")
        #expect(await drivers.check(platform.target()) == [])
    }
}
