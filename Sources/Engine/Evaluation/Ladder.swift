import Model

/// How far an evaluation has come.
struct Climb {
    /// The replicas at the present rung.
    var number = 0
    /// What the rules want before limits.
    var wanted = 0
    /// Schedules and floors move them.
    var lowest = 0
    var highest = 0
    /// At least this many, past windows, rates and cooldowns, while the emergency's condition holds; −1: it does not.
    var emergencyFloor = -1
    /// What the rules want may enter the log of recommendations.
    var isRecommendation = false
    /// The rule whose proposal became the combined number; −1: none.
    var driving = -1
    var reasons: ReasonSet = []
    var isHeldBack = false
    /// How good the readings were that no rule could go by: others may have taken their place since.
    var lacks: UInt64 = 0
}

/// The climb from what runs to what is decided. Each rung may change the number, and says why.
///
/// It changes nothing of itself, only what it points to, so that words can be made where a number is.
struct Ladder<Log: EvaluationLog> {
    let program: Program
    var situation: Situation
    var cells: Cells
    let scratch: Scratch
    /// In the story only.
    let scene: Scene?
    let log: Log

    var current: Int { self.situation.asked }
    var now: Int64 { self.situation.now }
    var policy: Policy { self.program.policy }

    init(_ program: Program, _ situation: Situation, _ cells: Cells, _ scratch: Scratch, scene: Scene?, log: Log) {
        self.program = program
        self.situation = situation
        self.cells = cells
        self.scratch = scratch
        self.scene = scene
        self.log = log
    }

    /// In the order of the policy paper's steps. A forecast belongs behind combining; ceilings over several workloads come behind all of it.
    func climb() -> Conclusion {
        self.scratch.climb.pointee = Climb(
            number: self.situation.asked, wanted: self.situation.asked, lowest: self.program.minReplicas, highest: self.program.maxReplicas)
        self.read()
        self.forget()
        let guards = self.watchGuards()
        guard self.situation.sight == .seen else { return self.unobserved(guards) }
        self.propose()
        let judged = self.judge()
        self.combine()
        self.moveBounds()
        self.noticeEmergency()
        self.stabilize()
        self.limitRate()
        self.cool()
        self.clamp()
        self.followOverride()
        self.passGates()
        return self.conclude(guards, judged)
    }

    /// Goes to `output` and records the rung.
    @inline(__always)
    func step(
        _ name: Decision.Step.Name, to output: Int, _ kind: ReasonSet = [], _ reason: @autoclosure () -> Reason? = nil,
        _ text: @autoclosure () -> String? = nil
    ) {
        self.log.step(name, from: self.number, to: output, text(), reason())
        self.reasons.formUnion(kind)
        self.number = output
    }

    @inline(__always)
    func because(_ kind: ReasonSet, _ reason: @autoclosure () -> Reason) {
        self.reasons.formUnion(kind)
        self.log.because(reason())
    }

    func clamped(_ number: Int) -> Int { min(max(number, self.lowest), self.highest) }
    func clock(_ microseconds: Int64) -> String { Words.clock(WallTime(microseconds: microseconds), today: self.situation.time) }

    private func unobserved(_ guards: UInt64) -> Conclusion {
        self.signed(
            Conclusion(
                kind: .held, from: -1, to: -1, wanted: -1, acted: false, isEmergency: false, reasons: .unobserved, missing: self.qualities(.missing),
                stale: self.qualities(.stale), doubted: self.qualities(.doubted), guards: guards, driving: -1, judged: nil))
    }

    private func conclude(_ guards: UInt64, _ judged: ChangeOutcome?) -> Conclusion {
        let acted = self.number != self.current && !self.isHeldBack
        self.log.step(.decision, from: self.current, to: acted ? self.number : self.current)
        if self.reasons.isEmpty { self.because(.withinTolerance, .withinTolerance) }
        return self.signed(
            Conclusion(
                kind: self.number > self.current ? .up : self.number < self.current ? .down : .held, from: self.current, to: self.number, wanted: self.wanted,
                acted: acted, isEmergency: self.emergencyFloor >= 0, reasons: self.reasons, missing: self.qualities(.missing), stale: self.qualities(.stale),
                doubted: self.qualities(.doubted), guards: guards, driving: self.driving, judged: judged))
    }

    private func signed(_ conclusion: Conclusion) -> Conclusion {
        if conclusion.isQuiet { return conclusion }
        // FNV-1a over whole numbers: the same on every node.
        var signature: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ number: Int) { signature = (signature ^ UInt64(bitPattern: Int64(number))) &* 0x100_0000_01B3 }
        mix(Int(bitPattern: UInt(truncatingIfNeeded: self.scratch.climb.pointee.lacks)))
        func mix(_ quality: Quality?) { mix(quality.map { 1 + Int($0.bits) } ?? 0) }
        for index in 0..<self.program.rules.count where conclusion.from >= 0 {
            let opinion = self.scratch.opinions[index]
            mix(opinion.replicas)
            mix(opinion.lacks)
            mix(opinion.raisesOn)
            mix(opinion.sustainedUntil == .min ? 0 : 1)
        }
        for bound in [self.situation.schedule.minReplicas, self.situation.schedule.maxReplicas, self.situation.inboundFloor, self.situation.failoverFloor] {
            mix(bound)
        }
        var signed = conclusion
        signed.signature = signature
        return signed
    }

    private func qualities(_ quality: Quality) -> UInt64 {
        var bits: UInt64 = 0
        for index in 0..<min(self.program.metrics.count, 64) where self.scratch.readings[index].quality == quality { bits |= 1 << UInt64(index) }
        return bits
    }
}

extension Quality {
    var bits: UInt64 {
        switch self {
        case .fresh: 0
        case .stale: 1
        case .doubted: 2
        case .missing: 3
        }
    }
}

// MARK: - What the climb points to

extension Ladder {
    var number: Int {
        @inline(__always) get { self.scratch.climb.pointee.number }
        @inline(__always) nonmutating set { self.scratch.climb.pointee.number = newValue }
    }
    var wanted: Int {
        @inline(__always) get { self.scratch.climb.pointee.wanted }
        @inline(__always) nonmutating set { self.scratch.climb.pointee.wanted = newValue }
    }
    var lowest: Int {
        @inline(__always) get { self.scratch.climb.pointee.lowest }
        @inline(__always) nonmutating set { self.scratch.climb.pointee.lowest = newValue }
    }
    var highest: Int {
        @inline(__always) get { self.scratch.climb.pointee.highest }
        @inline(__always) nonmutating set { self.scratch.climb.pointee.highest = newValue }
    }
    var emergencyFloor: Int {
        @inline(__always) get { self.scratch.climb.pointee.emergencyFloor }
        @inline(__always) nonmutating set { self.scratch.climb.pointee.emergencyFloor = newValue }
    }
    var isRecommendation: Bool {
        @inline(__always) get { self.scratch.climb.pointee.isRecommendation }
        @inline(__always) nonmutating set { self.scratch.climb.pointee.isRecommendation = newValue }
    }
    var driving: Int {
        @inline(__always) get { self.scratch.climb.pointee.driving }
        @inline(__always) nonmutating set { self.scratch.climb.pointee.driving = newValue }
    }
    var reasons: ReasonSet {
        @inline(__always) get { self.scratch.climb.pointee.reasons }
        @inline(__always) nonmutating set { self.scratch.climb.pointee.reasons = newValue }
    }
    var isHeldBack: Bool {
        @inline(__always) get { self.scratch.climb.pointee.isHeldBack }
        @inline(__always) nonmutating set { self.scratch.climb.pointee.isHeldBack = newValue }
    }
}
