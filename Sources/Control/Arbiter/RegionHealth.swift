public import Engine
public import Model

/// Which regions are down, and what others have to have for them.
///
/// ## States
/// *up* → *failing* (all signs say down) → *down* (they have for `regionDownAfter`) → *back* (a sign of life; what was asked of others fades over
/// its ``Region/Failover/fade``) → *up*. From *failing*, one sign of life leads back to where it was; from *back*, failing again leads to *down* with the needs first noted.
///
/// A region fails when its nodes fail their health checks, or when none of its workloads could be seen when last looked at: two of them or more, since one
/// alone says more of itself than of its region, unless the nodes say the same. A workload that was never looked at counts as seen, and so does one of which
/// the platform says that it is gone.
///
/// ## Invariants
/// - Nothing is lowered in a region that fails or is down.
/// - A surviving workload's floor is its own need, as it was when the region was lost, and `share` of what the region needed then. Several lost regions add up
///   on one own need; what a region carried for others is not part of its own need. So nothing doubles, in circles neither.
/// - A region's load goes to the regions that its manifest names, itself excepted, as far as these can be seen. It is not passed on from there.
/// - ``memory`` alone carries the past.
public struct RegionHealth: Sendable, Hashable {
    /// Something to write down.
    public struct Event: Sendable, Hashable {
        /// What happened.
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            case lost, returned
            /// What others are to have for it begins, or has faded.
            case floorsBegin, floorsEnd
        }
        /// What happened.
        public var kind: Kind
        /// To which region.
        public var region: String
        /// When, in cluster time.
        public var at: WallTime
        /// In words for a person.
        public var text: String
        /// What begins, by workload.
        public var floors: [WorkloadID: Int] = [:]
    }

    /// A region as its manifests say.
    private struct Plan: Sendable, Hashable {
        /// Sorted, as all of a fleet is: sets of a hundred thousand names would take a good part of a takeover.
        var services: [String] = []
        /// Those that a platform shows; what a person says of the others is no sign of the region's life.
        var shown: [String] = []
        /// The longest of its policies: nobody's load moves before its own policy says so.
        var downAfter = Duration.zero
        var targets: [String] = []
        /// In thousandths.
        var share: Int64 = 0
        var fade = Region.Failover.defaultFade
    }

    /// What a new leader goes on with.
    public internal(set) var memory: RegionMemory
    private var plans: [String: Plan] = [:]
    /// Whether regions' nodes answer, as far as this leader was told; nil: it was not, and goes on from what its predecessor knew.
    private var sight: RegionSight?
    /// By target workload: the regions whose load it takes, by name.
    private var sources: [String: [String]] = [:]

    /// Goes on from what a predecessor left.
    /// - Parameter memory: empty: nobody left anything.
    public init(_ fleet: Fleet, memory: RegionMemory = RegionMemory()) {
        self.memory = memory
        self.adopt(fleet)
    }

    /// Takes up a changed configuration. What it no longer speaks of is forgotten.
    public mutating func adopt(_ fleet: Fleet) {
        self.sources = [:]
        var places: [String: Int] = [:], plans: [Plan] = []
        for member in fleet.members {
            let place = places[member.id.region] ?? plans.count
            if place == plans.count {
                places[member.id.region] = place
                plans.append(Plan())
            }
            plans[place].services.append(member.id.service)
            if Dependency(member.target) != nil { plans[place].shown.append(member.id.service) }
            plans[place].downAfter = max(plans[place].downAfter, member.program.policy.regionDownAfter)
        }
        self.plans = places.mapValues { plans[$0] }
        for (name, region) in fleet.regions.sorted(by: { $0.key < $1.key }) {
            guard let failover = region.failover, self.plans[name] != nil else { continue }
            let targets = Set(failover.to).subtracting([name]).sorted()
            self.plans[name]?.targets = targets
            self.plans[name]?.share = max(0, failover.share.milli)
            self.plans[name]?.fade = max(failover.fade, .zero)
            for target in targets { self.sources[target, default: []].append(name) }
        }
        for (name, facts) in self.memory.regions {
            guard let plan = self.plans[name] else {
                self.memory.regions[name] = nil
                continue
            }
            self.memory.regions[name]?.unseen = facts.unseen.filter { plan.shown.has($0.key) }
        }
        if let sight = self.sight { self.nodes(sight) }
    }

    // MARK: - Signs

    /// What a look at a workload found.
    /// - Parameter need: what it needed when it was evaluated last; nil: nobody knows.
    public mutating func observed(_ workload: WorkloadID, _ observation: Observation, need: @autoclosure () -> Int?) {
        // What is seen where nothing is amiss: most of what is ever seen.
        if case .seen = observation, self.memory.regions[workload.region] == nil { return }
        guard self.plans[workload.region]?.shown.has(workload.service) == true, Fitness.evidence(of: observation) != nil else { return }
        if case .unseen = observation {
            guard self.memory.regions[workload.region]?.unseen[workload.service] == nil else { return }
            self.memory.regions[workload.region, default: .init()].unseen[workload.service] = Self.count(need() ?? 0)
        } else {
            self.memory.regions[workload.region]?.unseen[workload.service] = nil
        }
    }

    /// Which regions' nodes answer their health checks. Where nobody can say, what was known before holds.
    public mutating func nodes(_ sight: RegionSight) {
        self.sight = sight
        for region in self.plans.keys where !sight.unknown.contains(region) {
            let areDown = sight.down.contains(region)
            if areDown {
                self.memory.regions[region, default: .init()].areNodesDown = true
            } else {
                self.memory.regions[region]?.areNodesDown = false
            }
        }
    }

    private func isFailing(_ region: String, _ plan: Plan) -> Bool {
        guard let facts = self.memory.regions[region] else { return false }
        return facts.areNodesDown || (plan.shown.count >= 2 && facts.unseen.count == plan.shown.count)
    }

    // MARK: - Time

    /// Moves every region on to `now`.
    /// - Parameter need: what a workload needs as far as is known; nil: nothing is.
    public mutating func update(at now: WallTime, need: (WorkloadID) -> Int?) -> [Event] {
        var events: [Event] = []
        for (region, plan) in self.plans.sorted(by: { $0.key < $1.key }) {
            let isFailing = self.isFailing(region, plan)
            guard var facts = self.memory.regions[region] else { continue }
            if isFailing {
                self.fail(region, plan, &facts, &events, at: now, need)
            } else {
                Self.revive(region, plan, &facts, &events, at: now)
            }
            self.noteFloors(region, plan, &facts, &events, at: now)
            self.memory.regions[region] = facts.isEmpty ? nil : facts
        }
        return events
    }

    private func fail(
        _ region: String, _ plan: Plan, _ facts: inout RegionMemory.Facts, _ events: inout [Event], at now: WallTime, _ need: (WorkloadID) -> Int?
    ) {
        guard facts.downSince == nil else { return }
        guard let since = facts.failingSince else {
            facts.failingSince = now
            // While an earlier loss fades, its needs stand: those of now are what it came back with.
            if facts.backSince == nil { self.note(region, plan, &facts, at: now, need) }
            return self.fail(region, plan, &facts, &events, at: now, need)
        }
        guard now >= since + plan.downAfter else { return }
        facts.downSince = now
        facts.backSince = nil
        var signs: [String] = []
        if !plan.shown.isEmpty, facts.unseen.count == plan.shown.count { signs.append("none of its workloads can be seen (\(plan.shown.count))") }
        if facts.areNodesDown { signs.append("its nodes do not answer") }
        let taking = plan.targets.isEmpty ? "nobody takes its load" : "its load goes to \(plan.targets.joined(separator: ", "))"
        events.append(
            Event(kind: .lost, region: region, at: now, text: "region \(region) is down: \(signs.joined(separator: " and ")), since \(since); \(taking)"))
    }

    private static func revive(_ region: String, _ plan: Plan, _ facts: inout RegionMemory.Facts, _ events: inout [Event], at now: WallTime) {
        facts.failingSince = nil
        if let downSince = facts.downSince {
            facts.downSince = nil
            facts.backSince = now
            events.append(
                Event(kind: .returned, region: region, at: now, text: "region \(region) is back; it was down since \(downSince); what others have for it fades")
            )
        }
        // A clock that goes back does not end it early.
        if let back = facts.backSince, now >= back + plan.fade { facts.backSince = nil }
        if facts.backSince == nil { (facts.needs, facts.own) = ([:], [:]) }
    }

    /// What the region needs for itself, and what those do that would take its load.
    private func note(_ region: String, _ plan: Plan, _ facts: inout RegionMemory.Facts, at now: WallTime, _ need: (WorkloadID) -> Int?) {
        guard !plan.targets.isEmpty else { return }
        for service in plan.services {
            let needed = self.ownNeed(WorkloadID(service: service, region: region), unseen: facts.unseen[service], at: now, need)
            guard needed > 0 else { continue }
            facts.needs[service] = needed
            for target in plan.targets where self.plans[target]?.services.has(service) == true {
                let id = WorkloadID(service: service, region: target)
                facts.own[id] = self.ownNeed(id, unseen: self.memory.regions[target]?.unseen[service], at: now, need)
            }
        }
    }

    /// Without what it carries for lost regions. What is not known is none.
    private func ownNeed(_ workload: WorkloadID, unseen: Int?, at now: WallTime, _ need: (WorkloadID) -> Int?) -> Int {
        let whole = Self.count(unseen ?? need(workload) ?? 0)
        guard let carried = self.carried(by: workload, at: now, seenOnly: false) else { return whole }
        return max(carried.own, whole - carried.extra)
    }

    private static func count(_ replicas: Int) -> Int { min(max(replicas, 0), Int(Int32.max)) }

    /// Says when others begin to be asked for its load, and when nothing of that is left.
    private func noteFloors(_ region: String, _ plan: Plan, _ facts: inout RegionMemory.Facts, _ events: inout [Event], at now: WallTime) {
        var floors: [WorkloadID: Int] = [:]
        if facts.downSince != nil || facts.backSince != nil {
            for (workload, own) in facts.own where plan.targets.contains(workload.region) {
                let extra = Self.extra(facts.needs[workload.service] ?? 0, plan, back: facts.backSince, at: now)
                if extra > 0 { floors[workload] = Self.count(Int(Int64(own).addingSaturating(Int64(extra)))) }
            }
        }
        let isCarried = !floors.isEmpty
        guard isCarried != facts.isCarried else { return }
        facts.isCarried = isCarried
        let text =
            isCarried
            ? "others have floors for the load of \(region): \(Self.listing(floors))" : "nothing is asked of others for the load of \(region) any more"
        events.append(Event(kind: isCarried ? .floorsBegin : .floorsEnd, region: region, at: now, text: text, floors: floors))
    }

    /// Floors that an event's words name; the rest is counted.
    private static let mostListed = 5

    private static func listing(_ floors: [WorkloadID: Int]) -> String {
        let sorted = floors.sorted { $0.key < $1.key }
        let more = sorted.count > Self.mostListed ? " and \(sorted.count - Self.mostListed) more" : ""
        return sorted.prefix(Self.mostListed).map { "\($0.key) at least \($0.value)" }.joined(separator: ", ") + more
    }

    // MARK: - What follows

    /// Whether nothing may be lowered in a region, since it can't be seen.
    public func isDark(_ region: String) -> Bool {
        guard let facts = self.memory.regions[region] else { return false }
        return facts.failingSince != nil || facts.downSince != nil
    }

    /// At least so many, for regions that are down or just back; nil: nothing is asked.
    public func floor(of workload: WorkloadID, at now: WallTime) -> EvaluationInput.Floors.Failover? {
        guard let carried = self.carried(by: workload, at: now, seenOnly: true), carried.extra > 0 else { return nil }
        let replicas = Int64(carried.own).addingSaturating(Int64(carried.extra))
        return .init(replicas: Int(min(replicas, Int64(Int32.max))), region: carried.region, until: carried.until)
    }

    /// What a workload has for others.
    private struct Carried {
        /// What it needed for itself.
        var own: Int
        var extra: Int
        /// Whose load is the most of it.
        var region: String
        var until: WallTime?
    }

    /// - Parameter seenOnly: nothing is asked of a region that is dark itself.
    private func carried(by workload: WorkloadID, at now: WallTime, seenOnly: Bool) -> Carried? {
        guard !self.memory.regions.isEmpty, let sources = self.sources[workload.region], !(seenOnly && self.isDark(workload.region)) else { return nil }
        var found: Carried?
        var earliest = WallTime(microseconds: .max), most = 0
        for source in sources {
            guard let facts = self.memory.regions[source], let plan = self.plans[source], let began = facts.downSince ?? facts.backSince,
                let need = facts.needs[workload.service],
                let own = facts.own[workload]
            else { continue }
            let extra = Self.extra(need, plan, back: facts.backSince, at: now)
            // The first loss noted what was the workload's own; later ones add to it.
            let isEarlier = began < earliest
            let region = extra > most ? source : found?.region ?? source
            // It ends with the last that fades; not by itself while one is down.
            let fades = facts.downSince == nil ? facts.backSince.map { $0 + plan.fade } : nil
            let until = found.map { found in found.until.flatMap { earlier in fades.map { max($0, earlier) } } } ?? fades
            found = Carried(
                own: isEarlier ? own : found?.own ?? own, extra: min((found?.extra ?? 0) + extra, Int(Int32.max)), region: region, until: until)
            earliest = min(earliest, began)
            most = max(most, extra)
        }
        return found
    }

    /// ⌈need × share × what has not faded⌉
    private static func extra(_ need: Int, _ plan: Plan, back: WallTime?, at now: WallTime) -> Int {
        // What fades in no time is there as long as the region is down.
        let fade = max(plan.fade.microseconds, 1)
        var part = Int128(fade)
        if let back { part -= plan.fade == .zero ? part : Int128(min(max((now - back).microseconds, 0), fade)) }
        let whole = Int128(1000) * Int128(fade)
        let product = Int128(need) * Int128(min(plan.share, 1 << 40)) * part
        return Int(min((product + whole - 1) / whole, Int128(Int32.max)))
    }
}

extension [String] {
    /// - Note: it is sorted.
    fileprivate func has(_ text: String) -> Bool {
        var (low, high) = (0, self.count)
        while low < high {
            let middle = low + (high - low) / 2
            if self[middle] < text { low = middle + 1 } else { high = middle }
        }
        return low < self.count && self[low] == text
    }
}
