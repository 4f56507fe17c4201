@testable import Control
import Engine
import Model
import SeededRandom
import Testing

/// An auction told with names; they are numbered in their order, as a fleet's workloads are.
struct NamedAuction {
    struct Share {
        var name: String
        var bid: Auction.Bid
        var cost: Int64 = 0
        var yield: Yield?
    }
    struct Limit {
        var ceiling: Ceiling
        var services: [String]?
        func price(_ share: Share) -> Int64? {
            guard self.services?.contains(share.name) ?? true else { return nil }
            if case .cost = self.ceiling.limit { return share.cost }
            return 1
        }
    }

    var shares: [Share]
    var limits: [Limit]
    var granted: [String: Int] = [:]
    var by: [String: String] = [:]
    var lowered: [String: Int] = [:]
    var lines: [String] = []

    init(_ shares: [Share], _ limits: [Limit]) {
        let shares = shares.sorted { $0.name < $1.name }
        self.shares = shares
        self.limits = limits
        let map = CeilingMap(limits.map(\.ceiling), workloads: shares.count) { limits[$1].price(shares[$0]) }
        var auction = Auction(map, shares.map(\.bid))
        let (grants, takings) = auction.run { shares[$0].yield }
        for share in shares { self.granted[share.name] = max(share.bid.wants, share.bid.size) }
        for grant in grants {
            self.granted[shares[grant.workload].name] = grant.replicas
            if grant.ceiling >= 0 { self.by[shares[grant.workload].name] = limits[grant.ceiling].ceiling.name }
        }
        for taking in takings { self.lowered[shares[taking.workload].name] = taking.replicas }
        self.lines = grants.map { "\($0)" } + takings.map { "\($0)" }
    }

    func used(_ limit: Limit, _ count: (Share) -> Int) -> Int64 { self.shares.reduce(0) { $0 + (limit.price($1) ?? 0) * Int64(count($1)) } }
    func after(_ share: Share) -> Int {
        let got = self.granted[share.name] ?? 0
        return got > share.bid.size ? max(got, share.bid.occupies) : share.bid.occupies
    }
}

private func share(
    _ name: String, _ now: Int, wants: Int? = nil, priority: Int = 0, min: Int = 1, cost: Int64 = 0, occupies: Int? = nil, isUrgent: Bool = false,
    yields: Yield? = nil
) -> NamedAuction.Share {
    .init(
        name: name, bid: .init(priority: priority, least: min, size: now, occupies: occupies ?? now, wants: wants ?? now, isUrgent: isUrgent), cost: cost,
        yield: yields)
}
private func replicas(_ limit: Int, name: String = "budget:fleet", services: [String]? = nil) -> NamedAuction.Limit {
    .init(ceiling: Ceiling(name, .replicas(limit)), services: services)
}
private func money(_ milli: Int64) -> NamedAuction.Limit { .init(ceiling: Ceiling("budget:money", .cost(Quantity(milli: milli)))) }

@Suite("Ceilings over several workloads")
struct AuctionTests {
    @Test("with room for all, all get what they want and nobody is told of a ceiling")
    func room() {
        let result = NamedAuction([share("a", 4, wants: 8), share("b", 4, wants: 6)], [replicas(14)])
        #expect(result.by.isEmpty && result.granted == ["a": 8, "b": 6])
    }

    @Test("the higher priority is served first, the rest gets what is left")
    func priority() {
        let shares = [share("a", 4, wants: 8), share("b", 4, wants: 8, priority: 5), share("c", 4, priority: 9)]
        let result = NamedAuction(shares, [replicas(17)])
        #expect(result.granted == ["a": 5, "b": 8, "c": 4] && result.by == ["a": "budget:fleet"])
    }

