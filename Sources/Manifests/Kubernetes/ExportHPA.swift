public import Model

/// Policies as Kubernetes' HorizontalPodAutoscalers (autoscaling/v2).
extension Export {
    /// One document for each policy and service it selects.
    /// - Returns: the documents, and a line for each thing that they can't say.
    public static func horizontalPodAutoscalers(_ manifests: [Manifest]) -> (yaml: String, losses: [String]) {
        let set = ManifestSet(manifests, broken: [])
        var documents: [String] = []
        var losses: [String] = []
        for policy in set.policies {
            var autoscaler = HPAWriter(policy: policy.normalized)
            let spec = autoscaler.spec()
            losses += autoscaler.losses.map { "Policy/\(policy.name): \($0)" }
            guard let spec else { continue }
            let all = Set(set.selected(by: policy.selector).map(\.service)).sorted()
            let services = all.isEmpty ? policy.selector.services.filter { $0 != "*" } : all
            if services.isEmpty { losses.append("Policy/\(policy.name): it selects no service, so that there is nothing to scale") }
            for service in services {
                let name = services.count == 1 ? policy.name : "\(policy.name)-\(service)"
                let target: YAMLText = .flow([("apiVersion", .string("apps/v1")), ("kind", .string("Deployment")), ("name", .string(service))])
                documents.append(
                    YAMLText.mapping([
                        ("apiVersion", .string("autoscaling/v2")), ("kind", .string(ReadHPA.kind)), ("metadata", .mapping([("name", .string(name))])),
                        ("spec", .mapping([("scaleTargetRef", target)] + spec)),
                    ]).block(indent: 0))
            }
        }
        return (documents.joined(separator: "---\n"), losses)
    }
}

/// One policy in the terms of autoscaling/v2.
private struct HPAWriter {
    let policy: Policy
    var losses: [String] = []

    init(policy: Policy) { self.policy = policy }

    /// The fields of `spec` without the target; nil when no rule is left.
    mutating func spec() -> [(String, YAMLText)]? {
        self.loseTerms()
        let metrics = self.policy.rules.compactMap { self.metric($0) }
        guard !metrics.isEmpty else {
            self.losses.append("none of its rules can be written as a metric with a target, and it is left out")
            return nil
        }
        let tolerance = self.tolerance()
        let bounds: [(String, YAMLText)] = [
            ("minReplicas", .scalar(String(self.policy.minReplicas))), ("maxReplicas", .scalar(String(self.policy.maxReplicas))),
        ]
        return bounds + [("metrics", .list(metrics))] + (self.behavior(tolerance).map { [("behavior", Export.behavior($0))] } ?? [])
    }

    private mutating func loseTerms() {
        let policy = self.policy
        let terms: [(Bool, String)] = [
            (policy.mode != .live, "mode \(policy.mode.rawValue): a HorizontalPodAutoscaler acts"), (policy.combine == .weighted, "combine: weighted"),
            (policy.evaluateEvery != Policy.defaultEvaluateEvery, "evaluateEvery \(policy.evaluateEvery.text)"), (policy.emergency != nil, "emergency"),
            (!policy.schedule.isEmpty, "schedule"), (!policy.freeze.isEmpty, "freeze"), (!policy.onMissing.isEmpty, "onMissing"),
            (policy.plausible != nil, "plausible"), (!policy.guards.isEmpty, "guards"), (policy.approval != nil, "approval"),
            (policy.verify != Policy.Verify(), "verify"), (policy.inForce.cooldown != (.zero, .zero), "cooldown"),
            (policy.arithmetic == .exact, "arithmetic: exact; Kubernetes computes percentages in floating point, at most one replica apart"),
        ]
        self.losses += terms.filter(\.0).map { "is not carried over: \($0.1)" }
        for metric in policy.metrics {
            let terms: [(Bool, String)] = [
                (metric.window != nil, "window"), (metric.maxAge != Metric.defaultMaxAge, "maxAge"), (metric.secondary != nil, "secondary"),
                (metric.health != nil, "health"), (metric.onMissing != nil, "onMissing"),
            ]
            self.losses += terms.filter(\.0).map { "is not carried over: \($0.1) of the metric \(metric.name)" }
        }
    }

    // MARK: - Metrics

    private mutating func metric(_ rule: Rule) -> YAMLText? {
        guard case .track(let track) = rule.body, let metric = self.policy.metrics.first(where: { $0.name == track.metric }) else {
            self.losses.append("is not carried over: the rule \(rule.label); only track has a counterpart")
            return nil
        }
        switch metric.source {
        case .sql:
            guard let target = self.target(track, .external) else { return nil }
            self.losses.append("the metric \(metric.name) becomes an External metric of that name, which an adapter in the cluster has to serve")
            return Self.entry(.external, [("metric", .flow([("name", .string(metric.name))])), ("target", target)])
        case .kubernetes(let kubernetes):
            guard let target = self.target(track, kubernetes.kind) else { return nil }
            switch kubernetes.kind {
            case .resource: return Self.entry(.resource, [("name", .string(kubernetes.name)), ("target", target)])
            case .containerResource:
                return Self.entry(
                    .containerResource, [("name", .string(kubernetes.name)), ("container", .string(kubernetes.container ?? "")), ("target", target)])
            case .pods, .object, .external:
                let object = kubernetes.object.map { [("describedObject", Self.object($0))] } ?? []
                return Self.entry(kubernetes.kind, object + [("metric", self.identifier(kubernetes)), ("target", target)])
            }
        }
    }

