public import Model

extension Memory {
    /// The effect of `guarded` was held back: it counts as if it had not been taken, so that it is taken once nothing speaks against it any more.
    ///
    /// - Parameter before: what was remembered before the evaluation.
    public mutating func holdBack(_ guarded: Policy.Guard, before: Memory) {
        let identity = guarded.identity
        guard let index = self.guards.firstIndex(where: { $0.guarding == identity }) else { return }
        let fired = before.guards.first { $0.guarding == identity }?.fired ?? []
        self.guards[index] = Guarded(guarding: identity, since: self.guards[index].since, fired: fired)
    }
}
