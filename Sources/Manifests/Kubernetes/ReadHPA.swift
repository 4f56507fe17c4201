import Model

/// Reads a Kubernetes HorizontalPodAutoscaler (autoscaling/v1 and v2) as it is. It becomes a policy of its own name for the service that is named like
/// the target, with the arithmetic of Kubernetes.
enum ReadHPA {
    static let kind = "HorizontalPodAutoscaler"

    /// What Kubernetes itself keeps in `metadata`; it says nothing about scaling.
    private static let bookkeeping = [
        "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName", "generation", "labels", "managedFields",
        "ownerReferences", "resourceVersion", "selfLink", "uid",
    ]
    /// Where older servers hide fields of v2 in a v1 manifest.
    private static let hidden = ["autoscaling.alpha.kubernetes.io/metrics", "autoscaling.alpha.kubernetes.io/behavior"]

    private enum Version: String, CaseIterable {
        case v1 = "autoscaling/v1"
        case v2 = "autoscaling/v2"
    }

    /// The policy that the document means for Muster, nil with findings in the report.
    static func policy(_ place: Place) -> Policy? {
        guard let fields = place.fields(known: ["apiVersion", "kind", "metadata", "spec", "status"]) else { return nil }
        let version = fields.required("apiVersion", "write autoscaling/v2")?.choice(of: Version.self)
        let name = fields.required("metadata").flatMap { Self.name($0, version) }
        guard let spec = fields.required("spec"), let version else { return nil }
        let known = ["scaleTargetRef", "minReplicas", "maxReplicas"]
        let own = version == .v1 ? ["targetCPUUtilizationPercentage"] : ["metrics", "behavior"]
        guard let fields = spec.fields(known: known + own) else { return nil }
        let target = fields.required("scaleTargetRef").flatMap(Self.target)
        let least = fields["minReplicas"]?.int(in: 0...ManifestLimits.replicas)
        let most = fields.required("maxReplicas", "write the most replicas it may ask for")?.int(in: 1...ManifestLimits.replicas)
        let behavior = fields["behavior"].flatMap(ReadManifest.behavior)
        let metrics = version == .v1 ? Self.utilization(fields["targetCPUUtilizationPercentage"]) : Self.metrics(fields["metrics"])
        guard !place.report.hasErrors, let name, let target, let most else { return nil }
        let policy = Policy(
            name: name, selector: Selector(services: [target]), minReplicas: least ?? 1, maxReplicas: most, metrics: metrics.map(\.metric),
            rules: metrics.map(\.rule), behavior: behavior, arithmetic: .hpa)
        ReadManifest.check(policy, place, Self.positions(place.node.positions))
        return policy.normalized
    }

    /// `Policy/web`, for findings.
    static func reference(_ fields: [DocumentNode.Field]) -> Manifest.Reference? {
        guard case .mapping(let metadata)? = fields.first(where: { $0.name == "metadata" })?.value.value else { return nil }
        return ReadManifest.reference(.policy, metadata)
    }

    /// Where a policy's fields stand in such a document.
    static func positions(_ given: [String: SourcePosition]) -> [String: SourcePosition] {
        let places = [
            ("/metadata/name", "/name"), ("/spec/scaleTargetRef/name", "/selector"), ("/spec/minReplicas", "/minReplicas"),
            ("/spec/maxReplicas", "/maxReplicas"), ("/spec/behavior", "/behavior"), ("/spec/metrics", "/metrics"), ("/spec/metrics", "/rules"),
        ]
        var positions = given
        for (from, to) in places {
            for (pointer, position) in given where pointer == from || pointer.hasPrefix(from + "/") {
                positions[to + pointer.dropFirst(from.count)] = position
            }
        }
        return positions
    }

