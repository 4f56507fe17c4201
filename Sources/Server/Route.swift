import HTTPTypes
import Store

/// One operation of the API. Everything that is said about it, the router, the role check, the check of parameters, `can` in `/v1/me` and the tests of
/// the OpenAPI document, is said from here.
struct Route: Sendable {
    typealias Handler = @Sendable (API, Call) async throws -> Answer

    /// Who may call it. Deny by default: a route without a role set does not compile.
    enum Access: Sendable, Hashable {
        /// Anybody, without a token.
        case open
        /// A token with one of these roles.
        case roles(Set<TokenRecord.Role>)
        /// As ``roles(_:)``, unless the node's configuration makes metrics public.
        case metrics(Set<TokenRecord.Role>)

        /// Reads what is not secret.
        static let read = Access.roles([.viewer, .operator, .admin, .auditor])
        /// Changes what moves: pauses, overrides, the switch, leadership.
        static let operate = Access.roles([.operator, .admin])
        /// Changes what it moves by: manifests, tokens.
        static let administer = Access.roles([.admin])
        /// Reads the audit log. An admin may too, so that the first token of a new cluster can check it.
        static let audit = Access.roles([.auditor, .admin])

        var roles: Set<TokenRecord.Role> {
            switch self {
            case .open: []
            case .roles(let roles), .metrics(let roles): roles
            }
        }
    }

    enum Body: Sendable, Hashable {
        case none
        /// A JSON object of at most so many bytes with these fields, and no others.
        case json(maximum: Int, fields: [String])
    }

    enum Tag: String, Sendable, CaseIterable { case node, cluster, fleet, manifests, scaling, control, audit, access }

    var method: HTTPRequest.Method
    /// `/v1/policies/{policy}`
    var path: String
    var operationID: String
    var tag: Tag
    var access: Access
    /// The type of the audit event that a call leaves; nil when it changes nothing.
    var audit: String?
    var needsIdempotencyKey: Bool
    var query: [Parameter]
    var body: Body
    var summary: String
    var handler: Handler

    /// A route that changes nothing.
    static func get(
        _ path: String, _ operationID: String, _ tag: Tag, _ access: Access, query: [Parameter] = [], _ summary: String, _ handler: @escaping Handler
    ) -> Route {
        // Whatever is read can be asked for in a state that holds a write which the caller made before.
        let common = path.hasPrefix("/v1/") ? [Parameter.minSeq] : []
        return Route(
            method: .get, path: path, operationID: operationID, tag: tag, access: access, audit: nil, needsIdempotencyKey: false, query: query + common,
            body: .none, summary: summary, handler: handler)
    }

    /// A question that needs a body. It changes nothing and takes no key.
    static func question(
        _ path: String, _ operationID: String, _ tag: Tag, _ access: Access, fields: [String], _ summary: String, _ handler: @escaping Handler
    ) -> Route {
        Route(
            method: .post, path: path, operationID: operationID, tag: tag, access: access, audit: nil, needsIdempotencyKey: false, query: [],
            body: .json(maximum: Limits.body, fields: fields), summary: summary, handler: handler)
    }

    /// A route that changes something. POST needs an Idempotency-Key; PUT and DELETE name their end state and need none.
    static func change(
        _ method: HTTPRequest.Method, _ path: String, _ operationID: String, _ tag: Tag, _ access: Access, audit: String, fields: [String]? = nil,
        _ summary: String, _ handler: @escaping Handler
    ) -> Route {
        Route(
            method: method, path: path, operationID: operationID, tag: tag, access: access, audit: audit, needsIdempotencyKey: method == .post, query: [],
            body: fields.map { .json(maximum: Limits.body, fields: $0) } ?? .none, summary: summary, handler: handler)
    }

    /// The names in braces, in order.
    var pathParameters: [String] {
        self.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }
}

/// A query parameter with what it may be.
struct Parameter: Sendable, Hashable {
    enum Schema: Sendable, Hashable {
        case integer(ClosedRange<Int64>)
        case text(maximum: Int)
        case choice([String])
        /// RFC 3339.
        case time
    }
    var name: String
    var schema: Schema
    /// May stand several times; any of the values will do.
    var repeats: Bool

    init(_ name: String, _ schema: Schema, repeats: Bool = false) {
        self.name = name
        self.schema = schema
        self.repeats = repeats
    }

    static let minSeq = Parameter("minSeq", .integer(0...Limits.largestInteger))
    static let limit = Parameter("limit", .integer(1...Int64(Limits.page)))
    static let cursor = Parameter("cursor", .text(maximum: Limits.cursor))
    /// Every list has these two.
    static let paging = [Parameter.limit, .cursor]
    static let since = Parameter("since", .time)
    static let until = Parameter("until", .time)
    static func name(_ name: String, repeats: Bool = false) -> Parameter { Parameter(name, .text(maximum: Limits.text), repeats: repeats) }
}

/// The bounds of the API. All are per node.
enum Limits {
    /// Bytes of a body: a few hundred manifests; more is better applied in parts.
    static let body = 1 << 20
    /// Bytes of all headers: a long token and a proxy's own fields fit several times.
    static let headers = 16 << 10
    /// Bytes of path and query.
    static let uri = 8 << 10
    /// Items in one page, and how many without `limit`.
    static let page = 1000
    static let defaultPage = 100
    /// Bytes of leaves in one page of audit events: what a client can take in one answer without trouble.
    static let eventPageBytes = 8 << 20
    /// Audit events read from the database at once, so that a page of the largest leaves stays far below what one result may hold.
    static let eventBatch: Int64 = 100
    /// Characters of a filter, name or reason.
    static let text = 255
    static let cursor = 512
    /// Characters of a reason: long enough to make people think, short enough for one line.
    static let reason = 3...500
    /// 2⁵³ − 1: what every JSON reader can hold exactly.
    static let largestInteger: Int64 = 9_007_199_254_740_991
    /// How long a body may take to arrive.
    static let bodyTime = Duration.seconds(30)
    /// A connection without a request, or with one that does not go on, is closed after this.
    static let idle = Duration.seconds(60)
    /// Connections at once; more wait in the listen queue.
    static let connections = 1024
    /// Longest pause and override: what should last longer belongs into a manifest.
    static let hold = Duration.seconds(30 * 86_400)
    /// Longest life of a token, and what it is without a wish.
    static let tokenLife = Duration.seconds(90 * 86_400)
    static let attention = 100
    static let moving = 100
    static let held = 100
    static let upcoming = 20
    /// Entries of the deny-list: every node reads all of it each second. A cluster of nine renews its certificates for a year without filling it.
    static let denials = 1000
    /// Files of one lint, diff or apply.
    static let files = 200
}
