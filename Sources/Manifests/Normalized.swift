import Model

extension Policy {
    /// The one value for what can be said in several ways.
    ///
    /// - With a preset, what is not given stays open: it is the preset's. A `behavior` that gives nothing is none.
    /// - Without one, a `behavior` holds every default of the HPA's, so that a later change of ours does not change what is stored; a cooldown
    ///   of 0 is none.
    var normalized: Policy {
        var policy = self
        if self.preset == nil {
            if let given = self.behavior {
                let (up, down) = given.defaulted
                policy.behavior = Behavior(scaleUp: ScalingRules(up), scaleDown: ScalingRules(down))
            }
            if self.cooldown.up == .zero { policy.cooldown.up = nil }
            if self.cooldown.down == .zero { policy.cooldown.down = nil }
        } else if self.behavior == Behavior() {
            policy.behavior = nil
        }
        return policy
    }
}

extension ScalingRules {
    init(_ resolved: Resolved) {
        self.init(
            stabilizationWindow: resolved.stabilizationWindow, select: resolved.select, policies: resolved.policies, tolerance: resolved.tolerance)
    }
}
