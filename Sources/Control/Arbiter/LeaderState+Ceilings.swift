import Engine
import Model

extension LeaderState {
    /// What acts is cut to what the ceilings leave, or lowered to make room for what ranks higher.
    ///
    /// Every workload takes part: those that were just evaluated as they were seen for that, the others as their last evaluation left them, which is what
    /// every leader knows of them. Only the former are changed, the others when their turn comes.
    mutating func arbitrate(_ round: inout Round) {
        let map = self.ceilingMap, now = round.at
        guard !map.ceilings.isEmpty else { return }
        var deciding: [Int: Int] = [:]
        for (place, item) in round.pending.enumerated() { if let index = self.indices[item.workload] { deciding[index] = place } }
        // Where in the round each workload that was evaluated without words is; −1: it was not.
        var quiet = [Int](repeating: -1, count: self.entries.count)
        for (place, item) in round.quiet.enumerated() { quiet[item.entry] = place }
        func evaluated(_ index: Int) -> Evaluated? {
            if let place = deciding[index] { return .told(round.pending[place].evaluation.decision, round.pending[place].observation) }
            guard quiet[index] >= 0 else { return nil }
            let item = round.quiet[quiet[index]]
            return .untold(isQuiet: item.conclusion.isQuiet, item.observation)
        }
        let bids = self.entries.indices.map { self.bid(self.entries[$0], evaluated($0), at: now) }
        self.noteOvercommitment(bids, map)
        var auction = Auction(map, bids)
        let (grants, takings) = auction.run { index in
            self.yield(self.entries[index], evaluated(index), at: now)
        }
        // What is lowered for others is told, whatever it concluded itself.
        self.tell(Set(takings.map { quiet[$0.workload] }.filter { $0 >= 0 }), of: &round)
        for (place, item) in round.pending.enumerated() { if let index = self.indices[item.workload] { deciding[index] = place } }
        var bidders = Bidders(map: map, bids: bids, results: grants)
        for grant in grants where grant.ceiling >= 0 {
            guard let place = deciding[grant.workload] else { continue }
            round.pending[place] = self.cut(round.pending[place], grant, &bidders)
        }
        for taking in takings {
            guard let place = deciding[taking.workload] else { continue }
            round.pending[place] = self.lowered(round.pending[place], taking, map, bids)
        }
    }

    /// What a round knows of a workload that it evaluated.
    private enum Evaluated {
        case told(Decision, Observation)
        case untold(isQuiet: Bool, Observation)

        var observation: Observation {
            switch self {
            case .told(_, let observation), .untold(_, let observation): observation
            }
        }
        /// Nothing is wanted, and nothing was lacking.
        var isQuiet: Bool { if case .untold(isQuiet: true, _) = self { true } else { false } }
        var decision: Decision? { if case .told(let decision, _) = self { decision } else { nil } }
    }

    private func bid(_ entry: Boxed<Entry>, _ evaluated: Evaluated?, at now: WallTime) -> Auction.Bid {
        func count(_ replicas: Int) -> Int { min(max(replicas, 0), Int(Int32.max)) }
        let program = entry.member.program
        // One that was never evaluated takes up its maximum: not knowing must not hand its room to others.
        let occupies = max(evaluated.flatMap { Self.size($0.observation) } ?? entry.size ?? program.policy.maxReplicas, entry.open?.action.to ?? 0)
        var size = entry.open?.action.to ?? self.asked(entry, evaluated) ?? occupies
        var wants = size
        var isUrgent = false
        if let decision = evaluated?.decision {
            isUrgent = decision.reasons.contains(.emergency)
            if decision.acted, let to = decision.to {
                if decision.kind == .down { (size, wants) = (to, to) } else { wants = max(size, to) }
            } else if let claim = Standing(after: decision).wants {
                wants = max(size, claim)
            }
        } else if evaluated?.isQuiet != true, let standing = entry.standing, program.policy.mode == .live, self.fleet.enabled,
            let claim = standing.claim(every: program.policy.evaluateEvery, at: now)
        {
            isUrgent = standing.isUrgent
            wants = max(size, claim)
        }
        return Auction.Bid(
            priority: entry.member.workload.priority, least: count(self.least(entry, at: now)), size: count(size), occupies: count(max(occupies, size)),
            wants: count(wants), isUrgent: isUrgent)
    }

    /// What the platform is asked to run, as far as is known.
    private func asked(_ entry: Boxed<Entry>, _ evaluated: Evaluated?) -> Int? {
        switch evaluated?.observation {
        case .seen(let desired, _, _, _)?: desired
        case .gone?: 0
        case .unseen?: entry.size
        case nil: entry.standing?.size ?? entry.size
        }
    }

    private func least(_ entry: Boxed<Entry>, at now: WallTime) -> Int {
        let schedule = self.schedules[entry.member.policy.name]?.schedule ?? EvaluationInput.Schedule()
        return Engine.lowest(entry.member.policy, schedule: schedule, floors: self.floors(of: entry.member.id, at: now), at: now)
    }

