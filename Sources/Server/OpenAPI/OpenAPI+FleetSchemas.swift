extension OpenAPIDocument {
    /// Schemas of the fleet, of what people do, and of the log.
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
            Policy:
              type: object
              required: [name, version, sha256, mode, min, max, selector, workloads, by, at]
              properties:
                name: {type: string}
                version: {type: integer}
                sha256: {type: string}
                mode:
                  type: string
                  x-extensible-enum: [live, dryRun, recommend, 'off']
                min: {type: integer}
                max: {type: integer}
                selector: {$ref: '#/components/schemas/Selector'}
                workloads: {type: integer}
                by: {type: string}
                at: {$ref: '#/components/schemas/Time'}
                manifest: {type: object}
            Selector:
              type: object
              required: [services, regions]
              properties:
                services:
                  type: array
                  items: {type: string}
                regions:
                  type: array
                  items: {type: string}
            Change:
              type: object
              required: [op, path]
              properties:
                op:
                  type: string
                  x-extensible-enum: [add, remove, replace]
                path: {type: string}
                from: {}
                to: {}
            Version:
              type: object
              required: [kind, name, version, sha256, active, by, at, seq, manifest]
              properties:
                kind: {type: string}
                name: {type: string}
                policy: {type: string}
                version: {type: integer}
                sha256: {type: string}
                active: {type: boolean}
                by: {type: string}
                at: {$ref: '#/components/schemas/Time'}
                seq: {type: integer}
                diff:
                  type: array
                  items: {$ref: '#/components/schemas/Change'}
                manifest:
                  type: [object, 'null']
            Budget:
              type: object
              required: [name, version, sha256, selector, maxReplicas, maxCostPerHour, workloads, used]
              properties:
                name: {type: string}
                version: {type: integer}
                sha256: {type: string}
                selector: {$ref: '#/components/schemas/Selector'}
                maxReplicas:
                  type: [integer, 'null']
                maxCostPerHour:
                  type: [string, 'null']
                workloads: {type: integer}
                used:
                  type: object
                  properties:
                    replicas: {type: integer}
                    costPerHour: {type: string}
            Lint:
              type: object
              required: [ok, errors, warnings, notes]
              properties:
                ok: {type: boolean}
                errors:
                  type: array
                  items: {$ref: '#/components/schemas/Fault'}
                warnings:
                  type: array
                  items: {$ref: '#/components/schemas/Fault'}
                notes:
                  type: array
                  items: {$ref: '#/components/schemas/Fault'}
            ManifestDiff:
              type: object
              required: [equal, documents, warnings]
              properties:
                equal: {type: boolean}
                documents:
                  type: array
                  items:
                    type: object
                    required: [kind, name, file, version, changed, changes]
                    properties:
                      kind: {type: string}
                      name: {type: string}
                      file: {type: string}
                      version:
                        type: [integer, 'null']
                      changed: {type: boolean}
                      changes:
                        type: array
                        items: {$ref: '#/components/schemas/Change'}
                warnings:
                  type: array
                  items: {$ref: '#/components/schemas/Fault'}
            Applied:
              type: object
              required: [applied, warnings, notes]
              properties:
                applied:
                  type: array
                  items:
                    type: object
                    required: [kind, name, version, changed, changes]
                    properties:
                      kind: {type: string}
                      name: {type: string}
                      version: {type: integer}
                      changed: {type: boolean}
                      seq: {type: integer}
                      changes:
                        type: array
                        items: {$ref: '#/components/schemas/Change'}
                warnings:
                  type: array
                  items: {$ref: '#/components/schemas/Fault'}
                notes:
                  type: array
                  items: {$ref: '#/components/schemas/Fault'}
                seq: {type: integer}
            Evaluation:
              type: object
              required: [at, workload, policy, kind, acted, sentence, readings, proposals, steps, reasons, confidence, urgency, state, holds, next]
              properties:
                at: {$ref: '#/components/schemas/Time'}
                workload: {type: string}
                policy:
                  type: object
                  required: [name, version, sha256]
                  properties:
                    name: {type: string}
                    version: {type: integer}
                    sha256: {type: string}
                kind:
                  type: string
                  x-extensible-enum: [up, down, held]
                from: {type: integer}
                to: {type: integer}
                wanted: {type: integer}
                acted: {type: boolean}
                sentence: {type: string}
                readings:
                  type: array
                  items: {$ref: '#/components/schemas/Reading'}
                proposals:
                  type: array
                  items:
                    type: object
                    required: [rule, because]
                    properties:
                      rule: {type: string}
                      replicas: {type: integer}
                      because: {type: string}
                      abstains: {$ref: '#/components/schemas/Reason'}
                steps:
                  type: array
                  items:
                    type: object
                    required: [step, in, out]
                    properties:
                      step: {type: string}
                      in: {type: integer}
                      out: {type: integer}
                      text: {type: string}
                      reason: {$ref: '#/components/schemas/Reason'}
                reasons:
                  type: array
                  items: {$ref: '#/components/schemas/Reason'}
                confidence: {type: string}
                urgency:
                  type: string
                  x-extensible-enum: [critical, high, medium, low]
                id: {type: string}
                seq: {type: integer}
                epoch: {type: integer}
                node: {type: string}
                action:
                  type: [string, 'null']
                lastDecision: {type: string}
                state:
                  type: string
                  x-extensible-enum: [moving, overridden, held, atMax, atMin, unmet, steady, unobserved, notEvaluated, unmanaged]
                holds:
                  type: array
                  items: {$ref: '#/components/schemas/Hold'}
                next:
                  type: array
                  items: {$ref: '#/components/schemas/Upcoming'}
            Decision:
              type: object
              required: [id, seq, epoch, node, action, at, workload, policy, kind, acted, sentence, readings, proposals, steps, reasons, confidence, urgency]
              properties:
                id: {type: string}
                seq: {type: integer}
                epoch: {type: integer}
                node: {type: string}
                action:
                  type: [string, 'null']
                at: {$ref: '#/components/schemas/Time'}
                workload: {type: string}
                policy:
                  type: object
                  required: [name, version, sha256]
                  properties:
                    name: {type: string}
                    version: {type: integer}
                    sha256: {type: string}
                kind:
                  type: string
                  x-extensible-enum: [up, down, held]
                from: {type: integer}
                to: {type: integer}
                wanted: {type: integer}
                acted: {type: boolean}
                sentence: {type: string}
                readings:
                  type: array
                  items: {$ref: '#/components/schemas/Reading'}
                proposals:
                  type: array
                  items:
                    type: object
                    required: [rule, because]
                    properties:
                      rule: {type: string}
                      replicas: {type: integer}
                      because: {type: string}
                      abstains: {$ref: '#/components/schemas/Reason'}
                steps:
                  type: array
                  items:
                    type: object
                    required: [step, in, out]
                    properties:
                      step: {type: string}
                      in: {type: integer}
                      out: {type: integer}
                      text: {type: string}
                      reason: {$ref: '#/components/schemas/Reason'}
                reasons:
                  type: array
                  items: {$ref: '#/components/schemas/Reason'}
                confidence: {type: string}
                urgency:
                  type: string
                  x-extensible-enum: [critical, high, medium, low]
            Action:
              type: object
              required: [id, decision, workload, epoch, kind, from, to, state, states, needReady, outcome, attempt, precondition, until, at]
              properties:
                id: {type: string}
                decision: {type: string}
                workload: {type: string}
                epoch: {type: integer}
                kind:
                  type: string
                  description: A restart leaves the number of replicas as it is.
                  x-extensible-enum: [scale, restart]
                from: {type: integer}
                to: {type: integer}
                state:
                  type: string
                  x-extensible-enum: [committed, sent, accepted, verifying, done, failed, unknown, superseded]
                states:
                  type: array
                  items:
                    type: object
                    required: [state, at]
                    properties:
                      state: {type: string}
                      at: {$ref: '#/components/schemas/Time'}
                      text: {type: string}
                      evidence: {type: string}
                ready: {type: integer}
                needReady: {type: string}
                outcome:
                  oneOf:
                  - type: object
                    required: [state]
                    properties:
                      state: {type: string}
                      at: {$ref: '#/components/schemas/Time'}
                      text: {type: string}
                      evidence: {type: string}
                  - {type: 'null'}
                attempt: {type: integer}
                precondition:
                  type: object
                  required: [replicas]
                  properties:
                    version: {type: string}
                    replicas: {type: integer}
                until: {$ref: '#/components/schemas/Time'}
                at: {$ref: '#/components/schemas/Time'}
            Switch:
              type: object
              required: [enabled, by, reason]
              properties:
                enabled: {type: boolean}
                by:
                  type: [string, 'null']
                reason: {type: string}
                at: {$ref: '#/components/schemas/Time'}
                seq: {type: integer}
            Pause:
              type: object
              required: [id, scope, direction, owner, reason, since, until]
              properties:
                id: {type: integer}
                scope: {type: string}
                direction:
                  type: string
                  x-extensible-enum: [up, down, both]
                owner: {type: string}
                reason: {type: string}
                since: {$ref: '#/components/schemas/Time'}
                until: {$ref: '#/components/schemas/Time'}
                rolledBack: {type: string, description: 'The action that was taken back, where the policy holds itself.'}
                seq: {type: integer}
            Override:
              type: object
              required: [workload, replicas, owner, reason, since, until]
              properties:
                workload: {type: string}
                replicas: {type: integer}
                owner: {type: string}
                reason: {type: string}
                since: {$ref: '#/components/schemas/Time'}
                until: {$ref: '#/components/schemas/Time'}
                seq: {type: integer}
            Observed:
              type: object
              required: [workload, replicas, at]
              properties:
                workload: {type: string}
                replicas: {type: integer}
                at: {$ref: '#/components/schemas/Time'}
                seq: {type: integer}
            Event:
              type: object
              required: [seq, id, type, severity, at, integratedAt, epoch, actor, actorId, subject, subjectId, decisionId, leafHash, leaf]
              properties:
                seq: {type: integer}
                id: {type: string}
                type: {type: string}
                severity: {type: string}
                at: {$ref: '#/components/schemas/Time'}
                integratedAt: {type: string, format: date-time, description: 'With microseconds, as the leaf has it.'}
                epoch: {type: integer}
                actor: {type: object}
                actorId: {type: string}
                subject: {type: object}
                subjectId: {type: string}
                decisionId:
                  type: [string, 'null']
                outcome: {type: string}
                leafHash: {type: string}
                leaf: {type: string, description: The exact canonical text that was hashed.}
                event: {type: object, description: 'The same, parsed.'}
            Checkpoint:
              type: object
              required: [origin, size, root, frontier, epoch, signed]
              properties:
                origin: {type: string}
                size: {type: integer}
                root:
                  type: [string, 'null']
                frontier: {type: string, description: 'The tree’s right edge, hexadecimal: a verifier compares it, and can go on from it.'}
                epoch: {type: integer}
                integratedAt: {type: string, format: date-time, description: With microseconds.}
                signed: {type: boolean}
            Denial:
              type: object
              required: [id, reason, by, at]
              properties:
                id: {type: integer}
                serial: {type: string, description: 'One certificate’s: lower-case hex without colons and leading zeros.'}
                node: {type: string, description: Every certificate that carries this node’s name.}
                reason: {type: string}
                by: {type: string}
                at: {$ref: '#/components/schemas/Time'}
                seq: {type: integer}
            Approval:
              type: object
              required: [id, state, workload, policy, from, to, by, at, mayApprove, said]
              properties:
                id: {type: string, description: The decision that waits.}
                state:
                  type: string
                  x-extensible-enum: [waiting, approved, rejected]
                workload: {type: string}
                policy:
                  type: object
                  required: [name, version]
                  properties:
                    name: {type: string}
                    version: {type: integer, description: Another version asks again.}
                from: {type: integer}
                to: {type: integer}
                sentence: {type: string}
                by: {type: string, description: 'Who asks for the change: its policy, or the person whose override it is.'}
                at: {$ref: '#/components/schemas/Time'}
                mayApprove:
                  type: array
                  items: {$ref: '#/components/schemas/Role'}
                said:
                  description: What the second person said; until then null.
                  oneOf:
                  - type: object
                    required: [by, at, until]
                    properties:
                      by: {type: string}
                      at: {$ref: '#/components/schemas/Time'}
                      reason: {type: string}
                      until: {$ref: '#/components/schemas/Time'}
                  - {type: 'null'}
                seq: {type: integer}
            Token:
              type: object
              required: [id, name, role, createdBy, createdAt, expiresAt, revokedAt]
              properties:
                id: {type: string}
                name: {type: string}
                role: {$ref: '#/components/schemas/Role'}
                createdBy: {type: string}
                createdAt: {$ref: '#/components/schemas/Time'}
                expiresAt: {$ref: '#/components/schemas/Time'}
                revokedAt:
                  oneOf:
                  - {$ref: '#/components/schemas/Time'}
                  - {type: 'null'}
                seq: {type: integer}
            NewToken:
              type: object
              required: [id, name, role, createdBy, createdAt, expiresAt, revokedAt]
              properties:
                id: {type: string}
                name: {type: string}
                role: {$ref: '#/components/schemas/Role'}
                createdBy: {type: string}
                createdAt: {$ref: '#/components/schemas/Time'}
                expiresAt: {$ref: '#/components/schemas/Time'}
                revokedAt:
                  oneOf:
                  - {$ref: '#/components/schemas/Time'}
                  - {type: 'null'}
                token: {type: string, description: The credential. Shown once.}
                seq: {type: integer}

        """#
}
