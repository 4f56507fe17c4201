import Engine
import Model

/// Who gets what a ceiling leaves: by priority, then by relative need, by largest remainder.
///
/// ## The order
/// 1. Entitled: what is left under each ceiling, counting what is about to leave as gone, goes to those that want more. Everybody's minimum comes before
///    anybody's rest; then the higher priority is served first; equals share in proportion to their relative need, (need − min) / need.
/// 2. Room: for what is still missing, lower priorities are lowered, the lowest first and among equals the one with the least relative need, as far as each
///    yields now: within its own rates, or to its minimum for an emergency.
/// 3. Granted: of what a workload is entitled to, it gets what is free now. One that shrinks frees its room once it has shrunk, not before.
///
/// ## Invariants
/// - No sum under a ceiling grows past it; one that is past it already does not grow.
/// - Nobody goes below its minimum, and nobody above what it wants. Room that somebody could use is not left.
/// - A higher priority never gets less for being higher.
/// - Workloads are numbered in the order of their names and nothing else breaks a tie: every node comes to the same result.
///
/// Only the workloads that want more under a ceiling that can't serve all take part beyond a sum; storage grows with those and with the ceilings alone.
struct Auction {
    /// One workload's part. Counts are within 0...2³¹ − 1.
    struct Bid: Sendable, Hashable {
        var priority: Int
        /// Its minimum.
        var least: Int
        /// What it is asked to run, after a decision to shrink.
        var size: Int
        /// What it takes up as long as nothing has shrunk; at least `size`.
        var occupies: Int
        /// What it would have without ceilings; not above `size` for those that want no more.
        var wants: Int
        var isUrgent = false

        /// (need − min) / need in 2⁻²⁰ths, at least one of them.
        var relativeNeed: Int64 { Auction.share(of: max(self.wants, self.size), above: self.least) }
    }

    /// What one that wants more may have.
    struct Grant: Sendable, Hashable {
        var workload: Int
        var replicas: Int
        /// Which ceiling denies the rest; −1: it gets all.
        var ceiling: Int
    }

    /// One that makes room.
    struct Taking: Sendable, Hashable {
        var workload: Int
        /// What is left to it.
        var replicas: Int
        /// For whom, and under which ceiling.
        var requester: Int
        var ceiling: Int
    }

    /// Workloads that are asked in one round to make room: each takes about a microsecond. The rest comes in the next round.
    static let maximumAsked = 10_000

    let map: CeilingMap
    let bids: [Bid]
    /// By ceiling: whether it can't serve all that want more.
    private(set) var isContended: [Bool]
    /// Those that want more under such ceilings, by rank.
    private(set) var growers: [Int32] = []
    /// By grower: its result so far, and the ceiling that denied it more.
    private var has: [Int] = []
    private var deniedBy: [Int32] = []
    /// By ceiling.
    private var room: [Int64]

    init(_ map: CeilingMap, _ bids: [Bid]) {
        self.map = map
        self.bids = bids
        self.isContended = []
        self.room = []
    }

    static func share(of need: Int, above least: Int) -> Int64 {
        need > least && need > 0 ? max(1, Int64(need - max(least, 0)) << 20 / Int64(need)) : 1
    }

    /// - Parameter yield: how far a workload may be lowered now; nil: not at all.
    mutating func run(yield: (Int) -> Yield?) -> (grants: [Grant], takings: [Taking]) {
        let (entitledRoom, freeRoom) = self.findContended()
        guard !self.growers.isEmpty else { return ([], []) }

        self.room = entitledRoom
        self.has = self.growers.map { self.bids[Int($0)].size }
        self.deniedBy = self.growers.map { _ in -1 }
        self.serve(self.growers.map { self.bids[Int($0)].wants })
        let entitled = self.has
        let entitledDeniedBy = self.deniedBy
        var eviction = Eviction(map: self.map, bids: self.bids, room: self.room)
        let takings = eviction.run(for: self.growers.indices.map { (Int(self.growers[$0]), self.has[$0]) }, yield: yield)

        self.room = freeRoom
        self.has = self.growers.map { self.bids[Int($0)].occupies }
        self.serve(entitled)
        let grants = self.growers.indices.map { grower in
            let replicas = min(entitled[grower], self.has[grower])
            let by = replicas < entitled[grower] ? self.deniedBy[grower] : entitledDeniedBy[grower]
            let isWhole = replicas >= self.bids[Int(self.growers[grower])].wants
            return Grant(workload: Int(self.growers[grower]), replicas: replicas, ceiling: isWhole ? -1 : Int(by))
        }
        return (grants, takings)
    }

