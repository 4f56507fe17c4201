import Model

/// The first screen as text.
struct StatusView {
    var status: JSON

    private var now: WallTime { self.status["asOf"]?.stringValue.flatMap { WallTime(rfc3339: $0) } ?? WallTime(microseconds: 0) }
    private func ago(_ path: String) -> String? {
        self.status.at(path)?.stringValue.flatMap { WallTime(rfc3339: $0) }.map { Ago.text($0, now: self.now) }
    }

    var text: String {
        let attention = self.status["attention"]?.arrayValue ?? []
        var out =
            attention.isEmpty ? "Nothing needs a person\n\n" : "! \(attention.count == 1 ? "1 thing needs" : "\(attention.count) things need") a person\n\n"
        out += "leader    \(self.leader)\n"
        let alive = self.status.cell("nodes.alive"), total = self.status.cell("nodes.total")
        out += "nodes     \(alive) of \(total) alive\n"
        let round = self.ago("round.at").map {
            "last round \($0) ago, \(self.status.cell("round.evaluated")) evaluated, \(self.status.cell("round.changed")) changed"
        }
        out += "scaling   \(self.status["enabled"]?.boolValue == true ? "enabled" : "DISABLED"), \(round ?? "no round yet")\n"
        out +=
            "readings  \(self.status.cell("readings.stale")) stale, \(self.status.cell("readings.doubted")) doubted, \(self.status.cell("readings.missing")) missing of \(self.status.cell("readings.total"))\n"
        out += "replicas  \(self.replicas)\n"
        let verified = self.status.at("audit.verifiedTo").map { " to #\($0.cell)" } ?? ""
        out += "audit     \(self.status.cell("audit.state"))\(verified) of \(self.status.cell("audit.size")) events\n"
        for item in attention {
            out += "\n\(Self.symbol(item.cell("severity"))) \(item.cell("title"))"
            let hints = (item["do"]?.arrayValue ?? []).map { hint in hint.cell("label") + (hint["command"]?.stringValue.map { ": \($0)" } ?? "") }
            if !hints.isEmpty { out += "\n  \(hints.joined(separator: "; "))" }
        }
        if !attention.isEmpty { out += "\n" }
        return out + self.moving + self.held + self.workloads
    }

    /// What is not known yet (nothing was applied, or not evaluated) is left out.
    private var replicas: String {
        guard let running = self.status.at("replicas.running") else { return "none yet" }
        let ceiling = self.status.at("replicas.ceiling").map { " of \($0.cell)" } ?? ""
        let wanted = self.status.at("replicas.wanted").map { ", rules want \($0.cell)" } ?? ""
        return running.cell + ceiling + wanted
    }

    private var leader: String {
        guard let node = self.status.at("leader.node")?.stringValue else {
            return "none (epoch \(self.status.cell("leader.epoch")), last \(self.status.cell("leader.previous")))"
        }
        let since = self.ago("leader.since").map { ", \($0)" } ?? ""
        let previous = self.status.at("leader.previous")?.stringValue.map { " (from \($0))" } ?? ""
        return "\(node), epoch \(self.status.cell("leader.epoch"))\(since)\(previous)"
    }

    private static func symbol(_ severity: String) -> String {
        switch severity {
        case "critical": "#"
        case "warning": "!"
        default: "*"
        }
    }

    private var moving: String {
        var table = Table(headings: ["MOVING", "REPLICAS", "READY", "STATE", "WHY"])
        for item in self.status["moving"]?.arrayValue ?? [] {
            table.rows.append([
                item.cell("workload"), Self.replicas(item), item.cell("ready"), item.cell("state"), item.cell("sentence"),
            ])
        }
        return table.rows.isEmpty ? "" : "\n" + table.text()
    }

    private static func replicas(_ item: JSON) -> String {
        item["kind"]?.stringValue == "restart" ? "restart of \(item.cell("from"))" : "\(item.cell("from")) -> \(item.cell("to"))"
    }

    private var held: String {
        var table = Table(headings: ["HELD", "RUNNING", "WANTS", "WHY"])
        for item in self.status["held"]?.arrayValue ?? [] {
            table.rows.append([item.cell("workload"), item.cell("running"), item.cell("wanted"), item.cell("sentence")])
        }
        return table.rows.isEmpty ? "" : "\n" + table.text()
    }

    private var workloads: String {
        let states = (self.status.at("workloads.states")?.objectValue ?? [:]).sorted { $0.key < $1.key }.map { "\($0.value.cell) \($0.key)" }
        return states.isEmpty ? "" : "\nworkloads \(states.joined(separator: ", "))\n"
    }
}
