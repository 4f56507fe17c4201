import Election
import Model

/// What nodes say to each other.
enum PeerMessage {
    case fence(FencingToken, question: Int, incarnation: String)
    case fenceAnswer(question: Int, FenceAnswer, incarnation: String)
    case holdOff(Duration, question: Int?)
    case heldOff(question: Int)
    case heard(FencingToken)
    case ping(FencingToken, lease: Duration, question: Int)
    case acknowledgement(question: Int, promised: FencingToken)
}

/// A request that waits for its answer.
struct Question {
    var token: FencingToken
    var sentAt: Instant
}

extension Simulation {
    /// Each node tells one other what it knows, this often.
    static let gossipPeriod: Int64 = 200_000

    /// Loss is delay, until the connection is given up.
    mutating func say(_ message: PeerMessage, from: Int, to: Int) {
        guard from != to, !self.nodes[from].down else { return }
        let healed = self.peerCutUntil[from * self.nodes.count + to]
        var at = self.now + self.latency()
        if healed > at {
            guard healed - at < Self.tcpTimeout else { return }
            at = healed + self.pick(0...300_000)
        }
        if self.buggify(300) { at += self.pick(1000...1_000_000) }
        self.scheduleAt(at, .peer(to: to, from: from, message))
    }

    private mutating func ask(_ token: FencingToken, by node: Int) -> Int {
        self.nextQuestion += 1
        self.questions[self.nextQuestion] = Question(token: token, sentAt: self.clock(node))
        return self.nextQuestion
    }

    func index(of name: String) -> Int? { Int(name.dropFirst()).flatMap { self.nodes.indices.contains($0) ? $0 : nil } }

    mutating func performAmongPeers(_ effect: ElectionEffect, by node: Int) {
        switch effect {
        case .askFence(let predecessor, let token):
            guard let peer = self.index(of: predecessor.node) else { return }
            self.say(.fence(token, question: self.ask(token, by: node), incarnation: predecessor.incarnation), from: node, to: peer)
        case .askPromises(let token):
            for peer in self.nodes.indices where peer != node {
                self.say(.fence(token, question: self.ask(token, by: node), incarnation: ""), from: node, to: peer)
            }
        case .askAcknowledgements(let token, let lease):
            for peer in self.nodes.indices where peer != node {
                self.say(.ping(token, lease: lease, question: self.ask(token, by: node)), from: node, to: peer)
            }
        case .askHoldOff(let pause, let successor):
            self.askHoldOff(pause, by: node, except: successor)
        case .confirmHoldOff(let to, let request):
            guard let peer = self.index(of: to) else { return }
            self.checkAbsence(node)
            self.say(.heldOff(question: request), from: node, to: peer)
        case .promise(let to, let request, let promised):
            guard let peer = self.index(of: to) else { return }
            if let asked = self.questions[request]?.token, promised > asked { self.count(.askerSuperseded) }
            self.answer(request, promised, by: node, to: peer)
        case .acknowledge(let to, let request, let promised):
            guard let peer = self.index(of: to), let question = self.questions[request] else { return }
            if promised > question.token { self.count(.vouchRefused) } else { self.checkVouching(node, question.token) }
            self.say(.acknowledgement(question: request, promised: promised), from: node, to: peer)
        default: break
        }
    }

    /// Whom the shell takes for reachable, it waits for; now and then it is wrong about one.
    private mutating func askHoldOff(_ pause: Duration, by node: Int, except successor: String) {
        let tenure = self.nodes[node].machine.tenure
        var asked: [String] = []
        for peer in self.nodes.indices where peer != node && self.nodes[peer].name != successor {
            self.say(.holdOff(pause, question: tenure.map { self.ask($0.grant.token, by: node) }), from: node, to: peer)
            let isReachable = !self.nodes[peer].down && self.peerCutUntil[node * self.nodes.count + peer] <= self.now
            if isReachable || self.oneIn(10) { asked.append(self.nodes[peer].name) }
        }
        guard let session = tenure?.session else { return }
        self.schedule(0, .asked(node: node, run: self.nodes[node].run, session: session, asked))
    }

