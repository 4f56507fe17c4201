import Model

/// Reads policies.
extension ReadManifest {
    private static let policyFields = [
        "kind", "name", "selector", "mode", "minReplicas", "maxReplicas", "evaluateEvery", "metrics", "rules", "combine", "preset", "behavior",
        "arithmetic", "cooldown", "emergency", "schedule", "freeze", "onMissing", "plausible", "guards", "verify", "approval", "regionDownAfter",
    ]

    static func policy(_ place: Place) -> Policy? {
        guard let fields = place.fields(known: Self.policyFields, later: LaterVersions.policyFields) else { return nil }
        let name = fields.required("name")?.manifestName()
        let selector = fields.required("selector", "write which workloads it is for, such as { services: [checkout] }").flatMap(Self.selector)
        let most = fields.required("maxReplicas", "write the most replicas it may ask for")?.int(in: 1...ManifestLimits.replicas)
        let metrics = Self.metrics(fields)
        let rules = Self.rules(fields)
        var policy = Policy(
            name: name ?? "", selector: selector ?? Selector(), maxReplicas: most ?? ManifestLimits.replicas, metrics: metrics, rules: rules)
        assign(fields["mode"]?.choice(), to: &policy.mode)
        assign(fields["minReplicas"]?.int(in: 0...ManifestLimits.replicas), to: &policy.minReplicas)
        assign(fields["evaluateEvery"]?.duration(in: Bounds.second...Bounds.hour), to: &policy.evaluateEvery)
        assign(fields["combine"]?.choice(), to: &policy.combine)
        assign(fields["cooldown"].map(Self.cooldown), to: &policy.cooldown)
        policy.preset = fields["preset"]?.choice()
        policy.behavior = fields["behavior"].flatMap(Self.behavior)
        assign(fields["arithmetic"]?.choice(), to: &policy.arithmetic)
        policy.emergency = fields["emergency"].flatMap(Self.emergency)
        policy.onMissing = fields["onMissing"].map(Self.onMissing) ?? []
        assign(fields["verify"].map(Self.verify), to: &policy.verify)
        Self.terms(fields, &policy)
        guard !place.report.hasErrors, name != nil, selector != nil, most != nil else { return nil }
        if place.report.purpose != .stored { Self.check(policy, place, place.node.positions) }
        return policy.normalized
    }

    /// What a policy says about itself must fit together before anything else is asked.
    static func check(_ policy: Policy, _ place: Place, _ positions: [String: SourcePosition]) {
        for finding in PolicyCheck.findings(policy) where finding.severity == .error {
            var pointer = finding.pointer
            while positions[pointer] == nil, let parent = Pointer.parent(of: pointer) { pointer = parent }
            place.report.add(
                finding.code, finding.message, at: positions[pointer] ?? place.node.position, pointer: finding.pointer, near: finding.near)
        }
    }

    private static func cooldown(_ place: Place) -> Policy.Cooldown {
        var cooldown = Policy.Cooldown()
        guard let fields = place.fields(known: ["up", "down"]) else { return cooldown }
        cooldown.up = fields["up"]?.duration(in: .zero...Bounds.week)
        cooldown.down = fields["down"]?.duration(in: .zero...Bounds.week)
        return cooldown
    }

    private static func verify(_ place: Place) -> Policy.Verify {
        var verify = Policy.Verify()
        guard let fields = place.fields(known: ["ready", "within", "rollback"]) else { return verify }
        assign(fields["ready"]?.quantity(in: .zero...Quantity(1)), to: &verify.ready)
        assign(fields["within"]?.duration(in: Bounds.second...Bounds.day), to: &verify.within)
        assign(fields["rollback"]?.flag(), to: &verify.rollback)
        return verify
    }

    private static func emergency(_ place: Place) -> Policy.Emergency? {
        guard let fields = place.fields(known: ["when", "replicas"]) else { return nil }
        let when = fields.required("when", "write a condition such as \"queue > 100\"").flatMap(Self.condition)
        let replicas = fields.required("replicas", "write max or a number").flatMap { place -> Policy.Emergency.Replicas? in
            if case .scalar(let scalar) = place.node.value, scalar.text == "max" { return .max }
            return place.int(in: 1...ManifestLimits.replicas).map { .count($0) }
        }
        guard let when, let replicas else { return nil }
        return Policy.Emergency(when: when, replicas: replicas)
    }

    static func condition(_ place: Place) -> Expression? {
        guard let text = place.text("a condition such as \"queue > 100\""), case .scalar(let scalar) = place.node.value else { return nil }
        do throws(ExpressionError) {
            let expression = try Expression(parsing: text)
            if !expression.isCondition {
                place.fail(.invalidExpression, "“\(place.name)” is a number; compare it with something, such as \(text.shortened) > 100")
            }
            return expression
        } catch {
            // A block's lines are somewhere below; a quoted or plain scalar's characters follow its start.
            var position = place.node.position
            if scalar.style != .block, !text.contains("\n") { position.column += error.offset + (scalar.style == .quoted ? 1 : 0) }
            place.fail(.invalidExpression, "“\(place.name)”: \(error.message)", at: position)
            return nil
        }
    }
}
