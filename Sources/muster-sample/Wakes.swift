import Dispatch
import Glibc
import Synchronization

/// What a long-running command waits for: SIGTERM or SIGINT, a tick of its clock, news from the database. One consumer.
final class Wakes: Sendable {
    /// One element stands for any number of reasons: whoever wakes looks at everything anyway.
    let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let stopRequested = Atomic<Bool>(false)
    private let signals = Mutex<[any DispatchSourceSignal]>([])

    init() {
        (self.stream, self.continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// From now on SIGTERM and SIGINT ask to stop instead of ending the process.
    func catchStopSignals() {
        for number in [SIGTERM, SIGINT] {
            signal(number, SIG_IGN)
            self.signals.withLock { sources in
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler { [weak self] in self?.stop() }
                source.resume()
                sources.append(source)
            }
        }
    }

    func stop() {
        self.stopRequested.store(true, ordering: .releasing)
        self.continuation.yield()
    }

    func wake() { self.continuation.yield() }

    var isStopping: Bool { self.stopRequested.load(ordering: .acquiring) }

    /// Wakes again and again until the task is cancelled.
    func tick(every interval: Duration) async {
        while (try? await Task.sleep(for: interval)) != nil { self.continuation.yield() }
    }
}

/// Lines on standard error: a worker's log file takes them.
func say(_ message: String) {
    let line = message + "\n"
    // A log that can't be written must not stop the work.
    _ = Glibc.write(STDERR_FILENO, line, line.utf8.count)
}
