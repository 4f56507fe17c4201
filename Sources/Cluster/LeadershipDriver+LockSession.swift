import Election
import Logging
import Model
import Postgres

/// The lock session, S: connecting, checking, campaigning, beating, resigning.
extension LeadershipDriver {
    /// A half-open connection shows after this much silence with data under way.
    static let tcpUserTimeout = Duration.seconds(2)
    static let keepaliveIdle = Duration.seconds(1)
    /// How the lock sessions of all nodes begin their application name.
    static let lockSessionPrefix = "muster-lock-"

    func sessionConfiguration(_ purpose: String) -> ConnectionConfiguration {
        var connection = self.configuration.connection
        connection.applicationName = purpose + self.configuration.node
        connection.tcpUserTimeout = Self.tcpUserTimeout
        connection.keepaliveIdle = Self.keepaliveIdle
        return connection
    }

    func connect(_ session: Int) async {
        do {
            let connection = try await Postgres.Connection.connect(self.sessionConfiguration(Self.lockSessionPrefix), on: self.reactor)
            guard self.machine.session == session else {
                self.end(connection)
                return
            }
            self.lock = (session, connection)
            self.start { driver in
                // Also while nothing is asked of it: a leader whose session was ended stops at once.
                guard let reason = await connection.untilClosed() else { return }
                driver.handle(.sessionClosed(session: session, reason: reason.description))
            }
            self.handle(.sessionConnected(session: session))
        } catch {
            self.failed(session, error)
        }
    }

    func runChecks(_ session: Int) async {
        guard let lock = self.lock, lock.number == session else { return }
        let connection = lock.connection
        do {
            let facts = try await self.checks.identify(connection)
            let settings = SessionSetting.lockSession(self.configuration.timing)
            let (refused, degraded) = try await SessionSetting.apply(settings, to: connection)
            let configuration = self.configuration
            _ = try await connection.query(
                ElectionSQL.identify(
                    cluster: configuration.cluster, shard: configuration.shard, node: configuration.node,
                    incarnation: self.incarnation, address: configuration.address))
            self.facts = facts
            self.refusedSettings = refused
            self.report(degraded: facts.degraded + degraded)
            let watch = try await self.watchConnection()
            do {
                try await self.checks.identify(watch: watch, like: facts)
            } catch let refusal as Refusal {
                // The lock session is right, so this one reached another host of the list: try again.
                self.dropWatch()
                throw PostgresError(.connect, "the watch session is not where the lock session is: \(refusal.words)")
            }
            try await self.checks.testLock(connection, watch, probe: Int64.random(in: .min ... .max))
            try await connection.prepare(ElectionSQL.ofLeader + self.configuration.prepared)
            try await connection.planAhead(ElectionSQL.ofLeader + self.configuration.prepared)
            _ = try await connection.simple(ElectionSQL.rehearseFence)
            _ = try await connection.simple(ElectionSQL.prepareEpoch(timelineKnown: facts.timelineKnown, noting: configuration.noted))
            _ = try await connection.simple(ElectionSQL.rehearseEpoch)
            self.note(problem: nil)
            self.handle(.checksPassed(session: session, epoch: facts.epoch))
        } catch {
            self.failed(session, error)
        }
    }

    func campaign(_ session: Int, known: Epoch, timing: Timing) async {
        guard let lock = self.lock, lock.number == session else { return }
        if self.withdrawnBeforeCampaign == session {
            self.withdrawnBeforeCampaign = nil
            return self.handle(.sliceElapsed(session: session))
        }
        self.campaigning = session
        defer { self.campaigning = nil }
        let sql = ElectionSQL.campaign(
            key: self.checks.key, known: known, timing: timing, idleTimeout: !self.refusedSettings.contains("idle_session_timeout"))
        do {
            let sets = try await lock.connection.simple(sql)
            guard let row = sets.first(where: { $0.columns.first == "granted_epoch" })?.first else {
                throw PostgresError(.decoding, "the leader row is missing")
            }
            self.noted = row["noted"].text
            self.since = WallTime(microseconds: try row["since"].timestampMicroseconds())
            self.handle(.granted(session: session, try Self.grant(row)))
        } catch let error as PostgresError where error.sqlState == ElectionSQL.lockNotAvailable {
            self.handle(.sliceElapsed(session: session))
        } catch let error as PostgresError where error.sqlState == ElectionSQL.queryCanceled {
            await self.withdrawn(session, lock.connection)
        } catch {
            self.failed(session, error)
        }
    }

    /// Another node is to go first: ends the wait for the lock, but not the session, which would leave its place in the queue to nobody.
    func withdraw(_ session: Int) {
        guard self.lock?.number == session else { return }
        // A cancel that finds nothing to cancel is lost, also one that comes while the campaign is on its way to the server.
        guard self.campaigning == session else { return self.withdrawnBeforeCampaign = session }
        if self.cancelCampaign() { return }
        let isTrying = self.withdrawing != nil
        self.withdrawing = session
        if isTrying { return }
        self.start { driver in
            repeat {
                await driver.thread.sleep(until: BootClock.now() + Self.withdrawRetry, slot: .withdraw)
            } while driver.campaigning == driver.withdrawing && !driver.cancelCampaign()
            driver.withdrawing = nil
        }
    }

    /// A campaign is sent within this time, unless the machine is busy.
    private static let withdrawRetry = Duration.milliseconds(1)