    /// How far a workload may be lowered now. One that lacks readings is not: nothing is lowered out of ignorance, not even for others.
    private func yield(_ entry: Boxed<Entry>, _ evaluated: Evaluated?, at now: WallTime) -> Yield? {
        if evaluated?.isQuiet != true {
            guard let standing = evaluated?.decision.map(Standing.init(after:)) ?? entry.standing, !standing.isBlind else { return nil }
        }
        var observation = evaluated?.observation
        if observation == nil, let size = self.asked(entry, nil) { observation = .seen(desired: size, current: size, ready: size, version: nil) }
        return observation.flatMap {
            var input = self.input(entry, observation: $0, answers: [:], at: now)
            input.memory = entry.facts.memory
            return Engine.yield(input)
        }
    }

    private mutating func noteOvercommitment(_ bids: [Auction.Bid], _ map: CeilingMap) {
        var least = [Int64](repeating: 0, count: map.ceilings.count)
        for (workload, bid) in bids.enumerated() {
            map.forEach(of: workload) { ceiling, price in
                least[ceiling] = least[ceiling].addingSaturating(price.multipliedSaturating(by: Int64(bid.least)))
            }
        }
        self.overcommitments = map.ceilings.indices.compactMap { ceiling in
            least[ceiling] > map.ceilings[ceiling].amount ? Overcommitment(ceiling: map.ceilings[ceiling], least: least[ceiling]) : nil
        }
    }

    /// The same decision with fewer replicas, and who got the room.
    private func cut(_ item: Pending, _ grant: Auction.Grant, _ bidders: inout Bidders) -> Pending {
        let decision = item.evaluation.decision
        guard decision.acted, decision.kind == .up, let from = decision.from, let to = decision.to, grant.replicas < to else { return item }
        let granted = max(from, grant.replicas)
        let ceiling = bidders.map.ceilings[grant.ceiling]
        var text = "\(ceiling.name) has \(ceiling.words(ceiling.amount)): \(to - from) asked, \(granted - from) left"
        let ahead = bidders.ahead(of: grant.workload, under: grant.ceiling)
        if !ahead.isEmpty { text += " after " + ahead.map { self.ranked($0, bidders.bids) }.joined(separator: ", ") }
        var item = self.amended(item, to: granted, .ceilings, text: text, reason: .budgetDenied(by: ceiling.name))
        if let first = ahead.first, bidders.bids[first].priority > bidders.bids[grant.workload].priority {
            item.evaluation.decision.reasons.append(.outranked(by: self.entries[first].member.id.description))
            item = self.reconsidered(item)
        }
        return item
    }

    /// The same decision lower, and for whom.
    private func lowered(_ item: Pending, _ taking: Auction.Taking, _ map: CeilingMap, _ bids: [Auction.Bid]) -> Pending {
        let decision = item.evaluation.decision
        guard let from = decision.from, taking.replicas < min(from, decision.acted ? decision.to ?? from : from) else { return item }
        let requester = self.entries[taking.requester].member.id
        let text = "makes room under \(map.ceilings[taking.ceiling].name) for \(self.ranked(taking.requester, bids))"
        return self.amended(item, to: taking.replicas, .ceilings, text: text, reason: .outranked(by: requester.description))
    }

    private func ranked(_ workload: Int, _ bids: [Auction.Bid]) -> String {
        "\(self.entries[workload].member.id) (\(bids[workload].isUrgent ? "emergency, " : "")priority \(bids[workload].priority))"
    }
}

/// Who stands before whom under a ceiling, for those that are told why they got less.
struct Bidders {
    /// Names in one explanation: more would not be read.
    static let most = 3

    let map: CeilingMap
    let bids: [Auction.Bid]
    /// By workload: what those that wanted more get.
    private let results: [Int: Int]
    /// By ceiling: the members that rank highest, one more than are named.
    private var first: [Int: [Int]] = [:]

    init(map: CeilingMap, bids: [Auction.Bid], results: [Auction.Grant]) {
        self.map = map
        self.bids = bids
        self.results = Dictionary(results.map { ($0.workload, $0.replicas) }, uniquingKeysWith: { first, _ in first })
    }

    /// Those that hold room above their minimum and rank no lower: by priority, then by how much that is, then by name.
    mutating func ahead(of workload: Int, under ceiling: Int) -> [Int] {
        if self.first[ceiling] == nil {
            var best: [Int] = []
            for member in self.map.members(of: ceiling) where self.surplus(Int(member)) > 0 {
                let place = best.firstIndex { self.ranks(Int(member), before: $0) } ?? best.count
                guard place <= Self.most else { continue }
                best.insert(Int(member), at: place)
                if best.count > Self.most + 1 { best.removeLast() }
            }
            self.first[ceiling] = best
        }
        return (self.first[ceiling] ?? []).filter { $0 != workload && self.bids[$0].priority >= self.bids[workload].priority }.prefix(Self.most).map { $0 }
    }

    private func surplus(_ workload: Int) -> Int {
        max(self.bids[workload].occupies, self.results[workload] ?? 0) - self.bids[workload].least
    }
    private func ranks(_ left: Int, before right: Int) -> Bool {
        if self.bids[left].priority != self.bids[right].priority { return self.bids[left].priority > self.bids[right].priority }
        let (a, b) = (self.surplus(left), self.surplus(right))
        return a != b ? a > b : left < right
    }
}
