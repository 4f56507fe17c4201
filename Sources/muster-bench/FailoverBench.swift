import Foundation
import Glibc
import Postgres

/// From a fault of the leader to its successor's first commit and first effect.
///
/// Times are of one boot clock. `decide`: the database has announced the commit of the successor's epoch to a session of the benchmark's own.
/// `gate`: the row says that nothing of an earlier leader can still happen, so that the successor may act. `act`: the scale program of a workload whose
/// change was due has run; see ``WaitingWorkload``.
enum FailoverBench {
    static let defaultTrials = 10
    /// After this a fault counts as not survived.
    private static let trialLimit = Duration.seconds(30)

    enum Fault: String, CaseIterable, Sendable {
        case sigkill, resign, terminated, sigstop, cut
        var isSilent: Bool { self == .sigstop || self == .cut }
        var words: String {
            switch self {
            case .sigkill: "SIGKILL of the leader"
            case .resign: "SIGTERM of the leader, which hands over"
            case .terminated: "pg_terminate_backend of the lock session"
            case .sigstop: "SIGSTOP of the leader"
            case .cut: "no packet between the leader and Postgres, both ways"
            }
        }
    }

    static func run(_ options: BenchOptions) async throws {
        for setup in Setup.allCases {
            let faults = Fault.allCases.filter { setup.has($0) && options.wants(setup.name(of: $0)) }
            let peers = setup == .plain ? PeerFailures.Fault.allCases.filter { options.wants($0.rawValue) } : []
            guard !faults.isEmpty || !peers.isEmpty else { continue }
            let cluster = try await BenchCluster.up(timing: setup.timing, isSupervised: setup == .supervised)
            do {
                try await WaitingWorkload.prepare(cluster)
                for fault in faults { try await Self.measure(fault, setup, cluster, trials: options.trials ?? Self.defaultTrials) }
                for fault in peers { try await PeerFailures.measure(fault, cluster, trials: options.trials ?? Self.defaultTrials) }
                try await Self.checkEpochs(cluster)
            } catch {
                writeError(BenchCluster.nodes.map { "--- node \($0)\n\(cluster.log($0).suffix(3000))" }.joined(separator: "\n"))
                await cluster.down()
                throw error
            }
            await cluster.down()
        }
        if options.withPeers { try await PeerSystems.run(options) }
    }

    /// How the nodes are set up.
    private enum Setup: CaseIterable {
        case plain, fast, supervised

        var timing: String { self == .fast ? "fast" : "default" }

        /// What this setup changes.
        func has(_ fault: Fault) -> Bool {
            switch self {
            case .plain: true
            case .fast: fault.isSilent
            // A supervisor sees processes; it is no help against a network.
            case .supervised: fault == .sigkill || fault == .sigstop
            }
        }

        func name(of fault: Fault) -> String { self == .plain ? fault.rawValue : "\(fault.rawValue)-\(self)" }
    }

    private static func measure(_ fault: Fault, _ setup: Setup, _ cluster: BenchCluster, trials: Int) async throws {
        let name = setup.name(of: fault)
        if fault == .cut, cluster.network == nil {
            Measurement(bench: "failover", case: name, who: "muster", skipped: cluster.noNetwork).report()
            return
        }
        var decide: [Double] = []
        var gate: [Double] = []
        var act: [Double] = []
        for number in 1...trials {
            let trial = try await Self.trial(fault, cluster, workload: "\(name)-\(number)")
            decide.append(trial.decide)
            if let time = trial.gate { gate.append(time) }
            if let time = trial.act { act.append(time) }
        }
        let missing = trials - act.count
        let place = cluster.network == nil ? "all on the loopback interface" : "each node a network namespace"
        let supervised = cluster.isSupervised ? ", each with a supervisor" : ""
        let note = "\(fault.words); timing \(cluster.timing), 3 nodes\(supervised), \(place)"
        for (metric, times) in [("decide", decide), ("gate", gate), ("act", act)] {
            let lost = metric == "act" && missing > 0 ? "; in \(missing) trials nothing happened within \(Self.trialLimit)" : ""
            Measurement(bench: "failover", case: name, who: "muster", metric: metric, unit: "ms", samples: times, note: note + lost).report()
        }
    }

