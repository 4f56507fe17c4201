import Model

/// The JSON policies form: one policy, a list of them, or `{ "policies": […] }`. Times are seconds, a metric's window is minutes.
enum ImportPolicies {
    private static let known = [
        "name", "service", "minReplicas", "maxReplicas", "metrics", "thresholds", "cooldownPeriod", "scaleUpBy", "scaleDownBy", "evaluationInterval", "enabled",
    ]

    static func read(_ place: Place) -> [Imported] {
        if case .mapping(let fields) = place.node.value, fields.contains(where: { $0.name == "policies" }) {
            guard let list = place.fields(known: ["policies"])?["policies"]?.elements("policies", maximum: ManifestLimits.documents) else { return [] }
            return list.prefix(ManifestLimits.documents).compactMap { element in
                place.report.apart { report in
                    var part = element
                    part.report = report
                    let policy = Self.policy(part)
                    if policy == nil { part.fail(.missingField, "\(element.name) was not imported: nothing of it is left that a policy could be made of") }
                    return policy
                }
            }
        }
        return Self.policy(place).map { [$0] } ?? []
    }

    private static func policy(_ place: Place) -> Imported? {
        guard let fields = place.fields(known: Self.known),
            let name = fields.required("name").flatMap(Self.name), let service = fields.required("service").flatMap(Self.name)
        else { return nil }
        let most = fields.required("maxReplicas")?.int(in: 1...ManifestLimits.replicas)
        var policy = Policy(name: name, selector: Selector(services: [service]), maxReplicas: most ?? 1, metrics: [], rules: [])
        assign(fields["minReplicas"]?.int(in: 0...ManifestLimits.replicas), to: &policy.minReplicas)
        assign(fields["evaluationInterval"].flatMap { Self.time($0, unit: 1, in: Bounds.second...Bounds.hour) }, to: &policy.evaluateEvery)
        if let cooldown = fields["cooldownPeriod"].flatMap({ Self.time($0, unit: 1, in: .zero...Bounds.week) }) {
            policy.cooldown = .init(up: cooldown, down: cooldown)
        }
        if let enabled = fields["enabled"], enabled.flag() == false { policy.mode = .off }
        var weights: [String: Quantity] = [:]
        var names: [String: String] = [:]
        for metric in fields.required("metrics")?.elements("metrics", maximum: ManifestLimits.metrics) ?? [] {
            guard let (given, read, weight) = Self.metric(metric, taken: Set(names.values)) else { continue }
            names[given] = read.name
            weights[read.name] = weight
            policy.metrics.append(read)
        }
        let up = fields["scaleUpBy"]?.int(in: 1...ManifestLimits.replicas) ?? 1
        let down = fields["scaleDownBy"]?.int(in: 1...ManifestLimits.replicas) ?? 1
        for threshold in fields.required("thresholds")?.elements("thresholds", maximum: ManifestLimits.rules) ?? [] {
            if let rule = Self.rule(threshold, names, weights, up, down) { policy.rules.append(rule) }
        }
        if policy.rules.count > 1, !weights.isEmpty { policy.combine = .weighted }
        Self.dropUnused(place, &policy)
        guard !place.report.hasErrors, most != nil, !policy.rules.isEmpty else { return nil }
        ReadManifest.check(policy, place, [:])
        guard !place.report.hasErrors else { return nil }
        return Imported(
            policy: policy.normalized, service: service, workload: [("driver", .string("manual"))], origin: "policy \(name)", namespace: nil)
    }

    private static func dropUnused(_ place: Place, _ policy: inout Policy) {
        let used = Set(policy.rules.map(\.metric))
        for metric in policy.metrics where !used.contains(metric.name) {
            place.remark("the metric “\(metric.name)” is not carried over: no threshold that could be carried over names it")
        }
        policy.metrics.removeAll { !used.contains($0.name) }
    }

    /// A name of Muster's; told when it had to be changed.
    private static func name(_ place: Place) -> String? {
        guard let text = place.line("a name", maximumBytes: ManifestLimits.labelBytes), !text.isEmpty else { return nil }
        let name = MetricName.plain(text)
        if name != text { place.remark("the name “\(text.shortened)” becomes “\(name)”") }
        return name
    }

    /// A number of so many seconds each, or a duration.
    private static func time(_ place: Place, unit: Int, in range: ClosedRange<Duration>) -> Duration? {
        guard case .scalar(let scalar) = place.node.value, let number = DecimalText(scalar.text) else { return place.duration(in: range) }
        guard let quantity = number.quantity, quantity.milli >= 0, quantity <= Bounds.load else {
            place.fail(.outOfRange, "“\(place.name)” is \(scalar.text.shortened), which is no time")
            return nil
        }
        let value = Duration.milliseconds(quantity.milli.multipliedSaturating(by: Int64(unit)))
        guard range.contains(value) else {
            place.fail(.outOfRange, "“\(place.name)” is \(value.text); it must be from \(range.lowerBound.text) to \(range.upperBound.text)")
            return nil
        }
        return value
    }

