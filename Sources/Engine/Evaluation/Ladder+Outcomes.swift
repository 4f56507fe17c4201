import Model

/// How changes turned out, which later ones are the surer or less sure for.
extension Ladder {
    /// Of the last change, once a start-up and a window have passed: whether the reading that drove it has moved towards its target.
    ///
    /// nil: there is none to judge now. One whose reading can't be had by then is never judged.
    func judge() -> ChangeOutcome? { nil }
}
