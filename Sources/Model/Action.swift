/// One change or restart on its way to a platform.
public struct ActionRecord: Sendable, Hashable {
    /// What is ordered.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// To another number of replicas.
        case scale
        /// The replicas that run are started anew; their number stays, so that `from` and `to` are the same. It is ordered at most once.
        case restart
    }
    /// Where it stands. It begins as `committed` and ends as `done`, `failed` or `superseded`.
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
        /// What it became.
        public var state: State
        /// Cluster time.
        public var at: WallTime
        /// Why, in words for an operator.
        public var text: String?
        /// The program's or platform's own words, scrubbed and cut.
        public var evidence: String?
        public init(state: State, at: WallTime, text: String? = nil, evidence: String? = nil) {
            self.state = state
            self.at = at
            self.text = text
            self.evidence = evidence
        }
    }

    /// A change before it is committed and has a number.
    public struct Plan: Sendable, Hashable {
        /// What is ordered.
        public var kind: Kind
        /// Replicas that were asked for when it was decided.
        public var from: Int
        /// Replicas that it asks for; for a restart the same.
        public var to: Int
        /// The platform's version of the workload that the decision was made on, as a precondition of the write; nil where the platform has none.
        public var precondition: String?
        /// Share of the replicas that must be ready for it to have arrived, 0–1 in thousandths.
        public var needReady: Quantity
        /// What has not arrived by then has failed.
        public var deadline: WallTime
        public init(kind: Kind = .scale, from: Int, to: Int, precondition: String?, needReady: Quantity, deadline: WallTime) {
            self.kind = kind
            self.from = from
            self.to = to
            self.precondition = precondition
            self.needReady = needReady
            self.deadline = deadline
        }
    }

    /// Its number in the database; people name it `a-12`.
    public var id: Int64
    /// The idempotency key that goes with every attempt: the same for all attempts of one action, another for every action.
    public var idem: String
    /// The recorded decision that it carries out.
    public var decision: Int64
    /// The term that committed it.
    public var epoch: Int64
    /// What is changed.
    public var workload: WorkloadID
    /// What is ordered.
    public var kind: Kind
    /// Replicas that were asked for when it was decided.
    public var from: Int
    /// Replicas that it asks for; an absolute number, never a difference.
    public var to: Int
    /// The platform's version of the workload that the decision was made on; nil where the platform has none.
    public var precondition: String?
    /// Where it stands now.
    public var state: State
    /// How many times it was sent.
    public var attempt: Int
    /// Share of the replicas that must be ready for it to have arrived, 0–1 in thousandths.
    public var needReady: Quantity
    /// What has not arrived by then has failed.
    public var deadline: WallTime
    /// When it was committed, in cluster time.
    public var createdAt: WallTime
    /// Its life so far, the oldest entry first.
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
    /// As people name an action by its number.
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
