import Election
import Model
@testable import Simulator

/// Plays traces on the simulator's database: its own code, with no node at the other end. Answers are caught on their way.
struct ModelRunner {
    /// Enough for every latency and statement of the model; less than every timer of a trace.
    private static let settling: Int64 = 400_000
    /// The server looks for clients of waiting statements twice a second.
    private static let noticing: Int64 = 1_000_000
    private static let forever = Int64.max / 2
    private static let names = ["a", "b", "c", "d"]

    private var simulation: Simulation
    private var ids: [String: Int] = [:]
    private var answers: [String: String] = [:]
    private var seen: Holder?
    private var nextNumber = 1000
    private var decided = 0
    /// How many commits there were when the standby got its last.
    private var replicated = 0
    private var pooled: Set<String> = []

    init() {
        // A cluster whose server has idle timeouts and keepalives, as the seed has it.
        var seed: UInt64 = 1
        var simulation = Self.calm(seed)
        while !simulation.idleTimeouts || !simulation.keepalives {
            seed += 1
            simulation = Self.calm(seed)
        }
        // The machines' own plans: nobody acts but the trace.
        simulation.queue = EventQueue()
        self.simulation = simulation
    }

    private static func calm(_ seed: UInt64) -> Simulation {
        var scenario = Scenario(seed: seed, nodes: Self.names.count, strict: false)
        scenario.calm = true
        return Simulation(scenario)
    }

    static func timing(slice: Int64, idle: Int64) -> Timing {
        Timing(beat: .milliseconds(100), lease: .milliseconds(700), idle: .seconds(idle), evict: .seconds(idle + 1), slice: .seconds(slice))
    }

    /// What came of a step.
    mutating func play(_ step: Step) -> (answer: String?, state: String) {
        self.perform(step)
        switch step.action {
        case .wait(let seconds), .pass(let seconds): self.run(Int64(seconds * 1_000_000))
        case .vanish: self.run(Self.noticing)
        default: self.run(Self.settling)
        }
        return (self.answers[step.session], self.state.description)
    }

    private mutating func perform(_ step: Step) {
        let node = Self.names.firstIndex(of: step.session) ?? 0
        switch step.action {
        case .connect, .connectFar: self.connect(step.session, node)
        case .connectThroughPooler:
            self.pooled.insert(step.session)
            self.connect(step.session, node)
        case .check: self.send(step, .checks(pooled: self.pooled.contains(step.session)))
        case .cut: self.simulation.cut(node, until: Self.forever)
        case .moveClock, .stall, .flow, .fillDisk, .freeDisk: self.harm(step.action)
        case .loseStandby: self.replicated = self.server.commits.count
        case .failOver(let oldLives):
            self.simulation.failOver(oldLives: oldLives, missed: self.server.commits.count - self.replicated)
            // It takes connections at once.
            self.simulation.servers[self.simulation.primary].up = true
        case .retireOld: self.simulation.retire(0)
        case .campaign(let known, let slice, let idle): self.send(step, .campaign(known: Epoch(known), timing: Self.timing(slice: slice, idle: idle)))
        case .beat(let epoch): self.send(step, .beat(number: 1, epoch: Epoch(epoch)))
        case .settle(let epoch): self.send(step, .settle(Epoch(epoch), .milliseconds(700)))
        case .resign(let epoch): self.send(step, .resign(Epoch(epoch)))
        case .decide(let epoch): self.decide(step, epoch)
        case .decideLosingAnswer(let epoch):
            let before = self.simulation.servers[0].decisions.count
            self.decide(step, epoch)
            self.loseAnswer(step) { $0.servers[0].decisions.count > before }
        case .campaignLosingAnswer:
            let before = self.simulation.servers[0].durable.row.epoch
            self.send(step, .campaign(known: Epoch(0), timing: Self.timing(slice: 50, idle: 60)))
            self.loseAnswer(step) { $0.servers[0].durable.row.epoch > before }
        case .withdraw: if let id = self.ids[step.session] { self.simulation.stepDatabase(.cancel(session: id)) }
        case .terminate: if let id = self.ids[step.session] { self.simulation.terminate(id) }
        case .vanish: if let id = self.ids[step.session] { self.simulation.close(node, self.simulation.sessions[id].number) }
        case .look:
            self.seen = self.simulation.servers[0].holder.map { id in
                Holder(
                    pid: Int32(id), backendStart: Int64(id), stateChange: self.simulation.sessions[id].idleSince,
                    waitEvent: self.simulation.sessions[id].statements == 0 ? "ClientRead" : nil)
            }
        case .evict: if let seen { self.simulation.stepDatabase(.evict(server: 0, seen)) }
        case .crash:
            self.simulation.retire(0)
            self.simulation.servers[0].retired = false
            self.simulation.servers[0].up = true
        case .wait, .pass: break
        }
    }

