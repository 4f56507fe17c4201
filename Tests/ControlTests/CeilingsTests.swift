@testable import Control
import Engine
import Model
import Testing

@Suite("Ceilings over several workloads")
struct CeilingsTests {
    private static func share(_ name: String, _ now: Int, wants: Int, priority: Int = 0, min: Int = 1, cost: Int64 = 0) -> Ceilings.Share {
        .init(workload: WorkloadID(service: name, region: "eu-west"), priority: priority, min: min, now: now, wanted: wants, cost: cost)
    }
    private static func replicas(_ limit: Int, name: String = "budget:fleet", services: [String]? = nil) -> Ceilings.Ceiling {
        .init(name: name, limit: .replicas(limit)) { id in services?.contains(id.service) ?? true }
    }
    private static func allot(_ shares: [Ceilings.Share], _ ceilings: [Ceilings.Ceiling]) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: Ceilings.allot(shares, under: ceilings).map { ($0.key.service, $0.value.replicas) })
    }

    @Test("with room for all, all get what they want and nobody is told of a ceiling")
    func room() {
        let granted = Ceilings.allot([Self.share("a", 4, wants: 8), Self.share("b", 4, wants: 6)], under: [Self.replicas(14)])
        #expect(granted.values.allSatisfy { $0.by == nil } && granted.values.map(\.replicas).sorted() == [6, 8])
    }

    @Test("the higher priority is served first, the rest gets what is left")
    func priority() {
        let shares = [Self.share("a", 4, wants: 8), Self.share("b", 4, wants: 8, priority: 5), Self.share("c", 4, wants: 4, priority: 9)]
        #expect(Self.allot(shares, [Self.replicas(17)]) == ["a": 5, "b": 8, "c": 4])
        #expect(Self.allot(shares.reversed(), [Self.replicas(17)]) == ["a": 5, "b": 8, "c": 4], "in whatever order they come")
    }

    @Test("among equals the relatively greater need is served first, then the name")
    func need() {
        // (8 − 1) / 8 against (12 − 6) / 12.
        #expect(Self.allot([Self.share("a", 6, wants: 12, min: 6), Self.share("b", 4, wants: 8)], [Self.replicas(14)]) == ["a": 6, "b": 8])
        #expect(Self.allot([Self.share("b", 4, wants: 8), Self.share("a", 4, wants: 8)], [Self.replicas(12)]) == ["a": 8, "b": 4])
    }

    @Test("everybody's minimum comes before anybody's rest")
    func minimum() {
        let shares = [Self.share("a", 4, wants: 20, priority: 9), Self.share("b", 0, wants: 6, min: 2)]
        #expect(Self.allot(shares, [Self.replicas(12)]) == ["a": 10, "b": 2])
        #expect(Self.allot(shares, [Self.replicas(5)]) == ["a": 4, "b": 1], "not even the minimums fit")
    }

    @Test("a workload that several ceilings cover gets the least of them, and takes room from each only for that")
    func several() {
        let shares = [Self.share("a", 4, wants: 10, priority: 9), Self.share("b", 4, wants: 10)]
        let ceilings = [Self.replicas(12), Self.replicas(6, name: "region:eu-west", services: ["a"])]
        for order in [ceilings, ceilings.reversed()] {
            let granted = Ceilings.allot(shares, under: order)
            #expect(granted[shares[0].workload]?.replicas == 6 && granted[shares[0].workload]?.by == "region:eu-west")
            #expect(granted[shares[1].workload]?.replicas == 6 && granted[shares[1].workload]?.by == "budget:fleet")
        }
    }

    @Test("a ceiling of money buys whole replicas at each region's price, and what costs nothing is free")
    func cost() {
        let shares = [Self.share("a", 2, wants: 9, priority: 1, cost: 120), Self.share("b", 2, wants: 9, cost: 50), Self.share("c", 2, wants: 9)]
        let money = Ceilings.Ceiling(name: "budget:money", limit: .cost(Quantity(milli: 1000))) { _ in true }
        // 1.000 − 0.340 leaves 0.660: five at 0.12, then one at 0.05.
        #expect(Self.allot(shares, [money]) == ["a": 7, "b": 3, "c": 9])
    }

    @Test("a ceiling that is exceeded already takes nothing away")
    func exceeded() {
        let shares = [Self.share("a", 9, wants: 12), Self.share("b", 9, wants: 9), Self.share("c", 9, wants: 9)]
        #expect(Self.allot(shares, [Self.replicas(10)]) == ["a": 9, "b": 9, "c": 9])
    }

    @Test(
        "no sum under a ceiling grows past it, nobody shrinks, nobody gets more than it wants, none is left wanting what is free",
        arguments: 0..<300 as Range<UInt64>)
    func property(seed: UInt64) {
        var random = Seeded(seed: seed)
        let shares = (0..<random.int(1...8)).map { index in
            let now = random.int(0...12)
            return Self.share(
                "s\(index)", now, wants: now + max(0, random.int(-5...15)), priority: random.int(0...2), min: random.int(0...5),
                cost: Int64(random.int(0...200)))
        }
        let ceilings = (0..<random.int(1...4)).map { index in
            let covered = Set(shares.map(\.workload).filter { _ in random.chance(60) })
            return Ceilings.Ceiling(
                name: "c\(index)", limit: random.chance(50) ? .replicas(random.int(0...60)) : .cost(Quantity(milli: Int64(random.int(0...6000))))
            ) { covered.contains($0) }
        }
        let granted = Ceilings.allot(shares, under: ceilings)
        func used(_ ceiling: Ceilings.Ceiling, _ count: (Ceilings.Share) -> Int) -> Int64 {
            shares.filter { ceiling.covers($0.workload) }.reduce(0) { sum, share in
                if case .cost = ceiling.limit { sum + share.cost * Int64(count(share)) } else { sum + Int64(count(share)) }
            }
        }
        func amount(_ ceiling: Ceilings.Ceiling) -> Int64 {
            switch ceiling.limit {
            case .replicas(let count): Int64(count);
            case .cost(let money): money.milli
            }
        }
        for share in shares {
            let got = granted[share.workload]?.replicas ?? -1
            #expect((share.now...share.wanted).contains(got), "seed \(seed)")
            #expect((granted[share.workload]?.by != nil) == (got < share.wanted), "seed \(seed)")
        }
        for ceiling in ceilings {
            let after = used(ceiling) { granted[$0.workload]?.replicas ?? 0 }
            #expect(after <= max(amount(ceiling), used(ceiling, \.now)), "seed \(seed): \(ceiling.name)")
        }
        for share in shares where granted[share.workload]?.by != nil {
            let blocked = ceilings.contains { ceiling in
                let price = if case .cost = ceiling.limit { share.cost } else { 1 as Int64 }
                return ceiling.covers(share.workload) && price > 0 && used(ceiling) { granted[$0.workload]?.replicas ?? 0 } + price > amount(ceiling)
            }
            #expect(blocked, "seed \(seed): \(share.workload) could have had one more")
        }
    }
}

