import Foundation
import Glibc
import PostgresTesting
import SeededRandom
import Testing

extension WholeClusters {
    /// Three nodes on hosts of their own, one fault at a time. After each: epochs only rise, no leader acted after a later one, nothing was done twice, and
    /// the audit log proves itself.
    @Suite(.serialized, .faultyCluster)
    struct Failover {
        @Test("a process or a session that fails: another term begins, and everything is sound", arguments: RealFault.all(.nothing))
        func processes(fault: RealFault) async throws { try await self.one(fault) }

        @Test(
            "the server's clock jumps: a leader that lives goes on, and one that is frozen is ended by its peers",
            .enabled(if: ServerShim.compiler != nil, "needs a C compiler, for the clock that is moved"), arguments: RealFault.all(.clock))
        func clock(fault: RealFault) async throws { try await self.one(fault) }

        @Test(
            "repeated in a seeded order, as often as cluster/test --faults asks: everything stays sound",
            .enabled(if: Repetition.wanted != nil, "asked for by cluster/test --faults N"))
        func repeated() async throws {
            let faulty = try FaultyCluster.current
            let wanted = try #require(Repetition.wanted)
            var order = Repetition(seed: wanted.seed)
            for number in 1...wanted.faults {
                let fault = order.next()
                do {
                    try await faulty.survive(fault)
                    // Often enough to know which ten it was, seldom enough to spend the time on faults.
                    if number % 10 == 0 || number == wanted.faults { try await faulty.expectSound() }
                } catch {
                    Issue.record("fault \(number), \(fault), with the seed \(wanted.seed): \(error)")
                    return
                }
            }
        }

        func one(_ fault: RealFault) async throws {
            let faulty = try FaultyCluster.current
            try await faulty.survive(fault)
            try await faulty.expectSound()
        }
    }
}

/// All faults that are possible here in one order after another.
struct Repetition {
    /// MUSTER_TEST_FAULTS and MUSTER_TEST_SEED; nil when nobody asks.
    static let wanted: (faults: Int, seed: UInt64)? = {
        let environment = ProcessInfo.processInfo.environment
        guard let faults = environment["MUSTER_TEST_FAULTS"].flatMap({ Int($0) }), faults > 0 else { return nil }
        return (faults, environment["MUSTER_TEST_SEED"].flatMap { UInt64($0) } ?? UInt64(getpid()))
    }()

    private let possible = RealFault.allCases.filter { $0.missing == nil }
    private var left: [RealFault] = []
    private var random: Seeded

    init(seed: UInt64) { self.random = Seeded(seed: seed) }

    /// Each kind once before any comes again.
    mutating func next() -> RealFault {
        if self.left.isEmpty { self.left = self.possible }
        return self.left.remove(at: Int(self.random.next() % UInt64(self.left.count)))
    }
}
