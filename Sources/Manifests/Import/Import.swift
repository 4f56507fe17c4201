import Model

/// Manifests of what other autoscalers are told: Kubernetes' HorizontalPodAutoscaler, KEDA's ScaledObject, and the JSON policies form.
///
/// What can't be said in Muster's words is never dropped in silence: it is a ``Loss``, with its place. Secrets are not carried over; where the source names
/// an environment variable, so does the result.
public enum Import {
    /// Something that the result does not say, or says differently.
    public struct Loss: Sendable, Hashable, CustomStringConvertible {
        /// The file's name as the caller gave it.
        public var file: String
        /// Where the value stands that is not carried over; nil when the matter is the file as a whole.
        public var position: SourcePosition?
        /// `ScaledObject/worker`; nil when the text could not be read that far.
        public var document: String?
        /// What is not carried over or is said differently, and why.
        public var message: String

        /// `worker.yaml:14:5: ScaledObject/worker: “idleReplicaCount” is not carried over: …`
        public var description: String {
            let place = self.position.map { ":\($0.line):\($0.column)" } ?? ""
            return "\(self.file)\(place): " + (self.document.map { "\($0): " } ?? "") + self.message
        }
    }

    /// What an import made, and what it could not.
    public struct Result: Sendable {
        /// Manifests as people write them; empty when nothing could be imported.
        public var yaml: String
        /// In the order of the text.
        public var losses: [Loss]
    }

    /// - Parameter region: the Region of the workloads, which exists already; nil: one of the name `default`, which is part of the result.
    public static func manifests(_ files: [SourceFile], region: String? = nil) -> Result {
        var importing = Importing(region: region ?? "default", writesRegion: region == nil)
        for file in files {
            let (texts, refusal) = SourceText.documents(in: file)
            if let refusal { importing.losses.append(Loss(file: file.name, position: refusal.position, message: refusal.message)) }
            for text in texts {
                let (roots, refusal) = YAMLDocuments.roots(of: text.text)
                for root in roots.flatMap(\.documents) {
                    guard importing.documents < ManifestLimits.documents else {
                        importing.losses.append(
                            Loss(file: file.name, message: "there are more than \(ManifestLimits.documents) documents; import them in parts"))
                        return importing.result
                    }
                    importing.read(root, file.name, text.linesBefore)
                }
                if let refusal {
                    let position = SourcePosition(line: refusal.position.line + text.linesBefore, column: refusal.position.column)
                    importing.losses.append(Loss(file: file.name, position: position, message: refusal.message))
                }
            }
        }
        return importing.result
    }
}

/// A policy that was made of something, and what belongs to it.
struct Imported {
    var policy: Policy
    /// What is written as the source of a metric, where the model has no word for it.
    var sources: [String: YAMLText] = [:]
    /// The service and what it is elsewhere: the fields of its workload.
    var service: String
    var workload: [(String, YAMLText)]
    /// In the words of where it comes from: `HorizontalPodAutoscaler/web`.
    var origin: String
    var namespace: String?
}

/// What has been made so far.
struct Importing {
    let region: String
    let writesRegion: Bool
    var documents = 0
    var losses: [Import.Loss] = []
    private var connections: [(name: String, key: String, fields: [(String, YAMLText)])] = []
    private var services: [String: [(String, YAMLText)]] = [:]
    private var policies: [(name: String, imported: Imported, file: String)] = []

    init(region: String, writesRegion: Bool) {
        self.region = region
        self.writesRegion = writesRegion
    }

    mutating func read(_ root: DocumentNode, _ file: String, _ linesBefore: Int) {
        self.documents += 1
        let report = Report(file: file, purpose: .foreign, linesBefore: linesBefore)
        let place = Place(node: root, pointer: "", name: "the document", report: report)
        let kind = root.text(of: "kind")
        let name = Self.name(of: root)
        let origin = (kind ?? "policy") + (name.map { "/\($0)" } ?? "")
        let imported: [Imported] =
            switch kind {
            case ReadHPA.kind: ImportHPA.read(place, origin).map { [$0] } ?? []
            case "ScaledObject": ImportKEDA.read(place, origin, &self).map { [$0] } ?? []
            case nil: ImportPolicies.read(place)
            default: []
            }
        if let kind, kind != ReadHPA.kind, kind != "ScaledObject" {
            place.fail(.unknownKind, "a “\(kind.shortened)” can't be imported; known are HorizontalPodAutoscaler, ScaledObject and the JSON policies form")
        } else if imported.isEmpty {
            place.fail(.missingField, "it was not imported: nothing of it is left that a policy could be made of")
        }
        self.losses += report.findings.map { finding in
            let near = finding.near.map { "; did you mean “\($0)”?" } ?? ""
            return Import.Loss(file: file, position: finding.position, document: origin.shortened, message: finding.message + near)
        }
        for one in imported { self.add(one, file) }
    }

