public import Model

/// A limit on several workloads together: a region's `maxReplicas`, a budget's `maxReplicas` or `maxCostPerHour`.
public struct Ceiling: Sendable, Hashable {
    /// What is limited, and to how much.
    public enum Limit: Sendable, Hashable {
        case replicas(Int)
        /// Money per hour. Replicas cost what their region says, nothing where it says nothing.
        case cost(Quantity)
    }

    /// `region:eu-west`, `budget:fleet`
    public var name: String
    /// What is limited, and to how much.
    public var limit: Limit

    public init(_ name: String, _ limit: Limit) {
        self.name = name
        self.limit = limit
    }

    /// Replicas, or thousandths of money per hour.
    var amount: Int64 {
        switch self.limit {
        case .replicas(let count): Int64(count)
        case .cost(let money): money.milli
        }
    }

    /// An amount under this ceiling, as people say it: `200`, `12.5 an hour`.
    func words(_ amount: Int64) -> String {
        switch self.limit {
        case .replicas: "\(amount)"
        case .cost: "\(Quantity(milli: amount)) an hour"
        }
    }
}

/// Minimums that together exceed a ceiling. Nobody is brought below its minimum for that: it is said, and a person decides.
public struct Overcommitment: Sendable, Hashable, CustomStringConvertible {
    /// The ceiling that they exceed.
    public var ceiling: Ceiling
    /// What the minimums add up to: replicas, or thousandths of money per hour.
    public var least: Int64
    /// How much of that is beyond the ceiling.
    public var excess: Int64 { self.least.subtractingSaturating(self.ceiling.amount) }

    public var description: String {
        "\(self.ceiling.name) is overcommitted: the minimums add up to \(self.ceiling.words(self.least)), \(self.ceiling.words(self.excess)) more than its "
            + "\(self.ceiling.words(self.ceiling.amount)); raise it or lower minimums"
    }
}

extension Overcommitment: JSONEncodable {
    /// Amounts are replicas or money per hour, as `unit` says.
    public var json: JSON {
        let isCost = if case .cost = self.ceiling.limit { true } else { false }
        func amount(_ value: Int64) -> JSON { isCost ? Quantity(milli: value).json : .int(value) }
        return [
            "ceiling": .string(self.ceiling.name), "unit": isCost ? "cost" : "replicas", "limit": amount(self.ceiling.amount), "least": amount(self.least),
            "excess": amount(self.excess),
        ]
    }
}

/// Which workloads each ceiling covers, and at what price: looked up once for each configuration.
struct CeilingMap: Sendable, Hashable {
    let ceilings: [Ceiling]
    /// By workload, from `starts[w]` to `starts[w + 1]`: its ceilings, ascending, and what one of its replicas takes up under each. What is free is left out.
    let starts: [Int32]
    let covering: [Int32]
    let prices: [Int64]
    /// By ceiling, in the same way: its workloads, ascending.
    private let memberStarts: [Int32]
    private let memberList: [Int32]

    /// - Parameter price: of a replica of a workload under a ceiling; nil: it is not covered.
    init(_ ceilings: [Ceiling], workloads: Int, price: (_ workload: Int, _ ceiling: Int) -> Int64?) {
        self.ceilings = ceilings
        var starts: [Int32] = [0], covering: [Int32] = [], prices: [Int64] = []
        var counts = [Int32](repeating: 0, count: ceilings.count)
        starts.reserveCapacity(workloads + 1)
        for workload in 0..<workloads {
            for ceiling in ceilings.indices {
                guard let price = price(workload, ceiling), price > 0 else { continue }
                covering.append(Int32(ceiling))
                prices.append(price)
                counts[ceiling] += 1
            }
            starts.append(Int32(covering.count))
        }
        var memberStarts: [Int32] = [0]
        for count in counts { memberStarts.append((memberStarts.last ?? 0) + count) }
        var next = memberStarts
        var members = [Int32](repeating: 0, count: covering.count)
        for workload in 0..<workloads {
            for place in Int(starts[workload])..<Int(starts[workload + 1]) {
                let ceiling = Int(covering[place])
                members[Int(next[ceiling])] = Int32(workload)
                next[ceiling] += 1
            }
        }
        (self.starts, self.covering, self.prices, self.memberStarts, self.memberList) = (starts, covering, prices, memberStarts, members)
    }

    /// The ceilings of a workload.
    @inline(__always)
    func forEach(of workload: Int, _ body: (_ ceiling: Int, _ price: Int64) -> Void) {
        for place in Int(self.starts[workload])..<Int(self.starts[workload + 1]) { body(Int(self.covering[place]), self.prices[place]) }
    }
    func price(of workload: Int, under ceiling: Int) -> Int64? {
        for place in Int(self.starts[workload])..<Int(self.starts[workload + 1]) where Int(self.covering[place]) == ceiling { return self.prices[place] }
        return nil
    }
    func members(of ceiling: Int) -> ArraySlice<Int32> { self.memberList[Int(self.memberStarts[ceiling])..<Int(self.memberStarts[ceiling + 1])] }
}

extension CeilingMap {
    /// The ceilings of a fleet over its members, regions first, by name.
    init(_ fleet: Fleet) {
        enum Scope { case region(String), budget(Selector) }
        var ceilings: [Ceiling] = [], scopes: [Scope] = []
        for region in fleet.regions.values.sorted(by: { $0.name < $1.name }) {
            guard let limit = region.maxReplicas else { continue }
            ceilings.append(Ceiling("region:\(region.name)", .replicas(limit)))
            scopes.append(.region(region.name))
        }
        for budget in fleet.budgets {
            let limits = [budget.maxReplicas.map { Ceiling.Limit.replicas($0) }, budget.maxCostPerHour.map { .cost($0) }]
            for limit in limits.compactMap({ $0 }) {
                ceilings.append(Ceiling("budget:\(budget.name)", limit))
                scopes.append(.budget(budget.selector))
            }
        }
        // Names are compared once for each service and region, not for each workload.
        var services: [String: [Bool]] = [:], regions: [String: [Bool]] = [:]
        let places = fleet.members.map { member -> (service: [Bool], region: [Bool], cost: Int64) in
            let id = member.id
            let service =
                services[id.service]
                ?? scopes.map { scope in
                    if case .budget(let selector) = scope { selector.services.contains("*") || selector.services.contains(id.service) } else { true }
                }
            services[id.service] = service
            let region =
                regions[id.region]
                ?? scopes.map { scope in
                    switch scope {
                    case .region(let name): name == id.region
                    case .budget(let selector): selector.regions.contains("*") || selector.regions.contains(id.region)
                    }
                }
            regions[id.region] = region
            return (service, region, fleet.regions[id.region]?.costPerReplicaHour?.milli ?? 0)
        }
        self.init(ceilings, workloads: fleet.members.count) { workload, ceiling in
            guard places[workload].service[ceiling], places[workload].region[ceiling] else { return nil }
            if case .cost = ceilings[ceiling].limit { return places[workload].cost }
            return 1
        }
    }
}
