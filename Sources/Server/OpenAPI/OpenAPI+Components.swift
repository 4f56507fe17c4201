extension OpenAPIDocument {
    /// What operations share.
    static let components = #"""
        components:
          securitySchemes:
            bearer: {type: http, scheme: bearer, bearerFormat: muster_ENVIRONMENT_ID_SECRET_CHECKSUM}
          parameters:
            limit:
              name: limit
              in: query
              description: Most items of a page.
              schema: {type: integer, minimum: 1, maximum: 1000, default: 100}
            cursor:
              name: cursor
              in: query
              description: '`next` of the page before, with the same filter.'
              schema: {type: string, minLength: 1, maxLength: 512}
            minSeq:
              name: minSeq
              in: query
              description: 'Answer from a state that holds this audit event: waits up to 2 s, then 503 `behind`.'
              schema: {type: integer, minimum: 0, maximum: 9007199254740991}
            IdempotencyKey:
              name: Idempotency-Key
              in: header
              required: true
              description: 'A new random value for each thing to be done. The same key and body get the same answer for 24 hours, through any node; with another body:
                422.'
              schema: {type: string, minLength: 1, maxLength: 255, pattern: '^[!-~]+$'}
            code:
              name: code
              in: path
              required: true
              description: A problem’s code.
              schema: {type: string, minLength: 1, maxLength: 255}
            node:
              name: node
              in: path
              required: true
              description: A node’s name.
              schema: {type: string, minLength: 1, maxLength: 255}
            region:
              name: region
              in: path
              required: true
              description: A region’s name.
              schema: {type: string, minLength: 1, maxLength: 255}
            service:
              name: service
              in: path
              required: true
              description: A service’s name.
              schema: {type: string, minLength: 1, maxLength: 255}
            policy:
              name: policy
              in: path
              required: true
              description: A policy’s name.
              schema: {type: string, minLength: 1, maxLength: 255}
            version:
              name: version
              in: path
              required: true
              description: A version’s number.
              schema: {type: integer, minimum: 1, maximum: 2147483647}
            id:
              name: id
              in: path
              required: true
              description: Its id, as lists show it.
              schema: {type: string, minLength: 1, maxLength: 255}
            seq:
              name: seq
              in: path
              required: true
              description: A sequence number.
              schema: {type: integer, minimum: 0, maximum: 9007199254740991}
          headers:
            Muster-Node:
              description: Which node answered.
              schema: {type: string}
            Muster-Version:
              description: Its version.
              schema: {type: string}
            Muster-Epoch:
              description: The epoch that it knows of.
              schema: {type: integer}
            Muster-Seq:
              description: The newest audit event that the answer reflects; give it as `minSeq` to read your own write anywhere.
              schema: {type: integer}
            Request-Id:
              description: Finds the request in the node’s log.
              schema: {type: string}
            Location:
              description: Where to look next.
              schema: {type: string}
            Idempotency-Replayed:
              description: '`true`: the answer of an earlier request with this key.'
              schema: {type: string}
            Retry-After:
              description: Seconds to wait.
              schema: {type: integer}
            Allow:
              description: The methods that there are.
              schema: {type: string}
            WWW-Authenticate:
              description: How to prove who you are.
              schema: {type: string}
          responses:
            BadRequest:
              description: The request is not valid.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
                  example: {type: /problems/unknown-parameter, code: unknown-parameter, status: 400, title: The query has a parameter that is not known, detail: '“stat”
                      is not a parameter of this route; did you mean “state”?', next: Correct the parameter’s name or leave it out., requestId: 5d7e0f4c1a2b3c4d5e6f708192a3b4c5,
                    parameter: stat, near: state}
              x-muster-codes: [bad-request, unknown-field, unknown-parameter, bad-cursor, idempotency-key-required]
            Unauthenticated:
              description: No token, or not a valid one.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
                WWW-Authenticate: {$ref: '#/components/headers/WWW-Authenticate'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [unauthenticated]
            Forbidden:
              description: 'The role may not: `needs` and `has` say which. Or nobody may approve what they asked for themselves.'
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [forbidden, self-approval]
            NotFound:
              description: There is no such thing.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [not-found]
            Timeout:
              description: The body took too long.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [timeout]
            Conflict:
              description: It contradicts the present state.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [conflict, already-ended, in-progress]
            VersionConflict:
              description: Somebody changed it meanwhile; `current` is what is in force.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [version-conflict]
            TooLarge:
              description: The body is too large.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [too-large]
            UnsupportedMediaType:
              description: The body is not JSON.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [unsupported-media-type]
            Unprocessable:
              description: Well-formed, and not acceptable.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [invalid-manifest, out-of-limits, idempotency-key-reused]
            RateLimited:
              description: Too many requests through this node.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
                Retry-After: {$ref: '#/components/headers/Retry-After'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [rate-limited]
            Internal:
              description: Something went wrong in this node.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [internal]
            Unavailable:
              description: Not now.
              headers:
                Request-Id: {$ref: '#/components/headers/Request-Id'}
                Retry-After: {$ref: '#/components/headers/Retry-After'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-muster-codes: [no-leader, behind, audit-diverged, database-unavailable, overloaded]

        """#
}
