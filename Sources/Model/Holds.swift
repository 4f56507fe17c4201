/// A word that something must not move for a while, a person's or a policy's own after it took a change back. It always has an owner, a reason and an end.
public struct Pause: Sendable, Hashable {
    /// Which changes it holds back.
    public enum Direction: String, Sendable, Hashable, CaseIterable { case up, down, both }
    /// What it is for.
    public enum Scope: Sendable, Hashable, CustomStringConvertible {
        case all
        case region(String)
        case service(String)
        case workload(WorkloadID)
        case policy(String)

        /// Reads `all`, `region:eu-west`, `service:checkout`, `policy:NAME` or a workload `service/region`; nil for anything else.
        public init?(_ text: String) {
            if text == "all" { self = .all; return }
            if let workload = WorkloadID(text) { self = .workload(workload); return }
            let parts = text.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, !parts[1].isEmpty else { return nil }
            switch parts[0] {
            case "region": self = .region(String(parts[1]))
            case "service": self = .service(String(parts[1]))
            case "policy": self = .policy(String(parts[1]))
            default: return nil
            }
        }
        public var description: String {
            switch self {
            case .all: "all"
            case .region(let name): "region:\(name)"
            case .service(let name): "service:\(name)"
            case .workload(let id): id.description
            case .policy(let name): "policy:\(name)"
            }
        }
        /// Whether it is for this workload under the policy of that name.
        public func covers(_ workload: WorkloadID, policy: String) -> Bool {
            switch self {
            case .all: true
            case .region(let name): workload.region == name
            case .service(let name): workload.service == name
            case .workload(let id): workload == id
            case .policy(let name): policy == name
            }
        }
    }

    /// Its number in the database.
    public var id: Int64
    /// What it is for.
    public var scope: Scope
    /// Which changes it holds back.
    public var direction: Direction
    /// Who asked for it; the policy's name when a change was taken back.
    public var owner: String
    /// Why, in the owner's words.
    public var reason: String
    /// It is in force from then on.
    public var since: WallTime
    /// It is in force no longer from then on.
    public var until: WallTime
    /// The action that was taken back, when that is why; nil: a person says so.
    public var rolledBack: Int64?

    public init(
        id: Int64, scope: Scope, direction: Direction, owner: String, reason: String, since: WallTime, until: WallTime, rolledBack: Int64? = nil
    ) {
        self.id = id
        self.scope = scope
        self.direction = direction
        self.owner = owner
        self.reason = reason
        self.since = since
        self.until = until
        self.rolledBack = rolledBack
    }
}

/// A person's number in place of the rules', until it ends.
public struct Override: Sendable, Hashable {
    /// The workload that it is for.
    public var workload: WorkloadID
    /// The number that it stands for, brought within the limits in force.
    public var replicas: Int
    /// Who asked for it.
    public var owner: String
    /// Why, in the owner's words.
    public var reason: String
    /// It is in force from then on.
    public var since: WallTime
    /// It is in force no longer from then on.
    public var until: WallTime

    public init(workload: WorkloadID, replicas: Int, owner: String, reason: String, since: WallTime, until: WallTime) {
        self.workload = workload
        self.replicas = replicas
        self.owner = owner
        self.reason = reason
        self.since = since
        self.until = until
    }
}