    /// What each ceiling leaves, to be entitled to and at once, and which of them can't serve all.
    private mutating func findContended() -> (entitled: [Int64], free: [Int64]) {
        var entitled = self.map.ceilings.map(\.amount), free = entitled
        var asked = [Int64](repeating: 0, count: entitled.count), askedNow = asked
        var growing: [Int32] = []
        let map = self.map
        for (workload, bid) in self.bids.enumerated() {
            if bid.wants > bid.size { growing.append(Int32(workload)) }
            // Here every workload of the fleet passes: no closure.
            for place in Int(map.starts[workload])..<Int(map.starts[workload + 1]) {
                let ceiling = Int(map.covering[place]), price = map.prices[place]
                entitled[ceiling] = entitled[ceiling].subtractingSaturating(price.multipliedSaturating(by: Int64(bid.size)))
                free[ceiling] = free[ceiling].subtractingSaturating(price.multipliedSaturating(by: Int64(bid.occupies)))
                guard bid.wants > bid.size else { continue }
                asked[ceiling] = asked[ceiling].addingSaturating(price.multipliedSaturating(by: Int64(bid.wants - bid.size)))
                askedNow[ceiling] = askedNow[ceiling].addingSaturating(price.multipliedSaturating(by: Int64(max(0, bid.wants - bid.occupies))))
            }
        }
        self.isContended = entitled.indices.map { asked[$0] > max(0, entitled[$0]) || askedNow[$0] > max(0, free[$0]) }
        self.growers = growing.filter { workload in
            var isAny = false
            self.map.forEach(of: Int(workload)) { ceiling, _ in if self.isContended[ceiling] { isAny = true } }
            return isAny
        }
        self.growers.sort { left, right in
            let (a, b) = (self.bids[Int(left)].priority, self.bids[Int(right)].priority)
            return a != b ? a > b : left < right
        }
        return (entitled, free)
    }

    /// Fills up to the minimums, then to the goals, each by descending priority.
    private mutating func serve(_ goals: [Int]) {
        let minimums = self.growers.indices.map { min(goals[$0], self.bids[Int(self.growers[$0])].least) }
        for (goals, isMinimum) in [(minimums, true), (goals, false)] {
            var first = 0
            while first < self.growers.count {
                let priority = self.bids[Int(self.growers[first])].priority
                var end = first + 1
                while end < self.growers.count, self.bids[Int(self.growers[end])].priority == priority { end += 1 }
                self.serve(first..<end, goals, isMinimum: isMinimum)
                first = end
            }
        }
    }

    /// Shares in proportion until nothing moves any more; what rounding and overlapping ceilings leave then goes by rank.
    private mutating func serve(_ tier: Range<Int>, _ goals: [Int], isMinimum: Bool) {
        var open = tier.filter { self.has[$0] < goals[$0] }
        guard !open.isEmpty else { return }
        let weights = tier.map { grower in
            isMinimum ? Self.share(of: goals[grower], above: self.has[grower]) : self.bids[Int(self.growers[grower])].relativeNeed
        }
        for _ in 0..<Self.maximumRounds where open.count > 1 {
            guard self.share(among: open, goals, weights, from: tier.lowerBound) else { break }
            open = open.filter { self.has[$0] < goals[$0] }
        }
        open.sort { left, right in
            let (a, b) = (weights[left - tier.lowerBound], weights[right - tier.lowerBound])
            return a != b ? a > b : left < right
        }
        for grower in open { self.give(goals[grower] - self.has[grower], to: grower) }
    }

    /// Overlapping ceilings may leave something to share again; each time it is less.
    private static let maximumRounds = 4

