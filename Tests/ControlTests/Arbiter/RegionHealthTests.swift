@testable import Control
import Engine
import Model
import SeededRandom
import Testing

/// Regions with a few services each, and what the services need.
private struct World {
    var health: RegionHealth
    var needs: [WorkloadID: Int] = [:]
    var events: [RegionHealth.Event] = []
    let services: [String]

    init(
        _ failover: [String: [String]], services: [String] = ["api", "web"], share: Quantity = Quantity(1), fade: Duration = .seconds(600),
        needs: [String: Int] = [:]
    ) {
        self.services = services
        let regions = Set(failover.keys).union(failover.values.joined()).sorted()
        let fleet = ControlTests.fleet(
            services.map { .service(service($0, regions: regions)) } + [.policy(queuePolicy(max: 100))]
                + regions.map { name in .region(Region(name: name, failover: failover[name].map { .init(to: $0, share: share, fade: fade) })) })
        self.health = RegionHealth(fleet)
        for region in regions { for service in services { self.needs[WorkloadID(service: service, region: region)] = needs[region] ?? 4 } }
    }

    /// All workloads of a region are looked at.
    mutating func look(_ region: String, isSeen: Bool) {
        for service in self.services {
            let id = WorkloadID(service: service, region: region)
            self.health.observed(id, isSeen ? seen(4) : .unseen(refusal), need: self.needs[id])
        }
    }
    mutating func update(at second: Int) { self.events += self.health.update(at: seconds(second)) { [needs] in needs[$0] } }
    /// Unseen for long enough.
    mutating func lose(_ region: String, at second: Int) {
        self.look(region, isSeen: false)
        self.update(at: second)
        self.update(at: second + 30)
    }
    mutating func find(_ region: String, at second: Int) {
        self.look(region, isSeen: true)
        self.update(at: second)
    }
    func floor(_ region: String, at second: Int, service: String = "api") -> Int? {
        self.health.floor(of: WorkloadID(service: service, region: region), at: seconds(second))?.replicas
    }
    mutating func takeOver() throws {
        self.health.memory = try RegionMemory(json: JSON(parsing: self.health.memory.json.text))
    }
}

