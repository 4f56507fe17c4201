public import Model
internal import Postgres

/// What the leaders before left for the next one.
public struct Inheritance: Sendable {
    public var head: Head
    public var configuration: Store.Configuration
    /// What they remembered.
    public var memory: [StoredPage]
    /// What they knew of regions.
    public var regions: [RegionRecord]
    /// Actions without an outcome.
    public var open: [ActionRecord]
    /// Why these were decided, by the decision's number.
    public var sentences: [Int64: String]
    /// Newest changes of workloads that have failed, and that nobody has taken back.
    public var failed: [ActionRecord]
    /// When a change of a workload was last taken back.
    public var rolledBack: [WorkloadID: WallTime]
}

extension Store {
    /// What the leader evaluates by: everything that people say.
    public struct Configuration: Sendable {
        /// Moves whenever something of this changes.
        public var change: Int64
        public var manifests: [StoredManifest]
        /// The cluster's switch.
        public var control: Switch
        public var pauses: [Pause]
        public var overrides: [Override]
        /// What second persons said of changes that wait for them.
        public var approvals: [Approval]
    }

    /// What is in force, in one round trip.
    public func configuration() async throws -> Configuration {
        let (change, manifests, control, pauses, overrides, approvals) = try await self.run(
            self.configurationChangeRead, self.manifestsRead(), self.switchRead, self.pausesRead, self.overridesRead, self.approvalsRead)
        return Configuration(change: change, manifests: manifests, control: control, pauses: pauses, overrides: overrides, approvals: approvals)
    }

    /// All that a new leader goes on from, in one round trip.
    /// - Parameter maximumOpen: of the open actions, the newest so many.
    public func inheritance(maximumOpen: Int) async throws -> Inheritance {
        // The change's number first: what changes after it has been read is then read once more.
        let (head, change, manifests, control, pauses, overrides, approvals, memory, regions, open, sentences, failed, rolledBack) = try await self.run(
            self.headRead, self.configurationChangeRead, self.manifestsRead(), self.switchRead, self.pausesRead, self.overridesRead, self.approvalsRead,
            self.memoryRead, self.regionStatesRead, self.actionsRead(ActionFilter(open: true, limit: maximumOpen)), self.openSentencesRead,
            self.failedRead, self.rolledBackRead)
        return Inheritance(
            head: head,
            configuration: Configuration(
                change: change, manifests: manifests, control: control, pauses: pauses, overrides: overrides, approvals: approvals), memory: memory,
            regions: regions, open: open, sentences: sentences, failed: failed, rolledBack: rolledBack)
    }

    /// Lets a session of the pool be ready for ``inheritance(maximumOpen:)``: the server's first look at each table would otherwise be part of a takeover.
    public func prepareInheritance(maximumOpen: Int) async throws {
        let statements = [
            self.headRead.statement, self.configurationChangeRead.statement, self.manifestsRead().statement, self.switchRead.statement,
            self.pausesRead.statement, self.overridesRead.statement, self.approvalsRead.statement, self.memoryRead.statement,
            self.regionStatesRead.statement, self.actionsRead(ActionFilter(open: true, limit: maximumOpen)).statement, self.openSentencesRead.statement,
            self.failedRead.statement, self.rolledBackRead.statement,
        ]
        try await self.pool.withConnection(deadline: Self.readDeadline) { connection in
            try await connection.prepare(statements.map(\.sql), deadline: Self.readDeadline)
        }
    }

    /// What a leader's commits consist of, for the session that carries them.
    public static var leaderStatements: [String] { WriteSQL.ofLeader }
}
