import Eventually
import Model
import Testing

/// What has to hold of everything that a cluster ever wrote, however its nodes ended.
extension TestCluster {
    /// Epochs, decisions and actions of the database, and the audit log.
    func expectSoundRecords(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        // In the order of their transactions, one at a time: the server's clock may have been moved.
        let epochs = try await self.sql("select epoch from muster.term order by xmin::text::bigint").compactMap { Int($0[0]) }
        #expect(epochs == Array(Set(epochs)).sorted(), "an epoch appears twice, or one is lower than the one before", sourceLocation: sourceLocation)
        // A constraint may be missing or dropped: these questions don't rely on one.
        for (what, query) in [
            ("decisions with the same key", "select count(*) - count(distinct idem) from muster.decision"),
            ("decisions with the same number", "select count(*) - count(distinct id) from muster.decision"),
            ("decisions in the log twice", "select count(*) - count(distinct seq) from muster.decision"),
            ("actions with the same key", "select count(*) - count(distinct idem) from muster.action"),
            ("decisions carried out twice", "select count(*) - count(distinct decision_id) from muster.action"),
            (
                "decisions of an epoch before the one of an earlier decision",
                "select count(*) from (select epoch, max(epoch) over (order by seq) as so_far from muster.decision) d where epoch < so_far"
            ),
            (
                "decisions without their event",
                """
                select count(*) from muster.decision d
                where not exists (select from muster.audit_event e where e.seq = d.seq and e.decision_id = 'd-' || d.id)
                """
            ),
            (
                "acted decisions without an action",
                "select count(*) from muster.decision d where acted and not exists (select from muster.action a where a.decision_id = d.id)"
            ),
            (
                "workloads with more than one open action",
                """
                select count(*) from (select from muster.action where state in ('committed', 'sent', 'accepted', 'verifying', 'unknown')
                group by service, region having count(*) > 1) w
                """
            ),
            ("gaps in the log", "select count(*) from (select seq, lag(seq) over (order by seq) as before from muster.audit_event) e where seq <> before + 1"),
        ] {
            let count = try await self.number(query)
            #expect(count == 0, "\(count) \(what)", sourceLocation: sourceLocation)
        }
        try await self.expectVerified(sourceLocation: sourceLocation)
    }

    func expectVerified(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let ran = try await self.muster(["audit", "verify"])
        #expect(ran.status == 0 && ran.output.hasPrefix("ok: "), "\(ran)", sourceLocation: sourceLocation)
    }

    /// No change of these services is under way any more.
    func settled(_ services: [String]) async throws {
        let names = services.map { "'\($0)'" }.joined(separator: ", ")
        try await eventually("no action of \(names) is open", seen: { self.logTails() }) {
            try await self.number(
                """
                select count(*) from muster.action
                where service in (\(names)) and state in ('committed', 'sent', 'accepted', 'verifying', 'unknown')
                """) == 0
        }
    }

    /// Some evaluations later: what was said before has reached the leader.
    func evaluatedAgain(_ service: String) async throws {
        var seen: Set<String> = []
        try await eventually("\(service) is evaluated again", seen: { self.logTails() }) {
            for row in try await self.sql("select evaluated_at from muster.workload where service = '\(service)'") { seen.insert(row[0]) }
            return seen.count > 3
        }
    }
}

extension Platform {
    /// Changes of the platform against what Muster recorded: each key once, epochs never fall, each change begins where the one before ended.
    func expectSoundEffects(_ services: [String], initially: Int = 1, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let effects = try self.effects(services)
        #expect(Set(effects.map(\.key)).count == effects.count, "an order took effect twice: \(effects)", sourceLocation: sourceLocation)
        #expect(
            zip(effects, effects.dropFirst()).allSatisfy { $0.epoch <= $1.epoch },
            "a leader that was followed by another one still changed something: \(effects)",
            sourceLocation: sourceLocation)
        let beginnings = try self.beginnings(services)
        #expect(
            zip(beginnings, beginnings.dropFirst()).allSatisfy { $0.epoch <= $1.epoch },
            "a leader that was followed by another one still started a change: \(beginnings)", sourceLocation: sourceLocation)
        for service in services {
            var size = initially
            for effect in effects where effect.service == service {
                #expect(effect.from == size, "\(service) changed from \(effect.from) when it had \(size): \(effects)", sourceLocation: sourceLocation)
                size = effect.to
            }
            let rows = try await self.cluster.sql(
                "select idem, replicas_from, replicas_to, state, id from muster.action where service = '\(service)' and kind = 'scale' order by id")
            var applied = initially
            for row in rows {
                #expect(Int(row[1]) == applied, "action a-\(row[4]) of \(service) starts from \(row[1]), there were \(applied)", sourceLocation: sourceLocation)
                if effects.contains(where: { $0.key == row[0] }) {
                    applied = Int(row[2]) ?? -1
                } else {
                    #expect(row[3] != "done", "action a-\(row[4]) of \(service) is done, and nothing changed", sourceLocation: sourceLocation)
                }
            }
            let ordered = Set(rows.map { $0[0] })
            #expect(
                effects.allSatisfy { $0.service != service || ordered.contains($0.key) }, "\(service) changed without a record of it",
                sourceLocation: sourceLocation)
        }
    }
}