    private static func entry(_ kind: KubernetesMetric.Kind, _ fields: [(String, YAMLText)]) -> YAMLText {
        let name = kind.rawValue.prefix(1).lowercased() + kind.rawValue.dropFirst()
        return .mapping([("type", .string(kind.rawValue)), (name, .mapping(fields))])
    }

    private mutating func identifier(_ metric: KubernetesMetric) -> YAMLText {
        let name: [(String, YAMLText)] = [("name", .string(metric.name))]
        guard let selector = metric.selector else { return .mapping(name) }
        guard let structure = LabelSelector.structure(selector) else {
            self.losses.append("is not carried over: the selector “\(selector)” of the metric \(metric.name)")
            return .mapping(name)
        }
        return .mapping(name + [("selector", structure)])
    }

    /// `apiVersion/kind/name`, where the first may hold a `/` itself.
    private static func object(_ text: String) -> YAMLText {
        let parts = text.split(separator: "/").map(String.init)
        let version = parts.dropLast(2).joined(separator: "/")
        return .flow([
            ("apiVersion", .string(version.isEmpty ? "v1" : version)), ("kind", .string(parts.dropLast().last ?? "")), ("name", .string(parts.last ?? "")),
        ])
    }

    private mutating func target(_ track: Rule.Track, _ kind: KubernetesMetric.Kind) -> YAMLText? {
        let isResource = kind == .resource || kind == .containerResource
        switch track.target {
        case .averageUtilization(let percent) where isResource:
            let whole = max(1, (percent.milli.addingSaturating(500)) / 1000)
            if percent.milli % 1000 != 0 { self.losses.append("the target \(percent) % of \(track.metric) becomes \(whole) %") }
            return .flow([("type", .scalar("Utilization")), ("averageUtilization", .scalar(String(whole)))])
        case .averageValue(let value): return .flow([("type", .scalar("AverageValue")), ("averageValue", .string(KubernetesQuantity.text(value)))])
        case .value(let value) where kind == .object || kind == .external:
            return .flow([("type", .scalar("Value")), ("value", .string(KubernetesQuantity.text(value)))])
        case .averageUtilization, .value:
            self.losses.append(
                "is not carried over: track(\(track.metric)); a metric of the type \(kind.rawValue) can't have the target \(track.target.named.name)")
            return nil
        }
    }

    // MARK: - Behaviour

    /// What both directions get where all rules have one that is not Kubernetes' own.
    private mutating func tolerance() -> Quantity? {
        let standard = Rule.Track(metric: "", target: .value(.zero)).tolerance
        let all = Set(self.policy.rules.compactMap { if case .track(let track) = $0.body { track.tolerance } else { nil } })
        if all.count > 1 { self.losses.append("is not carried over: different tolerances of the rules; Kubernetes has one for each direction") }
        guard let only = all.first, all.count == 1, only != standard else { return nil }
        return only
    }

    private mutating func behavior(_ tolerance: Quantity?) -> Behavior? {
        var behavior: Behavior
        if let inForce = self.policy.inForce.behavior {
            let (up, down) = inForce.defaulted
            behavior = Behavior(scaleUp: ScalingRules(up), scaleDown: ScalingRules(down))
        } else if self.policy.arithmetic == .hpa, tolerance == nil {
            return nil
        } else if self.policy.arithmetic == .hpa {
            self.losses.append("is not carried over: the tolerance, which Kubernetes keeps in behavior, and behavior would replace its older limits")
            return nil
        } else {
            // Nothing is limited here; without these words Kubernetes would.
            let free = [RatePolicy(.replicas(self.policy.maxReplicas), period: .seconds(1))]
            let rules = ScalingRules(stabilizationWindow: .zero, select: .max, policies: free)
            behavior = Behavior(scaleUp: rules, scaleDown: rules)
        }
        for direction in [\Behavior.scaleUp, \Behavior.scaleDown] {
            behavior[keyPath: direction].tolerance = behavior[keyPath: direction].tolerance ?? tolerance
            behavior[keyPath: direction].policies = behavior[keyPath: direction].policies?.map { policy in
                guard policy.period > Self.longestPeriod else { return policy }
                self.losses.append("the period of \(policy.period.text) becomes \(Self.longestPeriod.text), Kubernetes' longest")
                return RatePolicy(policy.amount, period: Self.longestPeriod)
            }
        }
        return behavior
    }

    private static let longestPeriod: Duration = .seconds(1800)
}
