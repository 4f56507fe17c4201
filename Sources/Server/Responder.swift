import Crypto
import HTTPTypes
import Hummingbird
import Logging
import Model
import NIOCore
import Store
import Synchronization

/// What Hummingbird hands over with each request. The API needs the peer's address and nothing else.
struct ConnectionContext: InitializableFromSource, Sendable {
    /// The peer's address without its port; `unknown` for a channel without one.
    let address: String

    init(source: ApplicationRequestContextSource) {
        self.address = source.channel.remoteAddress?.ipAddress ?? "unknown"
    }
}

/// One request from head to answer: find the route, prove who asks, check role, rate, parameters and body, call the handler, say where the cluster
/// stands. It matches paths itself, since the route table must answer for every method of every path, 405 included.
struct Responder: HTTPResponder {
    typealias Context = ConnectionContext

    let api: API
    let index: RouteIndex

    func respond(to request: Request, context: ConnectionContext) async throws -> Response {
        let started = self.api.clock.now
        let requestID = Self.requestID()
        var seen = Seen(requestID: requestID, address: context.address)
        var answer: Answer
        do {
            answer = try await self.answer(request, &seen)
        } catch {
            answer = self.answer(error, seen)
        }
        for (name, value) in seen.headers { answer.headers.append((name, value)) }
        let took = self.api.clock.now - started
        let operation = seen.route?.operationID ?? "none"
        self.api.requests.record(operation: operation, status: answer.status.code, took: took)
        // Who only reads, or is not known, would fill the log.
        let changes = seen.token != nil && seen.route?.audit != nil
        let level: Logger.Level = answer.status.code >= 500 ? .warning : changes ? .info : .debug
        self.api.logger.log(
            level: level, "request",
            metadata: [
                "request": "\(requestID)", "operation": "\(operation)", "status": "\(answer.status.code)", "ms": "\(took.milliseconds)",
                "token": "\(seen.token?.id ?? "-")", "from": "\(context.address)",
            ])
        return self.response(answer, to: request, seen)
    }

    /// 128 random bits: enough that two requests of a cluster's life never share one.
    private static func requestID() -> String {
        var generator = SystemRandomNumberGenerator()
        let words = [generator.next(), generator.next()]
        return Hexadecimal.text(words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
    }

    /// What is known of a request so far, for its answer and its log line.
    private struct Seen {
        var requestID: String
        var address: String
        var route: Route?
        var token: TokenRecord?
        var head: Standing?
        var headers: [(name: HTTPField.Name, value: String)] = []
    }

    private func answer(_ request: Request, _ seen: inout Seen) async throws -> Answer {
        let target = request.head.path ?? "/"
        guard target.utf8.count <= Limits.uri else { throw Problem(.uriTooLong, "Path and query have more than \(Limits.uri) bytes.") }
        let headerBytes = request.headers.reduce(0) { $0 + $1.name.rawName.utf8.count + $1.value.utf8.count + 4 }
        guard headerBytes <= Limits.headers else { throw Problem(.headersTooLarge, "The headers have more than \(Limits.headers) bytes.") }
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let (route, path) = try self.index.match(path: halves[0], method: request.method)
        seen.route = route
        try await self.admit(request, route, &seen)
        let query = try Query(halves.count > 1 ? halves[1] : nil, of: route.query)
        let (body, digest) = try await self.body(of: request, route)
        let key = try Self.idempotencyKey(request, route)
        let head: Standing
        if route.path.hasPrefix("/v1/") {
            head = Standing(try await self.api.head(atLeast: query.int("minSeq")))
            seen.head = head
        } else {
            // Outside /v1 nothing is read from the database: probes must answer while it is away.
            let snapshot = self.api.node.snapshot()
            head = Standing(now: snapshot.startedAt, epoch: snapshot.epoch ?? 0, seq: -1)
        }
        return try await route.handler(
            self.api,
            Call(
                route: route, requestID: seen.requestID, path: path, query: query, body: body, bodySHA256: digest, idempotencyKey: key, token: seen.token,
                head: head))
    }

    /// Proves who asks, and that they may.
    private func admit(_ request: Request, _ route: Route, _ seen: inout Seen) async throws {
        switch route.access {
        case .open: return
        case .metrics where self.api.configuration.metricsArePublic: return
        case .metrics, .roles: break
        }
        let token: TokenRecord
        do {
            token = try await self.api.authenticator.token(authorization: request.headers[.authorization], address: seen.address)
        } catch {
            if let problem = error as? Problem {
                self.api.requests.recordRefusedCredential()
                if problem.code == .unauthenticated {
                    await self.api.denials.record(nil, code: problem.code, route: route, address: seen.address, requestID: seen.requestID)
                }
            }
            throw error
        }
        seen.token = token
        let verdict = self.api.limits.withLock { $0.take(token.id, at: self.api.clock.now) }
        seen.headers.append((.rateLimitPolicy, "\"token\";q=\(Int(TokenBucket.burst));w=\(Int(TokenBucket.burst / TokenBucket.rate))"))
        switch verdict {
        case .allowed(let remaining): seen.headers.append((.rateLimit, "\"token\";r=\(remaining)"))
        case .refused(let wait):
            seen.headers.append((.rateLimit, "\"token\";r=0;t=1"))
            throw Problem(.rateLimited, "This token made more than \(Int(TokenBucket.rate)) requests a second through this node.").retrying(after: wait)
        }
        guard route.access.roles.contains(token.role) else {
            await self.api.denials.record(token, code: .forbidden, route: route, address: seen.address, requestID: seen.requestID)
            let needs = route.access.roles.map(\.rawValue).sorted()
            throw Problem(
                .forbidden, "\(route.operationID) needs the role \(needs.joined(separator: " or ")); this token is \(token.role.rawValue).",
                members: ["needs": .array(needs.map { .string($0) }), "has": .string(token.role.rawValue)])
        }
    }

    private static func idempotencyKey(_ request: Request, _ route: Route) throws(Problem) -> String? {
        guard route.needsIdempotencyKey else { return nil }
        guard let key = request.headers[.idempotencyKey] else {
            throw Problem(.idempotencyKeyRequired, "\(route.operationID) changes something and came without an Idempotency-Key header.")
        }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem(.idempotencyKeyRequired, "The Idempotency-Key must have 1 to 255 visible ASCII characters.")
        }
        return key
    }

