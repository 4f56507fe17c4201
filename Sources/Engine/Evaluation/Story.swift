import Model

/// Where an evaluation says what it does. There are two: ``Silence`` for the many that nobody will read, and ``Story`` for
/// those that become a ``Decision``. The evaluation is one piece of code for both, so that what is told is what was done.
protocol EvaluationLog {
    /// A rule's arithmetic, and its part of the sentence, in the order of the rules.
    func opinion(because: @autoclosure () -> String, clause: @autoclosure () -> String)
    /// The rules are asked anew.
    func forgetOpinions()
    func step(_ name: Decision.Step.Name, from: Int, to: Int, _ text: @autoclosure () -> String?, _ reason: @autoclosure () -> Reason?)
    func because(_ reason: @autoclosure () -> Reason)
    func clause(_ text: @autoclosure () -> String)
    func clause(ofOpinion index: Int, prefix: String)
    func obstacle(_ text: @autoclosure () -> String)
}

extension EvaluationLog {
    func step(_ name: Decision.Step.Name, from: Int, to: Int) { self.step(name, from: from, to: to, nil, nil) }
    func opinion(_ words: @autoclosure () -> String) { self.opinion(because: words(), clause: words()) }
}

struct Silence: EvaluationLog {
    @inline(__always) func opinion(because: @autoclosure () -> String, clause: @autoclosure () -> String) {}
    @inline(__always) func forgetOpinions() {}
    @inline(__always)
    func step(_ name: Decision.Step.Name, from: Int, to: Int, _ text: @autoclosure () -> String?, _ reason: @autoclosure () -> Reason?) {}
    @inline(__always) func because(_ reason: @autoclosure () -> Reason) {}
    @inline(__always) func clause(_ text: @autoclosure () -> String) {}
    @inline(__always) func clause(ofOpinion index: Int, prefix: String) {}
    @inline(__always) func obstacle(_ text: @autoclosure () -> String) {}
}

final class Story: EvaluationLog {
    private(set) var opinions: [(because: String, clause: String)] = []
    private(set) var steps: [Decision.Step] = []
    /// Each once, in the order of the ladder.
    private(set) var reasons: [Reason] = []
    /// The sentence's parts before its result.
    private(set) var clauses: [String] = []
    /// Why the change is not carried out, in words; empty when it is.
    private(set) var obstacles: [String] = []

    func opinion(because: @autoclosure () -> String, clause: @autoclosure () -> String) { self.opinions.append((because(), clause())) }
    func forgetOpinions() { self.opinions = [] }
    func step(_ name: Decision.Step.Name, from: Int, to: Int, _ text: @autoclosure () -> String?, _ reason: @autoclosure () -> Reason?) {
        let reason = reason()
        self.steps.append(Decision.Step(name, input: from, output: to, text: text(), reason: reason))
        if let reason { self.because(reason) }
    }
    func because(_ reason: @autoclosure () -> Reason) {
        let reason = reason()
        if !self.reasons.contains(reason) { self.reasons.append(reason) }
    }
    /// Said once, whoever says it.
    func clause(_ text: @autoclosure () -> String) {
        let text = text()
        if !self.clauses.contains(text) { self.clauses.append(text) }
    }
    func clause(ofOpinion index: Int, prefix: String) { self.clause(prefix + self.opinions[index].clause) }
    func obstacle(_ text: @autoclosure () -> String) { self.obstacles.append(text()) }
}

/// The names and words of one evaluation, for its story.
final class Scene {
    let workload: WorkloadID
    let observation: Observation
    /// By metric: what the source answered instead of a number.
    let evidence: [String]
    let pauses: [Pause]
    let override: Override?
    let inFlight: String?
    let floors: EvaluationInput.Floors
    let schedule: EvaluationInput.Schedule

    init(_ input: EvaluationInput) {
        self.workload = input.workload.id
        self.observation = input.observation
        self.evidence = input.program.distinctMetrics.map { metric in
            if case .missing(_, let evidence)? = input.answers[metric.name] { evidence } else { "" }
        }
        self.pauses = input.pauses
        self.override = input.override
        self.inFlight = input.inFlight
        self.floors = input.floors
        self.schedule = input.schedule
    }
}
