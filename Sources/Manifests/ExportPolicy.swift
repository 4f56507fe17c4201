import Model

/// Policies as people write them.
extension Export {
    /// - Parameter sources: what to write as a metric's source, by the metric's name, where it is none of the model's.
    static func fields(_ given: Policy, sources: [String: YAMLText] = [:]) -> [Field] {
        let policy = given.normalized
        let defaults = Policy(name: "", selector: Selector(), maxReplicas: 1, metrics: [], rules: [])
        var fields: [Field] = [("selector", Self.selector(policy.selector))]
        if policy.mode != defaults.mode { fields.append(("mode", Self.text(policy.mode.rawValue))) }
        if policy.minReplicas != defaults.minReplicas { fields.append(("minReplicas", Self.number(policy.minReplicas))) }
        fields.append(("maxReplicas", Self.number(policy.maxReplicas)))
        if policy.evaluateEvery != defaults.evaluateEvery { fields.append(("evaluateEvery", Self.duration(policy.evaluateEvery))) }
        fields.append(("metrics", .list(policy.metrics.map { Self.metric($0, source: sources[$0.name]) })))
        fields.append(("rules", .list(policy.rules.map(Self.rule))))
        if policy.combine != defaults.combine { fields.append(("combine", Self.text(policy.combine.rawValue))) }
        if let preset = policy.preset { fields.append(("preset", Self.text(preset.rawValue))) }
        if let behavior = policy.behavior { fields.append(("behavior", Self.behavior(policy.preset == nil ? behavior.withoutDefaults : behavior))) }
        if policy.arithmetic != defaults.arithmetic { fields.append(("arithmetic", Self.text(policy.arithmetic.rawValue))) }
        let cooldown = Self.optional("up", policy.cooldown.up.map(Self.duration)) + Self.optional("down", policy.cooldown.down.map(Self.duration))
        if !cooldown.isEmpty { fields.append(("cooldown", .flow(cooldown))) }
        fields += Self.doubt(policy) + Self.people(policy, defaults)
        return fields
    }

    /// What holds in an emergency, at certain times, and in doubt.
    private static func doubt(_ policy: Policy) -> [Field] {
        var fields: [Field] = []
        if let emergency = policy.emergency {
            let replicas: YAMLText = if case .count(let count) = emergency.replicas { Self.number(count) } else { .scalar("max") }
            fields.append(("emergency", .flow([("when", Self.text(emergency.when.text)), ("replicas", replicas)])))
        }
        if !policy.schedule.isEmpty { fields.append(("schedule", .list(policy.schedule.map(Self.scheduleEntry)))) }
        if !policy.freeze.isEmpty { fields.append(("freeze", .list(policy.freeze.map(Self.freeze)))) }
        if !policy.onMissing.isEmpty { fields.append(("onMissing", .flowList(policy.onMissing.map { Self.text($0.text) }))) }
        if let plausible = policy.plausible {
            fields.append(
                (
                    "plausible",
                    .flow(
                        [("maxDrop", Self.percent(plausible.maxDrop)), ("per", Self.duration(plausible.per))]
                            + Self.optional("fleetDrop", plausible.fleetDrop.map(Self.percent)))
                ))
        }
        return fields
    }

    private static func people(_ policy: Policy, _ defaults: Policy) -> [Field] {
        var fields: [Field] = []
        if !policy.guards.isEmpty { fields.append(("guards", .list(policy.guards.map(Self.guardEntry)))) }
        let verify =
            (policy.verify.ready == defaults.verify.ready ? [] : [("ready", Self.number(policy.verify.ready))])
            + (policy.verify.within == defaults.verify.within ? [] : [("within", Self.duration(policy.verify.within))])
            + (policy.verify.rollback == defaults.verify.rollback ? [] : [("rollback", .scalar("true"))])
        if !verify.isEmpty { fields.append(("verify", .flow(verify))) }
        if let approval = policy.approval { fields.append(("approval", .flow([("above", Self.number(approval.above))]))) }
        if policy.regionDownAfter != defaults.regionDownAfter { fields.append(("regionDownAfter", Self.duration(policy.regionDownAfter))) }
        return fields
    }

