import Synchronization
import Testing

@testable import Coordinator

@Suite("Mailbox", .timeLimit(.minutes(1)))
struct MailboxTests {
    @Test("whoever waits is woken in time, even when the time is over before the wait has begun")
    func shortest() async {
        // The shortest sleep there is: it ends at once, on another thread. A timer that runs before its waiter is there must not be lost.
        let mailbox = Mailbox<Int> { _ in }
        for _ in 0..<100_000 {
            let news = await mailbox.take(within: .nanoseconds(1))
            #expect(news.isEmpty)
        }
    }

    @Test("news are taken in order and once, whether they come before or during the wait")
    func order() async {
        let mailbox = Mailbox<Int>()
        mailbox.post(1)
        mailbox.post(2)
        #expect(await mailbox.take(within: nil) == [1, 2])
        async let later = mailbox.take(within: nil)
        mailbox.post(3)
        #expect(await later == [3])
        #expect(await mailbox.take(within: .zero).isEmpty)
    }

    @Test("a wait without end ends with its task")
    func cancelled() async {
        let mailbox = Mailbox<Int>()
        let waiter = Task { await mailbox.take(within: nil) }
        waiter.cancel()
        #expect(await waiter.value.isEmpty)
        mailbox.post(4)
        #expect(await mailbox.take(within: nil) == [4], "what came afterwards is the next one's")
    }

    @Test("a timer of an earlier wait wakes nobody else")
    func stale() async {
        let sleepers = Sleepers()
        let mailbox = Mailbox<Int> { _ in await sleepers.sleep() }
        async let first = mailbox.take(within: .seconds(1))
        await sleepers.untilAsleep(1)
        mailbox.post(1)
        #expect(await first == [1])
        async let second = mailbox.take(within: .seconds(1))
        await sleepers.untilAsleep(2)
        // The first timer does not care that it was cancelled.
        sleepers.wakeOldest()
        mailbox.post(2)
        #expect(await second == [2])
        sleepers.wakeOldest()
    }
}

/// Sleeps that end when a test says so.
private final class Sleepers: Sendable {
    private struct State {
        var asleep: [CheckedContinuation<Void, Never>] = []
        var count = 0
        var watcher: (count: Int, continuation: CheckedContinuation<Void, Never>)?
    }
    private let state = Mutex(State())

    func sleep() async {
        await withCheckedContinuation { continuation in
            let watcher: CheckedContinuation<Void, Never>? = self.state.withLock { state in
                state.asleep.append(continuation)
                state.count += 1
                guard let watcher = state.watcher, watcher.count <= state.count else { return nil }
                state.watcher = nil
                return watcher.continuation
            }
            watcher?.resume()
        }
    }

    /// Until so many have begun to sleep.
    func untilAsleep(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isOver = self.state.withLock { state in
                if state.count >= count { return true }
                state.watcher = (count, continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    func wakeOldest() { self.state.withLock { $0.asleep.isEmpty ? nil : $0.asleep.removeFirst() }?.resume() }
}
