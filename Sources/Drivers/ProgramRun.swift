import Glibc
import Logging
import Subprocess
import Synchronization
import SystemPackage

/// One run of one program: started without a shell in its own process group, with its own environment, an empty stdin
/// and no other descriptors; its output drained while it runs; stopped at its deadline or when the caller is cancelled.
///
/// Stopping: SIGTERM to the group, then SIGKILL to the group after ``terminationGrace`` or as soon as its leader has
/// exited. The leader is reaped only afterwards, so that the group's number cannot belong to anybody else when it is
/// killed. A program that ends by itself may leave processes behind on purpose (a worker that it started): they are not
/// touched.
struct ProgramRun: Sendable {
    var path: String
    var arguments: [String]
    var environment: [String: String]
    var workingDirectory: String
    var deadline: ContinuousClock.Instant
    /// Bytes of stdout and of stderr that are kept from the start.
    var headLimit: Int
    /// Bytes of stdout and of stderr that are kept from the end.
    var tailLimit: Int
    /// Asked directly before it is started, after all waiting.
    var mayStart: @Sendable () -> Bool
    var logger: Logger

    /// What a program gets to end in order before it is killed.
    static let terminationGrace: Duration = .seconds(2)
    /// How long a killed program may take to disappear. One that hangs in the kernel (a dead network file system) does
    /// not die; its run is then reported as such, and its slot stays taken until it is gone.
    static let killGrace: Duration = .seconds(1)

    enum Ending: Sendable, Hashable {
        case exited(Int32)
        case signalled(Int32)
        /// Its time was over; it was stopped.
        case timedOut
        /// The caller was cancelled; it was stopped.
        case cancelled
        /// It was killed, and its end was not seen in time.
        case unkillable
        /// It was not run for lack of time, processes or memory: certainly nothing happened, and another time it may
        /// run.
        case notTried(String)
        /// It was not allowed to start: certainly nothing happened.
        case withheld
        /// It cannot be run: certainly nothing happened.
        case notStarted(String)
    }

    struct Result: Sendable {
        var ending: Ending
        var output: Capture
        var errors: Capture
    }

    /// Runs it to its end and then gives back what the caller has taken, one of each of `slots`.
    func run(releasing slots: [Slots]) async -> Result {
        guard !Task.isCancelled, ContinuousClock.now < self.deadline else {
            for slots in slots { slots.release() }
            return self.result(.notTried(Self.whyNotTried))
        }
        let answer = FirstAnswer<Result>()
        let (cancellations, cancel) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // A task of its own: stopping a program in order takes waiting, which a cancelled task cannot do, and a program
        // that does not die must not keep its caller. It ends with the program.
        Task {
            let result = await self.supervise(cancellations, answer)
            for slots in slots { slots.release() }
            answer.give(result)
        }
        return await withTaskCancellationHandler {
            await answer.value
        } onCancel: {
            cancel.yield()
        }
    }

    private func result(_ ending: Ending) -> Result {
        let empty = Capture(headLimit: self.headLimit, tailLimit: self.tailLimit)
        return Result(ending: ending, output: empty, errors: empty)
    }

    private func supervise(_ cancellations: AsyncStream<Void>, _ answer: FirstAnswer<Result>) async -> Result {
        var options = PlatformOptions()
        options.processGroupID = 0
        // Used only should the watching below fail: nothing is left behind then either.
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: Self.terminationGrace)
        ]
        let configuration = Configuration(
            executable: .path(FilePath(self.path)), arguments: Arguments(self.arguments),
            environment: self.subprocessEnvironment,
            workingDirectory: FilePath(self.workingDirectory), platformOptions: options)
        guard self.mayStart() else { return self.result(.withheld) }
        do {
            let ended = try await Subprocess.run(configuration, input: .none, output: .sequence, error: .sequence) {
                execution in
                await self.watch(execution, cancellations, answer)
            }
            var result = self.result(.unkillable)
            (result.output, result.errors) = (ended.closureResult.output, ended.closureResult.errors)
            result.ending =
                switch (ended.closureResult.stopped, ended.terminationStatus) {
                case (.deadline, _): .timedOut
                case (.cancellation, _): .cancelled
                case (nil, .exited(let code)): .exited(code)
                case (nil, .signaled(let signal)): .signalled(signal)
                }
            return result
        } catch let error as SubprocessError where Self.startFailures.contains(error.code) {
            let words =
                error.underlyingError.map { String(cString: strerror($0.rawValue)) } ?? String(describing: error)
            let passes = error.underlyingError.map { Self.passingFailures.contains($0.rawValue) } ?? false
            return self.result(passes ? .notTried(words) : .notStarted(words))
        } catch {
            // It may have run: whether it did cannot be told from here.
            self.logger.error("lost sight of a program", metadata: ["program": "\(self.path)", "error": "\(error)"])
            return self.result(.unkillable)
        }
    }

    private static let startFailures: Set<SubprocessError.Code> = [
        .spawnFailed, .executableNotFound, .failedToChangeWorkingDirectory,
    ]
    /// Too many processes or descriptors, no memory, a program file that is just being written.
    private static let passingFailures: Set<Int32> = [EAGAIN, ENOMEM, EMFILE, ENFILE, ETXTBSY]

    /// Why a program was not run by a task that came to its turn too late.
    static var whyNotTried: String {
        Task.isCancelled ? "this node stops leading or ends" : "there was no time left for it"
    }

    private var subprocessEnvironment: Environment {
        .custom(
            Dictionary(
                self.environment.compactMap { name, value in Environment.Key(rawValue: name).map { ($0, value) } }
            ) { first, _ in first })
    }
}

