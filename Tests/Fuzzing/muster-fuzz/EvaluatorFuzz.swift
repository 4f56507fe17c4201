import Engine
import Model

/// The evaluator: a policy and a life under it, made from the fuzzer's bytes; or, when they begin with “{”, cases as `muster conformance` reads them.
///
/// Whatever happens, an evaluation ends with a decision that acts only within min and max, and with a memory that is the same after being written and
/// read; what is done in silence is what the story tells, and what is remembered in place is what is written down. What it yields to others is within
/// its bounds.
enum EvaluatorFuzz {
    private static let names = ["a", "b", "c"]
    /// Evaluations of one life: enough to fill windows and to run cooldowns out.
    private static let longestLife = 24

    static func run(_ data: UnsafeBufferPointer<UInt8>) {
        if data.first == UInt8(ascii: "{") { return Self.cases(data) }
        var choices = Choices(data)
        let policy = Self.policy(&choices)
        if choices.chance(50) { Self.live(policy, &choices) } else { Self.liveTwice(policy, &choices) }
    }

    /// A file of cases may say anything; it must not stop the program.
    private static func cases(_ data: UnsafeBufferPointer<UInt8>) {
        guard let json = try? JSON(parsing: data) else { return }
        _ = try? Conformance.run(json, arithmetic: .hpa)
        _ = try? Conformance.run(json, arithmetic: .exact)
    }

    // MARK: Lives

    /// Everything that can happen to one workload: with the story from what is written down, and in silence from facts that stay in place.
    private static func live(_ policy: Policy, _ choices: inout Choices) {
        let program = Program(policy, reference: Self.reference), scratch = Scratch()
        var now = WallTime(microseconds: 1_780_000_000_000_000)
        var desired = choices.int(0...12)
        var memory = Memory(), facts = Facts(Memory())
        for _ in 0..<Self.longestLife where !choices.isEmpty {
            now = choices.chance(3) ? WallTime(microseconds: choices.pick([.min, .max, 0, -1])) : Self.later(now, &choices)
            let input = Self.input(program, desired, now, memory, &choices)
            let evaluation = Engine.evaluate(input)
            Self.check(input, evaluation)
            let silent = Engine.conclude(input, on: &facts, in: scratch)
            Self.check(silent, evaluation)
            require(facts.memory == evaluation.memory, "facts in place: \(facts.memory.json.text), in words: \(evaluation.memory.json.text)")
            memory = evaluation.memory
            for index in evaluation.guards where policy.guards[index].effect == .restart && choices.chance(50) {
                memory.holdBack(policy.guards[index], before: input.memory)
                facts = Facts(memory)
            }
            guard evaluation.decision.acted, let from = evaluation.decision.from, var to = evaluation.decision.to else { continue }
            if choices.chance(20) {
                // A ceiling cuts the change, or takes all of it.
                to = min(from, to) + choices.int(0...abs(to - from))
                memory.amend(to: to, from: from, before: input.memory, under: policy, at: now)
                facts = Facts(memory)
            }
            desired = min(max(to, 0), 2000)
        }
    }

    /// A workload that is always seen and always has readings, with the story and in silence.
    private static func liveTwice(_ policy: Policy, _ choices: inout Choices) {
        let fleet = FleetEngine(policies: [policy], workloads: [0])
        let shard = FleetEngine.Shard(of: fleet)
        var now = WallTime(microseconds: 1_780_000_000_000_000)
        var desired = choices.int(0...12)
        var memory = Memory()
        for _ in 0..<Self.longestLife where !choices.isEmpty {
            now = Self.later(now, &choices)
            let values = Self.names.map { _ in Self.quantity(&choices) }
            let answers = Dictionary(uniqueKeysWithValues: zip(Self.names, values.map { ReadingAnswer.value(Sample(value: $0, at: now)) }))
            let input = EvaluationInput(
                workload: Self.workload, program: Program(policy, reference: Self.reference),
                observation: .seen(desired: desired, current: desired, ready: desired, version: nil), answers: answers, now: now, memory: memory)
            let told = Engine.evaluate(input)
            Self.check(input, told)
            var silent: Conclusion?
            let sizes = [Int32(desired)]
            sizes.withUnsafeBufferPointer { sizes in
                values.map(\.milli).withUnsafeBufferPointer { values in
                    guard let sizes = sizes.baseAddress, let values = values.baseAddress else { return }
                    shard.evaluate(0..<1, FleetEngine.Readings(sizes: sizes, values: values, metrics: Self.names.count), at: now) { silent = $1 }
                }
            }
            guard let silent else { fatalError("no conclusion") }
            Self.check(silent, told)
            let kept = fleet.memory(of: 0, at: now)
            require(kept == told.memory, "silence remembers \(kept.json.text), the story \(told.memory.json.text): \(told.decision.sentence)")
            memory = told.memory
            if told.decision.acted, let to = told.decision.to { desired = min(max(to, 0), 2000) }
        }
    }

    private static func check(_ silent: Conclusion, _ told: Evaluation) {
        let decision = told.decision
        require(silent.kind == decision.kind && silent.acted == decision.acted, "silence and story differ: \(decision.sentence)")
        require(silent.from == decision.from ?? -1 && silent.to == decision.to ?? -1, "silence and story differ: \(decision.sentence)")
        require(silent.guards == told.guards.reduce(0) { $0 | 1 << UInt64($1) }, "silence and story have other guards: \(decision.sentence)")
    }

