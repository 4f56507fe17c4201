import Model

/// What was asked of peers and may still be answered: an answer counts once, from the node that was asked.
struct PeerQuestions {
    struct Question: Hashable {
        var to: String
        var token: FencingToken
        var sentAt: Instant
    }

    /// Members of the largest cluster, some times over; the oldest make room.
    static let most = 256

    private var open: [UInt64: Question] = [:]
    private var last: UInt64 = 0
    private var oldest: UInt64 = 1

    mutating func ask(_ node: String, _ token: FencingToken, at now: Instant) -> UInt64 {
        self.last += 1
        self.open[self.last] = Question(to: node, token: token, sentAt: now)
        while self.open.count > Self.most {
            self.open[self.oldest] = nil
            self.oldest += 1
        }
        return self.last
    }

    mutating func answered(_ request: UInt64, by node: String) -> Question? {
        guard let question = self.open[request], question.to == node else { return nil }
        self.open[request] = nil
        return question
    }
}
