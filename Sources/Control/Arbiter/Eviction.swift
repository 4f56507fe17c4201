import Engine
import Model

/// Room for what higher priorities lack, made by lowering lower ones.
struct Eviction {
    let map: CeilingMap
    let bids: [Auction.Bid]
    /// By ceiling: what is left once everybody has what it is entitled to.
    var room: [Int64]

    /// What was found out stays so, whatever is tried.
    private let known = Known()
    /// By ceiling: how many of its candidates have nothing left to give, gently or at once.
    private var spent: [Int: (gently: Int, atOnce: Int)] = [:]
    /// By workload: what is left to it so far.
    private var left: [Int: Int] = [:]
    private var takings: [Int: Auction.Taking] = [:]
    /// What was changed for the present requester, to be undone should it be in vain.
    private var journal: [(candidate: Int, left: Int?, taking: Auction.Taking?)] = []
    /// Those that get more now are not lowered in the same breath.
    private var growing: Set<Int> = []

    init(map: CeilingMap, bids: [Auction.Bid], room: [Int64]) {
        self.map = map
        self.bids = bids
        self.room = room
    }

    /// - Parameter growers: those that want more, by rank, and what each is entitled to.
    mutating func run(for growers: [(workload: Int, entitled: Int)], yield: (Int) -> Yield?) -> [Auction.Taking] {
        let lacking = growers.filter { self.bids[$0.workload].wants > $0.entitled }
        guard !lacking.isEmpty else { return [] }
        self.growing = Set(growers.lazy.filter { [bids] in $0.entitled > bids[$0.workload].size }.map(\.workload))
        for (workload, entitled) in lacking { self.makeRoom(for: workload, self.bids[workload].wants - entitled, yield) }
        return self.takings.values.filter { $0.replicas < self.bids[$0.workload].size }.sorted { $0.workload < $1.workload }
    }

    /// Under every ceiling as much as it lacks, or nobody is lowered in vain: the ceiling that yields least says how much is asked of the others.
    private mutating func makeRoom(for requester: Int, _ count: Int, _ yield: (Int) -> Yield?) {
        var count = count
        let map = self.map
        let ceilings = Int(map.starts[requester])..<Int(map.starts[requester + 1])
        while count > 0 {
            let before = (room: self.room, spent: self.spent)
            self.journal.removeAll(keepingCapacity: true)
            var possible = count
            for place in ceilings where possible == count {
                possible = min(possible, self.free(count, at: map.prices[place], under: Int(map.covering[place]), for: requester, yield))
            }
            guard possible < count else {
                for place in ceilings {
                    let taken = Int64(count).multipliedSaturating(by: map.prices[place])
                    self.room[Int(map.covering[place])] = self.room[Int(map.covering[place])].subtractingSaturating(taken)
                }
                return
            }
            (self.room, self.spent) = before
            for (candidate, left, taking) in self.journal.reversed() { (self.left[candidate], self.takings[candidate]) = (left, taking) }
            count = possible
        }
    }

    /// - Returns: how many of `count` replicas there is room for under `ceiling` now.
    private mutating func free(_ count: Int, at price: Int64, under ceiling: Int, for requester: Int, _ yield: (Int) -> Yield?) -> Int {
        let needed = Int64(count).multipliedSaturating(by: price)
        let bid = self.bids[requester]
        var spent = self.spent[ceiling] ?? (0, 0)
        var place = max(bid.isUrgent ? spent.atOnce : spent.gently, self.known.barren(ceiling, isUrgent: bid.isUrgent))
        while self.room[ceiling] < needed {
            guard let candidate = self.candidate(place, under: ceiling), self.bids[candidate].priority < bid.priority else { break }
            if self.floor(of: candidate, isUrgent: bid.isUrgent, yield) < self.bids[candidate].size {
                self.lower(candidate, until: needed, under: ceiling, for: requester, yield)
            } else {
                self.known.noteBarren(place, ceiling, isUrgent: bid.isUrgent)
            }
            if self.room[ceiling] < needed { place += 1 }
        }
        if bid.isUrgent { spent.atOnce = place } else { spent.gently = place }
        self.spent[ceiling] = spent
        return Int(max(0, min(Int64(count), self.room[ceiling] / price)))
    }

