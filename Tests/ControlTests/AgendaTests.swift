import Engine
import Model
import SeededRandom
import Testing

@testable import Control

@Suite("What is due, and when")
struct AgendaTests {
    private static let ids = (0..<12).map { WorkloadID(service: "s\(100 + $0)", region: "eu-west") }

    private static func fleet(_ random: inout Seeded) -> Fleet {
        let present = Self.ids.filter { _ in random.chance(90) }
        let policies = [
            queuePolicy("fast", services: Self.ids.prefix(8).map(\.service), every: .seconds(5)),
            queuePolicy("slow", services: Self.ids.dropFirst(8).map(\.service), every: .seconds(15), connection: "others"),
        ]
        return ControlTests.fleet(present.map { .service(service($0.service)) } + policies.map { .policy($0) }, enabled: random.chance(90))
    }

    /// What every wake asked of the entries themselves before it asked their agendas.
    private struct Scan {
        var due: [WorkloadID] = []
        var looked: Set<WorkloadID> = []
        var isReady = false
        var nextWake: WallTime?

        init(_ state: LeaderState, at now: WallTime) {
            var isComplete = false, isLate = false, mayWait = false
            var wakes: [WallTime] = []
            for entry in state.entries {
                if let inquiry = entry.inquiry {
                    let until = inquiry.startedAt + LeaderState.gatherWindow
                    if inquiry.isComplete {
                        isComplete = true
                        if until <= now { isLate = true }
                    } else if until > now {
                        mayWait = true
                    }
                    if until > now || inquiry.isComplete { wakes.append(until) }
                } else {
                    wakes.append(entry.dueAt)
                    if entry.dueAt <= now { self.due.append(entry.member.id) }
                }
                if let open = entry.open, !open.busy {
                    wakes.append(open.nextLook)
                    if open.nextLook <= now { self.looked.insert(entry.member.id) }
                }
            }
            self.isReady = isLate || isComplete && !mayWait
            self.nextWake = wakes.min()
        }
    }

    @Test("the agendas tell of any life what the entries tell: who is due, what is ready, when to wake")
    func same() {
        var did = Did()
        for seed in 1...60 as ClosedRange<UInt64> { Self.live(seed, &did) }
        #expect(did.asked > 1000 && did.decided > 1000 && did.changed > 50 && did.worked > 50, "these lives say too little: \(did)")
    }

    private struct Did {
        var asked = 0
        var decided = 0
        var changed = 0
        var worked = 0
    }

    /// One life of a leader: at each step all that a wake asks is asked of both.
    private static func live(_ seed: UInt64, _ did: inout Did) {
        var random = Seeded(seed: seed)
        let leader = ControlTests.leader(Self.fleet(&random))
        var now = start
        var nextAction: Int64 = 1
        var orders: [LeaderState.Work] = []
        for step in 0..<200 {
            now = now + .milliseconds(random.pick([0, 20, 80, 100, 500, 2500, 5000]))
            switch random.int(0...9) {
            case 0, 1: did.asked += leader.ask(at: now).targets.count
            case 2, 3:
                for id in Self.ids where random.chance(60) {
                    leader.observed(id, random.chance(95) ? ControlTests.seen(random.int(1...8)) : .unseen(refusal))
                }
            case 4, 5: for id in Self.ids where random.chance(60) { leader.answered(id, queue(random.int(0...400), at: now)) }
            case 6: for id in Self.ids where random.chance(20) { leader.answered(id, nil, connection: random.pick(["jobs", "others"])) }
            case 7:
                guard leader.isReady(at: now) else { break }
                let pending = leader.decide(at: now)
                did.decided += pending.count
                let actions = leader.commit(pending, first: nextAction, at: now)
                did.changed += actions.count
                nextAction += Int64(actions.count)
            case 8:
                if random.chance(20) { leader.released(at: now) }
                for order in orders where random.chance(70) {
                    switch order.step {
                    case .observe: _ = leader.looked(order.action, ControlTests.seen(order.action.to), at: now)
                    case .attempt:
                        let outcome = random.pick([AttemptOutcome.accepted, .refused(refusal), .withheld, .retryable(refusal, after: .seconds(1))])
                        _ = leader.attempted(order.action, outcome: outcome, startedAt: now, at: now)
                    }
                }
                orders = []
            default: if random.chance(10) { _ = leader.adopt(Self.fleet(&random), at: now) }
            }
            let state = leader.state
            let expected = Scan(state, at: now)
            let due = leader.copy().ask(at: now).targets.map(\.id)
            #expect(due == expected.due, "seed \(seed), step \(step)")
            #expect(state.isReady(at: now) == expected.isReady, "seed \(seed), step \(step)")
            #expect(state.nextWake(after: now) == expected.nextWake, "seed \(seed), step \(step)")
            #expect(state.entries.agendas == state.entries.map { LeaderState.Agenda($0.value) }, "seed \(seed), step \(step)")
            // What is found to be over, or not due after all, is not among the orders.
            let work = leader.work(mayAct: random.chance(80), at: now)
            #expect(expected.looked.isSuperset(of: work.map(\.member.id)), "seed \(seed), step \(step)")
            orders += work
            did.worked += work.count
        }
    }
}
