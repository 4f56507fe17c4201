import Model

/// The canonical JSON of policies.
extension Policy {
    var canonicalJSON: JSON {
        .fields([
            "kind": .string(Manifest.Kind.policy.rawValue), "name": .string(self.name), "selector": self.selector.canonicalJSON,
            "mode": .string(self.mode.rawValue), "minReplicas": .count(self.minReplicas), "maxReplicas": .count(self.maxReplicas),
            "evaluateEvery": .string(self.evaluateEvery.text), "metrics": .array(self.metrics.map(\.canonicalJSON)),
            "rules": .array(self.rules.map(\.canonicalJSON)), "combine": .string(self.combine.rawValue),
            "cooldown": self.cooldown.canonicalJSON(preset: self.preset),
            "emergency": self.emergency?.canonicalJSON, "onMissing": .array(self.onMissing.map { .string($0.text) }),
            "verify": [
                "ready": self.verify.ready.json, "within": .string(self.verify.within.text), "rollback": .bool(self.verify.rollback),
            ],
            "preset": self.preset.map { .string($0.rawValue) }, "behavior": self.behavior?.canonicalJSON,
            "arithmetic": .string(self.arithmetic.rawValue),
            "schedule": Self.list(self.schedule.map(\.canonicalJSON)), "freeze": Self.list(self.freeze.map(\.canonicalJSON)),
            "plausible": self.plausible?.canonicalJSON, "guards": Self.list(self.guards.map(\.canonicalJSON)),
            "approval": self.approval.map { ["above": .count($0.above)] }, "regionDownAfter": .string(self.regionDownAfter.text),
        ])
    }

    /// An empty list says nothing that its absence would not say.
    private static func list(_ elements: [JSON]) -> JSON? {
        elements.isEmpty ? nil : .array(elements)
    }
}

extension Policy.Cooldown {
    /// Without a preset, saying nothing means none, which is written out.
    fileprivate func canonicalJSON(preset: Preset?) -> JSON {
        let absent: Duration? = preset == nil ? .zero : nil
        return .fields(["up": (self.up ?? absent).map { .string($0.text) }, "down": (self.down ?? absent).map { .string($0.text) }])
    }
}

extension Policy.Emergency {
    fileprivate var canonicalJSON: JSON {
        let replicas: JSON =
            switch self.replicas {
            case .max: "max"
            case .count(let count): .count(count)
            }
        return ["when": .string(self.when.text), "replicas": replicas]
    }
}

extension Policy.MissingStep {
    /// As manifests write it: `hold 2m`.
    var text: String {
        switch self {
        case .hold(let duration): "hold \(duration.text)"
        case .lastGood(let duration): "lastGood \(duration.text)"
        case .replicas(let count): "replicas \(count)"
        case .secondary: "secondary"
        }
    }
}

extension Behavior {
    fileprivate var canonicalJSON: JSON {
        func direction(_ rules: ScalingRules) -> JSON? { rules == ScalingRules() ? nil : rules.canonicalJSON }
        return .fields(["scaleUp": direction(self.scaleUp), "scaleDown": direction(self.scaleDown)])
    }
}

extension ScalingRules {
    fileprivate var canonicalJSON: JSON {
        .fields([
            "stabilizationWindowSeconds": self.stabilizationWindow.map { .int($0.components.seconds) },
            "selectPolicy": self.select.map { .string($0.rawValue) }, "policies": self.policies.map { .array($0.map(\.canonicalJSON)) },
            "tolerance": self.tolerance?.json,
        ])
    }
}

extension RatePolicy {
    /// As HPA writes it: the type and the number.
    var named: (type: String, value: Int) {
        switch self.amount {
        case .replicas(let count): ("Pods", count)
        case .percent(let percent): ("Percent", percent)
        }
    }
    fileprivate var canonicalJSON: JSON {
        let (type, value) = self.named
        return ["type": .string(type), "value": .count(value), "periodSeconds": .int(self.period.components.seconds)]
    }
}

extension Policy.ScheduleEntry {
    fileprivate var canonicalJSON: JSON {
        .fields([
            "cron": .string(self.cron), "timeZone": .string(self.timeZone), "duration": .string(self.duration.text),
            "minReplicas": self.minReplicas.map(JSON.count), "maxReplicas": self.maxReplicas.map(JSON.count),
        ])
    }
}

extension Policy.Freeze {
    fileprivate var canonicalJSON: JSON {
        [
            "cron": .string(self.cron), "timeZone": .string(self.timeZone), "duration": .string(self.duration.text), "reason": .string(self.reason),
        ]
    }
}

extension Policy.Plausible {
    fileprivate var canonicalJSON: JSON {
        .fields([
            "maxDrop": .string("\(self.maxDrop)%"), "per": .string(self.per.text), "fleetDrop": self.fleetDrop.map { .string("\($0)%") },
        ])
    }
}

extension Policy.Guard {
    fileprivate var canonicalJSON: JSON {
        var fields: [String: JSON?] = [
            "when": .string(self.when.text), "for": .string(self.sustained.text), "atMost": .string(self.atMost.text),
        ]
        switch self.effect {
        case .notify(let severity): fields["notify"] = .string(severity.rawValue)
        case .restart: fields["restart"] = true
        }
        return .fields(fields)
    }
}

extension Policy.Guard.Limit {
    /// As manifests write it: `1/10m`.
    var text: String { "\(self.count)/\(self.per.text)" }
}

extension Region.Failover {
    /// The regions are a set; in their one order.
    var canonicalJSON: JSON {
        ["to": .array(Set(self.to).sorted().map { .string($0) }), "share": self.share.json, "fade": .string(self.fade.text)]
    }
}
