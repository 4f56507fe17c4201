import Control
import Model
import SeededRandom
import Testing

@Suite("Fitness of a leader")
struct FitnessTests {
    private let load = Dependency.connection("load"), jobs = Dependency.connection("jobs"), replicas = Dependency.program("replicas")
    private func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }
    private func fitness(followsResignation: Bool = false) -> Fitness { Fitness(startedAt: self.at(0), followsResignation: followsResignation) }
    private let missed = Fitness.Evidence.missed(why: "the host does not answer")

    @Test("a leader yields to a node that reaches what it has not reached for three seconds, not before and not without")
    func yields() {
        var fitness = self.fitness()
        fitness.note(self.load, self.missed, at: self.at(1000))
        fitness.note(self.replicas, .reached, at: self.at(1000))
        fitness.note(self.load, self.missed, at: self.at(3900))
        #expect(fitness.verdict(at: self.at(5000)) == .stays, "nobody has said anything")
        fitness.heard("b", reaches: [self.load, self.replicas], at: self.at(3950))
        #expect(fitness.verdict(at: self.at(3999)) == .stays)
        #expect(fitness.verdict(at: self.at(4000)) == .yields(to: "b", since: self.at(1000), missed: [self.load]))
        #expect(fitness.missed == [self.load] && fitness.reached == [self.replicas] && fitness.why(self.load) == "the host does not answer")
        #expect(fitness.verdict(at: self.at(8949)) != .stays)
        #expect(fitness.verdict(at: self.at(8950)) == .stays, "what b said is too old")
    }

    @Test("one success begins it anew")
    func again() {
        var fitness = self.fitness()
        fitness.heard("b", reaches: [self.load], at: self.at(4000))
        fitness.note(self.load, self.missed, at: self.at(1000))
        fitness.note(self.load, .reached, at: self.at(3000))
        fitness.note(self.load, self.missed, at: self.at(3100))
        #expect(fitness.verdict(at: self.at(6000)) == .stays)
        #expect(fitness.verdict(at: self.at(6100)) == .yields(to: "b", since: self.at(3100), missed: [self.load]))
    }

    @Test("a node that can’t reach it either is no reason to go, nor one that misses what this node reaches")
    func nobodyBetter() {
        var fitness = self.fitness()
        fitness.note(self.load, self.missed, at: self.at(0))
        fitness.note(self.replicas, .reached, at: self.at(0))
        fitness.heard("b", reaches: [], at: self.at(4000))
        fitness.heard("c", reaches: [self.load], at: self.at(4000))
        #expect(fitness.verdict(at: self.at(4000)) == .stays)
        fitness.heard("c", reaches: [self.load, self.replicas], at: self.at(4500))
        #expect(fitness.verdict(at: self.at(4500)) == .yields(to: "c", since: self.at(0), missed: [self.load]))
    }

    @Test("of several nodes that reach more, the one that reaches most is preferred")
    func best() {
        var fitness = self.fitness()
        for dependency in [self.load, self.jobs, self.replicas] { fitness.note(dependency, self.missed, at: self.at(0)) }
        fitness.heard("b", reaches: [self.load], at: self.at(3000))
        fitness.heard("c", reaches: [self.load, self.replicas], at: self.at(3000))
        #expect(fitness.verdict(at: self.at(3000)) == .yields(to: "c", since: self.at(0), missed: [self.load, self.replicas]))
    }

    @Test("after a resignation the next leader stays for a minute, whatever it reaches")
    func leastTerm() {
        var fitness = self.fitness(followsResignation: true)
        fitness.note(self.load, self.missed, at: self.at(0))
        for second in 0..<60 as Range<Int64> {
            fitness.heard("b", reaches: [self.load], at: self.at(second * 1000))
            #expect(fitness.verdict(at: self.at(second * 1000 + 999)) == .stays)
        }
        #expect(fitness.verdict(at: self.at(60_000)) != .stays)
    }

    @Test("what no policy needs any more is no reason")
    func forgotten() {
        var fitness = self.fitness()
        fitness.note(self.load, self.missed, at: self.at(0))
        fitness.heard("b", reaches: [self.load], at: self.at(3000))
        fitness.keep(only: [self.jobs])
        #expect(fitness.verdict(at: self.at(3000)) == .stays && fitness.missed.isEmpty)
    }

    @Test("no more is followed than fits into a message")
    func bounds() {
        var fitness = self.fitness()
        fitness.note(.connection(String(repeating: "x", count: Fitness.longestName)), self.missed, at: self.at(0))
        #expect(fitness.missed.isEmpty)
        for number in 0..<Fitness.most + 5 { fitness.note(.connection("\(number)"), self.missed, at: self.at(0)) }
        #expect(fitness.missed.count == Fitness.most)
    }

    @Test("refusals, wrong answers and a driver without time are no silence")
    func evidence() {
        func unseen(_ code: String) -> Observation { .unseen(DriverError(code: code, message: "words")) }
        #expect(Fitness.evidence(of: .gone) == .reached)
        #expect(Fitness.evidence(of: .seen(desired: 1, current: 1, ready: 1, version: nil)) == .reached)
        #expect(Fitness.evidence(of: unseen("exec.timeout")) == .missed(why: "words"))
        #expect(Fitness.evidence(of: unseen("exec.exit")) == .missed(why: "words"))
        for code in ["exec.busy", "exec.cancelled", "driver.unanswered"] { #expect(Fitness.evidence(of: unseen(code)) == nil) }

        #expect(Fitness.evidence(of: [ReadingAnswer]()) == nil)
        for reason in MissingReason.allCases {
            let isSilence = [.unreachable, .timeout, .misconfigured].contains(reason)
            let answer = ReadingAnswer.missing(reason, evidence: "words")
            #expect(Fitness.evidence(of: [answer]) == (isSilence ? .missed(why: "words") : .reached), "\(reason)")
            let sample = ReadingAnswer.value(Sample(value: Quantity(1), at: WallTime(microseconds: 0)))
            #expect(Fitness.evidence(of: [answer, sample]) == .reached, "one answer is enough")
        }
    }

    /// Nodes of which each reaches what it reaches: whoever leads first, the resignations end, at a node to which none is better.
    @Test("in a world that stands still resignations end", arguments: 0..<200 as Range<UInt64>)
    func ends(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let all = (0..<Int.random(in: 1...5, using: &random)).map { Dependency.connection("\($0)") }
        let nodes = (0..<Int.random(in: 2...5, using: &random)).map { node in
            (name: "n\(node)", reaches: Set(all.filter { _ in Bool.random(using: &random) }))
        }
        var leader = Int.random(in: nodes.indices, using: &random)
        var changes = 0
        while changes <= all.count {
            var fitness = self.fitness()
            for dependency in all { fitness.note(dependency, nodes[leader].reaches.contains(dependency) ? .reached : self.missed, at: self.at(0)) }
            for (index, node) in nodes.enumerated() where index != leader { fitness.heard(node.name, reaches: node.reaches, at: self.at(3000)) }
            guard case .yields(let other, _, _) = fitness.verdict(at: self.at(3000)) else { break }
            let next = try #require(nodes.firstIndex { $0.name == other })
            #expect(nodes[next].reaches.isStrictSuperset(of: nodes[leader].reaches), "seed \(seed)")
            leader = next
            changes += 1
        }
        #expect(changes <= all.count, "seed \(seed): more changes than there are things to reach")
        for node in nodes { #expect(!node.reaches.isStrictSuperset(of: nodes[leader].reaches), "seed \(seed)") }
    }

    @Test("a dependency is written and read, and nothing else is one")
    func text() {
        for dependency in [self.load, self.replicas] { #expect(Dependency(dependency.description) == dependency) }
        for text in ["", ":", "connection:", "connection", "planet:x", ":x"] { #expect(Dependency(text) == nil, "\(text)") }
        #expect(Dependency(DriverTarget.manual) == nil)
        #expect(Dependency(DriverTarget.exec(observe: ["replicas", "eu"], scale: ["scale"])) == self.replicas)
    }
}
