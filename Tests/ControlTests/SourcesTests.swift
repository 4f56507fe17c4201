import Control
import Engine
import Model
import Testing

@Suite("Second sources, health queries and falls of many")
struct SourcesTests {
    private static func value(_ value: Int, at time: WallTime) -> ReadingAnswer { .value(Sample(value: Quantity(value), at: time)) }
    private static let missing = ReadingAnswer.missing(.unreachable, evidence: "refused")

    private static func policy(
        onMissing: [Policy.MissingStep] = [.secondary], secondary: String? = nil, health: String? = nil, plausible: Policy.Plausible? = nil, min: Int = 1
    ) -> Policy {
        var policy = queuePolicy(min: min)
        policy.onMissing = onMissing
        policy.metrics[0].secondary = secondary.map { .sql(connection: $0, statement: "select 2") }
        policy.metrics[0].health = health.map { .sql(connection: $0, statement: "select 3") }
        policy.plausible = plausible
        return policy
    }
    private static func one(_ policy: Policy) -> Leader { leader(fleet([.service(service("transcode")), .policy(policy)])) }

    // MARK: Second sources

    @Test("the second source is asked where the ladder names it, and only there")
    func asked() {
        let questions = Self.one(Self.policy(secondary: "copy")).ask(at: start)
        #expect(questions.readings["jobs"]?.map(\.name) == ["queue"])
        #expect(questions.readings["copy"]?.map(\.name) == ["queue (second source)"])
        #expect(questions.readings["copy"]?.map(\.source) == [.sql(connection: "copy", statement: "select 2")])
        #expect(Self.one(Self.policy(onMissing: [.hold(.seconds(60))], secondary: "copy")).ask(at: start).readings.keys.sorted() == ["jobs"])
        #expect(Self.one(Self.policy(health: "jobs", plausible: .init(maxDrop: Quantity(60), per: .seconds(60)))).ask(at: start).readings["jobs"]?.count == 1)
    }

    @Test("one that is slow keeps nobody waiting who has a reading")
    func slow() {
        let state = Self.one(Self.policy(secondary: "copy"))
        _ = state.ask(at: start)
        state.observed(transcode, seen(4))
        #expect(!state.isReady(at: seconds(1)))
        state.answered(transcode, queue(200, at: start))
        #expect(state.isReady(at: seconds(1)))
        #expect(state.decide(at: seconds(1)).first?.evaluation.decision.to == 8)
    }

    @Test("where the first does not answer the second is waited for, and decides; where neither does, the reading is missing")
    func replaces() throws {
        let state = Self.one(Self.policy(secondary: "copy"))
        _ = state.ask(at: start)
        state.observed(transcode, seen(4))
        state.answered(transcode, ["queue": Self.missing])
        #expect(!state.isReady(at: seconds(1)))
        state.answered(transcode, ["queue (second source)": Self.value(200, at: start)])
        #expect(state.isReady(at: seconds(1)))
        let pending = state.decide(at: seconds(1))
        let decision = try #require(pending.first?.evaluation.decision)
        #expect(decision.to == 8 && decision.readings.first?.quality == .fresh)
        state.commit(pending, at: seconds(1))

        _ = state.ask(at: seconds(15))
        state.observed(transcode, seen(8))
        state.answered(transcode, ["queue": Self.missing])
        state.answered(transcode, nil, connection: "copy")
        let held = try #require(state.decide(at: seconds(16)).first?.evaluation.decision)
        #expect(held.to == 8 && held.reasons.contains(.missing(metric: "queue")))
    }

    // MARK: Health

