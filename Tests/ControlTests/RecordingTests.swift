import Control
import Engine
import Model
import SeededRandom
import Testing

@Suite("Which evaluations become decisions in the log")
struct RecordingTests {
    private static func isNew(_ decision: Decision, after last: Decision?) -> Bool { Recording.isNew(decision, after: last.map(Recorded.init)) }

    private static func decision(
        _ kind: Decision.Kind = .held, acted: Bool = false, from: Int? = 4, to: Int? = 4, reasons: [Reason] = [.withinTolerance], version: Int = 7,
        at: WallTime = start
    ) -> Decision {
        Decision(
            workload: transcode, policy: .init(name: "queue", version: version, sha256: "ab12"), at: at, kind: kind, from: from, to: to, wanted: to,
            acted: acted, readings: [], proposals: [], steps: [], reasons: reasons, confidence: .zero, urgency: .low, sentence: "at \(at)")
    }

    @Test("what acts is always recorded")
    func acts() {
        let up = Self.decision(.up, acted: true, to: 8)
        #expect(Self.isNew(up, after: nil))
        #expect(Self.isNew(up, after: up))
    }

    @Test(
        "a workload that is as it should be is not recorded",
        arguments: [
            Reason.withinTolerance, .rule("queue"), .cooldown(until: seconds(9)), .atMin, .atMax, .sustaining(metric: "queue", until: seconds(9)),
            .inFlight(action: "a-1"),
        ])
    func quiet(reason: Reason) {
        #expect(!Self.isNew(Self.decision(reasons: [reason]), after: nil))
        #expect(!Self.isNew(Self.decision(reasons: [reason]), after: Self.decision(.up, acted: true, to: 8)))
    }

    @Test(
        "what an auditor would ask about is recorded once, whatever the time",
        arguments: [
            Reason.stale(metric: "queue"), .missing(metric: "queue"), .unobserved("timeout"), .override(owner: "anna", until: seconds(9)), .emergency,
            .budgetDenied(by: "budget:fleet"), .paused(owner: "anna", until: seconds(9)), .off, .disabled,
        ])
    func notable(reason: Reason) {
        let first = Self.decision(reasons: [reason])
        #expect(Self.isNew(first, after: nil))
        #expect(Self.isNew(first, after: Self.decision(.up, acted: true, to: 8)))
        #expect(!Self.isNew(Self.decision(reasons: [reason], at: seconds(15)), after: first))
        let other: [Reason] = [reason, .missing(metric: "memory")]
        #expect(Self.isNew(Self.decision(reasons: other), after: first))
        #expect(Self.isNew(Self.decision(reasons: [reason], version: 8), after: first), "another version of the policy says it")
    }

    @Test("a change that is only recommended is recorded once for each number")
    func recommended() {
        let six = Self.decision(.up, to: 6, reasons: [.recommendOnly])
        #expect(Self.isNew(six, after: nil))
        #expect(!Self.isNew(Self.decision(.up, to: 6, reasons: [.recommendOnly], at: seconds(15)), after: six))
        #expect(Self.isNew(Self.decision(.up, to: 8, reasons: [.recommendOnly]), after: six))
        #expect(Self.isNew(Self.decision(.up, from: 5, to: 6, reasons: [.recommendOnly]), after: six))
    }

    @Test("coming back to normal after a hold is one line, and only one")
    func backToNormal() {
        let missing = Self.decision(reasons: [.missing(metric: "queue")])
        let normal = Self.decision()
        #expect(Self.isNew(normal, after: missing))
        #expect(!Self.isNew(normal, after: normal))
        #expect(!Self.isNew(normal, after: Self.decision(.up, acted: true, to: 8)), "what acted needs no all-clear")
    }
}

