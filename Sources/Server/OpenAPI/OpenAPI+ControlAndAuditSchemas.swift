extension OpenAPIDocument {
    /// All of a token but the credential.
    private static let token = #"""
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
        """#

    /// Schemas of what people do, and of the log.
    static let controlAndAuditSchemas = #"""
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
        \#(Self.token)
                seq: {type: integer}
            NewToken:
        \#(Self.token)
                token: {type: string, description: The credential. Shown once.}
                seq: {type: integer}

        """#
}