    private static func check(_ input: EvaluationInput, _ evaluation: Evaluation) {
        let decision = evaluation.decision
        let lowest = input.schedule.min?.replicas ?? input.policy.minReplicas
        let highest = max(lowest, input.schedule.max?.replicas ?? input.policy.maxReplicas)
        if decision.acted {
            guard let to = decision.to else { fatalError("acts without a size: \(decision.sentence)") }
            require((lowest...highest).contains(to), "acts outside \(lowest)...\(highest): \(decision.sentence)")
            require(to != decision.from && input.enabled && input.inFlight == nil, "acts against a gate: \(decision.sentence)")
        }
        if let yield = Engine.yield(input) {
            let least = Engine.lowest(input.policy, schedule: input.schedule, floors: input.floors, at: input.now)
            require(least <= yield.atOnce && yield.atOnce <= yield.gently, "yields below \(least): \(yield)")
            require(yield.atOnce < decision.from ?? .min && yield.gently <= decision.from ?? .min, "yields more than runs: \(yield)")
        }
        require(!decision.reasons.isEmpty && !decision.sentence.isEmpty, "no reason: \(decision.sentence)")
        let bytes = evaluation.memory.json.canonical()
        require(bytes.count <= Memory.maximumBytes(for: input.policy), "a memory of \(bytes.count) bytes")
        var writer = PackedWriter()
        evaluation.memory.write(to: &writer, after: input.now)
        var reader = PackedReader(writer.bytes)
        do {
            require(try Memory(json: JSON(parsing: bytes)) == evaluation.memory, "the memory differs after being written and read")
            let unpacked = try Memory(from: &reader, after: input.now)
            require(unpacked == evaluation.memory && reader.isAtEnd, "the memory differs after being packed and unpacked")
        } catch { fatalError("the memory can't be read: \(error)") }
    }

    // MARK: What is chosen

    private static let workload = Workload(id: WorkloadID(service: "transcode", region: "eu-west"))
    private static let reference = Decision.PolicyReference(name: "transcode", version: 7, sha256: "ab12")

    private static func later(_ now: WallTime, _ choices: inout Choices) -> WallTime {
        // Within the week in which a fleet has to be evaluated again.
        if choices.chance(3) { return now + .seconds(choices.pick([1, -1]) * 9 * choices.int(0...65_535)) }
        return now + .seconds(choices.chance(5) ? -choices.int(0...200) : choices.int(0...60))
    }

    private static func quantity(_ choices: inout Choices) -> Quantity {
        if choices.chance(15) { return Quantity(milli: choices.pick([0, 1, -1, .min, .max, .max - 1, 1000, 999])) }
        return Quantity(milli: Int64(choices.int(0...65_535)) * Int64(choices.pick([1, 10, 1000])))
    }

    private static func answer(_ now: WallTime, _ choices: inout Choices) -> ReadingAnswer {
        if choices.chance(10) { return .missing(choices.pick(MissingReason.allCases), evidence: "x") }
        let age = choices.chance(20) ? choices.int(0...600) - 60 : 0
        return .value(Sample(value: Self.quantity(&choices), at: now - .seconds(age)))
    }

    private static func input(_ program: Program, _ desired: Int, _ now: WallTime, _ memory: Memory, _ choices: inout Choices) -> EvaluationInput {
        var answers: [String: ReadingAnswer] = [:]
        for name in Self.names where !choices.chance(15) { answers[name] = Self.answer(now, &choices) }
        let sizes = [Int.min, -1, 0, 1, Int.max]
        var input = EvaluationInput(
            workload: Self.workload, program: program,
            observation: choices.chance(5)
                ? choices.pick([.gone, .seen(desired: choices.pick(sizes), current: choices.pick(sizes), ready: choices.pick(sizes), version: nil)])
                : .seen(desired: desired, current: desired, ready: choices.int(0...12), version: nil), answers: answers, now: now, memory: memory)
        guard choices.chance(40) else { return input }
        let until = now + .seconds(60)
        if choices.chance(15) { input.enabled = false }
        if choices.chance(15) { input.inFlight = "a-1" }
        if choices.chance(20) { input.isRegionDown = true }
        if choices.chance(20) { input.approved = choices.int(0...40) }
        if choices.chance(20) { input.schedule.min = .init(replicas: choices.int(0...20), until: until) }
        if choices.chance(20) { input.schedule.max = .init(replicas: choices.int(0...20), until: until) }
        if choices.chance(10) { input.schedule.freeze = .init(reason: "x", until: until) }
        if choices.chance(20) { input.floors.inbound = .init(replicas: choices.int(0...40), by: "x", until: until) }
        if choices.chance(20) { input.floors.failover = .init(replicas: choices.pick([0, 5, 40, .max]), region: "y") }
        if choices.chance(20) { input.doubts.correlatedDrops = ["a"] }
        if choices.chance(20) { input.doubts.unhealthy = ["a"] }
        if choices.chance(20) { input.doubts.accepted = ["a"] }
        if choices.chance(20) { input.secondaries["a"] = Self.answer(now, &choices) }
        if choices.chance(20) {
            input.pauses = [
                Pause(id: 1, scope: .all, direction: choices.pick(Pause.Direction.allCases), owner: "anna", reason: "sale", since: now, until: until)
            ]
        }
        if choices.chance(15) {
            input.override = Override(
                workload: Self.workload.id, replicas: choices.int(0...60) - 5, owner: "anna", reason: "sale", since: now, until: until)
        }
        return input
    }
}
