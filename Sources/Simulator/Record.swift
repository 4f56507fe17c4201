import Election
import Model

/// What the checks remember of a run.
struct Record {
    struct Owner: Hashable {
        var node: Int
        var run: Int
    }

    var violations: [String] = []
    var sometimes = [Int](repeating: 0, count: Sometimes.allCases.count)
    /// Who was granted which token.
    var owners: [FencingToken: Owner] = [:]
    /// The highest token that has had the right to act, and that has acted.
    var highestActing = FencingToken.zero
    var highestEffect = FencingToken.zero
    /// The epoch each decision was committed in.
    var committed: [Int: FencingToken] = [:]
    var acknowledged: [(server: Int, position: Int, idem: Int)] = []
    var leaders = 0
    var effects = 0
    var newestEffectAt: Int64 = 0
    var newestAcknowledgedAt: Int64 = 0
    /// Decisions of a server that were on none of its successors: how many each of them began with.
    var forks: [Int: Int] = [:]
}
