import Model

/// What a failover can and can't take over.
enum LintFailover {
    /// Services whose load nobody takes.
    static func findings(_ set: ManifestSet) -> [ManifestFinding] {
        var found: [ManifestFinding] = []
        for region in set.regions.values.sorted(by: { $0.name < $1.name }) {
            guard let failover = region.failover, failover.to.allSatisfy({ set.regions[$0] != nil }) else { continue }
            let alone = set.services.values
                .filter { service in service.workloads[region.name] != nil && !failover.to.contains { service.workloads[$0] != nil } }
                .map(\.name).sorted()
            guard let first = alone.first else { continue }
            let more = alone.count > 1 ? " and \(alone.count - 1) more" : ""
            found.append(
                ManifestFinding(
                    pointer: "/failover/to", document: .init(kind: .region, name: region.name), code: .selectsNothing, severity: .warning,
                    message: "nobody takes the load of \(first)/\(region.name)\(more): the service has no workload in \(Place.listing(failover.to, or: true))"))
        }
        return found
    }

    /// Circles, each told once, at its first region.
    static func notes(_ set: ManifestSet) -> [ManifestFinding] {
        var done: Set<String> = []
        var found: [ManifestFinding] = []
        for name in set.regions.keys.sorted() where !done.contains(name) {
            guard let circle = Self.circle(through: name, set) else { continue }
            done.formUnion(circle)
            found.append(
                ManifestFinding(
                    pointer: "/failover", document: .init(kind: .region, name: name), code: .circularFailover, severity: .note,
                    message: "the failover is circular (\((circle + [name]).joined(separator: " → "))): each takes the other's load, and when all are "
                        + "down at once nobody does; floors count a region's own need only, so that they do not add up around the circle"))
        }
        return found
    }

    /// The shortest way from the region back to it.
    private static func circle(through start: String, _ set: ManifestSet) -> [String]? {
        var ways: [[String]] = [[start]]
        var seen: Set<String> = []
        while !ways.isEmpty {
            var longer: [[String]] = []
            for way in ways {
                guard let last = way.last else { continue }
                for next in set.regions[last]?.failover?.to.sorted() ?? [] {
                    if next == start { return way }
                    if seen.insert(next).inserted { longer.append(way + [next]) }
                }
            }
            ways = longer
        }
        return nil
    }
}
