public import Model

/// The watch over one node's process by its parent, as a value: events in, effects out, time as an argument.
///
/// ```
/// none → starting ──(first beat)──→ beating ⇄ busy          no beat for `silence` ⇒ killed
///  ↑        │                          │       │            ended by a signal    ⇒ resting, then none
///  │        └────────────→ closing ←───┴───────┘            ended by itself      ⇒ over
///  └── resting ←── ended ←── killed                         asked to stop        ⇒ the signal is passed on; ended ⇒ over
/// ```
/// Invariants.
/// 1. A process is called dead only after `ended`: somebody has waited for it. One that was killed and is not waited for yet is not.
/// 2. Silence counts only while this side looked on time. After an absence of its own (a stopped process, a starved or suspended machine) the
///    silence begins anew.
/// 3. Nothing is expected of a process that does not take part in the election yet, or no more.
/// 4. There is one process at a time, and each has an incarnation of its own.
/// 5. A process that ends by itself has its reasons, and says them: it is not started again here. One that a signal ended is.
///
/// It knows no processes, no pipes and no clock.
public struct SupervisionMachine: Sendable {
    /// Where the one process stands.
    public enum State: Sendable, Hashable {
        /// There is no process, and one is to be started.
        case none
        /// It has not beaten yet. It may wait for its database for as long as it takes.
        case starting
        case beating(heardAt: Instant)
        /// It waits for its disk.
        case busy(until: Instant)
        /// It takes part in the election no more.
        case closing
        /// It was killed, and has not been waited for.
        case killed
        /// The last one ended; the next is started then.
        case resting(until: Instant)
        /// The supervisor ends with that status.
        case over(Int32)
    }

    /// What happened to the process, or was asked of its supervisor.
    public enum Event: Sendable, Hashable {
        case begin
        /// The answer to `start`.
        case started(incarnation: String)
        case startFailed
        case heard(Sign)
        /// The process was waited for.
        case ended(Ending)
        /// Somebody sent this signal to the supervisor, and means the node.
        case asked(signal: Int32)
        /// The moment of `wakeAt` has come.
        case timer
    }

    /// How a process ended, as waiting for it tells.
    public enum Ending: Sendable, Hashable {
        case exited(Int32)
        case signalled(Int32)

        /// As a shell has it.
        public var status: Int32 {
            switch self {
            case .exited(let status): status
            case .signalled(let signal): 128 + signal
            }
        }
    }

    /// What the shell has to do.
    public enum Effect: Sendable, Hashable {
        /// Start a process with a new incarnation.
        case start
        /// SIGKILL.
        case kill(Reason)
        case pass(signal: Int32)
        /// The supervisor ends with that status.
        case finish(Int32)
    }

    /// Why a process is killed.
    public enum Reason: Sendable, Hashable {
        /// For so long nothing was heard of the loop that decides.
        case silent(Duration)
        /// It was asked to stop, and did not.
        case doesNotStop
    }

    /// A process that does not beat for so long is frozen: a dozen beats in a row are missing.
    public static let silence = Duration.milliseconds(250)
    /// For how long a process may wait for its disk. Its lease is over long before.
    public static let diskPatience = Duration.seconds(10)
    /// While beats are expected this side looks at least so often: its own lateness shows then.
    public static let look = Duration.milliseconds(50)
    /// Being later than this is an absence: the process was as late, perhaps.
    public static let lateness = Duration.milliseconds(25)
    /// From the death of a process to the start of the next, at first and in the end.
    public static let shortestRest = Duration.milliseconds(100)
    /// What the rest grows to: it doubles with each death in a row.
    public static let longestRest = Duration.seconds(30)
    /// A process that lived for so long died for a new reason.
    public static let steadyAfter = Duration.seconds(30)
    /// A process that was asked to stop needs up to seven seconds: work under way, hand-over, farewells. The service manager's own limit is 30 s.
    public static let stopLimit = Duration.seconds(25)
    /// So many ended processes are remembered: only the last leader is ever asked for.
    public static let remembered = 64

    /// What the machine waits for.
    public private(set) var state = State.none
    /// Of the process that runs.
    public private(set) var incarnation: String?
    /// The supervisor was asked to end with its process.
    public private(set) var isStopping = false
    /// Processes killed for their silence.
    public private(set) var kills: UInt64 = 0
    /// Processes started after another one's death.
    public private(set) var restarts: UInt64 = 0
    /// Absences of this side.
    public private(set) var absences: UInt64 = 0
    /// When to send `timer` at the latest; nil: never.
    public private(set) var wakeAt: Instant?

    private var dead: [String] = []
    private var startedAt = Instant(nanoseconds: 0)
    private var stopBy: Instant?
    /// Deaths in a row.
    private var deaths = 0
    /// One was started before, whatever became of it: a start that fails now is tried again.
    public private(set) var hadProcess = false

    /// Nothing runs yet; ``Event/begin`` starts the first process.
    public init() {}

    /// Whether that process ran here, and was waited for.
    public func isDead(_ incarnation: String) -> Bool { self.dead.contains(incarnation) }

