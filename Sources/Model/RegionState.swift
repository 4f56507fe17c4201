/// Where a region stands between being seen and being lost.
public enum RegionState: String, Sendable, Hashable, CaseIterable {
    case up
    /// All signs say that it is down, not yet for long enough.
    case failing
    case down
    /// It is back; what others have for it fades.
    case returning
}

/// Which regions' nodes answer their health checks, as far as one node can tell. A region in none of the sets has no node that anybody expects an answer of.
public struct RegionSight: Sendable, Hashable {
    /// A node of it is alive.
    public var up: Set<String>
    /// None is, and at least one has failed.
    public var down: Set<String>
    /// Nobody can say: what was known before holds.
    public var unknown: Set<String>

    public init(up: Set<String> = [], down: Set<String> = [], unknown: Set<String> = []) {
        self.up = up
        self.down = down
        self.unknown = unknown
    }
}
