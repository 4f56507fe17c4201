import HTTPTypes
import Model

/// An error as the API answers it (RFC 9457). It says what happened, where, and what to do next; never SQL, a stack or a secret.
struct Problem: Error {
    /// The closed list of codes; each has a page at `/problems/<code>`.
    enum Code: String, CaseIterable {
        case badRequest = "bad-request"
        case unknownField = "unknown-field"
        case unknownParameter = "unknown-parameter"
        case badCursor = "bad-cursor"
        case idempotencyKeyRequired = "idempotency-key-required"
        case unauthenticated
        case forbidden
        case selfApproval = "self-approval"
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case timeout
        case inProgress = "in-progress"
        case conflict
        case alreadyEnded = "already-ended"
        case versionConflict = "version-conflict"
        case tooLarge = "too-large"
        case uriTooLong = "uri-too-long"
        case unsupportedMediaType = "unsupported-media-type"
        case invalidManifest = "invalid-manifest"
        case outOfLimits = "out-of-limits"
        case idempotencyKeyReused = "idempotency-key-reused"
        case rateLimited = "rate-limited"
        case headersTooLarge = "headers-too-large"
        case `internal`
        case noLeader = "no-leader"
        case behind
        case auditDiverged = "audit-diverged"
        case databaseUnavailable = "database-unavailable"
        case overloaded
    }

    /// One of several faults, with its place.
    struct Fault: Sendable, Hashable {
        /// RFC 6901, into the body.
        var pointer: String
        var code: String
        var message: String
        var near: String?

        var json: JSON {
            .fields([
                "pointer": .string(self.pointer), "code": .string(self.code), "message": .string(self.message), "near": self.near.map { .string($0) },
            ])
        }
    }

    var code: Code
    var detail: String
    var next: String
    /// Members of their own: `errors`, `needs`, `has`, `current`, …
    var members: [String: JSON] = [:]
    var headers: [(name: HTTPField.Name, value: String)] = []

    /// - Parameter next: what to do now; the code's general advice when left out.
    init(_ code: Code, _ detail: String, next: String? = nil, members: [String: JSON] = [:]) {
        self.code = code
        self.detail = detail
        self.next = next ?? code.advice
        self.members = members
    }

    init(_ code: Code, faults: [Fault], next: String? = nil) {
        let detail = faults.count == 1 ? "\(faults[0].pointer): \(faults[0].message)" : "The body has \(faults.count) faults; nothing was done."
        self.init(code, detail, next: next, members: ["errors": .array(faults.map(\.json))])
    }

    /// The same with a `Retry-After`, in whole seconds and at least one.
    func retrying(after delay: Duration) -> Problem {
        var problem = self
        problem.headers.append((.retryAfter, String(max(1, (delay.milliseconds + 999) / 1000))))
        return problem
    }

    func with(header name: HTTPField.Name, _ value: String) -> Problem {
        var problem = self
        problem.headers.append((name, value))
        return problem
    }

    func json(requestID: String) -> JSON {
        var fields = self.members
        fields["type"] = .string("/problems/\(self.code.rawValue)")
        fields["code"] = .string(self.code.rawValue)
        fields["status"] = .int(Int64(self.code.status.code))
        fields["title"] = .string(self.code.title)
        fields["detail"] = .string(self.detail)
        fields["next"] = .string(self.next)
        fields["requestId"] = .string(requestID)
        return .object(fields)
    }
}
