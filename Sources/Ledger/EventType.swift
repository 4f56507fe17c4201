public import Model

/// What happened: a closed list. A name is `<thing>.<what happened to it>`.
public enum EventType: String, Sendable, Hashable, CaseIterable {
    case logOpened = "log.opened"

    case leaderElected = "leader.elected"
    case leaderLost = "leader.lost"
    case leaderFenced = "leader.fenced"
    case leaderResigned = "leader.resigned"

    /// The intent: it commits before anything acts on it.
    case decisionProposed = "decision.proposed"
    case decisionApplied = "decision.applied"
    case decisionFailed = "decision.failed"
    /// Nobody can say yet whether it was applied; a final outcome follows.
    case decisionOutcomeUnknown = "decision.outcome_unknown"
    /// Decided, and not carried out: mode, pause or switch. It stands by itself, or ends an intent.
    case decisionSuppressed = "decision.suppressed"
    case decisionSuperseded = "decision.superseded"
    /// A second person's word on a change that waits for one.
    case decisionApproved = "decision.approved"
    case decisionRejected = "decision.rejected"

    /// A change that did not arrive is taken back, by the decision that the event names.
    case rollbackAuto = "rollback.auto"

    /// The condition of a policy's guard holds, and somebody is to know.
    case guardNotified = "guard.notified"

    case regionCreated = "region.created"
    case regionUpdated = "region.updated"
    case regionDeleted = "region.deleted"
    case connectionCreated = "connection.created"
    case connectionUpdated = "connection.updated"
    case connectionDeleted = "connection.deleted"
    case serviceCreated = "service.created"
    case serviceUpdated = "service.updated"
    case serviceDeleted = "service.deleted"
    case policyCreated = "policy.created"
    case policyUpdated = "policy.updated"
    case policyDeleted = "policy.deleted"
    case policyActivated = "policy.activated"
    case budgetCreated = "budget.created"
    case budgetUpdated = "budget.updated"
    case budgetDeleted = "budget.deleted"

    case pauseCreated = "pause.created"
    case pauseEnded = "pause.ended"
    case overrideCreated = "override.created"
    case overrideEnded = "override.ended"
    case switchChanged = "switch.changed"

    case tokenCreated = "token.created"
    case tokenRevoked = "token.revoked"
    case authDenied = "auth.denied"
    case auditRead = "audit.read"

    /// A certificate, or all of a node, that no other node accepts any more.
    case certificateDenied = "certificate.denied"
    case certificateAllowed = "certificate.allowed"

    case nodeJoined = "node.joined"
    case nodeLeft = "node.left"
    case configChanged = "config.changed"

    /// It has failed for as long as its policies say: it counts as down.
    case regionLost = "region.lost"
    case regionReturned = "region.returned"
    /// Other regions get floors for the load of one that is down.
    case failoverStarted = "failover.started"
    /// Nothing is asked of others for it any more.
    case failoverEnded = "failover.ended"

    case workloadObserved = "workload.observed"
    /// Evaluations that changed nothing, counted over a minute.
    case evaluationSummary = "evaluation.summary"
}

extension EventType {
    /// What an event says of the decision that it names.
    public enum DecisionStage: Sendable, Hashable {
        case intent
        /// Looked for and not found out; the intent stays open.
        case unknown
        /// Ends the intent.
        case final
        /// Ends the intent when there is one, and stands by itself when there is none.
        case suppressed
    }

    /// nil when the event is no step of a decision.
    public var decisionStage: DecisionStage? {
        switch self {
        case .decisionProposed: .intent
        case .decisionOutcomeUnknown: .unknown
        case .decisionApplied, .decisionFailed, .decisionSuperseded: .final
        case .decisionSuppressed: .suppressed
        default: nil
        }
    }
}

extension EventType {
    /// What was done to a manifest.
    public enum ManifestChange: String, Sendable, Hashable, CaseIterable {
        case created, updated, deleted
    }

    /// The event for a change of a manifest.
    public static func manifest(_ kind: Manifest.Kind, _ change: ManifestChange) -> EventType {
        switch (kind, change) {
        case (.region, .created): .regionCreated
        case (.region, .updated): .regionUpdated
        case (.region, .deleted): .regionDeleted
        case (.connection, .created): .connectionCreated
        case (.connection, .updated): .connectionUpdated
        case (.connection, .deleted): .connectionDeleted
        case (.service, .created): .serviceCreated
        case (.service, .updated): .serviceUpdated
        case (.service, .deleted): .serviceDeleted
        case (.policy, .created): .policyCreated
        case (.policy, .updated): .policyUpdated
        case (.policy, .deleted): .policyDeleted
        case (.budget, .created): .budgetCreated
        case (.budget, .updated): .budgetUpdated
        case (.budget, .deleted): .budgetDeleted
        }
    }
}

/// How much an event matters to who reads the log.
public enum Severity: String, Sendable, Hashable, CaseIterable {
    case debug, info, notice, warning, error, critical
}
