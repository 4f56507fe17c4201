public import Model

/// What a node says of itself in each ping and ack. Measured by the node that says it, so each figure is as old as the message.
public struct NodeFacts: Sendable, Hashable {
    /// What the node does in the election.
    public enum Role: String, Sendable, Hashable, CaseIterable {
        case leader, follower, starting, stopping
        /// A role that this version does not know.
        case unknown
    }

    /// The node's own view of Postgres.
    public struct Postgres: Sendable, Hashable {
        /// Whether it reaches the database.
        public var reachable: Bool
        /// Of the last statement that was answered, in microseconds; nil before the first.
        public var roundTripMicroseconds: Int64?
        /// How long ago that was, in milliseconds; nil before the first.
        public var lastAnswerAgeMilliseconds: Int64?

        public init(reachable: Bool, roundTripMicroseconds: Int64? = nil, lastAnswerAgeMilliseconds: Int64? = nil) {
            self.reachable = reachable
            self.roundTripMicroseconds = roundTripMicroseconds
            self.lastAnswerAgeMilliseconds = lastAnswerAgeMilliseconds
        }
    }

    /// A peer that the node holds for suspect or failed, in the incarnation in which it does so.
    public struct Suspect: Sendable, Hashable {
        /// Its name.
        public var node: String
        /// A higher one of the node refutes it.
        public var incarnation: UInt64

        public init(node: String, incarnation: UInt64) {
            self.node = node
            self.incarnation = incarnation
        }
    }

    /// What it does in the election at this moment.
    public var role: Role
    /// The highest epoch that the node knows, and its timeline.
    public var epochSeen: Epoch
    /// Of the Postgres server that granted that epoch; it rises when a standby is promoted.
    public var timelineSeen: Int32
    /// Who leads, as far as the node knows.
    public var leaderSeen: String?
    /// Muster's version.
    public var version: String
    /// What it sees of Postgres, by its own connections.
    public var postgres: Postgres
    /// How late the node's event loop runs, in milliseconds.
    public var loopLagMilliseconds: Int64
    /// When the node's certificate ends, in seconds since 1970; nil without one.
    public var certificateNotAfter: Int64?
    /// When the process started, by its wall clock.
    public var started: WallTime
    /// Lifeguard's local health multiplier, 0 (well)...8. Filled in by ``MembershipMachine``.
    public var localHealth: Int
    /// Filled in by ``MembershipMachine``; at most ``PeerMessage/maximumSuspects``.
    public var suspects: [Suspect]

    public init(
        role: Role, epochSeen: Epoch = Epoch(0), timelineSeen: Int32 = 0, leaderSeen: String? = nil, version: String, postgres: Postgres,
        loopLagMilliseconds: Int64 = 0, certificateNotAfter: Int64? = nil, started: WallTime, localHealth: Int = 0, suspects: [Suspect] = []
    ) {
        self.role = role
        self.epochSeen = epochSeen
        self.timelineSeen = timelineSeen
        self.leaderSeen = leaderSeen
        self.version = version
        self.postgres = postgres
        self.loopLagMilliseconds = loopLagMilliseconds
        self.certificateNotAfter = certificateNotAfter
        self.started = started
        self.localHealth = localHealth
        self.suspects = suspects
    }
}
