import Eventually
import Foundation
import Glibc
import Model
import PostgresTesting
import Testing

extension WholeClusters {
    /// Two nodes whose Postgres is restarted, stopped, full, or not what it should be.
    @Suite(.serialized, .cluster(nodes: 2))
    struct Database {
        @Test("after a restart of Postgres under load there is a leader of a later term, and nothing was done twice")
        func restart() async throws {
            let cluster = try TestCluster.current
            let platform = Platform(cluster: cluster)
            let services = ["restart-a", "restart-b"]
            for (index, service) in services.enumerated() { try await platform.add(service, quiet: 10, busy: 60, period: 1 + index) }
            try await eventually("something changes", seen: { cluster.logTails() }) { try platform.effects(services).count >= 2 }
            let pids = cluster.names.map { cluster.pid($0) }
            for _ in 1...2 {
                let leader = try await cluster.leader(after: 0)
                try await cluster.restartPostgres()
                let next = try await cluster.leader(after: leader.epoch)
                try await eventually("epoch \(next.epoch) changes something", seen: { cluster.logTails() }) {
                    try platform.effects(services).contains { $0.epoch >= next.epoch }
                }
            }
            for service in services { try await platform.load(service, quiet: 20) }
            for service in services { try await platform.reaches(service, 2) }
            try await cluster.settled(services)
            #expect(cluster.names.map { cluster.pid($0) } == pids, "a node did not survive")
            try await platform.expectSoundEffects(services)
            try await cluster.expectSoundRecords()
        }

        @Test("while Postgres is away nodes live, say so, answer 503 database-unavailable and change nothing; one that starts waits for it")
        func away() async throws {
            let cluster = try TestCluster.current
            let platform = Platform(cluster: cluster)
            try await platform.add("away", quiet: 10, busy: 40, period: 1)
            try await eventually("something changes", seen: { cluster.logTails() }) { try !platform.effects(["away"]).isEmpty }
            let leader = try await cluster.leader(after: 0)
            let follower = try await cluster.follower()
            let said = cluster.log(leader.node).count
            try await cluster.stopPostgres()

            try await cluster.says("no longer leading epoch=\(leader.epoch)", leader.node, after: said)
            let effects = try platform.effects(["away"])
            try await eventually("reads answer 503", seen: { cluster.log(leader.node) }) {
                let answer = try await cluster.http("/v1/status", at: leader.node)
                return answer.status == 503 && answer.body.contains("database-unavailable")
            }
            let asked = try await cluster.muster(["status"], at: leader.node)
            #expect(asked.status == 5 && asked.errors.contains("database"), "\(asked)")
            #expect(try await cluster.http("/healthz", at: leader.node).status == 200, "the process lives")
            #expect(try await cluster.http("/readyz", at: leader.node).status == 503)
            try await cluster.says("the database does not take this node's heartbeat", leader.node, after: said)

            // Without a database a node can be ended, and started again.
            cluster.signal(follower, SIGTERM)
            try await eventually("\(follower) ends", seen: { cluster.log(follower) }) { cluster.pid(follower) == nil }
            let before = cluster.log(follower).count
            let child = try cluster.start(follower)
            try await cluster.says("the database can't be used yet; trying again", follower, after: before)
            #expect(child.status == nil)

            #expect(try platform.effects(["away"]) == effects, "something was changed while nobody could know who leads")
            try await cluster.startPostgres()
            for node in cluster.names { try await cluster.ready(node) }
            let next = try await cluster.leader(after: leader.epoch)
            try await eventually("epoch \(next.epoch) changes something", seen: { cluster.logTails() }) {
                try platform.effects(["away"]).contains { $0.epoch >= next.epoch }
            }
            try await platform.load("away", quiet: 20)
            try await platform.reaches("away", 2)
            try await cluster.settled(["away"])
            try await platform.expectSoundEffects(["away"])
            try await cluster.expectSoundRecords()
        }

