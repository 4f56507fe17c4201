@testable import Ledger
import Model

/// A second verifier, written from the rules and not from the first one: it parses whole values, keeps everything, and computes the tree by
/// recursion. Both have to come to the same verdict on every log.
enum NaiveVerifier {
    /// The first row that is wrong, -1 when only the head is, nil when the log is good.
    static func firstBad(_ rows: [StoredEvent], _ head: StoredHead) -> Int64? {
        var numbers: [String: Int64] = [:]
        var ids: Set<String> = []
        var open: Set<String> = []
        var ended: Set<String> = []
        for (index, row) in rows.enumerated() {
            let previous = index > 0 ? rows[index - 1] : nil
            guard row.seq == Int64(index), let leaf = Self.leaf(row), Self.columnsAgree(row, leaf),
                row.integratedAt >= previous?.integratedAt ?? row.integratedAt, row.epoch >= previous?.epoch ?? 0,
                ids.insert(row.id).inserted
            else { return Int64(index) }
            for seq in leaf["reverts"]?.arrayValue ?? [] {
                guard let seq = seq.intValue, rows[..<index].contains(where: { $0.seq == seq }) else { return Int64(index) }
            }
            let run = "\(leaf["origin"]?["node"]?.text ?? "") \(leaf["origin"]?["boot_id"]?.text ?? "")"
            guard leaf["origin"]?["nseq"] == .int(numbers[run, default: 0] + 1) else { return Int64(index) }
            numbers[run, default: 0] += 1
            guard Self.follows(row.type, row.decisionID, &open, &ended) else { return Int64(index) }
        }
        guard head.size == Int64(rows.count) else { return min(max(head.size, 0), Int64(rows.count)) }
        guard head.root == NaiveTree.root(rows.map(\.leaf)[...]).bytes, head.frontier == Self.frontier(rows.map(\.leaf)[...]),
            head.epoch >= rows.last?.epoch ?? 0, head.integratedAt == rows.last?.integratedAt ?? head.integratedAt
        else { return -1 }
        return nil
    }

    private static func leaf(_ row: StoredEvent) -> JSON? {
        guard row.leaf.count <= 65_535, TreeHash.sha256([0] + row.leaf).bytes == row.leafHash,
            let leaf = try? JSON(parsing: row.leaf), leaf.canonical() == row.leaf, Self.isExact(leaf), Self.isComplete(leaf)
        else { return nil }
        return leaf
    }

    private static func isComplete(_ leaf: JSON) -> Bool {
        let texts = [
            ["schema"], ["integrated_at"], ["epoch"], ["leader"], ["id"], ["type"], ["severity"], ["occurred_at"], ["action"],
            ["origin", "node"], ["origin", "boot_id"], ["actor", "kind"], ["actor", "id"], ["actor", "auth"], ["outcome", "status"],
            ["subject", "kind"], ["subject", "id"],
        ]
        func at(_ path: [String]) -> JSON? { path.reduce(leaf) { $0?[$1] } }
        let times = [leaf["integrated_at"], leaf["occurred_at"]]
        return texts.allSatisfy { at($0)?.stringValue != nil } && at(["origin", "nseq"])?.intValue ?? -1 >= 0
            && times.allSatisfy { time in
                guard let text = time?.stringValue else { return false }
                return WallTime(rfc3339: text)?.rfc3339(fractionDigits: 6) == text
            }
    }

    private static func isExact(_ value: JSON) -> Bool {
        switch value {
        case .double: false
        case .int(let number): number.magnitude < 1 << 53
        case .array(let values): values.allSatisfy(Self.isExact)
        case .object(let fields): fields.values.allSatisfy(Self.isExact)
        default: true
        }
    }

    private static func columnsAgree(_ row: StoredEvent, _ leaf: JSON) -> Bool {
        func same(_ value: JSON?, _ column: String?) -> Bool {
            value?.stringValue.map { Array($0.utf8) } == column.map { Array($0.utf8) }
        }
        return leaf["seq"] == .int(row.seq) && same(leaf["epoch"], String(row.epoch)) && same(leaf["id"], row.id)
            && same(leaf["type"], row.type) && same(leaf["severity"], row.severity) && same(leaf["actor"]?["id"], row.actorID)
            && same(leaf["subject"]?["id"], row.subjectID) && same(leaf["correlation"]?["decision_id"], row.decisionID)
            && same(leaf["integrated_at"], row.integratedAt.rfc3339(fractionDigits: 6))
            && EventType(rawValue: row.type) != nil && Severity(rawValue: row.severity) != nil
    }

    private static func follows(_ type: String, _ decision: String?, _ open: inout Set<String>, _ ended: inout Set<String>) -> Bool {
        guard type.hasPrefix("decision.") else { return true }
        guard let decision else { return false }
        switch type {
        case "decision.proposed": return !ended.contains(decision) && open.insert(decision).inserted
        case "decision.outcome_unknown": return open.contains(decision)
        case "decision.suppressed":
            open.remove(decision)
            return ended.insert(decision).inserted
        default:
            ended.insert(decision)
            return open.remove(decision) != nil
        }
    }

    private static func frontier(_ leaves: ArraySlice<[UInt8]>) -> [UInt8] {
        guard !leaves.isEmpty else { return [] }
        var power = 1
        while power * 2 <= leaves.count { power *= 2 }
        let split = leaves.startIndex + power
        return NaiveTree.root(leaves[..<split]).bytes + Self.frontier(leaves[split...])
    }
}
