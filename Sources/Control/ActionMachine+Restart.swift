import Model

/// A restart says what is to happen, and not what there should be: carried out twice, it happens twice. And no look at the workload shows whether it has
/// happened. So it is sent again only where it is certain that the attempt before did nothing. Whatever else is in doubt ends it, with words for a person.
extension ActionMachine {
    /// What a person is told of a restart that nobody can vouch for.
    static let doubtfulRestart =
        "it is not known whether it was restarted, and a restart is never repeated in doubt: look at the workload, and restart it by hand where it needs it"

    /// Whether an order for it may be on its way, or have been carried out, without anybody knowing.
    ///
    /// - Parameter adopted: it was committed by an earlier leader, or the outcome of an attempt could not be written.
    static func mayHaveBeenSent(_ action: ActionRecord, adopted: Bool) -> Bool {
        switch action.state {
        case .sent, .unknown: true
        case .committed: adopted
        case .accepted, .verifying, .done, .failed, .superseded: false
        }
    }

    static func neverAgain(_ action: ActionRecord, at now: WallTime) -> ActionRecord {
        var action = action
        action.enter(.failed, at: now, text: "who ordered it was replaced, or could not write down what came of it: \(Self.doubtfulRestart)")
        return action
    }

    /// It is certain that nothing was sent.
    static func notRestarted(_ action: inout ActionRecord, at now: WallTime) {
        if now >= action.deadline { action.enter(.failed, at: now, text: "not restarted by its deadline") }
    }
}