@Suite("Ceilings in a leader's round")
struct CeilingsInRoundTests {
    private static func state(_ ceiling: Int, cooldown: Policy.Cooldown = .init()) -> Leader {
        leader(
            fleet([
                .service(service("transcode")), .service(service("search", priority: 5)), .policy(queuePolicy(cooldown: cooldown)),
                .region(Region(name: "eu-west", maxReplicas: ceiling)),
            ]))
    }

    @Test("what is cut says so: step, reason, sentence, plan; what is not stays as it was")
    func cut() throws {
        let state = Self.state(13)
        let pending = state.round([:], [transcode: 200, AskingTests.search: 200], at: start)
        #expect(pending.map { $0.plan?.to } == [8, 5])
        let decision = pending[1].evaluation.decision
        #expect(decision.acted && decision.kind == .up && decision.to == 5 && decision.wanted == 8)
        #expect(decision.reasons.contains(.budgetDenied(by: "region:eu-west")))
        #expect(decision.steps.suffix(2).map(\.name) == [.ceilings, .decision])
        #expect(decision.steps.suffix(2).map(\.output) == [5, 5])
        #expect(decision.sentence.hasSuffix("region:eu-west leaves 5 → 5"))
        #expect(!pending[0].evaluation.decision.steps.contains { $0.name == .ceilings })
    }

