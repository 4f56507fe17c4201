/// Other systems that elect, measured on the same machine in the same run: with `--with-peers` only.
enum PeerSystems {
    static func run(_ options: BenchOptions) async throws {
        await EtcdBench.run(options)
        await PatroniBench.run(options)
    }
}
