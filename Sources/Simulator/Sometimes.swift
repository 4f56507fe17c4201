/// Rare states. A run that never reached them has proved little, so they are counted.
public enum Sometimes: Int, Sendable, Hashable, CaseIterable {
    case elected, gateFirst, gateResigned, gateSilence, gateWaited, gatePromised, gateDead, gateSameProcess
    case suspended, resumed, settleFailed
    case lostBySession, lostSuperseded, lostSilent, lostFenced, lostUnfit, lostMinority, lostByResigning, lostStalled
    case idleEviction, peerEviction, keepaliveEviction, ghostGranted, ghostDetected
    case sliceElapsed, withdrawn, held, heldOff, successorLed, otherLed, timersStretched, leaderWithoutGateLost
    case crashRestart, backendKilled, terminated, failover, failoverOldAlive, failoverLostSuffix, failoverLostDecision
    case splitBrain, olderTokenWindow, serverClockBack, diskFullError, commitStalled, commitAnswerLost, poolerRefused
    case pausedLeader, stalledLeader, crashedLeader, restartWithoutDisk, peersCut, oneWayCut, swizzled
    case promiseDelayed, vouchRefused, askerSuperseded, tokenHeardInTime
    case decision, decisionFenced, effect, effectHeldBack, lateWriteRejected, touchRejected, lateAbsoluteWrite
    case buggify

    public var name: String { "\(self)" }
}