    @Test("what gets nothing is held, recorded once, and has nothing to cool down from")
    func denied() throws {
        let state = Self.state(12, cooldown: .init(up: .seconds(600)))
        let pending = state.round([:], [transcode: 200, AskingTests.search: 200], at: start)
        let denied = pending[1]
        #expect(denied.plan == nil && denied.isRecorded && denied.evaluation.memory.lastUp == nil)
        #expect(denied.evaluation.decision.kind == .held && !denied.evaluation.decision.acted)
        state.commit(pending, at: start)
        let sizes = [AskingTests.search: seen(8)]
        let again = state.round(sizes, [transcode: 200, AskingTests.search: 200], at: seconds(15))
        #expect(again[1].evaluation.decision.kind == .held && !again[1].isRecorded)
        state.commit(again, at: seconds(15))
        _ = state.adopt(fleet([.service(service("transcode")), .service(service("search", priority: 5)), .policy(queuePolicy())]), at: seconds(16))
        let free = state.round(sizes, [transcode: 200, AskingTests.search: 200], at: seconds(16))
        #expect(free[1].plan?.to == 8)
    }

    @Test("a workload takes up what it was last seen with, what it is promised, and while it was never seen its maximum")
    func occupied() throws {
        // Only transcode is due and wants 8; search is asked about, and answers nothing.
        func granted(_ prepare: (Leader) -> Void, open: [ActionRecord] = [], sizes: [WorkloadID: Int] = [:]) -> Int? {
            let state = Leader(
                LeaderState(
                    fleet: Self.state(26).state.fleet, remembered: [AskingTests.search: (Memory(), start, nil)], open: open, sizes: sizes, at: start))
            prepare(state)
            let pending = state.round([:], [transcode: 200], at: start)
            return pending.last?.plan?.to
        }
        #expect(granted { _ in } == 6, "20 are kept for search")
        #expect(granted({ _ in }, sizes: [AskingTests.search: 19]) == 7)
        #expect(granted({ $0.observed(AskingTests.search, seen(4)) }) == 8)
        #expect(granted({ $0.observed(AskingTests.search, seen(4, current: 21)) }) == 5)
        #expect(
            granted({
                $0.observed(AskingTests.search, seen(19)); $0.observed(AskingTests.search, .unseen(refusal))
            }) == 7)
        #expect(
            granted({
                $0.observed(AskingTests.search, seen(19)); $0.observed(AskingTests.search, .gone)
            }) == 8)
        #expect(granted({ $0.observed(AskingTests.search, seen(4)) }, open: [action(.verifying, workload: AskingTests.search, to: 19)]) == 7)
    }

    @Test("what does not grow is not touched, however far past its ceiling the region is")
    func shrinking() {
        let state = Self.state(3)
        let pending = state.round([:], [transcode: 25, AskingTests.search: 100], at: start)
        #expect(pending.map { $0.plan?.to } == [nil, 1])
    }

    @Test("a budget of money counts each region's price")
    func money() {
        let state = leader(
            fleet([
                .service(service("transcode")), .policy(queuePolicy()), .region(Region(name: "eu-west", costPerReplicaHour: Quantity(milli: 120))),
                .budget(Budget(name: "fleet", selector: Selector(), maxCostPerHour: Quantity(milli: 700))),
            ]))
        let item = state.round([:], [transcode: 200], at: start).first
        #expect(item?.plan?.to == 5 && item?.evaluation.decision.reasons.last == .budgetDenied(by: "budget:fleet"))
    }
}
