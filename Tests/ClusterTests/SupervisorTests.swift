import Eventually
import Foundation
import Glibc
import Model
import Testing

extension WholeClusters {
    /// Three nodes that are pairs of processes. Their leases are long, so that a gate which opens soon was opened by evidence.
    @Suite(.serialized, .cluster(nodes: 3, supervised: true))
    struct Supervisors {
        private let cluster: TestCluster

        init() throws { self.cluster = try TestCluster.current }

        @Test(
            "a leader that is killed is dead by the word of its supervisor, and is started again; a frozen one is killed first",
            arguments: [SIGKILL, SIGSTOP])
        func ends(signal: Int32) async throws {
            let cluster = self.cluster
            try await cluster.supervise()
            let leader = try await cluster.leader(after: 0)
            let incarnation = try await cluster.incarnation(leader)
            let (supervisor, worker) = (try #require(cluster.pid(leader.node)), try cluster.worker(leader.node))
            let said = Dictionary(uniqueKeysWithValues: cluster.names.map { ($0, cluster.log($0).count) })
            kill(worker, signal)
            let next = try await cluster.leader(after: leader.epoch)
            #expect(next.node != leader.node)
            let evidence = "may act from now on: the last leader, \(leader.node), has ended by the word of its own node"
            try await cluster.says(evidence, next.node, after: said[next.node] ?? 0)
            let heard = cluster.log(next.node).dropFirst(said[next.node] ?? 0)
            #expect(
                heard.split(separator: "\n").contains {
                    $0.contains("a node's supervisor has waited for its process") && $0.contains("peer=\(leader.node)") && $0.contains(incarnation)
                }, "\(heard)")
            #expect(cluster.log(leader.node).dropFirst(said[leader.node] ?? 0).contains("the node's process is killed") == (signal == SIGSTOP))

            try await cluster.says("started the node's process", leader.node, after: said[leader.node] ?? 0)
            try await eventually("another process runs under the same supervisor", seen: { cluster.log(leader.node) }) {
                try cluster.pid(leader.node) == supervisor && cluster.worker(leader.node) != worker
            }
            try await cluster.ready(leader.node)
            let metrics = try await cluster.http("/metrics", at: leader.node).body
            #expect(metrics.contains("muster_supervisor_restarts_total 1\n"), "\(metrics)")
            #expect(metrics.contains("muster_supervisor_kills_total \(signal == SIGSTOP ? 1 : 0)\n"), "\(metrics)")
            let nodes = try await cluster.items(["get", "nodes"])
            #expect(nodes.allSatisfy { $0["supervised"]?.boolValue == true }, "\(nodes)")
            try await cluster.expectSoundRecords()
        }

        @Test("a supervisor whose process is dead answers no node that was denied, and answers it again when it is allowed")
        func denied() async throws {
            let cluster = self.cluster
            try await cluster.supervise()
            let leader = try await cluster.leader(after: 0)
            let others = cluster.names.filter { $0 != leader.node }
            let all = cluster.names.joined(separator: ", ")
            func rosterChanges(denied: [String], after count: Int) async throws {
                let nodes = denied.joined(separator: ", ")
                let line = "who may ask the supervisor changed \(Self.detail("denied nodes", nodes)) denied serials= \(Self.detail("members", all))"
                try await cluster.says(line, leader.node, after: count)
            }
            var said = cluster.log(leader.node).count
            for other in others { try await cluster.succeed(["ca", "deny", "--node", other, "--reason", "its machine was broken into"]) }
            try await rosterChanges(denied: others, after: said)

            let before = Dictionary(uniqueKeysWithValues: cluster.names.map { ($0, cluster.log($0).count) })
            kill(try cluster.worker(leader.node), SIGKILL)
            let next = try await cluster.leader(after: leader.epoch)
            #expect(next.node != leader.node)
            try await cluster.says("may act from now on: ", next.node, after: before[next.node] ?? 0)
            let heard = cluster.log(next.node).dropFirst(before[next.node] ?? 0)
            #expect(!heard.contains("a node's supervisor has waited for its process"), "\(heard)")
            let lines = cluster.log(leader.node).dropFirst(before[leader.node] ?? 0).split(separator: "\n")
            let refusal = try #require(lines.first { $0.contains("a connection to the supervisor was refused") }, "\(lines)")
            #expect(refusal.contains("reason=denied") && refusal.contains("is on the deny-list"), "\(refusal)")

            try await cluster.ready(leader.node)
            try await eventually("the refusals are counted") {
                try await cluster.http("/metrics", at: leader.node).body
                    .contains(/\nmuster_supervisor_connections_refused_total\{reason="denied"\} [1-9][0-9]*\n/)
            }
            said = cluster.log(leader.node).count
            for other in others { try await cluster.succeed(["ca", "allow", "--node", other]) }
            try await rosterChanges(denied: [], after: said)
        }

