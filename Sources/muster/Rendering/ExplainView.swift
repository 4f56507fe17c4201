import Model

/// A decision as a page: readings, steps, what comes next. It renders the stored decision and adds nothing.
struct ExplainView {
    var decision: JSON
    var now: WallTime

    func text(all: Bool) -> String {
        let from = self.decision["from"]?.cell ?? "?"
        let to = self.decision["to"]?.cell ?? "?"
        let at = self.decision["at"]?.stringValue.flatMap { WallTime(rfc3339: $0) }
        let clock = at.map { "\($0.rfc3339(fractionDigits: 0).dropFirst(11).dropLast()) UTC (\(Ago.text($0, now: self.now)) ago)" } ?? ""
        var out = "\(self.decision.cell("workload"))  \(from) -> \(to)   \(clock)\n\(self.decision.cell("sentence"))\n\n"
        out += self.readings + self.proposals + self.steps(all: all)
        let reasons = (self.decision["reasons"]?.arrayValue ?? []).map { reason in
            reason.cell("code") + (reason["until"].map { " until \($0.cell)" } ?? "") + (reason["by"].map { " (\($0.cell))" } ?? "")
        }
        if !reasons.isEmpty { out += "reasons     \(reasons.joined(separator: ", "))\n" }
        let acted = self.decision["acted"]?.boolValue == true ? "acted on" : "not carried out"
        out += "confidence  \(self.decision.cell("confidence")), urgency \(self.decision.cell("urgency")), \(acted)\n"
        out += self.approval
        let policy = "\(self.decision.cell("policy.name")) v\(self.decision.cell("policy.version"))"
        if let id = self.decision["id"]?.stringValue {
            out += "decision    \(id), audit #\(self.decision.cell("seq")), epoch \(self.decision.cell("epoch")), policy \(policy)\n"
        } else {
            out += "policy      \(policy)\n"
        }
        return out
    }

    /// What is awaited, and how to answer it.
    private var approval: String {
        let isAwaited = (self.decision["reasons"]?.arrayValue ?? []).contains { $0["code"] == "awaiting-approval" }
        guard isAwaited, self.decision["acted"]?.boolValue != true else { return "" }
        let what = self.decision["id"]?.stringValue ?? self.decision.cell("workload")
        return "approval    waits for a second person; to let it go ahead: muster approve \(what)   to refuse it: muster reject \(what)\n"
    }

    private var readings: String {
        var table = Table(headings: ["READING", "VALUE", "TARGET", "RATIO", "AGE", "QUALITY", "NOTE"])
        for reading in self.decision["readings"]?.arrayValue ?? [] {
            let unit = reading["unit"].map { " \($0.cell)" } ?? ""
            table.rows.append([
                reading.cell("metric"), reading["value"].map { $0.cell + unit } ?? "-", reading["target"]?.cell ?? "-", reading["ratio"]?.cell ?? "-",
                reading["ageMs"]?.intValue.map { "\($0 / 1000) s" } ?? "-", reading.cell("quality"),
                [reading["window"]?.cell, reading["missing"]?.cell, reading["evidence"]?.cell].compactMap(\.self).joined(separator: "; "),
            ])
        }
        return table.rows.isEmpty ? "" : table.text() + "\n"
    }

    private var proposals: String {
        var table = Table(headings: ["RULE", "WANTS", "BECAUSE"])
        for proposal in self.decision["proposals"]?.arrayValue ?? [] {
            table.rows.append([proposal.cell("rule"), proposal["replicas"]?.cell ?? "-", proposal.cell("because")])
        }
        return table.rows.isEmpty ? "" : table.text() + "\n"
    }

    private func steps(all: Bool) -> String {
        var table = Table(headings: ["STEP", "NUMBER", "BECAUSE"])
        var hidden = 0
        for step in self.decision["steps"]?.arrayValue ?? [] {
            // A floor matters also to a number that is above it now: it says what would not be lowered.
            let changes = step["in"] != step["out"] || step["reason"] != nil || ["decision", "floors"].contains(step.cell("step"))
            guard all || changes else { hidden += 1; continue }
            let until = step.at("reason.until").map { ", until \($0.cell)" } ?? ""
            table.rows.append([step.cell("step"), "\(step.cell("in")) -> \(step.cell("out"))", step.cell("text") + until])
        }
        let rest = hidden > 0 ? "(\(hidden) steps changed nothing: --all)\n" : ""
        return (table.rows.isEmpty ? "" : table.text()) + rest + "\n"
    }
}
