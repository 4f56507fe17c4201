/// A guard of a policy tells somebody that its condition holds.
public struct GuardNotice: Sendable, Hashable {
    /// Its place among the policy's guards, from 0.
    public var place: Int
    /// As the guard's `notify` says.
    public var severity: Policy.Guard.Severity
    /// The condition's text.
    public var when: String
    /// How long it has held at least.
    public var sustained: Duration
    /// What keeps the guard from restarting the workload; nil: telling is all that it does.
    public var held: RestartHold?
    /// One sentence, with the readings that the condition names.
    public var sentence: String

    public init(place: Int, severity: Policy.Guard.Severity, when: String, sustained: Duration, held: RestartHold? = nil, sentence: String) {
        self.place = place
        self.severity = severity
        self.when = when
        self.sustained = sustained
        self.held = held
        self.sentence = sentence
    }
}
