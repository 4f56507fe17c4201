import Engine
import Model

/// Ceilings over several workloads: a region's `maxReplicas`, a budget's `maxReplicas` and `maxCostPerHour`.
///
/// They only limit what wants to grow: nothing is scaled down to make room here. What is left under a ceiling first brings all to their minimum; the rest goes
/// to the higher priority first, and among equals to the one whose need is relatively greatest. A workload that several ceilings cover gets the least of
/// them, and uses up room under each only for what it gets.
enum Ceilings {
    /// One ceiling with what it covers.
    struct Ceiling {
        /// `region:eu-west`, `budget:fleet`
        var name: String
        var limit: Limit
        var covers: (WorkloadID) -> Bool

        enum Limit {
            case replicas(Int)
            /// Money per hour; replicas cost what their region says, nothing where it says nothing.
            case cost(Quantity)
        }
    }

    /// One workload that takes part.
    struct Share {
        var workload: WorkloadID
        var priority: Int
        var min: Int
        /// What it has or is already promised.
        var now: Int
        /// What it would get without ceilings; greater than `now` for those that want to grow.
        var wanted: Int
        /// Milli-money per replica and hour.
        var cost: Int64
    }

    /// What each growing workload gets, and the ceiling that denied it the rest.
    static func allot(_ shares: [Share], under ceilings: [Ceiling]) -> [WorkloadID: (replicas: Int, by: String?)] {
        var granted = Dictionary(uniqueKeysWithValues: shares.map { ($0.workload, (replicas: $0.now, by: String?.none)) })
        // One that shrinks frees its room once it has shrunk, not before.
        var rooms = ceilings.map { ceiling in
            shares.filter { ceiling.covers($0.workload) }.reduce(Self.amount(of: ceiling.limit)) { room, share in
                room.addingSaturating(-Self.price(share, ceiling.limit).multipliedSaturating(by: Int64(share.now)))
            }
        }
        let growing = shares.filter { $0.wanted > $0.now }.sorted(by: Self.comesFirst)
        // Nobody's rest comes before anybody's minimum.
        let goals: [(Share) -> Int] = [{ Swift.min($0.wanted, $0.min) }, { $0.wanted }]
        for goal in goals {
            for share in growing {
                let has = granted[share.workload]?.replicas ?? share.now
                var given = Int64(Swift.max(0, goal(share) - has))
                var by: String?
                let covering = ceilings.indices.filter { ceilings[$0].covers(share.workload) && Self.price(share, ceilings[$0].limit) > 0 }
                for index in covering {
                    let affordable = Swift.max(0, rooms[index] / Self.price(share, ceilings[index].limit))
                    if affordable < given { (given, by) = (affordable, ceilings[index].name) }
                }
                for index in covering {
                    rooms[index] = rooms[index].addingSaturating(-given.multipliedSaturating(by: Self.price(share, ceilings[index].limit)))
                }
                granted[share.workload] = (has + Int(given), by)
            }
        }
        return granted
    }

    private static func amount(of limit: Ceiling.Limit) -> Int64 {
        switch limit {
        case .replicas(let count): Int64(count)
        case .cost(let quantity): quantity.milli
        }
    }

    private static func price(_ share: Share, _ limit: Ceiling.Limit) -> Int64 {
        switch limit {
        case .replicas: 1
        case .cost: share.cost
        }
    }

    /// Higher priority, then greater relative need (need − min)/need, then the name, so that the order is the same on every node.
    private static func comesFirst(_ left: Share, _ right: Share) -> Bool {
        if left.priority != right.priority { return left.priority > right.priority }
        // (a − x)/a > (b − y)/b without division, for a, b > 0.
        let leftNeed = Int64(left.wanted - left.min).multipliedSaturating(by: Int64(right.wanted))
        let rightNeed = Int64(right.wanted - right.min).multipliedSaturating(by: Int64(left.wanted))
        return leftNeed != rightNeed ? leftNeed > rightNeed : left.workload < right.workload
    }
}

extension LeaderState {
    /// Plans what acts, cut to what the ceilings leave.
    func underCeilings(_ pending: [Pending], at now: WallTime) -> [Pending] {
        let ceilings = self.ceilings
        guard !ceilings.isEmpty, pending.contains(where: { $0.evaluation.decision.acted && $0.evaluation.decision.kind == .up }) else {
            return pending.map { self.plan($0, at: now) }
        }
        let deciding = Dictionary(uniqueKeysWithValues: pending.map { ($0.workload, $0.evaluation.decision) })
        let shares = self.entries.map { entry in
            let decision = deciding[entry.member.id]
            let has = self.occupied(entry)
            let grows = decision.map { $0.acted && $0.kind == .up } ?? false
            return Ceilings.Share(
                workload: entry.member.id, priority: entry.member.workload.priority, min: entry.member.policy.minReplicas, now: has,
                wanted: grows ? max(has, decision?.to ?? has) : has, cost: self.fleet.regions[entry.member.id.region]?.costPerReplicaHour?.milli ?? 0)
        }
        let allotted = Ceilings.allot(shares, under: ceilings)
        return pending.map { item in
            guard item.evaluation.decision.acted, item.evaluation.decision.kind == .up, let (replicas, by) = allotted[item.workload], let by else {
                return self.plan(item, at: now)
            }
            return self.plan(self.limited(item, to: replicas, by: by), at: now)
        }
    }

    private var ceilings: [Ceilings.Ceiling] {
        var ceilings: [Ceilings.Ceiling] = []
        for region in self.fleet.regions.values.sorted(by: { $0.name < $1.name }) {
            guard let limit = region.maxReplicas else { continue }
            ceilings.append(.init(name: "region:\(region.name)", limit: .replicas(limit)) { $0.region == region.name })
        }
        for budget in self.fleet.budgets {
            if let limit = budget.maxReplicas {
                ceilings.append(.init(name: "budget:\(budget.name)", limit: .replicas(limit)) { budget.selector.selects($0) })
            }
            if let limit = budget.maxCostPerHour {
                ceilings.append(.init(name: "budget:\(budget.name)", limit: .cost(limit)) { budget.selector.selects($0) })
            }
        }
        return ceilings
    }

    /// What a workload takes up: what it was last seen with, or more when a change to more is under way. One that was never seen takes up its maximum: not
    /// knowing must not hand its room to others.
    private func occupied(_ entry: Entry) -> Int {
        max(entry.size ?? entry.member.policy.maxReplicas, entry.open?.action.to ?? 0)
    }

    /// The same decision with fewer replicas, and the reason.
    private func limited(_ item: Pending, to replicas: Int, by ceiling: String) -> Pending {
        let decision = item.evaluation.decision
        guard let from = decision.from, let to = decision.to, replicas < to else { return item }
        let granted = max(from, replicas)
        return self.amended(item, to: granted, .ceilings, text: "\(ceiling) leaves \(granted)", reason: .budgetDenied(by: ceiling))
    }
}
