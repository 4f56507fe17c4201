import Model
import Testing

@testable import Election

/// A leader whose beats go on while its work stands still.
@Suite struct WorkTests {
    /// A leader from 10 ms on, of which nobody else says anything.
    private static func leading(after grant: Grant = .first, watched: Bool = true) -> Script {
        var script = Script()
        script.machine = ElectionMachine(timing: Script.timing, knownEpoch: Epoch(0), seed: 7, workPatience: watched ? ElectionMachine.usualWorkPatience : nil)
        script.feed(0, .start)
        script.feed(1, .sessionConnected(session: 1))
        script.feed(2, .checksPassed(session: 1, epoch: Epoch(0)))
        script.feed(10, .granted(session: 1, grant))
        script.feed(10, .beatAnswered(session: 1, number: 1, current: true))
        return script
    }

    /// One event; a beat that it sends is answered at once.
    /// - Returns: whether it makes the leader resign.
    private static func step(_ script: inout Script, _ ms: Int64, _ event: ElectionEvent, isAnswered: Bool = true, workedAt: Int64? = nil) -> Bool {
        var resigns = false
        for effect in script.feed(ms, event, workedAt: workedAt) {
            if effect == .drain { resigns = true }
            if case .sendBeat(let session, let number) = effect, isAnswered {
                script.feed(ms, .beatAnswered(session: session, number: number, current: true))
            }
        }
        return resigns
    }

    /// Runs the clock in steps of 100 ms.
    /// - Returns: when it began to resign, in milliseconds.
    private static func run(
        _ script: inout Script, from start: Int64, until end: Int64, answers: (Int64) -> Bool = { _ in true }, works: (Int64) -> Int64? = { _ in nil }
    ) -> Int64? {
        for ms in stride(from: start, through: end, by: 100) {
            if Self.step(&script, ms, .timer, isAnswered: answers(ms), workedAt: works(ms)) { return ms }
        }
        return nil
    }

    @Test("a leader whose work stands still hands over after thirty seconds, however regularly it beats, and says why")
    func stalled() {
        var script = Self.leading()
        #expect(Self.run(&script, from: 10, until: 60_000) == 30_010)
        #expect(script.feed(30_020, .drained).first == .stopLeading(.stalled))
    }

    @Test("one whose work gets on keeps the lock; an old word changes nothing")
    func working() {
        var script = Self.leading()
        #expect(Self.run(&script, from: 10, until: 200_010, works: { $0 % 10_000 == 10 && $0 <= 100_010 ? $0 : nil }) == 130_010)
        var other = Self.leading()
        #expect(Self.run(&other, from: 10, until: 60_010, works: { $0 == 20_010 ? $0 : 15 }) == 50_010)
    }

    @Test("after a leader that resigned, its successor is given longer: where nobody's work gets on, terms don't follow one another")
    func followed() {
        var script = Self.leading(after: .after(resigned: true))
        #expect(Self.run(&script, from: 10, until: 200_000) == 120_010)
    }

    /// The database answers again: the beat that was under way, whichever that was; the others are answered already.
    private static func answer(_ script: inout Script, at ms: Int64) {
        for number in 1...1000 { #expect(!Self.step(&script, ms, .beatAnswered(session: 1, number: number, current: true))) }
    }

    @Test("work that waits for the database is not blamed: the time without a lease does not count")
    func suspended() {
        var script = Self.leading()
        let silent = Int64(5000)...33_000
        #expect(Self.run(&script, from: 10, until: 33_010, answers: { !silent.contains($0) }) == nil)
        guard case .suspended = script.machine.state else {
            Issue.record("\(script.machine.state)")
            return
        }
        Self.answer(&script, at: 33_110)
        // Of the beat at 4910 ms the lease lasted until 5610 ms.
        let due = Int64(33_110 + 30_010 - 5610)
        #expect(Self.run(&script, from: 33_110, until: 100_000) == due)
    }

    @Test("a database that hangs again and again does not keep a leader whose work stands still")
    func suspendedOften() {
        var script = Self.leading()
        var resignsAt: Int64?
        for start in stride(from: Int64(10), to: 100_000, by: 10_000) where resignsAt == nil {
            // Silent for the last two seconds of every ten.
            resignsAt = Self.run(&script, from: start, until: start + 9900, answers: { $0 < start + 8000 })
            if resignsAt == nil { Self.answer(&script, at: start + 9990) }
        }
        // Three times 1.4 s without a lease.
        let due = Int64(34_110)...34_310
        #expect(resignsAt.map { due.contains($0) } ?? false, "\(resignsAt.map { "\($0) ms" } ?? "never")")
    }

    @Test("a process that was stopped as a whole is not blamed for its work")
    func stopped() {
        var script = Self.leading()
        #expect(Self.run(&script, from: 110, until: 10_010, works: { $0 }) == nil)
        #expect(!Self.step(&script, 60_010, .timer))
        #expect(Self.run(&script, from: 60_110, until: 70_010, works: { $0 }) == nil)
        guard case .leading = script.machine.state else {
            Issue.record("\(script.machine.state)")
            return
        }
        #expect(Self.run(&script, from: 70_110, until: 200_010) == 100_010)
    }

    @Test("a leader whose transactions leave no beat to send is known by its work all the same")
    func busy() {
        var script = Self.leading()
        for ms in stride(from: Int64(60), to: 90_000, by: 50) {
            let effects = script.feed(ms, .beatConfirmed(session: 1, sentAt: .ms(ms)), workedAt: ms)
            #expect(effects.allSatisfy { if case .settle = $0 { true } else { false } }, "\(effects) at \(ms) ms")
        }
        guard case .leading = script.machine.state else {
            Issue.record("\(script.machine.state)")
            return
        }
    }

    @Test("nobody is watched who was not asked to tell")
    func unwatched() {
        var script = Self.leading(watched: false)
        #expect(Self.run(&script, from: 110, until: 300_010, works: { $0 == 110 ? 20 : nil }) == nil)
    }
}
