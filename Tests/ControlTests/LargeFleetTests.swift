import Engine
import Model
import Testing

@testable import Control

@Suite("A large fleet")
struct LargeFleetTests {
    /// More than are written out in one round.
    static let count = 600
    static let ids = (0..<Self.count).map { WorkloadID(service: "s\(1000 + $0)", region: "eu-west") }
    static let manifests: [Manifest] = Self.ids.map { .service(service($0.service)) } + [.policy(queuePolicy())]

    private static func round(_ leader: Leader, _ sizes: [WorkloadID: Observation] = [:], queue load: Int? = 100, at now: WallTime) -> LeaderState.Round {
        let questions = leader.ask(at: now)
        leader.answer(questions, sizes, load.map { load in Dictionary(uniqueKeysWithValues: Self.ids.map { ($0, load) }) } ?? [:], at: now)
        return leader.state.decide(at: now)
    }

    private static func commit(_ leader: Leader, _ round: LeaderState.Round) { leader.state.committed(round, actions: [], at: round.at) }

    @Test("every workload is evaluated in every round, and written out in turn")
    func turns() {
        let leader = ControlTests.leader(fleet(Self.manifests))
        var shown: Set<WorkloadID> = []
        for turn in 0..<3 {
            let round = Self.round(leader, at: seconds(15 * turn))
            #expect(round.count == Self.count && round.pending.count == LeaderState.mostShown)
            #expect(round.pending.allSatisfy { !$0.isRecorded && $0.plan == nil })
            shown.formUnion(round.pending.map(\.workload))
            Self.commit(leader, round)
        }
        #expect(shown.count == Self.count)
    }

    @Test("what has another size than was last written comes first")
    func changedFirst() throws {
        let leader = ControlTests.leader(fleet(Self.manifests))
        for turn in 0..<3 { Self.commit(leader, Self.round(leader, at: seconds(15 * turn))) }
        // Just written, and not its turn for two rounds.
        let last = try #require(Self.ids.last)
        let round = Self.round(leader, [last: seen(5, current: 5)], queue: 110, at: seconds(45))
        #expect(round.pending.contains { $0.workload == last && $0.evaluation.decision.from == 5 })
    }

    @Test("what is the same for many is recorded once, put into words once, and again only in turn")
    func echo() {
        let leader = ControlTests.leader(fleet(Self.manifests))
        let first = Self.round(leader, queue: nil, at: start)
        #expect(first.pending.count == Self.count && first.pending.allSatisfy { $0.isRecorded })
        Self.commit(leader, first)
        let second = Self.round(leader, queue: nil, at: seconds(15))
        #expect(second.pending.count == LeaderState.mostShown && second.pending.allSatisfy { !$0.isRecorded })
        Self.commit(leader, second)
        // Back to normal is worth a line for each.
        let third = Self.round(leader, at: seconds(30))
        #expect(third.pending.count == Self.count && third.pending.allSatisfy { $0.isRecorded })
        Self.commit(leader, third)
        // The same trouble once more is new.
        let fourth = Self.round(leader, queue: nil, at: seconds(45))
        #expect(fourth.pending.count { $0.isRecorded } == Self.count)
    }

    @Test("a round that would say too much for one commit is decided in several, and nothing is left out")
    func tooMuch() {
        let ids = (0..<LeaderState.mostTold + 100).map { WorkloadID(service: "s\(10_000 + $0)", region: "eu-west") }
        let leader = ControlTests.leader(fleet(ids.map { .service(service($0.service)) } + [.policy(queuePolicy())]))
        leader.answer(leader.ask(at: start), [:], Dictionary(uniqueKeysWithValues: ids.map { ($0, 200) }), at: start)
        let first = leader.state.decide(at: start)
        #expect(first.changes == LeaderState.mostTold && first.quiet.isEmpty)
        Self.commit(leader, first)
        #expect(leader.isReady(at: milliseconds(200)))
        let second = leader.state.decide(at: milliseconds(200))
        #expect(second.changes == 100)
        Self.commit(leader, second)
        #expect(!leader.isReady(at: milliseconds(300)))
    }

    // MARK: What is remembered

