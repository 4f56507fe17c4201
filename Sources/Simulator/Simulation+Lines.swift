import Election
import Model

/// The lines between nodes and databases: TCP, so in order, delayed by cuts, broken by long ones.
extension Simulation {
    static let keepaliveTime: ClosedRange<Int64> = 2_100_000...3_200_000
    /// The server looks for the clients of waiting statements this often.
    static let connectionCheck: Int64 = 500_000

    /// When something sent now gets through a line that is cut until then; nil when the connection doesn't survive it.
    private mutating func arrival(cutUntil: Int64, earliest: Int64) -> Int64? {
        let at = max(self.now + self.latency(), earliest)
        guard cutUntil > at else { return at }
        return cutUntil - self.now < Self.tcpTimeout ? cutUntil + self.pick(0...400_000) : nil
    }

    mutating func send(_ node: Int, _ number: Int, _ statement: Statement) {
        guard let id = self.nodes[node].sessions[number] else { return }
        if self.buggify(400) {
            // The connection breaks while the statement is on its way.
            self.breakLine(id)
            return
        }
        guard let at = self.arrival(cutUntil: self.nodes[node].upCutUntil, earliest: self.sessions[id].lastToServer) else {
            self.breakLine(id)
            return
        }
        self.sessions[id].lastToServer = at
        self.scheduleAt(at, .arrive(session: id, statement))
    }

    /// Nothing gets through between the node and the databases until then, in these directions.
    mutating func cut(_ node: Int, until: Int64, up: Bool = true, down: Bool = true) {
        if up { self.nodes[node].upCutUntil = until }
        if down { self.nodes[node].downCutUntil = until }
        // Of a session over which nothing is said only keepalives find out, if the cut outlasts them.
        guard until - self.now > Self.keepaliveTime.upperBound else { return }
        for id in self.nodes[node].sessions.values.sorted() where self.sessions[id].fate == .open { self.breakLine(id) }
    }

    /// Both ends find out, each by its own timers.
    private mutating func breakLine(_ id: Int) {
        let session = self.sessions[id]
        let closed = ElectionEvent.sessionClosed(session: session.number, reason: "timed out")
        self.schedule(Self.tcpTimeout + self.pick(0...600_000), .toNode(node: session.node, run: session.run, closed))
        if self.keepalives { self.schedule(self.pick(Self.keepaliveTime), .noticed(session: id)) }
    }

    mutating func reply(_ id: Int, _ event: ElectionEvent) {
        let session = self.sessions[id]
        self.deliver(id, .toNode(node: session.node, run: session.run, event))
    }

    mutating func deliver(_ id: Int, _ event: Event) {
        let session = self.sessions[id]
        guard session.fate == .open else { return }
        guard let at = self.arrival(cutUntil: self.nodes[session.node].downCutUntil, earliest: session.lastToClient) else {
            self.breakLine(id)
            return
        }
        self.sessions[id].lastToClient = at
        self.scheduleAt(at, event)
    }

    // MARK: Opening and closing

    /// - Parameter wanted: the server, where it is not left to chance.
    mutating func open(_ node: Int, _ run: Int, _ number: Int, on wanted: Int? = nil) {
        guard self.nodes[node].run == run, !self.nodes[node].down else { return }
        let server = wanted ?? self.chooseServer(node)
        let cut = max(self.nodes[node].upCutUntil, self.nodes[node].downCutUntil)
        guard let server, cut <= self.now else {
            let wait = cut > self.now ? min(cut - self.now + 1000, Self.tcpTimeout) : self.latency()
            self.schedule(wait, .toNode(node: node, run: run, .sessionClosed(session: number, reason: "refused")))
            return
        }
        let id = self.sessions.count
        self.sessions.append(
            Session(
                server: server, node: node, run: run, number: number, idle: self.nodes[node].timing.idle.microseconds, idleSince: self.now))
        self.nodes[node].sessions[number] = id
        self.nodes[node].server = server
        self.armIdleTimeout(id)
        self.reply(id, .sessionConnected(session: number))
    }

