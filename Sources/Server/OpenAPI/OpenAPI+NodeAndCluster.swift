extension OpenAPIDocument {
    /// Paths: node, cluster.
    static let nodeAndClusterPaths = #"""
          /healthz:
            get:
              operationId: getHealth
              tags: [node]
              summary: Whether the process answers
              security: []
              responses:
                '200':
                  description: It does. The body is empty.
                  headers:
        \#(Self.answerHeaders)
                '400': {$ref: '#/components/responses/BadRequest'}
          /readyz:
            get:
              operationId: getReadiness
              tags: [node]
              summary: Whether traffic should come to this node
              security: []
              responses:
                '200':
                  description: It should. The body is empty.
                  headers:
        \#(Self.answerHeaders)
                '400': {$ref: '#/components/responses/BadRequest'}
                '503':
                  description: 'No traffic should come here: the database is out of reach, or the node refuses to take part.'
                  headers:
                    Muster-Node: {$ref: '#/components/headers/Muster-Node'}
                    Muster-Version: {$ref: '#/components/headers/Muster-Version'}
                    Request-Id: {$ref: '#/components/headers/Request-Id'}
          /metrics:
            get:
              operationId: getMetrics
              tags: [node]
              summary: Metrics in the Prometheus text format
              description: Needs a token unless the node is configured to make metrics public.
              x-muster-roles: [admin, auditor, operator, viewer]
              responses:
                '200':
                  description: The node’s metrics and those of its requests.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    text/plain:
                      schema: {type: string}
        \#(Self.listErrors)
          /openapi.yaml:
            get:
              operationId: getOpenAPI
              tags: [node]
              summary: This document
              security: []
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/yaml:
                      schema: {}
                '400': {$ref: '#/components/responses/BadRequest'}
          /problems/{code}:
            get:
              operationId: getProblem
              tags: [node]
              summary: What a problem code means
              security: []
              parameters:
              - {$ref: '#/components/parameters/code'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    text/plain:
                      schema: {type: string}
                '400': {$ref: '#/components/responses/BadRequest'}
                '404': {$ref: '#/components/responses/NotFound'}
          /v1/status:
            get:
              operationId: getStatus
              tags: [cluster]
              summary: The whole first screen in one answer
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
                      schema: {$ref: '#/components/schemas/Status'}
                      example:
                        asOf: '2026-05-28T03:12:04.120Z'
                        cluster: prod
                        enabled: true
                        switch: {enabled: true, by: operator-1, reason: go, at: '2026-05-28T03:12:04.120Z'}
                        answeredBy: b
                        minVersion: 1.4.0
                        leader: {node: a, epoch: 41, since: '2026-05-28T03:12:04.120Z', previous: c}
                        nodes: {alive: 3, total: 3, degraded: 0}
                        round: {at: '2026-05-28T03:12:04.120Z', ms: 38, every: 2s, evaluated: 412, changed: 2}
                        readings: {total: 1096, stale: 2, doubted: 0, missing: 1}
                        replicas: {running: 1344, wanted: 1361, ceiling: 1500}
                        cost: {perHour: '92.4'}
                        workloads:
                          total: 412
                          states: {steady: 410, moving: 1, atMax: 1}
                        audit: {state: verified, size: 1482113, verifiedTo: 1482112}
                        approvals: 0
                        attention:
                        - id: at-max:search/us-east
                          severity: critical
                          title: search/us-east is at its maximum of 40 and wants 52
                          subject: {kind: workload, id: search/us-east}
                          do:
                          - {label: Raise the maximum, route: /policies/search}
                        moving:
                        - {workload: transcode/eu-west, kind: scale, from: 4, to: 6, ready: 4, state: verifying, action: a-5521, decision: d-88238, sentence: queue 180 / 25 per
                            replica wants 8; at most 6, since: '2026-05-28T03:12:04.120Z', until: '2026-05-28T03:12:04.120Z'}
                        held: []
                        next: []
                        regions: []
        \#(Self.listErrors)
          /v1/nodes:
            get:
              operationId: listNodes
              tags: [cluster]
              summary: The cluster’s nodes
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
                            items: {$ref: '#/components/schemas/Node'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
          /v1/nodes/{node}:
            get:
              operationId: getNode
              tags: [cluster]
              summary: One node
              description: 'Asked of the node itself, it adds what only that node knows: lease, beat and round.'
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/node'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Node'}
                      example: {name: b, region: eu-west, address: 'https://b.internal:7443', role: follower, state: alive, version: 1.4.0, schema: 4, bootId: 0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e6f,
                        startedAt: '2026-05-28T03:12:04.120Z', seenAt: '2026-05-28T03:12:04.120Z', supervised: true, silentMs: 412, leftAt: null}
        \#(Self.itemErrors)
          /v1/leader/resign:
            post:
              operationId: resignLeader
              tags: [cluster]
              summary: Hand leadership over to another node
              description: 'On the leader it happens at once (`resigning`); on another node it is committed as a request that the leader carries out (`requested`).
                Location is where the new leader will be seen. Nobody leads: 503 `no-leader`. With `to` the other nodes are asked, over the peers’ connections, to let that one
                lead next: it has to be alive and not the leader (409 `conflict`). They hold off for a second; if it has not taken over by then, anyone may.'
              x-muster-roles: [admin, operator]
              x-muster-audit: leader.resigned
              parameters:
              - {$ref: '#/components/parameters/IdempotencyKey'}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [reason]
                      properties:
                        reason: {type: string, minLength: 3, maxLength: 500, description: Why. It stands in the audit log.}
                        to: {type: string, minLength: 1, maxLength: 255, description: The node that shall lead next.}
                      additionalProperties: false
                    example: {reason: kernel update of a, to: b}
              responses:
                '202':
                  description: It will hand over.
                  headers:
        \#(Self.answerHeaders)
                    Location: {$ref: '#/components/headers/Location'}
                    Idempotency-Replayed: {$ref: '#/components/headers/Idempotency-Replayed'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Resignation'}
                      example: {leader: a, epoch: 41, state: requested, request: 7, to: b, seq: 1482113}
        \#(Self.requestErrors)

        """#
}
