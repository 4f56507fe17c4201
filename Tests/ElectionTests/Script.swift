import Model
import Testing

@testable import Election

/// A machine and a clock: each step says what happens when, and which effects must follow.
struct Script {
    static let timing = Timing.standard
    var machine: ElectionMachine

    init(timing: Timing = Script.timing, known: Int64 = 0, seed: UInt64 = 7) {
        self.machine = ElectionMachine(timing: timing, knownEpoch: Epoch(known), seed: seed)
    }

    mutating func at(
        _ milliseconds: Int64, _ event: ElectionEvent, _ expected: [ElectionEffect], _ location: SourceLocation = #_sourceLocation
    ) {
        let effects = self.machine.handle(event, at: .ms(milliseconds))
        #expect(effects == expected, "\(event) at \(milliseconds) ms", sourceLocation: location)
    }

    /// The event's effects, unchecked: for the way to where a test begins.
    @discardableResult
    mutating func feed(_ milliseconds: Int64, _ event: ElectionEvent, workedAt: Int64? = nil) -> [ElectionEffect] {
        self.machine.handle(event, at: .ms(milliseconds), workedAt: workedAt.map { .ms($0) })
    }

    func mayAct(_ milliseconds: Int64, sendBudget: Duration = .zero) -> Bool {
        self.machine.lease?.mayAct(at: .ms(milliseconds), sendBudget: sendBudget) ?? false
    }

    /// Connected and checked by 2 ms, waiting for the lock.
    static func campaigning(known: Int64 = 0) -> Script {
        var script = Script(known: known)
        script.feed(0, .start)
        script.feed(1, .sessionConnected(session: 1))
        script.feed(2, .checksPassed(session: 1, epoch: Epoch(known)))
        return script
    }

    /// Elected at 10 ms as the first leader ever, first beat answered at 12 ms, gate open and settled.
    static func leading() -> Script {
        var script = Script.campaigning()
        script.feed(10, .granted(session: 1, .first))
        script.feed(12, .beatAnswered(session: 1, number: 1, current: true))
        script.feed(13, .settled(session: 1))
        return script
    }
}

extension Instant {
    static func ms(_ value: Int64) -> Instant { Instant(nanoseconds: value * 1_000_000) }
}

extension Grant {
    static let first = Grant(epoch: Epoch(1), timeline: 1, beat: 1, earlierLease: .zero, predecessor: nil)

    static func after(
        epoch: Int64 = 4, resigned: Bool = false, settled: Bool = true, earlierLease: Duration = .milliseconds(700),
        beat: Int64 = 50
    ) -> Grant {
        Grant(
            epoch: Epoch(epoch + 1), timeline: 1, beat: beat, earlierLease: earlierLease,
            predecessor: .init(node: "old", epoch: Epoch(epoch), resigned: resigned, settled: settled, timeline: 1))
    }
}

extension ElectionEffect {
    var isTrouble: Bool {
        switch self {
        case .closeSession, .stopLeading, .suspend, .refuse, .withdraw: true
        default: false
        }
    }
}
