import Model

/// Reads policies.
extension ReadManifest {
    private static let policyFields = [
        "kind", "name", "selector", "mode", "minReplicas", "maxReplicas", "evaluateEvery", "metrics", "rules", "combine", "cooldown", "emergency",
        "onMissing", "verify",
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
        policy.emergency = fields["emergency"].flatMap(Self.emergency)
        policy.onMissing = fields["onMissing"].map(Self.onMissing) ?? []
        assign(fields["verify"].map(Self.verify), to: &policy.verify)
        guard !place.report.hasErrors, name != nil, selector != nil, most != nil else { return nil }
        if place.report.purpose == .input { Self.check(policy, place) }
        return policy
    }

    /// What a policy says about itself must fit together before anything else is asked.
    private static func check(_ policy: Policy, _ place: Place) {
        let positions = place.node.positions
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
        assign(fields["up"]?.duration(in: .zero...Bounds.week), to: &cooldown.up)
        assign(fields["down"]?.duration(in: .zero...Bounds.week), to: &cooldown.down)
        return cooldown
    }

    private static func verify(_ place: Place) -> Policy.Verify {
        var verify = Policy.Verify()
        guard let fields = place.fields(known: ["ready", "within", "rollback"]) else { return verify }
        assign(fields["ready"]?.quantity(in: .zero...Quantity(1)), to: &verify.ready)
        assign(fields["within"]?.duration(in: Bounds.second...Bounds.day), to: &verify.within)
        if let rollback = fields["rollback"], let text = rollback.text("true or false") {
            switch text {
            // What happens anyway may be said.
            case "false": break
            case "true": rollback.notAvailable("“rollback: true”")
            default: rollback.fail(.wrongType, "“rollback” is “\(text.shortened)”; write true or false")
            }
        }
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

    private static func condition(_ place: Place) -> Expression? {
        guard let text = place.text("a condition such as \"queue > 100\""), case .scalar(let scalar) = place.node.value else { return nil }
        do throws(ExpressionError) {
            let expression = try Expression(parsing: text)
            if !expression.isCondition {
                place.fail(.invalidExpression, "“\(place.name)” is a number; compare it with something, such as \(text.shortened) > 100")
            }
            if !expression.lookback.isEmpty { place.notAvailable("the function “change”") }
            return expression
        } catch {
            // A block's lines are somewhere below; a quoted or plain scalar's characters follow its start.
            var position = place.node.position
            if scalar.style != .block, !text.contains("\n") { position.column += error.offset + (scalar.style == .quoted ? 1 : 0) }
            place.fail(.invalidExpression, "“\(place.name)”: \(error.message)", at: position)
            return nil
        }
    }

    private static func onMissing(_ place: Place) -> [Policy.MissingStep] {
        let steps = place.elements("steps such as hold 2m", maximum: ManifestLimits.missingSteps, mayBeEmpty: true) ?? []
        return steps.compactMap { step in
            let expected = "hold 2m, lastGood 10m or replicas 6"
            guard let text = step.text(expected) else { return nil }
            let words = text.split(separator: " ").map(String.init)
            let verb = words.first ?? ""
            if LaterVersions.missingSteps.contains(verb) {
                step.notAvailable("the step “\(verb)”")
                return nil
            }
            let verbs = ["hold", "lastGood", "replicas"]
            guard verbs.contains(verb) else {
                let near = nearest(verb, in: verbs)
                step.fail(.unknownValue, "unknown step “\(text.shortened)”" + (near == nil ? "; write \(expected)" : ""), near: near)
                return nil
            }
            guard words.count == 2 else {
                step.fail(.wrongType, "the step “\(text.shortened)” needs exactly one word after it; write \(expected)")
                return nil
            }
            var argument = step
            argument.name = verb
            switch verb {
            case "hold": return argument.duration(words[1], in: Bounds.second...Bounds.week).map { .hold($0) }
            case "lastGood": return argument.duration(words[1], in: Bounds.second...Bounds.week).map { .lastGood($0) }
            default:
                argument.node.value = .scalar(.init(text: words[1], style: .plain))
                return argument.int(in: 1...ManifestLimits.replicas).map { .replicas($0) }
            }
        }
    }

    // MARK: - Metrics

    private static func metrics(_ fields: Fields) -> [Metric] {
        guard let place = fields.required("metrics", "name at least one") else { return [] }
        let elements = place.elements("metrics", maximum: ManifestLimits.metrics) ?? []
        return elements.prefix(ManifestLimits.metrics).compactMap(Self.metric)
    }

    private static func metric(_ place: Place) -> Metric? {
        let known = ["name", "source", "window", "maxAge", "unit"]
        guard let fields = place.fields(known: known, later: LaterVersions.metricFields) else { return nil }
        let name = fields.required("name")?.manifestName()
        let source = fields.required("source", "write { connection: NAME, sql: \"select …\" }").flatMap(Self.source)
        let window = fields["window"].flatMap(Self.window)
        let maxAge = fields["maxAge"]?.duration(in: Bounds.second...Bounds.day)
        let unit = fields["unit"]?.line("a unit", maximumBytes: ManifestLimits.labelBytes)
        guard let name, let source else { return nil }
        return Metric(name: name, source: source, window: window, maxAge: maxAge ?? Metric.defaultMaxAge, unit: unit)
    }

    private static func source(_ place: Place) -> Metric.Source? {
        guard let fields = place.fields(known: ["connection", "sql"], later: LaterVersions.sourceFields) else { return nil }
        if fields.hasLaterField(of: LaterVersions.sourceFields), fields["sql"] == nil { return nil }
        let connection = fields.required("connection", "name a Connection")?.manifestName()
        let statement = fields.required("sql", "write the statement that gives the reading")?
            .lines("an SQL statement", maximumBytes: ManifestLimits.statementBytes)
        guard let connection, let statement else { return nil }
        return .sql(connection: connection, statement: statement)
    }

    private static func window(_ place: Place) -> Metric.Window? {
        guard let fields = place.fields(known: ["last", "aggregate"]) else { return nil }
        let last = fields.required("last", "write how long it is, such as 1m")?.duration(in: Bounds.second...Bounds.day)
        let aggregate = fields.required("aggregate", "write how samples become one, such as avg")?.choice(of: Metric.Aggregate.self)
        guard let last, let aggregate else { return nil }
        return Metric.Window(last: last, aggregate: aggregate)
    }
}
