import CLinux
import Logging
import Membership
import Model
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
public import TLS

/// Beginning, looking at oneself, end.
extension PeerMesh {
    /// Listens and keeps links until cancelled or told to shut down; then says so to the others and closes all within ``PeerLimits/farewell``.
    ///
    /// - Throws: ``PeerMeshError``.
    public nonisolated func run() async throws {
        guard !self.hasRun.exchange(true, ordering: .relaxed) else { throw PeerMeshError.alreadyRan }
        let failure: PeerMeshError?
        do throws(PeerMeshError) {
            try await self.open()
            failure = await self.untilStopped()
        } catch { failure = error }
        await self.close()
        self.mailbox.withLock { $0.close() }
        // Not on the loop itself, whose thread ends here.
        try await self.group.shutdownGracefully()
        if let failure { throw failure }
    }

    /// Reads the identity's files now instead of at the next poll.
    ///
    /// - Returns: what changed; nil: nothing, or the files can't be used, which is told by an alarm.
    @discardableResult
    public nonisolated func reloadIdentity() async -> IdentityStore.Change? {
        let result = await Self.reload(self.identity)
        // Once the mailbox is closed the loop may be gone.
        self.mailbox.withLock { mailbox in
            guard mailbox.phase == .open else { return }
            self.loop.execute { self.assumeIsolated { $0.identityReloaded(result) } }
        }
        return try? result.get()
    }

    /// Off the loop: a slow disk is no slow node.
    @concurrent
    private static func reload(_ identity: IdentityStore) async -> Result<IdentityStore.Change?, CertificateError> {
        do throws(CertificateError) { return .success(try identity.reload()) } catch { return .failure(error) }
    }

