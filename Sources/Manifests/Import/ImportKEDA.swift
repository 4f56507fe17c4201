import Model

/// KEDA's ScaledObject (keda.sh/v1alpha1).
enum ImportKEDA {
    static func read(_ place: Place, _ origin: String, _ importing: inout Importing) -> Imported? {
        guard let fields = place.fields(known: ["apiVersion", "kind", "metadata", "spec", "status"]),
            let name = fields.required("metadata").flatMap(Self.name),
            let spec = fields.required("spec")?.fields(known: Self.known),
            let target = spec.required("scaleTargetRef").flatMap(Self.target)
        else { return nil }
        var policy = Policy(name: name, selector: Selector(services: [target]), minReplicas: 0, maxReplicas: 100, metrics: [], rules: [], arithmetic: .hpa)
        assign(spec["minReplicaCount"]?.int(in: 0...ManifestLimits.replicas), to: &policy.minReplicas)
        assign(spec["maxReplicaCount"]?.int(in: 1...ManifestLimits.replicas), to: &policy.maxReplicas)
        Self.paused(fields["metadata"], &policy)
        Self.lost(spec)
        policy.onMissing = spec["fallback"].flatMap { Self.fallback($0, every: spec["pollingInterval"], most: policy.maxReplicas) } ?? []
        policy.behavior = spec["advanced"].flatMap(Self.advanced)
        var triggers = KEDATriggers(policy: policy)
        for trigger in spec.required("triggers")?.elements("triggers", maximum: ManifestLimits.metrics) ?? [] { triggers.read(trigger, &importing) }
        guard !triggers.policy.rules.isEmpty, !place.report.hasErrors else {
            if !triggers.policy.schedule.isEmpty {
                place.remark("a schedule alone makes no policy: nothing would lower the replicas when it ends; add a metric and a rule")
            }
            return nil
        }
        ReadManifest.check(triggers.policy, place, [:])
        guard !place.report.hasErrors else { return nil }
        let workload = ImportHPA.target(place, "spec", target)
        return Imported(
            policy: triggers.policy.normalized, sources: triggers.sources, service: target, workload: workload.fields, origin: origin,
            namespace: workload.namespace)
    }

    private static let known = [
        "scaleTargetRef", "pollingInterval", "cooldownPeriod", "initialCooldownPeriod", "idleReplicaCount", "minReplicaCount", "maxReplicaCount",
        "fallback", "advanced", "triggers",
    ]

    private static func name(_ place: Place) -> String? {
        guard case .mapping(let fields) = place.node.value, let name = fields.first(where: { $0.name == "name" }) else {
            place.fail(.missingField, "the field “name” is missing")
            return nil
        }
        return Place(node: name.value, pointer: "/metadata/name", name: "name", report: place.report).manifestName()
    }

    private static func target(_ place: Place) -> String? {
        guard let fields = place.fields(known: ["apiVersion", "kind", "name", "envSourceContainerName"]) else { return nil }
        return fields.required("name")?.manifestName()
    }

    private static func paused(_ metadata: Place?, _ policy: inout Policy) {
        guard case .mapping(let fields)? = metadata?.node.value, let metadata,
            case .mapping(let annotations)? = fields.first(where: { $0.name == "annotations" })?.value.value
        else { return }
        for annotation in annotations where annotation.name.hasPrefix("autoscaling.keda.sh/paused") {
            let place = Place(node: annotation.value, pointer: "/metadata/annotations", name: annotation.name, report: metadata.report)
            if annotation.name == "autoscaling.keda.sh/paused", annotation.value.isText("true") {
                policy.mode = .off
                place.remark("the object is paused: the policy has mode: off")
            } else {
                place.lose("use muster pause or muster scale, which carry a person, a reason and an end")
            }
        }
    }

    private static func lost(_ spec: Fields) {
        spec["pollingInterval"]?.lose("KEDA asks so often only to leave 0; evaluateEvery is 15s, as Kubernetes evaluates")
        spec["cooldownPeriod"]?.lose("it delays the way to 0 only, and the policy goes there like to any other size; lengthen behavior.scaleDown")
        spec["initialCooldownPeriod"]?.lose("there is no delay after creation")
        spec["idleReplicaCount"]?.lose("there is no size for idle beside minReplicas")
    }

    /// After so many failures as many replicas: here at least as many, once the size has been held for that long.
    private static func fallback(_ place: Place, every: Place?, most: Int) -> [Policy.MissingStep] {
        guard let fields = place.fields(known: ["failureThreshold", "replicas", "behavior"]) else { return [] }
        let failures = fields["failureThreshold"]?.int(in: 0...100_000) ?? 0
        fields["behavior"]?.lose("a missing reading never lowers")
        guard let replicas = fields["replicas"]?.int(in: 0...ManifestLimits.replicas) else { return [] }
        place.remark("“fallback” becomes onMissing, which raises to \(replicas) replicas and never lowers to them")
        let interval = every?.int(in: 1...86_400) ?? 30
        let hold = Duration.seconds(min(failures * interval, 7 * 86_400))
        return (hold > .zero ? [.hold(hold)] : []) + (replicas > 0 ? [.replicas(min(replicas, most))] : [])
    }

    private static func advanced(_ place: Place) -> Behavior? {
        guard let fields = place.fields(known: ["restoreToOriginalReplicaCount", "horizontalPodAutoscalerConfig", "scalingModifiers"]) else { return nil }
        if let restore = fields["restoreToOriginalReplicaCount"], restore.node.isText("true") {
            restore.lose("removing a policy leaves the replicas as they are")
        }
        fields["scalingModifiers"]?.lose("a formula over several metrics can't be a rule's reading; let the source compute it")
        guard let config = fields["horizontalPodAutoscalerConfig"]?.fields(known: ["name", "behavior"]) else { return nil }
        return config["behavior"].flatMap(ReadManifest.behavior)
    }
}

extension DocumentNode {
    func isText(_ text: String) -> Bool {
        if case .scalar(let scalar) = self.value { scalar.text == text } else { false }
    }
}
