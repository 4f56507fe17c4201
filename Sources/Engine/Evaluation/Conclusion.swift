public import Model

/// What one evaluation concluded, without its words.
public struct Conclusion: Sendable, Hashable {
    /// Which way it goes.
    public var kind: Decision.Kind
    /// −1: it was not observed.
    public var from: Int
    /// Replicas that are asked for, or would be where it does not act; −1: it was not observed.
    public var to: Int
    /// What the rules want before limits; −1: it was not observed.
    public var wanted: Int
    /// Whether the change is carried out.
    public var acted: Bool
    /// Whether the emergency's condition holds.
    public var isEmergency: Bool
    /// Why, by kind.
    public var reasons: ReasonSet
    /// Which metrics gave no reading, an old one, or one that is doubted: one bit each, of the first 64.
    public var missing: UInt64
    /// Metrics with an old reading, likewise.
    public var stale: UInt64
    /// Metrics with a reading that is doubted, likewise.
    public var doubted: UInt64
    /// Which guards take effect now: one bit each, of the first 64.
    public var guards: UInt64
    /// The rule whose proposal became the number; −1: none.
    public var driving: Int
    /// How the change before the last turned out, where that was seen now.
    public var judged: ChangeOutcome?
    /// Of what the reasons name beyond their kind: rules and what they want, bounds and where they come from. 0 for a quiet one.
    var signature: UInt64 = 0

    /// Nothing is to be done, and nobody would ask why: the workload was seen, keeps its size, and that is the ordinary course of its rules.
    public var isQuiet: Bool {
        self.kind == .held && !self.acted && self.from >= 0 && self.guards == 0 && !self.reasons.isNotable && !self.reasons.contains(.inFlight)
    }

    /// Whether both would be told with the same reasons and the same result. Times and readings may differ.
    public func tellsTheSame(as other: Conclusion) -> Bool {
        self.kind == other.kind && self.from == other.from && self.to == other.to && self.acted == other.acted && self.reasons == other.reasons
            && self.missing == other.missing && self.stale == other.stale && self.doubted == other.doubted && self.guards == other.guards
            && self.driving == other.driving && self.isEmergency == other.isEmergency && self.signature == other.signature
    }
}

/// Whether a change did what it was made for, seen one start-up and one window later.
public enum ChangeOutcome: String, Sendable, Hashable, CaseIterable {
    /// The metric that drove it moved towards its target.
    case improved
    case unchanged
    /// It moved away.
    case worse
}

/// Kinds of reasons, as a set.
public struct ReasonSet: OptionSet, Sendable, Hashable {
    /// One bit for each kind.
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    static let rule = Self(rawValue: 1 << 0)
    static let withinTolerance = Self(rawValue: 1 << 1)
    static let cooldown = Self(rawValue: 1 << 2)
    static let atMin = Self(rawValue: 1 << 3)
    static let atMax = Self(rawValue: 1 << 4)
    static let emergency = Self(rawValue: 1 << 5)
    static let lacking = Self(rawValue: 1 << 6)
    static let sustaining = Self(rawValue: 1 << 7)
    static let unobserved = Self(rawValue: 1 << 8)
    static let inFlight = Self(rawValue: 1 << 9)
    static let paused = Self(rawValue: 1 << 10)
    static let override = Self(rawValue: 1 << 11)
    static let mode = Self(rawValue: 1 << 12)
    static let disabled = Self(rawValue: 1 << 13)
    static let stabilized = Self(rawValue: 1 << 14)
    static let rateLimited = Self(rawValue: 1 << 15)
    static let schedule = Self(rawValue: 1 << 16)
    static let inboundFloor = Self(rawValue: 1 << 17)
    static let failoverFloor = Self(rawValue: 1 << 18)
    static let regionDown = Self(rawValue: 1 << 19)
    static let frozen = Self(rawValue: 1 << 20)
    static let awaitingApproval = Self(rawValue: 1 << 21)
    static let off = Self(rawValue: 1 << 22)

    /// Those that an auditor would ask about even where nothing changes.
    static let notable: Self = [
        .lacking, .unobserved, .paused, .override, .off, .disabled, .emergency, .inboundFloor, .failoverFloor, .regionDown, .frozen, .awaitingApproval,
    ]
    /// Whether an auditor would ask about any of them even where nothing changes.
    public var isNotable: Bool { !self.isDisjoint(with: .notable) }
}