    private mutating func answer(_ question: Int, _ promised: FencingToken, by node: Int, to peer: Int) {
        self.nodes[node].promisedAloud = max(self.nodes[node].promisedAloud, promised)
        self.nodes[node].everPromised = max(self.nodes[node].everPromised, promised)
        let incarnation = SimulatedNode.incarnation(node, self.nodes[node].run)
        self.say(.fenceAnswer(question: question, .promised(promised), incarnation: incarnation), from: node, to: peer)
    }

    mutating func receive(_ message: PeerMessage, at node: Int, from: Int) {
        let name = self.nodes[from].name
        switch message {
        case .fence(let token, let question, let incarnation):
            let own = SimulatedNode.incarnation(node, self.nodes[node].run)
            if self.supervised, !incarnation.isEmpty, self.nodes[node].down || own != incarnation {
                // The supervisor outlives the process, and has waited for its end.
                self.sayForSupervisor(.fenceAnswer(question: question, .dead, incarnation: incarnation), from: node, to: from)
                return
            }
            guard !self.nodes[node].down else { return }
            if self.bug == .fenceNotHonoured || self.bug == .promisesAtOnce {
                self.answer(question, token, by: node, to: from)
                if self.bug == .fenceNotHonoured { return }
            }
            let pending = self.nodes[node].machine.wakeAt
            self.feed(node, .fenceAsked(token: token, from: name, request: question))
            if self.strict, self.nodes[node].machine.wakeAt != pending { self.count(.promiseDelayed) }
        case .fenceAnswer(let question, let answer, let incarnation):
            guard !self.nodes[node].down, let asked = self.questions.removeValue(forKey: question) else { return }
            self.feed(node, .fenceAnswered(by: name, incarnation: incarnation, token: asked.token, answer))
        case .holdOff(let pause, let question):
            guard !self.nodes[node].down else { return }
            self.feed(node, .holdOff(pause, from: name, request: question))
        case .heldOff(let question):
            guard !self.nodes[node].down, let asked = self.questions.removeValue(forKey: question) else { return }
            self.count(.heldOff)
            self.feed(node, .heldOff(by: name, token: asked.token))
        case .heard(let token):
            guard !self.nodes[node].down else { return }
            if let own = self.nodes[node].machine.tenure?.grant.token, token > own { self.count(.tokenHeardInTime) }
            self.feed(node, .heard(token))
        case .ping(let token, let lease, let question):
            guard !self.nodes[node].down else { return }
            if self.bug == .vouchesForAnybody {
                self.say(.acknowledgement(question: question, promised: token), from: node, to: from)
                return
            }
            self.feed(node, .leaderPinged(from: name, token: token, lease: lease, request: question))
        case .acknowledgement(let question, let promised):
            guard !self.nodes[node].down, let asked = self.questions.removeValue(forKey: question) else { return }
            self.feed(node, .acknowledged(by: name, token: asked.token, promised: promised, sentAt: asked.sentAt))
        }
    }

    private mutating func sayForSupervisor(_ message: PeerMessage, from: Int, to: Int) {
        guard self.peerCutUntil[from * self.nodes.count + to] <= self.now else { return }
        self.schedule(self.latency(), .peer(to: to, from: from, message))
    }

    mutating func gossip(_ node: Int) {
        self.schedule(Self.gossipPeriod + self.pick(0...20_000), .gossip(node: node, run: self.nodes[node].run))
        guard self.nodes.count > 1 else { return }
        let peer = Int(self.random.below(Int64(self.nodes.count)))
        let token = max(self.nodes[node].machine.knownToken, self.nodes[node].machine.promised)
        if peer != node, token > .zero { self.say(.heard(token), from: node, to: peer) }
    }
}
