import Foundation
import Glibc

/// A workload whose change is due at the moment of a takeover, so that a successor's first effect shows when it may act and not when its rhythm says.
///
/// On the node that leads when the fault comes its observe program waits at a gate: the old leader asks, gets no answer and decides nothing. Everywhere else it
/// answers at once; the successor finds a workload that was never evaluated, asks, decides, commits and scales. Evaluated hourly, it costs nothing afterwards.
struct WaitingWorkload {
    let name: String
    private let gate: Int32
    /// Where this file is, the program waits.
    private let wall: String?
    /// An observe program that was asked gives up after this, and the old leader has then evaluated: the trial would measure the rhythm.
    static let patience = Duration.milliseconds(2500)
    private let appliedAt: ContinuousClock.Instant

    /// Once for a cluster, which has a workload from then on: a node that has none has nothing to get ready by.
    static func prepare(_ cluster: BenchCluster) async throws {
        let gates = "\(cluster.folder)/gates"
        for node in BenchCluster.nodes {
            try writeFile(
                """
                #!/bin/sh
                gate='\(gates)'"/$1"
                if [ -e "$gate.\(node)" ]; then read -r _ <"$gate"; fi
                now=1
                if [ -e "$gate.now" ]; then read -r now <"$gate.now"; fi
                echo "$now"

                """, to: "\(cluster.programs(node))/observe", mode: 0o755)
            try writeFile(
                """
                #!/bin/sh
                echo "$EPOCH $1" >>'\(cluster.effects.path)'
                echo "$REPLICAS" >'\(gates)'"/$1.now"

                """, to: "\(cluster.programs(node))/scale", mode: 0o755)
        }
        try await cluster.apply("kind: Region\nname: here\n---\nkind: Connection\nname: load\npostgres: \"\(cluster.loadDSN)\"\n", at: "a")
        try await WaitingWorkload("resident", in: cluster, unseenBy: nil, through: "a").end()
    }

    /// - Parameters:
    ///   - leader: the node on which the observe program waits.
    ///   - node: gets the manifests.
    init(_ name: String, in cluster: BenchCluster, unseenBy leader: String?, through node: String) async throws {
        self.name = name
        let path = "\(cluster.folder)/gates/\(name)"
        self.wall = leader.map { "\(path).\($0)" }
        if let wall = self.wall { try writeFile("", to: wall) }
        guard mkfifo(path, 0o666) == 0 else { throw ChildProcess.Failure(description: "no gate can be made at \(path): \(String(cString: strerror(errno)))") }
        self.gate = Glibc.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        self.appliedAt = .now
        try await cluster.apply(
            """
            kind: Service
            name: \(name)
            workloads:
              here: { driver: exec, observe: [observe, \(name)], scale: [scale, \(name)] }
            ---
            kind: Policy
            name: \(name)
            selector: { services: [\(name)], regions: [here] }
            mode: live
            minReplicas: 1
            maxReplicas: 8
            evaluateEvery: 1h
            metrics:
              - name: load
                maxAge: 1h
                source: { connection: load, sql: "select 50 as load" }
            rules:
              - track: { metric: load, averageValue: 10 }
            cooldown: { up: 0s, down: 0s }

            """, at: node)
    }

    var isStillWaited: Bool { ContinuousClock.now - self.appliedAt < Self.patience }

    /// More lines than programs will ever wait here.
    private static let admitted = String(repeating: "\n", count: 500)

    /// Lets go whatever waits, and whatever comes later.
    func end() {
        if let wall = self.wall { unlink(wall) }
        _ = write(self.gate, Self.admitted, Self.admitted.utf8.count)
        close(self.gate)
    }
}