    /// Any primary that can be reached: with two of them, whichever comes first in the list of hosts or answers first.
    mutating func chooseServer(_ node: Int) -> Int? {
        var choice: Int?
        var seen: Int64 = 0
        for index in self.servers.indices where self.servers[index].up && !self.servers[index].retired {
            seen += 1
            if self.oneIn(seen) { choice = index }
        }
        return choice
    }

    mutating func close(_ node: Int, _ number: Int) {
        guard let id = self.nodes[node].sessions.removeValue(forKey: number) else { return }
        self.sayGoodbye(id)
    }

    /// The client's end closes; the server learns of it if the line is whole.
    mutating func sayGoodbye(_ id: Int) {
        let node = self.sessions[id].node
        if self.nodes[node].upCutUntil <= self.now {
            self.scheduleAt(max(self.now + self.latency(), self.sessions[id].lastToServer), .finished(session: id))
        } else if self.keepalives {
            self.schedule(self.pick(Self.keepaliveTime), .noticed(session: id))
        }
    }

    /// The client has closed. A backend that works or waits does not read its socket.
    mutating func finished(_ id: Int) {
        guard self.sessions[id].fate == .open else { return }
        self.sessions[id].fate = .gone
        if self.sessions[id].statements == 0 {
            self.end(id)
        } else if self.sessions[id].wish != nil, self.keepalives {
            self.schedule(self.pick(1...Self.connectionCheck), .noticed(session: id))
        }
    }

    /// The server finds that the client is gone.
    mutating func noticed(_ id: Int) {
        guard self.sessions[id].fate != .ended else { return }
        if self.sessions[id].fate == .open {
            // Keepalives: only if nothing gets through now either.
            let node = self.nodes[self.sessions[id].node]
            let abandoned = node.sessions[self.sessions[id].number] != id || node.run != self.sessions[id].run
            guard abandoned || max(node.upCutUntil, node.downCutUntil) > self.now else { return }
        }
        if self.sessions[id].wish != nil { self.count(.ghostDetected) } else { self.count(.keepaliveEviction) }
        self.terminate(id)
    }

    /// The server ends a session and says so. One whose commit waits for the disk ends after it, and keeps its lock until then.
    mutating func terminate(_ id: Int, withServer: Bool = false) {
        guard self.sessions[id].fate != .ended else { return }
        if self.sessions[id].committing, !withServer {
            self.sessions[id].isDoomed = true
            return
        }
        self.reply(id, .sessionClosed(session: self.sessions[id].number, reason: "terminated"))
        self.end(id)
    }

    /// Its transaction is rolled back first, then its locks go.
    mutating func end(_ id: Int) {
        guard self.sessions[id].fate != .ended else { return }
        self.sessions[id].fate = .ended
        self.sessions[id].wish = nil
        let server = self.sessions[id].server
        self.servers[server].queue.removeAll { $0 == id }
        if self.servers[server].holder == id {
            self.servers[server].holder = nil
            self.grantNext(server)
        }
    }

    // MARK: Idling

    mutating func armIdleTimeout(_ id: Int) {
        guard self.idleTimeouts, self.sessions[id].fate != .ended, !self.sessions[id].idleCheckPending else { return }
        self.sessions[id].idleCheckPending = true
        self.schedule(self.sessions[id].idle, .idleCheck(session: id))
    }

    /// The server's timer went off; it compares wall clocks.
    mutating func idleCheck(_ id: Int) {
        self.sessions[id].idleCheckPending = false
        let session = self.sessions[id]
        guard session.fate != .ended, session.statements == 0 else { return }
        let left = session.idleSince + session.idle - (self.now + self.servers[session.server].wallOffset)
        if left <= 0 {
            self.count(.idleEviction)
            self.note("server \(session.server) ends the idle session \(id) of \(self.nodes[session.node].name)")
            self.terminate(id)
        } else {
            self.sessions[id].idleCheckPending = true
            self.schedule(left, .idleCheck(session: id))
        }
    }
}
