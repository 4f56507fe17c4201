extension OpenAPIDocument {
    /// Paths: the deny-list of certificates between nodes.
    static let denials = #"""
          /v1/denials:
            get:
              operationId: listDenials
              tags: [access]
              summary: Certificates that no node accepts from another
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
                            items: {$ref: '#/components/schemas/Denial'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
        \#(Self.listErrors)
            post:
              operationId: denyCertificate
              tags: [access]
              summary: Let no node accept a certificate, or any of a node
              description: Every node reads the list each second, refuses such certificates, and cuts links that were made with them.
              x-muster-roles: [admin]
              x-muster-audit: certificate.denied
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
                        serial: {type: string, minLength: 1, maxLength: 255, description: 'The serial number of one certificate in hex, with or without colons; this or `node`.'}
                        node: {type: string, minLength: 1, maxLength: 255, description: 'A node’s name, for every certificate that carries it; this or `serial`.'}
                        reason: {type: string, minLength: 3, maxLength: 500, description: Why. It stands in the audit log.}
                      additionalProperties: false
                    example: {serial: 6b8b4567327b23c6, reason: the key of b was copied}
              responses:
                '201':
                  description: It is in force.
                  headers:
        \#(Self.answerHeaders)
                    Location: {$ref: '#/components/headers/Location'}
                    Idempotency-Replayed: {$ref: '#/components/headers/Idempotency-Replayed'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Denial'}
                      example: {id: 3, serial: 6b8b4567327b23c6, reason: the key of b was copied, by: admin-1, at: '2026-05-28T03:12:04.120Z'}
                  links:
                    denial:
                      operationId: getDenial
                      parameters: {id: $response.body#/id}
        \#(Self.changeErrors)
          /v1/denials/{id}:
            get:
              operationId: getDenial
              tags: [access]
              summary: One entry of the deny-list
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
                      schema: {$ref: '#/components/schemas/Denial'}
                      example: {id: 3, serial: 6b8b4567327b23c6, reason: the key of b was copied, by: admin-1, at: '2026-05-28T03:12:04.120Z'}
        \#(Self.itemErrors)
            delete:
              operationId: allowCertificate
              tags: [access]
              summary: Take an entry off the deny-list
              x-muster-roles: [admin]
              x-muster-audit: certificate.allowed
              parameters:
              - {$ref: '#/components/parameters/id'}
              responses:
                '200':
                  description: As asked.
                  headers:
        \#(Self.answerHeaders)
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Denial'}
        \#(Self.removalErrors)

        """#
}