    private nonisolated func untilStopped() async -> PeerMeshError? {
        await withTaskGroup(of: PeerMeshError?.self) { group in
            // Thrown when this task is cancelled, which is as good a reason.
            group.addTask {
                try? await gracefulShutdown()
                return nil
            }
            group.addTask {
                for await trouble in self.trouble { return trouble }
                return nil
            }
            group.addTask {
                while !Task.isCancelled {
                    do { try await Task.sleep(for: self.configuration.identityPoll) } catch { break }
                    await self.reloadIdentity()
                }
                return nil
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
    }

    // MARK: Beginning

    /// The kernel keeps fifteen bytes of it.
    private static let threadName = "muster-peers"

    private func open() async throws(PeerMeshError) {
        // What a node's peers cost it is the time of this thread, which `top -H` and the benchmarks know by its name.
        clinux_name_thread(Self.threadName)
        let (host, port) = (self.configuration.host, self.configuration.port)
        let bootstrap = ServerBootstrap(group: self.loop)
            // All strangers that are let in may arrive at once, and as many that are not.
            .serverChannelOption(.backlog, value: 2 * CInt(clamping: PeerLimits.unauthenticated))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_sndbuf), value: PeerLimits.socketBuffer)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.assumeIsolated { try $0.accept(channel) } }
            }
        let listener: any Channel
        do { listener = try await bootstrap.bind(host: host, port: port).get() } catch {
            throw .cannotListen(host: host, port: port, why: PeerEnding(error).text)
        }
        self.listener = listener
        let bound = listener.localAddress?.port ?? port
        listener.closeFuture.whenComplete { _ in
            self.assumeIsolated { mesh in
                guard !mesh.isStopping else { return }
                mesh.reportTrouble.yield(.listenerLost(host: host, port: bound))
            }
        }
        self.published.withLock { $0.port = bound }
        self.logger.notice("listening for other nodes", metadata: ["host": "\(host)", "port": "\(bound)", "process": "\(self.configuration.bootID)"])
        self.deliver(.listening(host: host, port: bound))
        self.tickDue = .now() + PeerLimits.tick
        self.tickTask = self.loop.scheduleRepeatedTask(initialDelay: PeerLimits.tick, delay: PeerLimits.tick) { _ in self.assumeIsolated { $0.tick() } }
        self.mailbox.withLock { $0.open() }
        self.readMailbox()
    }

    // MARK: Looking at oneself

    private func tick() {
        let (due, now) = (self.tickDue, NIODeadline.now())
        // The task is set again when it ends, so lateness does not add up.
        self.tickDue = now + PeerLimits.tick
        self.tally.loopLagMilliseconds = self.lag.tick((now - due).nanoseconds / 1_000_000)
        self.tellFacts()
        for connection in self.connections.values { self.add(connection.wire.takeCounts()) }
        self.inspect(at: BootClock.now())
        self.turnAway(at: BootClock.now())
        self.publish()
    }

    /// Closes links that are silent, stuck in a frame, or would not be made today.
    private func inspect(at now: Instant) {
        let seconds = BootClock.wall().microseconds / 1_000_000
        for connection in self.connections.values {
            guard let peer = connection.peer else { continue }
            if let objection = self.identity.objection(to: peer, now: seconds) {
                self.giveUp(connection.number, PeerEnding(PeerFault(objection), objection.description))
            } else if let since = connection.frameSince, now - since > PeerLimits.frame {
                self.giveUp(connection.number, PeerEnding(.unfinishedFrame, "a frame was not finished within \(PeerLimits.frame)"))
            } else if now - connection.heardAt > self.configuration.idle {
                self.giveUp(connection.number, PeerEnding(fault: .idle, end: .timedOut, text: "nothing came for \(self.configuration.idle)"))
            }
        }
        self.relink(at: now)
    }

    private func identityReloaded(_ result: Result<IdentityStore.Change?, CertificateError>) {
        switch result {
        case .success(nil): self.identityTrouble = nil
        case .success(let change?):
            self.identityTrouble = nil
            self.tally.identityReloads += 1
            self.logger.notice(
                "this node’s certificate or its authorities changed",
                metadata: [
                    "serial": "\(change.after.serial)", "new certificate": "\(change.isNewLeaf)", "authorities added": "\(change.addedAuthorities.count)",
                    "authorities removed": "\(change.removedAuthorities.count)",
                ])
            self.deliver(.identityChanged(change))
            self.tellFacts()
            // A new certificate is worth a new try at once.
            if change.isNewLeaf {
                self.relinks = [:]
                self.leafChangedAt = BootClock.now()
            }
            self.inspect(at: BootClock.now())
        case .failure(let error):
            self.tally.identityFailures += 1
            self.identityFailed(error.description)
        }
        self.publish()
    }

    /// Files are replaced one after the other: what is wrong once may be well at the next look. What is wrong twice is an alarm, once.
    private func identityFailed(_ why: String) {
        guard let trouble = self.identityTrouble else {
            self.identityTrouble = (why, isTold: false)
            self.logger.notice("the new certificate files can’t be used yet; they are looked at again", metadata: ["why": "\(why)"])
            return
        }
        if trouble.isTold, trouble.why == why { return }
        self.identityTrouble = (why, isTold: true)
        self.raise(.identityUnusable(why: why))
    }

    // MARK: End

    private func close() async {
        self.readMailbox()
        self.handle(.leave)
        self.isStopping = true
        self.timer?.task.cancel()
        self.timer = nil
        self.tickTask?.cancel()
        self.tickTask = nil
        self.reportTrouble.finish()
        if let listener = self.listener {
            self.listener = nil
            try? await listener.close().get()
        }
        // What is still greeting has nothing to say.
        for connection in self.connections.values { if case .greeting = connection.phase { connection.wire.cut() } }
        let stopped = self.loop.makePromise(of: Void.self)
        self.stopped = stopped
        let limit = self.loop.scheduleTask(in: PeerLimits.farewell) {
            self.assumeIsolated { mesh in
                for connection in mesh.connections.values { connection.wire.cut() }
                mesh.stopped?.succeed()
                mesh.stopped = nil
            }
        }
        self.noteStopped()
        try? await stopped.futureResult.get()
        limit.cancel()
        self.publish()
    }

    /// The last connection is gone.
    func noteStopped() {
        guard self.connections.isEmpty, let stopped = self.stopped else { return }
        self.stopped = nil
        stopped.succeed()
    }

    /// Ends all at once and says nothing, as the end of the process would. For tests of what the others make of it.
    func die() {
        self.isStopping = true
        self.timer?.task.cancel()
        self.timer = nil
        self.tickTask?.cancel()
        self.tickTask = nil
        self.listener?.close(promise: nil)
        self.listener = nil
        for connection in self.connections.values { connection.wire.cut() }
    }
}
