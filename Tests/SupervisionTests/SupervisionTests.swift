import Model
import Supervision
import Testing

@Suite("Supervision") struct SupervisionTests {
    typealias Machine = SupervisionMachine

    private static func ms(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    /// A machine, and what it wanted; the clock only moves on.
    private struct Run {
        var machine = Machine()
        var now: Int64 = 1000
        var effects: [Machine.Effect] = []

        mutating func feed(_ event: Machine.Event) { self.effects += self.machine.handle(event, at: SupervisionTests.ms(self.now)) }
        mutating func take() -> [Machine.Effect] {
            defer { self.effects = [] }
            return self.effects
        }

        /// On time at each of its wake-ups; `beats` says when the process does.
        mutating func pass(_ milliseconds: Int64, beats: (Int64) -> Bool = { _ in false }) {
            for _ in 0..<milliseconds {
                self.now += 1
                if beats(self.now) { self.feed(.heard(.beat)) }
                if let wakeAt = self.machine.wakeAt, wakeAt <= SupervisionTests.ms(self.now) { self.feed(.timer) }
            }
        }

        static func beating(_ incarnation: String = "one") -> Run {
            var run = Run()
            run.feed(.begin)
            run.feed(.started(incarnation: incarnation))
            run.feed(.heard(.beat))
            run.effects = []
            return run
        }
    }

    @Test("a process that beats is left alone, and one that is silent for a quarter of a second is killed")
    func silence() {
        var run = Run.beating()
        run.pass(60_000) { $0 % 20 == 0 }
        #expect(run.take() == [])
        run.pass(249)
        #expect(run.take() == [])
        run.pass(1)
        let effects = run.take()
        #expect(effects == [.kill(.silent(.milliseconds(250)))])
        #expect(run.machine.kills == 1 && run.machine.absences == 0)
    }

    @Test("a process is dead once it was waited for, not when it was killed; and only that process")
    func dead() {
        var run = Run.beating("one")
        run.pass(300)
        #expect(run.machine.state == .killed)
        #expect(!run.machine.isDead("one"))
        run.feed(.ended(.signalled(9)))
        #expect(run.machine.isDead("one") && !run.machine.isDead("two") && !run.machine.isDead(""))
        run.pass(100)
        run.feed(.started(incarnation: "two"))
        #expect(run.machine.isDead("one") && !run.machine.isDead("two"))
        #expect(run.machine.restarts == 1)
    }

    @Test("as many ended processes are remembered as were promised")
    func remembered() {
        var run = Run()
        run.feed(.begin)
        for number in 0..<Machine.remembered + 1 {
            run.feed(.started(incarnation: "\(number)"))
            run.feed(.ended(.signalled(6)))
            run.pass(30_000)
        }
        #expect(!run.machine.isDead("0") && run.machine.isDead("1") && run.machine.isDead("\(Machine.remembered)"))
    }

    @Test("a supervisor that was late itself begins to count anew", arguments: [26, 300, 5000, 3_600_000] as [Int64])
    func lateness(absence: Int64) throws {
        var run = Run.beating()
        run.pass(200)
        let wakeAt = try #require(run.machine.wakeAt)
        run.now = wakeAt.nanoseconds / 1_000_000 + absence
        run.feed(.timer)
        #expect(run.take() == [] && run.machine.absences == 1)
        run.pass(249)
        #expect(run.take() == [])
        run.pass(1)
        let effects = run.take()
        #expect(effects == [.kill(.silent(.milliseconds(250)))], "it is still frozen")
    }

    @Test("a supervisor that is late each time kills nobody")
    func alwaysLate() {
        var run = Run.beating()
        for _ in 0..<100 {
            run.now = (run.machine.wakeAt ?? Self.ms(0)).nanoseconds / 1_000_000 + 30
            run.feed(.timer)
        }
        #expect(run.take() == [] && run.machine.absences == 100)
    }

    @Test("what waits in the pipe counts before what the clock says")
    func beatFirst() {
        var run = Run.beating()
        run.now += 274
        run.feed(.heard(.beat))
        run.feed(.timer)
        #expect(run.take() == [])
    }

    @Test("nothing is expected of a process that has not begun, nor of one whose election is over")
    func quietTimes() {
        var run = Run()
        run.feed(.begin)
        run.feed(.started(incarnation: "one"))
        #expect(run.take() == [.start])
        run.pass(600_000)
        #expect(run.take() == [] && run.machine.wakeAt == nil)
        run.feed(.heard(.beat))
        run.feed(.heard(.over))
        run.pass(600_000)
        #expect(run.take() == [])
        run.feed(.heard(.beat))
        #expect(run.machine.state == .closing, "a late beat changes nothing")
    }

    @Test("a process that waits for its disk is given the time for that, and no more")
    func disk() {
        var run = Run.beating()
        run.feed(.heard(.busy))
        run.pass(9999)
        #expect(run.take() == [])
        run.feed(.heard(.beat))
        run.pass(249)
        #expect(run.take() == [])
        run.feed(.heard(.busy))
        run.pass(10_000)
        let effects = run.take()
        #expect(effects == [.kill(.silent(Machine.diskPatience))])
    }

    @Test("a process that a signal ended is started again, later each time; one that lived for long, soon")
    func restarts() throws {
        var run = Run.beating("0")
        var rests: [Int64] = []
        for number in 1...12 {
            run.feed(.ended(.signalled(11)))
            let due = try #require(run.machine.wakeAt)
            rests.append((due - Self.ms(run.now)).milliseconds)
            run.pass(rests[number - 1])
            #expect(run.take() == [.start])
            run.feed(.started(incarnation: "\(number)"))
        }
        #expect(rests == [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000])
        run.feed(.heard(.beat))
        run.pass(30_000) { $0 % 20 == 0 }
        run.feed(.ended(.signalled(9)))
        let due = try #require(run.machine.wakeAt)
        #expect(due - Self.ms(run.now) == .milliseconds(100))
        #expect(run.machine.restarts == 12)
    }

    @Test("a process that ends by itself ends its supervisor, with the same status", arguments: [0, 1, 3] as [Int32])
    func endsByItself(status: Int32) {
        var run = Run.beating()
        run.feed(.ended(.exited(status)))
        #expect(run.take() == [.finish(status)])
        run.feed(.asked(signal: 15))
        run.feed(.timer)
        #expect(run.take() == [] && run.machine.isDead("one"))
    }

    @Test(
        "asked to stop, it passes the signal on and ends as its process does",
        arguments: [(.exited(0), 0), (.signalled(15), 143)] as [(Machine.Ending, Int32)])
    func stops(ending: Machine.Ending, status: Int32) {
        var run = Run.beating()
        run.feed(.asked(signal: 15))
        run.pass(2000) { $0 % 20 == 0 }
        run.feed(.heard(.over))
        run.pass(20_000)
        run.feed(.asked(signal: 2))
        #expect(run.take() == [.pass(signal: 15), .pass(signal: 2)])
        run.feed(.ended(ending))
        #expect(run.take() == [.finish(status)])
    }

    @Test("one that freezes while it stops is killed for its silence, and one that does not end is killed after the limit")
    func doesNotStop() {
        var frozen = Run.beating()
        frozen.feed(.asked(signal: 15))
        frozen.pass(250)
        let first = frozen.take()
        #expect(first == [.pass(signal: 15), .kill(.silent(.milliseconds(250)))])
        frozen.feed(.ended(.signalled(9)))
        let end = frozen.take()
        #expect(end == [.finish(137)])

        var stuck = Run.beating()
        stuck.feed(.asked(signal: 15))
        stuck.feed(.heard(.over))
        stuck.pass(24_999)
        #expect(stuck.take() == [.pass(signal: 15)])
        stuck.pass(1)
        #expect(stuck.take() == [.kill(.doesNotStop)])
        stuck.pass(60_000)
        #expect(stuck.take() == [] && stuck.machine.kills == 0)
    }

    @Test("asked to stop between two processes, it ends at once")
    func stopsWhileResting() {
        var run = Run.beating()
        run.feed(.ended(.signalled(9)))
        run.feed(.asked(signal: 15))
        #expect(run.take() == [.finish(0)])
        run.pass(1000)
        #expect(run.take() == [])
    }

    @Test("a first process that can't be started is told; a later one is tried again")
    func startFails() {
        var first = Run()
        first.feed(.begin)
        first.feed(.startFailed)
        #expect(first.take() == [.start, .finish(1)])
        var later = Run.beating()
        later.feed(.ended(.signalled(9)))
        later.pass(100)
        later.feed(.startFailed)
        #expect(later.take() == [.start])
        later.pass(200)
        #expect(later.take() == [.start])
    }

    @Test("whatever happens in whatever order, only what was waited for is dead, and one process runs at a time", arguments: 0..<200 as Range<UInt64>)
    func anyOrder(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        func random(_ bound: UInt64) -> UInt64 { generator.next() % bound }
        var machine = Machine()
        var now: Int64 = 0
        var running: String?
        var waited: Set<String> = []
        var number = 0
        func perform(_ effects: [Machine.Effect]) {
            for effect in effects {
                switch effect {
                case .start:
                    #expect(running == nil, "seed \(seed): two at a time")
                    number += 1
                    running = "\(number)"
                    perform(machine.handle(.started(incarnation: "\(number)"), at: Self.ms(now)))
                case .kill, .pass: #expect(running != nil, "seed \(seed): nobody to send it to")
                case .finish: #expect(running == nil, "seed \(seed): its process was left behind")
                }
            }
        }
        perform(machine.handle(.begin, at: Self.ms(now)))
        for _ in 0..<300 {
            now += Int64(random(120))
            var event = Machine.Event.timer
            switch random(40) {
            case 0..<20: event = .heard(.beat)
            case 20: event = .heard(.busy)
            case 21: event = .heard(.over)
            case 22..<25:
                if let ended = running {
                    waited.insert(ended)
                    running = nil
                    event = .ended(random(30) == 0 ? .exited(1) : .signalled(9))
                }
            case 25: if random(10) == 0 { event = .asked(signal: 15) }
            default: break
            }
            perform(machine.handle(event, at: Self.ms(now)))
            for each in 1...max(1, number) {
                let name = "\(each)"
                if machine.isDead(name) { #expect(waited.contains(name), "seed \(seed)") }
            }
        }
    }
}
