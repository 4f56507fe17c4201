import Model
import Testing

@testable import Engine

/// What is remembered of a workload, in place.
@Suite("Cells")
struct CellTests {
    private static let now: Int64 = 1_779_937_924_120

    /// A program with logs of three entries, of ten seconds each.
    private static func program(window: Int = 10, every: Int = 10) -> Program {
        var policy = Fixture([.averageValue("queue", 25)]).policy
        policy.evaluateEvery = .seconds(every)
        let rules = ScalingRules(stabilizationWindow: .seconds(window), policies: [RatePolicy(.replicas(4), period: .seconds(10))])
        policy.behavior = Behavior(scaleUp: rules, scaleDown: rules)
        return Program(policy)
    }
    private static func cells(_ program: Program, _ body: (Cells) -> Void) { Facts(Memory()).laid(program, at: WallTime(microseconds: Self.now * 1000), body) }
    private static func entries(_ cells: Cells, _ log: CountLog, _ place: CellLayout.Log, at now: Int64 = Self.now) -> [[Int64]] {
        cells.log(log, place, at: now).map { [Int64($0.replicas), $0.age] }
    }

    @Test("a workload has as many cells as its policy needs")
    func count() {
        func count(_ change: (inout Policy) -> Void = { _ in }) -> Int {
            var policy = Fixture([.averageValue("queue", 25)]).policy
            change(&policy)
            return Program(policy).cells.count
        }
        // A header of 7; of a metric how many samples there are, two for the last good one, two a sample.
        #expect(count() == 12)
        #expect(count { $0.plausible = Policy.Plausible(maxDrop: 60, per: .seconds(60)) } == 15)
        // Every 15 s for a minute, and two more.
        #expect(count { $0.metrics = [Fixture.metric("queue", window: .init(last: .seconds(60), aggregate: .avg))] } == 22)
        #expect(count { $0.metrics = [Fixture.metric("queue", window: .init(last: .microseconds(1), aggregate: .avg))] } == 14)
        #expect(count { $0.metrics = [Fixture.metric("queue", window: .init(last: .seconds(1_000_000), aggregate: .avg))] } == 10 + 2 * Memory.maximumSamples)
        #expect(
            count {
                $0.metrics = [Fixture.metric("queue", window: .init(last: .seconds(60), aggregate: .avg))]
                $0.evaluateEvery = .zero
            } == 10 + 2 * Memory.maximumSamples)
        // Recommendations of five minutes; changes of 15 s, each direction's.
        #expect(count { $0.arithmetic = .hpa } == 34)
        #expect(count { $0.behavior = Behavior() } == 40)
        #expect(count { ($0.behavior, $0.evaluateEvery) = (Behavior(), .milliseconds(1)) } == 12 + 3 * CellLayout.mostEntries)
        // Without a time between two evaluations it is the shortest.
        for every in [Duration.zero, .microseconds(1)] {
            #expect(
                count {
                    $0.metrics = [Fixture.metric("queue", window: .init(last: .microseconds(10), aggregate: .avg))]
                    $0.evaluateEvery = every
                } == 10 + 2 * 12)
            let rules = ScalingRules(stabilizationWindow: .milliseconds(10), policies: [RatePolicy(.replicas(1), period: .milliseconds(10))])
            #expect(count { ($0.behavior, $0.evaluateEvery) = (Behavior(scaleUp: rules, scaleDown: rules), every) } == 12 + 3 * 12)
        }
        // Rules with one condition share its beginning.
        let sustained = Rule.step("queue", above: 5, add: .replicas(1), below: 1, remove: .replicas(1), sustained: .seconds(9))
        #expect(count { $0.rules = [sustained, sustained] } == 14)
        #expect(count { $0.rules = [sustained, .step("queue", above: 6, add: .replicas(1), sustained: .seconds(9))] } == 15)
        let other = Rule.step("mail", above: 5, add: .replicas(1), below: 1, remove: .replicas(1), sustained: .seconds(9))
        #expect(count { $0.rules = [sustained, other] } == 16)
        #expect(count { $0.guards = [Policy.Guard(when: .above("queue", 5), effect: .restart, atMost: .init(count: 3, per: .seconds(60)))] } == 16)
        for (most, cells) in [(0, 14), (1, 14), (16, 29), (17, 29)] {
            #expect(
                count { $0.guards = [Policy.Guard(when: .above("queue", 5), effect: .restart, atMost: .init(count: most, per: .seconds(60)))] } == cells)
        }
    }

    @Test("where evaluations come sooner than the policy says, the oldest recommendations become one, and the larger still counts")
    func early() {
        var fixture = Fixture([.averageValue("queue", 1)], max: 1000)
        fixture.policy.evaluateEvery = .seconds(3600)
        fixture.policy.behavior = Behavior(scaleDown: ScalingRules(stabilizationWindow: .seconds(300)))
        for size in [9, 8, 7, 6] {
            fixture.desired = 9
            #expect(fixture.evaluate(["queue": Quantity(size)]).to == 9)
            fixture.pass(10)
        }
        #expect(fixture.memory.recommendations.map(\.replicas) == [9, 6])
    }

    @Test("each log has its own count, and numbers of 32 bits come back as they went in")
    func logs() {
        let program = Self.program(window: 20_000), layout = program.cells
        Self.cells(program) { cells in
            for index in 0..<1000 { cells.recommend(Int32(index), layout.recommendations, at: Self.now) }
            cells.change(.ups, by: .max, layout.ups, at: Self.now - 1)
            cells.change(.downs, by: 7, layout.downs, at: Self.now - 3)
            cells.change(.downs, by: 8, layout.downs, at: Self.now - 2)
            #expect(cells.entries(.recommendations) == 1000)
            #expect(cells.entries(.ups) == 1)
            #expect(cells.entries(.downs) == 2)
            #expect(Self.entries(cells, .ups, layout.ups) == [[Int64(Int32.max), 1]])
            #expect(Self.entries(cells, .downs, layout.downs) == [[7, 3], [8, 2]])
            #expect(Self.entries(cells, .recommendations, layout.recommendations).map(\.[0]) == Array(0..<1000))
            func times(at now: Int64) -> [Int64] { (0..<2).map { cells.dated(layout.downs.cell + $0, at: now).at.microseconds } }
            #expect(times(at: Self.now) == [(Self.now - 3) * 1000, (Self.now - 2) * 1000])
            #expect(times(at: Self.now - 60_000) == [(Self.now - 60_000) * 1000, (Self.now - 60_000) * 1000])
        }
    }

    @Test("an entry counts to the end of its log's length, one dated ahead from now on")
    func pruned() {
        let program = Self.program(), place = program.cells.ups
        Self.cells(program) { cells in
            cells.change(.ups, by: 4, place, at: Self.now - 10_000)
            cells.change(.ups, by: 5, place, at: Self.now + 1)
            cells.prune(.ups, place, at: Self.now)
            #expect(Self.entries(cells, .ups, place, at: Self.now + 10) == [[5, 10]])
        }
        Self.cells(program) { cells in
            cells.change(.ups, by: 4, place, at: Self.now - 10_000)
            cells.prune(.ups, place, at: Self.now)
            #expect(Self.entries(cells, .ups, place) == [[4, 10_000]])
            cells.prune(.ups, place, at: Self.now + 1)
            #expect(Self.entries(cells, .ups, place) == [])
        }
    }

    @Test("without room the two oldest become one that counts as long as the newer, of changes the sum, of recommendations the larger")
    func merged() {
        let program = Self.program(), layout = program.cells
        #expect(layout.ups.capacity == 3)
        Self.cells(program) { cells in
            for (index, replicas) in [5, 2, 9, 1, 4].enumerated() {
                cells.change(.ups, by: Int32(replicas), layout.ups, at: Self.now + Int64(index))
                cells.recommend(Int32(replicas), layout.recommendations, at: Self.now + Int64(index))
            }
            #expect(Self.entries(cells, .ups, layout.ups, at: Self.now + 4) == [[16, 2], [1, 1], [4, 0]])
            #expect(Self.entries(cells, .recommendations, layout.recommendations, at: Self.now + 4) == [[9, 2], [1, 1], [4, 0]])
            // One like the last only makes that newer.
            cells.recommend(4, layout.recommendations, at: Self.now + 9)
            #expect(Self.entries(cells, .recommendations, layout.recommendations, at: Self.now + 9) == [[9, 7], [1, 6], [4, 0]])
            cells.change(.ups, by: .max, layout.ups, at: Self.now + 5)
            cells.change(.ups, by: .max, layout.ups, at: Self.now + 6)
            cells.change(.ups, by: 1, layout.ups, at: Self.now + 7)
            cells.change(.ups, by: 1, layout.ups, at: Self.now + 8)
            #expect(Self.entries(cells, .ups, layout.ups, at: Self.now + 8).map(\.[0]) == [Int64(Int32.max), 1, 1])
        }
    }

    @Test("what is written down goes in as far as it counts and there is room, the newest of it")
    func filled() {
        let program = Self.program(), place = program.cells.ups
        func filled(_ entries: [(Int32, Int64)]) -> [[Int64]] {
            var result: [[Int64]] = []
            Self.cells(program) { cells in
                cells.change(.ups, by: 99, place, at: Self.now)
                cells.fill(.ups, place, from: entries.map { (replicas: $0, at: Self.now - $1) }, at: Self.now)
                result = Self.entries(cells, .ups, place)
            }
            return result
        }
        #expect(filled([]) == [])
        #expect(filled([(1, 10_001), (2, 10_000), (3, 0)]) == [[2, 10_000], [3, 0]])
        #expect(filled([(1, 4), (2, 3), (3, 2), (4, -1)]) == [[2, 3], [3, 2], [4, 0]])
    }

    @Test("guards and conditions come back from what is written down, a metric that is no longer there does not")
    func memory() {
        var fixture = Fixture([.step("queue", above: 25, add: .replicas(1), below: 5, remove: .replicas(1), sustained: .seconds(30))])
        fixture.policy.plausible = Policy.Plausible(maxDrop: 60, per: .seconds(60))
        fixture.policy.guards = [
            Policy.Guard(when: .above("queue", 50), effect: .notify(.warning), atMost: .init(count: 2, per: .seconds(60))),
            Policy.Guard(when: .above("queue", 500), effect: .restart),
        ]
        fixture.evaluate(["queue": 100])
        fixture.pass(15)
        fixture.evaluate(["queue": 39])
        let program = Program(fixture.policy), memory = fixture.memory
        #expect(memory.series[0].believed?.value == 100)
        #expect(memory.series[0].doubtedFor == 1)
        #expect(memory.guards.map(\.fired) == [[Fixture.start]])
        #expect(memory.conditions.map(\.side) == [.above])
        #expect(Facts(memory).laid(program, at: fixture.now) { Memory($0, program, at: fixture.now) } == memory)
        fixture.pass(15)
        fixture.evaluate(["queue": 100])
        #expect(fixture.memory.guards.map(\.fired) == [[Fixture.start, fixture.now]])
        #expect(fixture.memory.guards.map(\.since) == [fixture.now])
        fixture.pass(15)
        fixture.evaluate(["queue": 100])
        #expect(fixture.memory.guards.map(\.fired.count) == [2])
        fixture.policy.guards = []
        fixture.evaluate(["queue": 100])
        #expect(fixture.memory.guards == [])
    }

    @Test("a workload of which nothing is remembered begins within its own cells")
    func clear() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.guards = [Policy.Guard(when: .above("queue", 50), effect: .restart, atMost: .init(count: 2, per: .seconds(60)))]
        let program = Program(fixture.policy)
        // What lies around them is other workloads'.
        var block = [Int64](repeating: 7, count: program.cells.count + 2)
        block.withUnsafeMutableBufferPointer { block in
            guard let base = block.baseAddress else { return }
            Cells(base: base + 1).clear(program)
        }
        #expect(block.first == 7 && block.last == 7)
        // The header; the metric's count, its last good value and its sample; since when the guard's condition holds, and its two times.
        let never = Cells.never
        #expect(block.dropFirst().dropLast() == [never, never, never, 0, 0, never, 0] + [0, never, never, 0, 0] + [never, never, never])
    }

    @Test("of more than 64 guards the first 64 take effect")
    func manyGuards() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.guards = (0..<66).map { Policy.Guard(when: .above("queue", Quantity($0)), effect: .restart) }
        let evaluation = Engine.evaluate(fixture.input(["queue": .value(Sample(value: 100, at: fixture.now))]))
        #expect(evaluation.guards == Array(0..<64))
        #expect(evaluation.memory.guards.count == 64)
    }

    @Test("the size of a memory is bounded by what the policy names")
    func maximumBytes() {
        func bytes(_ change: (inout Policy) -> Void = { _ in }) -> Int {
            var policy = Fixture([], metrics: []).policy
            change(&policy)
            return Memory.maximumBytes(for: policy)
        }
        #expect(bytes() == 256)
        #expect(bytes { $0.metrics = [Fixture.metric("queue")] } == 256 + 256 + 30 + 100)
        let window = Metric.Window(last: .seconds(60), aggregate: .avg)
        #expect(bytes { $0.metrics = [Fixture.metric("queue", window: window)] } == 256 + 256 + 30 + 50 * (1 + Memory.maximumSamples))
        #expect(bytes { $0.rules = [.averageValue("queue", 25)] } == 256 + 2 * (256 + 30))
        let guarded = Policy.Guard(when: .above("queue", 5), effect: .restart)
        #expect(bytes { $0.guards = [guarded] } == 256 + 256 + 6 * (guarded.when.text.utf8.count + 64) + 24 * 16)
        #expect(bytes { $0.arithmetic = .hpa } == 256 + 3 * 36 * 1024)
        #expect(bytes { $0.behavior = Behavior() } == 256 + 3 * 36 * 1024)
    }

    @Test("a change that was cut counts in its own direction from now, and not before what was already there")
    func amended() {
        var policy = Fixture([.averageValue("queue", 25)]).policy
        policy.behavior = Behavior()
        let now = Fixture.start + .microseconds(1500), later = now + .seconds(60)
        for (replicas, behavior) in [(7, true), (2, true), (7, false), (2, false)] {
            if !behavior { policy.behavior = nil }
            var memory = Memory(lastUp: later, lastDown: later)
            memory.amend(to: replicas, from: 4, before: Memory(), under: policy, at: now)
            let entries = behavior ? [Memory.Entry(replicas: abs(replicas - 4), at: Fixture.start + .milliseconds(1))] : []
            #expect(memory.lastUp == (replicas > 4 ? now : nil))
            #expect(memory.lastDown == (replicas > 4 ? nil : now))
            #expect(memory.ups == (replicas > 4 ? entries : []))
            #expect(memory.downs == (replicas > 4 ? [] : entries))
            // A clock that went back does not bring the next change closer.
            memory.amend(to: replicas, from: 4, before: Memory(lastUp: later, lastDown: later), under: policy, at: now)
            #expect(memory.lastUp == later && memory.lastDown == later)
        }
    }

    @Test("a fleet's workloads lie side by side, each with the cells and readings of its own policy")
    func fleet() {
        let one = Fixture([.averageValue("queue", 10)], max: 100).policy
        var two = Fixture([.averageValue("queue", 20), .averageValue("mail", 5)], max: 100).policy
        two.behavior = Behavior()
        let fleet = FleetEngine(policies: [one, two], workloads: [0, 1, 0, 1])
        #expect(fleet.count == 4)
        #expect(fleet.bytes == 8 * (2 * 12 + 2 * 45) + 4 * 16)
        var concluded: [Int: Conclusion] = [:]
        let sizes: [Int32] = [4, 5, 6, 7], values: [Int64] = [80_000, -1, 100_000, 30_000, 60_000, -1, 20_000, 35_000]
        sizes.withUnsafeBufferPointer { sizes in
            values.withUnsafeBufferPointer { values in
                guard let sizes = sizes.baseAddress, let values = values.baseAddress else { return }
                let shard = FleetEngine.Shard(of: fleet)
                shard.evaluate(0..<4, FleetEngine.Readings(sizes: sizes, values: values, metrics: 2), at: Fixture.start) { concluded[$0] = $1 }
            }
        }
        #expect((0..<4).map { concluded[$0]?.from } == [4, 5, 6, 7])
        #expect((0..<4).map { concluded[$0]?.to } == [8, 6, 6, 7])
        #expect((0..<4).map { concluded[$0]?.acted } == [true, true, false, false])
        let memories = (0..<4).map { fleet.memory(of: $0, at: Fixture.start) }
        #expect(memories.map(\.lastUp) == [Fixture.start, Fixture.start, nil, nil])
        #expect(memories.map { $0.series.map { $0.samples.map(\.value) } } == [[[80]], [[100], [30]], [[60]], [[20], [35]]])
        #expect(memories.map { $0.recommendations.map(\.replicas) } == [[], [5, 6], [], [7]])
        #expect(FleetEngine(policies: [one], workloads: []).bytes == 0)
    }

    @Test("a change remembers how much it was, and a clock that went back moves no earlier change")
    func remembered() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.behavior = Behavior(scaleDown: ScalingRules(stabilizationWindow: .zero))
        fixture.evaluate(["queue": 150])
        #expect(fixture.memory.ups == [Memory.Entry(replicas: 2, at: Fixture.start)])
        #expect(fixture.memory.downs == [])
        #expect(fixture.memory.lastUp == Fixture.start && fixture.memory.lastDown == nil)
        fixture.pass(1)
        fixture.evaluate(["queue": 75])
        #expect(fixture.memory.downs == [Memory.Entry(replicas: 3, at: fixture.now)])
        #expect(fixture.memory.lastUp == Fixture.start && fixture.memory.lastDown == fixture.now)
        fixture.pass(-60)
        fixture.evaluate(["queue": 50])
        #expect(fixture.memory.lastDown == Fixture.start + .seconds(1))
    }

    @Test("nothing but sizes and readings enters a fleet: no floor, no approval, no word about a source")
    func fleetAlone() {
        func sizes(_ values: [Int64], _ change: (inout Policy) -> Void) -> [Int] {
            var policy = Fixture([.averageValue("queue", 25)], min: 0, max: 100).policy
            change(&policy)
            let fleet = FleetEngine(policies: [policy], workloads: [0]), shard = FleetEngine.Shard(of: fleet)
            var size: Int32 = 4, result: [Int] = []
            for (index, value) in values.enumerated() {
                withUnsafePointer(to: size) { sizes in
                    withUnsafePointer(to: value) { values in
                        let now = Fixture.start + .seconds(15 * index)
                        shard.evaluate(0..<1, FleetEngine.Readings(sizes: sizes, values: values, metrics: 1), at: now) { _, conclusion in
                            if conclusion.acted { result.append(conclusion.to) } else { result.append(-1) }
                        }
                    }
                }
                if let last = result.last, last >= 0 { size = Int32(last) }
            }
            return result
        }
        #expect(sizes([0, 200_000]) { _ in } == [0, 8])
        #expect(sizes([25_000, 50_000, 200_000, 0]) { $0.approval = Policy.Approval(above: 2) } == [-1, 2, -1, 0])
        let plausible = Policy.Plausible(maxDrop: 60, per: .seconds(60))
        #expect(sizes([100_000, 75_000, 0, 0, 0, 0]) { $0.plausible = plausible } == [-1, 3, -1, -1, -1, 0])
    }
}