    private static func name(_ place: Place, _ version: Version?) -> String? {
        guard let fields = place.fields(known: ["name", "namespace", "annotations"] + Self.bookkeeping) else { return nil }
        if version == .v1, case .mapping(let annotations)? = fields["annotations"]?.node.value {
            for annotation in annotations where Self.hidden.contains(annotation.name) {
                place.report.add(
                    .unknownValue,
                    "the annotation “\(annotation.name)” holds fields of autoscaling/v2, which are not read; write the manifest as autoscaling/v2",
                    at: annotation.position, pointer: Pointer.appending(annotation.name, to: "/metadata/annotations"))
            }
        }
        return fields.required("name")?.manifestName()
    }

    /// The name of the service.
    private static func target(_ place: Place) -> String? {
        guard let fields = place.fields(known: ["apiVersion", "kind", "name"]) else { return nil }
        _ = fields.required("kind", "write Deployment, StatefulSet or another kind with replicas")?.line("a kind", maximumBytes: ManifestLimits.labelBytes)
        return fields.required("name")?.manifestName()
    }

    // MARK: - Metrics

    struct Target {
        var metric: Metric
        var rule: Rule
    }

    private static func make(_ kubernetes: KubernetesMetric, _ target: Rule.Track.Target, named name: String) -> Target {
        Target(metric: Metric(name: name, source: .kubernetes(kubernetes)), rule: Rule(.track(Rule.Track(metric: name, target: target))))
    }

    /// Of v1; 80 % is the controller's own default.
    private static func utilization(_ place: Place?) -> [Target] {
        var percent = 80
        if let place {
            guard let given = place.int(in: 1...ManifestLimits.replicas) else { return [] }
            percent = given
        }
        return [Self.make(KubernetesMetric(.resource, name: "cpu"), .averageUtilization(Quantity(percent)), named: "cpu")]
    }

    private static func metrics(_ place: Place?) -> [Target] {
        guard let place else { return Self.utilization(nil) }
        guard let elements = place.elements("metrics", maximum: ManifestLimits.metrics, mayBeEmpty: true) else { return [] }
        if elements.isEmpty { return Self.utilization(nil) }
        var names: Set<String> = []
        return elements.prefix(ManifestLimits.metrics).compactMap { element in
            guard let (metric, target) = Self.metric(element) else { return nil }
            return Self.make(metric, target, named: MetricName.unique(metric.name, among: &names))
        }
    }

    private static func metric(_ place: Place) -> (KubernetesMetric, Rule.Track.Target)? {
        let bodies = ["resource", "containerResource", "pods", "object", "external"]
        guard let fields = place.fields(known: ["type"] + bodies),
            let kind = fields.required("type", "write Resource, Pods, Object or External")?.choice(of: KubernetesMetric.Kind.self)
        else { return nil }
        let name = kind.rawValue.prefix(1).lowercased() + kind.rawValue.dropFirst()
        for other in bodies where other != name {
            fields[other]?.fail(.contradiction, "the metric's type is \(kind.rawValue); remove “\(other)”")
        }
        guard let body = fields.required(name) else { return nil }
        switch kind {
        case .resource, .containerResource: return Self.resource(body, kind)
        case .pods, .object, .external: return Self.custom(body, kind)
        }
    }

    private static func resource(_ place: Place, _ kind: KubernetesMetric.Kind) -> (KubernetesMetric, Rule.Track.Target)? {
        let hasContainer = kind == .containerResource
        guard let fields = place.fields(known: ["name", "target"] + (hasContainer ? ["container"] : [])) else { return nil }
        let name = fields.required("name", "write cpu or memory")?.line("a resource", maximumBytes: ManifestLimits.labelBytes)
        let container = hasContainer ? fields.required("container")?.line("a container", maximumBytes: ManifestLimits.labelBytes) : nil
        let target = fields.required("target").flatMap { Self.target($0, kind, allowed: ["Utilization", "AverageValue"]) }
        guard let name, let target, !hasContainer || container != nil else { return nil }
        return (KubernetesMetric(kind, name: name, container: container), target)
    }

