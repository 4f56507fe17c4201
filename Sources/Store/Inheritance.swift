public import Model
internal import Postgres

/// What the leaders before left for the next one.
public struct Inheritance: Sendable {
    /// Where the cluster stands.
    public var head: Head
    /// Names what there was when it was read; see ``Store/inheritanceVersion(cluster:shard:)``.
    public var version: String?
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
        try await self.runAll(self.inheritanceReads(maximumOpen: maximumOpen))
    }

    private func inheritanceReads(maximumOpen: Int) -> Reads<Inheritance> {
        // The versions first: what changes behind them makes them old ones, and what was read is not taken for more than it is.
        Reads(
            self.inheritanceVersionRead, self.headRead, self.configurationVersionRead, self.memoryRead, self.regionStatesRead,
            self.actionsRead(ActionFilter(open: true, limit: maximumOpen)), self.openSentencesRead, self.failedRead, self.rolledBackRead
        ) { version, head, configurationVersion, memory, regions, open, sentences, failed, rolledBack in
            Inheritance(
                head: head, version: version, configurationVersion: configurationVersion, memory: memory, regions: regions, open: open, sentences: sentences,
                failed: failed, rolledBack: rolledBack)
        }
    }

    /// An SQL expression that names all of what ``inheritance(maximumOpen:)`` reads, and the configuration: where its value is the same, so are they.
    /// Everything that a leader leaves is told in the log, whose root names it, or lies in the pages of its memory. NULL before the first page.
    /// - Parameters: `cluster` and `shard` are SQL expressions for the names of these.
    public static func inheritanceVersion(cluster: String, shard: String) -> String {
        """
        (SELECT encode(t.root, 'hex') || ' ' || m.version || ' ' || c.version
         FROM muster.audit_tree t, muster.memory_version m, muster.configuration c
         WHERE t.origin = \(cluster) || '\(Self.originSuffix)' AND m.shard = \(shard))
        """
    }

    /// What ``inheritance(maximumOpen:)`` would say its version is.
    public func inheritanceVersion() async throws -> String? { try await self.run(self.inheritanceVersionRead) }

    /// What ``inheritance(maximumOpen:)`` would say its version is, and how many bytes of memory it would read; in one round trip.
    public func inheritanceVersionAndSize() async throws -> (version: String?, size: Int) {
        let size = Read("SELECT coalesce(sum(octet_length(body)), 0)::int8 AS size FROM muster.memory_page WHERE shard = $1", [.text(self.shard)]) {
            Int(try $0.one()["size"].int())
        }
        return try await self.run(self.inheritanceVersionRead, size)
    }

    private var inheritanceVersionRead: Read<String?> {
        Read("SELECT \(Self.inheritanceVersion(cluster: "$1::text", shard: "$2")) AS version", [.text(self.cluster), .text(self.shard)]) {
            try $0.one()["version"].text
        }
    }

    /// Lets a session of the pool be ready for ``inheritance(maximumOpen:)``: the server's first look at each table would otherwise be part of a takeover.
    public func prepareInheritance(maximumOpen: Int) async throws {
        let statements = self.inheritanceReads(maximumOpen: maximumOpen).statements
        try await self.pool.withConnection(deadline: Self.readDeadline) { connection in
            try await connection.prepare(statements.map(\.sql), deadline: Self.readDeadline)
        }
    }

    /// What a leader's commits consist of, for the session that carries them.
    public static var leaderStatements: [String] { WriteSQL.ofLeader }
}