    private static func metric(_ place: Place, taken: Set<String>) -> (given: String, metric: Metric, weight: Quantity?)? {
        guard let fields = place.fields(known: ["name", "type", "source", "aggregation", "window", "weight"]),
            let given = fields.required("name")?.line("a name", maximumBytes: ManifestLimits.labelBytes)
        else { return nil }
        var names = taken
        let name = MetricName.unique(given, among: &names)
        if name != given { fields["name"]?.remark("the metric “\(given.shortened)” becomes “\(name)”") }
        fields["type"]?.lose("what a metric is follows from its source")
        var metric = Metric(name: name, source: Self.source(fields["source"] ?? place, fields["source"], name))
        if let window = fields["window"].flatMap({ Self.time($0, unit: 60, in: Bounds.second...Bounds.day) }) {
            metric.window = .init(last: window, aggregate: fields["aggregation"].flatMap(Self.aggregate) ?? .avg)
        } else {
            fields["aggregation"]?.lose("without a window the newest sample counts")
        }
        return (given, metric, fields["weight"]?.quantity(in: .zero...Quantity(1000), above: true))
    }

    private static func aggregate(_ place: Place) -> Metric.Aggregate? {
        guard let text = place.text("an aggregation") else { return nil }
        let synonyms: [String: Metric.Aggregate] = [
            "average": .avg, "mean": .avg, "minimum": .min, "maximum": .max, "total": .sum, "latest": .last, "current": .last, "median": .p50,
        ]
        if let known = Metric.Aggregate(rawValue: text.lowercased()) ?? synonyms[text.lowercased()] { return known }
        place.lose("there is no aggregation “\(text.shortened)”; it becomes avg")
        return nil
    }

    /// A statement stays one. Anything else is a name that only the old program knew: its reading is missing until somebody writes the statement.
    private static func source(_ place: Place, _ given: Place?, _ name: String) -> Metric.Source {
        let text = given.flatMap { if case .scalar(let scalar) = $0.node.value { scalar.text } else { nil } } ?? ""
        let word = text.prefix { $0.isLetter }.lowercased()
        guard word == "select" || word == "with" else {
            place.remark(
                "the source of “\(name)” is a name that only the program knew whose policy this was; write its SQL in the place of null, and the Connection “imported”"
            )
            return .sql(connection: "imported", statement: "select null::float8 as reading")
        }
        place.remark("where the statement of “\(name)” is asked is not in the policy: write the Connection “imported”")
        return .sql(connection: "imported", statement: text)
    }

    private enum Comparison: String, CaseIterable {
        case greaterThan = "greater_than"
        case lessThan = "less_than"
        case percentageChange = "percentage_change"
    }

    private static func rule(_ place: Place, _ names: [String: String], _ weights: [String: Quantity], _ add: Int, _ remove: Int) -> Rule? {
        guard let fields = place.fields(known: ["metric", "scaleUp", "scaleDown", "comparison"]), let given = fields.required("metric")?.text("a metric") else {
            return nil
        }
        guard let metric = names[given] else {
            let near = nearest(given, in: names.keys.sorted())
            place.report.add(
                .unknownMetric, "the policy has no metric “\(given.shortened)”, and the threshold is not carried over", at: place.node.position,
                pointer: place.pointer, near: near, severity: .warning)
            return nil
        }
        switch fields["comparison"].flatMap({ $0.choice(of: Comparison.self) }) ?? .greaterThan {
        case .greaterThan: break
        case .lessThan:
            place.lose("a step adds above and removes below; let the source answer the negated number of “\(metric)” and negate the thresholds")
            return nil
        case .percentageChange:
            place.lose("a rule reads the number itself, not its change; let the source compute the change of “\(metric)”")
            return nil
        }
        let loads = Quantity(milli: -Bounds.load.milli)...Bounds.load
        let above = fields["scaleUp"]?.quantity(in: loads)
        let below = fields["scaleDown"]?.quantity(in: loads)
        guard above != nil || below != nil else {
            place.lose("it has neither scaleUp nor scaleDown")
            return nil
        }
        let step = Rule.Step(
            metric: metric, above: above, add: above == nil ? nil : .replicas(add), below: below, remove: below == nil ? nil : .replicas(remove))
        return Rule(.step(step), weight: weights[metric] ?? Quantity(1))
    }
}