    private static func metric(_ metric: Metric, source: YAMLText?) -> YAMLText {
        var fields: [Field] = [("name", Self.text(metric.name))]
        fields.append(("source", source ?? Self.source(metric.source)))
        fields += Self.optional("secondary", metric.secondary.map(Self.source)) + Self.optional("health", metric.health.map(Self.source))
        if let window = metric.window {
            fields.append(("window", .flow([("last", Self.duration(window.last)), ("aggregate", Self.text(window.aggregate.rawValue))])))
        }
        if metric.maxAge != Metric.defaultMaxAge { fields.append(("maxAge", Self.duration(metric.maxAge))) }
        fields += Self.optional("unit", metric.unit.map(Self.text))
        return .mapping(fields + Self.optional("onMissing", metric.onMissing.map { .flowList($0.map { Self.text($0.text) }) }))
    }

    private static func source(_ source: Metric.Source) -> YAMLText {
        switch source {
        case .sql(let connection, let statement):
            let sql = YAMLText.lines(statement)
            let fields: [Field] = [("connection", Self.text(connection)), ("sql", sql)]
            return if case .literal = sql { .mapping(fields) } else { .flow(fields) }
        case .kubernetes(let metric):
            let fields: [Field] =
                [("type", Self.text(metric.kind.rawValue)), ("name", Self.text(metric.name))]
                + Self.optional("container", metric.container.map(Self.text)) + Self.optional("selector", metric.selector.map(Self.text))
                + Self.optional("object", metric.object.map(Self.text))
            return .flow([("kubernetes", .flow(fields))])
        }
    }

    static func behavior(_ behavior: Behavior) -> YAMLText {
        let directions = [("scaleUp", behavior.scaleUp), ("scaleDown", behavior.scaleDown)].filter { $0.1 != ScalingRules() }
        return .mapping(directions.map { ($0, Self.scalingRules($1)) })
    }

    private static func scalingRules(_ rules: ScalingRules) -> YAMLText {
        var fields = Self.optional("stabilizationWindowSeconds", rules.stabilizationWindow.map { Self.number(Int($0.components.seconds)) })
        fields += Self.optional("selectPolicy", rules.select.map { Self.text($0.rawValue) })
        let policies = rules.policies.map { policies in
            YAMLText.list(
                policies.map { policy in
                    let (type, value) = policy.named
                    return .flow([
                        ("type", Self.text(type)), ("value", Self.number(value)), ("periodSeconds", Self.number(Int(policy.period.components.seconds))),
                    ])
                })
        }
        return .mapping(fields + Self.optional("policies", policies) + Self.optional("tolerance", rules.tolerance.map(Self.number)))
    }

    private static func when(_ cron: String, _ timeZone: String, _ duration: Duration) -> [Field] {
        [("cron", Self.text(cron))] + (timeZone == "UTC" ? [] : [("timeZone", Self.text(timeZone))]) + [("duration", Self.duration(duration))]
    }

    private static func scheduleEntry(_ entry: Policy.ScheduleEntry) -> YAMLText {
        .flow(
            Self.when(entry.cron, entry.timeZone, entry.duration) + Self.optional("minReplicas", entry.minReplicas.map(Self.number))
                + Self.optional("maxReplicas", entry.maxReplicas.map(Self.number)))
    }

    private static func freeze(_ freeze: Policy.Freeze) -> YAMLText {
        .flow(Self.when(freeze.cron, freeze.timeZone, freeze.duration) + [("reason", Self.text(freeze.reason))])
    }

    private static func guardEntry(_ entry: Policy.Guard) -> YAMLText {
        var fields: [Field] = [("when", Self.text(entry.when.text))]
        if entry.sustained != .zero { fields.append(("for", Self.duration(entry.sustained))) }
        switch entry.effect {
        case .notify(let severity): fields.append(("notify", Self.text(severity.rawValue)))
        case .restart: fields.append(("restart", .scalar("true")))
        }
        if entry.atMost != Policy.Guard.defaultLimit { fields.append(("atMost", Self.text(entry.atMost.text))) }
        return .flow(fields)
    }

    private static func percent(_ value: Quantity) -> YAMLText { .string("\(value)%") }
}

extension Behavior {
    /// Only what is not HPA's default anyway.
    fileprivate var withoutDefaults: Behavior {
        let (up, down) = Behavior().defaulted
        return Behavior(scaleUp: self.scaleUp.without(up), scaleDown: self.scaleDown.without(down))
    }
}

extension ScalingRules {
    fileprivate func without(_ standard: Resolved) -> ScalingRules {
        ScalingRules(
            stabilizationWindow: self.stabilizationWindow == standard.stabilizationWindow ? nil : self.stabilizationWindow,
            select: self.select == standard.select ? nil : self.select, policies: self.policies == standard.policies ? nil : self.policies,
            tolerance: self.tolerance)
    }
}
