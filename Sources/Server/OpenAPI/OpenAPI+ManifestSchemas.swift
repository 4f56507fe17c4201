extension OpenAPIDocument {
    /// Schemas of manifests, and of what comes of checking and applying them.
    static let manifestSchemas = #"""
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

        """#
}
