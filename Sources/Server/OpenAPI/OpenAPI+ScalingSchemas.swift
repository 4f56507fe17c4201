extension OpenAPIDocument {
    /// What was found out and concluded, of an evaluation as of a decision.
    private static let decisionProperties = #"""
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
        """#

    /// Schemas of evaluations, decisions and actions.
    static let scalingSchemas = #"""
            Evaluation:
              type: object
              required: [at, workload, policy, kind, acted, sentence, readings, proposals, steps, reasons, confidence, urgency, state, holds, next]
              properties:
        \#(Self.decisionProperties)
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
        \#(Self.decisionProperties)
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

        """#
}