        /// As the log writes it.
        private static func detail(_ key: String, _ value: String) -> String { "\(key)=\(value.contains(" ") ? "\"\(value)\"" : value)" }

        @Test("a supervisor that stands still does no harm, and kills nobody when it goes on")
        func frozenSupervisor() async throws {
            let cluster = self.cluster
            try await cluster.supervise()
            let leader = try await cluster.leader(after: 0)
            let worker = try cluster.worker(leader.node)
            let said = cluster.log(leader.node).count
            cluster.signal(leader.node, SIGSTOP)
            try await cluster.beats(8)
            cluster.signal(leader.node, SIGCONT)
            try await cluster.beats(4)
            #expect(try cluster.worker(leader.node) == worker)
            #expect(try await cluster.leader() == leader)
            #expect(!cluster.log(leader.node).dropFirst(said).contains("killed"))
        }

        @Test("a supervisor that was away together with its process does not kill it")
        func bothAway() async throws {
            let cluster = self.cluster
            try await cluster.supervise()
            let follower = try await cluster.follower()
            let (supervisor, worker) = (try #require(cluster.pid(follower)), try cluster.worker(follower))
            let said = cluster.log(follower).count
            kill(supervisor, SIGSTOP)
            kill(worker, SIGSTOP)
            try await cluster.beats(4)
            kill(supervisor, SIGCONT)
            kill(worker, SIGCONT)
            try await cluster.ready(follower)
            try await cluster.beats(4)
            #expect(try cluster.worker(follower) == worker)
            #expect(!cluster.log(follower).dropFirst(said).contains("killed"))
        }

        @Test("SIGTERM ends both in order: the leader hands over, and the supervisor ends with its status")
        func terminated() async throws {
            let cluster = self.cluster
            try await cluster.supervise()
            let leader = try await cluster.leader(after: 0)
            let worker = try cluster.worker(leader.node)
            cluster.signal(leader.node, SIGTERM)
            let status = await (try cluster.child(leader.node)).ended
            #expect(status == 0, "\(cluster.log(leader.node).suffix(2000))")
            #expect(kill(worker, 0) != 0, "its process still runs")
            let next = try await cluster.leader(after: leader.epoch)
            #expect(try await cluster.sql("select previous_resigned from muster.term where epoch = \(next.epoch)") == [["t"]])
        }

        @Test("a process whose supervisor is killed hands over and ends")
        func orphan() async throws {
            let cluster = self.cluster
            try await cluster.supervise()
            let leader = try await cluster.leader(after: 0)
            let worker = try cluster.worker(leader.node)
            let said = cluster.log(leader.node).count
            cluster.signal(leader.node, SIGKILL)
            try await cluster.says("the supervisor of this node has ended", leader.node, after: said)
            try await eventually("the process ends", seen: { cluster.log(leader.node) }) { kill(worker, 0) != 0 }
            let next = try await cluster.leader(after: leader.epoch)
            #expect(try await cluster.sql("select previous_resigned from muster.term where epoch = \(next.epoch)") == [["t"]])
        }

        @Test("cluster/up brings back a pair of processes, and says of a node that runs that it has no supervisor")
        func upAgain() async throws {
            let cluster = self.cluster
            for node in cluster.names where cluster.pid(node) != nil { try await cluster.stop(node) }
            try await cluster.bringUp()
            let supervised = { (node: String) in text(cluster.configuration(node)).contains("supervisor:") }
            #expect(!cluster.names.contains(where: supervised))
            try await cluster.stop("a")
            let ran = try await cluster.bringUp(supervised: true)
            #expect(cluster.names.filter(supervised) == ["a"])
            #expect(try cluster.worker("a") != 0)
            for node in ["b", "c"] { #expect(ran.output.contains("node \(node) runs without a supervisor"), "\(ran)") }
            #expect(!ran.output.contains("node a runs without"), "\(ran)")
            for node in ["b", "c"] { try await cluster.stop(node) }
            try await cluster.bringUp(supervised: true)
            #expect(cluster.names.allSatisfy(supervised))
        }

        @Test("doctor finds the supervisor that runs, and says when it uses another certificate than the file's")
        func doctor() async throws {
            let cluster = self.cluster
            try await cluster.supervise()
            let said = cluster.log("a").count
            let fine = try await Ran.program(Programs.muster, ["doctor", "--config", cluster.configuration("a")])
            #expect(fine.output.contains(/supervisor +ok +it answers on 127/), "\(fine)")
            // It knows who looked, and answers it nothing.
            try await cluster.says("reason=ownName", "a", after: said)
            // What it is about to find in its files, this finds first.
            let copy = cluster.folder("a") + ".copy"
            try FileManager.default.copyItem(atPath: cluster.folder("a"), toPath: copy)
            defer { try? FileManager.default.removeItem(atPath: copy) }
            let renewed = try await Ran.program(Programs.muster, ["ca", "renew", "--ca", "\(cluster.directory)/ca", "--in", copy])
            try #require(renewed.status == 0, "\(renewed)")
            try write(text(cluster.configuration("a")).replacingOccurrences(of: "\(cluster.folder("a"))/node", with: "\(copy)/node"), to: "\(copy)/node.yaml")
            let other = try await Ran.program(Programs.muster, ["doctor", "--config", "\(copy)/node.yaml"])
            #expect(other.output.contains(/supervisor +warning +it answers on 127.* with another certificate than/), "\(other)")
        }

        @Test("what the node refuses at its start ends the supervisor too, with the same status and words")
        func refused() async throws {
            let cluster = self.cluster
            try await cluster.addNode(
                "z", replacing: ["127.0.0.1:\(try cluster.port("a.supervisor"))": "127.0.0.1:0", "dbname=muster": "dbname=nowhere"])
            let refused = try await cluster.refusal("z")
            #expect(refused.status == 1 && refused.words.contains("nowhere"), "\(refused)")
        }
    }
}

extension TestCluster {
    /// Starts every node, which is a pair, as a child of this process, with long leases, and waits until all know where the others' supervisors are.
    fileprivate func supervise() async throws {
        for node in self.names {
            let text = text(self.configuration(node))
            if !text.contains("timing:") { try write("\(text)timing: wan\n", to: self.configuration(node)) }
            if self.pid(node) != nil { try await self.stop(node) }
        }
        let said = Dictionary(uniqueKeysWithValues: self.names.map { ($0, self.log($0).count) })
        for node in self.names { try self.start(node) }
        for node in self.names { try await self.ready(node) }
        // Whom each answers, its supervisor hears from its node.
        let members = "members=\"\(self.names.joined(separator: ", "))\""
        for node in self.names {
            try await eventually("the supervisor of \(node) knows all members", seen: { self.log(node) }) {
                let lines = self.log(node).dropFirst(said[node] ?? 0).split(separator: "\n")
                return lines.last { $0.contains("who may ask the supervisor changed") }?.contains(members) == true
            }
        }
        // A node reads the others' records after each time it wrote its own.
        let written = "select count(*) from muster.node where state::jsonb ? 'supervisor'"
        try await eventually("all supervisors are known") { try await self.number(written) == self.names.count }
        for _ in 1...2 {
            let before = try await self.sql("select name, seen_at from muster.node order by name")
            try await eventually("another heartbeat of each") {
                zip(before, try await self.sql("select name, seen_at from muster.node order by name")).allSatisfy { $0[1] != $1[1] }
            }
        }
        try await eventually("a settled leader", seen: { self.logTails() }) {
            let settled = try await self.number("select count(*) from muster.leader where settled and not resigned") == 1
            let leader = try await self.leader()
            return settled && leader != nil
        }
    }

    fileprivate func incarnation(_ leader: Leader) async throws -> String {
        try #require(try await self.sql("select incarnation from muster.leader where node = '\(leader.node)'").first?.first)
    }

    /// The process that is the node, its supervisor's child.
    fileprivate func worker(_ node: String) throws -> pid_t {
        let supervisor = try #require(self.pid(node))
        let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(supervisor)/task")
        // Whichever thread started it.
        let children = threads.flatMap { text("/proc/\(supervisor)/task/\($0)/children").split(separator: " ").compactMap { pid_t($0) } }
        return children.first ?? 0
    }

    /// Waits for so many beats of leaders.
    fileprivate func beats(_ count: Int) async throws {
        let before = try await self.number("select last_value from muster.beat")
        try await eventually("\(count) beats", seen: { self.logTails() }) { try await self.number("select last_value from muster.beat") >= before + count }
    }
}
