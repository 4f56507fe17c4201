public import Model

/// An event before it has a place in the log: everything that its origin knows of it.
///
/// An absent field means "not known" or "does not apply" and is left out of the leaf.
public struct EventDraft: Sendable, Hashable {
    /// A UUID, version 7, made once for the event: its idempotency key.
    public var id: String
    public var type: EventType
    public var severity: Severity
    /// By the origin's clock.
    public var occurredAt: WallTime
    public var origin: Origin
    public var actor: Actor
    public var action: Action
    public var outcome: Outcome
    public var subject: Subject
    /// The changed fields as they were.
    public var before: JSON?
    /// The changed fields as they are now.
    public var after: JSON?
    /// The decision that this is about.
    public var decision: JSON?
    /// What led to it: readings, rule, threshold.
    public var cause: JSON?
    public var correlation: Correlation
    /// The `seq` of the events that this one reverts; each is earlier.
    public var reverts: [Int64]

    public init(
        id: String, type: EventType, severity: Severity = .info, occurredAt: WallTime, origin: Origin, actor: Actor,
        action: Action, outcome: Outcome = .success, subject: Subject, before: JSON? = nil, after: JSON? = nil,
        decision: JSON? = nil, cause: JSON? = nil, correlation: Correlation = Correlation(), reverts: [Int64] = []
    ) {
        self.id = id
        self.type = type
        self.severity = severity
        self.occurredAt = occurredAt
        self.origin = origin
        self.actor = actor
        self.action = action
        self.outcome = outcome
        self.subject = subject
        self.before = before
        self.after = after
        self.decision = decision
        self.cause = cause
        self.correlation = correlation
        self.reverts = reverts
    }
}

extension EventDraft {
    /// The node and run that the event was born on.
    public struct Origin: Sendable, Hashable {
        public var node: String
        /// Names one run of the node.
        public var bootID: String
        /// The event's number in that run: from ``LeafFormat/firstOriginNumber`` on without gaps, in the order of the log.
        public var nseq: Int64

        public init(node: String, bootID: String, nseq: Int64) {
            self.node = node
            self.bootID = bootID
            self.nseq = nseq
        }
    }

    /// Who did it.
    public struct Actor: Sendable, Hashable {
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            case user, token, node, policy, system
            case inboundWebhook = "inbound_webhook"
        }
        /// How the actor proved who it is.
        public enum Authentication: String, Sendable, Hashable, CaseIterable {
            case token, mtls, oidc, `internal`
        }

        public var kind: Kind
        public var id: String
        public var auth: Authentication
        public var session: String?
        /// The address that the request came from.
        public var ip: String?

        public init(kind: Kind, id: String, auth: Authentication, session: String? = nil, ip: String? = nil) {
            self.kind = kind
            self.id = id
            self.auth = auth
            self.session = session
            self.ip = ip
        }
    }

    /// What the actor did or tried.
    public enum Action: String, Sendable, Hashable, CaseIterable {
        case create, update, delete, activate, revoke
        case scale, restart, observe, evaluate, notify
        case pause, resume, `override`, enable, disable
        case elect, resign, join, leave
        case open, read, export, verify, login, access
        case approve, reject, rollback
    }

    /// How it ended.
    public struct Outcome: Sendable, Hashable {
        public enum Status: String, Sendable, Hashable, CaseIterable {
            case success, failure, denied, unknown
        }

        public var status: Status
        /// From a closed list of its own, such as a problem code.
        public var code: String?
        /// In words.
        public var reason: String?
        /// How long it took.
        public var latency: Duration?

        public init(status: Status, code: String? = nil, reason: String? = nil, latency: Duration? = nil) {
            self.status = status
            self.code = code
            self.reason = reason
            self.latency = latency
        }

        public static let success = Outcome(status: .success)
    }

    /// What it was done to.
    public struct Subject: Sendable, Hashable {
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            case workload, region, connection, service, policy, budget
            case pause, `override`, token, key, node, leader, cluster, log
            /// Where a request was sent, when it was refused before it touched anything.
            case route
        }

        public var kind: Kind
        public var id: String
        public var version: Int?

        public init(kind: Kind, id: String, version: Int? = nil) {
            self.kind = kind
            self.id = id
            self.version = version
        }
    }

    /// What else belongs to the same matter.
    public struct Correlation: Sendable, Hashable {
        /// W3C trace id: 32 hexadecimal digits.
        public var traceID: String?
        public var requestID: String?
        /// The event that caused this one, by its id.
        public var parentID: String?
        /// Ties an intent and its outcomes together; required in `decision.*` events.
        public var decisionID: String?

        public init(
            traceID: String? = nil, requestID: String? = nil, parentID: String? = nil, decisionID: String? = nil
        ) {
            self.traceID = traceID
            self.requestID = requestID
            self.parentID = parentID
            self.decisionID = decisionID
        }
    }
}
