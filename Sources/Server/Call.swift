import HTTPTypes
import Model
import Store

/// One request that passed every check of its route.
struct Call: Sendable {
    var route: Route
    var requestID: String
    /// The parts of the path that stand in braces in the route's.
    var path: [String: String]
    var query: Query
    /// The body's object; empty when the route takes none.
    var body: Fields
    /// SHA-256 of the body's bytes.
    var bodySHA256: [UInt8]
    var idempotencyKey: String?
    /// nil on open routes only.
    var token: TokenRecord?
    /// Where the cluster stood before anything else was read, so that an answer never claims to be newer than it is.
    var head: Standing

    func part(_ name: String) -> String { self.path[name] ?? "" }
}

extension TokenRecord {
    /// Who acts when this token is used: its name, which no two valid tokens share.
    var principal: Principal { Principal(kind: .token, id: self.name, authentication: .token) }
}

/// Where the cluster stood: the database's time, the epoch and the newest audit event (-1: none).
struct Standing: Sendable, Hashable {
    var now: WallTime
    var epoch: Int64
    var seq: Int64

    init(now: WallTime, epoch: Int64, seq: Int64) {
        self.now = now
        self.epoch = epoch
        self.seq = seq
    }
    init(_ head: Head) { self.init(now: head.now, epoch: head.epoch, seq: head.seq) }
}

/// What a handler answers.
struct Answer: Sendable {
    enum Body: Sendable {
        case empty
        case json(JSON)
        case text(String, contentType: String)
    }

    var status: HTTPResponse.Status
    var body: Body
    var headers: [(name: HTTPField.Name, value: String)] = []
    /// The newest audit event that it reflects; nil: as the call's head says.
    var seq: Int64?
    var epoch: Int64?

    init(_ status: HTTPResponse.Status, _ json: JSON) {
        self.status = status
        self.body = .json(json)
    }

    init(_ status: HTTPResponse.Status, body: Body) {
        self.status = status
        self.body = body
    }

    func with(header name: HTTPField.Name, _ value: String) -> Answer {
        var answer = self
        answer.headers.append((name, value))
        return answer
    }
}

extension HTTPField.Name {
    static let musterNode = Self("Muster-Node")!  // A literal that is a token; nil only for one that is not.
    static let musterEpoch = Self("Muster-Epoch")!  // As above.
    static let musterSeq = Self("Muster-Seq")!  // As above.
    static let musterVersion = Self("Muster-Version")!  // As above.
    static let requestID = Self("Request-Id")!  // As above.
    static let idempotencyKey = Self("Idempotency-Key")!  // As above.
    static let idempotencyReplayed = Self("Idempotency-Replayed")!  // As above.
    static let rateLimitPolicy = Self("RateLimit-Policy")!  // As above.
    static let rateLimit = Self("RateLimit")!  // As above.
}