    @Test(
        "equals share in proportion to their relative need, by largest remainder, and nobody gets more than it wants",
        arguments: [
            // Equal needs share evenly; the odd one goes to the first by name.
            (14, [10, 10], [1, 1], [7, 7]), (15, [10, 10], [1, 1], [8, 7]),
            // (12 − 6) / 12 against (8 − 1) / 8: 4 : 7 of 11.
            (11, [12, 8], [6, 1], [4, 7]),
            // What one can't use goes to the others.
            (12, [20, 3, 20], [1, 1, 1], [5, 3, 4]), (0, [9, 9], [1, 1], [0, 0]), (30, [9, 9], [1, 1], [9, 9]),
            // With no minimum every need is relatively whole.
            (10, [1000, 4], [0, 0], [6, 4]), (3, [1000, 1000], [0, 0], [2, 1]),
        ] as [(Int, [Int], [Int], [Int])])
    func need(limit: Int, wants: [Int], least: [Int], expected: [Int]) {
        // All start from nothing, so that the limit is what is shared; their minimums would come first, so none has any here.
        let claims = zip(wants, least).map { Apportionment.Claim(count: $0, weight: Auction.share(of: $0, above: $1), price: 1) }
        #expect((Apportionment.shares(of: Int64(limit), among: claims) ?? wants) == expected)
    }

    @Test("everybody's minimum comes before anybody's rest, and lacking room for all of them it goes by priority")
    func minimum() {
        let shares = [share("a", 4, wants: 20, priority: 9), share("b", 0, wants: 6, min: 2)]
        #expect(NamedAuction(shares, [replicas(12)]).granted == ["a": 10, "b": 2])
        #expect(NamedAuction(shares, [replicas(5)]).granted == ["a": 4, "b": 1])
        let minimums = [share("a", 0, wants: 4, min: 4), share("b", 0, wants: 4, priority: 1, min: 4)]
        #expect(NamedAuction(minimums, [replicas(6)]).granted == ["a": 2, "b": 4])
    }

    @Test("a workload that several ceilings cover gets the least of them, and takes room from each only for that")
    func several() {
        let shares = [share("a", 4, wants: 10, priority: 9), share("b", 4, wants: 10)]
        let limits = [replicas(12), replicas(6, name: "region:eu-west", services: ["a"])]
        for order in [limits, limits.reversed()] {
            let result = NamedAuction(shares, order)
            #expect(result.granted == ["a": 6, "b": 6] && result.by == ["a": "region:eu-west", "b": "budget:fleet"])
        }
    }

    @Test("a ceiling of money buys whole replicas at each region's price, and what costs nothing is free")
    func cost() {
        let shares = [share("a", 2, wants: 9, priority: 1, cost: 120), share("b", 2, wants: 9, cost: 50), share("c", 2, wants: 9)]
        // 1.000 − 0.340 leaves 0.660: five at 0.12, then one at 0.05.
        #expect(NamedAuction(shares, [money(1000)]).granted == ["a": 7, "b": 3, "c": 9])
    }

    @Test("a ceiling that is exceeded already takes nothing away")
    func exceeded() {
        #expect(NamedAuction([share("a", 9, wants: 12), share("b", 9), share("c", 9)], [replicas(10)]).granted == ["a": 9, "b": 9, "c": 9])
    }

    @Test("what is leaving frees room once it has left, but is promised to the higher priority until then")
    func leaving() {
        // b shrinks from 10 to 4 and wants back; a gets 6 once they are gone.
        let shares = [share("a", 4, wants: 10, priority: 5), share("b", 4, wants: 10, occupies: 10)]
        let result = NamedAuction(shares, [replicas(14)])
        #expect(result.granted == ["a": 4, "b": 4] && result.by == ["a": "budget:fleet", "b": "budget:fleet"])
    }
}

@Suite("Room made for higher priorities")
struct EvictionTests {
    private static func gently(_ replicas: Int, atOnce: Int = 1) -> Yield { Yield(gently: replicas, atOnce: atOnce) }

    @Test("lower priorities are lowered, the lowest first, each within its own rate")
    func lowest() {
        let shares = [
            share("a", 4, wants: 14, priority: 9), share("b", 10, priority: 1, yields: Self.gently(2)), share("c", 10, priority: 0, yields: Self.gently(7)),
            share("d", 10, priority: 9, yields: Self.gently(1)),
        ]
        let result = NamedAuction(shares, [replicas(36)])
        #expect(result.granted["a"] == 6, "two were free")
        #expect(result.lowered == ["b": 5, "c": 7], "three from c, five from b, none from an equal")
    }