@Suite("Regions that can't be seen")
struct RegionHealthTests {
    @Test("a region counts as down once none of its workloads could be seen for as long as its policies say")
    func down() {
        var world = World(["a": ["b"]])
        world.look("a", isSeen: false)
        world.update(at: 0)
        #expect(world.health.isDark("a") && world.floor("b", at: 0) == nil)
        world.update(at: 29)
        #expect(world.events.isEmpty)
        world.update(at: 30)
        #expect(world.events.map(\.kind) == [.lost, .floorsBegin] && world.floor("b", at: 30) == 8)
        #expect(
            world.events.first?.text
                == "region a is down: none of its workloads can be seen (2), since 2026-05-28T12:00:00.000Z; its load goes to b")
        #expect(world.events.last?.text == "others have floors for the load of a: api/b at least 8, web/b at least 8")
        #expect(world.events.last?.floors == [WorkloadID(service: "api", region: "b"): 8, WorkloadID(service: "web", region: "b"): 8])
        world.update(at: 60)
        #expect(world.events.count == 2, "said once")
    }

    @Test("one sign of life is enough: one workload seen, or gone, or never looked at")
    func life() {
        for sign in [Observation.seen(desired: 1, current: 1, ready: 0, version: nil), .gone, nil] {
            var world = World(["a": ["b"]])
            world.health.observed(WorkloadID(service: "api", region: "a"), .unseen(refusal), need: 4)
            if let sign { world.health.observed(WorkloadID(service: "web", region: "a"), sign, need: 4) }
            world.update(at: 0)
            world.update(at: 60)
            #expect(!world.health.isDark("a") && world.events.isEmpty)
        }
        var world = World(["a": ["b"]])
        world.look("a", isSeen: false)
        world.update(at: 0)
        world.find("a", at: 20)
        world.look("a", isSeen: false)
        world.update(at: 25)
        world.update(at: 54)
        #expect(world.events.isEmpty, "counted anew")
        world.update(at: 55)
        #expect(world.events.first?.kind == .lost)
    }

    @Test("one workload alone does not make a region down, unless its nodes are; and nodes do alone")
    func nodes() {
        var world = World(["a": ["b"]], services: ["api"])
        world.lose("a", at: 0)
        #expect(!world.health.isDark("a"))
        world.health.nodes(RegionSight(up: ["a"]))
        world.update(at: 60)
        #expect(!world.health.isDark("a"))
        world.health.nodes(RegionSight(down: ["a"]))
        world.update(at: 100)
        world.update(at: 130)
        #expect(world.floor("b", at: 130) == 8 && world.events.first?.text.contains("and its nodes do not answer") == true)
    }

    @Test("coming back is gradual: what was asked of others fades over ten minutes")
    func back() {
        var world = World(["a": ["b"]], needs: ["a": 10, "b": 6])
        world.lose("a", at: 0)
        #expect(world.floor("b", at: 1000) == 16)
        world.find("a", at: 1000)
        #expect(!world.health.isDark("a") && world.events.map(\.kind) == [.lost, .floorsBegin, .returned])
        let floors = [1000, 1001, 1060, 1061, 1300, 1599, 1600, 900].map { world.floor("b", at: $0) }
        #expect(floors == [16, 16, 15, 15, 11, 7, nil, 16])
        world.update(at: 1600)
        #expect(world.health.memory == RegionMemory(), "nothing is left to remember")
        #expect(world.events.last?.kind == .floorsEnd && world.events.last?.at == seconds(1600))
    }

    @Test("a floor says when it has faded: never by itself while the region is down, with the last of several that are back")
    func end() {
        var world = World(["a": ["c"], "b": ["c"]], needs: ["a": 10, "b": 5, "c": 3])
        func until(_ world: World, at second: Int) -> WallTime? {
            world.health.floor(of: WorkloadID(service: "api", region: "c"), at: seconds(second))?.until
        }
        world.lose("a", at: 0)
        #expect(world.floor("c", at: 30) == 13 && until(world, at: 30) == nil)
        world.find("a", at: 100)
        #expect(until(world, at: 100) == seconds(700))
        world.lose("b", at: 200)
        #expect(until(world, at: 230) == nil)
        world.find("b", at: 300)
        #expect(until(world, at: 300) == seconds(900) && until(world, at: 750) == seconds(900))
    }

    @Test("it fades as its manifest says, at once if that says so")
    func fade() {
        for (fade, expected) in [(60, [16, 11, 7, nil]), (0, [nil, nil, nil, nil])] as [(Int, [Int?])] {
            var world = World(["a": ["b"]], fade: .seconds(fade), needs: ["a": 10, "b": 6])
            world.lose("a", at: 0)
            #expect(world.floor("b", at: 90) == 16)
            world.find("a", at: 100)
            #expect([100, 130, 159, 160].map { world.floor("b", at: $0) } == expected)
        }
    }

    @Test("what the leader's own trouble hides, and what a person says, is no sign of the region's")
    func noSign() {
        var world = World(["a": ["b"]])
        for code in ["exec.busy", "exec.cancelled", "exec.kind", "driver.unanswered"] {
            for name in world.services {
                world.health.observed(WorkloadID(service: name, region: "a"), .unseen(DriverError(code: code, message: "not asked")), need: 4)
            }
        }
        world.update(at: 0)
        #expect(!world.health.isDark("a") && world.health.memory == RegionMemory())

        let byHand = Service(name: "hand", workloads: ["a": .manual, "b": .manual])
        let region = Manifest.region(Region(name: "a", failover: .init(to: ["b"])))
        let fleet = ControlTests.fleet([.service(byHand), .service(service("api", regions: ["a", "b"])), .policy(queuePolicy()), region])
        var health = RegionHealth(fleet)
        for name in ["hand", "api"] { health.observed(WorkloadID(service: name, region: "a"), .unseen(refusal), need: 4) }
        #expect(health.update(at: start) { _ in 4 }.isEmpty && !health.isDark("a"), "api alone says more of itself")
        health.nodes(RegionSight(down: ["a"]))
        _ = health.update(at: seconds(1)) { _ in 4 }
        #expect(health.update(at: seconds(31)) { _ in 4 }.map(\.kind) == [.lost, .floorsBegin])
        #expect(health.floor(of: WorkloadID(service: "hand", region: "b"), at: seconds(31))?.replicas == 8, "its load moves like any other")
    }

    @Test("a new leader that has heard of no node goes on from what its predecessor knew, until it has")
    func nodesAtTakeover() throws {
        var world = World(["a": ["b"]])
        world.health.nodes(RegionSight(up: ["b"], down: ["a"]))
        world.update(at: 0)
        try world.takeOver()
        world.health.nodes(RegionSight(up: ["b"], unknown: ["a"]))
        world.update(at: 30)
        #expect(world.floor("b", at: 30) == 8)
        world.health.nodes(RegionSight(up: ["a", "b"]))
        world.update(at: 31)
        #expect(!world.health.isDark("a"))
    }

    @Test("a region lost again while it comes back is asked for in full, with what it needed first")
    func again() {
        var world = World(["a": ["b"]], needs: ["a": 10, "b": 6])
        world.lose("a", at: 0)
        world.find("a", at: 100)
        world.needs = world.needs.mapValues { _ in 1 }
        world.look("a", isSeen: false)
        world.update(at: 400)
        #expect(world.floor("b", at: 400) == 11, "it fades on until it is down again")
        world.update(at: 430)
        #expect(world.floor("b", at: 430) == 16)
    }

    @Test("the own need is that of the moment of loss: load that has arrived does not count twice")
    func noDoubling() {
        var world = World(["a": ["b"]], needs: ["a": 10, "b": 6])
        world.lose("a", at: 0)
        world.needs[WorkloadID(service: "api", region: "b")] = 16
        world.update(at: 60)
        #expect(world.floor("b", at: 60) == 16)
    }

    @Test("a share is rounded up, and each region that is named gets the whole of it")
    func share() {
        var world = World(["a": ["b", "c"]], share: Quantity(milli: 500), needs: ["a": 9, "b": 2, "c": 3])
        world.lose("a", at: 0)
        #expect(world.floor("b", at: 30) == 7 && world.floor("c", at: 30) == 8 && world.floor("a", at: 30) == nil)
    }

    @Test("two lost regions add up on one own need")
    func two() {
        var world = World(["a": ["c"], "b": ["c"]], needs: ["a": 10, "b": 5, "c": 3])
        world.lose("a", at: 0)
        world.needs[WorkloadID(service: "api", region: "c")] = 13
        world.lose("b", at: 100)
        #expect(world.floor("c", at: 130) == 18)
    }

    @Test("in a circle nothing doubles: who carries the other's load and is lost in its turn needed its own")
    func circle() {
        var world = World(["a": ["b"], "b": ["a"]], needs: ["a": 10, "b": 6])
        world.lose("a", at: 0)
        #expect(world.floor("b", at: 30) == 16)
        world.needs[WorkloadID(service: "api", region: "b")] = 16
        world.lose("b", at: 100)
        #expect(world.floor("a", at: 130) == nil && world.floor("b", at: 130) == nil, "of what can't be seen nothing is asked")
        #expect(world.health.isDark("a") && world.health.isDark("b"))
        world.find("a", at: 200)
        #expect(world.floor("a", at: 200) == 16 && world.floor("b", at: 200) == nil)
        world.find("b", at: 300)
        #expect(world.floor("a", at: 300) == 16 && world.floor("b", at: 300) == 6 + 9, "both fade")
        world.update(at: 900)
        #expect(world.health.memory == RegionMemory())
    }

    @Test("a region that names itself, one that is not there, and a chain: the load is passed on once and no further")
    func odd() {
        var own = World(["a": ["a"]])
        own.lose("a", at: 0)
        #expect(own.floor("a", at: 30) == nil && own.events.first?.text.hasSuffix("nobody takes its load") == true)
        var chain = World(["a": ["b"], "b": ["c"]], needs: ["a": 10, "b": 6, "c": 1])
        chain.lose("a", at: 0)
        chain.lose("b", at: 100)
        #expect(chain.floor("c", at: 130) == 7, "of b, not of a")
    }

    @Test("what is remembered survives as JSON, and what is not JSON of it is an error with its place")
    func json() throws {
        var world = World(["a": ["b"]], needs: ["a": 10, "b": 6])
        world.look("a", isSeen: false)
        try world.takeOver()
        world.update(at: 0)
        try world.takeOver()
        world.update(at: 30)
        try world.takeOver()
        #expect(world.floor("b", at: 30) == 16)
        world.find("a", at: 100)
        let before = world.health.memory
        try world.takeOver()
        #expect(world.health.memory == before && world.floor("b", at: 400) == 11)
        for (text, pointer) in [
            (#"{"a":{"needs":{"api":-1}}}"#, "/a/needs/api"), (#"{"a":{"own":{"api":1}}}"#, "/a/own/api"), (#"{"a":{"downSince":"x"}}"#, "/a/downSince"),
            (#"{"a":{"unseen":["api"]}}"#, "/a/unseen"), ("[]", ""),
        ] {
            let json = try JSON(parsing: text)
            #expect { try RegionMemory(json: json) } throws: { ($0 as? JSONError)?.pointer == pointer }
        }
    }

    @Test(
        "whatever is lost and found in whatever order, takeovers change nothing and floors stay within own and lost needs",
        arguments: 0..<200 as Range<UInt64>)
    func property(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let names = ["a", "b", "c"]
        var failover: [String: [String]] = [:]
        for name in names where random.chance(80) { failover[name] = names.filter { _ in random.chance(60) } }
        let needs = Dictionary(uniqueKeysWithValues: names.map { ($0, random.int(0...9)) })
        var world = World(failover.merging(["z": ["a"]]) { first, _ in first }, needs: needs)
        var disturbed = world
        var second = 0
        for _ in 0..<40 {
            second += random.int(0...40)
            let region = random.pick(names), isSeen = random.chance(50)
            for isDisturbed in [false, true] {
                var one = isDisturbed ? disturbed : world
                one.look(region, isSeen: isSeen)
                if isDisturbed, seed % 3 != 0 || second % 2 == 0 { try one.takeOver() }
                one.update(at: second)
                if isDisturbed { disturbed = one } else { world = one }
            }
            #expect(world.health.memory == disturbed.health.memory && world.events == disturbed.events, "seed \(seed)")
            for name in names {
                let floor = world.floor(name, at: second) ?? 0
                #expect(floor <= 4 + 3 * 9 + 9, "seed \(seed): \(floor)")
                #expect(floor == 0 || !world.health.isDark(name), "seed \(seed)")
            }
        }
    }
}

@Suite("Failover in a leader's round")
struct FailoverInRoundTests {
    private static let ids = ["api", "web"].flatMap { name in ["eu", "us"].map { WorkloadID(service: name, region: $0) } }
    private static func state(_ extra: [Manifest] = []) -> Leader {
        leader(
            fleet(
                [
                    .service(service("api", regions: ["eu", "us"])), .service(service("web", regions: ["eu", "us"])), .policy(queuePolicy(max: 40)),
                    .region(Region(name: "eu", failover: .init(to: ["us"]))),
                ] + extra))
    }
    private static let load = Dictionary(uniqueKeysWithValues: ids.map { ($0, $0.region == "eu" ? 250 : 100) })
    private static let all = Dictionary(uniqueKeysWithValues: ids.map { ($0, seen($0.region == "eu" ? 10 : 4)) })
    private static let lost = all.merging(ids.filter { $0.region == "eu" }.map { ($0, .unseen(refusal)) }) { $1 }

    @Test("the survivors get their own need and the lost region's, and say why; nothing is lowered where nothing can be seen")
    func survivors() {
        let state = Self.state()
        for (second, sizes) in [(0, Self.all), (15, Self.lost), (30, Self.lost)] {
            let pending = state.round(sizes, Self.load, at: seconds(second))
            #expect(pending.allSatisfy { $0.plan == nil }, "at \(second)")
            state.commit(pending, at: seconds(second))
        }
        let pending = state.round(Self.lost, Self.load, at: seconds(45))
        #expect(pending.map { $0.plan?.to } == [nil, 14, nil, 14])
        let decision = pending[1].evaluation.decision
        #expect(decision.reasons.contains(.failoverFloor(region: "eu", until: nil)))
        #expect(decision.steps.contains { $0.name == .floors && $0.text == "at least 14: the load of eu comes here" })
        let changes = state.state.regionChanges
        #expect(changes.events.map(\.kind) == [.lost, .floorsBegin] && changes.facts["eu"]??.state == .down)
        #expect(state.state.regionChanges == changes, "until it is committed")
        state.state.regionsCommitted(changes)
        #expect(state.state.regionChanges.isEmpty)
        state.commit(pending, at: seconds(45))

        let back = state.round(Self.all, Self.load, at: seconds(60))
        #expect(back[1].evaluation.decision.reasons.contains(.failoverFloor(region: "eu", until: seconds(660))))
        let words = back[1].evaluation.decision.steps.first { $0.name == .floors }?.text
        #expect(words?.hasPrefix("at least 14: eu is back, its load leaves here until") == true, "\(words ?? "")")
        #expect(state.state.regionChanges.facts["eu"]??.since == seconds(60))
    }

    @Test("a region whose nodes are down is not lowered, though its workloads can be seen")
    func dark() {
        let state = Self.state()
        state.state.nodes(RegionSight(down: ["eu"]))
        let pending = state.round(Self.all, Self.load.mapValues { _ in 25 }, at: start)
        #expect(pending.map { $0.plan?.to } == [nil, 1, nil, 1])
        #expect(pending[0].evaluation.decision.reasons.contains(.regionDown("eu")))
    }

    @Test("a floor is a minimum to a ceiling: it comes before anybody's rest")
    func ceiling() {
        let state = Self.state([.region(Region(name: "us", maxReplicas: 20)), .service(service("batch", priority: -1, regions: ["us"]))])
        let batch = WorkloadID(service: "batch", region: "us")
        let load = Self.load.merging([batch: 300]) { $1 }
        for (second, sizes) in [(0, Self.all), (15, Self.lost), (30, Self.lost), (45, Self.lost)] {
            let sizes = sizes.merging([batch: seen(4)]) { $1 }
            let pending = state.round(sizes, load, at: seconds(second))
            if second == 45 {
                // 12 of 20 are taken; both want 14, and batch makes room down to its minimum.
                #expect(pending.map { $0.plan?.to } == [nil, 8, 1, nil, 8])
                #expect(state.state.overcommitments.map(\.excess) == [9])
            } else {
                for item in pending { #expect(item.workload == batch || item.plan == nil) }
            }
            state.commit(second == 45 ? pending : pending.filter { $0.workload != batch }, at: seconds(second))
        }
    }
}
