import Control
import Engine
import Model
import SeededRandom
import Testing

@Suite("A second person's word")
struct ApprovalTests {
    private func policy(above: Int = 2) -> Policy {
        var policy = queuePolicy()
        policy.approval = .init(above: above)
        return policy
    }

    private func fleet(_ approvals: [Approval] = [], policy: Policy? = nil, version: Int = 7) -> Fleet {
        Fleet(
            manifests: [Manifest.service(service("transcode")), .policy(policy ?? self.policy())].map { ($0, version, "ab12") }, enabled: true, pauses: [],
            overrides: [], approvals: approvals)
    }

    private func word(
        _ verdict: Approval.Verdict = .approved, id: Int64 = 1, from: Int = 4, to: Int = 8, version: Int = 7, until: WallTime = seconds(900)
    ) -> Approval {
        Approval(
            id: id, workload: transcode, policy: "queue", policyVersion: version, decision: 88, from: from, to: to, verdict: verdict, actor: "anna",
            reason: "it is known", since: start, until: until)
    }

    private func round(_ leader: Leader, size: Int = 4, queue: Int = 200, at now: WallTime) throws -> LeaderState.Pending {
        try #require(leader.round([transcode: seen(size)], [transcode: queue], at: now).first)
    }

    @Test("a large change waits, is recorded once, and says what it would do")
    func waits() throws {
        let leader = leader(self.fleet())
        let first = try self.round(leader, at: start)
        #expect(first.plan == nil && first.isRecorded && !first.evaluation.decision.acted)
        #expect(first.evaluation.decision.reasons.contains(.awaitingApproval) && first.evaluation.decision.to == 8)
        leader.commit([first], at: start)
        let second = try self.round(leader, at: seconds(15))
        #expect(!second.isRecorded && second.plan == nil)
    }

    @Test("a word is heard at once, lets one change through, and is used up by it")
    func once() throws {
        let leader = leader(self.fleet())
        leader.commit([try self.round(leader, at: start)], at: start)
        _ = leader.adopt(self.fleet([self.word()]), at: seconds(1))
        let acting = try self.round(leader, at: seconds(1))
        #expect(acting.plan?.to == 8 && acting.approval?.id == 1)
        #expect(acting.evaluation.decision.sentence.contains("d-88 was approved by anna: it is known"))
        #expect(acting.evaluation.decision.steps.contains { $0.text?.contains("approved by anna") == true })
        let actions = leader.commit([acting], at: seconds(1))
        // The configuration that is read next may still be from before that commit.
        _ = leader.adopt(self.fleet([self.word()]), at: seconds(2))
        _ = leader.attempted(try #require(actions.first), outcome: .done(seen(8)), startedAt: seconds(2), at: seconds(2))
        let again = try self.round(leader, size: 8, queue: 400, at: seconds(20))
        #expect(again.plan == nil && again.evaluation.decision.reasons.contains(.awaitingApproval))
        let back = try self.round(leader, size: 4, at: seconds(40))
        #expect(back.plan == nil, "the same change once more")
    }

    @Test("a commit that failed has used nothing up")
    func failedCommit() throws {
        let leader = leader(self.fleet([self.word()]))
        #expect(try self.round(leader, at: start).plan != nil)
        #expect(try self.round(leader, at: seconds(15)).approval?.id == 1)
    }

    static let others: [(name: String, word: Approval?, size: Int, queue: Int)] = {
        let tests = ApprovalTests()
        return [
            ("nobody said anything", nil, 4, 200), ("it was refused", tests.word(.rejected), 4, 200),
            ("it has ended", tests.word(until: seconds(1)), 4, 200), ("another version of the policy", tests.word(version: 6), 4, 200),
            ("it wants more", tests.word(), 4, 225), ("a larger change to the same number", tests.word(), 2, 200),
            ("the other direction", tests.word(), 12, 25), ("beyond it already", tests.word(), 9, 300),
            ("another one's down is no up", tests.word(from: 12, to: 4), 4, 200),
        ]
    }()

    @Test("a word is for that change only", arguments: others)
    func bound(name: String, word: Approval?, size: Int, queue: Int) throws {
        let leader = leader(self.fleet(word.map { [$0] } ?? []), at: seconds(5))
        let pending = try self.round(leader, size: size, queue: queue, at: seconds(5))
        #expect(pending.plan == nil && pending.approval == nil, "\(name)")
        #expect(pending.evaluation.decision.reasons.contains(.awaitingApproval), "\(name)")
    }

    @Test("a smaller change needs no word and leaves it; one as large as agreed, or between, uses it")
    func smaller() throws {
        for (size, queue, uses) in [(4, 150, false), (4, 175, true), (5, 200, true), (6, 200, false)] {
            let pending = try self.round(leader(self.fleet([self.word()])), size: size, queue: queue, at: start)
            #expect(pending.plan != nil && (pending.approval != nil) == uses, "\(size), \(queue)")
        }
    }

    @Test("an emergency that raises passes without a word, and uses none")
    func emergency() throws {
        var policy = self.policy()
        policy.emergency = .init(when: try Expression(parsing: "queue > 100"), replicas: .max)
        let pending = try self.round(leader(self.fleet([self.word()], policy: policy)), at: start)
        #expect(pending.plan?.to == 20 && pending.approval == nil)
    }

    @Test("what is agreed to from a size never exceeds what was agreed to, whatever the numbers")
    func agreed() {
        var generator = Seeded(seed: 4711)
        for _ in 0..<20_000 {
            let numbers = [0, 1, 4, 8, .max, .min, generator.int(0...30)]
            let (from, to, current) = (generator.pick(numbers), generator.pick(numbers), generator.pick(numbers))
            guard let agreed = self.word(from: from, to: to).agreed(from: current) else { continue }
            let isUp = to > from
            #expect(isUp ? agreed > current && agreed <= to : agreed < current && agreed >= to, "\(from) → \(to), from \(current): \(agreed)")
        }
    }
}