// MARK: - Watching

extension ProgramRun {
    private enum Stop: Sendable { case deadline, cancellation }

    private enum Event: Sendable {
        case outputEnded(Capture)
        case errorsEnded(Capture)
        case exited
        case mustStop(Stop)
        case terminationGraceOver
        case killGraceOver
        /// Something that was waited for in vain, at the end.
        case nothing
    }

    private struct Watched: Sendable {
        var output: Capture
        var errors: Capture
        var stopped: Stop?
    }

    private typealias Running = Execution<NoInput, SequenceOutput, SequenceOutput>

    /// Drains the program's output until it has exited, and stops its group when it must. Returns only when its leader
    /// has exited.
    private func watch(_ execution: Running, _ cancellations: AsyncStream<Void>, _ answer: FirstAnswer<Result>) async
        -> Watched
    {
        let process = execution.processIdentifier.value
        let empty = Capture(headLimit: self.headLimit, tailLimit: self.tailLimit)
        return await withTaskGroup(of: Event.self) { group in
            group.addTask { .outputEnded(await Self.drain(execution.standardOutput, into: empty)) }
            group.addTask { .errorsEnded(await Self.drain(execution.standardError, into: empty)) }
            group.addTask { await Self.sleep(until: self.deadline) ? .mustStop(.deadline) : .nothing }
            group.addTask { await cancellations.first { true } != nil ? .mustStop(.cancellation) : .nothing }
            var watched = Watched(output: empty, errors: empty)
            var openStreams = 2
            var awaitsExit = false
            for await event in group {
                switch event {
                case .outputEnded(let capture):
                    watched.output = capture
                    openStreams -= 1
                case .errorsEnded(let capture):
                    watched.errors = capture
                    openStreams -= 1
                case .mustStop(let reason) where watched.stopped == nil:
                    watched.stopped = reason
                    Self.signal(SIGTERM, group: process)
                    group.addTask {
                        await Self.sleep(until: .now + Self.terminationGrace) ? .terminationGraceOver : .nothing
                    }
                case .terminationGraceOver:
                    Self.signal(SIGKILL, group: process)
                    group.addTask { await Self.sleep(until: .now + Self.killGrace) ? .killGraceOver : .nothing }
                case .killGraceOver:
                    self.logger.error(
                        "a program does not die", metadata: ["program": "\(self.path)", "pid": "\(process)"])
                    answer.give(self.result(.unkillable))
                case .exited:
                    if watched.stopped != nil { Self.signal(SIGKILL, group: process) }
                    group.cancelAll()
                case .mustStop, .nothing: break
                }
                // The streams end with the program, or before it when it closes them; and need not end at all while a
                // descendant that left the group writes on: from the stop on, its exit is what counts.
                if !awaitsExit, openStreams == 0 || watched.stopped != nil {
                    awaitsExit = true
                    group.addTask { await Self.exit(of: process) }
                }
            }
            return watched
        }
    }

    private static func drain(_ stream: SubprocessOutputSequence, into empty: Capture) async -> Capture {
        var capture = empty
        do {
            for try await buffer in stream {
                buffer.withUnsafeBytes { capture.append($0) }
                if Task.isCancelled { break }
            }
        } catch {
            // A pipe that cannot be read ends like one that was closed: what was read before it counts.
        }
        return capture
    }

    /// Longest pause between two looks at whether a program has exited. Its streams end with it, as a rule microseconds
    /// earlier.
    private static let exitPollMaximum: Duration = .milliseconds(20)

    /// Waits until the process has exited, without reaping it.
    private static func exit(of process: pid_t) async -> Event {
        var pause: Duration = .milliseconds(1)
        while !Task.isCancelled {
            var information = siginfo_t()
            let answer = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
            // Without an exited child the structure stays as it was; an error means that there is nothing to wait for.
            if answer != 0 && errno != EINTR || answer == 0 && information.si_signo == SIGCHLD { return .exited }
            _ = await Self.sleep(until: .now + pause)
            pause = min(pause * 2, Self.exitPollMaximum)
        }
        return .nothing
    }

    private static func signal(_ signal: Int32, group process: pid_t) {
        // Its leader is not reaped yet, so the group exists and is ours; that it has just emptied is no error.
        _ = kill(-process, signal)
    }

    /// - Returns: false when the task was cancelled first.
    private static func sleep(until deadline: ContinuousClock.Instant) async -> Bool {
        do {
            try await Task.sleep(until: deadline, clock: .continuous)
            return true
        } catch {
            return false
        }
    }
}

/// The first of several answers; later ones are dropped.
private final class FirstAnswer<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Value, Never>)
        case given(Value)
    }
    private let state = Mutex<State>(.open)

    /// For one caller.
    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let given: Value? = self.state.withLock { state in
                    if case .given(let value) = state { return value }
                    state = .awaited(continuation)
                    return nil
                }
                if let given { continuation.resume(returning: given) }
            }
        }
    }

    func give(_ value: Value) {
        let waiter: CheckedContinuation<Value, Never>? = self.state.withLock { state in
            switch state {
            case .open:
                state = .given(value)
                return nil
            case .awaited(let continuation):
                state = .given(value)
                return continuation
            case .given: return nil
            }
        }
        waiter?.resume(returning: value)
    }
}