    private static func name(of root: DocumentNode) -> String? {
        guard case .mapping(let fields) = root.value else { return nil }
        return fields.first { $0.name == "metadata" }?.value.text(of: "name") ?? root.text(of: "name")
    }

    /// Two of one name in different namespaces are told apart by the namespace.
    private mutating func add(_ imported: Imported, _ file: String) {
        var one = imported
        let taken = Set(self.policies.map(\.name))
        if taken.contains(one.policy.name) {
            var names = taken
            one.policy.name = MetricName.unique((one.namespace.map { "\($0)." } ?? "") + one.policy.name, among: &names)
        }
        if let known = self.services[one.service], Self.text(known) != Self.text(one.workload) {
            var names = Set(self.services.keys)
            let name = MetricName.unique((one.namespace.map { "\($0)." } ?? "") + one.service, among: &names)
            one.service = name
            one.policy.selector = Selector(services: [name])
        }
        self.services[one.service] = one.workload
        self.policies.append((one.policy.name, one, file))
    }

    private static func text(_ fields: [(String, YAMLText)]) -> String { YAMLText.flow(fields).block(indent: 0) }

    /// The name of the connection with these fields, made when there is none yet.
    mutating func connection(_ kind: String, _ fields: [(String, YAMLText)]) -> String {
        let key = Self.text(fields)
        if let known = self.connections.first(where: { $0.key == key }) { return known.name }
        var names = Set(self.connections.map(\.name))
        let name = MetricName.unique(kind, among: &names)
        self.connections.append((name, key, fields))
        return name
    }

    var result: Import.Result {
        guard !self.policies.isEmpty else { return Import.Result(yaml: "", losses: self.losses) }
        var documents: [String] = []
        func document(_ kind: Manifest.Kind, _ name: String, _ fields: [(String, YAMLText)], comment: String = "") {
            let head: [(String, YAMLText)] = [("kind", .string(kind.rawValue)), ("name", .string(name))]
            documents.append(comment + YAMLText.mapping(head + fields).block(indent: 0))
        }
        if self.writesRegion { document(.region, self.region, []) }
        for connection in self.connections { document(.connection, connection.name, connection.fields) }
        for (service, workload) in self.services.sorted(by: { $0.key < $1.key }) {
            document(.service, service, [("workloads", .mapping([(self.region, .flow(workload))]))])
        }
        for (_, imported, file) in self.policies {
            let comment = "# \(imported.origin) of \(file)".unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? " " : String($0) }
                .joined()
            document(.policy, imported.policy.name, Export.fields(imported.policy, sources: imported.sources), comment: comment + "\n")
        }
        return Import.Result(yaml: documents.joined(separator: "---\n"), losses: self.losses)
    }
}

extension Place {
    /// Says that the value is not carried over.
    func lose(_ why: String) {
        self.report.add(.notAvailable, "“\(self.name)” is not carried over: \(why)", at: self.node.position, pointer: self.pointer, severity: .warning)
    }
    /// Says what is different now.
    func remark(_ words: String) {
        self.report.add(.notAvailable, words, at: self.node.position, pointer: self.pointer, severity: .warning)
    }
}

/// Kubernetes' HorizontalPodAutoscaler: its policy, with its target as the service.
enum ImportHPA {
    static func read(_ place: Place, _ origin: String) -> Imported? {
        guard let policy = ReadHPA.policy(place), let service = policy.selector.services.first else { return nil }
        let target = Self.target(place, "spec", service)
        return Imported(policy: policy, service: service, workload: target.fields, origin: origin, namespace: target.namespace)
    }

    /// The fields of the workload that `scaleTargetRef` is.
    static func target(_ place: Place, _ spec: String, _ service: String) -> (fields: [(String, YAMLText)], namespace: String?) {
        func node(_ node: DocumentNode?, _ name: String) -> DocumentNode? {
            guard case .mapping(let fields)? = node?.value else { return nil }
            return fields.first { $0.name == name }?.value
        }
        let namespace = node(place.node, "metadata")?.text(of: "namespace")
        let kind = node(node(place.node, spec), "scaleTargetRef")?.text(of: "kind") ?? "Deployment"
        let fields: [(String, YAMLText)] = [
            ("driver", .string("kubernetes")), ("namespace", .string(namespace ?? "default")), ("resource", .string("\(kind.lowercased())/\(service)")),
        ]
        return (fields, namespace)
    }
}
