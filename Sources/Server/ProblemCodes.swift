import HTTPTypes

/// What each code means: status, title, and what to do. One table for answers, for the served pages and for the check of the OpenAPI document.
extension Problem.Code {
    var status: HTTPResponse.Status {
        switch self {
        case .badRequest, .unknownField, .unknownParameter, .badCursor, .idempotencyKeyRequired: .badRequest
        case .unauthenticated: .unauthorized
        case .forbidden, .selfApproval: .forbidden
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .timeout: .requestTimeout
        case .inProgress, .conflict, .alreadyEnded: .conflict
        case .versionConflict: .preconditionFailed
        case .tooLarge: .contentTooLarge
        case .uriTooLong: .uriTooLong
        case .unsupportedMediaType: .unsupportedMediaType
        case .invalidManifest, .outOfLimits, .idempotencyKeyReused: .unprocessableContent
        case .rateLimited: .tooManyRequests
        case .headersTooLarge: .requestHeaderFieldsTooLarge
        case .internal: .internalServerError
        case .noLeader, .behind, .auditDiverged, .databaseUnavailable, .overloaded: .serviceUnavailable
        }
    }

    var title: String {
        switch self {
        case .badRequest: "The request is not valid"
        case .unknownField: "The body has a field that is not known"
        case .unknownParameter: "The query has a parameter that is not known"
        case .badCursor: "The cursor does not belong to this list"
        case .idempotencyKeyRequired: "The Idempotency-Key is missing"
        case .unauthenticated: "The token is missing or not valid"
        case .forbidden: "The token’s role does not allow this"
        case .selfApproval: "Nobody approves their own request"
        case .notFound: "There is no such thing"
        case .methodNotAllowed: "The method is not allowed here"
        case .timeout: "The request took too long to arrive"
        case .inProgress: "The same request is still being carried out"
        case .conflict: "The request contradicts the present state"
        case .alreadyEnded: "It has ended already"
        case .versionConflict: "Somebody else changed it meanwhile"
        case .tooLarge: "The body is too large"
        case .uriTooLong: "The address is too long"
        case .unsupportedMediaType: "The body’s type is not supported"
        case .invalidManifest: "The manifest is not valid"
        case .outOfLimits: "The value is outside its limits"
        case .idempotencyKeyReused: "The Idempotency-Key belongs to another request"
        case .rateLimited: "Too many requests"
        case .headersTooLarge: "The headers are too large"
        case .internal: "Something went wrong in this node"
        case .noLeader: "No node leads at this moment"
        case .behind: "This node has not seen that write yet"
        case .auditDiverged: "The audit log does not add up"
        case .databaseUnavailable: "The database is not available"
        case .overloaded: "This node is overloaded"
        }
    }

    /// What to do, in general. An answer may say something more exact.
    var advice: String {
        switch self {
        case .badRequest: "Correct the request; /openapi.yaml describes what is expected."
        case .unknownField: "Correct the field’s name or leave it out."
        case .unknownParameter: "Correct the parameter’s name or leave it out."
        case .badCursor: "Start again without a cursor, with the same filter for all pages."
        case .idempotencyKeyRequired: "Send an Idempotency-Key header: a new random value for each thing to be done, the same one when repeating it."
        case .unauthenticated: "Send “Authorization: Bearer TOKEN” with a token that an administrator made, has not expired and was not revoked."
        case .forbidden: "Use a token with a role that may, or ask somebody who has one."
        case .selfApproval: "Ask somebody else to look at it."
        case .notFound: "Check the name; lists show what there is."
        case .methodNotAllowed: "Use one of the methods that the Allow header names."
        case .timeout: "Send it again over a better connection."
        case .inProgress: "Wait a second and repeat it with the same Idempotency-Key."
        case .conflict: "Look at the present state, then decide again."
        case .alreadyEnded: "Nothing is left to do."
        case .versionConflict: "Look at the current version, make your change again from there. muster diff shows what differs."
        case .tooLarge: "Send less at once."
        case .uriTooLong: "Use fewer or shorter parameters."
        case .unsupportedMediaType: "Send JSON with “Content-Type: application/json”."
        case .invalidManifest: "Correct it; muster lint -f FILE checks without applying."
        case .outOfLimits: "Choose a value within the limit that the detail names, or raise that limit."
        case .idempotencyKeyReused: "Use a new key for another request; repeat a request with exactly the same body."
        case .rateLimited: "Wait as long as the Retry-After header says."
        case .headersTooLarge: "Send fewer or shorter headers."
        case .internal: "Look for the request id in this node’s log, and report it."
        case .noLeader: "Try again in a second. If it lasts: muster get nodes"
        case .behind: "Try again, or ask another node."
        case .auditDiverged: "Do not trust the log as it is: muster audit verify"
        case .databaseUnavailable: "Try again; if it lasts, run on the node’s machine: muster doctor"
        case .overloaded: "Wait as long as the Retry-After header says."
        }
    }

    /// The page at `/problems/<code>`.
    var page: String {
        """
        \(self.rawValue)

        \(self.title).

        Status:      \(self.status.code)
        What to do:  \(self.advice)

        The answer’s “detail” says what happened in your case, “next” what to do about it, and “requestId” finds it in the node’s log.

        """
    }
}