    // MARK: - Answers

    private func answer(_ error: any Error, _ seen: Seen) -> Answer {
        let problem = ErrorMapping.problem(error)
        // What the caller did wrong is in the answer; what went wrong here is for the operator.
        if !(error is Problem), problem.code.status.code >= 500 {
            self.api.logger.warning(
                "a request failed",
                metadata: [
                    "request": "\(seen.requestID)", "operation": "\(seen.route?.operationID ?? "none")", "code": "\(problem.code.rawValue)",
                    "error": "\(ErrorMapping.summary(error))",
                ])
        }
        let text = problem.json(requestID: seen.requestID).text
        var answer = Answer(problem.code.status, body: .text(text, contentType: "application/problem+json"))
        answer.headers = problem.headers
        return answer
    }

    private func response(_ answer: Answer, to request: Request, _ seen: Seen) -> Response {
        var headers = HTTPFields()
        var text = ""
        switch answer.body {
        case .empty: break
        case .json(let json):
            headers[.contentType] = "application/json"
            text = json.text
        case .text(let body, let contentType):
            headers[.contentType] = contentType
            text = body
        }
        headers[.cacheControl] = "no-store"
        headers[.xContentTypeOptions] = "nosniff"
        headers[.musterNode] = self.api.configuration.nodeName
        headers[.musterVersion] = self.api.configuration.version
        headers[.requestID] = seen.requestID
        if let epoch = answer.epoch ?? seen.head?.epoch ?? self.api.node.snapshot().epoch { headers[.musterEpoch] = String(epoch) }
        if let seq = answer.seq ?? seen.head?.seq, seq >= 0 { headers[.musterSeq] = String(seq) }
        for (name, value) in answer.headers { headers[name] = value }
        guard request.method != .head, answer.status != .notModified else {
            // The headers of the GET, its length included, and no body.
            headers[.contentLength] = String(text.utf8.count)
            return Response(status: answer.status, headers: headers)
        }
        return Response(status: answer.status, headers: headers, body: text.isEmpty ? .init() : .init(byteBuffer: ByteBuffer(string: text)))
    }
}
