public import Model

/// What happened to a node's sessions. Everything that belongs to a session carries its number: answers of an older
/// session change nothing.
public enum ElectionEvent: Sendable, Hashable {
    /// Begin. Later ones are ignored.
    case start
    case sessionConnected(session: Int)
    /// The session could not be made, or broke, or an answer of it makes no sense. Also the answer to nobody's request.
    case sessionClosed(session: Int, reason: String)
    case checksPassed(session: Int, epoch: Epoch)
    case refused(session: Int, Refusal)
    case granted(session: Int, Grant)
    /// The lock was not to be had within a slice.
    case sliceElapsed(session: Int)
    /// The beat with that number was answered; `current` is false when the leader row no longer names this term and session.
    case beatAnswered(session: Int, number: Int, current: Bool)
    /// A statement that counts as a beat, since it asserted the term and bumped the counter, was sent then and is answered.
    case beatConfirmed(session: Int, sentAt: Instant)
    /// The beat could not be carried out, but the session lives: its transaction had failed, or the statement was cancelled.
    case beatFailed(session: Int, number: Int)
    /// The leader's own row says that its gate has opened.
    case settled(session: Int)
    case settleFailed(session: Int)
    /// A write of the leader was refused by the fence.
    case fenced(session: Int)
    /// The watch session read the beat counter, the leader row and who holds the lock; `roundTrip` is how long that took.
    /// `timeline` is the server's at that moment, not the row's: beats of two servers don't compare, and only so does a leader
    /// notice that another server was promoted.
    /// The holder is to be left out unless it is a lock session of this cluster: a stranger is nobody's to end.
    case watched(beat: Int64, epoch: Epoch, timeline: Int32, holder: Holder? = nil, roundTrip: Duration? = nil)
    /// The watch session is another one from now on.
    case watchLost
    case resignRequested
    /// As `resignRequested`, and that node shall lead next.
    case handOverRequested(to: String)
    /// Nothing of the term is in flight any more.
    case drained
    /// The row says resigned and the lock was given up; `released` is false when the database said otherwise.
    case resignAnswered(session: Int, released: Bool)
    case shutdownRequested
    /// The moment of `wakeAt` has come.
    case timer

    // From the peers, authenticated members all of them.

    /// A peer that was granted `token` asks for the promise never to act below it. While the database answers, the shell
    /// passes on only tokens that the leader row doesn't contradict.
    case fenceAsked(token: FencingToken, from: String, request: Int)
    /// The answer to `askFence` or `askPromises`, of the process with that incarnation (or about it, by its supervisor).
    case fenceAnswered(by: String, incarnation: String, token: FencingToken, FenceAnswer)
    /// A peer's message carried this token of a leader or of a promise.
    case heard(FencingToken)
    /// Another node is to lead next: don't ask for the lock for so long. With a `request`, `from` waits for the news that this node is not in the
    /// lock's queue; nodes of older versions don't.
    case holdOff(Duration, from: String, request: Int? = nil)
    /// `askHoldOff` went to these peers, the ones that can be reached.
    case holdOffAsked(session: Int, of: [String])
    /// A peer that was asked by the leader of `token` is not in the lock's queue, and stays away from it for as long as it was asked to.
    case heldOff(by: String, token: FencingToken)
    /// This leader can't do a leader's work (its targets are out of reach) since then, and other nodes can: the one that is named shall be next.
    case unfit(since: Instant, other: String? = nil)
    case fit
    /// Strict mode: the leader of `token` asks this node to vouch for it for `lease`.
    case leaderPinged(from: String, token: FencingToken, lease: Duration, request: Int)
    /// Strict mode: a peer vouched. `sentAt` is when the request that it answers was sent, on this node's clock.
    case acknowledged(by: String, token: FencingToken, promised: FencingToken, sentAt: Instant)
}

/// What a process that was asked for a promise has to say.
public enum FenceAnswer: Sendable, Hashable {
    /// It will never act below this token, which is the asker's or a higher one.
    case promised(FencingToken)
    /// Its supervisor has waited for its end, or its successor has what only its end could free.
    case dead
    /// Nobody listens any more where it did, and nothing stands between that could refuse in its place.
    case nobodyListens
}

/// The session that holds the lock, as the watch session sees it.
public struct Holder: Sendable, Hashable {
    /// The backend's process, on the server.
    public var pid: Int32
    /// Server's microseconds since 1970; with `pid` it names one session, with `stateChange` one moment of it.
    public var backendStart: Int64
    /// Server's microseconds since 1970, when its last statement began or ended.
    public var stateChange: Int64
    /// What the session's backend waits for; `ClientRead`: for its client.
    public var waitEvent: String?

    public init(pid: Int32, backendStart: Int64, stateChange: Int64, waitEvent: String?) {
        self.pid = pid
        self.backendStart = backendStart
        self.stateChange = stateChange
        self.waitEvent = waitEvent
    }
}

/// What the shell has to do, in this order.
public enum ElectionEffect: Sendable, Hashable {
    case connect(session: Int)
    case runChecks(session: Int)
    /// Wait for the lock for one slice; when it is granted, write an epoch above the row's and above `known`. The session's
    /// idle timeout and the recorded lease are those of `timing`.
    case campaign(session: Int, known: Epoch, timing: Timing)
    /// This node is the leader.
    case startLeading(Grant, timing: Timing)
    case sendBeat(session: Int, number: Int)
    /// No earlier leader can act any more.
    case openGate(Gate.Evidence)
    /// Write down that the gate has opened.
    case settle(session: Int)
    case suspend
    case resume
    /// Ask the leader's work to come to an end.
    case drain
    /// The term is over. Comes before everything that would let another node lead.
    case stopLeading(LossReason)
    /// Write that the leader gave up; once that is committed, give the lock up.
    case resign(session: Int)
    case closeSession(session: Int)
    /// A higher epoch is known: keep it where it outlives the process.
    case recordEpoch(Epoch)
    /// Cancel the wait for the lock; the answer to the campaign (`sliceElapsed`, or `granted` if it was faster) follows.
    case withdraw(session: Int)
    /// Through the watch session: end that session if it is still exactly in that state (`pid`, `backendStart` and
    /// `stateChange` compared in the same statement). No answer is expected.
    case evict(Holder)
    /// Ask the earlier leader for its promise; the answer, if any, comes as `fenceAnswered`. Once per term.
    case askFence(Grant.Predecessor, token: FencingToken)
    /// Ask every peer but `except` not to campaign for so long. During a term `holdOffAsked` says who was asked, and `heldOff` what they answer.
    case askHoldOff(Duration, except: String)
    /// Answer `holdOff`: this node is not in the lock's queue.
    case confirmHoldOff(to: String, request: Int)
    /// Keep the promise where it outlives the process. In strict mode it must be there before the next effect is performed.
    case recordPromise(FencingToken)
    /// Answer `fenceAsked`. This node no longer acts below `promised`; above the token asked for, it refuses the asker.
    case promise(to: String, request: Int, promised: FencingToken)
    /// Strict mode: ask every member for its promise.
    case askPromises(token: FencingToken)
    /// Strict mode: ask every member to vouch for this leader; the answers come as `acknowledged`.
    case askAcknowledgements(token: FencingToken, lease: Duration)
    /// Strict mode: answer `leaderPinged`. A `promised` above the leader's token means no.
    case acknowledge(to: String, request: Int, promised: FencingToken)
    /// This node can't take part. Nothing follows.
    case refuse(Refusal)
    /// Everything has ended. Nothing follows.
    case stop
}