    @Test("all pages are written first, then those whose workloads were evaluated, and all again when the fleet has changed")
    func pages() throws {
        let leader = ControlTests.leader(fleet(Self.manifests))
        let all = (Self.count + MemoryPage.workloads - 1) / MemoryPage.workloads
        let first = Self.round(leader, at: start)
        #expect(leader.state.pages(after: first).map(\.number) == Array(0..<all) && leader.state.pageCount == all)
        Self.commit(leader, first)

        let questions = leader.ask(at: seconds(15))
        for id in Self.ids { leader.observed(id, seen(4)) }
        leader.state.answered(round: questions.round, [Self.ids[3]: queue(100, at: seconds(15))])
        let second = leader.state.decide(at: seconds(15))
        #expect(second.count == 1 && leader.state.pages(after: second).map(\.number) == [0])
        Self.commit(leader, second)

        _ = leader.adopt(fleet(Array(Self.manifests.dropFirst(500))), at: seconds(16))
        leader.state.answered(round: questions.round, [:])
        let third = Self.round(leader, at: seconds(31))
        let pages = leader.state.pages(after: third)
        #expect(pages.count == 2 && leader.state.pageCount == 2)
        #expect(try pages.flatMap { try $0.remembered() }.map(\.workload) == Array(Self.ids.dropFirst(500)))
    }

    @Test("a page says what every workload in it was left with, evaluated in this round or before")
    func content() throws {
        let leader = ControlTests.leader(fleet(Self.manifests))
        let first = Self.round(leader, queue: nil, at: start)
        let left = try leader.state.pages(after: first).flatMap { try $0.remembered() }
        #expect(left.map(\.workload) == Self.ids)
        #expect(left.allSatisfy { $0.last.at == start && $0.last.size == 4 && $0.last.standing?.isBlind == true && $0.recorded?.codes == ["missing(queue)"] })
        #expect(left.map(\.last.facts.memory) == first.pending.map(\.evaluation.memory))
        Self.commit(leader, first)
        let again = leader.state.pages(after: LeaderState.Round(at: seconds(1)))
        #expect(again.isEmpty, "nothing has changed")
    }

    @Test("what was left is found in whatever order and however often it is stored, the newest counts, and nothing is lost", arguments: [0, 1, 2])
    func order(by arrangement: Int) {
        func left(_ service: String, _ second: Int, up: Int) -> Remembered {
            Remembered(workload: WorkloadID(service: service, region: "eu-west"), evaluatedAt: seconds(second), memory: Memory(lastUp: seconds(up)))
        }
        let sorted = [left("a", 1, up: 1), left("c", 1, up: 2), left("d", 1, up: 3), left("e", 1, up: 4)]
        let remembered = [sorted, sorted.reversed(), [left("d", 0, up: 9)] + sorted + [left("c", 0, up: 9)]][arrangement]
        var known = RememberedInOrder(remembered)
        #expect(
            ["b", "c", "d"].map { known.next(upTo: WorkloadID(service: $0, region: "eu-west"))?.last.facts.memory.lastUp } == [nil, seconds(2), seconds(3)])
        known.end()
        #expect(known.passedOver.map(\.service).sorted() == ["a", "e"])
    }

    @Test("a page is written in the newest form, and one of the form before it is read")
    func forms() throws {
        let remembered = [Remembered(workload: transcode, evaluatedAt: start, size: 4, memory: Memory(lastUp: start))]
        let page = MemoryPage(number: 7, remembered)
        #expect(page.bytes[0] == 2)
        #expect(try page.remembered() == remembered)
        #expect(try MemoryPage(number: 7, bytes: [1] + page.bytes.dropFirst()).remembered() == remembered)
    }

    @Test("a page of a newer form, or one that is damaged, is refused by its number")
    func refused() {
        let page = MemoryPage(number: 7, [Remembered(workload: transcode, evaluatedAt: start, size: 4, memory: Memory(lastUp: start))])
        for version in [0, 3] as [UInt8] {
            #expect(throws: MemoryPageError.version(page: 7, UInt64(version))) {
                try MemoryPage(number: 7, bytes: [version] + page.bytes.dropFirst()).remembered()
            }
        }
        for length in 0..<page.bytes.count {
            #expect(throws: MemoryPageError.self) { try MemoryPage(number: 7, bytes: Array(page.bytes.prefix(length))).remembered() }
        }
    }
}
