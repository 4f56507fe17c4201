import Model
import Testing

@testable import Engine

@Suite("Working room")
struct RoomTests {
    /// What a larger policy leaves: values of six rules, nil where there was none.
    static let lefts: [[Quantity?]] = [
        [100, 100, 100, 100, 100, 100], [100, 100, 5000, 5000, 5000, 5000], [100, 100, 200, 200, 200, 200], [100, 100, 0, 0, 0, 0],
        [100, 5000, nil, nil, nil, nil], [nil, nil, nil, nil, nil, nil],
    ]
    static let values: [[Quantity?]] = [[], [100], [200], [0], [nil], [200, 200], [50, 50], [100, 100], [200, nil], [nil, nil]]

    private static func input(_ values: [Quantity?], _ combine: Policy.Combine) -> EvaluationInput {
        var fixture = Fixture(values.indices.map { .averageValue("m\($0)", 25) }, min: 0, max: 1000)
        fixture.policy.combine = combine
        fixture.policy.onMissing = [.lastGood(.seconds(60))]
        var answers: [String: ReadingAnswer] = [:]
        for (index, value) in values.enumerated() { answers["m\(index)"] = value.map { .value(Sample(value: $0, at: fixture.now)) } }
        return fixture.input(answers)
    }

    @Test("what a larger policy left in the room does not show in a story", arguments: Policy.Combine.allCases, Self.lefts)
    func told(combine: Policy.Combine, left: [Quantity?]) {
        for values in Self.values {
            let scratch = Scratch()
            _ = Engine.evaluate(Self.input(left, combine), in: scratch)
            let input = Self.input(values, combine)
            let used = Engine.evaluate(input, in: scratch), fresh = Engine.evaluate(input)
            #expect(used.decision == fresh.decision)
            #expect(used.memory == fresh.memory)
        }
    }

    @Test("room is made for the deepest condition, of one policy and of several")
    func deepest() throws {
        func program(_ conditions: String...) throws -> Program {
            var fixture = Fixture([.averageValue("queue", 25)])
            fixture.policy.guards = try conditions.map {
                Policy.Guard(when: try Expression(parsing: $0), effect: .restart, atMost: .init(count: 1, per: .seconds(60)))
            }
            return Program(fixture.policy)
        }
        let shallow = "queue > 1", deep = "queue > 1 and (queue > 2 or (queue > 3 and (queue > 4 or queue > 5)))"
        let depth = try Scratch.Room(program(deep)).depth
        #expect(try Scratch.Room(program(shallow)).depth < depth)
        #expect(try Scratch.Room(program(shallow, deep)).depth == depth)
        #expect(try Scratch.Room(program(deep, shallow)).depth == depth)
        let scratch = Scratch()
        scratch.makeRoom(for: try program(shallow))
        scratch.makeRoom(for: try program(deep))
        #expect(scratch.room.depth == depth)
    }

    private static func room(metrics: Int, rules: Int, depth: Int, samples: Int) -> Scratch.Room {
        var room = Scratch.Room()
        (room.metrics, room.rules, room.depth, room.samples) = (metrics, rules, depth, samples)
        return room
    }

    @Test("room suffices only where all of it does", arguments: 0..<16)
    func covers(lacking: Int) {
        func size(_ bit: Int) -> Int { lacking >> bit & 1 == 0 ? 5 : 4 }
        let room = Self.room(metrics: size(0), rules: size(1), depth: size(2), samples: size(3))
        #expect(room.covers(Self.room(metrics: 5, rules: 5, depth: 5, samples: 5)) == (lacking == 0))
    }
}
