public import Model

/// The canonical JSON of manifests: the fields of the YAML form with every default written out; exact numbers as decimal strings.
extension Manifest {
    /// What is stored, hashed and compared. Equal meanings have equal canonical forms; it is itself a valid manifest.
    public func canonicalJSON() -> JSON {
        switch self {
        case .region(let region):
            .fields([
                "kind": .string(self.kind.rawValue), "name": .string(region.name), "costPerReplicaHour": region.costPerReplicaHour?.json,
                "maxReplicas": region.maxReplicas.map(JSON.count), "failover": region.failover?.canonicalJSON,
            ])
        case .connection(let connection):
            .fields([
                "kind": .string(self.kind.rawValue), "name": .string(connection.name), "postgres": .string(connection.postgres),
                "password": connection.password?.canonicalJSON,
            ])
        case .service(let service):
            .fields([
                "kind": .string(self.kind.rawValue), "name": .string(service.name), "owner": service.owner.map { .string($0) },
                "priority": .count(service.priority), "startup": .string(service.startup.text),
                "workloads": .object(service.workloads.mapValues(\.canonicalJSON)),
            ])
        case .policy(let policy): policy.normalized.canonicalJSON
        case .budget(let budget):
            .fields([
                "kind": .string(self.kind.rawValue), "name": .string(budget.name), "selector": budget.selector.canonicalJSON,
                "maxReplicas": budget.maxReplicas.map(JSON.count), "maxCostPerHour": budget.maxCostPerHour?.json,
            ])
        }
    }

    /// Reads a stored version back. What an older version wrote is accepted: fields it did not know take their defaults, and limits that have
    /// become tighter do not count. What only a newer version can know is an error, never ignored: it might be what holds a workload back.
    /// - Throws: ``JSONError`` that names the field.
    public init(canonical: JSON) throws(JSONError) {
        let report = Report(file: nil, purpose: .stored)
        guard let manifest = ReadManifest.read(DocumentNode(canonical), report: report) else {
            let first = report.findings.first
            throw JSONError(pointer: first?.pointer ?? "", message: first?.message ?? "is not a manifest")
        }
        self = manifest
    }
}

extension JSON {
    static func count(_ value: Int) -> JSON { .int(Int64(value)) }
}

extension SecretReference {
    fileprivate var canonicalJSON: JSON {
        switch self {
        case .file(let path): ["file": .string(path)]
        case .environment(let name): ["env": .string(name)]
        }
    }
}

extension DriverTarget {
    fileprivate var canonicalJSON: JSON {
        switch self {
        case .exec(let observe, let scale, let restart):
            .fields([
                "driver": .string(self.kind), "observe": .array(observe.map { .string($0) }), "scale": .array(scale.map { .string($0) }),
                "restart": restart.map { .array($0.map { .string($0) }) },
            ])
        case .manual: ["driver": .string(self.kind)]
        }
    }
}

extension Selector {
    var canonicalJSON: JSON {
        let normal = self.normalized
        return ["services": .array(normal.services.map { .string($0) }), "regions": .array(normal.regions.map { .string($0) })]
    }
}

extension Metric {
    var canonicalJSON: JSON {
        .fields([
            "name": .string(self.name), "source": self.source.canonicalJSON, "secondary": self.secondary?.canonicalJSON,
            "health": self.health?.canonicalJSON,
            "window": self.window.map { ["last": .string($0.last.text), "aggregate": .string($0.aggregate.rawValue)] },
            "maxAge": .string(self.maxAge.text), "unit": self.unit.map { .string($0) },
            "onMissing": self.onMissing.map { .array($0.map { .string($0.text) }) },
        ])
    }
}

extension Metric.Source {
    fileprivate var canonicalJSON: JSON {
        switch self {
        case .sql(let connection, let statement): ["connection": .string(connection), "sql": .string(statement)]
        case .kubernetes(let metric): ["kubernetes": metric.canonicalJSON]
        }
    }
}

extension KubernetesMetric {
    fileprivate var canonicalJSON: JSON {
        .fields([
            "type": .string(self.kind.rawValue), "name": .string(self.name), "container": self.container.map { .string($0) },
            "selector": self.selector.map { .string($0) }, "object": self.object.map { .string($0) },
        ])
    }
}

extension Rule {
    var canonicalJSON: JSON {
        var fields: [String: JSON?] = ["metric": .string(self.metric), "weight": self.weight.json]
        switch self.body {
        case .track(let track):
            fields["tolerance"] = track.tolerance.json
            let (name, value) = track.target.named
            fields[name] = value.json
        case .step(let step):
            fields["above"] = step.above?.json
            fields["add"] = step.add?.json
            fields["below"] = step.below?.json
            fields["remove"] = step.remove?.json
            fields["for"] = .string(step.sustained.text)
        case .capacity(let capacity):
            fields["perReplica"] = capacity.perReplica.json
            fields["upAt"] = capacity.upAt.json
            fields["downAt"] = capacity.downAt.json
            fields["step"] = .count(capacity.step)
        }
        return .object([self.body.name: .fields(fields)])
    }
}

extension Rule.Track.Target {
    /// The field's name and value.
    var named: (name: String, value: Quantity) {
        switch self {
        case .averageUtilization(let value): ("averageUtilization", value)
        case .averageValue(let value): ("averageValue", value)
        case .value(let value): ("value", value)
        }
    }
}

extension Rule.Step.Amount {
    fileprivate var json: JSON {
        switch self {
        case .replicas(let count): .count(count)
        case .percent(let percent): .string("\(percent)%")
        }
    }
}