    /// - Returns: false when the server does not have it yet, or has answered it.
    private func cancelCampaign() -> Bool { self.lock?.connection.assumeIsolated { $0.cancelRunning() } ?? false }

    /// The wait was cancelled, perhaps with the lock already in hand.
    private func withdrawn(_ session: Int, _ connection: Postgres.Connection) async {
        do {
            _ = try await connection.query(ElectionSQL.leaveQueue(idleTimeout: !self.refusedSettings.contains("idle_session_timeout")))
            self.handle(.sliceElapsed(session: session))
        } catch {
            self.failed(session, error)
        }
    }

    private static func grant(_ row: Row) throws(PostgresError) -> Grant {
        var predecessor: Grant.Predecessor?
        if !row["old_node"].isNull {
            predecessor = Grant.Predecessor(
                node: try row["old_node"].string(), epoch: Epoch(try row["old_epoch"].int()),
                resigned: try row["old_resigned"].bool(), settled: try row["old_settled"].bool(), address: row["old_addr"].text ?? "",
                incarnation: row["old_incarnation"].text ?? "", timeline: Int32(truncatingIfNeeded: try row["old_timeline"].int()))
        }
        return Grant(
            epoch: Epoch(try row["granted_epoch"].int()), timeline: Int32(truncatingIfNeeded: try row["timeline"].int()),
            beat: try row["beat"].int(), earlierLease: .milliseconds(try row["old_lease_ms"].int()), predecessor: predecessor)
    }

    private var termParameters: [Value] {
        [.text(self.configuration.cluster), .text(self.configuration.shard), .int(self.machine.tenure?.grant.epoch.value ?? 0)]
    }

    func sendBeat(_ session: Int, number: Int) async {
        guard let lock = self.lock, lock.number == session else { return }
        do {
            let rows = try await lock.connection.query(ElectionSQL.beat, self.termParameters)
            self.handle(.beatAnswered(session: session, number: number, current: !rows.isEmpty))
        } catch {
            if error.code == .server {
                self.note(problem: "a beat failed: \(error)")
                self.handle(.beatFailed(session: session, number: number))
            } else {
                self.failed(session, error)
            }
        }
    }

    /// Only a successor reads that this leader's gate has opened. What the leader commits first goes first on its session, whose every commit takes its time.
    static let settlePause = Duration.milliseconds(25)

    func settle(_ session: Int) async {
        await self.thread.sleep(until: BootClock.now() + Self.settlePause, slot: .settle)
        guard let lock = self.lock, lock.number == session, let tenure = self.machine.tenure else { return }
        let parameters = self.termParameters + [.int(tenure.timing.lease.milliseconds)]
        do {
            let affected = try await lock.connection.query(ElectionSQL.settle, parameters).affected
            self.handle(affected == 1 ? .settled(session: session) : .settleFailed(session: session))
        } catch {
            self.note(problem: "the leader row could not be updated: \(error)")
            self.handle(.settleFailed(session: session))
        }
    }

    /// Each with a sync: the resignation commits before the lock is free, so that the next leader reads it. It trusts a leader only whose gate is known to have
    /// opened: one that resigns before it has said so says it now.
    func giveUp(_ session: Int) async {
        guard let lock = self.lock, lock.number == session, case .resigning(let tenure, _) = self.machine.state else { return }
        let parameters: [Value] = [
            .text(self.configuration.cluster), .text(self.configuration.shard), .int(tenure.grant.epoch.value),
        ]
        let settle = Statement(ElectionSQL.settle, parameters + [.int(tenure.timing.lease.milliseconds)])
        let outcomes = await lock.connection.pipelineEach(
            (tenure.gateOpen && !tenure.isSettled ? [settle] : [])
                + [Statement(ElectionSQL.resign, parameters), Statement(ElectionSQL.unlock, [.int(self.checks.key)])])
        var released = false
        if case .success(let set)? = outcomes.last, (try? set.first?[0].bool()) == true { released = true }
        if released { self.part(from: lock.connection) }
        if case .failure(let error)? = outcomes.dropLast().last {
            self.logger.warning("the resignation was not recorded; the next leader waits", metadata: ["error": "\(error)"])
        }
        self.handle(.resignAnswered(session: session, released: released))
    }

    func closeSession(_ session: Int) {
        guard let lock = self.lock, lock.number == session else { return }
        self.lock = nil
        // It holds nothing any more.
        if self.parted === lock.connection { return }
        self.end(lock.connection)
    }

    /// A step of the session failed: refused for good, or to be tried again on a new one.
    private func failed(_ session: Int, _ error: any Error) {
        guard self.machine.session == session else { return }
        var refusal = error as? Refusal
        if let error = error as? PostgresError { refusal = StartupChecks.refusal(of: error) }
        if let refusal {
            self.note(problem: "\(refusal.words). \(refusal.advice)")
            self.handle(.refused(session: session, refusal))
        } else {
            self.note(problem: "\(error)")
            self.logger.debug("lock session failed", metadata: ["error": "\(error)"])
            self.handle(.sessionClosed(session: session, reason: "\(error)"))
        }
    }

    private func report(degraded: [String]) {
        self.board.update { posting in
            let new = degraded.filter { !posting.status.degraded.contains($0) }
            posting.status.degraded = degraded
            for words in new { self.logger.warning("degraded: \(words)") }
        }
    }
}
