/// One number about one workload, as a source gave it.
public struct Sample: Sendable, Hashable {
    /// The number.
    public var value: Quantity
    /// The platform's own sample time if it gives one, else when it was asked for.
    public var at: WallTime
    public init(value: Quantity, at: WallTime) {
        self.value = value
        self.at = at
    }
}

/// A source's answer about one workload. A source never invents a number: absent is never 0.
public enum ReadingAnswer: Sendable, Hashable {
    case value(Sample)
    /// `evidence` is what the source did answer, scrubbed of secrets and cut.
    case missing(MissingReason, evidence: String)

    /// The most of an answer that is kept as evidence, in bytes: enough to see what is wrong, small enough for every decision to carry it.
    public static var maximumEvidence: Int { 2048 }
}

/// Why there is no number.
public enum MissingReason: String, Sendable, Hashable, CaseIterable {
    /// No row, no series.
    case absent
    case null
    case nonFinite = "non-finite"
    case unparsable
    /// More than one answer where one was asked for.
    case ambiguous
    case partial
    /// A sample time too far ahead of ours.
    case clock
    case timeout
    case unreachable
    case unauthorized
    case refused
    case overloaded
    /// A secret, file or program that the node's configuration should have provided.
    case misconfigured
}

/// How far a reading can be trusted.
public enum Quality: String, Sendable, Hashable, CaseIterable {
    case fresh
    /// Older than the metric's `maxAge`: may raise, never lower.
    case stale
    /// It fell faster than it can be believed: may raise, never lower.
    case doubted
    case missing
}

/// What the engine made of the samples of one metric.
public struct Reading: Sendable, Hashable {
    /// Its name.
    public var metric: String
    /// The number that rules go by; nil where there is none.
    public var value: Quantity?
    /// Of the metric, for people.
    public var unit: String?
    /// How far it can be trusted.
    public var quality: Quality
    /// Since the newest sample; nil when there never was one.
    public var age: Duration?
    /// Of the metric: beyond this age it is stale.
    public var maxAge: Duration
    /// `1m avg`; nil for the newest sample as it is.
    public var window: String?
    /// The source's kind.
    public var source: String
    /// Why it is missing, and what the source did answer.
    public var missing: MissingReason?
    /// What the source did answer, or what speaks against the value, scrubbed and cut.
    public var evidence: String?
    /// The rule's target and the reading's ratio to it, when one rule names them.
    public var target: Quantity?
    /// Of the value to the target, for the present size where the target is a replica's.
    public var ratio: Quantity?

    public init(
        metric: String, value: Quantity? = nil, unit: String? = nil, quality: Quality, age: Duration? = nil, maxAge: Duration, window: String? = nil,
        source: String, missing: MissingReason? = nil, evidence: String? = nil, target: Quantity? = nil, ratio: Quantity? = nil
    ) {
        self.metric = metric
        self.value = value
        self.unit = unit
        self.quality = quality
        self.age = age
        self.maxAge = maxAge
        self.window = window
        self.source = source
        self.missing = missing
        self.evidence = evidence
        self.target = target
        self.ratio = ratio
    }
}

/// What a driver sees of one workload.
public enum Observation: Sendable, Hashable {
    /// `desired` is what the platform is asked to run, `current` what exists, `ready` what serves.
    case seen(desired: Int, current: Int, ready: Int, version: String?)
    case gone
    /// It could not be seen. Never 0.
    case unseen(DriverError)
}

/// What went wrong at a platform, in words for an operator.
public struct DriverError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Dotted, stable: `exec.timeout`, `exec.exit`, `exec.output`.
    public var code: String
    /// What is wrong, in words for an operator.
    public var message: String
    /// The program's or platform's own words, scrubbed and cut.
    public var evidence: String?
    public init(code: String, message: String, evidence: String? = nil) {
        self.code = code
        self.message = message
        self.evidence = evidence
    }
    public var description: String { self.message }
}
