public import Model
internal import Postgres

/// What the leaders before left for the next one.
public struct Inheritance: Sendable {
    /// Where the cluster stands.
    public var head: Head
    /// Names what people say; see ``Store/configuration()``.
    public var configurationVersion: String
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
        /// See ``Store/configurationVersion()``.
        public var version: String
        /// Of every manifest the version in force.
        public var manifests: [StoredManifest]
        /// The cluster's switch.
        public var control: Switch
        /// Pauses in force.
        public var pauses: [Pause]
        /// Overrides in force.
        public var overrides: [Override]
        /// What second persons said of changes that wait for them.
        public var approvals: [Approval]
    }

    /// What is in force, in one round trip.
    public func configuration() async throws -> Configuration {
        // Its version first: of what changes after that has been read, the next look finds another version.
        let (version, manifests, control, pauses, overrides, approvals) = try await self.run(
            self.configurationVersionRead, self.manifestsRead(), self.switchRead, self.pausesRead, self.overridesRead, self.approvalsRead)
        return Configuration(version: version, manifests: manifests, control: control, pauses: pauses, overrides: overrides, approvals: approvals)
    }

    /// All that a new leader goes on from but what people say, in one round trip.
    /// - Parameter maximumOpen: of the open actions, the newest so many.
    public func inheritance(maximumOpen: Int) async throws -> Inheritance {
        let (head, version, memory, regions, open, sentences, failed, rolledBack) = try await self.run(
            self.headRead, self.configurationVersionRead, self.memoryRead, self.regionStatesRead,
            self.actionsRead(ActionFilter(open: true, limit: maximumOpen)), self.openSentencesRead, self.failedRead, self.rolledBackRead)
        return Inheritance(
            head: head, configurationVersion: version, memory: memory, regions: regions, open: open, sentences: sentences, failed: failed,
            rolledBack: rolledBack)
    }

    /// Lets a session of the pool be ready for ``inheritance(maximumOpen:)``: the server's first look at each table would otherwise be part of a takeover.
    public func prepareInheritance(maximumOpen: Int) async throws {
        let statements = [
            self.headRead.statement, self.configurationVersionRead.statement, self.memoryRead.statement, self.regionStatesRead.statement,
            self.actionsRead(ActionFilter(open: true, limit: maximumOpen)).statement, self.openSentencesRead.statement, self.failedRead.statement,
            self.rolledBackRead.statement,
        ]
        try await self.pool.withConnection(deadline: Self.readDeadline) { connection in
            try await connection.prepare(statements.map(\.sql), deadline: Self.readDeadline)
        }
    }

    /// What a leader's commits consist of, for the session that carries them.
    public static var leaderStatements: [String] { WriteSQL.ofLeader }
}
