@testable import Cluster
import Model
import Testing

@Suite(.timeLimit(.minutes(1))) struct ElectionThreadTests {
    /// Further away than the suite's time limit.
    private static let far = Duration.seconds(600)

    @Test("a slot that is moved between two sleeps is moved for the next one")
    func movedBeforeItSleeps() async {
        let thread = ElectionThread()
        thread.move(.machine, to: BootClock.now())
        await thread.sleep(until: BootClock.now() + Self.far, slot: .machine)
        thread.stop()
    }

    @Test("a sleeper that is moved wakes at the sooner time, and the move is used up")
    func movedWhileItSleeps() async {
        let thread = ElectionThread()
        let sleeper = Task { await thread.sleep(until: BootClock.now() + Self.far, slot: .machine) }
        thread.move(.machine, to: BootClock.now())
        await sleeper.value
        let other = Task { await thread.sleep(until: BootClock.now() + Self.far, slot: .machine) }
        thread.stop()
        await other.value
    }
}
