/// What events say of one another: numbers of a run without gaps, intents and their outcomes, no event twice.
///
/// Memory is bounded; what goes beyond a bound is not judged, and ``limitation`` says so.
struct LogOrder: Sendable {
    /// Most runs of nodes that are followed: three nodes that restart every hour take years to get there. About 10 MB.
    static let maximumRuns = 100_000
    /// Most intents that are open at once: far more than the workloads of a large cluster. About 10 MB.
    static let maximumOpenDecisions = 100_000
    /// How many ended decisions and event ids are remembered: repetitions come from retries, which are near. About 20 MB.
    static let rememberedRepetitions = 100_000

    private var numbers: [[UInt8]: Int64] = [:]
    private var open: Set<[UInt8]> = []
    private var ended = RecentSet<[UInt8]>(capacity: LogOrder.rememberedRepetitions)
    private var ids = RecentSet<UInt128>(capacity: LogOrder.rememberedRepetitions)
    /// Why not everything could be judged: the first reason.
    private(set) var limitation: String?
    /// An event that can't be read may be a link of any chain: from then on chains with gaps accuse nobody.
    private var suspended = false

    /// What is wrong with the event after those before it; nil when nothing is.
    mutating func objection(to leaf: LeafFields) -> String? {
        if let earlier = leaf.reverts.first(where: { $0 < 0 || $0 >= leaf.seq }) {
            return "it reverts event \(earlier), which is not an earlier one"
        }
        if !self.ids.insert(leaf.id) {
            return "its id \(Self.text(leaf.raw(.id))) was used by an earlier event"
        }
        return self.numberObjection(leaf) ?? self.decisionObjection(leaf)
    }

    private mutating func numberObjection(_ leaf: LeafFields) -> String? {
        // Raw JSON strings hold no NUL, so it keeps the two parts apart.
        var run = Array(leaf.raw(.node))
        run.append(0)
        run.append(contentsOf: leaf.raw(.bootID))
        let expected: Int64
        if let last = self.numbers[run] {
            expected = last + 1
        } else {
            guard self.numbers.count < Self.maximumRuns else {
                self.limit("the log has more than \(Self.maximumRuns) runs of nodes, whose numbering is not followed beyond that")
                return nil
            }
            expected = LeafFormat.firstOriginNumber
        }
        guard leaf.nseq == expected || self.suspended && leaf.nseq > expected else {
            let node = Self.text(leaf.raw(.node))
            return "node \(node) numbered it \(leaf.nseq), and \(expected) was next: events are missing or repeated"
        }
        self.numbers[run] = leaf.nseq
        return nil
    }

    private mutating func decisionObjection(_ leaf: LeafFields) -> String? {
        guard let type = leaf.type, let stage = type.decisionStage else { return nil }
        guard leaf.has(.decisionID) else { return "it is a \(type.rawValue) and names no decision" }
        let id = Array(leaf.raw(.decisionID))
        switch stage {
        case .intent:
            guard !self.open.contains(id) else { return "the decision \(Self.text(id[...])) was proposed before" }
            guard !self.ended.contains(id) else { return "the decision \(Self.text(id[...])) had ended before" }
            guard self.open.count < Self.maximumOpenDecisions else {
                self.limit("more than \(Self.maximumOpenDecisions) decisions are open at once, whose outcomes are not followed beyond that")
                return nil
            }
            self.open.insert(id)
        case .unknown:
            guard self.open.contains(id) || self.limitation != nil else { return Self.noIntent(type, id) }
        case .final:
            guard self.open.remove(id) != nil || self.limitation != nil else { return Self.noIntent(type, id) }
            _ = self.ended.insert(id)
        case .suppressed:
            self.open.remove(id)
            guard self.ended.insert(id) else { return "the decision \(Self.text(id[...])) had ended before" }
        }
        return nil
    }

    /// Something in the log is beyond this version or a bound.
    mutating func limit(_ what: String) {
        if self.limitation == nil { self.limitation = what }
    }

    /// An event could not be read at all.
    mutating func suspend(_ why: String) {
        self.suspended = true
        self.limit(why)
    }

    private static func noIntent(_ type: EventType, _ id: [UInt8]) -> String {
        "it is a \(type.rawValue) of the decision \(Self.text(id[...])), which was not proposed before or has ended"
    }

    private static func text(_ raw: ArraySlice<UInt8>) -> String { "“\(String(decoding: raw, as: UTF8.self))”" }
}

/// The newest elements of a sequence, at most `capacity` of them; the oldest gives way.
struct RecentSet<Element: Hashable & Sendable>: Sendable {
    let capacity: Int
    private var members: Set<Element> = []
    private var order: [Element] = []
    private var oldest = 0

    init(capacity: Int) { self.capacity = capacity }

    func contains(_ element: Element) -> Bool { self.members.contains(element) }

    /// False when it was there already.
    mutating func insert(_ element: Element) -> Bool {
        guard self.members.insert(element).inserted else { return false }
        if self.order.count < self.capacity {
            self.order.append(element)
        } else {
            self.members.remove(self.order[self.oldest])
            self.order[self.oldest] = element
            self.oldest = (self.oldest + 1) % self.capacity
        }
        return true
    }
}
