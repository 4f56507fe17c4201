extension OpenAPIDocument {
    /// Paths: manifests, scaling.
    static let manifestsAndScalingPaths = #"""
          /v1/manifests/lint:
            post:
              operationId: lintManifests
              tags: [manifests]
              summary: What is wrong or doubtful in manifests
              description: Judged together with what is in force. Changes nothing.
              x-muster-roles: [admin, auditor, operator, viewer]
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [files]
                      properties:
                        files:
                          type: array
                          minItems: 1
                          maxItems: 200
                          items:
                            type: object
                            required: [name, text]
                            properties:
                              name: {type: string, minLength: 1, maxLength: 255}
                              text: {type: string}
                            additionalProperties: false
                      additionalProperties: false
                    example:
                      files:
                      - {name: eu.yaml, text: 'kind: Region

                          name: eu-west

                          '}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Lint'}
                      example:
                        ok: true
                        errors: []
                        warnings: []
                        notes: []
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '408': {$ref: '#/components/responses/Timeout'}
                '413': {$ref: '#/components/responses/TooLarge'}
                '415': {$ref: '#/components/responses/UnsupportedMediaType'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
          /v1/manifests/diff:
            post:
              operationId: diffManifests
              tags: [manifests]
              summary: What applying manifests would change
              description: Changes nothing. Invalid manifests are 422 `invalid-manifest`.
              x-muster-roles: [admin, auditor, operator, viewer]
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [files]
                      properties:
                        files:
                          type: array
                          minItems: 1
                          maxItems: 200
                          items:
                            type: object
                            required: [name, text]
                            properties:
                              name: {type: string, minLength: 1, maxLength: 255}
                              text: {type: string}
                            additionalProperties: false
                      additionalProperties: false
                    example:
                      files:
                      - {name: eu.yaml, text: 'kind: Region

                          name: eu-west

                          '}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/ManifestDiff'}
                      example:
                        equal: false
                        documents:
                        - kind: Policy
                          name: transcode
                          file: media.yaml
                          version: 7
                          changed: true
                          changes:
                          - {op: replace, path: /maxReplicas, from: 20, to: 24}
                        warnings: []
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '408': {$ref: '#/components/responses/Timeout'}
                '413': {$ref: '#/components/responses/TooLarge'}
                '415': {$ref: '#/components/responses/UnsupportedMediaType'}
                '422': {$ref: '#/components/responses/Unprocessable'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
          /v1/manifests/apply:
            post:
              operationId: applyManifests
              tags: [manifests]
              summary: Put manifests in force, all or none
              description: A document whose meaning is in force already changes nothing and gets no version.
              x-muster-roles: [admin]
              x-muster-audit: policy.updated
              parameters:
              - {$ref: '#/components/parameters/IdempotencyKey'}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [files]
                      properties:
                        files:
                          type: array
                          minItems: 1
                          maxItems: 200
                          items:
                            type: object
                            required: [name, text]
                            properties:
                              name: {type: string, minLength: 1, maxLength: 255}
                              text: {type: string}
                            additionalProperties: false
                        expected:
                          type: object
                          description: 'By KIND/NAME, the version that the change was made from; 0: there was none.'
                          additionalProperties: {type: integer, minimum: 0}
                      additionalProperties: false
                    example:
                      files:
                      - {name: eu.yaml, text: 'kind: Region

                          name: eu-west

                          '}
                      expected: {Region/eu-west: 0}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                    Idempotency-Replayed: {$ref: '#/components/headers/Idempotency-Replayed'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Applied'}
                      example:
                        applied:
                        - kind: Region
                          name: eu-west
                          version: 1
                          changed: true
                          seq: 17
                          changes:
                          - op: add
                            path: ''
                            to: {kind: Region, name: eu-west}
                        warnings: []
                        notes: []
                        seq: 17
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '408': {$ref: '#/components/responses/Timeout'}
                '409': {$ref: '#/components/responses/Conflict'}
                '412': {$ref: '#/components/responses/VersionConflict'}
                '413': {$ref: '#/components/responses/TooLarge'}
                '415': {$ref: '#/components/responses/UnsupportedMediaType'}
                '422': {$ref: '#/components/responses/Unprocessable'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
          /v1/manifests/export:
            get:
              operationId: exportManifests
              tags: [manifests]
              summary: What is in force, as YAML
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - name: kind
                in: query
                description: One of these kinds.
                schema:
                  type: array
                  items:
                    type: string
                    enum: [Region, Connection, Service, Policy, Budget]
                style: form
                explode: true
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/yaml:
                      schema: {}
        \#(Self.listErrors)
          /v1/decisions:
            get:
              operationId: listDecisions
              tags: [scaling]
              summary: Decisions, newest first
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - name: workload
                in: query
                description: SERVICE/REGION
                schema: {type: string, minLength: 1, maxLength: 255}
              - name: policy
                in: query
                description: Of this policy.
                schema: {type: string, minLength: 1, maxLength: 255}
              - name: region
                in: query
                description: In this region.
                schema: {type: string, minLength: 1, maxLength: 255}
              - name: service
                in: query
                description: Of this service.
                schema: {type: string, minLength: 1, maxLength: 255}
              - name: kind
                in: query
                description: Of this kind.
                schema:
                  type: string
                  enum: [up, down, held]
              - name: since
                in: query
                description: From this time on.
                schema: {type: string, format: date-time}
              - name: until
                in: query
                description: Before this time.
                schema: {type: string, format: date-time}
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
                            items: {$ref: '#/components/schemas/Decision'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
          /v1/decisions/{id}:
            get:
              operationId: getDecision
              tags: [scaling]
              summary: One decision with its whole explanation
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
                      schema: {$ref: '#/components/schemas/Decision'}
                      example:
                        id: d-88238
                        seq: 1482109
                        epoch: 41
                        node: a
                        at: '2026-05-28T03:12:04.120Z'
                        workload: transcode/eu-west
                        policy: {name: transcode, version: 7, sha256: 9f2c41d08a11e6b3}
                        kind: up
                        from: 4
                        to: 6
                        wanted: 8
                        acted: true
                        sentence: queue 180 / 25 per replica wants 8; at most 6
                        readings:
                        - {metric: queue, value: '180', unit: jobs, target: '25', ratio: '1.8', ageMs: 3100, maxAge: 2m, quality: fresh, source: sql, window: 1m avg}
                        proposals:
                        - {rule: track(queue), replicas: 8, because: ceil(180 / 25)}
                        steps:
                        - {step: proposals, in: 4, out: 8}
                        - step: clamp
                          in: 8
                          out: 6
                          reason: {code: at-max}
                        reasons:
                        - {code: rule(queue)}
                        - {code: at-max}
                        confidence: '0.78'
                        urgency: medium
                        action: a-5521
        \#(Self.itemErrors)
          /v1/actions:
            get:
              operationId: listActions
              tags: [scaling]
              summary: Changes on their way to platforms, newest first
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - name: open
                in: query
                description: '`true`: only those that have not ended.'
                schema:
                  type: string
                  enum: ['true', 'false']
              - name: workload
                in: query
                description: SERVICE/REGION
                schema: {type: string, minLength: 1, maxLength: 255}
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
                            items: {$ref: '#/components/schemas/Action'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
          /v1/actions/{id}:
            get:
              operationId: getAction
              tags: [scaling]
              summary: One action with its states
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
                      schema: {$ref: '#/components/schemas/Action'}
                      example:
                        id: a-5521
                        decision: d-88238
                        workload: transcode/eu-west
                        epoch: 41
                        kind: scale
                        from: 4
                        to: 6
                        state: verifying
                        states:
                        - {state: committed, at: '2026-05-28T03:12:04.120Z'}
                        - {state: sent, at: '2026-05-28T03:12:04.120Z'}
                        - {state: accepted, at: '2026-05-28T03:12:04.120Z'}
                        - {state: verifying, at: '2026-05-28T03:12:04.120Z'}
                        ready: 4
                        needReady: '0.9'
                        outcome: null
                        attempt: 1
                        precondition: {version: '99123', replicas: 4}
                        until: '2026-05-28T03:12:04.120Z'
                        at: '2026-05-28T03:12:04.120Z'
        \#(Self.itemErrors)

        """#
}