    /// Effects are to be performed in order.
    ///
    /// - Parameter now: read *before* the pipe was: what is in it then was in time.
    public mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
        if case .over = self.state { return [] }
        self.noticeAbsence(at: now)
        var effects: [Effect] = []
        // What was heard counts before what the clock says is missing.
        self.apply(event, at: now, &effects)
        self.expire(at: now, &effects)
        self.schedule(at: now)
        return effects
    }

    private mutating func noticeAbsence(at now: Instant) {
        guard let wakeAt, now - wakeAt > Self.lateness else { return }
        self.absences += 1
        switch self.state {
        case .beating: self.state = .beating(heardAt: now)
        case .busy: self.state = .busy(until: now + Self.diskPatience)
        case .none, .starting, .closing, .killed, .resting, .over: break
        }
    }

    private mutating func apply(_ event: Event, at now: Instant, _ effects: inout [Effect]) {
        switch event {
        case .begin: if case .none = self.state, self.incarnation == nil { effects.append(.start) }
        case .started(let incarnation):
            guard case .none = self.state else { return }
            self.incarnation = incarnation
            self.startedAt = now
            self.state = .starting
            if self.hadProcess { self.restarts += 1 }
            self.hadProcess = true
        case .startFailed:
            guard case .none = self.state else { return }
            // What never worked needs a person.
            if self.hadProcess { self.rest(at: now) } else { self.finish(1, &effects) }
        case .heard(let sign): self.heard(sign, at: now)
        case .ended(let ending): self.ended(ending, at: now, &effects)
        case .asked(let signal): self.asked(signal, at: now, &effects)
        case .timer: break
        }
    }

    private mutating func heard(_ sign: Sign, at now: Instant) {
        switch (self.state, sign) {
        case (.starting, .beat), (.beating, .beat), (.busy, .beat): self.state = .beating(heardAt: now)
        case (.starting, .busy), (.beating, .busy), (.busy, .busy): self.state = .busy(until: now + Self.diskPatience)
        case (.starting, .over), (.beating, .over), (.busy, .over): self.state = .closing
        case (.none, _), (.closing, _), (.killed, _), (.resting, _), (.over, _): break
        }
    }

    private mutating func ended(_ ending: Ending, at now: Instant, _ effects: inout [Effect]) {
        guard let incarnation = self.incarnation else { return }
        self.incarnation = nil
        self.dead.append(incarnation)
        if self.dead.count > Self.remembered { self.dead.removeFirst() }
        if self.isStopping { return self.finish(ending.status, &effects) }
        switch ending {
        case .exited(let status): self.finish(status, &effects)
        case .signalled:
            if now - self.startedAt >= Self.steadyAfter { self.deaths = 0 }
            self.rest(at: now)
        }
    }

    private mutating func asked(_ signal: Int32, at now: Instant, _ effects: inout [Effect]) {
        self.isStopping = true
        guard self.incarnation != nil else { return self.finish(0, &effects) }
        self.stopBy = self.stopBy ?? now + Self.stopLimit
        effects.append(.pass(signal: signal))
    }

    /// What the clock alone decides.
    private mutating func expire(at now: Instant, _ effects: inout [Effect]) {
        switch self.state {
        case .beating(let heardAt) where now - heardAt >= Self.silence: self.kill(.silent(now - heardAt), &effects)
        case .busy(let until) where until <= now: self.kill(.silent(Self.diskPatience), &effects)
        case .resting(let until) where until <= now:
            self.state = .none
            effects.append(.start)
        case .starting, .beating, .busy, .closing:
            if let stopBy, stopBy <= now { self.kill(.doesNotStop, &effects) }
        case .none, .killed, .resting, .over: break
        }
    }

    private mutating func kill(_ reason: Reason, _ effects: inout [Effect]) {
        if case .silent = reason { self.kills += 1 }
        self.state = .killed
        effects.append(.kill(reason))
    }

    private mutating func rest(at now: Instant) {
        var rest = Self.shortestRest
        for _ in 0..<self.deaths where rest < Self.longestRest { rest = rest * 2 }
        self.deaths += 1
        self.state = .resting(until: now + min(rest, Self.longestRest))
    }

    private mutating func finish(_ status: Int32, _ effects: inout [Effect]) {
        self.state = .over(status)
        effects.append(.finish(status))
    }

    private mutating func schedule(at now: Instant) {
        let due: Instant? =
            switch self.state {
            case .beating(let heardAt): min(heardAt + Self.silence, now + Self.look)
            case .busy(let until): min(until, now + Self.look)
            case .resting(let until): until
            case .none, .starting, .closing, .killed, .over: nil
            }
        let stopDue: Instant? = if case .killed = self.state { nil } else { self.stopBy }
        self.wakeAt = [due, stopDue].compactMap { $0 }.min()
    }
}

extension SupervisionMachine.Ending: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signalled(let signal): "signal \(signal)"
        }
    }
}

extension SupervisionMachine.Reason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .silent(let duration): "it was silent for \(duration.milliseconds) ms"
        case .doesNotStop: "it was asked to stop and did not within \(SupervisionMachine.stopLimit)"
        }
    }
}