    /// As much of `count` as every ceiling has room for.
    @discardableResult
    private mutating func give(_ count: Int, to grower: Int) -> Bool {
        let workload = Int(self.growers[grower])
        var given = Int64(count), by = -1
        self.map.forEach(of: workload) { ceiling, price in
            let affordable = max(0, self.room[ceiling] / price)
            if affordable < given { (given, by) = (affordable, ceiling) }
        }
        if by >= 0 { self.deniedBy[grower] = Int32(by) }
        guard given > 0 else { return false }
        self.map.forEach(of: workload) { ceiling, price in
            self.room[ceiling] = self.room[ceiling].subtractingSaturating(given.multipliedSaturating(by: price))
        }
        self.has[grower] += Int(given)
        return true
    }

    /// Each gets the least of its shares under its ceilings.
    /// - Returns: whether anybody got anything, and more may be left.
    private mutating func share(among open: [Int], _ goals: [Int], _ weights: [Int64], from base: Int) -> Bool {
        var quotas = open.map { goals[$0] - self.has[$0] }
        var under = [[(place: Int, claim: Apportionment.Claim)]](repeating: [], count: self.room.count)
        let map = self.map
        for (place, grower) in open.enumerated() {
            let workload = Int(self.growers[grower])
            for entry in Int(map.starts[workload])..<Int(map.starts[workload + 1]) where self.isContended[Int(map.covering[entry])] {
                let claim = Apportionment.Claim(count: quotas[place], weight: weights[grower - base], price: map.prices[entry])
                under[Int(map.covering[entry])].append((place, claim))
            }
        }
        var isBinding = false
        for ceiling in under.indices where !under[ceiling].isEmpty {
            guard let shares = Apportionment.shares(of: self.room[ceiling], among: under[ceiling].map(\.claim)) else { continue }
            isBinding = true
            for (index, entry) in under[ceiling].enumerated() where shares[index] < quotas[entry.place] { quotas[entry.place] = shares[index] }
        }
        var isAny = false
        for (place, grower) in open.enumerated() where quotas[place] > 0 {
            if self.give(quotas[place], to: grower) { isAny = true }
        }
        return isAny && isBinding
    }
}

/// Room divided in proportion to weights, nobody more than it claims, in whole replicas by largest remainder.
enum Apportionment {
    struct Claim: Sendable, Hashable {
        var count: Int
        /// 1...2²⁰
        var weight: Int64
        /// Of one replica; above 0.
        var price: Int64
        /// Where sums of products must not overflow.
        fileprivate var bounded: Int128 { Int128(min(self.price, 1 << 48)) }
    }

    /// nil: all fits.
    static func shares(of room: Int64, among claims: [Claim]) -> [Int]? {
        var total: Int128 = 0, weights: Int128 = 0
        for claim in claims {
            total += Int128(claim.count) * Int128(claim.price)
            weights += claim.bounded * Int128(claim.weight)
        }
        guard total > Int128(room) else { return nil }
        var shares = [Int](repeating: 0, count: claims.count)
        guard room > 0 else { return shares }
        var left = Int128(room)
        // Those that are satisfied first, first: each leaves the others what it does not need.
        let order = claims.indices.sorted { first, second in
            let (a, b) = (Int64(claims[first].count) * claims[second].weight, Int64(claims[second].count) * claims[first].weight)
            return a != b ? a < b : first < second
        }
        var rest = order[...]
        while let first = rest.first, weights > 0, Int128(claims[first].count) * weights <= left * Int128(claims[first].weight) {
            shares[first] = claims[first].count
            left -= Int128(claims[first].count) * claims[first].bounded
            weights -= claims[first].bounded * Int128(claims[first].weight)
            rest = rest.dropFirst()
        }
        guard weights > 0 else { return shares }
        let pot = left
        var remainders: [(claim: Int, remainder: Int128)] = []
        for index in rest {
            let (whole, remainder) = (pot * Int128(claims[index].weight)).quotientAndRemainder(dividingBy: weights)
            shares[index] = min(Int(clamping: whole), claims[index].count)
            left -= Int128(shares[index]) * claims[index].bounded
            remainders.append((index, remainder))
        }
        remainders.sort { $0.remainder != $1.remainder ? $0.remainder > $1.remainder : $0.claim < $1.claim }
        for (index, _) in remainders where claims[index].bounded <= left && shares[index] < claims[index].count {
            shares[index] += 1
            left -= claims[index].bounded
        }
        return shares
    }
}
