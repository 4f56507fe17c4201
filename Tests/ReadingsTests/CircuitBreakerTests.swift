import Readings
import Testing

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    private let start = ContinuousClock.now

    private func opened() -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for _ in 1...CircuitBreaker.failuresToOpen { breaker.failed(at: self.start) }
        return breaker
    }

    @Test("it opens after five failures in a row, not after four and a success")
    func opening() {
        var breaker = CircuitBreaker()
        for _ in 1...4 { breaker.failed(at: self.start) }
        breaker.succeeded()
        for _ in 1...4 { breaker.failed(at: self.start) }
        #expect(breaker.permission(at: self.start) == .ask)
        breaker.failed(at: self.start)
        #expect(breaker.permission(at: self.start + .seconds(10)) == .wait(.seconds(20)))
        #expect(breaker.isOpen)
    }

    @Test("after the pause one probes and the others wait")
    func probing() {
        var breaker = self.opened()
        let later = self.start + CircuitBreaker.pause
        #expect(breaker.permission(at: later) == .probe)
        #expect(breaker.permission(at: later) == .wait(CircuitBreaker.pause))
        breaker.succeeded()
        #expect(breaker.permission(at: later) == .ask)
        #expect(!breaker.isOpen)
    }

    @Test("a probe that fails opens it for another pause; one that never ends does not keep it closed for ever")
    func failedProbe() {
        var breaker = self.opened()
        let later = self.start + CircuitBreaker.pause
        #expect(breaker.permission(at: later) == .probe)
        breaker.failed(at: later)
        #expect(breaker.permission(at: later + .seconds(29)) == .wait(.seconds(1)))
        #expect(breaker.permission(at: later + .seconds(30)) == .probe)
        #expect(breaker.permission(at: later + .seconds(60)) == .probe)
    }

    @Test("failures of stragglers do not prolong the pause")
    func stragglers() {
        var breaker = self.opened()
        breaker.failed(at: self.start + .seconds(25))
        #expect(breaker.permission(at: self.start + .seconds(30)) == .probe)
    }
}
