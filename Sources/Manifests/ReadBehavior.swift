import Model

/// Reads `behavior`: the names and bounds are those of the Kubernetes HorizontalPodAutoscaler, autoscaling/v2.
extension ReadManifest {
    static func behavior(_ place: Place) -> Behavior? {
        guard let fields = place.fields(known: ["scaleUp", "scaleDown"]) else { return nil }
        var behavior = Behavior()
        assign(fields["scaleUp"].flatMap(Self.scalingRules), to: &behavior.scaleUp)
        assign(fields["scaleDown"].flatMap(Self.scalingRules), to: &behavior.scaleDown)
        return behavior
    }

    /// The longest window and period, in seconds.
    private static let longest = Int(Behavior.longest.components.seconds)

    private static func scalingRules(_ place: Place) -> ScalingRules? {
        guard let fields = place.fields(known: ["stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance"]) else { return nil }
        var rules = ScalingRules()
        rules.stabilizationWindow = fields["stabilizationWindowSeconds"]?.seconds(in: 0...Self.longest)
        rules.select = fields["selectPolicy"]?.choice()
        rules.policies = fields["policies"]?.elements("policies", maximum: ManifestLimits.ratePolicies)?.compactMap(Self.ratePolicy)
        rules.tolerance = fields["tolerance"]?.quantity(in: .zero...Quantity(10))
        return rules
    }

    /// The words of `type`.
    private enum RateType: String, CaseIterable {
        case pods = "Pods"
        case percent = "Percent"
    }

    private static func ratePolicy(_ place: Place) -> RatePolicy? {
        guard let fields = place.fields(known: ["type", "value", "periodSeconds"]) else { return nil }
        let type = fields.required("type", "write Pods or Percent")?.choice(of: RateType.self)
        let value = fields.required("value", "write how many, or how many percent")?.int(in: 1...ManifestLimits.replicas)
        let period = fields.required("periodSeconds", "write within how many seconds")?.seconds(in: 1...Self.longest)
        guard let type, let value, let period else { return nil }
        return RatePolicy(type == .pods ? .replicas(value) : .percent(value), period: period)
    }
}
