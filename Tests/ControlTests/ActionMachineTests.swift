import Control
import Model
import SeededRandom
import Testing

@Suite("The life of an action")
struct ActionMachineTests {
    typealias State = ActionRecord.State

    // MARK: What to do

    @Test(
        "what a leader does about an action depends on its state and on whose it is",
        arguments: [
            (State.committed, false, ActionMachine.Directive.attempt), (.committed, true, .observe), (.sent, false, .observe), (.sent, true, .observe),
            (.accepted, false, .observe), (.accepted, true, .observe), (.verifying, false, .observe), (.verifying, true, .observe),
            (.unknown, false, .observe), (.unknown, true, .observe), (.done, false, .ended), (.done, true, .ended), (.failed, false, .ended),
            (.failed, true, .ended), (.superseded, false, .ended), (.superseded, true, .ended),
        ])
    func directive(state: State, adopted: Bool, expected: ActionMachine.Directive) {
        #expect(ActionMachine.directive(for: action(state), adopted: adopted, at: start) == expected)
    }

    @Test("each further attempt waits twice as long as the one before", arguments: [(1, 1), (2, 2), (3, 4), (4, 8)])
    func backoff(attempts: Int, wait: Int) {
        let tried = action(attempt: attempts, history: [.init(state: .committed, at: seconds(10))])
        #expect(ActionMachine.directive(for: tried, adopted: false, at: seconds(10)) == .wait(until: seconds(10 + wait)))
        #expect(ActionMachine.directive(for: tried, adopted: false, at: milliseconds((10 + wait) * 1000 - 1)) == .wait(until: seconds(10 + wait)))
        #expect(ActionMachine.directive(for: tried, adopted: false, at: seconds(10 + wait)) == .attempt)
    }

    @Test("a change that was not sent by its deadline is never sent: it is looked at, and ends")
    func notSentByDeadline() {
        let old = action(.committed)
        #expect(ActionMachine.directive(for: old, adopted: false, at: old.deadline) == .observe)
        let after = ActionMachine.afterObservation(old, seen(4), adopted: false, at: old.deadline)
        #expect(after.state == .failed)
    }

    // MARK: Attempts

    @Test(
        "an attempt's outcome decides the next state",
        arguments: [
            (AttemptOutcome.done(seen(8)), State.done), (.done(seen(8, current: 8, ready: 3)), .verifying), (.done(seen(4)), .accepted),
            (.done(.unseen(refusal)), .accepted), (.done(.gone), .failed), (.done(seen(5)), .superseded), (.accepted, .verifying),
            (.conflict(seen(6)), .superseded), (.conflict(.gone), .superseded), (.conflict(seen(8)), .done),
            (.conflict(seen(8, current: 8, ready: 0)), .verifying), (.refused(refusal), .failed),
            (.retryable(refusal, after: nil), .committed), (.unknown(refusal), .unknown),
        ])
    func outcome(_ outcome: AttemptOutcome, expected: State) {
        let after = ActionMachine.afterAttempt(action(), outcome: outcome, startedAt: seconds(1), at: seconds(2))
        #expect(after.state == expected)
        #expect(after.attempt == 1)
        #expect(after.history.last?.state == expected)
        #expect(after.history.contains { $0.state == .sent && $0.at == seconds(1) })
        #expect(after.history.map(\.at) == after.history.map(\.at).sorted())
    }

    @Test("an attempt that was withheld leaves no trace")
    func withheld() {
        #expect(ActionMachine.afterAttempt(action(), outcome: .withheld, startedAt: start, at: seconds(1)) == action())
    }

    @Test("after the last attempt a change is given up, with the platform's words as evidence")
    func givenUp() throws {
        var tried = action()
        for attempt in 1...ActionMachine.maximumAttempts {
            #expect(tried.state == .committed)
            tried = ActionMachine.afterAttempt(tried, outcome: .retryable(refusal, after: nil), startedAt: seconds(attempt), at: seconds(attempt))
        }
        #expect(tried.state == .failed)
        #expect(tried.attempt == ActionMachine.maximumAttempts)
        let last = try #require(tried.history.last)
        #expect(last.text == "given up after 5 attempts: no such deployment")
        #expect(last.evidence == "exit 77")
    }

    // MARK: Looking

    /// state, adopted, what is seen, at second; the state after.
    struct Look: Sendable, CustomTestStringConvertible {
        var state: State
        var adopted = false
        var observation: Observation
        var at = 10
        var expected: State
        var testDescription: String { "\(self.state)\(self.adopted ? " (adopted)" : ""), \(self.observation.words) at \(self.at) s" }
    }

