internal import Engine
public import Model

/// What a workload's last evaluation left for the arbiter: what it wants beyond what it has, and whether it knew enough to be lowered for others.
///
/// A claim that could not be served stands until the workload is evaluated again, so that room made for it does not go to whoever is evaluated first.
public struct Standing: Sendable, Hashable {
    /// What it would have without ceilings; nil when it has that.
    public var wants: Int?
    /// Whether its claim is an emergency's, which others' rates and cooldowns do not keep waiting.
    public var isUrgent: Bool
    /// A reading that it decides by is missing, stale or doubted, or the workload was not seen.
    public var isBlind: Bool
    /// Replicas that are asked for after it.
    public var size: Int?
    /// What the rules want; nil when it was not seen.
    public var need: Int?
    /// When it was evaluated, in cluster time.
    public var at: WallTime

    /// Evaluations that may be missed before nobody keeps room for the claim any more.
    static let missedEvaluations = 3

    /// What an evaluation that is told left; a claim is what a ceiling or a change under way kept it from.
    public init(after decision: Decision) {
        let denied = decision.steps.last { step in
            switch step.reason {
            case .budgetDenied?, .outranked?, .inFlight?: step.input > step.output
            default: false
            }
        }
        self.wants = denied?.input
        self.isUrgent = decision.reasons.contains(.emergency)
        self.isBlind = decision.reasons.contains { reason in
            switch reason {
            case .missing, .stale, .doubted, .unobserved: true
            default: false
            }
        }
        self.size = decision.acted ? decision.to : decision.from
        self.need = decision.wanted
        self.at = decision.at
    }

    /// After an evaluation that left things as they are, for want of anything to say.
    init(quiet conclusion: Conclusion, at now: WallTime) {
        self.init(wants: nil, isUrgent: false, isBlind: false, size: conclusion.from, need: conclusion.wanted, at: now)
    }

    init(wants: Int?, isUrgent: Bool, isBlind: Bool, size: Int?, need: Int?, at: WallTime) {
        self.wants = wants
        self.isUrgent = isUrgent
        self.isBlind = isBlind
        self.size = size
        self.need = need
        self.at = at
    }

    /// Its claim, while it stands.
    func claim(every: Duration, at now: WallTime) -> Int? {
        now < self.at + every * Self.missedEvaluations ? self.wants : nil
    }
}
