public import Model

/// What must survive a leader of the state of regions. Facts only: who could not be seen when last looked at, since when, and what was needed before.
public struct RegionMemory: Sendable, Hashable {
    /// A region with something to remember.
    public struct Facts: Sendable, Hashable {
        /// Its workloads that could not be seen when they were last looked at, by service, and what each needed before that.
        public internal(set) var unseen: [String: Int] = [:]
        /// Whether its nodes fail their health checks, as far as was known last.
        public internal(set) var areNodesDown = false
        /// Since when all signs say that it is down; nil: they do not.
        public internal(set) var failingSince: WallTime?
        /// Since when it counts as down; nil: it does not.
        public internal(set) var downSince: WallTime?
        /// Since when it is back, while what was asked of others fades; nil: it is down, or all has faded.
        public internal(set) var backSince: WallTime?
        /// What it needed when it was last seen, by service.
        public internal(set) var needs: [String: Int] = [:]
        /// What those that take its load needed for themselves then.
        public internal(set) var own: [WorkloadID: Int] = [:]
        /// Others have floors for it, and the log says so.
        public internal(set) var isCarried = false

        /// Of a region that is up, with nothing to be remembered.
        public init() {}
        var isEmpty: Bool { self == Facts() }

        /// Where the region stands by these facts.
        public var state: RegionState {
            if self.downSince != nil { return .down }
            if self.failingSince != nil { return .failing }
            return self.backSince == nil ? .up : .returning
        }
        /// Since when it has been in its state; nil when it is up.
        public var since: WallTime? { self.downSince ?? self.failingSince ?? self.backSince }
    }

    /// By region; one that is up and has nothing to be remembered is not in it.
    public internal(set) var regions: [String: Facts]

    /// Nothing to be remembered.
    public init() { self.regions = [:] }
}

extension RegionMemory: JSONEncodable, JSONDecodable {
    /// By the region's name; regions without anything to remember are left out.
    public var json: JSON { .object(self.regions.filter { !$0.value.isEmpty }.mapValues(\.json)) }

    public init(json: JSON) throws(JSONError) {
        guard let fields = json.objectValue else { throw JSONError(message: "is not an object") }
        self.init()
        for name in fields.keys.sorted() { self.regions[name] = try json.decode(name) }
    }
}

extension RegionMemory.Facts: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields([
            "unseen": self.unseen.isEmpty ? nil : .object(self.unseen.mapValues { .int(Int64($0)) }),
            "nodesDown": self.areNodesDown ? .bool(true) : nil, "carried": self.isCarried ? .bool(true) : nil,
            "failingSince": self.failingSince?.exactJSON, "downSince": self.downSince?.exactJSON, "backSince": self.backSince?.exactJSON,
            "needs": self.needs.isEmpty ? nil : .object(self.needs.mapValues { .int(Int64($0)) }),
            "own": self.own.isEmpty
                ? nil : .object(Dictionary(self.own.map { ($0.key.description, JSON.int(Int64($0.value))) }, uniquingKeysWith: { first, _ in first })),
        ])
    }

    public init(json: JSON) throws(JSONError) {
        self.init()
        self.unseen = try Self.counts(json, "unseen") { $0 }
        self.areNodesDown = try Self.flag(json, "nodesDown")
        self.isCarried = try Self.flag(json, "carried")
        self.failingSince = try json.intIfPresent("failingSince").map(WallTime.init(microseconds:))
        self.downSince = try json.intIfPresent("downSince").map(WallTime.init(microseconds:))
        self.backSince = try json.intIfPresent("backSince").map(WallTime.init(microseconds:))
        self.needs = try Self.counts(json, "needs") { $0 }
        self.own = try Self.counts(json, "own") { WorkloadID($0) }
    }

    private static func flag(_ json: JSON, _ field: String) throws(JSONError) -> Bool {
        guard let value = json[field] else { return false }
        guard let flag = value.boolValue else { throw JSONError(pointer: "/\(field)", message: "is neither true nor false") }
        return flag
    }

    private static func counts<Key: Hashable>(_ json: JSON, _ field: String, _ key: (String) -> Key?) throws(JSONError) -> [Key: Int] {
        guard let fields = json[field] else { return [:] }
        guard let counts = fields.objectValue else { throw JSONError(pointer: "/\(field)", message: "is not an object") }
        var found: [Key: Int] = [:]
        for name in counts.keys.sorted() {
            guard let key = key(name), let count = counts[name]?.intValue, (0...Int64(Int32.max)).contains(count) else {
                throw JSONError(message: "is not a count of a workload's replicas").inside(name).inside(field)
            }
            found[key] = Int(count)
        }
        return found
    }
}

extension WallTime {
    /// Microseconds: what is compared after a takeover must not lose any.
    fileprivate var exactJSON: JSON { .int(self.microseconds) }
}
