import HTTPTypes
import Logging
import Model
import Store
import Synchronization

/// What every handler works with: the store, the node and the limits. Handlers are extensions of it, one file a subject.
final class API: Sendable {
    let store: Store
    let node: any NodeView
    let configuration: ServerConfiguration
    let logger: Logger
    let clock: any ServerClock
    let authenticator: Authenticator
    let requests = RequestMetrics()
    let limits = Mutex(RateLimit())
    let denials: DenialLog

    init(store: Store, node: any NodeView, configuration: ServerConfiguration, logger: Logger, clock: any ServerClock) {
        self.store = store
        self.node = node
        self.configuration = configuration
        self.logger = logger
        self.clock = clock
        self.authenticator = Authenticator(store: store, clock: clock)
        self.denials = DenialLog(store: store, clock: clock, logger: logger)
    }
}

extension API {
    /// Longest wait of a read for a write that it must show, and how often it looks.
    static let behindWait = Duration.seconds(2)
    static let behindStep = Duration.milliseconds(25)

    /// Where the cluster stands, once it stands at `minSeq` or later.
    ///
    /// - Throws: ``Problem`` `behind`.
    func head(atLeast minSeq: Int64?) async throws -> Head {
        var head = try await self.store.head()
        guard let minSeq else { return head }
        let deadline = self.clock.now + Self.behindWait
        while head.seq < minSeq {
            guard self.clock.now < deadline else {
                throw Problem(
                    .behind, "Event \(minSeq) was asked for; the newest that this node sees is \(head.seq).", members: ["seq": .int(head.seq)]
                ).retrying(after: .seconds(1))
            }
            try await self.clock.sleep(for: Self.behindStep)
            head = try await self.store.head()
        }
        return head
    }

    /// Carries out a change once: the change, its audit events and, where the route has a key, the answer are one transaction.
    ///
    /// The same key with the same body answers as before; with another body it is refused.
    func write(_ call: Call, _ body: (Write) async throws -> (status: Int, answer: JSON)) async throws -> Answer {
        guard let token = call.token else { throw Problem(.internal, "A change without a token.") }
        struct Outcome {
            var status: Int
            var answer: JSON
            var replayed: Bool
            var seq: Int64?
            var epoch: Int64
        }
        let outcome = try await self.store.write(as: token.principal) { write -> Outcome in
            if let key = call.idempotencyKey {
                let remembered = try await write.rememberedAnswer(
                    token: token.id, key: key, route: call.route.operationID, bodySHA256: call.bodySHA256)
                switch remembered {
                case .answer(let status, let json): return Outcome(status: status, answer: json, replayed: true, seq: nil, epoch: write.epoch)
                case .reused: throw Problem(.idempotencyKeyReused, "This key was used for another request, or with another body.")
                case nil: break
                }
            }
            let (status, answer) = try await body(write)
            var fields = answer.objectValue ?? [:]
            if let seq = write.lastSeq { fields["seq"] = .int(seq) }
            if let key = call.idempotencyKey {
                var remembered = fields
                // A secret is shown once: the stored answer goes without it.
                remembered["token"] = nil
                write.remember(
                    token: token.id, key: key, route: call.route.operationID, bodySHA256: call.bodySHA256, status: status, answer: .object(remembered))
            }
            return Outcome(status: status, answer: .object(fields), replayed: false, seq: write.lastSeq, epoch: write.epoch)
        }
        var answer = Answer(.init(code: outcome.status), outcome.answer)
        answer.seq = outcome.seq ?? outcome.answer["seq"]?.intValue
        answer.epoch = outcome.epoch
        if outcome.replayed {
            self.requests.recordReplay()
            answer.headers.append((.idempotencyReplayed, "true"))
        }
        return answer
    }
}
