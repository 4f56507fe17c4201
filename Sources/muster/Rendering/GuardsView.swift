import Control
import Model

/// The guards whose turn it is, below a decision's page: what each does, or what keeps it from that.
struct GuardsView {
    var guards: [GuardOutcome]

    var text: String {
        var table = Table(headings: ["GUARD", "BECAUSE"])
        for outcome in self.guards {
            let effect =
                switch outcome.guarded.effect {
                case .notify(let severity): "notify \(severity.rawValue)"
                case .restart: "restart"
                }
            let (held, why) = outcome.obstacle.map { (", held back", "; \($0.words)") } ?? ("", "")
            table.rows.append([effect + held, outcome.sentence + why])
        }
        return table.rows.isEmpty ? "" : "\n" + table.text()
    }
}
