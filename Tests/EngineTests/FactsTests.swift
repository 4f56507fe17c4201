import Model
import Testing

@testable import Engine

extension Facts {
    /// Laid out for a moment.
    func laid<R>(_ program: Program, at now: WallTime, _ body: (Cells) -> R) -> R {
        var facts = self
        return facts.withCells(of: program, at: now, body)
    }
}

@Suite("Facts of a workload, in place")
struct FactsTests {
    static func packed(_ facts: Facts) -> [UInt8] {
        var writer = PackedWriter()
        facts.write(to: &writer, after: Fixture.start)
        return writer.bytes
    }

    /// A policy that remembers something of every kind, and a workload that has done so.
    private static func lived() -> Fixture {
        var fixture = Fixture(
            [.averageValue("queue", 25), .step("cpu", above: 50, add: .replicas(1), sustained: .seconds(300))],
            metrics: [
                Fixture.metric("queue", window: Metric.Window(last: .seconds(120), aggregate: .avg)), Fixture.metric("cpu"), Fixture.metric("mail"),
            ])
        fixture.policy.plausible = Policy.Plausible(maxDrop: 60, per: .seconds(60))
        fixture.policy.behavior = Behavior()
        fixture.policy.guards = [Policy.Guard(when: .above("cpu", 55), effect: .notify(.warning), atMost: .init(count: 2, per: .seconds(600)))]
        for (queue, cpu, mail) in [(90, 10, 100), (180, 60, 100), (200, 70, 5), (900, 60, 5)] as [(Quantity, Quantity, Quantity)] {
            fixture.pass(15)
            fixture.evaluate(["queue": queue, "cpu": cpu, "mail": mail])
        }
        return fixture
    }

    @Test("facts that were laid out say what the words said, and are written byte for byte like them")
    func sameInPlace() {
        let fixture = Self.lived()
        let memory = fixture.memory
        #expect(!memory.guards.isEmpty && !memory.conditions.isEmpty && !memory.recommendations.isEmpty && !memory.ups.isEmpty)
        #expect(memory.series(of: "mail")?.doubtedFor ?? 0 > 0)
        var facts = Facts(memory)
        let words = Self.packed(facts)
        facts.withCells(of: Program(fixture.policy), at: fixture.now) { _ in }
        #expect(facts.memory == memory)
        #expect(Self.packed(facts) == words)
        #expect(facts == Facts(memory) && facts.hashValue == Facts(memory).hashValue)
    }

    @Test("what is asked of single facts is the same before and after they are laid out")
    func singleFacts() {
        let fixture = Self.lived()
        var facts = Facts(fixture.memory)
        func asked(_ facts: Facts) -> [String] {
            ["queue", "mail", "nothing"].map { "\($0): \(String(describing: facts.doubtedFor($0))) \(String(describing: facts.believed($0)))" }
        }
        let before = asked(facts)
        facts.withCells(of: Program(fixture.policy), at: fixture.now) { _ in }
        #expect(asked(facts) == before)
        #expect(facts.believed("queue")?.value == fixture.memory.series(of: "queue")?.believed?.value)
        #expect(facts.doubtedFor("nothing") == nil)
    }

    @Test("where no drop is ever doubted nothing was doubted, and nothing is known of what was believed")
    func neverDoubted() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.evaluate(["queue": 100])
        var facts = Facts(fixture.memory)
        #expect(facts.doubtedFor("queue") == 0 && facts.believed("queue") == nil)
        facts.withCells(of: Program(fixture.policy), at: fixture.now) { _ in }
        #expect(facts.doubtedFor("queue") == 0 && facts.believed("queue") == nil)
    }

    @Test("a copy is not changed by what is done to the other")
    func copies() {
        var fixture = Self.lived()
        var facts = Facts(fixture.memory)
        facts.withCells(of: Program(fixture.policy), at: fixture.now) { _ in }
        let before = facts
        fixture.pass(15)
        _ = Engine.conclude(fixture.input(["queue": .value(Sample(value: 500, at: fixture.now))]), on: &facts, in: Scratch())
        #expect(before.memory == fixture.memory)
        #expect(facts.memory != fixture.memory)
    }

    @Test("another version of the policy takes over what it still names")
    func newVersion() {
        var fixture = Self.lived()
        var facts = Facts(fixture.memory)
        facts.withCells(of: Program(fixture.policy), at: fixture.now) { _ in }
        fixture.policy.guards = []
        fixture.policy.metrics.removeLast(2)
        fixture.policy.rules.removeLast()
        let evaluation = Engine.evaluate(fixture.input(["queue": .value(Sample(value: 20, at: fixture.now))]))
        _ = Engine.conclude(fixture.input(["queue": .value(Sample(value: 20, at: fixture.now))]), on: &facts, in: Scratch())
        #expect(facts.memory == evaluation.memory)
        #expect(facts.memory.series.map(\.metric) == ["queue"] && facts.memory.guards.isEmpty)
    }

    @Test("facts that nobody has touched for longer than their clock is wide count as the age that they have", arguments: [8, 25, 49, 60])
    func untouched(days: Int) {
        var fixture = Self.lived()
        var facts = Facts(fixture.memory)
        facts.withCells(of: Program(fixture.policy), at: fixture.now) { _ in }
        fixture.pass(days * 24 * 3600)
        let input = fixture.input(["queue": .value(Sample(value: 20, at: fixture.now)), "cpu": .value(Sample(value: 1, at: fixture.now))])
        let told = Engine.evaluate(input)
        let silent = Engine.conclude(input, on: &facts, in: Scratch())
        #expect(silent.to == told.decision.to)
        #expect(facts.memory == told.memory)
        #expect(facts.memory.ups.isEmpty && facts.memory.recommendations.allSatisfy { $0.at + .seconds(300) >= fixture.now })
    }
}
