import Foundation
import Glibc

/// A workload whose change is due at the moment of a takeover, so that a successor's first effect shows when it may act and not when its rhythm says.
///
/// Its observe program waits at a gate: the old leader asks, gets no answer and decides nothing. Once the successor's epoch is there the gate opens; the
/// successor finds a workload that was never evaluated, asks, decides, commits, looks and scales. Evaluated hourly, it costs nothing afterwards.
struct WaitingWorkload {
    let name: String
    private let cluster: BenchCluster
    private let gate: Int32
    /// An observe program that was asked gives up after this, and the old leader has then evaluated: the trial would measure the rhythm.
    static let patience = Duration.milliseconds(2500)
    private let appliedAt: ContinuousClock.Instant

    /// Once for a cluster, which has a workload from then on: a node that has none has nothing to get ready by.
    static func prepare(_ cluster: BenchCluster) async throws {
        let programs = "\(cluster.folder)/exec.d"
        try writeFile(
            """
            #!/bin/sh
            gate='\(cluster.folder)/gates'
            [ -e "$gate/$1.open" ] || read -r _ <"$gate/$1"
            if [ -e "$gate/$1.now" ]; then read -r now <"$gate/$1.now"; else now=1; fi
            echo "$now"

            """, to: "\(programs)/observe", mode: 0o755)
        try writeFile(
            """
            #!/bin/sh
            echo "$EPOCH $1" >>'\(cluster.effects.path)'
            echo "$REPLICAS" >'\(cluster.folder)/gates/'"$1.now"

            """, to: "\(programs)/scale", mode: 0o755)
        try await cluster.apply("kind: Region\nname: here\n---\nkind: Connection\nname: load\npostgres: \"\(cluster.loadDSN)\"\n", at: "a")
        try await WaitingWorkload("resident", in: cluster, through: "a").end()
    }

    init(_ name: String, in cluster: BenchCluster, through node: String) async throws {
        self.name = name
        self.cluster = cluster
        let path = "\(cluster.folder)/gates/\(name)"
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

    func open() {
        _ = write(self.gate, Self.admitted, Self.admitted.utf8.count)
        let file = Glibc.open("\(self.cluster.folder)/gates/\(self.name).open", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        close(file)
    }

    func end() {
        self.open()
        close(self.gate)
    }
}
