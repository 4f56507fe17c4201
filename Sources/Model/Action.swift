/// One change or restart on its way to a platform.
public struct ActionRecord: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// To another number of replicas.
        case scale
        /// The replicas that run are started anew; their number stays, so that `from` and `to` are the same. It is ordered at most once.
        case restart
    }
    public enum State: String, Sendable, Hashable, CaseIterable {
        case committed, sent, accepted, verifying, done, failed, unknown, superseded
        /// An open action blocks further ones of its workload.
        public var isOpen: Bool {
            switch self {
            case .committed, .sent, .accepted, .verifying, .unknown: true
            case .done, .failed, .superseded: false
            }
        }
    }
    /// One entry of its life.
    public struct Step: Sendable, Hashable {
        public var state: State
        public var at: WallTime
        public var text: String?
        public var evidence: String?
        public init(state: State, at: WallTime, text: String? = nil, evidence: String? = nil) {
            self.state = state
            self.at = at
            self.text = text
            self.evidence = evidence
        }
    }

    public var id: Int64
    public var idem: String
    public var decision: Int64
    public var epoch: Int64
    public var workload: WorkloadID
    public var kind: Kind
    public var from: Int
    public var to: Int
    public var precondition: String?
    public var state: State
    public var attempt: Int
    public var needReady: Quantity
    public var deadline: WallTime
    public var createdAt: WallTime
    public var history: [Step]

    public init(
        id: Int64, idem: String, decision: Int64, epoch: Int64, workload: WorkloadID, kind: Kind = .scale, from: Int, to: Int, precondition: String?,
        state: State, attempt: Int, needReady: Quantity, deadline: WallTime, createdAt: WallTime, history: [Step]
    ) {
        self.id = id
        self.idem = idem
        self.decision = decision
        self.epoch = epoch
        self.workload = workload
        self.kind = kind
        self.from = from
        self.to = to
        self.precondition = precondition
        self.state = state
        self.attempt = attempt
        self.needReady = needReady
        self.deadline = deadline
        self.createdAt = createdAt
        self.history = history
    }
    public static func name(_ id: Int64) -> String { "a-\(id)" }
}

extension ActionRecord.Step: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields([
            "state": .string(self.state.rawValue), "at": self.at.json, "text": self.text.map { .string($0) },
            "evidence": self.evidence.map { .string($0) },
        ])
    }
    public init(json: JSON) throws(JSONError) {
        self.init(
            state: try json.choice("state", of: ActionRecord.State.self), at: try json.time("at"), text: json["text"]?.stringValue,
            evidence: json["evidence"]?.stringValue)
    }
}