    private struct Trial {
        var decide: Double
        var gate: Double?
        var act: Double?
    }

    private static func trial(_ fault: Fault, _ cluster: BenchCluster, workload name: String, attempt: Int = 1) async throws -> Trial {
        try await cluster.refresh()
        let leader = try await cluster.leader(after: 0)
        let through = BenchCluster.nodes.first { $0 != leader.node } ?? "a"
        let workload = try await WaitingWorkload("\(name)-\(attempt)", in: cluster, unseenBy: leader.node, through: through)
        defer { workload.end() }
        // At no particular moment of beat or slice, when the nodes, which look for a changed configuration twice a second, know of the workload.
        try await Task.sleep(for: .microseconds(Int.random(in: 600_000...1_100_000)))
        guard workload.isStillWaited, try await cluster.row()?.epoch == leader.epoch else {
            guard attempt < 10 else { throw ChildProcess.Failure(description: "the machine is too slow for a trial: applying a manifest takes seconds") }
            return try await Self.trial(fault, cluster, workload: name, attempt: attempt + 1)
        }
        let began = try await Self.inject(fault, leader, cluster)
        let trial = try await Self.watch(cluster, workload, after: leader.epoch, since: began)
        try await Self.mend(fault, leader, cluster)
        return trial
    }

    /// Returns the moment of the fault.
    private static func inject(_ fault: Fault, _ leader: BenchCluster.Leader, _ cluster: BenchCluster) async throws -> Int64 {
        let process = try cluster.worker(leader.node)
        let now = bootNanoseconds()
        switch fault {
        case .sigkill: kill(process, SIGKILL)
        case .resign: kill(process, SIGTERM)
        case .sigstop: kill(process, SIGSTOP)
        case .terminated: _ = try await cluster.session.query("select pg_terminate_backend($1)", [.int(leader.backend)])
        case .cut: try await cluster.network?.cut(leader.node)
        }
        return now
    }

    private static func mend(_ fault: Fault, _ leader: BenchCluster.Leader, _ cluster: BenchCluster) async throws {
        switch fault {
        case .sigkill, .terminated: break
        case .resign: _ = try await cluster.child(leader.node).ended(within: .seconds(20))
        case .sigstop: kill(try cluster.worker(leader.node), SIGCONT)
        case .cut: try await cluster.network?.heal(leader.node)
        }
        _ = try await cluster.leader(after: leader.epoch)
    }

    private static func watch(_ cluster: BenchCluster, _ workload: WaitingWorkload, after epoch: Int64, since began: Int64) async throws -> Trial {
        var decide: Double?
        var gate: Double?
        var act: Double?
        var next = epoch + 1
        let trial = await cluster.events.first(within: Self.trialLimit) { event -> Trial? in
            switch event {
            case .leader(let newer, let settled, let at) where newer > epoch:
                if decide == nil {
                    decide = milliseconds(from: began, to: at)
                    next = newer
                }
                if gate == nil, settled { gate = milliseconds(from: began, to: at) }
            case .effect(let effect) where effect.workload == workload.name && effect.epoch >= next && act == nil:
                act = milliseconds(from: began, to: effect.at)
            case .leader, .effect, .alarm: break
            }
            guard let decide, let gate, let act else { return nil }
            return Trial(decide: decide, gate: gate, act: act)
        }
        if let trial { return trial }
        guard let decide else { throw ChildProcess.Failure(description: "nobody leads \(Self.trialLimit) after the fault") }
        return Trial(decide: decide, gate: gate, act: act)
    }

    /// A number of no value if the cluster was wrong meanwhile: epochs rise, and no effect of an old one follows a newer one's first.
    private static func checkEpochs(_ cluster: BenchCluster) async throws {
        let wrong = try await cluster.session.query(
            "select count(*) from (select epoch, lag(epoch) over (order by at) before from muster.term) t where epoch <= before")
        guard let row = wrong.first, try row[0].int() == 0 else { throw ChildProcess.Failure(description: "epochs did not rise: see muster.term") }
        var newest: Int64 = 0
        for effect in cluster.effects.all {
            guard effect.epoch >= newest else {
                throw ChildProcess.Failure(description: "an effect of epoch \(effect.epoch) on \(effect.workload) followed one of epoch \(newest)")
            }
            newest = effect.epoch
        }
    }
}
