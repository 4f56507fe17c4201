extension OpenAPIDocument {
    /// Schemas of status, nodes and whatever stands in many answers.
    static let clusterSchemas = #"""
          schemas:
            Time: {type: string, format: date-time, description: RFC 3339 in UTC.}
            Next:
              type: [string, 'null']
              description: 'The cursor of the next page; null: this was the last.'
            Problem:
              type: object
              required: [type, code, status, title, detail, next, requestId]
              properties:
                type: {type: string}
                code: {type: string}
                status: {type: integer}
                title: {type: string}
                detail: {type: string}
                next: {type: string, description: What to do now.}
                requestId: {type: string}
                errors:
                  type: array
                  items: {$ref: '#/components/schemas/Fault'}
                needs:
                  type: array
                  items: {type: string}
                has: {type: string}
                parameter: {type: string}
                near: {type: string}
                current: {$ref: '#/components/schemas/Version'}
                limit: {type: object}
                seq: {type: integer}
              description: RFC 9457.
            Fault:
              type: object
              required: [pointer, code, message]
              properties:
                file: {type: string}
                line: {type: integer}
                column: {type: integer}
                pointer: {type: string, description: RFC 6901}
                document: {type: string}
                code: {type: string}
                severity: {type: string}
                message: {type: string}
                near: {type: string}
            Me:
              type: object
              required: [id, name, role, expiresAt, can]
              properties:
                id: {type: string}
                name: {type: string}
                role: {$ref: '#/components/schemas/Role'}
                expiresAt: {$ref: '#/components/schemas/Time'}
                can:
                  type: array
                  items: {type: string}
            Role:
              type: string
              x-extensible-enum: [viewer, operator, admin, auditor]
            Reason:
              type: object
              required: [code]
              properties:
                code: {type: string}
                until: {$ref: '#/components/schemas/Time'}
                by: {type: string}
            Hold:
              type: object
              required: [code]
              properties:
                code: {type: string}
                by: {type: string}
                why: {type: string}
                until: {$ref: '#/components/schemas/Time'}
                direction: {type: string}
                scope: {type: string}
                pause: {type: integer}
                rolledBack: {type: string}
                replicas: {type: integer}
            Upcoming:
              type: object
              required: [at, kind, text]
              properties:
                at: {$ref: '#/components/schemas/Time'}
                kind:
                  type: string
                  x-extensible-enum:
                    [verify, cooldown-ends, window-ends, rate-limit-ends, freeze-ends, schedule-ends, floor-ends, rollback-hold-ends, sustained, pause-ends,
                    override-ends, evaluation]
                text: {type: string}
                workload: {type: string}
            Replicas:
              type: object
              properties:
                running: {type: integer}
                wanted: {type: integer}
                ceiling: {type: integer}
            Cost:
              type: object
              required: [perHour]
              properties:
                perHour: {type: string}
            Reading:
              type: object
              required: [metric, quality, maxAge, source]
              properties:
                metric: {type: string}
                value: {type: string}
                unit: {type: string}
                quality:
                  type: string
                  x-extensible-enum: [fresh, stale, doubted, missing]
                ageMs: {type: integer}
                maxAge: {type: string}
                window: {type: string}
                source: {type: string}
                missing: {type: string}
                evidence: {type: string}
                target: {type: string}
                ratio: {type: string}
            Status:
              type: object
              required: [asOf, cluster, enabled, answeredBy, leader, nodes, round, readings, replicas, audit, approvals, attention, moving, held, next, regions]
              properties:
                asOf: {$ref: '#/components/schemas/Time'}
                cluster: {type: string}
                enabled: {type: boolean}
                switch: {$ref: '#/components/schemas/Switch'}
                answeredBy: {type: string}
                minVersion: {type: string}
                leader:
                  type: object
                  required: [node, epoch, previous]
                  properties:
                    node:
                      type: [string, 'null']
                    epoch: {type: integer}
                    since: {$ref: '#/components/schemas/Time'}
                    previous:
                      type: [string, 'null']
                nodes:
                  type: object
                  required: [alive, total, degraded]
                  properties:
                    alive: {type: integer}
                    total: {type: integer}
                    degraded: {type: integer}
                round:
                  oneOf:
                  - {$ref: '#/components/schemas/Round'}
                  - {type: 'null'}
                readings:
                  type: object
                  required: [total, stale, doubted, missing]
                  properties:
                    total: {type: integer}
                    stale: {type: integer}
                    doubted: {type: integer}
                    missing: {type: integer}
                replicas: {$ref: '#/components/schemas/Replicas'}
                cost: {$ref: '#/components/schemas/Cost'}
                workloads:
                  type: object
                  required: [total, states]
                  properties:
                    total: {type: integer}
                    states:
                      type: object
                      additionalProperties: {type: integer}
                audit:
                  type: object
                  required: [state, size]
                  properties:
                    state:
                      type: string
                      x-extensible-enum: [verified, verifying, diverged, unknown]
                    size: {type: integer}
                    verifiedTo: {type: integer}
                approvals: {type: integer, description: Changes that wait for a second person.}
                attention:
                  type: array
                  items: {$ref: '#/components/schemas/Attention'}
                moving:
                  type: array
                  items: {$ref: '#/components/schemas/Moving'}
                held:
                  type: array
                  items: {$ref: '#/components/schemas/Held'}
                next:
                  type: array
                  items: {$ref: '#/components/schemas/Upcoming'}
                regions:
                  type: array
                  items: {$ref: '#/components/schemas/Region'}
            Round:
              type: object
              required: [at]
              properties:
                at: {$ref: '#/components/schemas/Time'}
                ms: {type: integer}
                every: {type: string}
                evaluated: {type: integer}
                changed: {type: integer}
            Attention:
              type: object
              required: [id, severity, title, subject, do]
              properties:
                id: {type: string}
                severity:
                  type: string
                  x-extensible-enum: [critical, warning, notice]
                title: {type: string}
                detail: {type: string}
                since: {$ref: '#/components/schemas/Time'}
                subject:
                  type: object
                  required: [kind, id]
                  properties:
                    kind: {type: string}
                    id: {type: string}
                do:
                  type: array
                  items:
                    type: object
                    required: [label, route]
                    properties:
                      label: {type: string}
                      route: {type: string}
                      command: {type: string}
            Moving:
              type: object
              required: [workload, kind, from, to, state, action, decision, since, until]
              properties:
                workload: {type: string}
                kind:
                  type: string
                  x-extensible-enum: [scale, restart]
                from: {type: integer}
                to: {type: integer}
                ready: {type: integer}
                state: {type: string}
                action: {type: string}
                decision: {type: string}
                sentence: {type: string}
                since: {$ref: '#/components/schemas/Time'}
                until: {$ref: '#/components/schemas/Time'}
            Held:
              type: object
              required: [workload, state, holds]
              properties:
                workload: {type: string}
                state: {type: string}
                running: {type: integer}
                wanted: {type: integer}
                holds:
                  type: array
                  items: {$ref: '#/components/schemas/Hold'}
                sentence: {type: string}
            Node:
              type: object
              required: [name, region, address, role, state, version, schema, bootId, startedAt, seenAt, supervised, silentMs, leftAt]
              properties:
                name: {type: string}
                region: {type: string}
                address: {type: string}
                role:
                  type: string
                  x-extensible-enum: [leader, follower, campaigning, suspended, refused]
                state:
                  type: string
                  x-extensible-enum: [alive, suspect, failed, left]
                version: {type: string}
                schema: {type: integer}
                bootId: {type: string}
                startedAt: {$ref: '#/components/schemas/Time'}
                seenAt: {$ref: '#/components/schemas/Time'}
                supervised:
                  description: Whether the node has a supervisor of its own.
                  type: boolean
                silentMs: {type: integer}
                leftAt:
                  oneOf:
                  - {$ref: '#/components/schemas/Time'}
                  - {type: 'null'}
                refused: {type: string}
                leaseMs: {type: integer}
                beatAgeMs: {type: integer}
                roundAgeMs: {type: integer}
                degraded:
                  type: array
                  items: {type: string}
                postgres: {type: object}
                clock: {type: object}
                certificate: {type: object}
                audit: {type: object}
                peer:
                  description: What the node that answers knows of this one by its own probes. Nothing about itself.
                  type: object
                  required: [state, forMs, why, path, suspectedBy, seenAliveBy, linked, probes]
                  properties:
                    state:
                      type: string
                      x-extensible-enum: [unknown, alive, degraded, suspect, failed, left]
                    forMs: {type: integer}
                    why: {type: string}
                    path:
                      type: string
                      x-extensible-enum: [none, direct, inboundOnly, viaOthers]
                    roundTripUs: {type: integer}
                    heardMs: {type: integer}
                    suspectedBy:
                      type: array
                      items: {type: string}
                    seenAliveBy:
                      type: array
                      items: {type: string}
                    linked: {type: boolean}
                    probes: {type: object}
                    clock: {type: object}
                    postgres: {type: object}
                    epochSeen: {type: integer}
                    leaderSeen: {type: string}
                    localHealth: {type: integer}
                    loopLagMs: {type: integer}
                    certificateEnds: {$ref: '#/components/schemas/Time'}
            Resignation:
              type: object
              required: [leader, epoch, state]
              properties:
                leader: {type: string}
                epoch: {type: integer}
                state:
                  type: string
                  x-extensible-enum: [resigning, requested]
                request: {type: integer}
                to: {type: string, description: The node that shall lead next.}
                seq: {type: integer}

        """#
}
