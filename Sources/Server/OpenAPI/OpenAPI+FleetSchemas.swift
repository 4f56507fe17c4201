extension OpenAPIDocument {
    /// Schemas of what is scaled.
    static let fleetSchemas = #"""
            Region:
              type: object
              required: [name, version, sha256, maxReplicas, costPerReplicaHour, state, since, workloads, moving, held, atMax, replicas]
              properties:
                name: {type: string}
                version: {type: integer}
                sha256: {type: string}
                maxReplicas:
                  type: [integer, 'null']
                costPerReplicaHour:
                  type: [string, 'null']
                state:
                  type: string
                  enum: [up, failing, down, returning]
                  description: Whether it can be seen. `returning` while what other regions have for it fades.
                since:
                  type: [string, 'null']
                  format: date-time
                  description: Since when it has been in this state; null when it is up.
                workloads: {type: integer}
                moving: {type: integer}
                held: {type: integer}
                atMax: {type: integer}
                replicas: {$ref: '#/components/schemas/Replicas'}
                cost: {$ref: '#/components/schemas/Cost'}
            Service:
              type: object
              required: [name, version, sha256, priority, startup, workloads, replicas]
              properties:
                name: {type: string}
                version: {type: integer}
                sha256: {type: string}
                owner: {type: string}
                priority: {type: integer}
                startup: {type: string}
                workloads:
                  type: array
                  items: {type: string}
                replicas: {$ref: '#/components/schemas/Replicas'}
            Workload:
              type: object
              required: [id, service, region, driver, policy, priority, replicas, state, holds, action, next]
              properties:
                id: {type: string}
                service: {type: string}
                region: {type: string}
                owner: {type: string}
                driver:
                  type: object
                  required: [kind, target, restart]
                  properties:
                    kind: {type: string}
                    target: {type: string}
                    restart:
                      type: boolean
                      description: Whether a guard can have it restarted.
                policy:
                  oneOf:
                  - type: object
                    required: [name, version, mode]
                    properties:
                      name: {type: string}
                      version: {type: integer}
                      mode:
                        type: string
                        x-extensible-enum: [live, dryRun, recommend, 'off']
                  - {type: 'null'}
                priority: {type: integer}
                min: {type: integer}
                max: {type: integer}
                replicas:
                  type: object
                  properties:
                    running: {type: integer}
                    ready: {type: integer}
                    asked: {type: integer}
                    wanted: {type: integer}
                state:
                  type: string
                  x-extensible-enum: [moving, overridden, held, atMax, atMin, unmet, steady, unobserved, notEvaluated, unmanaged]
                holds:
                  type: array
                  items: {$ref: '#/components/schemas/Hold'}
                action:
                  type: [string, 'null']
                lastDecision:
                  type: [string, 'null']
                sentence: {type: string}
                next:
                  type: array
                  items: {$ref: '#/components/schemas/Upcoming'}
                observedAt: {$ref: '#/components/schemas/Time'}
                evaluatedAt: {$ref: '#/components/schemas/Time'}

        """#
}
