public import Model

/// What changes between two canonical manifests.
public enum Diff {
    /// One difference: a value that came, went, or became another.
    public struct Change: Sendable, Hashable {
        /// What became of the value, in the words of JSON Patch (RFC 6902).
        public enum Operation: String, Sendable, Hashable, CaseIterable {
            case add, replace, remove
        }
        /// What became of the value.
        public var op: Operation
        /// RFC 6901. An element that leaves a list is named by its old place, all else by the new one.
        public var path: String
        /// The value before; nil when it came.
        public var from: JSON?
        /// The value after; nil when it went.
        public var to: JSON?
        /// - Parameters:
        ///   - from: for what is replaced or removed.
        ///   - to: for what is added or replaced.
        public init(op: Operation, path: String, from: JSON? = nil, to: JSON? = nil) {
            self.op = op
            self.path = path
            self.from = from
            self.to = to
        }
    }

    /// The changes in the order of the fields; none when both mean the same. Without `old` every field is added, without `new` the whole is removed.
    public static func between(_ old: JSON?, _ new: JSON?) -> [Change] {
        switch (old, new) {
        case (nil, nil): return []
        case (let old?, nil): return [Change(op: .remove, path: "", from: old)]
        case (let old, let new?):
            var changes: [Change] = []
            Self.compare(old ?? .object([:]), new, at: "", &changes)
            return changes
        }
    }

    private static func compare(_ old: JSON, _ new: JSON, at path: String, _ changes: inout [Change]) {
        if old == new { return }
        switch (old, new) {
        case (.object(let before), .object(let after)):
            for key in FieldOrder.sorted(Set(before.keys).union(after.keys)) {
                let pointer = Pointer.appending(key, to: path)
                switch (before[key], after[key]) {
                case (let from?, let to?): Self.compare(from, to, at: pointer, &changes)
                case (let from?, nil): changes.append(Change(op: .remove, path: pointer, from: from))
                case (nil, let to?): changes.append(Change(op: .add, path: pointer, to: to))
                case (nil, nil): break
                }
            }
        case (.array(let before), .array(let after)): Self.compare(before, after, at: path, &changes)
        default: changes.append(Change(op: .replace, path: path, from: old, to: new))
        }
    }

    /// Elements that begin and end both lists are the same ones; what is between is compared by place, and the rest came or went.
    private static func compare(_ before: [JSON], _ after: [JSON], at path: String, _ changes: inout [Change]) {
        let shorter = min(before.count, after.count)
        let head = (0..<shorter).first { before[$0] != after[$0] } ?? shorter
        let tail = (0..<(shorter - head)).first { before[before.count - 1 - $0] != after[after.count - 1 - $0] } ?? shorter - head
        let old = before[head..<before.count - tail]
        let new = after[head..<after.count - tail]
        for index in head..<max(old.endIndex, new.endIndex) {
            if index < old.endIndex, index < new.endIndex {
                Self.compare(old[index], new[index], at: "\(path)/\(index)", &changes)
            } else if index < old.endIndex {
                changes.append(Change(op: .remove, path: "\(path)/\(index)", from: old[index]))
            } else {
                changes.append(Change(op: .add, path: "\(path)/\(index)", to: new[index]))
            }
        }
    }

    /// One line a change, `  maxReplicas:  20 -> 24`; what came starts with `+`, what went with `-`.
    public static func text(_ changes: [Change]) -> String { changes.map { $0.text + "\n" }.joined() }
}

extension Diff.Change: JSONEncodable {
    /// As answers of the API and `-o json` have it: `op`, `path`, and those of `from` and `to` that there are.
    public var json: JSON {
        .fields(["op": .string(self.op.rawValue), "path": .string(self.path), "from": self.from, "to": self.to])
    }
}

extension Diff.Change {
    /// Longest value in a line, in characters.
    private static var longestValue: Int { 60 }
    /// Shared text that stays before the first difference, so that it can be found again.
    private static var sharedBefore: Int { 16 }

    /// Without a line break.
    public var text: String {
        let name = self.name
        switch self.op {
        case .add: return "+ \(name):  \(Self.cut(Self.plain(self.to), after: 0))"
        case .remove: return "- \(name):  \(Self.cut(Self.plain(self.from), after: 0))"
        case .replace:
            let from = Self.plain(self.from)
            let to = Self.plain(self.to)
            // Of long values only the part that differs is worth the line.
            let isLong = max(from.count, to.count) > Self.longestValue
            let shared = isLong ? max(0, zip(from, to).prefix { $0 == $1 }.count - Self.sharedBefore) : 0
            return "  \(name):  \(Self.cut(from, after: shared)) -> \(Self.cut(to, after: shared))"
        }
    }

    /// `cooldown.up`, `rules[0].track.averageValue`; `manifest` for the whole.
    private var name: String {
        var name = ""
        for token in Pointer.tokens(self.path) {
            if !name.isEmpty, !token.isEmpty, token.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
                name += "[\(token)]"
            } else {
                name += name.isEmpty ? token : ".\(token)"
            }
        }
        return name.isEmpty ? "manifest" : name
    }

    /// Text as it is, on one line; everything else as JSON.
    private static func plain(_ value: JSON?) -> String {
        guard let value else { return "" }
        guard let text = value.stringValue, !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        else { return value.text }
        return text
    }

    private static func cut(_ text: String, after start: Int) -> String {
        let rest = text.dropFirst(start)
        let body = rest.count > Self.longestValue ? rest.prefix(Self.longestValue - 1) + "…" : rest
        return (start > 0 ? "…" : "") + body
    }
}

/// The order in which people expect fields; others follow by name.
enum FieldOrder {
    private static let rank: [String: Int] = {
        let order = [
            "kind", "name", "owner", "metric", "driver", "connection", "sql", "postgres", "password", "selector", "services", "regions", "mode",
            "priority", "startup", "minReplicas", "costPerReplicaHour", "maxReplicas", "maxCostPerHour", "evaluateEvery", "source", "window",
            "secondary", "health", "maxAge", "unit", "metrics", "rules", "combine", "preset", "behavior", "scaleUp", "scaleDown",
            "stabilizationWindowSeconds", "selectPolicy", "policies", "type", "arithmetic", "cooldown", "up", "down", "emergency", "when",
            "replicas", "schedule", "cron", "timeZone", "duration", "freeze", "reason", "onMissing", "plausible", "maxDrop", "per", "fleetDrop",
            "guards", "verify", "ready", "within", "rollback", "approval", "regionDownAfter", "failover", "to", "share", "fade", "observe", "scale",
            "averageUtilization", "averageValue", "value", "tolerance", "above", "add", "below", "remove",
            "for", "notify", "restart", "atMost", "perReplica", "upAt", "downAt", "step", "periodSeconds", "weight", "workloads",
        ]
        return Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
    }()

    static func sorted(_ names: some Sequence<String>) -> [String] {
        names.sorted { left, right in
            let (leftRank, rightRank) = (Self.rank[left] ?? Int.max, Self.rank[right] ?? Int.max)
            return leftRank == rightRank ? left < right : leftRank < rightRank
        }
    }
}