    @Test("of equals the one with the least relative need gives first")
    func relative() {
        let shares = [share("a", 4, wants: 5, priority: 9), share("b", 10, min: 8, yields: Self.gently(8)), share("c", 10, yields: Self.gently(1))]
        #expect(NamedAuction(shares, [replicas(24)]).lowered == ["b": 9])
    }

    @Test("an emergency does not wait for rates, and one in an emergency of its own gives to emergencies only")
    func emergency() {
        func result(urgent: Bool, other: Bool) -> [String: Int] {
            NamedAuction(
                [share("a", 4, wants: 12, priority: 9, isUrgent: urgent), share("b", 10, isUrgent: other, yields: Self.gently(9))], [replicas(14)]
            ).lowered
        }
        #expect(result(urgent: false, other: false) == ["b": 9])
        #expect(result(urgent: true, other: false) == ["b": 2])
        #expect(result(urgent: false, other: true) == [:])
        #expect(result(urgent: true, other: true) == ["b": 2])
    }

    @Test("nobody is lowered where another ceiling denies the room anyway, nor more than another ceiling leaves of use")
    func inVain() {
        let shares = [share("a", 4, wants: 14, priority: 9), share("b", 10, yields: Self.gently(1)), share("c", 10, yields: Self.gently(1))]
        #expect(NamedAuction(shares, [replicas(24), replicas(4, name: "region:a", services: ["a"])]).lowered == [:])
        #expect(NamedAuction(shares, [replicas(24), replicas(7, name: "region:a", services: ["a"])]).lowered == ["c": 7])
    }

    @Test("one that makes room under two ceilings at once is asked once")
    func shared() {
        let shares = [share("a", 4, wants: 9, priority: 9), share("b", 10, yields: Self.gently(1))]
        #expect(NamedAuction(shares, [replicas(14), replicas(14, name: "region:eu-west")]).lowered == ["b": 5])
    }

    @Test("room that is about to be free anyway is not made twice")
    func once() {
        let shares = [share("a", 4, wants: 9, priority: 9), share("b", 5, occupies: 10, yields: Self.gently(1))]
        #expect(NamedAuction(shares, [replicas(14)]).lowered == [:])
    }
}

@Suite("Ceilings, whatever comes")
struct AuctionPropertyTests {
    private static func random(_ random: inout Seeded, nested: Bool = false) -> ([NamedAuction.Share], [NamedAuction.Limit]) {
        let shares = (0..<random.int(1...9)).map { index in
            let now = random.int(0...12)
            let least = random.int(0...5)
            let yields = random.chance(50) ? random.int(0...12) : nil
            return share(
                "s\(index)", now, wants: now + max(0, random.int(-5...15)), priority: random.int(0...2), min: least, cost: Int64(random.int(0...200)),
                occupies: now + max(0, random.int(-9...4)), isUrgent: random.chance(15),
                yields: yields.map { Yield(gently: max($0, least), atOnce: least) })
        }
        let limits = (0..<random.int(1...4)).map { index in
            let covered = shares.map(\.name).filter { _ in random.chance(60) }
            let isCost = !nested && random.chance(50)
            return NamedAuction.Limit(
                ceiling: Ceiling("c\(index)", isCost ? .cost(Quantity(milli: Int64(random.int(0...6000)))) : .replicas(random.int(0...70))),
                services: nested && index == 0 ? nil : covered)
        }
        return (shares, nested ? Array(limits.prefix(1)) : limits)
    }

