extension OpenAPIDocument {
    /// Paths: changes that wait for a second person.
    static let approvals = #"""
          /v1/approvals:
            get:
              operationId: listApprovals
              tags: [control]
              summary: Changes that wait for a second person, and what was said of them
              description: What was said is listed until a change uses it up, another word takes its place, or it ends.
              x-muster-roles: [admin, auditor, operator, viewer]
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
                            items: {$ref: '#/components/schemas/Approval'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
          /v1/approvals/{id}:
            get:
              operationId: getApproval
              tags: [control]
              summary: One of them
              x-muster-roles: [admin, auditor, operator, viewer]
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
                      schema: {$ref: '#/components/schemas/Approval'}
                      example: {id: d-88238, state: waiting, workload: checkout/eu-west, policy: {name: checkout, version: 7}, from: 4, to: 12, sentence: 'queue 300 / 25 per replica wants 12; a change by more than 5 waits for a second person', by: policy checkout, at: '2026-05-28T03:12:04.120Z', mayApprove: [admin, operator], said: null}
        \#(Self.itemErrors)
          /v1/approvals/{id}/approve:
            post:
              operationId: approveChange
              tags: [control]
              summary: Agree to a change that waits for a second person
              description: 'The leader makes the change within half a second, if its policy still wants it: in that direction, and at most by so much. The word counts for 15 minutes and for one change. Who asked for the change by an override can’t agree to it.'
              x-muster-roles: [admin, operator]
              x-muster-audit: decision.approved
              parameters:
              - {$ref: '#/components/parameters/id'}
              - {$ref: '#/components/parameters/IdempotencyKey'}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      properties:
                        reason: {type: string, minLength: 3, maxLength: 500, description: Why. It stands in the audit log.}
                      additionalProperties: false
                    example: {reason: the campaign is known}
              responses:
                '200':
                  description: It is said.
                  headers:
        \#(Self.answerHeaders)
                    Idempotency-Replayed: {$ref: '#/components/headers/Idempotency-Replayed'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Approval'}
                      example: {id: d-88238, state: approved, workload: checkout/eu-west, policy: {name: checkout, version: 7}, from: 4, to: 12, sentence: 'queue 300 / 25 per replica wants 12; a change by more than 5 waits for a second person', by: policy checkout, at: '2026-05-28T03:12:04.120Z', mayApprove: [admin, operator], said: {by: operator-2, at: '2026-05-28T03:13:40.010Z', reason: the campaign is known, until: '2026-05-28T03:28:40.010Z'}}
        \#(Self.changeErrors)
          /v1/approvals/{id}/reject:
            post:
              operationId: rejectChange
              tags: [control]
              summary: Refuse a change that waits for a second person
              description: It is not asked for again for 15 minutes, unless the policy wants another change. An earlier approval of it ends.
              x-muster-roles: [admin, operator]
              x-muster-audit: decision.rejected
              parameters:
              - {$ref: '#/components/parameters/id'}
              - {$ref: '#/components/parameters/IdempotencyKey'}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      properties:
                        reason: {type: string, minLength: 3, maxLength: 500, description: Why. It stands in the audit log.}
                      additionalProperties: false
                    example: {reason: the queue is a test}
              responses:
                '200':
                  description: It is said.
                  headers:
        \#(Self.answerHeaders)
                    Idempotency-Replayed: {$ref: '#/components/headers/Idempotency-Replayed'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Approval'}
                      example: {id: d-88238, state: rejected, workload: checkout/eu-west, policy: {name: checkout, version: 7}, from: 4, to: 12, sentence: 'queue 300 / 25 per replica wants 12; a change by more than 5 waits for a second person', by: policy checkout, at: '2026-05-28T03:12:04.120Z', mayApprove: [admin, operator], said: {by: operator-2, at: '2026-05-28T03:13:40.010Z', reason: the queue is a test, until: '2026-05-28T03:28:40.010Z'}}
        \#(Self.changeErrors)

        """#
}
