import Election
import Logging
import Model
import Postgres

/// The watch session, W: reads the holder and the beat counter, and helps to test the lock.
extension LeadershipDriver {
    /// A leader looks this often; it only needs to notice a successor, which its own session tells it too.
    static let leaderWatchPeriod = Duration.seconds(1)
    /// After a failure.
    static let watchRetry = Duration.milliseconds(200)
    /// A look that takes longer is worth nothing.
    static let lookDeadline = Duration.seconds(2)

    func keepWatch() async {
        while !self.isFinished {
            var pause = Self.watchRetry
            if self.watch == nil { await self.connectWatch() }
            if let watch = self.watch, self.facts != nil, await self.look(watch) {
                pause = self.term == nil ? self.machine.timing.beat : max(Self.leaderWatchPeriod, self.machine.timing.beat)
            }
            await self.thread.sleep(until: BootClock.now() + pause, slot: .watch)
        }
    }

    /// The watch session, once there is one; throws what the next attempt to connect it fails with.
    func watchConnection() async throws -> Postgres.Connection {
        self.thread.move(.watch, to: BootClock.now())
        return try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Postgres.Connection, any Error>, Never>) in
            if let watch {
                continuation.resume(returning: .success(watch))
            } else if self.isFinished {
                continuation.resume(returning: .failure(CancellationError()))
            } else {
                self.watchWaiters.append(continuation)
            }
        }.get()
    }

    private func connectWatch() async {
        let outcome: Result<Postgres.Connection, any Error>
        do {
            let connection = try await Postgres.Connection.connect(self.sessionConfiguration("muster-watch-"), on: self.reactor)
            do {
                _ = try await SessionSetting.apply(SessionSetting.watchSession(), to: connection)
                if let facts = self.facts { try await self.checks.identify(watch: connection, like: facts) }
            } catch {
                self.end(connection)
                throw error
            }
            if self.isFinished {
                self.end(connection)
                throw CancellationError()
            }
            self.watch = connection
            outcome = .success(connection)
        } catch {
            outcome = .failure(error)
            self.logger.debug("watch session failed", metadata: ["error": "\(error)"])
        }
        let waiters = self.watchWaiters
        self.watchWaiters = []
        for waiter in waiters { waiter.resume(returning: outcome) }
    }

    func dropWatch() {
        self.end(self.watch)
        self.watch = nil
        // Another session may look at another server.
        self.handle(.watchLost)
    }

    /// One look; false when it failed.
    func look(_ watch: Postgres.Connection) async -> Bool {
        do {
            let beganAt = BootClock.now()
            let rows = try await watch.query(
                ElectionSQL.watch(timelineKnown: self.facts?.timelineKnown ?? false),
                [.text(self.configuration.cluster), .text(self.configuration.shard)], deadline: Self.lookDeadline)
            // At most one row: both lock and leader row are of one shard.
            guard let row = rows.first else { return false }
            try self.take(row, roundTrip: BootClock.now() - beganAt)
            return true
        } catch {
            self.logger.debug("look at the leader failed", metadata: ["error": "\(error)"])
            self.dropWatch()
            return false
        }
    }

    private func take(_ row: Row, roundTrip: Duration) throws(PostgresError) {
        let epoch = Epoch(try row["epoch"].int())
        let timeline = Int32(truncatingIfNeeded: try row["timeline"].int())
        let serverTimeline = Int32(truncatingIfNeeded: try row["server_timeline"].int())
        self.rowToken = FencingToken(timeline: max(timeline, serverTimeline), epoch: epoch)
        let backend = row["backend_pid"].isNull ? nil : try row["backend_pid"].int()
        let holderPID = row["holder_pid"].isNull ? nil : try row["holder_pid"].int()
        let beat = try row["beat"].int()
        self.nextWaiter = row["next_pid"].isNull ? nil : Int32(truncatingIfNeeded: try row["next_pid"].int())
        if !row["node"].isNull {
            self.seen = LeadershipStatus.Seen(
                node: try row["node"].string(), address: try row["addr"].string(), epoch: epoch, timeline: timeline,
                since: WallTime(microseconds: try row["since"].timestampMicroseconds()), resigned: try row["resigned"].bool(),
                holdsLock: holderPID != nil && holderPID == backend)
        }
        let holder = holderPID.map { pid in
            LockHolder(
                node: pid == backend ? row["node"].text : nil, backendPID: Int32(truncatingIfNeeded: pid),
                role: row["holder_role"].text, applicationName: row["holder_program"].text)
        }
        // A new leader holds the lock for a moment before its row says so: a stranger must be seen twice.
        let settled = holder?.node != nil || holder == nil || holder == self.lastHolder
        self.lastHolder = holder
        let now = BootClock.now()
        let seen = self.seen
        self.board.update { posting in
            posting.lookedAt = now
            posting.status.leader = seen
            if settled { posting.status.holder = holder }
        }
        self.handle(
            .watched(beat: beat, epoch: epoch, timeline: serverTimeline, holder: try Self.lockSession(row), roundTrip: roundTrip))
        if settled { self.announceWaiting(holder) }
    }

    /// The holder of the lock, if it is a lock session of some node: a stranger's is nobody's to end.
    private static func lockSession(_ row: Row) throws(PostgresError) -> Holder? {
        guard row["holder_program"].text?.hasPrefix(Self.lockSessionPrefix) == true, !row["holder_pid"].isNull, !row["holder_start"].isNull,
            !row["holder_change"].isNull
        else { return nil }
        return Holder(
            pid: Int32(truncatingIfNeeded: try row["holder_pid"].int()), backendStart: try row["holder_start"].int(),
            stateChange: try row["holder_change"].int(), waitEvent: row["holder_wait"].text)
    }

    /// Ends the session of a leader that has been silent for too long; whoever waits gets the lock.
    func evict(_ holder: Holder) async {
        guard let watch = self.watch else { return }
        let parameters: [Value] = [.int(Int64(holder.pid)), .int(holder.backendStart), .int(holder.stateChange)]
        do {
            let ended = try await watch.query(ElectionSQL.evict, parameters, deadline: Self.lookDeadline).first != nil
            guard ended else { return }
            self.logger.warning(
                "ended the lock session of a leader that fell silent",
                metadata: ["backend": "\(holder.pid)", "silence": "\(self.machine.timing.evict.text)"])
        } catch {
            self.note(problem: "the silent leader's session (backend \(holder.pid)) could not be ended: \(error)")
        }
    }

    private func announceWaiting(_ holder: LockHolder?) {
        guard case .campaigning = self.machine.state, self.announcedHolder != .some(holder) else { return }
        self.announcedHolder = .some(holder)
        self.logger.info("waiting for the lock", metadata: ["holder": "\(holder.map(\.description) ?? "nobody")"])
        self.events.yield(.waiting(holder))
    }
}