        @Test("a Postgres that only reads: writes are refused with words that say so, and afterwards everything goes on")
        func readOnly() async throws {
            let cluster = try TestCluster.current
            let platform = Platform(cluster: cluster)
            try await platform.add("read-only", quiet: 10, busy: 40, period: 1)
            let leader = try await cluster.leader(after: 0)
            let said = cluster.log(leader.node).count
            try await cluster.set("default_transaction_read_only", to: "on")
            try await cluster.says("read-only", leader.node, after: said)
            let versions = try await cluster.number("select count(*) from muster.manifest_version")
            let refused = try await cluster.muster(["apply", "-f", "-"], input: "kind: Region\nname: read-only\n")
            #expect(refused.status != 0 && refused.errors.contains("read-only"), "\(refused)")
            #expect(try await cluster.muster(["status"]).status == 0, "reads go on")
            #expect(try await cluster.number("select count(*) from muster.manifest_version") == versions)
            try await cluster.set("default_transaction_read_only", to: nil)
            try await eventually("writes go on") {
                try await cluster.muster(["apply", "-f", "-"], input: "kind: Region\nname: read-only\n").status == 0
            }
            try await platform.load("read-only", quiet: 20)
            try await platform.reaches("read-only", 2)
            try await cluster.settled(["read-only"])
            // Whatever was still done was on record before.
            try await platform.expectSoundEffects(["read-only"])
            try await cluster.expectSoundRecords()
        }

        @Test(
            "a full disk: nothing is decided, the nodes say that the disk is full, and with space they go on", .enabled(if: SmallDisk.isPossible, "needs root"))
        func diskFull() async throws {
            let cluster = try TestCluster.current
            let platform = Platform(cluster: cluster)
            let disk = try SmallDisk(megabytes: 48)
            defer { disk.unmount() }
            _ = try await Ran.program("/usr/bin/chown", ["postgres", disk.path])
            try await cluster.stopNodes()
            try await cluster.sql("create tablespace small location '\(disk.path)'", database: "postgres")
            try await cluster.sql("alter database muster set tablespace small", database: "postgres")
            try cluster.startNodes()
            for node in cluster.names { try await cluster.ready(node) }
            try await platform.add("full", quiet: 10, busy: 40, period: 1)
            try await eventually("something changes", seen: { cluster.logTails() }) { try !platform.effects(["full"]).isEmpty }
            let leader = try await cluster.leader(after: 0)
            let said = cluster.log(leader.node).count

            // Made once: storing how its text is kept a second time would need a page of the catalog.
            try await cluster.sql("create table public.filler (text text); alter table public.filler alter text set storage plain")
            try await eventually("the leader says that the disk is full", seen: { cluster.log(leader.node) }) {
                await cluster.fillDisk()
                return cluster.log(leader.node).dropFirst(said).contains("No space left on device")
            }
            try await cluster.says("nothing was committed, so nothing is done", leader.node, after: said)
            #expect(try await cluster.muster(["status"]).status == 0, "reads go on")

            try await cluster.sql("drop table public.filler")
            let effects = try platform.effects(["full"]).count
            try await eventually("changes go on", seen: { cluster.logTails() }) { try platform.effects(["full"]).count > effects + 1 }
            try await platform.load("full", quiet: 20)
            try await platform.reaches("full", 2)
            try await cluster.settled(["full"])
            try await platform.expectSoundEffects(["full"])
            try await cluster.expectSoundRecords()

            try await cluster.stopNodes()
            try await cluster.sql("alter database muster set tablespace pg_default", database: "postgres")
            try await cluster.sql("drop tablespace small", database: "postgres")
            try cluster.startNodes()
            for node in cluster.names { try await cluster.ready(node) }
        }
    }
}

extension TestCluster {
    /// Takes what is free in muster's tablespace, down to the last page, for `public.filler`.
    fileprivate func fillDisk() async {
        for rows in [1000, 100, 10, 1] {
            // Until it doesn't fit any more, which is what is wanted.
            while (try? await self.sql("insert into public.filler select repeat('x', 7000) from generate_series(1, \(rows))")) != nil {}
        }
    }
}