    private mutating func connect(_ name: String, _ node: Int) {
        self.nextNumber += 1
        self.answers[name] = nil
        self.simulation.open(node, self.simulation.nodes[node].run, self.nextNumber, on: self.simulation.primary)
        guard let id = self.simulation.nodes[node].sessions[self.nextNumber] else { return }
        self.ids[name] = id
        self.simulation.sessions[id].idle = 60_000_000
    }

    private mutating func harm(_ action: Step.Action) {
        let server = self.simulation.primary
        switch action {
        case .moveClock(let seconds): self.simulation.servers[server].wallOffset = seconds * 1_000_000
        case .stall: self.simulation.servers[server].stalledUntil = Self.forever
        case .flow: self.simulation.servers[server].stalledUntil = 0
        case .fillDisk: self.simulation.servers[server].fullUntil = Self.forever
        case .freeDisk: self.simulation.servers[server].fullUntil = 0
        default: break
        }
    }

    private var server: Database { self.simulation.servers[self.simulation.primary] }

    private mutating func decide(_ step: Step, _ epoch: Int64) {
        self.decided += 1
        self.send(step, .decide(idem: self.decided, Epoch(epoch), term: 0, sentAt: Instant(nanoseconds: 0)))
    }

    private mutating func send(_ step: Step, _ statement: Statement) {
        guard let id = self.ids[step.session] else { return }
        self.answers[step.session] = nil
        self.simulation.send(self.simulation.sessions[id].node, self.simulation.sessions[id].number, statement)
    }

    /// Runs until it is done, ends the session, and drops what was already on its way to the client.
    private mutating func loseAnswer(_ step: Step, _ done: (Simulation) -> Bool) {
        let end = self.simulation.now + Self.settling
        while !done(self.simulation), self.next(until: end) {}
        if let id = self.ids[step.session] { self.simulation.terminate(id) }
        self.run(Self.settling)
        self.answers[step.session] = Answer.closed
    }

    private mutating func run(_ duration: Int64) {
        let end = self.simulation.now + duration
        while self.next(until: end) {}
        self.simulation.now = end
    }

    /// False when nothing happens until then.
    private mutating func next(until end: Int64) -> Bool {
        guard let at = self.simulation.queue.nextAt, at <= end, let (time, event) = self.simulation.queue.pop() else { return false }
        self.simulation.now = time
        switch event {
        case .toNode(let node, _, let happened): self.note(happened, node)
        case .beatAnswer(let node, _, _, _, let current): self.answers[Self.names[node]] = Answer.beat(current)
        case .decided(let node, _, _, _, _, _, let committed): self.answers[Self.names[node]] = committed ? Answer.committed : Answer.noRoom
        // The old primary lives for as long as the trace says.
        case .retire: break
        default: self.simulation.stepDatabase(event)
        }
        return true
    }

    private mutating func note(_ event: ElectionEvent, _ node: Int) {
        let answer: String? =
            switch event {
            case .granted(_, let grant):
                Answer.granted(
                    grant.epoch.value, timeline: Int64(grant.timeline), lease: grant.earlierLease.microseconds / 1000,
                    before: grant.predecessor.map { before in
                        (self.letter(of: before.node) ?? before.node, before.epoch.value, before.resigned, before.settled)
                    })
            case .sliceElapsed: Answer.sliceOver
            case .checksPassed: Answer.passed
            case .refused(_, .pooler): Answer.pooler
            case .settled: Answer.settled(true)
            case .settleFailed: Answer.settled(false)
            case .resignAnswered(_, let released): released ? Answer.released : Answer.notReleased
            case .fenced: Answer.fenced
            case .sessionClosed: Answer.closed
            default: nil
            }
        if let answer { self.answers[Self.names[node]] = answer }
    }

    private func letter(of name: String) -> String? { self.simulation.nodes.firstIndex { $0.name == name }.map { Self.names[$0] } }

    private var state: ServerState {
        let server = self.server
        let row = server.durable.row
        return ServerState(
            holder: server.holder.map { Self.names[self.simulation.sessions[$0].node] },
            waiting: server.queue.map { Self.names[self.simulation.sessions[$0].node] }, epoch: row.epoch.value, node: row.node.map { Self.names[$0] },
            resigned: row.resigned, settled: row.settled, decisions: server.decisions.count)
    }
}
