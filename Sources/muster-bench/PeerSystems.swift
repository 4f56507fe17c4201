/// Other systems that elect, measured on the same machine in the same run: with `--with-peers` only.
enum PeerSystems {
    static func run(_ options: BenchOptions) async throws {
        await EtcdBench.run(options)
        await PatroniBench.run(options)
    }
}

/// The trials of one case of another system. One that fails ends them: what was measured before stands, and its number is printed.
struct PeerSeries {
    let name: String
    let who: String
    let asked: Int
    private(set) var times: [Double] = []
    /// Why there are no more.
    private(set) var end: String?

    init(_ name: String, who: String, asked: Int) {
        self.name = name
        self.who = who
        self.asked = asked
    }

    mutating func add(_ time: Double) { self.times.append(time) }

    /// The first reason counts.
    mutating func end(_ error: any Error) { self.end = self.end ?? "\(error)" }

    func report(note: String) {
        guard !self.times.isEmpty else {
            return Measurement(bench: "failover", case: self.name, who: self.who, skipped: self.end ?? "no trial was asked for").report()
        }
        let ended = self.end.map { "; ended after \(self.times.count) of \(self.asked) trials: \($0)" } ?? ""
        Measurement(
            bench: "failover", case: self.name, who: self.who, metric: "decide", unit: "ms", samples: self.times, note: note + ended
        ).report()
    }
}
