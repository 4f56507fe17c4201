public import Model

/// Manifests as people write them: their order of fields, defaults left out. What it writes parses back to equal manifests.
public enum Export {
    /// The documents in the given order, separated by `---`.
    public static func yaml(_ manifests: [Manifest]) -> String {
        manifests.map { YAMLText.mapping(Self.fields($0)).block(indent: 0) }.joined(separator: "---\n")
    }

    private typealias Field = (String, YAMLText)

    private static func fields(_ manifest: Manifest) -> [(String, YAMLText)] {
        let head: [Field] = [("kind", .string(manifest.kind.rawValue)), ("name", Self.text(manifest.name))]
        switch manifest {
        case .region(let region): return head + Self.fields(region)
        case .connection(let connection): return head + Self.fields(connection)
        case .service(let service): return head + Self.fields(service)
        case .policy(let policy): return head + Self.fields(policy)
        case .budget(let budget):
            return head + [("selector", Self.selector(budget.selector))] + Self.optional("maxReplicas", budget.maxReplicas.map(Self.number))
                + Self.optional("maxCostPerHour", budget.maxCostPerHour.map(Self.number))
        }
    }

    private static func fields(_ region: Region) -> [Field] {
        Self.optional("costPerReplicaHour", region.costPerReplicaHour.map(Self.number))
            + Self.optional("maxReplicas", region.maxReplicas.map(Self.number))
    }

    private static func fields(_ connection: Connection) -> [Field] {
        let password: YAMLText? = connection.password.map { reference in
            switch reference {
            case .file(let path): .flow([("file", Self.text(path))])
            case .environment(let name): .flow([("env", Self.text(name))])
            }
        }
        return [("postgres", Self.text(connection.postgres))] + Self.optional("password", password)
    }

    private static func fields(_ service: Service) -> [Field] {
        var fields = Self.optional("owner", service.owner.map(Self.text))
        if service.priority != 0 { fields.append(("priority", Self.number(service.priority))) }
        if service.startup != .zero { fields.append(("startup", Self.duration(service.startup))) }
        let workloads = service.workloads.sorted { $0.key < $1.key }.map { region, target -> Field in
            switch target {
            case .exec(let observe, let scale):
                (
                    region,
                    .flow([
                        ("driver", .scalar("exec")), ("observe", .flowList(observe.map(Self.text))), ("scale", .flowList(scale.map(Self.text))),
                    ])
                )
            case .manual: (region, .flow([("driver", .scalar("manual"))]))
            }
        }
        return fields + [("workloads", .mapping(workloads))]
    }

    private static func fields(_ policy: Policy) -> [Field] {
        let defaults = Policy(name: "", selector: Selector(), maxReplicas: 1, metrics: [], rules: [])
        var fields: [Field] = [("selector", Self.selector(policy.selector))]
        if policy.mode != defaults.mode { fields.append(("mode", Self.text(policy.mode.rawValue))) }
        if policy.minReplicas != defaults.minReplicas { fields.append(("minReplicas", Self.number(policy.minReplicas))) }
        fields.append(("maxReplicas", Self.number(policy.maxReplicas)))
        if policy.evaluateEvery != defaults.evaluateEvery { fields.append(("evaluateEvery", Self.duration(policy.evaluateEvery))) }
        fields.append(("metrics", .list(policy.metrics.map(Self.metric))))
        fields.append(("rules", .list(policy.rules.map(Self.rule))))
        if policy.combine != defaults.combine { fields.append(("combine", Self.text(policy.combine.rawValue))) }
        let cooldown =
            (policy.cooldown.up == .zero ? [] : [("up", Self.duration(policy.cooldown.up))])
            + (policy.cooldown.down == .zero ? [] : [("down", Self.duration(policy.cooldown.down))])
        if !cooldown.isEmpty { fields.append(("cooldown", .flow(cooldown))) }
        if let emergency = policy.emergency {
            let replicas: YAMLText = if case .count(let count) = emergency.replicas { Self.number(count) } else { .scalar("max") }
            fields.append(("emergency", .flow([("when", Self.text(emergency.when.text)), ("replicas", replicas)])))
        }
        if !policy.onMissing.isEmpty { fields.append(("onMissing", .flowList(policy.onMissing.map { Self.text($0.text) }))) }
        let verify =
            (policy.verify.ready == defaults.verify.ready ? [] : [("ready", Self.number(policy.verify.ready))])
            + (policy.verify.within == defaults.verify.within ? [] : [("within", Self.duration(policy.verify.within))])
        if !verify.isEmpty { fields.append(("verify", .flow(verify))) }
        return fields
    }

