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
    /// The watch session read the beat counter and the leader row.
    case watched(beat: Int64, epoch: Epoch, timeline: Int32)
    /// The watch session is another one from now on.
    case watchLost
    case resignRequested
    /// Nothing of the term is in flight any more.
    case drained
    /// The row says resigned and the lock was given up; `released` is false when the database said otherwise.
    case resignAnswered(session: Int, released: Bool)
    case shutdownRequested
    /// The moment of `wakeAt` has come.
    case timer
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
    /// This node can't take part. Nothing follows.
    case refuse(Refusal)
    /// Everything has ended. Nothing follows.
    case stop
}