    @Test(
        "the source's health is asked while a fall is doubted: only what it vouches for is believed, once it has held",
        arguments: [(1, 3), (0, nil), (nil, nil)] as [(Int?, Int?)])
    func health(answer: Int?, believed: Int?) throws {
        let state = Self.one(Self.policy(health: "probe", plausible: .init(maxDrop: Quantity(60), per: .seconds(60))))
        var found: Int?
        for round in 0..<8 {
            let now = seconds(15 * round)
            let questions = state.ask(at: now)
            #expect(questions.readings["probe"]?.map(\.name) == (round < 2 || found != nil ? nil : ["queue (health)"]), "round \(round)")
            state.observed(transcode, seen(4))
            state.answered(transcode, queue(round == 0 ? 100 : 10, at: now))
            if let answer { state.answered(transcode, ["queue (health)": Self.value(answer, at: now)]) }
            state.answered(transcode, nil, connection: "probe")
            let pending = state.decide(at: now)
            let decision = try #require(pending.first?.evaluation.decision)
            if round > 0, found == nil, decision.readings[0].quality == .fresh { found = round - 1 }
            if round > 4, believed == nil { #expect(decision.readings[0].evidence == "its source's health query does not vouch for it") }
            state.commit(
                pending.map { item in
                    var item = item
                    item.plan = nil
                    return item
                }, at: now)
        }
        #expect(found == believed)
    }

    // MARK: Falls of many

    /// So many workloads of one connection, each with a queue; after a first evaluation with 100, those in `fallen` have 50.
    private static func fall(
        _ count: Int, _ fallen: Range<Int>, to value: Int = 50, fleetDrop: Int? = 30, other: Int = 0, takesOver: Bool = false
    ) throws -> [[Quality]] {
        let names = (0..<count).map { "s\($0)" }, others = (0..<other).map { "t\($0)" }
        var watched = queuePolicy("watched", services: names), aside = queuePolicy("aside", services: others, connection: "elsewhere")
        watched.plausible = .init(maxDrop: Quantity(90), per: .seconds(60), fleetDrop: fleetDrop.map { Quantity($0) })
        aside.plausible = watched.plausible
        let manifests = (names + others).map { Manifest.service(service($0)) } + [.policy(watched)] + (other > 0 ? [.policy(aside)] : [])
        let known = fleet(manifests)
        var state = leader(known)
        var qualities: [[Quality]] = []
        for round in 0..<5 {
            let now = seconds(15 * round)
            let loads = (names + others).enumerated().map { index, name in
                (WorkloadID(service: name, region: "eu-west"), round == 0 || !fallen.contains(index) ? 100 : value)
            }
            let pending = state.round([:], Dictionary(uniqueKeysWithValues: loads), at: now)
            qualities.append(pending.map { $0.evaluation.decision.readings[0].quality })
            for item in pending where item.evaluation.decision.readings[0].quality == .doubted {
                #expect(item.plan == nil, "a doubted reading lowers nothing")
                if value > 0 { #expect(item.evaluation.decision.readings[0].evidence == "too many readings of its source fell at once") }
            }
            let unchanged = pending.map { item in
                var item = item
                item.plan = nil
                return item
            }
            state.commit(unchanged, at: now)
            if takesOver {
                let page = MemoryPage(number: 0, pending.map { Remembered(workload: $0.workload, evaluatedAt: now, memory: $0.evaluation.memory) })
                state = Leader(LeaderState(fleet: known, remembered: try page.remembered(), open: [], at: now))
            }
        }
        return qualities
    }

    @Test(
        "more of a connection's readings than fleetDrop fall at once: each is doubted until it has held, though it might have fallen alone; a takeover changes nothing"
    )
    func together() throws {
        let doubted: [Quality] = [.doubted, .doubted, .fresh, .fresh], fresh = [Quality](repeating: .fresh, count: 4)
        let expected = [fresh, doubted, doubted, doubted, fresh]
        #expect(try Self.fall(4, 0..<2) == expected)
        #expect(try Self.fall(4, 0..<2, takesOver: true) == expected)
        #expect(try Self.fall(4, 0..<2, to: 0).last == fresh)
    }

    @Test("a share that fleetDrop allows, a fall that is everyday noise, too few readings to compare and another connection's are no reason for doubt")
    func apart() throws {
        for (count, fallen, value, fleetDrop, other) in [
            (4, 0..<1, 50, 30, 0), (10, 0..<3, 50, 30, 0), (4, 0..<4, 75, 30, 0), (2, 0..<2, 50, 30, 0), (4, 0..<2, 50, nil, 0), (2, 0..<2, 50, 30, 6),
            (4, 4..<5, 50, 30, 6),
        ] as [(Int, Range<Int>, Int, Int?, Int)] {
            let qualities = try Self.fall(count, fallen, to: value, fleetDrop: fleetDrop, other: other)
            #expect(qualities.joined().allSatisfy { $0 == .fresh }, "\(fallen.count) of \(count) to \(value)")
        }
    }
}