    private static func metric(_ metric: Metric) -> YAMLText {
        var fields: [Field] = [("name", Self.text(metric.name))]
        switch metric.source {
        case .sql(let connection, let statement):
            let sql = YAMLText.lines(statement)
            let source: [Field] = [("connection", Self.text(connection)), ("sql", sql)]
            if case .literal = sql { fields.append(("source", .mapping(source))) } else { fields.append(("source", .flow(source))) }
        }
        if let window = metric.window {
            fields.append(("window", .flow([("last", Self.duration(window.last)), ("aggregate", Self.text(window.aggregate.rawValue))])))
        }
        if metric.maxAge != Metric.defaultMaxAge { fields.append(("maxAge", Self.duration(metric.maxAge))) }
        return .mapping(fields + Self.optional("unit", metric.unit.map(Self.text)))
    }

    private static func rule(_ rule: Rule) -> YAMLText {
        var fields: [Field] = [("metric", Self.text(rule.metric))]
        switch rule.body {
        case .track(let track):
            let (name, value) = track.target.named
            fields.append((name, Self.number(value)))
            let standard = Rule.Track(metric: "", target: track.target).tolerance
            if track.tolerance != standard { fields.append(("tolerance", Self.number(track.tolerance))) }
        case .step(let step):
            fields += Self.optional("above", step.above.map(Self.number)) + Self.optional("add", step.add.map(Self.amount))
            fields += Self.optional("below", step.below.map(Self.number)) + Self.optional("remove", step.remove.map(Self.amount))
            if step.sustained != .zero { fields.append(("for", Self.duration(step.sustained))) }
        case .capacity(let capacity):
            let standard = Rule.Capacity(metric: "", perReplica: capacity.perReplica)
            fields.append(("perReplica", Self.number(capacity.perReplica)))
            if capacity.upAt != standard.upAt { fields.append(("upAt", Self.number(capacity.upAt))) }
            if capacity.downAt != standard.downAt { fields.append(("downAt", Self.number(capacity.downAt))) }
            if capacity.step != standard.step { fields.append(("step", Self.number(capacity.step))) }
        }
        if rule.weight != Quantity(1) { fields.append(("weight", Self.number(rule.weight))) }
        return .mapping([(rule.body.name, .flow(fields))])
    }

    // MARK: - Values

    private static func selector(_ selector: Selector) -> YAMLText {
        let normal = selector.normalized
        func names(_ field: String, _ names: [String]) -> [Field] { [(field, .flowList(names.map(Self.text)))] }
        let services = normal.services == ["*"] && normal.regions != ["*"] ? [] : names("services", normal.services)
        let regions = normal.regions == ["*"] ? [] : names("regions", normal.regions)
        return .flow(services + regions)
    }

    private static func optional(_ name: String, _ value: YAMLText?) -> [Field] { value.map { [(name, $0)] } ?? [] }
    private static func text(_ text: String) -> YAMLText { .string(text) }
    private static func number(_ value: Int) -> YAMLText { .scalar(String(value)) }
    private static func number(_ value: Quantity) -> YAMLText { .scalar(value.description) }
    private static func duration(_ value: Duration) -> YAMLText { .string(value.text) }
    private static func amount(_ amount: Rule.Step.Amount) -> YAMLText {
        switch amount {
        case .replicas(let count): .scalar(String(count))
        case .percent(let percent): .string("\(percent)%")
        }
    }
}
