import Model
import SeededRandom
import Testing

@testable import Engine

/// A workload whose facts stay in place, evaluated in silence, beside one whose memory is written and read each time.
private struct Twins {
    let fleet: FleetEngine
    var fixture: Fixture
    private(set) var differences: [String] = []

    init(_ policy: Policy, replicas: Int) {
        self.fleet = FleetEngine(policies: [policy], workloads: [0])
        self.fixture = Fixture([], replicas: replicas)
        self.fixture.policy = policy
    }

    /// One evaluation of both, carried out.
    @discardableResult
    mutating func evaluate(_ values: [Quantity]) -> Decision {
        let names = self.fixture.policy.metrics.map(\.name), now = self.fixture.now
        let sizes = [Int32(self.fixture.desired)]
        var silent: Conclusion?
        sizes.withUnsafeBufferPointer { sizes in
            values.map(\.milli).withUnsafeBufferPointer { values in
                guard let sizes = sizes.baseAddress, let values = values.baseAddress else { return }
                let shard = FleetEngine.Shard(of: self.fleet)
                shard.evaluate(0..<1, FleetEngine.Readings(sizes: sizes, values: values, metrics: names.count), at: now) { silent = $1 }
            }
        }
        let told = self.fixture.evaluate(Dictionary(uniqueKeysWithValues: zip(names, values.map { ReadingAnswer.value(Sample(value: $0, at: now)) })))
        if silent?.acted != told.acted || silent?.to != told.to {
            self.differences.append("at \(now): \(told.sentence), but in silence \(String(describing: silent))")
        }
        if self.fleet.memory(of: 0, at: now) != self.fixture.memory {
            self.differences.append("at \(now): \(self.fleet.memory(of: 0, at: now).json.text) is not \(self.fixture.memory.json.text)")
        }
        return told
    }
}

@Suite("Facts in place")
struct FleetTests {
    private static func policy(_ change: (inout Policy) -> Void = { _ in }) -> Policy {
        var policy = Fixture([.averageValue("queue", 10)], min: 1, max: 1000).policy
        policy.behavior = Behavior(
            scaleUp: ScalingRules(policies: [RatePolicy(.replicas(4), period: .seconds(60))]),
            scaleDown: ScalingRules(stabilizationWindow: .zero, policies: [RatePolicy(.replicas(4), period: .seconds(60))]))
        change(&policy)
        return policy
    }

    @Test("a change counts for its period and never again, however long nothing else happens", arguments: [1, 20, 25, 30, 45, 50, 60])
    func old(days: Int) {
        var twins = Twins(Self.policy(), replicas: 4)
        #expect(twins.evaluate([80]).to == 8)
        // Nothing moves for a long time …
        for _ in 0..<days {
            twins.fixture.pass(86_400)
            #expect(twins.evaluate([80]).to == 8)
        }
        // … then what is allowed in a minute is allowed.
        twins.fixture.pass(15)
        #expect(twins.evaluate([500]).to == 12)
        #expect(twins.differences == [])
    }

    @Test("facts in place are those that are written down", arguments: 0..<60 as Range<UInt64>)
    func same(seed: UInt64) {
        var random = Seeded(seed: seed)
        var twins = Twins(
            Self.policy { policy in
                policy.behavior?.scaleUp.stabilizationWindow = .seconds(random.int(0...90))
                policy.behavior?.scaleDown.stabilizationWindow = .seconds(random.int(0...90))
                policy.cooldown = .init(up: .seconds(random.int(0...30)), down: .seconds(random.int(0...30)))
            }, replicas: 4)
        for _ in 0..<60 {
            twins.fixture.pass(random.chance(5) ? random.int(0...1_000_000) : random.chance(5) ? -random.int(0...100) : random.int(0...60))
            twins.evaluate([Quantity(random.int(0...400))])
            if twins.fixture.desired > 1000 { break }
        }
        #expect(twins.differences.first == nil, "seed \(seed)")
    }
}
