import Testing

@testable import Engine

@Suite("Arena") struct ArenaTests {
    @Test("runs keep their values, each on lines of its own")
    func lines() {
        let arena = Arena()
        let runs = (0...200).map { count in arena.keep((0..<count).map { count * 1000 + $0 }) }
        var taken: Set<Int> = []
        for (count, run) in runs.enumerated() {
            #expect(Array(run) == (0..<count).map { count * 1000 + $0 })
            guard let first = run.baseAddress else { continue }
            let address = Int(bitPattern: first)
            #expect(address % 128 == 0)
            let lines = address / 128...(address + count * 8 - 1) / 128
            #expect(taken.isDisjoint(with: lines))
            taken.formUnion(lines)
        }
        #expect(runs[0].isEmpty && runs[0].baseAddress == nil)
    }

    @Test("what a run refers to lives as long as the arena, and no longer")
    func references() {
        final class Token {}
        weak var seen: Token?
        do {
            let arena = Arena()
            let run = arena.keep([Token()])
            seen = run[0]
            #expect(seen != nil)
            withExtendedLifetime(arena) {}
        }
        #expect(seen == nil)
    }
}
