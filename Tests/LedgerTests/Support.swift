import Ledger
import Model

/// RFC 6962's definitions word by word, over all leaves at once: slow, and independent of the code under test.
enum NaiveTree {
    static func root(_ leaves: ArraySlice<[UInt8]>) -> Digest {
        if leaves.isEmpty { return TreeHash.empty }
        if leaves.count == 1 { return TreeHash.leaf(leaves[leaves.startIndex]) }
        let split = leaves.startIndex + Self.split(leaves.count)
        return TreeHash.node(Self.root(leaves[..<split]), Self.root(leaves[split...]))
    }

    static func path(_ index: Int, _ leaves: ArraySlice<[UInt8]>) -> [Digest] {
        guard leaves.count > 1 else { return [] }
        let count = Self.split(leaves.count)
        let split = leaves.startIndex + count
        return index < count
            ? Self.path(index, leaves[..<split]) + [Self.root(leaves[split...])]
            : Self.path(index - count, leaves[split...]) + [Self.root(leaves[..<split])]
    }

    static func consistency(_ old: Int, _ leaves: ArraySlice<[UInt8]>) -> [Digest] {
        func part(_ old: Int, _ leaves: ArraySlice<[UInt8]>, _ isComplete: Bool) -> [Digest] {
            if old == leaves.count { return isComplete ? [] : [Self.root(leaves)] }
            let count = Self.split(leaves.count)
            let split = leaves.startIndex + count
            return old <= count
                ? part(old, leaves[..<split], isComplete) + [Self.root(leaves[split...])]
                : part(old - count, leaves[split...], false) + [Self.root(leaves[..<split])]
        }
        return old == 0 ? [] : part(old, leaves, true)
    }

    private static func split(_ count: Int) -> Int {
        var power = 1
        while power * 2 < count { power *= 2 }
        return power
    }
}

extension [UInt8] {
    init(hex: String) {
        let digits = Array(hex.utf8).map { UInt8(Character(Unicode.Scalar($0)).hexDigitValue ?? 0) }
        self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

extension Digest {
    init?(hex: String) { self.init([UInt8](hex: hex)) }
}

/// Drafts and logs for tests.
enum Sample {
    static let start = WallTime(microseconds: 1_780_000_000_123_456)
    static let bootA = "0197aaaa-0000-7000-8000-00000000000a"
    static let bootB = "0197aaaa-0000-7000-8000-00000000000b"

    static func id(_ number: Int) -> String {
        let hex = String(number, radix: 16)
        return "0197aaaa-bbbb-7ccc-8ddd-" + String(repeating: "0", count: 12 - hex.count) + hex
    }

    static func draft(
        _ number: Int, _ type: EventType = .workloadObserved, node: String = "a", nseq: Int64, decision: String? = nil
    ) -> EventDraft {
        EventDraft(
            id: Self.id(number), type: type, occurredAt: Self.start + .milliseconds(number),
            origin: .init(node: node, bootID: node == "a" ? Self.bootA : Self.bootB, nseq: nseq),
            actor: .init(kind: .policy, id: "transcode@7", auth: .internal), action: .scale,
            subject: .init(kind: .workload, id: "transcode/eu-west", version: 7), before: ["replicas": 4],
            after: ["replicas": 6, "note": "größer \"6\"\n"], correlation: .init(decisionID: decision))
    }

    /// `count` events of two nodes, in batches of different sizes and rising epochs, with intents, outcomes and a revert.
    static func log(_ count: Int) throws -> (rows: [StoredEvent], head: TreeState) {
        var state = TreeState(origin: "test/audit")
        var rows: [StoredEvent] = []
        var numbers: [String: Int64] = [:]
        var drafts: [EventDraft] = []
        for number in 0..<count {
            let node = number % 3 == 0 ? "b" : "a"
            numbers[node, default: 0] += 1
            let type: EventType =
                switch number % 5 {
                case 0: .decisionProposed
                case 1: .decisionOutcomeUnknown
                case 2: .decisionApplied
                case 3: .decisionSuppressed
                default: .configChanged
                }
            let decision = number % 5 == 4 ? nil : number % 5 == 3 ? "d-s\(number)" : "d-\(number / 5)"
            var draft = Self.draft(number, type, node: node, nseq: numbers[node, default: 0], decision: decision)
            if number % 10 == 9 { draft.reverts = [Int64(number - 1)] }
            drafts.append(draft)
            if number % 7 == 6 || number == count - 1 {
                let sealed = try Sealer.seal(
                    drafts, onto: state, epoch: Epoch(Int64(1 + number / 20)), leader: "a",
                    now: Self.start + .milliseconds(10 * number))
                rows += sealed.events.map { StoredEvent($0) }
                state = sealed.state
                drafts = []
            }
        }
        return (rows, state)
    }

    /// Gives edited rows the hashes and the head that a forger with all the keys of the database would give them.
    static func forge(_ rows: [StoredEvent]) -> (rows: [StoredEvent], head: StoredHead) {
        var rows = rows
        var frontier = Frontier()
        for index in rows.indices {
            let hash = TreeHash.leaf(rows[index].leaf)
            rows[index].leafHash = hash.bytes
            frontier.append(hash)
        }
        let head = StoredHead(
            size: frontier.size, root: frontier.root.bytes, frontier: frontier.bytes, epoch: rows.last?.epoch ?? 0,
            integratedAt: rows.last?.integratedAt ?? Self.start)
        return (rows, head)
    }
}

extension Verifier {
    /// The verdict over a whole log.
    static func judge(_ rows: [StoredEvent], _ head: StoredHead?) -> Verdict {
        var verifier = Verifier()
        for row in rows where !verifier.check(row) { break }
        return verifier.verdict(head: head)
    }
}

extension Verifier.Verdict {
    var isOK: Bool { if case .ok = self { true } else { false } }
    var isTampered: Bool { if case .tampered = self { true } else { false } }
    var firstBadSeq: Int64? { if case .tampered(let seq, _) = self { seq } else { nil } }
    var reason: String {
        switch self {
        case .ok: "ok"
        case .tampered(_, let reason), .incomplete(let reason): reason
        }
    }
}