    private static func custom(_ place: Place, _ kind: KubernetesMetric.Kind) -> (KubernetesMetric, Rule.Track.Target)? {
        guard let fields = place.fields(known: ["metric", "target"] + (kind == .object ? ["describedObject"] : [])) else { return nil }
        let identifier = fields.required("metric").flatMap(Self.identifier)
        let object = kind == .object ? fields.required("describedObject").flatMap(Self.object) : nil
        let target = fields.required("target").flatMap { Self.target($0, kind, allowed: kind == .pods ? ["AverageValue"] : ["Value", "AverageValue"]) }
        guard let identifier, let target, kind != .object || object != nil else { return nil }
        return (KubernetesMetric(kind, name: identifier.name, selector: identifier.selector, object: object), target)
    }

    private static func identifier(_ place: Place) -> (name: String, selector: String?)? {
        guard let fields = place.fields(known: ["name", "selector"]),
            let name = fields.required("name")?.line("a metric's name", maximumBytes: ManifestLimits.labelBytes)
        else { return nil }
        guard let selector = fields["selector"] else { return (name, nil) }
        return LabelSelector.read(selector).map { (name, $0.isEmpty ? nil : $0) }
    }

    /// `apiVersion/kind/name`.
    private static func object(_ place: Place) -> String? {
        guard let fields = place.fields(known: ["apiVersion", "kind", "name"]) else { return nil }
        let version = fields["apiVersion"].map { $0.line("an API version", maximumBytes: ManifestLimits.labelBytes) } ?? "v1"
        let kind = fields.required("kind")?.line("a kind", maximumBytes: ManifestLimits.labelBytes)
        let name = fields.required("name")?.line("a name", maximumBytes: ManifestLimits.labelBytes)
        guard let version, let kind, let name else { return nil }
        return "\(version)/\(kind)/\(name)"
    }

    /// External metrics may have both values; the average wins, as in the controller.
    private static func target(_ place: Place, _ kind: KubernetesMetric.Kind, allowed: [String]) -> Rule.Track.Target? {
        guard let fields = place.fields(known: ["type", "averageUtilization", "averageValue", "value"]) else { return nil }
        guard let type = fields.required("type", "write \(Place.listing(allowed, or: true))"), let text = type.text(Place.listing(allowed, or: true)) else {
            return nil
        }
        guard allowed.contains(text) else {
            let near = nearest(text, in: allowed)
            type.fail(
                .unknownValue, "a target of \(kind.rawValue) can't be “\(text.shortened)”" + (near == nil ? "; write \(Place.listing(allowed, or: true))" : ""),
                near: near)
            return nil
        }
        let average = kind == .external ? fields["averageValue"] : nil
        switch (text, average) {
        case ("Utilization", _):
            return fields.required("averageUtilization")?.int(in: 1...ManifestLimits.replicas).map { .averageUtilization(Quantity($0)) }
        case ("Value", nil): return fields.required("value")?.kubernetesQuantity().map { .value($0) }
        default: return fields.required("averageValue")?.kubernetesQuantity().map { .averageValue($0) }
        }
    }
}

/// Names of metrics of other systems as names of Muster's.
enum MetricName {
    /// Lower case, `-` for what a name can't hold, at most 63 characters.
    static func plain(_ name: String) -> String {
        var text = ""
        for scalar in name.lowercased().unicodeScalars {
            let isFine = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) || "-_.".unicodeScalars.contains(scalar)
            text.unicodeScalars.append(isFine ? scalar : "-")
        }
        let trimmed = Self.trimmed(String(text.prefix(60)))
        return trimmed.isEmpty ? "metric" : trimmed
    }

    private static func trimmed(_ text: String) -> String {
        var rest = Substring(text)
        while let first = rest.first, "-_.".contains(first) { rest.removeFirst() }
        while let last = rest.last, "-_.".contains(last) { rest.removeLast() }
        return String(rest)
    }

    /// With a number behind it when it is taken.
    static func unique(_ name: String, among taken: inout Set<String>) -> String {
        let plain = Self.plain(name)
        var candidate = plain
        var number = 2
        while !taken.insert(candidate).inserted {
            candidate = Self.trimmed(String(plain.prefix(56))) + "-\(number)"
            number += 1
        }
        return candidate
    }
}
