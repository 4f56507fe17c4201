extension OpenAPIDocument {
    /// Paths: fleet.
    static let fleetPaths = #"""
          /v1/regions:
            get:
              operationId: listRegions
              tags: [fleet]
              summary: Regions with what runs there
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
                            items: {$ref: '#/components/schemas/Region'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
          /v1/regions/{region}:
            get:
              operationId: getRegion
              tags: [fleet]
              summary: One region
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/region'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Region'}
        \#(Self.itemErrors)
          /v1/services:
            get:
              operationId: listServices
              tags: [fleet]
              summary: Services
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
                            items: {$ref: '#/components/schemas/Service'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
          /v1/services/{service}:
            get:
              operationId: getService
              tags: [fleet]
              summary: One service
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/service'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Service'}
        \#(Self.itemErrors)
          /v1/workloads:
            get:
              operationId: listWorkloads
              tags: [fleet]
              summary: Workloads by name
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - name: service
                in: query
                description: One of these services.
                schema:
                  type: array
                  items: {type: string, minLength: 1, maxLength: 255}
                style: form
                explode: true
              - name: region
                in: query
                description: One of these regions.
                schema:
                  type: array
                  items: {type: string, minLength: 1, maxLength: 255}
                style: form
                explode: true
              - name: policy
                in: query
                description: One of these policies.
                schema:
                  type: array
                  items: {type: string, minLength: 1, maxLength: 255}
                style: form
                explode: true
              - name: owner
                in: query
                description: One of these owners.
                schema:
                  type: array
                  items: {type: string, minLength: 1, maxLength: 255}
                style: form
                explode: true
              - name: mode
                in: query
                description: One of these modes.
                schema:
                  type: array
                  items:
                    type: string
                    enum: [live, dryRun, recommend, 'off']
                style: form
                explode: true
              - name: state
                in: query
                description: One of these states.
                schema:
                  type: array
                  items:
                    type: string
                    enum: [moving, overridden, held, atMax, atMin, unmet, steady, unobserved, notEvaluated, unmanaged]
                style: form
                explode: true
              - name: q
                in: query
                description: Its name holds this.
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
                            items: {$ref: '#/components/schemas/Workload'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
          /v1/workloads/{service}/{region}:
            get:
              operationId: getWorkload
              tags: [fleet]
              summary: One workload
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/service'}
              - {$ref: '#/components/parameters/region'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Workload'}
                      example:
                        id: transcode/eu-west
                        service: transcode
                        region: eu-west
                        owner: team-media
                        driver: {kind: exec, target: scale eu-west, restart: false}
                        policy: {name: transcode, version: 7, mode: live}
                        priority: 10
                        min: 2
                        max: 20
                        replicas: {running: 4, ready: 4, asked: 6, wanted: 8}
                        state: moving
                        holds: []
                        action: a-5521
                        lastDecision: d-88238
                        sentence: queue 180 / 25 per replica wants 8; at most 6
                        next:
                        - {at: '2026-05-28T03:12:04.120Z', kind: verify, text: 'a-5521 must have arrived at 6, else it counts as failed', workload: transcode/eu-west}
                        observedAt: '2026-05-28T03:12:04.120Z'
                        evaluatedAt: '2026-05-28T03:12:04.120Z'
        \#(Self.itemErrors)
          /v1/workloads/{service}/{region}/decision:
            get:
              operationId: getWorkloadDecision
              tags: [fleet]
              summary: Its last evaluation, explained
              description: Recorded as a decision or not. With `id`, `seq`, `epoch`, `node` and `action` when this very evaluation was recorded.
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/service'}
              - {$ref: '#/components/parameters/region'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Evaluation'}
        \#(Self.itemErrors)
          /v1/policies:
            get:
              operationId: listPolicies
              tags: [fleet]
              summary: Policies in force
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
                            items: {$ref: '#/components/schemas/Policy'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
          /v1/policies/{policy}:
            get:
              operationId: getPolicy
              tags: [fleet]
              summary: One policy with its manifest
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/policy'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Policy'}
        \#(Self.itemErrors)
          /v1/policies/{policy}/versions:
            get:
              operationId: listPolicyVersions
              tags: [fleet]
              summary: Its versions, newest first
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/policy'}
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
                            items: {$ref: '#/components/schemas/Version'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.itemErrors)
          /v1/policies/{policy}/versions/{version}:
            get:
              operationId: getPolicyVersion
              tags: [fleet]
              summary: One version
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/policy'}
              - {$ref: '#/components/parameters/version'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Version'}
        \#(Self.itemErrors)
          /v1/budgets:
            get:
              operationId: listBudgets
              tags: [fleet]
              summary: Budgets with what is used of them
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
                            items: {$ref: '#/components/schemas/Budget'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)

        """#
}
