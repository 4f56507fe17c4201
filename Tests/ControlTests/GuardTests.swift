import Control
import Engine
import Model
import Testing

@Suite("Guards")
struct GuardTests {
    private func fleet(_ guards: [Policy.Guard], mode: Policy.Mode = .live, enabled: Bool = true) -> Fleet {
        var policy = queuePolicy(mode: mode)
        policy.guards = guards
        return Fleet(
            manifests: [Manifest.service(service("transcode")), .policy(policy)].map { ($0, 7, "ab12") }, enabled: enabled, pauses: [pause(.both)],
            overrides: [])
    }

    private func notify(_ when: String, _ severity: Policy.Guard.Severity = .critical, for sustained: Duration = .zero) throws -> Policy.Guard {
        Policy.Guard(when: try Expression(parsing: when), sustained: sustained, effect: .notify(severity))
    }

    @Test("a condition that has held long enough tells once, in one sentence, and again when its period is over")
    func telling() throws {
        let leader = leader(self.fleet([try self.notify("queue < 1", .info), try self.notify("queue > 100", for: .seconds(30))]))
        var told: [Int: [GuardNotice]] = [:]
        for second in stride(from: 0, through: 660, by: 15) {
            let pending = leader.round([transcode: seen(4)], [transcode: 120], at: seconds(second))
            if let notices = pending.first?.notices, !notices.isEmpty { told[second] = notices }
            leader.commit(pending, at: seconds(second))
        }
        #expect(told.keys.sorted() == [30, 630])
        #expect(
            told[30] == [
                GuardNotice(
                    place: 1, severity: .critical, when: "queue > 100", sustained: .seconds(30),
                    sentence: "transcode/eu-west: “queue > 100” (queue 120) for 30s")
            ])
    }

    @Test("what was not committed was not told: it is told with the next evaluation")
    func failedCommit() throws {
        let leader = leader(self.fleet([try self.notify("queue > 100")]))
        #expect(leader.round([transcode: seen(4)], [transcode: 120], at: start).first?.notices.count == 1)
        let again = leader.round([transcode: seen(4)], [transcode: 120], at: seconds(15))
        #expect(again.first?.notices.count == 1)
        leader.commit(again, at: seconds(15))
        #expect(leader.round([transcode: seen(4)], [transcode: 120], at: seconds(30)).first?.notices.isEmpty == true)
    }

    @Test("pauses, the switch and modes keep nobody from being told; a policy that is off is silent", arguments: Policy.Mode.allCases)
    func held(mode: Policy.Mode) throws {
        let leader = leader(self.fleet([try self.notify("queue > 100")], mode: mode, enabled: false))
        let pending = leader.round([transcode: seen(4)], [transcode: 120], at: start)
        #expect(pending.first?.notices.count == (mode == .off ? 0 : 1))
    }
}