    static let looks: [Look] = State.allCases.filter(\.isOpen).flatMap { state in
        [false, true].flatMap { adopted in
            [
                // Where it should be.
                Look(state: state, adopted: adopted, observation: seen(8), expected: .done),
                Look(state: state, adopted: adopted, observation: seen(8), at: 500, expected: .done),
                Look(state: state, adopted: adopted, observation: seen(8, current: 8, ready: 7), expected: .verifying),
                Look(state: state, adopted: adopted, observation: seen(8, current: 8, ready: 7), at: 220, expected: .failed),
                // Somebody else.
                Look(state: state, adopted: adopted, observation: seen(5), expected: .superseded),
                Look(state: state, adopted: adopted, observation: .gone, expected: .failed),
                // Nothing is known.
                Look(state: state, adopted: adopted, observation: .unseen(refusal), expected: state),
                Look(state: state, adopted: adopted, observation: .unseen(refusal), at: 220, expected: .failed),
                // Not applied: only where nobody can say is it sent again, and not before the platform has had time to show it.
                Look(state: state, adopted: adopted, observation: seen(4), at: 4, expected: state),
                Look(state: state, adopted: adopted, observation: seen(4), at: 5, expected: state == .sent || state == .unknown ? .committed : state),
                Look(state: state, adopted: adopted, observation: seen(4), at: 220, expected: .failed),
            ]
        }
    }

    @Test("a look decides the next state", arguments: Self.looks)
    func look(_ look: Look) {
        let before = action(look.state, attempt: 1)
        let after = ActionMachine.afterObservation(before, look.observation, adopted: look.adopted, at: seconds(look.at))
        #expect(after.state == look.expected)
        #expect(after.attempt == before.attempt)
        if after.state != before.state { #expect(after.history.last?.state == after.state && after.history.last?.at == seconds(look.at)) }
    }

    @Test("an action that has ended is not changed by any look", arguments: [State.done, .failed, .superseded])
    func ended(state: State) {
        for observation in [seen(4), seen(8), seen(5), .gone, .unseen(refusal)] {
            #expect(ActionMachine.afterObservation(action(state), observation, adopted: true, at: seconds(900)) == action(state))
        }
    }

    @Test("an adopted action that was not applied is sent again under the same key, at once when it never was")
    func adopted() {
        let after = ActionMachine.afterObservation(action(), seen(4), adopted: true, at: seconds(30))
        #expect(after.state == .committed && after.idem == action().idem)
        #expect(after.history.last?.text == "taken over; not applied yet")
        #expect(ActionMachine.directive(for: after, adopted: false, at: seconds(30)) == .attempt)
    }

    @Test("an outcome that stays unknown is given up after the last attempt")
    func unknownGivenUp() {
        let lost = action(.unknown, attempt: ActionMachine.maximumAttempts)
        #expect(ActionMachine.afterObservation(lost, seen(4), adopted: false, at: seconds(6)).state == .failed)
    }

    @Test(
        "enough ready replicas is the policy's share, rounded up",
        arguments: [
            (10, 900, 9), (10, 901, 10), (1, 900, 1), (3, 500, 2), (5, 0, 0), (7, 1000, 7), (7, 5000, 7), (7, -5, 0),
        ])
    func neededReady(to: Int, share: Int, needed: Int) {
        let up = action(.verifying, from: 0, to: to, needReady: Quantity(milli: Int64(share)))
        if needed > 0 {
            #expect(ActionMachine.afterObservation(up, seen(to, current: to, ready: needed - 1), adopted: false, at: seconds(1)).state == .verifying)
        }
        #expect(ActionMachine.afterObservation(up, seen(to, current: to, ready: needed), adopted: false, at: seconds(1)).state == .done)
    }

    @Test("a change down has arrived when the surplus is gone, whatever is ready")
    func down() {
        let down = action(.verifying, from: 8, to: 2)
        #expect(ActionMachine.afterObservation(down, seen(2, current: 3, ready: 3), adopted: false, at: seconds(1)).state == .verifying)
        #expect(ActionMachine.afterObservation(down, seen(2, current: 2, ready: 0), adopted: false, at: seconds(1)).state == .done)
        let late = ActionMachine.afterObservation(down, seen(2, current: 3, ready: 3), adopted: false, at: seconds(220))
        #expect(late.state == .failed && late.history.last?.text == "not there by its deadline: 3 still there, 2 wanted")
    }

    @Test("every action ends, whatever the platform says, and nothing is sent after the deadline", arguments: 0..<200 as Range<UInt64>)
    func ends(seed: UInt64) {
        var random = Seeded(seed: seed)
        var current = action(random.pick(State.allCases.filter(\.isOpen)), from: 4, to: random.pick([2, 8]), attempt: random.int(0...2))
        var adopted = random.chance(50)
        var now = start
        var steps = 0
        while current.state.isOpen, steps < 2000 {
            steps += 1
            now = now + .milliseconds(random.int(100...1500))
            let observation = random.pick([seen(4), seen(4), seen(4), .unseen(refusal), seen(current.to, current: 5, ready: 1)])
            switch ActionMachine.directive(for: current, adopted: adopted, at: now) {
            case .attempt:
                #expect(now < current.deadline, "seed \(seed)")
                current = ActionMachine.afterAttempt(
                    current, outcome: random.pick([.accepted, .retryable(refusal, after: nil), .unknown(refusal), .done(observation), .withheld]),
                    startedAt: now, at: now)
            case .observe:
                let after = ActionMachine.afterObservation(current, observation, adopted: adopted, at: now)
                if after != current { adopted = false }
                current = after
            case .wait(let until):
                #expect(until > now, "seed \(seed)")
                now = until
            case .ended: break
            }
            #expect(current.attempt <= ActionMachine.maximumAttempts, "seed \(seed)")
        }
        #expect(!current.state.isOpen, "seed \(seed): still \(current.state) after \(steps) steps")
    }
}
