import Election
import Model

/// What leaders act on. One kind compares the version that the writer has read (`resourceVersion`); the other takes
/// absolute values from anybody.
struct Target {
    var comparesVersions: Bool
    var version: Int64 = 0
    /// Of the newest leader that touched it.
    var touched = FencingToken.zero
}

/// A request that is on its way to a target, or its answer on the way back.
enum TargetCall {
    case read
    case touch(version: Int64)
    case write(version: Int64)
    case readAnswer(version: Int64)
    case touchAnswer(version: Int64?)
    case writeAnswer(version: Int64?)
}
