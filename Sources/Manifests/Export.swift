public import Model

/// Manifests as people write them: their order of fields, defaults left out. What it writes parses back to equal manifests.
public enum Export {
    /// The documents in the given order, separated by `---`.
    public static func yaml(_ manifests: [Manifest]) -> String {
        manifests.map { YAMLText.mapping(Self.fields($0)).block(indent: 0) }.joined(separator: "---\n")
    }

    typealias Field = (String, YAMLText)

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
            + Self.optional("maxReplicas", region.maxReplicas.map(Self.number)) + Self.optional("failover", region.failover.map(Self.failover))
    }

    private static func failover(_ failover: Region.Failover) -> YAMLText {
        let standard = Region.Failover(to: [])
        return .flow(
            [("to", .flowList(Set(failover.to).sorted().map(Self.text)))]
                + (failover.share == standard.share ? [] : [("share", Self.number(failover.share))])
                + (failover.fade == standard.fade ? [] : [("fade", Self.duration(failover.fade))]))
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
            case .exec(let observe, let scale, let restart):
                (
                    region,
                    .flow(
                        [
                            ("driver", .scalar("exec")), ("observe", .flowList(observe.map(Self.text))), ("scale", .flowList(scale.map(Self.text))),
                        ] + Self.optional("restart", restart.map { .flowList($0.map(Self.text)) }))
                )
            case .manual: (region, .flow([("driver", .scalar("manual"))]))
            }
        }
        return fields + [("workloads", .mapping(workloads))]
    }

    static func rule(_ rule: Rule) -> YAMLText {
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

    static func selector(_ selector: Selector) -> YAMLText {
        let normal = selector.normalized
        func names(_ field: String, _ names: [String]) -> [Field] { [(field, .flowList(names.map(Self.text)))] }
        let services = normal.services == ["*"] && normal.regions != ["*"] ? [] : names("services", normal.services)
        let regions = normal.regions == ["*"] ? [] : names("regions", normal.regions)
        return .flow(services + regions)
    }

    static func optional(_ name: String, _ value: YAMLText?) -> [Field] { value.map { [(name, $0)] } ?? [] }
    static func text(_ text: String) -> YAMLText { .string(text) }
    static func number(_ value: Int) -> YAMLText { .scalar(String(value)) }
    static func number(_ value: Quantity) -> YAMLText { .scalar(value.description) }
    static func duration(_ value: Duration) -> YAMLText { .string(value.text) }
    private static func amount(_ amount: Rule.Step.Amount) -> YAMLText {
        switch amount {
        case .replicas(let count): .scalar(String(count))
        case .percent(let percent): .string("\(percent)%")
        }
    }
}
