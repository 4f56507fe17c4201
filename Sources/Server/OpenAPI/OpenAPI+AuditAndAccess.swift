extension OpenAPIDocument {
    /// Paths: audit, access.
    static let auditAndAccessPaths = #"""
          /v1/me:
            get:
              operationId: getMe
              tags: [access]
              summary: Who the token is and what it may do
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Me'}
                      example:
                        can: [getMe, getStatus]
                        expiresAt: '2026-05-28T03:12:04.120Z'
                        id: 4fK2x9Qa
                        name: ci
                        role: viewer
        \#(Self.listErrors)
          /v1/audit/events:
            get:
              operationId: listAuditEvents
              tags: [audit]
              summary: Audit events, newest first
              description: For auditors, and for admins, so that the first token of a new cluster can check its log. A page may hold fewer events than `limit` when
                they are large.
              x-muster-roles: [admin, auditor]
              parameters:
              - name: type
                in: query
                description: Of this type.
                schema: {type: string, minLength: 1, maxLength: 255}
              - name: actor
                in: query
                description: By this actor.
                schema: {type: string, minLength: 1, maxLength: 255}
              - name: subject
                in: query
                description: About this subject.
                schema: {type: string, minLength: 1, maxLength: 255}
              - name: severity
                in: query
                description: Of this severity.
                schema: {type: string, minLength: 1, maxLength: 255}
              - name: since
                in: query
                description: From this time on.
                schema: {type: string, format: date-time}
              - name: until
                in: query
                description: Before this time.
                schema: {type: string, format: date-time}
              - name: seqFrom
                in: query
                description: From this sequence number on.
                schema: {type: integer, minimum: 0, maximum: 9007199254740991}
              - name: seqTo
                in: query
                description: Up to this sequence number.
                schema: {type: integer, minimum: 0, maximum: 9007199254740991}
              - name: order
                in: query
                description: '`desc` unless said otherwise.'
                schema:
                  type: string
                  enum: [asc, desc]
              - {$ref: '#/components/parameters/limit'}
              - {$ref: '#/components/parameters/cursor'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [items, next, asOf]
                        properties:
                          items:
                            type: array
                            items: {$ref: '#/components/schemas/Event'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
          /v1/audit/events/{seq}:
            get:
              operationId: getAuditEvent
              tags: [audit]
              summary: One audit event
              x-muster-roles: [admin, auditor]
              parameters:
              - {$ref: '#/components/parameters/seq'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Event'}
                      example:
                        seq: 17
                        id: 0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e6f
                        type: switch.changed
                        severity: warning
                        at: '2026-05-28T03:12:04.120Z'
                        integratedAt: '2026-05-28T03:12:04.120113Z'
                        epoch: 41
                        actor: {kind: token, id: operator-1}
                        actorId: operator-1
                        subject: {kind: cluster, id: prod}
                        subjectId: prod
                        decisionId: null
                        outcome: success
                        leafHash: 6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
                        leaf: '{}'
                        event: {}
        \#(Self.itemErrors)
          /v1/audit/checkpoint:
            get:
              operationId: getAuditCheckpoint
              tags: [audit]
              summary: The log’s size and root
              description: 'Not signed yet: it is this node’s word.'
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Checkpoint'}
                      example: {origin: prod/audit, size: 18, root: 6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d, frontier: 6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d,
                        epoch: 41, integratedAt: '2026-05-28T03:12:04.120113Z', signed: false}
        \#(Self.listErrors)
          /v1/tokens:
            get:
              operationId: listTokens
              tags: [access]
              summary: Tokens, without their secrets
              x-muster-roles: [admin]
              parameters:
              - {$ref: '#/components/parameters/limit'}
              - {$ref: '#/components/parameters/cursor'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [items, next, asOf]
                        properties:
                          items:
                            type: array
                            items: {$ref: '#/components/schemas/Token'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
            post:
              operationId: createToken
              tags: [access]
              summary: Make a token
              description: Lives 90 days at most, and without `until` and `for`.
              x-muster-roles: [admin]
              x-muster-audit: token.created
              parameters:
              - {$ref: '#/components/parameters/IdempotencyKey'}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [name, role]
                      properties:
                        name: {type: string, minLength: 1, maxLength: 63, description: 'Lower-case letters, digits, `-`, `_` and `.`; no two valid tokens share it.'}
                        role:
                          type: string
                          enum: [viewer, operator, admin, auditor]
                        until: {type: string, format: date-time, description: When it ends; this or `for`.}
                        for: {type: string, description: 'How long from now: `30m`, `2h`; this or `until`.'}
                      additionalProperties: false
                    example: {name: ci, role: viewer, for: 30d}
              responses:
                '201':
                  description: 'Made. `token` is shown this once: a repeated answer goes without it.'
                  headers:
        \#(Self.answerHeaders)
                    Location: {$ref: '#/components/headers/Location'}
                    Idempotency-Replayed: {$ref: '#/components/headers/Idempotency-Replayed'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/NewToken'}
                      example: {id: 4fK2x9Qa, name: ci, role: viewer, createdBy: bootstrap, createdAt: '2026-05-28T03:12:04.120Z', expiresAt: '2026-05-28T03:12:04.120Z',
                        revokedAt: null, token: muster_prod_4fK2x9Qa_…, seq: 1482113}
                  links:
                    token:
                      operationId: getToken
                      parameters: {id: $response.body#/id}
        \#(Self.requestErrors)
          /v1/tokens/{id}:
            get:
              operationId: getToken
              tags: [access]
              summary: One token
              x-muster-roles: [admin]
              parameters:
              - {$ref: '#/components/parameters/id'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Token'}
                      example: {id: 4fK2x9Qa, name: ci, role: viewer, createdBy: bootstrap, createdAt: '2026-05-28T03:12:04.120Z', expiresAt: '2026-05-28T03:12:04.120Z',
                        revokedAt: null}
        \#(Self.itemErrors)
            delete:
              operationId: revokeToken
              tags: [access]
              summary: Revoke a token
              description: Dead on every node within a second.
              x-muster-roles: [admin]
              x-muster-audit: token.revoked
              parameters:
              - {$ref: '#/components/parameters/id'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Token'}
        \#(Self.removalErrors)

        """#
}
