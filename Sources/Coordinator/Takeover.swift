package import Control
package import Model
package import Schedule
package import Store

/// From what the database has to what a leader's term begins with.
extension Fleet {
    /// Manifests that were taken away are left out.
    package init(
        stored: [StoredManifest], enabled: Bool, pauses: [Pause], overrides: [Override], approvals: [Approval] = [],
        zone: (String) -> TimeZoneRules? = { _ in nil }
    ) {
        self.init(
            manifests: stored.compactMap { stored in stored.manifest.map { (manifest: $0, version: stored.version, sha256: stored.sha256) } },
            enabled: enabled, pauses: pauses, overrides: overrides, approvals: approvals, zone: zone)
    }
}

extension Inheritance {
    /// What the predecessors remembered of workloads.
    package func remembered() throws(MemoryPageError) -> [Remembered] {
        var remembered: [Remembered] = []
        for page in self.memory { remembered += try MemoryPage(number: page.number, bytes: page.bytes).remembered() }
        return remembered
    }
}

extension LeaderState {
    /// - Parameters:
    ///   - remembered: of `left`.
    ///   - fleet: what the configuration in `left` comes to.
    package init(_ left: Inheritance, remembered: [Remembered], fleet: Fleet, at now: WallTime) throws(JSONError) {
        let regions = JSON.object(Dictionary(left.regions.map { ($0.region, $0.facts) }, uniquingKeysWith: { first, _ in first }))
        self.init(
            fleet: fleet, remembered: remembered, regions: try RegionMemory(json: regions), open: left.open, sentences: left.sentences,
            failed: left.failed, rolledBack: left.rolledBack, at: now)
    }
}