    @Test(
        "no sum under a ceiling grows past it, nobody gets more than it wants, none is left wanting what is free, and who is lowered may be",
        arguments: 0..<500 as Range<UInt64>)
    func invariants(seed: UInt64) {
        var random = Seeded(seed: seed)
        let (shares, limits) = Self.random(&random)
        let result = NamedAuction(shares, limits)
        for share in shares {
            let got = result.granted[share.name] ?? -1
            #expect(got >= share.bid.size && got <= max(share.bid.wants, share.bid.size), "seed \(seed)")
            #expect((result.by[share.name] != nil) == (got < share.bid.wants), "seed \(seed): \(share.name)")
        }
        for limit in limits {
            let before = result.used(limit) { $0.bid.occupies }
            #expect(result.used(limit, result.after) <= max(limit.ceiling.amount, before), "seed \(seed): \(limit.ceiling.name)")
        }
        for share in shares where result.by[share.name] != nil {
            // Of what leaves, it is entitled to its part when that has left: one more must not fit in now, nor then.
            let isBlocked = limits.contains { limit in
                guard let price = limit.price(share), price > 0 else { return false }
                return result.used(limit, result.after) + price > limit.ceiling.amount
                    || result.used(limit) { max($0.bid.size, result.granted[$0.name] ?? 0) } + price > limit.ceiling.amount
            }
            let isPromised = shares.contains { $0.bid.occupies > $0.bid.size }
            #expect(isBlocked || isPromised, "seed \(seed): \(share.name) could have had one more")
        }
        for (name, left) in result.lowered {
            guard let lowered = shares.first(where: { $0.name == name }), let yield = lowered.yield else {
                Issue.record("seed \(seed): \(name) does not yield")
                continue
            }
            #expect(left < lowered.bid.size && left >= max(lowered.bid.least, min(yield.gently, yield.atOnce)), "seed \(seed)")
            let isFor = shares.contains { $0.bid.priority > lowered.bid.priority && result.by[$0.name] != nil && ($0.bid.isUrgent || left >= yield.gently) }
            #expect(isFor, "seed \(seed): \(name) is lowered for nobody")
        }
    }

    @Test("nobody gets less for a higher priority", arguments: 0..<500 as Range<UInt64>)
    func monotone(seed: UInt64) {
        var random = Seeded(seed: seed)
        var (shares, limits) = Self.random(&random, nested: true)
        for index in shares.indices { shares[index].bid.occupies = shares[index].bid.size }
        let before = NamedAuction(shares, limits)
        let index = random.int(0...shares.count - 1)
        shares[index].bid.priority += random.int(1...2)
        let after = NamedAuction(shares, limits)
        let name = shares[index].name
        #expect((after.granted[name] ?? 0) >= (before.granted[name] ?? 0), "seed \(seed): \(name)")
    }

    @Test("the order in which workloads and ceilings are listed does not matter", arguments: 0..<200 as Range<UInt64>)
    func order(seed: UInt64) {
        var random = Seeded(seed: seed)
        let (shares, limits) = Self.random(&random)
        let one = NamedAuction(shares, limits)
        #expect(one.lines == NamedAuction(shares.shuffled(using: &random), limits).lines, "seed \(seed)")
    }

    @Test("under one ceiling everything is given out, to the last replica", arguments: 0..<300 as Range<UInt64>)
    func exact(seed: UInt64) {
        var random = Seeded(seed: seed)
        var (shares, limits) = Self.random(&random, nested: true)
        for index in shares.indices { shares[index].bid.occupies = shares[index].bid.size }
        let result = NamedAuction(shares, limits)
        let wanted = shares.reduce(0) { $0 + max($1.bid.wants, $1.bid.size) }, had = shares.reduce(0) { $0 + $1.bid.size }
        let got = shares.reduce(0) { $0 + (result.granted[$1.name] ?? 0) }
        #expect(got == min(wanted, max(had, Int(limits[0].ceiling.amount))), "seed \(seed)")
    }

    @Test("extreme counts, prices and priorities neither trap nor exceed")
    func extremes() {
        let most = Int(Int32.max)
        let shares = [
            share("a", 0, wants: most, priority: .max, min: 0, cost: .max), share("b", most, wants: most, priority: .min, min: most, cost: 1),
            share("c", 0, wants: most, priority: 0, min: most, cost: .max / 2), share("d", 1, wants: most, priority: 0, cost: 1),
            share("e", most, priority: .min, min: 0, cost: .max, yields: Yield(gently: 0, atOnce: 0)),
        ]
        for limit in [money(.max), money(0), money(-5), replicas(.max), replicas(0), replicas(.min)] {
            let result = NamedAuction(shares, [limit, replicas(most)])
            #expect(result.granted.values.allSatisfy { $0 >= 0 && $0 <= most })
        }
    }
}
