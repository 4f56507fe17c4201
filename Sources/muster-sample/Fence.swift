/// What the target itself refuses, whoever asks: orders of a leader that has been succeeded, and the same order twice.
///
/// A pure value. Its text has the highest epoch in the first line, and below it the last keys, oldest first, each with what it left.
struct Fence: Sendable, Hashable {
    private(set) var highestEpoch: Int64 = 0
    private(set) var done: [Done] = []

    struct Done: Sendable, Hashable {
        var key: String
        var replicas: Int
    }

    /// Keys that are remembered: an order is repeated within minutes, if at all.
    static let rememberedKeys = 64
    /// In bytes; Muster's keys are identifiers of a few dozen.
    static let longestKey = 200

    init() {}

    enum Verdict: Sendable, Hashable {
        case proceed
        /// It was carried out before.
        case repeated(replicas: Int)
        case refused(String)
    }

    /// What is to become of an order.
    /// - Parameters:
    ///   - epoch: nil when a person asks, whom no fence holds back.
    ///   - previous: how many workers the order takes for granted; nil: any number.
    ///   - present: how many there are.
    mutating func judge(epoch: Int64?, key: String?, previous: Int?, present: Int) -> Verdict {
        if let epoch {
            if epoch < self.highestEpoch {
                return .refused("epoch \(epoch) is over: epoch \(self.highestEpoch) has already given orders here; nothing was changed")
            }
            self.highestEpoch = epoch
        }
        if let key, let earlier = self.done.first(where: { $0.key == key }) { return .repeated(replicas: earlier.replicas) }
        if let previous, previous != present {
            return .refused("the order was decided for \(previous) workers, but there are \(present); nothing was changed")
        }
        return .proceed
    }

    mutating func remember(key: String, replicas: Int) {
        self.done.append(Done(key: key, replicas: replicas))
        self.done.removeFirst(max(0, self.done.count - Self.rememberedKeys))
    }

    /// Whether a key can stand in our files as it is.
    static func isValid(key: String) -> Bool {
        (1...Self.longestKey).contains(key.utf8.count) && key.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    }

    var text: String {
        "epoch \(self.highestEpoch)\n" + self.done.map { "\($0.key) \($0.replicas)\n" }.joined()
    }

    /// - Throws: when the text is not one of ours; then nobody knows which epoch was the highest, and nothing may be changed.
    init(text: String) throws(SampleError) {
        let lines = text.split(separator: "\n")
        let head = lines.first?.split(separator: " ") ?? []
        guard head.count == 2, head[0] == "epoch", let epoch = Int64(head[1]) else {
            throw SampleError("the fence file is damaged: its first line is not “epoch N”. See effects.log for the last epoch and write the line by hand")
        }
        self.highestEpoch = epoch
        for line in lines.dropFirst() {
            let words = line.split(separator: " ")
            guard words.count == 2, let replicas = Int(words[1]) else {
                throw SampleError("the fence file is damaged: “\(line.prefix(80))” is not a key with a number; remove the line")
            }
            self.done.append(Done(key: String(words[0]), replicas: replicas))
        }
    }
}
