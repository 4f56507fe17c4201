public import Model

/// A place in a named file.
public struct SourceLocation: Sendable, Hashable {
    /// The file's name as the caller gave it.
    public var file: String
    /// Where in the file.
    public var position: SourcePosition
    /// A place; nothing checks that the file has it.
    public init(file: String, position: SourcePosition) {
        self.file = file
        self.position = position
    }
}

/// Looks at a whole set of manifests as it would be: what they refer to, and whether they agree with each other.
public enum Lint {
    /// Checks files in the place of what is stored under the same names. Holds the files' own findings too, in the order of the text.
    ///
    /// Warnings about stored manifests that the files do not touch are left out: they were given when those were applied.
    public static func check(_ files: ParsedFiles, stored: [Manifest]) -> [ManifestFinding] {
        var parsed: [Manifest.Reference: ParsedManifest] = [:]
        for manifest in files.manifests { parsed[manifest.manifest.reference] = manifest }
        let kept = stored.filter { parsed[$0.reference] == nil && !files.broken.contains($0.reference) }
        let found = Self.check(files.manifests.map(\.manifest) + kept, broken: files.broken) { reference, pointer in
            parsed[reference].map { SourceLocation(file: $0.file, position: $0.position(of: pointer)) }
        }
        let all = files.findings + found.filter { $0.severity == .error || $0.file != nil }
        return Array(Self.inOrderOfText(all, files).prefix(ManifestLimits.findings))
    }

    /// Checks the whole set. `broken` are documents that are meant to exist and could not be read; `locating` gives where a manifest's value
    /// stands, nil when it is only stored.
    public static func check(
        _ all: [Manifest], broken: Set<Manifest.Reference> = [],
        locating: (_ manifest: Manifest.Reference, _ pointer: String) -> SourceLocation? = { _, _ in nil }
    ) -> [ManifestFinding] {
        let set = ManifestSet(all, broken: broken)
        var found: [ManifestFinding] = []
        var seen: Set<Manifest.Reference> = []
        for manifest in all where !seen.insert(manifest.reference).inserted {
            found.append(
                ManifestFinding(
                    pointer: "/name", document: manifest.reference, code: .duplicateName,
                    message: "\(manifest.reference) stands twice; remove one or rename it"))
        }
        for manifest in all {
            if case .policy(let policy) = manifest { found += PolicyCheck.findings(policy) }
            found += LintReferences.findings(manifest, set)
        }
        found += LintOverlaps.findings(set, isLocated: { locating($0, "") != nil })
        found += LintCeilings.findings(set) + LintFailover.findings(set) + LintRestart.findings(set)
        return found.prefix(ManifestLimits.findings).map { finding in
            guard let document = finding.document, let place = locating(document, finding.pointer) else { return finding }
            var located = finding
            located.file = place.file
            located.position = place.position
            return located
        }
    }

    /// What is good to know about the files' own manifests: how long the way between the bounds takes at least, circles of failover.
    ///
    /// Given for the first ``notedPolicies`` policies: working them out costs more than all other checks.
    public static func notes(_ files: ParsedFiles, stored: [Manifest]) -> [ManifestFinding] {
        var parsed: [Manifest.Reference: ParsedManifest] = [:]
        for manifest in files.manifests { parsed[manifest.manifest.reference] = manifest }
        let kept = stored.filter { parsed[$0.reference] == nil }
        let policies = files.manifests.lazy.compactMap { if case .policy(let policy) = $0.manifest { policy } else { nil } }
        let found =
            policies.prefix(Self.notedPolicies).flatMap(PolicyCheck.notes)
            + LintFailover.notes(ManifestSet(files.manifests.map(\.manifest) + kept, broken: files.broken))
        let located = found.compactMap { note -> ManifestFinding? in
            guard let document = note.document, let manifest = parsed[document] else { return nil }
            var located = note
            located.file = manifest.file
            located.position = manifest.position(of: note.pointer)
            return located
        }
        return Self.inOrderOfText(located, files)
    }

    /// Nobody reads more, and one takes up to some milliseconds.
    static let notedPolicies = 100

    private static func inOrderOfText(_ findings: [ManifestFinding], _ files: ParsedFiles) -> [ManifestFinding] {
        var order: [String: Int] = [:]
        for file in files.manifests.map(\.file) + files.findings.compactMap(\.file) where order[file] == nil { order[file] = order.count }
        func rank(_ finding: ManifestFinding) -> (Int, SourcePosition) {
            (finding.file.flatMap { order[$0] } ?? Int.max, finding.position ?? SourcePosition(line: 0, column: 0))
        }
        return findings.enumerated().sorted { left, right in
            let (leftFile, leftPosition) = rank(left.element)
            let (rightFile, rightPosition) = rank(right.element)
            if leftFile != rightFile { return leftFile < rightFile }
            return leftPosition == rightPosition ? left.offset < right.offset : leftPosition < rightPosition
        }.map(\.element)
    }
}

/// A set of manifests by what the checks look for.
struct ManifestSet {
    var regions: [String: Region] = [:]
    var services: [String: Service] = [:]
    var policies: [Policy] = []
    var budgets: [Budget] = []
    let broken: Set<Manifest.Reference>
    private var names: [Manifest.Kind: Set<String>] = [:]
    /// All workloads, sorted, and the same by their parts.
    let workloads: [WorkloadID]
    private let byService: [String: [WorkloadID]]
    private let byRegion: [String: [WorkloadID]]

    init(_ all: [Manifest], broken: Set<Manifest.Reference>) {
        self.broken = broken
        for manifest in all {
            switch manifest {
            case .region(let region): self.regions[region.name] = region
            case .service(let service): self.services[service.name] = service
            case .policy(let policy): self.policies.append(policy)
            case .budget(let budget): self.budgets.append(budget)
            case .connection: break
            }
        }
        for reference in all.map(\.reference) + broken { self.names[reference.kind, default: []].insert(reference.name) }
        self.workloads = self.services.values
            .flatMap { service in service.workloads.keys.map { WorkloadID(service: service.name, region: $0) } }.sorted()
        self.byService = Dictionary(grouping: self.workloads, by: \.service)
        self.byRegion = Dictionary(grouping: self.workloads, by: \.region)
    }

    func defines(_ kind: Manifest.Kind, _ name: String) -> Bool { self.names[kind]?.contains(name) ?? false }
    func names(of kind: Manifest.Kind) -> [String] { (self.names[kind] ?? []).sorted() }

    /// Looks only where the selector can match.
    func selected(by selector: Selector) -> [WorkloadID] {
        let candidates: [WorkloadID] =
            if !selector.services.contains("*") {
                Set(selector.services).flatMap { self.byService[$0] ?? [] }
            } else if !selector.regions.contains("*") {
                Set(selector.regions).flatMap { self.byRegion[$0] ?? [] }
            } else {
                self.workloads
            }
        return candidates.filter(selector.selects).sorted()
    }
}
