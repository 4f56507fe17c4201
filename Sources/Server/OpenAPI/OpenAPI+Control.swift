extension OpenAPIDocument {
    /// Paths: control.
    static let controlPaths = #"""
          /v1/switch:
            get:
              operationId: getSwitch
              tags: [control]
              summary: Whether the cluster may scale
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
                      schema: {$ref: '#/components/schemas/Switch'}
                      example: {enabled: false, by: operator-1, reason: incident 4711, at: '2026-05-28T03:12:04.120Z'}
        \#(Self.listErrors)
            put:
              operationId: setSwitch
              tags: [control]
              summary: Enable or disable scaling
              x-muster-roles: [admin, operator]
              x-muster-audit: switch.changed
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [enabled, reason]
                      properties:
                        enabled: {type: boolean}
                        reason: {type: string, minLength: 3, maxLength: 500, description: Why. It stands in the audit log.}
                      additionalProperties: false
                    example: {enabled: false, reason: incident 4711}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Switch'}
                      example: {enabled: false, by: operator-1, reason: incident 4711, at: '2026-05-28T03:12:04.120Z', seq: 1482113}
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '408': {$ref: '#/components/responses/Timeout'}
                '413': {$ref: '#/components/responses/TooLarge'}
                '415': {$ref: '#/components/responses/UnsupportedMediaType'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
          /v1/pauses:
            get:
              operationId: listPauses
              tags: [control]
              summary: Pauses in force
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
                            items: {$ref: '#/components/schemas/Pause'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
            post:
              operationId: createPause
              tags: [control]
              summary: Keep something from moving for a while
              x-muster-roles: [admin, operator]
              x-muster-audit: pause.created
              parameters:
              - {$ref: '#/components/parameters/IdempotencyKey'}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [scope, reason]
                      properties:
                        scope: {type: string, minLength: 1, maxLength: 255, description: '`all`, `region:NAME`, `service:NAME`, `policy:NAME` or SERVICE/REGION.'}
                        direction:
                          type: string
                          enum: [up, down, both]
                          default: both
                        until: {type: string, format: date-time, description: When it ends; this or `for`.}
                        for: {type: string, description: 'How long from now: `30m`, `2h`; this or `until`.'}
                        reason: {type: string, minLength: 3, maxLength: 500, description: Why. It stands in the audit log.}
                      additionalProperties: false
                    example: {scope: 'region:ap-south', direction: down, for: 2h, reason: ISP maintenance MW-1182}
              responses:
                '201':
                  description: It is in force.
                  headers:
        \#(Self.answerHeaders)
                    Location: {$ref: '#/components/headers/Location'}
                    Idempotency-Replayed: {$ref: '#/components/headers/Idempotency-Replayed'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Pause'}
                      example: {id: 3, scope: 'region:ap-south', direction: down, owner: operator-1, reason: ISP maintenance MW-1182, since: '2026-05-28T03:12:04.120Z',
                        until: '2026-05-28T03:12:04.120Z', seq: 1482113}
                  links:
                    pause:
                      operationId: getPause
                      parameters: {id: $response.body#/id}
        \#(Self.changeErrors)
          /v1/pauses/{id}:
            get:
              operationId: getPause
              tags: [control]
              summary: One pause in force
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
                      schema: {$ref: '#/components/schemas/Pause'}
                      example: {id: 3, scope: 'region:ap-south', direction: down, owner: operator-1, reason: ISP maintenance MW-1182, since: '2026-05-28T03:12:04.120Z',
                        until: '2026-05-28T03:12:04.120Z'}
        \#(Self.itemErrors)
            delete:
              operationId: endPause
              tags: [control]
              summary: End a pause
              x-muster-roles: [admin, operator]
              x-muster-audit: pause.ended
              parameters:
              - {$ref: '#/components/parameters/id'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Pause'}
        \#(Self.removalErrors)
          /v1/overrides:
            get:
              operationId: listOverrides
              tags: [control]
              summary: Overrides in force
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
                            items: {$ref: '#/components/schemas/Override'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
          /v1/workloads/{service}/{region}/override:
            put:
              operationId: setOverride
              tags: [control]
              summary: Put a person’s number in place of the rules’ for a while
              description: Within the minimum and maximum of its policy, else 422 `out-of-limits`. A newer override ends the older one.
              x-muster-roles: [admin, operator]
              x-muster-audit: override.created
              parameters:
              - {$ref: '#/components/parameters/service'}
              - {$ref: '#/components/parameters/region'}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [replicas, reason]
                      properties:
                        replicas: {type: integer, minimum: 0, maximum: 2147483647}
                        until: {type: string, format: date-time, description: When it ends; this or `for`.}
                        for: {type: string, description: 'How long from now: `30m`, `2h`; this or `until`.'}
                        reason: {type: string, minLength: 3, maxLength: 500, description: Why. It stands in the audit log.}
                      additionalProperties: false
                    example: {replicas: 30, for: 3h, reason: 'campaign at 06:00'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Override'}
                      example: {workload: checkout/eu-west, replicas: 30, owner: operator-2, reason: 'campaign at 06:00', since: '2026-05-28T03:12:04.120Z', until: '2026-05-28T03:12:04.120Z',
                        seq: 1482113}
        \#(Self.changeErrors)
            delete:
              operationId: endOverride
              tags: [control]
              summary: Let the rules decide again
              x-muster-roles: [admin, operator]
              x-muster-audit: override.ended
              parameters:
              - {$ref: '#/components/parameters/service'}
              - {$ref: '#/components/parameters/region'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Override'}
        \#(Self.removalErrors)
          /v1/workloads/{service}/{region}/observed:
            post:
              operationId: observeWorkload
              tags: [control]
              summary: Say how many replicas of a manually scaled workload run
              x-muster-roles: [admin, operator]
              x-muster-audit: workload.observed
              parameters:
              - {$ref: '#/components/parameters/service'}
              - {$ref: '#/components/parameters/region'}
              - {$ref: '#/components/parameters/IdempotencyKey'}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [replicas]
                      properties:
                        replicas: {type: integer, minimum: 0, maximum: 2147483647}
                      additionalProperties: false
                    example: {replicas: 5}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                    Idempotency-Replayed: {$ref: '#/components/headers/Idempotency-Replayed'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Observed'}
                      example: {workload: legacy/eu-west, replicas: 5, at: '2026-05-28T03:12:04.120Z', seq: 1482113}
        \#(Self.changeErrors)

        """#
}
