/// A second person's word on one change that a policy does not make by itself.
///
/// It is for that change only: the workload, the version of the policy, the direction, and at most that size. It ends by itself, and a change uses it up.
public struct Approval: Sendable, Hashable {
    /// What the second person said.
    public enum Verdict: String, Sendable, Hashable, CaseIterable { case approved, rejected }

    /// Its number in the database.
    public var id: Int64
    /// What the change is of.
    public var workload: WorkloadID
    /// The policy's name and version that the change was decided by.
    public var policy: String
    /// Of that policy; another version's change waits for a word of its own.
    public var policyVersion: Int
    /// The recorded decision that waited.
    public var decision: Int64
    /// The change: from this size to `to`.
    public var from: Int
    /// The size that was asked for, and the most that is agreed to.
    public var to: Int
    /// Whether the change may go ahead.
    public var verdict: Verdict
    /// Who said so.
    public var actor: String
    /// Why, in their own words.
    public var reason: String?
    /// It counts from then on.
    public var since: WallTime
    /// It counts no longer from then on.
    public var until: WallTime

    public init(
        id: Int64, workload: WorkloadID, policy: String, policyVersion: Int, decision: Int64, from: Int, to: Int, verdict: Verdict, actor: String,
        reason: String?, since: WallTime, until: WallTime
    ) {
        self.id = id
        self.workload = workload
        self.policy = policy
        self.policyVersion = policyVersion
        self.decision = decision
        self.from = from
        self.to = to
        self.verdict = verdict
        self.actor = actor
        self.reason = reason
        self.since = since
        self.until = until
    }

    /// The decision as people name it.
    public var decisionName: String { Decision.name(self.decision) }

    /// How long a word counts: what was looked at a quarter of an hour ago is not what is there now.
    public static var validFor: Duration { .seconds(900) }

    /// The number that it agrees to where `current` replicas are asked for now, whatever the verdict; nil: it says nothing of a change from there.
    public func agreed(from current: Int) -> Int? {
        let size = self.to.subtractingReportingOverflow(self.from)
        guard !size.overflow, size.partialValue != 0 else { return nil }
        let moved = current.addingReportingOverflow(size.partialValue)
        if size.partialValue > 0 {
            guard current < self.to else { return nil }
            return moved.overflow ? self.to : min(self.to, moved.partialValue)
        }
        guard current > self.to else { return nil }
        return moved.overflow ? self.to : max(self.to, moved.partialValue)
    }
}
