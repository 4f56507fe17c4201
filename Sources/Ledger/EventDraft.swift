public import Model

/// An event before it has a place in the log: everything that its origin knows of it.
///
/// An absent field means "not known" or "does not apply" and is left out of the leaf.
public struct EventDraft: Sendable, Hashable {
    /// A UUID, version 7, made once for the event: its idempotency key.
    public var id: String
    /// What happened: of the closed list that the audit log knows.
    public var type: EventType
    /// How much a person should mind it.
    public var severity: Severity
    /// By the origin's clock.
    public var occurredAt: WallTime
    /// Where it was noticed, which need not be the node that gives it its place in the log.
    public var origin: Origin
    /// Who did it: a person, a token, a policy, or a node by itself.
    public var actor: Actor
    /// What was done or tried, in one word.
    public var action: Action
    /// Whether it came about.
    public var outcome: Outcome
    /// What it was done to.
    public var subject: Subject
    /// The changed fields as they were.
    public var before: JSON?
    /// The changed fields as they are now.
    public var after: JSON?
    /// The decision that this is about.
    public var decision: JSON?
    /// What led to it: readings, rule, threshold.
    public var cause: JSON?
    /// Other records of the same matter.
    public var correlation: Correlation
    /// The `seq` of the events that this one reverts; each is earlier.
    public var reverts: [Int64]

    /// A draft that says what is given; everything left out is left out of the leaf, too.
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
        /// The node's name in its configuration.
        public var node: String
        /// Names one run of the node.
        public var bootID: String
        /// The event's number in that run: from ``LeafFormat/firstOriginNumber`` on without gaps, in the order of the log.
        public var nseq: Int64

        /// - Parameter nseq: counted by whoever writes the event, in the transaction that seals it.
        public init(node: String, bootID: String, nseq: Int64) {
            self.node = node
            self.bootID = bootID
            self.nseq = nseq
        }
    }

    /// Who did it.
    public struct Actor: Sendable, Hashable {
        /// What sort of actor an ``id`` names.
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            case user, token, node, policy, system
            case inboundWebhook = "inbound_webhook"
        }
        /// How the actor proved who it is.
        public enum Authentication: String, Sendable, Hashable, CaseIterable {
            case token, mtls, oidc, `internal`
        }

        /// Tells which names ``id`` is one of.
        public var kind: Kind
        /// The user, token, node or policy by name; never a secret.
        public var id: String
        /// How it was proven that the actor is the one that ``id`` names.
        public var auth: Authentication
        /// Names the session of a person that signed in; nil for whoever brings its proof with each request.
        public var session: String?
        /// The address that the request came from.
        public var ip: String?

        /// An actor; `session` and `ip` are for requests that came from outside.
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
        /// How it ended, in one word. `unknown`: nobody can say whether it took effect; `denied`: whoever asked has not the right.
        public enum Status: String, Sendable, Hashable, CaseIterable {
            case success, failure, denied, unknown
        }

        /// In one word; the other fields say more of the same.
        public var status: Status
        /// From a closed list of its own, such as a problem code.
        public var code: String?
        /// In words.
        public var reason: String?
        /// How long it took.
        public var latency: Duration?

        /// An end; `code` and `reason` are for those that need one, which success does not.
        public init(status: Status, code: String? = nil, reason: String? = nil, latency: Duration? = nil) {
            self.status = status
            self.code = code
            self.reason = reason
            self.latency = latency
        }

        /// It came about, and there is no more to say of it.
        public static let success = Outcome(status: .success)
    }

    /// What it was done to.
    public struct Subject: Sendable, Hashable {
        /// What sort of thing an ``id`` names.
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            case workload, region, connection, service, policy, budget
            case pause, `override`, token, key, node, leader, cluster, log
            /// Where a request was sent, when it was refused before it touched anything.
            case route
        }

        /// Tells which names ``id`` is one of.
        public var kind: Kind
        /// The thing's name, as manifests and commands have it: `checkout/eu-west` for a workload.
        public var id: String
        /// Of what has numbered versions, the one that the event made or is about.
        public var version: Int?

        /// - Parameter version: only for what has versions.
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
        /// Of the API's request, as its answer's `Request-Id` has it: in each event that one request led to.
        public var requestID: String?
        /// The event that caused this one, by its id.
        public var parentID: String?
        /// Ties an intent and its outcomes together; required in `decision.*` events.
        public var decisionID: String?

        /// Says what is known; an event that nothing else belongs to has none of it.
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
