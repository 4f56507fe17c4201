import Model

/// Reads metrics, where their readings come from, and what to do without them.
extension ReadManifest {
    static func metrics(_ fields: Fields) -> [Metric] {
        guard let place = fields.required("metrics", "name at least one") else { return [] }
        let elements = place.elements("metrics", maximum: ManifestLimits.metrics) ?? []
        return elements.prefix(ManifestLimits.metrics).compactMap(Self.metric)
    }

    private static func metric(_ place: Place) -> Metric? {
        let known = ["name", "source", "secondary", "health", "window", "maxAge", "unit", "onMissing"]
        guard let fields = place.fields(known: known, later: LaterVersions.metricFields) else { return nil }
        let name = fields.required("name")?.manifestName()
        let source = fields.required("source", "write { connection: NAME, sql: \"select …\" }").flatMap(Self.source)
        let window = fields["window"].flatMap(Self.window)
        let maxAge = fields["maxAge"]?.duration(in: Bounds.second...Bounds.day)
        let unit = fields["unit"]?.line("a unit", maximumBytes: ManifestLimits.labelBytes)
        let secondary = fields["secondary"].flatMap(Self.source)
        let health = fields["health"].flatMap(Self.source)
        let onMissing = fields["onMissing"].map(Self.onMissing)
        guard let name, let source else { return nil }
        return Metric(
            name: name, source: source, window: window, maxAge: maxAge ?? Metric.defaultMaxAge, unit: unit, onMissing: onMissing,
            secondary: secondary, health: health)
    }

    private static func source(_ place: Place) -> Metric.Source? {
        guard let fields = place.fields(known: ["connection", "sql", "kubernetes"], later: LaterVersions.sourceFields) else { return nil }
        if let metric = fields["kubernetes"] {
            for name in ["connection", "sql"] {
                fields[name]?.fail(.contradiction, "a source is one of sql and kubernetes; remove “\(name)” or “kubernetes”")
            }
            return Self.kubernetesMetric(metric).map { .kubernetes($0) }
        }
        if fields.hasLaterField(of: LaterVersions.sourceFields), fields["sql"] == nil { return nil }
        let connection = fields.required("connection", "name a Connection")?.manifestName()
        let statement = fields.required("sql", "write the statement that gives the reading")?
            .lines("an SQL statement", maximumBytes: ManifestLimits.statementBytes)
        guard let connection, let statement else { return nil }
        return .sql(connection: connection, statement: statement)
    }

    private static func kubernetesMetric(_ place: Place) -> KubernetesMetric? {
        guard let fields = place.fields(known: ["type", "name", "container", "selector", "object"]) else { return nil }
        let kind = fields.required("type", "write Resource, ContainerResource, Pods, Object or External")?.choice(of: KubernetesMetric.Kind.self)
        func line(_ name: String, _ what: String) -> String? { fields[name]?.line(what, maximumBytes: ManifestLimits.kubernetesBytes) }
        let name = fields.required("name").flatMap { _ in line("name", "the metric's name") }
        let metric = KubernetesMetric(
            kind ?? .resource, name: name ?? "", container: line("container", "a container's name"), selector: line("selector", "a label selector"),
            object: line("object", "apiVersion/kind/name"))
        guard kind != nil, name != nil else { return nil }
        for (field, kinds) in Self.kubernetesFields where fields[field] == nil ? kinds.required.contains(metric.kind) : !kinds.allowed.contains(metric.kind) {
            if let place = fields[field] {
                place.fail(.contradiction, "a metric of the type \(metric.kind.rawValue) has no “\(field)”; remove it")
            } else {
                place.fail(.missingField, "a metric of the type \(metric.kind.rawValue) needs “\(field)”; add it")
            }
        }
        return metric
    }

    private static let kubernetesFields: [(String, (allowed: Set<KubernetesMetric.Kind>, required: Set<KubernetesMetric.Kind>))] = [
        ("container", (allowed: [.containerResource], required: [.containerResource])),
        ("selector", (allowed: [.pods, .object, .external], required: [])), ("object", (allowed: [.object], required: [.object])),
    ]

    private static func window(_ place: Place) -> Metric.Window? {
        guard let fields = place.fields(known: ["last", "aggregate"]) else { return nil }
        let last = fields.required("last", "write how long it is, such as 1m")?.duration(in: Bounds.second...Bounds.day)
        let aggregate = fields.required("aggregate", "write how samples become one, such as avg")?.choice(of: Metric.Aggregate.self)
        guard let last, let aggregate else { return nil }
        return Metric.Window(last: last, aggregate: aggregate)
    }

    static func onMissing(_ place: Place) -> [Policy.MissingStep] {
        let steps = place.elements("steps such as hold 2m", maximum: ManifestLimits.missingSteps, mayBeEmpty: true) ?? []
        return steps.compactMap { step in
            let expected = "hold 2m, lastGood 10m, secondary or replicas 6"
            guard let text = step.text(expected) else { return nil }
            let words = text.split(separator: " ").map(String.init)
            let verb = words.first ?? ""
            let verbs = ["hold", "lastGood", "secondary", "replicas"]
            guard verbs.contains(verb) else {
                let near = nearest(verb, in: verbs)
                step.fail(.unknownValue, "unknown step “\(text.shortened)”" + (near == nil ? "; write \(expected)" : ""), near: near)
                return nil
            }
            if verb == "secondary" {
                if words.count == 1 { return .secondary }
                step.fail(.wrongType, "the step “\(text.shortened)” takes no word after it; write secondary")
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
}
