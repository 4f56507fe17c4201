import CLinux
import Cluster
import Foundation
import Glibc
import Logging
import Model
import Supervision
import Synchronization

/// The supervisor's own thread: reads the pulse and the signals, waits for processes, and performs what the machine wants.
///
/// A thread of its own, since nothing else may make it late. `isDead` may be asked from any thread.
final class SupervisorLoop: Sendable {
    private let machine = Mutex(SupervisionMachine())
    private let process: NodeProcess
    private let address: String
    private let logger: Logger

    /// SIGHUP ends a node as it always did; here it must not end the supervisor before its process.
    private static let passedOn = [SIGTERM, SIGINT, SIGHUP]

    init(process: NodeProcess, address: String, logger: Logger) {
        self.process = process
        self.address = address
        self.logger = logger
    }

    func isDead(_ incarnation: String) -> Bool { self.machine.withLock { $0.isDead(incarnation) } }

    /// Watches over one process after the other, and returns the status to end with. To be called once.
    func run() async throws -> Int32 {
        let signals = try Pipe()
        var numbers = Self.passedOn + [SIGCHLD]
        let failure = clinux_write_signals(signals.writer, &numbers, CInt(numbers.count))
        guard failure == 0 else { throw Failure("signals can't be watched: \(String(cString: strerror(failure)))") }
        return await withCheckedContinuation { continuation in
            // Waiting blocks a thread: one of its own.
            Thread.detachNewThread {
                var watch = Watch(loop: self, signals: signals.reader)
                continuation.resume(returning: watch.run())
            }
        }
    }

    /// What only the thread has.
    private struct Watch {
        let loop: SupervisorLoop
        let signals: CInt
        var pulse: CInt = -1
        var pid: pid_t = 0
        var status: Int32?

        init(loop: SupervisorLoop, signals: CInt) {
            self.loop = loop
            self.signals = signals
        }

        mutating func run() -> Int32 {
            self.handle(.begin)
            while true {
                if let status { return status }
                let wakeAt = self.loop.machine.withLock { $0.wakeAt }
                var watched = [
                    pollfd(fd: self.signals, events: Int16(POLLIN), revents: 0), pollfd(fd: self.pulse, events: Int16(POLLIN), revents: 0),
                ]
                poll(&watched, nfds_t(watched.count), wakeAt.map { Self.milliseconds($0 - BootClock.now()) } ?? -1)
                // Before reading: what comes while this thread is held up between the two was in time.
                let now = BootClock.now()
                self.readPulse(watched[1].revents, at: now)
                if watched[0].revents != 0 { for number in Pipe.drain(self.signals) { self.received(Int32(number), at: now) } }
                self.handle(.timer, at: now)
            }
        }

        /// Rounded up: to wake before the time is to wake twice.
        private static func milliseconds(_ wait: Duration) -> CInt {
            CInt(clamping: (max(.zero, wait) + .nanoseconds(999_999)).milliseconds)
        }

        private mutating func readPulse(_ events: Int16, at now: Instant) {
            guard self.pulse >= 0, events != 0 else { return }
            let bytes = Pipe.drain(self.pulse)
            // The order matters, the number doesn't.
            var last: UInt8?
            for byte in bytes where byte != last {
                last = byte
                if let sign = Sign(rawValue: byte) { self.handle(.heard(sign), at: now) }
            }
            // The process, and whoever inherited from it, has closed its end: there is nothing more to come.
            if bytes.isEmpty, events & Int16(POLLHUP) != 0 { self.closePulse() }
        }

        private mutating func closePulse() {
            if self.pulse >= 0 { close(self.pulse) }
            self.pulse = -1
        }

        private mutating func received(_ number: Int32, at now: Instant) {
            if number == SIGCHLD { self.reap(at: now) } else { self.handle(.asked(signal: number), at: now) }
        }

        /// As the first process of a container it is the parent of all that lost theirs: waits for whoever has ended.
        private mutating func reap(at now: Instant) {
            var raw: Int32 = 0
            while true {
                let ended = waitpid(-1, &raw, WNOHANG)
                if ended < 0, errno == EINTR { continue }
                if ended <= 0 { return }
                guard ended == self.pid else { continue }
                let ending: SupervisionMachine.Ending = raw & 0x7F == 0 ? .exited((raw >> 8) & 0xFF) : .signalled(raw & 0x7F)
                let incarnation = self.loop.machine.withLock { $0.incarnation }
                self.pid = 0
                self.closePulse()
                self.loop.logger.notice("the node's process has ended", metadata: ["process": "\(incarnation ?? "?")", "pid": "\(ended)", "how": "\(ending)"])
                self.handle(.ended(ending), at: now)
            }
        }

        private mutating func handle(_ event: SupervisionMachine.Event, at now: Instant = BootClock.now()) {
            for effect in self.loop.machine.withLock({ $0.handle(event, at: now) }) { self.perform(effect) }
        }

        private mutating func perform(_ effect: SupervisionMachine.Effect) {
            let logger = self.loop.logger
            switch effect {
            case .start: self.start()
            case .kill(let reason):
                logger.error("the node's process is killed", metadata: ["pid": "\(self.pid)", "why": "\(reason)"])
                if self.pid > 0 { kill(self.pid, SIGKILL) }
            case .pass(let signal):
                logger.notice("passing a signal on", metadata: ["pid": "\(self.pid)", "signal": "\(signal)"])
                if self.pid > 0 { kill(self.pid, signal) }
            case .finish(let status): self.status = status
            }
        }

        private mutating func start() {
            let (kills, restarts, isFirst) = self.loop.machine.withLock { ($0.kills, $0.restarts, !$0.hadProcess) }
            do throws(NodeProcess.NotStarted) {
                let pipe = try Pipe()
                defer { close(pipe.writer) }
                let told = Supervised(
                    descriptor: NodeProcess.pulseDescriptor, supervisor: getpid(), incarnation: NodeRuntime.newIncarnation(), address: self.loop.address,
                    kills: kills, restarts: isFirst ? 0 : restarts + 1)
                do throws(NodeProcess.NotStarted) { self.pid = try self.loop.process.start(pulse: pipe.writer, telling: told) } catch {
                    close(pipe.reader)
                    throw error
                }
                self.closePulse()
                self.pulse = pipe.reader
                self.loop.logger.notice(
                    "started the node's process", metadata: ["process": "\(told.incarnation)", "pid": "\(self.pid)", "restarts": "\(told.restarts)"])
                self.handle(.started(incarnation: told.incarnation))
            } catch {
                self.loop.logger.error("the node's process can't be started", metadata: ["error": "\(error)"])
                self.handle(.startFailed)
            }
        }
    }
}