@Suite("What a leader evaluates by")
struct FleetTests {
    @Test("a workload without a policy is left alone; with several, the first by name counts on every node")
    func resolution() {
        let manifests: [Manifest] = [
            .policy(queuePolicy("b", services: ["*"])), .policy(queuePolicy("a", services: ["transcode"])),
            .service(service("transcode", priority: 10, regions: ["us-east", "eu-west"])), .service(service("search")),
        ]
        for order in [manifests, manifests.reversed()] {
            let fleet = fleet(order)
            #expect(fleet.members.map(\.id.description) == ["search/eu-west", "transcode/eu-west", "transcode/us-east"])
            #expect(fleet.members.map(\.policy.name) == ["b", "a", "a"])
            #expect(fleet.members[1].workload.priority == 10 && fleet.members[1].workload.startup == .seconds(40))
            #expect(fleet.members[1].reference == .init(name: "a", version: 7, sha256: "ab12"))
        }
        #expect(fleet([.service(service("search")), .policy(queuePolicy(services: ["transcode"]))]).members.isEmpty)
    }

    @Test("the policy's selector chooses regions as well as services")
    func regions() {
        var policy = queuePolicy()
        policy.selector = Selector(services: ["transcode"], regions: ["eu-west"])
        let fleet = fleet([.policy(policy), .service(service("transcode", regions: ["eu-west", "us-east"]))])
        #expect(fleet.members.map(\.id) == [transcode])
    }

    @Test("everything else is found by its name, budgets in one order")
    func rest() {
        let fleet = fleet([
            .region(Region(name: "eu-west", maxReplicas: 200)), .connection(Connection(name: "jobs", postgres: "dbname=jobs")),
            .budget(Budget(name: "z", selector: Selector(), maxReplicas: 1)), .budget(Budget(name: "a", selector: Selector(), maxReplicas: 2)),
        ])
        #expect(fleet.regions["eu-west"]?.maxReplicas == 200)
        #expect(fleet.connections["jobs"]?.postgres == "dbname=jobs")
        #expect(fleet.budgets.map(\.name) == ["a", "z"])
    }

    @Test("of two overrides of one workload the newer counts")
    func overrides() {
        func override(_ replicas: Int, since: Int) -> Override {
            Override(workload: transcode, replicas: replicas, owner: "anna", reason: "sale", since: seconds(since), until: seconds(999))
        }
        for order in [[override(3, since: 1), override(9, since: 2)], [override(9, since: 2), override(3, since: 1)]] {
            #expect(fleet([], overrides: order).overrides[transcode]?.replicas == 9)
        }
    }
}

@Suite("Cluster time")
struct ClusterClockTests {
    @Test("it starts at the database's clock and goes on by the monotonic one")
    func runs() {
        let clock = ClusterClock(database: start, newestWritten: nil, monotonicNanoseconds: 5_000)
        #expect(clock.time(monotonicNanoseconds: 5_000) == start)
        #expect(clock.time(monotonicNanoseconds: 2_000_005_000) == seconds(2))
    }

    @Test("it never starts before what a predecessor wrote, and starts ahead when the database's clock jumped ahead")
    func starts() {
        #expect(ClusterClock(database: start, newestWritten: seconds(30), monotonicNanoseconds: 0).time(monotonicNanoseconds: 0) == seconds(30))
        #expect(ClusterClock(database: seconds(3600), newestWritten: seconds(30), monotonicNanoseconds: 0).time(monotonicNanoseconds: 0) == seconds(3600))
    }

    @Test("it never goes back, from leader to leader, whatever the database's clock does", arguments: 0..<50 as Range<UInt64>)
    func monotonic(seed: UInt64) {
        var random = Seeded(seed: seed)
        var newest: WallTime?
        for _ in 0..<20 {
            let origin = Int64(random.int(0...1_000_000_000))
            let database = start + .seconds(random.int(-100_000...100_000))
            let clock = ClusterClock(database: database, newestWritten: newest, monotonicNanoseconds: origin)
            var ticks = origin - Int64(random.int(0...1000))
            for _ in 0..<5 {
                ticks += Int64(random.int(0...3_000_000_000))
                let now = clock.time(monotonicNanoseconds: ticks)
                #expect(newest.map { now >= $0 } ?? true, "seed \(seed)")
                newest = now
            }
        }
    }
}