    private mutating func lower(_ candidate: Int, until needed: Int64, under ceiling: Int, for requester: Int, _ yield: (Int) -> Yield?) {
        guard let price = self.map.price(of: candidate, under: ceiling) else { return }
        let size = self.left[candidate] ?? self.bids[candidate].size
        let floor = self.floor(of: candidate, isUrgent: self.bids[requester].isUrgent, yield)
        let lacking = needed.subtractingSaturating(self.room[ceiling])
        let wanted = (lacking / price).addingSaturating(lacking % price > 0 ? 1 : 0)
        let taken = min(Int64(max(0, size - floor)), wanted)
        guard taken > 0 else { return }
        self.journal.append((candidate, self.left[candidate], self.takings[candidate]))
        self.left[candidate] = size - Int(taken)
        self.map.forEach(of: candidate) { ceiling, price in
            self.room[ceiling] = self.room[ceiling].addingSaturating(taken.multipliedSaturating(by: price))
        }
        // The first that it makes room for ranks highest.
        if self.takings[candidate] == nil {
            self.takings[candidate] = .init(workload: candidate, replicas: size, requester: requester, ceiling: ceiling)
        }
        self.takings[candidate]?.replicas = size - Int(taken)
    }

    /// How far it may be lowered. What is in an emergency of its own makes room for another emergency only.
    private func floor(of candidate: Int, isUrgent: Bool, _ yield: (Int) -> Yield?) -> Int {
        let bid = self.bids[candidate]
        guard isUrgent || !bid.isUrgent, !self.growing.contains(candidate), let known = self.known.yield(of: candidate, yield) else { return bid.size }
        return max(isUrgent ? known.atOnce : known.gently, bid.least)
    }

    /// The members of a ceiling that have more than their minimum, lowest priority first, then least relative need, then the last by name.
    private func candidate(_ place: Int, under ceiling: Int) -> Int? {
        guard self.known.asked < Auction.maximumAsked else { return nil }
        if self.known.queues[ceiling] == nil {
            var queue = Queue()
            for member in self.map.members(of: ceiling) {
                let bid = self.bids[Int(member)]
                if bid.size > bid.least { queue.append(.init(priority: bid.priority, need: bid.relativeNeed, workload: member)) }
            }
            queue.order()
            self.known.queues[ceiling] = queue
        }
        return self.known.queues[ceiling]?.candidate(place)
    }

    private final class Known {
        var queues: [Int: Queue] = [:]
        private var yields: [Int: Yield?] = [:]
        /// By ceiling: how many of its first candidates have nothing to give to anybody.
        private var barren: [Int: (gently: Int, atOnce: Int)] = [:]

        var asked: Int { self.yields.count }
        func barren(_ ceiling: Int, isUrgent: Bool) -> Int { isUrgent ? self.barren[ceiling]?.atOnce ?? 0 : self.barren[ceiling]?.gently ?? 0 }
        func noteBarren(_ place: Int, _ ceiling: Int, isUrgent: Bool) {
            guard place == self.barren(ceiling, isUrgent: isUrgent) else { return }
            if isUrgent { self.barren[ceiling, default: (0, 0)].atOnce += 1 } else { self.barren[ceiling, default: (0, 0)].gently += 1 }
        }
        func yield(of workload: Int, _ yield: (Int) -> Yield?) -> Yield? {
            if let asked = self.yields[workload] { return asked }
            let asked = yield(workload)
            self.yields[workload] = .some(asked)
            return asked
        }
    }

    /// A binary heap that gives its elements in order, as many as are asked for, and keeps those given.
    private struct Queue {
        struct Element {
            let priority: Int
            let need: Int64
            let workload: Int32
            static func precedes(_ left: Self, _ right: Self) -> Bool {
                if left.priority != right.priority { return left.priority < right.priority }
                return left.need != right.need ? left.need < right.need : left.workload > right.workload
            }
        }
        private var heap: [Element] = []
        private var given: [Int32] = []

        mutating func append(_ element: Element) { self.heap.append(element) }
        mutating func order() {
            for index in stride(from: self.heap.count / 2 - 1, through: 0, by: -1) { self.sink(index) }
        }
        mutating func candidate(_ place: Int) -> Int? {
            while self.given.count <= place {
                guard let first = self.heap.first else { return nil }
                self.given.append(first.workload)
                let last = self.heap.removeLast()
                guard !self.heap.isEmpty else { continue }
                self.heap[0] = last
                self.sink(0)
            }
            return Int(self.given[place])
        }
        private mutating func sink(_ start: Int) {
            var index = start
            while true {
                let left = 2 * index + 1, right = left + 1
                var first = index
                if left < self.heap.count, Element.precedes(self.heap[left], self.heap[first]) { first = left }
                if right < self.heap.count, Element.precedes(self.heap[right], self.heap[first]) { first = right }
                guard first != index else { return }
                self.heap.swapAt(index, first)
                index = first
            }
        }
    }
}
